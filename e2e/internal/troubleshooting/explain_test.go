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

// A user's file can hold anything, and evidence can be missing: Explain answers
// all the same.
func TestExplainTakesAnything(t *testing.T) {
	t.Parallel()
	values := []string{
		"", " ", "\n", "'", `"`, "''", "{", "{}", "[]", "[[]]", "null", "0", `"x"`, "map[]", "{openid_connect:", `{"openid_connect":null}`,
		`{"openid_connect":[]}`, `{"openid_connect":{"APPS":null}}`, `{"openid_connect":{"APPS":[null]}}`, `{"openid_connect":{"APPS":[{}]}}`,
		`{"openid_connect":{"APPS":[{"provider_id":"","settings":null}]}}`, `{"openid_connect":{"APPS":[{"provider_id":1}]}}`, "\xff\xfe",
	}
	exit := 1
	records := map[string]evidence.Record{
		"nothing": {},
		"stopped": {Boot: evidence.Boot{Exit: &exit, Log: []string{"json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"}}},
		"odd log": {Boot: evidence.Boot{Log: []string{"json.decoder.JSONDecodeError", "ModuleNotFoundError: No module named ''", "", "Cannot convert"}}},
		"no page": {Boot: evidence.Boot{Up: true}, SignIn: &evidence.Page{}, Final: &evidence.Page{}},
		"500":     {Boot: evidence.Boot{Up: true}, Hops: []evidence.Hop{{Method: "POST", URL: "https://x/accounts/oidc/a/login/", Status: 500}, {URL: "%"}}},
		"refused": {Boot: evidence.Boot{Up: true}, Final: &evidence.Page{Text: "Redirect URI Error"}},
		"error page": {
			Boot: evidence.Boot{Up: true}, Final: &evidence.Page{Text: "An error occurred while attempting to login via your social network account"},
			Exchange: []evidence.Exchange{{Channel: evidence.Back, To: "authentik", URL: "https://a/application/o/token/", Status: 400}},
		},
	}
	bundles := map[string]func(*deployment.Deployment){
		"whole":        func(*deployment.Deployment) {},
		"no authentik": func(b *deployment.Deployment) { b.Authentik = deployment.Authentik{} },
		"no paperless": func(b *deployment.Deployment) { b.Paperless = deployment.Paperless{Env: map[string]string{}} },
	}
	for name, change := range bundles {
		for _, value := range values {
			b, err := deployment.Default()
			require.NoError(t, err)
			change(b)
			b.Paperless.Env[deployment.ProvidersKey] = value
			for which, rec := range records {
				for _, c := range checklist.All() {
					rec.Check = c.ID
					assert.NotPanics(t, func() { troubleshooting.Explain(rec, b, c, check.Failed) }, "%s, %q, %s at %s", name, value, which, c.ID)
					if value != "" {
						continue // a warning reads the same configuration
					}
					assert.NotPanics(t, func() { troubleshooting.Explain(rec, b, c, check.Warned) }, "%s, %q, %s at %s", name, value, which, c.ID)
				}
			}
		}
	}
}

// TestWarningOfItsOwn: where Paperless does not start, the check of the settings still
// warns of dead ones, and that it did not start is not why.
func TestWarningOfItsOwn(t *testing.T) {
	t.Parallel()
	b, err := deployment.Default()
	require.NoError(t, err)
	b.Paperless.Version, b.Authentik.Version = "3.0.5", "2025.10.0"
	delete(b.Paperless.Env, "PAPERLESS_SECRET_KEY")
	b.Paperless.Env["PAPERLESS_AUTO_LOGIN"] = "true"
	exit := 1
	rec := evidence.Record{Check: "settings", Boot: evidence.Boot{Exit: &exit, Log: []string{"django.core.exceptions.ImproperlyConfigured: PAPERLESS_SECRET_KEY is not set or is the default 'change-me' value"}}}
	codes := func(c *check.Check, st check.Status) (out []string) {
		for _, f := range troubleshooting.Explain(rec, b, c, st) {
			out = append(out, f.Code)
		}
		return out
	}
	assert.Equal(t, []string{"CFG-UNKNOWN", "CFG-SECRETKEY"}, codes(checklist.Settings, check.Warned))
	assert.Equal(t, "CFG-SECRETKEY", codes(checklist.LoginPage, check.Failed)[0])
}
