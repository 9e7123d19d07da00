package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
)

// TestDiffOfVerdicts: what gets weaker or better between two versions is listed, also
// where both are known, and so only warnings.
func TestDiffOfVerdicts(t *testing.T) {
	t.Parallel()
	one := func(id string, s check.Status, v check.Verdict) Check {
		return Check{ID: id, Variant: check.AsConfigured, Status: s, Conformance: &check.Conformance{Verdict: v}}
	}
	old := &Report{Checks: []Check{one("rp-a", check.Warned, check.Crash), one("rp-b", check.Warned, check.Weaker), one("rp-c", check.Passed, check.Conforming), one("rp-d", check.Warned, check.Weaker)}}
	now := &Report{Checks: []Check{one("rp-a", check.Warned, check.Weaker), one("rp-b", check.Passed, check.Conforming), one("rp-c", check.Warned, check.Weaker), one("rp-d", check.Warned, check.Weaker)}}
	changes, worse := Diff(old, now)
	assert.True(t, worse)
	assert.Len(t, changes.Checks, 3)
	for i, want := range []struct{ bad, good bool }{{true, false}, {false, true}, {true, false}} {
		assert.Equal(t, want.bad, changes.Checks[i].Bad, changes.Checks[i].Key)
		assert.Equal(t, want.good, changes.Checks[i].Good, changes.Checks[i].Key)
	}
}

// A deviation that fixtures/expected.yaml knows of the newer version is listed, and changes
// no exit code.
func TestDiffOfKnownDeviations(t *testing.T) {
	t.Parallel()
	one := func(s check.Status, v check.Verdict, known bool) *Report {
		return &Report{Checks: []Check{{ID: "rp-a", Variant: check.AsConfigured, Status: s, Conformance: &check.Conformance{Verdict: v, Known: known}}}}
	}
	changes, worse := Diff(one(check.Passed, check.Conforming, false), one(check.Warned, check.Weaker, true))
	assert.False(t, worse)
	assert.True(t, changes.Checks[0].Bad, "but it is told")
	changes, worse = Diff(one(check.Skipped, "", false), one(check.Warned, check.Weaker, true))
	assert.False(t, worse)
	assert.True(t, changes.Checks[0].Bad)
	changes, worse = Diff(one(check.Skipped, "", false), one(check.Passed, check.Conforming, false))
	assert.False(t, worse)
	assert.Empty(t, changes.Checks)
	_, worse = Diff(one(check.Passed, check.Conforming, false), one(check.Failed, check.Weaker, false))
	assert.True(t, worse)
}
