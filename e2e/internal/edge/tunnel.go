package edge

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// A route without a container behind it leads to the harness. From inside of a
// container's network the machine of the harness may not be reachable, so that the
// harness opens the connections: it asks the API for each, the API's side becomes
// the client's end of HTTP, and the harness serves on its own. Whatever an HTTP
// server does holds there too, also that it drops a connection or is given up.
const (
	tunnelPath     = "/tunnel"
	tunnelProtocol = "ssocheck-tunnel"
	// tunnelWait is how long a request waits for a connection of the harness.
	tunnelWait = 10 * time.Second
	// tunnelIdle is how many connections the harness holds ready. A request that
	// meets none waits for a handshake.
	tunnelIdle = 16
	// tunnelHeader is how long a connection may stay without a request: as long as a
	// run takes.
	tunnelHeader = 24 * time.Hour
	// tunnelPause is between two tries of a harness that is not let in.
	tunnelPause = 200 * time.Millisecond
)

// errNoHarness is what a request comes to that nobody serves.
var errNoHarness = errors.New("the harness has opened no connection for this host")

// tunnel is the edge's side.
type tunnel struct {
	ready     chan net.Conn
	transport *http.Transport
}

func newTunnel() *tunnel {
	t := &tunnel{ready: make(chan net.Conn)}
	// A connection serves one request: on one that was used before, a request that
	// gets no answer would be sent again.
	t.transport = &http.Transport{DisableCompression: true, DisableKeepAlives: true, DialContext: t.dial}
	return t
}

// dial takes a connection of the harness.
func (t *tunnel) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	wait := time.NewTimer(tunnelWait)
	defer wait.Stop()
	select {
	case c := <-t.ready:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-wait.C:
		return nil, errNoHarness
	}
}

// offer takes over the connection of a request to the API, until a request of a
// relying party needs it.
func (t *tunnel) offer(e *Edge, w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != tunnelProtocol {
		http.Error(w, "426 Upgrade Required", http.StatusUpgradeRequired)
		return
	}
	c, _, err := http.NewResponseController(w).Hijack() // the harness sends nothing before it is asked
	if err != nil {
		http.Error(w, "500 Internal Server Error", http.StatusInternalServerError)
		return
	}
	c = e.track(c)
	_ = c.SetDeadline(time.Time{})
	if _, err := io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+tunnelProtocol+"\r\n\r\n"); err != nil {
		_ = c.Close()
		return
	}
	select {
	case t.ready <- c:
	case <-e.done:
		_ = c.Close()
	}
}

// Serve answers, in the place of a container, what is asked at the edge of the hosts
// whose routes lead to the harness, until the context ends or stop is called. stop is
// safe to call twice.
func (r Remote) Serve(ctx context.Context, h http.Handler, log *slog.Logger) (stop func(), err error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(r.CA)) {
		return nil, errors.New("edge: the CA is not PEM")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &offers{
		remote: r, log: log, free: make(chan struct{}, tunnelIdle), unused: map[net.Conn]bool{},
		tls: &tls.Config{RootCAs: pool, ServerName: apiName, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
	}
	l.ctx, l.cancel = context.WithCancel(ctx)
	for range tunnelIdle {
		l.free <- struct{}{}
	}
	first, err := l.open() // whoever cannot be let in is told here
	if err != nil {
		l.cancel()
		return nil, err
	}
	l.first = first
	srv := &http.Server{Handler: h, ReadHeaderTimeout: tunnelHeader, ConnState: l.state, ErrorLog: quiet(log)}
	var done sync.WaitGroup
	done.Go(func() { _ = srv.Serve(l) }) // ends with stop
	end := sync.OnceFunc(func() {
		l.cancel()
		_ = srv.Close()
		done.Wait()
	})
	context.AfterFunc(ctx, end)
	return end, nil
}

// quiet is a log for what clients do on purpose.
func quiet(l *slog.Logger) *log.Logger { return log.New(slogWriter{l}, "", 0) }

// offers is a listener of connections that the harness opens itself: as many as are
// free wait for a request, and each that gets one is followed by another.
type offers struct {
	remote Remote
	tls    *tls.Config
	log    *slog.Logger
	ctx    context.Context //nolint:containedctx // a listener has no other way to be told
	cancel context.CancelFunc
	free   chan struct{}
	first  net.Conn

	mu     sync.Mutex
	unused map[net.Conn]bool // had no request yet
}

// Accept opens the next connection when there is need of one.
func (l *offers) Accept() (net.Conn, error) {
	for {
		select {
		case <-l.free:
		case <-l.ctx.Done():
			return nil, net.ErrClosed
		}
		c := l.first
		l.first = nil
		var err error
		if c == nil {
			c, err = l.open()
		}
		if err == nil {
			l.mu.Lock()
			l.unused[c] = true
			l.mu.Unlock()
			return c, nil
		}
		l.log.Debug("edge", "tunnel", err)
		l.free <- struct{}{}
		select {
		case <-time.After(tunnelPause):
		case <-l.ctx.Done():
		}
	}
}

// state hands the place of a connection to the next one as soon as it is in use.
func (l *offers) state(c net.Conn, s http.ConnState) {
	if s != http.StateActive && s != http.StateClosed {
		return
	}
	l.mu.Lock()
	unused := l.unused[c]
	delete(l.unused, c)
	l.mu.Unlock()
	if unused {
		l.free <- struct{}{} // there is room: it was taken from there
	}
}

func (l *offers) Close() error   { l.cancel(); return nil }
func (l *offers) Addr() net.Addr { return tunnelAddr(l.remote.Addr) }

type tunnelAddr string

func (tunnelAddr) Network() string  { return tunnelProtocol }
func (a tunnelAddr) String() string { return string(a) }

// open makes one connection, and turns its direction.
func (l *offers) open() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.ctx, remoteLimit)
	defer cancel()
	c, err := (&tls.Dialer{Config: l.tls}).DialContext(ctx, "tcp", l.remote.Addr)
	if err != nil {
		return nil, fmt.Errorf("ask the edge for its requests: %w", err)
	}
	reader := bufio.NewReader(c)
	err = func() error {
		defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+l.remote.Addr+tunnelPath, nil)
		if err != nil {
			return err
		}
		req.Header = http.Header{"Authorization": {"Bearer " + l.remote.Token}, "Connection": {"Upgrade"}, "Upgrade": {tunnelProtocol}}
		if err := req.Write(c); err != nil {
			return err
		}
		res, err := http.ReadResponse(reader, req)
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusSwitchingProtocols {
			return errors.New(res.Status)
		}
		return nil
	}()
	if err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("ask the edge for its requests: %w", err)
	}
	return &offered{Conn: c, r: reader}, nil
}

// offered is a connection whose first bytes may have been read already.
type offered struct {
	net.Conn
	r *bufio.Reader
}

func (c *offered) Read(p []byte) (int, error) { return c.r.Read(p) }
