package source

import (
	"maps"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// URLKeys are the keys under which users write the address of the provider;
// only server_url is read.
var URLKeys = []string{
	"server_url", "server_metadata_url", "discovery_url", "metadata_url", "well_known_url", "wellknown_url", "openid_configuration_url",
	"openid_configuration", "oidc_discovery_url", "configuration_url", "issuer_url", "issuer", "url", "serverUrl", "serverURL", "server-url",
}

// ServerURL is the address in an app's settings, also under a name that is not
// read, or in the app itself; nil when there is none.
func ServerURL(app *Node) *Node {
	for _, in := range []*Node{app.Get("settings"), app} {
		for _, name := range URLKeys {
			if n := in.Get(name); n.Text() != "" {
				return n
			}
		}
	}
	return nil
}

// Whose tells whose provider an app names: by its own words, else by what else
// is deployed. A blueprint that has its client says that it is authentik.
func (s *Set) Whose(app *Node) (deployment.IdP, string) {
	kind, name := deployment.WhoseIdP(app.Get("provider_id").Text(), app.Get("name").Text(), ServerURL(app).Text())
	if kind != deployment.UnknownIdP {
		return kind, name
	}
	if s.Blueprint != nil {
		id := app.Get("client_id").Text()
		if len(s.Apps) == 1 || slices.ContainsFunc(s.Blueprint.Model.Providers, func(p deployment.OAuth2Provider) bool { return p.ClientID == id }) {
			return deployment.AuthentikIdP, "authentik"
		}
	}
	return s.DeployedIdP()
}

// DeployedIdP is the one product that the compose file deploys beside Paperless.
func (s *Set) DeployedIdP() (deployment.IdP, string) {
	if s.Project == nil {
		return deployment.UnknownIdP, ""
	}
	found := map[string]deployment.IdP{}
	for _, service := range slices.Sorted(maps.Keys(s.Project.Images)) {
		if kind, name := deployment.WhoseImage(s.Project.Images[service]); kind != deployment.UnknownIdP {
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

// IsAuthentik reports whether something says that an app's provider is authentik.
// Only then may a finding about authentik's side be an error.
func (s *Set) IsAuthentik(app *Node) bool {
	kind, _ := s.Whose(app)
	return kind == deployment.AuthentikIdP
}

// IdP is what to call an app's provider in a sentence.
func (s *Set) IdP(app *Node) string {
	switch kind, name := s.Whose(app); {
	case kind == deployment.AuthentikIdP:
		return "authentik"
	case name != "":
		return name
	}
	return "the provider"
}

// otherIdPs names the providers where none is authentik's, nor may be; "" else.
func (s *Set) otherIdPs() string {
	var names []string
	for _, app := range s.Apps {
		kind, name := s.Whose(app)
		switch {
		case kind == deployment.AuthentikIdP:
			return ""
		case name == "":
			name = "the provider at " + OriginOf(ServerURL(app).Text())
			if OriginOf(ServerURL(app).Text()) == "" {
				return "" // nothing is said of it at all
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, id := range s.Natives() {
		if name := deployment.IdPName(id); !slices.Contains(names, name) && len(s.Apps) == 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

// Callback is the address that the provider sends users back to.
func (s *Set) Callback(provider string) string {
	origin := "https://<the host that users open>"
	if u, _ := s.Value("PAPERLESS_URL"); OriginOf(u) != "" {
		origin = OriginOf(u)
	}
	if v, _ := s.Value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"); v != "http" {
		origin = "https://" + origin[strings.Index(origin, "://")+3:]
	}
	prefix, _ := s.Value("PAPERLESS_FORCE_SCRIPT_NAME")
	return origin + strings.TrimRight(prefix, "/") + paperless.AccountsPath + provider + "/login/callback/"
}
