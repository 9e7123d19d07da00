package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// A Progress shows a run while it happens: on a terminal one line that is
// written over, elsewhere plain lines, in GitHub's logs folded groups. Safe for
// concurrent use. Close ends it.
type Progress struct {
	o   TextOptions
	w   io.Writer
	now func() time.Time

	mu      sync.Mutex
	begun   time.Time
	current string // key of the check under way; empty: preparing
	title   string
	step    string
	started time.Time // of the current check
	count   string    // "3/16" of the current check
	frame   int
	drawn   int             // live lines that stand on the terminal
	rows    []row           // of containers that are waited for, in the order in which they came
	beat    time.Time       // of the last heartbeat
	begins  map[string]bool // slow containers whose start was told
	folded  bool            // a group is open
	closed  bool

	stop chan struct{}
	done chan struct{}
}

// tick is how often the live line is drawn again: fast enough to look alive.
const tick = 100 * time.Millisecond

// Live makes a Progress.
func Live(w io.Writer, o TextOptions) *Progress {
	p := newProgress(w, o, time.Now)
	if !o.Live || o.Quiet {
		close(p.done)
		return p
	}
	go p.spin()
	return p
}

func newProgress(w io.Writer, o TextOptions, now func() time.Time) *Progress {
	if o.Width <= 0 {
		o.Width = 100
	}
	p := &Progress{o: o, w: w, now: now, begun: now(), stop: make(chan struct{}), done: make(chan struct{})}
	p.started = p.begun
	return p
}

// Phase says what part of the work begins: the checklist on the old versions,
// one pair of a matrix. In GitHub's logs it is the title of a group.
func (p *Progress) Phase(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.o.Quiet || p.closed {
		return
	}
	p.erase()
	p.unfold()
	p.current, p.title, p.step, p.count, p.started = "", "", "", "", p.now()
	if p.o.GitHub {
		p.fold(clean(text))
		return
	}
	line := newPrinter(p.o)
	line.line(line.paint(bold, "→ "+clean(text)))
	_ = line.flush(p.w) // a terminal that is gone must not stop the run
	p.draw()
}

// fold opens a group; the caller holds the lock.
func (p *Progress) fold(title string) {
	p.print("::group::" + strings.ReplaceAll(title, "\n", " ") + "\n")
	p.folded = true
}

func (p *Progress) unfold() {
	if p.folded {
		p.print("::endgroup::\n")
		p.folded = false
	}
}

func (p *Progress) spin() {
	defer close(p.done)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.mu.Lock()
			p.frame++
			p.draw()
			p.mu.Unlock()
		}
	}
}

// Observe takes the runner's events; give it to runner.Options.
func (p *Progress) Observe(ev runner.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.o.GitHub && !p.o.Quiet && !p.folded && !p.closed {
		p.fold("ssocheck, check by check")
	}
	switch ev.Kind {
	case runner.Started:
		p.current, p.title, p.step, p.started = eventKey(ev), "", "", p.now()
		if ev.Check != nil {
			p.title = clean(ev.Check.Title)
		}
		p.count = ""
		if ev.Total > 0 {
			p.count = fmt.Sprintf("%d/%d ", ev.Index, ev.Total)
		}
		p.draw()
	case runner.Planned:
		p.erase()
		if !p.o.Quiet && !p.closed {
			p.told(clean(ev.Step))
		}
		p.draw()
	case runner.Step, runner.Booting:
		p.doing(ev)
	case runner.Finished:
		p.finished(ev)
	}
}

func eventKey(ev runner.Event) string {
	c := Check{Variant: clean(ev.Variant)}
	if ev.Check != nil {
		c.ID = clean(ev.Check.ID)
	}
	return c.Key()
}

func (p *Progress) doing(ev runner.Event) {
	if ev.Gate != nil {
		p.gate(*ev.Gate)
		return
	}
	step := clean(ev.Step)
	if ev.Kind == runner.Booting && (ev.Step == "" || ev.Variant != "") {
		step = strings.TrimSpace("starting " + cmp.Or(clean(ev.Variant), "the pair") + " " + step)
	}
	if step == p.step {
		return
	}
	p.step = step
	// A stack takes minutes: a log without a live line says what for.
	if (p.o.Verbose || (ev.Kind == runner.Booting && ev.Step != "")) && !p.o.Live && !p.o.Quiet {
		line := newPrinter(p.o)
		line.paragraph(step, 4, dim)
		_ = line.flush(p.w)
	}
	p.draw()
}

