package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// bench is one edge for several labs: they share one Chromium then.
type bench struct {
	edge    *edge.Edge
	lab     []lab.Option
	mu      sync.Mutex // guards browser
	browser *browser.Browser
	labs    int
	exposed bool // the browser is in the network of the machine
}

func newBench(t *testing.T) *bench {
	t.Helper()
	if _, err := browser.Find(false); err != nil {
		t.Fatalf("these tests need a browser: %v", err)
	}
	e, err := edge.Listen(edge.Options{Redactor: evidence.NewRedactor()})
	require.NoError(t, err)
	b := &bench{edge: e}
	t.Cleanup(func() {
		if b.browser != nil {
			assert.NoError(t, b.browser.Close())
		}
		assert.NoError(t, e.Close())
	})
	return b
}

func (b *bench) run(t *testing.T, o runner.Options) *runner.Run {
	t.Helper()
	b.labs++
	prefix := t.Name() + "/"
	o.Kind = target.Lab
	o.Start = func(ctx context.Context, bundle *deployment.Deployment, variant string) (*target.Target, error) {
		return lab.Start(ctx, bundle, append([]lab.Option{lab.WithEdge(b.edge, prefix+variant)}, b.lab...)...)
	}
	o.OpenBrowser = func(_ context.Context, tg *target.Target) (*browser.Browser, func(), error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		var err error
		if b.browser == nil {
			b.browser, err = browser.Open(context.Background(), browser.Options{Rules: tg.ResolverRules(), SPKI: tg.SPKI, Isolate: !b.exposed})
		}
		return b.browser, nil, err
	}
	trace := os.Getenv("SSO_TRACE") != ""
	o.Observe = func(e runner.Event) {
		switch {
		case !trace:
		case e.Kind == runner.Step:
			t.Logf("%s   %s", e.At.Format("05.000"), e.Step)
		case e.Kind == runner.Finished:
			t.Logf("%s %-20s %-16s %-6s %.2fs %s", e.At.Format("05.000"), e.Check.ID, e.Variant, e.Result.Status, e.Result.Seconds, e.Result.Message)
		}
	}
	r, err := runner.Do(t.Context(), o)
	require.NoError(t, err)
	return r
}

func TestDefaultOnLab(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	began := time.Now()
	r := b.run(t, runner.Options{Bundle: bundle(t)})
	t.Logf("the whole checklist took %v", time.Since(began))
	warns := map[string]bool{"permissions": true, "existing-user": true, "password-api": true}
	for _, res := range r.Results {
		want := check.Passed
		if warns[res.Check.ID] {
			want = check.Warned
		}
		assert.Equalf(t, want, res.Status, "%s@%s: %s\n%+v", res.Check.ID, res.Variant, res.Message, res.Record.Final)
	}
	assert.Empty(t, r.Error)
	assert.Equal(t, runner.Pass, r.Result())
	apply := 0
	for _, c := range checklist.All() {
		if c.Applies == nil || c.Applies(bundle(t)) {
			apply++
		}
	}
	assert.Len(t, r.Results, apply+1, "first-login runs twice")
	noSecrets(t, r)
}

// alone is a check without what it needs, so that a test is about this one.
func alone(c *check.Check) *check.Check {
	copied := *c
	copied.Needs = nil
	return &copied
}

