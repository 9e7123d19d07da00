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
		o: o, jobs: jobs,
		out: &Run{
			Started: began, Tool: o.Tool, Kind: o.Kind, Bundle: o.Bundle, Lint: o.Lint, Hazards: o.Hazards, Only: slices.Clone(o.Only),
			Paperless: evidence.Product{Version: o.Bundle.Paperless.Version, URL: o.Bundle.Paperless.URL},
			Authentik: evidence.Product{Version: o.Bundle.Authentik.Version, URL: o.Bundle.Authentik.URL},
			Redactor:  target.NewRedactor(o.Bundle),
		},
	}
	r.loop(ctx)
	r.out.Seconds = time.Since(began).Seconds()
	return r.out, nil
}

// run is one call of Do.
type run struct {
	o    Options
	jobs []job
	out  *Run
	// over says why nothing more is run: cancelled, or the browser died.
	over string
}

func (r *run) loop(ctx context.Context) {
	pool := newPool(ctx, r.o)
	starts := startAll(ctx, r.o, r.jobs)
	for i, j := range r.jobs {
		r.o.Observe(Event{Kind: Started, Check: j.check, Variant: j.variant.Name, Index: i + 1, Total: len(r.jobs), At: time.Now()})
		began := time.Now()
		res := r.one(ctx, i, j, starts, pool)
		res.Check, res.Variant = j.check, j.variant.Name
		res.Seconds = time.Since(began).Seconds()
		r.expected(&res)
		if res.Status != check.Passed && res.Status != check.Skipped && res.Bundle != nil {
			res.Findings = r.o.Explain(res.Record, res.Bundle, j.check, res.Status)
		}
		if res.Status == check.Failed || res.Status == check.Warned {
			res.Findings = r.o.withLint(j, res.Status, res.Findings)
			if on := checklist.If(j.variant.Name); on != "" && r.o.refusal() == nil {
				res.Message = on + ": " + res.Message
			}
		}
		r.out.Results = append(r.out.Results, res)
		last := res
		r.o.Observe(Event{Kind: Finished, Check: j.check, Variant: j.variant.Name, Index: i + 1, Total: len(r.jobs), Result: &last, At: time.Now()})
		starts.done(j.variant.Name)
		if r.over == "" && r.o.Enough != nil && r.o.Enough(last) {
			r.over = "enough was seen"
		}
	}
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

// fail says why the tester could not do its work; the first reason stays.
func (r *run) fail(text string) {
	if r.out.Error == "" {
		r.out.Error = r.out.Redactor.Text(text)
	}
}

// one runs one job, or says why it does not run.
func (r *run) one(ctx context.Context, i int, j job, starts *starts, pool *pool) Result {
	if r.over == "" && ctx.Err() != nil {
		r.over = "interrupted"
		r.fail("interrupted: " + context.Cause(ctx).Error())
	}
	if r.over != "" {
		return skipped(r.over)
	}
	if why := r.missing(j); why != "" {
		return skipped(why)
	}
	if f := r.o.refusal(); f != nil {
		return refused(j, f, r.o.Bundle)
	}
	if why := r.foreign(j.check); why != "" {
		r.fail(why)
		return skipped(why)
	}
	if !starts.ready(j.variant.Name) {
		r.o.Observe(Event{Kind: Booting, Variant: j.variant.Name, Index: i + 1, Total: len(r.jobs), At: time.Now()})
	}
	s, err := starts.wait(ctx, j.variant.Name)
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
		r.fail(text)
		return Result{Result: check.Result{Status: check.Errored, Message: r.out.Redactor.Text(text)}}
	}
	if j.variant.Name == check.AsConfigured {
		r.out.Paperless, r.out.Authentik = s.target.Paperless, s.target.Authentik
	}
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
			r.over = "there is no browser"
			r.fail(err.Error())
			return Result{Result: check.Result{Status: check.Errored, Message: err.Error()}}
		}
		defer release()
		if own, _ := b.Isolated(); !own && s.target.Can().StartsContainers && s.target.Boot.Up {
			// A container that starts changes the machine's network, and Chromium gives
			// up what it loads then.
			starts.settle(ctx)
		}
	}
	res, err := r.pass(ctx, i, j, s, b)
	switch {
	case ctx.Err() != nil:
		r.over = "interrupted"
		r.fail("interrupted: " + context.Cause(ctx).Error())
		if res.Status != check.Passed { // whatever it says, it was cut short
			res.Status, res.Message = check.Errored, "interrupted"
		}
	case errors.Is(err, browser.ErrCrashed) || (b != nil && b.Err() != nil):
		r.over = "the browser ended"
		r.fail("the browser ended while " + j.check.ID + " ran")
		res.Status, res.Message = check.Errored, "the browser ended"
	}
	return res
}

func skipped(why string) Result {
	return Result{Result: check.Result{Status: check.Skipped, Message: why}}
}

// missing says which need of a job is not met; "" when all are.
func (r *run) missing(j job) string {
	for _, need := range j.check.Needs {
		for _, res := range r.resultsOf(need, j.variant.Name) {
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
	other, path := r.o.Bundle.Authentik.Other, r.o.Bundle.Authentik.Path
	if path != "" && target.Can(r.o.Kind).FromFiles && c == checklist.RoundTrip {
		return fmt.Sprintf("needs authentik at the root of its host: this one lives under %s/, which the %s does not model", path, r.o.Kind)
	}
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

// resultsOf are the results of a check that count for a variant: its own, else
// the one as configured, else whatever there is.
func (r *run) resultsOf(c *check.Check, variant string) []Result {
	var all []Result
	for _, name := range []string{variant, check.AsConfigured} {
		for _, res := range r.out.Results {
			if res.Check == c && res.Variant == name {
				return []Result{res}
			}
		}
	}
	for _, res := range r.out.Results {
		if res.Check == c {
			all = append(all, res)
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
