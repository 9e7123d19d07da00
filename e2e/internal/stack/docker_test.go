//go:build docker

package stack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/stack/standins"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// built is what all tests use: the edge, and stand-in images.
type built struct {
	dir      string
	edge     string
	versions *deployment.Versions
}

// images are built once: every test runs on the same.
var images = sync.OnceValues(func() (built, error) {
	dir, err := os.MkdirTemp("", "ssocheck-test-")
	if err != nil {
		return built{}, err
	}
	b := built{dir: dir, edge: filepath.Join(dir, "edge")}
	ctx, program := context.Background(), filepath.Join(dir, "standin")
	if err := errors.Join(stack.Build(ctx, stack.EdgeCommand, b.edge), stack.Build(ctx, standins.Command, program)); err != nil {
		return b, err
	}
	b.versions, err = standins.Build(ctx, slog.New(slog.DiscardHandler), program, "2.20.15", "2025.8.1", "3.0.5", "2026.2.3")
	return b, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if b, err := images(); err == nil {
		_ = os.RemoveAll(b.dir)
	}
	os.Exit(code)
}

func options(t *testing.T, more ...stack.Option) []stack.Option {
	t.Helper()
	b, err := images()
	require.NoError(t, err)
	return append([]stack.Option{
		stack.WithVersions(b.versions), stack.WithBinary(b.edge), stack.WithCache("-"), stack.WithProgress(func(s string) { t.Log(s) }),
	}, more...)
}

func guide(t *testing.T, plant ...string) *deployment.Deployment {
	t.Helper()
	b, err := deployment.Default()
	require.NoError(t, err)
	for _, code := range plant {
		item := troubleshooting.Find(code)
		require.NotNil(t, item, code)
		item.Plant(b)
	}
	return b
}

// left are the containers, networks and volumes of a run, or of all.
func left(t *testing.T, label string) []string {
	t.Helper()
	var out []string
	for _, args := range [][]string{
		{"ps", "-a", "--format", "{{.Names}}"}, {"network", "ls", "--format", "{{.Name}}"}, {"volume", "ls", "--format", "{{.Name}}"},
	} {
		text, err := exec.CommandContext(context.Background(), "docker", append(args, "--filter", "label="+label)...).CombinedOutput()
		require.NoError(t, err, string(text))
		out = append(out, strings.Fields(string(text))...)
	}
	return out
}

func open(t *testing.T, more ...stack.Option) *stack.Stack {
	t.Helper()
	s, err := stack.New(t.Context(), options(t, more...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, s.Close())
		assert.Empty(t, left(t, "ssocheck.run="+s.ID()), "something is left")
	})
	return s
}

func start(t *testing.T, s *stack.Stack, b *deployment.Deployment, variant string) *target.Target {
	t.Helper()
	tg, err := s.Start(t.Context(), b, variant)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, tg.Close()) })
	return tg
}

func get(t *testing.T, tg *target.Target, url string) (int, string) {
	t.Helper()
	c, err := tg.Client()
	require.NoError(t, err)
	res, err := c.Get(url)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func TestDockerPair(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := guide(t)
	tg := start(t, s, b, "")
	require.True(t, tg.Boot.Up, tg.Boot.Log)
	assert.Equal(t, target.Stack, tg.Kind)

	status, body := get(t, tg, b.Paperless.URL+"/accounts/login/")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "/accounts/oidc/authentik/login/")
	status, body = get(t, tg, b.Authentik.URL+"/application/o/paperless/.well-known/openid-configuration")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `"issuer":`)
	assert.Contains(t, body, "https://authentik.example.com/application/o/paperless/", "the names are the user's own")
	status, _ = get(t, tg, "http://paperless.example.com/")
	assert.Equal(t, http.StatusMovedPermanently, status, "port 80 leads to https")

	xs := tg.Exchanges()
	require.NotEmpty(t, xs)
	assert.Equal(t, oidc.Front, xs[0].Channel)
	assert.Equal(t, "https", xs[0].Headers["X-Forwarded-Proto"])
	lines, err := tg.Logs(t.Context())
	require.NoError(t, err)
	sources := map[string]bool{}
	for _, l := range lines {
		sources[l.Source] = true
		assert.NotContains(t, l.Text, "paperless-client-secret", "a secret in the log")
	}
	assert.True(t, sources["paperless"] && sources["authentik"], "%v", sources)

	uris, err := tg.Registered(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{b.RedirectURI()}, uris)
	_, err = tg.Events(t.Context())
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Paperless.URL+"/accounts/login/", nil)
	require.NoError(t, err)
	res, err := tg.Direct(r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Len(t, tg.Exchanges(), len(xs), "what is asked directly does not pass the edge")

	require.NoError(t, tg.Close())
	require.NoError(t, tg.Close(), "safe to call twice")
}

