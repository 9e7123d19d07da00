package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// The verdicts of expect.yaml that are not those of a run.
const (
	warned   = "warn"    // nothing fails, a check warns
	refuses  = "refused" // Compose or authentik does not take the files
	unusable = "none"    // the files cannot be read: exit 2
	byLint   = "lint"    // no check fails, but lint has an error: exit 1
	foreign  = "foreign" // the provider is not authentik: exit 2
)

// configExpect is what expect.yaml says of a run; its other keys are lint's.
type configExpect struct {
	Files     []string `yaml:"files"`
	Blueprint string   `yaml:"blueprint"`
	Service   string   `yaml:"service"`
	Paperless string   `yaml:"paperless"`
	Authentik string   `yaml:"authentik"`
	Run       string   `yaml:"run"`
	Code      string   `yaml:"code"`  // first cause that the run names
	Check     string   `yaml:"check"` // check to run; empty: the one that the code breaks
}

// TestConfigs runs every configuration of fixtures/configs on the lab, as far as
// the check that its cause breaks, and demands the verdict and the first code
// that expect.yaml gives.
func TestConfigs(t *testing.T) {
	dirs, err := filepath.Glob("../fixtures/configs/*/expect.yaml")
	require.NoError(t, err)
	require.Greater(t, len(dirs), 100)
	rig := newRig(t)
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var want configExpect
			require.NoError(t, yaml.Unmarshal(text, &want))
			o := e2e.Options{Service: want.Service, Paperless: want.Paperless, Authentik: want.Authentik}
			if len(want.Files) == 0 {
				want.Files = []string{"compose.yaml"}
			}
			for _, f := range want.Files {
				o.Config = append(o.Config, filepath.Join(dir, f))
			}
			if want.Blueprint != "" {
				o.Blueprint = filepath.Join(dir, want.Blueprint)
			}
			b, lint, err := e2e.Deploy(o)
			if want.Run == unusable {
				require.ErrorIs(t, err, e2e.ErrUsage)
				return
			}
			require.NoError(t, err)
			do := runner.Options{Bundle: b, Lint: lint, Enough: func(r runner.Result) bool { return r.Status == check.Failed }}
			if at := want.check(b.Versions()); want.Run == string(runner.Fail) {
				do.Checks = signingIn(at)
			} else {
				do.Only = []string{at.ID}
			}
			run, err := rig.do(t.Context(), do)
			require.NoError(t, err)
			if want.Run == foreign {
				assert.Contains(t, run.Error, "needs authentik")
				assert.Equal(t, 2, run.ExitCode())
				return
			}
			require.Empty(t, run.Error)
			verdict, codes, said := judge(run)
			assert.Equal(t, want.Run, verdict, said)
			first := ""
			if len(codes) > 0 {
				first = codes[0]
			}
			assert.Equal(t, want.Code, first, "%v %s", codes, said)
		})
	}
}

// check is the check that shows the expected code first.
func (e configExpect) check(on deployment.Pair) *check.Check {
	if i := slices.IndexFunc(checklist.All(), func(c *check.Check) bool { return c.ID == e.Check }); i >= 0 {
		return checklist.All()[i]
	}
	if i := troubleshooting.Find(e.Code); i != nil {
		return i.BreaksAt(on)
	}
	if r := troubleshooting.FindRule(e.Code); r != nil && r.Cause.Breaks != nil {
		return r.Cause.Breaks
	}
	return checklist.RoundTrip
}

// judge is the verdict on a run, the codes at the first check that is not met,
// and what the checks said.
func judge(run *runner.Run) (verdict string, codes []string, said string) {
	verdict = string(runner.Pass)
	var words []string
	for _, r := range run.Results {
		if r.Status == check.Passed {
			continue
		}
		words = append(words, r.Key()+" "+string(r.Status)+": "+r.Message)
		worse := r.Status == check.Failed && verdict != string(runner.Fail) && verdict != refuses || r.Status == check.Warned && verdict == string(runner.Pass)
		if !worse {
			continue
		}
		verdict = map[check.Status]string{check.Failed: string(runner.Fail), check.Warned: warned}[r.Status]
		for _, l := range run.Lint {
			if l.Refuses != "" && l.From == "" {
				verdict = refuses
			}
		}
		codes = nil
		for _, f := range r.Findings {
			codes = append(codes, f.Code)
		}
	}
	for _, r := range run.Results {
		if r.Status == check.Skipped && verdict == string(runner.Pass) {
			verdict = string(check.Skipped) + ": " + r.Message
		}
	}
	if (verdict == string(runner.Pass) || verdict == warned) && run.Result() == runner.Fail {
		verdict, words = byLint, append(words, run.Why())
		codes = nil
		for _, l := range run.Lint {
			if runner.Decisive(l) {
				codes = append(codes, l.Code)
			}
		}
	}
	return verdict, codes, strings.Join(words, "\n")
}
