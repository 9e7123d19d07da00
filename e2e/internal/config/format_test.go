package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/config"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoErrorf(t, err, "create it with: go test ./e2e/internal/config -run %s -update", t.Name())
	assert.Equal(t, string(want), string(got))
}

// lintIn lints a configuration of the fixtures under short paths.
func lintIn(t *testing.T, name string) []config.Finding {
	t.Helper()
	dir := filepath.Join(configs, name)
	findings, err := config.Lint(readExpect(t, dir).sources(dir))
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
				require.NoError(t, config.Format(&out, format, findings, 0))
				golden(t, filepath.Join("testdata", "format", name+"."+format), out.Bytes())
			})
		}
	}
	require.ErrorContains(t, config.Format(&bytes.Buffer{}, "xml", nil, 0), "no format")
}

func TestFormatJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, config.FormatJSON(&out, lintIn(t, "guide")))
	var back []config.Finding
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	require.Len(t, back, 6)
	assert.Equal(t, "SIGN-OFF", back[0].Code)
	assert.Equal(t, "      PAPERLESS_SOCIAL_AUTO_SIGNUP: true   # create Paperless user on first SSO login", back[0].Edit.Text)
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.JSONEq(t, out.String(), string(again))

	out.Reset()
	require.NoError(t, config.FormatJSON(&out, nil))
	assert.Equal(t, "[]\n", out.String())
}

// Every configuration's findings are valid SARIF, by the schema of OASIS.
func TestFormatSARIF(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile("testdata/sarif-schema-2.1.0.json")
	require.NoError(t, err)
	for _, dir := range configDirs(t) {
		want := readExpect(t, dir)
		if want.Error != "" {
			continue
		}
		findings, err := config.Lint(want.sources(dir))
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, config.FormatSARIF(&out, findings))
		doc, err := jsonschema.UnmarshalJSON(&out)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(doc), dir)
	}
	bad, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version":"2.1.0","runs":[{"tool":{"driver":{}},"results":[]}]}`))
	require.NoError(t, err)
	require.Error(t, schema.Validate(bad), "the schema refuses what is wrong")
}

func TestSettingsMarkdown(t *testing.T) {
	t.Parallel()
	got, err := config.SettingsMarkdown()
	require.NoError(t, err)
	golden(t, "../../../docs/settings.md", got)
	settings, err := config.Settings()
	require.NoError(t, err)
	for _, s := range settings {
		assert.Contains(t, string(got), "### `"+s.Name+"`")
	}
}
