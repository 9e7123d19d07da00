package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Doctor writes an examination for somebody who is locked out at night: the cause
// comes first, then what proves it, the edit, the command that applies it, and the
// way in until then.
func Doctor(w io.Writer, x *doctor.Examination, o TextOptions) error {
	r := New(x.Run)
	p := newPrinter(o)
	p.of = r
	c := &r.Checks[0]
	switch {
	case len(c.Findings) > 0:
		p.cause(c, x)
	case c.Status == check.Passed:
		p.line(p.mark(c.Status), " ", p.paint(bold, "no cause was found why users could not sign in"))
		// What the logs tell may be of yesterday: it is no verdict.
		if d := troubleshooting.Consider(*c.Evidence, r.Bundle, check.Failed); d != nil {
			p.paragraph("But since the containers started "+d.Seen+". Where that still happens, these fit:", indent, "")
			p.fits(d)
		} else {
			p.paragraph("Nobody signed in: what shows only then is not tested. With an account: ssocheck run --target external --config FILE, "+
				"SSO_USERNAME and SSO_PASSWORD set.", indent, dim)
		}
	default:
		p.line(p.mark(c.Status), " ", p.paint(bold, c.Message))
		switch {
		case len(x.Unread) > 0 && c.Status == check.Errored:
			p.unread(x)
		case c.Status == check.Failed:
			p.left(c.Left)
		}
	}
	p.line()
	p.containers(r, x)
	p.lint(r.loose())
	for _, n := range x.Notes {
		p.paragraph("note: "+x.Run.Redactor.Text(n), 0, dim)
	}
	return p.flush(w)
}

// cause tells the first finding in full, and names the others.
func (p *printer) cause(c *Check, x *doctor.Examination) {
	f := &c.Findings[0]
	p.finding(c, f)
	p.advice("apply", x.Apply(f))
	for i, way := range x.Meanwhile() {
		p.advice(map[bool]string{true: "get in", false: ""}[i == 0], way)
	}
	for i := range c.Findings[1:] {
		also := &c.Findings[1+i]
		if p.Verbose {
			p.also(also)
			continue
		}
		p.line("    ", p.paint(dim, "also: "), also.Code, "  ", also.Title)
		if d := c.Left; d != nil && len(d.Fits) == len(c.Findings) {
			for _, s := range slices.Concat(d.Fits[1+i].For, against(d.Fits[1+i].Against)) {
				p.paragraph(s, indent+6, dim)
			}
		}
	}
	if c.Left != nil {
		p.next(c.Left)
	}
}

func against(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, "against: "+s)
	}
	return out
}

// unread tells what was not seen: that is no cause, and not in order either.
func (p *printer) unread(x *doctor.Examination) {
	p.paragraph("What was not seen:", indent, "")
	for _, s := range x.Unread {
		p.line(strings.Repeat(" ", indent), "- ", s)
	}
	p.paragraph("The notes below say why, and what would tell.", indent, dim)
}

// advice is a labelled line below a finding. It is not broken: it must stay
// copyable.
func (p *printer) advice(label, text string) {
	p.line(strings.Repeat(" ", indent), p.paint(bold+";"+green, fill(label, 6)), "  ", text)
}

// containers say what was looked at.
func (p *printer) containers(r *Report, x *doctor.Examination) {
	tell := func(product, version string, c *doctor.Container) {
		if c == nil {
			return
		}
		state := c.State
		if c.Health != "" && c.Health != state {
			state += ", " + c.Health
		}
		if c.Restart > 0 {
			state += fmt.Sprintf(", restarted %d times", c.Restart)
		}
		p.line(p.paint(dim, fill(product, 13)), "  ", c.Name, "  ", version, "  ", state)
	}
	tell("Paperless-ngx", r.Target.Paperless.Version, x.Paperless)
	tell("authentik", r.Target.Authentik.Version, x.Authentik)
	tell("its worker", r.Target.Authentik.Version, x.Worker)
}
