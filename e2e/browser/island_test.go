//go:build linux

package browser_test

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/browser"
)

// isolated is a browser of this test alone with a network of its own; the test
// is skipped where the system does not allow one.
func isolated(t *testing.T, more string) (*browser.Browser, *site) {
	t.Helper()
	_, site := setUp(t)
	to := site.Listener.Addr().String()
	b, err := browser.Open(t.Context(), browser.Options{
		Isolate: true, SPKI: []string{site.spki()},
		Rules: more + "MAP refused.test:443 127.0.0.1:1,MAP gone.test ~NOTFOUND,MAP *.test:443 " + to,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	if yes, why := b.Isolated(); !yes {
		t.Skip("no network of its own: " + why)
	}
	return b, site
}

func TestIsolatedBrowserSeesTheSame(t *testing.T) {
	t.Parallel()
	other := selfSigned(t)
	b, site := isolated(t, "MAP plain.test:443 "+other.Listener.Addr().String()+",")
	site.handle("isle.test/", html(`<p id=line></p><script>line.textContent = "online " + navigator.onLine</script>`))
	site.handle("isle.test/broken", func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Visit(t.Context(), "open", "https://isle.test/", limit))
	page, err := s.Page(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "online true", page.Text)
	for url, code := range map[string]string{
		"https://refused.test/":       "net::ERR_CONNECTION_REFUSED",
		"https://gone.test/":          "net::ERR_NAME_NOT_RESOLVED",
		"https://isle.test:8443/":     "net::ERR_NAME_NOT_RESOLVED", // the name is mapped for one port
		"https://unknown.example.com": "net::ERR_NAME_NOT_RESOLVED",
		"https://plain.test/":         "net::ERR_CERT_AUTHORITY_INVALID",
		"http://127.0.0.1:1/":         "net::ERR_UNSAFE_PORT",
		"http://127.0.0.1:9999/":      "net::ERR_CONNECTION_REFUSED",
		"https://isle.test/broken":    "net::ERR_EMPTY_RESPONSE",
	} {
		began := time.Now()
		err := s.Visit(t.Context(), "open", url, limit)
		var load *browser.LoadError
		if assert.ErrorAs(t, err, &load, url) {
			assert.Equal(t, code, load.Code, url)
			hops := s.Hops()
			assert.Equal(t, code, hops[len(hops)-1].Error, url)
			page, err := s.Page(t.Context())
			require.NoError(t, err)
			assert.Equal(t, code, page.Text, url)
		}
		assert.Less(t, time.Since(began), 5*time.Second, url)
	}
}

// TestInterfacesDoNotDisturb shows that nothing is lost while interfaces come
// and go, in the network that the test process is in.
func TestInterfacesDoNotDisturb(t *testing.T) {
	t.Parallel()
	b, site := isolated(t, "")
	if out, err := exec.CommandContext(t.Context(), "ip", "link", "add", "ssocheck-t0", "type", "veth").CombinedOutput(); err != nil {
		t.Skip("no interface can be made: " + strings.TrimSpace(string(out)))
	}
	_ = exec.CommandContext(t.Context(), "ip", "link", "del", "ssocheck-t0").Run()
	site.handle("calm.test/", html(`<script>
		globalThis.lost = 0; globalThis.got = 0;
		const ask = () => fetch("/slow?" + Math.random()).then(() => got++, () => lost++).then(ask);
		for (let i = 0; i < 20; i++) ask();
	</script>`))
	site.handle("calm.test/slow", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(5 * time.Millisecond)
		w.Header().Set("Connection", "close") // each waits for a connection anew
		fmt.Fprint(w, "ok")
	})
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Visit(t.Context(), "open", "https://calm.test/", limit))
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	t.Log(len(interfaces), "interfaces here")
	raw, err := s.Eval(t.Context(), "[lost, got]")
	require.NoError(t, err)
	t.Log(string(raw))
}
