package troubleshooting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// The fix for a wrong scheme is made from what was seen: http is right for one
// site and wrong for the other.
func TestSchemeFixFollowsTheSite(t *testing.T) {
	t.Parallel()
	const key = "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"
	for name, tt := range map[string]struct {
		site, sent, set string
		want, not       string
	}{
		"plain site, not set":      {"http", "https", "", "set " + key + " to http", "Remove"},
		"plain site, set to https": {"http", "https", "https", "set " + key + " to http", "Remove"},
		"plain site, set to http":  {"http", "https", "http", "recreate the container", "Remove"},
		"public site, set to http": {"https", "http", "http", "Remove " + key, "to http"},
		"public site, not set":     {"https", "http", "", "X-Forwarded-Proto", key},
	} {
		b, err := deployment.Default()
		require.NoError(t, err)
		b.Paperless.URL = tt.site + "://docs.example.com"
		delete(b.Paperless.Env, key)
		if tt.set != "" {
			b.Paperless.Env[key] = tt.set
		}
		uri := tt.sent + "://docs.example.com/accounts/oidc/authentik/login/callback/"
		rec := evidence.Record{
			Check: "round-trip", Boot: evidence.Boot{Up: true}, Final: &evidence.Page{Status: 400, Title: "Redirect URI Error"},
			Hops: []evidence.Hop{{Method: "GET", URL: "https://id.example.com/application/o/authorize/?redirect_uri=" + uri, Status: 400}},
		}
		var got *troubleshooting.Finding
		for _, f := range troubleshooting.Explain(rec, b, checklist.RoundTrip, check.Failed) {
			if f.Code == "PROXY-PROTO" {
				got = &f
			}
		}
		require.NotNil(t, got, name)
		assert.Contains(t, got.Fix, tt.want, name)
		assert.NotContains(t, got.Fix, tt.not, name)
	}
}

// Users who go round in circles do it with one set of cookies; callbacks that a
// check replays, or that belong to several users, are no loop.
func TestRedirectLoopIsOnePersons(t *testing.T) {
	t.Parallel()
	b, err := deployment.Default()
	require.NoError(t, err)
	b.Paperless.Env[deployment.RedirectToSSO] = "true"
	callback := func(client int, own bool) evidence.Hop {
		return evidence.Hop{Method: "GET", URL: b.RedirectURI() + "?code=…", Status: 302, Client: client, Own: own}
	}
	for name, tt := range map[string]struct {
		hops []evidence.Hop
		loop bool
	}{
		"the browser, twice":  {[]evidence.Hop{callback(0, false), callback(0, false)}, true},
		"one client, twice":   {[]evidence.Hop{callback(2, false), callback(2, false)}, true},
		"two users, once":     {[]evidence.Hop{callback(1, false), callback(2, false)}, false},
		"replays of a check":  {[]evidence.Hop{callback(2, true), callback(1, false), callback(1, true), callback(3, true)}, false},
		"only replays, twice": {[]evidence.Hop{callback(1, true), callback(1, true)}, false},
	} {
		rec := evidence.Record{Check: "pkce-state", Boot: evidence.Boot{Up: true}, Hops: tt.hops}
		found := false
		for _, f := range troubleshooting.Explain(rec, b, checklist.PKCEState, check.Warned) {
			found = found || f.Code == "REDIR-LOOP"
		}
		assert.Equal(t, tt.loop, found, name)
	}
}

// Seen on an image that lacked a module of its own: PAPERLESS_APPS was right, and
// was named as the cause, with itself as the fix.
func TestModuleOfTheImageIsNotInApps(t *testing.T) {
	t.Parallel()
	s, err := deployment.DefaultSpec()
	require.NoError(t, err)
	exit := 1
	for module, want := range map[string]bool{"click": false, "allauth": false, "allauth.socialaccount.providers.openidconnect": true, "openid_connect": true} {
		b := deployment.New(s)
		if want {
			b.Paperless.Env["PAPERLESS_APPS"] = "django.contrib.sites," + module
		}
		rec := evidence.Record{Boot: evidence.Boot{Exit: &exit, Log: []string{"ModuleNotFoundError: No module named '" + module + "'"}}}
		var codes []string
		for _, f := range troubleshooting.Explain(rec, b, checklist.LoginPage, check.Failed) {
			codes = append(codes, f.Code)
		}
		if want {
			assert.Contains(t, codes, "CFG-MODULE", module)
		} else {
			assert.NotContains(t, codes, "CFG-MODULE", module)
		}
	}
}
