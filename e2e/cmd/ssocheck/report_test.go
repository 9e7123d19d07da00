package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpener(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env    map[string]string
		system string
		want   []string
	}{
		"of the user's choice": {map[string]string{"BROWSER": "firefox -new-tab", "DISPLAY": ":0"}, "linux", []string{"firefox", "-new-tab"}},
		"desktop":              {map[string]string{"DISPLAY": ":0"}, "linux", []string{"xdg-open"}},
		"Wayland":              {map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, "linux", []string{"xdg-open"}},
		"server":               {nil, "linux", nil},
		"macOS":                {nil, "darwin", []string{"open"}},
		"Windows":              {nil, "windows", []string{"rundll32", "url.dll,FileProtocolHandler"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, opener(func(key string) string { return tt.env[key] }, tt.system))
		})
	}
}

// An old report is served to this machine alone, until it is enough.
func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "report.json"), []byte("{}"), 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "link")))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	url, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- serve(ctx, dir, []byte("the page"), func(at string) { url <- at }) }()
	base := <-url
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/$`, base)
	client := &http.Client{Timeout: 5 * time.Second}
	get := func(method, path, host string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
		require.NoError(t, err)
		req.Host = host
		res, err := client.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(body)
	}
	status, body := get(http.MethodGet, "", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "the page", body)
	status, body = get(http.MethodGet, "report.json", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "{}", body)
	status, _ = get(http.MethodGet, "none", "")
	assert.Equal(t, http.StatusNotFound, status)
	status, body = get(http.MethodGet, "link", "")
	assert.NotEqual(t, http.StatusOK, status, "out of the report")
	assert.NotContains(t, body, "root:")
	status, _ = get(http.MethodPost, "", "")
	assert.Equal(t, http.StatusMethodNotAllowed, status)
	status, _ = get(http.MethodGet, "", "rebound.example.com")
	assert.Equal(t, http.StatusMisdirectedRequest, status, "another site's name for this machine")
	stop()
	require.NoError(t, <-ended)
	client.CloseIdleConnections()
}
