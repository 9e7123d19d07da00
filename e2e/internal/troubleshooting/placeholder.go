package troubleshooting

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// The forms of words that stand for a value of one's own. Those that are looked
// for anywhere in a value are bounded by what is no letter, since an address has
// them in its middle.
var (
	placeholderPart = lazyregexp.New(`<[A-Za-z][^<>"{}]{0,60}>` + // <client_id>
		`|\{\{[^{}]*\}\}|\{[A-Za-z][A-Za-z0-9_ .-]*\}` + // {{ client_id }}, {slug}
		`|%%?[A-Z][A-Z_]{3,}%%?|__[A-Z][A-Z_]+__|@@?[A-Z][A-Z_]{2,}@@?` + // %CLIENT_ID%, __CLIENT_ID__, @CLIENT_ID@
		`|\.{3,}|…`)
	placeholderWord = lazyregexp.New(`(?i)(?:^|[^a-z0-9])(` +
		`your(?:[-_. ][a-z0-9]+)+|your(?:own|actual|client|secret|slug|domain|host|server|name|app|url|id|company|org|tenant|realm|site|authentik|idp|sso|oidc|oauth|paperless|provider|user|pass|key|token)[a-z0-9]*(?:[-_. ][a-z0-9]+)*` +
		`|my[-_]?domain|(?:[a-z0-9-]+\.)*[a-z0-9-]+\.tld` +
		`|(?:replace|insert|enter|paste|put|fill|change|add)[-_ ]?(?:me|this|with|in|it|your|by|here)(?:[-_ .]?[a-z0-9]+)*` +
		`|(?:[a-z0-9]+[-_ ])+here|(?:id|secret)[-_ ](?:from|copied|of)[-_ ][a-z]+` +
		`|x{3,}(?:[-_.]x+)*)(?:$|[^a-z0-9])`)
	placeholderCaps  = lazyregexp.New(`(?:^|[^A-Za-z0-9])((?:[A-Z][A-Z0-9]*[-_])*(?:SLUG|DOMAIN|HOST|HOSTNAME|FQDN|CLIENT[-_]?ID|CLIENT[-_]?SECRET|TENANT(?:[-_]?ID)?|REALM))(?:$|[^A-Za-z0-9])`)
	placeholderWhole = lazyregexp.New(`(?i)^(?:(?:oidc[-_]|oauth2?[-_])?client[-_ ]?(?:id|secret)|todo|tbd|fixme|n/?a|placeholder|redacted|\[redacted\]|censored|removed|\*{3,}|\[[a-z][a-z0-9_ -]*\])$`)
)

// placeholderAt is where a value holds a word that stands for one's own value:
// offsets of its first and behind its last byte; from < 0 when there is none.
func placeholderAt(v string) (from, to int) {
	if placeholderWhole.MatchString(strings.TrimSpace(v)) {
		return 0, len(v)
	}
	from, to = -1, -1
	take := func(a, b int) {
		if from < 0 || a < from {
			from, to = a, b
		}
	}
	if m := placeholderPart.FindStringIndex(v); m != nil {
		take(m[0], m[1])
	}
	for _, re := range []*lazyregexp.Regexp{placeholderWord, placeholderCaps} {
		if m := re.FindStringSubmatchIndex(v); m != nil {
			take(m[2], m[3])
		}
	}
	return from, to
}

// isPlaceholder reports whether a value, or a part of it, still waits for one's own.
func isPlaceholder(v string) bool {
	from, _ := placeholderAt(v)
	return from >= 0
}

// checkPlaceholder looks at each text of the provider JSON, and at the other
// settings that take part in signing in.
func checkPlaceholder(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		if !strings.HasPrefix(e.Name, "PAPERLESS_") || !e.Set || e.Name == deployment.ProvidersKey && s.Doc != nil || e.Name == "PAPERLESS_APPS" {
			continue
		}
		if !source.LoginVariable(e.Name) && e.Name != "PAPERLESS_SECRET_KEY" {
			continue
		}
		v := e.Value
		from, to := placeholderAt(v)
		if e.Name == deployment.ProvidersKey { // no JSON: braces and dots are its own
			from, to = -1, -1
			if m := placeholderWord.FindStringSubmatchIndex(v); m != nil {
				from, to = m[2], m[3]
			} else if m := anglePlaceholder.FindStringIndex(v); m != nil {
				from, to = m[0], m[1]
			}
		}
		if from < 0 || e.Name == "PAPERLESS_SECRET_KEY" && (v == "change-me" || !decidedPlaceholder(v)) {
			continue // CFG-SECRETKEY, UPG-V3
		}
		p := source.Problem{
			File: e.File, At: e.Offset(from), Width: to - from, Setting: e.Name,
			Message: e.Name + " still has a placeholder: " + v[from:to], Fix: "put your own value in its place",
		}
		if e.Name == "PAPERLESS_SECRET_KEY" {
			p.Message, p.Fix = "PAPERLESS_SECRET_KEY still has a placeholder: everybody knows this key", e.Written(e.Name, "<output of openssl rand -base64 48>")
		}
		if e.Name != deployment.ProvidersKey && e.Name != "PAPERLESS_URL" {
			p.Level = source.Warning
		}
		out = append(out, p)
	}
	if s.Doc != nil {
		out = append(out, placeholdersIn(s, s.Doc, "")...)
	}
	return out
}

var anglePlaceholder = lazyregexp.New(`<[A-Za-z][^<>"{}]{0,60}>`)

// decidedPlaceholder leaves keys alone that only chance gave such letters.
func decidedPlaceholder(v string) bool {
	from, to := placeholderAt(v)
	return from == 0 && to == len(v)
}

// placeholders are those in the texts of a piece of the provider JSON. A name is
// shown to users and may say what it likes.
func placeholdersIn(s *source.Set, n *source.Node, key string) []source.Problem {
	var out []source.Problem
	for i := range n.Members {
		m := &n.Members[i]
		if m.Value != nil {
			out = append(out, placeholdersIn(s, m.Value, m.Key)...)
		}
	}
	for _, item := range n.Items {
		out = append(out, placeholdersIn(s, item, key)...)
	}
	if !n.Is('s') || key == "name" && !anglePlaceholder.MatchString(n.Str) {
		return out
	}
	from, to := placeholderAt(n.Str)
	if from < 0 {
		return out
	}
	at, end := n.At, n.End
	if n.End-n.At == len(n.Str)+2 { // no escapes
		at, end = n.At+1+from, n.At+1+to
	}
	where := "put your own value in its place"
	switch key {
	case "client_id", "secret", "server_url":
		where = "put your own value in its place, as the provider's page shows it"
	}
	return append(out, s.AtNode(at, end, key+" still has a placeholder: "+n.Str[from:to], where))
}
