package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Cases that are not right yet: fixtures/cases/NAME and why. A case that is
// right must go from here, and nothing may come in: what was right stays right.
var (
	lintPending = pending("pending-lint.txt")
	runPending  = pending("pending-run.txt")
)

func pending(name string) func() map[string]bool {
	return func() map[string]bool {
		text, err := os.ReadFile(filepath.Join(casesDir, name))
		out := map[string]bool{}
		if err != nil {
			return out // nothing is pending
		}
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 0 && words[0][0] != '#' {
				out[words[0]] = true
			}
		}
		return out
	}
}

const casesDir = "../../../fixtures/cases"

// A userCase is one of fixtures/cases: configurations as users have them, and
// what is true of each.
type userCase struct {
	About     string            `json:"about"`
	Files     []string          `json:"files"`
	Blueprint string            `json:"blueprint"`
	Args      []string          `json:"args"`
	Env       map[string]string `json:"env"`
	Lint      *caseWant         `json:"lint"`
	Run       *caseWant         `json:"run"`
	Fix       *caseFix          `json:"fix"`
}

// A caseWant is what lint or a run must and must not say.
type caseWant struct {
	Exit        []int          `json:"exit"`
	Must        []caseFinding  `json:"must"`
	MustNot     []caseFinding  `json:"must_not"`
	MustText    []string       `json:"must_text"`
	MustNotText []string       `json:"must_not_text"`
	Max         map[string]int `json:"max"`
	Either      []caseWant     `json:"either"`
	First       *[]string      `json:"first"` // of a run: codes, one of which is named first; empty: no check fails
	Args        []string       `json:"args"`  // of a run
}

// A caseFix is what lint --fix may do to the files.
type caseFix struct {
	Unchanged   bool     `json:"unchanged"`
	MustText    []string `json:"must_text"`
	MustNotText []string `json:"must_not_text"`
}

// A caseFinding is a finding that is wanted or not: a code, codes, or an object.
type caseFinding struct {
	Any     []string
	Level   []string
	Setting string
	File    string
	Line    int
}

func (c *caseFinding) UnmarshalJSON(text []byte) error {
	c.Level = []string{"error", "warning"}
	switch text[0] {
	case '"':
		c.Any = []string{""}
		return json.Unmarshal(text, &c.Any[0])
	case '[':
		return json.Unmarshal(text, &c.Any)
	}
	long := struct {
		Any     []string `json:"any"`
		Code    string   `json:"code"`
		Level   []string `json:"level"`
		Setting string   `json:"setting"`
		File    string   `json:"file"`
		Line    int      `json:"line"`
	}{Level: c.Level}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&long); err != nil {
		return err
	}
	if long.Code != "" {
		long.Any = []string{long.Code}
	}
	*c = caseFinding{long.Any, long.Level, long.Setting, long.File, long.Line}
	return nil
}

