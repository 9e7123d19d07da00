package config

import (
	"regexp"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/render"
)

// readProviders reads the provider JSON with its places.
func (s *subject) readProviders() {
	text, e := s.value(render.ProvidersKey)
	s.providers = e
	if e == nil {
		// A value that YAML made a mapping of, or that Compose dropped.
		if v := s.vars[render.ProvidersKey]; v != nil && v.valueAt < v.end {
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
	s.app = appValues{
		providerID: s.apps[0].get("provider_id").text(),
		name:       s.apps[0].get("name").text(),
		clientID:   s.apps[0].get("client_id").text(),
		secret:     s.apps[0].get("secret").text(),
		serverURL:  s.apps[0].get("settings").get("server_url").text(),
	}
}

// appsOf are the apps that Paperless reads: APPS, the old SERVERS, APP.
func appsOf(oc *jnode) []*jnode {
	var apps []*jnode
	for _, key := range []string{"APPS", "SERVERS"} {
		if list := oc.get(key); list.is('a') {
			for _, item := range list.items {
				if item.is('o') {
					apps = append(apps, item)
				}
			}
		}
	}
	if app := oc.get("APP"); app.is('o') {
		apps = append(apps, app)
	}
	return apps
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
			if apps := appsOf(doc.get("openid_connect")); len(apps) > 0 {
				app.secret = apps[0].get("secret").text()
				app.clientID = apps[0].get("client_id").text()
			}
		}
	}
	for _, v := range []*string{&app.secret, &app.clientID} {
		*v = strings.Trim(strings.TrimSpace(*v), `"'`)
	}
	return app
}
