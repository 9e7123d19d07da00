package runner_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a check without a browser.
func fake(id string, run func(context.Context, *check.Pass) error, needs ...*check.Check) *check.Check {
	return &check.Check{ID: id, Title: id, Doc: id, Needs: needs, Browserless: true, Run: run}
}

func passes(context.Context, *check.Pass) error { return nil }

func fails(context.Context, *check.Pass) error { return check.Unmetf("the door is shut") }

// lot is a place where targets are made and closed.
type lot struct {
	mu      sync.Mutex
	started []string
	open    atomic.Int32
	target  func(*target.Target)
}

func (l *lot) start(_ context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
	l.mu.Lock()
	l.started = append(l.started, variant)
	l.mu.Unlock()
	l.open.Add(1)
	var once sync.Once
	t := &target.Target{
		Kind: target.Lab, Boot: evidence.Boot{Up: true}, Changes: true, Redactor: evidence.NewRedactor(b.Secrets()...),
		Paperless: evidence.Product{Version: b.Paperless.Version}, Authentik: evidence.Product{Version: b.Authentik.Version},
		Close: func() error { once.Do(func() { l.open.Add(-1) }); return nil },
	}
	if l.target != nil {
		l.target(t)
	}
	return t, nil
}

func bundle(t *testing.T) *deployment.Deployment {
	t.Helper()
	b, err := deployment.Default()
	require.NoError(t, err)
	return b
}

func do(t *testing.T, l *lot, o runner.Options) *runner.Run {
	t.Helper()
	if o.Bundle == nil {
		o.Bundle = bundle(t)
	}
	if o.Start == nil {
		o.Start = l.start
	}
	if o.Kind == "" {
		o.Kind = target.Lab
	}
	r, err := runner.Do(t.Context(), o)
	require.NoError(t, err)
	assert.Zero(t, l.open.Load(), "a target is left open")
	return r
}

// lines are the results as "id@variant status".
func lines(r *runner.Run) []string {
	var out []string
	for _, res := range r.Results {
		line := res.Check.ID
		if res.Variant != check.AsConfigured {
			line += "@" + res.Variant
		}
		out = append(out, fmt.Sprintf("%s %s", line, res.Status))
	}
	return out
}

func TestOrderAndNeeds(t *testing.T) {
	t.Parallel()
	one := fake("one", passes)
	two := fake("two", fails, one)
	three := fake("three", passes, two)
	four := fake("four", passes, three)
	five := fake("five", func(context.Context, *check.Pass) error { return check.Warnf("hm") }, one)
	six := fake("six", passes, five)
	seven := fake("seven", func(context.Context, *check.Pass) error { return errors.New("the tester stumbled") })
	l := &lot{}
	r := do(t, l, runner.Options{Checks: []*check.Check{one, two, three, four, five, six, seven}})
	assert.Equal(t, []string{"one pass", "two fail", "three skip", "four skip", "five warn", "six pass", "seven error"}, lines(r))
	assert.Equal(t, "needs two, which failed", r.Results[2].Message)
	assert.Equal(t, "needs two, which failed", r.Results[3].Message, "the root of it")
	assert.Equal(t, runner.Fail, r.Result())
	assert.Equal(t, []string{check.AsConfigured}, l.started)
}

func TestVariants(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	look := func(_ context.Context, p *check.Pass) error {
		seen.Store(p.Variant, p.Bundle.Paperless.Env["X"])
		return nil
	}
	x := check.Variant{Name: "with-x", Change: func(b *deployment.Deployment) { b.Paperless.Env["X"] = "1" }}
	base := fake("base", passes)
	both := fake("both", look, base)
	both.Variants = func(*deployment.Deployment) []check.Variant { return []check.Variant{{Name: check.AsConfigured}, x} }
	only := fake("only", look, both)
	only.Variants = func(*deployment.Deployment) []check.Variant { return []check.Variant{x} }
	l := &lot{}
	b := bundle(t)
	r := do(t, l, runner.Options{Bundle: b, Checks: []*check.Check{base, both, only}})
	assert.Equal(t, []string{"base pass", "both pass", "both@with-x pass", "only@with-x pass"}, lines(r))
	assert.ElementsMatch(t, []string{check.AsConfigured, "with-x"}, l.started, "each variant starts once")
	v, _ := seen.Load("with-x")
	assert.Equal(t, "1", v)
	v, _ = seen.Load(check.AsConfigured)
	assert.Empty(t, v)
	assert.NotContains(t, b.Paperless.Env, "X", "the configuration itself is not changed")
	assert.Equal(t, "1", r.Results[2].Bundle.Paperless.Env["X"])
}

