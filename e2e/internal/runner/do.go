package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// Do runs the checks. Whatever goes wrong while it runs is in the Run, also when
// the context is cancelled; the error is about the options only. When it returns,
// nothing that it started is left.
func Do(ctx context.Context, o Options) (*Run, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	jobs, err := plan(o.Bundle, o.Checks, o.Only)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	r := &run{
		o: o, jobs: jobs, turns: turnsOf(jobs, o.Observe),
		out: &Run{
			Started: began, Tool: o.Tool, Kind: o.Kind, Bundle: o.Bundle, Lint: o.Lint, Hazards: o.Hazards, Only: slices.Clone(o.Only),
			Paperless: evidence.Product{Version: o.Bundle.Paperless.Version, URL: o.Bundle.Paperless.URL},
			Authentik: evidence.Product{Version: o.Bundle.Authentik.Version, URL: o.Bundle.Authentik.URL},
			Redactor:  target.NewRedactor(o.Bundle),
		},
	}
	if o.Jobs > 1 && !target.Can(o.Kind).Forks {
		r.company = &company{}
	}
	r.loop(ctx)
	r.out.Seconds = time.Since(began).Seconds()
	return r.out, nil
}

// run is one call of Do.
type run struct {
	o     Options
	jobs  []job
	out   *Run
	turns []*turn // one for each job
	// company is set where checks run side by side on pairs that share a provider.
	company *company
	// over says why nothing more is run: cancelled, or the browser died.
	over string
}

func (r *run) loop(ctx context.Context) {
	pool := newPool(ctx, r.o)
	starts := startAll(ctx, r.o, r.jobs)
	side := r.begin(ctx, starts, pool)
	for i, j := range r.jobs {
		res := side.result(i)
		r.out.Results = append(r.out.Results, res)
		r.o.Observe(Event{Kind: Finished, Check: j.check, Variant: j.variant.Name, Index: i + 1, Total: len(r.jobs), Result: &res, At: time.Now()})
		starts.done(j.variant.Name, r.company == nil || pool.isolated())
		if r.over == "" && r.o.Enough != nil && r.o.Enough(res) {
			r.over = "enough was seen"
		}
	}
	side.end()
	// The targets' own redactors know what was made while they ran.
	for _, t := range starts.started() {
		if t.Redactor != nil && t.Redactor != r.out.Redactor {
			r.out.Redactor.Add(t.Redactor.Known()...)
		}
	}
	if err := errors.Join(pool.close(), starts.close()); err != nil {
		r.o.Log.WarnContext(ctx, "close", "error", err)
		r.fail("close what was started: " + err.Error())
	}
}

// judged runs one job and says what explains it.
func (r *run) judged(ctx context.Context, i int, j job, starts *starts, pool *pool) Result {
	began := time.Now()
	t := r.turns[i]
	res := r.one(ctx, i, j, starts, pool)
	res.Check, res.Variant = j.check, j.variant.Name
	res.Seconds, res.Waited = (time.Since(began) - t.waited - t.stood).Seconds(), t.waited.Seconds()
	if t.over == "" {
		r.expected(&res)
	}
	if res.Status != check.Passed && res.Status != check.Skipped && res.Bundle != nil {
		res.Findings = r.o.Explain(res.Record, res.Bundle, j.check, res.Status)
	}
	if res.Status == check.Failed || res.Status == check.Warned {
		res.Findings = r.o.withLint(j, res.Status, res.Findings)
		if on := checklist.If(j.variant.Name); on != "" && r.o.refusal() == nil {
			res.Message = on + ": " + res.Message
		}
	}
	return res
}

// fail says why the tester could not do its work; the first reason stays.
func (r *run) fail(text string) {
	if r.out.Error == "" && text != "" {
		r.out.Error = r.out.Redactor.Text(text)
	}
}

