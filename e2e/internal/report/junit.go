package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// The form that Jenkins' schema junit-10.xsd describes, which GitLab and the
// readers on GitHub take too.
type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	junitCounts
	Suites []junitSuite `xml:"testsuite"`
}

type junitCounts struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Time     string `xml:"time,attr"`
}

type junitSuite struct {
	junitCounts
	Skipped    int             `xml:"skipped,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	ClassName string        `xml:"classname,attr"`
	Time      string        `xml:"time,attr"`
	Failure   *junitProblem `xml:"failure"`
	Error     *junitProblem `xml:"error"`
	Skipped   *junitProblem `xml:"skipped"`
	Out       *junitText    `xml:"system-out"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

// JUnit writes junit.xml as GitHub's, GitLab's and Jenkins's readers take it.
func JUnit(w io.Writer, r *runner.Run) error { return New(r).JUnit(w) }

// JUnit writes junit.xml as GitHub's, GitLab's and Jenkins's readers take it. A
// warning is a passed test with output; a run without a verdict is an error.
func (r *Report) JUnit(w io.Writer) error {
	suite := junitSuite{junitCounts: junitCounts{
		Name: "ssocheck." + r.Target.Kind, Time: junitTime(r.Seconds),
		Failures: r.count(check.Failed), Errors: r.count(check.Errored),
	}, Skipped: r.count(check.Skipped)}
	if !r.Started.IsZero() {
		suite.Timestamp = r.Started.UTC().Format(time.RFC3339)
	}
	for _, p := range []junitProperty{
		{"target", r.Target.Kind},
		{"result", string(r.Result)},
		{"verdict", r.sentence()},
		{"ssocheck.version", r.Tool},
		{"paperless.version", r.Target.Paperless.Version},
		{"paperless.url", r.Target.Paperless.URL},
		{"authentik.version", r.Target.Authentik.Version},
		{"authentik.url", r.Target.Authentik.URL},
	} {
		if p.Value != "" {
			suite.Properties = append(suite.Properties, p)
		}
	}
	suite.Properties = append(suite.Properties, r.upgradeProperties()...)
	for i := range r.Checks {
		suite.Properties = append(suite.Properties, checkProperties(&r.Checks[i])...)
		suite.Cases = append(suite.Cases, r.junitTest(&r.Checks[i]))
	}
	lint := junitLint(r.loose(), r.Result == runner.Fail && r.Why != "")
	for i := range lint {
		if lint[i].Failure != nil {
			suite.Failures++
		}
	}
	suite.Cases = append(suite.Cases, lint...)
	why := r.Error
	if why == "" && r.Result == runner.Error {
		why = r.Why
	}
	if why != "" {
		suite.Cases = append(suite.Cases, junitCase{
			Name: "run", ClassName: "ssocheck." + r.Target.Kind, Time: "0.000",
			Error: &junitProblem{Message: why, Type: "tester", Text: why},
		})
		suite.Errors++
	}
	suite.Tests = len(suite.Cases)
	doc := junitSuites{junitCounts: suite.junitCounts, Suites: []junitSuite{suite}}
	doc.Name = "ssocheck"
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write junit.xml: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("write junit.xml: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write junit.xml: %w", err)
	}
	return nil
}

func junitTime(s float64) string { return fmt.Sprintf("%.3f", s) }

// upgradeProperties say what lies before the run, and what is known of it.
func (r *Report) upgradeProperties() []junitProperty {
	var props []junitProperty
	if u := r.Upgrade; u != nil {
		props = append(props, junitProperty{"upgrade.from", u.From}, junitProperty{"upgrade.to", u.To}, junitProperty{"upgrade.forecast", strconv.FormatBool(u.Forecast)})
		for _, key := range u.Regressed {
			props = append(props, junitProperty{"upgrade.regressed", key})
		}
	}
	for _, h := range r.Hazards {
		props = append(props, junitProperty{"hazard." + h.ID, h.Title})
	}
	return props
}

