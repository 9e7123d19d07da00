package edge

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// handle answers one request: the route's server, a redirect to https, or 421
// for a host that nobody asked us to serve.
func (e *Edge) handle(w http.ResponseWriter, r *http.Request, secure bool) {
	id := r.Header.Get(RouteHeader)
	r.Header.Del(RouteHeader)
	route := e.find(id, r.Host, r.URL.Path, secure)
	if route == nil {
		http.Error(w, "ssocheck edge: no route for "+r.Host, http.StatusMisdirectedRequest)
		return
	}
	own := r.Header.Get(evidence.OwnHeader) != ""
	r.Header.Del(evidence.OwnHeader)
	x := e.begin(id, route, r, secure)
	x.Own = own
	rw := &recorder{ResponseWriter: w, edge: e, capture: x.capture()}
	if s := route.Proxy.StripSetCookie; s != "" && strings.Contains(r.URL.Path, s) {
		rw.strip = "Set-Cookie"
	}
	defer func() { x.end(rw) }()
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case !secure && !route.PlainHTTP && !route.Proxy.PlainToo:
		http.Redirect(rw, r, "https://"+strings.TrimSuffix(route.Host, ":443")+r.URL.RequestURI(), cmp.Or(route.Proxy.RedirectStatus, http.StatusMovedPermanently))
		return
	case secure && route.Proxy.Moved != "" && r.URL.Path == route.Proxy.Moved:
		http.Redirect(rw, r, route.Proxy.MovedTo, http.StatusTemporaryRedirect)
		return
	case route.Proxy.RefuseForeign != "" && r.URL.Path == route.Proxy.RefuseForeign && (site == "cross-site" || site == "same-site"):
		http.Error(rw, "403 Forbidden", http.StatusForbidden)
		return
	}
	out := forward(r, route.Proxy, secure)
	x.sent(out)
	if route.Handler != nil {
		route.Handler.ServeHTTP(rw, out)
		return
	}
	if route.Upstream == nil && !route.Tunnel {
		http.Error(rw, "502 Bad Gateway", http.StatusBadGateway)
		return
	}
	out = out.WithContext(context.WithValue(out.Context(), errorKey{}, &x.failure))
	if route.Tunnel {
		rw.Header()["Content-Type"] = nil // what the harness leaves out is not guessed here
	}
	e.proxy(route, x.capture()).ServeHTTP(rw, out)
}

// harness stands in the address of a request that goes through the tunnel.
var harness = url.URL{Scheme: "http", Host: "harness.ssocheck.invalid"}

// proxy forwards a request that forward has already prepared. Bodies that are
// evidence are asked for uncompressed.
func (e *Edge) proxy(route *Route, plainBody bool) *httputil.ReverseProxy {
	transport, to := e.transport, route.Upstream
	if route.Tunnel {
		transport, to = e.tunnel.transport, &harness
	}
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = to.Scheme, to.Host
			p.Out.Host = p.In.Host
			for _, h := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"} {
				if v := p.In.Header.Values(h); len(v) > 0 { // Rewrite mode drops them
					p.Out.Header[h] = v
				}
			}
			if plainBody {
				p.Out.Header.Set("Accept-Encoding", "identity")
			}
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if s := forwardError(r.Context()); s != nil {
				*s = err.Error()
			}
			e.log.Debug("forward", "to", route.Product, "error", err)
			if route.Tunnel && !errors.Is(err, errNoHarness) {
				panic(http.ErrAbortHandler) // it gave no answer, and neither do we
			}
			http.Error(w, "502 Bad Gateway", http.StatusBadGateway)
		},
		ErrorLog: nil,
	}
}

// forward is the request as the product sees it behind this proxy.
func forward(r *http.Request, p deployment.Proxy, secure bool) *http.Request {
	out := r.Clone(r.Context())
	out.TLS = nil // the edge ended it
	h := out.Header
	// What clients claim about themselves is dropped, as a right proxy does.
	for name := range h {
		n := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		switch {
		case strings.HasPrefix(n, "x-forwarded-"), n == "forwarded", n == "x-real-ip":
			h.Del(name)
		case identity(n, p.RemoteUserHeader) && !p.PassRemoteUser:
			delete(h, name)
		}
	}
	host := r.Host
	scheme := "http"
	if secure || p.PlainToo {
		scheme = "https"
	}
	if p.ForwardedPortInto && !strings.Contains(hostport(host), ":") {
		host += map[string]string{"http": ":80", "https": ":443"}[scheme]
	}
	out.Host = or(p.RewriteHost, host)
	if !p.DropForwarded {
		if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && !p.OmitForwardedFor {
			h.Set("X-Forwarded-For", ip)
		}
		h.Set("X-Forwarded-Host", host)
		h.Set("X-Forwarded-Proto", scheme)
	}
	if p.DropAuthorization {
		h.Del("Authorization")
	}
	if p.DropCookies {
		h.Del("Cookie")
	}
	return out
}

// hostport is the host with an IPv6 address's own colons taken away.
func hostport(host string) string {
	if i := strings.LastIndexByte(host, ']'); i >= 0 {
		return host[i:]
	}
	return host
}

// identity reports whether a header names the signed-in person: Paperless's
// default, the one of authentik's outpost, or the proxy's own.
func identity(lower, own string) bool {
	return lower == "remote-user" || lower == "x-authentik-username" || (own != "" && lower == strings.ToLower(own))
}

// recorder notes what goes back to the client.
type recorder struct {
	http.ResponseWriter
	edge    *Edge
	status  int
	strip   string // response header that this proxy removes
	capture bool
	body    []byte
}

// bodyLimit is how much of a response is kept; discovery documents have 3 KiB.
const bodyLimit = 64 << 10

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 || status == http.StatusSwitchingProtocols {
		w.status = status
	}
	if w.strip != "" {
		w.Header().Del(w.strip)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.capture && len(w.body) < bodyLimit {
		w.body = append(w.body, p[:min(len(p), bodyLimit-len(w.body))]...)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush the connection itself.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush passes on what is there, for streamed responses.
func (w *recorder) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Hijack hands the connection over for an upgrade.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("edge: upgrade: %w", err)
	}
	w.status = http.StatusSwitchingProtocols
	_ = c.SetDeadline(time.Time{}) // an upgraded connection may stay as long as it likes
	return w.edge.track(c), rw, nil
}
