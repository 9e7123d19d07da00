package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// A Matrix are runs on several pairs of versions.
type Matrix struct{ Cells []Cell }

// A Cell is one pair of versions of a matrix.
type Cell struct {
	Paperless, Authentik string
	Report               *Report // nil when it could not be run
	Error                string  // why it could not be run
	Dir                  string  // where its report is, in that of the matrix; empty: nowhere
}

// notTested is what the cells do not cover, each sentence once.
func (m Matrix) notTested() []string {
	var out []string
	for i := range m.Cells {
		if m.Cells[i].Report == nil {
			continue
		}
		for _, text := range m.Cells[i].Report.NotTested {
			if !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return out
}

// status is the result as the status of a check.
func (c *Cell) status() check.Status {
	if c.Report == nil {
		return check.Errored
	}
	return c.Report.status()
}

// Text writes one line a pair, with the first cause of what fails.
func (m Matrix) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(o)
	p.line()
	p.line("  ", p.paint(bold, fill("Paperless-ngx", 14)+fill("authentik", 12)+"result"))
	for i := range m.Cells {
		c := &m.Cells[i]
		text := c.Error
		if c.Report != nil {
			text = c.Report.inShort()
		}
		p.line("  ", fill(c.Paperless, 14), fill(c.Authentik, 12), p.mark(c.status()), " ", text)
		if c.Dir != "" && c.Report != nil && c.Report.ExitCode() != 0 {
			p.line("  ", fill("", 26), p.paint(dim, "  "+path.Join(filepath.ToSlash(o.Report), c.Dir)))
		}
	}
	for _, text := range m.notTested() {
		p.line()
		p.paragraph(upper(text)+".", 2, "")
	}
	if o.Report != "" {
		p.line()
		p.line(p.paint(dim, "report  "), o.Report)
	}
	return p.flush(w)
}

// Markdown writes the table for a pull request or a GitHub job page.
func (m Matrix) Markdown(w io.Writer) error {
	var sb strings.Builder
	fmt.Fprintf(&sb, "## %s Single sign-on: %s\n\n| Paperless-ngx | authentik | | |\n|---|---|---|---|\n", m.icon(), m.verdict())
	for i := range m.Cells {
		c := &m.Cells[i]
		text := c.Error
		if c.Report != nil {
			text = c.Report.inShort()
		}
		fmt.Fprintf(&sb, "| %s | %s | %s | %s |\n", markdownCell(c.Paperless), markdownCell(c.Authentik), look(c.status()).mark, markdownCell(text))
	}
	for _, text := range m.notTested() {
		fmt.Fprintf(&sb, "\n**%s.**\n", markdownText(upper(text)))
	}
	told := map[string]bool{}
	for i := range m.Cells {
		if m.Cells[i].Report == nil {
			continue
		}
		if c, f := m.Cells[i].Report.first(); f != nil && !told[f.Code] {
			told[f.Code] = true
			fmt.Fprintf(&sb, "\n### `%s` at %s\n", markdownCode(c.Key()), markdownText(versions(m.Cells[i].Paperless+","+m.Cells[i].Authentik)))
			m.Cells[i].Report.markdownFinding(&sb, f)
		}
	}
	if _, err := io.WriteString(w, sb.String()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// HTML writes a page with the table; its cells lead to the reports.
func (m Matrix) HTML(w io.Writer) error {
	v := matrixView{NotTested: m.notTested(), Icon: m.icon(), Verdict: m.verdict(), Result: string(m.Outcome())}
	for i := range m.Cells {
		c := &m.Cells[i]
		if !slices.Contains(v.Authentik, c.Authentik) {
			v.Authentik = append(v.Authentik, c.Authentik)
		}
		if !slices.ContainsFunc(v.Rows, func(r matrixRow) bool { return r.Paperless == c.Paperless }) {
			v.Rows = append(v.Rows, matrixRow{Paperless: c.Paperless})
		}
	}
	for i := range v.Rows {
		for _, a := range v.Authentik {
			v.Rows[i].Cells = append(v.Rows[i].Cells, m.cell(v.Rows[i].Paperless, a))
		}
	}
	return writePage(w, "matrix.html.tmpl", v)
}

type matrixView struct {
	NotTested             []string
	Icon, Verdict, Result string
	Authentik             []string
	Rows                  []matrixRow
}

type matrixRow struct {
	Paperless string
	Cells     []*cellView // nil: the pair was not run
}

type cellView struct {
	Status                             check.Status
	Mark, Word, Code, At, Tally, Error string
	Link, Took                         string
}

func (m Matrix) cell(paperless, authentik string) *cellView {
	for i := range m.Cells {
		c := &m.Cells[i]
		if c.Paperless != paperless || c.Authentik != authentik {
			continue
		}
		l := look(c.status())
		v := &cellView{Status: c.status(), Mark: l.mark, Word: l.word, Error: c.Error}
		if c.Report == nil {
			return v
		}
		v.Tally, v.Took, v.Error = c.Report.tally(), duration(c.Report.Seconds), cmp.Or(c.Report.Error, c.Report.Why)
		if at, f := c.Report.first(); at != nil {
			v.At = at.Key()
			if f != nil {
				v.Code = f.Code
			}
		}
		if c.Dir != "" {
			v.Link = path.Join(filepath.ToSlash(c.Dir), Index)
		}
		return v
	}
	return nil
}

// Outcome is the worst of the cells.
func (m Matrix) Outcome() runner.Outcome {
	all := make([]runner.Outcome, 0, len(m.Cells))
	for i := range m.Cells {
		all = append(all, m.Cells[i].outcome())
	}
	return runner.Worst(all...)
}

func (c *Cell) outcome() runner.Outcome {
	if c.Report == nil {
		return runner.Error
	}
	return c.Report.Result
}

func (m Matrix) icon() string {
	return map[runner.Outcome]string{runner.Pass: "✓", runner.Fail: "✗", runner.Error: "⚠"}[m.Outcome()]
}

func (m Matrix) verdict() string {
	good := 0
	for i := range m.Cells {
		if s := m.Cells[i].status(); s == check.Passed || s == check.Warned {
			good++
		}
	}
	if good == len(m.Cells) && good > 1 {
		return fmt.Sprintf("All %d pairs of versions pass", good)
	}
	return fmt.Sprintf("%d of %s of versions pass", good, Plural(len(m.Cells), "pair"))
}

// Whole is one report of all the pairs that ran, as Merge makes it of theirs. A pair
// that could not be run makes it an error.
func (m Matrix) Whole() (*Report, error) {
	var all []*Report
	var failures []string
	for i := range m.Cells {
		c := &m.Cells[i]
		if c.Report == nil {
			failures = append(failures, fmt.Sprintf("%s with authentik %s: %s", product("Paperless-ngx", c.Paperless), c.Authentik, c.Error))
			continue
		}
		r := *c.Report
		r.Checks = slices.Clone(r.Checks)
		for k := range r.Checks {
			r.Checks[k].Artifacts = r.Checks[k].Artifacts.below(filepath.ToSlash(c.Dir))
		}
		all = append(all, &r)
	}
	whole, err := Merge(all)
	if err != nil {
		return nil, err
	}
	if len(failures) > 0 {
		if whole.Error != "" {
			failures = append(failures, whole.Error)
		}
		whole.Error = strings.Join(failures, "; ")
		whole.Result = runner.Worst(whole.Result, runner.Error)
	}
	return whole, nil
}

// Write writes index.html, summary.md and one report.json of all pairs beside the
// reports of the pairs.
func (m Matrix) Write(dir string) error {
	if err := Prepare(dir); err != nil {
		return err
	}
	whole, err := m.Whole()
	if err == nil {
		err = writeFile(filepath.Join(dir, "report.json"), whole.JSON)
	}
	return errors.Join(err, writeFile(filepath.Join(dir, Index), m.HTML), writeFile(filepath.Join(dir, "summary.md"), m.Markdown))
}

// status is the result as the status of a check.
func (r *Report) status() check.Status {
	switch {
	case r.Result == runner.Fail:
		return check.Failed
	case r.Result != runner.Pass:
		return check.Errored
	case r.count(check.Warned) > 0:
		return check.Warned
	}
	return check.Passed
}

// inShort is the verdict in a few words.
func (r *Report) inShort() string {
	c, f := r.first()
	text := r.tally()
	switch {
	case f != nil:
		text = f.Code + " at " + c.Key() + " · " + text
	case c != nil:
		text = c.Key() + " · " + text
	case r.Error != "":
		text = r.Error
	case r.Why != "":
		text = r.Why
	}
	return fmt.Sprintf("%s · %s", text, duration(r.Seconds))
}
