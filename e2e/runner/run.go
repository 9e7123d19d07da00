// Package runner runs the checks in order on the variants of a configuration,
// each in a fresh browser profile, and asks troubleshooting about those that do
// not pass.
package runner

import (
	"time"

	"github.com/ssocheck/ssocheck/e2e/check"
	"github.com/ssocheck/ssocheck/e2e/config"
	"github.com/ssocheck/ssocheck/e2e/evidence"
	"github.com/ssocheck/ssocheck/e2e/render"
	"github.com/ssocheck/ssocheck/e2e/troubleshooting"
)

// A Run is one whole run: the value that every report is a face of.
type Run struct {
	Started   time.Time
	Seconds   float64
	Tool      string // version of ssocheck
	Kind      string // target.Lab, target.Stack, target.External
	Paperless evidence.Product
	Authentik evidence.Product
	Bundle    *render.Bundle // as configured
	Results   []Result
	Lint      []config.Finding
	Hazards   []render.Hazard // between the versions of an upgrade; else empty
	Redactor  *evidence.Redactor
	// Error says why the tester could not do its work; empty when it could.
	Error string
}

// A Result is one check on one variant, with what explains it.
type Result struct {
	check.Result
	Findings []troubleshooting.Finding // ranked: the first is the one we stand for
}

// The results of a run, as report.json has them.
const (
	Pass  = "pass"
	Fail  = "fail"
	Error = "error"
)

// Result is pass (warnings and skips allowed), fail, or error when the tester
// could not do its work. A failed check outranks an error elsewhere: it is a
// verdict that stands.
func (r *Run) Result() string {
	result := Pass
	if r.Error != "" {
		result = Error
	}
	for _, res := range r.Results {
		switch res.Status {
		case check.Failed:
			return Fail
		case check.Errored:
			result = Error
		}
	}
	return result
}

// ExitCode is 0 all pass, 1 a check failed, 2 the tester could not do its work.
func (r *Run) ExitCode() int { return map[string]int{Pass: 0, Fail: 1, Error: 2}[r.Result()] }
