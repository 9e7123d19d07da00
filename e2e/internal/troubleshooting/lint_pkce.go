package troubleshooting

import (
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

func checkPKCE(s *source.Set) []source.Problem {
	n := s.OpenIDConnect.Get("OAUTH_PKCE_ENABLED")
	if !n.Is('s') {
		return nil
	}
	var p source.Problem
	switch strings.ToLower(n.Str) {
	case "false", "no", "off", "0":
		p = s.AtJSON(n, "this string switches PKCE on: every non-empty string does", "false, without quotes")
		p.Edit = rewriteNode(s, n, "false")
	default:
		p = s.AtJSON(n, fmt.Sprintf("OAUTH_PKCE_ENABLED is the string %q; use the boolean true", n.Str), "true, without quotes")
		p.Level = source.Info
		p.Edit = rewriteNode(s, n, "true")
	}
	return []source.Problem{p}
}

// checkPKCEOff says where PKCE is not asked for: not at all, or switched off.
func checkPKCEOff(s *source.Set) []source.Problem {
	if s.OpenIDConnect == nil || len(s.Apps) == 0 || len(checkPKCEPlace(s)) > 0 {
		return nil
	}
	all := s.OpenIDConnect.Member("OAUTH_PKCE_ENABLED")
	if servers := s.OpenIDConnect.Get("SERVERS"); servers != nil && !servers.Is('z') {
		all = nil
	}
	var out []source.Problem
	for _, app := range s.Apps {
		m := all
		if own := app.Get("settings").Member("oauth_pkce_enabled"); own != nil && s.Paperless().AtLeast("2.14.0") {
			m = own
		}
		switch {
		case m == nil && len(out) > 0:
			continue // said once: one switch is for all
		case m == nil:
			p := s.AtJSON(app, "PKCE is off (the default): a stolen code can be used elsewhere", `"OAUTH_PKCE_ENABLED": true beside "APPS"; the provider needs no change`)
			p.Width = 1
			out = append(out, p)
		case !m.Value.Truthy():
			p := s.AtKey(m, "PKCE is switched off: a stolen code can be used elsewhere", "true; the provider needs no change")
			p.Level = source.Warning
			out = append(out, p)
		}
	}
	return out
}

// rewrite is the edit that puts a text in place of a piece of the provider JSON.
func rewriteNode(s *source.Set, n *source.Node, text string) *source.Edit {
	e := s.Providers
	from, to := e.Offset(n.At), e.Offset(n.End-1)+1
	if to-from != n.End-n.At { // escaped or folded in the file
		return nil
	}
	return source.Replace(e.File, from, to-from, text)
}

func checkPKCEPlace(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		for where, n := range map[string]*source.Node{"the app": app, "settings": app.Get("settings")} {
			for _, key := range []string{"OAUTH_PKCE_ENABLED", "PKCE_ENABLED", "pkce_enabled"} {
				if m := n.Member(key); m != nil {
					out = append(out, s.AtKey(m, key+" in "+where+" is not read", `"OAUTH_PKCE_ENABLED": true beside "APPS"`))
				}
			}
		}
		if m := app.Get("settings").Member("oauth_pkce_enabled"); m != nil && !s.Paperless().AtLeast("2.14.0") {
			out = append(out, s.AtKey(m, "oauth_pkce_enabled in settings is read from Paperless-ngx 2.14.0 on", `"OAUTH_PKCE_ENABLED": true beside "APPS"`))
		}
	}
	for _, key := range []string{"oauth_pkce_enabled", "PKCE_ENABLED"} {
		if m := s.OpenIDConnect.Member(key); m != nil {
			out = append(out, s.AtKey(m, key+" beside APPS is not read", `"OAUTH_PKCE_ENABLED"`))
		}
	}
	return out
}
