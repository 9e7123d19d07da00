package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// providerRules are about PAPERLESS_APPS and the shape of the provider JSON.
func providerRules() []Rule {
	return []Rule{
		{Code: "CFG-JSON", Level: Error, Title: "The provider setting is JSON", Doc: "Paperless does not start.", check: checkJSON},
		{Code: "CFG-LIST", Level: Error, Title: "The provider JSON is an object", Doc: "With a list or a text the sign-in page is a server error.", check: checkList},
		{Code: "CFG-KEY", Level: Error, Title: "The apps stand under openid_connect", Doc: "Under another name there is no button.", check: checkKey},
		{Code: "CFG-NOAPP", Level: Error, Title: "The provider JSON has an app", Doc: "Without one in openid_connect.APPS there is no button.", check: checkNoApp},
		{Code: "CFG-APPS", Level: Error, Title: "PAPERLESS_APPS names the OpenID Connect provider", Doc: "Without it there is no button.", check: checkApps},
		{Code: "SEC-PKCE", Level: Info, Title: "PKCE is on", Doc: "Without it a stolen code can be used by who does not have the browser that began.", check: checkPKCEOff},
		{Code: "CFG-MODULE", Level: Error, Title: "Every app in PAPERLESS_APPS exists", Doc: "Paperless does not start.", check: checkModule},
		{Code: "CFG-APPSPACE", Level: Error, Title: "PAPERLESS_APPS has no blanks", Doc: "v2 takes a blank for part of the module's name and does not start.", check: checkAppSpace},
		{Code: "CFG-APPTWICE", Level: Error, Title: "PAPERLESS_APPS names nothing that is there anyway", Doc: "allauth and allauth.socialaccount twice: Paperless does not start.", Breaks: "login-page", check: checkAppTwice},
		{Code: "CFG-PKCESTR", Level: Warning, Title: "OAUTH_PKCE_ENABLED is true or false", Doc: "Every text but the empty one switches PKCE on, \"False\" too.", check: checkPKCE},
		{Code: "CFG-PKCEPLACE", Level: Warning, Title: "OAUTH_PKCE_ENABLED stands beside APPS", Doc: "In the app or its settings it is not read.", check: checkPKCEPlace},
		{Code: "CFG-SCOPES", Level: Warning, Title: "Scopes stand under SCOPE", Doc: "SCOPES is not read.", check: checkScopes},
		{Code: "CFG-SCOPETYPE", Level: Error, Title: "SCOPE is a list", Doc: "A text is taken apart into letters.", Item: "IDP-SCOPE", check: checkScopeType},
		{Code: "CFG-JSONKEY", Level: Warning, Title: "Every key of the provider JSON is read", Doc: "Others are ignored without a word.", Lost: true, check: checkJSONKeys},
		{Code: "CFG-JSONDUP", Level: Warning, Title: "Every key of the provider JSON stands once", Doc: "Of equal keys the last counts.", Lost: true, check: checkJSONTwice},
	}
}

// ssoMeant tells whether somebody wants SSO here at all.
func (s *subject) ssoMeant() bool {
	return s.providers != nil || s.vars[deployment.ProvidersKey] != nil || s.vars[deployment.ProvidersKey+"_FILE"] != nil
}

func checkJSON(s *subject) []problem {
	e := s.jsonErr
	if e == nil {
		return nil
	}
	at := s.providers.offset(e.at)
	if e.at >= len(s.providers.value) && len(s.providers.pos) > 0 {
		at = s.providers.pos[len(s.providers.pos)-1]
		// The end of the value is the end of its last line with text.
		trimmed := strings.TrimRight(s.providers.value, " \t\r\n")
		if n := len(trimmed); n > 0 && n <= len(s.providers.pos) {
			at = s.providers.pos[n-1]
		}
	}
	p := problem{
		file: s.providers.file, at: at, width: max(e.cut, 1), setting: deployment.ProvidersKey,
		message: "not JSON: " + e.text + "; Paperless does not start", fix: e.fix,
	}
	if e.sure && (len(s.providers.raw) == len(s.providers.value)) && (s.providers.style == literal || s.providers.style == folded || s.providers.style == bare || s.providers.style == single || s.providers.style == listed) {
		if e.cut > 0 || e.put != "" {
			put := e.put
			if e.cut == 0 { // insert behind what stands before
				at = s.providers.offset(max(e.at-1, 0)) + 1
			}
			p.edit = replace(s.providers.file, at, e.cut, put)
		}
	}
	return []problem{p}
}

