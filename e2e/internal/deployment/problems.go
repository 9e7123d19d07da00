package deployment

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Problem is a setting that does not do what it looks like. It breaks nothing
// by itself, which is why nobody notices.
type Problem struct {
	Code    string // the troubleshooting item
	Setting string
	Seen    string // what stands there, without secrets
	Wanted  string // what does what was meant; empty: nothing does
}

// Problems are the settings of this bundle that this Paperless version ignores or
// reads in another way than they look (docs/facts/paperless.md#1 and #3, fixtures/paperless-settings.json).
func Problems(b *Deployment) []Problem {
	var out []Problem
	p := &b.Paperless
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		switch {
		case name == "PAPERLESS_ENABLE_ALLAUTH":
			out = append(out, Problem{"CFG-UNKNOWN", name, "it has no effect: allauth has been built in since 2.5.0", ""})
		case name == "PAPERLESS_AUTO_LOGIN":
			out = append(out, Problem{"CFG-UNKNOWN", name, "no version reads it", RedirectToSSO})
		case dead[name] != "":
			out = append(out, Problem{"CFG-UNKNOWN", name, "no version reads it", dead[name]})
		case Misspelt(name) != "":
			out = append(out, Problem{"CFG-UNKNOWN", name, "no version reads it", Misspelt(name)})
		case introduced[name] != "" && !p.AtLeast(introduced[name]):
			out = append(out, Problem{"CFG-UNKNOWN", name, fmt.Sprintf("Paperless-ngx %s does not read it, %s does", p.Version, introduced[name]), ""})
		}
	}
	if v, set := p.Value("PAPERLESS_OAUTH_CALLBACK_BASE_URL"); set && v != "" {
		out = append(out, Problem{"CFG-MAILOAUTH", "PAPERLESS_OAUTH_CALLBACK_BASE_URL", "it is for fetching mail, not for signing in", "PAPERLESS_URL"})
	}
	if v, _ := p.Value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"); v == "http" && strings.HasPrefix(p.URL, "https://") {
		out = append(out, Problem{"SEC-PROTO", "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL", "http on a site that users open by https: the redirect URI is right only as long as the proxy says so", "https"})
	}
	return append(out, providerProblems(p)...)
}

// providerProblems are keys of the provider JSON that are not read, or not as
// they look.
func providerProblems(p *Paperless) []Problem {
	var doc struct {
		OC map[string]any `json:"openid_connect"`
	}
	v, _ := p.Value(ProvidersKey)
	if json.Unmarshal([]byte(v), &doc) != nil {
		return nil
	}
	var out []Problem
	add := func(code, seen, wanted string) { out = append(out, Problem{code, ProvidersKey, seen, wanted}) }
	falseText := func(v any) bool { s, ok := v.(string); return ok && strings.EqualFold(s, "false") }
	if falseText(doc.OC["OAUTH_PKCE_ENABLED"]) {
		add("CFG-PKCESTR", `"OAUTH_PKCE_ENABLED": "False" is a string, and every non-empty string switches PKCE on`, `"OAUTH_PKCE_ENABLED": false`)
	}
	if _, ok := doc.OC["SCOPES"]; ok {
		add("CFG-SCOPES", `"SCOPES" is not read`, `"SCOPE": ["openid", "profile", "email"]`)
	}
	apps, _ := doc.OC["APPS"].([]any)
	for _, a := range apps {
		app, _ := a.(map[string]any)
		settings, _ := app["settings"].(map[string]any)
		if _, ok := settings["claims"]; ok {
			add("CFG-CLAIMS", `"claims" is read by no version; the user name comes from preferred_username`, "")
		}
		for where, m := range map[string]map[string]any{"the app": app, "settings": settings} {
			if _, ok := m["OAUTH_PKCE_ENABLED"]; ok {
				add("CFG-PKCEPLACE", `"OAUTH_PKCE_ENABLED" in `+where+" is not read", `"OAUTH_PKCE_ENABLED": true beside "APPS"`)
			}
		}
	}
	return out
}
