//go:build docker

package stack_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestDockerWarm shows that a second start is made from the first one's databases.
func TestDockerWarm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	said := func() (func(string), func(string) bool) {
		var mu sync.Mutex
		var all []string
		return func(s string) {
				mu.Lock()
				defer mu.Unlock()
				all = append(all, s)
			}, func(part string) bool {
				mu.Lock()
				defer mu.Unlock()
				return strings.Contains(strings.Join(all, "\n"), part)
			}
	}
	run := func(more ...stack.Option) func(string) bool {
		hear, heard := said()
		s := open(t, append([]stack.Option{stack.WithCache(dir), stack.WithProgress(hear)}, more...)...)
		tg := start(t, s, guide(t), "")
		status, _ := get(t, tg, "https://authentik.example.com/application/o/paperless/.well-known/openid-configuration")
		assert.Equal(t, http.StatusOK, status)
		require.NoError(t, tg.Close())
		require.NoError(t, s.Close())
		return heard
	}
	heard := run()
	assert.False(t, heard("an earlier start"))
	kept, err := stack.Cached(dir)
	require.NoError(t, err)
	require.Len(t, kept, 3)
	products := map[string]string{}
	for _, k := range kept {
		if k.SetUp {
			assert.Equal(t, "authentik", k.Product)
			continue
		}
		products[k.Product] = k.Version
		assert.Positive(t, k.Bytes)
		info, err := os.Stat(k.Dir)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "it holds password hashes")
	}
	assert.Equal(t, map[string]string{"paperless": "2.20.15", "authentik": "2025.8.1"}, products)

	heard = run()
	assert.True(t, heard("database paperless-1 is read from an earlier start"))
	assert.True(t, heard("database authentik-1 is read from an earlier start"))
	assert.True(t, heard("our blueprint was applied to that database in an earlier start"))
	heard = run(stack.WithCold())
	assert.False(t, heard("an earlier start"))

	for _, k := range kept { // cut off by a crash
		require.NoError(t, os.WriteFile(k.Dir+"/database.dump", []byte("PGDMP{"), 0o600))
	}
	heard = run()
	assert.True(t, heard("that cannot be read, and is removed"))

	require.NoError(t, stack.ClearCache(dir))
	kept, err = stack.Cached(dir)
	require.NoError(t, err)
	assert.Empty(t, kept)
}

// TestDockerAgain: each variant booted whole. Now one does, and the others are its web
// server with another setting, each on a database of its own; the evidence says so. One
// that differs in more than that boots by itself.
func TestDockerAgain(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var said []string
	s := open(t, stack.WithNetworks(3), stack.WithProgress(func(text string) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, text)
	}))
	b := guide(t)
	plan := s.Plan(t.Context(), b, []string{"as-configured", "sso-only", "other"})
	only, other := b.Clone(), b.Clone()
	only.Paperless.Env[deployment.DisableRegularLogin] = "true"
	other.Paperless.Env["PAPERLESS_TIME_ZONE"] = "Asia/Tokyo"
	got := map[string]*target.Target{}
	var wg sync.WaitGroup
	for name, one := range map[string]*deployment.Deployment{"sso-only": only, "other": other, "as-configured": b} {
		wg.Go(func() {
			tg, err := s.Start(t.Context(), one, name)
			if assert.NoError(t, err, name) {
				mu.Lock()
				defer mu.Unlock()
				got[name] = tg
			}
		})
	}
	wg.Wait()
	require.Len(t, got, 3)
	for _, tg := range got {
		t.Cleanup(func() { assert.NoError(t, tg.Close()) })
		require.True(t, tg.Boot.Up)
	}
	assert.Empty(t, got["as-configured"].Boot.How, "what is tested boots as it does anywhere")
	assert.Empty(t, got["other"].Boot.How)
	assert.Contains(t, got["sso-only"].Boot.How, "the web server of paperless-1, started once more with PAPERLESS_DISABLE_REGULAR_LOGIN=true")

	_, page := get(t, got["sso-only"], "https://paperless.example.com/accounts/login/")
	assert.NotContains(t, page, `type="password"`, "the setting counts")
	_, page = get(t, got["as-configured"], "https://paperless.example.com/accounts/login/")
	assert.Contains(t, page, `type="password"`, "and there alone")
	all := strings.Join(said, "\n")
	require.Len(t, plan, 2)
	assert.Contains(t, plan[0], "paperless-1 boot side by side; when paperless-1 is up, its web server is started once more for each of sso-only, other")
	assert.Contains(t, plan[1], "expected: ")
	assert.Contains(t, all, "paperless-3: boots by itself (other): PAPERLESS_TIME_ZONE is not read by the web server alone")
}

// subjectOf are the names of Paperless's accounts, as the administrator sees them.
func subjectOf(t *testing.T, tg *target.Target, b *deployment.Deployment) string {
	t.Helper()
	admin, _ := b.LocalUser("admin")
	c, err := tg.Client()
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Paperless.URL+"/api/users/", nil)
	require.NoError(t, err)
	r.SetBasicAuth(admin.Username, admin.Password)
	res, err := c.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	var page struct{ Results []struct{ Username string } }
	require.NoError(t, json.NewDecoder(res.Body).Decode(&page))
	require.NotEmpty(t, page.Results)
	var names []string
	for _, u := range page.Results {
		names = append(names, u.Username)
	}
	return strings.Join(names, " ")
}

// TestDockerDumps starts on databases that somebody else set up.
func TestDockerDumps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, stack.WithCache(dir))
	require.NoError(t, start(t, first, guide(t), "").Close())
	require.NoError(t, first.Close())
	kept, err := stack.Cached(dir)
	require.NoError(t, err)
	var dumps stack.Dumps
	for _, k := range kept {
		text, err := os.ReadFile(filepath.Join(k.Dir, "database.dump"))
		require.NoError(t, err)
		if k.Product == "paperless" {
			dumps.Paperless = text
		} else {
			dumps.Authentik = text
		}
	}
	s := open(t, stack.WithDumps(dumps))
	b := guide(t)
	for i := range b.Paperless.Users {
		if b.Paperless.Users[i].Superuser {
			b.Paperless.Users[i].Password = "another-password-2k9x" // not that of the dump
		}
	}
	tg := start(t, s, b, "")
	assert.Contains(t, subjectOf(t, tg, b), "admin")
	_, err = tg.Registered(t.Context())
	require.NoError(t, err, "the API token is ours, though the database is not")
}

// TestDockerSQLite starts on a SQLite file, and hands what became of it to the next version.
func TestDockerSQLite(t *testing.T) {
	t.Parallel()
	file := []byte("SQLite format 3\x00{}")
	s := open(t, stack.WithDumps(stack.Dumps{Paperless: file}))
	b := guide(t)
	assert.Contains(t, strings.Join(s.Added(b), "\n"), "db.sqlite3")
	tg := start(t, s, b, "")
	before := subjectOf(t, tg, b)
	assert.Contains(t, before, "admin")
	require.NoError(t, tg.Close())
	require.NoError(t, s.Keep(t.Context(), ""))
	newer := guide(t)
	newer.Paperless.Version = "3.0.5"
	newer.Paperless.Env["PAPERLESS_SECRET_KEY"] = strings.Repeat("k", 50)
	assert.Equal(t, before, subjectOf(t, start(t, s, newer, ""), newer), "the same accounts, in the same order")
	assert.Equal(t, "SQLite format 3\x00{}", string(file), "the original is only read")
}
