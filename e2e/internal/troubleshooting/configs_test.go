package troubleshooting_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

const configs = "../../../fixtures/configs"

// expect is expect.yaml of a configuration.
type expect struct {
	About     string   `yaml:"about"`
	Files     []string `yaml:"files"`
	Blueprint string   `yaml:"blueprint"`
	Service   string   `yaml:"service"`
	Paperless string   `yaml:"paperless"`
	Authentik string   `yaml:"authentik"`
	Run       string   `yaml:"run"`   // pass, fail or none
	Code      string   `yaml:"code"`  // first cause that run names
	Check     string   `yaml:"check"` // the check that shows it, where the code does not say
	Error     string   `yaml:"error"` // of Load
	Findings  []string `yaml:"findings"`
}

func readExpect(t *testing.T, dir string) expect {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "expect.yaml"))
	require.NoError(t, err)
	var e expect
	require.NoError(t, yaml.UnmarshalWithOptions(text, &e, yaml.Strict()))
	return e
}

func (e expect) sources(dir string) source.Sources {
	s := source.Sources{Service: e.Service, PaperlessVersion: e.Paperless, AuthentikVersion: e.Authentik}
	if len(e.Files) == 0 {
		e.Files = []string{"compose.yaml"}
	}
	for _, f := range e.Files {
		s.Files = append(s.Files, filepath.Join(dir, f))
	}
	if e.Blueprint != "" {
		s.Blueprint = filepath.Join(dir, e.Blueprint)
	}
	return s
}

func configDirs(tb testing.TB) []string {
	tb.Helper()
	list, err := filepath.Glob(filepath.Join(configs, "*", "expect.yaml"))
	require.NoError(tb, err)
	for i := range list {
		list[i] = filepath.Dir(list[i])
	}
	return list
}

// brief is a finding as expect.yaml writes it.
func brief(dir string, f source.Diagnostic) string {
	rel, err := filepath.Rel(dir, f.File)
	if err != nil {
		rel = f.File
	}
	return fmt.Sprintf("%s %s %s:%d", f.Level, f.Code, rel, f.Line)
}

func TestConfigs(t *testing.T) {
	t.Parallel()
	dirs := configDirs(t)
	require.GreaterOrEqual(t, len(dirs), 40)
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			want := readExpect(t, dir)
			b, findings, err := troubleshooting.Load(want.sources(dir))
			if want.Error != "" {
				require.ErrorContains(t, err, want.Error)
				assert.NotContains(t, err.Error(), "sekrit")
				return
			}
			require.NoError(t, err)
			require.NotNil(t, b)
			got := []string{}
			for _, f := range findings {
				got = append(got, brief(dir, f))
			}
			slices.Sort(got)
			slices.Sort(want.Findings)
			assert.Equal(t, strings.Join(want.Findings, "\n"), strings.Join(got, "\n"))
			if strings.HasPrefix(filepath.Base(dir), "right-") {
				for _, f := range findings {
					assert.Equal(t, source.Info, f.Level, "%s: a right configuration has nothing worse", f.Code)
				}
				assert.Equal(t, "paperless-client", b.Authentik.Providers[0].ClientID)
				assert.Equal(t, "sekrit-0123456789abcdef", b.Authentik.Providers[0].ClientSecret)
				app, ok := b.Paperless.App()
				require.True(t, ok)
				assert.Equal(t, "sekrit-0123456789abcdef", app.Secret)
				assert.Equal(t, b.RedirectURI(), b.Authentik.Providers[0].RedirectURIs[0].URL)
			}
			noSecrets(t, findings)
			places(t, findings)
		})
	}
}

// noSecrets looks for the secrets of the fixtures in every output.
func noSecrets(t *testing.T, findings []source.Diagnostic) {
	t.Helper()
	for _, format := range report.Formats() {
		var out bytes.Buffer
		require.NoError(t, report.Format(&out, format, findings, 0))
		assert.NotContains(t, out.String(), "sekrit", format)
	}
	fixed, err := source.Fix(findings)
	require.NoError(t, err)
	for path, text := range fixed {
		old, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, source.Diff(old, text, path), "sekrit")
	}
}

// places checks that every finding points at something that is there.
func places(t *testing.T, findings []source.Diagnostic) {
	t.Helper()
	for _, f := range findings {
		assert.NotEmpty(t, f.Code)
		assert.NotEmpty(t, f.Message)
		assert.Contains(t, []string{source.Error, source.Warning, source.Info}, f.Level)
		if f.Line == 0 {
			continue
		}
		text, err := os.ReadFile(f.File)
		require.NoError(t, err)
		lines := strings.Split(string(text), "\n")
		require.LessOrEqual(t, f.Line, len(lines))
		assert.LessOrEqual(t, f.Column, len([]rune(lines[f.Line-1]))+1, "%s: column in the line", f.Code)
	}
}

