package source_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/dotenv"

	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// marker is what the secrets of the fixtures have in common: where it stands for
// a secret, no output may have it.
const marker = "sekrit-0123456789abcdef"

var shell = map[string]string{"HOME": "/home/me", "EMPTY": ""}

func find(name string) (string, bool) { v, ok := shell[name]; return v, ok }

// set are the variables that are set.
func set(entries []*source.Entry) map[string]string {
	out := map[string]string{}
	for _, e := range entries {
		if e.Set {
			out[e.Name] = e.Value
		}
	}
	return out
}

// seed adds the files of the fixtures with one of these names.
func seed(f *testing.F, patterns ...string) {
	f.Helper()
	for _, p := range patterns {
		paths, err := filepath.Glob(filepath.Join("../../../fixtures/configs", "*", p))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
}

// look lints one file and fails when a secret of it is printed, a place lies
// outside of the file, or an edit cannot be made.
func look(t *testing.T, dir, name string, text []byte, s source.Sources) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.Blueprint == "" {
		s.Files = []string{path}
	}
	b, findings, err := troubleshooting.Load(s)
	if err != nil {
		if strings.Contains(err.Error(), marker) {
			t.Fatalf("the error prints a secret: %v", err)
		}
		return
	}
	secrets := b.Secrets()
	for _, format := range report.Formats() {
		var out bytes.Buffer
		if err := report.Format(&out, format, findings, 0); err != nil {
			t.Fatal(err)
		}
		leaked(t, format, out.String(), secrets)
	}
	lines := bytes.Count(text, []byte("\n")) + 1
	for _, f := range findings {
		if f.Line < 0 || f.Column < 0 || f.File == path && f.Line > lines {
			t.Fatalf("%s stands at %d:%d of %d lines", f.Code, f.Line, f.Column, lines)
		}
	}
	fixed, err := source.Fix(findings)
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range fixed {
		leaked(t, "diff", source.Diff(text, after, path), secrets)
	}
}

func leaked(t *testing.T, where, out string, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(s, marker) && strings.Contains(out, marker) {
			t.Fatalf("%s prints a secret:\n%s", where, out)
		}
	}
}

// No compose file makes the reader panic, hang or print a secret.
func FuzzCompose(f *testing.F) {
	seed(f, "compose.yaml", "override.yaml")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		look(t, dir, "compose.yaml", text, source.Sources{Environ: shell})
	})
}

// No env file does; and what Compose reads of one is what we read of it.
func FuzzEnv(f *testing.F) {
	seed(f, "*.env", ".env")
	f.Add([]byte("A=$HOME\nB=${NO:-d}\nexport C='x'\nD=\"\\0101 \\n\""))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		look(t, dir, "paperless.env", text, source.Sources{Environ: shell})
		file, err := source.NewFile("x.env", text)
		if err != nil || !utf8.Valid(text) {
			return
		}
		want, err := dotenv.ParseWithLookup(bytes.NewReader(text), find)
		entries, problems := source.ReadEnvFile(file, find)
		if err != nil || len(problems) > 0 {
			return
		}
		got := set(entries)
		for name, v := range want {
			if name == "" { // a lone word that is no name: nothing reads it
				continue
			}
			if g, ok := got[name]; !ok || g != v {
				t.Fatalf("%q: Compose reads %q, we read %q (%v)", name, v, g, ok)
			}
		}
	})
}

// No paperless.conf does.
func FuzzConf(f *testing.F) {
	seed(f, "paperless.conf", "*.env")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		look(t, dir, "paperless.conf", text, source.Sources{Environ: shell})
	})
}

// No blueprint does.
func FuzzBlueprint(f *testing.F) {
	seed(f, "blueprint.yaml")
	text, err := os.ReadFile("../authentik/blueprint/testdata/people.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	dir := f.TempDir()
	compose := "../../../fixtures/configs/right-blueprint/compose.yaml"
	f.Fuzz(func(t *testing.T, text []byte) {
		look(t, dir, "blueprint.yaml", text, source.Sources{Files: []string{compose}, Blueprint: filepath.Join(dir, "blueprint.yaml"), Environ: shell})
	})
}

// What Go takes for JSON, the parser takes; it never points outside of the text,
// and a fix that it is sure of gets further.
func FuzzProviders(f *testing.F) {
	for _, s := range []string{
		`{"openid_connect": {"APPS": [{"provider_id": "a", "secret": "` + marker + `"}]}}`, `{"a": 1,}`, `{'a': True}`, `[1 2]`, `{“a”: 1}`, `{"a"="\u00e4\ud83d\ude00"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := source.ParseJSON(text)
		if err == nil {
			return
		}
		if utf8.ValidString(text) && json.Valid([]byte(text)) && !strings.Contains(err.Text, "deep") {
			t.Fatalf("%s at %d of valid JSON", err.Text, err.At)
		}
		if err.At < 0 || err.At > len(text) || err.Cut < 0 || err.Sure && err.At+err.Cut > len(text) {
			t.Fatalf("the place %d+%d lies outside of %d bytes", err.At, err.Cut, len(text))
		}
		if strings.Contains(err.Text+err.Fix, marker) {
			t.Fatalf("the error prints a secret: %s %s", err.Text, err.Fix)
		}
	})
}
