package source

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// A Gap is a piece of a value that is not known here: a variable that a Secret
// of the cluster sets, or the shell that docker compose runs in.
type Gap struct {
	at, n int    // in the value
	Name  string // as a user knows it
	Why   string // where it comes from
}

// UnknownHere reports whether a variable is set by something that is not among
// the files: then it is neither set nor absent.
func (s *Set) UnknownHere(name string) bool {
	for _, n := range []string{name, name + "_FILE"} {
		if e := s.Vars[n]; e != nil && e.Unknown != "" {
			return true
		}
	}
	e := s.Files[name]
	return e != nil && e.Unknown != ""
}

// Partial reports whether the files may be a part of the configuration: what
// they lack may be set elsewhere.
func (s *Set) Partial() bool { return s.Fragment || s.Reader.Lacks || len(s.Reader.Open) > 0 }

// standIns puts something in the place of what is not known, so that the rest
// can be judged and run.
func (s *Set) standIns() {
	for _, e := range s.All {
		if e.Unknown != "" {
			e.Value, e.Pos = s.standIn(e.Name), nil
			e.Set = e.Value != ""
			continue
		}
		if len(e.Gaps) == 0 {
			continue
		}
		if g := e.Gaps[0]; g.at == 0 && g.n == len(e.Value) { // nothing of it is known
			e.Unknown = g.Name + ", " + g.Why
			e.Value, e.Pos, e.Gaps = s.standIn(e.Name), nil, nil
			e.Set = e.Value != ""
			continue
		}
		var out strings.Builder
		var pos []int
		var gaps []Gap
		last := 0
		keep := func(from, to int) {
			out.WriteString(e.Value[from:to])
			if len(e.Pos) == len(e.Value) {
				pos = append(pos, e.Pos[from:to]...)
			}
		}
		for _, g := range e.Gaps {
			if g.at < last || g.at+g.n > len(e.Value) {
				continue
			}
			keep(last, g.at)
			put := s.piece(e.Name, g.Name, e.Value[:g.at], e.Value[g.at+g.n:])
			gaps = append(gaps, Gap{at: out.Len(), n: len(put), Name: g.Name, Why: g.Why})
			out.WriteString(put)
			for range len(put) {
				if len(e.Pos) == len(e.Value) {
					pos = append(pos, e.Pos[g.at])
				}
			}
			last = g.at + g.n
		}
		keep(last, len(e.Value))
		e.Value, e.Gaps, e.Pos = out.String(), gaps, pos
	}
}

// secretKey puts a key where Paperless 3 needs one and the files, which may be a
// part of the configuration, have none: what else they say can be tried then.
func (s *Set) secretKey() {
	const name = "PAPERLESS_SECRET_KEY"
	b := s.Deployment
	if _, e := s.Value(name); e != nil || s.UnknownHere(name) || b.Paperless.Env[name+"_FILE"] != "" || !s.Partial() || !b.Paperless.AtLeast("3.0.0") {
		return
	}
	b.Paperless.Env[name] = s.standIn(name)
	b.StandIns = append(b.StandIns, name+" ("+takesKey+")")
}

// replaced is what a run puts in the place of what is not known here.
func (s *Set) replaced() []string {
	var out []string
	for _, e := range s.Effective() {
		switch {
		case !e.SignsIn():
		case e.Unknown != "":
			out = append(out, e.Name+" ("+e.Taken()+")")
		case len(e.Gaps) > 0:
			out = append(out, "pieces of "+e.Name)
		}
	}
	for _, base := range slices.Sorted(maps.Keys(s.Files)) {
		if e := s.Files[base]; e.Unknown != "" {
			out = append(out, base+" ("+e.Taken()+")")
		}
	}
	return out
}

// SignsIn reports whether a variable is a setting of Paperless that signing in
// depends on.
func (e *Entry) SignsIn() bool {
	return strings.HasPrefix(e.Name, "PAPERLESS_") &&
		(LoginVariable(strings.TrimSuffix(e.Name, "_FILE")) || e.Name == "PAPERLESS_SECRET_KEY" || e.Name == "PAPERLESS_URL")
}

const takesKey = "a key of its own"

// Taken is what a run takes for an unknown variable.
func (e *Entry) Taken() string {
	switch strings.TrimSuffix(e.Name, "_FILE") {
	case "PAPERLESS_APPS":
		return deployment.OpenIDConnectApp
	case deployment.ProvidersKey:
		return "the guide's provider"
	case "PAPERLESS_SECRET_KEY":
		return takesKey
	case "PAPERLESS_URL":
		return DefaultPaperlessURL
	}
	return "left out"
}

