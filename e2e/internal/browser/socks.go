package browser

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// proxyName is a page that the proxy answers by itself, to see whether the
// browser reaches it. The zone exists nowhere (RFC 2606).
const proxyName = "ssocheck-proxy.invalid"

// dialLimit is what a connection of the proxy may take: below the limit of a
// visit, so that the reason is known before the step gives up.
const dialLimit = 10 * time.Second

// A socks is a SOCKS5 proxy (RFC 1928) for a browser that runs elsewhere. Such a
// browser cannot be given resolver rules or keys any more, but each of its
// contexts takes a proxy: that one maps the names, and looks at the certificates
// in the browser's place.
type socks struct {
	listener net.Listener
	addr     string // as the browser reaches it
	rules    []rule
	keys     []string // SPKI hashes that are accepted; others need the system's authorities
	peers    []net.IP // who may connect; empty: anybody
	log      *slog.Logger

	stop    context.CancelFunc
	serving sync.WaitGroup

	mu       sync.Mutex
	why      map[string]string // host:port to what went wrong there, as Chromium would name it
	verified map[string]error  // host:port and address
}

// A rule is one MAP of --host-resolver-rules.
type rule struct{ from, to string }

// notFound is where a rule leads whose names are unknown.
const notFound = "~NOTFOUND"

// readRules reads the value of --host-resolver-rules.
func readRules(text string) ([]rule, error) {
	var out []rule
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		if len(words) != 3 || words[0] != "MAP" {
			return nil, fmt.Errorf("resolver rule %q: want MAP host[:port] address[:port]", part)
		}
		out = append(out, rule{words[1], words[2]})
	}
	return out, nil
}

// address is where a host and port lead; "" where a rule says nowhere.
func address(rules []rule, host, port string) string {
	for _, r := range rules {
		pattern, only, err := net.SplitHostPort(r.from)
		if err != nil {
			pattern, only = r.from, port
		}
		if fits, err := path.Match(pattern, host); err != nil || !fits || only != port {
			continue
		}
		if r.to == notFound {
			return ""
		}
		if _, _, err := net.SplitHostPort(r.to); err == nil {
			return r.to
		}
		return net.JoinHostPort(strings.Trim(r.to, "[]"), port)
	}
	return net.JoinHostPort(host, port)
}

// listenSocks starts the proxy on an address that the remote browser reaches.
// seenAs is the name of this machine there; empty: found out by the way to it.
func listenSocks(remote, seenAs, rules string, keys []string, log *slog.Logger) (*socks, error) {
	parsed, err := readRules(rules)
	if err != nil {
		return nil, err
	}
	s := &socks{rules: parsed, keys: keys, log: log, why: map[string]string{}, verified: map[string]error{}}
	bind := "0.0.0.0"
	if seenAs == "" {
		if bind, s.peers, err = route(remote); err != nil {
			return nil, err
		}
		seenAs = bind
	}
	if s.listener, err = net.Listen("tcp", net.JoinHostPort(bind, "0")); err != nil {
		return nil, fmt.Errorf("listen for the remote browser: %w", err)
	}
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	s.addr = net.JoinHostPort(seenAs, port)
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.serving.Go(func() { s.serve(ctx) })
	return s, nil
}

