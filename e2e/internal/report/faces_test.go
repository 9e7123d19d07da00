package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// faces are all that is written of a report, by the name of the file.
func faces(r *Report) map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{
		"json": r.JSON, "junit.xml": r.JUnit, "html": r.HTML, "md": r.Markdown, "sarif": r.SARIF, "annotations": r.Annotations,
		"txt": func(w io.Writer) error { return r.Text(w, TextOptions{Verbose: true}) },
	}
}

func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("mem://schema.json", doc))
	s, err := c.Compile("mem://schema.json")
	require.NoError(t, err)
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return s.Validate(doc)
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	own := compiled(t, Schema())
	text, err := os.ReadFile("../../testdata/schemas/sarif-2.1.0.json")
	require.NoError(t, err)
	sarif := compiled(t, text)
	text, err = os.ReadFile("../../testdata/schemas/junit-10.xsd")
	require.NoError(t, err)
	junit, err := readXSD(text)
	require.NoError(t, err)
	for name, run := range samples(t) {
		rep := New(run)
		require.NoError(t, valid(t, own, written(t, rep.JSON)), "%s: report.json", name)
		require.NoError(t, valid(t, sarif, written(t, rep.SARIF)), "%s: results.sarif", name)
		assert.Empty(t, junit.validate(bytes.NewReader(written(t, rep.JUnit))), "%s: junit.xml", name)
	}

	// The validators see what is wrong.
	require.Error(t, valid(t, own, []byte(`{"schema":"ssocheck/report/v1","result":"maybe","seconds":1,"target":{},"checks":[],"lint":[]}`)))
	require.Error(t, valid(t, sarif, []byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{}}}]}`)))
	for doc, want := range map[string]string{
		`<testsuites><testsuite name="a" tests="1" failures="0"/></testsuites>`: "testsuite lacks errors",
		`<testsuites skipped="1"/>`:                     "testsuites has skipped",
		`<testsuites time="soon"/>`:                     `testsuites time="soon"`,
		`<testsuites><testcase name="a"/></testsuites>`: "testsuites holds <testcase>",
		`<testsuites><testsuite name="a" tests="1" failures="0" errors="0"><testcase name="a"><properties/></testcase></testsuite></testsuites>`: "testcase holds <properties>",
	} {
		assert.Contains(t, strings.Join(junit.validate(strings.NewReader(doc)), "; "), want)
	}
}

var bulk = regexp.MustCompile(`(?s)(<style>).*?(</style>)|(<script>).*?(</script>)|(base64,)[A-Za-z0-9+/=]+|(sha256-)[A-Za-z0-9+/=&#;]+`)

// The faces that users and CI systems read, as they look.
func TestFaceGoldens(t *testing.T) {
	t.Parallel()
	all := samples(t)
	for _, name := range []string{"pass", "fail", "boot", "error", "upgrade"} {
		rep := New(all[name])
		golden(t, name+".md", written(t, rep.Markdown))
		golden(t, name+".sarif", written(t, rep.SARIF))
		golden(t, name+".annotations", written(t, rep.Annotations))
	}
	rep := New(all["fail"])
	golden(t, "fail.har.json", indented(har(rep.Checks[2].Evidence)))
	golden(t, "fail-ascii-60.txt", written(t, func(w io.Writer) error { return rep.Text(w, TextOptions{Width: 60, ASCII: true}) }))
	golden(t, "fail-color.txt", written(t, func(w io.Writer) error { return rep.Text(w, TextOptions{Color: true}) }))
	golden(t, "fail-quiet.txt", written(t, func(w io.Writer) error { return rep.Text(w, TextOptions{Quiet: true}) }))
	golden(t, "fail-verbose.txt", written(t, func(w io.Writer) error { return rep.Text(w, TextOptions{Verbose: true}) }))
	rep = New(all["upgrade"])
	rep.Bundle = nil // as in TestGoldens
	golden(t, "upgrade.html", bulk.ReplaceAll(written(t, rep.HTML), []byte("$1$3$5$6…$2$4")))
}

// What was written is read again, and every face is as it was.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, run := range samples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			rep := New(run)
			require.NoError(t, rep.Write(dir))
			again, err := Open(dir)
			require.NoError(t, err)
			was, is := faces(rep), faces(again)
			for face, write := range was {
				if face == "html" {
					continue // the evidence of what passed is not kept
				}
				assert.Equal(t, string(written(t, write)), string(written(t, is[face])), face)
			}
			page := string(written(t, again.HTML))
			assert.Contains(t, page, rep.verdict())
			if _, f := rep.first(); f != nil {
				assert.Contains(t, page, `id="cause"`)
			}
			require.NoError(t, again.Write(dir), "in its own place")
			_, err = Open(filepath.Join(dir, "report.json"))
			require.NoError(t, err)
			for i := range again.Checks {
				for _, name := range again.Checks[i].Artifacts.files() {
					assert.FileExists(t, filepath.Join(dir, name))
				}
			}
		})
	}
}

