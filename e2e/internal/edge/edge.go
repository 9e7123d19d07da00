// Package edge is the TLS front for both host names. It forwards as the reverse
// proxy that the bundle describes, and records every exchange of both channels
// (browser and Paperless), redacted as it is recorded. It knows no lab, because
// it runs in a container too.
package edge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// RouteHeader tells which of several labs a request is meant for. It is
// stripped before the request is forwarded.
const RouteHeader = "X-Ssocheck-Route"

// Options are the settings of an Edge; the zero value listens on loopback.
type Options struct {
	Addr      string             // TLS; "": 127.0.0.1:0
	PlainAddr string             // http, for redirects; "": 127.0.0.1:0, "-": none
	Hosts     []string           // names that get a certificate from the start
	Keys      *Keys              // nil: new ones
	Redactor  *evidence.Redactor // for routes that have none; nil: a new one
	Log       *slog.Logger       // nil: none
}

// A Route leads one host of one product to its server.
type Route struct {
	ID      string // which lab; "" when there is only one
	Product string // paperless or authentik
	Host    string // host[:port] as in the URL
	// Path is what the route serves of its host, with a slash in front and none at
	// the end: this path and all below it; empty: what no other route of the host does.
	Path    string
	Handler http.Handler // the server, in this process; or
	// Upstream is where the server listens; or
	Upstream *url.URL
	// Tunnel leads to the harness, which serves by Remote.Serve.
	Tunnel bool
	Proxy  deployment.Proxy
	// PlainHTTP serves http too; otherwise it is redirected to https.
	PlainHTTP bool
	// Redactor of this route; nil: the edge's.
	Redactor *evidence.Redactor
}

type routeKey struct{ id, host string }

// An Edge is a running front.
type Edge struct {
	tls, plain net.Listener
	servers    []*http.Server
	serving    sync.WaitGroup
	authority  *authority
	transport  *http.Transport
	tunnel     *tunnel
	done       chan struct{} // closed by Close
	log        *slog.Logger
	redactor   *evidence.Redactor
	started    time.Time

	mu       sync.RWMutex
	routes   map[routeKey][]*Route // of one host, those with the longest Path first
	records  map[string]*record
	upgraded map[net.Conn]bool
	closed   bool
}

// Listen makes a CA and one leaf key, and serves. Routes may come later.
func Listen(o Options) (*Edge, error) {
	a, err := newAuthority(o.Keys, o.Hosts)
	if err != nil {
		return nil, err
	}
	e := &Edge{
		authority: a, log: o.Log, redactor: o.Redactor, started: time.Now(),
		routes: map[routeKey][]*Route{}, records: map[string]*record{}, upgraded: map[net.Conn]bool{},
		tunnel: newTunnel(), done: make(chan struct{}),
		// Compression would hide the bodies that are evidence.
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second},
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.redactor == nil {
		e.redactor = evidence.NewRedactor()
	}
	if e.tls, err = net.Listen("tcp", or(o.Addr, "127.0.0.1:0")); err != nil {
		return nil, fmt.Errorf("edge: %w", err)
	}
	if o.PlainAddr != "-" {
		if e.plain, err = net.Listen("tcp", or(o.PlainAddr, "127.0.0.1:0")); err != nil {
			_ = e.tls.Close()
			return nil, fmt.Errorf("edge: %w", err)
		}
	}
	e.serve(tls.NewListener(e.tls, e.config()), true)
	if e.plain != nil {
		e.serve(e.plain, false)
	}
	return e, nil
}

func (e *Edge) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: e.authority.certificate, NextProtos: []string{"http/1.1"},
		// What is sent here is worth nothing after the run, and the exchange that is safe
		// from later computers costs half of a handshake.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}
}

// Also serves on one more address, for hosts with ports of their own.
func (e *Edge) Also(addr string, secure bool) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	if secure {
		l = tls.NewListener(l, e.config())
	}
	e.serve(l, secure)
	return nil
}

func (e *Edge) serve(l net.Listener, secure bool) {
	srv := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.handle(w, r, secure) }),
		ReadHeaderTimeout: 10 * time.Second,
		// A client that does not trust the CA is a planted cause, not news.
		ErrorLog: log.New(slogWriter{e.log}, "", 0),
	}
	e.servers = append(e.servers, srv)
	e.serving.Go(func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			e.log.Error("edge stopped", "error", err)
		}
	})
}

type slogWriter struct{ log *slog.Logger }

func (w slogWriter) Write(p []byte) (int, error) {
	w.log.Debug("edge", "message", strings.TrimSpace(string(p)))
	return len(p), nil
}

// Addr is the TLS listener's host:port.
func (e *Edge) Addr() string { return e.tls.Addr().String() }

// PlainAddr is the http listener's host:port, or "".
func (e *Edge) PlainAddr() string {
	if e.plain == nil {
		return ""
	}
	return e.plain.Addr().String()
}

