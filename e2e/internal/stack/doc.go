// Package stack runs the real pair in Docker, from their upstream images, with
// the configuration of a Bundle. It starts what docs/stack.md lists, opens the
// gates behind which the pair is usable, and hands out targets: one authentik
// serves several Paperless containers, each behind an edge of its own.
package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// Errors that a caller branches on; their texts name the remedy.
var (
	// ErrEngine marks a Docker engine that is not there or not usable.
	ErrEngine = errors.New("docker")
	// ErrImage marks an image that cannot be had.
	ErrImage = errors.New("image")
	// ErrUnsupported marks a configuration that the stack cannot serve.
	ErrUnsupported = errors.New("the stack cannot serve this configuration")
)

// Limits of the gates. They are for a slow machine with a cold disk; a gate that
// opens early costs nothing.
const (
	coldLimit     = 10 * time.Minute
	databaseLimit = 2 * time.Minute
	edgeLimit     = time.Minute
)

type options struct {
	images   Overrides
	versions *deployment.Versions
	pull     bool
	cold     bool
	keep     *string // variant
	networks int
	progress func(string)
	gates    func(target.Gate) // nil: gates are told as texts
	log      *slog.Logger
	cache    string
	binary   string
	dumps    Dumps
	provider target.Provider // at authentik's name; no handler: authentik itself

	patience  time.Duration // with the engine; 0: the usual
	gateLimit time.Duration // of every gate that has a longer one; 0: none
}

// An Option changes how a stack runs.
type Option func(*options)

// Overrides are images that are used in place of those of versions.yaml.
type Overrides struct{ Paperless, Authentik, Postgres, Broker, AuthentikBroker string }

// Validate says which image is no reference that an engine takes.
func (o Overrides) Validate() error {
	for _, image := range [][2]string{
		{"Paperless-ngx", o.Paperless}, {"authentik", o.Authentik}, {"PostgreSQL", o.Postgres}, {"Paperless-ngx's broker", o.Broker}, {"authentik's broker", o.AuthentikBroker},
	} {
		if image[1] == "" {
			continue
		}
		if _, err := reference.ParseNormalizedNamed(image[1]); err != nil {
			return fmt.Errorf("image of %s: %q: %w", image[0], image[1], err)
		}
	}
	return nil
}

// Dumps are databases of one's own, as pg_dump writes them; Paperless's may be a
// SQLite file, too. Nil: none.
type Dumps struct{ Paperless, Authentik []byte }

// WithImages names other images; empty ones stay.
func WithImages(o Overrides) Option { return func(s *options) { s.images = o } }

// WithVersions adds to versions.yaml: a version file of one's own.
func WithVersions(v *deployment.Versions) Option { return func(s *options) { s.versions = v } }

// WithPull pulls images that are here already.
func WithPull() Option { return func(s *options) { s.pull = true } }

// WithCold ignores the databases that were kept from an earlier start.
func WithCold() Option { return func(s *options) { s.cold = true } }

// WithKeep leaves the pair of a variant running at Close, and what it needs. A pair
// that did not start is of no use to anybody: nothing is left of it.
func WithKeep(variant string) Option { return func(s *options) { s.keep = &variant } }

// WithNetworks says how many pairs there will be: a network that comes while a
// page loads makes Chromium give the page up, so they are made first.
func WithNetworks(n int) Option { return func(s *options) { s.networks = n } }

// WithProgress is told what is being waited for. It may be called from several
// goroutines.
func WithProgress(f func(string)) Option { return func(s *options) { s.progress = f } }

// WithGates is told of gates; without it they are told as texts. It may be called
// from several goroutines.
func WithGates(f func(target.Gate)) Option { return func(s *options) { s.gates = f } }

// WithLogger logs what is done.
func WithLogger(l *slog.Logger) Option { return func(s *options) { s.log = l } }

// WithCache keeps the databases of first starts elsewhere; "-": nowhere.
func WithCache(dir string) Option { return func(s *options) { s.cache = dir } }

// WithBinary names the edge (e2e/cmd/edge) as a static binary for the engine.
// Without it the running executable is taken where it is a static ssocheck, else
// the edge is built.
func WithBinary(path string) Option { return func(s *options) { s.binary = path } }

// WithDumps starts on databases of one's own.
func WithDumps(d Dumps) Option { return func(s *options) { s.dumps = d } }

// A Stack is a set of pairs on one engine. Safe for concurrent use.
type Stack struct {
	o       options
	engine  *engine
	id      string
	secrets secrets
	keys    *edge.Keys
	log     *slog.Logger
	book    *book

	// ctx ends with Close: what serves several pairs must not end with one of them.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	postgres  *running
	slots     chan struct{} // a Paperless boots in one
	edgeImage string
	unreap    func() // nil: Ryuk was not asked
	once      once

	mu       sync.Mutex
	pairs    int            // numbered so far
	numbers  map[string]int // by variant, of pairs that are planned and not started
	networks []string       // not given out yet
	nets     int            // made so far
	idps     []*idp
	latest   map[string]*pair // that was started last of each variant
	family   *family          // of the last plan; nil: each pair boots by itself
	own      struct{ paperless, authentik *seed }
	pulled   map[string]bool // images that were pulled in this run: once is enough
	closed   bool
	kept     bool // what is to be left running was started

	lostUntil time.Time // when nothing more is removed on an engine that was given up
}

