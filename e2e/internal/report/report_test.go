package report

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

var update = flag.Bool("update", false, "write the golden files")

var fingerprint = regexp.MustCompile(`…[0-9a-f]{6}`)

// golden compares with a file. Fingerprints differ from run to run by intent.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	got = fingerprint.ReplaceAll(got, []byte("…######"))
	path := filepath.Join("testdata", "golden", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoErrorf(t, err, "create it with: go test ./e2e/internal/report -run %s -update", t.Name())
	assert.Equal(t, string(want), string(got))
}

func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, write(&buf))
	return buf.Bytes()
}

func samples(tb testing.TB) map[string]*runner.Run {
	tb.Helper()
	return map[string]*runner.Run{
		"pass": passingRun(tb), "fail": slashRun(tb), "boot": bootRun(tb), "error": errorRun(tb), "upgrade": upgradeRun(tb), "big": bigRun(tb),
	}
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	for name, run := range samples(t) {
		if name == "big" {
			continue // too long to be read in review
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep := New(run)
			where := "report/index.html"
			golden(t, name+".txt", written(t, func(w io.Writer) error { return rep.Text(w, TextOptions{Report: where}) }))
			golden(t, name+".junit.xml", written(t, rep.JUnit))
			// The bundle belongs to render, which changes by itself; that it is
			// redacted is a test of its own.
			rep.Bundle = nil
			for i := range rep.Checks {
				rep.Checks[i].Bundle = nil
			}
			golden(t, name+".json", written(t, rep.JSON))
		})
	}
}

// A report of before exchanges said what they were for is read as one that does.
func TestReadStampsExchanges(t *testing.T) {
	t.Parallel()
	r, err := Read(strings.NewReader(`{"schema": "ssocheck/report/v1", "checks": [{"id": "round-trip", "status": "fail", "evidence":
		{"exchanges": [{"seq": 1, "channel": "back", "to": "authentik", "method": "POST", "url": "https://a.example/application/o/token/", "status": 400}]}}]}`))
	require.NoError(t, err)
	x := r.Checks[0].Evidence.Find(oidc.Back, "authentik", oidc.Token)
	require.NotNil(t, x)
	assert.Equal(t, 400, x.Status)
}