// TestDockerOneAuthentik shows that pairs share an authentik as long as they want the
// same of it, and that an idle one is configured anew.
func TestDockerOneAuthentik(t *testing.T) {
	t.Parallel()
	s := open(t, stack.WithNetworks(2))
	authentiks := func() int {
		n := 0
		for _, name := range left(t, "ssocheck.run="+s.ID()) {
			if strings.HasSuffix(name, "-server") {
				n++
			}
		}
		return n
	}
	var wg sync.WaitGroup
	targets := make([]*target.Target, 2)
	for i := range targets {
		wg.Go(func() {
			b := guide(t)
			b.Paperless.Env["PAPERLESS_APP_TITLE"] = fmt.Sprintf("number %d", i)
			tg, err := s.Start(t.Context(), b, fmt.Sprintf("variant-%d", i))
			if assert.NoError(t, err) {
				targets[i] = tg
			}
		})
	}
	wg.Wait()
	require.False(t, t.Failed())
	assert.Equal(t, 1, authentiks(), "two pairs, one authentik")
	b := guide(t)
	for _, tg := range targets {
		status, _ := get(t, tg, b.Authentik.URL+"/application/o/paperless/.well-known/openid-configuration")
		assert.Equal(t, http.StatusOK, status)
	}

	other := guide(t, "RED-SLASH")
	tg := start(t, s, other, "other")
	assert.Equal(t, 2, authentiks(), "another blueprint, while the first is in use")
	uris, err := tg.Registered(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{strings.TrimSuffix(b.RedirectURI(), "/")}, uris)
	require.NoError(t, tg.Close())

	again := start(t, s, guide(t, "RED-HOST"), "again")
	assert.Equal(t, 2, authentiks(), "an idle one is configured anew")
	uris, err = again.Registered(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, []string{b.RedirectURI()}, uris)
	for _, tg := range targets {
		require.NoError(t, tg.Close())
	}
}

// TestDockerStopped shows that a Paperless which stops by its configuration is a verdict.
func TestDockerStopped(t *testing.T) {
	t.Parallel()
	s := open(t)
	tg := start(t, s, guide(t, "CFG-JSON"), "")
	assert.False(t, tg.Boot.Up)
	require.NotNil(t, tg.Boot.Exit)
	assert.Equal(t, 1, *tg.Boot.Exit)
	text := strings.Join(tg.Boot.Log, "\n")
	assert.Contains(t, text, "json.decoder.JSONDecodeError")
	assert.NotContains(t, text, "paperless-client-secret")
}

// TestDockerRefusedBlueprint shows that a blueprint which authentik refuses is told,
// and no error of the tester.
func TestDockerRefusedBlueprint(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := guide(t)
	b.Authentik.Raw = []byte("version: 1\nmetadata: {name: broken}\nentries:\n  - model: authentik_providers_oauth2.oauth2provider\n    identifiers: [\n")
	model := b.Authentik.Model
	b.Authentik.RawModel = &model
	tg := start(t, s, b, "")
	status, _ := get(t, tg, b.Authentik.URL+"/application/o/paperless/.well-known/openid-configuration")
	assert.Equal(t, http.StatusNotFound, status)
	lines, err := tg.Logs(t.Context())
	require.NoError(t, err)
	assert.True(t, func() bool {
		for _, l := range lines {
			if strings.Contains(l.Text, "authentik.blueprints.v1.importer") {
				return true
			}
		}
		return false
	}(), "the reason stands in the log")
}

