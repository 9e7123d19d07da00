package runner

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// A turn is one job on its way. It is told in the order of the jobs, whatever the
// order in which they run.
type turn struct {
	tell func(Event)
	done chan struct{} // closed when res and what is below it are there

	res Result
	// start is where it ran; nil: nowhere.
	start    *start
	products *[2]evidence.Product // as they run; nil: not known
	over     string               // why nothing more is run; "": more is
	fail     string               // why the tester could not do its work; "": it could
	waited   time.Duration        // for the pair
	stood    time.Duration        // for other checks

	mu   sync.Mutex
	open bool    // its turn has come: events are told at once
	held []Event // until then
}

func turnsOf(jobs []job, tell func(Event)) []*turn {
	out := make([]*turn, len(jobs))
	for i := range out {
		out[i] = &turn{tell: tell, done: make(chan struct{})}
	}
	return out
}

// observe tells an event, or keeps it until the turn comes.
func (t *turn) observe(ev Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.open {
		t.held = append(t.held, ev)
		return
	}
	t.tell(ev)
}

// come tells what was held, and from now on everything at once.
func (t *turn) come() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = true
	for _, ev := range t.held {
		t.tell(ev)
	}
	t.held = nil
}

func (t *turn) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// A side runs the jobs of a run: one after another, or side by side.
type side struct {
	r      *run
	ctx    context.Context // of the jobs
	cancel context.CancelFunc
	starts *starts
	pool   *pool
	ended  chan struct{} // one for each job that ended
	quit   chan struct{} // closed when no more jobs begin
	stop   func()
	wg     sync.WaitGroup
}

func (r *run) begin(ctx context.Context, starts *starts, pool *pool) *side {
	s := &side{r: r, starts: starts, pool: pool, ended: make(chan struct{}, len(r.jobs)), quit: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.stop = sync.OnceFunc(func() { close(s.quit) })
	if r.o.Jobs > 1 {
		s.wg.Go(s.schedule)
	}
	return s
}

// schedule begins each job once what it needs has ended, the first of those that
// can first.
func (s *side) schedule() {
	waiting := make([]int, len(s.r.jobs))
	for i := range waiting {
		waiting[i] = i
	}
	for running := 0; len(waiting) > 0; {
		at := slices.IndexFunc(waiting, s.ready)
		if running < s.r.o.Jobs && at >= 0 {
			i := waiting[at]
			waiting = slices.Delete(waiting, at, at+1)
			running++
			s.wg.Go(func() {
				s.do(i)
				s.ended <- struct{}{}
			})
			continue
		}
		select {
		case <-s.ended:
			running--
		case <-s.quit:
			return
		}
	}
}

// ready reports whether all that a job needs has ended, and what ran on its pair
// before it where checks share one.
func (s *side) ready(i int) bool {
	for k, j := range s.r.jobs[:i] {
		same := s.r.company != nil && j.variant.Name == s.r.jobs[i].variant.Name
		if (same || s.r.needs(i, k)) && !s.r.turns[k].ended() {
			return false
		}
	}
	return true
}

func (s *side) do(i int) {
	t := s.r.turns[i]
	defer close(t.done)
	j := s.r.jobs[i]
	do := func() Result { return s.r.judged(s.ctx, i, j, s.starts, s.pool) }
	if s.r.o.Around == nil {
		t.res = do()
		return
	}
	named := Result{Result: check.Result{Check: j.check, Variant: j.variant.Name}}
	t.res = s.r.o.Around(named.Key(), deployment.Pair{Paperless: s.r.o.Bundle.Paperless.Version, Authentik: s.r.o.Bundle.Authentik.Version}, do)
}

// result is what came of a job. What the job before it left over is not run, and
// what it has run meanwhile does not count.
func (s *side) result(i int) Result {
	r, j, t := s.r, s.r.jobs[i], s.r.turns[i]
	r.o.Observe(Event{Kind: Started, Check: j.check, Variant: j.variant.Name, Index: i + 1, Total: len(r.jobs), At: time.Now()})
	if r.over != "" {
		s.stop()
		s.cancel()
		res := skipped(r.over)
		res.Check, res.Variant = j.check, j.variant.Name
		return res
	}
	t.come()
	if r.o.Jobs <= 1 {
		s.do(i)
	}
	<-t.done
	r.over = t.over
	r.fail(t.fail)
	if t.products != nil {
		r.out.Paperless, r.out.Authentik = t.products[0], t.products[1]
	}
	return t.res
}

// end waits until nothing runs any more.
func (s *side) end() {
	s.stop()
	s.cancel()
	s.wg.Wait()
}

// needs reports whether job i needs the check of the earlier job k.
func (r *run) needs(i, k int) bool { return slices.Contains(r.jobs[i].check.Needs, r.jobs[k].check) }

// own starts a pair for one job alone, so that what is recorded there is the job's.
// It keeps what the pair kept on which the last job ran that this one needs, as if
// they had shared one.
func (r *run) own(ctx context.Context, i int, s *start, starts *starts) (*start, error) {
	for k, j := range r.jobs[:i] {
		if t := r.turns[k]; j.variant.Name == s.name && r.needs(i, k) && t.start != nil {
			s = t.start
		}
	}
	return starts.fork(ctx, s)
}
