package e2e

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// Run is Check as a Go test. Below a *testing.T each check is a subtest that lasts as
// long as the check, with what explains it in its log; any other testing.TB gets the
// failures as errors.
func Run(tb testing.TB, o Options) *Results {
	tb.Helper()
	return RunContext(tb.Context(), tb, o)
}

// RunContext is Run with a context that may end before the test does: Go ends a
// test process that is interrupted, and only a context of signal.NotifyContext
// gives a stack the time to be removed.
func RunContext(ctx context.Context, tb testing.TB, o Options) *Results {
	tb.Helper()
	live := &subtests{tb: tb, target: cmp.Or(o.Target, target.Lab)}
	o.around = live.around
	run, err := Check(ctx, o)
	if err != nil {
		tb.Fatal(err)
	}
	if o.Report != "" {
		if err := report.Write(o.Report, run); err != nil {
			tb.Error(err)
		}
	}
	live.end(run)
	return run
}

// subtests are those of the checks of a run.
type subtests struct {
	tb     testing.TB
	target string

	mu   sync.Mutex
	told map[string]bool // the checks, by key, that had their subtest
}

// around runs a check as a subtest, so that Go measures the check. Where there are no
// subtests it only runs it.
func (s *subtests) around(key string, on Pair, do func() Result) (r Result) {
	t, ok := s.tb.(*testing.T)
	ran := false
	if ok {
		t.Run(key, func(t *testing.T) {
			r = do()
			ran = true
			s.tell(key)
			outcome(t, s.target, versionsOf(&r, on), &r)
		})
	}
	if !ran { // -run left the subtest out; checks that need this one may not be
		r = do()
	}
	return r
}

// tell notes that a check had its subtest.
func (s *subtests) tell(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == nil {
		s.told = map[string]bool{}
	}
	s.told[key] = true
}

// end says what is about the whole run, and makes a subtest of each check that was
// not run as one.
func (s *subtests) end(run *Results) {
	tb := s.tb
	tb.Helper()
	if run.Error != "" {
		tb.Error(inOptions(run.Error))
	}
	v := run.Verdict()
	if v.Why != "" {
		tb.Error(inOptions(v.Why))
	}
	for _, text := range v.NotTested {
		tb.Log(inOptions(text))
	}
	pair := Pair{Paperless: run.Paperless.Version, Authentik: run.Authentik.Version}
	for i := range run.Results {
		r := &run.Results[i]
		if s.told[r.Key()] {
			continue
		}
		if t, ok := tb.(*testing.T); ok {
			t.Run(r.Key(), func(t *testing.T) {
				if r.Seconds > 0 && r.Status != check.Skipped {
					t.Logf("the check took %.1f s", r.Seconds)
				}
				outcome(t, run.Kind, pair, r)
			})
			continue
		}
		tb.Log(r.Key())
		outcome(tb, run.Kind, pair, r)
	}
}

// outcome tells a test what came of one check.
func outcome(tb testing.TB, on string, pair Pair, r *Result) {
	tb.Helper()
	// go test -json has these, so that a dashboard need not parse prose.
	for _, a := range [][2]string{
		{"check", r.Check.ID},
		{"variant", r.Variant},
		{"status", string(r.Status)},
		{"target", on},
		{"paperless", pair.Paperless},
		{"authentik", pair.Authentik},
	} {
		tb.Attr(a[0], a[1])
	}
	if len(r.Findings) > 0 {
		tb.Attr("code", r.Findings[0].Code)
	}
	for _, text := range told(r) {
		tb.Log(text)
	}
	switch r.Status {
	case check.Failed, check.Errored:
		tb.Fail()
	case check.Skipped:
		if t, ok := tb.(*testing.T); ok { // a subtest; another TB would skip the rest, too
			t.Skip(inOptions(r.Message))
		}
	}
}

// told is what the log of a check's subtest says: what was seen, what explains it,
// and how long it waited for a pair to boot, which counts among its seconds.
func told(r *Result) []string {
	var out []string
	if r.Message != "" && r.Status != check.Skipped { // why it is skipped, Skip says
		out = append(out, inOptions(r.Message))
	}
	for _, f := range r.Findings {
		lines := []string{f.Code + ": " + f.Title}
		for line := range strings.Lines(strings.Join(append(slices.Clone(f.Because), f.Fix), "\n")) {
			if line = strings.TrimRight(line, " \n"); line != "" {
				lines = append(lines, "  "+line)
			}
		}
		out = append(out, inOptions(strings.Join(lines, "\n")))
	}
	if r.Waited >= 1 {
		out = append(out, fmt.Sprintf("waited %.1f s of it for the pair to boot", r.Waited))
	}
	return out
}

// versionsOf are the versions that a check ran on: those that it saw, else those of the
// configuration.
func versionsOf(r *Result, configured Pair) Pair {
	return Pair{
		Paperless: cmp.Or(r.Record.Paperless.Version, configured.Paperless),
		Authentik: cmp.Or(r.Record.Authentik.Version, configured.Authentik),
	}
}
