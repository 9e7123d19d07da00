package troubleshooting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// ssoMeant reports whether somebody wants SSO here at all.
func ssoMeant(s *source.Set) bool {
	return s.Providers != nil || s.Vars[deployment.ProvidersKey] != nil || s.Vars[deployment.ProvidersKey+"_FILE"] != nil
}

func checkJSON(s *source.Set) []source.Problem {
	e := s.JSONErr
	if e == nil {
		return nil
	}
	at := s.Providers.Offset(e.At)
	if e.At >= len(s.Providers.Value) && len(s.Providers.Pos) > 0 {
		at = s.Providers.Pos[len(s.Providers.Pos)-1]
		// The end of the value is the end of its last line with text.
		trimmed := strings.TrimRight(s.Providers.Value, " \t\r\n")
		if n := len(trimmed); n > 0 && n <= len(s.Providers.Pos) {
			at = s.Providers.Pos[n-1]
		}
	}
	p := source.Problem{
		File: s.Providers.File, At: at, Width: max(e.Cut, 1), Setting: deployment.ProvidersKey,
		Message: "not JSON: " + e.Text + "; Paperless does not start", Fix: e.Fix,
	}
	if e.Sure && (len(s.Providers.Raw) == len(s.Providers.Value)) && (s.Providers.Style == source.Literal || s.Providers.Style == source.Folded || s.Providers.Style == source.Bare || s.Providers.Style == source.SingleQuoted || s.Providers.Style == source.Listed) {
		if e.Cut > 0 || e.Put != "" {
			put := e.Put
			if e.Cut == 0 { // insert behind what stands before
				at = s.Providers.Offset(max(e.At-1, 0)) + 1
			}
			p.Edit = source.Replace(s.Providers.File, at, e.Cut, put)
		}
	}
	return []source.Problem{p}
}

func checkList(s *source.Set) []source.Problem {
	if s.Doc == nil || s.Doc.Kind == 'o' {
		return nil
	}
	what := map[byte]string{'a': "a list", 's': "a string", 'n': "a number", 'b': "true or false", 'z': "null"}[s.Doc.Kind]
	return []source.Problem{s.AtJSON(s.Doc, "the provider JSON is "+what+": the sign-in page is a server error", `begin with {"openid_connect": {"APPS": [`)}
}

func checkKey(s *source.Set) []source.Problem {
	if !s.Doc.Is('o') {
		return nil
	}
	natives := s.Natives()
	var out []source.Problem
	for i := range s.Doc.Members {
		if key := s.Doc.Members[i].Key; key == "openid_connect" || slices.Contains(natives, key) {
			continue
		}
		m := &s.Doc.Members[i]
		key := strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(m.Key))
		switch {
		case s.OpenIDConnect == nil && (key == "openidconnect" || key == "openid" || key == "oidc" || key == "authentik"):
			p := s.AtKey(m, fmt.Sprintf("Paperless looks for %q, not for %q: there is no button", "openid_connect", m.Key), `"openid_connect"`)
			p.Edit = source.Replace(s.Providers.File, s.Providers.Offset(m.At), m.End-m.At, `"openid_connect"`)
			out = append(out, p)
		case m.Value.Is('o') && (m.Value.Get("APPS") != nil || m.Value.Get("client_id") != nil):
			out = append(out, s.AtKey(m, fmt.Sprintf("the apps of an OpenID Connect provider stand under %q, not under %q", "openid_connect", m.Key), `"openid_connect": {"APPS": [ … ]}`))
		}
	}
	return out
}

