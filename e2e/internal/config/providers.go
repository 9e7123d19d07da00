package config

import (
	"regexp"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// readProviders reads the provider JSON with its places.
func (s *subject) readProviders() {
	text, e := s.value(deployment.ProvidersKey)
	s.providers = e
	if e == nil {
		// A value that YAML made a mapping of, or that Compose dropped.
		if v := s.vars[deployment.ProvidersKey]; v != nil && v.valueAt < v.end {
			s.app = byPattern(string(v.file.text[v.valueAt:min(v.end, len(v.file.text))]))
		}
		return
	}
	s.doc, s.jsonErr = parseJSON(text)
	if s.jsonErr != nil {
		s.app = byPattern(text)
		return
	}
	s.oc = s.doc.get("openid_connect")
	s.apps = appsOf(s.oc)
	if len(s.apps) == 0 {
		s.app = byPattern(text)
		return
	}
	tested := s.tested()
	s.app = appValues{
		providerID: tested.get("provider_id").text(),
		name:       tested.get("name").text(),
		clientID:   tested.get("client_id").text(),
		secret:     tested.get("secret").text(),
		serverURL:  serverURL(tested).text(),
	}
}

// tested is the app that authentik's side is compared with: the first that is
// not another product's, else the first; nil when there is none.
func (s *subject) tested() *jnode {
	for _, app := range s.apps {
		if whose, _ := s.whose(app); whose != deployment.OtherIdP {
			return app
		}
	}
	if len(s.apps) > 0 {
		return s.apps[0]
	}
	return nil
}

// appsOf are the apps that Paperless reads: allauth rewrites the old SERVERS and
// puts them in place of everything else; else APPS; else APP.
func appsOf(oc *jnode) []*jnode {
	var apps []*jnode
	if servers := oc.get("SERVERS"); servers != nil && !servers.is('z') {
		for _, item := range servers.items {
			if item.get("APP").is('o') {
				apps = append(apps, rewritten(item))
			}
		}
		return apps
	}
	if list := oc.get("APPS"); list != nil && !list.is('z') {
		for _, item := range list.items {
			if item.is('o') {
				apps = append(apps, item)
			}
		}
		return apps
	}
	if app := oc.get("APP"); app.is('o') {
		apps = append(apps, app)
	}
	return apps
}

// rewritten is an entry of SERVERS as the app that allauth makes of it; its parts
// keep their places.
func rewritten(server *jnode) *jnode {
	app := &jnode{kind: 'o', at: server.at, end: server.end}
	settings := &jnode{kind: 'o', at: server.at, end: server.end}
	move := func(to *jnode, key, as string) {
		if m := server.member(key); m != nil {
			to.members = append(to.members, jmember{key: as, at: m.at, end: m.end, value: m.value})
		}
	}
	app.members = append(app.members, server.get("APP").members...)
	move(app, "id", "provider_id")
	move(app, "name", "name")
	move(settings, "server_url", "server_url")
	move(settings, "token_auth_method", "token_auth_method")
	app.members = append(app.members, jmember{key: "settings", at: server.at, end: server.at + 1, value: settings})
	return app
}

func pattern(key string) *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[^A-Za-z_])["'“”]?` + key + `["'“”]?\s*[:=]\s*["'“”]?([^"'“”\s,}\]]+)`)
}

// byPattern finds the values in text that is no JSON, so that the failed start
// can be shown on this very configuration.
func byPattern(text string) appValues {
	get := func(key string) string {
		if m := pattern(key).FindStringSubmatch(text); m != nil {
			return strings.TrimSpace(m[1])
		}
		return ""
	}
	return appValues{providerID: get("provider_id"), name: get("name"), clientID: get("client_id"), secret: get("secret"), serverURL: get("server_url")}
}

// intended are the values that stand at authentik, from which the file was
// filled: those of the file before Compose took a $NAME out of them, without
// the blanks and line breaks that came in by copying.
func (s *subject) intended() appValues {
	app := s.app
	if e := s.providers; e != nil && len(e.refs) > 0 {
		raw := e.raw
		var b strings.Builder
		last := 0
		for _, ref := range e.refs {
			if ref.at < last || ref.at+len(ref.text) > len(raw) {
				continue
			}
			b.WriteString(raw[last:ref.at])
			if ref.name != "" && ref.plain && !ref.known {
				b.WriteString(ref.text)
			} else {
				b.WriteString(ref.sub)
			}
			last = ref.at + len(ref.text)
		}
		b.WriteString(raw[last:])
		if doc, err := parseJSON(b.String()); err == nil {
			for _, again := range appsOf(doc.get("openid_connect")) {
				if again.get("provider_id").text() == app.providerID {
					app.secret, app.clientID = again.get("secret").text(), again.get("client_id").text()
					break
				}
			}
		}
	}
	for _, v := range []*string{&app.secret, &app.clientID} {
		*v = strings.Trim(strings.TrimSpace(*v), `"'`)
	}
	return app
}
