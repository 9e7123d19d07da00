package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// appRules are about the app in the provider JSON.
func appRules() []Rule {
	return []Rule{
		{Code: "CFG-PROVID", Level: Error, Title: "The app has a provider_id of one path segment", Doc: "Without it, or with a slash in it, the sign-in page is a server error.", check: checkProviderID},
		{Code: "CFG-DUP", Level: Error, Title: "Every provider_id is there once", Doc: "With two, pressing the button is a server error.", check: checkDuplicateID},
		{Code: "CFG-APPNAME", Level: Warning, Title: "The app has a name", Doc: "The name is the button's text.", Breaks: "login-button", check: checkAppName},
		{Code: "CFG-CLIENTID", Level: Error, Title: "The app has a client_id", Doc: "authentik answers that it does not know the client.", Item: "IDP-CLIENT", check: checkClientID},
		{Code: "CFG-NOSECRET", Level: Error, Title: "The app has a secret", Doc: "authentik refuses the client at the end of the sign-in.", Item: "TOK-SECRET", check: checkNoSecret},
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
			p := s.atJSON(app, "the app has no client_id: authentik does not know the client", "add client_id, as authentik shows it at the provider")
			p.width = 1
			out = append(out, p)
		}
	}
	return out
}

func checkNoSecret(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		if n := app.get("secret"); strings.TrimSpace(n.text()) == "" {
			p := s.atJSON(app, "the app has no secret: authentik refuses the client at the end of the sign-in", "add secret, as authentik shows it at the provider")
			p.width = 1
			out = append(out, p)
		}
	}
	return out
}

