package stack

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/edge"
)

// importer makes a module of somebody else that imports e2e and nothing more. Its
// go.mod and go.sum are the least that it builds with; they come from the module
// cache. (go mod tidy would ask for what the tests of our dependencies import.)
func importer(t *testing.T) string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}").Output()
	require.NoError(t, err)
	root := strings.TrimSpace(string(text))
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	// With all of our requirements, as tidy would list them: to find them out, go
	// reads files of modules that a fresh module cache does not hold.
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	_, requirements, _ := strings.Cut(string(ours), "\n")
	write("go.mod", "module example.com/importer\n"+requirements+"\nrequire github.com/ssocheck/ssocheck v0.0.0\n\nreplace github.com/ssocheck/ssocheck => "+root+"\n")
	write("main.go", `package main

import (
	"context"
	"fmt"

	"github.com/ssocheck/ssocheck/e2e"
)

func main() {
	_, err := e2e.Check(context.Background(), e2e.Options{Target: "stack"})
	fmt.Println(err)
}
`)
	foreignGo(t, dir, "build", "-mod=mod", "-o", os.DevNull, ".")
	return dir
}

// foreignGo runs go in a module, without any network.
func foreignGo(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %s: %s", strings.Join(args, " "), text)
	return string(text)
}

// TestForeignModule: whoever imports e2e can start the stack. The edge is built
// in the importer's module, by its go.mod and go.sum, and it runs.
func TestForeignModule(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	dir := importer(t)
	t.Chdir(dir)
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", "off")
	before := read(t, "go.mod", "go.sum")
	for _, tt := range []struct {
		name, flags string
		vendored    bool
	}{
		{"as it is", "", false},
		{"with flags of its own", "-mod=mod -race", false},
		{"with a vendor directory, which holds no commands", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("GOFLAGS", tt.flags)
			if tt.vendored {
				require.NoError(t, os.Mkdir("vendor", 0o755))
				require.NoError(t, os.WriteFile("vendor/modules.txt", nil, 0o644))
			}
			out := filepath.Join(t.TempDir(), "edge")
			require.NoError(t, Build(t.Context(), EdgeCommand, out))
			serves(t, out)
		})
	}
	assert.Equal(t, before, read(t, "go.mod", "go.sum"), "what the importer has stays as it is")
}

func read(t *testing.T, names ...string) []string {
	t.Helper()
	var out []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		out = append(out, string(text))
	}
	return out
}

// serves runs an edge and asks it, as the harness does.
func serves(t *testing.T, binary string) {
	t.Helper()
	keys, err := edge.NewKeys()
	require.NoError(t, err)
	config := edge.Config{TLS: []string{freePort(t)}, API: freePort(t), Token: "a token for this test", Keys: keys}
	text, err := json.Marshal(config)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "edge.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, binary, file)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	defer func() {
		cancel()
		_ = cmd.Wait() // it was ended
	}()
	remote := edge.Remote{Addr: net.JoinHostPort("127.0.0.1", config.API), Token: config.Token, CA: keys.CA}
	if !assert.EventuallyWithT(t, func(c *assert.CollectT) {
		exchanges, _, err := remote.Fetch(ctx)
		assert.NoError(c, err)
		assert.Empty(c, exchanges)
	}, 20*time.Second, 50*time.Millisecond) {
		cancel()
		_ = cmd.Wait()
		t.Log(log.String())
	}
}

// freePort is a port that nobody uses now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

// Where ssocheck was installed with cgo, and runs outside of a module, there is nothing
// to build the edge from: the remedy is said, not what go misses.
func TestNoModuleToBuildIn(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no module":    nil,
		"another's":    {"go.mod": "module example.com/other\n\ngo 1.26.0\n"},
		"with vendor/": {"go.mod": "module example.com/other\n\ngo 1.26.0\n", "vendor/modules.txt": ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range files {
				require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			}
			t.Chdir(dir)
			t.Setenv("GOPROXY", "off")
			t.Setenv("GOFLAGS", "")
			err := Build(t.Context(), EdgeCommand, filepath.Join(dir, "edge"))
			require.ErrorIs(t, err, ErrEngine)
			require.ErrorContains(t, err, "install it with CGO_ENABLED=0")
			assert.NotContains(t, err.Error(), "go.mod")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}