// The fixes that lint can write must fix what they say, and nothing else.
func TestFixMends(t *testing.T) {
	t.Parallel()
	mended := 0
	for _, dir := range configDirs(t) {
		want := readExpect(t, dir)
		if want.Error != "" {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			work := t.TempDir()
			require.NoError(t, os.CopyFS(work, os.DirFS(dir)))
			src := want.sources(work)
			_, before, err := troubleshooting.Load(src)
			require.NoError(t, err)
			fixed, err := source.Fix(before)
			require.NoError(t, err)
			if len(fixed) == 0 {
				return
			}
			mended++
			for path, text := range fixed {
				require.NoError(t, os.WriteFile(path, text, 0o600))
			}
			_, after, err := troubleshooting.Load(src)
			require.NoError(t, err)
			for _, f := range before {
				if f.Edit == nil {
					continue
				}
				gone := !slices.ContainsFunc(after, func(g source.Diagnostic) bool {
					return g.Code == f.Code && g.Setting == f.Setting && g.Message == f.Message
				})
				assert.True(t, gone, "%s is still there after its fix: %s", f.Code, f.Message)
			}
			for _, f := range after {
				had := slices.ContainsFunc(before, func(g source.Diagnostic) bool { return g.Code == f.Code })
				// Mending the JSON shows what was hidden behind the error.
				if f.Level == source.Error && !had && !slices.ContainsFunc(before, func(g source.Diagnostic) bool {
					return g.Code == "CFG-JSON" || g.Code == "CFG-YAMLMAP" || g.Code == "CFG-KEY" || g.Code == "CFG-NOAPP"
				}) {
					assert.Fail(t, "a fix brought a new error", "%s: %s", f.Code, f.Message)
				}
			}
		})
	}
	assert.GreaterOrEqual(t, mended, 15)
}

// Every rule speaks in some configuration, or is named here with the reason.
func TestRulesSpeak(t *testing.T) {
	t.Parallel()
	rules := troubleshooting.Rules()
	require.GreaterOrEqual(t, len(rules), 40)
	codes := map[string]bool{}
	for _, r := range rules {
		assert.False(t, codes[r.Code], "%s is a duplicate", r.Code)
		codes[r.Code] = true
		assert.NotEmpty(t, r.Title, r.Code)
		assert.NotEmpty(t, r.Doc, r.Code)
		assert.Contains(t, []string{source.Error, source.Warning, source.Info}, r.Level, r.Code)
	}
	// UPG-HAZARD needs versions to upgrade to, which these have not: TestLintUpgrade shows it.
	spoken := map[string]bool{"UPG-HAZARD": true}
	for _, dir := range configDirs(t) {
		want := readExpect(t, dir)
		for _, f := range want.Findings {
			code := strings.Fields(f)[1]
			spoken[code] = true
			assert.True(t, codes[code], "%s in %s is no rule", code, dir)
		}
	}
	var silent []string
	for code := range codes {
		if !spoken[code] {
			silent = append(silent, code)
		}
	}
	slices.Sort(silent)
	assert.Empty(t, silent, "rules without a configuration that shows them")
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	tests := map[string]struct {
		src  source.Sources
		want string
		is   error
	}{
		"no file":        {source.Sources{}, "give a compose file", nil},
		"missing":        {source.Sources{Files: []string{filepath.Join(dir, "none.yaml")}}, "none.yaml: there is no such file", os.ErrNotExist},
		"directory":      {source.Sources{Files: []string{dir}}, "not a regular file", source.ErrUnreadable},
		"too large":      {source.Sources{Files: []string{write("big.yaml", bytes.Repeat([]byte("# x\n"), 3<<20))}}, "larger than 1024 KiB", source.ErrUnreadable},
		"too many lines": {source.Sources{Files: []string{write("lines.env", bytes.Repeat([]byte("A=b\n"), 100_000))}}, "more than 20000 lines", source.ErrUnreadable},
		"too deep":       {source.Sources{Files: []string{write("deep.yaml", append([]byte("services: "), bytes.Repeat([]byte("["), 300_000)...))}}, "nested more than", source.ErrUnreadable},
		"dashes":         {source.Sources{Files: []string{write("dash.yaml", bytes.Repeat([]byte("- "), 300_000))}}, "nested more than", source.ErrUnreadable},
		"UTF-16":         {source.Sources{Files: []string{write("utf16.yaml", []byte("s\x00e\x00r\x00"))}}, "save it as UTF-8", source.ErrUnreadable},
		"no YAML":        {source.Sources{Files: []string{write("no.yaml", []byte("a: b\n  c: [\n"))}}, "no.yaml:", source.ErrUnreadable},
		"no services":    {source.Sources{Files: []string{write("empty.yaml", []byte("volumes: {}\n"))}}, "has no services", source.ErrService},
		"nothing in it":  {source.Sources{Files: []string{write("empty.env", []byte("# nothing\n"))}}, "no NAME=value", source.ErrUnreadable},
		"other services": {source.Sources{Files: []string{write("other.yaml", []byte("services: {db: {image: postgres}}\n"))}}, "name it with --service", source.ErrService},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := troubleshooting.Load(tt.src)
			require.ErrorContains(t, err, tt.want)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
		})
	}
}

// lintIn lints a configuration of the fixtures under short paths.
func lintIn(t *testing.T, name string) []source.Diagnostic {
	t.Helper()
	dir := filepath.Join(configs, name)
	findings, err := troubleshooting.Lint(readExpect(t, dir).sources(dir))
	require.NoError(t, err)
	for i := range findings {
		findings[i].File = filepath.Base(findings[i].File)
	}
	return findings
}