func checkList(s *subject) []problem {
	if s.doc == nil || s.doc.kind == 'o' {
		return nil
	}
	what := map[byte]string{'a': "a list", 's': "a text", 'n': "a number", 'b': "true or false", 'z': "null"}[s.doc.kind]
	return []problem{s.atJSON(s.doc, "the provider JSON is "+what+": the sign-in page is a server error", `begin with {"openid_connect": {"APPS": [`)}
}

func checkKey(s *subject) []problem {
	if !s.doc.is('o') {
		return nil
	}
	natives := s.natives()
	var out []problem
	for i := range s.doc.members {
		if key := s.doc.members[i].key; key == "openid_connect" || slices.Contains(natives, key) {
			continue
		}
		m := &s.doc.members[i]
		key := strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(m.key))
		switch {
		case s.oc == nil && (key == "openidconnect" || key == "openid" || key == "oidc" || key == "authentik"):
			p := s.atKey(m, fmt.Sprintf("Paperless looks for %q, not for %q: there is no button", "openid_connect", m.key), `"openid_connect"`)
			p.edit = replace(s.providers.file, s.providers.offset(m.at), m.end-m.at, `"openid_connect"`)
			out = append(out, p)
		case m.value.is('o') && (m.value.get("APPS") != nil || m.value.get("client_id") != nil):
			out = append(out, s.atKey(m, fmt.Sprintf("the apps of an OpenID Connect provider stand under %q, not under %q", "openid_connect", m.key), `"openid_connect": {"APPS": [ … ]}`))
		}
	}
	return out
}

// checkServers is about the old form: allauth turns each entry of SERVERS into an
// app, and stops where it lacks one of three keys.
func checkServers(s *subject) []problem {
	var out []problem
	servers := s.oc.member("SERVERS")
	if servers == nil || servers.value.is('z') {
		return nil
	}
	for _, item := range servers.value.items {
		for _, key := range []string{"APP", "server_url", "id"} {
			if !item.is('o') || item.get(key) != nil {
				continue
			}
			p := s.atJSON(item, fmt.Sprintf("this entry of SERVERS has no %s: the sign-in page is a server error (KeyError: '%s')", key, key),
				`{"id": …, "name": …, "server_url": …, "APP": {"client_id": …, "secret": …}}, or better the form of today: "APPS"`)
			p.width = 1
			if item.get("provider_id") != nil && item.get("settings") != nil && s.oc.get("APPS") == nil {
				p = s.atKey(servers, fmt.Sprintf("the entries have the form of APPS, and stand under the old SERVERS: the sign-in page is a server error (KeyError: '%s')", key), `rename it to "APPS"`)
				p.edit = replace(s.providers.file, s.providers.offset(servers.at), servers.end-servers.at, `"APPS"`)
			}
			out = append(out, p)
			break
		}
	}
	return out
}

func checkNoApp(s *subject) []problem {
	if broken := checkServers(s); len(broken) > 0 {
		return broken
	}
	if s.jsonErr != nil || len(s.apps) > 0 {
		return nil
	}
	if !s.ssoMeant() {
		return s.noProvider()
	}
	const shape = `{"openid_connect": {"APPS": [{"provider_id": "authentik", "name": "SSO", "client_id": …, "secret": …, "settings": {"server_url": …}}]}}`
	switch {
	case s.providers == nil:
		return nil
	case s.doc.is('o') && len(s.doc.members) == 0:
		return []problem{s.providers.atName("the provider JSON is empty: there is no button", shape)}
	case s.doc.get("APPS") != nil:
		return []problem{s.atKey(s.doc.member("APPS"), `APPS stands beside "openid_connect", it belongs into it: there is no button`, `{"openid_connect": {"APPS": [ … ]}}`)}
	case s.oc == nil && len(s.natives())+len(checkKey(s)) > 0 || !s.doc.is('o'):
		return nil
	case s.oc == nil:
		return []problem{s.atJSON(s.doc, `there is no "openid_connect" in the JSON: there is no button`, shape)}
	}
	for i := range s.oc.members {
		m := &s.oc.members[i]
		switch {
		case m.key != "APPS" && (strings.EqualFold(m.key, "apps") || strings.EqualFold(m.key, "app")):
			p := s.atKey(m, fmt.Sprintf("keys are case-sensitive: Paperless reads %q, not %q: there is no button", "APPS", m.key), `"APPS"`)
			if m.value.is('a') {
				p.edit = replace(s.providers.file, s.providers.offset(m.at), m.end-m.at, `"APPS"`)
			}
			return []problem{p}
		case m.key == "APPS" && m.value.is('o'):
			return []problem{s.atJSON(m.value, "APPS must be a list: there is no button", `"APPS": [{ … }]`)}
		case m.key == "APPS" && m.value.is('a') && len(m.value.items) == 0:
			return []problem{s.atKey(m, "APPS is empty: there is no button", `"APPS": [{ … }]`)}
		case m.key == "client_id" || m.key == "provider_id":
			return []problem{s.atKey(m, fmt.Sprintf("%q stands in openid_connect itself: there is no button", m.key), `"openid_connect": {"APPS": [{ … }]}`)}
		}
	}
	if len(s.natives()) > 0 {
		return nil // somebody left openid_connect empty beside another provider
	}
	return []problem{s.atJSON(s.oc, "there is no app in openid_connect.APPS: there is no button", shape)}
}

