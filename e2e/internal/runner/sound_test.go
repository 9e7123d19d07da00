package runner_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestClockThatJumps: a token of another hour is refused, and nobody's
// configuration is at fault.
func TestClockThatJumps(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		by    time.Duration
		run   func(context.Context, *check.Pass) error
		want  check.Status
		error string
	}{
		"forward":                {time.Hour, fails, check.Errored, "set by 1h0m0s"},
		"back":                   {-5 * time.Second, fails, check.Errored, "set by -5s"},
		"what a time server may": {300 * time.Millisecond, fails, check.Failed, ""},
		"it passed all the same": {time.Hour, passes, check.Passed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			var set atomic.Int64
			o := runner.Options{Checks: []*check.Check{fake("a", func(ctx context.Context, p *check.Pass) error {
				set.Store(int64(tt.by))
				return tt.run(ctx, p)
			})}}
			o.SetClock(func() (time.Time, time.Duration) {
				return began.Add(time.Duration(set.Load())), 0
			})
			r := do(t, &lot{}, o)
			assert.Equal(t, tt.want, r.Results[0].Status, r.Results[0].Message)
			assert.Contains(t, r.Error, tt.error)
			if tt.error != "" {
				assert.Equal(t, 2, r.ExitCode())
				assert.Empty(t, r.Results[0].Findings)
				assert.Contains(t, r.Results[0].Message, "no verdict")
			}
		})
	}
}

// TestPairThatGoesAway: a check that met half of a pair says nothing of the
// configuration, and the next ones would only meet the same.
func TestPairThatGoesAway(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	l := &lot{target: func(t *target.Target) {
		t.Standing = func(context.Context) error {
			if gone.Load() {
				return errors.New("authentik-1-server stopped (exit code 137: somebody else ended it)")
			}
			return nil
		}
	}}
	kills := func(context.Context, *check.Pass) error {
		gone.Store(true)
		return check.Unmetf("the button leads nowhere")
	}
	r := do(t, l, runner.Options{Checks: []*check.Check{fake("a", fails)}})
	assert.Equal(t, check.Failed, r.Results[0].Status, "the pair stands")
	r = do(t, l, runner.Options{Checks: []*check.Check{fake("a", passes), fake("b", kills), fake("c", passes)}})
	require.Len(t, r.Results, 3)
	assert.Equal(t, check.Errored, r.Results[1].Status)
	assert.Contains(t, r.Results[1].Message, "authentik-1-server stopped")
	assert.Empty(t, r.Results[1].Findings)
	assert.Equal(t, check.Skipped, r.Results[2].Status)
	assert.Contains(t, r.Error, "authentik-1-server stopped")
	assert.Equal(t, 2, r.ExitCode())
}

// TestBootIsNoCheck: "login-page 7m25s" was the boot of the pair.
func TestBootIsNoCheck(t *testing.T) {
	t.Parallel()
	const boot = 300 * time.Millisecond
	l := &lot{}
	waits := make(chan struct{})
	r := do(t, l, runner.Options{
		Checks: []*check.Check{fake("a", passes), fake("b", passes)},
		Start: func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
			<-waits // before, a boot is nothing that a check waits for
			<-time.After(boot)
			return l.start(ctx, b, variant)
		},
		Observe: func(ev runner.Event) {
			if ev.Kind == runner.Booting {
				close(waits)
			}
		},
	})
	assert.GreaterOrEqual(t, r.Results[0].Waited, boot.Seconds())
	assert.Less(t, r.Results[0].Seconds, boot.Seconds())
	assert.Less(t, r.Results[1].Waited, boot.Seconds(), "it was there")
}
