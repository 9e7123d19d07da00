package model

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// userAgent is that of the recorded images' requests library.
const userAgent = "python-requests/2.32.5"

// A fetched is what a back-channel call returned.
type fetched struct {
	status int
	body   []byte
	kind   string // Content-Type
	typed  bool   // there was one
}

// fetchLimit is above what any test of ours sends; the product has no limit.
const fetchLimit = 64 << 20

// A patient connection gives up when nothing was read for so long: requests' limit is
// one for each read, not for the whole answer (fixtures/hostile.json, rows 6.6, 7.20).
type patient struct {
	net.Conn
	limit time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

// fetch makes one back-channel call as Python's requests does: redirects are
// followed, and what goes wrong is an exception in requests' words. Only the
// container's CA bundle decides whom it trusts.
func (c *call) fetch(method, target, auth string, form url.Values) (fetched, *pyError) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme == "" {
		return fetched{}, pyErrorf("requests.exceptions.MissingSchema", "Invalid URL %s: No scheme supplied. Perhaps you meant https://%s?", pyRepr(target), target)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return fetched{}, pyErrorf("requests.exceptions.InvalidSchema", "No connection adapters were found for %s", pyRepr(target))
	}
	roots, exc := c.roots()
	if exc != nil {
		return fetched{}, exc
	}
	var connected atomic.Bool
	dial := c.opts.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	ctx := c.r.Context()
	client := &http.Client{
		CheckRedirect: followed,
		Transport: &http.Transport{
			// The transport's own context outlives the call; ours ends with it.
			DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
				limited, cancel := context.WithTimeout(ctx, c.opts.Timeout)
				defer cancel()
				conn, err := dial(limited, network, addr)
				connected.Store(err == nil)
				if err != nil {
					return nil, err
				}
				return patient{conn, c.opts.Timeout}, nil
			},
			TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: c.handshakes},
			DisableKeepAlives: true, // nothing may outlive the call
		},
	}
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return fetched{}, pyErrorf("requests.exceptions.InvalidURL", "%s", err)
	}
	for k, v := range c.opts.Header {
		req.Header.Set(k, v)
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "*/*")
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		req.Body, req.ContentLength = nil, 0
	}
	if strings.ContainsAny(auth, "\r\n") {
		return fetched{}, pyErrorf("requests.exceptions.InvalidHeader", "Invalid leading whitespace, reserved character(s), or return character(s) in header value: %s", pyRepr(auth))
	}
	resp, err := client.Do(req)
	if err != nil {
		return fetched{}, c.netError(u, err, connected.Load())
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, fetchLimit))
	if err != nil {
		return fetched{}, c.netError(u, err, true)
	}
	_, typed := resp.Header["Content-Type"]
	return fetched{resp.StatusCode, body, resp.Header.Get("Content-Type"), typed}, nil
}

// redirectLimit is how many redirects requests follows.
const redirectLimit = 30

