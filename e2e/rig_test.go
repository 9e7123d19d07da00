package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

var update = flag.Bool("update", false, "record the evidence again and rewrite what is generated from it")

// sideBySide is how many labs are tested at once: a browser that waits leaves a
// core to the others, and more tabs than that only take memory.
const sideBySide = 4

// idleBrowsers is how many browsers are kept open that no lab uses right now: one for
// the host names that most labs have, and some for those that come in groups.
const idleBrowsers = 3

// A rig shares one edge, and one browser for each set of host names, among labs,
// as a user's machine would.
type rig struct {
	front *edge.Edge
	start func(context.Context, *deployment.Deployment, string) (*target.Target, error)
	slots chan struct{}

	mu       sync.Mutex
	browsers []*lent
	runs     map[string]func() (*runner.Run, error) // by versions, addresses, and what is planted
}

// lent is a browser and how many labs use it; the one that was used last comes last.
type lent struct {
	rules string
	open  func() (*browser.Browser, error)
	users int
}

// shared is the rig of all tests of this package: what the right configurations say is
// found out once, and most of them have the same host names.
var shared = sync.OnceValues(openRig)

func TestMain(m *testing.M) {
	code := m.Run()
	if r, err := shared(); err != nil || r.close() != nil {
		fmt.Fprintln(os.Stderr, "close the browsers and the edge that the tests share:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func openRig() (*rig, error) {
	front, err := edge.Listen(edge.Options{})
	if err != nil {
		return nil, err
	}
	return &rig{front: front, start: e2e.Labs(front, nil), slots: make(chan struct{}, sideBySide), runs: map[string]func() (*runner.Run, error){}}, nil
}

// newRig is the rig of all tests.
func newRig(tb testing.TB) *rig {
	tb.Helper()
	r, err := shared()
	require.NoError(tb, err)
	return r
}

// ownRig is one for a test that changes where the names lead.
func ownRig(t *testing.T) *rig {
	t.Helper()
	r, err := openRig()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.close()) })
	return r
}

func (r *rig) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, l := range r.browsers {
		if b, err := l.open(); err == nil {
			errs = append(errs, b.Close())
		}
	}
	return errors.Join(append(errs, r.front.Close())...)
}

func (r *rig) open(_ context.Context, t *target.Target) (*browser.Browser, func(), error) {
	l, spare := r.lend(t)
	for _, old := range spare {
		if b, err := old.open(); err == nil {
			if err := b.Close(); err != nil {
				return nil, nil, err
			}
		}
	}
	b, err := l.open()
	return b, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		l.users--
	}, err
}

// lend is the browser of a target, and those that are to be closed for it.
func (r *rig) lend(t *target.Target) (l *lent, spare []*lent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rules := t.ResolverRules()
	if i := slices.IndexFunc(r.browsers, func(l *lent) bool { return l.rules == rules }); i >= 0 {
		l = r.browsers[i]
		r.browsers = slices.Delete(r.browsers, i, i+1)
	} else {
		l = &lent{rules: rules, open: sync.OnceValues(func() (*browser.Browser, error) {
			// Not of one test's context: the others use it too.
			return browser.Open(context.Background(), browser.Options{Rules: rules, SPKI: t.SPKI, Isolate: true})
		})}
	}
	l.users++
	r.browsers = append(r.browsers, l)
	for i := 0; i < len(r.browsers) && len(r.browsers) > idleBrowsers; i++ {
		if r.browsers[i].users == 0 {
			spare = append(spare, r.browsers[i])
			r.browsers = slices.Delete(r.browsers, i, i+1)
			i--
		}
	}
	return l, spare
}

// run runs the checks with these ids, and what they need, until enough is seen.
func (r *rig) run(ctx context.Context, b *deployment.Deployment, enough func(runner.Result) bool, only ...string) (*runner.Run, error) {
	return r.do(ctx, runner.Options{Bundle: b, Only: only, Enough: enough})
}

// do is runner.Do on a lab of the rig, when it is its turn.
func (r *rig) do(ctx context.Context, o runner.Options) (*runner.Run, error) {
	r.slots <- struct{}{}
	defer func() { <-r.slots }()
	o.Kind, o.Start, o.OpenBrowser = target.Lab, r.start, r.open
	return runner.Do(ctx, o)
}

// once gives the same run to all who ask for it: what a run shows is proven once.
func (r *rig) once(key string, do func() (*runner.Run, error)) (*runner.Run, error) {
	r.mu.Lock()
	if r.runs[key] == nil {
		r.runs[key] = sync.OnceValues(do)
	}
	run := r.runs[key]
	r.mu.Unlock()
	return run()
}

// pairOf names the versions and addresses of a right configuration.
func pairOf(b *deployment.Deployment) string {
	return strings.Join([]string{b.Paperless.Version, b.Authentik.Version, b.Paperless.URL, b.Authentik.URL}, " ")
}

