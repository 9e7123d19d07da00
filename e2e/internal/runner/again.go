package runner

import (
	"context"
	"fmt"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// maxAgain is how often a check is repeated because the machine's network changed.
const maxAgain = 3

// pass runs a check until the machine's network let it be: no verdict rests on a
// session in which Chromium gave something up for that reason. Each try has a
// fresh profile, and the accounts are as they were before the first one.
func (r *run) pass(ctx context.Context, i int, j job, s *start, b *browser.Browser) (Result, error) {
	var accounts *checklist.Accounts
	if b != nil && s.target.Boot.Up && (j.check.Changes || s.target.Kind != target.External) {
		if own, _ := b.Isolated(); !own || j.check.Changes {
			accounts = checklist.AccountsNow(ctx, r.passOf(j, s))
		}
	}
	var said []string
	for try := 1; ; try++ {
		res, disturbed, err := r.once(ctx, i, j, s, b)
		if disturbed == "" || ctx.Err() != nil || b.Err() != nil {
			res.Record.Notes = append(said, res.Record.Notes...)
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
			own, shares := b.Isolated()
			if own {
				shares = "it has one"
			}
			res.Record.Notes = append(said, res.Record.Notes...)
			res.Status = check.Errored
			res.Message = oneLine(r.redact(s.target, fmt.Sprintf("no verdict: an interface of this machine came or went and Chromium gave up with %s; %s. "+
				"Run it while no container, VPN or Wi-Fi starts or stops, or as root on Linux, where the browser gets a network of its own (here: %s)", disturbed, why, shares)))
			return res, err
		}
		said = append(said, fmt.Sprintf("repeated in a fresh profile (%d of %d): the machine's network changed, and Chromium gave up with %s", try, maxAgain, disturbed))
	}
}
