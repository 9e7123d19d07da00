package stack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// The labels of everything that we make.
const (
	ownLabel = "ssocheck"
	runLabel = "ssocheck.run"
)

// removeLimit is for removing a whole stack, also on a busy disk.
const removeLimit = 2 * time.Minute

// minimumAPI is that of Docker 20.10, the oldest engine that was tried.
const minimumAPI = "1.41.0"

// ryukImage is the container that cleans up when we are killed. It is used where
// it is here already; ssocheck down does the same by hand.
const ryukImage = "testcontainers/ryuk:0.14.0"

// An engine is a Docker engine that answers.
type engine struct {
	cli client.APIClient
	// hosts are where its ports may be reached, the likely one first. In a container
	// there is no telling whether the engine is inside too, or beside it.
	hosts  []string
	arch   string
	memory int64
	cores  int
	log    *slog.Logger

	provider *testcontainers.DockerProvider
	// reaps says that Ryuk removes what we leave. Containers are made without
	// Testcontainers, which would start it whether its image is here or not, and
	// can be told otherwise only by the environment: that is our caller's.
	reaps bool
}

// connect connects to the engine. What keep leaves running, nobody may remove.
func connect(ctx context.Context, keep bool, log *slog.Logger) (*engine, error) {
	if err := named(ctx); err != nil {
		return nil, err
	}
	provider, err := answering(ctx, log)
	if err != nil {
		return nil, explain(err)
	}
	cli := provider.Client()
	ctx, cancel := context.WithTimeoutCause(ctx, pingLimit, hangs(pingLimit))
	defer cancel()
	info, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, explain(orCause(ctx, err))
	}
	version, err := cli.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return nil, explain(orCause(ctx, err))
	}
	if !deployment.AtLeast(version.APIVersion+".0", minimumAPI) {
		return nil, fmt.Errorf("%w: the engine %s is too old: its API is %s, and 1.41 (Docker 20.10) is needed; update it, or use --target lab", ErrEngine, info.Info.ServerVersion, version.APIVersion)
	}
	if info.Info.OSType != "linux" {
		return nil, fmt.Errorf("%w: the engine runs %s containers; switch it to Linux containers", ErrEngine, info.Info.OSType)
	}
	host, err := provider.DaemonHost(ctx)
	if err != nil {
		return nil, explain(err)
	}
	e := &engine{cli: cli, hosts: []string{host}, arch: architecture(info.Info.Architecture), memory: info.Info.MemTotal, cores: info.Info.NCPU, log: log, provider: provider}
	e.reaps = !keep && !provider.Config().RyukDisabled && e.has(ctx, ryukImage)
	switch {
	case host == "localhost":
		e.hosts = []string{loopback} // the ports are published there only, and localhost may mean ::1
	case strings.HasPrefix(cli.DaemonHost(), "unix:"):
		e.hosts = append(e.hosts, loopback)
		if gateway := bridgeGateway(ctx, cli); gateway != "" {
			e.hosts = append(e.hosts, gateway)
		}
	}
	return e, nil
}

const loopback = "127.0.0.1"

// bridgeGateway is the engine's own address on its default network, or "".
func bridgeGateway(ctx context.Context, cli client.APIClient) string {
	res, err := cli.NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if err != nil {
		return ""
	}
	for _, c := range res.Network.IPAM.Config {
		if c.Gateway.IsValid() {
			return c.Gateway.String()
		}
		if c.Subnet.IsValid() {
			return c.Subnet.Masked().Addr().Next().String() // where it is when nobody says
		}
	}
	return ""
}

// named asks the engine that DOCKER_HOST names. Testcontainers would go on to
// another one when it does not answer, and run things where nobody wants them.
func named(ctx context.Context) error {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		return nil
	}
	cli, err := client.New(client.FromEnv)
	if err != nil {
		return fmt.Errorf("%w: DOCKER_HOST=%s cannot be used: %s", ErrEngine, host, short(err.Error()))
	}
	defer func() { _ = cli.Close() }()
	ctx, cancel := context.WithTimeoutCause(ctx, pingLimit, hangs(pingLimit))
	defer cancel()
	if _, err := cli.Info(ctx, client.InfoOptions{}); err != nil {
		if ctx.Err() != nil {
			return orCause(ctx, err)
		}
		if told := explain(err); errors.Is(told, ErrEngine) {
			return told
		}
		return fmt.Errorf("%w: no engine answers at DOCKER_HOST=%s: %s", ErrEngine, host, short(err.Error()))
	}
	return nil
}

// pingLimit is for the first answer of an engine.
const pingLimit = 30 * time.Second

