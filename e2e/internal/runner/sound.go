package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
)

// jumpLimit is how far the clock of the machine may be set during a check. Tokens
// and certificates are of a time: products that meet another one refuse them.
const jumpLimit = 2 * time.Second

// A clock tells the time of day, and how much time went by whatever is set.
type clock func() (day time.Time, elapsed time.Duration)

func machineClock() clock {
	began := time.Now()
	return func() (time.Time, time.Duration) { return time.Now().Round(0), time.Since(began) }
}

// jump returns a func that tells how far the clock was set since, or the machine
// slept.
func (c clock) jump() func() time.Duration {
	day, elapsed := c()
	return func() time.Duration {
		now, since := c()
		return now.Sub(day) - (since - elapsed)
	}
}

// sound takes a verdict back that rests on a pair or a machine that was not what
// it was when the check began. What passed did so in spite of that.
func (r *run) sound(ctx context.Context, t *turn, res Result, s *start, jumped time.Duration) Result {
	if ctx.Err() != nil || res.Status == check.Passed || res.Status == check.Skipped {
		return res
	}
	no := func(why string) Result {
		res.Status, res.Message = check.Errored, oneLine(r.redact(s.target, "no verdict: "+why))
		return res
	}
	if s.target.Standing != nil {
		if err := s.target.Standing(ctx); err != nil {
			t.over, t.fail = "the pair does not run any more", err.Error()
			return no(err.Error())
		}
	}
	if jumped = jumped.Round(time.Second); jumped.Abs() >= jumpLimit {
		why := fmt.Sprintf("the clock of this machine was set by %v during the check, or it slept; run it again", jumped)
		t.fail = why
		return no(why)
	}
	return res
}
