package stack

import (
	"context"
	"net"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// WithProvider lets an OpenID provider of this process stand at authentik's name:
// the edges lead to it what is asked there, and no authentik is started.
func WithProvider(p target.Provider) Option { return func(s *options) { s.provider = p } }

// standsIn reports whether a provider of this process stands at authentik's name.
func (o options) standsIn() bool { return o.provider.Handler != nil }

// serve answers what the pair's edge is asked for the provider.
func (p *pair) serve() error {
	if !p.o.standsIn() || p.hangUp != nil {
		return nil
	}
	var err error
	p.hangUp, err = p.recorder.Serve(p.ctx, p.o.provider.Handler, p.log)
	return err
}

// edgeNames are the names of the edge on the network of its pair.
func (s *Stack) edgeNames(at site) []string {
	names := []string{at.paperless.host, at.authentik.host}
	if more := s.o.provider.Elsewhere; more != "" {
		names = append(names, more)
	}
	return dedup(names...)
}

// resolveElsewhere adds the provider's further host to the addresses.
func (p *pair) resolveElsewhere(ctx context.Context, m map[string]string) error {
	if p.o.provider.Elsewhere == "" {
		return nil
	}
	for _, port := range []string{"80", "443"} {
		to, err := p.addr(ctx, p.front, port)
		if err != nil {
			return err
		}
		m[net.JoinHostPort(p.o.provider.Elsewhere, port)] = to
	}
	return nil
}

// toProvider leads the two names of the provider to this process. The proxy of the
// configuration, which stands before an authentik, has no part in it.
func (o options) toProvider(at site) []edge.ContainerRoute {
	routes := []edge.ContainerRoute{{Product: "authentik", Host: at.authentik.String(), Path: at.authentik.path, Tunnel: true, PlainHTTP: !at.authentik.secure}}
	if o.provider.Elsewhere != "" {
		routes = append(routes, edge.ContainerRoute{Product: "authentik", Host: o.provider.Elsewhere, Tunnel: true, PlainHTTP: true})
	}
	return routes
}

// imagesFor are the images that a pair needs beside PostgreSQL's.
func (s *Stack) imagesFor(images deployment.Images) []string {
	out := []string{images.PaperlessImage, images.PaperlessBroker}
	if s.o.standsIn() {
		return out
	}
	return append(out, images.AuthentikImage, images.AuthentikRedis)
}

// usable waits until the pair's authentik can be used. A Paperless that stopped is
// a verdict whatever authentik does.
func (p *pair) usable(ctx context.Context) error {
	if p.idp == nil {
		return nil
	}
	return p.idp.wait(ctx)
}
