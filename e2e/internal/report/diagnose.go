package report

import (
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A Diagnosis is one check of a report that did not pass, explained again.
type Diagnosis struct {
	Check *Check
	// Findings are ranked as in the report; empty when nothing explains it.
	Findings []troubleshooting.Finding
	// Left is what remains where nothing explains a failed check; nil otherwise.
	Left *troubleshooting.Differential
	// Blind is true when the report holds no evidence for it.
	Blind bool
}

// Diagnose explains the checks of a report that failed or warned, from the
// recorded evidence and configuration alone.
func Diagnose(r *Report) []Diagnosis {
	before, after := checklist.Upgrade()
	known := map[string]*check.Check{}
	for _, list := range [][]*check.Check{checklist.All(), before, after} {
		for _, c := range list {
			known[c.ID] = c
		}
	}
	var out []Diagnosis
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status != check.Failed && c.Status != check.Warned {
			continue
		}
		bundle := c.Bundle // of the variant that ran
		if bundle == nil {
			bundle = r.Bundle
		}
		d := Diagnosis{Check: c, Blind: c.Evidence == nil || bundle == nil}
		switch {
		case d.Blind:
		case c.ID == doctor.Check.ID:
			d.Findings = doctor.Again(*c.Evidence, bundle, r.Lint, c.Findings)
		default:
			d.Findings = troubleshooting.Explain(*c.Evidence, bundle, known[c.ID], c.Status)
		}
		if !d.Blind && len(d.Findings) == 0 {
			d.Left = troubleshooting.Consider(*c.Evidence, bundle, c.Status)
		}
		out = append(out, d)
	}
	return out
}
