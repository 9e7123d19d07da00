// Package runner runs the checks in order on the variants of a configuration,
// each in a fresh browser profile, and asks troubleshooting about those that do
// not pass.
package runner

import (
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A Run is one whole run: the value that every report is a face of.
type Run struct {
	Started   time.Time
	Seconds   float64
	Tool      string // version of ssocheck
	Kind      string // target.Lab, target.Stack, target.External
	Paperless evidence.Product
	Authentik evidence.Product
	Bundle    *deployment.Deployment // as configured
	Results   []Result
	Lint      []source.Diagnostic
	Hazards   []deployment.Hazard // between the versions of an upgrade; else empty
	// Upgrade is set for a run after an upgrade; else nil.
	Upgrade  *Upgrade
	Redactor *evidence.Redactor
	// Suite is what ran; empty: the checklist.
	Suite string
	// Only are the checks that were asked for by id; empty: all.
	Only []string
	// Error says why the tester could not do its work; empty when it could.
	Error string
}

// An Upgrade is what lies before a run on new versions.
type Upgrade struct {
	From   string  `json:"from"` // PAPERLESS,AUTHENTIK
	To     string  `json:"to"`
	Step   string  `json:"step"`             // paperless, authentik or both
	Stages []Stage `json:"stages,omitempty"` // after From, To last
	// Forecast is true on the lab: the verdict rests on what is known of the
	// versions, not on the products.
	Forecast bool `json:"forecast"`
	// Before is how each check (id, or id@variant) ended on the old versions.
	Before map[string]check.Status `json:"before"`
	// Regressed are the checks that were met before and are not after.
	Regressed []string `json:"regressed"`
}

// A Stage is one step of an upgrade.
type Stage struct {
	Versions string `json:"versions"`      // PAPERLESS,AUTHENTIK
	Why      string `json:"why,omitempty"` // why it cannot be left out; empty: it was asked for
}

// Key names the result within a run: the id, and the variant where it is not
// the configuration itself.
func (r *Result) Key() string {
	if r.Variant == "" || r.Variant == check.AsConfigured {
		return r.Check.ID
	}
	return r.Check.ID + "@" + r.Variant
}

// A Result is one check on one variant, with what explains it.
type Result struct {
	check.Result
	Findings []troubleshooting.Finding // ranked: the first is the one we stand for
}