// standIn is what a run takes for a variable that is not known; "": nothing.
func (s *Set) standIn(name string) string {
	switch name {
	case "PAPERLESS_APPS":
		return deployment.OpenIDConnectApp
	case "PAPERLESS_SECRET_KEY":
		return "a-key-that-stands-in-for-the-unknown-one"
	case deployment.ProvidersKey:
		app := map[string]any{
			"provider_id": s.registeredID(), "name": "authentik", "client_id": s.registered("client_id"), "secret": s.registered("secret"),
			"settings": map[string]any{"server_url": s.registered("server_url")},
		}
		text, err := json.Marshal(map[string]any{"openid_connect": map[string]any{"APPS": []any{app}}})
		if err != nil {
			return "" // strings always encode
		}
		return string(text)
	}
	return ""
}

// What stands in for a client that nothing says more of.
const (
	unknownClient = "client-id-that-is-not-known"
	unknownSecret = "client-secret-that-is-not-known"
)

// registered is what the blueprint says of the client, else a stand-in.
func (s *Set) registered(key string) string {
	client, secret, slug := "", "", ""
	if s.Blueprint != nil && len(s.Blueprint.Model.Providers) > 0 {
		p := s.Blueprint.Model.Providers[0]
		client, secret = p.ClientID, p.ClientSecret
		for _, a := range s.Blueprint.Model.Applications {
			slug = cmp.Or(slug, a.Slug)
		}
	}
	switch key {
	case "client_id":
		return cmp.Or(client, unknownClient)
	case "secret":
		return cmp.Or(secret, unknownSecret)
	case "server_url":
		return defaultAuthentikURL + "/application/o/" + cmp.Or(slug, "paperless") + "/.well-known/openid-configuration"
	}
	return ""
}

var callbackID = lazyregexp.New(paperless.OIDCPath + `([^/]+)/`)

func (s *Set) registeredID() string {
	if s.Blueprint != nil {
		for _, p := range s.Blueprint.Model.Providers {
			for _, u := range p.RedirectURIs {
				if m := callbackID.FindStringSubmatch(u.URL); m != nil && Segment.MatchString(m[1]) {
					return m[1]
				}
			}
		}
	}
	return "authentik"
}

var (
	jsonKeyAtEnd = lazyregexp.New(`"([A-Za-z_]+)"\s*:\s*"$`)
	schemeAtEnd  = lazyregexp.New(`://$`)
	hostAtEnd    = lazyregexp.New(`://[^/\s"']*$`)
	serverAtEnd  = lazyregexp.New(`"server_url"\s*:\s*"$`)
	slugAtEnd    = lazyregexp.New(`/application/o/$`)
)

// piece is what stands in for a piece of a value, fit for what is around it.
func (s *Set) piece(setting, name, before, after string) string {
	whole := strings.HasPrefix(after, `"`)
	if m := jsonKeyAtEnd.FindStringSubmatch(before); m != nil && whole {
		switch m[1] {
		case "client_id", "secret", "server_url":
			return s.registered(m[1])
		case "provider_id":
			return s.registeredID()
		}
	}
	switch {
	case slugAtEnd.MatchString(before):
		return "paperless"
	case schemeAtEnd.MatchString(before) && setting == deployment.ProvidersKey:
		return strings.TrimPrefix(defaultAuthentikURL, "https://")
	case schemeAtEnd.MatchString(before):
		return strings.TrimPrefix(DefaultPaperlessURL, "https://")
	case hostAtEnd.MatchString(before):
		return "example.com"
	case serverAtEnd.MatchString(before):
		return defaultAuthentikURL
	case before == "" && setting == "PAPERLESS_URL" && after == "":
		return DefaultPaperlessURL
	case before == "" && after == "" && s.standIn(setting) != "":
		return s.standIn(setting)
	}
	return "not-known-" + strings.ToLower(strings.ReplaceAll(name, "_", "-"))
}

// sortGaps puts the gaps in order and leaves out those inside of others.
func sortGaps(e *Entry) {
	slices.SortFunc(e.Gaps, func(a, b Gap) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.n, a.n)) })
	out := e.Gaps[:0]
	end := 0
	for _, g := range e.Gaps {
		if g.at >= end {
			out = append(out, g)
			end = g.at + g.n
		}
	}
	e.Gaps = out
}
