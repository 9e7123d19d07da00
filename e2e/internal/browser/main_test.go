package browser_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
)

// limit is more than any step here needs on a busy machine.
const limit = 15 * time.Second

// shared is the browser that the tests share: its start is the slow part.
var shared struct {
	once sync.Once
	b    *browser.Browser
	err  error
	site *site
}

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == browser.HelperArg {
		fmt.Fprintln(os.Stderr, browser.Help(os.Args[2:]))
		os.Exit(1)
	}
	code := m.Run()
	if shared.b != nil {
		if err := shared.b.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "close the browser:", err)
			code = 1
		}
	}
	if shared.site != nil {
		shared.site.Close()
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// site is a server for several host names, each with its own pages.
type site struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]http.HandlerFunc // host/path, without port
}

func newSite() *site {
	s := &site{pages: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // browsers that are killed leave handshakes behind
	s.StartTLS()
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := strings.Cut(r.Host, ":")
	s.mu.Lock()
	page := s.pages[host+r.URL.Path]
	s.mu.Unlock()
	if page == nil {
		http.NotFound(w, r)
		return
	}
	page(w, r)
}

// handle serves a page of a host of its own, so that parallel tests share nothing.
func (s *site) handle(hostPath string, page http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[hostPath] = page
}

// answersNothing takes a request and keeps it as long as the test runs.
func answersNothing(t *testing.T) http.HandlerFunc {
	t.Helper()
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	return func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}
}

func html(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>A page</title><body>"+body)
	}
}

func (s *site) spki() string {
	sum := sha256.Sum256(s.Certificate().RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// setUp gives the shared browser and site. Every host of the zone .test leads to
// the site, but for refused.test, where nothing listens, and the unknown.
func setUp(t *testing.T) (*browser.Browser, *site) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	shared.once.Do(func() {
		shared.site = newSite()
		o := options(shared.site)
		o.Isolate = true // the containers of other tests come and go
		shared.b, shared.err = browser.Open(context.Background(), o)
	})
	require.NoError(t, shared.err)
	return shared.b, shared.site
}

func options(s *site) browser.Options {
	to := s.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(to)
	return browser.Options{
		SPKI: []string{s.spki()},
		Rules: "MAP refused.test:443 127.0.0.1:1,MAP unknown.test ~NOTFOUND,MAP plain.test 127.0.0.1," +
			"MAP *.test:443 " + to + ",MAP *.test:" + port + " " + to,
	}
}

func session(t *testing.T, o browser.SessionOptions) *browser.Session {
	t.Helper()
	b, _ := setUp(t)
	s, err := b.Session(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// selfSigned is a server with a certificate that the shared browser does not know.
func selfSigned(t *testing.T) *httptest.Server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"plain.test"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	srv := httptest.NewUnstartedServer(html("secret"))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what the test wants
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}
