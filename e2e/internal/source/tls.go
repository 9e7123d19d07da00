package source

import (
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A secureSite is a reason to think that users open a site by https: what stands
// in the files about the proxy in front of it.
type secureSite struct {
	host string // that it is about; "": any
	By   string // how the files say it
	// sure is false where the proxy may serve this site by http all the same.
	Sure bool
}

// secureBy is the reason why users open Paperless by https, although
// PAPERLESS_URL says http; nil when nothing says so.
func (s *Set) secureBy() *secureSite {
	var found *secureSite
	v, _ := s.Value("PAPERLESS_URL")
	u, err := url.Parse(strings.Trim(strings.TrimSpace(v), `"'`))
	if err != nil || u.Scheme != "http" || u.Hostname() == "" {
		return nil
	}
	sites := slices.Concat(labelSites(s.Reader.labels), s.Reader.sites, s.composeSites(u))
	for i := range sites {
		site := &sites[i]
		if site.host == "" && (u.Port() != "" && u.Port() != "80" || ipAddress(u.Hostname())) {
			continue // opened at its own port, past the proxy
		}
		if (site.host == "" || strings.EqualFold(site.host, u.Hostname())) && (found == nil || site.Sure && !found.Sure) {
			found = site
		}
	}
	return found
}

// opensSecurely reports whether users surely open Paperless by https, although
// PAPERLESS_URL says http.
func (s *Set) opensSecurely() bool {
	by := s.Secure
	if by == nil {
		return false
	}
	proto, _ := s.Value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL")
	return by.Sure || proto != "http"
}

func ipAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// composeSites are the reasons in a Compose file: the labels of Paperless, its
// variables for nginx-proxy, and a proxy beside it that takes https.
func (s *Set) composeSites(u *url.URL) []secureSite {
	if s.Project == nil || s.Project.Model == nil {
		return nil
	}
	services := s.Project.Model.Services
	own := services[s.Project.Service]
	labels := map[string]string{}
	maps.Copy(labels, own.Labels)
	if own.Deploy != nil { // as a stack of Swarm has them
		maps.Copy(labels, own.Deploy.Labels)
	}
	out := labelSites(labels)
	for _, e := range s.All {
		if e.Name == "LETSENCRYPT_HOST" && e.Set {
			for host := range strings.SplitSeq(e.Value, ",") {
				out = append(out, secureSite{strings.TrimSpace(host), "LETSENCRYPT_HOST", true})
			}
		}
	}
	for _, port := range own.Ports {
		if port.Published == "80" || port.Published != "" && port.Published == u.Port() {
			return out // opened at its own port
		}
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		if name == s.Project.Service || !proxyImage.MatchString(s.Project.Images[name]) {
			continue
		}
		if strings.Contains(s.Project.Images[name], "cloudflared") {
			out = append(out, secureSite{By: "the tunnel of the service " + name})
		}
		for _, port := range services[name].Ports {
			if port.Published == "443" || port.Target == 443 && port.Published == "" {
				out = append(out, secureSite{By: "port 443 of the service " + name})
			}
		}
	}
	return out
}

var proxyImage = lazyregexp.New(`(?i)(?:^|/)(?:traefik|caddy[\w-]*|nginx[\w-]*|swag|haproxy|envoy|httpd|bunkerweb[\w-]*|zoraxy|openresty|cloudflared|npmplus|angie|pangolin)(?:[:@/]|$)`)

var (
	routerLabel = lazyregexp.New(`(?i)^traefik\.(?:https?|tcp)\.routers\.([^.]+)\.(.+)$`)
	hostInRule  = lazyregexp.New("`([^`]+)`")
	secureEntry = lazyregexp.New(`(?i)secure|https|tls|ssl|443`)
	caddyLabel  = lazyregexp.New(`^caddy(?:_\d+)?$`)
)

// labelSites are the sites that labels of a container make a proxy serve by https.
func labelSites(labels map[string]string) []secureSite {
	if strings.EqualFold(labels["traefik.enable"], "false") {
		return nil
	}
	var out []secureSite
	hosts, secure := map[string][]string{}, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		value := labels[key]
		if caddyLabel.MatchString(key) {
			for _, site := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' }) {
				host, port, _ := strings.Cut(strings.TrimPrefix(site, "https://"), ":")
				if host != "" && port != "80" && !strings.Contains(site, "http://") && strings.Contains(host, ".") {
					out = append(out, secureSite{host, "the label " + key, true})
				}
			}
			continue
		}
		m := routerLabel.FindStringSubmatch(key)
		if m == nil {
			continue
		}
		router, field := m[1], strings.ToLower(m[2])
		switch {
		case field == "rule" && strings.Contains(value, "Host("):
			for _, h := range hostInRule.FindAllStringSubmatch(value, -1) {
				hosts[router] = append(hosts[router], h[1])
			}
		case field == "entrypoints" && secureEntry.MatchString(value),
			field == "tls" && !strings.EqualFold(value, "false"), strings.HasPrefix(field, "tls."):
			if secure[router] == "" {
				secure[router] = "the label " + key
			}
		}
	}
	for _, router := range slices.Sorted(maps.Keys(secure)) {
		if len(hosts[router]) == 0 {
			out = append(out, secureSite{By: secure[router], Sure: true})
		}
		for _, host := range hosts[router] {
			out = append(out, secureSite{host, secure[router], true})
		}
	}
	return out
}

