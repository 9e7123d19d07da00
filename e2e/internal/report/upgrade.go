package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Plan writes what an upgrade will do, and what is known about it, before
// anything is started.
func Plan(w io.Writer, u *runner.Upgrade, hazards []deployment.Hazard, lint []source.Diagnostic, o TextOptions) {
	o.Planned = true
	p := newPrinter(o)
	p.way(u)
	p.hazards(&Report{Hazards: hazards})
	if len(hazards) == 0 {
		p.line("No change between these versions is known to touch this configuration.")
		p.line()
	}
	var broken []source.Diagnostic
	for _, f := range lint {
		if f.Level == source.Error {
			broken = append(broken, f)
		}
	}
	p.lint(broken)
	_ = p.flush(w) // the run comes first; a terminal that is gone shows at the end
}

// way are the versions of an upgrade, in order.
func (p *printer) way(u *runner.Upgrade) {
	if u == nil || p.Quiet {
		return
	}
	p.line(p.paint(bold, "Upgrade  "), versions(u.From))
	for i, s := range u.Stages {
		line := "      → " + versions(s.Versions)
		if s.Why != "" {
			line += p.paint(dim, "  put in")
		}
		p.line(line)
		if s.Why != "" && (i+1 == len(u.Stages) || u.Stages[i+1].Why != s.Why) { // once, below the last of its kind
			p.paragraph(s.Why, 10, dim)
		}
	}
	if u.Forecast {
		p.line(p.paint(dim, "A forecast from what is known of the versions; --target stack tries the real ones."))
	}
	p.line()
}

// versions are the products by name.
func versions(pair string) string {
	paperless, authentik, _ := strings.Cut(pair, ",")
	return fmt.Sprintf("Paperless-ngx %s, authentik %s", paperless, authentik)
}

// asBefore reports whether a check ended as it did before the upgrade.
func (r *Report) asBefore(c *Check) bool { return r.Upgrade.Before[c.Key()] == c.Status }

// before names the causes that were there before the upgrade too, each once.
func (p *printer) before(r *Report) {
	if !p.brief() {
		return
	}
	worst := map[string]*Check{}
	keys := map[string][]string{}
	var codes []string
	for i := range r.Checks {
		c := &r.Checks[i]
		if len(c.Findings) == 0 || c.Status == check.Skipped || !r.asBefore(c) {
			continue
		}
		code := c.Findings[0].Code
		if worst[code] == nil {
			codes = append(codes, code)
		}
		if worst[code] == nil || severity(c.Status) > severity(worst[code].Status) {
			worst[code] = c
		}
		keys[code] = append(keys[code], c.Key())
	}
	for _, code := range codes {
		c := worst[code]
		p.line(p.mark(c.Status), " ", p.paint(bold, code), "  ", c.Findings[0].Title)
		p.paragraph("as before the upgrade: "+strings.Join(keys[code], ", "), indent, dim)
	}
	if len(codes) > 0 {
		p.line()
	}
}

// upgraded is what became of the checks that were met before.
func (p *printer) upgraded(r *Report) {
	u := r.Upgrade
	if u == nil {
		return
	}
	if len(u.Regressed) == 0 {
		p.line(p.paint(bold, "After the upgrade"), "  nothing that was met on ", versions(u.From), " fails")
		p.others(r)
		p.line()
		return
	}
	say := fmt.Sprintf("%d checks that were met on %s are not any more", len(u.Regressed), versions(u.From))
	if len(u.Regressed) == 1 {
		say = "one check that was met on " + versions(u.From) + " is not any more"
	}
	p.line(p.paint(bold, "After the upgrade"), "  ", p.paint(red, say))
	for i := range r.Checks {
		c := &r.Checks[i]
		for _, key := range u.Regressed {
			if c.Key() != key {
				continue
			}
			why := "no known change of these versions explains it"
			for _, f := range c.Findings {
				if f.Hazard != "" {
					why = f.Code + ", by the change " + f.Hazard
					break
				}
			}
			p.line("  ", p.mark(c.Status), " ", key, "  ", p.paint(dim, look(u.Before[key]).word+" → "+look(c.Status).word+"; "+why))
		}
	}
	p.others(r)
	p.line()
}

// others are the checks that ended otherwise than before without being worse, and
// how many ended as before.
func (p *printer) others(r *Report) {
	v := r.wayView()
	for _, row := range v.Rows {
		if !row.Worse {
			p.line("  ", p.mark(row.Is), " ", row.Key, "  ", p.paint(dim, row.Before.word+" → "+row.After.word))
		}
	}
	var rest []string
	if v.Same > 0 {
		rest = append(rest, Plural(v.Same, "check")+" ended as before")
	}
	if v.Left > 0 {
		rest = append(rest, Plural(v.Left, "check")+" ran before and did not run after it")
	}
	if len(rest) > 0 {
		p.line("  ", p.paint(dim, strings.Join(rest, ", ")))
	}
}

// A wayView is an upgrade as the page shows it.
type wayView struct {
	*runner.Upgrade
	Stops []stopView
	Rows  []compareView // what ended otherwise than before, worse first
	Same  int           // checks that ended as before
	Left  int           // checks that ran before and were skipped after
	Old   string        // page of the run on the old versions; empty: none
}

type stopView struct {
	Paperless, Authentik, Why string
	Asked                     bool // From and To
}

type compareView struct {
	Anchor, Key   string
	Before, After statusLook
	Was, Is       check.Status
	Code, Change  string
	Worse         bool
}

func (r *Report) wayView() *wayView {
	u := r.Upgrade
	if u == nil {
		return nil
	}
	v := &wayView{Upgrade: u, Old: r.before}
	stop := func(pair, why string, asked bool) {
		paperless, authentik, _ := strings.Cut(pair, ",")
		v.Stops = append(v.Stops, stopView{paperless, authentik, why, asked})
	}
	stop(u.From, "", true)
	for i, s := range u.Stages {
		stop(s.Versions, s.Why, i == len(u.Stages)-1)
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		was, ok := u.Before[c.Key()]
		if !ok {
			continue // a check of the upgrade itself
		}
		switch {
		case r.asBefore(c):
			v.Same++
			continue
		case c.Status == check.Skipped:
			v.Left++
			continue
		}
		row := compareView{Anchor: anchor(c), Key: c.Key(), Before: look(was), After: look(c.Status), Was: was, Is: c.Status, Worse: slices.Contains(u.Regressed, c.Key())}
		if len(c.Findings) > 0 {
			row.Code, row.Change = c.Findings[0].Code, r.change(&c.Findings[0])
		}
		v.Rows = append(v.Rows, row)
	}
	slices.SortStableFunc(v.Rows, func(a, b compareView) int { return cmp.Compare(severity(b.Is), severity(a.Is)) })
	return v
}

// change is the id of the change between versions that a finding rests on;
// empty where the report does not tell of it.
func (r *Report) change(f *troubleshooting.Finding) string {
	if f.Hazard != "" && slices.ContainsFunc(r.Hazards, func(h deployment.Hazard) bool { return h.ID == f.Hazard }) {
		return f.Hazard
	}
	return ""
}

// Mark is the sign of the status.
func (l statusLook) Mark() string { return l.mark }

// Word is the status in words.
func (l statusLook) Word() string { return l.word }
