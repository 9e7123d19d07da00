package e2e_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A password that is a word of the host name, of a path or of the products makes
// no right configuration fail, and hides no address where one is wrong. The
// recording says the same as the run.
func TestPasswordsThatAreWords(t *testing.T) {
	t.Parallel()
	rig := newRig(t)
	words := func() *deployment.Deployment {
		b, _, err := e2e.Deploy(e2e.Options{})
		require.NoError(t, err)
		for name, word := range map[string]string{
			"PAPERLESS_DBPASS": "paperless", "PAPERLESS_ADMIN_PASSWORD": "example", "PAPERLESS_EMAIL_HOST_PASSWORD": "authentik",
			"PAPERLESS_SECRET_KEY": "accounts", "PAPERLESS_TOKEN_PASSWORD": "Sign", "PAPERLESS_OTHER_PASS": "example.com",
		} {
			b.Paperless.Env[name] = word
		}
		// The client secret is the client id.
		id := b.IdPProvider().ClientID
		b.EditApp(func(app map[string]any) { app["secret"] = id })
		b.EditProvider(func(p *deployment.OAuth2Provider) { p.ClientSecret = id })
		return b
	}
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		run, err := rig.run(t.Context(), words(), nil, "round-trip", "redirect-uri-strict")
		require.NoError(t, err)
		for _, r := range run.Results {
			assert.Equal(t, check.Passed, r.Status, "%s: %s", r.Check.ID, r.Message)
		}
	})
	for _, code := range []string{"RED-SLASH", "TOK-SECRET"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b := words()
			troubleshooting.Find(code).Plant(b)
			run, err := rig.run(t.Context(), b, nil, "round-trip")
			require.NoError(t, err)
			dir := t.TempDir()
			require.NoError(t, report.Write(dir, run))
			var text bytes.Buffer
			require.NoError(t, report.Text(&text, run, report.TextOptions{}))
			assert.NotContains(t, text.String(), "https://…")
			assert.Contains(t, text.String(), code)
			rep, err := report.Open(filepath.Join(dir, "report.json"))
			require.NoError(t, err)
			again := diagnosisAt(rep, "round-trip")
			require.NotNil(t, again)
			require.NotEmpty(t, again.Findings)
			assert.Equal(t, code, again.Findings[0].Code)
			assert.NotEqual(t, "paperless", rep.Bundle.Paperless.Env["PAPERLESS_DBPASS"], "as the value of its setting it is hidden")
			assert.NotContains(t, rep.Bundle.Paperless.Env[deployment.ProvidersKey], `"secret":"`+b.IdPProvider().ClientID+`"`)
		})
	}
}
