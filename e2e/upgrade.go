package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// UpgradeOptions say which upgrade to try, on which configuration.
type UpgradeOptions struct {
	Options
	From string // PAPERLESS[,AUTHENTIK]; a missing authentik is the configuration's
	To   string // PAPERLESS[,AUTHENTIK], or latest-known; a missing authentik stays
	Step string // which product is raised: both (empty), paperless or authentik
	// Planned is told what will be done before anything starts; may be nil.
	Planned func(*Upgraded)
	// Phase is told what begins: the checklist before, the users, a stage, the
	// checklist after; may be nil.
	Phase func(text string)
}

// Upgraded is an upgrade that was tried.
type Upgraded struct {
	From, To Pair
	Step     string
	Stages   []Stage  // after From, To last
	Hazards  []Hazard // those that the configuration touches
	Lint     []Diagnostic
	Forecast bool // on the lab: from what is known of the versions, not from the products

	Before *Results // the checklist on the old versions
	People *Results // the users whose accounts are followed, on the old versions
	// Failed is the run of a stage on the way that did not come up; After is nil then.
	Failed *Results
	After  *Results // the comparison and the checklist on the new versions
	// Regressed are the checks (id, or id@variant) that were met before and are
	// not after.
	Regressed []string
}

// Planned is the upgrade as reports show it, before it runs.
func (u *Upgraded) Planned() *UpgradePlan {
	up := &runner.Upgrade{From: u.From.String(), To: u.To.String(), Step: u.Step, Forecast: u.Forecast, Before: map[string]check.Status{}, Regressed: []string{}}
	for _, s := range u.Stages {
		up.Stages = append(up.Stages, runner.Stage{Versions: s.String(), Why: s.Why})
	}
	return up
}

// Last is the run that ends the upgrade: that on the new versions, or the one
// where it stopped.
func (u *Upgraded) Last() *Results {
	for _, r := range []*runner.Run{u.After, u.Failed, u.People, u.Before} {
		if r != nil {
			return r
		}
	}
	return nil
}

// Outcome is a failure when something fails after the upgrade, and an error when
// the tester could not do its work, on the old versions or the new ones.
func (u *Upgraded) Outcome() Outcome {
	var all []runner.Outcome
	for _, r := range []*runner.Run{u.Before, u.People, u.Failed, u.After} {
		if r == nil {
			continue
		}
		o := r.Result()
		if r == u.Before && o == runner.Fail {
			continue // what failed before is no verdict on the upgrade
		}
		all = append(all, o)
	}
	return runner.Worst(all...)
}

// ExitCode is that of the outcome.
func (u *Upgraded) ExitCode() int { return u.Outcome().ExitCode() }

// A world keeps the databases of a pair from one stage of an upgrade to the next.
type world interface {
	// start boots the bundle's versions on the kept databases; the variants that
	// are not as configured get copies.
	start(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error)
	// keep takes over what the pair that was started last as configured has
	// stored, for the stage that comes.
	keep() error
}

// Upgrade runs the checklist on the old versions, lets users get accounts
// there, raises the versions on the same databases, and compares.
func Upgrade(ctx context.Context, o UpgradeOptions) (tried *Upgraded, err error) {
	defer toImporter(&err)
	u, b, err := planUpgrade(&o)
	if err != nil {
		return nil, err
	}
	if o.Suite == SuiteConformance {
		u.Forecast = o.Target == "" || o.Target == target.Lab
		if o.Planned != nil {
			o.Planned(u)
		}
		return u, u.conformance(ctx, o)
	}
	switch o.Target {
	case "", target.Lab:
		u.Forecast = true
	case target.Stack:
		return u, u.onStack(ctx, o, b)
	default:
		return nil, fmt.Errorf("%w: --target %s: an upgrade is tried on lab or stack", ErrUsage, o.Target)
	}
	if o.Planned != nil {
		o.Planned(u)
	}
	front, err := edge.Listen(edge.Options{Log: o.Log})
	if err != nil {
		return nil, err
	}
	defer func() { _ = front.Close() }()
	return u, u.run(ctx, o, b, labs(front, o.Log), &labWorld{front: front, log: o.Log})
}

