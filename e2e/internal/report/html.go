package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"html"
	"html/template"
	"io"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/config"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
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
		"duration": duration, "prints": prints, "plural": plural, "product": product,
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
	Checks             []rowView
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
		v := r.findingView(f, 0)
		p.Cause, p.CauseAt, p.CauseName = &v, anchor(top), top.Key()
	}
	for i := range r.Checks {
		c := &r.Checks[i]
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
		p.row(v)
	}
	loose := r.loose()
	for i := range loose {
		p.Lint = append(p.Lint, newLint(&loose[i]))
	}
	if r.Bundle != nil {
		p.Config = newConfig(r.Bundle)
	}
	p.Way = r.wayView()
	slow := r.slowest(8)
	for _, t := range slow {
		p.Slow = append(p.Slow, slowView{t, "check-" + fileName(t.Check), percent(t.Seconds, slow[0].Seconds)})
	}
	p.Pictures = g.all
	return p
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

type checkView struct {
	*Check
	Anchor, Name, Mark, Word string
	Varied                   bool // runs on a variant
	Open, Ran                bool
	Time                     float64 // of the longest, in percent
	Found                    []findingView
	Top                      bool   // its cause stands at the top of the page
	SameAs                   string // anchor of the check that told the first cause already
	Diagram                  template.HTML
	Film                     []shotView
	Last                     *shotView
	Hops                     []requestView
	Requests                 []requestView
	Glossary                 []param
	Log, Console             []lineView
	Files                    []fileView
}

type fileView struct{ Name, Path string }

// bare tells whether there is nothing to show but why the check was skipped.
func (v *checkView) bare() bool {
	return v.Status == check.Skipped && v.Diagram == "" && len(v.Found)+len(v.Hops)+len(v.Film)+len(v.Log) == 0 &&
		(v.Evidence == nil || len(v.Evidence.NotModelled) == 0)
}

func (r *Report) checkView(c *Check, longest float64, told map[string]string, g *gallery) checkView {
	l := look(c.Status)
	v := checkView{
		Check: c, Anchor: anchor(c), Name: c.Key(), Mark: l.mark, Word: l.word, Varied: c.Variant != check.AsConfigured,
		Open: c.Status == check.Failed || c.Status == check.Errored, Ran: c.Status != check.Skipped,
		Time: percent(c.Seconds, longest),
	}
	for i := range c.Findings {
		v.Found = append(v.Found, r.findingView(&c.Findings[i], i))
	}
	var first *troubleshooting.Finding
	if len(c.Findings) > 0 {
		first = &c.Findings[0]
		if at, ok := told[first.Code]; ok {
			v.SameAs = at
			v.Open = false // the same cause again: once is enough
		} else {
			told[first.Code] = v.Anchor
		}
	}
	e := c.Evidence
	if e == nil {
		return v
	}
	if c.Status == check.Warned {
		v.Diagram = sequence(e, nil, v.Anchor+"-seq")
	} else {
		v.Diagram = sequence(e, first, v.Anchor+"-seq")
	}
	v.film(c, g)
	glossary := map[string]string{}
	for i, h := range e.Hops {
		v.Hops = append(v.Hops, hopView(i, h, glossary))
	}
	for i := range e.Exchange {
		x := &e.Exchange[i]
		if c.Status == check.Passed && asset(x) {
			continue // of no interest where nothing is wrong
		}
		request := exchangeView(x, glossary)
		if c.Status == check.Passed {
			request.Headers, request.Body = nil, ""
		}
		v.Requests = append(v.Requests, request)
	}
	for _, name := range slices.Sorted(maps.Keys(glossary)) {
		v.Glossary = append(v.Glossary, param{name, glossary[name]})
	}
	for _, text := range e.Boot.Log {
		v.Log = append(v.Log, lineView{Source: "paperless", Text: text})
	}
	v.Log = append(v.Log, lineViews(e.Log)...)
	v.Console = lineViews(e.Console)
	mark(v.Log, c.Findings)
	mark(v.Console, c.Findings)
	for _, f := range []fileView{
		{"Screenshot", c.Artifacts.Screenshot},
		{"Page (DOM with shadow roots)", c.Artifacts.DOM},
		{"Requests (HAR)", c.Artifacts.HAR},
		{"Log", c.Artifacts.Log},
		{"Console", c.Artifacts.Console},
		{"Evidence (JSON)", c.Artifacts.Evidence},
	} {
		if f.Path != "" {
			v.Files = append(v.Files, f)
		}
	}
	return v
}

type findingView struct {
	*troubleshooting.Finding
	N      int
	Item   string
	More   string // page of the item, as it was in this release
	Change string // id of the change between versions, where the page tells of it
	Facts  []factView
	Prose  string
	Edit   *editView
}

type factView struct {
	Label             string
	Before, In, After string
	Marked, Missing   bool
}

// An editView is an edit that can be copied.
type editView struct {
	Code  string
	Place string // file and line; empty: not known
	Lines []editLine
	Copy  string // what shall be in the file
	Diff  string // all of it, where something goes; else empty
}

