// Package e2e tests the sign-in to Paperless-ngx through authentik, end to end,
// in a real browser. Check runs the checklist for a program; Run does the same
// as a Go test, also in other repositories. Lint looks at files only, Upgrade
// tries an upgrade, Matrix runs the checklist on pairs of versions, and Render
// writes a deployment.
//
// It is the only package of this module that others import. Before 1.0 its names
// may change with a minor version, and the release notes say so. Codes, ids of
// checks, environment variables and the fields of report.json do not change.
//
// It changes nothing of the process that it runs in: no environment variable, no
// global logger. Testcontainers and compose-go know only such loggers; who does
// not want their lines silences them, as e2e/cmd/ssocheck does.
package e2e

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
	"github.com/ssocheck/ssocheck/fixtures"
)

// Version is that of this build; set by the linker in releases.
var Version = "dev"

// ErrUsage marks what the caller asked for and cannot have; its text names the
// remedy.
var ErrUsage = errors.New("usage")

// Options say what to run. The zero value runs the default deployment on the lab.
type Options struct {
	Target    string   // lab (empty), stack or external
	Config    []string // the user's files; none: the guide, corrected
	Blueprint string   // authentik blueprint; empty: the guide's step 1
	Service   string   // compose service that is Paperless
	Paperless string   // version; empty: what the configuration says
	Authentik string   // version; empty: what the configuration says
	Only      []string // ids of checks; none: all
	Suite     string   // SuiteChecklist (empty) or SuiteConformance
	Plant     []string // codes of causes to make first
	Report    string   // directory for the report, new, empty or of an earlier report; empty: none
	Shots     bool     // a screenshot of every step, not only of checks that do not pass
	Headed    bool     // a browser with a window
	Jobs      int      // checks side by side, on lab and stack; 0: by the cores, 1 with Headed
	Browser   string   // address of a Chrome that runs elsewhere, ws://…; empty: one is started
	// Helper is a program that prepares a browser's network where the user is not
	// root, as the command ssocheck itself does; see browser.Options. Empty: none.
	Helper   string
	External External // for the target external
	Log      *slog.Logger
	Observe  func(Event)
	Stack    StackOptions

	// started is shown how each pair of a conformance run is reached, before anything is
	// tested; nil: nobody.
	started func(resolve map[string]string)
	// around is given each check, to run it and tell its result; nil: nobody.
	around func(key string, on Pair, do func() Result) Result
}

// External says which pair already runs, and how it is reached.
type External struct {
	PaperlessURL string   // as users open it; empty: the configuration's
	AuthentikURL string   // empty: the configuration's, else where the button leads
	Resolve      []string // host[:port]=address[:port]
	CA           string   // PEM file of an authority beside the system's
	Credentials  string   // file; the environment adds to it and wins (docs/external.md)
	AllowChanges bool     // accounts may be made and linked; what was made is removed afterwards
	PaperlessLog string   // file that Paperless's log is written to
}

func (e External) set() bool {
	return e.PaperlessURL != "" || e.AuthentikURL != "" || len(e.Resolve) > 0 || e.CA != "" || e.Credentials != "" || e.AllowChanges || e.PaperlessLog != ""
}

// deploy is the configuration that the options describe, with the users that
// the checks need, and what lint says about the files.
func deploy(o Options) (*deployment.Deployment, []source.Diagnostic, error) {
	o.Report = ""
	if err := o.ready(); err != nil {
		return nil, nil, err
	}
	b, findings, err := configuration(o)
	if err != nil {
		return nil, nil, err
	}
	known, err := o.Stack.known()
	if err != nil {
		return nil, nil, err
	}
	for _, version := range []struct {
		of      func(*deployment.Versions) []deployment.Release
		product string
		version string
		asked   bool // by name, not by the tag of an image
	}{
		{func(v *deployment.Versions) []deployment.Release { return v.Paperless }, "paperless", b.Paperless.Version, o.Paperless != ""},
		{func(v *deployment.Versions) []deployment.Release { return v.Authentik }, "authentik", b.Authentik.Version, o.Authentik != ""},
	} {
		// A version that nobody asked for by name may also be newer than the known ones.
		if err := deployment.Within(version.of(known), version.product, version.version); err != nil && version.asked {
			return nil, nil, fmt.Errorf("%w: %w", ErrUsage, err)
		}
	}
	return b, findings, plant(b, o.Plant, b)
}

// plant plants causes in a deployment, those that can happen on the versions of
// one of these bundles.
func plant(b *deployment.Deployment, codes []string, on ...*deployment.Deployment) error {
	for _, code := range codes {
		item := troubleshooting.Find(code)
		if item == nil {
			return fmt.Errorf("%w: no troubleshooting item %s; ssocheck list items shows them", ErrUsage, code)
		}
		if item.Plant == nil {
			return fmt.Errorf("%w: %s cannot be planted: it arises in a running pair, not in a configuration", ErrUsage, item.Code)
		}
		if !slices.ContainsFunc(on, item.Happens) && item.Code != "VER-OLD" {
			return fmt.Errorf("%w: %s cannot happen on Paperless-ngx %s with authentik %s", ErrUsage, item.Code, b.Paperless.Version, b.Authentik.Version)
		}
		item.Plant(b)
	}
	return nil
}

func configuration(o Options) (*deployment.Deployment, []source.Diagnostic, error) {
	b, findings, err := configured(o)
	if err != nil {
		return nil, nil, err
	}
	if len(o.Config) > 0 {
		b, err = deployment.WithTestUsers(b)
	}
	return b, findings, err
}

