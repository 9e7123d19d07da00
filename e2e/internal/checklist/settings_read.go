package checklist

import (
	"context"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// Settings looks at the configuration only: what stands there and does nothing,
// or something else than it looks.
var Settings = &check.Check{
	ID:          "settings",
	Title:       "Every login setting does what it looks like",
	Doc:         "No login setting of this configuration is ignored by this Paperless version, or read in another way than a user reads it; and authentik's redirect URIs are written down.",
	Guide:       "troubleshooting 1",
	Browserless: true,
	Run: func(_ context.Context, p *check.Pass) error {
		var odd []string
		for _, problem := range source.Problems(p.Bundle) {
			name := problem.Setting
			if name == deployment.ProvidersKey {
				name = problem.Seen
			}
			odd = append(odd, name)
		}
		if idp := p.Bundle.IdPProvider(); idp != nil && len(idp.RedirectURIs) == 0 {
			odd = append(odd, "no redirect URI in authentik")
		}
		if len(odd) == 0 && p.Bundle.Observed {
			return check.Skipf("needs the files that Paperless runs with (--config)")
		}
		if len(odd) == 0 {
			return nil
		}
		return check.Warnf("does not do what it looks like: %s", strings.Join(odd, "; "))
	},
}
