package config

import (
	"regexp"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// The forms of words that stand for a value of one's own. Those that are looked
// for anywhere in a value are bounded by what is no letter, since an address has
// them in its middle.
var (
	placeholderPart = regexp.MustCompile(`<[A-Za-z][^<>"{}]{0,60}>` + // <client_id>
		`|\{\{[^{}]*\}\}|\{[A-Za-z][A-Za-z0-9_ .-]*\}` + // {{ client_id }}, {slug}
		`|%%?[A-Z][A-Z_]{3,}%%?|__[A-Z][A-Z_]+__|@@?[A-Z][A-Z_]{2,}@@?` + // %CLIENT_ID%, __CLIENT_ID__, @CLIENT_ID@
		`|\.{3,}|…`)
	placeholderWord = regexp.MustCompile(`(?i)(?:^|[^a-z0-9])(` +
		`your(?:[-_. ][a-z0-9]+)+|your(?:own|actual|client|secret|slug|domain|host|server|name|app|url|id|company|org|tenant|realm|site|authentik|idp|sso|oidc|oauth|paperless|provider|user|pass|key|token)[a-z0-9]*(?:[-_. ][a-z0-9]+)*` +
		`|my[-_]?domain|(?:[a-z0-9-]+\.)*[a-z0-9-]+\.tld` +
		`|(?:replace|insert|enter|paste|put|fill|change|add)[-_ ]?(?:me|this|with|in|it|your|by|here)(?:[-_ .]?[a-z0-9]+)*` +
		`|(?:[a-z0-9]+[-_ ])+here|(?:id|secret)[-_ ](?:from|copied|of)[-_ ][a-z]+` +
		`|x{3,}(?:[-_.]x+)*)(?:$|[^a-z0-9])`)
	placeholderCaps  = regexp.MustCompile(`(?:^|[^A-Za-z0-9])((?:[A-Z][A-Z0-9]*[-_])*(?:SLUG|DOMAIN|HOST|HOSTNAME|FQDN|CLIENT[-_]?ID|CLIENT[-_]?SECRET|TENANT(?:[-_]?ID)?|REALM))(?:$|[^A-Za-z0-9])`)
	placeholderWhole = regexp.MustCompile(`(?i)^(?:(?:oidc[-_]|oauth2?[-_])?client[-_ ]?(?:id|secret)|todo|tbd|fixme|n/?a|placeholder|redacted|\[redacted\]|censored|removed|\*{3,}|\[[a-z][a-z0-9_ -]*\])$`)
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
	for _, re := range []*regexp.Regexp{placeholderWord, placeholderCaps} {
		if m := re.FindStringSubmatchIndex(v); m != nil {
			take(m[2], m[3])
		}
	}
	return from, to
}

// isPlaceholder tells whether a value, or a part of it, still waits for one's own.
func isPlaceholder(v string) bool {
	from, _ := placeholderAt(v)
	return from >= 0
}

// checkPlaceholder looks at each text of the provider JSON, and at the other
// settings that take part in signing in.
func checkPlaceholder(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		if !strings.HasPrefix(e.name, "PAPERLESS_") || !e.set || e.name == deployment.ProvidersKey && s.doc != nil || e.name == "PAPERLESS_APPS" {
			continue
		}
		if !loginVariable(e.name) && e.name != "PAPERLESS_SECRET_KEY" {
			continue
		}
		v := e.value
		from, to := placeholderAt(v)
		if e.name == deployment.ProvidersKey { // no JSON: braces and dots are its own
			from, to = -1, -1
			if m := placeholderWord.FindStringSubmatchIndex(v); m != nil {
				from, to = m[2], m[3]
			} else if m := anglePlaceholder.FindStringIndex(v); m != nil {
				from, to = m[0], m[1]
			}
		}
		if from < 0 || e.name == "PAPERLESS_SECRET_KEY" && (v == "change-me" || !decidedPlaceholder(v)) {
			continue // CFG-SECRETKEY, UPG-V3
		}
		p := problem{
			file: e.file, at: e.offset(from), width: to - from, setting: e.name,
			message: e.name + " still has a placeholder: " + v[from:to], fix: "put your own value in its place",
		}
		if e.name == "PAPERLESS_SECRET_KEY" {
			p.message, p.fix = "PAPERLESS_SECRET_KEY still has a placeholder: everybody knows this key", e.written(e.name, "<output of openssl rand -base64 48>")
		}
		if e.name != deployment.ProvidersKey && e.name != "PAPERLESS_URL" {
			p.level = Warning
		}
		out = append(out, p)
	}
	if s.doc != nil {
		out = append(out, s.placeholders(s.doc, "")...)
	}
	return out
}

var anglePlaceholder = regexp.MustCompile(`<[A-Za-z][^<>"{}]{0,60}>`)

// decidedPlaceholder leaves keys alone that only chance gave such letters.
func decidedPlaceholder(v string) bool {
	from, to := placeholderAt(v)
	return from == 0 && to == len(v)
}

// placeholders are those in the texts of a piece of the provider JSON. A name is
// shown to people and may say what it likes.
func (s *subject) placeholders(n *jnode, key string) []problem {
	var out []problem
	for i := range n.members {
		m := &n.members[i]
		if m.value != nil {
			out = append(out, s.placeholders(m.value, m.key)...)
		}
	}
	for _, item := range n.items {
		out = append(out, s.placeholders(item, key)...)
	}
	if !n.is('s') || key == "name" && !anglePlaceholder.MatchString(n.str) {
		return out
	}
	from, to := placeholderAt(n.str)
	if from < 0 {
		return out
	}
	at, end := n.at, n.end
	if n.end-n.at == len(n.str)+2 { // no escapes
		at, end = n.at+1+from, n.at+1+to
	}
	where := "put your own value in its place"
	switch key {
	case "client_id", "secret", "server_url":
		where = "put your own value in its place, as the provider's page shows it"
	}
	return append(out, s.atNode(at, end, key+" still has a placeholder: "+n.str[from:to], where))
}
