package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

const (
	// patience is how long an engine may give no answer at all. A busy one takes
	// seconds for the shortest question; one that takes a minute does no work.
	patience = time.Minute
	// lostLimit is for removing all things on an engine that was given up: it may be
	// back, and nobody waits long for what is not.
	lostLimit = 10 * time.Second
	// lookLimit is for one look at a container.
	lookLimit = 30 * time.Second
	// watchPause is how often the engine is asked for a sign of life.
	watchPause = time.Second
)

// hangs is an engine that takes questions and gives no answer.
func hangs(limit time.Duration) error {
	return fmt.Errorf("%w: the engine at %s has not answered for %v; restart it (sudo systemctl restart docker), or use --target lab", ErrEngine, engineAddress(), limit)
}

// gone is an engine that takes no connection any more.
func gone(err error) error {
	return fmt.Errorf("%w: no engine answers at %s any more; start it again (sudo systemctl start docker): %s", ErrEngine, engineAddress(), short(err.Error()))
}

// orCause is why a context ended, in place of what came of that.
func orCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// answering is a provider on an engine that answers. Testcontainers looks for the
// engine without a context, and asks each candidate without a limit.
func answering(ctx context.Context, log *slog.Logger) (*testcontainers.DockerProvider, error) {
	type found struct {
		provider *testcontainers.DockerProvider
		err      error
	}
	ch := make(chan found, 1)
	go func() { // it stays behind an engine that hangs
		p, err := testcontainers.NewDockerProvider(testcontainers.Generic2DockerOptions(testcontainers.WithLogger(quiet{log}))...)
		ch <- found{p, err}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, pingLimit, hangs(pingLimit))
	defer cancel()
	select {
	case f := <-ch:
		return f.provider, f.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// guard is a context that ends when the engine goes away, or has not answered for
// as long as that: most questions to it have no limit of their own, for an image
// may take minutes to come.
func (e *engine) guard(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		last := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(watchPause):
			}
			if ctx.Err() != nil {
				return
			}
			err := e.ping(ctx, limit)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				last = time.Now()
			case errors.Is(err, context.DeadlineExceeded):
				cancel(hangs(limit))
			case time.Since(last) > min(limit, goneLimit):
				cancel(gone(err))
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// goneLimit is how long an engine may refuse connections: a restart that keeps the
// containers takes a moment.
const goneLimit = 5 * time.Second

func (e *engine) ping(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := e.cli.Ping(ctx, client.PingOptions{})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// lost is why the engine was given up; nil while it answers.
func (s *Stack) lost() error {
	if err := context.Cause(s.ctx); errors.Is(err, ErrEngine) {
		return err
	}
	return nil
}

// blame puts an engine that went away in the place of what a question to it came
// to: an answer that breaks off says nothing.
func (s *Stack) blame(err error) error {
	var closed *shut
	var ended *stopped
	if err == nil || errors.Is(err, ErrEngine) || errors.Is(err, ErrImage) || errors.Is(err, ErrUnsupported) || errors.Is(err, context.Canceled) || errors.As(err, &closed) || errors.As(err, &ended) {
		return err
	}
	if silent := s.engine.ping(context.WithoutCancel(s.ctx), lostLimit); silent != nil {
		return gone(silent)
	}
	return err
}

// removing is a context for taking things away: it outlives the run, but no engine
// that gives no answer.
func (s *Stack) removing() (context.Context, context.CancelFunc) {
	until := time.Now().Add(removeLimit)
	if s.lost() != nil {
		s.mu.Lock()
		if s.lostUntil.IsZero() {
			s.lostUntil = time.Now().Add(lostLimit)
		}
		until = s.lostUntil
		s.mu.Unlock()
	}
	ctx, stop := context.WithDeadline(context.WithoutCancel(s.ctx), until)
	ctx, cancel := s.engine.guard(ctx, s.patience())
	return ctx, func() { cancel(); stop() }
}

func (s *Stack) patience() time.Duration {
	if s.o.patience > 0 {
		return s.o.patience
	}
	return patience
}

// bound ends a caller's context together with the stack.
func (s *Stack) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })
	return ctx, func() { stop(); cancel(nil) }
}
