package runner_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Lint rules name items and checks that there are.
func TestRulesNameWhatIsThere(t *testing.T) {
	t.Parallel()
	checks := map[string]bool{}
	for _, c := range checklist.All() {
		checks[c.ID] = true
	}
	for _, r := range troubleshooting.Rules() {
		require.NotNil(t, r.Cause, r.Code)
		assert.True(t, r.Cause.Breaks == nil || checks[r.Cause.Breaks.ID], "%s breaks %v", r.Code, r.Cause.Breaks)
	}
}

// What evidence shows and what lint says of the same cause are one finding; a
// failed check that no item explains is explained by lint.
func TestLintJoinsFindings(t *testing.T) {
	t.Parallel()
	at := func(code, level, setting, fix string, line int) source.Diagnostic {
		return source.Diagnostic{Code: code, Level: level, Setting: setting, File: "compose.yaml", Line: line, Column: 7, Message: "this is why", Fix: fix}
	}
	place := func(code string, line int) troubleshooting.Place {
		return troubleshooting.Place{Code: code, File: "compose.yaml", Line: line, Column: 7}
	}
	found := func(code, fix string, because ...string) []troubleshooting.Finding {
		return []troubleshooting.Finding{{Code: code, Title: "t", Fix: fix, Because: because}}
	}
	later := at("RED-SLASH", source.Error, "", "", 9)
	later.From = "3.0.5"
	meant := at("CFG-CASE", source.Error, "paperless_url", "write it in capitals", 4)
	meant.Meant = "PAPERLESS_URL"
	tests := map[string]struct {
		check    string
		findings []troubleshooting.Finding
		lint     []source.Diagnostic
		want     []troubleshooting.Finding
	}{
		"the same code": {
			"round-trip", found("RED-SLASH", "fix it"),
			[]source.Diagnostic{at("RED-SLASH", source.Error, "", "", 3), later},
			[]troubleshooting.Finding{{Code: "RED-SLASH", Title: "t", Fix: "fix it", Lint: []troubleshooting.Place{place("RED-SLASH", 3)}}},
		},
		"another code, the same cause": {
			"round-trip", found("TOK-SECRET", "fix it"),
			[]source.Diagnostic{at("CFG-NOSECRET", source.Error, "", "", 3)},
			[]troubleshooting.Finding{{Code: "TOK-SECRET", Title: "t", Fix: "fix it", Lint: []troubleshooting.Place{place("CFG-NOSECRET", 3)}}},
		},
		"the setting that the finding names": {
			"settings", found("CFG-UNKNOWN", "", "PAPERLESS_X (compose.yaml:4) is read by no version"),
			[]source.Diagnostic{at("CFG-UNKNOWN", source.Warning, "PAPERLESS_Y", "", 3), at("CFG-UNKNOWN", source.Warning, "PAPERLESS_X", "", 4)},
			[]troubleshooting.Finding{{Code: "CFG-UNKNOWN", Title: "t", Because: []string{"PAPERLESS_X (compose.yaml:4) is read by no version"}, Lint: []troubleshooting.Place{place("CFG-UNKNOWN", 4)}}},
		},
		"the value was lost on its way": {
			"login-page", found("CFG-URLSCHEME", "write https://", "PAPERLESS_URL is \"x\""),
			[]source.Diagnostic{meant},
			[]troubleshooting.Finding{{Code: "CFG-URLSCHEME", Title: "t", Fix: "Write it in capitals", Because: []string{"PAPERLESS_URL is \"x\""}, Lint: []troubleshooting.Place{place("CFG-CASE", 4)}}},
		},
		"no item knows it": {
			"login-page", nil,
			[]source.Diagnostic{at("CFG-APPTWICE", source.Error, "", "once is enough", 3), at("CFG-DOTENV", source.Warning, "", "", 4)},
			[]troubleshooting.Finding{{Code: "CFG-APPTWICE", Title: "This is why", Because: []string{}, Fix: "once is enough", Lint: []troubleshooting.Place{place("CFG-APPTWICE", 3)}}},
		},
		"nothing in common": {
			"login-page", found("CFG-JSON", "fix it"),
			[]source.Diagnostic{at("SEC-SIGNUP", source.Warning, "PAPERLESS_ACCOUNT_ALLOW_SIGNUPS", "", 3)},
			found("CFG-JSON", "fix it"),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &lot{}, runner.Options{
				Checks: []*check.Check{fake(tt.check, fails)}, Lint: tt.lint,
				Explain: func(evidence.Record, *deployment.Deployment, *check.Check, check.Status) []troubleshooting.Finding {
					return tt.findings
				},
			})
			assert.Equal(t, tt.want, r.Results[0].Findings)
			assert.Len(t, r.Lint, len(tt.lint), "what lint said stays")
		})
	}
}

// Files that Compose refuses start nothing: that is a failed check, not an error
// of the tester. A pair that runs already is looked at all the same.
func TestRefusedFilesStartNothing(t *testing.T) {
	t.Parallel()
	one := fake("one", passes)
	two := fake("two", func(context.Context, *check.Pass) error { return nil }, one)
	lint := []source.Diagnostic{{Code: "CFG-TAB", Level: source.Error, Refuses: "Compose", File: "compose.yaml", Line: 3, Message: "a tab", Fix: "use spaces"}}
	l := &lot{}
	r := do(t, l, runner.Options{Checks: []*check.Check{one, two}, Lint: lint})
	assert.Equal(t, []string{"one fail", "two skip"}, lines(r))
	assert.Equal(t, runner.Fail, r.Result())
	assert.Equal(t, 1, r.ExitCode())
	assert.Empty(t, l.started)
	require.Len(t, r.Results[0].Findings, 1)
	assert.Equal(t, "CFG-TAB", r.Results[0].Findings[0].Code)
	assert.Equal(t, "nothing starts: Compose refuses the files (compose.yaml:3)", r.Results[0].Message)

	lint[0].From = "3.0.5"
	assert.Equal(t, []string{"one pass", "two pass"}, lines(do(t, &lot{}, runner.Options{Checks: []*check.Check{one, two}, Lint: lint})), "only after an upgrade")
	lint[0].From = ""
	assert.Equal(t, []string{"one pass", "two pass"}, lines(do(t, &lot{}, runner.Options{Kind: target.External, Checks: []*check.Check{one, two}, Lint: lint})))
}