// A pair that waits for an authentik holds no slot: the boots that need a core
// begin meanwhile, however many there are.
func TestWhatWaitsHoldsNoSlot(t *testing.T) {
	t.Parallel()
	const variants = 9 // more than there are slots
	c := fake("a", passes)
	c.Variants = func(*deployment.Deployment) []check.Variant {
		var all []check.Variant
		for i := range variants {
			all = append(all, check.Variant{Name: fmt.Sprintf("v%d", i)})
		}
		return all
	}
	l := &lot{}
	var booted sync.WaitGroup
	booted.Add(variants)
	var working, most atomic.Int32
	r := do(t, l, runner.Options{Checks: []*check.Check{c}, Start: func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
		n := working.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		working.Add(-1)
		target.Waits(ctx)
		target.Waits(ctx) // once is enough
		booted.Done()
		booted.Wait() // as for an authentik that comes up when all have booted
		return l.start(ctx, b, variant)
	}})
	assert.Len(t, r.Results, variants)
	assert.LessOrEqual(t, int(most.Load()), 4, "more boots at once than slots")
	for _, res := range r.Results {
		assert.Equal(t, check.Passed, res.Status, res.Message)
	}
}

func TestVariantsOfARunningPairAreSkipped(t *testing.T) {
	t.Parallel()
	c := fake("c", passes)
	c.Variants = func(*deployment.Deployment) []check.Variant {
		return []check.Variant{{Name: check.AsConfigured}, {Name: "other", Change: func(*deployment.Deployment) {}}}
	}
	l := &lot{}
	r := do(t, l, runner.Options{Kind: target.External, Checks: []*check.Check{c}})
	assert.Equal(t, []string{"c pass", "c@other skip"}, lines(r))
	assert.Equal(t, []string{check.AsConfigured}, l.started)
	assert.Equal(t, runner.Pass, r.Result())
}

func TestOnly(t *testing.T) {
	t.Parallel()
	one := fake("one", passes)
	two := fake("two", passes, one)
	three := fake("three", passes)
	all := []*check.Check{one, two, three}
	assert.Equal(t, []string{"one pass", "two pass"}, lines(do(t, &lot{}, runner.Options{Checks: all, Only: []string{"two"}})))

	_, err := runner.Do(t.Context(), runner.Options{Bundle: bundle(t), Start: (&lot{}).start, Checks: all, Only: []string{"tow"}})
	require.ErrorIs(t, err, runner.ErrUnknownCheck)
	assert.EqualError(t, err, "unknown check tow (known: one, two, three)")
}

func TestInvalidListIsRefused(t *testing.T) {
	t.Parallel()
	one := fake("one", passes)
	_, err := runner.Do(t.Context(), runner.Options{Bundle: bundle(t), Start: (&lot{}).start, Checks: []*check.Check{fake("two", passes, one), one}})
	require.ErrorContains(t, err, `"two" needs "one"`)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	hangs := fake("hangs", func(ctx context.Context, _ *check.Pass) error {
		cancel(errors.New("Ctrl-C"))
		<-ctx.Done()
		return ctx.Err()
	})
	// The variant never comes up by itself: it must be told.
	other := fake("other", passes)
	other.Variants = func(*deployment.Deployment) []check.Variant {
		return []check.Variant{{Name: "slow", Change: func(*deployment.Deployment) {}}}
	}
	l := &lot{}
	start := func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
		if variant == "slow" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return l.start(ctx, b, variant)
	}
	began := time.Now()
	r, err := runner.Do(ctx, runner.Options{Bundle: bundle(t), Start: start, Kind: target.Lab, Checks: []*check.Check{hangs, other}})
	require.NoError(t, err)
	assert.Equal(t, []string{"hangs error", "other@slow skip"}, lines(r))
	assert.Equal(t, "interrupted: Ctrl-C", r.Error)
	assert.Equal(t, runner.Error, r.Result())
	assert.Equal(t, 2, r.ExitCode())
	assert.Zero(t, l.open.Load())
	assert.Less(t, time.Since(began), 5*time.Second)
}

func TestCrash(t *testing.T) {
	t.Parallel()
	dies := fake("dies", func(context.Context, *check.Pass) error { return fmt.Errorf("press: %w", browser.ErrCrashed) })
	r := do(t, &lot{}, runner.Options{Checks: []*check.Check{dies, fake("next", passes)}})
	assert.Equal(t, []string{"dies error", "next skip"}, lines(r))
	assert.Equal(t, "the browser ended", r.Results[0].Message)
	assert.Equal(t, "the browser ended", r.Results[1].Message)
	assert.Equal(t, "the browser ended while dies ran", r.Error)
}

