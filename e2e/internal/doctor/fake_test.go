package doctor_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	rp "github.com/ssocheck/ssocheck/e2e/internal/paperless/model"
	"github.com/ssocheck/ssocheck/e2e/internal/stack/standin"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A fakeContainer is one that the fake engine has.
type fakeContainer struct {
	ID, Name, Image string
	Env             map[string]string
	Labels          map[string]string
	Cmd             []string
	Status          string // running, restarting …
	Restarts, Exit  int
	ExtraHosts      []string
	Log             []string
	// exec runs a command and gives what it prints.
	exec func(ctx context.Context, cmd []string, env map[string]string) string
	pair *target.Target
}

// A fakeEngine speaks as much of Docker's API as doctor may use. Every other call is
// remembered as forbidden.
type fakeEngine struct {
	URL        string
	containers []*fakeContainer
	pair       *target.Target // how the pair is reached from this machine; may be nil

	mu        sync.Mutex
	forbidden []string
	calls     []string
	execs     []execution
}

type execution struct {
	c   *fakeContainer
	cmd []string
	env map[string]string
}

func newEngine(t *testing.T, containers ...*fakeContainer) *fakeEngine {
	t.Helper()
	e := &fakeEngine{containers: containers}
	for _, c := range containers {
		if c.pair != nil {
			e.pair = c.pair
		}
	}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	e.URL = "tcp://" + strings.TrimPrefix(s.URL, "http://")
	return e
}

var version = regexp.MustCompile(`^/v\d+\.\d+`)

func (e *fakeEngine) find(id string) *fakeContainer {
	for _, c := range e.containers {
		if c.ID == id {
			return c
		}
	}
	return nil
}

func (e *fakeEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := version.ReplaceAllString(r.URL.Path, "")
	part := strings.Split(strings.Trim(path, "/"), "/")
	e.mu.Lock()
	e.calls = append(e.calls, r.Method+" "+path)
	e.mu.Unlock()
	answer := func(v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	switch {
	case path == "/_ping":
		w.Header().Set("Api-Version", "1.47")
		_, _ = io.WriteString(w, "OK")
	case r.Method == http.MethodGet && path == "/containers/json":
		var list []map[string]any
		for _, c := range e.containers {
			list = append(list, map[string]any{"Id": c.ID, "Names": []string{"/" + c.Name}, "Image": c.Image, "State": c.Status, "Labels": c.Labels})
		}
		answer(list)
	case r.Method == http.MethodGet && len(part) == 3 && part[2] == "json" && e.find(part[1]) != nil:
		answer(e.find(part[1]).inspect())
	case r.Method == http.MethodGet && len(part) == 3 && part[2] == "logs" && e.find(part[1]) != nil:
		_, _ = w.Write(multiplexed(strings.Join(e.find(part[1]).Log, "\n") + "\n"))
	case r.Method == http.MethodPost && len(part) == 3 && part[0] == "containers" && part[2] == "exec":
		var o struct {
			Cmd, Env   []string
			Privileged bool
			User       string
		}
		_ = json.NewDecoder(r.Body).Decode(&o)
		if o.Privileged {
			e.forbid("a privileged exec")
		}
		e.mu.Lock()
		e.execs = append(e.execs, execution{e.find(part[1]), o.Cmd, environ(o.Env)})
		n := len(e.execs)
		e.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		answer(map[string]string{"Id": fmt.Sprint("exec", n)})
	case r.Method == http.MethodPost && len(part) == 3 && part[0] == "exec" && part[2] == "start":
		e.run(w, r, part[1])
	default:
		e.forbid(r.Method + " " + path)
		http.Error(w, `{"message":"forbidden"}`, http.StatusForbidden)
	}
}

func (e *fakeEngine) forbid(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forbidden = append(e.forbidden, what)
}

// run answers as the engine does: the connection becomes the output.
func (e *fakeEngine) run(w http.ResponseWriter, r *http.Request, id string) {
	var n int
	_, _ = fmt.Sscanf(id, "exec%d", &n)
	e.mu.Lock()
	x := e.execs[n-1]
	e.mu.Unlock()
	_, _ = io.Copy(io.Discard, r.Body)
	out := x.c.exec(context.WithoutCancel(r.Context()), x.cmd, x.env)
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
	_, _ = conn.Write(multiplexed(out))
}

func multiplexed(text string) []byte {
	var b bytes.Buffer
	_, _ = b.Write([]byte{byte(stdcopy.Stdout), 0, 0, 0, byte(len(text) >> 24), byte(len(text) >> 16), byte(len(text) >> 8), byte(len(text))})
	_, _ = b.WriteString(text)
	return b.Bytes()
}

func environ(list []string) map[string]string {
	out := map[string]string{}
	for _, kv := range list {
		k, v, _ := strings.Cut(kv, "=")
		out[k] = v
	}
	return out
}

func (c *fakeContainer) inspect() map[string]any {
	var env []string
	for _, k := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, k+"="+c.Env[k])
	}
	return map[string]any{
		"Id": c.ID, "Name": "/" + c.Name, "Image": "sha256:0", "RestartCount": c.Restarts, "Args": c.Cmd,
		"Config":          map[string]any{"Image": c.Image, "Env": env, "Labels": c.Labels, "Cmd": c.Cmd},
		"HostConfig":      map[string]any{"ExtraHosts": c.ExtraHosts},
		"NetworkSettings": map[string]any{"Networks": map[string]any{"proxy": map[string]any{}}},
		"State": map[string]any{
			"Status": c.Status, "Running": c.Status != "exited", "Restarting": c.Status == "restarting", "ExitCode": c.Exit,
			"StartedAt": "2026-11-28T20:00:00.000000000Z",
		},
	}
}

