package e2e

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// asImporter runs one of these as the test of somebody else, because go test -v is
// seen only from outside.
var asImporter = map[string]func(*testing.T){
	"checklist": func(t *testing.T) {
		t.Helper()
		Run(t, Options{Plant: []string{"RED-SLASH"}, Only: []string{"round-trip", "next-redirect"}})
	},
	"one after another": func(t *testing.T) {
		t.Helper()
		Run(t, Options{Only: []string{"round-trip"}, Jobs: 1})
	},
	"conformance": func(t *testing.T) {
		t.Helper()
		Run(t, Options{Suite: SuiteConformance, Only: []string{"state"}})
	},
	"upgrade": func(t *testing.T) {
		t.Helper()
		RunUpgrade(t, UpgradeOptions{From: "2.20.15", To: "3.0.5", Options: Options{Only: []string{"login-button"}}})
	},
	"only one subtest": func(t *testing.T) {
		t.Helper()
		Run(t, Options{Only: []string{"login-button"}})
	},
	"an option that cannot be": func(t *testing.T) {
		t.Helper()
		Run(t, Options{Target: "external", Plant: []string{"RED-SLASH"}})
	},
}

// TestRunAsImporter: each check is a subtest that lasts as long as the check, no line
// of the log is empty, and errors name options.
func TestRunAsImporter(t *testing.T) {
	if name := os.Getenv("SSO_TEST_IMPORTER"); name != "" {
		asImporter[name](t)
		return
	}
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		run   string // below the test
		ended map[string]string
		want  []string
		exit  int
	}{
		"checklist": {
			ended: map[string]string{"login-page": "PASS", "login-button": "PASS", "round-trip": "FAIL", "next-redirect": "SKIP"},
			want:  []string{"RED-SLASH: The registered", "\n          Strict  https://", "needs round-trip, which failed"}, exit: 1,
		},
		"one after another": {ended: map[string]string{"login-page": "PASS", "login-button": "PASS", "round-trip": "PASS"}},
		"conformance":       {ended: map[string]string{"rp-callback-right": "PASS", "rp-state-missing": "PASS"}},
		"upgrade":           {ended: map[string]string{"login-page": "PASS", "upgrade-sign-in": "PASS"}},
		"only one subtest":  {run: "/^login-button$", ended: map[string]string{"login-button": "PASS"}},
		"an option that cannot be": {
			want: []string{"Options.Plant changes a configuration", "Options.Target lab plants"}, exit: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestRunAsImporter$"+tt.run, "-test.v")
			cmd.Env = append(os.Environ(), "SSO_TEST_IMPORTER="+name)
			text, err := cmd.CombinedOutput()
			out := string(text)
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				assert.Equal(t, tt.exit, exit.ExitCode(), out)
			} else {
				assert.Zero(t, tt.exit, out)
			}
			for id, want := range tt.ended {
				found := regexp.MustCompile(`--- (\w+): TestRunAsImporter/` + id + ` \(([0-9.]+)s\)`).FindStringSubmatch(out)
				if assert.NotNil(t, found, "%s has no subtest: %s", id, out) {
					assert.Equal(t, want, found[1], out)
					seconds, err := strconv.ParseFloat(found[2], 64)
					require.NoError(t, err)
					// A check with a browser; the others may take less than Go writes.
					if want != "SKIP" && id != "rp-state-missing" {
						assert.Positive(t, seconds, "%s: %s", id, out)
					}
				}
				assert.NotContains(t, out, id+"#01", "one subtest each")
			}
			for _, want := range tt.want {
				assert.Contains(t, out, want)
			}
			for line := range strings.Lines(out) {
				assert.NotRegexp(t, `^\s*(\w+\.go:\d+:)?\s*$`, line, "an empty line: %s", out)
			}
		})
	}
}

// A check that was found out without a message says nothing, not an empty line; the
// lines of a fix stand below each other.
func TestToldLines(t *testing.T) {
	t.Parallel()
	assert.Empty(t, told(&Result{Result: check.Result{Status: check.Passed}}))
	got := told(&Result{
		Result:   check.Result{Status: check.Failed, Message: "needs --config FILE", Waited: 2.04},
		Findings: []troubleshooting.Finding{{Code: "RED-SLASH", Title: "the slash", Because: []string{"", "sent: a"}, Fix: "Register it.\n  Strict  b\n"}},
	})
	assert.Equal(t, []string{"needs Options.Config FILE", "RED-SLASH: the slash\n  sent: a\n  Register it.\n    Strict  b", "waited 2.0 s of it for the pair to boot"}, got)
}

// TestErrorsSpeakOfOptions: who imports e2e has no flags. A whole command keeps them.
func TestErrorsSpeakOfOptions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"usage: --blueprint needs --config: it is read":                         "usage: Options.Blueprint needs Options.Config: it is read",
		"it differs (--from); --to=x":                                           "it differs (UpgradeOptions.From); UpgradeOptions.To=x",
		"with: ssocheck run --target external --config FILE, or --target lab":   "with: ssocheck run --target external --config FILE, or Options.Target lab",
		"docker run -d --network host --browser x and --browser ws://a:9":       "docker run -d --network host --browser x and Options.Browser ws://a:9",
		"`ssocheck lint --config x` or --headed; a--config and --nobody-has-it": "`ssocheck lint --config x` or Options.Headed; a--config and --nobody-has-it",
	} {
		assert.Equal(t, want, inOptions(text))
	}
	err := error(&optionsError{ErrUsage})
	require.ErrorIs(t, err, ErrUsage)

	// Each option is there.
	for flag, name := range optionOf() {
		parts := strings.Split(name, ".")
		typ := map[string]reflect.Type{
			"Options": reflect.TypeFor[Options](), "UpgradeOptions": reflect.TypeFor[UpgradeOptions](), "Shard": reflect.TypeFor[Shard](),
		}[parts[0]]
		require.NotNil(t, typ, flag)
		for _, part := range parts[1:] {
			field, ok := typ.FieldByName(part)
			require.True(t, ok, "%s: %s has no %s", flag, typ, part)
			typ = field.Type
		}
	}
}

// What ended with the browser, and so was never run, is a subtest, too.
func TestSubtestsOfWhatDidNotRun(t *testing.T) {
	t.Parallel()
	s := &subtests{tb: t, target: "lab", told: map[string]bool{"b": true}}
	var run []string
	s.tb = &noting{TB: t, log: func(text string) { run = append(run, text) }}
	s.end(&runner.Run{Only: []string{"a"}, Results: []runner.Result{
		{Result: check.Result{Check: &check.Check{ID: "a"}, Status: check.Passed}},
		{Result: check.Result{Check: &check.Check{ID: "b"}, Status: check.Passed}},
	}})
	assert.Contains(t, run, "a")
	assert.NotContains(t, run, "b")
}

// noting notes what is logged.
type noting struct {
	testing.TB
	log func(string)
}

func (n *noting) Log(args ...any)     { n.log(args[0].(string)) } //nolint:forcetypeassert // that is what is logged
func (n *noting) Error(...any)        {}
func (n *noting) Attr(string, string) {}
