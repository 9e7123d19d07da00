package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// ownWays are the warnings that the right configuration has: Paperless's own
// ways. Everything else passes.
var ownWays = map[string]string{"permissions": "AUTHZ-EMPTY", "existing-user": "SIGN-DUPUSER", "password-api@sso-only": "REG-API"}

// wrong is what is not as it should be in a run of the right configuration; ""
// when nothing is.
func wrong(res runner.Result) string {
	want, code := check.Passed, ownWays[res.Key()]
	if code != "" {
		want = check.Warned
	}
	got := ""
	if len(res.Findings) > 0 {
		got = res.Findings[0].Code
	}
	if res.Status == want && got == code {
		return ""
	}
	return strings.Join(strings.Fields(fmt.Sprintf("%s: %s %s, want %s %s: %s", res.Key(), res.Status, got, want, code, res.Message)), " ")
}

// TestSoak runs SSO_SOAK checklists on the lab in a row, every second one with
// another beside it: no verdict but the right one. docs/bench.md has the figures.
// What went wrong is kept under SSO_REPORT.
func TestSoak(t *testing.T) {
	times, _ := strconv.Atoi(os.Getenv("SSO_SOAK"))
	if times <= 0 {
		t.Skip("SSO_SOAK=200 runs that many checklists in a row")
	}
	s := soak{verdicts: map[string]int{}, slowest: map[string]float64{}}
	began := time.Now()
	for i := range times {
		var group sync.WaitGroup
		for beside := range 1 + i%2 {
			group.Go(func() { s.one(t, fmt.Sprintf("%03d-%d", i+1, beside)) })
		}
		group.Wait()
		if (i+1)%10 == 0 {
			t.Logf("%d of %d after %v: %d wrong", i+1, times, time.Since(began).Round(time.Second), s.wrong)
		}
	}
	t.Logf("%d checklists in %v, %d of them side by side; %d wrong verdicts, %d checks repeated", s.runs, time.Since(began).Round(time.Second), times/2*2, s.wrong, s.repeated)
	for _, verdict := range slices.Sorted(maps.Keys(s.verdicts)) {
		t.Logf("%5d %s", s.verdicts[verdict], verdict)
	}
	keys := slices.SortedFunc(maps.Keys(s.slowest), func(a, b string) int { return int(1000 * (s.slowest[b] - s.slowest[a])) })
	for _, key := range keys[:min(3, len(keys))] {
		t.Logf("slowest: %s %.1f s", key, s.slowest[key])
	}
}

// soak counts over many runs.
type soak struct {
	mu       sync.Mutex
	runs     int
	wrong    int
	repeated int
	verdicts map[string]int // by "status code"
	slowest  map[string]float64
}

func (s *soak) one(t *testing.T, name string) {
	t.Helper()
	run, err := e2e.Check(t.Context(), e2e.Options{})
	if err != nil { // not require: other goroutines call this, too
		t.Errorf("%s: %v", name, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	before := s.wrong
	if !assert.Empty(t, run.Error, name) {
		s.wrong++
	}
	for _, res := range run.Results {
		verdict := string(res.Status)
		if len(res.Findings) > 0 {
			verdict += " " + res.Findings[0].Code
		}
		s.verdicts[verdict]++
		s.slowest[res.Key()] = max(s.slowest[res.Key()], res.Seconds)
		if strings.Contains(strings.Join(res.Record.Notes, "\n"), "repeated in a fresh profile") {
			s.repeated++
		}
		if text := wrong(res); text != "" {
			s.wrong++
			t.Errorf("%s: %s", name, text)
		}
	}
	if dir := os.Getenv("SSO_REPORT"); dir != "" && s.wrong > before {
		require.NoError(t, report.Write(filepath.Join(dir, name), run))
	}
}