// Render is what `ssocheck render` writes: compose.yaml with its .env,
// paperless.env, paperless.conf and blueprint.yaml, by name. It is the
// configuration of the options with the secrets that it has, or the default
// deployment with fresh ones. Only with testUsers are the users in it that the
// checks sign in as, with fresh passwords.
func Render(o Options, testUsers bool) (files map[string]File, err error) {
	defer toImporter(&err)
	b, err := rendered(o, testUsers, rand.Text)
	if err != nil {
		return nil, err
	}
	return deployment.Files(b, rand.Text)
}

func rendered(o Options, people bool, fresh func() string) (*deployment.Deployment, error) {
	o.Report = ""
	if err := o.ready(); err != nil {
		return nil, err
	}
	b, _, err := configured(o)
	if err != nil {
		return nil, err
	}
	if len(o.Config) == 0 {
		b.Authentik.Users, b.Paperless.Users, b.Authentik.Groups = nil, nil, nil
		b = deployment.FreshSecrets(b, fresh)
	}
	if !people {
		return b, nil
	}
	if b, err = deployment.WithTestUsers(b); err != nil {
		return nil, err
	}
	return deployment.FreshPasswords(b, fresh)
}

// configured is what the options describe, without the users that are added to
// a configuration of somebody's own.
func configured(o Options) (*deployment.Deployment, []source.Diagnostic, error) {
	if len(o.Config) > 0 {
		b, findings, err := troubleshooting.Load(source.Sources{
			Files: o.Config, Blueprint: o.Blueprint, Service: o.Service,
			PaperlessVersion: strings.TrimPrefix(o.Paperless, "v"), AuthentikVersion: strings.TrimPrefix(o.Authentik, "v"),
			Environ: source.Environ(),
		})
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrUsage, err)
		}
		return b, findings, nil
	}
	s, err := deployment.DefaultSpec()
	if err != nil {
		return nil, nil, err
	}
	if o.Paperless != "" {
		s.Paperless.Version = strings.TrimPrefix(o.Paperless, "v")
	}
	if o.Authentik != "" {
		s.Authentik.Version = strings.TrimPrefix(o.Authentik, "v")
	}
	if err := s.Validate(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return deployment.New(s), nil, nil
}

// Check runs the checklist. The error says why nothing could be run; what went
// wrong later stands in Run.Error.
func Check(ctx context.Context, o Options) (results *Results, err error) {
	defer toImporter(&err)
	if err := o.ready(); err != nil {
		return nil, err
	}
	if o.Suite == SuiteConformance {
		return checkConformance(ctx, o)
	}
	switch o.Target {
	case "", target.Lab:
	case target.Stack:
		b, findings, err := deploy(o)
		if err != nil {
			return nil, err
		}
		return checkStack(ctx, o, b, findings)
	case target.External:
		return checkExternal(ctx, o)
	default:
		return nil, fmt.Errorf("%w: --target %s: want lab, stack or external", ErrUsage, o.Target)
	}
	b, findings, err := deploy(o)
	if err != nil {
		return nil, err
	}
	front, err := edge.Listen(edge.Options{Log: o.Log})
	if err != nil {
		return nil, err
	}
	defer func() { _ = front.Close() }()
	ro, err := runnerOptions(o, b, target.Lab, labs(front, o.Log))
	if err != nil {
		return nil, err
	}
	ro.Lint, ro.Jobs = findings, o.jobs()
	return runner.Do(ctx, ro)
}

// maxJobs is for many cores: the checks of a checklist that need each other leave no
// more of them to do at once, and each holds a page of a browser.
const maxJobs = 8

// jobs is how many checks run side by side: one more than there are cores, because a
// check waits for its browser half of the time.
func (o *Options) jobs() int {
	switch {
	case o.Jobs > 0:
		return o.Jobs
	case o.Headed: // somebody watches
		return 1
	}
	return min(runtime.NumCPU()+1, maxJobs)
}

// lanes is how many checks run side by side on the stack: one for each core, because
// the products work on the same ones.
func (o *Options) lanes() int {
	if o.Jobs > 0 || o.Headed {
		return o.jobs()
	}
	return min(runtime.NumCPU(), maxJobs)
}

// A starter boots a pair for the runner.
type starter = func(context.Context, *deployment.Deployment, string) (*target.Target, error)

// runnerOptions are the options of one run of the checks.
func runnerOptions(o Options, b *deployment.Deployment, kind string, start starter) (runner.Options, error) {
	text, err := fixtures.FS.ReadFile("expected.yaml")
	if err != nil {
		return runner.Options{}, fmt.Errorf("known deviations: %w", err)
	}
	expected, err := runner.ReadExpected(text)
	if err != nil {
		return runner.Options{}, err
	}
	return runner.Options{
		Bundle: b, Kind: kind, Tool: Version, Start: start, Only: o.Only, Observe: o.Observe, Around: o.around, Log: o.Log, Shots: o.Shots, Film: o.Report != "", Expected: expected,
		Browser: browser.Options{Remote: o.Browser, SeenAs: os.Getenv("SSO_BROWSER_SEES"), Headed: o.Headed, Helper: o.Helper},
	}, nil
}

// labs starts labs that share one edge, and so one browser process.
func labs(front *edge.Edge, log *slog.Logger) func(context.Context, *deployment.Deployment, string) (*target.Target, error) {
	var mu sync.Mutex
	n := 0
	return func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
		mu.Lock()
		n++
		id := fmt.Sprintf("%s-%d", variant, n)
		mu.Unlock()
		return lab.Start(ctx, b, lab.WithEdge(front, id), lab.WithLogger(log))
	}
}
