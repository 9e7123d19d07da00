package report

import (
	"io"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// FormatSARIF writes findings as SARIF 2.1.0, for code scanning.
func FormatSARIF(w io.Writer, findings []source.Diagnostic) error {
	run := newSARIF("")
	run.ColumnKind = "unicodeCodePoints"
	index := map[string]int{}
	for _, r := range troubleshooting.Rules() {
		index[r.Code] = len(run.Tool.Driver.Rules)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: r.Code, Short: sarifMessage{r.Problem}, Full: &sarifMessage{r.Doc}, Help: &sarifMessage{r.Help()}, URI: source.DocURL("", "lint.md", r.Code),
			Default: &sarifConfiguration{levelWord(r.Level, "note")},
		})
	}
	for _, f := range findings {
		text := say(&f)
		if f.Fix != "" {
			text += "\nFix: " + f.Fix
		}
		res := sarifResult{RuleID: f.Code, Level: levelWord(f.Level, "note"), Message: sarifMessage{text}}
		if i, ok := index[f.Code]; ok {
			res.RuleIndex = &i
		}
		if f.File != "" {
			var loc sarifLocation
			loc.Physical.Artifact = sarifURI(f.File)
			if f.Line > 0 {
				loc.Physical.Region = &sarifRegion{StartLine: f.Line, StartColumn: f.Column}
				if f.Column > 0 {
					loc.Physical.Region.EndColumn = f.Column + max(f.Width, 1)
				}
				if f.Source != "" {
					loc.Physical.Region.Snippet = &sarifMessage{f.Source}
				}
			}
			res.Locations = []sarifLocation{loc}
		}
		if e := f.Edit; e.Whole() {
			res.Fixes = []sarifFix{sarifEdit(e, f)}
		}
		run.Results = append(run.Results, res)
	}
	return run.write(w)
}

func sarifEdit(e *source.Edit, f source.Diagnostic) sarifFix {
	r := sarifReplacement{Deleted: sarifRegion{StartLine: e.From, StartColumn: 1, EndLine: e.To + 1, EndColumn: 1}}
	if e.To < e.From {
		r.Deleted.EndLine = e.From
	}
	if e.Text != "" || e.To < e.From {
		r.Inserted = &sarifMessage{e.Text + "\n"}
	}
	return sarifFix{
		Description: sarifMessage{f.Fix},
		Changes:     []sarifChange{{Artifact: sarifURI(e.File), Replacements: slices.Clip([]sarifReplacement{r})}},
	}
}