// checkServers is about the old form: allauth turns each entry of SERVERS into an
// app, and stops where it lacks one of three keys.
func checkServers(s *source.Set) []source.Problem {
	var out []source.Problem
	servers := s.OpenIDConnect.Member("SERVERS")
	if servers == nil || servers.Value.Is('z') {
		return nil
	}
	for _, item := range servers.Value.Items {
		for _, key := range []string{"APP", "server_url", "id"} {
			if !item.Is('o') || item.Get(key) != nil {
				continue
			}
			p := s.AtJSON(item, fmt.Sprintf("this entry of SERVERS has no %s: the sign-in page is a server error (KeyError: '%s')", key, key),
				`{"id": …, "name": …, "server_url": …, "APP": {"client_id": …, "secret": …}}, or better the form of today: "APPS"`)
			p.Width = 1
			if item.Get("provider_id") != nil && item.Get("settings") != nil && s.OpenIDConnect.Get("APPS") == nil {
				p = s.AtKey(servers, fmt.Sprintf("the entries have the form of APPS, and stand under the old SERVERS: the sign-in page is a server error (KeyError: '%s')", key), `rename it to "APPS"`)
				p.Edit = source.Replace(s.Providers.File, s.Providers.Offset(servers.At), servers.End-servers.At, `"APPS"`)
			}
			out = append(out, p)
			break
		}
	}
	return out
}

func checkNoApp(s *source.Set) []source.Problem {
	if broken := checkServers(s); len(broken) > 0 {
		return broken
	}
	if s.JSONErr != nil || len(s.Apps) > 0 {
		return nil
	}
	if !ssoMeant(s) {
		return noProvider(s)
	}
	const shape = `{"openid_connect": {"APPS": [{"provider_id": "authentik", "name": "SSO", "client_id": …, "secret": …, "settings": {"server_url": …}}]}}`
	switch {
	case s.Providers == nil:
		return nil
	case s.Doc.Is('o') && len(s.Doc.Members) == 0:
		return []source.Problem{s.Providers.AtName("the provider JSON is empty: there is no button", shape)}
	case s.Doc.Get("APPS") != nil:
		return []source.Problem{s.AtKey(s.Doc.Member("APPS"), `APPS stands beside "openid_connect", it belongs into it: there is no button`, `{"openid_connect": {"APPS": [ … ]}}`)}
	case s.OpenIDConnect == nil && len(s.Natives())+len(checkKey(s)) > 0 || !s.Doc.Is('o'):
		return nil
	case s.OpenIDConnect == nil:
		return []source.Problem{s.AtJSON(s.Doc, `there is no "openid_connect" in the JSON: there is no button`, shape)}
	}
	for i := range s.OpenIDConnect.Members {
		m := &s.OpenIDConnect.Members[i]
		switch {
		case m.Key != "APPS" && (strings.EqualFold(m.Key, "apps") || strings.EqualFold(m.Key, "app")):
			p := s.AtKey(m, fmt.Sprintf("keys are case-sensitive: Paperless reads %q, not %q: there is no button", "APPS", m.Key), `"APPS"`)
			if m.Value.Is('a') {
				p.Edit = source.Replace(s.Providers.File, s.Providers.Offset(m.At), m.End-m.At, `"APPS"`)
			}
			return []source.Problem{p}
		case m.Key == "APPS" && m.Value.Is('o'):
			return []source.Problem{s.AtJSON(m.Value, "APPS must be a list: there is no button", `"APPS": [{ … }]`)}
		case m.Key == "APPS" && m.Value.Is('a') && len(m.Value.Items) == 0:
			return []source.Problem{s.AtKey(m, "APPS is empty: there is no button", `"APPS": [{ … }]`)}
		case m.Key == "client_id" || m.Key == "provider_id":
			return []source.Problem{s.AtKey(m, fmt.Sprintf("%q stands in openid_connect itself: there is no button", m.Key), `"openid_connect": {"APPS": [{ … }]}`)}
		}
	}
	if len(s.Natives()) > 0 {
		return nil // somebody left openid_connect empty beside another provider
	}
	return []source.Problem{s.AtJSON(s.OpenIDConnect, "there is no app in openid_connect.APPS: there is no button", shape)}
}

