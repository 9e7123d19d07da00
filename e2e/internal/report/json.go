package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

//go:embed report.schema.json
var schema []byte

// ErrNotAReport marks a file that is not a report.json of this schema.
var ErrNotAReport = errors.New("not a report of schema " + SchemaID)

// maxReport bounds what Read takes: a report of all checks on all variants is
// well below 10 MB.
const maxReport = 256 << 20

// Schema is the JSON Schema (2020-12) of report.json.
func Schema() []byte { return slices.Clone(schema) }

// JSON writes report.json.
func JSON(w io.Writer, r *runner.Run) error { return New(r).JSON(w) }

// JSON writes report.json.
func (r *Report) JSON(w io.Writer) error {
	c := *r
	c.Checks = slices.Clone(r.Checks)
	for i := range c.Checks {
		// Of a conformance test the exchange is the result, also where it passed.
		if !explains(&c.Checks[i]) && (c.Checks[i].Conformance == nil || c.Checks[i].Conformance.Verdict == "") {
			c.Checks[i].Evidence = nil
		}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // URLs stay readable
	enc.SetIndent("", "  ")
	if err := enc.Encode(&c); err != nil {
		return fmt.Errorf("write report.json: %w", err)
	}
	return nil
}

// explains reports whether the evidence of a check is kept: where it ended with
// something to explain.
func explains(c *Check) bool {
	switch c.Status {
	case check.Failed, check.Warned, check.Errored:
		return true
	case check.Skipped:
		return c.Evidence != nil && len(c.Evidence.NotModelled)+len(c.Evidence.Hops)+len(c.Evidence.Exchange) > 0
	}
	return false
}

// Read decodes a report.json. Unknown fields are taken, so that a newer
// ssocheck of the same schema can be read; another schema is refused.
func Read(r io.Reader) (*Report, error) {
	var rep Report
	dec := json.NewDecoder(io.LimitReader(r, maxReport))
	if err := dec.Decode(&rep); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotAReport, err)
	}
	if rep.Schema != SchemaID {
		return nil, fmt.Errorf("%w: its schema is %q", ErrNotAReport, rep.Schema)
	}
	if rep.Checks == nil {
		return nil, fmt.Errorf("%w: it has no checks", ErrNotAReport)
	}
	for i := range rep.Checks {
		if rep.Checks[i].Evidence == nil {
			rep.Checks[i].Evidence = &evidence.Record{}
		}
		e := rep.Checks[i].Evidence
		e.Exchange = target.Stamped(e.Exchange) // a report of before they said what they are for
	}
	return &rep, nil
}

// Open reads a report.json, or the one in a directory, with the screenshots
// that stand beside it.
func Open(path string) (*Report, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "report.json")
	}
	if strings.EqualFold(filepath.Ext(path), ".zip") {
		text, err := fromBundle(path)
		if err != nil {
			return nil, err
		}
		rep, err := Read(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return rep, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open report: %w", err)
	}
	defer f.Close()
	rep, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	root, err := os.OpenRoot(filepath.Dir(path)) // names in a report cannot leave its directory
	if err != nil {
		return nil, fmt.Errorf("open report: %w", err)
	}
	defer root.Close()
	rep.before = pageBefore(filepath.Dir(path))
	for i := range rep.Checks {
		rep.Checks[i].attach(root)
	}
	return rep, nil
}

// attach reads the pictures of a check. One that is gone is not an error: an
// artifact may have been cut down to report.json.
func (c *Check) attach(root *os.Root) {
	if c.Artifacts.Screenshot != "" {
		c.screenshot, _ = root.ReadFile(c.Artifacts.Screenshot)
	}
	if c.Artifacts.DOM != "" {
		dom, _ := root.ReadFile(c.Artifacts.DOM)
		c.dom = string(dom)
	}
	c.shots = map[string][]byte{}
	for _, s := range c.Steps {
		if s.Screenshot == "" {
			continue
		}
		if png, err := root.ReadFile(c.stepFile(s.Screenshot)); err == nil {
			c.shots[s.Screenshot] = png
		}
	}
}
