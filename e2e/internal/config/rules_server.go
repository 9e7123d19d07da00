package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

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
		case n == nil && serverURL(app) != nil:
			continue // CFG-JSONKEY shows the name, or the place
		case n == nil && app.get("settings") == nil:
			p := s.atJSON(app, "the app has no settings, so no server_url: pressing the button is a server error", `"settings": {"server_url": "`+s.discovery(app)+`"}`)
			p.width = 1
			out = append(out, p)
		case n == nil:
			p := s.atJSON(app.get("settings"), "there is no server_url: pressing the button is a server error", `"server_url": "`+s.discovery(app)+`"`)
			p.width = 1
			out = append(out, p)
		case originOf(n.text()) == "" && !isPlaceholder(n.text()):
			out = append(out, s.atJSON(n, "server_url is not an address: pressing the button is a server error", `"`+s.discovery(app)+`"`))
		}
	}
	return out
}

// discovery is what server_url should be, as far as that can be said.
func (s *subject) discovery(app *jnode) string {
	if s.isAuthentik(app) {
		return "https://…/application/o/<slug>/.well-known/openid-configuration"
	}
	return "<the provider's discovery document>"
}

var (
	// authentik may live under a path of its own (AUTHENTIK_WEB__PATH).
	goodPath    = regexp.MustCompile(`^(/.*)?/application/o/([^/]+)/?(?:\.well-known/openid-configuration)?$`)
	doublePath  = regexp.MustCompile(`//`)
	wellKnownAt = "/.well-known/openid-configuration"
)

// eachServer gives every server_url that is an address.
func (s *subject) eachServer(do func(app, n *jnode, u *url.URL)) {
	for _, app := range s.apps {
		n := app.get("settings").get("server_url")
		if n == nil || originOf(n.text()) == "" || isPlaceholder(n.text()) {
			continue
		}
		if u, err := url.Parse(n.text()); err == nil {
			do(app, n, u)
		}
	}
}

// shared are the endpoints that all applications of authentik have in common:
// no application has their names as its slug.
var shared = []string{"authorize", "token", "userinfo", "introspect", "revoke", "device", "end-session", "jwks"}

// endpoint is what other providers' endpoints end in; a discovery document never does.
var endpoint = regexp.MustCompile(`/(?:authorize|authorization|oauth2?/auth|openid-connect/auth|token|userinfo|introspect|certs|jwks(?:\.json)?)/?$`)

func checkDiscovery(s *subject) []problem {
	var out []problem
	s.eachServer(func(app, n *jnode, u *url.URL) {
		if !s.isAuthentik(app) {
			if endpoint.MatchString(u.Path) {
				p := s.atJSON(n, "this looks like one of the provider's endpoints, not its issuer or its discovery document: pressing the button is then a server error", s.discovery(app))
				p.level = Warning
				out = append(out, p)
			}
			return
		}
		if p, bad := s.applicationURL(n, u); bad {
			out = append(out, p)
		}
	})
	return out
}

// applicationURL judges a server_url of authentik's.
func (s *subject) applicationURL(n *jnode, u *url.URL) (problem, bool) {
	slug := "<slug>"
	if a := s.bundle.IdPApplication(); s.blueprint != nil && a != nil {
		slug = a.Slug
	}
	path := doublePath.ReplaceAllString(u.Path, "/")
	prefix, _, found := strings.Cut(path, "/application/")
	if !found {
		prefix = s.webPath()
	}
	want := u.Scheme + "://" + u.Host + prefix + "/application/o/" + slug + wellKnownAt
	const after = ": authentik answers 404, and pressing the button is a server error"
	m := goodPath.FindStringSubmatch(strings.TrimSuffix(path, wellKnownAt+"/"))
	switch {
	case m != nil && (slices.Contains(shared, m[2]) || m[2] == ".well-known"):
		if m[2] == ".well-known" {
			return s.atJSON(n, "server_url has no application slug"+after, want), true
		}
		return s.atJSON(n, m[2]+" is one of authentik's endpoints, not an application: there is no discovery document, and pressing the button is a server error", want), true
	case strings.HasSuffix(u.Path, wellKnownAt+"/") && m != nil:
		if s.paperless().AtLeast("2.14.0") {
			return problem{}, false
		}
		p := s.atJSON(n, "with the slash at the end this version adds the suffix once more", strings.TrimSuffix(n.text(), "/"))
		p.edit = s.rewrite(n, `"`+strings.TrimSuffix(n.text(), "/")+`"`)
		return p, true
	case m != nil && !segment.MatchString(m[2]):
		return s.atJSON(n, "the slug in server_url has characters that no slug has", want), true
	case m != nil && s.webPath() != "" && m[1] != s.webPath():
		return s.atJSON(n, "authentik lives under "+s.webPath()+"/ (AUTHENTIK_WEB__PATH), and server_url does not"+after,
			u.Scheme+"://"+u.Host+s.webPath()+"/application/o/"+m[2]+wellKnownAt), true
	case m != nil:
		return problem{}, false
	case endpoint.MatchString(u.Path):
		return s.atJSON(n, "this is one of authentik's endpoints, not the discovery document: pressing the button is a server error", want), true
	case strings.Contains(path, "/application/o"):
		return s.atJSON(n, "server_url has no application slug, or something behind it"+after, want), true
	case strings.Contains(u.Path, "/application/saml/") || strings.HasPrefix(u.Path, "/if/") || strings.HasPrefix(u.Path, "/outpost"):
		return s.atJSON(n, "this is another page of authentik, not the discovery document: pressing the button is a server error", want), true
	case strings.Trim(strings.TrimSuffix(u.Path, wellKnownAt), "/") == "":
		return s.atJSON(n, "server_url is authentik itself, not the application"+after, want), true
	}
	return s.atJSON(n, "server_url is not the address of an application of authentik", want), true
}

