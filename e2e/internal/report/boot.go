package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// heartbeat is how often a log without a live line hears that a boot goes on.
const heartbeat = 30 * time.Second

// A row is a container that is waited for.
type row struct {
	target.Gate
	began time.Time // of the container
}

// gate takes what a container is waited for: a row of its own on a terminal, which
// is written over; elsewhere a line for a start that takes long, for
// each gate that opens, and one now and then that
// says what is still closed. The caller holds the lock.
func (p *Progress) gate(g target.Gate) {
	g.Container, g.What, g.Last = clean(g.Container), clean(g.What), clean(g.Last)
	now := p.now()
	at := slices.IndexFunc(p.rows, func(r row) bool { return r.Container == g.Container })
	switch {
	case g.State != target.GateWaits && at >= 0:
		p.rows = slices.Delete(p.rows, at, at+1)
	case g.State == target.GateWaits && at < 0:
		p.rows = append(p.rows, row{g, now.Add(-time.Duration(g.Since * float64(time.Second)))})
	case g.State == target.GateWaits:
		p.rows[at].Gate = g
	}
	if p.beat.IsZero() {
		p.beat = now
	}
	switch {
	case p.o.Live || p.o.Quiet || p.closed:
	case g.State == target.GateOpens:
		p.beat = now // it is news of the boot, too
		p.told(g.Container + ": " + g.What + ", " + duration(g.Seconds))
	case g.State == target.GateWaits && at < 0 && (p.o.Verbose || g.Slow && !p.begins[g.Container]):
		if p.begins == nil {
			p.begins = map[string]bool{}
		}
		p.begins[g.Container] = true
		text := g.Container + ": until " + g.What
		if g.Expected > 0 {
			text += ", which took " + duration(g.Expected) + " the last time"
		}
		p.told(text)
	case g.State == target.GateWaits && now.Sub(p.beat) >= heartbeat:
		p.beat = now
		p.told("still waiting: " + p.waiting(now))
	}
	p.draw()
}

func (p *Progress) told(text string) {
	line := newPrinter(p.o)
	line.paragraph(text, 4, dim)
	_ = line.flush(p.w) // as in Phase
}

// waiting are all gates that are closed, in one sentence.
func (p *Progress) waiting(now time.Time) string {
	var all []string
	for _, r := range p.rows {
		text := r.Container + ", until " + r.What + " (" + r.share(now) + ")"
		if r.Last != "" {
			text += ", its last line: " + r.Last
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// share is how long a container has been on its way, and of how much.
func (r *row) share(now time.Time) string {
	since := now.Sub(r.began).Seconds()
	if r.Expected <= 0 {
		return duration(since)
	}
	return fmt.Sprintf("%s of about %s, %.0f %%", duration(since), duration(r.Expected), 100*since/r.Expected)
}

// line is the row on a terminal, cut to its width.
func (r *row) line(p *Progress) string {
	share := r.share(p.now())
	name := fmt.Sprintf("    %-20s ", r.Container)
	const least = 10
	if room := p.o.Width - width(name) - width(share) - 4 - p.slack(); room >= least {
		share = cut("until "+r.What, room) + "  " + share
	}
	text := cut(name+share, p.o.Width-1-p.slack())
	if p.o.ASCII {
		text = ascii(text)
	}
	return text
}