// has reports whether an image is here; any trouble is found again, and told,
// when the image is needed.
func (e *engine) has(ctx context.Context, image string) bool {
	_, err := e.cli.ImageInspect(ctx, image)
	return err == nil
}

// reap lets Ryuk remove what carries the labels of this process, soon after stop
// is called or the process ends.
func (e *engine) reap(ctx context.Context) (stop func(), err error) {
	if !e.reaps {
		return func() {}, nil
	}
	//nolint:staticcheck // deprecated, and the only door to Ryuk that makes no other container
	reaper, err := testcontainers.NewReaper(ctx, testcontainers.SessionID(), e.provider, "")
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", ryukImage, err)
	}
	connection, err := reaper.Connect()
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", ryukImage, err)
	}
	return sync.OnceFunc(func() { connection <- true }), nil
}

// architecture is Go's word for the engine's.
func architecture(uname string) string {
	switch uname {
	case "x86_64", "amd64":
		return "amd64"
	case "aarch64", "arm64":
		return "arm64"
	}
	return uname
}

// local reports whether the engine publishes ports on this machine's loopback.
func (e *engine) local() bool { return len(e.hosts) == 1 && e.hosts[0] == loopback }

// quiet is Testcontainers' logger.
type quiet struct{ log *slog.Logger }

// Printf logs.
func (q quiet) Printf(format string, args ...any) {
	q.log.Debug("testcontainers", "message", strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// explain says in one line what is wrong with the engine, and what to do. What a
// container or its log said is no word of the engine's, but for a full disk: that is
// the engine's own.
func explain(err error) error {
	if err == nil || errors.Is(err, ErrEngine) || errors.Is(err, ErrImage) || errors.Is(err, ErrUnsupported) || errors.Is(err, context.Canceled) {
		return err
	}
	text := err.Error()
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
	}
	var closed *shut
	var ended *stopped
	of := errors.As(err, &closed) || errors.As(err, &ended) // a container
	where := engineAddress()
	switch {
	case of && !has("no space left on device"):
		return err
	case has("no space left on device"):
		return fmt.Errorf("%w: the engine has no space left; docker system prune makes some (%s)", ErrEngine, short(text))
	// The words of Docker 20.10, of 27 (buildpacks/pack#2259) and of Podman (podman#21086).
	case has("non-overlapping IPv4 address pool", "address pools have been fully subnetted", "find free subnet"):
		return fmt.Errorf("%w: the engine has no addresses left for a network (Docker has some 30 networks as it is installed); docker network prune removes those that nobody uses, default-address-pools in /etc/docker/daemon.json gives it more", ErrEngine)
	case has("permission denied") && has("docker.sock", "connect", "dial"):
		return fmt.Errorf("%w: you may not use the engine at %s; run sudo usermod -aG docker $USER and sign in again, or use --target lab", ErrEngine, where)
	case has("Cannot connect to the Docker daemon", "connect: connection refused", "connect: no such file", "docker host is not", "Docker not found", "docker socket not found", "failed to connect to the docker API", "i/o timeout", "no such host"):
		return fmt.Errorf("%w: no engine answers at %s; start it (sudo systemctl start docker, or scripts/docker.sh), or use --target lab", ErrEngine, where)
	case has("minimum supported API version", "is too old", "is too new"):
		return fmt.Errorf("%w: the engine is too old for us (Docker 20.10 or later is needed): %s", ErrEngine, short(text))
	}
	return err
}

// short is the end of a chain of errors, in one line.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 200 {
		text = "…" + text[len(text)-200:]
	}
	return text
}

func isIP(host string) bool { return net.ParseIP(host) != nil }

// haveImages makes sure that images are here: what is here already is taken
// unless a pull is wanted.
func (s *Stack) haveImages(ctx context.Context, images ...string) error {
	for _, image := range images {
		if image == "" {
			continue
		}
		_, err := s.engine.cli.ImageInspect(ctx, image)
		s.mu.Lock()
		wanted := s.o.pull && !s.pulled[image]
		s.mu.Unlock()
		if err == nil && !wanted {
			continue
		}
		if err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("look at the image %s: %w", image, err)
		}
		if pulled := s.pull(ctx, image); pulled != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%w: %s is not here and cannot be had (%s); on a machine that can: docker pull %s", ErrImage, image, short(pulled.Error()), image)
		}
		s.mu.Lock()
		s.pulled[image] = true
		s.mu.Unlock()
	}
	return nil
}

// pullTick is how often a pull tells how far it is.
const pullTick = 5 * time.Second

