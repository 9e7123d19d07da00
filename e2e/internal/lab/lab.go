// Package lab runs the pair in this process: both products behind TLS under
// their real names, on ephemeral ports. It answers as the real pair was seen to
// answer, so that the checklist takes seconds; only package stack and package
// external test the real products.
package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	paperless "github.com/ssocheck/ssocheck/e2e/internal/paperless/model"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A State is what both products keep over an upgrade.
type State struct {
	Paperless *paperless.State
	Authentik *authentik.State
}

type options struct {
	edge    *edge.Edge
	route   string
	timeout time.Duration
	now     func() time.Time
	state   *State
	keep    func(func() *State)
	token   string
	draw    func() time.Duration
	log     *slog.Logger
	standin target.Provider
}

// An Option changes how a lab starts.
type Option func(*options)

// WithEdge shares an edge among labs; the route is told apart by its id. Close
// then removes the routes only.
func WithEdge(e *edge.Edge, id string) Option {
	return func(o *options) { o.edge, o.route = e, id }
}

// WithTimeout limits a back-channel call of Paperless; 0: 5 s, as the product.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// WithNow sets the clock of both products.
func WithNow(now func() time.Time) Option { return func(o *options) { o.now = now } }

// WithState starts on the databases of an earlier lab.
func WithState(s *State) Option { return func(o *options) { o.state = s } }

// WithSnapshot hands over a func that takes a State of the running lab.
func WithSnapshot(keep func(func() *State)) Option { return func(o *options) { o.keep = keep } }

// WithToken opens authentik's API to whoever has it.
func WithToken(token string) Option { return func(o *options) { o.token = token } }

// WithDelay draws every page of authentik this long after its load. Without it the
// delays differ from page to page, and most are short: see authentik.Drawing.
func WithDelay(d time.Duration) Option {
	return func(o *options) { o.draw = func() time.Duration { return d } }
}

// WithProvider lets another OpenID provider stand at authentik's name.
func WithProvider(p target.Provider) Option { return func(o *options) { o.standin = p } }

// WithLogger logs the edge's troubles.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// ErrUnsupported marks a bundle that the lab cannot serve.
var ErrUnsupported = errors.New("the lab cannot serve this configuration")

var serial atomic.Int64

// Start runs the pair. A Paperless that does not start because of its
// configuration is no error: Target.Boot says so.
func Start(ctx context.Context, b *deployment.Deployment, opts ...Option) (*target.Target, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	if o.state == nil {
		o.state = &State{}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	site, err := newSite(b)
	if err != nil {
		return nil, err
	}
	site.elsewhere = o.standin.Elsewhere
	redactor := target.NewRedactor(b)
	e, own := o.edge, o.edge == nil
	if own {
		e, err = edge.Listen(edge.Options{Hosts: []string{site.paperless.name, site.authentik.name}, Redactor: redactor, Log: o.log})
		if err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
	} else if o.route == "" {
		o.route = fmt.Sprintf("lab-%d", serial.Add(1))
	}
	idp, err := authentik.New(authentik.Options{
		Version: b.Authentik.Version, Blueprint: deployment.Blueprint(b), Now: o.now, Redactor: redactor, State: o.state.Authentik, Token: o.token, Draw: o.draw, Path: b.Authentik.Path(),
	})
	if err != nil {
		if own {
			err = errors.Join(err, e.Close())
		}
		return nil, err
	}
	var header map[string]string
	if o.route != "" {
		header = map[string]string{edge.RouteHeader: o.route}
	}
	network := newNetwork(b, site, e)
	app, boot := paperless.New(paperless.Options{
		Bundle: b, Harness: map[string]string{"REQUESTS_CA_BUNDLE": "/ca.crt", "PAPERLESS_REDIS": "redis://lab:6379"},
		Dial: network.dial, Roots: e.Roots(), Header: header, Timeout: o.timeout, Now: o.now, Redactor: redactor, State: o.state.Paperless,
	})
	var front http.Handler // nil: the proxy says 502, as in front of a stopped container
	if boot.Up {
		front = app
	}
	e.Route(site.paperless.route(o.route, "paperless", front, b.Paperless.Proxy, redactor))
	if o.standin.Handler == nil {
		e.Route(site.authentik.route(o.route, "authentik", idp, b.Authentik.Proxy, redactor))
	} else {
		e.Route(site.authentik.route(o.route, "authentik", o.standin.Handler, deployment.Proxy{}, redactor))
		other := edge.Route{ID: o.route, Product: "authentik", Host: o.standin.Elsewhere, Handler: o.standin.Handler, PlainHTTP: true, Redactor: redactor}
		e.Route(other)
	}

	p := &pair{bundle: b, edge: e, route: o.route, idp: idp, app: app, network: network, own: own}
	if o.keep != nil {
		o.keep(p.state)
	}
	return &target.Target{
		Kind:        target.Lab,
		Paperless:   evidence.Product{Version: b.Paperless.Version, URL: b.Paperless.URL},
		Authentik:   evidence.Product{Version: b.Authentik.Version, URL: b.Authentik.URL},
		Boot:        boot,
		Database:    b.Paperless.Database(),
		Resolve:     site.resolve(e),
		CA:          e.CA(),
		SPKI:        e.SPKI(),
		Header:      header,
		Redactor:    redactor,
		Exchanges:   p.exchanges,
		Logs:        func(context.Context) ([]evidence.Line, error) { return p.logs(), nil },
		Events:      func(context.Context) ([]string, error) { return idp.Events(), nil },
		Stale:       func(context.Context) ([]string, error) { return b.Paperless.Stale(), nil },
		NotModelled: p.notModelled,
		Direct:      p.direct,
		Changes:     true,
		Fork: func(ctx context.Context) (*target.Target, error) {
			id := fmt.Sprintf("%s-%d", o.route, serial.Add(1))
			return Start(ctx, b, append(slices.Clone(opts), WithEdge(e, id), WithState(p.state()), WithSnapshot(nil))...)
		},
		Close: p.close,
	}, nil
}
