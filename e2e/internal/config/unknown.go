package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A gap is a piece of a value that is not known here: a variable that a Secret
// of the cluster sets, or the shell that docker compose runs in.
type gap struct {
	at, n int    // in the value
	name  string // as a person knows it
	why   string // where it comes from
}

// unknownHere reports whether a variable is set by something that is not among
// the files: then it is neither set nor absent.
func (s *subject) unknownHere(name string) bool {
	for _, n := range []string{name, name + "_FILE"} {
		if e := s.vars[n]; e != nil && e.unknown != "" {
			return true
		}
	}
	e := s.files[name]
	return e != nil && e.unknown != ""
}

// partial reports whether the files may be a part of the configuration: what
// they lack may be set elsewhere.
func (s *subject) partial() bool { return s.fragment || s.reader.lacks || len(s.reader.open) > 0 }

// absences are the settings whose absence a rule may be about.
var absences = map[string][]string{
	"CFG-SECRETKEY": {"PAPERLESS_SECRET_KEY"},
	"UPG-V3":        {"PAPERLESS_SECRET_KEY"},
	"CFG-APPS":      {"PAPERLESS_APPS"},
	"CFG-NOAPP":     {"PAPERLESS_APPS", deployment.ProvidersKey},
	"CFG-KEY":       {deployment.ProvidersKey},
	"REG-LOCKOUT":   {"PAPERLESS_APPS", deployment.ProvidersKey},
	"REDIR-OFF":     {"PAPERLESS_APPS", deployment.ProvidersKey},
	"PROXY-CSRF":    {"PAPERLESS_URL"},
	"PROXY-ALLOWED": {"PAPERLESS_URL", "PAPERLESS_ALLOWED_HOSTS"},
	"PROXY-PROTO":   {"PAPERLESS_PROXY_SSL_HEADER", "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"},
	"RU-OFF":        {remoteUser},
}

// weigh leaves out what is said of a variable that is not known here, and takes
// down to a note what is said of one that a part of a configuration lacks.
func (s *subject) weigh(problems []problem) []problem {
	var out []problem
	for _, p := range problems {
		if e := s.vars[p.setting]; e != nil && p.code != "CFG-ELSEWHERE" && p.code != "CFG-UNSET" && p.file == e.file {
			if e.unknown != "" {
				continue
			}
			if len(e.gaps) > 0 && p.setting != deployment.ProvidersKey && p.at >= e.valueAt {
				continue
			}
			if e.broken && followsForm[p.code] && !p.form {
				continue
			}
		}
		if e := s.files[p.setting]; e != nil && e.unknown != "" && p.file == e.file {
			continue
		}
		drop := false
		for _, name := range absences[p.code] {
			if _, e := s.value(name); e != nil && !s.unknownHere(name) {
				continue
			}
			switch {
			case s.unknownHere(name), s.partial() && p.code == "UPG-V3":
				drop = true
			case s.partial() && p.level != Info:
				p.level, p.edit, p.refuses = Info, nil, ""
				p.message += "; unless it is set elsewhere: these files may be a part of the configuration"
			}
		}
		if !drop {
			out = append(out, p)
		}
	}
	return out
}

// followsForm are the rules about the form of a value, which say nothing new of
// one whose form is wrong as a whole.
var followsForm = map[string]bool{"CFG-JSON": true, "CFG-QUOTES": true, "CFG-COMMENT": true, "CFG-DOLLAR": true, "CFG-NEWLINE": true, "CFG-SPACES": true, "CFG-YAMLMAP": true, "CFG-ENVLINE": true, "CFG-LIST": true}

// standIns puts something in the place of what is not known, so that the rest
// can be judged and run.
func (s *subject) standIns() {
	for _, e := range s.all {
		if e.unknown != "" {
			e.value, e.pos = s.standIn(e.name), nil
			e.set = e.value != ""
			continue
		}
		if len(e.gaps) == 0 {
			continue
		}
		if g := e.gaps[0]; g.at == 0 && g.n == len(e.value) { // nothing of it is known
			e.unknown = g.name + ", " + g.why
			e.value, e.pos, e.gaps = s.standIn(e.name), nil, nil
			e.set = e.value != ""
			continue
		}
		var out strings.Builder
		var pos []int
		var gaps []gap
		last := 0
		keep := func(from, to int) {
			out.WriteString(e.value[from:to])
			if len(e.pos) == len(e.value) {
				pos = append(pos, e.pos[from:to]...)
			}
		}
		for _, g := range e.gaps {
			if g.at < last || g.at+g.n > len(e.value) {
				continue
			}
			keep(last, g.at)
			put := s.piece(e.name, g.name, e.value[:g.at], e.value[g.at+g.n:])
			gaps = append(gaps, gap{at: out.Len(), n: len(put), name: g.name, why: g.why})
			out.WriteString(put)
			for range len(put) {
				if len(e.pos) == len(e.value) {
					pos = append(pos, e.pos[g.at])
				}
			}
			last = g.at + g.n
		}
		keep(last, len(e.value))
		e.value, e.gaps, e.pos = out.String(), gaps, pos
	}
}

