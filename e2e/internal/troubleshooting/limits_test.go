package troubleshooting

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// Files as large as they may be are read in bounded time.
func TestLargestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	var env, yaml bytes.Buffer
	yaml.WriteString("services:\n  p:\n    image: paperless-ngx/paperless-ngx:2.20.15\n    environment:\n")
	for i := range largestLines {
		fmt.Fprintf(&env, "PAPERLESS_X%d=$A%d\n", i, i)
		fmt.Fprintf(&yaml, "      PAPERLESS_X%d: a$$b\n", i)
	}
	for _, path := range []string{write("a.env", env.Bytes()), write("a.yaml", yaml.Bytes())} {
		_, err := Lint(source.Sources{Files: []string{path}})
		require.NoError(t, err, path)
	}
}

func BenchmarkLint(b *testing.B) {
	src := source.Sources{Files: []string{"../../../fixtures/configs/guide/compose.yaml"}}
	for b.Loop() {
		if _, err := Lint(src); err != nil {
			b.Fatal(err)
		}
	}
}

// A JSON error is shown where it is in the file, however the value is written.
var shell = map[string]string{"HOME": "/home/me", "EMPTY": ""}

func TestJSONPlaces(t *testing.T) {
	t.Parallel()
	const head = "services:\n  p:\n    image: paperless-ngx/paperless-ngx:2.20.15\n    environment:\n"
	tests := map[string]struct {
		text         string
		line, column int
	}{
		"folded":            {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: >\n        {\n          \"openid_connect\": {\n            \"APPS\": [],,\n          }\n        }\n", 8, 24},
		"literal":           {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: |\n        {\n          \"a\": 1,\n        }\n", 7, 17},
		"strip":             {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: >-\n        {\"a\": 1\n         \"b\": 2}\n", 6, 16},
		"indented":          {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: |2\n          {\"a\" 1}\n", 6, 15},
		"single quotes":     {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"a\": True}'\n", 5, 49},
		"doubled quotes":    {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"a''s\": True}'\n", 5, 52},
		"double quotes":     {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: \"{\\\"a\\\": True}\"\n", 5, 51},
		"several lines":     {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\n        \"a\": 1,\n        \"b\": None}'\n", 7, 14},
		"list":              {head + "      - 'PAPERLESS_SOCIALACCOUNT_PROVIDERS={\"a\": True}'\n", 5, 50},
		"list, bare":        {head + "      - PAPERLESS_SOCIALACCOUNT_PROVIDERS={\"a\":True}\n", 5, 48},
		"behind a variable": {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"a\": \"${HOME}$$\", \"b\": True}'\n", 5, 67},
		"unicode before":    {head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"äöü→\": True}'\n", 5, 52},
		"alias":             {"x-p: &p '{\"a\": True}'\n" + head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: *p\n", 1, 16},
		"quoted key":        {head + "      \"PAPERLESS_SOCIALACCOUNT_PROVIDERS\": '{\"a\": True}'\n", 5, 51},
		"comment above":     {head + "      # {\"x\": True}\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"a\": True}'\n", 6, 49},
		"flow mapping":      {strings.TrimSuffix(head, "\n") + " {PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"a\": True}'}\n", 4, 61},
		"several documents": {"---\n" + head + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"a\": True}'\n", 6, 49},
		"Windows, comments": {strings.ReplaceAll("# a\n"+head+"      # b\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"a\": True}' # c\n", "\n", "\r\n"), 7, 49},
		"Windows":           {strings.ReplaceAll(head+"      PAPERLESS_SOCIALACCOUNT_PROVIDERS: >\n        {\n          \"a\": True\n        }\n", "\n", "\r\n"), 7, 16},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "compose.yaml")
			require.NoError(t, os.WriteFile(path, []byte(tt.text), 0o600))
			findings, err := Lint(source.Sources{Files: []string{path}, Environ: shell})
			require.NoError(t, err)
			for _, f := range findings {
				if f.Code == "CFG-JSON" {
					assert.Equal(t, fmt.Sprint(tt.line, ":", tt.column), fmt.Sprint(f.Line, ":", f.Column), f.Message+"\n"+f.Source)
					return
				}
			}
			assert.Fail(t, "no CFG-JSON", "%+v", findings)
		})
	}
}