type editLine struct{ Kind, Text string } // Kind: add, del or plain

func (r *Report) findingView(f *troubleshooting.Finding, n int) findingView {
	v := findingView{Finding: f, N: n, Item: guideItem(f), More: itemURL(r.Tool, f.Code), Change: r.change(f), Facts: factViews(f.Because)}
	if fix := r.fix(f); fix != "" {
		var edit []string
		v.Prose, edit = splitFix(fix)
		v.Edit = edits(f.Code, edit)
		v.Edit.exact(r.edited(f))
	}
	return v
}

func factViews(because []string) []factView {
	var out []factView
	for _, f := range facts(because) {
		v := factView{Label: f.Label, Before: f.Value}
		if f.Part != nil {
			v.Before, v.In, v.After = f.Part.cut(f.Value)
			v.Marked, v.Missing = true, v.In == ""
		}
		out = append(out, v)
	}
	return out
}

var (
	placeLine = regexp.MustCompile(`^\S+\.\w+:\d+(:\d+)?$|^\.env:\d+$`)
	matchMode = regexp.MustCompile(`^(Strict|Regex)  +`) // a column of authentik's form, not part of the value
)

// edits parts the lines of an edit; nil when there are none.
func edits(code string, lines []string) *editView {
	v := &editView{Code: code}
	if len(lines) > 0 && placeLine.MatchString(lines[0]) {
		v.Place, lines = lines[0], lines[1:]
	}
	var added, plain []string
	gone := false
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "+"):
			v.Lines = append(v.Lines, editLine{"add", l})
			added = append(added, strings.TrimPrefix(l[1:], " "))
		case strings.HasPrefix(l, "-"):
			v.Lines = append(v.Lines, editLine{"del", l})
			gone = true
		default:
			v.Lines = append(v.Lines, editLine{"plain", l})
			plain = append(plain, matchMode.ReplaceAllString(l, ""))
		}
	}
	if len(v.Lines) == 0 {
		return nil
	}
	v.Copy = strings.Join(plain, "\n")
	if len(added) > 0 || gone {
		v.Copy = strings.Join(added, "\n")
	}
	if gone {
		v.Diff = strings.Join(lines, "\n") + "\n"
	}
	return v
}

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
	complaint = regexp.MustCompile(`(?i)\[(WARNING|ERROR|CRITICAL)\]|"level": ?"(warning|error)"|^error: |Error\b|Traceback|fatal`)
	noise     = regexp.MustCompile(`Unauthorized: /api/(profile|ui_settings)/`)
)

type lintView struct {
	*config.Finding
	Place             string
	Before, In, After string
	Prose             string
	Edit              *editView
}

func newLint(f *config.Finding) lintView {
	v := lintView{Finding: f, Place: lintPlace(f), Before: f.Source}
	if f.Source != "" && f.Column > 0 {
		v.Before, v.In, v.After = (&part{f.Column - 1, max(1, f.Width)}).cut(f.Source)
	}
	if fix := lintFix(f); fix != "" {
		var edit []string
		v.Prose, edit = splitFix(fix)
		v.Edit = edits(f.Code, edit)
		if diffOf(f) != nil {
			v.Edit.exact([]*config.Finding{f})
		}
	}
	return v
}

// patch is the edit of a finding as patch and git apply --unidiff-zero take it;
// empty where the line that it replaces is not known.
func patch(f *config.Finding) string {
	e := f.Edit
	if diffOf(f) == nil {
		return ""
	}
	var added []string
	if e.Text != "" {
		added = strings.Split(e.Text, "\n")
	}
	gone, from, at := 1, e.From, e.From
	if e.To < e.From {
		gone, from = 0, e.From-1 // an insertion stands after the line before
	}
	if len(added) == 0 {
		at-- // nothing is left of the line: the place is after the one before
	}
	name := strings.TrimPrefix(filepath.ToSlash(e.File), "/")
	var sb strings.Builder
	fmt.Fprintf(&sb, "--- a/%s\n+++ b/%s\n@@ -%d,%d +%d,%d @@\n", name, name, from, gone, at, len(added))
	if gone > 0 {
		sb.WriteString("-" + f.Source + "\n")
	}
	for _, l := range added {
		sb.WriteString("+" + l + "\n")
	}
	return sb.String()
}

var printIn = regexp.MustCompile(`…[0-9a-f]{6}`)

// hues is how many colours fingerprints have; report.css names each.
const hues = 12

// prints escapes a text and gives each fingerprint the colour of its value, so
// that the eye finds equal ones.
func prints(s string) template.HTML {
	var sb strings.Builder
	last := 0
	for _, m := range printIn.FindAllStringIndex(s, -1) {
		sb.WriteString(html.EscapeString(s[last:m[0]]))
		h := fnv.New32a()
		_, _ = h.Write([]byte(s[m[0]:m[1]]))
		fmt.Fprintf(&sb, `<span class="fp h%d">%s</span>`, h.Sum32()%hues, s[m[0]:m[1]])
		last = m[1]
	}
	sb.WriteString(html.EscapeString(s[last:]))
	return template.HTML(sb.String())
}
