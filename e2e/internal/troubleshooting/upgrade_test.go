package troubleshooting_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// What comes only with the versions to upgrade to says so, and what is there
// now does not change.
func TestLintUpgrade(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(configs, "upgrade-removed")
	src := source.Sources{Files: []string{filepath.Join(dir, "compose.yaml")}}
	lines := func(s source.Sources) []string {
		findings, err := troubleshooting.Lint(s)
		require.NoError(t, err)
		noSecrets(t, findings)
		var out []string
		for _, f := range findings {
			out = append(out, fmt.Sprintf("%s %s:%d %s", f.Level, f.Code, f.Line, f.From))
		}
		return out
	}
	now := []string{"warning CFG-BOOL:33 ", "info UPG-V3:10 "}
	assert.Equal(t, now, lines(src), "without an upgrade")
	src.ToPaperless = "v2.20.15"
	assert.Equal(t, now, lines(src), "to the same version")
	src.ToPaperless = "3.0.5"
	assert.Equal(t, []string{
		"error CFG-SECRETKEY:10 3.0.5", "error CFG-BOOL:33 3.0.5", "warning UPG-CHANGED:11 3.0.5",
		"warning UPG-REMOVED:31 3.0.5", "warning UPG-REMOVED:32 3.0.5", "warning CFG-BOOL:33 ", "info UPG-HAZARD:10 3.0.5",
	}, lines(src), "the secret key and the boolean are named once, not also as hazards")

	src.ToAuthentik = deployment.LatestKnown
	findings, err := troubleshooting.Lint(src)
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(findings, func(f source.Diagnostic) bool {
		return f.Code == "UPG-HAZARD" && strings.Contains(f.Message, "A09 (authentik 2026.8.0)") && strings.Contains(f.Message, "2025.12.6, 2026.2.7, 2026.5.8: each of them in turn")
	}), "every major on the way is named: %v", findings)

	src = source.Sources{
		Files: []string{filepath.Join(configs, "right-blueprint", "compose.yaml")}, Blueprint: filepath.Join(configs, "blueprint-grants", "blueprint.yaml"),
		AuthentikVersion: "2025.10.0", ToAuthentik: "2026.5.6",
	}
	assert.Contains(t, lines(src), "error IDP-GRANT:5 2.20.15,2026.5.6", "the other product, too")

	for want, s := range map[string]source.Sources{
		"Paperless-ngx 2.18.4 is older than 2.20.15": {ToPaperless: "2.18.4"},
		`Paperless-ngx "latest" is no version`:       {ToPaperless: "latest"},
		"authentik 2024.10.5 is older":               {ToAuthentik: "2024.10.5"},
	} {
		s.Files = []string{filepath.Join(dir, "compose.yaml")}
		_, err := troubleshooting.Lint(s)
		require.ErrorContains(t, err, want)
	}
}

// What only those notice who have not set it is no change for who has: a secret key
// that 3.0.0 requires, a default that became another.
func TestLintUpgradeOfWhatIsSet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "paperless.env")
	require.NoError(t, os.WriteFile(path, []byte("PAPERLESS_URL=https://docs.example.org\nPAPERLESS_SECRET_KEY=a-key-of-this-test-0815\n"+
		"PAPERLESS_ACCOUNT_SESSION_REMEMBER=false\nPAPERLESS_ALLOWED_HOSTS=docs.example.org\n"), 0o600))
	findings, err := troubleshooting.Lint(source.Sources{Files: []string{path}, PaperlessVersion: "2.12.1", ToPaperless: "3.0.5"})
	require.NoError(t, err)
	var settings []string
	for _, f := range findings {
		if f.Code == "UPG-CHANGED" {
			settings = append(settings, f.Setting)
		}
	}
	assert.Equal(t, []string{"PAPERLESS_ALLOWED_HOSTS"}, settings)
}
