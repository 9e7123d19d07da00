package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// An island is a network of a browser's own: interfaces that come and go on the
// machine do not exist there, so Chromium never gives up what it loads
// (net::ERR_NETWORK_CHANGED). The only way out are the relays, one for each
// address that the resolver rules lead to. Names that no rule maps are unknown.
type island struct {
	rules string // as the browser gets them: they lead to the relays
	enter string // file of the network's namespace
	log   *slog.Logger

	relays  []*relay
	leave   func() // gives the namespace up
	serving sync.WaitGroup
	stop    context.CancelFunc
}

// A relay carries connections from the island to one address outside.
type relay struct {
	listener net.Listener
	to       string

	mu  sync.Mutex
	why string // what went wrong there last, as Chromium would name it
}

// newIsland makes a network for a browser with these resolver rules. An error
// says why the system, or the rules, do not allow one.
func newIsland(rules string, log *slog.Logger) (*island, error) {
	parsed, err := readRules(rules)
	if err != nil {
		return nil, err
	}
	var to []string // where the rules lead
	for _, r := range parsed {
		if r.to == notFound {
			continue
		}
		host, _, err := net.SplitHostPort(r.to)
		if err != nil || net.ParseIP(host) == nil {
			return nil, fmt.Errorf("the rule for %s names no address and port", r.from)
		}
		if !slices.Contains(to, r.to) {
			to = append(to, r.to)
		}
	}
	at, err := openNamespace(len(to))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	i := &island{enter: at.path, leave: at.leave, log: log, stop: stop}
	for n, address := range to {
		r := &relay{listener: at.listeners[n], to: address}
		i.relays = append(i.relays, r)
		i.serving.Go(func() { i.serve(ctx, r) })
	}
	mapped := make([]string, 0, len(parsed))
	for _, r := range parsed {
		if n := slices.Index(to, r.to); n >= 0 {
			r.to = at.listeners[n].Addr().String()
		}
		mapped = append(mapped, "MAP "+r.from+" "+r.to)
	}
	i.rules = strings.Join(mapped, ",")
	return i, nil
}

func (i *island) close() error {
	i.stop()
	var errs []error
	for _, r := range i.relays {
		errs = append(errs, r.listener.Close())
	}
	i.serving.Wait()
	i.leave()
	return errors.Join(errs...)
}

func (i *island) serve(ctx context.Context, r *relay) {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		i.serving.Go(func() {
			if err := r.carry(ctx, c.(*net.TCPConn)); err != nil {
				i.log.Debug("relay", "to", r.to, "error", err)
			}
		})
	}
}

// carry dials and copies both ways. How a connection ends is passed on: its end,
// and also that it was broken off.
func (r *relay) carry(ctx context.Context, in *net.TCPConn) error {
	defer context.AfterFunc(ctx, func() { _ = in.Close() })()
	defer func() { _ = in.Close() }()
	d := net.Dialer{Timeout: dialLimit}
	c, err := d.DialContext(ctx, "tcp", r.to)
	if err != nil {
		r.failed(dialCode(err))
		_ = in.SetLinger(0)
		return err
	}
	out := c.(*net.TCPConn)
	defer context.AfterFunc(ctx, func() { _ = out.Close() })()
	defer func() { _ = out.Close() }()
	r.failed("")
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass(out, in)
	}()
	pass(in, out)
	<-done
	return nil
}

// pass copies until either side ends, and ends the other one in the same way.
func pass(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		for _, c := range []*net.TCPConn{to, from} {
			_ = c.SetLinger(0)
			_ = c.Close()
		}
		return
	}
	_ = to.CloseWrite()
}

func (r *relay) failed(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.why = why
}

// reason is what went wrong at a URL's host in Chromium's words, where the
// browser itself could only say that the relay gave up.
func (i *island) reason(raw, code string) string {
	if code == disconnected {
		return "net::ERR_NAME_NOT_RESOLVED" // nothing else can fail so where nothing comes or goes
	}
	u, err := url.Parse(raw)
	if err != nil || !brokenOff(code) {
		return code
	}
	rules, err := readRules(i.rules)
	if err != nil {
		return code
	}
	to := address(rules, u.Hostname(), portOf(u))
	for _, r := range i.relays {
		if r.listener.Addr().String() != to {
			continue
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.why != "" {
			return r.why
		}
	}
	return code
}

// brokenOff tells of Chromium's codes for a connection that was closed on it.
func brokenOff(code string) bool {
	return slices.Contains([]string{"net::ERR_CONNECTION_CLOSED", "net::ERR_EMPTY_RESPONSE", "net::ERR_CONNECTION_RESET", "net::ERR_SOCKET_NOT_CONNECTED"}, code)
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}