// authentikPath is the path in front of the application's in server_url.
func (s *subject) authentikPath() string {
	u, err := url.Parse(s.app.serverURL)
	if err != nil {
		return ""
	}
	m := goodPath.FindStringSubmatch(doublePath.ReplaceAllString(u.Path, "/"))
	if m == nil {
		return ""
	}
	return m[1]
}

// webPath is the path that authentik lives under, where its service says so, with
// a slash in front and none at the end; "" for none.
func (s *subject) webPath() string {
	if path := strings.Trim(s.authentikEnv("AUTHENTIK_WEB__PATH"), "/"); path != "" {
		return "/" + path
	}
	return ""
}

// authentikEnv is a variable of a service beside Paperless, "" when none has it.
func (s *subject) authentikEnv(name string) string {
	if s.project == nil || s.project.model == nil {
		return ""
	}
	for _, service := range slices.Sorted(maps.Keys(s.project.model.Services)) {
		if v := s.project.model.Services[service].Environment[name]; v != nil && service != s.project.service {
			return *v
		}
	}
	return ""
}

func checkLoopback(s *subject) []problem {
	if s.conf() && s.project == nil {
		return nil // without a container localhost may well be authentik
	}
	var out []problem
	s.eachServer(func(app, n *jnode, u *url.URL) {
		host := u.Hostname()
		ip, err := netip.ParseAddr(host)
		if host == "localhost" || err == nil && ip.IsLoopback() {
			out = append(out, s.atJSON(n, "in the container "+host+" is Paperless's own container: nothing listens there", "the name under which people open "+s.idp(app)))
			return
		}
		if to, err := netip.ParseAddr(s.paperless().ExtraHosts[host]); err == nil && to.IsLoopback() {
			out = append(out, s.atJSON(n, fmt.Sprintf("extra_hosts sends %s to %s, which is Paperless's own container: nothing listens there", host, to), "extra_hosts: host-gateway, or the address of the proxy"))
		}
	})
	return out
}

// innerName tells whether only containers can resolve a host name: a bare one,
// those by which containers reach the machine they are on, and those of a cluster.
func innerName(host string) bool {
	switch {
	case host == "localhost":
		return false
	case !strings.ContainsAny(host, ".:"):
		return true
	case strings.HasPrefix(host, "172.17.0."): // Docker's own bridge
		return true
	}
	for _, end := range []string{".docker.internal", ".containers.internal", ".svc", ".svc.cluster.local", ".cluster.local"} {
		if strings.HasSuffix(host, end) {
			return true
		}
	}
	return false
}

func checkInnerName(s *subject) []problem {
	var out []problem
	s.eachServer(func(app, n *jnode, u *url.URL) {
		if !innerName(u.Hostname()) {
			return
		}
		message := "people's browsers are sent to " + u.Hostname() + ", which only containers can resolve"
		if u.Scheme == "http" {
			message += ", and without https"
		}
		out = append(out, s.atJSON(n, message, "server_url is for both, Paperless and browsers: "+s.publicServer(app, u)))
	})
	return out
}

// publicServer is server_url under the name that people open, where some setting
// says it.
func (s *subject) publicServer(app *jnode, u *url.URL) string {
	origin := ""
	if v, _ := s.value("PAPERLESS_LOGOUT_REDIRECT_URL"); strings.Contains(v, "/application/o/") {
		origin = originOf(v)
	}
	for _, name := range []string{"AUTHENTIK_HOST_BROWSER", "AUTHENTIK_HOST"} {
		if origin == "" {
			origin = originOf(s.authentikEnv(name))
		}
	}
	if v, err := url.Parse(origin); origin == "" || err != nil || innerName(v.Hostname()) || v.Hostname() == "localhost" {
		origin = "https://<the name under which people open " + s.idp(app) + ">"
	}
	return origin + u.Path
}

func checkPlain(s *subject) []problem {
	var out []problem
	s.eachServer(func(app, n *jnode, u *url.URL) {
		if u.Scheme != "http" {
			return
		}
		p := s.atJSON(n, "server_url is plain http: the client secret travels unencrypted", "https://"+u.Host+u.Path)
		if u.Port() != "" && u.Port() != "80" {
			p.fix = "the https address under which people open it, in place of " + u.Scheme + "://" + u.Host
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.IsLoopback() || ip.IsPrivate()) || u.Hostname() == "localhost" {
			p.fix = "an https address with a name, in place of " + u.Scheme + "://" + u.Host
		}
		if innerName(u.Hostname()) { // nothing speaks https there: NET-INNER
			p.fix = s.publicServer(app, u)
		}
		if strings.HasPrefix(s.paperless().URL, "http://") {
			p.level = Info
		}
		out = append(out, p)
	})
	return out
}

func checkServerSlash(s *subject) []problem {
	var out []problem
	s.eachServer(func(app, n *jnode, u *url.URL) {
		if !strings.HasSuffix(u.Path, "/") || strings.Contains(u.Path, "/.well-known/") || endpoint.MatchString(u.Path) {
			return
		}
		message := "Paperless asks for an address with two slashes here; not every provider forgives that"
		if s.isAuthentik(app) {
			if _, bad := s.applicationURL(n, u); bad {
				return
			}
			message = "Paperless asks for an address with two slashes here; authentik forgives it, a proxy may not"
		}
		p := s.atJSON(n, message, n.text()[:len(n.text())-1]+wellKnownAt)
		p.edit = s.rewrite(n, `"`+n.text()+strings.TrimPrefix(wellKnownAt, "/")+`"`)
		out = append(out, p)
	})
	return out
}
