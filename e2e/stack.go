package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// StackOptions say how the Docker stack runs. The zero value takes the images of
// versions.yaml that are here, and pulls the others.
type StackOptions struct {
	Versions string // version file of one's own
	Images   Images
	Pull     bool // pull images that are here already
	Cold     bool // do not start on the databases of an earlier start
	Keep     bool // leave it running
	// Dumps of one's own to start on, as pg_dump writes them; Paperless's may be
	// its SQLite file. Empty: none.
	RestorePaperless, RestoreAuthentik string
	// Kept is told what is left running; may be nil.
	Kept func(*Target)
}

// StackFromEnv are the options that the environment gives, by the names that the
// command's flags have there.
func StackFromEnv() StackOptions {
	return StackOptions{
		Versions: os.Getenv("SSO_VERSIONS_FILE"), RestorePaperless: os.Getenv("SSO_RESTORE_PAPERLESS"), RestoreAuthentik: os.Getenv("SSO_RESTORE_AUTHENTIK"),
		Images: Images{
			Paperless: os.Getenv("SSO_PAPERLESS_IMAGE"), Authentik: os.Getenv("SSO_AUTHENTIK_IMAGE"), Postgres: os.Getenv("SSO_POSTGRES_IMAGE"),
			Broker: os.Getenv("SSO_BROKER_IMAGE"), AuthentikBroker: os.Getenv("SSO_AUTHENTIK_BROKER_IMAGE"),
		},
	}
}

// options are the stack's own.
func (o StackOptions) options(more ...stack.Option) ([]stack.Option, error) {
	v, err := o.versions()
	if err != nil {
		return nil, err
	}
	opts := append(more, stack.WithImages(o.Images), stack.WithVersions(v))
	var dumps stack.Dumps
	for _, one := range []struct {
		flag, path string
		to         *[]byte
	}{{"--restore-paperless", o.RestorePaperless, &dumps.Paperless}, {"--restore-authentik", o.RestoreAuthentik, &dumps.Authentik}} {
		if one.path == "" {
			continue
		}
		text, err := os.ReadFile(one.path)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrUsage, one.flag, err)
		}
		*one.to = text
	}
	opts = append(opts, stack.WithDumps(dumps))
	if path := os.Getenv("SSO_STACK_BINARY"); path != "" {
		opts = append(opts, stack.WithBinary(path))
	}
	if o.Pull {
		opts = append(opts, stack.WithPull())
	}
	if o.Cold {
		opts = append(opts, stack.WithCold())
	}
	if o.Keep {
		opts = append(opts, stack.WithKeep(check.AsConfigured))
	}
	return opts, nil
}

// versions are those of the file of one's own; nil without one.
func (o StackOptions) versions() (*deployment.Versions, error) {
	if o.Versions == "" {
		return nil, nil //nolint:nilnil // none is a right answer
	}
	text, err := os.ReadFile(o.Versions)
	if err != nil {
		return nil, fmt.Errorf("%w: --versions: %w", ErrUsage, err)
	}
	v, err := deployment.ParseVersions(text)
	if err != nil {
		return nil, fmt.Errorf("%w: --versions %s: %w", ErrUsage, o.Versions, err)
	}
	return v, nil
}

// known are the versions of versions.yaml and of the file of one's own.
func (o StackOptions) known() (*deployment.Versions, error) {
	v, err := deployment.KnownVersions()
	if err != nil {
		return nil, err
	}
	more, err := o.versions()
	if err != nil {
		return nil, err
	}
	return v.With(more), nil
}

// readable says which of the images can be none, and which file is not there.
func (o StackOptions) readable() error {
	if err := o.Images.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	for _, file := range [][2]string{{"--restore-paperless", o.RestorePaperless}, {"--restore-authentik", o.RestoreAuthentik}} {
		if file[1] == "" {
			continue
		}
		info, err := os.Stat(file[1])
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%s is not a regular file", file[1])
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w; name a dump", ErrUsage, file[0], err)
		}
	}
	return nil
}

// openStack connects to Docker for a run of the checklist on a bundle, or with other
// options for something else.
func openStack(ctx context.Context, o *Options, b *deployment.Deployment, other ...stack.Option) (*stack.Stack, error) {
	// The stack tells what it waits for while the runner tells what it does.
	var mu sync.Mutex
	observe := o.Observe
	if observe == nil {
		observe = func(runner.Event) {}
	}
	o.Observe = func(ev runner.Event) {
		mu.Lock()
		defer mu.Unlock()
		observe(ev)
	}
	more := []stack.Option{
		stack.WithNetworks(pairsOf(b)),
		stack.WithProgress(func(text string) {
			o.Observe(runner.Event{Kind: runner.Booting, Step: text, At: time.Now()})
		}),
		stack.WithGates(func(g target.Gate) {
			o.Observe(runner.Event{Kind: runner.Booting, Gate: &g, At: time.Now()})
		}),
	}
	if o.Log != nil {
		more = append(more, stack.WithLogger(o.Log))
	}
	opts, err := o.Stack.options(append(more, other...)...)
	if err != nil {
		return nil, err
	}
	s, err := stack.New(ctx, opts...)
	if err != nil {
		return nil, err
	}
	b.Added = append(b.Added, s.Added(b)...)
	if err := s.Prepare(ctx, b); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// pairsOf is how many different Paperless the checklist wants.
func pairsOf(b *deployment.Deployment) int {
	names := map[string]bool{check.AsConfigured: true}
	for _, c := range checklist.All() {
		if c.Variants == nil {
			continue
		}
		for _, v := range c.Variants(b) {
			names[v.Name] = true
		}
	}
	return len(names)
}

// checkStack runs the checklist on the real pair in Docker.
func checkStack(ctx context.Context, o Options, b *deployment.Deployment, findings []source.Diagnostic) (run *runner.Run, err error) {
	s, err := openStack(ctx, &o, b)
	if err != nil {
		return nil, err
	}
	defer func() {
		// What was found stands, also when the engine went away at the end.
		if closed := s.Close(); closed != nil && run != nil && run.Error == "" {
			run.Error = closed.Error()
		} else if run == nil {
			err = errors.Join(err, closed)
		}
	}()
	start := s.Start
	if o.Stack.Keep && o.Stack.Kept != nil {
		start = func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
			t, err := s.Start(ctx, b, variant)
			if err == nil && variant == check.AsConfigured {
				o.Stack.Kept(t)
			}
			return t, err
		}
	}
	ro, err := runnerOptions(o, b, target.Stack, start)
	if err != nil {
		return nil, err
	}
	ro.Lint, ro.Plan = findings, s.Plan
	ro.Jobs = o.lanes()
	return runner.Do(ctx, ro)
}

// onStack tries the upgrade with the real products.
func (u *Upgraded) onStack(ctx context.Context, o UpgradeOptions, b *deployment.Deployment) (err error) {
	if o.Planned != nil {
		o.Planned(u)
	}
	s, err := openStack(ctx, &o.Options, b)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, stage := range u.Stages { // an image that is missing is told before anything starts
		if err := s.Prepare(ctx, at(b, stage.Pair)); err != nil {
			return err
		}
	}
	return u.run(ctx, o, b, s.Start, &stackWorld{ctx: ctx, stack: s})
}

// stackWorld keeps the databases of a stack.
type stackWorld struct {
	ctx   context.Context // of the upgrade: keep is told none
	stack *stack.Stack
}

func (w *stackWorld) start(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
	return w.stack.Start(ctx, b, variant)
}

func (w *stackWorld) keep() error { return w.stack.Keep(w.ctx, check.AsConfigured) }
