package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// An Outcome is how a run ended, as report.json has it.
type Outcome string

// The outcomes of a run.
const (
	Pass  Outcome = "pass"
	Fail  Outcome = "fail"
	Error Outcome = "error" // the tester could not do its work
)

// ExitCode is 0 for a pass, 1 for a failure, 2 for anything else.
func (o Outcome) ExitCode() int {
	switch o {
	case Pass:
		return 0
	case Fail:
		return 1
	}
	return 2
}

// Worst is the outcome that stands for several: a failure outranks an error
// elsewhere, because it is a verdict that stands. Of none it is a pass.
func Worst(all ...Outcome) Outcome {
	worst := Pass
	for _, o := range all {
		switch o {
		case Pass:
		case Fail:
			return Fail
		default:
			worst = Error
		}
	}
	return worst
}

// OutcomeOf is what the end of one check says of the whole run.
func OutcomeOf(s check.Status) Outcome {
	switch s {
	case check.Failed:
		return Fail
	case check.Errored:
		return Error
	}
	return Pass
}

// A Row is one check of a run, as far as the verdict rests on it.
type Row struct {
	ID      string
	Status  check.Status
	Message string
}

// A Judgement is what a Verdict rests on.
type Judgement struct {
	Kind   string // target.Lab, target.Stack or target.External
	Suite  string // what ran; empty: the checklist
	Error  string // why the tester could not do its work; empty: it could
	Only   []string
	Bundle *deployment.Deployment // nil: not known
	Rows   []Row
	Lint   []source.Diagnostic
}

// A Verdict is the outcome of a run, with what no single check says.
type Verdict struct {
	Outcome Outcome
	// Why is the reason, on one line, where neither a check nor Run.Error has it.
	Why string
	// NotTested is what a pass does not cover, each a sentence without its full stop.
	NotTested []string
}

// Verdict judges. A pass means that somebody signed in: a run in which that was
// skipped is an error, unless --only left it out or nobody was given to sign in
// at a pair that runs. It also means that lint has no error: one that every
// check contradicts is a failure with its code, as it is one of lint itself.
func (j Judgement) Verdict() Verdict {
	v := Verdict{Outcome: Pass, NotTested: j.notTested()}
	if j.Error != "" {
		v.Outcome = Error
	}
	for _, r := range j.Rows {
		v.Outcome = Worst(v.Outcome, OutcomeOf(r.Status))
	}
	if v.Outcome != Pass {
		return v
	}
	if i := slices.IndexFunc(j.Lint, Decisive); i >= 0 {
		f := &j.Lint[i]
		at := f.File
		if f.Line > 0 {
			at = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		v.Outcome = Fail
		v.Why = oneLine(fmt.Sprintf("the configuration has an error that no check failed by: %s at %s: %s", f.Code, at, f.Message))
		return v
	}
	if why := j.unproven(); why != "" {
		v.Outcome, v.Why = Error, oneLine(why)
		return v
	}
	if id := j.leftOut(); id != "" {
		v.NotTested = append(v.NotTested, "nobody signed in: --only left "+id+" out")
	}
	return v
}

// leftOut is the check that shows that users can sign in, where it was not asked for and
// none that ran shows the same; else "".
func (j Judgement) leftOut() string {
	id := SignIn(j.Bundle)
	if len(j.Only) == 0 || j.Suite == conformance.Suite || j.nobody() {
		return ""
	}
	for _, r := range j.Rows {
		if r.ID == id || r.ID == upgradeSignIn {
			return ""
		}
	}
	return id
}

// upgradeSignIn is the check of an upgrade in which users sign in again.
const upgradeSignIn = "upgrade-sign-in"

// Decisive reports whether a lint finding forbids a pass: an error that holds
// now, not only with the versions of an upgrade.
func Decisive(f source.Diagnostic) bool { return f.Level == source.Error && f.From == "" }

// unproven says what was to be shown and was not; "" when all was.
func (j Judgement) unproven() string {
	if len(j.Rows) == 0 {
		return "no check ran"
	}
	met := false
	for _, r := range j.Rows {
		met = met || r.Status == check.Passed || r.Status == check.Warned
	}
	if !met {
		return "every check was skipped: " + j.Rows[0].Message
	}
	if j.nobody() {
		return ""
	}
	id := SignIn(j.Bundle)
	if j.Suite == conformance.Suite {
		id = conformance.SignIn
	}
	for _, r := range j.Rows {
		if r.ID == id && r.Status == check.Skipped {
			return fmt.Sprintf("nobody signed in: %s was skipped: %s", id, r.Message)
		}
	}
	for _, id := range j.Only {
		if skipped := j.skipped(id); skipped != "" {
			return fmt.Sprintf("%s was asked for, and skipped: %s", id, skipped)
		}
	}
	return ""
}

// skipped is why a check was skipped on every variant; "" when it ran on one.
func (j Judgement) skipped(id string) string {
	why := ""
	for _, r := range j.Rows {
		if r.ID != id {
			continue
		}
		if r.Status != check.Skipped {
			return ""
		}
		if why == "" {
			why = r.Message
		}
	}
	return why
}

// SignIn is the id of the check that shows that users can sign in: the round
// trip through authentik, or, where no provider is configured and a proxy names
// the user, the one with its header.
func SignIn(b *deployment.Deployment) string {
	if b != nil && !b.Observed && b.Paperless.On(deployment.RemoteUser) {
		if apps, err := b.Paperless.Apps(); err == nil && len(apps) == 0 {
			return checklist.RemoteUser.ID
		}
	}
	return checklist.RoundTrip.ID
}

// nobody reports whether nobody was given to sign in at a pair that runs.
func (j Judgement) nobody() bool {
	if target.Can(j.Kind).OwnUsers || j.Bundle == nil {
		return false
	}
	_, given := j.Bundle.SSOUser(checklist.RoundTrip.ID)
	return !given
}

func (j Judgement) notTested() []string {
	var out []string
	if j.nobody() {
		out = append(out, "signing in is not tested: nobody was given to sign in as (SSO_USERNAME and SSO_PASSWORD, or --credentials)")
	}
	if j.Suite == conformance.Suite {
		out = append(out, "authentik is not tested: a provider of ours stands in its place")
	} else if b := j.Bundle; b != nil && b.Assumed != nil && target.Can(j.Kind).FromFiles {
		out = append(out, b.Assumed.String())
	}
	if b := j.Bundle; b != nil && len(b.StandIns) > 0 && target.Can(j.Kind).FromFiles {
		out = append(out, "not known here, and replaced for the run: "+strings.Join(b.StandIns, ", "))
	}
	return out
}

// Verdict is how the run ended, and why.
func (r *Run) Verdict() Verdict {
	j := Judgement{Kind: r.Kind, Suite: r.Suite, Error: r.Error, Only: r.Only, Bundle: r.Bundle, Lint: r.Lint}
	for i := range r.Results {
		res := &r.Results[i]
		j.Rows = append(j.Rows, Row{ID: res.Check.ID, Status: res.Status, Message: res.Message})
	}
	return j.Verdict()
}

// Result is pass (warnings allowed), fail, or error when the tester could not do
// its work; see Verdict.
func (r *Run) Result() Outcome { return r.Verdict().Outcome }

// Why says on one line why the run is no pass, where neither a check nor Error
// does; empty otherwise.
func (r *Run) Why() string { return strings.TrimSpace(r.Verdict().Why) }

// ExitCode is 0 all pass, 1 a check failed, 2 the tester could not do its work.
func (r *Run) ExitCode() int { return r.Result().ExitCode() }