// plantedOn are the pairs that causes are planted on.
var plantedOn = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, v := range versions {
		if b, _, err := e2e.Deploy(e2e.Options{Paperless: v[0], Authentik: v[1]}); err == nil {
			out[pairOf(b)] = true
		}
	}
	return out
})

// right is the run of a right configuration. On the pairs that causes are planted on it
// is the whole checklist; on another, which a test has for itself, what the check needs.
func (r *rig) right(ctx context.Context, b *deployment.Deployment, at string) (*runner.Run, error) {
	if plantedOn()[pairOf(b)] {
		return r.once(pairOf(b), func() (*runner.Run, error) { return r.run(ctx, b, nil) })
	}
	return r.once(pairOf(b)+" "+at, func() (*runner.Run, error) { return r.run(ctx, b, nil, at) })
}

// usual is the run with one item planted into a right configuration, which stays as it is.
func (r *rig) usual(ctx context.Context, right *deployment.Deployment, item *troubleshooting.Item) (*runner.Run, error) {
	at := item.BreaksAt(right.Versions()).ID
	return r.once(pairOf(right)+" with "+item.Code, func() (*runner.Run, error) {
		b := right.Clone()
		item.Plant(b)
		return r.run(ctx, b, found(at), at)
	})
}

// alone is the same without the checks that only look at the sign-in page.
func (r *rig) alone(ctx context.Context, right *deployment.Deployment, item *troubleshooting.Item) (*runner.Run, error) {
	return r.once(pairOf(right)+" with "+item.Code+" alone", func() (*runner.Run, error) {
		b := right.Clone()
		item.Plant(b)
		c := item.BreaksAt(right.Versions())
		return r.do(ctx, runner.Options{Bundle: b, Checks: signingIn(c), Enough: found(c.ID)})
	})
}

// signingIn is a check, last, after those that it needs in which somebody signs in.
// Those that only look at the sign-in page leave nothing behind: that they pass before
// the one that breaks is proven where usual planted each item.
func signingIn(c *check.Check) []*check.Check {
	own := *c
	own.Needs = nil
	var all []*check.Check
	for _, need := range c.Needs {
		if need == checklist.LoginPage || need == checklist.LoginButton {
			continue
		}
		all = append(all, signingIn(need)...)
		own.Needs = append(own.Needs, all[len(all)-1])
	}
	return append(all, &own)
}

// planted is what came of one planting.
type planted struct {
	code, versions string
	on             deployment.Pair
	at             string // the check that it breaks
	run            *runner.Run
	codes          []string // found there, in their order
	status         check.Status
	message        string
	// strange are findings, as "check code", that neither the planted cause nor
	// the right configuration has.
	strange []string
}

// plant plants items into a right configuration, and runs what signs in as far as the
// check that the first of them breaks.
func (r *rig) plant(t *testing.T, b *deployment.Deployment, items ...*troubleshooting.Item) *planted {
	t.Helper()
	right := b.Clone()
	for _, item := range items {
		item.Plant(b)
	}
	c := items[0].BreaksAt(right.Versions())
	run, err := r.do(t.Context(), runner.Options{Bundle: b, Checks: signingIn(c), Enough: found(c.ID)})
	require.NoError(t, err)
	return r.came(t, right, run, items...)
}

// came is what came of a run with items planted into a right configuration.
func (r *rig) came(t *testing.T, right *deployment.Deployment, run *runner.Run, items ...*troubleshooting.Item) *planted {
	t.Helper()
	require.Empty(t, run.Error)
	p := &planted{on: right.Versions(), versions: right.Paperless.Version + " with authentik " + right.Authentik.Version, at: items[0].BreaksAt(right.Versions()).ID, run: run}
	known, err := r.right(context.WithoutCancel(t.Context()), right, p.at)
	require.NoError(t, err)
	var codes []string
	for _, item := range items {
		codes = append(codes, item.Code)
	}
	p.code = strings.Join(codes, "+")
	for _, item := range items {
		codes = append(codes, item.Also...)
	}
	p.codes, p.status, p.message = findings(run, p.at)
	usual := keys(known)
	for key, code := range keys(run) {
		if _, expected := usual[key]; !expected && !slices.Contains(codes, code) {
			p.strange = append(p.strange, key)
		}
	}
	return p
}

// keys are the findings of a run, as "check code", with their codes. Those of the right
// configuration nobody planted, and they are no fault of diagnosis.
func keys(run *runner.Run) map[string]string {
	out := map[string]string{}
	for _, res := range run.Results {
		for _, f := range res.Findings {
			out[res.Check.ID+" "+f.Code] = f.Code
		}
	}
	return out
}

