package troubleshooting

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

func checkServerURL(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		n := app.Get("settings").Get("server_url")
		switch {
		case n == nil && source.ServerURL(app) != nil:
			continue // CFG-JSONKEY shows the name, or the place
		case n == nil && app.Get("settings") == nil:
			p := s.AtJSON(app, "the app has no settings, so no server_url: pressing the button is a server error", `"settings": {"server_url": "`+discoveryURL(s, app)+`"}`)
			p.Width = 1
			out = append(out, p)
		case n == nil:
			p := s.AtJSON(app.Get("settings"), "there is no server_url: pressing the button is a server error", `"server_url": "`+discoveryURL(s, app)+`"`)
			p.Width = 1
			out = append(out, p)
		case source.OriginOf(n.Text()) == "" && !isPlaceholder(n.Text()):
			out = append(out, s.AtJSON(n, "server_url is not an address: pressing the button is a server error", `"`+discoveryURL(s, app)+`"`))
		}
	}
	return out
}

// discovery is what server_url should be, as far as that can be said.
func discoveryURL(s *source.Set, app *source.Node) string {
	if s.IsAuthentik(app) {
		return "https://…/application/o/<slug>/.well-known/openid-configuration"
	}
	return "<the provider's discovery document>"
}

// eachServer gives every server_url that is an address.
func eachServer(s *source.Set, do func(app, n *source.Node, u *url.URL)) {
	for _, app := range s.Apps {
		n := app.Get("settings").Get("server_url")
		if n == nil || source.OriginOf(n.Text()) == "" || isPlaceholder(n.Text()) {
			continue
		}
		if u, err := url.Parse(n.Text()); err == nil {
			do(app, n, u)
		}
	}
}

// shared are the endpoints that all applications of authentik have in common:
// no application has their names as its slug.
var shared = []string{"authorize", "token", "userinfo", "introspect", "revoke", "device", "end-session", "jwks"}

// endpoint is what other providers' endpoints end in; a discovery document never does.
var endpoint = lazyregexp.New(`/(?:authorize|authorization|oauth2?/auth|openid-connect/auth|token|userinfo|introspect|certs|jwks(?:\.json)?)/?$`)

func checkDiscovery(s *source.Set) []source.Problem {
	var out []source.Problem
	eachServer(s, func(app, n *source.Node, u *url.URL) {
		if !s.IsAuthentik(app) {
			if endpoint.MatchString(u.Path) {
				p := s.AtJSON(n, "this looks like one of the provider's endpoints, not its issuer or its discovery document: pressing the button is then a server error", discoveryURL(s, app))
				p.Level = source.Warning
				out = append(out, p)
			}
			return
		}
		if p, bad := applicationURL(s, n, u); bad {
			out = append(out, p)
		}
	})
	return out
}

// applicationURL judges a server_url of authentik's.
func applicationURL(s *source.Set, n *source.Node, u *url.URL) (source.Problem, bool) {
	slug := "<slug>"
	if a := s.Deployment.IdPApplication(); s.Blueprint != nil && a != nil {
		slug = a.Slug
	}
	path := source.DoubleSlash.ReplaceAllString(u.Path, "/")
	prefix, _, found := strings.Cut(path, "/application/")
	if !found {
		prefix = s.WebPath()
	}
	want := u.Scheme + "://" + u.Host + prefix + "/application/o/" + slug + source.WellKnownPath
	const after = ": authentik answers 404, and pressing the button is a server error"
	m := source.ApplicationPath.FindStringSubmatch(strings.TrimSuffix(path, source.WellKnownPath+"/"))
	switch {
	case m != nil && (slices.Contains(shared, m[2]) || m[2] == ".well-known"):
		if m[2] == ".well-known" {
			return s.AtJSON(n, "server_url has no application slug"+after, want), true
		}
		return s.AtJSON(n, m[2]+" is one of authentik's endpoints, not an application: there is no discovery document, and pressing the button is a server error", want), true
	case strings.HasSuffix(u.Path, source.WellKnownPath+"/") && m != nil:
		if s.Paperless().AtLeast("2.14.0") {
			return source.Problem{}, false
		}
		p := s.AtJSON(n, "with the slash at the end this version adds the suffix once more", strings.TrimSuffix(n.Text(), "/"))
		p.Edit = rewriteNode(s, n, `"`+strings.TrimSuffix(n.Text(), "/")+`"`)
		return p, true
	case m != nil && !source.Segment.MatchString(m[2]):
		return s.AtJSON(n, "the slug in server_url has characters that no slug has", want), true
	case m != nil && s.WebPath() != "" && m[1] != s.WebPath():
		return s.AtJSON(n, "authentik lives under "+s.WebPath()+"/ (AUTHENTIK_WEB__PATH), and server_url does not"+after,
			u.Scheme+"://"+u.Host+s.WebPath()+"/application/o/"+m[2]+source.WellKnownPath), true
	case m != nil:
		return source.Problem{}, false
	case endpoint.MatchString(u.Path):
		return s.AtJSON(n, "this is one of authentik's endpoints, not the discovery document: pressing the button is a server error", want), true
	case strings.Contains(path, "/application/o"):
		return s.AtJSON(n, "server_url has no application slug, or something behind it"+after, want), true
	case strings.Contains(u.Path, "/application/saml/") || strings.HasPrefix(u.Path, "/if/") || strings.HasPrefix(u.Path, "/outpost"):
		return s.AtJSON(n, "this is another page of authentik, not the discovery document: pressing the button is a server error", want), true
	case strings.Trim(strings.TrimSuffix(u.Path, source.WellKnownPath), "/") == "":
		return s.AtJSON(n, "server_url is authentik itself, not the application"+after, want), true
	}
	return s.AtJSON(n, "server_url is not the address of an application of authentik", want), true
}

