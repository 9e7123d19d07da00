package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

func (p *printer) finding(c *Check, f *troubleshooting.Finding) {
	where := c.Key()
	if g := guideItem(f); g != "" {
		where += ", " + g
	}
	head := f.Code + "  " + f.Title
	color := look(c.Status).color
	if width(head)+width(where)+6 <= p.Width {
		p.line(p.mark(c.Status), " ", p.paint(bold+";"+color, f.Code), "  ", p.paint(bold, f.Title), p.paint(dim, "  ("+where+")"))
	} else {
		lines := wrap(f.Title, p.Width-width(f.Code)-4)
		p.line(p.mark(c.Status), " ", p.paint(bold+";"+color, f.Code), "  ", p.paint(bold, lines[0]))
		for _, l := range lines[1:] {
			p.line(strings.Repeat(" ", width(f.Code)+4), p.paint(bold, l))
		}
		p.line("    ", p.paint(dim, "("+where+")"))
	}
	p.because(f.Because)
	p.fix(p.joined(f))
	if p.of != nil {
		p.line(strings.Repeat(" ", indent), p.paint(dim, "more "+source.More(f.Code)))
	}
}

// itemURL is the page of an item as it was in the release that reports; "" where
// the build knows no address of the project.
func itemURL(tool, code string) string { return troubleshooting.DocURL(tool, "items.md", code) }

func (p *printer) also(f *troubleshooting.Finding) {
	p.line("    ", p.paint(dim, "also seen: "), f.Code, "  ", f.Title)
	p.because(f.Because)
	p.fix(p.of.fix(f))
}

const indent = 4

func (p *printer) because(lines []string) {
	fs := facts(lines)
	w := labelWidth(fs)
	for _, f := range fs {
		lead := strings.Repeat(" ", indent) + p.paint(dim, "│ ")
		if f.Label == "" {
			for _, l := range wrap(f.Value, p.Width-indent-2) {
				p.line(lead, l)
			}
			continue
		}
		at := indent + 2 + w + 2
		rows := wrap(f.Value, p.Width-at)
		for i, l := range rows {
			label := ""
			if i == 0 {
				label = f.Label
			}
			p.line(lead, p.paint(cyan, fill(label, w)), "  ", l)
		}
		if f.Differs != nil {
			p.caret(lead, at, w, len(rows), f.Differs)
		}
	}
}

// caret marks where the two values above part. Where they do not fit on one
// line it says so in words, since a caret would point at nothing.
func (p *printer) caret(lead string, at, labels, rows int, d *difference) {
	marked := max(1, width(d.New))
	if rows > 1 || at+d.Same+marked > p.Width {
		p.line(lead, fill("", labels), "  ", p.paint(yellow, fmt.Sprintf("after %q: %s, not %s", d.Before, quoted(d.New), quoted(d.Old))))
		return
	}
	say := "^ here"
	if marked > 1 {
		say = strings.Repeat("^", marked)
	}
	p.line(lead, fill("", labels), "  ", strings.Repeat(" ", d.Same), p.paint(yellow, say))
}

func quoted(s string) string {
	if s == "" {
		return "nothing"
	}
	return strconv.Quote(s)
}

func (p *printer) fix(fix string) {
	if fix == "" {
		return
	}
	prose, edit := splitFix(fix)
	lead := strings.Repeat(" ", indent) + p.paint(bold+";"+green, "fix") + "  "
	for _, l := range wrap(prose, p.Width-indent-5) {
		p.line(lead, l)
		lead = strings.Repeat(" ", indent+5)
	}
	for _, l := range edit {
		p.line(lead, p.edit(l)) // not wrapped: an edit must stay copyable
		lead = strings.Repeat(" ", indent+5)
	}
}

// splitFix parts the sentence that says what to do, which is the first line,
// from the edit that does it.
func splitFix(fix string) (prose string, edit []string) {
	lines := strings.Split(strings.TrimRight(fix, "\n"), "\n")
	if first := lines[0]; first != "" && !strings.ContainsAny(first[:1], "+- \t") {
		return first, lines[1:]
	}
	return "Change this:", lines
}

func (p *printer) edit(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return p.paint(green, line)
	case strings.HasPrefix(line, "-"):
		return p.paint(red, line)
	}
	return line
}
