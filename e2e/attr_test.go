package e2e

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestAttributes runs itself, because attributes are seen only from outside.
func TestAttributes(t *testing.T) {
	if os.Getenv("SSO_TEST_ATTRIBUTES") != "" {
		c := &check.Check{ID: "round-trip"}
		(&subtests{tb: t}).end(&runner.Run{
			Kind: "lab", Paperless: evidence.Product{Version: "2.20.15"}, Authentik: evidence.Product{Version: "2025.8.1"},
			Results: []runner.Result{{
				Result:   check.Result{Check: c, Variant: "redirect-on", Status: check.Failed, Message: "refused"},
				Findings: []troubleshooting.Finding{{Code: "RED-SLASH"}, {Code: "RED-PATH"}},
			}},
		})
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestAttributes$", "-test.v")
	cmd.Env = append(os.Environ(), "SSO_TEST_ATTRIBUTES=1")
	out, err := cmd.Output()
	require.Error(t, err, "the failed check fails its subtest")
	for key, value := range map[string]string{
		"check": "round-trip", "variant": "redirect-on", "status": "fail", "code": "RED-SLASH",
		"target": "lab", "paperless": "2.20.15", "authentik": "2025.8.1",
	} {
		assert.Contains(t, string(out), "=== ATTR  TestAttributes/round-trip@redirect-on "+key+" "+value+"\n")
	}
}
