package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

const (
	// checkLimit is far above what a check takes on a slow stack: it ends a check
	// that hangs where none of its steps has a limit.
	checkLimit = 3 * time.Minute
	// evidenceLimit is what is given to collecting evidence after a check, also
	// after Ctrl-C: it must not hold up the way out.
	evidenceLimit = 10 * time.Second
)

// once runs a check in a fresh session and collects the evidence. The error is
// what the check returned, for the crash that it may tell of. disturbed says what
// the browser lost of the session because the machine's network changed.
func (r *run) once(ctx context.Context, i int, j job, s *start, b *browser.Browser) (_ Result, disturbed string, _ error) {
	t := s.target
	began := time.Now()
	rec := evidence.Record{
		Check: j.check.ID, Variant: j.variant.Name,
		Paperless: t.Paperless, Authentik: t.Authentik, Boot: t.Boot,
	}
	if t.Boot.How != "" {
		rec.Notes = append(rec.Notes, "this Paperless is "+t.Boot.How)
	}
	res := Result{Result: check.Result{Bundle: s.bundle}}
	progress := func(step string) {
		r.turns[i].observe(Event{Kind: Step, Check: j.check, Variant: j.variant.Name, Index: i + 1, Total: len(r.jobs), Step: step, At: time.Now()})
	}
	from := markOf(ctx, t)
	var session *browser.Session
	var err error
	var pass *check.Pass
	if b != nil {
		session, err = b.Session(ctx, browser.SessionOptions{Header: t.Header, Redactor: t.Redactor, Shots: r.o.Shots || r.o.Film, Progress: progress})
		if err != nil {
			err = fmt.Errorf("open a browser profile: %w", err)
		} else {
			defer session.Close()
		}
	}
	if err == nil {
		pass = r.passOf(j, s)
		pass.Session, pass.Record, pass.Progress, pass.Began = session, &rec, progress, began
		err = call(ctx, j.check, pass)
	}
	res.Status = check.StatusOf(err)
	if err != nil {
		res.Message = oneLine(r.redact(t, err.Error()))
	}
	if t.NotModelled != nil {
		// A verdict that rests on what the lab does not know is none.
		rec.NotModelled = distinct(without(t.NotModelled(), from.unknown))
		if len(rec.NotModelled) > 0 && res.Status != check.Passed {
			res.Status, res.Message = check.Skipped, notModelled(rec.NotModelled[0])
		}
		if res.Status != check.Passed && res.Status != check.Skipped {
			rec.Notes = append(rec.Notes, s.standing...)
		}
	}
	r.collect(ctx, &res, &rec, t, pass, from)
	if session != nil {
		disturbed = session.Disturbed() // also while the evidence was taken
	}
	res.Record = rec
	return res, disturbed, err
}

// passOf is what a check gets, but for the session and the record.
func (r *run) passOf(j job, s *start) *check.Pass {
	return &check.Pass{
		Target: s.target, Bundle: s.bundle, Variant: j.variant.Name, Record: &evidence.Record{},
		Log: r.o.Log.With("check", j.check.ID, "variant", j.variant.Name), Began: time.Now(),
	}
}

func notModelled(what string) string {
	const prefix = "lab: not modelled: "
	return prefix + strings.TrimPrefix(what, prefix)
}

// call runs the check; a panic is an error of the tester, not the end of the run.
func call(ctx context.Context, c *check.Check, p *check.Pass) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, checkLimit, fmt.Errorf("the check did not end within %v", checkLimit))
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			p.Log.ErrorContext(ctx, "panic in a check", "value", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("the check panicked: %v", v)
		}
	}()
	if err = c.Run(ctx, p); err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