// New connects to the engine. Nothing runs yet: the first pair starts what all
// share. Close removes everything.
func New(ctx context.Context, opts ...Option) (*Stack, error) {
	o := options{networks: 1}
	for _, opt := range opts {
		opt(&o)
	}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	if o.progress == nil {
		o.progress = func(string) {}
	}
	e, err := connect(ctx, o.keep != nil, o.log)
	if err != nil {
		return nil, err
	}
	keys, err := edge.NewKeys()
	if err != nil {
		return nil, err
	}
	s := &Stack{o: o, engine: e, id: random(4), secrets: newSecrets(), keys: keys, log: o.log, book: &book{}, latest: map[string]*pair{}, pulled: map[string]bool{}, slots: make(chan struct{}, sideBySide(e.cores, e.memory))}
	if o.dumps.Paperless != nil {
		s.own.paperless = &seed{dump: o.dumps.Paperless, from: "your dump", foreign: true}
	}
	if o.dumps.Authentik != nil {
		s.own.authentik = &seed{dump: o.dumps.Authentik, from: "your dump", foreign: true}
	}
	// Not of the caller's context: what it ends is closed in order.
	s.ctx, s.cancel = e.guard(context.WithoutCancel(ctx), s.patience())
	return s, nil
}

// Start starts one pair by itself; closing the target removes everything.
func Start(ctx context.Context, b *deployment.Deployment, opts ...Option) (*target.Target, error) {
	s, err := New(ctx, opts...)
	if err != nil {
		return nil, err
	}
	t, err := s.Start(ctx, b, "")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	one := t.Close
	t.Close = func() error { return errors.Join(one(), s.Close()) }
	return t, nil
}

// ID names the run; its containers, networks and volumes carry it as a label.
func (s *Stack) ID() string { return s.id }

func (s *Stack) say(format string, args ...any) { s.o.progress(fmt.Sprintf(format, args...)) }

// Start starts a Paperless with this configuration behind an edge of its own,
// and an authentik with this blueprint unless one runs already. A Paperless that
// stops because of its configuration is no error: Target.Boot says so.
func (s *Stack) Start(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
	p, err := s.newPair(b, variant)
	if err != nil {
		return nil, err
	}
	target.Waits(ctx) // the stack has slots of its own
	within, cancel := s.bound(ctx)
	defer cancel()
	t, err := p.start(within)
	if err != nil {
		err = s.blame(explain(orCause(within, err)))
		closed := p.close()
		if s.lost() != nil {
			closed = nil // that says it again
		}
		return nil, errors.Join(err, closed)
	}
	if s.o.keep != nil && *s.o.keep == variant {
		s.mu.Lock()
		s.kept = true
		s.mu.Unlock()
	}
	return t, nil
}

// Prepare makes sure that the images of a configuration are here, so that a run
// without them ends before it begins.
func (s *Stack) Prepare(ctx context.Context, b *deployment.Deployment) error {
	images, err := s.imagesOf(b)
	if err != nil {
		return err
	}
	return explain(s.haveImages(ctx, append(s.imagesFor(images), images.Postgres)...))
}

// shared starts what all pairs need: images, networks, the database server.
func (s *Stack) shared(ctx context.Context, images deployment.Images) error {
	s.once.begin(&s.wg, func() error {
		ctx := s.ctx
		if err := s.haveImages(ctx, images.Postgres); err != nil {
			return err
		}
		var err error
		if s.edgeImage, err = s.makeEdgeImage(ctx); err != nil {
			return err
		}
		if s.unreap, err = s.engine.reap(ctx); err != nil {
			return err
		}
		if err := s.makeNetworks(ctx); err != nil {
			return err
		}
		if err := s.scout(ctx); err != nil {
			return err
		}
		if need := s.o.need(); s.engine.memory > 0 && s.engine.memory < need {
			s.say("the engine has %d MB of memory, and this wants about %d MB: it may be slow, or containers may be ended", s.engine.memory>>20, need>>20)
		}
		c := s.postgresContainer(images)
		if s.postgres, err = s.run(ctx, c); err != nil {
			return err
		}
		return s.pass(ctx, s.postgres, gate{c.Gates[0], databaseLimit, func(ctx context.Context) error {
			_, err := s.exec(ctx, s.postgres, nil, "pg_isready", "-h", "127.0.0.1", "-U", databaseUser)
			return err
		}})
	})
	return s.once.wait(ctx)
}

