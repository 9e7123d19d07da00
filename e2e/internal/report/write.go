package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// Index is the file of a report that a user opens.
const Index = "index.html"

// Write writes all faces of a run into a directory: report.json, junit.xml,
// index.html, summary.md, results.sarif and artifacts/. An earlier report in it
// is removed; a directory with anything else is refused, as Prepare does.
func Write(dir string, r *runner.Run) error {
	if err := errors.Join(Prepare(dir), Clear(dir)); err != nil {
		return err
	}
	return New(r).Write(dir)
}

// Write writes all faces of the report into a directory that Prepare takes. CI
// systems find files by their names from the repository, so that is the root
// where none is set.
func (r *Report) Write(dir string) error {
	placed := *r
	placed.dir, placed.before = dir, pageBefore(dir)
	if placed.Root == "" {
		placed.Root = Repository(".", nil)
	}
	return placed.write(dir)
}

// Before is the folder, in that of an upgrade's report, for the run on the old
// versions.
const Before = "before"

// pageBefore is the page of the run before an upgrade, as seen from the report.
func pageBefore(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, Before, Index)); err != nil {
		return ""
	}
	return path.Join(Before, Index)
}

func (r *Report) write(dir string) error {
	if err := Prepare(dir); err != nil {
		return err
	}
	// New files: an old one may be a link, or no picture of this run.
	if err := clearOwn(dir); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	var errs []error
	for _, face := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"report.json", r.JSON}, {"junit.xml", r.JUnit}, {Index, r.HTML}, {"summary.md", r.Markdown}, {"results.sarif", r.SARIF},
	} {
		errs = append(errs, writeFile(filepath.Join(dir, face.name), face.write))
	}
	for i := range r.Checks {
		errs = append(errs, r.Checks[i].writeArtifacts(dir))
	}
	return errors.Join(errs...)
}

func writeFile(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		_ = os.Remove(name) // half a file would pass for a whole one
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (c *Check) writeArtifacts(dir string) error {
	files := map[string][]byte{}
	put := func(name string, data []byte) {
		if name != "" && len(data) > 0 {
			files[name] = data
		}
	}
	put(c.Artifacts.Screenshot, c.screenshot)
	put(c.Artifacts.DOM, inert(c.dom))
	for name, png := range c.shots {
		put(c.stepFile(name), png)
	}
	if e := c.Evidence; e != nil {
		if c.Artifacts.HAR != "" {
			put(c.Artifacts.HAR, indented(har(e)))
		}
		if c.Artifacts.Log != "" {
			put(c.Artifacts.Log, []byte(logText(e)))
		}
		if c.Artifacts.Console != "" {
			put(c.Artifacts.Console, []byte(linesText(e.Console)))
		}
		if c.Artifacts.Evidence != "" {
			put(c.Artifacts.Evidence, indented(e))
		}
	}
	var errs []error
	for name, data := range files {
		errs = append(errs, writeFile(filepath.Join(dir, filepath.FromSlash(path.Clean(name))), func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}))
	}
	return errors.Join(errs...)
}

// inert is a saved page that runs no script and asks for nothing when it is opened.
func inert(dom string) []byte {
	const policy = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`
	if len(dom) < 2 || strings.Contains(dom[:min(len(dom), 400)], policy) {
		return []byte(dom)
	}
	if strings.HasPrefix(strings.ToLower(dom), "<!doctype") {
		if i := strings.IndexByte(dom, '>'); i >= 0 {
			return []byte(dom[:i+1] + policy + dom[i+1:])
		}
	}
	return []byte(policy + dom)
}

func indented(v any) []byte {
	var sb strings.Builder
	enc := json.NewEncoder(&sb)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return []byte(`{"error": "could not be encoded"}`) // plain data always encodes
	}
	return []byte(sb.String())
}

// logText is the start of Paperless, where it failed, and the lines of the check.
func logText(e *evidence.Record) string {
	var sb strings.Builder
	for _, l := range e.Boot.Log {
		sb.WriteString(l + "\n")
	}
	return sb.String() + linesText(e.Log)
}

func linesText(lines []evidence.Line) string {
	var sb strings.Builder
	for _, l := range lines {
		if !l.Time.IsZero() {
			sb.WriteString(l.Time.UTC().Format("15:04:05.000") + " ")
		}
		fmt.Fprintf(&sb, "%s | %s\n", l.Source, l.Text)
	}
	return sb.String()
}
