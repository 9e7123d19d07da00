package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

const configs = "../../../fixtures/configs"

// sources are the files of a configuration of the fixtures, by its expect.yaml;
// false where they cannot be read.
func sources(t *testing.T, dir string) (source.Sources, bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "expect.yaml"))
	require.NoError(t, err)
	var want struct {
		Files                                           []string
		Blueprint, Service, Paperless, Authentik, Error string
	}
	require.NoError(t, yaml.Unmarshal(text, &want))
	if len(want.Files) == 0 {
		want.Files = []string{"compose.yaml"}
	}
	s := source.Sources{Service: want.Service, PaperlessVersion: want.Paperless, AuthentikVersion: want.Authentik}
	for _, f := range want.Files {
		s.Files = append(s.Files, filepath.Join(dir, f))
	}
	if want.Blueprint != "" {
		s.Blueprint = filepath.Join(dir, want.Blueprint)
	}
	return s, want.Error == ""
}

// lintIn lints a configuration of the fixtures under short paths.
func lintIn(t *testing.T, name string) []source.Diagnostic {
	t.Helper()
	dir := filepath.Join(configs, name)
	s, _ := sources(t, dir)
	findings, err := troubleshooting.Lint(s)
	require.NoError(t, err)
	for i := range findings {
		findings[i].File = filepath.Base(findings[i].File)
		findings[i].Message = strings.ReplaceAll(findings[i].Message, dir+"/", "")
	}
	return findings
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"guide", "json-missing-comma", "blueprint-slash", "dollar-env-file", "v3-change-me"} {
		findings := lintIn(t, name)
		for _, format := range []string{"text", "github"} {
			t.Run(name+" "+format, func(t *testing.T) {
				t.Parallel()
				var out bytes.Buffer
				require.NoError(t, Format(&out, format, findings, 0))
				golden(t, filepath.Join("lint", name+"."+format), out.Bytes())
			})
		}
	}
	require.ErrorContains(t, Format(&bytes.Buffer{}, "xml", nil, 0), "no format")
}

func TestFormatJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, FormatJSON(&out, lintIn(t, "guide")))
	var back []source.Diagnostic
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	require.Len(t, back, 6)
	assert.Equal(t, "SIGN-OFF", back[0].Code)
	assert.Equal(t, "      PAPERLESS_SOCIAL_AUTO_SIGNUP: true   # create Paperless user on first SSO login", back[0].Edit.Text)
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.JSONEq(t, out.String(), string(again))

	out.Reset()
	require.NoError(t, FormatJSON(&out, nil))
	assert.Equal(t, "[]\n", out.String())
}

// Every configuration's findings are valid SARIF, by the schema of OASIS.
func TestFormatSARIF(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("../../testdata/schemas/sarif-2.1.0.json")
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(configs, "*", "expect.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		dir := filepath.Dir(file)
		s, readable := sources(t, dir)
		if !readable {
			continue
		}
		findings, err := troubleshooting.Lint(s)
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, FormatSARIF(&out, findings))
		doc, err := jsonschema.UnmarshalJSON(&out)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(doc), dir)
	}
	bad, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version":"2.1.0","runs":[{"tool":{"driver":{}},"results":[]}]}`))
	require.NoError(t, err)
	require.Error(t, schema.Validate(bad), "the schema refuses what is wrong")
}