// Each check is shown to fail, by the error of an operator that it is there for.
func TestMistakesOnLab(t *testing.T) {
	t.Parallel()
	env := func(pairs ...string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i+1] == "" {
					delete(b.Paperless.Env, pairs[i])
					continue
				}
				b.Paperless.Env[pairs[i]] = pairs[i+1]
			}
		}
	}
	redirect := func(uri string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.RedirectURIs[0].URL = uri })
		}
	}
	b := newBench(t)
	for _, tt := range []struct {
		name    string
		check   *check.Check
		mistake func(*deployment.Deployment)
		want    check.Status
		says    string
	}{
		{"broken JSON", checklist.LoginPage, env(deployment.ProvidersKey, "{"), check.Failed, "stopped by itself with exit code 1"},
		{"host not allowed", checklist.LoginPage, func(b *deployment.Deployment) {
			env("PAPERLESS_URL", "", "PAPERLESS_ALLOWED_HOSTS", "docs.example.com")(b)
		}, check.Failed, "Paperless answered 400"},
		{"provider app missing", checklist.LoginButton, env("PAPERLESS_APPS", ""), check.Failed, "shows no authentik button"},
		{"nothing left", checklist.LoginButton, env("PAPERLESS_APPS", "", deployment.DisableRegularLogin, "true"), check.Failed, "nobody can sign in"},
		{"slash lost", checklist.RoundTrip, redirect("https://paperless.example.com/accounts/oidc/authentik/login/callback"), check.Failed, "authentik answered 400 at /application/o/authorize/: Redirect URI Error"},
		{"wrong secret", checklist.RoundTrip, func(b *deployment.Deployment) {
			b.EditApp(func(app map[string]any) { app["secret"] = "another-secret-0123456789" })
		}, check.Failed, "Paperless shows its sign-in error page"},
		{"wrong slug", checklist.RoundTrip, func(b *deployment.Deployment) { b.Authentik.Applications[0].Slug = "papers" }, check.Failed, "Paperless answered 500"},
		{"person deactivated", checklist.RoundTrip, func(b *deployment.Deployment) { b.Authentik.Users[0].Inactive = true }, check.Failed, "did not accept the password of alice"},
		{"policy", checklist.RoundTrip, func(b *deployment.Deployment) { b.Authentik.Applications[0].Deny = true }, check.Failed, "authentik refused alice: Permission denied"},
		{"sign-up closed", checklist.RoundTrip, env("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "false"), check.Warned, "Sign Up Closed"},
		{"the guide's setting", checklist.FirstLogin, env(deployment.AutoSignup, "", "PAPERLESS_AUTO_CREATE", "true"), check.Failed, "PAPERLESS_AUTO_CREATE asks for an account"},
		{"name taken", checklist.FirstLogin, func(b *deployment.Deployment) {
			b.Paperless.Users = append(b.Paperless.Users, deployment.LocalUser{Username: "bob", Email: "bob.local@example.com", Password: "bob-local-pw-1q2w"})
		}, check.Failed, "got a second account"},
		{"no way back in", checklist.RedirectToSSO, env(deployment.RedirectToSSO, "on"), check.Failed, "nothing redirects to authentik"},
		{"old version", checklist.RedirectToSSO, func(b *deployment.Deployment) {
			b.Paperless.Version = "2.5.0"
			env(deployment.RedirectToSSO, "true")(b)
		}, check.Failed, "Paperless-ngx 2.5.0 does not know"},
		{"local form still there", checklist.SSOOnly, env("PAPERLESS_DISABLE_LOCAL_LOGIN", "true"), check.Failed, "still shows the form"},
		{"matched by e-mail", checklist.ExistingUser, func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { s["email_authentication"] = true })
		}, check.Failed, "reached the local account shared"},
		{"signed in again", checklist.Logout, env(deployment.RedirectToSSO, "true", "PAPERLESS_LOGOUT_REDIRECT_URL", "/accounts/login/"), check.Failed, "is signed in again"},
		{"signed out to nowhere", checklist.Logout, env("PAPERLESS_LOGOUT_REDIRECT_URL", "https://authentik.example.com/application/o/papers/end-session/"), check.Failed, "error page: 404"},
		{"PKCE off", checklist.PKCEState, func(b *deployment.Deployment) {
			b.EditProviders(func(oc map[string]any) { delete(oc, "OAUTH_PKCE_ENABLED") })
		}, check.Warned, "PKCE is off"},
		{"regex", checklist.RedirectURIStrict, func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) {
				p.RedirectURIs[0] = deployment.RedirectURI{MatchingMode: "regex", URL: "https://.*/accounts/oidc/.*"}
			})
		}, check.Failed, "accepts a redirect URI with another host"},
		{"next followed by 2.5.0", checklist.NextRedirect, func(b *deployment.Deployment) { b.Paperless.Version = "2.5.0" }, check.Failed, "is sent to evil.example"},
		{"cookie lost", checklist.SessionRotated, func(b *deployment.Deployment) { b.Paperless.Proxy.StripSetCookie = "/login/callback/" }, check.Failed, "sign-in page"},
		{"header let through", checklist.RemoteUser, func(b *deployment.Deployment) {
			env(deployment.RemoteUser, "true")(b)
			b.Paperless.Proxy.PassRemoteUser = true
		}, check.Failed, "anybody can be anybody"},
		{"header on", checklist.RemoteUser, env(deployment.RemoteUser, "true", "PAPERLESS_ENABLE_HTTP_REMOTE_USER_API", "true"), check.Passed, ""},
		{"header but no feature", checklist.RemoteUser, func(b *deployment.Deployment) { b.Paperless.Proxy.RemoteUserHeader = "Remote-User" }, check.Failed, "does not sign anybody in"},
		{"rights by a group", checklist.Permissions, func(b *deployment.Deployment) {
			b.Paperless.Users = append(b.Paperless.Users, deployment.LocalUser{Username: "helper", Email: "helper@example.com", Password: "helper-pw-1q2w3e", Groups: []string{"readers"}})
			env("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS", "readers")(b)
		}, check.Passed, ""},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "-"), func(t *testing.T) {
			bb := bundle(t)
			tt.mistake(bb)
			r := b.run(t, runner.Options{Bundle: bb, Checks: []*check.Check{alone(tt.check)}})
			res := r.Results[0]
			assert.Equal(t, tt.want, res.Status, res.Message)
			assert.Contains(t, res.Message, tt.says)
			assert.NotContains(t, res.Message, "\n")
			assert.Empty(t, r.Error)
			if res.Status == check.Failed && !res.Check.Browserless && res.Record.Boot.Up {
				assert.NotEmpty(t, res.Screenshot)
				assert.NotEmpty(t, res.DOM)
				assert.NotEmpty(t, res.Record.Hops)
				assert.NotEmpty(t, res.Record.Exchange)
				assert.NotEmpty(t, res.Record.Steps)
				assert.NotNil(t, res.Record.Final)
			}
			noSecrets(t, r)
		})
	}
}

