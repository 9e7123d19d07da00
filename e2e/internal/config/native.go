package config

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// natives are the providers of the JSON that allauth has an app of its own for,
// such as google: they stand beside openid_connect, under their own name.
func (s *subject) natives() []string {
	if !s.doc.is('o') {
		return nil
	}
	var out []string
	known := deployment.SocialProviders()
	for i := range s.doc.members {
		m := &s.doc.members[i]
		if m.key == "openid_connect" || !slices.Contains(known, m.key) || !m.value.is('o') || slices.Contains(out, m.key) {
			continue
		}
		// openid is the old OpenID 2.0; who writes APPS there means openid_connect.
		if m.key == "openid" && m.value.get("SERVERS") == nil {
			continue
		}
		out = append(out, m.key)
	}
	return out
}

// missingApps are the Django apps of the providers in the JSON that
// PAPERLESS_APPS does not name.
func (s *subject) missingApps() []string {
	_, list := s.modules()
	has := func(app string) bool {
		return slices.ContainsFunc(list, func(m module) bool { return m.name == app })
	}
	var out []string
	natives := s.natives()
	if (len(s.apps) > 0 || len(natives) == 0) && !has(deployment.OpenIDConnectApp) {
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
func (s *subject) noProvider() []problem {
	e, list := s.modules()
	for _, m := range list {
		if !strings.HasPrefix(m.name, "allauth.socialaccount.providers.") || badModule(m.name) != "" {
			continue
		}
		p := e.atName("PAPERLESS_APPS names a provider's app, but "+deployment.ProvidersKey+" is not set: there is no button", s.line(deployment.ProvidersKey, `{"openid_connect": {"APPS": [ … ]}}`))
		p.setting = deployment.ProvidersKey
		if m.name != deployment.OpenIDConnectApp {
			p.level = Info // it may be in the database (/admin/)
		}
		return []problem{p}
	}
	return nil
}
