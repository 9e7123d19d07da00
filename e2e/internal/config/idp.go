package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// idpRules are about whose OpenID provider it is.
func idpRules() []Rule {
	return []Rule{
		{Code: "IDP-OTHER", Level: Info, Title: "The provider is authentik", Doc: "Of another product's provider only what holds for every OpenID provider is checked, and no run can stand for it.", check: checkOtherIdP},
	}
}

// urlNames are the keys under which people write the address of the provider;
// only server_url is read.
var urlNames = []string{
	"server_url", "server_metadata_url", "discovery_url", "metadata_url", "well_known_url", "wellknown_url", "openid_configuration_url",
	"openid_configuration", "oidc_discovery_url", "configuration_url", "issuer_url", "issuer", "url", "serverUrl", "serverURL", "server-url",
}

// serverURL is the address in an app's settings, also under a name that is not
// read, or in the app itself; nil when there is none.
func serverURL(app *jnode) *jnode {
	for _, in := range []*jnode{app.get("settings"), app} {
		for _, name := range urlNames {
			if n := in.get(name); n.text() != "" {
				return n
			}
		}
	}
	return nil
}

// whose tells whose provider an app names: by its own words, else by what else
// is deployed. A blueprint that has its client says that it is authentik.
func (s *subject) whose(app *jnode) (deployment.IdP, string) {
	kind, name := deployment.WhoseIdP(app.get("provider_id").text(), app.get("name").text(), serverURL(app).text())
	if kind != deployment.UnknownIdP {
		return kind, name
	}
	if s.blueprint != nil {
		id := app.get("client_id").text()
		if len(s.apps) == 1 || slices.ContainsFunc(s.blueprint.Model.Providers, func(p deployment.OAuth2Provider) bool { return p.ClientID == id }) {
			return deployment.AuthentikIdP, "authentik"
		}
	}
	return s.deployedIdP()
}

// deployedIdP is the one product that the compose file deploys beside Paperless.
func (s *subject) deployedIdP() (deployment.IdP, string) {
	if s.project == nil {
		return deployment.UnknownIdP, ""
	}
	found := map[string]deployment.IdP{}
	for _, service := range slices.Sorted(maps.Keys(s.project.images)) {
		if kind, name := deployment.WhoseImage(s.project.images[service]); kind != deployment.UnknownIdP {
			found[name] = kind
		}
	}
	if len(found) == 1 {
		for name, kind := range found {
			return kind, name
		}
	}
	return deployment.UnknownIdP, ""
}

// isAuthentik tells whether something says that an app's provider is authentik.
// Only then may a finding about authentik's side be an error.
func (s *subject) isAuthentik(app *jnode) bool {
	kind, _ := s.whose(app)
	return kind == deployment.AuthentikIdP
}

// idp is what to call an app's provider in a sentence.
func (s *subject) idp(app *jnode) string {
	switch kind, name := s.whose(app); {
	case kind == deployment.AuthentikIdP:
		return "authentik"
	case name != "":
		return name
	}
	return "the provider"
}

// otherIdPs names the providers where none is authentik's, nor may be; "" else.
func (s *subject) otherIdPs() string {
	var names []string
	for _, app := range s.apps {
		kind, name := s.whose(app)
		switch {
		case kind == deployment.AuthentikIdP:
			return ""
		case name == "":
			name = "the provider at " + originOf(serverURL(app).text())
			if originOf(serverURL(app).text()) == "" {
				return "" // nothing is said of it at all
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, id := range s.natives() {
		if name := deployment.IdPName(id); !slices.Contains(names, name) && len(s.apps) == 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

// checkOtherIdP says once for each app what is not checked, and what the
// provider must have.
func checkOtherIdP(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		kind, name := s.whose(app)
		if kind == deployment.AuthentikIdP || serverURL(app) == nil || isPlaceholder(serverURL(app).text()) {
			continue
		}
		at := app.get("provider_id")
		if at == nil {
			at = serverURL(app)
		}
		register := ""
		if id := app.get("provider_id").text(); id != "" {
			register = "register there the redirect URI " + s.callback("oidc/"+id)
		}
		p := s.atJSON(at, "", register)
		switch {
		case kind == deployment.OtherIdP && name != "":
			p.message = fmt.Sprintf("the provider %s is not authentik: its side is not checked", name)
		case kind == deployment.OtherIdP:
			p.message = "this address is none of authentik's: the provider's side is not checked"
		default:
			p.message = "nothing says whether this provider is authentik: its side is not checked. If it is, server_url must be the OpenID Configuration URL that authentik shows at the provider"
		}
		out = append(out, p)
	}
	for _, id := range s.natives() {
		m := s.doc.member(id)
		out = append(out, s.atKey(m, fmt.Sprintf("the provider %s is not authentik: its side is not checked", deployment.IdPName(id)), "register there the redirect URI "+s.callback(id)))
	}
	return out
}

// callback is the address that the provider sends people back to.
func (s *subject) callback(provider string) string {
	origin := "https://<the host that people open>"
	if u, _ := s.value("PAPERLESS_URL"); originOf(u) != "" {
		origin = originOf(u)
	}
	if v, _ := s.value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"); v != "http" {
		origin = "https://" + origin[strings.Index(origin, "://")+3:]
	}
	prefix, _ := s.value("PAPERLESS_FORCE_SCRIPT_NAME")
	return origin + strings.TrimRight(prefix, "/") + "/accounts/" + provider + "/login/callback/"
}
