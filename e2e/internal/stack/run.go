package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// running is a container that was started.
type running struct {
	Container
	id      string
	owns    string // whose evidence its log lines are
	began   time.Time
	expects float64 // seconds until it is usable, as the last time; 0: not known
}

func (s *Stack) labels() map[string]string {
	labels := map[string]string{ownLabel: "true", runLabel: s.id}
	if s.engine.reaps {
		maps.Copy(labels, testcontainers.GenericLabels())
	}
	return labels
}

// run starts a container and follows its log from the first line.
func (s *Stack) run(ctx context.Context, c Container) (*running, error) { return s.runFor(ctx, c, "") }

func (s *Stack) runFor(ctx context.Context, c Container, owns string) (*running, error) {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil, context.Canceled
	}
	id, err := s.create(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("make the container %s of %s: %w", c.Name, c.Image, err)
	}
	r := &running{Container: c, id: id, owns: owns, began: time.Now()}
	if err := s.copyFiles(ctx, r, c.Files); err != nil {
		return nil, err
	}
	if err := s.startUp(ctx, r); err != nil {
		return nil, fmt.Errorf("start the container %s of %s: %w", c.Name, c.Image, err)
	}
	s.wg.Go(func() { s.follow(r) })
	return r, nil
}

const (
	// portTries is how often a container is started whose port somebody else took:
	// the engine chooses one that is free, and another one each time.
	portTries = 3
	portPause = 300 * time.Millisecond
)

func (s *Stack) startUp(ctx context.Context, r *running) error {
	for try := 1; ; try++ {
		_, err := s.engine.cli.ContainerStart(ctx, r.id, client.ContainerStartOptions{})
		if err == nil || try == portTries || !containsAny(err.Error(), []string{"port is already allocated", "address already in use"}) {
			return err
		}
		s.log.WarnContext(ctx, "a port was taken", "container", r.Name, "try", try, "error", err)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(portPause):
		}
	}
}

// create makes a container. Only its own ports are published, whatever the image
// exposes: a Redis has no password.
func (s *Stack) create(ctx context.Context, c Container) (string, error) {
	bind := netip.IPv4Unspecified()
	if s.engine.local() {
		bind = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // the passwords in there are published ones
	}
	exposed, bindings := network.PortSet{}, network.PortMap{}
	for _, p := range c.Ports {
		port, err := network.ParsePort(p)
		if err != nil {
			return "", fmt.Errorf("port %s: %w", p, err)
		}
		exposed[port] = struct{}{}
		bindings[port] = []network.PortBinding{{HostIP: bind}}
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, name+"="+c.Env[name])
	}
	var volumes []string
	if c.VolumesFrom != "" {
		volumes = []string{c.VolumesFrom}
	}
	// The oldest engines take one network at a time.
	networks := slices.Sorted(maps.Keys(c.Networks))
	endpoints := map[string]*network.EndpointSettings{}
	for _, name := range networks[:min(1, len(networks))] {
		endpoints[name] = &network.EndpointSettings{Aliases: c.Networks[name]}
	}
	made, err := s.engine.cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:             "ssocheck-" + s.id + "-" + c.Name,
		Config:           &container.Config{Image: c.Image, Env: env, Entrypoint: c.Entrypoint, Cmd: c.Command, Labels: s.labels(), ExposedPorts: exposed},
		HostConfig:       &container.HostConfig{ShmSize: c.Shm, ExtraHosts: c.ExtraHosts, PortBindings: bindings, VolumesFrom: volumes, Resources: resources(c.Shares, c.Quota)},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: endpoints},
	})
	if err != nil {
		return "", err
	}
	for _, name := range networks[min(1, len(networks)):] {
		_, err := s.engine.cli.NetworkConnect(ctx, name, client.NetworkConnectOptions{
			Container: made.ID, EndpointConfig: &network.EndpointSettings{Aliases: c.Networks[name]},
		})
		if err != nil {
			return "", fmt.Errorf("network %s: %w", name, err)
		}
	}
	return made.ID, nil
}

// follow writes the log of a container into the book until the stack is closed.
func (s *Stack) follow(r *running) {
	logs, err := s.engine.cli.ContainerLogs(s.ctx, r.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Timestamps: true})
	if err != nil {
		s.log.Debug("log", "container", r.Name, "error", err)
		return
	}
	defer func() { _ = logs.Close() }()
	out, in := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(in, in, logs)
		_ = in.CloseWithError(err)
	}()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if text := strings.TrimRight(line, "\r\n"); text != "" {
			s.book.write(r, text)
		}
		if err != nil {
			return // removed, or the stack is closed
		}
	}
}

// book holds the log lines of all containers, in the order in which they came.
type book struct {
	mu    sync.Mutex
	lines []entry
	last  time.Time
	raw   map[string][]string // last lines by container id
}