// followed lets go of the Authorization header where requests does: on the way to another
// host, scheme or port, but for the usual step from http to https of one host.
func followed(to *http.Request, via []*http.Request) error {
	if len(via) > redirectLimit {
		return fmt.Errorf("exceeded %d redirects", redirectLimit)
	}
	from := via[len(via)-1].URL
	port := func(u *url.URL) string {
		if u.Port() == "" {
			return map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return u.Port()
	}
	secured := from.Scheme == "http" && port(from) == "80" && to.URL.Scheme == "https" && port(to.URL) == "443"
	if from.Hostname() != to.URL.Hostname() || !secured && (from.Scheme != to.URL.Scheme || port(from) != port(to.URL)) {
		to.Header.Del("Authorization")
	}
	return nil
}

// roots are the authorities that requests trusts; nil: certifi, for which the
// system's stand in.
func (c *call) roots() (*x509.CertPool, *pyError) {
	path := c.set.env["REQUESTS_CA_BUNDLE"]
	if path == "" {
		path = c.set.env["CURL_CA_BUNDLE"]
	}
	switch {
	case path == "":
		return nil, nil
	case path == "/ca.crt" && c.opts.Roots != nil:
		return c.opts.Roots, nil
	case strings.HasPrefix(path, "/etc/ssl/certs/"):
		return x509.NewCertPool(), nil // Debian's own list is there, and our CA is not in it
	}
	return nil, pyErrorf("OSError", "Could not find a suitable TLS CA certificate bundle, invalid path: %s", path)
}

// netError says in urllib3's and requests' words why there was no response.
func (c *call) netError(u *url.URL, err error, connected bool) *pyError {
	var ue *url.Error
	if errors.As(err, &ue) {
		if at, perr := url.Parse(ue.URL); perr == nil && at.Host != "" {
			u = at // where a redirect had led
		}
	}
	kind, port := "HTTPS", u.Port()
	if u.Scheme == "http" {
		kind = "HTTP"
	}
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	pool := fmt.Sprintf("%sConnectionPool(host='%s', port=%s)", kind, u.Hostname(), port)
	// The real address differs in every line; what reads logs must not care.
	object := fmt.Sprintf("<urllib3.connection.%sConnection object at 0x7f0000000000>", kind)
	if c.set.at("3.0.0") {
		object = fmt.Sprintf("%sConnection(host='%s', port=%s)", kind, u.Hostname(), port)
	}
	seconds := c.opts.Timeout.Seconds()
	exhausted := func(class, reason string) *pyError {
		text := fmt.Sprintf("%s: Max retries exceeded with url: %s (Caused by %s)", pool, u.RequestURI(), reason)
		return &pyError{class: "requests.exceptions." + class, msg: text, cause: "urllib3.exceptions.MaxRetryError: " + text}
	}
	var dns *net.DNSError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns) && !dns.IsTimeout:
		return exhausted("ConnectionError", fmt.Sprintf("NameResolutionError(\"%s: Failed to resolve '%s' ([Errno -2] Name or service not known)\")", object, u.Hostname()))
	case errors.As(err, &record):
		return exhausted("SSLError", "SSLError(SSLError(1, '[SSL: WRONG_VERSION_NUMBER] wrong version number'))")
	case certificateProblem(err) != "":
		return exhausted("SSLError", fmt.Sprintf("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: %s'))", certificateProblem(err)))
	case errors.Is(err, syscall.ECONNREFUSED):
		return exhausted("ConnectionError", fmt.Sprintf("NewConnectionError('%s: Failed to establish a new connection: [Errno 111] Connection refused')", object))
	case timedOut(err) && connected:
		return pyErrorf("requests.exceptions.ReadTimeout", "%s: Read timed out. (read timeout=%g)", pool, seconds)
	case timedOut(err):
		return exhausted("ConnectTimeout", fmt.Sprintf("ConnectTimeoutError(%s, 'Connection to %s timed out. (connect timeout=%g)')", object, u.Hostname(), seconds))
	case strings.Contains(err.Error(), "stopped after"):
		return pyErrorf("requests.exceptions.TooManyRedirects", "Exceeded 30 redirects.")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return exhausted("ConnectionError", fmt.Sprintf("NewConnectionError('%s: Failed to establish a new connection: [Errno 113] No route to host')", object))
	}
	return pyErrorf("requests.exceptions.ConnectionError", "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))")
}

func timedOut(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &ne) && ne.Timeout())
}

// certificateProblem is OpenSSL's word for what is wrong with the certificate.
func certificateProblem(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		if cert := unknown.Cert; cert != nil && cert.CheckSignatureFrom(cert) == nil {
			return "self-signed certificate"
		}
		return "unable to get local issuer certificate"
	case errors.As(err, &name):
		return fmt.Sprintf("Hostname mismatch, certificate is not valid for %s.", pyRepr(name.Host))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate has expired"
	case errors.As(err, &invalid):
		return "unable to get local issuer certificate"
	}
	return ""
}

// statusError is raise_for_status; nil below 400.
func statusError(status int, target string) *pyError {
	side := "Client"
	if status >= 500 {
		side = "Server"
	}
	if status < 400 {
		return nil
	}
	return pyErrorf("requests.exceptions.HTTPError", "%d %s Error: %s for url: %s", status, side, http.StatusText(status), target)
}

// decode is response.json() where an object is expected.
func (c *call) decode(body []byte) (map[string]any, *pyError) {
	v, err := pyJSON(string(body), c.set.python313())
	if err != nil {
		return nil, pyErrorf("requests.exceptions.JSONDecodeError", "%s", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, pyErrorf("TypeError", "'%s' object is not subscriptable", pyType(v))
	}
	return m, nil
}
