package source

import (
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// Natives are the providers of the JSON that allauth has an app of its own for,
// such as google: they stand beside openid_connect, under their own name.
func (s *Set) Natives() []string {
	if !s.Doc.Is('o') {
		return nil
	}
	var out []string
	known := deployment.SocialProviders()
	for i := range s.Doc.Members {
		m := &s.Doc.Members[i]
		if m.Key == "openid_connect" || !slices.Contains(known, m.Key) || !m.Value.Is('o') || slices.Contains(out, m.Key) {
			continue
		}
		// openid is the old OpenID 2.0; who writes APPS there means openid_connect.
		if m.Key == "openid" && m.Value.Get("SERVERS") == nil {
			continue
		}
		out = append(out, m.Key)
	}
	return out
}