func (p *Progress) finished(ev runner.Event) {
	p.erase()
	p.current, p.title, p.step, p.count, p.started = "", "", "", "", p.now()
	if ev.Result == nil || p.o.Quiet || ev.Provisional && !p.o.Live {
		return
	}
	if p.o.Live && (ev.Result.Status == check.Passed || ev.Result.Status == check.Skipped) {
		return // the table at the end has it
	}
	line := newPrinter(p.o)
	if !p.o.Live {
		line.event(ev)
		_ = line.flush(p.w) // as in Phase
		return
	}
	key := eventKey(ev)
	row := "  " + line.mark(ev.Result.Status) + " " + key + "  " + line.paint(dim, duration(ev.Result.Seconds))
	if ev.Result.Waited >= noticed {
		row += line.paint(dim, ", after a boot of "+duration(ev.Result.Waited))
	}
	message := strings.ReplaceAll(clean(ev.Result.Message), "\n", " ")
	const mark, time = 5, 8 // columns around the key
	if room := p.o.Width - mark - width(key) - time - p.slack(); message != "" && room >= 12 {
		row += "  " + cut(message, room)
	}
	line.line(row)
	_ = line.flush(p.w)
}

// keyColumns hold the key of every check of ours and its variant.
const keyColumns = 28

// event tells a check that has ended, for good: where no line can be written over,
// the text at the end has no table.
func (p *printer) event(ev runner.Event) {
	r := ev.Result
	message, title, guide := clean(r.Message), "", ""
	if ev.Check != nil {
		title, guide = clean(ev.Check.Title), ev.Check.Guide
	}
	title = rowTitle(r.Status, title, message)
	took := ""
	if r.Status != check.Skipped {
		took = duration(r.Seconds)
	}
	row := "  " + p.mark(r.Status) + " " + fill(eventKey(ev), keyColumns) + " " + p.paint(dim, fmt.Sprintf("%6s", took)) + "  " + strings.ReplaceAll(title, "\n", " ")
	if guide != "" && r.Status != check.Skipped {
		row += p.paint(dim, "  ("+guide+")")
	}
	if r.Waited >= noticed {
		row += p.paint(dim, ", after a boot of "+duration(r.Waited))
	}
	p.line(row)
	p.message(r.Status, message)
}

// slack is what an ellipsis takes more in ASCII.
func (p *Progress) slack() int {
	if p.o.ASCII {
		return 2
	}
	return 0
}

// Close takes the live line away and ends the group. Safe to call twice.
func (p *Progress) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	p.mu.Unlock()
	close(p.stop)
	<-p.done
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.unfold()
}

// draw writes the live line; the caller holds the lock.
func (p *Progress) draw() {
	if !p.o.Live || p.o.Quiet || p.closed {
		return
	}
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	if p.o.ASCII {
		frames = []rune(`|/-\`)
	}
	what := p.step
	if p.current != "" {
		what = p.current
		if p.step != "" {
			what += ": " + p.step
		} else if p.title != "" {
			what += ": " + p.title
		}
	}
	if what == "" {
		what = "getting ready"
	}
	what = p.count + what
	elapsed := duration(p.now().Sub(p.started).Seconds())
	if p.started.Sub(p.begun) > time.Second/2 && p.o.Width >= 60 { // else it says the same twice, or leaves no room for the step
		elapsed += ", " + duration(p.now().Sub(p.begun).Seconds()) + " in all"
	}
	// Cut to the width: a line that wraps cannot be written over.
	what = cut(what, max(10, p.o.Width-width(elapsed)-7-p.slack()))
	if p.o.ASCII {
		what = ascii(what)
	}
	pr := newPrinter(p.o)
	// In one piece: what is erased and written again in two flickers.
	var rows strings.Builder
	for _, r := range p.rows {
		rows.WriteString(pr.paint(dim, r.line(p)) + "\n")
	}
	p.print("\r\x1b[K" + p.up() + rows.String() + "  " + pr.paint(cyan, string(frames[p.frame%len(frames)])) + " " + what + "  " + pr.paint(dim, elapsed))
	p.drawn = len(p.rows) + 1
}

func (p *Progress) erase() {
	if p.drawn > 0 {
		p.print("\r\x1b[K" + p.up())
		p.drawn = 0
	}
}

// up goes back over the live lines above, and erases them.
func (p *Progress) up() string { return strings.Repeat("\x1b[1A\x1b[K", max(0, p.drawn-1)) }

func (p *Progress) print(s string) { _, _ = io.WriteString(p.w, s) }
