package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// forking gives every check a pair of its own, which knows the names of the pairs
// that it is a copy of, oldest first.
func (l *lot) forking(t *target.Target) {
	var number atomic.Int32
	var fork func(of string) func(context.Context) (*target.Target, error)
	fork = func(of string) func(context.Context) (*target.Target, error) {
		return func(context.Context) (*target.Target, error) {
			l.open.Add(1)
			one := *t
			one.Header = map[string]string{"pair": fmt.Sprintf("%s.%d", of, number.Add(1))}
			one.Fork = fork(one.Header["pair"])
			one.Close = func() error { l.open.Add(-1); return nil }
			return &one, nil
		}
	}
	t.Fork = fork("0")
}

// TestSideBySideKeepsTheOrder lets the checks end in the opposite order: results and
// events come in the order of the checks all the same, and each has its own pair.
func TestSideBySideKeepsTheOrder(t *testing.T) {
	t.Parallel()
	const n = 4
	var turns [n + 1]chan struct{}
	for i := range turns {
		turns[i] = make(chan struct{})
	}
	close(turns[n])
	var checks []*check.Check
	pairs := make([]string, n)
	for i := range n {
		checks = append(checks, fake(fmt.Sprintf("c%d", i), func(_ context.Context, p *check.Pass) error {
			p.Progress("first")
			<-turns[i+1] // the one after it has ended
			p.Progress("second")
			pairs[i] = p.Target.Header["pair"]
			close(turns[i])
			return nil
		}))
	}
	var events []string
	l := &lot{}
	l.target = l.forking
	r := do(t, l, runner.Options{Checks: checks, Jobs: n, Observe: func(ev runner.Event) {
		if ev.Kind != runner.Booting {
			events = append(events, fmt.Sprintf("%d %s %s%s", ev.Index, ev.Check.ID, ev.Kind, ev.Step))
		}
	}})
	assert.Equal(t, []string{"c0 pass", "c1 pass", "c2 pass", "c3 pass"}, lines(r))
	var want []string
	for i := range n {
		for _, what := range []string{"started", "stepfirst", "stepsecond", "finished"} {
			want = append(want, fmt.Sprintf("%d c%d %s", i+1, i, what))
		}
	}
	assert.Equal(t, want, events)
	assert.ElementsMatch(t, []string{"0.1", "0.2", "0.3", "0.4"}, pairs)
	assert.Equal(t, []string{check.AsConfigured}, l.started)
}

// TestSideBySideNeeds: a check waits for those that it needs, and its pair is a copy of
// theirs; those of other variants begin with the variant's own.
func TestSideBySideNeeds(t *testing.T) {
	t.Parallel()
	var ran atomic.Int32
	counted := func(at int32, err error) func(context.Context, *check.Pass) error {
		return func(_ context.Context, p *check.Pass) error {
			p.Record.Notes = append(p.Record.Notes, p.Target.Header["pair"])
			assert.GreaterOrEqual(t, ran.Add(1), at)
			return err
		}
	}
	one := fake("one", counted(1, nil))
	two := fake("two", counted(2, nil), one)
	bad := fake("bad", counted(2, check.Unmetf("the door is shut")), one)
	three := fake("three", counted(3, nil), two)
	varied := fake("varied", counted(2, nil), one)
	varied.Variants = func(*deployment.Deployment) []check.Variant {
		return []check.Variant{{Name: check.AsConfigured}, {Name: "other", Change: func(*deployment.Deployment) {}}}
	}
	after := fake("after", passes, bad)
	l := &lot{}
	l.target = l.forking
	r := do(t, l, runner.Options{Checks: []*check.Check{one, two, bad, three, varied, after}, Jobs: 3})
	assert.Equal(t, []string{"one pass", "two pass", "bad fail", "three pass", "varied pass", "varied@other pass", "after skip"}, lines(r))
	assert.Equal(t, "needs bad, which failed", r.Results[6].Message)
	pair := func(i int) string { return r.Results[i].Record.Notes[0] }
	assert.Regexp(t, `^0\.\d+$`, pair(0))
	for _, i := range []int{1, 2, 4} {
		assert.Regexp(t, `^`+pair(0)+`\.\d+$`, pair(i), r.Results[i].Check.ID)
	}
	assert.Regexp(t, `^`+pair(1)+`\.\d+$`, pair(3))
	assert.Regexp(t, `^0\.\d+$`, pair(5), "of the variant as it started")
}

