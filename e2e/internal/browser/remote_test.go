package browser_test

import (
	"bufio"
	"context"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
)

// elsewhere starts a Chromium that knows nothing of the pair, as a grid's would,
// and returns its address.
func elsewhere(t *testing.T) string {
	t.Helper()
	path, err := browser.Find(false)
	require.NoError(t, err)
	// Of the test, not of t.Context(): that one ends before the clean-up.
	ctx, stop := context.WithCancel(context.Background())
	args := []string{
		"--headless", "--no-sandbox", "--remote-debugging-port=0", "--user-data-dir=" + t.TempDir(), "--no-first-run", "--no-proxy-server",
		"--disable-dev-shm-usage", "--disable-component-update", "about:blank",
	}
	cmd := exec.CommandContext(ctx, path, args...)
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	found := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		address := regexp.MustCompile(`ws://\S+`)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if at := address.FindString(lines.Text()); at != "" {
				found <- at
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-drained
		_ = cmd.Wait() // killed
	})
	select {
	case at := <-found:
		return at
	case <-drained:
		t.Fatal("the browser ended before it told its address")
	}
	return ""
}

func TestRemoteBrowser(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("far.test/", html(`<form method="post" action="/next"><button>Go</button></form>`))
	site.handle("far.test/next", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.test/", http.StatusSeeOther)
	})
	site.handle("other.test/", html("arrived"))
	at := elsewhere(t)
	o := options(site)
	o.Remote = at
	b, err := browser.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	ctx := t.Context()

	// Names and key, which the process was not given.
	require.NoError(t, s.Visit(ctx, "open", "https://far.test/", limit))
	require.NoError(t, s.Click(ctx, "press Go", browser.CSS("button"), limit))
	_, err = s.WaitAny(ctx, "arrive", limit, map[string]browser.Condition{"there": browser.Shows("arrived")})
	require.NoError(t, err)
	assert.Len(t, s.Hops(), 3)
	assert.Contains(t, strings.Join(s.Notes(), "\n"), "looks at the certificates", "said, not silent")

	// What goes wrong has the name that a local Chromium gives it.
	other := selfSigned(t)
	for name, tt := range map[string]struct{ url, code string }{
		"no such name":        {"https://unknown.test/", "net::ERR_NAME_NOT_RESOLVED"},
		"nobody listens":      {"https://refused.test/", "net::ERR_CONNECTION_REFUSED"},
		"unknown certificate": {strings.Replace(other.URL, "127.0.0.1", "plain.test", 1), "net::ERR_CERT_AUTHORITY_INVALID"},
	} {
		err := s.Visit(ctx, "open", tt.url, limit)
		var load *browser.LoadError
		if assert.ErrorAs(t, err, &load, name) {
			assert.Equal(t, tt.code, load.Code, name)
			assert.Equal(t, tt.code, s.Hops()[len(s.Hops())-1].Error, name)
		}
	}
	require.NoError(t, b.Close())

	// It goes on running for others.
	again, err := browser.Open(t.Context(), browser.Options{Remote: at})
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestRemoteBrowserThatDoesNotReachUs(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	o := options(site)
	o.Remote, o.SeenAs = elsewhere(t), "127.0.0.77" // we do listen there: all of 127/8 is this machine
	b, err := browser.Open(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, b.Close())

	o.SeenAs = "nobody.invalid"
	_, err = browser.Open(t.Context(), o)
	require.ErrorContains(t, err, "the remote browser does not reach this machine at nobody.invalid:")
	require.ErrorContains(t, err, "SSO_BROWSER_SEES")

	o.Remote = "127.0.0.1:1"
	_, err = browser.Open(t.Context(), o)
	require.ErrorContains(t, err, "want ws://host:port")
	o.Remote, o.SeenAs = "ws://127.0.0.1:1", ""
	_, err = browser.Open(t.Context(), o)
	require.ErrorContains(t, err, "127.0.0.1:1")
}

func TestBlock(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("block.test/", html(`<a href="/go">on</a>`))
	site.handle("block.test/go", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://block.test/callback/?code=1234567", http.StatusFound)
	})
	reached := false
	site.handle("block.test/callback/", func(http.ResponseWriter, *http.Request) { reached = true })
	s := session(t, browser.SessionOptions{})
	ctx := t.Context()
	require.NoError(t, s.Block(ctx, "https://block.test/callback/*"))
	require.NoError(t, s.Visit(ctx, "open", "https://block.test/", limit))
	require.NoError(t, s.Click(ctx, "go", browser.CSS("a"), limit))
	err := s.Wait(ctx, "see", browser.CSS("#never"), limit)
	var load *browser.LoadError
	require.ErrorAs(t, err, &load)
	assert.Equal(t, "net::ERR_BLOCKED_BY_CLIENT", load.Code)
	assert.Equal(t, 302, s.Hops()[1].Status)
	assert.Equal(t, "net::ERR_BLOCKED_BY_CLIENT", s.Hops()[2].Error)
	assert.False(t, reached)
}