// noSecrets searches everything textual of a run for what must not be there.
func noSecrets(t *testing.T, r *runner.Run) {
	t.Helper()
	for _, res := range r.Results {
		text, err := json.Marshal(res.Record)
		require.NoError(t, err)
		all := string(text) + res.Message + res.DOM
		for _, secret := range res.Bundle.Secrets() {
			assert.NotContains(t, all, secret, "%s@%s", res.Check.ID, res.Variant)
		}
	}
}

// A browser that is killed is the tester's trouble: one clear line, the rest
// skipped, nothing left running.
func TestBrowserKilledOnLab(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("finds the browser's process in /proc")
	}
	b := newBench(t)
	kills := &check.Check{ID: "kills", Title: "t", Doc: "d", Run: func(ctx context.Context, p *check.Pass) error {
		if killBrowsers(t) == 0 {
			return errors.New("no browser process was found")
		}
		return p.Session.Visit(ctx, "open the sign-in page", p.Target.Paperless.URL, time.Minute)
	}}
	next := &check.Check{ID: "next", Title: "t", Doc: "d", Run: passes}
	began := time.Now()
	r := b.run(t, runner.Options{Bundle: bundle(t), Checks: []*check.Check{kills, next}})
	assert.Equal(t, []string{"kills error", "next skip"}, lines(r))
	assert.Equal(t, "the browser ended", r.Results[0].Message)
	assert.Equal(t, "the browser ended while kills ran", r.Error)
	assert.Equal(t, 2, r.ExitCode())
	assert.Less(t, time.Since(began), 30*time.Second)
	require.NoError(t, b.browser.Close(), "it is dead, and takes its network with it")
	b.browser = nil
}

// killBrowsers kills the browsers that this test process started, and no other.
func killBrowsers(t *testing.T) int {
	t.Helper()
	pids := browsers(t)
	for _, pid := range pids {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	return len(pids)
}

// browsers are the browsers that this process started and that still run.
func browsers(t *testing.T) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	var pids []int
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		// pid (comm) state ppid …
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) || !strings.Contains(string(text), "(chrom") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return pids
}

// Ctrl-C in the middle of a sign-in: back at once, and nothing is left. This
// one lets the runner open the browser and each lab have its own edge.
func TestInterruptedOnLab(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var pressed time.Time
	r, err := runner.Do(ctx, runner.Options{
		Bundle: bundle(t), Kind: target.Lab,
		Start: func(ctx context.Context, b *deployment.Deployment, _ string) (*target.Target, error) {
			return lab.Start(ctx, b)
		},
		Observe: func(e runner.Event) {
			if e.Check != nil && e.Check.ID == "round-trip" && e.Step == "fill in the password" {
				pressed = time.Now()
				cancel(errors.New("Ctrl-C"))
			}
		},
	})
	require.NoError(t, err)
	assert.Less(t, time.Since(pressed), 5*time.Second)
	assert.Equal(t, []string{"login-page pass", "login-button pass", "round-trip error", "first-login skip"}, lines(r)[:4])
	assert.Equal(t, "interrupted: Ctrl-C", r.Error)
	assert.Equal(t, 2, r.ExitCode())
	if runtime.GOOS == "linux" {
		assert.Empty(t, browsers(t), "a browser is left running")
	}
}