// right is the guide's deployment, without users: doctor signs nobody in.
func right(t *testing.T) *deployment.Deployment {
	t.Helper()
	b, err := deployment.Default()
	require.NoError(t, err)
	return b
}

// composed writes the compose file of a deployment, as a user would have it.
func composed(t *testing.T, b *deployment.Deployment) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "services:\n  webserver:\n    image: ghcr.io/paperless-ngx/paperless-ngx:%s\n    restart: unless-stopped\n", b.Paperless.Version)
	if len(b.Paperless.ExtraHosts) > 0 {
		out.WriteString("    extra_hosts:\n")
		for name, address := range b.Paperless.ExtraHosts {
			fmt.Fprintf(&out, "      - %q\n", name+":"+address)
		}
	}
	out.WriteString("    environment:\n")
	for _, name := range slices.Sorted(maps.Keys(b.Paperless.Env)) {
		text, err := json.Marshal(strings.ReplaceAll(b.Paperless.Env[name], "$", "$$"))
		require.NoError(t, err)
		fmt.Fprintf(&out, "      %s: %s\n", name, text)
	}
	dir := t.TempDir()
	if len(b.Paperless.Files) > 0 {
		out.WriteString("    volumes:\n")
		for path, text := range b.Paperless.Files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), []byte(text), 0o600))
			fmt.Fprintf(&out, "      - ./%s:%s:ro\n", filepath.Base(path), path)
		}
	}
	file := filepath.Join(dir, "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o600))
	return file
}

// apiToken opens the API of the authentik that runs.
const apiToken = "api-token-of-a-test-1"

// running are the containers of a deployment: two projects on one machine.
func running(t *testing.T, b *deployment.Deployment) []*fakeContainer {
	t.Helper()
	tg, err := lab.Start(t.Context(), b, lab.WithToken(apiToken))
	require.NoError(t, err)
	t.Cleanup(func() { _ = tg.Close() })
	return containers(t, b, tg, composed(t, b))
}

