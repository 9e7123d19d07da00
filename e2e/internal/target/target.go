// Package target is a running pair as plain data and funcs. Checks see nothing
// else, so the same checks run on the lab, on the Docker stack and on a pair
// that already runs.
package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// A Target is a running pair.
type Target struct {
	Kind      string
	Paperless evidence.Product // the version is the running one where it could be read
	Authentik evidence.Product
	// Boot reports whether Paperless came up. When it did not, nothing else works
	// and that is a verdict, not an error of the tester.
	Boot evidence.Boot
	// Database is what Paperless stands on: sqlite, postgresql or mariadb; empty: not known.
	Database string

	// Resolve maps host:port of the URLs to the address that serves them, for the
	// browser's resolver rules and for Client. Empty: the names resolve by themselves.
	Resolve map[string]string
	// CA is the PEM of the authority that signed the target's certificates; empty:
	// the system's authorities.
	CA []byte
	// SystemCAs is true when the system's authorities count beside CA.
	SystemCAs bool
	// SPKI are the base64 SHA-256 hashes of public keys that the browser accepts.
	SPKI []string
	// Header is sent by the browser and by Client with every request; it tells the
	// edge which of several labs is meant. Nil when there is only one.
	Header map[string]string

	Redactor *evidence.Redactor

	// Exchanges are what the edge recorded so far for this target; nil where
	// there is no edge of ours.
	Exchanges func() []evidence.Exchange
	// Logs are the containers' lines so far, redacted; nil where they cannot be read.
	Logs func(context.Context) ([]evidence.Line, error)
	// Stale names settings whose running value is not the file's; nil: not known.
	Stale func(context.Context) ([]string, error)
	// Direct answers a request as Paperless itself, past the proxy; nil where
	// that cannot be reached.
	Direct func(*http.Request) (*http.Response, error)
	// Registered are the redirect URIs that authentik has registered; nil: not known.
	Registered func(context.Context) ([]string, error)
	// Events are authentik's event actions so far, oldest first; nil: not known.
	Events func(context.Context) ([]string, error)
	// NotModelled tells what the lab was asked and could not answer; nil elsewhere.
	NotModelled func() []string
	// Admin signs a request to Paperless's API as an administrator; nil: as the
	// bundle's.
	Admin func(*http.Request)
	// Probes are what the tester sees of the pair by itself, for a check that
	// failed where neither log nor back channel can be read; nil elsewhere.
	Probes func(context.Context) []evidence.Probe
	// Standing says what of the pair went away though nobody stopped it: a verdict
	// of a check that met that is none. Nil: not known.
	Standing func(context.Context) error
	// Changes is false when accounts must not be made or linked.
	Changes bool
	// Fork starts another pair of the same configuration on a copy of what this one
	// keeps now. Nothing that is done on one of them shows on the other. Nil where it
	// cannot be had.
	Fork func(context.Context) (*Target, error)
	// Close stops what was started. Never nil; safe to call twice.
	Close func() error
}

// A Provider is an OpenID provider of ours that stands at authentik's name.
type Provider struct {
	Handler http.Handler // nil: authentik itself stands there
	// Elsewhere is a further host that leads to it, with TLS and without.
	Elsewhere string
}

// Client is an HTTP client that reaches the target by its own names, keeps
// cookies, and does not follow redirects.
func (t *Target) Client() (*http.Client, error) {
	// Connections are not kept, but what was agreed on is: a handshake for each
	// request is half of what the requests of a check cost.
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	if len(t.CA) > 0 {
		pool, err := t.roots()
		if err != nil {
			return nil, err
		}
		if !pool.AppendCertsFromPEM(t.CA) {
			return nil, errors.New("target: the CA is not a PEM certificate")
		}
		cfg.RootCAs = pool
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	tr := &http.Transport{
		TLSClientConfig:   cfg,
		ForceAttemptHTTP2: false,
		DisableKeepAlives: true, // nothing of ours may outlive the check
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if to, ok := t.Resolve[addr]; ok {
				addr = to
			}
			return dialer.DialContext(ctx, network, addr)
		},
	}
	return &http.Client{
		Jar:           jar,
		Timeout:       30 * time.Second,
		Transport:     &withHeader{tr, t.Header},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func (t *Target) roots() (*x509.CertPool, error) {
	if !t.SystemCAs {
		return x509.NewCertPool(), nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("target: the system's authorities: %w", err)
	}
	return pool, nil
}

type withHeader struct {
	next   http.RoundTripper
	header map[string]string
}

func (w *withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(w.header) > 0 {
		r = r.Clone(r.Context())
		for k, v := range w.header {
			r.Header.Set(k, v)
		}
	}
	return w.next.RoundTrip(r)
}

// ResolverRules is the value of Chromium's --host-resolver-rules, or "".
func (t *Target) ResolverRules() string {
	var rules []string
	for from, to := range t.Resolve {
		rules = append(rules, "MAP "+from+" "+to)
	}
	slices.Sort(rules) // the browser pool compares them
	return strings.Join(rules, ",")
}

// HostPort is host:port of a URL, the port filled in from the scheme.
func HostPort(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("target: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	if u.Hostname() == "" || port == "" {
		return "", fmt.Errorf("target: no host in %q", raw)
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// NewRequest makes a request to a path of an origin.
func NewRequest(ctx context.Context, method, origin, path string, form url.Values) (*http.Request, error) {
	var r *http.Request
	var err error
	if form == nil {
		r, err = http.NewRequestWithContext(ctx, method, origin+path, nil)
	} else {
		r, err = http.NewRequestWithContext(ctx, method, origin+path, strings.NewReader(form.Encode()))
	}
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, nil
}
