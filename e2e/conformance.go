package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// The suites that Check runs.
const (
	SuiteChecklist   = "checklist"
	SuiteConformance = conformance.Suite // Paperless-ngx against a provider that misbehaves
)

// checkConformance runs the conformance tests of the relying party.
func checkConformance(ctx context.Context, o Options) (*Results, error) {
	run, err := conformanceRun(ctx, o)
	if err == nil && len(o.Only) > 0 && run.Error == "" {
		run.Error = allSkipped(o.Only, run.Results)
	}
	return run, err
}

// conformanceRun is checkConformance where a version may lack all that was asked for.
func conformanceRun(ctx context.Context, o Options) (*Results, error) {
	switch {
	case o.Target == target.External:
		return nil, fmt.Errorf("%w: --suite conformance: a provider that misbehaves cannot stand in for yours; take --target lab or stack", ErrUsage)
	case o.Stack.Keep:
		return nil, fmt.Errorf("%w: --suite conformance: --keep would leave a Paperless-ngx whose provider ended with the run", ErrUsage)
	case o.Stack.RestoreAuthentik != "":
		return nil, fmt.Errorf("%w: --suite conformance: --restore-authentik has nothing to be restored into, for a provider of ours stands in for authentik; leave it out", ErrUsage)
	}
	tests, err := conformanceTests(o.Only)
	if err != nil {
		return nil, err
	}
	b, _, err := deploy(o)
	if err != nil {
		return nil, err
	}
	if o.Target != target.Stack && !b.Paperless.AtLeast(conformance.Since) {
		return nil, fmt.Errorf("%w: the lab knows from %s on what Paperless-ngx answers to a provider that misbehaves, not for %s; name a later one with --paperless", ErrUsage, conformance.Since, b.Paperless.Version)
	}
	known, err := conformance.Known()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	run := &runner.Run{
		Suite: SuiteConformance, Started: began, Tool: Version, Kind: o.Target, Bundle: b, Only: slices.Clone(o.Only),
		Paperless: evidence.Product{Version: b.Paperless.Version, URL: b.Paperless.URL},
		Authentik: evidence.Product{Version: b.Authentik.Version, URL: b.Authentik.URL},
	}
	if run.Kind == "" {
		run.Kind = target.Lab
	}
	results, err := conformanceResults(ctx, o, run, tests, known)
	if err != nil {
		return nil, err
	}
	for _, res := range results {
		run.Results = append(run.Results, explained(runner.Result{Result: res}, run.Bundle))
	}
	run.Seconds = time.Since(began).Seconds()
	return run, nil
}

// explained says why nobody can sign in, where the right sign-in failed: that is no
// deviation from a standard, but a configuration to be looked at first.
func explained(res runner.Result, b *deployment.Deployment) runner.Result {
	if res.Check.ID != conformance.SignIn || res.Status != check.Failed && res.Status != check.Errored {
		return res
	}
	res.Message += "; nobody can sign in, so what is refused below proves nothing: ssocheck run looks for the cause"
	res.Findings = troubleshooting.Explain(res.Record, b, nil, check.Failed)
	return res
}

func conformanceTests(only []string) ([]*conformance.Test, error) {
	all := conformance.All()
	if len(only) == 0 {
		return all, nil
	}
	var out []*conformance.Test
	for _, id := range only {
		hit := false
		for _, t := range all {
			if t.ID == id || string(t.Family) == id {
				out, hit = append(out, t), true
			}
		}
		if !hit {
			return nil, fmt.Errorf("%w: no conformance test or family %s; ssocheck list conformance names them", ErrUsage, id)
		}
	}
	if control := conformance.Find(conformance.SignIn); !slices.Contains(out, control) {
		out = slices.Insert(out, 0, control)
	}
	return out, nil
}

// allSkipped says why nothing was tested of what was asked for; "" when something
// was. The right sign-in that every run begins with does not count.
func allSkipped(only []string, results []runner.Result) string {
	why := ""
	for i := range results {
		res := &results[i]
		switch asked := res.Check.ID != conformance.SignIn || slices.Contains(only, res.Check.ID) || slices.Contains(only, string(conformance.Callback)); {
		case asked && res.Status != check.Skipped:
			return ""
		case asked && why == "":
			why = "every test that was asked for was skipped: " + res.Message
		}
	}
	return why
}