// RunUpgrade is Upgrade as a Go test: one subtest a check on the new versions.
func RunUpgrade(t *testing.T, o UpgradeOptions) *Upgraded {
	t.Helper()
	live := &subtests{tb: t, target: cmp.Or(o.Target, target.Lab)}
	o.around = live.around
	u, err := Upgrade(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if o.Report != "" {
		if err := u.Write(o.Report); err != nil {
			t.Error(err)
		}
	}
	for _, h := range u.Hazards {
		t.Logf("%s (%s %s): %s: %s", h.ID, h.Product, h.At, h.Title, strings.Join(h.Because, "; "))
	}
	if u.Before.Error != "" {
		t.Fatal(u.Before.Error)
	}
	live.end(u.Last())
	if o := u.Outcome(); o != runner.Pass {
		t.Errorf("the upgrade ends as %s", o)
	}
	for _, key := range u.Regressed {
		t.Errorf("%s was met on %s and is not on %s", key, u.From, u.To)
	}
	return u
}

// Write writes the report of the upgrade, and that of the old versions into
// DIR/before. An earlier report in it is removed.
func (u *Upgraded) Write(dir string) error {
	last := u.Last()
	err := errors.Join(report.Prepare(dir), report.Clear(dir))
	if err != nil {
		return err
	}
	if u.Before != nil && u.Before != last { // first: the other one leads to it
		err = report.Write(filepath.Join(dir, report.Before), u.Before)
	}
	return errors.Join(err, report.New(last).Write(dir))
}

func planUpgrade(o *UpgradeOptions) (*Upgraded, *deployment.Deployment, error) {
	if o.Paperless+o.Authentik != "" {
		return nil, nil, fmt.Errorf("%w: an upgrade takes its versions from --from and --to", ErrUsage)
	}
	if err := o.ready(); err != nil {
		return nil, nil, err
	}
	if o.Step == "" {
		o.Step = deployment.StepBoth
	}
	configured, _, err := configuration(o.Options)
	if err != nil {
		return nil, nil, err
	}
	u := &Upgraded{Step: o.Step}
	if u.From, err = deployment.ParsePair(o.From, deployment.Pair{Paperless: configured.Paperless.Version, Authentik: configured.Authentik.Version}); err != nil {
		return nil, nil, fmt.Errorf("%w: --from: %w", ErrUsage, err)
	}
	if u.To, err = deployment.ParsePair(o.To, u.From); err != nil {
		return nil, nil, fmt.Errorf("%w: --to: %w", ErrUsage, err)
	}
	if u.Stages, err = deployment.UpgradePath(u.From, u.To, o.Step); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	u.To = u.Stages[len(u.Stages)-1].Pair
	b := at(configured, u.From)
	if len(o.Config) == 0 {
		// The default deployment has what the new version needs: it is the guide,
		// corrected, and older versions read it too.
		next := o.Options
		next.Paperless, next.Authentik = u.To.Paperless, u.To.Authentik
		if configured, _, err = configuration(next); err != nil {
			return nil, nil, err
		}
		b = at(configured, u.From)
	}
	if err := plant(b, o.Plant, b, at(b, u.To)); err != nil {
		return nil, nil, err
	}
	if u.Hazards, err = troubleshooting.Hazards(b, u.From, u.To); err != nil {
		return nil, nil, err
	}
	if len(o.Config) > 0 {
		// Lint as the new version reads the files: what breaks is seen before anything starts.
		next := o.Options
		next.Paperless, next.Authentik = u.To.Paperless, u.To.Authentik
		if _, u.Lint, err = configuration(next); err != nil {
			return nil, nil, err
		}
	}
	return u, deployment.WithUpgradeUsers(b), nil
}

// at is the configuration on the versions of a stage. A setting that the file
// does not have is not added: that it is missing is what the upgrade may show.
func at(b *deployment.Deployment, p deployment.Pair) *deployment.Deployment {
	c := b.Clone()
	c.Paperless.Version, c.Authentik.Version = p.Paperless, p.Authentik
	return c
}

func (u *Upgraded) run(ctx context.Context, o UpgradeOptions, b *deployment.Deployment, fresh starter, kept world) error {
	phase := o.Phase
	if phase == nil {
		phase = func(string) {}
	}
	kind := o.Target
	if kind == "" {
		kind = target.Lab
	}
	do := func(b *deployment.Deployment, start starter, checks []*check.Check, only []string) (*runner.Run, error) {
		ro, err := runnerOptions(o.Options, b, kind, start)
		if err != nil {
			return nil, err
		}
		ro.Checks, ro.Only = checks, only
		if w, ok := kept.(*stackWorld); ok {
			ro.Plan, ro.Jobs = w.stack.Plan, o.lanes()
		}
		return runner.Do(ctx, ro)
	}
	// Only the run that ends the upgrade is told as subtests.
	around := o.around
	o.around = nil
	var err error
	phase("the checklist on " + u.From.String())
	if u.Before, err = do(b, fresh, nil, o.Only); err != nil || u.Before.Error != "" {
		return err
	}
	before, after := checklist.Upgrade()
	phase("users get their accounts on " + u.From.String())
	start := []*check.Check{checklist.LoginPage, checklist.LoginButton}
	if u.People, err = do(b, kept.start, append(start, before...), nil); err != nil || u.People.Error != "" {
		return err
	}
	for i, stage := range u.Stages {
		if err := kept.keep(); err != nil {
			return fmt.Errorf("keep the databases: %w", err)
		}
		next := at(b, stage.Pair)
		if i < len(u.Stages)-1 {
			phase("on the way: " + stage.String())
			run, err := do(next, kept.start, []*check.Check{checklist.LoginPage}, nil)
			if err != nil {
				return err
			}
			if run.Result() != runner.Pass {
				u.Failed = run
				u.blame(run)
				u.compare(run)
				return nil
			}
			continue
		}
		phase("the upgrade and the checklist on " + stage.String())
		checks := append([]*check.Check{checklist.LoginPage, checklist.LoginButton}, after...)
		for _, c := range checklist.All() {
			if c != checklist.LoginPage && c != checklist.LoginButton {
				checks = append(checks, c)
			}
		}
		only := o.Only
		if len(only) > 0 {
			for _, c := range after {
				only = append(only, c.ID)
			}
		}
		o.around = around
		if u.After, err = do(next, kept.start, checks, only); err != nil {
			return err
		}
		u.After.WithLint(u.Lint)
		u.blame(u.After)
		u.compare(u.After)
	}
	return nil
}

// blame ties what failed to the change of the versions that explains it.
func (u *Upgraded) blame(run *runner.Run) {
	all := u.between()
	run.Hazards = u.Hazards
	for i := range run.Results {
		for j := range run.Results[i].Findings {
			f := &run.Results[i].Findings[j]
			if h := troubleshooting.HazardOf(f.Code, all); h != nil {
				f.Hazard = h.ID
			}
		}
	}
}

// between are all changes between the versions, those first that the
// configuration touches.
func (u *Upgraded) between() []deployment.Hazard {
	all := u.Hazards
	for _, p := range []struct{ product, from, to string }{
		{deployment.PaperlessProduct, u.From.Paperless, u.To.Paperless},
		{deployment.AuthentikProduct, u.From.Authentik, u.To.Authentik},
	} {
		if more, err := deployment.HazardsBetween(p.product, p.from, p.to); err == nil {
			all = append(all[:len(all):len(all)], more...)
		}
	}
	return all
}

// compare names the checks that were met before the upgrade and are not after,
// and hands both ends to the reports.
func (u *Upgraded) compare(run *runner.Run) {
	up := u.Planned()
	for _, r := range u.Before.Results {
		up.Before[r.Key()] = r.Status
	}
	for _, r := range run.Results {
		was := up.Before[r.Key()]
		if (r.Status == check.Failed || r.Status == check.Errored) && (was == check.Passed || was == check.Warned) {
			up.Regressed = append(up.Regressed, r.Key())
		}
	}
	run.Upgrade, u.Regressed = up, up.Regressed
	// The last report is the one that is read: it must not pass where the
	// comparison has nothing to compare with.
	if before := u.Before.Verdict(); before.Outcome == runner.Error && run.Error == "" {
		run.Error = "before the upgrade, on " + u.From.String() + ": " + cmp.Or(u.Before.Error, before.Why, "a check could not run")
	}
}

// labWorld keeps the state of a lab.
type labWorld struct {
	front *edge.Edge
	log   *slog.Logger

	mu       sync.Mutex
	n        int
	state    *lab.State
	snapshot func() *lab.State // of the lab that was started last as configured
}

func (w *labWorld) start(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
	w.mu.Lock()
	w.n++
	id, state := fmt.Sprintf("upgrade-%s-%d", variant, w.n), w.state
	w.mu.Unlock()
	return lab.Start(ctx, b, lab.WithEdge(w.front, id), lab.WithLogger(w.log), lab.WithState(state), lab.WithSnapshot(func(take func() *lab.State) {
		if variant == check.AsConfigured {
			w.mu.Lock()
			w.snapshot = take
			w.mu.Unlock()
		}
	}))
}

func (w *labWorld) keep() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.snapshot == nil {
		return errors.New("nothing ran that could be kept")
	}
	w.state = w.snapshot()
	return nil
}