// scout finds out where the engine's ports are reached, by an edge that only our
// keys can answer for.
func (s *Stack) scout(ctx context.Context) error {
	if len(s.engine.hosts) == 1 {
		return nil
	}
	text, err := json.Marshal(edge.Config{TLS: []string{"443"}, Token: s.secrets.edge, Keys: s.keys})
	if err != nil {
		return err
	}
	r, err := s.run(ctx, Container{
		Name: "scout", Image: s.edgeImage, Files: map[string][]byte{edgeConfig: text}, Ports: []string{edge.APIPort + "/tcp"},
		Networks: map[string][]string{s.backbone(): nil},
	})
	if err != nil {
		return err
	}
	hosts := s.engine.hosts
	err = s.pass(ctx, r, gate{"the engine's ports are found (" + strings.Join(hosts, ", ") + ")", edgeLimit, func(ctx context.Context) error {
		addr, err := s.addr(ctx, r, edge.APIPort)
		if err != nil {
			return err
		}
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return err
		}
		for _, host := range hosts {
			one, cancel := context.WithTimeout(ctx, scoutLimit)
			_, _, err = edge.Remote{Addr: net.JoinHostPort(host, port), Token: s.secrets.edge, CA: s.keys.CA}.Fetch(one)
			cancel()
			if err == nil {
				s.engine.hosts = []string{host}
				return nil
			}
		}
		return err
	}})
	return errors.Join(err, s.stop(ctx, r))
}

// scoutLimit is for one address: a router that drops packets costs no more.
const scoutLimit = 2 * time.Second

// need is about what the servers take (docs/facts/authentik.md#11: server, worker and
// database under 1.3 GB), and 0.7 GB for each Paperless.
func (o options) need() int64 {
	servers := int64(serverMemory)
	if o.standsIn() {
		servers = 100 << 20 // the database alone
	}
	return servers + int64(max(1, o.networks))*paperlessMemory
}

// serverMemory is about what all servers but Paperless take.
const serverMemory = 1300 << 20

// backbone is the network of the servers that all pairs share.
func (s *Stack) backbone() string { return "ssocheck-" + s.id }

func (s *Stack) makeNetworks(ctx context.Context) error {
	if err := s.network(ctx, s.backbone()); err != nil {
		return err
	}
	for range max(1, s.o.networks) {
		name, err := s.newNetwork(ctx)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.networks = append(s.networks, name)
		s.mu.Unlock()
	}
	return nil
}

func (s *Stack) newNetwork(ctx context.Context) (string, error) {
	s.mu.Lock()
	s.nets++
	name := fmt.Sprintf("ssocheck-%s-%d", s.id, s.nets)
	s.mu.Unlock()
	return name, s.network(ctx, name)
}

func (s *Stack) network(ctx context.Context, name string) error {
	_, err := s.engine.cli.NetworkCreate(ctx, name, client.NetworkCreateOptions{Labels: s.labels()})
	if err != nil {
		return fmt.Errorf("make a network: %w", err)
	}
	return nil
}

// takeNetwork hands out a network that exists already, if there is one left.
func (s *Stack) takeNetwork(ctx context.Context) (string, error) {
	s.mu.Lock()
	if n := len(s.networks); n > 0 {
		name := s.networks[0]
		s.networks = s.networks[1:]
		s.mu.Unlock()
		return name, nil
	}
	s.mu.Unlock()
	return s.newNetwork(ctx)
}

// giveNetwork takes a network back, for the pair that comes next.
func (s *Stack) giveNetwork(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.networks = append(s.networks, name)
}

// Close removes everything that was started, also what an interrupted start left.
// It is safe to call twice.
func (s *Stack) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	kept := s.kept
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	if kept {
		return nil
	}
	ctx, cancel := s.removing()
	defer cancel()
	_, err := s.engine.remove(ctx, runLabel+"="+s.id)
	if s.unreap != nil {
		s.unreap()
	}
	if err != nil {
		return fmt.Errorf("%w; later, ssocheck down removes what is left", explain(orCause(ctx, err)))
	}
	return nil
}

// once does something one time in the background, and lets everybody wait for it.
type once struct {
	mu   sync.Mutex
	done chan struct{}
	err  error
}

// begin does it, unless it was begun before.
func (o *once) begin(in *sync.WaitGroup, f func() error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done != nil {
		return
	}
	o.done = make(chan struct{})
	in.Go(func() {
		o.err = f()
		close(o.done)
	})
}

// wait waits until it is done. It must have been begun.
func (o *once) wait(ctx context.Context) error {
	o.mu.Lock()
	done := o.done
	o.mu.Unlock()
	select {
	case <-done:
		return o.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// httpLimit is for one probe of a gate. A probe is not in a hurry, for the gate has
// a limit of its own: a server that is asked again while it still works on the last
// question has two of them to answer. On a busy machine authentik's first answer to
// the API took more than ten seconds, and never came as long as each probe was given
// up after ten.
const httpLimit = time.Minute

var probe = &http.Client{
	Timeout:       httpLimit,
	Transport:     &http.Transport{DisableKeepAlives: true, Proxy: nil},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// redactorOf knows the secrets of a bundle and of the stack itself.
func (s *Stack) redactorOf(b *deployment.Deployment) *evidence.Redactor {
	return target.NewRedactor(b, s.secrets.all()...)
}