func containers(t *testing.T, b *deployment.Deployment, tg *target.Target, file string) []*fakeContainer {
	t.Helper()
	env := map[string]string{"PATH": "/usr/bin", "PNGX_CONTAINERIZED": "1"}
	maps.Copy(env, b.Paperless.RunningEnv())
	p := &fakeContainer{
		ID: "1111111111", Name: "docs-webserver-1", Image: "ghcr.io/paperless-ngx/paperless-ngx:" + b.Paperless.Version, Env: env, Cmd: []string{"/init"}, Status: "running", pair: tg,
		Labels: map[string]string{"com.docker.compose.project": "docs", "com.docker.compose.service": "webserver", "com.docker.compose.project.config_files": file, "com.docker.compose.project.working_dir": filepath.Dir(file)},
	}
	for name, address := range b.Paperless.ExtraHosts {
		p.ExtraHosts = append(p.ExtraHosts, name+":"+address)
	}
	if !tg.Boot.Up {
		p.Status, p.Restarts, p.Exit, p.Log = "restarting", 4, 1, tg.Boot.Log
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(tg.CA)
	inside := b.Clone()
	if _, own := env["REQUESTS_CA_BUNDLE"]; !own { // as for the lab: its authority is the world's
		inside.Paperless.Env["REQUESTS_CA_BUNDLE"] = "/ca.crt"
		if inside.Paperless.Running != nil {
			inside.Paperless.Running["REQUESTS_CA_BUNDLE"] = "/ca.crt"
		}
	}
	network := &network{extra: b.Paperless.ExtraHosts, resolve: tg.Resolve}
	p.exec = func(ctx context.Context, cmd []string, vars map[string]string) string {
		if cmd[0] != "python3" || !paperless.IsCommand(cmd[1:]) {
			return "sh: " + cmd[0] + ": not found\n"
		}
		var out bytes.Buffer
		w := standin.World{Env: vars, Stdout: &out}
		if err := standin.PrintInside(ctx, w, rp.Options{Bundle: inside, Dial: network.dial, Roots: roots}, network.lookUp, tg.Direct); err != nil {
			return err.Error()
		}
		return out.String()
	}
	lines, err := tg.Logs(t.Context())
	require.NoError(t, err)
	a := &fakeContainer{
		ID: "2222222222", Name: "idp-server-1", Image: "ghcr.io/goauthentik/server:" + b.Authentik.Version, Cmd: []string{"server"}, Status: "running",
		Env:    map[string]string{"AUTHENTIK_SECRET_KEY": "authentik-secret-key-0123456789", "AUTHENTIK_POSTGRESQL__HOST": "postgresql"},
		Labels: map[string]string{"com.docker.compose.project": "idp", "com.docker.compose.service": "server"},
	}
	for _, l := range lines {
		switch l.Source {
		case "paperless":
			p.Log = append(p.Log, l.Text)
		case "authentik":
			a.Log = append(a.Log, l.Text)
		}
	}
	a.exec = func(_ context.Context, cmd []string, vars map[string]string) string {
		if cmd[0] != "ak" || !shell.IsCommand(cmd[1:]) {
			return "sh: " + cmd[0] + ": not found\n"
		}
		var out bytes.Buffer
		if err := standin.PrintProvider(standin.World{Env: vars, Stdout: &out}, &b.Authentik.Model, b.Authentik.Version); err != nil {
			return err.Error()
		}
		return out.String()
	}
	worker := *a
	worker.ID, worker.Name, worker.Cmd, worker.Log = "3333333333", "idp-worker-1", []string{"worker"}, nil
	return []*fakeContainer{
		{ID: "4444444444", Name: "docs-broker-1", Image: "docker.io/library/redis:8", Status: "running", Env: map[string]string{}},
		p, a, &worker,
		{ID: "5555555555", Name: "ai", Image: "clusterzx/paperless-ai:latest", Status: "running", Env: map[string]string{"PAPERLESS_API_URL": "http://webserver:8000"}},
	}
}

// network is that of Paperless's container.
type network struct {
	extra   map[string]string
	resolve map[string]string
}

func (n *network) known(host string) bool {
	if _, ok := n.extra[host]; ok {
		return true
	}
	for at := range n.resolve {
		if h, _, _ := net.SplitHostPort(at); h == host {
			return true
		}
	}
	return false
}

func (n *network) lookUp(_ context.Context, host string) ([]string, error) {
	if !n.known(host) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if a, ok := n.extra[host]; ok {
		return []string{a}, nil
	}
	return []string{"172.18.0.9"}, nil
}

func (n *network) dial(ctx context.Context, proto, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	if _, ok := n.extra[host]; ok {
		return nil, &net.OpError{Op: "dial", Net: proto, Err: os.ErrDeadlineExceeded}
	}
	var d net.Dialer
	if to, ok := n.resolve[addr]; ok {
		return d.DialContext(ctx, proto, to)
	}
	if n.known(host) {
		return d.DialContext(ctx, proto, "127.0.0.1:1")
	}
	_, err := n.lookUp(ctx, host)
	return nil, &net.OpError{Op: "dial", Net: proto, Err: err}
}

// examine runs doctor against the engine, as the command does without arguments.
func examine(t *testing.T, e *fakeEngine, change ...func(*doctor.Options)) *doctor.Examination {
	t.Helper()
	o := doctor.Options{Engine: e.URL}
	if e.pair != nil {
		o.Resolve, o.CA = e.pair.Resolve, e.pair.CA
	}
	for _, c := range change {
		c(&o)
	}
	x, err := doctor.Examine(t.Context(), o)
	require.NoError(t, err)
	require.Empty(t, e.forbidden, "doctor only reads")
	return x
}
