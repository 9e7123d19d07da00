//go:build docker

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
)

// onReal says that the tests run on the real images that the engine has
// (make test-real), not on the stand-ins.
func onReal() bool { return os.Getenv("SSO_REAL") == "1" }

// products are the pairs of versions to test, and the version file that names
// their images: stand-ins, or "" and what the engine has of the real ones. When the
// test has ended, nothing may be left of any of them.
func products(t *testing.T) (file string, pairs [][2]string) {
	t.Helper()
	t.Cleanup(func() { nothingLeft(t) })
	if !onReal() {
		return standInFile(t), [][2]string{{"2.20.15", "2025.8.1"}, {"3.0.5", "2026.2.3"}}
	}
	edge := filepath.Join(t.TempDir(), "edge")
	require.NoError(t, stack.Build(t.Context(), stack.EdgeCommand, edge))
	t.Setenv("SSO_STACK_BINARY", edge)
	known, err := deployment.KnownVersions()
	require.NoError(t, err)
	paperless, authentik := realTags(t, known.Paperless), realTags(t, known.Authentik)
	for _, p := range paperless {
		for _, a := range authentik {
			pairs = append(pairs, [2]string{p, a})
		}
	}
	require.NotEmpty(t, pairs, "the engine has no pair of real images")
	return "", pairs
}

// on are the options of the stack: on real images also databases that the
// environment names, where their first start takes too long.
func on(versions string) e2e.StackOptions {
	if !onReal() {
		return e2e.StackOptions{Versions: versions}
	}
	return e2e.StackFromEnv()
}

// realTags are the versions of a product whose images the engine has, oldest first.
func realTags(t *testing.T, known []deployment.Release) []string {
	t.Helper()
	require.NotEmpty(t, known)
	repository, _, _ := strings.Cut(known[0].Image, ":")
	text, err := exec.CommandContext(t.Context(), "docker", "image", "ls", "--format", "{{.Tag}}", repository).CombinedOutput()
	require.NoError(t, err, string(text))
	var out []string
	for _, tag := range strings.Fields(string(text)) {
		if tag[0] >= '0' && tag[0] <= '9' && strings.Count(tag, ".") == 2 {
			out = append(out, tag)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case deployment.AtLeast(a, b):
			return 1
		}
		return -1
	})
	return out
}

// TestDockerRealTags: only a whole version is one, and the oldest comes first.
func TestDockerRealTags(t *testing.T) {
	if onReal() {
		t.Skip("it makes images of its own")
	}
	image := standInFile(t)
	v, err := deployment.ParseVersions([]byte(read(t, image)))
	require.NoError(t, err)
	const repository = "ssocheck-test/product"
	for _, tag := range []string{"3.0.5", "2.20.15", "2.9.0", "latest", "3.0"} {
		docker(t, "tag", v.Paperless[0].Image, repository+":"+tag)
		t.Cleanup(func() { docker(t, "rmi", repository+":"+tag) })
	}
	assert.Equal(t, []string{"2.9.0", "2.20.15", "3.0.5"}, realTags(t, []deployment.Release{{Image: repository + ":1.0.0"}}))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	text, err := exec.Command("docker", args...).CombinedOutput()
	require.NoError(t, err, string(text))
	return string(text)
}
