package report

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

var settingNames = lazyregexp.New(`PAPERLESS_[A-Z0-9_]+`)

// SARIF writes lint findings and the causes of failed checks for code scanning.
func SARIF(w io.Writer, r *runner.Run) error { return New(r).SARIF(w) }

// SARIF writes lint findings and the causes of failed checks for code scanning.
func (r *Report) SARIF(w io.Writer) error {
	b := sarifBuilder{rules: map[string]int{}, name: r.fromRoot}
	b.run = newSARIF(r.Tool)
	b.run.Invocations = []sarifInvocation{{Successful: r.Result != runner.Error}}
	if r.Error != "" {
		b.run.Invocations[0].Notifications = []sarifNotification{{"error", sarifMessage{r.Error}}}
	}
	loose := r.loose()
	for i := range loose {
		f := &loose[i]
		text := say(f)
		if f.Fix != "" {
			text += "\nFix: " + strings.TrimSpace(f.Fix)
		}
		b.add(f.Code, levelWord(f.Level, "note"), f.Message, f.Fix, text, deployment.Origin{File: f.File, Line: f.Line, Column: f.Column}, f.Width)
		b.fixes(f)
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		level := map[check.Status]string{check.Failed: "error", check.Warned: "warning"}[c.Status]
		if level == "" {
			continue
		}
		if c.Conformance != nil && len(c.Findings) == 0 {
			b.add(c.ID, level, c.Title, c.Doc, strings.TrimSpace(c.ID+": "+c.Message+"\n"+c.Spec+"\n"+c.Conformance.Means), r.place(c), 0)
			continue
		}
		if len(c.Findings) == 0 {
			b.add(c.ID, level, c.Title, c.Doc, c.Key()+": "+c.Message, r.place(c), 0)
			continue
		}
		f := &c.Findings[0]
		say := strings.Join(append([]string{c.Key() + ": " + c.Message, f.Title}, f.Because...), "\n")
		b.add(f.Code, level, f.Title, r.fix(f), say, r.place(c), 0)
		b.fixes(r.lintOf(f)...)
	}
	return b.run.write(w)
}

// page is where a rule is told of.
func (b *sarifBuilder) page(code string) string {
	tool := b.run.Tool.Driver.Version
	switch {
	case troubleshooting.Find(code) != nil:
		return itemURL(tool, code)
	case conformance.Find(code) != nil:
		return troubleshooting.DocURL(tool, "conformance.md", code)
	case slices.ContainsFunc(troubleshooting.Rules(), func(r troubleshooting.Rule) bool { return r.Code == code }):
		return troubleshooting.DocURL(tool, "lint.md", code)
	}
	return troubleshooting.DocURL(tool, "checks.md", code)
}

// rule describes a code: its title is what is wrong, whatever the place.
func (b *sarifBuilder) rule(code, title, help string) sarifRule {
	if i := troubleshooting.Find(code); i != nil {
		title, help = i.Title, cmp.Or(i.Fix, help)
	} else if r := troubleshooting.FindRule(code); r != nil {
		title, help = r.Problem, r.Help()
	}
	help = cmp.Or(help, title, code)
	if !strings.Contains(help, source.More(code)) {
		help += "\nMore: " + source.More(code)
	}
	return sarifRule{ID: code, Short: sarifMessage{cmp.Or(title, code)}, Help: &sarifMessage{help}, URI: b.page(code)}
}

// fixes adds the edits of lint findings to the result that was added last.
func (b *sarifBuilder) fixes(findings ...*source.Diagnostic) {
	res := &b.run.Results[len(b.run.Results)-1]
	for _, f := range findings {
		e := f.Edit
		if !e.Whole() {
			continue
		}
		r := sarifReplacement{Deleted: sarifRegion{StartLine: e.From, StartColumn: 1, EndLine: max(e.To+1, e.From), EndColumn: 1}}
		if e.Text != "" || e.To < e.From {
			r.Inserted = &sarifMessage{e.Text + "\n"}
		}
		res.Fixes = append(res.Fixes, sarifFix{
			Description: sarifMessage{cmp.Or(f.Fix, f.Message)},
			Changes:     []sarifChange{{sarifArtifact{(&url.URL{Path: b.name(e.File)}).EscapedPath()}, []sarifReplacement{r}}},
		})
	}
}

type sarifBuilder struct {
	run   sarifRun
	rules map[string]int
	name  func(file string) string // from the repository's root
}

func (b *sarifBuilder) add(code, level, title, help, message string, at deployment.Origin, width int) {
	n, ok := b.rules[code]
	if !ok {
		n = len(b.run.Tool.Driver.Rules)
		b.rules[code] = n
		b.run.Tool.Driver.Rules = append(b.run.Tool.Driver.Rules, b.rule(code, title, help))
	}
	// Code scanning drops a result without a place; a configuration that came
	// from no file has only the report itself.
	file := cmp.Or(b.name(at.File), "report.json")
	loc := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: file}).EscapedPath()}}}
	if at.File != "" && at.Line > 0 {
		loc.Physical.Region = &sarifRegion{StartLine: at.Line, StartColumn: at.Column}
		if at.Column > 0 && width > 0 {
			loc.Physical.Region.EndColumn = at.Column + width
		}
	}
	b.run.Results = append(b.run.Results, sarifResult{
		RuleID: code, RuleIndex: &n, Level: level, Message: sarifMessage{cmp.Or(message, title, code)},
		Locations: []sarifLocation{loc}, Prints: &sarifPrints{fmt.Sprintf("%s:%s:%d", code, file, at.Line)},
	})
}
