package config

import (
	"strings"
)

// appRules are about the app in the provider JSON.
func appRules() []Rule {
	return []Rule{
		{Code: "CFG-PROVID", Level: Error, Title: "The app has a provider_id of one path segment", Doc: "Without it, or with a slash in it, the sign-in page is a server error.", check: checkProviderID},
		{Code: "CFG-DUP", Level: Error, Title: "Every provider_id is there once", Doc: "With two, pressing the button is a server error.", check: checkDuplicateID},
		{Code: "CFG-APPNAME", Level: Warning, Title: "The app has a name", Doc: "The name is the button's text.", Breaks: "login-button", check: checkAppName},
		{Code: "CFG-CLIENTID", Level: Error, Title: "The app has a client_id", Doc: "The provider answers that it does not know the client.", Item: "IDP-CLIENT", check: checkClientID},
		{Code: "CFG-NOSECRET", Level: Warning, Title: "The app has a secret", Doc: "Unless the client is public, the provider refuses it at the end of the sign-in.", Item: "TOK-SECRET", check: checkNoSecret},
		{Code: "CFG-CLAIMS", Level: Warning, Title: "The settings have no claims", Doc: "No version reads it; the user name comes from preferred_username.", check: checkClaims},
		{Code: "SEC-EMAILAUTH", Level: Warning, Title: "Nobody becomes a local user by e-mail address alone", Doc: "Whoever has the address at authentik becomes the local user, and the local password is wiped since 2.12.0.", check: checkEmailAuth},
		{Code: "SEC-VERIFIED", Level: Warning, Title: "E-mail addresses count as verified only when authentik says so", Doc: "verified_email takes every address for verified.", Item: "SEC-EMAILAUTH", check: checkVerifiedEmail},
		{Code: "TOK-METHOD", Level: Warning, Title: "token_auth_method is one of the two", Doc: "Every word but client_secret_basic means client_secret_post.", check: checkTokenMethod},
	}
}

func checkProviderID(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		n := app.get("provider_id")
		switch {
		case n == nil:
			p := s.atJSON(app, "the app has no provider_id: the sign-in page is a server error", `"provider_id": "authentik"`)
			if !s.isAuthentik(app) {
				p.fix = `"provider_id": "sso"; it becomes part of the redirect URI`
			}
			p.width = 1
			out = append(out, p)
		case !n.is('s') || n.str == "" || strings.ContainsAny(n.str, "/?#"):
			out = append(out, s.atJSON(n, "provider_id must be one path segment: the sign-in page is a server error", `"provider_id": "authentik"`))
		case !segment.MatchString(n.str):
			p := s.atJSON(n, "provider_id is part of the redirect URI; keep to letters, digits, - and _", `"provider_id": "authentik"`)
			p.level = Warning
			out = append(out, p)
		}
	}
	return out
}

func checkDuplicateID(s *subject) []problem {
	var out []problem
	seen := map[string]bool{}
	for _, app := range s.apps {
		n := app.get("provider_id")
		if id := n.text(); id != "" {
			if seen[id] {
				out = append(out, s.atJSON(n, "the provider_id "+id+" is there twice: pressing the button is a server error", "give every app its own provider_id, and register its redirect URI"))
			}
			seen[id] = true
		}
	}
	return out
}

func checkAppName(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		if strings.TrimSpace(app.get("name").text()) == "" {
			p := s.atJSON(app, "the app has no name: the button has no text", `"name": "SSO"`)
			p.width = 1
			out = append(out, p)
		}
	}
	return out
}

func checkClientID(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		if n := app.get("client_id"); strings.TrimSpace(n.text()) == "" {
			idp := s.idp(app)
			p := s.atJSON(app, "the app has no client_id: "+idp+" does not know the client", "add client_id, as "+idp+" shows it")
			if n != nil {
				p = s.atJSON(n, "client_id is empty: "+idp+" does not know the client", "put the client id in, as "+idp+" shows it")
			}
			p.width = 1
			out = append(out, p)
		}
	}
	return out
}

func checkNoSecret(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		n := app.get("secret")
		if strings.TrimSpace(n.text()) != "" {
			continue
		}
		client := s.blueprintClient(app)
		if client != nil && client.ClientType == "public" {
			continue // TOK-PUBLIC says what that means
		}
		idp := s.idp(app)
		p := s.atJSON(app, "the app has no secret: unless the client is public, "+idp+" refuses it at the end of the sign-in", "add secret, as "+idp+" shows it; a public client needs none")
		p.level, p.width = Warning, 1
		if client != nil {
			p.level = Error
			p.message = "the app has no secret, and the client in the blueprint is not public: authentik refuses it at the end of the sign-in"
			p.fix = "add secret, as authentik shows it at the provider"
		}
		out = append(out, p)
	}
	return out
}

func checkClaims(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		if m := app.get("settings").member("claims"); m != nil {
			out = append(out, s.atKey(m, "claims is read by no version; the user name comes from preferred_username", "remove it; to have the e-mail address as user name, change preferred_username in a scope mapping of "+s.idp(app)))
		}
	}
	return out
}

func checkEmailAuth(s *subject) []problem {
	var out []problem
	nodes := []*jmember{s.oc.member("EMAIL_AUTHENTICATION")}
	for _, app := range s.apps {
		nodes = append(nodes, app.get("settings").member("email_authentication"))
	}
	for _, m := range nodes {
		if m == nil || !m.value.truthy() {
			continue
		}
		message := "whoever has a local user's e-mail address at the provider becomes that user"
		if s.paperless().AtLeast("2.12.0") {
			message += ", and the local password is wiped"
		}
		if m.value.is('s') && !yesWord(m.value.str) {
			message = "this text counts as true: " + message
		}
		out = append(out, s.atKey(m, message, "remove it; people link their account themselves: My Profile, Connect new social account"))
	}
	return out
}

func checkVerifiedEmail(s *subject) []problem {
	var out []problem
	nodes := []*jmember{s.oc.member("VERIFIED_EMAIL")}
	for _, app := range s.apps {
		nodes = append(nodes, app.get("settings").member("verified_email"))
	}
	for _, m := range nodes {
		if m == nil || !m.value.truthy() {
			continue
		}
		p := s.atKey(m, "every address that the provider gives counts as verified", "let the provider say it, by the claim email_verified; in authentik a scope mapping that returns it")
		if m.value.is('s') {
			p.level = Error
			p.message = "verified_email must be true or a list of domains: the sign-in is a server error"
		}
		out = append(out, p)
	}
	return out
}

func checkTokenMethod(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		n := app.get("settings").get("token_auth_method")
		if n == nil || n.text() == "client_secret_basic" || n.text() == "client_secret_post" {
			continue
		}
		out = append(out, s.atJSON(n, "every word but client_secret_basic means client_secret_post", `"client_secret_basic" or "client_secret_post"`))
	}
	return out
}
