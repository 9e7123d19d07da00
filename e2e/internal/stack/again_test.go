package stack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

func oneModel(t *testing.T) *model {
	t.Helper()
	b := onVersions(t, "2.20.15", "2025.8.1")
	env := map[string]string{"PAPERLESS_DBNAME": "paperless-1", "PAPERLESS_URL": "https://p.example.com", deployment.AutoSignup: "true"}
	return &model{
		of: &running{Container: Container{Name: "paperless-1"}, id: "first"}, env: env, bundle: b, image: "image",
		server: paperless.WebServer{Args: []string{"bash", "run"}, Env: map[string]string{
			"PAPERLESS_DBNAME": "paperless-1", "PAPERLESS_URL": "https://p.example.com", deployment.AutoSignup: "true", "GRANIAN_PORT": "8000",
		}},
	}
}

// TestModel: each variant booted whole, seven loads of Paperless's program, for one
// setting that the last of them reads.
func TestModel(t *testing.T) {
	t.Parallel()
	m := oneModel(t)
	c := Container{Name: "paperless-2", Image: "image", Env: map[string]string{
		"PAPERLESS_DBNAME": "paperless-2", "PAPERLESS_URL": "https://p.example.com", deployment.RedirectToSSO: "true",
	}}
	assert.Empty(t, m.differs(m.bundle, c.Env, "image"))
	got := m.again(c)
	assert.Equal(t, map[string]string{
		"PAPERLESS_DBNAME": "paperless-2", "PAPERLESS_URL": "https://p.example.com", deployment.RedirectToSSO: "true", "GRANIAN_PORT": "8000",
	}, got.Env, "what the start-up added stays, what the variant leaves out is left out")
	assert.Equal(t, []string{"bash", "run"}, got.Entrypoint)
	assert.Equal(t, "first", got.VolumesFrom)
	how := m.how(c.Env)
	assert.Contains(t, how, "the web server of paperless-1, started once more with PAPERLESS_REDIRECT_LOGIN_TO_SSO=true and without PAPERLESS_SOCIAL_AUTO_SIGNUP")
	assert.NotContains(t, how, "DBNAME")
}

// TestModelNotFor are variants that have to boot themselves.
func TestModelNotFor(t *testing.T) {
	t.Parallel()
	with := func(name, value string) map[string]string {
		return map[string]string{"PAPERLESS_DBNAME": "paperless-2", "PAPERLESS_URL": "https://p.example.com", deployment.AutoSignup: "true", name: value}
	}
	tests := map[string]struct {
		change func(*model, *deployment.Deployment)
		env    map[string]string
		image  string
		want   string
	}{
		"a setting of the start-up": {env: with("PAPERLESS_TIME_ZONE", "UTC"), want: "PAPERLESS_TIME_ZONE is not read by the web server alone"},
		"from a file": {env: with(deployment.RedirectToSSO, "true"), want: "comes from elsewhere", change: func(m *model, _ *deployment.Deployment) {
			m.server.Env[deployment.RedirectToSSO] = "false"
		}},
		"another image": {env: with("A", ""), image: "other", want: "another version"},
		"another file": {env: with("A", ""), want: "its files differ", change: func(_ *model, b *deployment.Deployment) {
			b.Paperless.Files = map[string]string{"/run/secret": "x"}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := oneModel(t)
			b := m.bundle.Clone()
			if tt.change != nil {
				tt.change(m, b)
			}
			if tt.image == "" {
				tt.image = "image"
			}
			assert.Contains(t, m.differs(b, tt.env, tt.image), tt.want)
		})
	}
}

// A first pair that never came up must not leave the others waiting.
func TestFamily(t *testing.T) {
	t.Parallel()
	f := &family{first: "", done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got := make(chan error, 1)
	go func() {
		_, err := f.wait(ctx)
		got <- err
	}()
	f.end(nil, errors.New("it stopped"))
	f.end(&model{}, nil) // the first word counts
	require.EqualError(t, <-got, "it stopped")
}

// TestSlots: a Paperless held its slot while it waited for authentik, and a machine
// of 16 cores booted no more than four.
func TestSlots(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cores, gigabytes, want int
	}{{1, 16, 2}, {2, 16, 2}, {8, 16, 8}, {16, 64, 8}, {8, 3, 2}, {8, 1, 1}, {4, 0, 4}} {
		assert.Equal(t, tt.want, sideBySide(tt.cores, int64(tt.gigabytes)<<30), "%d cores, %d GB", tt.cores, tt.gigabytes)
	}
}

func TestDataOf(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	require.NoError(t, writeTar(&buf, map[string][]byte{
		"data/.index_version": []byte("9\n"), "data/index/_MAIN_1.toc": []byte("toc"), "data/index/MAIN_WRITELOCK": nil,
		"data/log/paperless.log": []byte("secret"), "data/celerybeat-schedule.db": []byte("x"), "data/db.sqlite3": []byte("x"), "data/migration_lock": nil,
	}))
	files, err := dataOf(&buf)
	require.NoError(t, err)
	want := map[string][]byte{dataFolder + "/.index_version": []byte("9\n"), dataFolder + "/index/_MAIN_1.toc": []byte("toc")}
	assert.Equal(t, want, files)

	buf.Reset()
	require.NoError(t, writeTar(&buf, files))
	path := filepath.Join(t.TempDir(), dataFile)
	require.NoError(t, os.WriteFile(path, buf.Bytes(), 0o600))
	assert.Equal(t, want, readData(path), "as it was")
	assert.Nil(t, readData(path+"x"))
	require.NoError(t, os.WriteFile(path, []byte("cut off"), 0o600))
	assert.Nil(t, readData(path))
	_, err = tar.NewReader(bytes.NewReader(nil)).Next()
	require.Error(t, err)
}

// TestPrune: every configuration leaves a database with its blueprint, and a cache
// must not grow for ever.
func TestPrune(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range keepSetUps + 3 {
		require.NoError(t, write(filepath.Join(dir, fmt.Sprintf("authentik-%02d", i)), Kept{Product: "authentik", SetUp: true, Made: at.Add(time.Duration(i) * time.Hour)}, []byte("x")))
	}
	require.NoError(t, write(filepath.Join(dir, "authentik-first"), Kept{Product: "authentik", Made: at.Add(-time.Hour)}, []byte("x")))
	prune(dir)
	left, err := Cached(dir)
	require.NoError(t, err)
	assert.Len(t, left, keepSetUps+1)
	assert.Equal(t, "authentik-first", filepath.Base(left[len(left)-1].Dir), "that of a first start stays")
	assert.NoDirExists(t, filepath.Join(dir, "authentik-00"))
}

func TestResources(t *testing.T) {
	t.Parallel()
	assert.Zero(t, resources(0, 0), "as much as there is")
	assert.Equal(t, container.Resources{CPUShares: 64}, resources(64, 0))
	assert.Equal(t, container.Resources{CPUPeriod: 100_000, CPUQuota: 5_000}, resources(0, workerQuota))
}
