package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// TextOptions say how text may look. The zero value is plain text of 100 columns.
type TextOptions struct {
	Color   bool
	Width   int    // columns; 0: 100
	ASCII   bool   // nothing outside of ASCII
	Verbose bool   // also what passed, further causes, and times
	Quiet   bool   // only what is wrong, and the verdict
	Report  string // where the report was written; empty: nowhere
	// Live is true on a terminal, where a line may be written over; GitHub is
	// true where log groups are understood.
	Live, GitHub bool
	// Told is true where Live told each check for good: there is no table then.
	Told bool
	// Planned is true where Plan told the way, the hazards and the errors of the
	// configuration: what an upgrade did is told in short, and the report has the rest.
	Planned bool
}

// Text writes what a user reads at the end of a run.
func Text(w io.Writer, r *runner.Run, o TextOptions) error { return New(r).Text(w, o) }

// Text writes what a user reads at the end of a run.
func (r *Report) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(o)
	p.report(r)
	return p.flush(w)
}

// A printer builds text of a width.
type printer struct {
	TextOptions
	buf  bytes.Buffer
	of   *Report           // whose lint findings are told with the checks'; may be nil
	told map[string]string // finding to the check where it was told in full
}

func newPrinter(o TextOptions) *printer {
	if o.Width <= 0 {
		o.Width = 100
	}
	return &printer{TextOptions: o, told: map[string]string{}}
}

func (p *printer) flush(w io.Writer) error {
	out := p.buf.String()
	if p.ASCII {
		out = ascii(out)
	}
	if p.GitHub {
		out = harmless(out)
	}
	if _, err := io.WriteString(w, out); err != nil {
		return fmt.Errorf("write text report: %w", err)
	}
	return nil
}

// The colours of a terminal.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	purple = "35"
	cyan   = "36"
)