// TestSideBySideEnough: what ran beside the check that was enough does not count.
func TestSideBySideEnough(t *testing.T) {
	t.Parallel()
	beside := make(chan struct{})
	one := fake("one", func(context.Context, *check.Pass) error { <-beside; return nil })
	two := fake("two", func(context.Context, *check.Pass) error { close(beside); return nil })
	three := fake("three", func(ctx context.Context, _ *check.Pass) error { <-ctx.Done(); return ctx.Err() }, two)
	l := &lot{}
	l.target = l.forking
	r := do(t, l, runner.Options{Checks: []*check.Check{one, two, three}, Jobs: 2, Enough: func(runner.Result) bool { return true }})
	assert.Equal(t, []string{"one pass", "two skip", "three skip"}, lines(r))
	assert.Equal(t, "enough was seen", r.Results[1].Message)
	assert.Empty(t, r.Error)
}

// TestSideBySideInterrupted: the first check that was cut short says so, the others are
// skipped, and nothing is left.
func TestSideBySideInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	hangs := func(ctx context.Context, _ *check.Pass) error { <-ctx.Done(); return ctx.Err() }
	one := fake("one", passes)
	two := fake("two", func(ctx context.Context, p *check.Pass) error {
		cancel(errors.New("Ctrl-C"))
		return hangs(ctx, p)
	}, one)
	three := fake("three", hangs, one)
	l := &lot{}
	l.target = l.forking
	r, err := runner.Do(ctx, runner.Options{Bundle: bundle(t), Kind: target.Lab, Start: l.start, Checks: []*check.Check{one, two, three}, Jobs: 3})
	require.NoError(t, err)
	assert.Equal(t, []string{"one pass", "two error", "three skip"}, lines(r))
	assert.Equal(t, "interrupted: Ctrl-C", r.Error)
	assert.Zero(t, l.open.Load())
}

// TestSideBySideWithoutForks: where a check can have no pair of its own, they run one
// after another, however many jobs are asked for; a lab that gives none is an error.
func TestSideBySideWithoutForks(t *testing.T) {
	t.Parallel()
	var running, most atomic.Int32
	run := func(context.Context, *check.Pass) error {
		most.Store(max(most.Load(), running.Add(1)))
		running.Add(-1)
		return nil
	}
	checks := []*check.Check{fake("one", run), fake("two", run), fake("three", run)}
	l := &lot{}
	r := do(t, l, runner.Options{Checks: checks, Jobs: 3, Kind: target.Stack})
	assert.Equal(t, []string{"one pass", "two pass", "three pass"}, lines(r))
	assert.Equal(t, int32(1), most.Load())
	r = do(t, l, runner.Options{Checks: checks, Jobs: 3})
	assert.Equal(t, []string{"one error", "two error", "three error"}, lines(r))
}

// TestSideBySideSaysTheSame runs the checklist of the lab one check after another and
// side by side, with settings under which checks leave different accounts: status,
// words, findings and the accounts that each makes are the same.
func TestSideBySideSaysTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, change := range map[string]func(*deployment.Deployment){
		"many accounts": func(b *deployment.Deployment) {
			delete(b.Paperless.Env, deployment.AutoSignup)
			b.Paperless.Env[deployment.RemoteUser] = "true"
		},
		"nobody gets in": func(b *deployment.Deployment) { b.EditApp(func(a map[string]any) { a["secret"] = "another" }) },
		"does not start": func(b *deployment.Deployment) { b.Paperless.Env[deployment.ProvidersKey] = "{" },
	} {
		t.Run(name, func(t *testing.T) {
			said := func(jobs int) []string {
				d := bundle(t)
				change(d)
				r := b.run(t, runner.Options{Bundle: d, Jobs: jobs})
				require.Empty(t, r.Error)
				var out []string
				for _, res := range r.Results {
					out = append(out, strings.Join([]string{res.Key(), string(res.Status), res.Message}, " "))
					for _, f := range res.Findings {
						out = append(out, "  "+f.Code)
					}
					out = append(out, "  "+strings.Join(res.Record.Notes, "\n    "), "  made: "+made(res.Record.Before, res.Record.Users))
				}
				return out
			}
			assert.Equal(t, said(1), said(3))
		})
	}
}

func made(before, after []evidence.User) string {
	had := map[string]bool{}
	for _, u := range before {
		had[u.Username] = true
	}
	var out []string
	for _, u := range after {
		if !had[u.Username] {
			out = append(out, u.Username)
		}
	}
	return strings.Join(out, " ")
}