func checkApps(s *source.Set) []source.Problem {
	missing := missingApps(s)
	if !ssoMeant(s) || len(missing) == 0 {
		return nil
	}
	lacking := strings.Join(missing, ",")
	e, list := s.Modules()
	if e == nil {
		return []source.Problem{s.Absent("PAPERLESS_APPS", lacking, "PAPERLESS_APPS is not set, and without the provider's app there is no button")}
	}
	for _, m := range list {
		if badModule(m.Name) != "" {
			return nil // CFG-MODULE: it does not even start
		}
	}
	value := strings.TrimRight(e.Value, ", \n")
	if value != "" {
		value += ","
	}
	value += lacking
	p := e.AtValue("PAPERLESS_APPS lacks "+lacking+": there is no button", e.Written("PAPERLESS_APPS", value))
	p.Edit = e.Revalue(value)
	return []source.Problem{p}
}

// badModule says why a name in PAPERLESS_APPS cannot be imported; "" when it
// can, or when nothing is known about it.
func badModule(name string) string {
	const prefix = "allauth.socialaccount.providers."
	bare := strings.Trim(name, `"'`)
	switch {
	case name != bare:
		return "the quotes are part of the name"
	case strings.ContainsAny(name, ";| \t\n"):
		return "entries are separated by commas"
	case name == deployment.OpenIDConnectApp:
		return ""
	case slices.Contains(deployment.SocialProviders(), strings.TrimPrefix(name, prefix)) && strings.HasPrefix(name, prefix):
		return ""
	case strings.EqualFold(name, deployment.OpenIDConnectApp), deployment.Distance(name, deployment.OpenIDConnectApp) <= 3:
		return "there is no module of this name"
	case name == "openid_connect" || name == "providers.openid_connect" || name == "socialaccount.providers.openid_connect" || name == "allauth.providers.openid_connect" || name == "allauth.openid_connect":
		return "the name is not complete"
	case strings.HasPrefix(name, prefix) && !slices.Contains(deployment.SocialProviders(), strings.SplitN(strings.TrimPrefix(name, prefix), ".", 2)[0]):
		return "allauth has no such provider; " + deployment.OpenIDConnectApp + " is for all that speak OpenID Connect"
	}
	return ""
}

func checkModule(s *source.Set) []source.Problem {
	var out []source.Problem
	e, list := s.Modules()
	for _, m := range list {
		if why := badModule(m.Name); why != "" {
			at := e.Offset(m.At)
			p := source.Problem{
				File: e.File, At: at, Width: len(m.Raw), Setting: e.Name,
				Message: why + ": Paperless does not start (ModuleNotFoundError)", Fix: e.Written(e.Name, deployment.OpenIDConnectApp),
			}
			if len(list) == 1 {
				p.Edit = e.Revalue(deployment.OpenIDConnectApp)
			}
			out = append(out, p)
		}
	}
	return out
}

func checkAppSpace(s *source.Set) []source.Problem {
	e, list := s.Modules()
	if e == nil || s.Paperless().AtLeast("3.0.0") {
		return nil
	}
	for _, m := range list {
		if m.Raw != m.Name && badModule(m.Name) == "" && m.Name != "" {
			var names []string
			for _, m := range list {
				names = append(names, m.Name)
			}
			value := strings.Join(names, ",")
			p := e.AtValue("a space in the list becomes part of a module's name: Paperless does not start before 3.0.0", e.Written(e.Name, value))
			p.Edit = e.Revalue(value)
			return []source.Problem{p}
		}
	}
	return nil
}

func checkAppTwice(s *source.Set) []source.Problem {
	var out []source.Problem
	e, list := s.Modules()
	seen := map[string]bool{"allauth": true, "allauth.account": true, "allauth.socialaccount": true}
	for _, m := range list {
		if seen[m.Name] {
			p := source.Problem{
				File: e.File, At: e.Offset(m.At), Width: len(m.Raw), Setting: e.Name,
				Message: m.Name + " is there already: Paperless does not start (application labels are not unique)", Fix: e.Written(e.Name, deployment.OpenIDConnectApp),
			}
			if len(list) == 2 && s.HasApp() {
				p.Edit = e.Revalue(deployment.OpenIDConnectApp)
			}
			out = append(out, p)
		}
		seen[m.Name] = true
	}
	return out
}

