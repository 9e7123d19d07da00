package lab_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// TestForeignLink does in a real browser what the conformance test rp-link-without-click follows
// by hand (fixtures/hostile.json, row 12.4), and tries the remedy of SEC-CONNECT there:
// what Chromium says of itself in Sec-Fetch-Site is what the rule of the proxy rests on.
func TestForeignLink(t *testing.T) {
	t.Parallel()
	e, err := edge.Listen(edge.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Close()) })
	var b *browser.Browser
	for _, tt := range []struct {
		name     string
		redirect bool
		rule     bool
		from     string // the page that leads to the address
		ends     string // where the browser stands then
	}{
		{"no redirect: Paperless asks", false, false, "data:text/html,<p>elsewhere</p>", "asked"},
		{"redirect: on to authentik without a click", true, false, "data:text/html,<p>elsewhere</p>", "authentik"},
		{"the rule refuses another site", true, true, "data:text/html,<p>elsewhere</p>", "refused"},
		{"the rule refuses a neighbour of the same domain", true, true, "https://authentik.example.com/if/flow/default-authentication-flow/", "refused"},
		{"the rule lets Paperless's own page through", true, true, origin + "/accounts/login/?loggedout=1", "authentik"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := deployment.DefaultSpec()
			require.NoError(t, err)
			spec.RedirectToSSO = tt.redirect
			d := deployment.New(spec)
			if tt.rule {
				d.Paperless.Proxy.RefuseForeign = paperless.StartPath("authentik")
			}
			tg, err := lab.Start(t.Context(), d, lab.WithEdge(e, tt.name))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, tg.Close()) })
			if b == nil {
				b, err = browser.Open(t.Context(), browser.Options{Rules: tg.ResolverRules(), SPKI: tg.SPKI, Isolate: true})
				require.NoError(t, err)
			}
			s, err := b.Session(t.Context(), browser.SessionOptions{Header: tg.Header})
			require.NoError(t, err)
			defer s.Close()
			p := &surfer{t, s}
			who, ok := d.LocalUser("linking")
			require.True(t, ok)
			p.local(who.Username, who.Password)
			require.NoError(t, s.Wait(t.Context(), "wait for the menu", browser.CSS("#userDropdown"), stepLimit))
			require.NoError(t, s.Visit(t.Context(), "open the page that leads there", tt.from, stepLimit))
			_, err = s.Eval(t.Context(), `setTimeout(() => { location.href = "`+origin+paperless.StartPath("authentik")+`?process=connect"; }), null`)
			require.NoError(t, err)
			ends := map[string]browser.Condition{
				"authentik": browser.All(browser.URLHas("authentik.example.com/if/flow/"), browser.URLHas("next=")),
				"refused":   browser.Shows("403 Forbidden"),
			}
			if !tt.redirect { // else the page that asks goes on by itself: it may be seen on the way
				ends["asked"] = browser.Shows("You are about to connect")
			}
			end, err := s.WaitAny(t.Context(), "wait where it ends", stepLimit, ends)
			require.NoError(t, err)
			assert.Equal(t, tt.ends, end)
		})
	}
	if b != nil {
		assert.NoError(t, b.Close())
	}
}
