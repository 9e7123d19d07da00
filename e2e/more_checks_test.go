package e2e_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestMoreChecks shows each check that we add to the guide's in both ways on the
// lab: met, and not met. What the lab cannot do wrong stands in
// checklist/broken_test.go.
func TestMoreChecks(t *testing.T) {
	rig := newRig(t)
	pattern := func(p string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditProvider(func(o *deployment.OAuth2Provider) {
				o.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "regex", URL: p}}
			})
		}
	}
	for name, tt := range map[string]struct {
		check, paperless string
		change           any // a func; the code of an item; nil: the right configuration
		want             check.Status
		says             string
	}{
		"existing user kept out, nobody gets an account": {"existing-user", "", func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS"] = "false" }, check.Passed, ""},
		"existing user gets a second account":            {"existing-user", "", nil, check.Warned, "second account"},
		"existing user reached by e-mail address":        {"existing-user", "", "SEC-EMAILAUTH", check.Failed, "which nobody linked"},
		"signed out":                   {"logout", "", nil, check.Passed, ""},
		"signed out and in again":      {"logout", "", "OUT-RELOGIN", check.Failed, "signed in again"},
		"redirect URI is strict":       {"redirect-uri-strict", "", nil, check.Passed, ""},
		"redirect URI is a pattern":    {"redirect-uri-strict", "", "RED-REGEX", check.Failed, ""},
		"a pattern with any path":      {"redirect-uri-strict", "", pattern(`https://paperless\.example\.com/.*`), check.Warned, "on the right host only"},
		"a pattern with open dots":     {"redirect-uri-strict", "", pattern(`https://paperless.example.com/accounts/oidc/authentik/login/callback/`), check.Failed, "another letter for a dot"},
		"a pattern with any tail":      {"redirect-uri-strict", "", pattern(`https://paperless\.example\.com.*`), check.Failed, "a host that begins alike"},
		"a pattern with any head":      {"redirect-uri-strict", "", pattern(`.*paperless\.example\.com/accounts/oidc/authentik/login/callback/`), check.Failed, "the host in the path of another"},
		"a pattern with any neighbour": {"redirect-uri-strict", "", pattern(`https://[^./]+\.example\.com/accounts/oidc/authentik/login/callback/`), check.Failed, "a neighbour"},
		"a pattern that is the URI":    {"redirect-uri-strict", "", pattern(`https://paperless\.example\.com/accounts/oidc/authentik/login/callback/`), check.Passed, ""},
		"next= stays here":             {"next-redirect", "", nil, check.Passed, ""},
		"next= leads away":             {"next-redirect", "2.5.0", nil, check.Failed, "evil.example"},
		"PKCE and state":               {"pkce-state", "", nil, check.Passed, ""},
		"PKCE off": {"pkce-state", "", func(b *deployment.Deployment) {
			b.EditProviders(func(oc map[string]any) { delete(oc, "OAUTH_PKCE_ENABLED") })
		}, check.Warned, "PKCE"},
		"the session gets another id": {"session-rotated", "", nil, check.Passed, ""},
		"Remote-User is off":          {"remote-user", "", nil, check.Passed, ""},
		"Remote-User is on, the API too": {"remote-user", "", func(b *deployment.Deployment) {
			b.Paperless.Env[deployment.RemoteUser] = "true"
			b.Paperless.Env["PAPERLESS_ENABLE_HTTP_REMOTE_USER_API"] = "true"
		}, check.Passed, ""},
		"Remote-User opens pages only":        {"remote-user", "", "RU-API", check.Warned, "not the API"},
		"Remote-User from the browser counts": {"remote-user", "", "RU-BYPASS", check.Failed, "anybody can be anybody"},
		"a new name in the header":            {"remote-user-account", "", "RU-RIGHTS", check.Warned, "without any permission"},
		"a new name before 2.6.0":             {"remote-user-account", "2.5.0", remoteOn, check.Passed, ""},
		"the header signs in again":           {"remote-user-logout", "", "RU-RELOGIN", check.Warned, "signs in again"},
		"signing out at its default":          {"remote-user-logout", "", remoteOn, check.Warned, "signs in again"},
		"signing out at the outpost": {"remote-user-logout", "", func(b *deployment.Deployment) {
			remoteOn(b)
			b.Paperless.Env["PAPERLESS_LOGOUT_REDIRECT_URL"] = "https://auth.example.com/sign_out"
		}, check.Passed, ""},
		"passwords open the API":            {"password-api", "", func(b *deployment.Deployment) { b.Paperless.Env[deployment.DisableRegularLogin] = "true" }, check.Warned, "/api/token/"},
		"no rights are needed before 2.6.0": {"permissions", "2.5.0", nil, check.Passed, ""},
		"signed in without rights":          {"permissions", "", nil, check.Warned, "without any permission"},
	} {
		t.Run(tt.check+"/"+name, func(t *testing.T) {
			t.Parallel()
			b, _, err := e2e.Deploy(e2e.Options{Paperless: tt.paperless})
			require.NoError(t, err)
			run, err := rig.changed(t, b, tt.check, tt.change)
			require.NoError(t, err)
			require.Empty(t, run.Error)
			i := slices.IndexFunc(run.Results, func(r runner.Result) bool { return r.Check.ID == tt.check })
			require.GreaterOrEqual(t, i, 0, "it did not run")
			last := run.Results[i]
			assert.Equal(t, tt.want, last.Status, last.Message)
			assert.Contains(t, last.Message, tt.says)
		})
	}
}

// changed is a run with a change of the right configuration in which the check took
// part. The right one, and an item's planting, were run by TestTroubleshooting, too.
func (r *rig) changed(t *testing.T, b *deployment.Deployment, at string, change any) (*runner.Run, error) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	switch change := change.(type) {
	case func(*deployment.Deployment):
		change(b)
		return r.run(ctx, b, func(res runner.Result) bool { return res.Check.ID == at }, at)
	case string:
		item := troubleshooting.Find(change)
		require.Equal(t, at, item.BreaksAt(b.Versions()).ID)
		return r.usual(ctx, b, item)
	}
	return r.right(ctx, b, at)
}

// remoteOn switches the Remote-User header on, as the guide's alternative does.
func remoteOn(b *deployment.Deployment) { b.Paperless.Env[deployment.RemoteUser] = "true" }
