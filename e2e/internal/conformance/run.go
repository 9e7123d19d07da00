package conformance

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// Options say what Run runs.
type Options struct {
	Bundle *deployment.Deployment // as Prepare made it
	Pair
	// Waiting is another pair for the slow tests, whose Paperless-ngx gives the provider
	// up sooner; zero: the same.
	Waiting Pair
	Tests   []*Test
	Missing string // why the added apps are not there; empty: they are
	// Started and Finished are told of each test; may be nil.
	Started  func(*Test)
	Finished func(*Test, check.Result)
	// Around runs each test; nil: nobody does. Those that wait run side by side.
	Around func(t *Test, do func() check.Result) check.Result
}

// A Pair is a Paperless-ngx that runs, with our provider at authentik's name.
type Pair struct {
	Target   *target.Target
	Provider *provider.Provider
}

// pair is the one that a test runs on.
func (o *Options) pair(t *Test) Pair {
	if t.Slow && o.Waiting.Target != nil {
		return o.Waiting
	}
	return o.Pair
}

// Run runs the tests: those that wait side by side, beside the others one after
// another. The results are in the order of the tests.
func Run(ctx context.Context, o Options) []check.Result {
	if o.Around == nil {
		o.Around = func(_ *Test, do func() check.Result) check.Result { return do() }
	}
	out := make([]check.Result, len(o.Tests))
	var mu sync.Mutex
	one := func(i int) {
		t := o.Tests[i]
		if o.Started != nil {
			mu.Lock()
			o.Started(t)
			mu.Unlock()
		}
		out[i] = o.Around(t, func() check.Result { return o.one(ctx, t) })
		if o.Finished != nil {
			mu.Lock()
			o.Finished(t, out[i])
			mu.Unlock()
		}
	}
	var slow sync.WaitGroup
	for i, t := range o.Tests {
		if t.Slow {
			slow.Go(func() { one(i) })
		}
	}
	for i, t := range o.Tests {
		if !t.Slow {
			one(i)
		}
	}
	slow.Wait()
	return out
}

// A Look is one test that ran, before it is judged.
type look struct {
	seen  *Seen
	visit *Visit
	err   error
}

// see runs one test.
func (o *Options) see(ctx context.Context, t *Test) look {
	c, ok := client(o.Bundle, t.apps()[0])
	if !ok {
		return look{err: check.Skipf("the configuration has no app of openid_connect")}
	}
	pair := o.pair(t)
	v := &Visit{Test: t, Seen: &Seen{}, b: o.Bundle, t: pair.Target, p: pair.Provider}
	v.Play = pair.Provider.Play(c, t.Script, v.Person("", t.Person))
	run := t.Run
	if run == nil {
		run = once
	}
	err := run(ctx, v)
	v.Seen.Requests = append(v.Seen.Requests, v.Play.Requests()...)
	return look{v.Seen, v, err}
}

func (o *Options) one(ctx context.Context, t *Test) check.Result {
	began := time.Now()
	res := check.Result{Check: t.Check(), Variant: check.AsConfigured, Bundle: o.Bundle}
	res.Conformance = &check.Conformance{
		Family: string(t.Family), Provider: t.Provider, Should: t.should(), Module: t.Module, Row: t.Row,
	}
	if why := o.skip(t); why != "" {
		res.Status, res.Message = check.Skipped, why
		return res
	}
	if ctx.Err() != nil {
		res.Status, res.Message = check.Skipped, "interrupted"
		return res
	}
	l := o.see(ctx, t)
	res.Seconds = time.Since(began).Seconds()
	if ctx.Err() != nil { // whatever it says, it was cut short
		res.Status, res.Message = check.Errored, "interrupted"
		return res
	}
	if l.err != nil {
		res.Status, res.Message = check.StatusOf(l.err), l.err.Error()
		return res
	}
	l.visit.record(&res.Record)
	res.Conformance.Outcome, res.Conformance.Status = string(l.seen.Outcome), l.seen.Status
	if took := l.visit.longest; !t.Slow && took >= o.Provider.Patience() {
		res.Status = check.Errored
		res.Message = fmt.Sprintf("a page took %.1f s, longer than Paperless-ngx waits for the provider: what followed may come from that alone; run again while the machine is quieter", took.Seconds())
		return res
	}
	res.Conformance.Verdict = t.verdict(l.seen)
	res.Message = l.seen.sentence()
	res.Status = check.Passed
	if res.Conformance.Verdict != check.Conforming {
		res.Status = check.Failed
		res.Conformance.Severity, res.Conformance.Means = t.severity(o.Bundle)
		res.Conformance.Remedy = t.Remedy
	}
	return res
}

// skip says why a test does not apply; empty: it does.
func (o *Options) skip(t *Test) string {
	if t.Since != "" && !o.Bundle.Paperless.AtLeast(t.Since) {
		return "Paperless-ngx has this since " + t.Since
	}
	if t.Needs != nil && !t.Needs.Has(o.Bundle) {
		return "applies " + t.Needs.Name
	}
	if o.Missing != "" && t.apps()[0] != OwnApp {
		return "needs an app of its own beside the configuration's: " + o.Missing
	}
	return ""
}

// Check is the test as the reports name it.
func (t *Test) Check() *check.Check {
	return &check.Check{
		ID: t.ID, Title: t.Title, Spec: t.Clause, Browserless: true,
		Doc: fmt.Sprintf("The provider %s. A conforming relying party %s.", t.Provider, t.should()),
		Run: func(context.Context, *check.Pass) error { return check.Skipf("runs with ssocheck conformance") },
	}
}

func (t *Test) should() string {
	if t.Should != "" {
		return string(t.Should)
	}
	return "does what the title says"
}

// sentence says what was seen.
func (s *Seen) sentence() string {
	text := string(s.Outcome)
	if s.As != "" {
		text += " as " + s.As
	}
	if s.Shared != "" {
		text += ", which is the account of " + s.Shared
	}
	var facts []string
	for _, name := range sorted(s.Facts) {
		facts = append(facts, name+": "+s.Facts[name])
	}
	if text != "" && len(facts) > 0 {
		text += "; "
	}
	return text + strings.Join(facts, "; ")
}

// record is the exchange of a test, as evidence: what the browser asked, and what
// Paperless-ngx asked the provider.
func (v *Visit) record(r *evidence.Record) {
	r.Check, r.Hops = v.Test.ID, v.hops
	for i, q := range v.Seen.Requests {
		x := evidence.Exchange{Seq: i + 1, Channel: oidc.Back, Endpoint: q.Endpoint, To: "authentik", Method: q.Method, URL: q.URL(v.b.Authentik.URL, Elsewhere), Status: q.Status, Seconds: q.Seconds, Auth: q.Auth}
		if q.Endpoint == oidc.Authorization {
			x.Channel = oidc.Front
		}
		if q.PKCE != "" {
			x.Form = map[string]string{"PKCE": q.PKCE}
		}
		r.Exchange = append(r.Exchange, x)
	}
}
