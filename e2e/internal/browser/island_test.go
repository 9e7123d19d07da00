//go:build linux

package browser_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
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

// An address of IPv6 that is tried first counts only a second or two later, which
// Chromium takes for a change of the network: a check that was half-way then
// failed with net::ERR_NETWORK_CHANGED. Whatever happens there, a session that
// was told so is no verdict.
func TestIsolatedNetworkStaysAsItIs(t *testing.T) {
	t.Parallel()
	b, _ := isolated(t, "")
	if addresses, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/if_inet6", b.Pid())); !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
		assert.Empty(t, string(addresses), "an address of IPv6")
	}
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"net::ERR_NETWORK_CHANGED"}, s.RepeatsOn())
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

// TestHelper makes the network as for a user who is not root: by a program that
// listens there and becomes the browser.
func TestHelper(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("helped.test/", html("a page"))
	self, err := os.Executable()
	require.NoError(t, err)
	b, err := browser.OpenByHelper(t.Context(), browser.Options{
		Helper: self, SPKI: []string{site.spki()}, NoSandbox: true,
		Rules: "MAP helped.test:443 " + site.Listener.Addr().String() + ",MAP gone.test ~NOTFOUND",
	})
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("user namespaces are not allowed: " + err.Error())
	}
	require.NoError(t, err)
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", b.Pid()))
	require.NoError(t, err)
	ours, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	assert.NotEqual(t, ours, own)
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Visit(t.Context(), "open", "https://helped.test/", limit))
	page, err := s.Page(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "a page", page.Text)
	gone(t, b)
}

// churning is set in the child of TestInterfacesComeAndGo.
const churning = "SSO_CHURNING"

// TestInterfacesComeAndGo shows what becomes of scripts' requests while interfaces
// are made and removed: lost and told in the machine's network, and nothing lost
// in one of the browser's own. It starts itself again in a network namespace, so
// that no other test is disturbed.
func TestInterfacesComeAndGo(t *testing.T) {
	if os.Getenv(churning) == "" {
		if testing.Short() {
			t.Skip("needs a browser")
		}
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), churning+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, syscall.EPERM) {
			t.Skip("only root may make a network namespace")
		}
		t.Log(string(out))
		require.NoError(t, err)
		return
	}
	churn(t)
	b, site := isolated(t, "")
	// With an icon of its own the page asks for nothing but what its script does.
	site.handle("calm.test/", html(`<link rel="icon" href="data:,"><script>
		globalThis.lost = 0; globalThis.got = 0;
		const ask = () => fetch("/slow?" + Math.random()).then(() => got++, () => lost++).then(ask);
		for (let i = 0; i < 20; i++) ask();
	</script>`))
	site.handle("calm.test/slow", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(5 * time.Millisecond)
		w.Header().Set("Connection", "close") // so each waits for a connection of its own
		fmt.Fprint(w, "ok")
	})
	open := func(b *browser.Browser) (*browser.Session, error) {
		s, err := b.Session(t.Context(), browser.SessionOptions{})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		return s, s.Visit(t.Context(), "open", "https://calm.test/", limit)
	}
	shared, _ := setUp(t)
	s, err := open(shared)
	for err != nil { // the page itself can be what is lost, as often as it is repeated
		var load *browser.LoadError
		require.ErrorAs(t, err, &load)
		require.Equal(t, "net::ERR_NETWORK_CHANGED", load.Code)
		s, err = open(shared)
	}
	lost := func() bool {
		return strings.Contains(strings.Join(s.Notes(), "\n"), "the machine's network changed: net::ERR_NETWORK_CHANGED for the fetch (https://calm.test/slow?")
	}
	require.Eventually(t, lost, 2*limit, 50*time.Millisecond, "the interfaces do not come and go")
	assert.Contains(t, s.Disturbed(), "net::ERR_NETWORK_CHANGED for the ")
	s.Close()

	s, err = open(b)
	require.NoError(t, err)
	<-time.After(3 * time.Second) // interfaces come and go meanwhile
	raw, err := s.Eval(t.Context(), "[lost, got]")
	require.NoError(t, err)
	var count []int
	require.NoError(t, json.Unmarshal(raw, &count))
	assert.Zero(t, count[0])
	assert.Positive(t, count[1])
	assert.Empty(t, s.Disturbed())
}

// churn makes an interface with an address and removes it again, four times a
// second, until the test ends.
func churn(t *testing.T) {
	t.Helper()
	ip := func(list ...string) {
		for _, args := range list {
			if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Skip("no interface can be made: " + strings.TrimSpace(string(out)) + " " + err.Error())
			}
		}
	}
	ip("link set lo up", "link add stays type veth peer name other", "addr add 198.18.7.1/24 dev stays", "link set stays up", "link set other up")
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for _, args := range []string{"link add comes type veth peer name goes", "addr add 198.18.8.1/24 dev comes", "link set comes up", "link set goes up", "link del comes"} {
				if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
					t.Errorf("ip %s: %s", args, out)
					return
				}
			}
			<-time.After(200 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
}

// BenchmarkIsolation is what a network of its own costs: the start of a browser
// and a page with it and without, by turns, so that what else the machine does
// hits both.
func BenchmarkIsolation(b *testing.B) {
	site := newSite()
	defer site.Close()
	site.handle("cost.test/", html("a page"))
	sum := map[string]time.Duration{}
	rounds := 0
	for b.Loop() {
		rounds++
		for _, isolate := range []bool{false, true} {
			name := map[bool]string{false: "shared", true: "own"}[isolate]
			began := time.Now()
			one, err := browser.Open(b.Context(), browser.Options{Isolate: isolate, SPKI: []string{site.spki()}, Rules: "MAP *.test:443 " + site.Listener.Addr().String()})
			if err != nil {
				b.Fatal(err)
			}
			sum[name+"-start-ms"] += time.Since(began)
			if yes, why := one.Isolated(); yes != isolate {
				b.Skip("no network of its own: " + why)
			}
			for range 5 {
				began = time.Now()
				s, err := one.Session(b.Context(), browser.SessionOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Visit(b.Context(), "open", "https://cost.test/", limit); err != nil {
					b.Fatal(err)
				}
				s.Close()
				sum[name+"-page-ms"] += time.Since(began) / 5
			}
			if err := one.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for name, d := range sum {
		b.ReportMetric(float64(d.Milliseconds())/float64(rounds), name)
	}
}
