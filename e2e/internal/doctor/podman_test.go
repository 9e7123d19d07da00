package doctor_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
)

// TestPodman: podman's socket is found where it is for a user, and its answers, which
// are recorded of podman 4.3.1, are read like Docker's. The container was never
// started; what its environment has is wrong all the same.
func TestPodman(t *testing.T) {
	dir, err := os.MkdirTemp("", "run") // the path of a socket may not be long
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "podman"), 0o700))
	l, err := net.Listen("unix", filepath.Join(dir, "podman", "podman.sock"))
	require.NoError(t, err)
	var calls []string
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.Method+" "+version.ReplaceAllString(r.URL.Path, ""))
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Libpod-Api-Version", "4.3.1")
		w.Header().Set("Server", "Libpod/4.3.1 (linux)")
		switch path := version.ReplaceAllString(r.URL.Path, ""); {
		case path == "/_ping":
		case path == "/containers/json":
			http.ServeFile(w, r, "testdata/podman/list.json")
		case strings.HasSuffix(path, "/json"):
			http.ServeFile(w, r, "testdata/podman/inspect.json")
		case strings.HasSuffix(path, "/logs"):
		default:
			http.Error(w, `{"cause":"forbidden","message":"forbidden","response":403}`, http.StatusForbidden)
		}
	}))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST"} {
		t.Setenv(name, "")
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if _, err := os.Stat("/var/run/docker.sock"); err == nil {
		t.Setenv("CONTAINER_HOST", "unix://"+filepath.Join(dir, "podman", "podman.sock")) // Docker's own comes first
	}

	x, err := doctor.Examine(t.Context(), doctor.Options{})
	require.NoError(t, err)
	assert.Equal(t, "docs_webserver_1", x.Paperless.Name)
	assert.Equal(t, "docs", x.Paperless.Project)
	assert.Equal(t, "created", x.Paperless.State)
	assert.Empty(t, x.Paperless.Health, "podman gives an empty one where there is none")
	assert.Equal(t, []string{"CFG-JSON"}, codes(x)[:1])
	for _, c := range calls {
		assert.NotContains(t, c, "POST")
	}
}
