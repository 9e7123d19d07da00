package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// aBoot are two containers of which one is slow.
func aBoot(p *Progress, c *clock) {
	tell := func(after time.Duration, g target.Gate) {
		c.at = c.at.Add(after)
		p.Observe(runner.Event{Kind: runner.Booting, Gate: &g})
	}
	p.Observe(runner.Event{Kind: runner.Planned, Step: "plan: both at once"})
	tell(0, target.Gate{Container: "postgres", What: "the database takes connections", State: target.GateWaits})
	tell(2*time.Second, target.Gate{Container: "postgres", What: "the database takes connections", State: target.GateOpens, Seconds: 2})
	tell(0, target.Gate{Container: "paperless-1", What: "Paperless answers, or stops", State: target.GateWaits, Expected: 40, Slow: true})
	tell(0, target.Gate{Container: "authentik-1-server", What: "authentik says that it is ready", State: target.GateWaits})
	tell(10*time.Second, target.Gate{Container: "paperless-1", What: "Paperless answers, or stops", State: target.GateWaits, Seconds: 10, Since: 10, Expected: 40})
	tell(20*time.Second, target.Gate{Container: "paperless-1", What: "Paperless answers, or stops", State: target.GateWaits, Seconds: 30, Since: 30, Expected: 40})
	tell(time.Second, target.Gate{Container: "authentik-1-server", What: "authentik says that it is ready", State: target.GateWaits, Seconds: 31, Since: 31})
	tell(4*time.Second, target.Gate{Container: "paperless-1", What: "Paperless answers, or stops", State: target.GateOpens, Seconds: 35, Expected: 40})
	tell(0, target.Gate{Container: "authentik-1-server", What: "authentik says that it is ready", State: target.GateLeaves})
}

// TestBootOnAPipe: every gate was told when it began and every 30 s, each by itself.
func TestBootOnAPipe(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &clock{at: time.Unix(1000, 0)}
	p := newProgress(&out, TextOptions{Width: 200, ASCII: true}, c.now)
	aBoot(p, c)
	assert.Equal(t, strings.TrimPrefix(`
    plan: both at once
    postgres: the database takes connections, 2.0s
    paperless-1: until Paperless answers, or stops, which took 40s the last time
    still waiting: paperless-1, until Paperless answers, or stops (30s of about 40s, 75 %); authentik-1-server, until authentik says that it is ready (30s)
    paperless-1: Paperless answers, or stops, 35s
`, "\n"), out.String())
}

// TestBootOnATerminal: one line a container, which is written over, and nothing left.
func TestBootOnATerminal(t *testing.T) {
	t.Parallel()
	for _, width := range []int{50, 100} {
		s := &screen{t: t, width: width}
		c := &clock{at: time.Unix(1000, 0)}
		p := newProgress(s, TextOptions{Live: true, Color: true, Width: width}, c.now)
		aBoot(p, c)
		close(p.done)
		p.Close()
		seen := strings.Join(s.states, "\n")
		assert.Contains(t, seen, "paperless-1")
		assert.Contains(t, seen, "10s of about 40s, 25 %")
		assert.Equal(t, "    plan: both at once", strings.TrimRight(s.text(), "\n"), "nothing but the plan stays")
	}
}

// TestBootApartInEveryReport: a minute of boot counted as the check's in what CI reads.
func TestBootApartInEveryReport(t *testing.T) {
	t.Parallel()
	run := samples(t)["fail"]
	run.Results[0].Waited, run.Results[0].Status = 62, check.Passed
	var junit, markdown, page bytes.Buffer
	r := New(run)
	require.NoError(t, r.JUnit(&junit))
	require.NoError(t, r.Markdown(&markdown))
	require.NoError(t, r.HTML(&page))
	assert.Contains(t, junit.String(), `.boot_seconds" value="62.000"`)
	assert.Contains(t, junit.String(), "its pair booted for 1m02s")
	assert.Contains(t, markdown.String(), "after a boot of 1m02s")
	assert.Contains(t, page.String(), "after a boot of 1m02s")
}