type entry struct {
	owns string
	evidence.Line
}

const (
	// bookLimit bounds the lines of a run; a container that loops writes for ever.
	bookLimit = 200_000
	// tailLimit is how many last lines of a container are at hand for errors.
	tailLimit = 80
)

func (b *book) write(r *running, text string) {
	stamp, rest, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		rest = text
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = time.Now()
	if b.raw == nil {
		b.raw = map[string][]string{}
	}
	tail := append(b.raw[r.id], rest)
	b.raw[r.id] = tail[max(0, len(tail)-tailLimit):]
	if r.Source != "" && len(b.lines) < bookLimit {
		b.lines = append(b.lines, entry{r.owns, evidence.Line{Source: r.Source, Time: at, Text: rest}})
	}
}

func (b *book) tail(r *running) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.raw[r.id])
}

// of are the lines of some owners.
func (b *book) of(owners ...string) []evidence.Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []evidence.Line
	for _, e := range b.lines {
		if slices.Contains(owners, e.owns) {
			out = append(out, e.Line)
		}
	}
	return out
}

// calm waits until no line came for a moment, so that the line that explains a
// failure is there when it is asked for.
func (b *book) calm(ctx context.Context) {
	const quietFor, most = 250 * time.Millisecond, 2 * time.Second
	began := time.Now()
	for {
		b.mu.Lock()
		last := b.last
		b.mu.Unlock()
		since := min(time.Since(last), time.Since(began))
		if since >= quietFor || time.Since(began) >= most {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(quietFor - since):
		}
	}
}

// A gate is one thing that must hold before a container is usable.
type gate struct {
	what  string
	limit time.Duration
	open  func(context.Context) error // nil: it holds
}

// errStopped marks a container that ended while a gate was waited for.
var errStopped = errors.New("it stopped")

const (
	gatePause = 300 * time.Millisecond
	// gateTell is after how long, and how often, a closed gate is told of.
	gateTell = 30 * time.Second
)

// late is after how long a gate that is still closed is worth a look at the log. A
// connection that is refused meanwhile is what waiting looks like, and no news.
func (g gate) late() time.Duration { return g.limit / 3 }

// pass waits until a gate is open. It tells what is waited for, and the last log
// line when that takes long.
func (s *Stack) pass(ctx context.Context, r *running, g gate) error {
	if s.o.gateLimit > 0 {
		g.limit = min(g.limit, s.o.gateLimit)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, g.limit, errClosed)
	defer cancel()
	began, told := time.Now(), time.Now()
	s.tell(r, g, target.GateWaits, began)
	state := target.GateLeaves
	defer func() { s.tell(r, g, state, began) }()
	var err error // the last one that tells something: not that the time is up
	for {
		now := g.open(ctx)
		if ctx.Err() == nil || err == nil {
			err = now
		}
		if now == nil {
			state = target.GateOpens
			s.log.Debug("gate", "container", r.Name, "open", g.what, "took", time.Since(began))
			return nil
		}
		if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errClosed) {
			return context.Cause(ctx)
		}
		if ended := s.ended(ctx, r); ended != nil {
			return ended
		}
		if ctx.Err() != nil {
			return &shut{fmt.Errorf("%s: not within %v: %s (%s); its last lines: %s", r.Name, g.limit, g.what, short(inWords(err)), s.lastLines(r, 5))}
		}
		if time.Since(told) >= gateTell {
			told = time.Now()
			s.tell(r, g, target.GateWaits, began)
		}
		select {
		case <-ctx.Done():
		case <-time.After(gatePause):
		}
	}
}

// tell tells of a gate: to who wants to know of gates, else as a text.
func (s *Stack) tell(r *running, g gate, state target.GateState, began time.Time) {
	waited := time.Since(began)
	at := target.Gate{Container: r.Name, What: g.what, State: state, Seconds: waited.Seconds(), Since: time.Since(r.began).Seconds(), Expected: r.expects, Slow: g.limit >= againLimit && r.Source != ""}
	if state == target.GateWaits && waited >= g.late() {
		at.Last = s.lastLines(r, 1)
	}
	if s.o.gates != nil {
		s.o.gates(at)
		return
	}
	if state != target.GateWaits {
		return
	}
	text := fmt.Sprintf("%s: until %s", r.Name, g.what)
	if waited >= gateTell {
		text += fmt.Sprintf(", for %d s", int(waited.Seconds()))
	}
	if at.Last != "" {
		text += "; its last line: " + at.Last
	}
	s.say("%s", text)
}

