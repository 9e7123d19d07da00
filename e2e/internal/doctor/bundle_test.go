package doctor_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// private puts into a pair what nobody may read in a bundle.
func private(t *testing.T, b *deployment.Deployment) (all []*fakeContainer, secrets, hosts []string) {
	t.Helper()
	for name, value := range map[string]string{
		"PAPERLESS_SECRET_KEY": "django-key-Zq81-aaaa", "PAPERLESS_DBPASS": "dbpass-Zq82-bbbb", "PAPERLESS_EMAIL_HOST_PASSWORD": "mailpass-Zq83-cccc",
		"PAPERLESS_REDIS": "redis://:redispass-Zq84@cache.smith-family.org:6379", "PAPERLESS_ADMIN_MAIL": "john.smith@smith-family.org",
		"PAPERLESS_EMAIL_HOST": "mail.smith-family.org",
	} {
		b.Paperless.Env[name] = value
	}
	all = running(t, b)
	all[1].Log = append(all[1].Log,
		"[2026-11-28 20:01:02] [WARNING] [paperless.auth] Social authentication error for provider `SSO`: unknown (Error retrieving access token: b'{\"error\": \"invalid_client\"}')",
		"[ERROR] [django.request] cookie sessionid=cookie-Zq85-dddd; csrftoken=csrf-Zq86-eeee at docs.smith-family.org from 203.0.113.77",
		"[ERROR] [paperless.auth] no user jane.doe@elsewhere-company.com at https://sub.elsewhere-company.com/x",
	)
	all[2].Env["AUTHENTIK_POSTGRESQL__PASSWORD"], all[2].Env["AUTHENTIK_BOOTSTRAP_TOKEN"] = "pgpass-Zq87-ffff", "boot-Zq88-gggg"
	all[2].Log = append(all[2].Log,
		`{"event": "Invalid client secret", "level": "warning", "logger": "authentik.providers.oauth2.views.token", "client_id": "paperless-client", "remote": "198.51.100.23", "host": "`+strings.TrimPrefix(b.Authentik.URL, "https://")+`", "auth": "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2huIn0.sig-Zq89"}`,
		`{"event": "x", "level": "error", "logger": "authentik.providers.oauth2", "url": "/application/o/token/?code=code-Zq90-hhhh&state=state-Zq91"}`)
	app, _ := atHome(t, "").Paperless.App()
	secrets = []string{
		"Zq81", "Zq82", "Zq83", "Zq84", "Zq85", "Zq86", "Zq87", "Zq88", "Zq89", "Zq90", "Zq91", app.Secret,
		"john.smith@", "jane.doe@", "authentik-secret-key-0123456789",
	}
	hosts = []string{"smith-family", "elsewhere-company", "203.0.113.77", "198.51.100.23", "docs.private-home.net", "login.private-home.net", "private-home"}
	return all, secrets, hosts
}

// atHome is a right deployment under names that are somebody's own.
func atHome(t *testing.T, code string) *deployment.Deployment {
	t.Helper()
	s, err := deployment.DefaultSpec()
	require.NoError(t, err)
	s.Paperless.URL, s.Authentik.URL = "https://docs.private-home.net", "https://login.private-home.net"
	b := deployment.New(s)
	if code != "" {
		troubleshooting.Find(code).Plant(b)
	}
	return b
}

// TestBundle: what is shared explains itself elsewhere, and holds no secret, cookie,
// token or mail address; with pseudonyms no host name and no address either.
func TestBundle(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"RED-SLASH", "TOK-SECRET", "CFG-JSON", "SIGN-OFF", "RED-HOST"} {
		for _, anonymise := range []bool{false, true} {
			b := atHome(t, code)
			all, secrets, hosts := private(t, b)
			x := examine(t, newEngine(t, all...))
			require.Equal(t, code, codes(x)[0])
			files, err := report.Bundle(x, anonymise)
			require.NoError(t, err)
			names := []string{}
			for _, f := range files {
				names = append(names, f.Name)
				assert.NotEmpty(t, f.What)
				for _, s := range secrets {
					assert.NotContains(t, string(f.Text), s, "%s in %s", s, f.Name)
				}
				for _, h := range hosts {
					if anonymise {
						assert.NotContains(t, strings.ToLower(string(f.Text)), h, "%s in %s", h, f.Name)
					}
				}
			}
			assert.Subset(t, names, []string{"report.json", "containers.json", "paperless.env", "authentik.env", "notes.txt"})
			path := filepath.Join(t.TempDir(), "bundle.zip")
			require.NoError(t, report.WriteBundle(path, files))
			require.Error(t, report.WriteBundle(path, files), "nothing is replaced")
			rep, err := report.Open(path)
			require.NoError(t, err)
			again := report.Diagnose(rep)
			require.NotEmpty(t, again)
			require.NotEmpty(t, again[0].Findings)
			assert.Equal(t, code, again[0].Findings[0].Code, "anonymised: %v", anonymise)
		}
	}
}