func checkScopes(s *source.Set) []source.Problem {
	if m := s.OpenIDConnect.Member("SCOPES"); m != nil {
		p := s.AtKey(m, "SCOPES is not read", `"SCOPE"`)
		p.Edit = source.Replace(s.Providers.File, s.Providers.Offset(m.At), m.End-m.At, `"SCOPE"`)
		return []source.Problem{p}
	}
	return nil
}

func checkScopeType(s *source.Set) []source.Problem {
	var out []source.Problem
	nodes := []*source.Node{s.OpenIDConnect.Get("SCOPE")}
	for _, app := range s.Apps {
		nodes = append(nodes, app.Get("settings").Get("scope"))
	}
	for _, n := range nodes {
		if n.Is('s') && n.Str != "" {
			out = append(out, s.AtJSON(n, "the scopes must be a list: a string is split into letters", `["`+strings.Join(strings.Fields(n.Str), `", "`)+`"]`))
		}
	}
	return out
}

// The keys that are read, by the place where they stand; a version behind the
// key is the first that reads it (fixtures/paperless-settings.json).
var (
	providerKeys = map[string]string{"APPS": "", "APP": "", "SERVERS": "", "OAUTH_PKCE_ENABLED": "", "SCOPE": "", "AUTH_PARAMS": "", "EMAIL_AUTHENTICATION": "", "VERIFIED_EMAIL": ""}
	appKeys      = map[string]string{"provider_id": "", "name": "", "client_id": "", "secret": "", "key": "", "settings": "", "id": "", "provider": "", "certificate_key": ""}
	settingsKeys = map[string]string{
		"server_url": "", "token_auth_method": "", "fetch_userinfo": "2.20.0", "uid_field": "3.0.0", "oauth_pkce_enabled": "2.14.0",
		"scope": "2.14.0", "auth_params": "2.20.0", "email_authentication": "", "verified_email": "", "hidden": "2.9.0",
	}
	// keyRules are keys that a rule of their own speaks about.
	keyRules = map[string]bool{"OAUTH_PKCE_ENABLED": true, "PKCE_ENABLED": true, "pkce_enabled": true, "oauth_pkce_enabled": true, "SCOPES": true, "claims": true}
)

func checkJSONKeys(s *source.Set) []source.Problem {
	var out []source.Problem
	if servers := s.OpenIDConnect.Get("SERVERS"); servers != nil && !servers.Is('z') {
		for i := range s.OpenIDConnect.Members {
			if m := &s.OpenIDConnect.Members[i]; m.Key != "SERVERS" {
				out = append(out, s.AtKey(m, m.Key+" is not read beside the old SERVERS", `use the form of today: "APPS", with everything else beside it`))
			}
		}
	} else if s.OpenIDConnect != nil {
		out = append(out, unreadKeys(s, s.OpenIDConnect, "openid_connect", providerKeys)...)
	}
	for _, app := range s.Apps {
		out = append(out, unreadKeys(s, app, "the app", appKeys)...)
		if n := app.Get("settings"); n.Is('o') {
			out = append(out, unreadKeys(s, n, "settings", settingsKeys)...)
		}
	}
	return out
}