func (s *Stack) pull(ctx context.Context, image string) error {
	s.say("pulling %s", image)
	var o client.ImagePullOptions
	if _, auth, err := testcontainers.DockerImageAuth(ctx, image); err == nil {
		if o.RegistryAuth, err = registryAuth(auth); err != nil {
			return err
		}
	}
	res, err := s.engine.cli.ImagePull(ctx, image, o)
	if err != nil {
		return err
	}
	defer func() { _ = res.Close() }()
	layers := map[string][2]int64{}
	told := time.Now()
	for m, err := range res.JSONMessages(ctx) {
		if err != nil {
			return err
		}
		if m.Error != nil {
			return m.Error
		}
		if m.Progress != nil && m.Progress.Total > 0 {
			layers[m.ID] = [2]int64{m.Progress.Current, m.Progress.Total}
		}
		if time.Since(told) >= pullTick {
			told = time.Now()
			var now, all int64
			for _, l := range layers {
				now, all = now+l[0], all+l[1]
			}
			s.say("pulling %s: %d of %d MB", image, now>>20, all>>20)
		}
	}
	return nil
}

// imageID is the digest of an image's configuration: it changes with its content.
func (s *Stack) imageID(ctx context.Context, image string) (string, error) {
	i, err := s.engine.cli.ImageInspect(ctx, image)
	if err != nil {
		return "", fmt.Errorf("look at the image %s: %w", image, err)
	}
	return i.ID, nil
}

// exec runs a command in a container and returns its output.
func (s *Stack) exec(ctx context.Context, r *running, env []string, cmd ...string) (string, error) {
	return s.execIn(ctx, r, "", env, cmd...)
}

func (s *Stack) execIn(ctx context.Context, r *running, dir string, env []string, cmd ...string) (string, error) {
	cli := s.engine.cli
	made, err := cli.ExecCreate(ctx, r.id, client.ExecCreateOptions{Cmd: cmd, Env: env, WorkingDir: dir, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", fmt.Errorf("run %s in %s: %w", cmd[0], r.Name, err)
	}
	at, err := cli.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", fmt.Errorf("run %s in %s: %w", cmd[0], r.Name, err)
	}
	defer at.Close()
	stop := context.AfterFunc(ctx, at.Close) // the attached stream knows no context
	defer stop()
	var out, errs bytes.Buffer
	if _, err := stdcopy.StdCopy(&out, &errs, at.Reader); err != nil && ctx.Err() == nil {
		return "", fmt.Errorf("run %s in %s: %w", cmd[0], r.Name, err)
	}
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		// The end of the stream comes a moment before the exit code.
		done, err := cli.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
		if err != nil {
			return "", fmt.Errorf("run %s in %s: %w", cmd[0], r.Name, err)
		}
		if !done.Running {
			if done.ExitCode != 0 {
				return out.String(), &exitError{cmd: cmd, in: r.Name, code: done.ExitCode, output: out.String() + errs.String()}
			}
			return out.String(), nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// exitError is a command that ended with a code of its own.
type exitError struct {
	cmd    []string
	in     string
	code   int
	output string
}

func (e *exitError) Error() string {
	last := ""
	for line := range strings.Lines(e.output) {
		if strings.TrimSpace(line) != "" {
			last = strings.TrimSpace(line)
		}
	}
	return fmt.Sprintf("%s in %s: exit code %d: %s", strings.Join(e.cmd[:min(2, len(e.cmd))], " "), e.in, e.code, short(last))
}

// engineAddress is where the engine is asked, as far as the environment says.
func engineAddress() string {
	return cmp.Or(os.Getenv("DOCKER_HOST"), "/var/run/docker.sock")
}

// copyOut reads one file of a container.
func (s *Stack) copyOut(ctx context.Context, r *running, path string) ([]byte, error) {
	res, err := s.engine.cli.CopyFromContainer(ctx, r.id, client.CopyFromContainerOptions{SourcePath: path})
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", path, r.Name, err)
	}
	defer func() { _ = res.Content.Close() }()
	text, err := firstFile(res.Content)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", path, r.Name, err)
	}
	return text, nil
}

// copyIn writes one file into a container.
func (s *Stack) copyIn(ctx context.Context, r *running, path string, text []byte) error {
	return s.copyFiles(ctx, r, map[string][]byte{path: text})
}

// copyFiles writes files into a container, which need not run.
func (s *Stack) copyFiles(ctx context.Context, r *running, files map[string][]byte) error {
	if len(files) == 0 {
		return nil
	}
	var buf bytes.Buffer
	if err := writeTar(&buf, files); err != nil {
		return err
	}
	_, err := s.engine.cli.CopyToContainer(ctx, r.id, client.CopyToContainerOptions{DestinationPath: "/", Content: io.Reader(&buf)})
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", strings.Join(slices.Sorted(maps.Keys(files)), ", "), r.Name, err)
	}
	return nil
}
