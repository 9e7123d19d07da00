package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// One report.json of a matrix is what diff, diagnose and merge read: each check says
// on which versions it ran, and what led to a failure is there.
func TestMatrixWritesOneReport(t *testing.T) {
	t.Parallel()
	m := matrixOf(t)
	red := m.Cells[2].Report
	red.Target.Paperless.Version = "3.0.5" // the sample is of another one
	dir := t.TempDir()
	for i := range m.Cells {
		if c := &m.Cells[i]; c.Report != nil {
			require.NoError(t, c.Report.Write(filepath.Join(dir, c.Dir)))
		}
	}
	require.NoError(t, m.Write(dir))
	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	require.NoError(t, err)
	require.NoError(t, valid(t, compiled(t, Schema()), text))

	whole, err := Open(dir)
	require.NoError(t, err)
	assert.Equal(t, runner.Fail, whole.Result)
	assert.Contains(t, whole.Error, "Paperless-ngx 2.20.15 with authentik 2025.10.0: the stack did not start")
	assert.Equal(t, "2.20.15, 3.0.5", whole.Target.Paperless.Version)
	keys := map[string]*Check{}
	for i := range whole.Checks {
		keys[whole.Checks[i].Key()] = &whole.Checks[i]
	}
	assert.Len(t, keys, len(m.Cells[0].Report.Checks)+len(red.Checks))
	failed := keys["round-trip@3.0.5+2025.8.1"]
	require.NotNil(t, failed)
	assert.Equal(t, check.Failed, failed.Status)
	require.NotEmpty(t, failed.Artifacts.files())
	for _, name := range failed.Artifacts.files() {
		assert.FileExists(t, filepath.Join(dir, filepath.FromSlash(name)), "artifacts are found from here")
	}
	assert.NotEmpty(t, failed.screenshot)

	var again []string
	for _, d := range Diagnose(whole) {
		assert.False(t, d.Blind, d.Check.Key())
		if len(d.Findings) > 0 {
			again = append(again, d.Check.Key()+" "+d.Findings[0].Code)
		}
	}
	assert.Contains(t, again, "round-trip@3.0.5+2025.8.1 RED-SLASH")

	m.Cells = m.Cells[:2]
	alone, err := m.Whole()
	require.NoError(t, err)
	assert.Equal(t, runner.Error, alone.Result, "a pair could not be run")

	changes, worse := Diff(whole, whole)
	assert.False(t, worse)
	assert.Empty(t, changes.Checks)

	// Merged with a cell of another shard, the checks keep their names.
	other := New(passingRun(t))
	other.Target.Paperless.Version = "2.18.4"
	merged, err := Merge([]*Report{whole, other})
	require.NoError(t, err)
	assert.Equal(t, "2.20.15, 3.0.5, 2.18.4", merged.Target.Paperless.Version)
	assert.Equal(t, runner.Fail, merged.Result)
	keys = map[string]*Check{}
	for i := range merged.Checks {
		keys[merged.Checks[i].Key()] = &merged.Checks[i]
	}
	assert.Contains(t, keys, "round-trip@3.0.5+2025.8.1")
	assert.Contains(t, keys, "round-trip@2.18.4+2025.8.1")
	assert.Len(t, keys, len(whole.Checks)+len(other.Checks))
}

// Merge ends as the worst of its reports, also where the checks of another one say
// otherwise.
func TestMergeIsAsBadAsItsReports(t *testing.T) {
	t.Parallel()
	good, bad := New(passingRun(t)), New(passingRun(t))
	bad.Result, bad.Why = runner.Error, "nobody signed in"
	bad.Target.Paperless.Version = "3.0.5"
	merged, err := Merge([]*Report{good, bad})
	require.NoError(t, err)
	assert.Equal(t, runner.Error, merged.Result)
	assert.Equal(t, "nobody signed in", merged.Why)
}