// A caseSeen is a finding as the command prints it.
type caseSeen struct {
	Code    string `json:"code"`
	Level   string `json:"level"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Setting string `json:"setting"`
	Message string `json:"message"`
}

func (c caseFinding) fits(f caseSeen) bool {
	return slices.Contains(c.Any, f.Code) && slices.Contains(c.Level, f.Level) &&
		(c.Setting == "" || c.Setting == f.Setting) && (c.File == "" || c.File == f.File) && (c.Line == 0 || c.Line == f.Line)
}

// TestCases lints the configurations of users in fixtures/cases. What lint must
// say of each, and must not, is in its expect.json.
func TestCases(t *testing.T) {
	t.Parallel()
	eachCase(t, lintPending(), lintCase)
}

// TestCasesRun runs those of them that say what a run on the lab must say.
func TestCasesRun(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a browser")
	}
	eachCase(t, runPending(), runCase)
}

func eachCase(t *testing.T, pending map[string]bool, score func(*testing.T, string, *userCase) []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(casesDir, "*", "expect.json"))
	require.NoError(t, err)
	require.Greater(t, len(paths), 50)
	names := map[string]bool{}
	for _, path := range paths {
		dir := filepath.Dir(path)
		name := filepath.Base(dir)
		names[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var c userCase
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			require.NoError(t, d.Decode(&c))
			missed := score(t, dir, &c)
			switch {
			case pending[name] && len(missed) == 0:
				t.Errorf("%s is right now: take it off the list of those that are not", name)
			case pending[name]:
				t.Skip("not right yet:", strings.Join(missed, "\n"))
			default:
				assert.Empty(t, missed, c.About)
			}
		})
	}
	for name := range pending {
		assert.True(t, names[name], "there is no case %s", name)
	}
}

// caseCopy is a folder with the case's files, where a run may write.
func caseCopy(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	require.NoError(t, os.Remove(filepath.Join(to, "expect.json")))
	return to
}

// foreign are variables of this machine that would fill ${NAME} in the files.
var foreign = regexp.MustCompile(`^(?:(?:PAPERLESS|AUTHENTIK|AK|SSO|COMPOSE|OIDC|DOCS|ARCHIVE|AUTH|CLIENT|DOMAIN)_|(?:DOMAIN|TZ|AUTO_SIGNUP)=)`)

func (c *userCase) command(t *testing.T, dir string, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ssocheck", args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), foreign.MatchString)
	cmd.Env = append(cmd.Env, "NO_COLOR=1", "COLUMNS=100")
	for k, v := range c.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		exit = ended.ExitCode()
	} else {
		require.NoError(t, err)
	}
	require.NotContains(t, errs.String(), "panic:")
	return exit, out.String(), errs.String()
}

func lintCase(t *testing.T, dir string, c *userCase) []string {
	t.Helper()
	args := append([]string{"lint"}, c.Files...)
	if c.Blueprint != "" {
		args = append(args, "--blueprint", c.Blueprint)
	}
	args = append(args, c.Args...)
	at := caseCopy(t, dir)
	exit, out, errs := c.command(t, at, append(args, "--format", "text")...)
	exitJSON, outJSON, errsJSON := c.command(t, at, append(args, "--format", "json")...)
	assert.Equal(t, exit, exitJSON, "text and json end alike")
	var findings []caseSeen
	everything := []string{out + errs, outJSON, errsJSON}
	if strings.TrimSpace(outJSON) != "" {
		require.NoError(t, json.Unmarshal([]byte(outJSON), &findings))
		var value any
		require.NoError(t, json.Unmarshal([]byte(outJSON), &value))
		everything = append(everything, strings.Join(caseTexts(value), "\n"))
	}
	missed := c.Lint.judge(exit, findings, withoutNames(t, at, out+errs), everything)
	if c.Fix != nil {
		missed = append(missed, c.fix(t, dir, args)...)
	}
	return missed
}

func (c *userCase) fix(t *testing.T, dir string, args []string) []string {
	t.Helper()
	at := caseCopy(t, dir)
	before := caseFiles(t, at)
	c.command(t, at, append(args, "--fix")...)
	after := caseFiles(t, at)
	var missed []string
	if c.Fix.Unchanged && !maps.Equal(before, after) {
		missed = append(missed, "--fix changed a file")
	}
	all := strings.Join(slices.Collect(maps.Values(after)), "\n")
	for _, s := range c.Fix.MustNotText {
		if strings.Contains(all, s) {
			missed = append(missed, "--fix wrote "+s)
		}
	}
	for _, p := range c.Fix.MustText {
		if !regexp.MustCompile(p).MatchString(all) {
			missed = append(missed, "--fix did not write "+p)
		}
	}
	return missed
}

func caseFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		out[path] = string(text)
		return err
	}))
	return out
}

// withoutNames takes the names of the files out of a text, so that a name is not
// taken for an answer.
func withoutNames(t *testing.T, dir, text string) string {
	t.Helper()
	var names []string
	for path := range caseFiles(t, dir) {
		rel, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		names = append(names, rel, filepath.Base(rel))
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	for _, n := range names {
		text = strings.ReplaceAll(text, n, "FILE")
	}
	return text
}

// caseTexts are all texts of a JSON value.
func caseTexts(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, x := range v {
			out = append(out, caseTexts(x)...)
		}
	case map[string]any:
		for _, x := range v {
			out = append(out, caseTexts(x)...)
		}
	}
	return out
}

var wrapped = regexp.MustCompile(`\s*\n[\s│]*`)

// judge gives what of it does not hold.
func (w *caseWant) judge(exit int, findings []caseSeen, text string, everything []string) []string {
	var missed []string
	miss := func(format string, a ...any) { missed = append(missed, fmt.Sprintf(format, a...)) }
	if len(w.Exit) > 0 && !slices.Contains(w.Exit, exit) {
		miss("exit %v; came %d: %.160s", w.Exit, exit, text)
	}
	for _, m := range w.Must {
		if !slices.ContainsFunc(findings, m.fits) {
			miss("must %+v; came %+v", m, findings)
		}
	}
	for _, m := range w.MustNot {
		if i := slices.IndexFunc(findings, m.fits); i >= 0 {
			miss("must not %+v; came %+v", m, findings[i])
		}
	}
	for code, most := range w.Max {
		n := 0
		for _, f := range findings {
			if f.Code == code {
				n++
			}
		}
		if n > most {
			miss("at most %d %s; came %d", most, code, n)
		}
	}
	flat := wrapped.ReplaceAllString(text, " ")
	for _, p := range w.MustText {
		if re := regexp.MustCompile(p); !re.MatchString(text) && !re.MatchString(flat) {
			miss("must say %s; came %.200s", p, text)
		}
	}
	for _, s := range w.MustNotText {
		if slices.ContainsFunc(everything, func(t string) bool { return strings.Contains(t, s) }) {
			miss("must not say %s", s)
		}
	}
	if len(w.Either) > 0 && len(missed) == 0 {
		var tries []string
		for i := range w.Either {
			try := w.Either[i].judge(exit, findings, text, everything)
			if len(try) == 0 {
				return nil
			}
			tries = append(tries, strings.Join(try, "; "))
		}
		miss("none of: %s", strings.Join(tries, " OR "))
	}
	return missed
}

// A caseReport is what is looked at in report.json.
type caseReport struct {
	Checks []struct {
		ID       string     `json:"id"`
		Status   string     `json:"status"`
		Findings []caseSeen `json:"findings"`
	} `json:"checks"`
	Lint []caseSeen `json:"lint"`
}

// breaks are the checks that break by what is to be named first; "" where all pass, and
// all are run for it. What comes after a check that fails is not judged.
func (w *caseWant) breaks() string {
	if w.First == nil {
		return ""
	}
	var ids []string
	for _, code := range *w.First {
		if item := troubleshooting.Find(code); item != nil && !slices.Contains(ids, item.Breaks.ID) {
			ids = append(ids, item.Breaks.ID)
		}
	}
	return strings.Join(ids, ",")
}

func runCase(t *testing.T, dir string, c *userCase) []string {
	t.Helper()
	if c.Run == nil {
		t.Skip("says nothing of a run")
	}
	at, report := caseCopy(t, dir), t.TempDir()
	args := []string{"run", "--target", "lab", "--report", report}
	for _, f := range c.Files {
		args = append(args, "--config", f)
	}
	if c.Blueprint != "" {
		args = append(args, "--blueprint", c.Blueprint)
	}
	if only := c.Run.breaks(); only != "" {
		args = append(args, "--only", only)
	}
	exit, out, errs := c.command(t, at, append(args, c.Run.Args...)...)
	var rep caseReport
	if text, err := os.ReadFile(filepath.Join(report, "report.json")); err == nil {
		require.NoError(t, json.Unmarshal(text, &rep))
	} else {
		require.Equal(t, 2, exit, "no report.json: %s%s", out, errs)
	}
	var seen []caseSeen
	var failed []string // the first code of each check that fails
	for _, check := range rep.Checks {
		first := check.ID + ": no finding"
		for i, f := range check.Findings {
			if i == 0 {
				first = f.Code
			}
			if check.Status == "fail" || check.Status == "error" || check.Status == "warn" {
				seen = append(seen, caseSeen{Code: f.Code, Level: "error", Message: "in check " + check.ID})
			}
		}
		if check.Status == "fail" || check.Status == "error" {
			failed = append(failed, first)
		}
	}
	seen = append(seen, rep.Lint...)
	text := out + errs
	missed := c.Run.judge(exit, seen, withoutNames(t, at, text), []string{text, wrapped.ReplaceAllString(text, " ")})
	if c.Run.First != nil && exit != 2 {
		switch want := *c.Run.First; {
		case len(want) == 0 && len(failed) > 0:
			missed = append(missed, "no check fails; came "+failed[0])
		case len(want) > 0 && (len(failed) == 0 || !slices.Contains(want, failed[0])):
			missed = append(missed, fmt.Sprintf("first %v; came %v", want, failed))
		}
	}
	return missed
}
