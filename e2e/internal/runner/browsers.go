package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A pool keeps one browser for each set of resolver rules and keys: a Chromium
// takes a second to start, and all labs on one edge have the same.
type pool struct {
	ctx  context.Context // of the run: a browser outlives the check that opened it
	o    Options
	mu   sync.Mutex
	open map[string]*browser.Browser
}

func newPool(ctx context.Context, o Options) *pool {
	return &pool{ctx: ctx, o: o, open: map[string]*browser.Browser{}}
}

func (p *pool) get(ctx context.Context, t *target.Target) (*browser.Browser, func(), error) {
	if p.o.OpenBrowser != nil {
		b, release, err := p.o.OpenBrowser(ctx, t)
		if release == nil {
			release = func() {}
		}
		return b, release, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := slices.Sorted(slices.Values(t.SPKI))
	key := t.ResolverRules() + " " + strings.Join(keys, " ")
	if b := p.open[key]; b != nil {
		return b, func() {}, nil
	}
	with := p.o.Browser
	with.Rules, with.SPKI, with.Log = t.ResolverRules(), keys, p.o.Log
	// A pair that runs lies in the real network; ours is reached by the rules.
	with.Isolate = t.Can().OwnNetwork
	b, err := browser.Open(p.ctx, with)
	if err != nil {
		return nil, nil, fmt.Errorf("open the browser: %w", err)
	}
	p.open[key] = b
	return b, func() {}, nil
}

// isolated reports whether no browser is disturbed by what comes and goes on the
// machine's network.
func (p *pool) isolated() bool {
	if p.o.OpenBrowser != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.open {
		if own, _ := b.Isolated(); !own {
			return false
		}
	}
	return true
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for key, b := range p.open {
		// One that died was reported when it did.
		if err := b.Close(); err != nil && !errors.Is(err, browser.ErrCrashed) && p.ctx.Err() == nil {
			errs = append(errs, err)
		}
		delete(p.open, key)
	}
	return errors.Join(errs...)
}
