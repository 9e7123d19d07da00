package conformance

import (
	"encoding/json"
	"maps"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// An App is an app of the provider JSON. Those beside the configuration's own have
// its settings with one change, and a client of their own at the provider.
type App string

// The apps.
const (
	OwnApp       App = ""
	WithPKCE     App = "pkce"
	WithoutPKCE  App = "nopkce"
	WithMail     App = "mail"         // email_authentication
	WithVerified App = "mailverified" // and verified_email
	WithoutInfo  App = "nouserinfo"   // fetch_userinfo false
	WithUIDField App = "uidfield"     // uid_field preferred_username
	Second       App = "second"       // another provider
	OddSecret    App = "odd"          // id and secret with characters that are encoded
	Slash        App = "slash"        // server_url with a slash at the end
	Unresolved   App = "unresolved"   // a name that does not resolve
	Unreachable  App = "unreachable"  // a port where nothing listens
	PlainHTTP    App = "plain"        // server_url without TLS
)

// Elsewhere is another host that leads to our provider.
const Elsewhere = "elsewhere.ssocheck.example"

// prefix starts the names of what is added to a configuration.
const prefix = "ssocheck-"

// settings are what the apps have otherwise than the configuration's own.
var settings = map[App]map[string]any{
	WithPKCE:     {"oauth_pkce_enabled": true},
	WithoutPKCE:  {"oauth_pkce_enabled": false},
	WithMail:     {"email_authentication": true},
	WithVerified: {"email_authentication": true, "verified_email": true},
	WithoutInfo:  {"fetch_userinfo": false},
	WithUIDField: {"uid_field": "preferred_username"},
	Second:       {},
	OddSecret:    {"token_auth_method": oidc.SecretBasic},
	Slash:        {"server_url": "{issuer}"},
	Unresolved:   {"server_url": "https://nowhere.ssocheck.example/"},
	Unreachable:  {"server_url": "https://" + Elsewhere + ":1/"},
	PlainHTTP:    {"server_url": "http://" + Elsewhere + "{path}"},
}

// Prepare is the configuration with the apps and users that the tests need beside
// its own, which stay as they are. The second value says why none could be added;
// empty: they were.
func Prepare(b *deployment.Deployment) (*deployment.Deployment, string) {
	c := b.Clone()
	for _, u := range locals {
		u.Groups = append([]string{}, u.Groups...)
		c.Paperless.Users = append(c.Paperless.Users, u)
		c.Added = append(c.Added, "Paperless user "+u.Username)
	}
	own, ok := c.Paperless.App()
	if !ok {
		return c, "the configuration has no app of openid_connect"
	}
	added := false
	c.EditProviders(func(level map[string]any) {
		list, ok := level["APPS"].([]any)
		if !ok {
			return
		}
		for _, t := range All() {
			for _, app := range t.apps() {
				if app != OwnApp && !has(list, prefix+string(app)) {
					list = append(list, extra(own, app, c.Authentik.URL))
				}
			}
		}
		level["APPS"] = list
		added = true
	})
	if !added {
		return c, "the provider JSON has no list APPS to add apps to"
	}
	c.Added = append(c.Added, "apps "+prefix+"… in "+deployment.ProvidersKey+", hidden, for settings that the configuration does not have")
	return c, ""
}

// apps are those that a test uses.
func (t *Test) apps() []App {
	if t.Slow {
		return []App{App(t.ID)}
	}
	return append([]App{t.App}, t.Also...)
}

func has(list []any, id string) bool {
	for _, one := range list {
		if app, _ := one.(map[string]any); app != nil && app["provider_id"] == id {
			return true
		}
	}
	return false
}

// extra is the configuration's own app with one change.
func extra(own deployment.App, app App, origin string) map[string]any {
	client := clientOf(app, origin)
	set := maps.Clone(own.Settings)
	set["server_url"], set["hidden"] = client.Issuer+strings.TrimPrefix(oidc.WellKnown, "/"), true
	for name, v := range settings[app] {
		if text, ok := v.(string); ok {
			u, _ := url.Parse(client.Issuer) // ours
			v = strings.NewReplacer("{issuer}", client.Issuer, "{path}", u.Path).Replace(text)
		}
		set[name] = v
	}
	return map[string]any{"provider_id": prefix + string(app), "name": prefix + string(app), "client_id": client.ID, "secret": client.Secret, "settings": set}
}

// clientOf is the client of an added app at the provider.
func clientOf(app App, origin string) provider.Client {
	slug := prefix + string(app)
	issuer := strings.TrimRight(origin, "/") + authentik.ApplicationPath(slug)
	c := provider.Client{ID: slug + "-client", Secret: slug + "-secret-7c1e", Issuer: issuer, Discovery: authentik.DiscoveryPath(slug)}
	switch app {
	case OddSecret:
		c.ID, c.Secret = "ssocheck:odd id", "p+a%2Fs s:&w="
	case Slash:
		c.Discovery = authentik.ApplicationPath(slug) + oidc.WellKnown
	}
	return c
}

// client is what the provider knows of an app of the deployment.
func client(b *deployment.Deployment, app App) (provider.Client, bool) {
	if app != OwnApp {
		return clientOf(app, b.Authentik.URL), true
	}
	own, ok := b.Paperless.App()
	if !ok {
		return provider.Client{}, false
	}
	u, err := url.Parse(own.DiscoveryURL(b.Paperless.AtLeast("2.14.0")))
	if err != nil {
		return provider.Client{}, false
	}
	path := strings.TrimPrefix(u.Path, b.Authentik.Path())
	issuer, _, _ := strings.Cut(path, oidc.WellKnown)
	return provider.Client{
		ID: own.ClientID, Secret: own.Secret, Discovery: path,
		Issuer: strings.TrimRight(b.Authentik.URL, "/") + strings.TrimRight(issuer, "/") + "/",
	}, true
}

// providerID is the provider_id of an app.
func providerID(b *deployment.Deployment, app App) string {
	if app != OwnApp {
		return prefix + string(app)
	}
	own, _ := b.Paperless.App()
	return own.ProviderID
}

// startURL is where a sign-in with an app begins.
func startURL(b *deployment.Deployment, app App) string {
	own, _ := b.Paperless.App()
	begin := strings.TrimSuffix(b.RedirectURI(), "callback/")
	return strings.Replace(begin, "/"+own.ProviderID+"/login/", "/"+providerID(b, app)+"/login/", 1)
}

// setting is a value of the app's settings, or of the level around it.
func setting(b *deployment.Deployment, name string) any {
	own, _ := b.Paperless.App()
	if v, ok := own.Settings[name]; ok {
		return v
	}
	text, _ := b.Paperless.Value(deployment.ProvidersKey)
	var doc map[string]map[string]any
	if json.Unmarshal([]byte(text), &doc) != nil {
		return nil
	}
	return doc["openid_connect"][strings.ToUpper(name)]
}