// conformanceResults runs the tests on a pair that has our provider at authentik's name.
func conformanceResults(ctx context.Context, o Options, run *runner.Run, tests []*conformance.Test, known []conformance.Deviation) (results []check.Result, err error) {
	b, missing := conformance.Prepare(run.Bundle)
	run.Bundle = b
	usual, slow := conformance.PatienceOn(run.Kind)
	main, err := startConformance(ctx, &o, run, b, usual)
	if err != nil {
		return nil, err
	}
	defer main.close(run)
	t := main.Target
	run.Redactor = t.Redactor
	if !t.Boot.Up {
		run.Error = "Paperless-ngx does not start with this configuration: ssocheck run says why"
		return nil, nil
	}
	run.Paperless = t.Paperless
	waiting := main
	if slow > 0 && slices.ContainsFunc(tests, func(t *conformance.Test) bool { return t.Slow }) {
		if waiting, err = startConformance(ctx, &o, run, b, slow); err != nil {
			return nil, err
		}
		defer waiting.close(run)
	}
	n := 0
	observe := o.Observe
	if observe == nil {
		observe = func(Event) {}
	}
	results = conformance.Run(ctx, conformance.Options{
		Bundle: b, Pair: main.Pair, Waiting: waiting.Pair, Tests: tests, Missing: missing,
		Around: func(test *conformance.Test, do func() check.Result) (res check.Result) {
			if o.around == nil {
				return do()
			}
			o.around(test.ID, Pair{Paperless: run.Paperless.Version, Authentik: run.Authentik.Version}, func() Result {
				res = do()
				one := []check.Result{res}
				conformance.Judge(one, known, run.Paperless.Version, t.Database)
				return explained(runner.Result{Result: one[0]}, run.Bundle)
			})
			return res
		},
		Finished: func(_ *conformance.Test, res check.Result) {
			n++
			out := runner.Result{Result: res}
			if out.Status == check.Failed { // whether it is known is judged at the end
				out.Status = check.Warned
			}
			observe(Event{Kind: runner.Finished, Check: res.Check, Index: n, Total: len(tests), Result: &out, Provisional: true, At: time.Now()})
		},
	})
	conformance.Judge(results, known, run.Paperless.Version, t.Database)
	t.Redactor.Add(waiting.Target.Redactor.Known()...)
	run.Error = broken(ctx, t)
	return results, nil
}

// conformancePair is a pair that conformance tests run on.
type conformancePair struct{ conformance.Pair }

// startConformance starts a pair with a provider of ours that Paperless-ngx waits for as
// long as that.
func startConformance(ctx context.Context, o *Options, run *runner.Run, b *deployment.Deployment, patience time.Duration) (conformancePair, error) {
	p := provider.New(provider.Options{Origin: strings.TrimRight(b.Authentik.URL, "/"), Elsewhere: conformance.Elsewhere, Patience: patience})
	start := conformanceLab
	if run.Kind == target.Stack {
		start = conformanceStack
	}
	t, err := start(ctx, o, b, p)
	if err != nil {
		p.Close()
		return conformancePair{}, err
	}
	if o.started != nil {
		o.started(t.Resolve)
	}
	return conformancePair{conformance.Pair{Target: t, Provider: p}}, nil
}

func (p conformancePair) close(run *runner.Run) {
	p.Provider.Close() // nothing waits for an answer any more
	// What was found stands, also when the engine went away at the end.
	if closed := p.Target.Close(); closed != nil && run.Error == "" {
		run.Error = closed.Error()
	}
}

// broken says why the results are not those of the whole suite on a pair that stood;
// "" when they are.
func broken(ctx context.Context, t *target.Target) string {
	if ctx.Err() != nil {
		return "interrupted: " + context.Cause(ctx).Error()
	}
	if t.Standing == nil {
		return ""
	}
	if err := t.Standing(ctx); err != nil {
		return err.Error()
	}
	return ""
}

// conformanceLab starts the lab with our provider.
func conformanceLab(ctx context.Context, o *Options, b *deployment.Deployment, p *provider.Provider) (*target.Target, error) {
	return lab.Start(ctx, b, lab.WithProvider(p.Target()), lab.WithTimeout(p.Patience()), lab.WithLogger(o.Log))
}

// conformanceStack starts the real Paperless-ngx with our provider: no authentik runs.
func conformanceStack(ctx context.Context, o *Options, b *deployment.Deployment, p *provider.Provider) (*target.Target, error) {
	s, err := openStack(ctx, o, b, stack.WithProvider(p.Target()), stack.WithNetworks(1))
	if err != nil {
		return nil, err
	}
	t, err := s.Start(ctx, b, check.AsConfigured)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the stack did not start: %w", err), s.Close())
	}
	one := t.Close
	t.Close = func() error { return errors.Join(one(), s.Close()) }
	return t, nil
}
