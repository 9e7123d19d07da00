package source

import (
	"maps"
	"slices"
	"strings"
)

// AuthentikSettings are the variables of authentik that take part in signing in;
// none of them is secret.
var AuthentikSettings = []string{
	"AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS", "AUTHENTIK_WEB__BASE_URL", "AUTHENTIK_WEB__PATH",
	"AUTHENTIK_TENANTS__ENABLED", "AUTHENTIK_TENANTS__ACKNOWLEDGE_REMOVAL",
}

// authentikSettings are those that a service beside Paperless has; nil: none.
func (s *Set) authentikSettings() map[string]string {
	if s.Project == nil || s.Project.Model == nil {
		return nil
	}
	out := map[string]string{}
	for _, service := range slices.Sorted(maps.Keys(s.Project.Model.Services)) {
		if service == s.Project.Service {
			continue
		}
		for name, v := range s.Project.Model.Services[service].Environment {
			if v != nil && slices.Contains(AuthentikSettings, name) && out[name] == "" {
				out[name] = strings.TrimSpace(*v)
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