func checkClaims(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		if m := app.get("settings").member("claims"); m != nil {
			out = append(out, s.atKey(m, "claims is read by no version; the user name comes from preferred_username", "remove it; to have the e-mail address as user name, change preferred_username in a scope mapping of authentik"))
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
		message := "whoever has a local user's e-mail address at authentik becomes that user"
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
		p := s.atKey(m, "every address that authentik gives counts as verified", "let authentik say it: a scope mapping that returns email_verified")
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

// serverRules are about server_url.
func serverRules() []Rule {
	return []Rule{
		{Code: "CFG-SERVERURL", Level: Error, Title: "The app has a server_url in its settings", Doc: "Without it pressing the button is a server error.", check: checkServerURL},
		{Code: "NET-404", Level: Error, Title: "server_url is the application's", Doc: "Another address has no discovery document: pressing the button is a server error.", check: checkDiscovery},
		{Code: "NET-REFUSED", Level: Error, Title: "Paperless reaches authentik under the name in server_url", Doc: "In a container localhost is the container itself.", check: checkLoopback},
		{Code: "NET-INNER", Level: Warning, Title: "People's browsers reach authentik under the name in server_url", Doc: "A name of the Docker network means nothing to a browser.", Breaks: "round-trip", check: checkInnerName},
		{Code: "NET-PLAIN", Level: Warning, Title: "server_url is https", Doc: "The client secret would travel unencrypted, and the issuer has another scheme than people see.", check: checkPlain},
		{Code: "NET-SLASH", Level: Info, Title: "server_url has no slash at the end", Doc: "Paperless asks for an address with two slashes.", check: checkServerSlash},
	}
}

func checkServerURL(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		n := app.get("settings").get("server_url")
		switch {
		case n == nil && app.get("server_url") != nil:
			continue // CFG-JSONKEY shows the place
		case n == nil && app.get("settings") == nil:
			p := s.atJSON(app, "the app has no settings, so no server_url: pressing the button is a server error", `"settings": {"server_url": "https://…/application/o/<slug>/.well-known/openid-configuration"}`)
			p.width = 1
			out = append(out, p)
		case n == nil:
			p := s.atJSON(app.get("settings"), "there is no server_url: pressing the button is a server error", `"server_url": "https://…/application/o/<slug>/.well-known/openid-configuration"`)
			p.width = 1
			out = append(out, p)
		case originOf(n.text()) == "" && !placeholder.MatchString(n.text()):
			out = append(out, s.atJSON(n, "server_url is not an address: pressing the button is a server error", `"https://…/application/o/<slug>/.well-known/openid-configuration"`))
		}
	}
	return out
}

var (
	goodPath    = regexp.MustCompile(`^/application/o/[^/]+/?(?:\.well-known/openid-configuration)?$`)
	doublePath  = regexp.MustCompile(`//`)
	wellKnownAt = "/.well-known/openid-configuration"
)

// eachServer gives every server_url that is an address.
func (s *subject) eachServer(do func(app, n *jnode, u *url.URL)) {
	for _, app := range s.apps {
		n := app.get("settings").get("server_url")
		if n == nil || originOf(n.text()) == "" || placeholder.MatchString(n.text()) {
			continue
		}
		if u, err := url.Parse(n.text()); err == nil {
			do(app, n, u)
		}
	}
}

func checkDiscovery(s *subject) []problem {
	var out []problem
	s.eachServer(func(_, n *jnode, u *url.URL) {
		slug := "<slug>"
		if s.blueprint != nil && len(s.bundle.Authentik.Applications) > 0 {
			if a := s.bundle.IdPApplication(); a != nil {
				slug = a.Slug
			}
		}
		want := u.Scheme + "://" + u.Host + "/application/o/" + slug + wellKnownAt
		m := slugInURL.FindStringSubmatch(u.Path)
		path := doublePath.ReplaceAllString(u.Path, "/")
		switch {
		case strings.HasSuffix(u.Path, wellKnownAt+"/") && goodPath.MatchString(strings.TrimSuffix(path, "/")):
			if !s.paperless().AtLeast("2.14.0") {
				p := s.atJSON(n, "with the slash at the end this version adds the suffix once more", strings.TrimSuffix(n.text(), "/"))
				p.edit = s.rewrite(n, `"`+strings.TrimSuffix(n.text(), "/")+`"`)
				out = append(out, p)
			}
		case goodPath.MatchString(path) && m != nil && m[1] != ".well-known":
			if !segment.MatchString(m[1]) {
				out = append(out, s.atJSON(n, "the slug in server_url has characters that no slug has", want))
			}
		case strings.Contains(u.Path, "/application/o/") && (m == nil || m[1] == ".well-known"):
			out = append(out, s.atJSON(n, "server_url has no application slug: authentik answers 404, and pressing the button is a server error", want))
		case strings.HasSuffix(u.Path, "/authorize/") || strings.HasSuffix(u.Path, "/token/") || strings.HasSuffix(u.Path, "/userinfo/"):
			out = append(out, s.atJSON(n, "this is one of authentik's endpoints, not the discovery document: pressing the button is a server error", want))
		case strings.Contains(u.Path, "/application/saml/") || strings.HasPrefix(u.Path, "/if/") || strings.HasPrefix(u.Path, "/outpost"):
			out = append(out, s.atJSON(n, "this is another page of authentik, not the discovery document: pressing the button is a server error", want))
		case strings.Trim(strings.TrimSuffix(u.Path, wellKnownAt), "/") == "":
			out = append(out, s.atJSON(n, "server_url is authentik itself, not the application: authentik answers 404, and pressing the button is a server error", want))
		default:
			out = append(out, s.atJSON(n, "server_url is not the address of an application of authentik", want))
		}
	})
	return out
}

func checkLoopback(s *subject) []problem {
	if s.conf() && s.project == nil {
		return nil // without a container localhost may well be authentik
	}
	var out []problem
	s.eachServer(func(_, n *jnode, u *url.URL) {
		host := u.Hostname()
		ip, err := netip.ParseAddr(host)
		if host == "localhost" || err == nil && ip.IsLoopback() {
			out = append(out, s.atJSON(n, "in the container "+host+" is Paperless's own container: nothing listens there", "the name under which people open authentik"))
			return
		}
		if to, err := netip.ParseAddr(s.paperless().ExtraHosts[host]); err == nil && to.IsLoopback() {
			out = append(out, s.atJSON(n, fmt.Sprintf("extra_hosts sends %s to %s, which is Paperless's own container: nothing listens there", host, to), "extra_hosts: host-gateway, or the address of the proxy"))
		}
	})
	return out
}

func checkInnerName(s *subject) []problem {
	var out []problem
	s.eachServer(func(_, n *jnode, u *url.URL) {
		host := u.Hostname()
		if host == "localhost" || strings.ContainsAny(host, ".:") {
			return
		}
		out = append(out, s.atJSON(n, "people's browsers are sent to "+host+", which only containers can resolve", "the name under which people open authentik"))
	})
	return out
}

func checkPlain(s *subject) []problem {
	var out []problem
	s.eachServer(func(_, n *jnode, u *url.URL) {
		if u.Scheme != "http" {
			return
		}
		p := s.atJSON(n, "server_url is plain http: the client secret travels unencrypted", "https://"+u.Host+u.Path)
		if strings.HasPrefix(s.paperless().URL, "http://") {
			p.level = Info
		}
		out = append(out, p)
	})
	return out
}

func checkServerSlash(s *subject) []problem {
	var out []problem
	s.eachServer(func(_, n *jnode, u *url.URL) {
		if goodPath.MatchString(u.Path) && strings.HasSuffix(u.Path, "/") {
			p := s.atJSON(n, "Paperless asks for an address with two slashes here; authentik forgives it, a proxy may not", n.text()[:len(n.text())-1]+wellKnownAt)
			p.edit = s.rewrite(n, `"`+n.text()+strings.TrimPrefix(wellKnownAt, "/")+`"`)
			out = append(out, p)
		}
	})
	return out
}
