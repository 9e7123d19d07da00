package doctor

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sockets are where an engine may listen, the one that was named alone. Empty is the
// client's own default. home is where Docker keeps its configuration.
func sockets(getenv func(string) string, home string) []string {
	if h := getenv("DOCKER_HOST"); h != "" {
		return []string{h}
	}
	var out []string
	if h := contextHost(getenv, home); h != "" {
		out = append(out, h)
	}
	if h := getenv("CONTAINER_HOST"); strings.HasPrefix(h, "unix:") || strings.HasPrefix(h, "tcp:") {
		out = append(out, h)
	}
	out = append(out, "")
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		out = append(out, "unix://"+filepath.Join(dir, "docker.sock"), "unix://"+filepath.Join(dir, "podman", "podman.sock"))
	}
	out = append(out, "unix:///run/podman/podman.sock")
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}

// contextHost is the engine of Docker's context: DOCKER_CONTEXT, else the one that
// `docker context use` chose; "" where that is the default one.
func contextHost(getenv func(string) string, home string) string {
	dir := getenv("DOCKER_CONFIG")
	if dir == "" {
		dir = filepath.Join(home, ".docker")
	}
	name := getenv("DOCKER_CONTEXT")
	if name == "" {
		var config struct {
			CurrentContext string `json:"currentContext"`
		}
		if !readJSON(filepath.Join(dir, "config.json"), &config) {
			return ""
		}
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return ""
	}
	sum := sha256.Sum256([]byte(name))
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if !readJSON(filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"), &meta) {
		return ""
	}
	return meta.Endpoints["docker"].Host
}

// readJSON reports whether a file was there to be read.
func readJSON(path string, v any) bool {
	text, err := os.ReadFile(path)
	return err == nil && json.Unmarshal(text, v) == nil
}
