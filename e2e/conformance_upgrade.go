package e2e

import (
	"context"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// conformance runs the conformance tests on the old versions and on the new ones. Nothing
// is kept from one to the other: what a relying party takes and refuses is its code's.
func (u *Upgraded) conformance(ctx context.Context, o UpgradeOptions) error {
	phase := o.Phase
	if phase == nil {
		phase = func(string) {}
	}
	on := func(p Pair, run func(context.Context, Options) (*Results, error)) (*Results, error) {
		phase("the conformance tests on " + p.String())
		one := o.Options
		one.Paperless, one.Authentik = p.Paperless, p.Authentik
		if p == u.From { // only the run that ends the upgrade is told as subtests
			one.around = nil
		}
		return run(ctx, one)
	}
	var err error
	if u.Before, err = on(u.From, conformanceRun); err != nil || u.Before.Error != "" {
		return err
	}
	u.Before.Only = nil // what the old version does not have yet is skipped there, and no error
	if u.After, err = on(u.To, checkConformance); err != nil {
		return err
	}
	up := u.Planned()
	was := map[string]check.Verdict{}
	for i := range u.Before.Results {
		res := &u.Before.Results[i]
		up.Before[res.Key()] = res.Status
		was[res.Key()] = verdict(res)
	}
	for i := range u.After.Results {
		res := &u.After.Results[i]
		now, before := verdict(res), was[res.Key()]
		if now != check.Conforming && now != "" && before != "" && now != before && (before == check.Conforming || now == check.Weaker) {
			up.Regressed = append(up.Regressed, res.Key())
		}
	}
	u.Regressed, u.After.Upgrade = up.Regressed, up
	return nil
}

// verdict is what a conformance test found; empty: it did not run.
func verdict(res *runner.Result) check.Verdict {
	if res.Conformance == nil {
		return ""
	}
	return res.Conformance.Verdict
}
