package report

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

type findingView struct {
	*troubleshooting.Finding
	N      int
	Item   string
	More   string // page of the item, as it was in this release
	Change string // id of the change between versions, where the page tells of it
	Facts  []factView
	Prose  string
	Lines  []lintView // of the user's files that it stands for, where Edit does not show them
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

func (r *Report) findingView(c *Check, f *troubleshooting.Finding, n int) findingView {
	f = inFull(f, logLines(c.Evidence))
	v := findingView{Finding: f, N: n, Item: guideLine(f), More: itemURL(r.Tool, f.Code), Change: r.change(f), Facts: factViews(f.Because)}
	if fix := r.fix(f); fix != "" {
		var edit []string
		v.Prose, edit = splitFix(fix)
		v.Edit = edits(f.Code, edit)
		v.Edit.exact(r.edited(f))
	}
	for _, l := range r.lintOf(f) {
		if diffOf(l) == nil {
			v.Lines = append(v.Lines, newLint(l))
		}
	}
	return v
}

// inFull is a finding with each line of a log that it quotes in full: a terminal has
// no room for it, and a page has.
func inFull(f *troubleshooting.Finding, lines []string) *troubleshooting.Finding {
	whole := *f
	whole.Because = slices.Clone(f.Because)
	for i, b := range whole.Because {
		said, quote, ok := strings.Cut(b, ": ")
		start, cut := strings.CutSuffix(quote, "…")
		if !ok || !cut || len(start) < shortestQuote {
			continue
		}
		if at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), start) }); at >= 0 {
			whole.Because[i] = said + ": " + strings.TrimSpace(lines[at])
		}
	}
	return &whole
}

// shortestQuote is from how many bytes on a quote stands for one line and no other.
const shortestQuote = 40

// logLines are all lines of the products that a record has.
func logLines(e *evidence.Record) []string {
	if e == nil {
		return nil
	}
	lines := slices.Clone(e.Boot.Log)
	for _, l := range e.Log {
		lines = append(lines, l.Text)
	}
	return lines
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
	placeLine = lazyregexp.New(`^\S+\.\w+:\d+(:\d+)?$|^\.env:\d+$`)
	matchMode = lazyregexp.New(`^(Strict|Regex)  +`) // a column of authentik's form, not part of the value
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
