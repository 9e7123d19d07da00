package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// parallelStarts is how many targets start side by side: a real Paperless keeps a
// core busy while it boots, and holds about 1 GB, so that more than four are not
// worth their memory. One that only waits does not count; see target.Waits.
func parallelStarts(cores int) int { return max(2, min(cores, 4)) }

// A start is one variant on its way.
type start struct {
	name   string
	bundle *deployment.Deployment
	done   chan struct{}
	cancel context.CancelFunc
	target *target.Target
	err    error
	left   int // jobs that still need it
	// standing is what the lab knew from the start that it does not model: no
	// reason to skip a check, but to be told with one that did not pass.
	standing []string
	// unneeded is set when the last job that needs it was skipped.
	unneeded bool
	shut     bool // closed already
}

// starts starts each variant once, in the background, in the order in which
// they are needed.
type starts struct {
	list   []*start
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex // guards cancel and unneeded of each start
	closed []error
	forks  []*target.Target // guarded by mu
}

func startAll(ctx context.Context, o Options, jobs []job) *starts {
	ctx, cancel := context.WithCancel(ctx)
	s := &starts{cancel: cancel}
	for _, j := range jobs {
		if have := s.find(j.variant.Name); have != nil {
			have.left++
			continue
		}
		s.list = append(s.list, &start{name: j.variant.Name, bundle: bundleOf(o.Bundle, j.variant), done: make(chan struct{}), left: 1, cancel: func() {}})
	}
	// As configured first, whatever the order of the checks: the most need it.
	slices.SortStableFunc(s.list, func(a, b *start) int { return rank(a.name) - rank(b.name) })
	// As configured is started whatever becomes of the checks; of the others that is not
	// sure, and nobody may wait for them.
	if o.Plan != nil && o.refusal() == nil && len(s.list) > 0 && s.list[0].name == check.AsConfigured {
		var names []string
		for _, one := range s.list {
			names = append(names, one.name)
		}
		for _, line := range o.Plan(ctx, o.Bundle, names) {
			o.Observe(Event{Kind: Planned, Step: line, At: time.Now()})
		}
	}
	slots := make(chan struct{}, parallelStarts(runtime.NumCPU()))
	s.wg.Go(func() {
		for _, one := range s.list {
			if f := o.refusal(); f != nil {
				one.err = fmt.Errorf("%s refuses the files", f.Refuses)
				close(one.done)
				continue
			}
			if one.name != check.AsConfigured && !target.Can(o.Kind).CanVary {
				one.err = check.Skipf("it needs another setting (%s), and the settings of a pair that runs are not ours to change", one.name)
				close(one.done)
				continue
			}
			ctx, cancel := context.WithCancel(ctx)
			s.mu.Lock()
			one.cancel = cancel
			if one.unneeded {
				cancel()
			}
			s.mu.Unlock()
			slots <- struct{}{}
			s.wg.Go(func() {
				defer cancel()
				free := sync.OnceFunc(func() { <-slots })
				defer free()
				defer close(one.done)
				if err := ctx.Err(); err != nil {
					one.err = err
					return
				}
				one.target, one.err = o.Start(target.WithSlot(ctx, free), one.bundle, one.name)
				if one.err == nil && one.target == nil {
					one.err = errors.New("it gave no target")
				}
				if one.err == nil && one.target.NotModelled != nil {
					one.standing = one.target.NotModelled()
				}
			})
		}
	})
	return s
}

func rank(name string) int {
	if name == check.AsConfigured {
		return 0
	}
	return 1
}

func (s *starts) find(name string) *start {
	for _, one := range s.list {
		if one.name == name {
			return one
		}
	}
	return nil
}

// ready reports whether wait would return at once.
func (s *starts) ready(name string) bool {
	select {
	case <-s.find(name).done:
		return true
	default:
		return false
	}
}

// wait returns the started variant.
func (s *starts) wait(ctx context.Context, name string) (*start, error) {
	one := s.find(name)
	select {
	case <-one.done:
		return one, one.err
	case <-ctx.Done():
		return one, context.Cause(ctx)
	}
}

// settle waits until nothing starts any more.
func (s *starts) settle(ctx context.Context) {
	for _, one := range s.list {
		select {
		case <-one.done:
		case <-ctx.Done():
			return
		}
	}
}

// settled reports whether nothing starts any more.
func (s *starts) settled() bool {
	return !slices.ContainsFunc(s.list, func(one *start) bool { return !s.ready(one.name) })
}

// done tells that a job is over. A variant that no job needs any more is closed
// at once, because a real pair holds a lot of memory, unless that disturbs what runs
// beside it; one that is still on its way is stopped.
func (s *starts) done(name string, shut bool) {
	one := s.find(name)
	if one.left--; one.left > 0 || name == check.AsConfigured {
		return
	}
	if s.ready(name) {
		if shut {
			s.shut(one)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.unneeded = true
	one.cancel()
}

func (s *starts) shut(one *start) {
	if one.target == nil || one.shut {
		return
	}
	one.shut = true
	if err := one.target.Close(); err != nil {
		s.closed = append(s.closed, fmt.Errorf("%s: %w", one.name, err))
	}
}

// started are the targets that came up.
func (s *starts) started() []*target.Target {
	var out []*target.Target
	for _, one := range s.list {
		if s.ready(one.name) && one.target != nil {
			out = append(out, one.target)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(out, s.forks...)
}

// fork starts a pair on a copy of what another one keeps now.
func (s *starts) fork(ctx context.Context, of *start) (*start, error) {
	if of.target.Fork == nil {
		return nil, fmt.Errorf("a %s gives no pair for one check alone", of.target.Kind)
	}
	t, err := of.target.Fork(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.forks = append(s.forks, t)
	s.mu.Unlock()
	return &start{name: of.name, bundle: of.bundle, target: t, standing: of.standing}, nil
}

// close stops what still starts, waits for it, and closes everything.
func (s *starts) close() error {
	s.cancel()
	s.wg.Wait()
	for _, t := range s.forks { // before what they are copies of: that has the edge
		s.closed = append(s.closed, t.Close())
	}
	for _, one := range s.list {
		s.shut(one)
	}
	return errors.Join(s.closed...)
}
