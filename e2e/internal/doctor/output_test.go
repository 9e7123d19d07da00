package doctor_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

func printed(t *testing.T, x *doctor.Examination) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, report.Doctor(&out, x, report.TextOptions{}))
	return out.String()
}

// TestEffect: what a cause makes look wrong is not told beside it: its edit would
// make things worse.
func TestEffect(t *testing.T) {
	t.Parallel()
	x := examine(t, newEngine(t, running(t, planted(t, troubleshooting.Find("PROXY-CSRF")))...))
	out := printed(t, x)
	assert.Contains(t, out, "PROXY-CSRF")
	assert.Contains(t, out, `PAPERLESS_URL: "https://paperless.example.com"`, "the edit is the address that answers")
	assert.NotContains(t, out, "RED-HOST")
	assert.NotContains(t, out, "get in", "Paperless refuses its own form, too")
}

// TestRefusedForm: what Paperless logged of a form from another origin decides, where
// a redirect URI is registered there.
func TestRefusedForm(t *testing.T) {
	t.Parallel()
	all := running(t, planted(t, troubleshooting.Find("PROXY-CSRF")))
	all[1].Log = append(all[1].Log, "Forbidden (Origin checking failed - https://paperless.example.com does not match any trusted origins.): /accounts/login/")
	x := examine(t, newEngine(t, all...), func(o *doctor.Options) { o.Resolve = nil })
	require.NotEmpty(t, codes(x))
	assert.Equal(t, "PROXY-CSRF", codes(x)[0])
	assert.Contains(t, strings.Join(x.Run.Results[0].Findings[0].Because, "\n"), "Paperless logged: Forbidden (Origin checking failed")
}

// TestLabels: a proxy's labels decide between two names at which Paperless answers.
func TestLabels(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{"Host(`paperless.example.com`)": "PROXY-CSRF", "Host(`docs.example.org`)": "RED-HOST"} {
		all := running(t, planted(t, troubleshooting.Find("PROXY-CSRF")))
		all[1].Labels["traefik.http.routers.docs.rule"] = rule
		x := examine(t, newEngine(t, all...), func(o *doctor.Options) {
			resolve := map[string]string{"docs.example.org:443": o.Resolve["paperless.example.com:443"]}
			for k, v := range o.Resolve {
				resolve[k] = v
			}
			o.Resolve = resolve
		})
		require.NotEmpty(t, codes(x))
		assert.Equal(t, want, codes(x)[0], rule)
	}
}

// TestStaleText: the difference of what runs is told by field, without the secret, and
// nothing that is gone with the old container asks for an edit.
func TestStaleText(t *testing.T) {
	t.Parallel()
	b := right(t)
	runs := b.Clone()
	runs.EditApp(func(app map[string]any) { app["provider_id"], app["secret"] = "sso", "the-old-secret-000000" })
	b.Paperless.Running = runs.Paperless.Env
	x := examine(t, newEngine(t, running(t, b)...))
	assert.Equal(t, []string{"STALE"}, codes(x))
	out := printed(t, x)
	assert.Contains(t, strings.Join(strings.Fields(strings.ReplaceAll(out, "│", "")), " "), `the file says provider_id "authentik", the container has "sso"; the file has another secret than the container`)
	assert.NotContains(t, out, "RED-PROVID")
	assert.NotContains(t, out, "the-old-secret")
}

// TestOnce: what authentik has is told once.
func TestOnce(t *testing.T) {
	t.Parallel()
	out := printed(t, examine(t, newEngine(t, running(t, planted(t, troubleshooting.Find("RED-SLASH")))...)))
	assert.NotContains(t, out, "authentik as it runs")
	assert.NotContains(t, out, "Paperless sends https", "that is lint's sentence")
}

// TestServerError: where the sign-in page is an error that no item knows, the next
// thing to look at is what Paperless logged of it, which is here.
func TestServerError(t *testing.T) {
	t.Parallel()
	all := running(t, right(t))
	ask := all[1].exec
	all[1].exec = func(ctx context.Context, cmd []string, env map[string]string) string {
		return strings.Replace(ask(ctx, cmd, env), `"page":{"status":200`, `"page":{"status":500`, 1)
	}
	all[1].Log = append(all[1].Log, "Traceback (most recent call last):", "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.", "later")
	x := examine(t, newEngine(t, all...))
	assert.Empty(t, codes(x))
	assert.Contains(t, strings.Join(strings.Fields(printed(t, x)), " "), "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.")
}