func (p *printer) paint(code, s string) string {
	if !p.Color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

type statusLook struct{ mark, ascii, color, word string }

func look(s check.Status) statusLook {
	switch s {
	case check.Passed:
		return statusLook{"✓", "ok", green, "passed"}
	case check.Warned:
		return statusLook{"!", "!!", yellow, "warning"}
	case check.Failed:
		return statusLook{"✗", "XX", red, "failed"}
	case check.Skipped:
		return statusLook{"–", "--", dim, "skipped"}
	}
	return statusLook{"⚠", "??", purple, "could not run"}
}

func (p *printer) mark(s check.Status) string {
	l := look(s)
	if p.ASCII {
		return p.paint(l.color, l.ascii)
	}
	return p.paint(l.color, l.mark)
}

// markWidth is the columns of a mark.
func (p *printer) markWidth() int {
	if p.ASCII {
		return 2
	}
	return 1
}

func (p *printer) line(parts ...string) {
	p.buf.WriteString(strings.TrimRight(strings.Join(parts, ""), " "))
	p.buf.WriteByte('\n')
}

func (p *printer) report(r *Report) {
	p.of = r
	if !p.Quiet {
		p.head(r)
		if r.Suite == conformance.Suite || !p.Told && !p.brief() { // judged at the end: no line told them for good
			p.table(r)
		}
	}
	p.findings(r)
	p.before(r)
	p.lint(r.loose())
	if !p.brief() {
		p.hazards(r)
	}
	p.upgraded(r)
	p.times(r)
	p.verdict(r)
}

// brief reports whether an upgrade is told in short.
func (p *printer) brief() bool {
	return p.Planned && !p.Verbose && p.of != nil && p.of.Upgrade != nil
}

func (p *printer) head(r *Report) {
	parts := []string{p.paint(bold, product("ssocheck", r.Tool))}
	authentik := product("authentik", r.Target.Authentik.Version)
	if r.Suite == conformance.Suite {
		authentik = "" // a provider of ours
	}
	if r.Assumed != nil && r.Assumed.Whole {
		authentik += " (assumed from " + r.Assumed.From + ")"
	}
	for _, s := range []string{r.Target.Kind, product("Paperless-ngx", r.Target.Paperless.Version), authentik} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	p.line(strings.Join(parts, p.paint(dim, " · ")))
	for _, note := range r.notes() {
		for _, l := range wrap(note, p.Width) {
			p.line(p.paint(dim, l))
		}
	}
	p.line()
}

func (p *printer) table(r *Report) {
	keyWidth, guideWidth := 0, 0
	for i := range r.Checks {
		keyWidth = max(keyWidth, width(r.Checks[i].Key()))
		guideWidth = max(guideWidth, width(r.Checks[i].Guide))
	}
	markWidth := p.markWidth()
	const timeWidth = 6
	left := 2 + markWidth + 1 + keyWidth + 2
	titleWidth := p.Width - left - guideWidth - 2 - timeWidth
	longest := 0
	for i := range r.Checks {
		longest = max(longest, width(r.Checks[i].Title))
	}
	if titleWidth < min(longest, 45) { // the title says more than the guide's line
		guideWidth, titleWidth = 0, p.Width-left-2-timeWidth
	}
	titleWidth = max(0, min(titleWidth, longest))
	if titleWidth < 10 {
		titleWidth = 0
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		row := "  " + p.mark(c.Status) + " " + p.rowPaint(c, fill(c.Key(), keyWidth)) + "  "
		title := rowTitle(c.Status, c.Title, c.Message)
		if titleWidth > 0 {
			row += p.rowPaint(c, fill(cut(title, titleWidth), titleWidth))
		}
		if guideWidth > 0 {
			row += "  " + p.paint(dim, fill(c.Guide, guideWidth))
		}
		if c.Status != check.Skipped {
			row += p.paint(dim, fmt.Sprintf("%*s", timeWidth, duration(c.Seconds)))
		}
		p.line(row)
		p.message(c.Status, c.Message)
	}
	if len(r.Checks) > 0 {
		p.line()
	}
}

// rowTitle is what stands in the row of a check: why it did not run says more than
// what it would have shown.
func rowTitle(s check.Status, title, message string) string {
	if s == check.Skipped && message != "" {
		return message
	}
	return title
}

// message is what a check said, below its row; nothing where the row says it all.
func (p *printer) message(s check.Status, text string) {
	if text == "" || s == check.Skipped || s == check.Passed && !p.Verbose {
		return
	}
	p.paragraph(text, 2+p.markWidth()+1, cmp.Or(map[check.Status]string{check.Failed: red, check.Warned: yellow, check.Errored: purple}[s], dim))
}

func (p *printer) rowPaint(c *Check, s string) string {
	switch c.Status {
	case check.Skipped:
		return p.paint(dim, s)
	case check.Failed:
		return p.paint(bold, s)
	}
	return s
}

// findings tells each cause in full once, at the first check that shows it.
func (p *printer) findings(r *Report) {
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Passed() && c.Status != check.Warned || c.Status == check.Skipped {
			continue
		}
		if p.Quiet && c.Status == check.Warned {
			continue
		}
		if c.Conformance != nil && len(c.Findings) == 0 {
			continue // the table says it all
		}
		if len(c.Findings) == 0 {
			if c.Status == check.Failed || p.Quiet {
				p.line(p.mark(c.Status), " ", p.paint(bold, c.Key()), "  ", c.Message)
				if c.Status == check.Failed {
					p.left(c.Left)
				}
				p.line()
			}
			continue
		}
		f := &c.Findings[0]
		if p.brief() && r.asBefore(c) {
			continue // told by p.before
		}
		if at, ok := p.told[f.Code+strings.Join(f.Because, "\n")]; ok {
			if p.Verbose {
				p.line(p.mark(c.Status), " ", p.paint(bold, c.Key()), p.paint(dim, ": "+f.Code+", as at "+at))
			}
			continue
		}
		p.told[f.Code+strings.Join(f.Because, "\n")] = c.Key()
		p.finding(c, f)
		if p.Verbose {
			for j := range c.Findings[1:] {
				p.also(&c.Findings[1+j])
			}
		} else if n := len(c.Findings) - 1; n > 0 {
			var codes []string
			for _, f := range c.Findings[1:] {
				codes = append(codes, f.Code)
			}
			p.paragraph("also seen: "+strings.Join(codes, ", "), 4, dim)
		}
		p.line()
	}
}

