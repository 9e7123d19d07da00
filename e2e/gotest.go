package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
)

// Run is Check as a Go test. Below a *testing.T each check is a subtest, with what
// explains it in its log; any other testing.TB gets the failures as errors.
func Run(tb testing.TB, o Options) *Results {
	tb.Helper()
	return RunContext(tb.Context(), tb, o)
}

// RunContext is Run with a context that may end before the test does: Go ends a
// test process that is interrupted, and only a context of signal.NotifyContext
// gives a stack the time to be removed.
func RunContext(ctx context.Context, tb testing.TB, o Options) *Results {
	tb.Helper()
	run, err := Check(ctx, o)
	if err != nil {
		tb.Fatal(err)
	}
	if o.Report != "" {
		if err := report.Write(o.Report, run); err != nil {
			tb.Error(err)
		}
	}
	subtests(tb, run)
	return run
}

// subtests makes a subtest of each result, with what explains it.
func subtests(tb testing.TB, run *Results) {
	tb.Helper()
	if run.Error != "" {
		tb.Error(run.Error)
	}
	v := run.Verdict()
	if v.Why != "" {
		tb.Error(v.Why)
	}
	for _, text := range v.NotTested {
		tb.Log(text)
	}
	for _, r := range run.Results {
		name := r.Check.ID
		if r.Variant != "" && r.Variant != check.AsConfigured {
			name += "@" + r.Variant
		}
		if t, ok := tb.(*testing.T); ok {
			t.Run(name, func(t *testing.T) { outcome(t, run, &r) })
			continue
		}
		tb.Log(name)
		outcome(tb, run, &r)
	}
}

// outcome tells a test what came of one check.
func outcome(tb testing.TB, run *Results, r *Result) {
	tb.Helper()
	// go test -json has these, so that a dashboard need not parse prose.
	for _, a := range [][2]string{
		{"check", r.Check.ID},
		{"variant", r.Variant},
		{"status", string(r.Status)},
		{"target", run.Kind},
		{"paperless", run.Paperless.Version},
		{"authentik", run.Authentik.Version},
	} {
		tb.Attr(a[0], a[1])
	}
	if len(r.Findings) > 0 {
		tb.Attr("code", r.Findings[0].Code)
	}
	tb.Log(r.Message)
	for _, f := range r.Findings {
		tb.Logf("%s: %s\n  %s\n  %s", f.Code, f.Title, strings.Join(f.Because, "\n  "), f.Fix)
	}
	switch r.Status {
	case check.Failed, check.Errored:
		tb.Fail()
	case check.Skipped:
		if t, ok := tb.(*testing.T); ok { // a subtest; another TB would skip the rest, too
			t.Skip(r.Message)
		}
	}
}
