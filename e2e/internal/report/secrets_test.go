package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

var shell = map[string]string{"HOME": "/home/me", "EMPTY": ""}

// However a secret is written, no output has it.
func TestNoFormatPrintsSecrets(t *testing.T) {
	t.Parallel()
	secrets := []string{
		"hunter2-x", "p4ss word with blanks", `quo"te-hunter2`, "dollar$hunter2", "hash#hunter2", "übergeheim-hunter2", "{hunter2}", "a,b:hunter2", "hunter2'single",
		`back\slash-hunter2`, "%hunter2%0A", "hunter2=pad==", strings.Repeat("hunter2", 40),
	}
	forms := map[string]func(string) (string, string){
		"double quotes": func(s string) (string, string) { return "compose.yaml", fmt.Sprintf("%q", s) },
		"single quotes": func(s string) (string, string) {
			return "compose.yaml", "'" + strings.ReplaceAll(s, "'", "''") + "'"
		},
		"block": func(s string) (string, string) { return "compose.yaml", ">\n        " + s },
		"env":   func(s string) (string, string) { return "x.env", "'" + s + "'" },
		"bare":  func(s string) (string, string) { return "x.env", s },
		"conf":  func(s string) (string, string) { return "paperless.conf", `"` + s + `"` },
	}
	dir := t.TempDir()
	for name, form := range forms {
		for i, secret := range secrets {
			file, written := form(secret)
			json := fmt.Sprintf(`{"openid_connect": {"APPS": [{"provider_id": "a/b", "client_id": "c", "secret": %q, "settings": {"server_url": "https://auth/", "claims": {}}}]}}`, secret)
			text := fmt.Sprintf("PAPERLESS_SECRET_KEY=%s\nPAPERLESS_DBPASS=%s\nPAPERLESS_ENABLE_ALLAUTH=true\nPAPERLESS_REDIS=redis://me:%s@broker\nPAPERLESS_SOCIALACCOUNT_PROVIDERS='%s'\n", written, written, secret, json)
			if file == "compose.yaml" {
				text = fmt.Sprintf("services:\n  p:\n    image: paperless-ngx/paperless-ngx:3.0.5\n    environment:\n      PAPERLESS_SECRET_KEY: %s\n      PAPERLESS_ADMIN_PASSWORD: %s\n      PAPERLESS_ENABLE_ALLAUTH: true\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '%s'\n",
					written, written, strings.ReplaceAll(json, "'", "''"))
			}
			path := filepath.Join(dir, fmt.Sprintf("%s-%d-%s", strings.ReplaceAll(name, " ", "-"), i, file))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			findings, err := troubleshooting.Lint(source.Sources{Files: []string{path}, Environ: shell, ToPaperless: "3.0.5"})
			if err != nil {
				assert.NotContains(t, err.Error(), "hunter2", "%s %q", name, secret)
				continue
			}
			for _, format := range Formats() {
				var out strings.Builder
				require.NoError(t, Format(&out, format, findings, 0))
				assert.NotContains(t, out.String(), "hunter2", "%s of %s %q", format, name, secret)
			}
			_, _, err = troubleshooting.Mend(source.Sources{Files: []string{path}, Environ: shell}, func(r troubleshooting.FixRound) bool {
				assert.NotContains(t, r.Diff, "hunter2", "the diff of %s %q", name, secret)
				return false
			})
			require.NoError(t, err)
		}
	}
}
