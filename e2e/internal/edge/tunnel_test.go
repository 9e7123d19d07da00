package edge_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/edge"
)

// free is a port that nobody has.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// TestTunnel: what the edge is asked of a host without a container, the harness
// answers over connections that it opened itself, and whatever a server can do arrives:
// pieces as they come, an answer that never comes, and a relying party that gives up.
func TestTunnel(t *testing.T) {
	t.Parallel()
	keys, err := edge.NewKeys()
	require.NoError(t, err)
	secure, api := free(t), free(t)
	config := edge.Config{
		TLS: []string{secure}, API: api, Token: "the-token", Keys: keys,
		Routes: []edge.ContainerRoute{{Product: "authentik", Host: authentik, Tunnel: true}},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- edge.Run(ctx, config, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() { cancel(); assert.NoError(t, <-ended) })
	remote := edge.Remote{Addr: "127.0.0.1:" + api, Token: "the-token", CA: keys.CA}
	require.Eventually(t, func() bool { _, _, err := remote.Fetch(ctx); return err == nil }, 10*time.Second, 10*time.Millisecond)

	gaveUp, pieces := make(chan struct{}), make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header()["Content-Type"] = nil
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "<!doctype html>"+r.Host+" "+r.Header.Get("X-Forwarded-Proto")+" "+string(body))
	})
	mux.HandleFunc("/pieces", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		<-pieces
		_, _ = io.WriteString(w, "two\n")
	})
	mux.HandleFunc("/none", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/never", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(gaveUp)
		panic(http.ErrAbortHandler)
	})
	_, err = edge.Remote{Addr: remote.Addr, Token: "another", CA: keys.CA}.Serve(ctx, mux, nil)
	require.ErrorContains(t, err, "403", "only with the token")
	stop, err := remote.Serve(ctx, mux, nil)
	require.NoError(t, err)
	t.Cleanup(stop)

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(keys.CA)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, "127.0.0.1:"+secure)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	c := &http.Client{Transport: transport}
	ask := func(ctx context.Context, path string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+authentik+path, strings.NewReader("code=x"))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return c.Do(r)
	}

	for range 40 { // more than connections wait at a time
		res, err := ask(ctx, "/echo")
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusTeapot, res.StatusCode)
		assert.Equal(t, "<!doctype html>"+authentik+" https code=x", string(text))
		assert.Empty(t, res.Header.Get("Content-Type"), "what is left out is not guessed")
	}

	res, err := ask(ctx, "/pieces")
	require.NoError(t, err)
	lines := bufio.NewReader(res.Body)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "one\n", line, "before the second piece is sent")
	close(pieces)
	line, err = lines.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "two\n", line)
	require.NoError(t, res.Body.Close())

	_, err = ask(ctx, "/none")
	require.ErrorIs(t, err, io.EOF, "no answer is none here either")

	impatient, give := context.WithTimeout(ctx, 200*time.Millisecond)
	defer give()
	_, err = ask(impatient, "/never")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	select {
	case <-gaveUp:
	case <-time.After(10 * time.Second):
		t.Error("the harness is not told that the relying party gave up")
	}

	assert.Eventually(t, func() bool { // the edge may still end the last one
		xs, _, err := remote.Fetch(ctx)
		return assert.NoError(t, err) && len(xs) == 43
	}, 10*time.Second, 10*time.Millisecond, "it is recorded as anything else")
	stop()
	stop()
}
