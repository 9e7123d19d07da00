// Package report shows one Run to users and to machines: text, JSON, JUnit,
// HTML, SARIF and Markdown are faces of the same Report value, in which every
// string was redacted once, so that no face can leak what another hides.
package report

import (
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// SchemaID names the form of report.json.
const SchemaID = "ssocheck/report/v1"

// A Report is a Run without secrets: what report.json holds, and what every
// other face is made from.
type Report struct {
	Schema string         `json:"schema"`
	Result runner.Outcome `json:"result"`
	Error  string         `json:"error,omitempty"`
	// Why says why the result is no pass, where neither a check nor Error does.
	Why string `json:"why,omitempty"`
	// NotTested is what the result does not cover, each a sentence.
	NotTested []string `json:"not_tested,omitempty"`
	// Assumed is what of authentik's side was taken from Paperless's; nil: nothing.
	Assumed *deployment.Assumption `json:"assumed,omitempty"`
	// Access says who may sign in, where not everybody may.
	Access string `json:"access,omitempty"`
	// Suite is what ran; empty: the checklist.
	Suite string `json:"suite,omitempty"`
	// Only are the checks that were asked for by id; empty: all.
	Only    []string            `json:"only,omitempty"`
	Started time.Time           `json:"started,omitzero"`
	Seconds float64             `json:"seconds"`
	Tool    string              `json:"tool,omitempty"`
	Target  Target              `json:"target"`
	Checks  []Check             `json:"checks"`
	Lint    []source.Diagnostic `json:"lint"`
	Hazards []deployment.Hazard `json:"hazards,omitempty"`
	Upgrade *runner.Upgrade     `json:"upgrade,omitempty"` // what lies before this run; nil: nothing
	// Bundle is the configuration as diagnosis needs it: secrets are
	// fingerprints, equal ones equal. See Redact.
	Bundle *deployment.Deployment `json:"bundle,omitempty"`

	// Root is where SARIF, annotations and attachments name files from; see
	// Repository. Empty: files keep their names.
	Root string `json:"-"`
	// dir is where the report is written; attachments lie in it.
	dir string
	// before is the page of the run on the old versions of an upgrade, as seen
	// from this one; empty: there is none.
	before string
}

// A Target is the pair that was tested.
type Target struct {
	Kind      string           `json:"kind"`
	Paperless evidence.Product `json:"paperless"`
	Authentik evidence.Product `json:"authentik"`
}

// A Check is one check on one variant.
type Check struct {
	ID      string       `json:"id"`
	Title   string       `json:"title"`
	Guide   string       `json:"guide"`
	Variant string       `json:"variant"`
	Status  check.Status `json:"status"`
	Seconds float64      `json:"seconds"`
	// Waited are the seconds before, in which the pair booted.
	Waited  float64 `json:"waited,omitempty"`
	Message string  `json:"message"`
	Doc     string  `json:"doc,omitempty"`
	// Spec is the clause of a conformance test, Conformance what it found.
	Spec        string                    `json:"spec,omitempty"`
	Conformance *check.Conformance        `json:"conformance,omitempty"`
	Findings    []troubleshooting.Finding `json:"findings"`
	// Left is what remains where no finding explains a failed check, or how several
	// findings weigh; nil: one explains it, or nothing that is known fits.
	Left      *troubleshooting.Differential `json:"differential,omitempty"`
	Artifacts Artifacts                     `json:"artifacts"`
	Steps     []evidence.Step               `json:"steps,omitempty"`
	// Evidence is written for conformance tests, and for checks that did not pass: enough to explain them
	// again without a browser.
	Evidence *evidence.Record `json:"evidence,omitempty"`
	// Bundle is the variant's configuration where it is not the report's.
	Bundle *deployment.Deployment `json:"bundle,omitempty"`

	dom        string
	screenshot []byte
	shots      map[string][]byte
}

// Artifacts are file names relative to the report's directory.
type Artifacts struct {
	Screenshot string `json:"screenshot,omitempty"`
	DOM        string `json:"dom,omitempty"`
	HAR        string `json:"har,omitempty"`
	Log        string `json:"log,omitempty"`
	Console    string `json:"console,omitempty"`
	Evidence   string `json:"evidence,omitempty"`
}

// below are the artifacts as seen from a folder above theirs; none where dir is empty.
func (a Artifacts) below(dir string) Artifacts {
	if dir == "" {
		return Artifacts{}
	}
	for _, name := range []*string{&a.Screenshot, &a.DOM, &a.HAR, &a.Log, &a.Console, &a.Evidence} {
		if *name != "" {
			*name = path.Join(dir, *name)
		}
	}
	return a
}

// files are the artifacts that exist, in a fixed order.
func (a Artifacts) files() []string {
	all := []string{a.Screenshot, a.DOM, a.HAR, a.Log, a.Console, a.Evidence}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// New makes the Report of a run. The run is not changed.
func New(r *runner.Run) *Report {
	red := r.Redactor
	if red == nil {
		red = evidence.NewRedactor()
		if r.Bundle != nil {
			red.Spare(r.Bundle.Words().Has)
		}
	}
	for _, b := range bundles(r) {
		red.Add(secrets(b)...)
	}
	v := r.Verdict()
	rep := &Report{
		Schema: SchemaID, Result: v.Outcome, Error: r.Error, Why: v.Why, NotTested: v.NotTested, Suite: r.Suite, Only: slices.Clone(r.Only),
		Started: r.Started, Seconds: seconds(r.Seconds), Tool: r.Tool,
		Target:  Target{Kind: r.Kind, Paperless: r.Paperless, Authentik: r.Authentik},
		Checks:  []Check{},
		Lint:    append([]source.Diagnostic{}, r.Lint...),
		Hazards: slices.Clone(r.Hazards), Upgrade: r.Upgrade,
	}
	if b := r.Bundle; b != nil {
		rep.Access = b.Access()
		if target.Can(r.Kind).FromFiles && r.Suite != conformance.Suite { // there nothing of authentik's is asked
			rep.Assumed = b.Assumed
		}
	}
	for i := range r.Results {
		rep.Checks = append(rep.Checks, newCheck(&r.Results[i]))
	}
	for i := range rep.Lint {
		rep.Lint[i].Edit = shown(rep.Lint[i].Edit)
	}
	scrub(rep, red)
	if r.Bundle != nil {
		rep.Bundle = Redact(r.Bundle, red)
	}
	for i := range rep.Checks {
		c, b := &rep.Checks[i], r.Results[i].Bundle
		c.Artifacts = artifactNames(c)
		if b != nil && b != r.Bundle && c.Variant != check.AsConfigured {
			c.Bundle = Redact(b, red)
		}
	}
	return rep
}

// shown is an edit that can be shown whole; nil where it has secrets, since what
// is hidden must not be copied into a file.
func shown(e *source.Edit) *source.Edit {
	if e == nil {
		return nil
	}
	var out source.Edit
	text, err := json.Marshal(e)
	if err != nil || json.Unmarshal(text, &out) != nil || out.Text != e.Text {
		return nil
	}
	return &out
}

func bundles(r *runner.Run) []*deployment.Deployment {
	var all []*deployment.Deployment
	if r.Bundle != nil {
		all = append(all, r.Bundle)
	}
	for i := range r.Results {
		if b := r.Results[i].Bundle; b != nil && !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return all
}

// noticed is how long a boot must take to be told of: a lab starts within a second.
const noticed = 5

func waited(s float64) float64 {
	if s < noticed {
		return 0
	}
	return seconds(s)
}

func newCheck(res *runner.Result) Check {
	c := Check{
		Variant: res.Variant, Status: res.Status, Seconds: seconds(res.Seconds), Waited: waited(res.Waited), Message: res.Message,
		Findings: append([]troubleshooting.Finding{}, res.Findings...),
		Steps:    slices.Clone(res.Record.Steps),
		dom:      res.DOM, screenshot: res.Screenshot, shots: res.Shots,
	}
	if res.Check != nil {
		c.ID, c.Title, c.Guide, c.Doc, c.Spec = res.Check.ID, res.Check.Title, res.Check.Guide, res.Check.Doc, res.Check.Spec
	}
	if c.Variant == "" {
		c.Variant = check.AsConfigured
	}
	c.Conformance = res.Conformance
	record := res.Record
	c.Evidence = &record
	switch {
	case len(c.Findings) > 1:
		c.Left = troubleshooting.Among(c.Findings, res.Record, res.Bundle)
	case len(c.Findings) == 0 && c.Conformance == nil:
		c.Left = troubleshooting.Consider(res.Record, res.Bundle, res.Status)
	}
	return c
}

// seconds keeps milliseconds: more digits tell nothing.
func seconds(s float64) float64 { return math.Round(s*1000) / 1000 }

// Key names the check within a report and its folder: the id, and the variant
// where it is not the configuration itself.
func (c *Check) Key() string {
	if c.Variant == "" || c.Variant == check.AsConfigured {
		return c.ID
	}
	return c.ID + "@" + c.Variant
}

// Passed reports whether the check is met, maybe with a warning.
func (c *Check) Passed() bool { return c.Status == check.Passed || c.Status == check.Warned }

// BundleOf is the configuration that a check ran on.
func (r *Report) BundleOf(c *Check) *deployment.Deployment {
	if c.Bundle != nil {
		return c.Bundle
	}
	return r.Bundle
}

// ExitCode is 0 all pass, 1 a check failed, 2 the tester could not do its work.
func (r *Report) ExitCode() int { return r.Result.ExitCode() }

// judge sets the result by the checks and lint findings that the report has now.
func (r *Report) judge() {
	j := runner.Judgement{Kind: r.Target.Kind, Suite: r.Suite, Error: r.Error, Only: r.Only, Bundle: r.Bundle, Lint: r.Lint}
	for i := range r.Checks {
		c := &r.Checks[i]
		j.Rows = append(j.Rows, runner.Row{ID: c.ID, Status: c.Status, Message: c.Message})
	}
	v := j.Verdict()
	r.Result, r.Why, r.NotTested = v.Outcome, v.Why, v.NotTested
}

// count is the number of checks with a status.
func (r *Report) count(s check.Status) int {
	n := 0
	for i := range r.Checks {
		if r.Checks[i].Status == s {
			n++
		}
	}
	return n
}

// first is the finding that the report stands for: that of the first failed
// check, else of the first that could not be done, else nil.
func (r *Report) first() (*Check, *troubleshooting.Finding) {
	for _, s := range []check.Status{check.Failed, check.Errored} {
		for i := range r.Checks {
			if c := &r.Checks[i]; c.Status == s {
				if len(c.Findings) > 0 {
					return c, &c.Findings[0]
				}
				return c, nil
			}
		}
	}
	return nil, nil
}

// notes are what every reader must know about the target.
func (r *Report) notes() []string {
	var notes []string
	if r.Suite == conformance.Suite {
		notes = append(notes, "A provider of ours stands at authentik's name and breaks the rules on purpose: what is tested is Paperless-ngx.")
	}
	if r.Suite == conformance.Suite && r.Target.Kind == target.Lab && !conformance.Recorded(r.Target.Paperless.Version) {
		notes = append(notes, "What Paperless-ngx answers to such a provider was recorded on "+strings.Join(conformance.RecordedVersions(), " and ")+" only: of this version it is assumed.")
	}
	if r.Suite == conformance.Suite && !deployment.AtLeast(r.Target.Paperless.Version, conformance.Since) {
		notes = append(notes, "Known deviations are listed from "+conformance.Since+" on: of this version each one counts as new.")
	}
	if note := r.labNote(); note != "" {
		notes = append(notes, note)
	}
	notes = append(notes, r.newerNotes()...)
	if a := r.Assumed; a != nil {
		text := upper(a.String()) + "."
		if ways := a.Ways(); len(ways) > 0 {
			text += " To test it: " + strings.Join(ways, "; or ") + "."
		}
		notes = append(notes, text)
	}
	if r.Access != "" {
		text := "Who may sign in: " + r.Access + "."
		if target.Can(r.Target.Kind).OwnUsers {
			text += " The test users of the checks were added to it."
		}
		notes = append(notes, text)
	}
	return notes
}

func (r *Report) labNote() string {
	if !target.Can(r.Target.Kind).Models {
		return ""
	}
	notes := []string{"The lab models the two products; only the targets stack and external test the real ones."}
	known, err := deployment.KnownVersions()
	if err != nil {
		return notes[0]
	}
	for _, p := range []struct {
		name     string
		product  string
		releases []deployment.Release
		version  string
	}{
		{"Paperless-ngx", deployment.PaperlessProduct, known.Paperless, r.Target.Paperless.Version},
		{"authentik", deployment.AuthentikProduct, known.Authentik, r.Target.Authentik.Version},
	} {
		basis := deployment.Basis(p.releases, p.version)
		if r, err := deployment.Find(p.releases, p.product, p.version); err == nil && r.Known == deployment.Reported {
			notes = append(notes, fmt.Sprintf("%s %s was not recorded: it answers as %s until proven otherwise.", p.name, p.version, r.Profile))
		}
		if p.version != "" && basis.Version != p.version {
			notes = append(notes, fmt.Sprintf("Of %s %s it knows nothing of its own and answers as %s.", p.name, p.version, basis.Version))
			var changes []string
			for _, h := range known.Between(p.product, basis.Version, p.version) {
				changes = append(changes, h.At+" ("+h.Title+")")
			}
			if len(changes) > 0 {
				notes = append(notes, "Changes to the sign-in lie between: "+strings.Join(changes, ", ")+".")
			}
		}
	}
	return strings.Join(notes, " ")
}

var unsafeName = lazyregexp.New(`[^A-Za-z0-9@._-]+`)

// fileName is a name that is one path segment on every system.
func fileName(s string) string {
	s = strings.Trim(unsafeName.ReplaceAllString(s, "-"), ".-")
	if s == "" {
		return "unnamed"
	}
	return s
}

func (c *Check) dir() string { return path.Join("artifacts", fileName(c.Key())) }

// stepFile is where a step's screenshot goes.
func (c *Check) stepFile(name string) string {
	return path.Join(c.dir(), "steps", strings.TrimSuffix(fileName(name), ".png")+".png")
}

func artifactNames(c *Check) Artifacts {
	var a Artifacts
	in := func(name string) string { return path.Join(c.dir(), name) }
	if len(c.screenshot) > 0 {
		a.Screenshot = in("screenshot.png")
	}
	if c.dom != "" {
		a.DOM = in("dom.html")
	}
	if c.Evidence == nil || !explains(c) {
		return a
	}
	if len(c.Evidence.Exchange)+len(c.Evidence.Hops) > 0 {
		a.HAR = in("har.json")
	}
	if len(c.Evidence.Log)+len(c.Evidence.Boot.Log) > 0 {
		a.Log = in("paperless.log")
	}
	if len(c.Evidence.Console) > 0 {
		a.Console = in("console.log")
	}
	a.Evidence = in("evidence.json")
	return a
}
