package doctor

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOnlyReads: whatever the code above asks for, no call is sent that could change
// anything.
func TestOnlyReads(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]bool{
		"GET /_ping":                                     true,
		"HEAD /_ping":                                    true,
		"GET /v1.47/containers/json":                     true,
		"GET /v1.47/containers/0123abcd/json":            true,
		"GET /v1.47/containers/0123abcd/logs":            true,
		"POST /v1.47/containers/0123abcd/exec":           true,
		"POST /v1.47/exec/0123abcd/start":                true,
		"POST /v1.47/containers/create":                  false,
		"POST /v1.47/containers/0123abcd/restart":        false,
		"POST /v1.47/containers/0123abcd/stop":           false,
		"POST /v1.47/containers/0123abcd/update":         false,
		"DELETE /v1.47/containers/0123abcd":              false,
		"PUT /v1.47/containers/0123abcd/archive":         false,
		"GET /v1.47/containers/0123abcd/archive":         false,
		"GET /v1.47/containers/0123abcd/export":          false,
		"POST /v1.47/networks/create":                    false,
		"POST /v1.47/networks/proxy/connect":             false,
		"DELETE /v1.47/volumes/data":                     false,
		"POST /v1.47/images/create":                      false,
		"POST /v1.47/containers/0123abcd/exec/../../x/y": false,
		"DELETE /v1.47/exec/0123abcd/start":              false,
	} {
		method, path, _ := strings.Cut(call, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, nil)
		require.NoError(t, err)
		err = onlyReads(r)
		if want {
			require.NoError(t, err, call)
			continue
		}
		assert.ErrorIs(t, err, errWrites, call)
	}
}

// TestSockets: the engine that was named is the only one; else that of Docker's
// context, Docker's, then podman's.
func TestSockets(t *testing.T) {
	t.Parallel()
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	usual := []string{"", "unix:///run/user/1000/docker.sock", "unix:///run/user/1000/podman/podman.sock", "unix:///run/podman/podman.sock"}
	user := map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000"}
	assert.Equal(t, []string{"tcp://h:1"}, sockets(env(map[string]string{"DOCKER_HOST": "tcp://h:1", "XDG_RUNTIME_DIR": "/run/user/1000"}), t.TempDir()))
	assert.Equal(t, usual, sockets(env(user), t.TempDir()))
	assert.Equal(t, []string{"unix:///run/user/1000/podman/podman.sock", "", "unix:///run/user/1000/docker.sock", "unix:///run/podman/podman.sock"},
		sockets(env(map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000", "CONTAINER_HOST": "unix:///run/user/1000/podman/podman.sock"}), t.TempDir()))

	home := t.TempDir()
	sum := sha256.Sum256([]byte("rootless"))
	meta := filepath.Join(home, ".docker", "contexts", "meta", hex.EncodeToString(sum[:]))
	require.NoError(t, os.MkdirAll(meta, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(meta, "meta.json"), []byte(`{"Name":"rootless","Endpoints":{"docker":{"Host":"unix:///run/user/1000/docker.sock","SkipTLSVerify":false}}}`), 0o600))
	assert.Equal(t, usual, sockets(env(user), home), "no context was chosen")
	require.NoError(t, os.WriteFile(filepath.Join(home, ".docker", "config.json"), []byte(`{"currentContext":"rootless"}`), 0o600))
	assert.Equal(t, "unix:///run/user/1000/docker.sock", sockets(env(user), home)[0])
	assert.Empty(t, sockets(env(map[string]string{"DOCKER_CONTEXT": "default"}), home)[0])
}

// TestComposeFiles: the label's files, also where a path has a comma.
func TestComposeFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "docs, private")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	one, two := filepath.Join(dir, "compose.yaml"), filepath.Join(dir, "override.yaml")
	for _, f := range []string{one, two} {
		require.NoError(t, os.WriteFile(f, nil, 0o600))
	}
	assert.Equal(t, []string{one, two}, composeFiles(one+","+two, ""))
	assert.Equal(t, []string{one}, composeFiles("compose.yaml", dir))
	assert.Equal(t, []string{"/gone/a.yaml", "/gone/b.yaml"}, composeFiles("/gone/a.yaml,/gone/b.yaml", ""))
	assert.Empty(t, composeFiles("", dir))
}
