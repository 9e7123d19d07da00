package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// Changes are what a newer report says otherwise than an older one.
type Changes struct {
	Target []string `json:"target,omitempty"` // "Paperless-ngx 2.20.15 → 3.0.5"
	Checks []Change `json:"checks,omitempty"` // those whose status or first cause changed
	Lint   []string `json:"lint,omitempty"`   // "+ CFG-UNKNOWN compose.yaml:12: …", "- …"
}

// A Change is one check that ended in another way.
type Change struct {
	Key  string       `json:"key"`
	Old  check.Status `json:"old,omitempty"` // empty: the check is new
	New  check.Status `json:"new,omitempty"` // empty: the check is gone
	Why  string       `json:"why,omitempty"` // code and message of the newer report
	Bad  bool         `json:"worse"`
	Good bool         `json:"better"`
}

// severity orders the statuses; skip stands between, since nothing is known.
func severity(s check.Status) int {
	switch s {
	case check.Passed:
		return 0
	case check.Warned:
		return 1
	case check.Skipped:
		return 2
	case check.Errored:
		return 3
	}
	return 4
}

// Diff compares two reports. worse is true when something that was met is not
// any more: a check fails, could not run, or is skipped or gone that passed
// before; lint has a new error; or the result as a whole is a worse one.
func Diff(old, new *Report) (c Changes, worse bool) {
	for _, t := range []struct{ name, old, new string }{
		{"result", string(old.Result), string(new.Result)},
		{"target", old.Target.Kind, new.Target.Kind},
		{"Paperless-ngx", old.Target.Paperless.Version, new.Target.Paperless.Version},
		{"authentik", old.Target.Authentik.Version, new.Target.Authentik.Version},
		{"Paperless-ngx at", old.Target.Paperless.URL, new.Target.Paperless.URL},
		{"authentik at", old.Target.Authentik.URL, new.Target.Authentik.URL},
	} {
		if t.old != t.new {
			c.Target = append(c.Target, fmt.Sprintf("%s %s → %s", t.name, t.old, t.new))
		}
	}
	before := index(old)
	for i := range new.Checks {
		now := &new.Checks[i]
		was := before[now.Key()]
		delete(before, now.Key())
		change := Change{Key: now.Key(), New: now.Status, Why: now.Message}
		code := firstCode(now)
		if code != "" {
			change.Why = code + ": " + now.Message
		}
		if was != nil {
			change.Old = was.Status
			if was.Status == now.Status && firstCode(was) == code && verdictOf(was) == verdictOf(now) {
				continue
			}
			change.Bad = severity(now.Status) > severity(was.Status) && (severity(now.Status) > 2 || was.Passed())
			change.Good = severity(now.Status) < severity(was.Status)
			switch a, b := verdictOf(was), verdictOf(now); {
			case a != "" && b != "" && a != b:
				change.Bad, change.Good = a == check.Conforming || b == check.Weaker, b == check.Conforming
				change.Why = fmt.Sprintf("%s → %s: %s", a, b, now.Message)
			case a == "" && b == check.Conforming && was.Status == check.Skipped:
				continue // what the older version does not have is no gain
			case a == "" && b != "" && was.Status == check.Skipped:
				change.Bad, change.Good = b == check.Weaker, false
			}
		} else {
			change.Bad = severity(now.Status) > 2
		}
		// A deviation that is known of the version is told, and no reason to stop.
		worse = worse || change.Bad && !known(now)
		c.Checks = append(c.Checks, change)
	}
	for i := range old.Checks { // in the older report's order
		was := &old.Checks[i]
		if before[was.Key()] == nil {
			continue
		}
		bad := was.Passed()
		worse = worse || bad
		c.Checks = append(c.Checks, Change{Key: was.Key(), Old: was.Status, Why: "did not run", Bad: bad})
	}
	newErrors := false
	c.Lint, newErrors = diffLint(old.Lint, new.Lint)
	return c, worse || newErrors || (new.Result != old.Result && runner.Worst(old.Result, new.Result) == new.Result)
}

