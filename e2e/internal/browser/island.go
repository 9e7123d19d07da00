package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os/exec"
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
	rules   string                // as the browser gets them: they lead to the relays
	enter   func(*exec.Cmd) error // makes a command start in the island
	log     *slog.Logger
	relays  []*relay
	leave   func() // gives the network up
	serving sync.WaitGroup
	ctx     context.Context // of what is carried: it ends with close
	stop    context.CancelFunc

	mu        sync.Mutex
	listeners []net.Listener
}

// A relay carries connections from the island to one address outside.
type relay struct {
	at string // its address on the island
	to string

	mu  sync.Mutex
	why string // what went wrong there last, as Chromium would name it
}

// newIsland makes a network for a browser with these resolver rules. helper is
// Options.Helper. An error says why the system, or the rules, do not allow one.
func newIsland(rules, helper string, log *slog.Logger) (*island, error) {
	i, err := planIsland(rules, log)
	if err != nil {
		return nil, err
	}
	err = i.openNamespace()
	if errors.Is(err, errNotAllowed) && helper != "" {
		err = i.leaveItTo(helper)
	}
	if err != nil {
		i.stop()
		return nil, err
	}
	return i, nil
}

// planIsland says which relays an island needs, and maps the rules to them.
func planIsland(rules string, log *slog.Logger) (*island, error) {
	parsed, err := readRules(rules)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	i := &island{log: log, ctx: ctx, stop: stop}
	var mapped []string
	for _, r := range parsed {
		if r.to != notFound {
			host, _, err := net.SplitHostPort(r.to)
			if err != nil || net.ParseIP(host) == nil {
				stop()
				return nil, fmt.Errorf("the rule for %s names no address and port", r.from)
			}
			r.to = i.relayTo(r.to).at
		}
		mapped = append(mapped, "MAP "+r.from+" "+r.to)
	}
	i.rules = strings.Join(mapped, ",")
	return i, nil
}

// relayTo is the relay to an address. Its port is ours to choose: nobody else is
// on the island.
func (i *island) relayTo(to string) *relay {
	for _, r := range i.relays {
		if r.to == to {
			return r
		}
	}
	const first = 20001
	r := &relay{at: fmt.Sprintf("127.0.0.1:%d", first+len(i.relays)), to: to}
	i.relays = append(i.relays, r)
	return r
}

func (i *island) close() error {
	i.stop()
	i.mu.Lock()
	var errs []error
	for _, l := range i.listeners {
		errs = append(errs, l.Close())
	}
	i.mu.Unlock()
	i.leave()
	i.serving.Wait()
	return errors.Join(errs...)
}

// serve takes what comes to the listeners, one for each relay.
func (i *island) serve(listeners []net.Listener) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.listeners = append(i.listeners, listeners...)
	for n, l := range listeners {
		if i.ctx.Err() != nil {
			continue // closed meanwhile, and so was what was listed then
		}
		i.serving.Go(func() { i.accept(l, i.relays[n]) })
	}
}

func (i *island) accept(l net.Listener, r *relay) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		i.serving.Go(func() {
			if err := r.carry(i.ctx, c.(*net.TCPConn)); err != nil {
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
		if r.at != to {
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

// errNotAllowed says that the system does not let this process make a network.
var errNotAllowed = errors.New("only root (CAP_SYS_ADMIN) may make a network namespace")

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}
