package runner_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// on runs a check on these variants.
func on(c *check.Check, variants ...string) *check.Check {
	c.Variants = func(*deployment.Deployment) []check.Variant {
		var out []check.Variant
		for _, name := range variants {
			out = append(out, check.Variant{Name: name, Change: func(*deployment.Deployment) {}})
		}
		return out
	}
	return c
}

// meets returns a check's function that waits until n of them run at once.
func meets(n int) func(context.Context, *check.Pass) error {
	all := make(chan struct{})
	var here atomic.Int32
	return func(ctx context.Context, _ *check.Pass) error {
		if here.Add(1) == int32(n) {
			close(all)
		}
		select {
		case <-all:
			return nil
		case <-time.After(20 * time.Second):
			return check.Unmetf("nobody came")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestLanes: on the stack the checks of one pair run one after another, and those of
// different pairs side by side, on the pairs that were started; what is told has the
// order of the checks.
func TestLanes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	busy := map[string]bool{}
	together := meets(2)
	run := func(ctx context.Context, p *check.Pass) error {
		mu.Lock()
		assert.False(t, busy[p.Variant], "two checks on one pair")
		busy[p.Variant] = true
		mu.Unlock()
		defer func() { mu.Lock(); busy[p.Variant] = false; mu.Unlock() }()
		return together(ctx, p)
	}
	var events []string
	l := &lot{target: func(t *target.Target) { t.Kind = target.Stack }}
	r := do(t, l, runner.Options{
		Kind: target.Stack, Jobs: 2,
		Checks: []*check.Check{fake("one", run), fake("two", run), on(fake("three", run), "redirect-on"), fake("four", run)},
		Observe: func(ev runner.Event) {
			if ev.Kind == runner.Started || ev.Kind == runner.Finished {
				events = append(events, ev.Check.ID+" "+string(ev.Kind))
			}
		},
	})
	assert.Equal(t, []string{"one pass", "two pass", "three@redirect-on pass", "four pass"}, lines(r))
	assert.Equal(t, []string{
		"one started", "one finished", "two started", "two finished", "three started", "three finished", "four started", "four finished",
	}, events)
	assert.ElementsMatch(t, []string{check.AsConfigured, "redirect-on"}, l.started, "no pair more than the variants")
}

// TestNoVerdictInCompany: authentik's log and events tell of all pairs. What does not
// pass while another check runs is done once more, alone, and that alone counts.
func TestNoVerdictInCompany(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first, then error
		want        check.Status
		tries       int32
		note        string
	}{
		"it passes":           {want: check.Passed, tries: 1},
		"it fails":            {first: check.Unmetf("shut"), then: check.Unmetf("the door is shut"), want: check.Failed, tries: 2},
		"it warns":            {first: check.Warnf("ajar"), then: check.Warnf("ajar"), want: check.Warned, tries: 2},
		"it fails only there": {first: check.Unmetf("shut"), want: check.Passed, tries: 2, note: "it ended so: shut"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			together := meets(2)
			var running, tries atomic.Int32
			quiet := func(ctx context.Context, p *check.Pass) error {
				running.Add(1)
				defer running.Add(-1)
				return together(ctx, p)
			}
			judged := func(ctx context.Context, p *check.Pass) error {
				if tries.Add(1) == 1 {
					if err := together(ctx, p); err != nil {
						return err
					}
					return tt.first
				}
				assert.Zero(t, running.Load(), "it is not alone")
				return tt.then
			}
			l := &lot{target: func(t *target.Target) { t.Kind = target.Stack }}
			r := do(t, l, runner.Options{Kind: target.Stack, Jobs: 2, Checks: []*check.Check{
				on(fake("beside", quiet), "redirect-on"), fake("judged", judged), on(fake("later", quiet), "redirect-on"), // nothing boots any more once two have met
			}})
			assert.Equal(t, []string{"beside@redirect-on pass", "judged " + string(tt.want), "later@redirect-on pass"}, lines(r))
			assert.Equal(t, tt.tries, tries.Load())
			// The other pair may have booted when this check began: that is a reason, too.
			notes := strings.Join(r.Results[1].Record.Notes, "\n")
			assert.Contains(t, notes, tt.note)
			if tt.tries == 1 {
				assert.Empty(t, notes)
			}
			if tt.then != nil {
				assert.Equal(t, tt.then.Error(), r.Results[1].Message)
			}
		})
	}
}