func index(r *Report) map[string]*Check {
	m := map[string]*Check{}
	for i := range r.Checks {
		m[r.Checks[i].Key()] = &r.Checks[i]
	}
	return m
}

// verdictOf is what a conformance test found; empty: c is none, or did not run.
func verdictOf(c *Check) check.Verdict {
	if c.Conformance == nil {
		return ""
	}
	return c.Conformance.Verdict
}

// known reports whether a check ended in a deviation that stands in fixtures/expected.yaml.
func known(c *Check) bool { return c.Conformance != nil && c.Conformance.Known }

func firstCode(c *Check) string {
	if len(c.Findings) == 0 {
		return ""
	}
	return c.Findings[0].Code
}

// diffLint compares by code, setting and file: lines move when a file is edited.
func diffLint(old, new []source.Diagnostic) (out []string, newError bool) {
	id := func(f source.Diagnostic) string { return f.Code + "\x00" + f.Setting + "\x00" + f.File }
	has := func(all []source.Diagnostic, f source.Diagnostic) bool {
		return slices.ContainsFunc(all, func(o source.Diagnostic) bool { return id(o) == id(f) })
	}
	for _, f := range new {
		if !has(old, f) {
			out = append(out, fmt.Sprintf("+ %s %s: %s", f.Code, lintPlace(&f), f.Message))
			newError = newError || f.Level == source.Error
		}
	}
	for _, f := range old {
		if !has(new, f) {
			out = append(out, fmt.Sprintf("- %s %s: %s", f.Code, lintPlace(&f), f.Message))
		}
	}
	return out, newError
}

// Text writes the changes for users.
func (c Changes) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(o)
	for _, t := range c.Target {
		p.line(p.paint(bold, t))
	}
	for _, ch := range c.Checks {
		word, color := "changed", yellow
		switch {
		case ch.Bad:
			word, color = "worse", red
		case ch.Good:
			word, color = "better", green
		case ch.Old == "":
			word = "new"
		case ch.New == "":
			word = "gone"
		}
		states := make([]string, 0, 2)
		for _, s := range []check.Status{ch.Old, ch.New} {
			if s != "" {
				states = append(states, look(s).word)
			}
		}
		p.line("  ", p.paint(color, fill(word, 7)), "  ", p.paint(bold, ch.Key), "  ", strings.Join(states, " → "))
		if ch.Why != "" && ch.Old != ch.New || ch.Bad {
			p.paragraph(ch.Why, 11, dim)
		}
	}
	for _, l := range c.Lint {
		p.line("  ", p.edit(l))
	}
	if len(c.Target)+len(c.Checks)+len(c.Lint) == 0 {
		p.line("No difference.")
	}
	return p.flush(w)
}

// versionsSep is between the versions of a report of several pairs.
const versionsSep = ", "

// ErrMerge marks reports that do not belong together.
var ErrMerge = errors.New("reports cannot be merged")