func TestNoBrowser(t *testing.T) {
	t.Parallel()
	needs := fake("needs", passes)
	needs.Browserless = false
	r := do(t, &lot{}, runner.Options{
		Checks: []*check.Check{fake("first", passes), needs},
		OpenBrowser: func(context.Context, *target.Target) (*browser.Browser, func(), error) {
			return nil, nil, fmt.Errorf("%w: apt-get install chromium", browser.ErrNoBrowser)
		},
	})
	assert.Equal(t, []string{"first pass", "needs error"}, lines(r))
	assert.Contains(t, r.Error, "apt-get install chromium")
	assert.Equal(t, 2, r.ExitCode())
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	one := fake("one", passes)
	r := do(t, &lot{}, runner.Options{
		Checks: []*check.Check{one, fake("two", passes, one)},
		Start: func(context.Context, *deployment.Deployment, string) (*target.Target, error) {
			return nil, errors.New("no engine")
		},
	})
	assert.Equal(t, []string{"one error", "two skip"}, lines(r))
	assert.Equal(t, "the lab did not start: no engine", r.Error)
	assert.Equal(t, 2, r.ExitCode())
}

func TestPanicIsAnErrorOfTheTester(t *testing.T) {
	t.Parallel()
	r := do(t, &lot{}, runner.Options{Checks: []*check.Check{fake("one", func(context.Context, *check.Pass) error { panic("oh") }), fake("two", passes)}})
	assert.Equal(t, []string{"one error", "two pass"}, lines(r))
	assert.Contains(t, r.Results[0].Message, "oh")
}

func TestNotModelledIsNoVerdict(t *testing.T) {
	t.Parallel()
	var unknown []string
	l := &lot{target: func(tg *target.Target) { tg.NotModelled = func() []string { return unknown } }}
	asks := func(result error) func(context.Context, *check.Pass) error {
		return func(context.Context, *check.Pass) error {
			unknown = append(unknown, "lab: not modelled: MFA of Paperless", "lab: not modelled: MFA of Paperless") // asked twice
			return result
		}
	}
	r := do(t, l, runner.Options{Checks: []*check.Check{
		fake("fails", asks(check.Unmetf("no"))), fake("passes", asks(nil)), fake("other", fails),
	}})
	assert.Equal(t, []string{"fails skip", "passes pass", "other fail"}, lines(r))
	assert.Equal(t, "lab: not modelled: MFA of Paperless", r.Results[0].Message)
	assert.Equal(t, []string{"lab: not modelled: MFA of Paperless"}, r.Results[1].Record.NotModelled)
	assert.Empty(t, r.Results[2].Record.NotModelled)
}

// TestStandingGapIsTold: what the lab did not model from the start skips nothing,
// but is told with what did not pass.
func TestStandingGapIsTold(t *testing.T) {
	t.Parallel()
	standing := []string{"lab: not modelled: a proxy that signs users in by itself"}
	l := &lot{target: func(tg *target.Target) { tg.NotModelled = func() []string { return standing } }}
	r := do(t, l, runner.Options{Checks: []*check.Check{fake("passes", passes), fake("fails", fails)}})
	assert.Equal(t, []string{"passes pass", "fails fail"}, lines(r))
	assert.Empty(t, r.Results[0].Record.Notes)
	assert.Equal(t, standing, r.Results[1].Record.Notes)
}

func TestEvidenceIsOfTheCheckAlone(t *testing.T) {
	t.Parallel()
	var exchanges []evidence.Exchange
	var log []evidence.Line
	l := &lot{target: func(tg *target.Target) {
		tg.Exchanges = func() []evidence.Exchange { return exchanges }
		tg.Logs = func(context.Context) ([]evidence.Line, error) { return log, nil }
		tg.Events = func(context.Context) ([]string, error) { return nil, errors.New("no token") }
	}}
	acts := func(name string) func(context.Context, *check.Pass) error {
		return func(context.Context, *check.Pass) error {
			exchanges = append(exchanges, evidence.Exchange{Seq: len(exchanges) + 1, URL: name})
			log = append(log, evidence.Line{Text: name})
			return check.Unmetf("no")
		}
	}
	r := do(t, l, runner.Options{Checks: []*check.Check{fake("one", acts("one")), fake("two", acts("two"))}})
	for i, name := range []string{"one", "two"} {
		rec := r.Results[i].Record
		assert.Equal(t, name, rec.Check)
		require.Len(t, rec.Exchange, 1)
		assert.Equal(t, name, rec.Exchange[0].URL)
		require.Len(t, rec.Log, 1)
		assert.Equal(t, name, rec.Log[0].Text)
		assert.Contains(t, rec.Notes, "no events of authentik: no token")
		assert.True(t, rec.Boot.Up)
	}
}

