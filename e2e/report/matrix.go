package report

import (
	"fmt"
	"io"

	"github.com/ssocheck/ssocheck/e2e/check"
)

// A Cell is one pair of versions of a matrix.
type Cell struct {
	Paperless, Authentik string
	Report               *Report // nil when it could not be run
	Error                string  // why it could not be run
	Dir                  string  // where its report is; empty: nowhere
}

// Table writes a matrix: one line a pair, with the first cause of what fails.
func Table(w io.Writer, cells []Cell, o TextOptions) error {
	p := newPrinter(o)
	p.line()
	p.line("  ", p.paint(bold, fill("Paperless-ngx", 14)+fill("authentik", 12)+"result"))
	for _, c := range cells {
		mark, text := p.mark(check.Errored), c.Error
		if c.Report != nil {
			mark, text = p.mark(c.Report.status()), c.Report.inShort()
		}
		p.line("  ", fill(c.Paperless, 14), fill(c.Authentik, 12), mark, " ", text)
		if c.Dir != "" && c.Report != nil && c.Report.ExitCode() != 0 {
			p.line("  ", fill("", 26), p.paint(dim, "  "+c.Dir))
		}
	}
	return p.flush(w)
}

// status is the result as the status of a check.
func (r *Report) status() check.Status {
	switch {
	case r.ExitCode() == 1:
		return check.Failed
	case r.ExitCode() != 0:
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
	}
	return fmt.Sprintf("%s · %s", text, duration(r.Seconds))
}
