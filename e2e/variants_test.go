package e2e_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// What was seen with the regular login off says so where the files have it on,
// and stands on no line of the user's, in no form of the report.
func TestVariantsAreNotTheUsersLines(t *testing.T) {
	t.Parallel()
	rig := newRig(t)
	dir := filepath.Join("..", "fixtures", "configs", "right-blueprint")
	b, lint, err := e2e.Deploy(e2e.Options{Config: []string{filepath.Join(dir, "compose.yaml")}, Blueprint: filepath.Join(dir, "blueprint.yaml")})
	require.NoError(t, err)
	require.NotEmpty(t, b.Origins)
	rig.slots <- struct{}{}
	run, err := runner.Do(t.Context(), runner.Options{
		Bundle: b, Kind: target.Lab, Start: rig.start, OpenBrowser: rig.open, Only: []string{"password-api"}, Lint: lint,
	})
	<-rig.slots
	require.NoError(t, err)
	last := run.Results[len(run.Results)-1]
	require.Equal(t, check.Warned, last.Status, last.Message)
	require.NotEqual(t, check.AsConfigured, last.Variant)
	assert.Contains(t, last.Message, "if you switch the regular login off")
	require.NotEmpty(t, last.Findings)
	assert.Equal(t, "REG-API", last.Findings[0].Code)
	assert.True(t, strings.HasPrefix(last.Findings[0].Title, "If you switch the regular login off: "), last.Findings[0].Title)
	assert.Empty(t, last.Findings[0].Lint)

	folder := t.TempDir()
	require.NoError(t, report.Write(folder, run))
	rep, err := report.Open(filepath.Join(folder, "report.json"))
	require.NoError(t, err)
	again := diagnosisAt(rep, "password-api")
	require.NotNil(t, again)
	assert.Equal(t, last.Findings[0].Title, again.Findings[0].Title, "diagnose says so, too")
	var annotations, text, markdown, sarif bytes.Buffer
	require.NoError(t, report.Annotations(&annotations, run))
	require.NoError(t, report.Text(&text, run, report.TextOptions{}))
	require.NoError(t, report.Markdown(&markdown, run))
	require.NoError(t, report.SARIF(&sarif, run))
	for line := range strings.Lines(annotations.String()) {
		if strings.Contains(line, "REG-API") {
			assert.NotContains(t, line, "file=")
			assert.Contains(t, line, "if you switch the regular login off")
		}
	}
	flat := strings.Join(strings.Fields(text.String()), " ")
	assert.Contains(t, flat, "f you switch the regular login off")
	assert.NotContains(t, flat, "compose.yaml", "nothing is wrong with a line")
	assert.Contains(t, markdown.String(), "f you switch the regular login off")
	_, results, _ := strings.Cut(sarif.String(), `"results"`)
	assert.NotContains(t, results, "compose.yaml")
}
