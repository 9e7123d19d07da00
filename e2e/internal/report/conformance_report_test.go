package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// conformanceRun is a run of three tests, of which two deviate.
func conformanceRun(t *testing.T) *runner.Run {
	t.Helper()
	run := &runner.Run{Suite: conformance.Suite, Kind: "lab"}
	add := func(id string, s check.Status, c check.Conformance) {
		one := conformance.Find(id)
		require.NotNil(t, one, id)
		run.Results = append(run.Results, runner.Result{Result: check.Result{
			Check: one.Check(), Variant: check.AsConfigured, Status: s, Message: "seen of " + id, Conformance: &c,
			Record: evidence.Record{Exchange: []evidence.Exchange{{Seq: 1, Channel: oidc.Back, Endpoint: oidc.Token, To: "authentik", Method: "POST", URL: "https://authentik.example.com/application/o/token/", Status: 200}}},
		}})
	}
	add(conformance.SignIn, check.Passed, check.Conformance{Verdict: check.Conforming, Outcome: "signed in"})
	add("rp-id_token-sig-none", check.Warned, check.Conformance{Verdict: check.Weaker, Severity: check.Low, Known: true, Means: "what it means"})
	add("rp-sub-null-two-users", check.Failed, check.Conformance{Verdict: check.Weaker, Severity: check.High, Means: "what it means"})
	return run
}

// TestConformanceNotes: what a report of a version says that was not recorded.
func TestConformanceNotes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kind, version, want, not string }{
		{"stack", "2.18.4", "Known deviations are listed from 2.20.0 on: of this version each one counts as new.", "assumed"},
		{"stack", "2.20.5", "what is tested is Paperless-ngx", "counts as new"},
		{"lab", "2.20.5", "was recorded on 2.20.15 and 3.0.5 only: of this version it is assumed.", "counts as new"},
	} {
		run := conformanceRun(t)
		run.Kind, run.Paperless.Version, run.Authentik.Version = tt.kind, tt.version, "2025.8.1"
		run.Bundle = &deployment.Deployment{Assumed: &deployment.Assumption{From: "compose.yaml", Whole: true}}
		rep := New(run)
		var text bytes.Buffer
		require.NoError(t, rep.Text(&text, TextOptions{}))
		assert.NotContains(t, text.String(), "2025.8.1", "no authentik has a part in it")
		assert.NotContains(t, text.String(), "assumed from")
		assert.Contains(t, text.String(), "authentik is not tested")
		notes := strings.Join(rep.notes(), "\n")
		assert.Contains(t, notes, tt.want)
		assert.NotContains(t, notes, tt.not)
	}
}

// TestConformanceReport: the page has the verdicts by clause and a filter, every face says
// clause and verdict, and report.json keeps the exchange of tests that passed, too.
func TestConformanceReport(t *testing.T) {
	t.Parallel()
	rep := New(conformanceRun(t))

	var page, text, junit, sarif bytes.Buffer
	require.NoError(t, rep.HTML(&page))
	for _, want := range []string{"Verdicts by clause", `data-verdict="weaker" aria-pressed="false">weaker 2`, `data-is="conforming"`, conformance.Find("rp-id_token-sig-none").Clause} {
		assert.Contains(t, page.String(), want)
	}
	require.NoError(t, rep.JSON(&text))
	require.NoError(t, valid(t, compiled(t, Schema()), text.Bytes()))
	again, err := Read(&text)
	require.NoError(t, err)
	for _, c := range again.Checks {
		require.NotNil(t, c.Evidence, c.ID)
		assert.Len(t, c.Evidence.Exchange, 1, "%s: the exchange is kept", c.ID)
	}
	assert.Equal(t, "signed in", again.Checks[0].Conformance.Outcome)
	require.NoError(t, rep.JUnit(&junit))
	assert.Contains(t, junit.String(), `name="rp-sub-null-two-users.verdict" value="weaker"`)
	require.NoError(t, rep.SARIF(&sarif))
	assert.Contains(t, sarif.String(), "ssocheck explain rp-sub-null-two-users")
	assert.Contains(t, sarif.String(), "what it means")
}