// No face tells a secret of the configuration.
func TestNoSecret(t *testing.T) {
	t.Parallel()
	for name, run := range samples(t) {
		secrets := secrets(run.Bundle)
		require.NotEmpty(t, secrets)
		for i := range run.Results { // a product that prints what it got
			run.Results[i].Message += " password=" + secrets[0]
			run.Results[i].DOM = "<p>" + secrets[0]
		}
		rep := New(run)
		for face, write := range faces(rep) {
			text := string(written(t, write))
			for _, s := range secrets {
				assert.NotContains(t, text, s, "%s of %s", face, name)
			}
		}
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	deep := filepath.Join(root, "deploy", "sso")
	require.NoError(t, os.MkdirAll(deep, 0o755))
	none := func(string) string { return "" }
	assert.NotEqual(t, root, Repository(deep, none), "no repository there")
	require.NoError(t, os.Mkdir(filepath.Join(root, ".git"), 0o755))
	assert.Equal(t, root, Repository(deep, none))
	workspace := func(dir string) func(string) string {
		return func(name string) string { return map[string]string{"GITHUB_WORKSPACE": dir}[name] }
	}
	assert.Equal(t, filepath.Join(root, "deploy"), Repository(deep, workspace(filepath.Join(root, "deploy"))), "the CI knows better")
	assert.Equal(t, root, Repository(deep, workspace("/somewhere/else")), "of another job")
}

// CI systems find a file only by its name from the repository's root.
func TestFromRoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	run := slashRun(t)
	for i := range run.Lint {
		run.Lint[i].File = filepath.Join(root, "deploy", "my compose.yaml")
	}
	for name, o := range run.Bundle.Origins {
		o.File = filepath.Join(root, "deploy", "my compose.yaml")
		run.Bundle.Origins[name] = o
	}
	rep := New(run)
	rep.Root = root
	assert.Contains(t, string(written(t, rep.Annotations)), "::error file=deploy/my compose.yaml,line=14,col=16,title=round-trip%3A RED-SLASH::")
	assert.Contains(t, string(written(t, rep.SARIF)), `"uri": "deploy/my%20compose.yaml"`)
	assert.NotContains(t, string(written(t, rep.SARIF)), root+"/deploy/my%20")
	out := filepath.Join(root, "out", "report")
	require.NoError(t, rep.Write(out))
	junit, err := os.ReadFile(filepath.Join(out, "junit.xml"))
	require.NoError(t, err)
	m := regexp.MustCompile(`\[\[ATTACHMENT\|([^|\]]+)\]\]`).FindAllSubmatch(junit, -1)
	require.NotEmpty(t, m)
	for _, g := range m {
		assert.FileExists(t, filepath.Join(root, string(g[1])), "as the CI looks for it")
	}
	assert.Equal(t, "/etc/elsewhere.yaml", rep.fromRoot("/etc/elsewhere.yaml"))
}

// A file that is no report says so in one line.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":          "",
		"not JSON":       "hello",
		"another schema": `{"schema":"x/v9","checks":[]}`,
		"no checks":      `{"schema":"ssocheck/report/v1"}`,
		"wrong type":     `{"schema":"ssocheck/report/v1","checks":"none"}`,
	} {
		path := filepath.Join(t.TempDir(), "report.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Open(path)
		require.ErrorIs(t, err, ErrNotAReport, name)
		assert.NotContains(t, err.Error(), "\n", name)
		assert.Contains(t, err.Error(), path, name)
	}
	_, err := Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)

	// Names in a report cannot lead out of its directory.
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(dir), "outside.png"), []byte("x"), 0o600))
	rep := New(slashRun(t))
	rep.Checks[2].Artifacts.Screenshot = "../outside.png"
	text, err := json.Marshal(rep)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "report.json"), text, 0o600))
	again, err := Open(dir)
	require.NoError(t, err)
	assert.Empty(t, again.Checks[2].screenshot)
}

func TestPatch(t *testing.T) {
	t.Parallel()
	edit := func(from, to int, text string) *source.Edit {
		return &source.Edit{File: "a.env", From: from, To: to, Text: text}
	}
	assert.Equal(t, "--- a/a.env\n+++ b/a.env\n@@ -3,1 +3,2 @@\n-A=1\n+A=2\n+B=3\n", patch(&source.Diagnostic{Source: "A=1", Line: 3, Edit: edit(3, 3, "A=2\nB=3")}))
	assert.Equal(t, "--- a/a.env\n+++ b/a.env\n@@ -3,1 +2,0 @@\n-A=1\n", patch(&source.Diagnostic{Source: "A=1", Line: 3, Edit: edit(3, 3, "")}))
	assert.Empty(t, patch(&source.Diagnostic{Source: "A=1", Line: 3, Edit: edit(3, 5, "A=2")}), "the other lines are not known")
	assert.Empty(t, patch(&source.Diagnostic{}))
}