// Merge makes one report of the shards of a run. A check that several shards ran
// counts with its worst end, one that a shard skipped with the end of the shard
// that ran it. Reports of other versions are the cells of a matrix: their checks
// stay apart, each as a variant that names the versions.
func Merge(reports []*Report) (*Report, error) {
	if len(reports) == 0 {
		return nil, fmt.Errorf("%w: there are none", ErrMerge)
	}
	reports = cells(reports)
	first := reports[0]
	m := *first
	m.Checks, m.Lint, m.Hazards, m.Only = []Check{}, []source.Diagnostic{}, nil, asked(reports)
	var failures []string
	for _, r := range reports {
		if r.Target != first.Target {
			return nil, fmt.Errorf("%w: one tested %s, another %s", ErrMerge, first.Target, r.Target)
		}
		if r.Started.Before(m.Started) && !r.Started.IsZero() {
			m.Started = r.Started
		}
		if r != first {
			m.Seconds += r.Seconds
		}
		if r.Error != "" && !slices.Contains(failures, r.Error) {
			failures = append(failures, r.Error)
		}
		for i := range r.Checks {
			c := r.Checks[i]
			if r != first && explains(&c) && c.Bundle == nil {
				// The fingerprints of a shard's evidence are those of its own bundle.
				c.Bundle = r.Bundle
			}
			m.put(c)
		}
		for _, f := range r.Lint {
			if !slices.ContainsFunc(m.Lint, func(o source.Diagnostic) bool {
				return o.Code == f.Code && lintPlace(&o) == lintPlace(&f) && o.Message == f.Message
			}) {
				m.Lint = append(m.Lint, f)
			}
		}
		for _, h := range r.Hazards {
			if !slices.ContainsFunc(m.Hazards, func(o deployment.Hazard) bool { return o.ID == h.ID }) {
				m.Hazards = append(m.Hazards, h)
			}
		}
	}
	m.Seconds = seconds(m.Seconds)
	m.Error = strings.Join(failures, "; ")
	m.judge()
	m.asBadAs(reports)
	return &m, nil
}

// asBadAs makes the result that of the worst of these reports: what one run could not
// say, such as that nobody signed in, no other one takes back.
func (r *Report) asBadAs(reports []*Report) {
	for _, one := range reports {
		if worst := runner.Worst(r.Result, one.Result); worst != r.Result {
			r.Result, r.Why = worst, one.Why
		}
	}
}

// asked are the checks that the shards were asked for; none where one of them
// was asked for all.
func asked(reports []*Report) []string {
	var ids []string
	for _, r := range reports {
		if len(r.Only) == 0 {
			return nil
		}
		for _, id := range r.Only {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// cells makes reports of several pairs of versions mergeable: one target that
// names all versions, and checks that say which they ran on. Reports of one pair
// are returned as they are; the checks of one that is a matrix already say it.
func cells(reports []*Report) []*Report {
	var paperless, authentik []string
	for _, r := range reports {
		for _, p := range []struct {
			all      *[]string
			versions string
		}{{&paperless, r.Target.Paperless.Version}, {&authentik, r.Target.Authentik.Version}} {
			for version := range strings.SplitSeq(p.versions, versionsSep) {
				if !slices.Contains(*p.all, version) {
					*p.all = append(*p.all, version)
				}
			}
		}
	}
	if len(paperless)+len(authentik) == 2 {
		return reports
	}
	out := make([]*Report, 0, len(reports))
	for _, r := range reports {
		c := *r
		on := r.Target.Paperless.Version + "+" + r.Target.Authentik.Version
		joined := strings.Contains(on, versionsSep)
		c.Checks = slices.Clone(r.Checks)
		for i := range c.Checks {
			one := &c.Checks[i]
			if one.Bundle == nil && explains(one) {
				one.Bundle = r.Bundle
			}
			switch {
			case joined:
			case one.Variant == "" || one.Variant == check.AsConfigured:
				one.Variant = on
			default:
				one.Variant += " " + on
			}
		}
		c.Target.Paperless.Version, c.Target.Authentik.Version = strings.Join(paperless, versionsSep), strings.Join(authentik, versionsSep)
		out = append(out, &c)
	}
	return out
}

func (r *Report) put(c Check) {
	for i := range r.Checks {
		have := &r.Checks[i]
		if have.Key() != c.Key() {
			continue
		}
		if have.Status == check.Skipped || (c.Status != check.Skipped && severity(c.Status) > severity(have.Status)) {
			*have = c
		}
		return
	}
	r.Checks = append(r.Checks, c)
}

// String names the pair in one line.
func (t Target) String() string {
	part := func(name string, p evidence.Product) string {
		return strings.TrimSpace(product(name, p.Version) + " " + p.URL)
	}
	return fmt.Sprintf("%s: %s, %s", t.Kind, part("Paperless-ngx", t.Paperless), part("authentik", t.Authentik))
}
