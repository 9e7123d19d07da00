package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// printed lints one file and gives what every format prints, and the diffs of the fixes.
func printed(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	s := source.Sources{Files: []string{path}, Environ: shell}
	findings, err := troubleshooting.Lint(s)
	require.NoError(t, err)
	require.NotEmpty(t, findings)
	var out strings.Builder
	for _, format := range []string{"text", "json", "github"} { // SARIF's rules are long
		require.NoError(t, Format(&out, format, findings, 0))
	}
	_, _, err = troubleshooting.Mend(s, func(r troubleshooting.FixRound) bool { out.WriteString(r.Diff); return true })
	require.NoError(t, err)
	return out.String()
}

const composeHead = "services:\n  p:\n    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n    environment:\n      PAPERLESS_APPS: allauth.socialaccount.providers.openid_connect\n"

// The name of a variable is no secret, also where it is the value of one.
func TestNamesAreNoSecrets(t *testing.T) {
	t.Parallel()
	out := printed(t, "compose.yaml", composeHead+`      PAPERLESS_URL: https://docs.home.example
      PAPERLESS_SECRET_KEY: ${PAPERLESS_SECRET_KEY}
      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{"openid_connect":{"APPS":[{"provider_id":"a","name":"A","client_id":"${OIDC_ID}","secret":"${OIDC_SECRET}","settings":{"server_url":"https://id.home.example/application/o/p/.well-known/openid-configuration","token_auth_method":"client_secret_basic"}}],"OAUTH_PKCE_ENABLED":"True"}}'
`)
	assert.NotContains(t, out, "********")
	assert.Contains(t, out, "${PAPERLESS_SECRET_KEY} has no value")
	assert.Contains(t, out, "${OIDC_SECRET} has no value")
}

// Of a secret in broken JSON nothing is printed, whatever stands where.
func TestBrokenJSONPrintsNoSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		`"xK7fakeOne2w" yR3fakeTwo9t`, `xK7fakeOne2w "yR3fakeTwo9t"`, `xK7fakeOne2w`, `"xK7fakeOne2w" "yR3fakeTwo9t"`, `"xK7fakeOne2w`, `'xK7fakeOne2w' yR3fakeTwo9t`, `“xK7fakeOne2w” yR3fakeTwo9t`,
	} {
		json := `{"openid_connect": {"APPS": [{"provider_id": "authentik","name": "A","client_id": "c","secret": ` + secret + `,"settings": { "server_url": "https://id.home.example/application/o/p/.well-known/openid-configuration"}}]}}`
		for name, text := range map[string]string{
			"compose.yaml":  composeHead + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '" + strings.ReplaceAll(json, "'", "''") + "'\n",
			"paperless.env": "PAPERLESS_APPS=allauth.socialaccount.providers.openid_connect\nPAPERLESS_SOCIALACCOUNT_PROVIDERS=" + json + "\n",
		} {
			out := printed(t, name, text)
			assert.NotContains(t, out, "fakeOne", "%s %s", name, secret)
			assert.NotContains(t, out, "fakeTwo", "%s %s", name, secret)
			assert.Contains(t, out, "CFG-JSON")
		}
	}
}

// A password that is a word of the host name leaves addresses as they are, and
// both sides of a diff hide it.
func TestPasswordsThatAreWordsOfTheHost(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"docs", "home", "docs.home", "example", "paperless"} {
		out := printed(t, "compose.yaml", composeHead+`      PAPERLESS_URL: https://docs.home.example/
      PAPERLESS_DBPASS: "`+password+`"
      PAPERLESS_ADMIN_PASSWORD: '`+password+`'
      PAPERLESS_AUTO_LOGIN: true
      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{"openid_connect":{"APPS":[{"provider_id":"a","name":"A","client_id":"c","secret":"`+password+`","settings":{"server_url":"https://id.home.example/application/o/paperless/.well-known/openid-configuration"}}],"OAUTH_PKCE_ENABLED":"True"}}'
`)
		assert.Contains(t, out, "https://docs.home.example", password)
		assert.NotContains(t, out, "********.home", password)
		assert.NotContains(t, out, "https://********", password)
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "-") || strings.HasPrefix(line, "+") || strings.HasPrefix(line, " ") {
				assert.NotRegexp(t, `(?:DBPASS|PASSWORD|"secret\\*")["\\]*: ?\\*["']?`+password, line)
			}
		}
	}
}