// TestDockerInterrupted shows that a start which is cut short leaves nothing, wherever
// that happens.
func TestDockerInterrupted(t *testing.T) {
	t.Parallel()
	for at, more := range map[string][]stack.Option{
		"until the database": nil, "until the broker": nil, "until Paperless answers": nil, "until authentik says": nil,
		"until authentik says that it is ready": {stack.WithKeep("")}, // nobody asked for half of a pair
	} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("Ctrl-C")
			s, err := stack.New(ctx, options(t, append(more, stack.WithProgress(func(text string) {
				if strings.Contains(text, at) {
					cancel(stop)
				}
			}))...)...)
			require.NoError(t, err)
			began := time.Now()
			_, err = s.Start(ctx, guide(t), "")
			require.ErrorIs(t, err, stop)
			require.NoError(t, s.Close())
			assert.Empty(t, left(t, "ssocheck.run="+s.ID()))
			assert.Less(t, time.Since(began), time.Minute)
		})
	}
}

// TestDockerLinks shows that social accounts are there before the first check.
func TestDockerLinks(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := guide(t, "LINK-STALESUB")
	require.NotEmpty(t, b.Paperless.Links)
	tg := start(t, s, b, "")
	require.True(t, tg.Boot.Up)
	status, _ := get(t, tg, b.Paperless.URL+"/accounts/login/")
	assert.Equal(t, http.StatusOK, status)
}

func TestDockerNoImage(t *testing.T) {
	t.Parallel()
	const image = "localhost:1/no/such/paperless:0"
	s := open(t, stack.WithImages(stack.Overrides{Paperless: image}))
	_, err := s.Start(t.Context(), guide(t), "")
	require.ErrorIs(t, err, stack.ErrImage)
	assert.Contains(t, err.Error(), "docker pull "+image)
	assert.NotContains(t, err.Error(), "\n")
}

// TestDockerDown removes what a killed run left.
func TestDockerDown(t *testing.T) {
	s, err := stack.New(t.Context(), options(t, stack.WithKeep(""))...)
	require.NoError(t, err)
	tg, err := s.Start(t.Context(), guide(t), "")
	require.NoError(t, err)
	require.NoError(t, tg.Close())
	require.NoError(t, s.Close(), "kept")
	assert.NotEmpty(t, left(t, "ssocheck.run="+s.ID()))
	gone, err := stack.Down(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, gone.Containers, 7)
	assert.Positive(t, gone.Networks)
	assert.Empty(t, left(t, "ssocheck"))
}

// TestDockerKeep shows that an upgrade finds the accounts of before: new
// versions on the databases that the old ones left.
func TestDockerKeep(t *testing.T) {
	s := open(t)
	b := guide(t)
	old, err := s.Start(t.Context(), b, "")
	require.NoError(t, err)
	subject := subjectOf(t, old, b)
	require.Error(t, s.Keep(t.Context(), ""), "it still runs")
	require.NoError(t, old.Close())
	require.NoError(t, s.Keep(t.Context(), ""))

	b.Paperless.Version, b.Authentik.Version = "3.0.5", "2026.2.3"
	b.Paperless.Env["PAPERLESS_SECRET_KEY"] = "paperless-secret-key-0123456789abcdef"
	b.Paperless.Users = b.Paperless.Users[:1]
	now := start(t, s, b, "")
	require.True(t, now.Boot.Up, now.Boot.Log)
	assert.Equal(t, subject, subjectOf(t, now, b), "the accounts are those of before")
}

// BenchmarkDockerStart measures a start on empty databases against one on kept
// ones, on the stand-ins or, with SSO_REAL=1, on the real images.
func BenchmarkDockerStart(b *testing.B) {
	made, err := images()
	require.NoError(b, err)
	opts := []stack.Option{stack.WithBinary(made.edge), stack.WithCache(b.TempDir())}
	if os.Getenv("SSO_REAL") == "" {
		opts = append(opts, stack.WithVersions(made.versions))
	}
	for _, kind := range []string{"cold", "warm"} {
		b.Run(kind, func(b *testing.B) {
			for range b.N {
				more := opts
				if kind == "cold" {
					more = append(more[:len(more):len(more)], stack.WithCold())
				}
				bundle, err := deployment.Default()
				require.NoError(b, err)
				tg, err := stack.Start(b.Context(), bundle, more...)
				require.NoError(b, err)
				b.StopTimer()
				require.NoError(b, tg.Close())
				b.StartTimer()
			}
		})
	}
}