// route is our own address on the way to a URL's host, and that host's addresses.
func route(remote string) (own string, peers []net.IP, err error) {
	u, err := url.Parse(remote)
	if err != nil {
		return "", nil, fmt.Errorf("find the remote browser: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"wss": "443", "https": "443"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	peers, err = net.LookupIP(u.Hostname())
	if err != nil {
		return "", nil, fmt.Errorf("find the remote browser: %w", err)
	}
	c, err := net.Dial("udp", net.JoinHostPort(u.Hostname(), port)) // sends nothing: it only picks the way
	if err != nil {
		return "", nil, fmt.Errorf("find the way to the remote browser: %w", err)
	}
	own, _, err = net.SplitHostPort(c.LocalAddr().String())
	return own, peers, errors.Join(err, c.Close())
}

func (s *socks) close() error {
	s.stop()
	err := s.listener.Close()
	s.serving.Wait()
	return err
}

// reason is what went wrong at a URL's host in Chromium's words, where the
// browser itself could only say that the proxy failed.
func (s *socks) reason(raw, code string) string {
	if !strings.HasPrefix(code, "net::ERR_SOCKS_") && !brokenOff(code) {
		return code
	}
	u, err := url.Parse(raw)
	if err != nil {
		return code
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := s.why[net.JoinHostPort(u.Hostname(), portOf(u))]; why != "" {
		return why
	}
	return code
}

func (s *socks) failed(at, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why[at] = why
}

func (s *socks) serve(ctx context.Context) {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		if from, ok := c.RemoteAddr().(*net.TCPAddr); ok && len(s.peers) > 0 && !slices.ContainsFunc(s.peers, from.IP.Equal) {
			s.log.Debug("the proxy refused a stranger", "from", c.RemoteAddr())
			_ = c.Close()
			continue
		}
		s.serving.Go(func() {
			defer context.AfterFunc(ctx, func() { _ = c.Close() })()
			defer func() { _ = c.Close() }()
			if err := s.handle(ctx, c); err != nil {
				s.log.Debug("proxy", "error", err)
			}
		})
	}
}

// The replies of RFC 1928 section 6.
const (
	replyGranted     = 0
	replyRefused     = 5
	replyUnreachable = 4
)

func (s *socks) handle(ctx context.Context, c net.Conn) error {
	in := bufio.NewReader(c)
	host, port, err := greet(in, c)
	if err != nil {
		return err
	}
	at := net.JoinHostPort(host, port)
	if host == proxyName {
		if err := reply(c, replyGranted); err != nil {
			return err
		}
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		return err
	}
	to := address(s.rules, host, port)
	if to == "" {
		s.failed(at, "net::ERR_NAME_NOT_RESOLVED")
		return reply(c, replyUnreachable)
	}
	d := net.Dialer{Timeout: dialLimit}
	out, err := d.DialContext(ctx, "tcp", to)
	if err != nil {
		s.failed(at, dialCode(err))
		return errors.Join(err, reply(c, replyRefused))
	}
	defer context.AfterFunc(ctx, func() { _ = out.Close() })()
	defer func() { _ = out.Close() }()
	if err := reply(c, replyGranted); err != nil {
		return err
	}
	first, err := in.Peek(1)
	if err != nil {
		return nil //nolint:nilerr // a connection that was opened in advance and not used
	}
	const handshake = 0x16 // RFC 8446 5.1
	if first[0] == handshake {
		if err := s.verify(ctx, host, to); err != nil {
			s.failed(at, certCode(err))
			return err
		}
	}
	s.failed(at, "")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(out, in) // ends when either side closes
		_ = out.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(c, out)
	_ = c.Close()
	<-done
	return err
}

// greet reads the two messages of the client and returns what it asks for.
func greet(in *bufio.Reader, c net.Conn) (host, port string, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil {
		return "", "", fmt.Errorf("read the greeting: %w", err)
	}
	if head[0] != 5 {
		return "", "", errors.New("not SOCKS5")
	}
	if _, err := in.Discard(int(head[1])); err != nil {
		return "", "", fmt.Errorf("read the methods: %w", err)
	}
	if _, err := c.Write([]byte{5, 0}); err != nil { // no authentication
		return "", "", err
	}
	ask := make([]byte, 4)
	if _, err := io.ReadFull(in, ask); err != nil {
		return "", "", fmt.Errorf("read the request: %w", err)
	}
	size := 0
	switch ask[3] {
	case 1:
		size = net.IPv4len
	case 4:
		size = net.IPv6len
	case 3:
		n, err := in.ReadByte()
		if err != nil {
			return "", "", fmt.Errorf("read the request: %w", err)
		}
		size = int(n)
	}
	if ask[1] != 1 || size == 0 {
		return "", "", errors.New("only CONNECT is served")
	}
	rest := make([]byte, size+2)
	if _, err := io.ReadFull(in, rest); err != nil {
		return "", "", fmt.Errorf("read the request: %w", err)
	}
	host = string(rest[:size])
	if ask[3] != 3 {
		host = net.IP(rest[:size]).String()
	}
	return strings.ToLower(host), strconv.Itoa(int(binary.BigEndian.Uint16(rest[size:]))), nil
}

func reply(c net.Conn, code byte) error {
	_, err := c.Write([]byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0})
	return err
}

// verify looks at the certificate at an address, once: the browser was told not
// to, because it cannot be told which keys are good.
func (s *socks) verify(ctx context.Context, host, to string) error {
	s.mu.Lock()
	known, seen := s.verified[host+" "+to]
	s.mu.Unlock()
	if seen || len(s.keys) == 0 {
		return known
	}
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialLimit}, Config: &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: host,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection below does it
		VerifyConnection: func(state tls.ConnectionState) error {
			leaf := state.PeerCertificates[0]
			sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
			if slices.Contains(s.keys, base64.StdEncoding.EncodeToString(sum[:])) {
				return nil
			}
			between := x509.NewCertPool()
			for _, cert := range state.PeerCertificates[1:] {
				between.AddCert(cert)
			}
			_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Intermediates: between})
			return err
		},
	}}
	c, err := d.DialContext(ctx, "tcp", to)
	if err == nil {
		_ = c.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verified[host+" "+to] = err
	return err
}

// dialCode is Chromium's name for a connection that could not be made.
func dialCode(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "net::ERR_NAME_NOT_RESOLVED"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "net::ERR_CONNECTION_REFUSED"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "net::ERR_CONNECTION_TIMED_OUT"
	}
	return "net::ERR_ADDRESS_UNREACHABLE"
}

// certCode is Chromium's name for a certificate that is not good.
func certCode(err error) string {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return "net::ERR_CERT_COMMON_NAME_INVALID"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "net::ERR_CERT_DATE_INVALID"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "net::ERR_CERT_AUTHORITY_INVALID"
	}
	return "net::ERR_CERT_INVALID"
}