// standIn is what a run takes for a variable that is not known; "": nothing.
func (s *subject) standIn(name string) string {
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
func (s *subject) registered(key string) string {
	client, secret, slug := "", "", ""
	if s.blueprint != nil && len(s.blueprint.Model.Providers) > 0 {
		p := s.blueprint.Model.Providers[0]
		client, secret = p.ClientID, p.ClientSecret
		for _, a := range s.blueprint.Model.Applications {
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

var callbackID = regexp.MustCompile(`/accounts/oidc/([^/]+)/`)

func (s *subject) registeredID() string {
	if s.blueprint != nil {
		for _, p := range s.blueprint.Model.Providers {
			for _, u := range p.RedirectURIs {
				if m := callbackID.FindStringSubmatch(u.URL); m != nil && segment.MatchString(m[1]) {
					return m[1]
				}
			}
		}
	}
	return "authentik"
}

var (
	jsonKeyAtEnd = regexp.MustCompile(`"([A-Za-z_]+)"\s*:\s*"$`)
	schemeAtEnd  = regexp.MustCompile(`://$`)
	hostAtEnd    = regexp.MustCompile(`://[^/\s"']*$`)
	serverAtEnd  = regexp.MustCompile(`"server_url"\s*:\s*"$`)
	slugAtEnd    = regexp.MustCompile(`/application/o/$`)
)

// piece is what stands in for a piece of a value, fit for what is around it.
func (s *subject) piece(setting, name, before, after string) string {
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
		return strings.TrimPrefix(defaultPaperlessURL, "https://")
	case hostAtEnd.MatchString(before):
		return "example.com"
	case serverAtEnd.MatchString(before):
		return defaultAuthentikURL
	case before == "" && setting == "PAPERLESS_URL" && after == "":
		return defaultPaperlessURL
	case before == "" && after == "" && s.standIn(setting) != "":
		return s.standIn(setting)
	}
	return "not-known-" + strings.ToLower(strings.ReplaceAll(name, "_", "-"))
}

// checkElsewhere says what is not known here, and what a run puts in its place.
func checkElsewhere(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		if !strings.HasPrefix(e.name, "PAPERLESS_") || !loginVariable(strings.TrimSuffix(e.name, "_FILE")) && e.name != "PAPERLESS_SECRET_KEY" && e.name != "PAPERLESS_URL" {
			continue
		}
		switch {
		case e.unknown != "":
			p := e.atName(e.name+" comes from "+e.unknown+": it is not judged, and a run "+taken(e), "give the file that sets it too, or "+askContainer)
			p.width = min(p.width, 200)
			out = append(out, p)
		case len(e.gaps) > 0:
			names := []string{}
			for _, g := range e.gaps {
				if !slices.Contains(names, g.name) {
					names = append(names, g.name)
				}
			}
			out = append(out, e.atName(fmt.Sprintf("%s has pieces that are not known here (%s: %s): they are not judged, and a run puts stand-ins in their place", e.name, strings.Join(names, ", "), e.gaps[0].why),
				"give the file that sets them too, or "+askContainer))
		}
	}
	for _, base := range slices.Sorted(maps.Keys(s.files)) {
		if e := s.files[base]; e.unknown != "" {
			if at := s.vars[base+"_FILE"]; at != nil {
				out = append(out, at.atName(base+" comes from "+e.unknown+": it is not judged, and a run "+taken(e), "give the file that sets it too, or "+askContainer))
			}
		}
	}
	for _, where := range s.reader.open {
		out = append(out, s.anywhere("more settings may come from "+where+": what they are is not judged", "give it too, or "+askContainer))
	}
	return out
}

// taken says what a run takes for an unknown variable.
func taken(e *entry) string {
	switch strings.TrimSuffix(e.name, "_FILE") {
	case "PAPERLESS_APPS":
		return "takes " + deployment.OpenIDConnectApp
	case deployment.ProvidersKey:
		return "takes the guide's provider instead"
	case "PAPERLESS_SECRET_KEY":
		return "takes a key of its own"
	case "PAPERLESS_URL":
		return "takes " + defaultPaperlessURL
	}
	return "leaves it out"
}

// sortGaps puts the gaps in order and leaves out those inside of others.
func sortGaps(e *entry) {
	slices.SortFunc(e.gaps, func(a, b gap) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.n, a.n)) })
	out := e.gaps[:0]
	end := 0
	for _, g := range e.gaps {
		if g.at >= end {
			out = append(out, g)
			end = g.at + g.n
		}
	}
	e.gaps = out
}