// inWords is what waiting met, as a user may read it: the network's own words tell
// of addresses and calls that mean nothing to anybody but us.
func inWords(err error) string {
	var asked *url.Error
	timeout := func() bool { return errors.As(err, &asked) && asked.Timeout() }
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it takes no connection"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE):
		return "it closes the connection without an answer"
	case timeout(), errors.Is(err, context.DeadlineExceeded):
		return "it gives no answer"
	case errors.As(err, &asked):
		return asked.Err.Error()
	}
	return err.Error()
}

var errClosed = errors.New("the gate stayed closed")

// shut is a gate that stayed closed. The engine answered all the while: a refused
// connection in it is the product's.
type shut struct{ error }

// lastLines are the last lines of a log, redacted, for a user.
func (s *Stack) lastLines(r *running, n int) string {
	lines := s.book.tail(r)
	lines = lines[max(0, len(lines)-n):]
	if len(lines) == 0 {
		return "(no log line yet)"
	}
	red := evidence.NewRedactor(s.secrets.all()...)
	for i := range lines {
		lines[i] = short(red.Text(lines[i]))
	}
	return strings.Join(lines, " | ")
}

// ended says how a container stopped; nil while it runs.
func (s *Stack) ended(ctx context.Context, r *running) error {
	st, err := s.state(ctx, r)
	if err != nil {
		return err
	}
	if st == nil || st.Running || st.Status == container.StateCreated {
		return nil
	}
	return s.end(r, st)
}

func (s *Stack) state(ctx context.Context, r *running) (*container.State, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), lookLimit, hangs(lookLimit))
	defer cancel()
	i, err := s.engine.cli.ContainerInspect(ctx, r.id, client.ContainerInspectOptions{})
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", r.Name, orCause(ctx, err))
	}
	return i.Container.State, nil
}

func (s *Stack) end(r *running, st *container.State) error {
	red := evidence.NewRedactor(s.secrets.all()...)
	return &stopped{in: r, code: st.ExitCode, memory: st.OOMKilled, last: s.lastLines(r, 5), says: short(red.Text(evidence.Telling(s.book.tail(r))))}
}

// standing says which of some containers ended, or lost a process for lack of
// memory; nil while all are well.
func (s *Stack) standing(ctx context.Context, rs ...*running) error {
	for _, r := range rs {
		if r == nil {
			continue
		}
		st, err := s.state(ctx, r)
		if err != nil {
			return err
		}
		if st != nil && (!st.Running || st.OOMKilled) {
			return s.end(r, st)
		}
	}
	return nil
}

// stopped is a container that ended by itself.
type stopped struct {
	in     *running
	code   int
	memory bool // the kernel ended it
	last   string
	says   string // the line of the log that tells why; it may stand above the last ones
}

func (e *stopped) Error() string {
	why := fmt.Sprintf("exit code %d", e.code)
	switch {
	case e.memory:
		why = "the engine has too little memory"
	case e.code == killed:
		why += ": killed, for lack of memory or by somebody else" // not every engine tells
	case e.foreign():
		why += ": somebody else ended it"
	}
	if e.says != "" && !strings.Contains(e.last, e.says) {
		return fmt.Sprintf("%s stopped (%s); its log says: %s; its last lines: %s", e.in.Name, why, e.says, e.last)
	}
	return fmt.Sprintf("%s stopped (%s); its last lines: %s", e.in.Name, why, e.last)
}

func (e *stopped) Unwrap() error { return errStopped }

// The exit codes of what a signal ended.
const (
	killed     = 128 + 9
	terminated = 128 + 15
)

// foreign reports whether a container was ended from outside: by a signal, as the
// kernel, docker kill and an engine that goes down do, or in peace, which a server
// does of its own accord never.
func (e *stopped) foreign() bool {
	return e.code == 0 || e.code == killed || e.code == terminated
}

// addr is where a port of a container is reached.
func (s *Stack) addr(ctx context.Context, r *running, port string) (string, error) {
	i, err := s.engine.cli.ContainerInspect(ctx, r.id, client.ContainerInspectOptions{})
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", r.Name, err)
	}
	if i.Container.NetworkSettings != nil {
		for p, bindings := range i.Container.NetworkSettings.Ports {
			if p.String() != port+"/tcp" {
				continue
			}
			for _, b := range bindings {
				return net.JoinHostPort(s.engine.hosts[0], b.HostPort), nil
			}
		}
	}
	return "", fmt.Errorf("%s: port %s is not published (yet)", r.Name, port)
}

// stop removes a container.
func (s *Stack) stop(ctx context.Context, r *running) error {
	if r == nil {
		return nil
	}
	_, err := s.engine.cli.ContainerRemove(ctx, r.id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !strings.Contains(err.Error(), "No such container") && !strings.Contains(err.Error(), "already in progress") {
		return fmt.Errorf("remove %s: %w", r.Name, err)
	}
	return nil
}

func containsAny(s string, parts []string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}
