package report

import (
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
)

// A clauseView are the conformance tests of one clause of a standard.
type clauseView struct {
	Clause string
	Tests  []verdictView
}

// A verdictView is one conformance test in the table.
type verdictView struct {
	Anchor, ID, Title  string
	Verdict, Say, Mark string // Verdict is what is filtered by: also "not tested"
	Severity, Status   string
	Known              bool
}

// A verdictCount is one button of the filter.
type verdictCount struct {
	Verdict string
	Count   int
}

// notTested stands in the table for tests without a verdict.
const notTested = "not tested"

// conformance is the table by clause, in the order of the tests, and how many there are of
// each verdict; nil where no conformance test ran.
func (r *Report) conformance() ([]clauseView, []verdictCount) {
	var clauses []clauseView
	at, counts := map[string]int{}, map[string]int{}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Conformance == nil {
			continue
		}
		v := verdictView{
			Anchor: anchor(c), ID: c.ID, Title: c.Title, Verdict: string(c.Conformance.Verdict), Say: c.Message, Mark: look(c.Status).mark,
			Severity: string(c.Conformance.Severity), Status: string(c.Status), Known: c.Conformance.Known,
		}
		if v.Verdict == "" {
			v.Verdict = notTested
		}
		counts[v.Verdict]++
		n, ok := at[c.Spec]
		if !ok {
			n = len(clauses)
			at[c.Spec], clauses = n, append(clauses, clauseView{Clause: c.Spec})
		}
		clauses[n].Tests = append(clauses[n].Tests, v)
	}
	var buttons []verdictCount
	for _, v := range []check.Verdict{check.Weaker, check.Stricter, check.Crash, check.Conforming, notTested} {
		if n := counts[string(v)]; n > 0 {
			buttons = append(buttons, verdictCount{string(v), n})
		}
	}
	return slices.Clip(clauses), buttons
}
