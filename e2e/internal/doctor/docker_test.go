//go:build docker

package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/stack/standins"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// dockerCore are the causes that are made in real containers: those of core that
// can happen on one pair of versions.
var dockerCore = []string{
	"CFG-QUOTES", "CFG-YAMLMAP", "CFG-JSON", "CFG-PROXYJSON", "CFG-MODULE", "CFG-URLSLASH", "CFG-APPS", "CFG-NOAPP", "REG-LOCKOUT", "STALE",
	"NET-DNS", "NET-REFUSED", "NET-TIMEOUT", "NET-TLS", "IDP-NOPROV", "IDP-SLUG", "IDP-CLIENT", "IDP-DENIED", "PROXY-PROTO", "PROXY-CSRF", "RED-HOST",
	"RED-PORT", "RED-PROVID", "RED-SLASH", "RED-PATH", "CFG-DOLLAR", "TOK-TYPO", "TOK-SECRET", "IDP-SCOPE", "IDT-JWE", "SIGN-CLOSED",
	"SIGN-OFF", "REDIR-OFF",
}

// longest is what one examination may take, without credentials.
const longest = 15 * time.Second

// world is what a user has: two Compose projects, a proxy in front of both, and a
// network that all three share.
type world struct {
	id        string
	paperless string // image
	keys      *edge.Keys
	dir       string
	resolve   map[string]string
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), "docker", args...).CombinedOutput()
	require.NoError(t, err, "docker %s: %s", strings.Join(args, " "), text)
	return strings.TrimSpace(string(text))
}

// run starts a container as compose up does.
func (w *world) run(t *testing.T, project, service, image string, env map[string]string, more ...string) string {
	t.Helper()
	name := fmt.Sprintf("%s-%s-%s-1", w.id, project, service)
	args := []string{
		"run", "-d", "--name", name, "--label", "ssocheck.test=" + w.id, "--restart", "unless-stopped",
		"--label", "com.docker.compose.project=" + w.id + "-" + project, "--label", "com.docker.compose.service=" + service,
	}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		args = append(args, "-e", k+"="+env[k])
	}
	docker(t, append(args, append(more, image)...)...)
	return name
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{id: "sso" + strconv.FormatInt(time.Now().UnixNano()%1e9, 36), dir: t.TempDir()}
	ctx := context.Background()
	bin := func(name string) string { return filepath.Join(w.dir, name) }
	require.NoError(t, errors.Join(stack.Build(ctx, stack.EdgeCommand, bin("edge")), stack.Build(ctx, standins.Command, bin("standin"))))
	images, err := standins.Build(ctx, slog.New(slog.DiscardHandler), bin("standin"), "2.20.15", "2025.8.1")
	require.NoError(t, err)
	w.paperless = images.Paperless[0].Image
	w.keys, err = edge.NewKeys()
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, args := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}} {
			text, _ := exec.Command("docker", append(args, "--filter", "label=ssocheck.test="+w.id)...).Output()
			remove := []string{"rm", "-f"}
			if args[0] == "network" {
				remove = []string{"network", "rm"}
			}
			for _, id := range strings.Fields(string(text)) {
				_ = exec.Command("docker", append(remove, id)...).Run()
			}
		}
	})
	for _, net := range []string{"idp", "docs", "proxy"} {
		docker(t, "network", "create", "--label", "ssocheck.test="+w.id, w.id+"-"+net)
	}
	idp, front := w.id+"-idp", w.id+"-proxy"
	w.run(t, "idp", "postgresql", images.Postgres, map[string]string{"POSTGRES_USER": "authentik", "POSTGRES_PASSWORD": "database-pass-1", "POSTGRES_DB": "authentik"}, "--network", idp, "--network-alias", "postgresql")
	w.run(t, "idp", "redis", images.Authentik[0].Broker, nil, "--network", idp, "--network-alias", "redis")
	env := map[string]string{
		"AUTHENTIK_SECRET_KEY": "authentik-secret-key-0123456789", "AUTHENTIK_POSTGRESQL__HOST": "postgresql", "AUTHENTIK_POSTGRESQL__USER": "authentik",
		"AUTHENTIK_POSTGRESQL__NAME": "authentik", "AUTHENTIK_POSTGRESQL__PASSWORD": "database-pass-1", "AUTHENTIK_REDIS__HOST": "redis",
	}
	server := w.run(t, "idp", "server", images.Authentik[0].Image, env, "--network", idp, "--network-alias", "server")
	docker(t, "network", "connect", "--alias", "authentik-server", front, server)
	w.start(t, "idp", "worker", images.Authentik[0].Image, env, "worker", "--network", idp)
	w.run(t, "docs", "broker", images.Paperless[0].Broker, nil, "--network", w.id+"-docs", "--network-alias", "broker")
	w.front(t, bin("edge"))
	return w
}