// modules are the entries of PAPERLESS_APPS with their places in the value.
func (s *subject) modules() (e *entry, list []module) {
	v, e := s.value("PAPERLESS_APPS")
	if e == nil {
		return nil, nil
	}
	at := 0
	for part := range strings.SplitSeq(v, ",") {
		if part != "" {
			list = append(list, module{raw: part, name: strings.TrimSpace(part), at: at})
		}
		at += len(part) + 1
	}
	return e, list
}

type module struct {
	raw, name string
	at        int
}

func (s *subject) hasApp() bool {
	_, list := s.modules()
	for _, m := range list {
		if m.name == deployment.OpenIDConnectApp {
			return true
		}
	}
	return false
}

func checkApps(s *subject) []problem {
	missing := s.missingApps()
	if !s.ssoMeant() || len(missing) == 0 {
		return nil
	}
	lacking := strings.Join(missing, ",")
	e, list := s.modules()
	if e == nil {
		return []problem{s.absent("PAPERLESS_APPS", lacking, "PAPERLESS_APPS is not set, and without the provider's app there is no button")}
	}
	for _, m := range list {
		if badModule(m.name) != "" {
			return nil // CFG-MODULE: it does not even start
		}
	}
	value := strings.TrimRight(e.value, ", \n")
	if value != "" {
		value += ","
	}
	value += lacking
	p := e.atValue("PAPERLESS_APPS lacks "+lacking+": there is no button", e.written("PAPERLESS_APPS", value))
	p.edit = e.revalue(value)
	return []problem{p}
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
	case strings.EqualFold(name, deployment.OpenIDConnectApp), editDistance(name, deployment.OpenIDConnectApp) <= 3:
		return "there is no module of this name"
	case name == "openid_connect" || name == "providers.openid_connect" || name == "socialaccount.providers.openid_connect" || name == "allauth.providers.openid_connect" || name == "allauth.openid_connect":
		return "the name is not complete"
	case strings.HasPrefix(name, prefix) && !slices.Contains(deployment.SocialProviders(), strings.SplitN(strings.TrimPrefix(name, prefix), ".", 2)[0]):
		return "allauth has no such provider; " + deployment.OpenIDConnectApp + " is for all that speak OpenID Connect"
	}
	return ""
}

func checkModule(s *subject) []problem {
	var out []problem
	e, list := s.modules()
	for _, m := range list {
		if why := badModule(m.name); why != "" {
			at := e.offset(m.at)
			p := problem{
				file: e.file, at: at, width: len(m.raw), setting: e.name,
				message: why + ": Paperless does not start (ModuleNotFoundError)", fix: e.written(e.name, deployment.OpenIDConnectApp),
			}
			if len(list) == 1 {
				p.edit = e.revalue(deployment.OpenIDConnectApp)
			}
			out = append(out, p)
		}
	}
	return out
}

func checkAppSpace(s *subject) []problem {
	e, list := s.modules()
	if e == nil || s.paperless().AtLeast("3.0.0") {
		return nil
	}
	for _, m := range list {
		if m.raw != m.name && badModule(m.name) == "" && m.name != "" {
			var names []string
			for _, m := range list {
				names = append(names, m.name)
			}
			value := strings.Join(names, ",")
			p := e.atValue("a blank in the list becomes part of a module's name: Paperless does not start before 3.0.0", e.written(e.name, value))
			p.edit = e.revalue(value)
			return []problem{p}
		}
	}
	return nil
}

