package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/check"
	"github.com/ssocheck/ssocheck/e2e/config"
	"github.com/ssocheck/ssocheck/e2e/render"
	"github.com/ssocheck/ssocheck/e2e/troubleshooting"
)

// loose are the lint findings that stand alone: those with the same cause as a
// check's first finding are told there.
func (r *Report) loose() []config.Finding {
	var told []troubleshooting.Place
	for i := range r.Checks {
		c := &r.Checks[i]
		if (c.Status == check.Failed || c.Status == check.Warned) && len(c.Findings) > 0 {
			told = append(told, c.Findings[0].Lint...)
		}
	}
	return slices.DeleteFunc(slices.Clone(r.Lint), func(f config.Finding) bool {
		return slices.Contains(told, placeOf(&f))
	})
}

func placeOf(f *config.Finding) troubleshooting.Place {
	return troubleshooting.Place{Code: f.Code, File: f.File, Line: f.Line, Column: f.Column}
}

// lintOf are the lint findings that are one with a check's finding.
func (r *Report) lintOf(f *troubleshooting.Finding) []*config.Finding {
	var out []*config.Finding
	if r == nil {
		return nil
	}
	for i := range r.Lint {
		if slices.Contains(f.Lint, placeOf(&r.Lint[i])) {
			out = append(out, &r.Lint[i])
		}
	}
	return out
}

// lintOrigin is the line of the first lint finding of a check's finding.
func lintOrigin(f *troubleshooting.Finding) (render.Origin, bool) {
	for _, p := range f.Lint {
		if p.Line > 0 {
			return render.Origin{File: p.File, Line: p.Line, Column: p.Column}, true
		}
	}
	return render.Origin{}, false
}

// source prints the line that a lint finding points at, with a caret.
func (p *printer) source(f *config.Finding) {
	if strings.TrimSpace(f.Source) == "" {
		return
	}
	source, caret := f.Excerpt(p.Width - 10)
	number := strconv.Itoa(f.Line)
	p.line("    ", p.paint(dim, number+" │ "), source)
	if f.Column > 0 {
		p.line("    ", p.paint(dim, strings.Repeat(" ", len(number))+" │ "), p.paint(yellow, caret))
	}
}

// joined prints the lines of the user's files that a finding stands for, and
// gives the fix with the corrected lines in place of the item's own.
func (p *printer) joined(f *troubleshooting.Finding) (fix string) {
	var edits []string
	for _, l := range p.of.lintOf(f) {
		say := l.Say()
		if strings.EqualFold(say, f.Title) { // where no item but lint explains it
			say = ""
		}
		p.line("    ", p.paint(cyan, lintPlace(l)))
		p.paragraph(say, indent, "")
		p.source(l)
		if e := l.Edit; e != nil && l.Source != "" && e.From == l.Line && e.To == l.Line {
			edits = append(edits, "-"+l.Source)
			if e.Shown() != "" {
				edits = append(edits, "+"+strings.ReplaceAll(e.Shown(), "\n", "\n+"))
			}
		}
	}
	if len(edits) == 0 {
		return f.Fix
	}
	prose, _ := splitFix(f.Fix)
	return prose + "\n" + strings.Join(edits, "\n")
}