func unreadKeys(s *source.Set, n *source.Node, where string, read map[string]string) []source.Problem {
	var out []source.Problem
	for i := range n.Members {
		m := &n.Members[i]
		since, known := read[m.Key]
		if keyRules[m.Key] && (!known || since != "") || where == "openid_connect" && len(s.Apps) == 0 {
			continue
		}
		if known {
			if since != "" && !s.Paperless().AtLeast(since) {
				out = append(out, s.AtKey(m, fmt.Sprintf("%s in %s is read from Paperless-ngx %s on, not by %s", m.Key, where, since, s.Paperless().Version), "use "+since+" or later, or remove it"))
			}
			continue
		}
		real, place := "", ""
		for p, keys := range map[string]map[string]string{"openid_connect": providerKeys, "the app": appKeys, "settings": settingsKeys} {
			for k := range keys {
				same := strings.EqualFold(k, m.Key) || strings.EqualFold(strings.ReplaceAll(k, "_", ""), strings.NewReplacer("_", "", "-", "").Replace(m.Key)) || len(k) > 4 && deployment.Distance(k, m.Key) == 1
				if same && (real == "" || p == where) {
					real, place = k, p
				}
			}
		}
		alias := map[string]string{"client_secret": "secret", "clientSecret": "secret", "clientId": "client_id", "clientID": "client_id", "id": "provider_id"}[m.Key]
		if slices.Contains(source.URLKeys, m.Key) && m.Key != "server_url" {
			alias = "server_url"
			if where != "settings" && n.Get("settings").Get("server_url") == nil {
				real, place = "server_url", "settings"
			}
		}
		if alias != "" {
			if _, ok := read[alias]; ok {
				real, place = alias, where
			}
		}
		p := s.AtKey(m, m.Key+" in "+where+" is not read", "remove it")
		switch {
		case real != "" && place == where && n.Get(real) == nil:
			p.Message += "; Paperless reads " + real
			p.Fix = "rename it to \"" + real + "\""
			p.Edit = source.Replace(s.Providers.File, s.Providers.Offset(m.At), m.End-m.At, `"`+real+`"`)
			if real == "provider_id" || real == "client_id" || real == "secret" || real == "server_url" || real == "settings" {
				p.Level = source.Error
			}
		case real != "" && place != where:
			p.Fix = real + " belongs into " + place
			if real == "server_url" && n.Get("settings").Get("server_url") == nil {
				p.Level = source.Error
			}
		default:
			p.Level = source.Info
		}
		out = append(out, p)
	}
	return out
}

func checkJSONTwice(s *source.Set) []source.Problem {
	var out []source.Problem
	var visit func(n *source.Node)
	visit = func(n *source.Node) {
		seen := map[string]bool{}
		for i := range n.Members {
			m := &n.Members[i]
			if seen[m.Key] {
				out = append(out, s.AtKey(m, m.Key+" is a duplicate key; the last one counts", "keep one"))
			}
			seen[m.Key] = true
			visit(m.Value)
		}
		for _, item := range n.Items {
			visit(item)
		}
	}
	if s.Doc != nil {
		visit(s.Doc)
	}
	return out
}

// missingApps are the Django apps of the providers in the JSON that
// PAPERLESS_APPS does not name.
func missingApps(s *source.Set) []string {
	_, list := s.Modules()
	has := func(app string) bool {
		return slices.ContainsFunc(list, func(m source.Module) bool { return m.Name == app })
	}
	var out []string
	natives := s.Natives()
	if (len(s.Apps) > 0 || len(natives) == 0) && !has(deployment.OpenIDConnectApp) {
		out = append(out, deployment.OpenIDConnectApp)
	}
	for _, id := range natives {
		if app := deployment.SocialApp(id); !has(app) {
			out = append(out, app)
		}
	}
	return out
}

// noProvider is about a configuration without any provider JSON: PAPERLESS_APPS
// that names a provider's app alone gives no button, and without any login
// setting there is nothing to judge.
func noProvider(s *source.Set) []source.Problem {
	e, list := s.Modules()
	for _, m := range list {
		if !strings.HasPrefix(m.Name, "allauth.socialaccount.providers.") || badModule(m.Name) != "" {
			continue
		}
		p := e.AtName("PAPERLESS_APPS names a provider's app, but "+deployment.ProvidersKey+" is not set: there is no button", s.Line(deployment.ProvidersKey, `{"openid_connect": {"APPS": [ … ]}}`))
		p.Setting = deployment.ProvidersKey
		if m.Name != deployment.OpenIDConnectApp {
			p.Level = source.Info // it may be in the database (/admin/)
		}
		return []source.Problem{p}
	}
	return nil
}
