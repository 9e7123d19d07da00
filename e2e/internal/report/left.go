package report

import (
	"io"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Left writes what the evidence of a check leaves.
func Left(w io.Writer, d *troubleshooting.Differential, o TextOptions) error {
	p := newPrinter(o)
	p.left(d)
	return p.flush(w)
}

// left tells what the evidence leaves, and what to look at next.
func (p *printer) left(d *troubleshooting.Differential) {
	if d == nil {
		p.paragraph("No known cause fits what was seen: it is new to us. Please open an issue with the report, which has the requests and the logs without secrets; "+
			"for a pair in containers, with the file of ssocheck doctor --bundle FILE.zip.", indent, dim)
		return
	}
	p.paragraph("It is not decided: "+d.Seen+". These fit, the likeliest first:", indent, "")
	p.fits(d)
}

// fits are the causes that fit, and what to look at next.
func (p *printer) fits(d *troubleshooting.Differential) {
	for _, f := range d.Fits {
		p.line(strings.Repeat(" ", indent), p.paint(bold, fill(f.Code, 16)), "  ", f.Title)
		for _, s := range f.For {
			p.paragraph("for: "+s, indent+18, dim)
		}
		for _, s := range f.Against {
			p.paragraph("against: "+s, indent+18, dim)
		}
	}
	p.next(d)
}

// next is the one thing to look at.
func (p *printer) next(d *troubleshooting.Differential) {
	lead := p.paint(bold+";"+green, "next") + "  "
	for _, l := range wrap(d.Next, p.Width-indent-6) {
		p.line(strings.Repeat(" ", indent), lead, l)
		lead = strings.Repeat(" ", 6)
	}
}
