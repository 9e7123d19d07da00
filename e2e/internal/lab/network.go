package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// An origin is the address of one product.
type origin struct {
	name   string // host name or address
	port   string
	secure bool
	path   string // what is served of a host that serves the other product too; empty: all
}

// site is where the two products are.
type site struct {
	paperless, authentik origin
	elsewhere            string // another host of a provider that stands in; empty: none
}

func newSite(b *deployment.Deployment) (site, error) {
	p, err := newOrigin("PAPERLESS_URL", b.Paperless.URL)
	if err != nil {
		return site{}, err
	}
	a, err := newOrigin("authentik's address", b.Authentik.URL)
	if err != nil {
		return site{}, err
	}
	if p.addr() == a.addr() {
		if a.path, err = b.OnOneHost(p.addr()); err != nil {
			return site{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
	}
	return site{paperless: p, authentik: a}, nil
}

func newOrigin(what, raw string) (origin, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return origin{}, fmt.Errorf("%w: %s is %q, want https://host", ErrUnsupported, what, raw)
	}
	o := origin{name: strings.ToLower(u.Hostname()), port: u.Port(), secure: u.Scheme == "https"}
	if o.port == "" {
		o.port = map[bool]string{true: "443", false: "80"}[o.secure]
	}
	return o, nil
}

func (o origin) addr() string { return net.JoinHostPort(o.name, o.port) }

func (o origin) route(id, product string, h http.Handler, proxy deployment.Proxy, r *evidence.Redactor) edge.Route {
	return edge.Route{ID: id, Product: product, Host: o.addr(), Path: o.path, Handler: h, Proxy: proxy, PlainHTTP: !o.secure, Redactor: r}
}

// refusing is an address where nothing listens.
const refusing = "127.0.0.1:1"

// resolve maps every address that the two names have to who answers there: the
// edge, or nobody.
func (s site) resolve(e *edge.Edge) map[string]string {
	m := map[string]string{}
	for _, o := range []origin{s.paperless, s.authentik} {
		m[o.addr()] = e.Addr()
		if !o.secure {
			m[o.addr()] = e.PlainAddr()
		}
	}
	if s.elsewhere != "" {
		m[net.JoinHostPort(s.elsewhere, "443")] = e.Addr()
		m[net.JoinHostPort(s.elsewhere, "80")] = e.PlainAddr()
	}
	for _, o := range []origin{s.paperless, s.authentik} {
		add := func(port, to string) {
			if at := net.JoinHostPort(o.name, port); m[at] == "" {
				m[at] = to
			}
		}
		if o.secure {
			add("80", e.PlainAddr()) // the usual redirect to https
		} else {
			add("80", refusing)
		}
		add("443", refusing)
	}
	return m
}

// network is the network as the Paperless container sees it: its extra_hosts,
// the two names, and nothing else. Nothing outside of loopback is ever dialled.
type network struct {
	extra map[string]string
	known map[string]string
	names []string
	stop  chan struct{}

	once sync.Once
	mu   sync.Mutex
	seen []string
}

func newNetwork(b *deployment.Deployment, s site, e *edge.Edge) *network {
	n := &network{extra: map[string]string{}, known: s.resolve(e), names: []string{s.paperless.name, s.authentik.name, s.elsewhere}, stop: make(chan struct{})}
	for name, addr := range b.Paperless.ExtraHosts {
		n.extra[strings.ToLower(name)] = addr
	}
	return n
}

func (n *network) close() { n.once.Do(func() { close(n.stop) }) }

// silent are RFC 5737's networks: nobody is there, packets vanish.
var silent = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
}

// dialLimit is for a connection to our own loopback.
const dialLimit = 5 * time.Second

func (n *network) dial(ctx context.Context, proto, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("lab: dial %s: %w", addr, err)
	}
	host = strings.ToLower(host)
	failed := func(err error) error { return &net.OpError{Op: "dial", Net: proto, Err: err} }
	refused := failed(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	to := host
	if extra, ok := n.extra[host]; ok {
		to = strings.Trim(extra, "[]")
	}
	if ip, err := netip.ParseAddr(to); err == nil {
		ip = ip.Unmap()
		switch {
		case ip.IsLoopback(), ip.IsUnspecified():
			return nil, refused // the container's own loopback, where nobody listens
		case slices.ContainsFunc(silent, func(p netip.Prefix) bool { return p.Contains(ip) }):
			return nil, failed(n.silence(ctx))
		}
	}
	if at, ok := n.known[net.JoinHostPort(host, port)]; ok {
		if at == refusing {
			return nil, refused
		}
		d := net.Dialer{Timeout: dialLimit}
		return d.DialContext(ctx, proto, at)
	}
	if slices.Contains(n.names, host) {
		return nil, refused
	}
	if _, err := netip.ParseAddr(to); err == nil {
		n.stranger(to)
		return nil, refused
	}
	return nil, failed(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
}

// silence waits until the caller gives up, or the lab is closed.
func (n *network) silence(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-n.stop:
		return net.ErrClosed
	}
	return os.ErrDeadlineExceeded
}

// notesLimit bounds the notes of a lab that is asked for ever.
const notesLimit = 5000

// stranger remembers an address that the lab knows nothing of, each time that
// Paperless turns to it.
func (n *network) stranger(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.seen) < notesLimit {
		n.seen = append(n.seen, "lab: not modelled: what answers at "+addr)
	}
}

func (n *network) strangers() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.seen)
}
