package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// ErrEngine says that no engine answers; its text names the remedy.
var ErrEngine = errors.New("no container engine answers")

// The limits of what the engine is asked for.
const (
	pingLimit = 10 * time.Second
	askLimit  = 20 * time.Second // list, inspect, logs
	// execLimit bounds what runs in a container. Authentik's command line alone takes 3
	// to 4 s to start, and was seen to take 45 s where forty processes wanted two
	// cores; the scripts themselves end sooner.
	execLimit   = 2 * time.Minute
	answerLimit = 4 << 20
	logLimit    = 4 << 20
	logTail     = "4000"
)

// An engine is Docker's API or podman's, as far as it only reads. It has no way to
// start, stop, change or remove anything, and of all that could be run in a
// container it knows two scripts, which only read, too.
type engine struct {
	cli *client.Client
	// noExec leaves containers alone: nothing is run in them.
	noExec bool
}

// connect finds the engine: DOCKER_HOST, Docker's context, Docker's socket, podman's.
func connect(ctx context.Context, named string, noExec bool) (*engine, error) {
	var why []string
	home, _ := os.UserHomeDir() // without one there is no context of Docker
	candidates := sockets(os.Getenv, home)
	if named != "" {
		candidates = []string{named}
	}
	for _, host := range candidates {
		e, err := dial(ctx, host, noExec)
		if err == nil {
			return e, nil
		}
		why = append(why, err.Error())
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("%w (%s): run doctor on the machine where the containers are, as somebody who may use Docker, or set DOCKER_HOST; without an engine: ssocheck run --target external", ErrEngine, strings.Join(why, "; "))
}

func dial(ctx context.Context, host string, noExec bool) (*engine, error) {
	opts := []client.Opt{client.FromEnv, client.WithHTTPRequestHook(onlyReads)}
	if host != "" {
		if path, ok := strings.CutPrefix(host, "unix://"); ok {
			if _, err := os.Stat(path); err != nil {
				return nil, fmt.Errorf("%s: %w", host, errors.Unwrap(err))
			}
		}
		opts = append(opts, client.WithHost(host))
	}
	cli, err := client.New(opts...)
	if err != nil {
		return nil, fmt.Errorf("DOCKER_HOST=%s cannot be used: %w", host, err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingLimit)
	defer cancel()
	if _, err := cli.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %s", cli.DaemonHost(), firstLine(err.Error())), cli.Close())
	}
	return &engine{cli: cli, noExec: noExec}, nil
}

// close ends the connection.
func (e *engine) close() error { return e.cli.Close() }

// reads are the calls of the API that doctor makes. All but the two of exec are GET.
var reads = lazyregexp.New(`^(?:HEAD|GET) (?:/v[0-9.]+)?/(?:_ping|version|info|containers/json|containers/[^/]+/(?:json|logs)|exec/[^/]+/json|networks(?:/[^/]+)?|images/.+/json)$|^POST (?:/v[0-9.]+)?/(?:containers/[^/]+/exec|exec/[^/]+/start)$`)

// errWrites marks a call that is none of those.
var errWrites = errors.New("doctor only reads")

// onlyReads lets through what only reads, whatever the code above it asks for.
func onlyReads(r *http.Request) error {
	if !reads.MatchString(r.Method + " " + r.URL.Path) {
		return fmt.Errorf("%w: %s %s was not sent", errWrites, r.Method, r.URL.Path)
	}
	return nil
}

// list are all containers, also those that do not run.
func (e *engine) list(ctx context.Context) ([]container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	all, err := e.cli.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, fmt.Errorf("list the containers: %s", firstLine(err.Error()))
	}
	var out []container.InspectResponse
	for _, one := range all.Items {
		res, err := e.cli.ContainerInspect(ctx, one.ID, client.ContainerInspectOptions{})
		if err != nil {
			continue // it went away meanwhile
		}
		if res.Container.Config != nil && res.Container.State != nil {
			out = append(out, res.Container)
		}
	}
	return out, nil
}

// logs are the last lines of a container, since a time.
func (e *engine) logs(ctx context.Context, id, since string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	res, err := e.cli.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Since: since, Tail: logTail})
	if err != nil {
		return nil, fmt.Errorf("read the log: %s", firstLine(err.Error()))
	}
	defer func() { _ = res.Close() }()
	text, err := unmixed(io.LimitReader(res, logLimit))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			out = append(out, strings.ToValidUTF8(line, "?"))
		}
	}
	return out, nil
}

// unmixed is the text of both streams; a container with a terminal has one.
func unmixed(r io.Reader) (string, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if len(raw) > 0 && raw[0] > 2 {
		return string(raw), nil
	}
	// What the limit cut off is left out.
	if _, err := stdcopy.StdCopy(&out, &out, bytes.NewReader(raw)); err != nil && out.Len() == 0 {
		return "", err
	}
	return out.String(), nil
}

// askAuthentik runs authentik's query in the server's container.
func (e *engine) askAuthentik(ctx context.Context, id string, q shell.Query) (*shell.Answer, error) {
	env, err := q.Env()
	if err != nil {
		return nil, err
	}
	out, err := e.exec(ctx, id, shell.Command(), env)
	if err != nil {
		return nil, err
	}
	return shell.Parse(out)
}

// lookFrom runs Python in Paperless's container.
func (e *engine) lookFrom(ctx context.Context, id string, l paperless.Look) (*paperless.Seen, error) {
	env, err := l.Env()
	if err != nil {
		return nil, err
	}
	out, err := e.exec(ctx, id, paperless.Command(), env)
	if err != nil {
		return nil, err
	}
	return paperless.Parse(out)
}

// errNoExec says that nothing may be run in containers.
var errNoExec = errors.New("--no-exec was given")

// exec runs one of the two scripts, and gives what it printed.
func (e *engine) exec(ctx context.Context, id string, command []string, env string) (string, error) {
	if e.noExec {
		return "", errNoExec
	}
	ctx, cancel := context.WithTimeout(ctx, execLimit)
	defer cancel()
	made, err := e.cli.ExecCreate(ctx, id, client.ExecCreateOptions{Cmd: command, Env: []string{env}, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", fmt.Errorf("run %s in the container: %s", command[0], firstLine(err.Error()))
	}
	at, err := e.cli.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", fmt.Errorf("run %s in the container: %s", command[0], firstLine(err.Error()))
	}
	defer at.Close()
	stop := context.AfterFunc(ctx, func() { at.Close() })
	defer stop()
	text, err := unmixed(io.LimitReader(at.Reader, answerLimit))
	if err != nil && ctx.Err() != nil {
		return "", fmt.Errorf("%s in the container gave no answer within %s", command[0], execLimit)
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return "", fmt.Errorf("run %s in the container: %w", command[0], err)
	}
	return text, nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}