// CA is the PEM of the authority.
func (e *Edge) CA() []byte { return e.authority.pem }

// Roots is a pool that holds the authority only.
func (e *Edge) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(e.authority.cert)
	return pool
}

// SPKI are the base64 SHA-256 hashes of the keys that the edge serves with.
func (e *Edge) SPKI() []string { return []string{e.authority.spki} }

// AddHosts makes certificates for further hosts, with the same key.
func (e *Edge) AddHosts(hosts ...string) { e.authority.add(hosts...) }

// Route adds a route, or replaces the one of the same id, host and path.
func (e *Edge) Route(r Route) {
	if r.Redactor == nil {
		r.Redactor = e.redactor
	}
	e.authority.add(hostname(r.Host))
	e.mu.Lock()
	defer e.mu.Unlock()
	e.put(routeKey{r.ID, withPort(r.Host, "443")}, &r)
	if r.PlainHTTP {
		e.put(routeKey{r.ID, withPort(r.Host, "80")}, &r)
	}
	if e.records[r.ID] == nil {
		e.records[r.ID] = &record{}
	}
}

// put keeps the routes of a host in the order in which they are asked. The caller
// holds mu.
func (e *Edge) put(k routeKey, r *Route) {
	list := slices.DeleteFunc(slices.Clone(e.routes[k]), func(old *Route) bool { return old.Path == r.Path })
	list = append(list, r)
	slices.SortFunc(list, func(a, b *Route) int { return len(b.Path) - len(a.Path) })
	e.routes[k] = list
}

// Unroute removes every route of an id, and what was recorded for it.
func (e *Edge) Unroute(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for k := range e.routes {
		if k.id == id {
			delete(e.routes, k)
		}
	}
	delete(e.records, id)
}

// withPort is the host with the port that its scheme implies.
func withPort(host, port string) string {
	if _, p, err := net.SplitHostPort(host); err == nil {
		port = p
	}
	return net.JoinHostPort(hostname(host), port)
}

// find is the route of a request, or nil. On the http listener a host counts
// whatever its port, because there it is only redirected to the route's own.
func (e *Edge) find(id, host, path string, secure bool) *Route {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if secure {
		return under(e.routes[routeKey{id, withPort(host, "443")}], path)
	}
	if r := under(e.routes[routeKey{id, withPort(host, "80")}], path); r != nil {
		return r
	}
	name := hostname(host)
	for _, k := range slices.SortedFunc(maps.Keys(e.routes), func(a, b routeKey) int { return strings.Compare(a.host, b.host) }) {
		if k.id != id || hostname(k.host) != name {
			continue
		}
		if r := under(e.routes[k], path); r != nil && !r.PlainHTTP {
			return r
		}
	}
	return nil
}

// under is the first route that serves a path, or nil.
func under(routes []*Route, path string) *Route {
	for _, r := range routes {
		if path == r.Path || strings.HasPrefix(path, r.Path+"/") {
			return r
		}
	}
	return nil
}

// hostname is the name or address of a host, without its port.
func hostname(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return strings.ToLower(h)
	}
	return strings.ToLower(strings.Trim(hostport, "[]"))
}

// Close stops serving, also upgraded connections. It is safe to call twice.
func (e *Edge) Close() error {
	e.mu.Lock()
	if !e.closed {
		close(e.done)
	}
	e.closed = true
	upgraded := e.upgraded
	e.upgraded = map[net.Conn]bool{}
	e.mu.Unlock()
	var errs []error
	for _, s := range e.servers {
		errs = append(errs, s.Close())
	}
	for c := range upgraded {
		_ = c.Close() // the peer may have closed it first
	}
	e.serving.Wait()
	e.transport.CloseIdleConnections()
	e.tunnel.transport.CloseIdleConnections()
	return errors.Join(errs...)
}

// Exchanges are what was recorded for an id so far, oldest first.
func (e *Edge) Exchanges(id string) []evidence.Exchange {
	e.mu.RLock()
	rec := e.records[id]
	e.mu.RUnlock()
	if rec == nil {
		return nil
	}
	return rec.list()
}

func (e *Edge) record(id string) *record {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.records[id]
}

// track remembers an upgraded connection, which its server no longer knows.
func (e *Edge) track(c net.Conn) net.Conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		_ = c.Close()
		return c
	}
	t := &tracked{Conn: c, edge: e}
	e.upgraded[t] = true
	return t
}

type tracked struct {
	net.Conn
	edge *Edge
}

func (t *tracked) Close() error {
	t.edge.mu.Lock()
	delete(t.edge.upgraded, t)
	t.edge.mu.Unlock()
	return t.Conn.Close()
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

type errorKey struct{}

// forwardError is where a forwarding handler leaves why there was no response.
func forwardError(ctx context.Context) *string {
	s, _ := ctx.Value(errorKey{}).(*string)
	return s
}
