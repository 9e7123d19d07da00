package source

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What Compose does to a value on its way into the container, and where lint
// says that the value stands.
func TestComposeBehaviour(t *testing.T) {
	t.Parallel()
	const image = "    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n"
	web := func(environment string) string {
		return "services:\n  web:\n" + image + "    environment:\n" + environment
	}
	tests := map[string]struct {
		files   map[string]string // compose.yaml first
		order   []string          // compose files; nil: compose.yaml
		service string
		want    string // value of PAPERLESS_URL
		at      string // file:line:column of its definition
	}{
		"mapping":                      {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: https://a\n")}, want: "https://a", at: "compose.yaml:5:7"},
		"list":                         {files: map[string]string{"compose.yaml": web("      - PAPERLESS_URL=https://a\n")}, want: "https://a", at: "compose.yaml:5:9"},
		"list, quoted":                 {files: map[string]string{"compose.yaml": web("      - \"PAPERLESS_URL=https://a\"\n")}, want: "https://a", at: "compose.yaml:5:10"},
		"list, quotes inside":          {files: map[string]string{"compose.yaml": web("      - PAPERLESS_URL=\"https://a\"\n")}, want: `"https://a"`, at: "compose.yaml:5:9"},
		"interpolation":                {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: https://${HOST_NAME}\n"), ".env": "HOST_NAME=a\n"}, want: "https://a", at: "compose.yaml:5:7"},
		"without braces":               {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: https://$HOST_NAME/x\n"), ".env": "HOST_NAME=a\n"}, want: "https://a/x", at: "compose.yaml:5:7"},
		"shell before .env":            {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: https://$HOME\n"), ".env": "HOME=a\n"}, want: "https:///home/me", at: "compose.yaml:5:7"},
		"default":                      {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: ${NO:-https://a}\n")}, want: "https://a", at: "compose.yaml:5:7"},
		"default when unset":           {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: \"${EMPTY-https://a}\"\n")}, want: "", at: "compose.yaml:5:7"},
		"replacement":                  {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: ${HOME:+https://a}\n")}, want: "https://a", at: "compose.yaml:5:7"},
		"nested default":               {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: ${NO:-${NEITHER:-https://a}}\n")}, want: "https://a", at: "compose.yaml:5:7"},
		"two dollars":                  {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: https://a$$b\n")}, want: "https://a$b", at: "compose.yaml:5:7"},
		"single quotes do not stop it": {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: 'https://$HOME'\n")}, want: "https:///home/me", at: "compose.yaml:5:7"},
		"unset":                        {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: https://a$NO\n")}, want: "https://a", at: "compose.yaml:5:7"},
		"env_file":                     {files: map[string]string{"compose.yaml": "services:\n  web:\n" + image + "    env_file: x.env\n", "x.env": "# c\nPAPERLESS_URL='https://a'\n"}, want: "https://a", at: "x.env:2:1"},
		"env_file, several":            {files: map[string]string{"compose.yaml": "services:\n  web:\n" + image + "    env_file:\n      - x.env\n      - path: y.env\n        required: false\n", "x.env": "PAPERLESS_URL=https://a\n", "y.env": "PAPERLESS_URL=https://b\n"}, want: "https://b", at: "y.env:1:1"},
		"environment wins":             {files: map[string]string{"compose.yaml": "services:\n  web:\n" + image + "    env_file: x.env\n    environment:\n      PAPERLESS_URL: https://b\n", "x.env": "PAPERLESS_URL=https://a\n"}, want: "https://b", at: "compose.yaml:6:7"},
		"env_file, $ in single quotes": {files: map[string]string{"compose.yaml": "services:\n  web:\n" + image + "    env_file: x.env\n", "x.env": "PAPERLESS_URL='https://$HOME'\n"}, want: "https://$HOME", at: "x.env:1:1"},
		".env as env_file":             {files: map[string]string{"compose.yaml": "services:\n  web:\n" + image + "    env_file: .env\n", ".env": "PAPERLESS_URL=https://a\n"}, want: "https://a", at: ".env:1:1"},
		"passed through":               {files: map[string]string{"compose.yaml": web("      - PAPERLESS_URL\n"), ".env": "PAPERLESS_URL=https://a\n"}, want: "https://a", at: "compose.yaml:5:9"},
		"anchor":                       {files: map[string]string{"compose.yaml": "x-env: &env\n  PAPERLESS_URL: https://a\nservices:\n  web:\n" + image + "    environment: *env\n"}, want: "https://a", at: "compose.yaml:2:3"},
		"merge":                        {files: map[string]string{"compose.yaml": "x-env: &env\n  PAPERLESS_URL: https://a\nservices:\n  web:\n" + image + "    environment:\n      <<: *env\n      X: y\n"}, want: "https://a", at: "compose.yaml:2:3"},
		"merge, overridden":            {files: map[string]string{"compose.yaml": "x-env: &env\n  PAPERLESS_URL: https://a\nservices:\n  web:\n" + image + "    environment:\n      <<: *env\n      PAPERLESS_URL: https://b\n"}, want: "https://b", at: "compose.yaml:8:7"},
		"extends":                      {files: map[string]string{"compose.yaml": "services:\n  base:\n    environment:\n      PAPERLESS_URL: https://a\n  web:\n" + image + "    extends: base\n"}, service: "web", want: "https://a", at: "compose.yaml:4:7"},
		"extends a file":               {files: map[string]string{"compose.yaml": "services:\n  web:\n" + image + "    extends: {file: base.yaml, service: base}\n", "base.yaml": "services:\n  base:\n    environment:\n      - PAPERLESS_URL=https://a\n"}, want: "https://a", at: "base.yaml:4:9"},
		"include":                      {files: map[string]string{"compose.yaml": "include:\n  - other.yaml\n", "other.yaml": web("      PAPERLESS_URL: https://a\n")}, want: "https://a", at: "other.yaml:5:7"},
		"several files":                {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: https://a\n"), "override.yaml": "services:\n  web:\n    environment:\n      - PAPERLESS_URL=https://b\n"}, order: []string{"compose.yaml", "override.yaml"}, want: "https://b", at: "override.yaml:4:9"},
		"the other order":              {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: https://a\n"), "override.yaml": "services:\n  web:\n    environment:\n      - PAPERLESS_URL=https://b\n"}, order: []string{"override.yaml", "compose.yaml"}, want: "https://a", at: "compose.yaml:5:7"},
		"boolean":                      {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: true\n")}, want: "true", at: "compose.yaml:5:7"},
		"yes is a word":                {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: yes\n")}, want: "yes", at: "compose.yaml:5:7"},
		"number":                       {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: 8000\n")}, want: "8000", at: "compose.yaml:5:7"},
		"folded":                       {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: >\n        a\n        b\n")}, want: "a b\n", at: "compose.yaml:5:7"},
		"folded, stripped":             {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: >-\n        a\n        b\n")}, want: "a b", at: "compose.yaml:5:7"},
		"folded, deeper lines":         {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: >-\n        a\n          b\n        c\n")}, want: "a\n  b\nc", at: "compose.yaml:5:7"},
		"literal":                      {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: |\n        a\n        b\n")}, want: "a\nb\n", at: "compose.yaml:5:7"},
		"double quotes":                {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL: \"a\\tb\"\n")}, want: "a\tb", at: "compose.yaml:5:7"},
		"by its variables":             {files: map[string]string{"compose.yaml": "services:\n  db:\n    image: postgres\n  dms:\n    image: my/own:1\n    environment:\n      PAPERLESS_URL: https://a\n"}, want: "https://a", at: "compose.yaml:7:7"},
		"named service":                {files: map[string]string{"compose.yaml": "services:\n  one:\n" + image + "    environment: {PAPERLESS_URL: https://a}\n  two:\n" + image + "    environment: {PAPERLESS_URL: https://b}\n"}, service: "two", want: "https://b", at: "compose.yaml:7:19"},
		"secret file":                  {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL_FILE: /run/secrets/url\n") + "    secrets: [url]\nsecrets:\n  url: {file: url.txt}\n", "url.txt": "https://a\n"}, want: "https://a", at: "url.txt:1:1"},
		"secret by a mount":            {files: map[string]string{"compose.yaml": web("      PAPERLESS_URL_FILE: /conf/url.txt\n") + "    volumes: [./conf:/conf]\n", "conf/url.txt": "https://a"}, want: "https://a", at: "conf/url.txt:1:1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range tt.files {
				path := filepath.Join(dir, file)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			}
			if tt.order == nil {
				tt.order = []string{"compose.yaml"}
			}
			s := Sources{Service: tt.service, Environ: Shell}
			for _, f := range tt.order {
				s.Files = append(s.Files, filepath.Join(dir, f))
			}
			sub, err := Read(s)
			require.NoError(t, err)
			require.NotNil(t, sub.Project.Model, "compose-go reads it")
			got, e := sub.Value("PAPERLESS_URL")
			require.NotNil(t, e)
			assert.Equal(t, tt.want, got)
			o := e.Origin()
			rel, err := filepath.Rel(dir, o.File)
			require.NoError(t, err)
			assert.Equal(t, tt.at, fmt.Sprintf("%s:%d:%d", rel, o.Line, o.Column))
		})
	}
}

// TestIncludeSaysNothing: compose-go writes what it cannot find behind a $ to the
// logger of the whole process. What it would find there may be a piece of a
// password, and the logger is our caller's: it is neither turned off nor fed.
func TestIncludeSaysNothing(t *testing.T) {
	var out syncBuffer
	log := logrus.StandardLogger()
	before := log.Out
	log.SetOutput(&out)
	defer log.SetOutput(before)
	for name, include := range map[string]string{
		"beside":   "  - more/other.yaml\n",
		"named":    "  - path: more/other.yaml\n    env_file: named.env\n",
		"listed":   "  - path: [more/other.yaml]\n    env_file: [named.env]\n",
		"variable": "  - path: more/other.yaml\n    env_file: ${WHICH:-named.env}\n",
		"nested":   "  - between.yaml\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "more"), 0o755))
			for file, text := range map[string]string{
				"compose.yaml":    "include:\n" + include,
				"between.yaml":    "include:\n  - more/other.yaml\n",
				"named.env":       "DB=pre$piece_of_a_password\n",
				"more/.env":       "DB=pre$piece_of_a_password\n",
				"more/other.yaml": "services:\n  web:\n    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n    environment:\n      PAPERLESS_URL: https://a\n",
			} {
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
			}
			set, err := Read(Sources{Files: []string{filepath.Join(dir, "compose.yaml")}})
			require.NoError(t, err)
			assert.Equal(t, "https://a", set.Deployment.Paperless.Env["PAPERLESS_URL"])
			assert.Empty(t, out.String())
		})
	}
	assert.Equal(t, io.Writer(&out), log.Out)
}

// syncBuffer is a buffer for a logger of the whole process.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
