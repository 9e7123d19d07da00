package edge_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	paperless = "paperless.example.com"
	authentik = "authentik.example.com"
)

func listen(t *testing.T, o edge.Options) *edge.Edge {
	t.Helper()
	e, err := edge.Listen(o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Close()) })
	return e
}

// client reaches every name at the edge and does not follow redirects.
func client(e *edge.Edge) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: e.Roots()},
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				to := e.Addr()
				if strings.HasSuffix(addr, ":80") || strings.HasSuffix(addr, ":8080") {
					to = e.PlainAddr()
				}
				var d net.Dialer
				return d.DialContext(ctx, network, to)
			},
		},
	}
}

func get(t *testing.T, e *edge.Edge, target string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := client(e).Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp, string(body)
}

// say answers with a text, and with the headers that it got.
func say(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := map[string]string{"Host": r.Host, "said": text}
		for name := range r.Header {
			seen[name] = r.Header.Get(name)
		}
		_ = json.NewEncoder(w).Encode(seen)
	})
}

func seen(t *testing.T, body string) map[string]string {
	t.Helper()
	var m map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &m), body)
	return m
}

func TestRouting(t *testing.T) {
	t.Parallel()
	e := listen(t, edge.Options{})
	upstream := httptest.NewServer(say("upstream"))
	defer upstream.Close()
	to, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	e.Route(edge.Route{Product: "paperless", Host: paperless, Handler: say("default")})
	e.Route(edge.Route{ID: "b", Product: "paperless", Host: paperless, Handler: say("b")})
	e.Route(edge.Route{ID: "b", Product: "authentik", Host: authentik + ":8443", Upstream: to})
	e.Route(edge.Route{ID: "d", Product: "paperless", Host: "nas.example.com:80", Handler: say("by http"), PlainHTTP: true})
	e.Route(edge.Route{ID: "d", Product: "authentik", Host: "nas.example.com", Handler: say("by https")})
	e.Route(edge.Route{ID: "c", Product: "paperless", Host: "Plain.example.com:8080", Handler: say("plain"), PlainHTTP: true})

	e.Route(edge.Route{ID: "p", Product: "paperless", Host: paperless, Handler: say("all else")})
	e.Route(edge.Route{ID: "p", Product: "authentik", Host: paperless, Path: "/auth", Handler: say("below the path")})

	tests := map[string]struct {
		url, id  string
		status   int
		said     string
		location string
	}{
		"default":                  {url: "https://" + paperless + "/x", status: 200, said: "default"},
		"port written out":         {url: "https://" + paperless + ":443/x", status: 200, said: "default"},
		"by header":                {url: "https://" + paperless + "/x", id: "b", status: 200, said: "b"},
		"upstream, other port":     {url: "https://" + authentik + ":8443/x", id: "b", status: 200, said: "upstream"},
		"other port is no route":   {url: "https://" + authentik + "/x", id: "b", status: 421},
		"unknown host":             {url: "https://evil.example/x", status: 421},
		"host of another id":       {url: "https://" + authentik + ":8443/x", status: 421},
		"unknown id":               {url: "https://" + paperless + "/x", id: "zz", status: 421},
		"http is redirected":       {url: "http://" + paperless + "/x?a=b", status: 301, location: "https://" + paperless + "/x?a=b"},
		"http to the route's port": {url: "http://" + authentik + "/x", id: "b", status: 301, location: "https://" + authentik + ":8443/x"},
		"one name, by http":        {url: "http://nas.example.com/x", id: "d", status: 200, said: "by http"},
		"one name, by https":       {url: "https://nas.example.com/x", id: "d", status: 200, said: "by https"},
		"one host, below a path":   {url: "https://" + paperless + "/auth/x", id: "p", status: 200, said: "below the path"},
		"one host, the path":       {url: "https://" + paperless + "/auth", id: "p", status: 200, said: "below the path"},
		"one host, a like name":    {url: "https://" + paperless + "/authors", id: "p", status: 200, said: "all else"},
		"one host, all else":       {url: "https://" + paperless + "/", id: "p", status: 200, said: "all else"},
		"one host, by http":        {url: "http://" + paperless + "/auth/x", id: "p", status: 301, location: "https://" + paperless + "/auth/x"},
		"http served":              {url: "http://plain.example.com:8080/x", id: "c", status: 200, said: "plain"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{}
			if tt.id != "" {
				header[edge.RouteHeader] = tt.id
			}
			if tt.status == 421 && strings.Contains(tt.url, "evil") {
				e.AddHosts("evil.example") // the certificate must not be what fails
			}
			resp, body := get(t, e, tt.url, header)
			assert.Equal(t, tt.status, resp.StatusCode)
			assert.Equal(t, tt.location, resp.Header.Get("Location"))
			if tt.said != "" {
				m := seen(t, body)
				assert.Equal(t, tt.said, m["said"])
				assert.NotContains(t, m, edge.RouteHeader, "the routing header is ours")
			}
		})
	}

	t.Run("unrouted", func(t *testing.T) {
		e.Unroute("b")
		resp, _ := get(t, e, "https://"+paperless+"/x", map[string]string{edge.RouteHeader: "b"})
		assert.Equal(t, http.StatusMisdirectedRequest, resp.StatusCode)
		assert.Empty(t, e.Exchanges("b"))
		resp, _ = get(t, e, "https://"+paperless+"/x", nil)
		assert.Equal(t, http.StatusOK, resp.StatusCode, "the others stay")
	})
}