// start is run with a command.
func (w *world) start(t *testing.T, project, service, image string, env map[string]string, command string, more ...string) {
	t.Helper()
	name := fmt.Sprintf("%s-%s-%s-1", w.id, project, service)
	args := []string{"run", "-d", "--name", name, "--label", "ssocheck.test=" + w.id, "--label", "com.docker.compose.project=" + w.id + "-" + project, "--label", "com.docker.compose.service=" + service}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		args = append(args, "-e", k+"="+env[k])
	}
	docker(t, append(args, append(more, image, command)...)...)
}

// front is the proxy that has the two names.
func (w *world) front(t *testing.T, binary string) {
	t.Helper()
	image, err := stack.MakeImage(t.Context(), stack.Image{
		Repository: "ssocheck/edge", Files: map[string][]byte{"edge": read(t, binary)}, Dockerfile: "FROM scratch\nCOPY edge /edge\nENTRYPOINT [\"/edge\", \"/edge.json\"]\n",
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	c := edge.Config{
		TLS: []string{"443"}, Plain: []string{"80"}, Token: "edge-token-1", Keys: w.keys, RedactorKey: evidence.NewRedactor().Key(),
		Routes: []edge.ContainerRoute{
			{Product: "paperless", Host: "paperless.example.com:443", Upstream: "http://webserver:8000"},
			{Product: "authentik", Host: "authentik.example.com:443", Upstream: "http://authentik-server:9000"},
		},
	}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	file := filepath.Join(w.dir, "edge.json")
	require.NoError(t, os.WriteFile(file, text, 0o644))
	name := w.id + "-proxy-1"
	docker(t, "create", "--name", name, "--label", "ssocheck.test="+w.id, "-p", "127.0.0.1::443", "--network", w.id+"-proxy",
		"--network-alias", "paperless.example.com", "--network-alias", "authentik.example.com", image)
	docker(t, "cp", file, name+":/edge.json")
	docker(t, "start", name)
	port := docker(t, "port", name, "443/tcp")
	port = port[strings.LastIndexByte(port, ':')+1:]
	w.resolve = map[string]string{"authentik.example.com:443": "127.0.0.1:" + port, "paperless.example.com:443": "127.0.0.1:" + port}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// configure puts authentik's side in place, as its pages would.
func (w *world) configure(t *testing.T, b *deployment.Deployment) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.yaml")
	require.NoError(t, os.WriteFile(file, deployment.Blueprint(b), 0o644))
	server := w.id + "-idp-server-1"
	dir := filepath.Join(t.TempDir(), "custom")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Rename(file, filepath.Join(dir, "own.yaml")))
	require.Eventually(t, func() bool { // authentik's own blueprints come first
		if text, err := exec.Command("docker", "cp", dir+"/.", server+":/blueprints/").CombinedOutput(); err != nil {
			t.Logf("%s", text)
			return false
		}
		text, err := exec.Command("docker", "exec", server, "ak", "apply_blueprint", "own.yaml").CombinedOutput()
		if err != nil {
			t.Logf("%s", text)
		}
		return err == nil
	}, time.Minute, 500*time.Millisecond)
}

// up makes Paperless's container, and waits until it answers or has stopped.
func (w *world) up(t *testing.T, b *deployment.Deployment) {
	t.Helper()
	name := w.id + "-docs-webserver-1"
	_ = exec.Command("docker", "rm", "-f", name).Run()
	own := b.Clone()
	for _, env := range []map[string]string{own.Paperless.Env, own.Paperless.Running} {
		if env == nil {
			continue
		}
		env["PAPERLESS_REDIS"] = "redis://broker:6379"
		if env["REQUESTS_CA_BUNDLE"] == "" {
			env["REQUESTS_CA_BUNDLE"] = "/ca.crt"
		}
	}
	ca := filepath.Join(t.TempDir(), "ca.crt")
	require.NoError(t, os.WriteFile(ca, []byte(w.keys.CA), 0o644))
	file := composed(t, own)
	args := []string{
		"create", "--name", name, "--label", "ssocheck.test=" + w.id, "--restart", "unless-stopped", "--network", w.id + "-docs",
		"--label", "com.docker.compose.project=" + w.id + "-docs", "--label", "com.docker.compose.service=webserver",
		"--label", "com.docker.compose.project.config_files=" + file, "--label", "com.docker.compose.project.working_dir=" + filepath.Dir(file),
	}
	for host, address := range b.Paperless.ExtraHosts {
		args = append(args, "--add-host", host+":"+address)
	}
	env := own.Paperless.RunningEnv()
	for _, k := range slices.Sorted(maps.Keys(env)) {
		args = append(args, "-e", k+"="+env[k])
	}
	docker(t, append(args, w.paperless)...)
	docker(t, "cp", ca, name+":/ca.crt")
	docker(t, "network", "connect", "--alias", "webserver", w.id+"-proxy", name)
	docker(t, "start", name)
	require.Eventually(t, func() bool {
		state, err := exec.Command("docker", "inspect", "-f", "{{.RestartCount}} {{.NetworkSettings.Networks}}", name).Output()
		if err == nil && !strings.HasPrefix(string(state), "0 ") {
			return true
		}
		log, _ := exec.Command("docker", "logs", name).CombinedOutput()
		return strings.Contains(string(log), "docker container init completed")
	}, time.Minute, 200*time.Millisecond)
}

// others reports whether a pair of somebody else runs on this engine, too. It may
// come at any time.
func (w *world) others(t *testing.T) bool {
	t.Helper()
	for line := range strings.Lines(docker(t, "ps", "--format", "{{.Names}} {{.Image}}")) {
		if !strings.HasPrefix(line, w.id) && regexp.MustCompile(`paperless|authentik`).MatchString(line) {
			return true
		}
	}
	return false
}

func (w *world) examine(t *testing.T) *doctor.Examination {
	t.Helper()
	o := doctor.Options{Resolve: w.resolve, CA: []byte(w.keys.CA)}
	if w.others(t) {
		o.Paperless, o.Authentik = w.id+"-docs-webserver-1", w.id+"-idp-server-1"
	}
	began := time.Now()
	x, err := doctor.Examine(t.Context(), o)
	require.NoError(t, err)
	took := time.Since(began)
	t.Logf("examined in %.1f s: %v %v", took.Seconds(), codes(x), x.Notes)
	assert.Less(t, took, longest)
	return x
}

// TestDockerDoctor: a pair as a user has it, in containers of a real engine: none
// for a right pair, and the right cause first for each.
func TestDockerDoctor(t *testing.T) {
	w := newWorld(t)
	base := right(t)
	w.configure(t, base)
	w.up(t, base)
	t.Run("right", func(t *testing.T) {
		x := w.examine(t)
		assert.Empty(t, codes(x))
		assert.Empty(t, x.Notes)
		assert.Equal(t, "2.20.15", x.Run.Paperless.Version)
		assert.Equal(t, "2025.8.1", x.Run.Authentik.Version)
	})
	before := map[string]string{}
	for _, c := range []string{"docs-webserver-1", "idp-server-1", "idp-worker-1"} {
		before[c] = docker(t, "inspect", "-f", "{{.Id}} {{.State.StartedAt}} {{.Config.Env}}", w.id+"-"+c)
	}
	w.examine(t)
	for c, was := range before {
		assert.Equal(t, was, docker(t, "inspect", "-f", "{{.Id}} {{.State.StartedAt}} {{.Config.Env}}", w.id+"-"+c), "nothing is changed")
	}
	model := base.Authentik.Model
	for _, code := range dockerCore {
		t.Run(code, func(t *testing.T) {
			b := planted(t, troubleshooting.Find(code))
			if fmt.Sprint(model) != fmt.Sprint(b.Authentik.Model) {
				w.configure(t, b)
				model = b.Authentik.Model
			}
			w.up(t, b)
			x := w.examine(t)
			got := codes(x)
			if assert.NotEmpty(t, got) && !assert.Equal(t, code, got[0]) {
				var out bytes.Buffer
				_ = report.Doctor(&out, x, report.TextOptions{Verbose: true})
				t.Log(out.String())
			}
		})
	}
}
