package doctor_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// withoutExec looks without running anything in a container.
func withoutExec(token string) func(*doctor.Options) {
	return func(o *doctor.Options) { o.NoExec, o.Token = true, token }
}

// TestByAPI: where nothing may be run in a container, a token of authentik's API tells
// what its command line would.
func TestByAPI(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"", "IDP-CLIENT", "IDP-DENIED", "IDP-SLUG", "IDP-NOPROV", "IDP-SCOPE", "IDT-JWE", "RED-SLASH", "RED-HOST", "RED-PROVID", "TOK-SECRET", "TOK-TYPO",
		"TOK-CODE", "PROXY-CSRF", "CFG-APPS",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b := right(t)
			if code != "" {
				b = planted(t, troubleshooting.Find(code))
			}
			e := newEngine(t, running(t, b)...)
			x := examine(t, e, withoutExec(apiToken))
			assert.Empty(t, e.execs)
			assert.Equal(t, []string{"nobody looked from inside Paperless's container"}, x.Unread)
			if code == "" {
				assert.Empty(t, codes(x))
				return
			}
			if assert.NotEmpty(t, codes(x)) {
				assert.Equal(t, code, codes(x)[0])
			}
		})
	}
}

// TestTokenFirst: a token spares authentik's command line, which takes seconds; without
// a use it is only noted.
func TestTokenFirst(t *testing.T) {
	t.Parallel()
	for token, execs := range map[string]int{apiToken: 1, "of-somebody-else": 2} {
		e := newEngine(t, running(t, planted(t, troubleshooting.Find("RED-SLASH")))...)
		x := examine(t, e, func(o *doctor.Options) { o.Token = token })
		assert.Len(t, e.execs, execs, "one is the look from inside Paperless's container")
		assert.Empty(t, x.Unread)
		assert.Equal(t, "RED-SLASH", codes(x)[0])
	}
}

// TestByEndpoints: without a token either, what authentik answers to requests as
// Paperless makes them tells the commonest causes.
func TestByEndpoints(t *testing.T) {
	t.Parallel()
	for planting, want := range map[string]string{
		"": "", "IDP-CLIENT": "IDP-CLIENT", "TOK-SECRET": "TOK-SECRET", "TOK-TYPO": "TOK-SECRET", "RED-SLASH": "RED-UNREGISTERED",
		"RED-PROVID": "RED-UNREGISTERED", "IDP-SLUG": "NET-404", "NET-HTML": "NET-HTML", "CFG-APPS": "CFG-APPS", "SIGN-CLOSED": "SIGN-CLOSED",
	} {
		t.Run(planting, func(t *testing.T) {
			t.Parallel()
			b := right(t)
			if planting != "" {
				b = planted(t, troubleshooting.Find(planting))
			}
			e := newEngine(t, running(t, b)...)
			x := examine(t, e, withoutExec(""))
			assert.Empty(t, e.execs)
			assert.Contains(t, strings.Join(x.Notes, "\n"), "SSO_AUTHENTIK_TOKEN")
			var out bytes.Buffer
			require.NoError(t, report.Doctor(&out, x, report.TextOptions{}))
			for _, secret := range b.Secrets() {
				if !b.Words().Has(secret) {
					assert.NotContains(t, out.String(), secret)
				}
			}
			if want == "" {
				assert.Empty(t, codes(x))
				assert.Equal(t, runner.Error, x.Run.Result(), "what was not seen is no pass")
				assert.Contains(t, out.String(), "What was not seen:")
				return
			}
			if assert.NotEmpty(t, codes(x)) {
				assert.Equal(t, want, codes(x)[0])
			}
			if strings.HasPrefix(want, "RED-") {
				assert.NotContains(t, codes(x), "TOK-SECRET", "authentik says invalid_client of a wrong redirect URI, too")
			}
		})
	}
}

// TestRefusedToken: a token that authentik refuses is said, and the endpoints are
// asked in its place.
func TestRefusedToken(t *testing.T) {
	t.Parallel()
	x := examine(t, newEngine(t, running(t, planted(t, troubleshooting.Find("TOK-SECRET")))...), withoutExec("of-somebody-else"))
	assert.Contains(t, strings.Join(x.Notes, "\n"), "authentik refuses the token")
	if assert.NotEmpty(t, codes(x)) {
		assert.Equal(t, "TOK-SECRET", codes(x)[0])
	}
}