func TestForwarding(t *testing.T) {
	t.Parallel()
	spoofed := map[string]string{
		"Remote-User": "admin", "X-authentik-username": "admin", "X-Auth-Person": "admin", "Remote_User": "admin",
		"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "evil.example", "Cookie": "a=b",
	}
	tests := map[string]struct {
		proxy deployment.Proxy
		want  map[string]string
		gone  []string
	}{
		"zero value": {
			want: map[string]string{"Host": paperless, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": paperless, "X-Forwarded-Proto": "https", "Cookie": "a=b", "X-Auth-Person": "admin"},
			gone: []string{"Remote-User", "X-Authentik-Username", "Remote_user", "Remote_User"},
		},
		"host rewritten": {
			proxy: deployment.Proxy{RewriteHost: "paperless:8000"},
			want:  map[string]string{"Host": "paperless:8000", "X-Forwarded-Host": paperless},
		},
		"port into host":       {proxy: deployment.Proxy{ForwardedPortInto: true}, want: map[string]string{"Host": paperless + ":443"}},
		"no forwarded headers": {proxy: deployment.Proxy{DropForwarded: true}, want: map[string]string{"Host": paperless}, gone: []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}},
		"no forwarded for":     {proxy: deployment.Proxy{OmitForwardedFor: true}, want: map[string]string{"X-Forwarded-Proto": "https"}, gone: []string{"X-Forwarded-For"}},
		"remote user passes":   {proxy: deployment.Proxy{PassRemoteUser: true}, want: map[string]string{"Remote-User": "admin"}},
		"own identity header":  {proxy: deployment.Proxy{RemoteUserHeader: "X-Auth-Person"}, gone: []string{"X-Auth-Person"}},
		"cookies dropped":      {proxy: deployment.Proxy{DropCookies: true}, gone: []string{"Cookie"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := listen(t, edge.Options{})
			upstream := httptest.NewServer(say("upstream"))
			defer upstream.Close()
			to, err := url.Parse(upstream.URL)
			require.NoError(t, err)
			// In this process and over the network a product must see the same.
			e.Route(edge.Route{ID: "in", Product: "paperless", Host: paperless, Handler: say("in"), Proxy: tt.proxy})
			e.Route(edge.Route{ID: "up", Product: "paperless", Host: paperless, Upstream: to, Proxy: tt.proxy})
			for _, id := range []string{"in", "up"} {
				header := map[string]string{edge.RouteHeader: id}
				for k, v := range spoofed {
					header[k] = v
				}
				_, body := get(t, e, "https://"+paperless+"/", header)
				m := seen(t, body)
				for k, v := range tt.want {
					assert.Equal(t, v, m[k], "%s: %s", id, k)
				}
				for _, k := range tt.gone {
					assert.NotContains(t, m, k, id)
				}
			}
		})
	}
}

func TestUpstreamGone(t *testing.T) {
	t.Parallel()
	e := listen(t, edge.Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	e.Route(edge.Route{Product: "paperless", Host: paperless, Upstream: &url.URL{Scheme: "http", Host: l.Addr().String()}})
	resp, _ := get(t, e, "https://"+paperless+"/", nil)
	assert.Equal(t, http.StatusBadGateway, resp.StatusCode)
	assert.Contains(t, e.Exchanges("")[0].Error, "refused")
}

func TestWebSocketUpgrade(t *testing.T) {
	t.Parallel()
	e := listen(t, edge.Options{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString("echo " + line)
		_ = rw.Flush()
	}))
	defer upstream.Close()
	to, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	e.Route(edge.Route{Product: "paperless", Host: paperless, Upstream: to})
	c, err := tls.Dial("tcp", e.Addr(), &tls.Config{RootCAs: e.Roots(), ServerName: paperless})
	require.NoError(t, err)
	defer c.Close()
	fmt.Fprintf(c, "GET /ws/status/ HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", paperless)
	rd := bufio.NewReader(c)
	resp, err := http.ReadResponse(rd, nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	fmt.Fprint(c, "hello\n")
	line, err := rd.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "echo hello\n", line)
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	e := listen(t, edge.Options{Hosts: []string{paperless}})
	before := e.SPKI()
	dial := func(name string) error {
		c, err := tls.Dial("tcp", e.Addr(), &tls.Config{RootCAs: e.Roots(), ServerName: name})
		if err == nil {
			err = c.Close()
		}
		return err
	}
	require.NoError(t, dial(paperless))
	require.Error(t, dial("later.example.com"), "a name that nobody added is not certified")
	e.AddHosts("later.example.com")
	require.NoError(t, dial("later.example.com"))
	require.NoError(t, dial(paperless))
	assert.Equal(t, before, e.SPKI())
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(e.CA()))
	assert.True(t, pool.Equal(e.Roots()))
}

func TestConcurrentLabs(t *testing.T) {
	t.Parallel()
	e := listen(t, edge.Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id := fmt.Sprint("lab", i)
			e.Route(edge.Route{ID: id, Product: "paperless", Host: paperless, Handler: say(id)})
			for range 5 {
				_, body := get(t, e, "https://"+paperless+"/", map[string]string{edge.RouteHeader: id})
				assert.Equal(t, id, seen(t, body)["said"])
			}
			assert.Len(t, e.Exchanges(id), 5)
			e.Unroute(id)
		})
	}
	wg.Wait()
}
