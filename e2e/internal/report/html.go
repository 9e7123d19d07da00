package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

//go:embed assets
var assets embed.FS

// HTML writes one self-contained page: no network, light and dark, for the
// keyboard, for screen readers and for paper.
func HTML(w io.Writer, r *runner.Run) error { return New(r).HTML(w) }

// HTML writes one self-contained page: no network, light and dark, for the
// keyboard, for screen readers and for paper.
func (r *Report) HTML(w io.Writer) error { return writePage(w, "report.html.tmpl", r.page()) }

// writePage fills a template that shows style, script and policy.
func writePage(w io.Writer, name string, content any) error {
	t, err := template.New(name).Funcs(template.FuncMap{
		"duration": duration, "prints": prints, "plural": Plural, "product": product,
		"guideURL": func() string { return source.GuideURL }, "guideTitle": func() string { return source.GuideTitle },
	}).ParseFS(assets, "assets/*.tmpl")
	if err != nil {
		return fmt.Errorf("parse the report's template: %w", err)
	}
	css, err := assets.ReadFile("assets/report.css")
	if err != nil {
		return fmt.Errorf("read the report's style: %w", err)
	}
	js, err := assets.ReadFile("assets/report.js")
	if err != nil {
		return fmt.Errorf("read the report's script: %w", err)
	}
	var buf bytes.Buffer // a template that stops half-way must not leave half a page
	if err := t.Execute(&buf, map[string]any{
		"Page": content, "CSS": template.CSS(css), "JS": template.JS(js),
		"Policy": "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src " + hashOf(css) + "; script-src " + hashOf(js),
	}); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if _, err := buf.WriteTo(w); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// hashOf names a text in a Content-Security-Policy: nothing else of its kind
// runs in the page, whatever a product's answer smuggled in.
func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// A page is what the template shows.
type page struct {
	*Report
	Verdict            string
	Notes              []string
	Code               string // that the verdict stands for; empty: none is known
	Icon, Date         string
	Bars               []bar
	Cause              *findingView
	CauseAt, CauseName string // the check that it was found at
	CauseShot          *shotView
	Others             []otherView
	Checks             []rowView // what needs a look first, then what was skipped
	Passed             []rowView // folded, unless nothing else is there to read
	Clauses            []clauseView
	Verdicts           []verdictCount
	Count, Problems    int
	Lint               []lintView
	Config             *configView
	Way                *wayView
	Slow               []slowView
	Pictures           []*picture
}

type bar struct {
	Status, Word string
	Count        int
	At, Width    float64 // of 100
}

type slowView struct {
	timing
	Anchor string
	Width  float64
}

// An otherView is a check that needs a look beside the one at the top.
type otherView struct{ Anchor, Key, Mark, Status, Code, Say string }

// A rowView is a check, or several that were skipped for the same reason.
type rowView struct {
	One   *checkView
	Group []checkView
}

func (r *Report) page() *page {
	p := &page{
		Report: r, Verdict: r.verdict(), Notes: r.notes(), Code: r.verdictCode(), Count: len(r.Checks),
		Icon: map[runner.Outcome]string{runner.Pass: "✓", runner.Fail: "✗"}[r.Result],
	}
	p.Icon = cmp.Or(p.Icon, "⚠")
	if !r.Started.IsZero() {
		p.Date = r.Started.UTC().Format("2 January 2006, 15:04 UTC")
	}
	at := 0.0
	for _, s := range tallied {
		if n := r.count(s.status); n > 0 {
			b := bar{string(s.status), s.word, n, at, percent(float64(n), float64(len(r.Checks)))}
			p.Bars = append(p.Bars, b)
			at += b.Width
		}
	}
	longest := 0.0
	for i := range r.Checks {
		longest = max(longest, r.Checks[i].Seconds)
	}
	var g gallery
	top, f := r.first()
	told := map[string]string{}
	if f != nil {
		v := r.findingView(top, f, 0)
		p.Cause, p.CauseAt, p.CauseName = &v, anchor(top), top.Key()
	}
	for _, c := range worstFirst(r.Checks) {
		v := r.checkView(c, longest, told, &g)
		if c.Status != check.Passed && c.Status != check.Skipped {
			p.Problems++
			if c != top {
				p.Others = append(p.Others, otherView{v.Anchor, v.Name, v.Mark, string(c.Status), firstCode(c), c.Message})
			}
		}
		if c == top && f != nil {
			v.Top, p.CauseShot = true, v.Last
		}
		if c.Status == check.Passed {
			p.Passed = append(p.Passed, rowView{One: &v})
		} else {
			p.row(v)
		}
	}
	if len(p.Checks) == 0 {
		p.Checks, p.Passed = p.Passed, nil
	}
	loose := r.loose()
	for i := range loose {
		p.Lint = append(p.Lint, newLint(&loose[i]))
	}
	if r.Bundle != nil {
		p.Config = newConfig(r.Bundle)
	}
	p.Way = r.wayView()
	p.Clauses, p.Verdicts = r.conformance()
	slow := r.slowest(8)
	for _, t := range slow {
		p.Slow = append(p.Slow, slowView{t, "check-" + fileName(t.Check), percent(t.Seconds, slow[0].Seconds)})
	}
	p.Pictures = g.all
	return p
}

// worstFirst are the checks as a reader needs them: what failed and what could not
// run, then warnings, then what was skipped, each in the order in which it ran.
func worstFirst(checks []Check) []*Check {
	rank := map[check.Status]int{check.Warned: 1, check.Skipped: 2, check.Passed: 3}
	out := make([]*Check, len(checks))
	for i := range checks {
		out[i] = &checks[i]
	}
	slices.SortStableFunc(out, func(a, b *Check) int { return cmp.Compare(rank[a.Status], rank[b.Status]) })
	return out
}

// row adds a check. One that was skipped without a trace joins its neighbours
// of the same reason: twelve cards that say the same hide the one that matters.
func (p *page) row(v checkView) {
	if !v.bare() {
		p.Checks = append(p.Checks, rowView{One: &v})
		return
	}
	if n := len(p.Checks); n > 0 {
		last := &p.Checks[n-1]
		if last.Group != nil && last.Group[0].Message == v.Message {
			last.Group = append(last.Group, v)
			return
		}
	}
	p.Checks = append(p.Checks, rowView{Group: []checkView{v}})
}

// percent of a whole, to hundredths.
func percent(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return math.Round(10000*part/whole) / 100
}

func anchor(c *Check) string { return "check-" + fileName(c.Key()) }

type lineView struct {
	Source, Time, Text string
	Telling            bool
}

func lineViews(lines []evidence.Line) []lineView {
	var out []lineView
	for _, l := range lines {
		v := lineView{Source: l.Source, Text: l.Text}
		if !l.Time.IsZero() {
			v.Time = l.Time.UTC().Format("15:04:05.000")
		}
		out = append(out, v)
	}
	return out
}

// mark finds the lines that findings quote; where none is quoted, those that
// complain about what the findings name.
func mark(lines []lineView, findings []troubleshooting.Finding) {
	var because []string
	for _, f := range findings {
		because = append(because, f.Because...)
	}
	quotes := func(text string) bool {
		text = strings.TrimSpace(text)
		return len(text) > 12 && slices.ContainsFunc(because, func(b string) bool {
			fact := facts([]string{b})[0].Value
			return strings.Contains(b, text) || (len(fact) > 20 && strings.Contains(text, fact))
		})
	}
	found := false
	for i := range lines {
		lines[i].Telling = quotes(lines[i].Text)
		found = found || lines[i].Telling
	}
	if found || len(findings) == 0 {
		return
	}
	for i := range lines {
		lines[i].Telling = complaint.MatchString(lines[i].Text) && !noise.MatchString(lines[i].Text)
	}
}

var (
	complaint = lazyregexp.New(`(?i)\[(WARNING|ERROR|CRITICAL)\]|"level": ?"(warning|error)"|^error: |Error\b|Traceback|fatal`)
	noise     = lazyregexp.New(`Unauthorized: /api/(profile|ui_settings)/`)
)