// An edit whose text has a secret is not shown as one: what is hidden must not
// be copied into a file.
func TestHiddenEdit(t *testing.T) {
	t.Parallel()
	run := slashRun(t)
	run.Lint[1].Edit = &source.Edit{File: "compose.yaml", From: 23, To: 23, Text: "secret: never-to-be-seen"}
	rep := New(run)
	assert.Nil(t, rep.Lint[1].Edit)
	assert.NotNil(t, rep.Lint[0].Edit)
	for face, write := range faces(rep) {
		assert.NotContains(t, string(written(t, write)), "never-to-be-seen", face)
	}
}

func matrixOf(tb testing.TB) Matrix {
	tb.Helper()
	return Matrix{Cells: []Cell{
		{Paperless: "2.20.15", Authentik: "2025.8.1", Report: New(passingRun(tb)), Dir: "2.20.15_2025.8.1"},
		{Paperless: "2.20.15", Authentik: "2025.10.0", Error: "the stack did not start: no image authentik:2025.10.0"},
		{Paperless: "3.0.5", Authentik: "2025.8.1", Report: New(slashRun(tb)), Dir: "3.0.5_2025.8.1"},
	}}
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	m := matrixOf(t)
	golden(t, "matrix.txt", written(t, func(w io.Writer) error { return m.Text(w, TextOptions{Report: "out"}) }))
	golden(t, "matrix.md", written(t, m.Markdown))
	golden(t, "matrix.html", bulk.ReplaceAll(written(t, m.HTML), []byte("$1$3$5$6…$2$4")))
	assert.Equal(t, "1 of 3 pairs of versions pass", m.verdict())
	assert.Equal(t, "All 2 pairs of versions pass", Matrix{Cells: []Cell{m.Cells[0], m.Cells[0]}}.verdict())
}

func TestUpgradeFaces(t *testing.T) {
	t.Parallel()
	rep := New(upgradeRun(t))
	for face, wants := range map[string][]string{
		"md":        {"2.18.4", "2.20.15", "no longer met: `login-page`", "**breaks** `H04`", "By the change `H04`"},
		"junit.xml": {`<property name="upgrade.regressed" value="login-page">`, `<property name="hazard.H04"`, `<property name="login-page.hazard" value="H04">`},
		"txt":       {"one check that was met on Paperless-ngx 2.18.4, authentik 2025.8.1 is not any more", "breaks  H04", "by the change H04"},
		"html":      {`id="upgrade"`, `href="#hazard-H04"`, "put in: Paperless-ngx 3 takes databases of 2.20 only", "breaks this configuration"},
	} {
		text := string(written(t, faces(rep)[face]))
		for _, want := range wants {
			assert.Contains(t, text, want, face)
		}
	}
	var short strings.Builder
	require.NoError(t, rep.Text(&short, TextOptions{Planned: true}))
	assert.Contains(t, short.String(), "CFG-SECRETKEY, by the change H04")
	assert.Contains(t, short.String(), "fix  Set PAPERLESS_SECRET_KEY", "what is new is told in full")
	assert.NotContains(t, short.String(), "Between these versions", "Plan told the hazards")
	assert.NotContains(t, short.String(), "needs login-page", "no table")
	was := upgradeRun(t)
	was.Upgrade.Before["login-page"], was.Upgrade.Regressed = check.Failed, nil
	short.Reset()
	require.NoError(t, New(was).Text(&short, TextOptions{Planned: true}))
	assert.Contains(t, short.String(), "as before the upgrade: login-page")
	assert.NotContains(t, short.String(), "fix  Set PAPERLESS_SECRET_KEY")
	dir := t.TempDir()
	require.NoError(t, Write(filepath.Join(dir, Before), passingRun(t)))
	require.NoError(t, rep.Write(dir))
	page, err := os.ReadFile(filepath.Join(dir, Index))
	require.NoError(t, err)
	assert.Contains(t, string(page), `href="before/index.html"`)
	again, err := Open(dir)
	require.NoError(t, err)
	assert.Contains(t, string(written(t, again.HTML)), `href="before/index.html"`)

	good := upgradeRun(t)
	good.Upgrade.Regressed, good.Hazards = []string{}, []deployment.Hazard{}
	good.Results = slices.DeleteFunc(good.Results, func(r runner.Result) bool { return r.Status == check.Failed })
	assert.Contains(t, string(written(t, New(good).HTML)), "Nothing that was met before fails.")
	assert.NotContains(t, string(written(t, New(good).HTML)), `href="#hazard-`)
}