func (r *run) redact(t *target.Target, text string) string {
	if t.Redactor != nil {
		text = t.Redactor.Text(text)
	}
	return r.out.Redactor.Text(text)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// A mark is how much a target had recorded when a check began.
type mark struct {
	seq     int // last exchange
	lines   int
	events  int
	unknown []string
}

func markOf(ctx context.Context, t *target.Target) mark {
	var m mark
	if t.Exchanges != nil {
		for _, x := range t.Exchanges() {
			m.seq = max(m.seq, x.Seq)
		}
	}
	if t.Logs != nil {
		if lines, err := t.Logs(ctx); err == nil {
			m.lines = len(lines)
		}
	}
	if t.Events != nil {
		if events, err := t.Events(ctx); err == nil {
			m.events = len(events)
		}
	}
	if t.NotModelled != nil {
		m.unknown = t.NotModelled()
	}
	return m
}

// collect fills the record with what session, edge and logs saw. What cannot be
// had is noted: evidence that is missing must not hide a verdict.
func (r *run) collect(ctx context.Context, res *Result, rec *evidence.Record, t *target.Target, pass *check.Pass, from mark) {
	interrupted := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), evidenceLimit)
	defer cancel()
	missing := func(what string, err error) {
		if err != nil {
			rec.Notes = append(rec.Notes, fmt.Sprintf("no %s: %s", what, oneLine(r.redact(t, err.Error()))))
		}
	}
	bad := res.Status == check.Failed || res.Status == check.Warned || res.Status == check.Errored
	if pass != nil && pass.Session != nil {
		session := pass.Session
		rec.Steps = session.Steps()
		rec.Hops = append(session.Hops(), rec.Hops...)
		rec.Console = session.Console()
		rec.Notes = append(rec.Notes, session.Notes()...)
		res.Shots = session.Shots()
		if !bad && !r.o.Shots {
			res.Shots = nil
			for i := range rec.Steps {
				rec.Steps[i].Screenshot = ""
			}
		}
		if bad && !interrupted {
			r.look(ctx, res, rec, pass, missing)
		}
	}
	if t.Exchanges != nil {
		for _, x := range t.Exchanges() {
			if x.Seq > from.seq {
				rec.Exchange = append(rec.Exchange, x)
			}
		}
		own(rec.Exchange)
	}
	if !bad {
		return
	}
	if t.Probes != nil && res.Status == check.Failed {
		rec.Probes = append(rec.Probes, t.Probes(ctx)...)
	}
	if t.Logs != nil {
		lines, err := t.Logs(ctx)
		missing("log", err)
		rec.Log = append(rec.Log, since(lines, from.lines)...)
	}
	if t.Events != nil {
		events, err := t.Events(ctx)
		missing("events of authentik", err)
		rec.Events = append(rec.Events, since(events, from.events)...)
	}
	var err error
	if t.Registered != nil {
		rec.Registered, err = t.Registered(ctx)
		missing("registered redirect URIs", err)
	}
	if t.Stale != nil {
		rec.Stale, err = t.Stale(ctx)
		missing("running settings", err)
	}
}

// own marks what Paperless asked for while it answered a request that a check
// made on purpose.
func own(xs []evidence.Exchange) {
	for _, front := range xs {
		if !front.Own || front.Channel != evidence.Front {
			continue
		}
		for i := range xs {
			if x := &xs[i]; x.Channel == evidence.Back && x.Seq > front.Seq && x.At <= front.At+front.Seconds {
				x.Own = true
			}
		}
	}
}

// look takes what only the browser can show of the page where the check ended.
func (r *run) look(ctx context.Context, res *Result, rec *evidence.Record, pass *check.Pass, missing func(string, error)) {
	cookies, err := pass.Session.Cookies(ctx)
	missing("cookies", err)
	rec.Cookies = append(rec.Cookies, cookies...)
	if errors.Is(err, browser.ErrCrashed) {
		return
	}
	seen, err := checklist.Look(ctx, pass)
	missing("whole picture of the page", err)
	res.DOM, res.Screenshot = seen.DOM, seen.Screenshot
	// Of the page where the check ended, what was there last counts: the document
	// and the screenshot show that.
	if seen.DOM != "" && (rec.Final == nil || rec.Final.URL == seen.Page.URL && rec.Final.Status == seen.Page.Status) {
		rec.Final = &seen.Page
	}
}

// since are the items after the first n; all of them when the list was begun anew.
func since[T any](list []T, n int) []T {
	if n > len(list) {
		return list
	}
	return list[n:]
}

// distinct are the items of a list, each once.
func distinct(list []string) []string {
	var out []string
	for _, item := range list {
		if !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out
}

// without are the items of a list that an earlier one does not have, each as
// often as it came since.
func without(list, earlier []string) []string {
	had := map[string]int{}
	for _, item := range earlier {
		had[item]++
	}
	var out []string
	for _, item := range list {
		if had[item]--; had[item] < 0 {
			out = append(out, item)
		}
	}
	return out
}
