package e2e

import (
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// The results, as types that other modules can name. Their fields are those of
// report.json (report.schema.json in the repository); fields beyond that may
// change with any release.
type (
	// Results are one run of the checklist: the versions, a Result for each check
	// and variant, what lint found, and the Verdict.
	Results = runner.Run
	// A Result is one check on one variant of the configuration: Check, Variant,
	// Status, Message, Seconds, and the Findings that explain it, the likeliest first.
	Result = runner.Result
	// A Status is how one check ended.
	Status = check.Status
	// A Finding is a cause: its Code, the guide's item, the proof (Because) and the Fix.
	Finding = troubleshooting.Finding
	// A Diagnostic is what lint says of one place in a file.
	Diagnostic = source.Diagnostic
	// An Outcome is how a whole run ended; see its ExitCode.
	Outcome = runner.Outcome
	// A Verdict is an Outcome with its reason and with what was not tested.
	Verdict = runner.Verdict
	// An Event is the progress of a run, for Options.Observe.
	Event = runner.Event
	// A Pair is a version of Paperless-ngx and one of authentik.
	Pair = deployment.Pair
	// A Stage is a pair of versions on the way of an upgrade, and why it is there.
	Stage = deployment.Stage
	// A Hazard is a change between two versions that this configuration touches.
	Hazard = deployment.Hazard
	// An UpgradePlan is an upgrade as reports show it.
	UpgradePlan = runner.Upgrade
	// Images replace those of versions.yaml, each a reference that Docker takes;
	// empty ones stay.
	Images = stack.Overrides
	// A Target is a pair that runs.
	Target = target.Target
	// A File is one that Render makes.
	File = deployment.File
)

// The ends of a check.
const (
	Passed  = check.Passed
	Warned  = check.Warned
	Failed  = check.Failed
	Errored = check.Errored
	Skipped = check.Skipped
)

// The levels of a Diagnostic.
const (
	LevelError   = source.Error   // users cannot sign in, or Paperless-ngx does not start
	LevelWarning = source.Warning // something has no effect, or is a risk
	LevelInfo    = source.Info    // worth knowing
)

// The outcomes of a run.
const (
	OutcomePass  = runner.Pass
	OutcomeFail  = runner.Fail
	OutcomeError = runner.Error // the tester could not do its work
)
