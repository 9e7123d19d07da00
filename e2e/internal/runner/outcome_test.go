package runner_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

func TestWorst(t *testing.T) {
	t.Parallel()
	assert.Equal(t, runner.Pass, runner.Worst())
	assert.Equal(t, runner.Pass, runner.Worst(runner.Pass, runner.Pass))
	assert.Equal(t, runner.Error, runner.Worst(runner.Pass, runner.Error, runner.Pass))
	assert.Equal(t, runner.Fail, runner.Worst(runner.Error, runner.Fail, runner.Pass), "a failure is a verdict that stands")
	assert.Equal(t, runner.Error, runner.Worst(""), "what is not known is no pass")
	assert.Equal(t, []int{0, 1, 2, 2}, []int{runner.Pass.ExitCode(), runner.Fail.ExitCode(), runner.Error.ExitCode(), runner.Outcome("").ExitCode()})
}

func skips(context.Context, *check.Pass) error {
	return check.Skipf("there is nobody in authentik to sign in as (role round-trip)")
}

// A pass means that somebody signed in.
func TestNeverGreenWithoutASignIn(t *testing.T) {
	t.Parallel()
	page := func() *check.Check { return fake("login-page", passes) }
	tests := map[string]struct {
		checks []*check.Check
		only   []string
		lint   []source.Diagnostic
		want   runner.Outcome
		why    string
	}{
		"signed in": {checks: []*check.Check{page(), fake("round-trip", passes)}, want: runner.Pass},
		"skipped": {
			checks: []*check.Check{page(), fake("round-trip", skips)}, want: runner.Error,
			why: "nobody signed in: round-trip was skipped: there is nobody in authentik to sign in as (role round-trip)",
		},
		"skipped, and another failed": {checks: []*check.Check{page(), fake("round-trip", skips), fake("pkce-state", fails)}, want: runner.Fail},
		"left out by --only":          {checks: []*check.Check{page(), fake("round-trip", skips)}, only: []string{"login-page"}, want: runner.Pass},
		"asked for and skipped": {
			checks: []*check.Check{page(), fake("sso-only", skips)}, only: []string{"login-page", "sso-only"}, want: runner.Error,
			why: "sso-only was asked for, and skipped: there is nobody in authentik to sign in as (role round-trip)",
		},
		"another skipped":  {checks: []*check.Check{page(), fake("round-trip", passes), fake("password-api", skips)}, want: runner.Pass},
		"nothing but skip": {checks: []*check.Check{fake("a", skips)}, want: runner.Error, why: "every check was skipped: there is nobody in authentik to sign in as (role round-trip)"},
		"an error of lint": {
			checks: []*check.Check{page(), fake("round-trip", passes)},
			lint:   []source.Diagnostic{{Code: "CFG-X", Level: source.Warning}, {Code: "TOK-SECRET", Level: source.Error, File: "blueprint.yaml", Line: 7, Message: "the client secret is not the one in the blueprint"}},
			want:   runner.Fail, why: "the configuration has an error that no check failed by: TOK-SECRET at blueprint.yaml:7: the client secret is not the one in the blueprint",
		},
		"an error of lint, and nobody signed in": {
			checks: []*check.Check{page(), fake("round-trip", skips)}, lint: []source.Diagnostic{{Code: "RED-PATH", Level: source.Error, File: "b.yaml", Message: "m"}},
			want: runner.Fail, why: "the configuration has an error that no check failed by: RED-PATH at b.yaml: m",
		},
		"an error of the next version": {
			checks: []*check.Check{page(), fake("round-trip", passes)}, lint: []source.Diagnostic{{Code: "CFG-BOOL", Level: source.Error, From: "3.0.5"}}, want: runner.Pass,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := do(t, &lot{}, runner.Options{Checks: tt.checks, Only: tt.only, Lint: tt.lint})
			assert.Equal(t, tt.want, r.Result())
			assert.Equal(t, tt.want.ExitCode(), r.ExitCode())
			assert.Equal(t, tt.why, r.Why())
		})
	}
}

// Of a pair that runs somebody may be given to sign in as, or not; what a run
// without them does not show is said.
func TestNobodyGivenToSignIn(t *testing.T) {
	t.Parallel()
	checks := []*check.Check{fake("login-page", passes), fake("round-trip", skips)}
	b := bundle(t)
	with := do(t, &lot{}, runner.Options{Kind: target.External, Bundle: b, Checks: checks})
	assert.Equal(t, runner.Error, with.Result(), "somebody was given, and did not sign in")
	none := b.Clone()
	none.Authentik.Users = nil
	without := do(t, &lot{}, runner.Options{Kind: target.External, Bundle: none, Checks: checks})
	assert.Equal(t, runner.Pass, without.Result())
	assert.Equal(t, []string{"signing in is not tested: nobody was given to sign in as (SSO_USERNAME and SSO_PASSWORD, or --credentials)"}, without.Verdict().NotTested)
}

// Where no provider is configured and a proxy names the user, that is the sign-in.
func TestSignInOfARemoteUser(t *testing.T) {
	t.Parallel()
	b := bundle(t)
	b.Paperless.Env[deployment.RemoteUser] = "true"
	assert.Equal(t, "round-trip", runner.SignIn(b), "both ways are open: the guide's counts")
	delete(b.Paperless.Env, deployment.ProvidersKey)
	assert.Equal(t, "remote-user", runner.SignIn(b))
}

// A pass of some checks alone is none of signing in, and the last line says so.
func TestSignInLeftOut(t *testing.T) {
	t.Parallel()
	page, round := fake("login-page", passes), fake("round-trip", passes)
	after := fake("linking", passes)
	after.Needs = []*check.Check{round}
	for name, tt := range map[string]struct {
		checks []*check.Check
		only   []string
		want   []string
	}{
		"left out":       {[]*check.Check{page, round}, []string{"login-page"}, []string{"nobody signed in: --only left round-trip out"}},
		"needed":         {[]*check.Check{page, round, after}, []string{"linking"}, nil},
		"all":            {[]*check.Check{page, round}, nil, nil},
		"another way in": {[]*check.Check{page, round, fake("upgrade-sign-in", passes)}, []string{"login-page", "upgrade-sign-in"}, nil},
		"a failure":      {[]*check.Check{fake("login-page", fails), round}, []string{"login-page"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, do(t, &lot{}, runner.Options{Checks: tt.checks, Only: tt.only}).Verdict().NotTested)
		})
	}
}
