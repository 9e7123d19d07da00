package deployment

import (
	"encoding/json"
	"strings"
)

// ProvidersKey is the variable that carries the provider JSON.
const ProvidersKey = "PAPERLESS_SOCIALACCOUNT_PROVIDERS"

// OpenIDConnectApp is the Django app that PAPERLESS_APPS must name.
const OpenIDConnectApp = "allauth.socialaccount.providers.openid_connect"

// An App is one entry of openid_connect.APPS as Paperless reads it.
type App struct {
	ProviderID string         `json:"provider_id"`
	Name       string         `json:"name"`
	ClientID   string         `json:"client_id"`
	Secret     string         `json:"secret"`
	Settings   map[string]any `json:"settings"`
}

// ServerURL is settings.server_url, or "".
func (a App) ServerURL() string {
	s, _ := a.Settings["server_url"].(string)
	return s
}

// DiscoveryURL is the address that Paperless fetches, by allauth's rule of the
// given Paperless version (docs/facts/paperless.md#3.2: before 2.14.0 the suffix is added
// unless the URL ends in it, afterwards unless it contains /.well-known/).
func (a App) DiscoveryURL(atLeast2140 bool) string {
	s := a.ServerURL()
	const suffix = "/.well-known/openid-configuration"
	if atLeast2140 && strings.Contains(s, "/.well-known/") {
		return s
	}
	if strings.HasSuffix(s, suffix) {
		return s
	}
	return s + suffix
}

// Value is the value of an environment variable as Paperless's container sees
// it: NAME, or the content of the file that NAME_FILE points at.
func (p *Paperless) Value(name string) (string, bool) {
	if path, ok := p.Env[name+"_FILE"]; ok {
		if text, ok := p.Files[path]; ok {
			return strings.TrimRight(text, "\r\n"), true
		}
	}
	v, ok := p.Env[name]
	return v, ok
}

// Apps are the apps of the provider JSON. The error is json's own.
func (p *Paperless) Apps() ([]App, error) {
	text, ok := p.Value(ProvidersKey)
	if !ok {
		return nil, nil
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, err
	}
	raw, ok := doc["openid_connect"]
	if !ok {
		return nil, nil
	}
	// By map, because Go's decoder takes "apps" for APPS, and Python does not.
	var oc map[string]json.RawMessage
	if err := json.Unmarshal(raw, &oc); err != nil {
		return nil, err
	}
	return appsOf(oc)
}

// appsOf are the apps that allauth makes of openid_connect: those of the old
// SERVERS, which it rewrites and puts in place of everything else; else APPS;
// else APP.
func appsOf(oc map[string]json.RawMessage) ([]App, error) {
	decode := func(key string, into any) (bool, error) {
		text, ok := oc[key]
		if !ok || string(text) == "null" {
			return false, nil
		}
		return true, json.Unmarshal(text, into)
	}
	var servers []struct {
		ID     string  `json:"id"`
		Name   string  `json:"name"`
		URL    string  `json:"server_url"`
		Method *string `json:"token_auth_method"`
		App    App     `json:"APP"`
	}
	if ok, err := decode("SERVERS", &servers); ok || err != nil {
		var apps []App
		for _, s := range servers {
			app := s.App
			app.ProviderID, app.Name, app.Settings = s.ID, s.Name, map[string]any{"server_url": s.URL}
			if s.Method != nil {
				app.Settings["token_auth_method"] = *s.Method
			}
			apps = append(apps, app)
		}
		return apps, err
	}
	var apps []App
	if ok, err := decode("APPS", &apps); ok || err != nil {
		return apps, err
	}
	var one App
	if ok, err := decode("APP", &one); !ok || err != nil {
		return nil, err
	}
	return []App{one}, nil
}

// App is the app under test: the first that is not another product's than
// authentik, else the first. The zero App and false when there is none.
func (p *Paperless) App() (App, bool) {
	apps, err := p.Apps()
	if err != nil || len(apps) == 0 {
		return App{}, false
	}
	for _, app := range apps {
		if whose, _ := WhoseIdP(app.ProviderID, app.Name, app.ServerURL()); whose != OtherIdP {
			return app, true
		}
	}
	return apps[0], true
}

// EditProviders changes the provider JSON in place. JSON that does not parse
// is left alone.
func (b *Deployment) EditProviders(change func(openidConnect map[string]any)) {
	var doc map[string]any
	if json.Unmarshal([]byte(b.Paperless.Env[ProvidersKey]), &doc) != nil {
		return
	}
	oc, _ := doc["openid_connect"].(map[string]any)
	if oc == nil {
		return
	}
	change(oc)
	b.Paperless.Env[ProvidersKey] = marshal(doc)
}

// EditApp changes the app under test in place.
func (b *Deployment) EditApp(change func(app map[string]any)) {
	tested, _ := b.Paperless.App()
	b.EditProviders(func(oc map[string]any) {
		apps, _ := oc["APPS"].([]any)
		for _, a := range apps {
			app, _ := a.(map[string]any)
			if id, _ := app["provider_id"].(string); app != nil && (id == tested.ProviderID || len(apps) == 1) {
				change(app)
				return
			}
		}
	})
}

// EditSettings changes the settings object of the app under test in place.
func (b *Deployment) EditSettings(change func(settings map[string]any)) {
	b.EditApp(func(app map[string]any) {
		s, _ := app["settings"].(map[string]any)
		if s == nil {
			s = map[string]any{}
			app["settings"] = s
		}
		change(s)
	})
}

// marshal is json without HTML escapes, so that URLs stay readable.
func marshal(v any) string {
	var sb strings.Builder
	enc := json.NewEncoder(&sb)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // built from JSON
	}
	return strings.TrimSpace(sb.String())
}