// found tells of a result whether the check has found something.
func found(id string) func(runner.Result) bool {
	return func(res runner.Result) bool { return res.Check.ID == id && len(res.Findings) > 0 }
}

// first is the code that is stood for; "nothing" without one.
func (p *planted) first() string {
	if len(p.codes) == 0 {
		return "nothing"
	}
	return p.codes[0]
}

func (p *planted) judge(t *testing.T, item *troubleshooting.Item) {
	t.Helper()
	want := check.Failed
	if item.WarnsOn(p.on) {
		want = check.Warned
	}
	assert.Equal(t, want, p.status, "%s at %s: %s", p.versions, p.at, p.message)
	assert.Equal(t, item.Code, p.first(), "%s at %s: %v; %s", p.versions, p.at, p.codes, p.message)
	assert.Subset(t, p.codes, item.Also, "%s: made with it", p.versions)
	assert.Empty(t, p.strange, "%s: found, but nobody planted it", p.versions)
}

// recordings is where evidence is kept.
const recordings = "../fixtures/evidence"

// record keeps what explains the run, as a report that diagnose reads.
func (p *planted) record(t *testing.T) {
	t.Helper()
	rep := report.New(p.run)
	rep.Checks = slices.DeleteFunc(rep.Checks, func(c report.Check) bool { return c.Status == check.Passed || c.Status == check.Skipped })
	var text bytes.Buffer
	require.NoError(t, rep.JSON(&text))
	require.NoError(t, os.WriteFile(filepath.Join(recordings, p.code+".json"), folded(t, text.Bytes()), 0o644))
}

// folded is JSON with one line for each exchange, hop or setting: what lies
// deeper is not broken up, so that a recording can be read and compared.
func folded(t *testing.T, text []byte) []byte {
	t.Helper()
	const depth = 5
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, text, "", " "))
	var out strings.Builder
	deep := false
	for line := range strings.Lines(indented.String()) {
		line = strings.TrimRight(line, "\n")
		rest := strings.TrimLeft(line, " ")
		in := len(line)-len(rest) > depth
		if out.Len() > 0 && !in && (!deep || !strings.ContainsAny(rest[:1], "}]")) {
			out.WriteByte('\n')
		}
		if in || (deep && strings.ContainsAny(rest[:1], "}]")) {
			line = rest
			if in && deep && strings.HasSuffix(out.String(), ",") {
				line = " " + line
			}
		}
		out.WriteString(line)
		deep = in
	}
	return []byte(out.String() + "\n")
}

// findings are the codes at a check as configured, its status and message.
func findings(run *runner.Run, id string) ([]string, check.Status, string) {
	var codes []string
	status, message := check.Skipped, "did not run"
	for _, r := range run.Results {
		if r.Check.ID != id || status == check.Failed {
			continue
		}
		if r.Status == check.Passed && status != check.Skipped || r.Status == check.Skipped {
			continue
		}
		codes, status, message = nil, r.Status, r.Message
		for _, f := range r.Findings {
			codes = append(codes, f.Code)
		}
	}
	if status == check.Skipped {
		parts := []string{message}
		for _, r := range run.Results {
			parts = append(parts, fmt.Sprintf("%s %s %s", r.Check.ID, r.Status, r.Message))
		}
		message = strings.Join(parts, "; ")
	}
	return codes, status, message
}

// A score counts over all plantings.
type score struct {
	mu    sync.Mutex
	all   []*planted
	first map[[2]string]int // planted, found first
}

func (s *score) add(p *planted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, p)
	if s.first == nil {
		s.first = map[[2]string]int{}
	}
	s.first[[2]string{p.code, p.first()}]++
}

// print is the summary: how much of what was planted was found, and how much of
// what was found was planted.
func (s *score) print(t *testing.T) {
	t.Helper()
	found, wrong := 0, 0
	for _, p := range s.all {
		if p.first() == p.code {
			found++
		}
		wrong += len(p.strange)
		if len(p.strange) > 0 {
			t.Logf("planted %s on %s: also %s", p.code, p.versions, strings.Join(p.strange, ", "))
		}
	}
	if len(s.all) == 0 {
		return
	}
	t.Logf("planted %d, found first %d (recall %.3f), findings that nobody planted %d (precision %.3f); planted, recorded and judged by the same hand, so right by construction: docs/observed.md has the figure of the real pair",
		len(s.all), found, float64(found)/float64(len(s.all)), wrong, float64(found)/float64(max(1, found+wrong)))
	for _, pair := range slices.SortedFunc(maps.Keys(s.first), func(a, b [2]string) int { return strings.Compare(a[0]+" "+a[1], b[0]+" "+b[1]) }) {
		if pair[0] != pair[1] {
			t.Logf("%s was taken for %s, %d times", pair[0], pair[1], s.first[pair])
		}
	}
}