func checkAppTwice(s *subject) []problem {
	var out []problem
	e, list := s.modules()
	seen := map[string]bool{"allauth": true, "allauth.account": true, "allauth.socialaccount": true}
	for _, m := range list {
		if seen[m.name] {
			p := problem{
				file: e.file, at: e.offset(m.at), width: len(m.raw), setting: e.name,
				message: m.name + " is there already: Paperless does not start (application labels are not unique)", fix: e.written(e.name, deployment.OpenIDConnectApp),
			}
			if len(list) == 2 && s.hasApp() {
				p.edit = e.revalue(deployment.OpenIDConnectApp)
			}
			out = append(out, p)
		}
		seen[m.name] = true
	}
	return out
}

func checkPKCE(s *subject) []problem {
	n := s.oc.get("OAUTH_PKCE_ENABLED")
	if !n.is('s') {
		return nil
	}
	var p problem
	switch strings.ToLower(n.str) {
	case "false", "no", "off", "0":
		p = s.atJSON(n, "this text switches PKCE on: every text but the empty one does", "false, without quotes")
		p.edit = s.rewrite(n, "false")
	default:
		p = s.atJSON(n, "a text where true belongs; it works because every text but the empty one counts as true", "true, without quotes")
		p.level = Info
		p.edit = s.rewrite(n, "true")
	}
	return []problem{p}
}

// checkPKCEOff says where PKCE is not asked for: not at all, or switched off.
func checkPKCEOff(s *subject) []problem {
	if s.oc == nil || len(s.apps) == 0 || len(checkPKCEPlace(s)) > 0 {
		return nil
	}
	all := s.oc.member("OAUTH_PKCE_ENABLED")
	if servers := s.oc.get("SERVERS"); servers != nil && !servers.is('z') {
		all = nil
	}
	var out []problem
	for _, app := range s.apps {
		m := all
		if own := app.get("settings").member("oauth_pkce_enabled"); own != nil && s.paperless().AtLeast("2.14.0") {
			m = own
		}
		switch {
		case m == nil && len(out) > 0:
			continue // said once: one switch is for all
		case m == nil:
			p := s.atJSON(app, "PKCE is off (the default): a stolen code can be used elsewhere", `"OAUTH_PKCE_ENABLED": true beside "APPS"; the provider needs no change`)
			p.width = 1
			out = append(out, p)
		case !m.value.truthy():
			p := s.atKey(m, "PKCE is switched off: a stolen code can be used elsewhere", "true; the provider needs no change")
			p.level = Warning
			out = append(out, p)
		}
	}
	return out
}

// rewrite is the edit that puts a text in place of a piece of the provider JSON.
func (s *subject) rewrite(n *jnode, text string) *Edit {
	e := s.providers
	from, to := e.offset(n.at), e.offset(n.end-1)+1
	if to-from != n.end-n.at { // escaped or folded in the file
		return nil
	}
	return replace(e.file, from, to-from, text)
}

func checkPKCEPlace(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		for where, n := range map[string]*jnode{"the app": app, "settings": app.get("settings")} {
			for _, key := range []string{"OAUTH_PKCE_ENABLED", "PKCE_ENABLED", "pkce_enabled"} {
				if m := n.member(key); m != nil {
					out = append(out, s.atKey(m, key+" in "+where+" is not read", `"OAUTH_PKCE_ENABLED": true beside "APPS"`))
				}
			}
		}
		if m := app.get("settings").member("oauth_pkce_enabled"); m != nil && !s.paperless().AtLeast("2.14.0") {
			out = append(out, s.atKey(m, "oauth_pkce_enabled in settings is read from Paperless-ngx 2.14.0 on", `"OAUTH_PKCE_ENABLED": true beside "APPS"`))
		}
	}
	for _, key := range []string{"oauth_pkce_enabled", "PKCE_ENABLED"} {
		if m := s.oc.member(key); m != nil {
			out = append(out, s.atKey(m, key+" beside APPS is not read", `"OAUTH_PKCE_ENABLED"`))
		}
	}
	return out
}

func checkScopes(s *subject) []problem {
	if m := s.oc.member("SCOPES"); m != nil {
		p := s.atKey(m, "SCOPES is not read", `"SCOPE"`)
		p.edit = replace(s.providers.file, s.providers.offset(m.at), m.end-m.at, `"SCOPE"`)
		return []problem{p}
	}
	return nil
}