// label takes a NAME=value label of the container.
func (r *reader) label(text string) {
	if name, value, ok := strings.Cut(text, "="); ok {
		if r.labels == nil {
			r.labels = map[string]string{}
		}
		r.labels[name] = value
	}
}

// ingress takes the sites of an Ingress, or of an IngressRoute of Traefik, that
// are served by https.
func (c *cluster) ingress(d *document, n ast.Node, kind string) {
	spec := d.Get(n, "spec")
	tls := d.Get(spec, "tls")
	where := "the " + kind + " " + d.Text(d.Get(d.Get(n, "metadata"), "name"))
	if kind == "IngressRoute" {
		secure := tls != nil
		for _, entry := range d.items(d.Get(spec, "entryPoints")) {
			secure = secure || secureEntry.MatchString(d.Text(entry))
		}
		for _, route := range d.items(d.Get(spec, "routes")) {
			for _, h := range hostInRule.FindAllStringSubmatch(d.Text(d.Get(route, "match")), -1) {
				if secure {
					c.r.sites = append(c.r.sites, secureSite{h[1], where, true})
				}
			}
		}
		return
	}
	c.r.sites = append(c.r.sites, tlsHosts(d, tls, where)...)
}

// tlsHosts are the hosts of the list tls: of an Ingress.
func tlsHosts(d *document, tls ast.Node, where string) []secureSite {
	var out []secureSite
	for _, item := range d.items(tls) {
		for _, host := range d.items(d.Get(item, "hosts")) {
			if h := d.Text(host); h != "" && !strings.Contains(h, "{{") {
				out = append(out, secureSite{h, "tls: of " + where, true})
			}
		}
	}
	return out
}

var nixSite = lazyregexp.New(`virtualHosts\.?"([^"$]+)"\s*=\s*\{[^{}]*(?:forceSSL|onlySSL|enableACME)\s*=\s*true|"([A-Za-z0-9.-]+\.[A-Za-z0-9-]+)"\s*=\s*\{[^{}]*(?:forceSSL|onlySSL|enableACME)\s*=\s*true`)

// nixSites are the virtual hosts of nginx in a NixOS module that have TLS.
func nixSites(f *file) []secureSite {
	var out []secureSite
	for _, m := range nixSite.FindAllStringSubmatch(string(f.Text), -1) {
		out = append(out, secureSite{m[1] + m[2], "the virtual host of nginx", true})
	}
	return out
}
