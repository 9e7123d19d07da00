package runner

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// maxAgain is how often a check is repeated because the machine's network changed.
const maxAgain = 3

// pass runs a check until the machine's network let it be: no verdict rests on a
// session in which Chromium gave something up for that reason. Each try has a
// fresh profile, and the accounts are as they were before the first one. While other
// pairs boot, a product may be slower than the other one waits for: what does not pass
// then is done once more when they are settled. So is what does not pass in company.
func (r *run) pass(ctx context.Context, i int, j job, s *start, b *browser.Browser, settle func(context.Context)) (Result, error) {
	stay, stood := r.company.enter()
	defer stay.leave()
	r.turns[i].stood += stood
	var accounts *checklist.Accounts
	if b != nil && s.target.Boot.Up && (j.check.Changes || s.target.Can().OwnAccounts) {
		if own, _ := b.Isolated(); !own || j.check.Changes || settle != nil || r.company != nil {
			accounts = checklist.AccountsNow(ctx, r.passOf(j, s))
		}
	}
	var said []string
	var first *Result // how it ended in company, where that did not count
	for try := 1; ; try++ {
		jumped := r.o.clock.jump()
		res, disturbed, err := r.once(ctx, i, j, s, b)
		if disturbed == "" || ctx.Err() != nil || b.Err() != nil {
			if first != nil && first.Status != res.Status {
				said = append(said, "repeated alone; while other checks ran beside it, it ended so: "+first.Message)
			}
			res.Record.Notes = append(said, res.Record.Notes...)
			if b == nil || b.Err() == nil {
				res = r.sound(ctx, r.turns[i], res, s, jumped())
				boots, beside := settle != nil && unmet(res), stay.inCompany() && (unmet(res) || res.Status == check.Warned)
				if (boots || beside) && r.repeatable(ctx, i, j, s, accounts) {
					if boots {
						said = append(said, "repeated when nothing booted beside it any more; while other pairs did, it ended so: "+res.Message)
						settle(ctx)
						settle = nil
					} else {
						first = &res
					}
					r.turns[i].stood += stay.secede()
					continue
				}
			}
			return res, err
		}
		r.o.Log.WarnContext(ctx, "the machine's network changed during a check", "check", j.check.ID, "variant", j.variant.Name, "try", try, "lost", disturbed)
		why := ""
		if try > maxAgain {
			why = fmt.Sprintf("so did %d repeats", maxAgain)
		} else if err := accounts.PutBack(ctx, r.passOf(j, s), j.check); err != nil {
			why = "the check cannot be repeated: " + err.Error()
		}
		if why != "" {
			res.Record.Notes = append(said, res.Record.Notes...)
			res.Status = check.Errored
			res.Message = oneLine(r.redact(s.target, fmt.Sprintf("no verdict: an interface of this machine came or went and Chromium gave up with %s; %s. %s",
				disturbed, why, calmer(s.target.Kind, b))))
			return res, err
		}
		said = append(said, fmt.Sprintf("repeated in a fresh profile (%d of %d): the machine's network changed, and Chromium gave up with %s", try, maxAgain, disturbed))
		if own, _ := b.Isolated(); !own {
			quiet(ctx, interfaces)
		}
	}
}

func unmet(res Result) bool { return res.Status == check.Failed || res.Status == check.Errored }

// repeatable reports whether a check that did not pass beside the boots of other pairs,
// or beside other checks, can be done once more, and puts the accounts back for it.
func (r *run) repeatable(ctx context.Context, i int, j job, s *start, accounts *checklist.Accounts) bool {
	if r.turns[i].over != "" || r.turns[i].fail != "" || ctx.Err() != nil {
		return false
	}
	if err := accounts.PutBack(ctx, r.passOf(j, s), j.check); err != nil {
		r.o.Log.WarnContext(ctx, "a check that did not pass beside other work cannot be repeated", "check", j.check.ID, "error", err)
		return false
	}
	return true
}

// calmer is what a user can do about a network that changes.
func calmer(kind string, b *browser.Browser) string {
	const do = "Run it while no container, VPN or Wi-Fi starts or stops"
	own, shares := b.Isolated()
	switch {
	case own:
		return do
	case !target.Can(kind).OwnNetwork:
		return do + "; with --target external the browser shares this machine's network"
	}
	return do + ", or as root on Linux, where the browser gets a network of its own (here: " + shares + ")"
}

const (
	// quietFor is how long no interface may come or go before a check is repeated:
	// a pair of containers starts within seconds, and each of them brings some.
	quietFor = 2 * time.Second
	// quietLimit is for a machine that is never quiet.
	quietLimit = 30 * time.Second
	quietPause = 100 * time.Millisecond
)

// quiet waits until the machine's network has been as it is for a moment. A
// repeat that starts at once meets the rest of what disturbed the try before.
func quiet(ctx context.Context, state func() string) {
	ctx, cancel := context.WithTimeout(ctx, quietLimit)
	defer cancel()
	last, since := state(), time.Now()
	for time.Since(since) < quietFor {
		select {
		case <-ctx.Done():
			return
		case <-time.After(quietPause):
		}
		if now := state(); now != last {
			last, since = now, time.Now()
		}
	}
}

// interfaces is what makes Chromium give up its requests when it changes.
func interfaces() string {
	all, err := net.Interfaces()
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, i := range all {
		addresses, _ := i.Addrs() // one that went meanwhile has none
		fmt.Fprintln(&b, i.Index, i.Name, i.Flags, addresses)
	}
	return b.String()
}