func checkScopeType(s *subject) []problem {
	var out []problem
	nodes := []*jnode{s.oc.get("SCOPE")}
	for _, app := range s.apps {
		nodes = append(nodes, app.get("settings").get("scope"))
	}
	for _, n := range nodes {
		if n.is('s') && n.str != "" {
			out = append(out, s.atJSON(n, "the scopes must be a list: a text is taken apart into letters", `["`+strings.Join(strings.Fields(n.str), `", "`)+`"]`))
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

func checkJSONKeys(s *subject) []problem {
	var out []problem
	if servers := s.oc.get("SERVERS"); servers != nil && !servers.is('z') {
		for i := range s.oc.members {
			if m := &s.oc.members[i]; m.key != "SERVERS" {
				out = append(out, s.atKey(m, m.key+" is not read beside the old SERVERS", `use the form of today: "APPS", with everything else beside it`))
			}
		}
	} else if s.oc != nil {
		out = append(out, s.unreadKeys(s.oc, "openid_connect", providerKeys)...)
	}
	for _, app := range s.apps {
		out = append(out, s.unreadKeys(app, "the app", appKeys)...)
		if n := app.get("settings"); n.is('o') {
			out = append(out, s.unreadKeys(n, "settings", settingsKeys)...)
		}
	}
	return out
}

func (s *subject) unreadKeys(n *jnode, where string, read map[string]string) []problem {
	var out []problem
	for i := range n.members {
		m := &n.members[i]
		since, known := read[m.key]
		if keyRules[m.key] && (!known || since != "") || where == "openid_connect" && len(s.apps) == 0 {
			continue
		}
		if known {
			if since != "" && !s.paperless().AtLeast(since) {
				out = append(out, s.atKey(m, fmt.Sprintf("%s in %s is read from Paperless-ngx %s on, not by %s", m.key, where, since, s.paperless().Version), "use "+since+" or later, or remove it"))
			}
			continue
		}
		real, place := "", ""
		for p, keys := range map[string]map[string]string{"openid_connect": providerKeys, "the app": appKeys, "settings": settingsKeys} {
			for k := range keys {
				same := strings.EqualFold(k, m.key) || strings.EqualFold(strings.ReplaceAll(k, "_", ""), strings.NewReplacer("_", "", "-", "").Replace(m.key)) || len(k) > 4 && editDistance(k, m.key) == 1
				if same && (real == "" || p == where) {
					real, place = k, p
				}
			}
		}
		alias := map[string]string{"client_secret": "secret", "clientSecret": "secret", "clientId": "client_id", "clientID": "client_id", "id": "provider_id"}[m.key]
		if slices.Contains(urlNames, m.key) && m.key != "server_url" {
			alias = "server_url"
			if where != "settings" && n.get("settings").get("server_url") == nil {
				real, place = "server_url", "settings"
			}
		}
		if alias != "" {
			if _, ok := read[alias]; ok {
				real, place = alias, where
			}
		}
		p := s.atKey(m, m.key+" in "+where+" is not read", "remove it")
		switch {
		case real != "" && place == where && n.get(real) == nil:
			p.message += "; Paperless reads " + real
			p.fix = "rename it to \"" + real + "\""
			p.edit = replace(s.providers.file, s.providers.offset(m.at), m.end-m.at, `"`+real+`"`)
			if real == "provider_id" || real == "client_id" || real == "secret" || real == "server_url" || real == "settings" {
				p.level = Error
			}
		case real != "" && place != where:
			p.fix = real + " belongs into " + place
			if real == "server_url" && n.get("settings").get("server_url") == nil {
				p.level = Error
			}
		default:
			p.level = Info
		}
		out = append(out, p)
	}
	return out
}

func checkJSONTwice(s *subject) []problem {
	var out []problem
	var visit func(n *jnode)
	visit = func(n *jnode) {
		seen := map[string]bool{}
		for i := range n.members {
			m := &n.members[i]
			if seen[m.key] {
				out = append(out, s.atKey(m, m.key+" is there twice in one object; the last counts", "keep one"))
			}
			seen[m.key] = true
			visit(m.value)
		}
		for _, item := range n.items {
			visit(item)
		}
	}
	if s.doc != nil {
		visit(s.doc)
	}
	return out
}