func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	b := bundle(t)
	app, _ := b.Paperless.App()
	r := do(t, &lot{}, runner.Options{Bundle: b, Checks: []*check.Check{
		fake("tells", func(context.Context, *check.Pass) error { return check.Unmetf("the secret is\n%s", app.Secret) }),
	}})
	assert.NotContains(t, r.Results[0].Message, app.Secret)
	assert.NotContains(t, r.Results[0].Message, "\n")
}

func TestExplainIsAskedAboutWhatDidNotPass(t *testing.T) {
	t.Parallel()
	var asked []string
	r := do(t, &lot{}, runner.Options{
		Checks: []*check.Check{fake("good", passes), fake("bad", fails)},
		Explain: func(rec evidence.Record, b *deployment.Deployment, c *check.Check, st check.Status) []troubleshooting.Finding {
			asked = append(asked, fmt.Sprintf("%s %t %s %s", rec.Check, b != nil, c.ID, st))
			return []troubleshooting.Finding{{Code: "DOOR-SHUT"}}
		},
	})
	assert.Equal(t, []string{"bad true bad fail"}, asked)
	assert.Equal(t, "DOOR-SHUT", r.Results[1].Findings[0].Code)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	var seen []string
	do(t, &lot{}, runner.Options{
		Checks: []*check.Check{
			fake("one", func(_ context.Context, p *check.Pass) error { p.Progress("look"); return nil }),
			fake("two", fails),
		},
		Observe: func(e runner.Event) {
			line := string(e.Kind)
			if e.Check != nil {
				line = fmt.Sprintf("%d/%d %s %s", e.Index, e.Total, e.Check.ID, e.Kind)
			}
			switch {
			case e.Step != "":
				line += " " + e.Step
			case e.Result != nil:
				line += " " + string(e.Result.Status)
			}
			if e.Kind != runner.Booting { // seen only when the target is slow
				seen = append(seen, line)
			}
		},
	})
	assert.Equal(t, []string{
		"1/2 one started", "1/2 one step look", "1/2 one finished pass",
		"2/2 two started", "2/2 two finished fail",
	}, seen)
}

func TestExpected(t *testing.T) {
	t.Parallel()
	known, err := runner.ReadExpected([]byte(`
- {check: old, version: "2.20.15", status: fail, why: fixed in 3.0.0}
- {check: fixed, version: ">=2.20.0, <3.0.0", status: fail, why: an issue}
- {check: elsewhere, version: "<2.5.3", status: fail, why: an issue}
`))
	require.NoError(t, err)
	r := do(t, &lot{}, runner.Options{
		Checks:   []*check.Check{fake("old", fails), fake("fixed", passes), fake("elsewhere", fails)},
		Expected: known,
	})
	assert.Equal(t, []string{"old warn", "fixed fail", "elsewhere fail"}, lines(r))
	assert.Equal(t, "the door is shut (known: fixed in 3.0.0)", r.Results[0].Message)
	assert.Contains(t, r.Results[1].Message, "remove the entry")
}

func TestReadExpectedRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown key": "- {check: a, version: 2.5.0, status: fail, why: b, who: c}",
		"no reason":   "- {check: a, version: 2.5.0, status: fail}",
		"odd status":  "- {check: a, version: 2.5.0, status: pass, why: b}",
		"odd version": "- {check: a, version: new, status: fail, why: b}",
		"not a list":  "check: a",
		"broken":      "- {check: a",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := runner.ReadExpected([]byte(text))
			require.Error(t, err)
		})
	}
}

func TestEnoughEndsTheRun(t *testing.T) {
	t.Parallel()
	l := &lot{}
	r := do(t, l, runner.Options{
		Checks: []*check.Check{fake("one", passes), fake("two", fails), fake("three", passes)},
		Enough: func(res runner.Result) bool { return res.Status == check.Failed },
	})
	assert.Equal(t, []string{"one pass", "two fail", "three skip"}, lines(r))
	assert.Empty(t, r.Error, "it was asked for")
	assert.Zero(t, l.open.Load())
}
