package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// ErrUnknownCheck says that a check of this id does not exist.
var ErrUnknownCheck = errors.New("unknown check")

// Options say what Do runs. Bundle, Kind and Start are needed.
type Options struct {
	Bundle *deployment.Deployment // as configured, with the users that the checks need
	Kind   string                 // target.Lab, target.Stack or target.External
	Tool   string                 // version of ssocheck
	// Start starts the pair with this bundle. It is called once for each variant
	// that is needed, variants side by side; Do closes what it returns. An error
	// that wraps check.ErrSkip skips the checks of the variant.
	Start func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error)
	// Plan is told which variants will be started, as configured first, before any is, and says in words how that will go; may be nil.
	Plan func(ctx context.Context, b *deployment.Deployment, variants []string) []string
	// OpenBrowser returns a browser for the target, and what gives it back. Nil:
	// one Chromium for all targets that need the same resolver rules.
	OpenBrowser func(context.Context, *target.Target) (*browser.Browser, func(), error)
	// Browser says which browser is opened where OpenBrowser is nil; names, keys
	// and log are those of the target and of these options.
	Browser browser.Options
	Checks  []*check.Check // nil: checklist.All()
	Only    []string       // ids; what they need runs too. Empty: all
	// Explain names the causes of what did not pass; nil: troubleshooting.Explain.
	Explain func(evidence.Record, *deployment.Deployment, *check.Check, check.Status) []troubleshooting.Finding
	Observe func(Event) // told what happens, in order; may be nil
	// Enough ends the run: after a result of which it says true, what is left is
	// skipped. Nil: everything is run.
	Enough  func(Result) bool
	Lint    []source.Diagnostic
	Hazards []deployment.Hazard
	// Expected are known deviations: see Expectation.
	Expected []Expectation
	Log      *slog.Logger // nil: silent
	// Jobs is how many checks run side by side, where each can have a pair of its
	// own (target.Forks), or those of different variants have one (target.Lanes);
	// less than 2: one after another, on one pair. What is told and reported has the
	// order of the checks either way.
	Jobs  int
	Shots bool // a screenshot of every step
	Film  bool // the same, kept where a check does not pass

	// Around is given each check by its key (id, or id@variant), with the versions as
	// configured, and runs it: side by side where the checks are. nil: nobody.
	Around func(key string, on deployment.Pair, do func() Result) Result

	clock clock // nil: the machine's
}

// An EventKind is what happened.
type EventKind string

// The kinds of events.
const (
	Started  EventKind = "started"  // a check begins
	Step     EventKind = "step"     // it does something
	Finished EventKind = "finished" // it ended; Result is set
	Booting  EventKind = "booting"  // a variant is waited for
	Planned  EventKind = "planned"  // how the boots will go: Step is a line of it
)

// An Event is progress of a run.
type Event struct {
	Kind    EventKind
	Check   *check.Check // nil while booting
	Variant string
	Index   int    // of the check, from 1
	Total   int    // checks of this run
	Step    string // what is done, for Step
	// Gate is set for a gate of a container, while booting.
	Gate   *target.Gate
	Result *Result
	// Provisional is true for a result whose status is judged at the end of the run.
	Provisional bool
	At          time.Time
}

func (o *Options) defaults() error {
	if o.Bundle == nil || o.Start == nil {
		return errors.New("runner: a bundle and a way to start it are needed")
	}
	if o.Checks == nil {
		o.Checks = checklist.All()
	}
	if o.Explain == nil {
		o.Explain = troubleshooting.Explain
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.clock == nil {
		o.clock = machineClock()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if can := target.Can(o.Kind); !can.Forks && !can.Lanes {
		o.Jobs = 1
	}
	if err := check.Validate(o.Checks); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return nil
}

// A job is one check on one variant.
type job struct {
	check   *check.Check
	variant check.Variant
}

// plan lists the jobs in the order of the checks.
func plan(b *deployment.Deployment, checks []*check.Check, only []string) ([]job, error) {
	wanted, err := selected(checks, only)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for _, c := range checks {
		if !wanted[c] || (len(only) == 0 && c.Applies != nil && !c.Applies(b)) {
			continue
		}
		variants := []check.Variant{{Name: check.AsConfigured}}
		if c.Variants != nil {
			variants = c.Variants(b)
		}
		for _, v := range variants {
			if v.Name == "" {
				v.Name = check.AsConfigured
			}
			jobs = append(jobs, job{c, v})
		}
	}
	return jobs, nil
}

// selected are the checks of these ids and all that they need.
func selected(checks []*check.Check, only []string) (map[*check.Check]bool, error) {
	wanted := map[*check.Check]bool{}
	var want func(*check.Check)
	want = func(c *check.Check) {
		if wanted[c] {
			return
		}
		wanted[c] = true
		for _, n := range c.Needs {
			want(n)
		}
	}
	if len(only) == 0 {
		for _, c := range checks {
			wanted[c] = true
		}
		return wanted, nil
	}
	var ids, unknown []string
	byID := map[string]*check.Check{}
	for _, c := range checks {
		ids = append(ids, c.ID)
		byID[c.ID] = c
	}
	for _, id := range only {
		c := byID[id]
		if c == nil {
			unknown = append(unknown, id)
			continue
		}
		want(c)
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, fmt.Errorf("%w %s (known: %s)", ErrUnknownCheck, strings.Join(unknown, ", "), strings.Join(ids, ", "))
	}
	return wanted, nil
}
