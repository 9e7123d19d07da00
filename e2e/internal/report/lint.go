package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// loose are the lint findings that stand alone: those with the same cause as a
// check's first finding are told there.
func (r *Report) loose() []source.Diagnostic {
	var told []troubleshooting.Place
	for i := range r.Checks {
		c := &r.Checks[i]
		if (c.Status == check.Failed || c.Status == check.Warned) && len(c.Findings) > 0 {
			told = append(told, c.Findings[0].Lint...)
		}
	}
	return slices.DeleteFunc(slices.Clone(r.Lint), func(f source.Diagnostic) bool {
		return slices.Contains(told, placeOf(&f))
	})
}

func placeOf(f *source.Diagnostic) troubleshooting.Place {
	return troubleshooting.Place{Code: f.Code, File: f.File, Line: f.Line, Column: f.Column}
}

// lintOf are the lint findings that are one with a check's finding.
func (r *Report) lintOf(f *troubleshooting.Finding) []*source.Diagnostic {
	var out []*source.Diagnostic
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
func lintOrigin(f *troubleshooting.Finding) (deployment.Origin, bool) {
	for _, p := range f.Lint {
		if p.Line > 0 {
			return deployment.Origin{File: p.File, Line: p.Line, Column: p.Column}, true
		}
	}
	return deployment.Origin{}, false
}

// source prints the line that a lint finding points at, with a caret.
func (p *printer) source(f *source.Diagnostic) {
	if strings.TrimSpace(f.Source) == "" {
		return
	}
	source, caret := excerpt(f, p.Width-10)
	number := strconv.Itoa(f.Line)
	p.line("    ", p.paint(dim, number+" │ "), source)
	if f.Column > 0 {
		p.line("    ", p.paint(dim, strings.Repeat(" ", len(number))+" │ "), p.paint(yellow, caret))
	}
}

// joined prints the lines of the user's files that a finding stands for, and
// gives the fix with the corrected lines in place of the item's own.
func (p *printer) joined(f *troubleshooting.Finding) (fix string) {
	for _, l := range p.of.lintOf(f) {
		text := say(l)
		if strings.EqualFold(text, f.Title) { // where no item but lint explains it
			text = ""
		}
		p.line("    ", p.paint(cyan, lintPlace(l)))
		p.paragraph(text, indent, "")
		p.source(l)
	}
	return p.of.fix(f)
}

// fix is what to do about a finding, in every face: with the corrected lines of
// the user's files, as --fix writes them, in place of the item's own where lint
// has them.
func (r *Report) fix(f *troubleshooting.Finding) string {
	var edits []string
	for _, l := range r.edited(f) {
		edits = append(edits, diffOf(l)...)
	}
	if len(edits) == 0 {
		edits = r.written(f)
	}
	if len(edits) == 0 {
		return f.Fix
	}
	prose, _ := splitFix(f.Fix)
	return prose + "\n" + strings.Join(edits, "\n")
}

// written are the lines that lint has for a finding without an edit of its own:
// what shall stand in the file, where a part of it is for the user to choose.
func (r *Report) written(f *troubleshooting.Finding) (lines []string) {
	if _, edit := splitFix(f.Fix); len(edit) > 0 {
		return nil
	}
	for _, l := range r.lintOf(f) {
		if l.Setting != "" && (strings.Contains(l.Fix, l.Setting+": ") || strings.Contains(l.Fix, l.Setting+"=")) && !strings.Contains(f.Fix, l.Fix) && !strings.Contains(l.Fix, "\n") {
			lines = append(lines, l.Fix)
		}
	}
	return lines
}

// edited are the lint findings that are one with a check's finding and have an
// edit that can be shown.
func (r *Report) edited(f *troubleshooting.Finding) []*source.Diagnostic {
	return slices.DeleteFunc(r.lintOf(f), func(l *source.Diagnostic) bool { return diffOf(l) == nil })
}

// diffOf is the edit of a lint finding as the lines of a diff; nil where it has
// none, or the lines that it replaces are not known.
func diffOf(f *source.Diagnostic) (lines []string) {
	e := f.Edit
	switch {
	case e == nil:
		return nil
	case e.To < e.From: // an insertion
	case f.Source == "" || e.From != f.Line || e.To != f.Line:
		return nil
	default:
		lines = append(lines, "-"+f.Source)
	}
	if e.Shown() != "" {
		for line := range strings.SplitSeq(e.Shown(), "\n") {
			lines = append(lines, "+"+line)
		}
	}
	return lines
}

// lintFix is the edit as a diff where the line that it replaces is known, else
// the fix in words.
func lintFix(f *source.Diagnostic) string {
	lines := diffOf(f)
	if lines == nil {
		return f.Fix
	}
	fix := strings.Join(lines, "\n")
	if f.Fix != "" && strings.TrimSpace(f.Fix) != strings.TrimSpace(f.Edit.Shown()) {
		fix = f.Fix + "\n" + fix
	}
	return fix
}

// exact makes a view of edits one of the bytes that --fix writes: what is copied
// must fit the file, with its blanks.
func (v *editView) exact(all []*source.Diagnostic) {
	if v == nil || len(all) == 0 {
		return
	}
	var added, patches []string
	for _, f := range all {
		if f.Edit.Text != "" {
			added = append(added, f.Edit.Text)
		}
		patches = append(patches, patch(f))
	}
	v.Copy, v.Place = strings.Join(added, "\n"), lintPlace(all[0])
	v.Diff = ""
	if !slices.Contains(patches, "") {
		v.Diff = strings.Join(patches, "")
	}
}