// authentikEnv is a variable of a service beside Paperless, "" when none has it.
func authentikEnv(s *source.Set, name string) string {
	if s.Project == nil || s.Project.Model == nil {
		return ""
	}
	for _, service := range slices.Sorted(maps.Keys(s.Project.Model.Services)) {
		if v := s.Project.Model.Services[service].Environment[name]; v != nil && service != s.Project.Service {
			return *v
		}
	}
	return ""
}

func checkLoopback(s *source.Set) []source.Problem {
	if s.Conf() && s.Project == nil {
		return nil // without a container localhost may well be authentik
	}
	var out []source.Problem
	eachServer(s, func(app, n *source.Node, u *url.URL) {
		host := u.Hostname()
		ip, err := netip.ParseAddr(host)
		if host == "localhost" || err == nil && ip.IsLoopback() {
			out = append(out, s.AtJSON(n, "in the container "+host+" is Paperless's own container: nothing listens there", "the name under which users open "+s.IdP(app)))
			return
		}
		if to, err := netip.ParseAddr(s.Paperless().ExtraHosts[host]); err == nil && to.IsLoopback() {
			out = append(out, s.AtJSON(n, fmt.Sprintf("extra_hosts sends %s to %s, which is Paperless's own container: nothing listens there", host, to), "extra_hosts: host-gateway, or the address of the proxy"))
		}
	})
	return out
}

// innerName reports whether only containers can resolve a host name: a bare one,
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

func checkInnerName(s *source.Set) []source.Problem {
	var out []source.Problem
	eachServer(s, func(app, n *source.Node, u *url.URL) {
		if !innerName(u.Hostname()) {
			return
		}
		message := "users' browsers are sent to " + u.Hostname() + ", which only containers can resolve"
		if u.Scheme == "http" {
			message += ", and without https"
		}
		out = append(out, s.AtJSON(n, message, "server_url is for both, Paperless and browsers: "+publicServer(s, app, u)))
	})
	return out
}

// publicServer is server_url under the name that users open, where some setting
// says it.
func publicServer(s *source.Set, app *source.Node, u *url.URL) string {
	origin := ""
	if v, _ := s.Value("PAPERLESS_LOGOUT_REDIRECT_URL"); strings.Contains(v, "/application/o/") {
		origin = source.OriginOf(v)
	}
	for _, name := range []string{"AUTHENTIK_HOST_BROWSER", "AUTHENTIK_HOST"} {
		if origin == "" {
			origin = source.OriginOf(authentikEnv(s, name))
		}
	}
	if v, err := url.Parse(origin); origin == "" || err != nil || innerName(v.Hostname()) || v.Hostname() == "localhost" {
		origin = "https://<the name under which users open " + s.IdP(app) + ">"
	}
	return origin + u.Path
}

func checkPlain(s *source.Set) []source.Problem {
	var out []source.Problem
	eachServer(s, func(app, n *source.Node, u *url.URL) {
		if u.Scheme != "http" {
			return
		}
		p := s.AtJSON(n, "server_url is plain http: the client secret travels unencrypted", "https://"+u.Host+u.Path)
		if u.Port() != "" && u.Port() != "80" {
			p.Fix = "the https address under which users open it, in place of " + u.Scheme + "://" + u.Host
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && (ip.IsLoopback() || ip.IsPrivate()) || u.Hostname() == "localhost" {
			p.Fix = "an https address with a name, in place of " + u.Scheme + "://" + u.Host
		}
		if innerName(u.Hostname()) { // nothing speaks https there: NET-INNER
			p.Fix = publicServer(s, app, u)
		}
		if strings.HasPrefix(s.Paperless().URL, "http://") {
			p.Level = source.Info
		}
		out = append(out, p)
	})
	return out
}

func checkServerSlash(s *source.Set) []source.Problem {
	var out []source.Problem
	eachServer(s, func(app, n *source.Node, u *url.URL) {
		if !strings.HasSuffix(u.Path, "/") || strings.Contains(u.Path, "/.well-known/") || endpoint.MatchString(u.Path) {
			return
		}
		message := "Paperless asks for an address with two slashes here; not every provider forgives that"
		if s.IsAuthentik(app) {
			if _, bad := applicationURL(s, n, u); bad {
				return
			}
			message = "Paperless asks for an address with two slashes here; authentik forgives it, a proxy may not"
		}
		p := s.AtJSON(n, message, n.Text()[:len(n.Text())-1]+source.WellKnownPath)
		p.Edit = rewriteNode(s, n, `"`+n.Text()+strings.TrimPrefix(source.WellKnownPath, "/")+`"`)
		out = append(out, p)
	})
	return out
}
