package e2e

import (
	"strings"
	"testing"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
)

// Run is Check as a Go test. Below a *testing.T each check is a subtest, with what
// explains it in its log; any other testing.TB gets the failures as errors.
func Run(t testing.TB, o Options) *Results {
	t.Helper()
	run, err := Check(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if o.Report != "" {
		if err := report.Write(o.Report, run); err != nil {
			t.Error(err)
		}
	}
	subtests(t, run)
	return run
}

// subtests makes a subtest of each result, with what explains it.
func subtests(t testing.TB, run *Results) {
	t.Helper()
	if run.Error != "" {
		t.Error(run.Error)
	}
	v := run.Verdict()
	if v.Why != "" {
		t.Error(v.Why)
	}
	for _, text := range v.NotTested {
		t.Log(text)
	}
	for _, r := range run.Results {
		name := r.Check.ID
		if r.Variant != "" && r.Variant != check.AsConfigured {
			name += "@" + r.Variant
		}
		one := func(t testing.TB) { outcome(t, run, &r) }
		if t, ok := t.(*testing.T); ok {
			t.Run(name, func(t *testing.T) { one(t) })
			continue
		}
		t.Log(name)
		one(t)
	}
}

// outcome tells a test what came of one check.
func outcome(t testing.TB, run *Results, r *Result) {
	t.Helper()
	// go test -json has these, so that a dashboard need not parse prose.
	for _, a := range [][2]string{
		{"check", r.Check.ID},
		{"variant", r.Variant},
		{"status", string(r.Status)},
		{"target", run.Kind},
		{"paperless", run.Paperless.Version},
		{"authentik", run.Authentik.Version},
	} {
		t.Attr(a[0], a[1])
	}
	if len(r.Findings) > 0 {
		t.Attr("code", r.Findings[0].Code)
	}
	t.Log(r.Message)
	for _, f := range r.Findings {
		t.Logf("%s: %s\n  %s\n  %s", f.Code, f.Title, strings.Join(f.Because, "\n  "), f.Fix)
	}
	switch r.Status {
	case check.Failed, check.Errored:
		t.Fail()
	case check.Skipped:
		if t, ok := t.(*testing.T); ok { // a subtest; another TB would skip the rest, too
			t.Skip(r.Message)
		}
	}
}
