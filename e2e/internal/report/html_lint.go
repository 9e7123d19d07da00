package report

import (
	"fmt"
	"hash/fnv"
	"html"
	"html/template"
	"path/filepath"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

type lintView struct {
	*source.Diagnostic
	Place             string
	Before, In, After string
	Prose             string
	Edit              *editView
}

func newLint(f *source.Diagnostic) lintView {
	v := lintView{Diagnostic: f, Place: lintPlace(f), Before: f.Source}
	if f.Source != "" && f.Column > 0 {
		v.Before, v.In, v.After = (&part{f.Column - 1, max(1, f.Width)}).cut(f.Source)
	}
	if fix := lintFix(f); fix != "" {
		var edit []string
		v.Prose, edit = splitFix(fix)
		v.Edit = edits(f.Code, edit)
		if diffOf(f) != nil {
			v.Edit.exact([]*source.Diagnostic{f})
		}
	}
	return v
}

// patch is the edit of a finding as patch and git apply --unidiff-zero take it;
// empty where the line that it replaces is not known.
func patch(f *source.Diagnostic) string {
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

var printIn = lazyregexp.New(`…[0-9a-f]{6}`)

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
