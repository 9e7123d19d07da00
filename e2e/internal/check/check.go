// Package check is the vocabulary of a check: what it is, what it gets, and how
// it says that the products are wrong, as opposed to the tester.
package check

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A Check is one line of the guide's testing checklist, or one of ours.
type Check struct {
	ID    string   // subtest name, JUnit name, report anchor; never reused
	Title string   // true when green: "The sign-in page shows the authentik button"
	Doc   string   // what a pass proves
	Guide string   // the guide's line: "checklist 2"; empty where the guide has none
	Spec  string   // the clause of the standard that a conformance test is about; else empty
	Needs []*Check // must pass first, or this one is skipped
	// Applies reports whether the check is part of the list for a configuration;
	// nil: of every one. A check that is asked for by its id runs all the same.
	Applies func(*deployment.Deployment) bool
	// Variants are the settings that the check runs on, given the configuration;
	// nil means as configured. See AsConfigured.
	Variants func(*deployment.Deployment) []Variant
	// Browserless is true when the check asks by HTTP alone: no browser profile is
	// opened for it, Pass.Session is nil.
	Browserless bool
	// Changes is true when the check makes or links accounts: it is skipped where
	// the target does not allow that.
	Changes bool
	// Links is the role of the local account that the check links; empty for most.
	// The account is made anew when the check must be repeated.
	Links string
	Run   func(context.Context, *Pass) error // nil pass; wraps ErrUnmet: the products are wrong; else: the tester is
}

// A Variant is the configuration under test with one setting changed.
type Variant struct {
	Name   string                       // report's "variant"; AsConfigured for none
	Change func(*deployment.Deployment) // nil: nothing is changed
}

// AsConfigured is the variant without a change.
const AsConfigured = "as-configured"

// A Pass is what a check gets: the pair, its configuration, a fresh browser
// profile, and the record to fill.
type Pass struct {
	Target  *target.Target
	Bundle  *deployment.Deployment // of the variant that runs
	Variant string
	// Session is a fresh browser profile; opened by the runner before Run. Nil for
	// a check that is Browserless.
	Session *browser.Session
	// Record is filled by the check; the runner adds what the session, the edge
	// and the logs saw.
	Record *evidence.Record
	// Seen is the page where the check ended, when the check looked at it itself:
	// Record.Final is then its Page. Nil: the runner looks.
	Seen *browser.Look
	Log  *slog.Logger
	// Progress tells the user who waits what is being done; may be nil.
	Progress func(step string)
	// Began is when the check began.
	Began time.Time
}

// The outcomes of a check, besides nil.
var (
	// ErrUnmet says that the products do not do what the check asks.
	ErrUnmet = errors.New("not met")
	// ErrWarn says that the check is met, with something to look at.
	ErrWarn = errors.New("met, with a warning")
	// ErrSkip says that the check does not apply to this configuration.
	ErrSkip = errors.New("does not apply")
)

type outcome struct {
	kind error
	text string
}

func (o *outcome) Error() string { return o.text }
func (o *outcome) Unwrap() error { return o.kind }

// Unmetf is an error that wraps ErrUnmet and reads as given.
func Unmetf(format string, args ...any) error {
	return &outcome{ErrUnmet, fmt.Sprintf(format, args...)}
}

// Warnf is an error that wraps ErrWarn and reads as given.
func Warnf(format string, args ...any) error {
	return &outcome{ErrWarn, fmt.Sprintf(format, args...)}
}

// Skipf is an error that wraps ErrSkip and reads as given.
func Skipf(format string, args ...any) error {
	return &outcome{ErrSkip, fmt.Sprintf(format, args...)}
}

// A Status is how a check ended.
type Status string

// The statuses, as report.json has them.
const (
	Passed  Status = "pass"
	Warned  Status = "warn"
	Failed  Status = "fail"
	Errored Status = "error" // the tester could not do its work
	Skipped Status = "skip"
)

// StatusOf maps what Run returned to a status.
func StatusOf(err error) Status {
	switch {
	case err == nil:
		return Passed
	case errors.Is(err, ErrUnmet):
		return Failed
	case errors.Is(err, ErrWarn):
		return Warned
	case errors.Is(err, ErrSkip):
		return Skipped
	}
	return Errored
}

// A Result is one check on one variant.
type Result struct {
	Check   *Check
	Variant string
	Status  Status
	Seconds float64
	// Waited are the seconds before, in which its pair booted.
	Waited  float64
	Message string // one line: what is wrong, or what was proven
	Record  evidence.Record
	// Bundle is the configuration that ran; diagnosis needs it.
	Bundle *deployment.Deployment
	// DOM and Screenshot are taken where the check ended unless it passed.
	DOM        string
	Screenshot []byte
	// Shots are the screenshots of the steps, by evidence.Step.Screenshot.
	Shots map[string][]byte
	// Conformance is what a conformance test found; nil for other checks.
	Conformance *Conformance
}

// A Conformance is what a conformance test says of the relying party.
type Conformance struct {
	Family   string   `json:"family"`
	Verdict  Verdict  `json:"verdict,omitempty"` // empty: it was not tested
	Severity Severity `json:"severity,omitempty"`
	// Known reports whether the deviation stands in fixtures/expected.yaml.
	Known    bool   `json:"known,omitempty"`
	Provider string `json:"provider"`         // what the OpenID provider does
	Should   string `json:"should"`           // what a conforming relying party does
	Means    string `json:"means,omitempty"`  // what a deviation means for this configuration
	Remedy   string `json:"remedy,omitempty"` // code of the item that says what to set
	Module   string `json:"module,omitempty"` // of the OpenID Foundation's plan for relying parties
	Row      string `json:"row,omitempty"`    // of fixtures/hostile.json
	// Outcome is where the user stood at the end, and Status that page's; empty where
	// the test looked at something else.
	Outcome string `json:"outcome,omitempty"`
	Status  int    `json:"status,omitempty"`
}

// A Verdict compares what the relying party does with what the standard asks.
type Verdict string

// The verdicts.
const (
	Conforming Verdict = "conforming"
	Weaker     Verdict = "weaker"   // it takes what it should refuse
	Stricter   Verdict = "stricter" // it refuses what it should take
	Crash      Verdict = "crash"    // it refuses, by a status 500 in place of a page
)

// A Severity is how much a deviation matters for the configuration under test.
type Severity string

// The severities.
const (
	None   Severity = "none"
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)

// Validate reports everything that is wrong with a list of checks: empty or
// double ids, missing words, Needs that come later.
func Validate(checks []*Check) error {
	var errs []error
	seen := map[string]bool{}
	for _, c := range checks {
		if c.ID == "" || c.Title == "" || c.Doc == "" || c.Run == nil {
			errs = append(errs, fmt.Errorf("check %q: ID, Title, Doc and Run are needed", c.ID))
		}
		if seen[c.ID] {
			errs = append(errs, fmt.Errorf("check %q is a duplicate", c.ID))
		}
		for _, n := range c.Needs {
			if !seen[n.ID] {
				errs = append(errs, fmt.Errorf("check %q needs %q, which does not come before it", c.ID, n.ID))
			}
		}
		seen[c.ID] = true
	}
	return errors.Join(errs...)
}