func (p *printer) lint(all []source.Diagnostic) {
	told, hidden := 0, 0
	for i := range all {
		f := &all[i]
		if (f.Level == source.Info && !p.Verbose) || (f.Level != source.Error && p.Quiet) {
			hidden++
			continue
		}
		told++
		p.lintFinding(f)
	}
	if hidden > 0 && !p.Quiet {
		p.line(p.paint(dim, Plural(hidden, "note")+" more about the configuration: --verbose, or the report"))
	}
	if told+hidden > 0 && !p.Quiet {
		p.line()
	}
}

func lintPlace(f *source.Diagnostic) string {
	s := f.File
	if f.Line > 0 {
		s += ":" + strconv.Itoa(f.Line)
		if f.Column > 0 {
			s += ":" + strconv.Itoa(f.Column)
		}
	}
	return s
}

func (p *printer) lintFinding(f *source.Diagnostic) {
	color := map[string]string{source.Error: red, source.Warning: yellow}[f.Level]
	p.line(p.paint(cmp.Or(color, cyan), f.Level), " ", p.paint(bold, f.Code), "  ", p.paint(cyan, lintPlace(f)))
	p.paragraph(say(f), indent, "")
	if p.brief() {
		return // Plan, or the report, has the line and its fix
	}
	p.source(f)
	p.fix(lintFix(f))
	p.line(strings.Repeat(" ", indent), p.paint(dim, "more "+source.More(f.Code)))
}

func (p *printer) hazards(r *Report) {
	if len(r.Hazards) == 0 || p.Quiet {
		return
	}
	p.line(p.paint(bold, "Between these versions"))
	for _, h := range r.Hazards {
		color := map[string]string{"high": red, "medium": yellow}[h.Severity]
		word := h.Severity
		if h.Hits {
			word, color = "breaks", red
		}
		p.line("  ", p.paint(cmp.Or(color, dim), fill(word, 6)), "  ", p.paint(bold, h.ID), "  ", h.Title, p.paint(dim, since(h)))
		p.paragraph(strings.Join(h.Because, "; "), 10, "")
		if !p.Planned || p.Verbose {
			p.paragraph(h.Symptom, 10, "")
		}
		p.paragraph("Look at: "+h.Check, 10, dim)
	}
	p.line()
}

// since names the version that made the change.
func since(h deployment.Hazard) string {
	if h.At == "" {
		return ""
	}
	return "  (" + h.Product + " " + h.At + ")"
}

func (p *printer) times(r *Report) {
	var boots []string
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Waited > 0 {
			boots = append(boots, duration(c.Waited)+" before "+c.Key())
		}
	}
	if len(boots) > 0 && !p.Quiet {
		p.line(p.paint(dim, cut("waited for boots: "+strings.Join(boots, ", "), p.Width)))
	}
	slow := r.slowest(5)
	switch {
	case len(slow) == 0 || p.Quiet:
		return
	case !p.Verbose:
		t := slow[0]
		p.line(p.paint(dim, cut("slowest step: "+t.Check+", "+t.Step+", "+duration(t.Seconds), p.Width)))
		return
	}
	p.line(p.paint(bold, "Slowest steps"))
	for _, t := range slow {
		p.line("  ", p.paint(dim, fmt.Sprintf("%6s", duration(t.Seconds))), "  ", t.Check, ": ", t.Step)
	}
	p.line()
}

func (p *printer) verdict(r *Report) {
	word, color := "PASS", green
	switch r.Result {
	case runner.Fail:
		word, color = "FAIL", red
	case runner.Error:
		word, color = "ERROR", purple
	}
	s := p.paint(bold+";"+color, word) + "  " + p.paint(bold, r.verdict())
	if code := r.verdictCode(); code != "" {
		s += ": " + p.paint(bold, code)
	}
	var parts []string
	if t := r.rest(); t != "" {
		parts = append(parts, t)
	}
	parts = append(append([]string{s}, parts...), r.NotTested...)
	p.line(strings.Join(append(parts, duration(r.Seconds)), p.paint(dim, " · ")))
	if r.Error != "" {
		p.paragraph(r.Error, 2, "")
	}
	if r.Result == runner.Fail && r.Why != "" {
		p.line("  ", r.Why) // one line: a log is searched for it
	}
	if p.Report != "" {
		p.line(p.paint(dim, "report  "), p.Report)
	}
}
