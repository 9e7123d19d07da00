package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// What a check replays is not taken for users who go round in circles: each of
// these checks brings more than one callback, and has its own reason to complain.
func TestReplaysAreNoLoop(t *testing.T) {
	t.Parallel()
	rig := newRig(t)
	for name, change := range map[string]func(*deployment.Deployment){
		"PKCE off": func(b *deployment.Deployment) {
			b.EditProviders(func(oc map[string]any) { delete(oc, "OAUTH_PKCE_ENABLED") })
		},
		"RED-REGEX":    troubleshooting.Find("RED-REGEX").Plant,
		"cookie stays": func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_COOKIE_PREFIX"] = "x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, err := e2e.Deploy(e2e.Options{})
			require.NoError(t, err)
			change(b)
			b.Paperless.Env[deployment.RedirectToSSO] = "true"
			run, err := rig.run(t.Context(), b, nil, "pkce-state", "next-redirect", "session-rotated", "redirect-uri-strict")
			require.NoError(t, err)
			for _, r := range run.Results {
				for _, status := range []check.Status{check.Warned, check.Failed} { // whatever it says, no loop explains it
					for _, f := range troubleshooting.Explain(r.Record, b, r.Check, status) {
						assert.NotEqual(t, "REDIR-LOOP", f.Code, r.Check.ID)
					}
				}
				if r.Check.ID != "pkce-state" {
					continue
				}
				replayed := 0
				for _, h := range r.Record.Hops {
					if strings.Contains(h.URL, "/login/callback/") && h.Own {
						replayed++
					}
				}
				assert.Equal(t, 3, replayed, "in another browser, again, and in an empty one")
				x := r.Record.Find(evidence.Front, "paperless", oidc.RedirectURI)
				require.NotNil(t, x)
				assert.NotEmpty(t, x.SetCookies, "the callback of the sign-in, not a replay")
			}
		})
	}
}