// one runs one job, or says why it does not run. Why nothing more is run, and why
// the tester could not do its work, are left in the job's turn.
func (r *run) one(ctx context.Context, i int, j job, starts *starts, pool *pool) Result {
	t := r.turns[i]
	if ctx.Err() != nil {
		t.over, t.fail = "interrupted", "interrupted: "+context.Cause(ctx).Error()
		return skipped(t.over)
	}
	if why := r.missing(i); why != "" {
		return skipped(why)
	}
	if f := r.o.refusal(); f != nil {
		return refused(j, f, r.o.Bundle)
	}
	if why := r.foreign(j.check); why != "" {
		t.fail = why
		return skipped(why)
	}
	began := time.Now() // the wait begins when it is told, not after
	if !starts.ready(j.variant.Name) {
		t.observe(Event{Kind: Booting, Variant: j.variant.Name, Index: i + 1, Total: len(r.jobs), At: time.Now()})
	}
	s, err := starts.wait(ctx, j.variant.Name)
	if err == nil && j.variant.Name == check.AsConfigured {
		t.products = &[2]evidence.Product{s.target.Paperless, s.target.Authentik}
	}
	if err == nil && r.o.Jobs > 1 && r.company == nil {
		s, err = r.own(ctx, i, s, starts)
	}
	t.waited += time.Since(began)
	switch {
	case err != nil && ctx.Err() != nil:
		return r.one(ctx, i, j, starts, pool) // interrupted while waiting
	case errors.Is(err, check.ErrSkip):
		return skipped(err.Error())
	case err != nil:
		text := fmt.Sprintf("the %s did not start: %s", r.o.Kind, err)
		if j.variant.Name != check.AsConfigured {
			text = fmt.Sprintf("the %s did not start as %s: %s", r.o.Kind, j.variant.Name, err)
		}
		t.fail = text
		return Result{Result: check.Result{Status: check.Errored, Message: r.out.Redactor.Text(text)}}
	}
	t.start = s
	if j.check.Changes && !s.target.Changes {
		return skipped("needs --allow-changes: it makes or links accounts")
	}
	var b *browser.Browser
	if !j.check.Browserless {
		var release func()
		if b, release, err = pool.get(ctx, s.target); err != nil {
			if ctx.Err() != nil {
				return r.one(ctx, i, j, starts, pool)
			}
			// Without a browser nothing else can be done either.
			t.over, t.fail = "there is no browser", err.Error()
			return Result{Result: check.Result{Status: check.Errored, Message: err.Error()}}
		}
		defer release()
		if own, _ := b.Isolated(); !own && s.target.Can().StartsContainers && s.target.Boot.Up {
			// A container that starts changes the machine's network, and Chromium gives
			// up what it loads then.
			starts.settle(ctx)
		}
	}
	var settle func(context.Context) // nil: nothing boots beside it
	if s.target.Can().StartsContainers && s.target.Boot.Up && !starts.settled() {
		settle = starts.settle
	}
	res, err := r.pass(ctx, i, j, s, b, settle)
	switch {
	case ctx.Err() != nil:
		t.over, t.fail = "interrupted", "interrupted: "+context.Cause(ctx).Error()
		if res.Status != check.Passed { // whatever it says, it was cut short
			res.Status, res.Message = check.Errored, "interrupted"
		}
	case errors.Is(err, browser.ErrCrashed) || (b != nil && b.Err() != nil):
		t.over, t.fail = "the browser ended", "the browser ended while "+j.check.ID+" ran"
		res.Status, res.Message = check.Errored, "the browser ended"
	}
	return res
}

func skipped(why string) Result {
	return Result{Result: check.Result{Status: check.Skipped, Message: why}}
}

// missing says which need of a job is not met; "" when all are.
func (r *run) missing(i int) string {
	for _, need := range r.jobs[i].check.Needs {
		for _, res := range r.resultsOf(need, i) {
			if res.Status == check.Passed || res.Status == check.Warned {
				continue
			}
			if res.Status == check.Skipped && strings.HasPrefix(res.Message, "needs ") {
				return res.Message // the check at the root of it
			}
			word := map[check.Status]string{check.Failed: "failed", check.Errored: "could not be done", check.Skipped: "was skipped"}[res.Status]
			return fmt.Sprintf("needs %s, which %s", need.ID, word)
		}
	}
	return ""
}

// foreign says why a check cannot be done where the provider is not authentik;
// "" when it can: what Paperless does alone shows also then.
func (r *run) foreign(c *check.Check) string {
	other := r.o.Bundle.Authentik.Other
	if _, set := r.o.Bundle.Paperless.Value(deployment.ProvidersKey); !set && r.o.Bundle.Paperless.On(deployment.RemoteUser) && !r.o.Bundle.Observed && r.o.Bundle.Paperless.Env[deployment.ProvidersKey+"_FILE"] == "" {
		other = "none at all (users get in by the proxy's header)"
	}
	if other == "" {
		return ""
	}
	_, button := r.o.Bundle.Paperless.App()
	if c != checklist.RoundTrip && (c != checklist.LoginButton || button) && !strings.HasPrefix(c.ID, "upgrade-") {
		return ""
	}
	return fmt.Sprintf("needs authentik: the provider of this configuration is %s, which nothing here can stand for or sign in at", other)
}

// resultsOf are the results of a check that count for a job: its own variant's,
// else the one as configured, else whatever there is.
func (r *run) resultsOf(c *check.Check, i int) []*Result {
	var all []*Result
	for k, j := range r.jobs[:i] {
		if j.check == c {
			all = append(all, &r.turns[k].res)
		}
	}
	for _, name := range []string{r.jobs[i].variant.Name, check.AsConfigured} {
		for _, res := range all {
			if res.Variant == name {
				return []*Result{res}
			}
		}
	}
	return all
}

// bundleOf is the bundle of a variant.
func bundleOf(b *deployment.Deployment, v check.Variant) *deployment.Deployment {
	if v.Change == nil {
		return b
	}
	c := b.Clone()
	v.Change(c)
	return c
}