// checkProperties are what a check has beside its result. They stand at the
// suite, under the check's name: Jenkins' schema has none at a test.
func checkProperties(c *Check) []junitProperty {
	var props []junitProperty
	if c.Guide != "" {
		props = append(props, junitProperty{c.Key() + ".guide", c.Guide})
	}
	if v := c.Conformance; v != nil {
		props = append(props, junitProperty{c.Key() + ".spec", c.Spec}, junitProperty{c.Key() + ".verdict", string(v.Verdict)})
	}
	if c.Waited > 0 {
		props = append(props, junitProperty{c.Key() + ".boot_seconds", junitTime(c.Waited)})
	}
	for _, f := range c.Findings {
		props = append(props, junitProperty{c.Key() + ".finding", f.Code})
		if f.Hazard != "" {
			props = append(props, junitProperty{c.Key() + ".hazard", f.Hazard})
		}
	}
	return props
}

func (r *Report) junitTest(c *Check) junitCase {
	t := junitCase{Name: c.Key(), ClassName: "ssocheck." + r.Target.Kind + "." + c.Variant, Time: junitTime(c.Seconds)}
	problem := &junitProblem{Message: c.Message, Text: r.findingsText(c)}
	switch c.Status {
	case check.Failed:
		problem.Type = "unmet"
		if len(c.Findings) > 0 {
			problem.Type = c.Findings[0].Code
			problem.Message = c.Findings[0].Code + ": " + c.Message
		}
		t.Failure = problem
	case check.Errored:
		problem.Type = "tester"
		t.Error = problem
	case check.Skipped:
		problem.Text = ""
		t.Skipped = problem
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n", c.Title)
	if c.Waited > 0 {
		fmt.Fprintf(&out, "before it, its pair booted for %s; the time is the check's alone\n", duration(c.Waited))
	}
	if c.Status == check.Passed || c.Status == check.Warned {
		if c.Message != "" {
			fmt.Fprintf(&out, "%s: %s\n", look(c.Status).word, c.Message)
		}
		out.WriteString(r.findingsText(c))
	}
	for _, s := range c.Steps {
		fmt.Fprintf(&out, "%7.3fs  %s", s.Seconds, s.Name)
		if s.Error != "" {
			fmt.Fprintf(&out, ": %s", s.Error)
		}
		out.WriteByte('\n')
	}
	for _, a := range c.Artifacts.files() {
		if r.dir != "" {
			a = r.fromRoot(filepath.Join(r.dir, a))
		}
		// Jenkins' attachments plugin looks from the workspace, GitLab from the
		// project; both want the line for itself.
		fmt.Fprintf(&out, "[[ATTACHMENT|%s]]\n", a)
	}
	t.Out = &junitText{out.String()}
	return t
}

// findingsText are a check's findings as plain text.
func (r *Report) findingsText(c *Check) string {
	if len(c.Findings) == 0 && c.Left == nil {
		return ""
	}
	p := newPrinter(TextOptions{Width: 120})
	p.of = r
	if len(c.Findings) == 0 {
		p.left(c.Left)
	}
	for i := range c.Findings {
		p.finding(c, &c.Findings[i])
	}
	return p.buf.String()
}

// junitLint makes one test of each file that lint has something to say about.
// It passes with output, since whether users can sign in is for the checks to
// say; decisive is true where they did not, and an error of lint is the verdict.
func junitLint(lint []source.Diagnostic, decisive bool) []junitCase {
	var cases []junitCase
	at := map[string]int{}
	for i := range lint {
		f := &lint[i]
		n, ok := at[f.File]
		if !ok {
			n = len(cases)
			at[f.File] = n
			cases = append(cases, junitCase{Name: f.File, ClassName: "ssocheck.lint", Time: "0.000", Out: &junitText{}})
		}
		if decisive && runner.Decisive(*f) && cases[n].Failure == nil {
			cases[n].Failure = &junitProblem{Type: f.Code, Message: f.Code + ": " + f.Message}
		}
		out := &cases[n].Out.Text
		*out += fmt.Sprintf("%s: %s %s: %s\n", lintPlace(f), f.Level, f.Code, f.Message)
		if fix := lintFix(f); fix != "" {
			*out += "    fix: " + strings.ReplaceAll(fix, "\n", "\n         ") + "\n"
		}
	}
	return cases
}
