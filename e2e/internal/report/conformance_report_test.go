package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
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
