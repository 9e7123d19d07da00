// Package troubleshooting holds the causes: one literal each, in one file a
// family. Every item is planted in the lab by the tests and must be found again
// from evidence and configuration alone.
package troubleshooting

import (
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// An Item is one cause: how it shows in a run, how it shows in files, and how it
// is planted. What only files show has no Match and no Title of its own.
type Item struct {
	Code   string       // such as RED-SLASH; never reused
	Guide  int          // troubleshooting item 1..5 of the guide; 0 where the guide has none
	Title  string       // the symptom
	Fix    string       // what to change, and where
	Breaks *check.Check // the first check this cause makes fail (or warn); nil: none
	// Basis is how we know how it shows in a run.
	Basis Basis
	// InFiles is how it shows in files, which lint looks for; empty: it does not.
	InFiles []Rule
	// Shows is where in the round trip it shows, which the sequence diagram marks;
	// empty: at no endpoint of its own.
	Shows oidc.Endpoint
	// Match reports whether the evidence and the configuration show this cause,
	// and quotes what shows it: expected and seen side by side; nil: only files show it.
	Match func(evidence.Record, *deployment.Deployment) (because []string, ok bool)
	// Suspect reports whether the configuration alone shows this cause, for a check
	// that stopped before the cause could show; nil: only evidence can tell.
	// What is suspected ranks behind everything that evidence shows.
	Suspect func(*deployment.Deployment) (because []string, ok bool)
	// Plant plants the cause in a right bundle.
	Plant func(*deployment.Deployment)
	// BreaksFrom is the check that breaks first from that Paperless version on,
	// where it is another one than Breaks.
	BreaksFrom map[string]*check.Check
	// BreaksWith is the check that fails first from that authentik version on, where it
	// is another one than Breaks; Warns does not hold then.
	BreaksWith map[string]*check.Check
	// Versions limits where the cause can happen; empty fields do not limit.
	Versions Versions
	// Edit is the edit that fixes it, from this evidence and configuration; nil:
	// Fix says all there is to say.
	Edit func(evidence.Record, *deployment.Deployment) string
	// FixSeen is the fix for what was seen, where Fix has to tell of several cases;
	// nil: Fix says it.
	FixSeen func(evidence.Record, *deployment.Deployment) string
	// Looks says what evidence is looked at, for an item that no recorded run shows
	// because it cannot be planted; of the others that is found out (package manual).
	Looks []string
	// Also are the codes of other causes that Plant cannot but make with it.
	Also []string
	// Warns is true when the cause makes Breaks warn, not fail.
	Warns bool
}

// Versions are the product versions on which a cause can happen.
type Versions struct {
	PaperlessFrom, PaperlessBelow string // from inclusive, below exclusive
	AuthentikFrom, AuthentikBelow string
}

// A Finding is an item that the evidence shows.
type Finding struct {
	Code    string   `json:"code"`
	Guide   int      `json:"guide"`
	Title   string   `json:"title"`
	Because []string `json:"because"`
	Fix     string   `json:"fix"`
	// Hazard is the id of the change between two versions that explains it, after
	// an upgrade; else empty.
	Hazard string `json:"hazard,omitempty"`
	// Lint are the places in the user's files that lint names for the same cause;
	// empty: none, or nothing was linted.
	Lint []Place `json:"lint,omitempty"`
}

// A Place is where lint saw the cause: it finds the lint finding in the report.
type Place struct {
	Code   string `json:"code"` // of the lint finding
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}
