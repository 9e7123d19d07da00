package troubleshooting

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

func checkProviderID(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		n := app.Get("provider_id")
		switch {
		case n == nil:
			p := s.AtJSON(app, "the app has no provider_id: the sign-in page is a server error", `"provider_id": "authentik"`)
			if !s.IsAuthentik(app) {
				p.Fix = `"provider_id": "sso"; it becomes part of the redirect URI`
			}
			p.Width = 1
			out = append(out, p)
		case !n.Is('s') || n.Str == "" || strings.ContainsAny(n.Str, "/?#"):
			out = append(out, s.AtJSON(n, "provider_id must be one path segment: the sign-in page is a server error", `"provider_id": "authentik"`))
		case !source.Segment.MatchString(n.Str):
			p := s.AtJSON(n, "provider_id is part of the redirect URI; keep to letters, digits, - and _", `"provider_id": "authentik"`)
			p.Level = source.Warning
			out = append(out, p)
		}
	}
	return out
}

func checkDuplicateID(s *source.Set) []source.Problem {
	var out []source.Problem
	seen := map[string]bool{}
	for _, app := range s.Apps {
		n := app.Get("provider_id")
		if id := n.Text(); id != "" {
			if seen[id] {
				out = append(out, s.AtJSON(n, "the provider_id "+id+" is a duplicate: pressing the button is a server error", "give every app its own provider_id, and register its redirect URI"))
			}
			seen[id] = true
		}
	}
	return out
}

func checkAppName(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		if strings.TrimSpace(app.Get("name").Text()) == "" {
			p := s.AtJSON(app, "the app has no name: the button has no text", `"name": "SSO"`)
			p.Width = 1
			out = append(out, p)
		}
	}
	return out
}

func checkClientID(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		if n := app.Get("client_id"); strings.TrimSpace(n.Text()) == "" {
			idp := s.IdP(app)
			p := s.AtJSON(app, "the app has no client_id: "+idp+" does not know the client", "add client_id, as "+idp+" shows it")
			if n != nil {
				p = s.AtJSON(n, "client_id is empty: "+idp+" does not know the client", "put the client id in, as "+idp+" shows it")
			}
			p.Width = 1
			out = append(out, p)
		}
	}
	return out
}

func checkNoSecret(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		n := app.Get("secret")
		if strings.TrimSpace(n.Text()) != "" {
			continue
		}
		client := blueprintClient(s, app)
		if client != nil && client.ClientType == "public" {
			continue // TOK-PUBLIC says what that means
		}
		idp := s.IdP(app)
		p := s.AtJSON(app, "the app has no secret: unless the client is public, "+idp+" refuses it at the end of the sign-in", "add secret, as "+idp+" shows it; a public client needs none")
		p.Level, p.Width = source.Warning, 1
		if client != nil {
			p.Level = source.Error
			p.Message = "the app has no secret, and the client in the blueprint is not public: authentik refuses it at the end of the sign-in"
			p.Fix = "add secret, as authentik shows it at the provider"
		}
		out = append(out, p)
	}
	return out
}

func checkClaims(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		if m := app.Get("settings").Member("claims"); m != nil {
			out = append(out, s.AtKey(m, "claims is read by no version; the user name comes from preferred_username", "remove it; to have the e-mail address as user name, change preferred_username in a scope mapping of "+s.IdP(app)))
		}
	}
	return out
}

// trueOptions lists where an option counts as true: for the whole provider, where
// its name is in capitals, and for each app.
func trueOptions(s *source.Set, option string) []*source.Member {
	all := []*source.Member{s.OpenIDConnect.Member(strings.ToUpper(option))}
	for _, app := range s.Apps {
		all = append(all, app.Get("settings").Member(option))
	}
	return slices.DeleteFunc(all, func(m *source.Member) bool { return m == nil || !m.Value.Truthy() })
}

func checkEmailAuth(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, m := range trueOptions(s, "email_authentication") {
		message := "whoever has a local user's e-mail address at the provider becomes that user"
		if s.Paperless().AtLeast("2.12.0") {
			message += ", and the local password is wiped"
		}
		if m.Value.Is('s') && !deployment.Yes(m.Value.Str) {
			message = "this string counts as true: " + message
		}
		out = append(out, s.AtKey(m, message, "remove it; users link their account themselves: My Profile, Connect new social account"))
	}
	return out
}

func checkVerifiedEmail(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, m := range trueOptions(s, "verified_email") {
		p := s.AtKey(m, "every address that the provider gives counts as verified", "let the provider say it, by the claim email_verified; in authentik a scope mapping that returns it")
		if m.Value.Is('s') {
			p.Level = source.Error
			p.Message = "verified_email must be true or a list of domains: the sign-in is a server error"
		}
		out = append(out, p)
	}
	return out
}

func checkTokenMethod(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		n := app.Get("settings").Get("token_auth_method")
		if n == nil || n.Text() == "client_secret_basic" || n.Text() == "client_secret_post" {
			continue
		}
		out = append(out, s.AtJSON(n, "every value but client_secret_basic means client_secret_post", `"client_secret_basic" or "client_secret_post"`))
	}
	return out
}
