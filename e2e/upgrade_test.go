package e2e_test

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	paperless "github.com/ssocheck/ssocheck/e2e/internal/paperless/model"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// resultOf is the result of a check as configured.
func resultOf(t *testing.T, run *runner.Run, id string) runner.Result {
	t.Helper()
	for _, r := range run.Results {
		if r.Check.ID == id && r.Variant == check.AsConfigured {
			return r
		}
	}
	require.Failf(t, "did not run", "%s", id)
	return runner.Result{}
}

// TestUpgrade tries the upgrade that the environment names (SSO_FROM, SSO_TO,
// SSO_STEP beside the variables of TestChecklist); without any, the one that was
// recorded on the real pair (fixtures/observed.json#upgrades): the same accounts, the
// session and the token of before still good.
func TestUpgrade(t *testing.T) {
	o := e2e.UpgradeOptions{Options: options(), From: os.Getenv("SSO_FROM"), To: os.Getenv("SSO_TO"), Step: os.Getenv("SSO_STEP")}
	o.Paperless, o.Authentik = "", "" // From and To name them
	if o.To != "" {
		e2e.RunUpgrade(t, o)
		return
	}
	o.From, o.To = "2.20.15,2025.8.1", "3.0.5,2025.10.0"
	u := e2e.RunUpgrade(t, o)
	require.NotNil(t, u.After)
	for _, r := range u.People.Results {
		assert.Equal(t, check.Passed, r.Status, "%s: %s", r.Check.ID, r.Message)
	}
	for _, id := range []string{"upgrade-settings", "upgrade-accounts", "upgrade-sessions", "upgrade-sign-in", "round-trip", "first-login", "linking"} {
		r := resultOf(t, u.After, id)
		assert.Equal(t, check.Passed, r.Status, "%s: %s", id, r.Message)
	}
	assert.Empty(t, u.Regressed)
	assert.True(t, u.Forecast)
	assert.Equal(t, 0, u.ExitCode())
}

func TestUpgradeFindsWhatBreaks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, from, to, plant string
		config                string
		at, code, hazard      string
		regressed             bool
		hits                  bool
	}{
		{"the guide has no secret key", "2.20.15", "3.0.5", "", "../fixtures/configs/guide/compose.yaml", "login-page", "CFG-SECRETKEY", "H04", true, true},
		{"encrypted id_token", "2.18.4", "2.20.15", "IDT-JWE", "", "round-trip", "IDT-JWE", "H01", true, true},
		{"unverified addresses", "2.13.5,2025.8.1", "2.13.5,2025.10.0", "", "", "round-trip", "MAIL-SMTP", "A03", true, true},
		{"a word that v3 does not take", "2.20.15", "3.0.5", "CFG-BOOL", "", "login-page", "CFG-BOOL", "H05", true, true},
		{"broken before as after", "2.20.15", "3.0.5", "RED-SLASH", "", "round-trip", "RED-SLASH", "", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := e2e.UpgradeOptions{From: tt.from, To: tt.to}
			o.Only = []string{tt.at}
			if tt.plant != "" {
				o.Plant = []string{tt.plant}
			}
			if tt.config != "" {
				o.Config = []string{tt.config}
			}
			u, err := e2e.Upgrade(t.Context(), o)
			require.NoError(t, err)
			require.NotNil(t, u.After, "%+v", u.People)
			r := resultOf(t, u.After, tt.at)
			require.Equal(t, check.Failed, r.Status, r.Message)
			require.NotEmpty(t, r.Findings)
			assert.Equal(t, tt.code, r.Findings[0].Code)
			assert.Equal(t, tt.hazard, r.Findings[0].Hazard)
			assert.Equal(t, tt.regressed, len(u.Regressed) > 0 && u.Regressed[0] == tt.at, "%v", u.Regressed)
			if tt.config != "" {
				assert.NotEmpty(t, r.Findings[0].Lint, "the place in the user's file")
			}
			if tt.hits {
				require.NotEmpty(t, u.Hazards)
				assert.Equal(t, tt.hazard, u.Hazards[0].ID, "told before anything starts")
				assert.True(t, u.Hazards[0].Hits)
			}
			assert.Equal(t, 1, u.ExitCode())
		})
	}
}

func TestUpgradeGoesThroughStages(t *testing.T) {
	t.Parallel()
	u, err := e2e.Upgrade(t.Context(), e2e.UpgradeOptions{From: "2.18.4,2025.8.1", To: "3.0.5,2025.8.1", Options: e2e.Options{Only: []string{"round-trip"}}})
	require.NoError(t, err)
	require.Len(t, u.Stages, 2)
	assert.Equal(t, deployment.Pair{Paperless: "2.20.15", Authentik: "2025.8.1"}, u.Stages[0].Pair)
	require.NotNil(t, u.After)
	assert.Equal(t, check.Passed, resultOf(t, u.After, "upgrade-sign-in").Status)
	assert.Equal(t, 0, u.ExitCode())
}

func TestUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o    e2e.UpgradeOptions
		says string
	}{
		"downgrade":       {e2e.UpgradeOptions{From: "3.0.5", To: "2.20.15"}, "older than 3.0.5"},
		"unknown version": {e2e.UpgradeOptions{From: "2.20.15", To: "9.9.9"}, "9.9.9"},
		"the same":        {e2e.UpgradeOptions{From: "3.0.5", To: "3.0.5"}, "are the same"},
		"no such plant":   {e2e.UpgradeOptions{From: "2.20.15", To: "3.0.5", Options: e2e.Options{Plant: []string{"NOPE"}}}, "NOPE"},
		"two ways to say": {e2e.UpgradeOptions{From: "2.20.15", To: "3.0.5", Options: e2e.Options{Paperless: "2.5.0"}}, "UpgradeOptions.From"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := e2e.Upgrade(t.Context(), tt.o)
			require.ErrorIs(t, err, e2e.ErrUsage)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

// What the comparison after an upgrade is there for, each shown by a database
// or a configuration that an upgrade could leave behind.
func TestUpgradeComparison(t *testing.T) {
	old := oldVersions(t)
	for _, tt := range []struct {
		name   string
		state  func(*lab.State)
		change func(*deployment.Deployment)
		at     string
		want   check.Status
		says   string
		code   string
	}{
		{name: "nothing", at: "upgrade-sign-in", want: check.Passed},
		{name: "an account is gone", state: func(s *lab.State) {
			s.Paperless.Users = slices.DeleteFunc(s.Paperless.Users, func(u paperless.User) bool { return u.Username == "shared" })
		}, change: func(b *deployment.Deployment) {
			b.Paperless.Users = slices.DeleteFunc(b.Paperless.Users, func(u deployment.LocalUser) bool { return u.Username == "shared" })
		}, at: "upgrade-accounts", want: check.Failed, says: "shared (id"},
		{name: "a group is lost", state: func(s *lab.State) { user(s, "lena").Superuser = true }, at: "upgrade-accounts", want: check.Failed, says: "lena: superuser true, before false"},
		{name: "another account appears", change: func(b *deployment.Deployment) {
			b.Paperless.Users = append(b.Paperless.Users, deployment.LocalUser{Username: "more", Password: "more-pw-1q2w3e"})
		}, at: "upgrade-accounts", want: check.Failed, says: "more was not there before"},
		{name: "another subject", change: func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.SubMode = "user_email" })
		}, at: "upgrade-sign-in", want: check.Failed, says: "kim", code: "LINK-STALESUB"},
		{name: "another provider id", change: func(b *deployment.Deployment) {
			b.EditApp(func(app map[string]any) { app["provider_id"] = "sso" })
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.RedirectURIs[0].URL = b.RedirectURI() })
		}, at: "upgrade-sign-in", want: check.Failed, says: "kim", code: "LINK-PROVID"},
		{name: "the links are gone", state: func(s *lab.State) { s.Paperless.Links = nil }, at: "upgrade-sign-in", want: check.Failed, says: "kim"},
		{name: "rights are lost", state: func(s *lab.State) { user(s, "lena").Groups = nil }, at: "upgrade-sign-in", want: check.Failed, says: "lea has lost rights"},
		{name: "sessions are gone", state: func(s *lab.State) { clear(s.Paperless.Sessions) }, at: "upgrade-sessions", want: check.Failed, says: "is dead"},
		{name: "another secret key", change: func(b *deployment.Deployment) {
			b.Paperless.Env["PAPERLESS_SECRET_KEY"] = "another-secret-key-0123456789"
		}, at: "upgrade-sessions", want: check.Passed},
		{name: "tokens are gone", state: func(s *lab.State) { clear(s.Paperless.Tokens) }, at: "upgrade-sessions", want: check.Failed, says: "API token"},
		{name: "a setting is not read any more", change: func(b *deployment.Deployment) {
			delete(b.Paperless.Env, deployment.AutoSignup)
			b.Paperless.Env["PAPERLESS_AUTO_CREATE"] = "true"
		}, at: "upgrade-settings", want: check.Failed, says: "PAPERLESS_AUTO_CREATE", code: "SIGN-OFF"},
		{name: "a switch goes off", change: func(b *deployment.Deployment) { b.Paperless.Env[deployment.AutoSignup] = "on" }, at: "upgrade-settings", want: check.Failed, says: "was on, is now off", code: "CFG-BOOL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, state := old.bundle.Clone(), old.snapshot()
			if tt.state != nil {
				tt.state(state)
			}
			if tt.change != nil {
				tt.change(b)
			}
			enough := func(r runner.Result) bool { return r.Check.ID == tt.at }
			r := resultOf(t, old.run(t, b, lab.WithState(state), old.after, enough), tt.at)
			assert.Equal(t, tt.want, r.Status, r.Message)
			assert.Contains(t, r.Message, tt.says)
			if tt.code == "" {
				assert.Empty(t, r.Findings, "nothing of the catalogue explains it")
				return
			}
			require.NotEmpty(t, r.Findings, r.Message)
			assert.Equal(t, tt.code, r.Findings[0].Code)
		})
	}
}

// An upgraded is the old side of an upgrade: users signed in there, and what they
// reached is remembered in the checks of after.
type upgraded struct {
	rig      *rig
	bundle   *deployment.Deployment
	after    []*check.Check
	snapshot func() *lab.State // of the databases, another copy each time
}

// oldVersions lets the users sign in, once for all that is compared with it.
func oldVersions(t *testing.T) *upgraded {
	t.Helper()
	b, _, err := e2e.Deploy(e2e.Options{})
	require.NoError(t, err)
	b = deployment.WithUpgradeUsers(b)
	b.Paperless.Env["PAPERLESS_SECRET_KEY"] = "a-secret-key-0123456789abcdef"
	for i := range b.Paperless.Users {
		if b.Paperless.Users[i].Username == "lena" {
			b.Paperless.Users[i].Groups = []string{"readers"}
		}
	}
	old := &upgraded{rig: newRig(t), bundle: b}
	before, after := checklist.Upgrade()
	old.after = after
	keep := lab.WithSnapshot(func(f func() *lab.State) { old.snapshot = f })
	was := resultOf(t, old.run(t, b.Clone(), keep, before, nil), "upgrade-people")
	require.Equal(t, check.Passed, was.Status, was.Message)
	return old
}

// run runs checks of an upgrade, and those that they need, until enough is seen.
func (u *upgraded) run(t *testing.T, b *deployment.Deployment, o lab.Option, checks []*check.Check, enough func(runner.Result) bool) *runner.Run {
	t.Helper()
	r, err := runner.Do(t.Context(), runner.Options{
		Bundle: b, Kind: target.Lab, OpenBrowser: u.rig.open, Enough: enough,
		Checks: append([]*check.Check{checklist.LoginPage, checklist.LoginButton}, checks...),
		Start: func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
			return lab.Start(ctx, b, lab.WithEdge(u.rig.front, t.Name()+variant), o)
		},
	})
	require.NoError(t, err)
	require.Empty(t, r.Error)
	return r
}

func user(s *lab.State, name string) *paperless.User {
	for i := range s.Paperless.Users {
		if s.Paperless.Users[i].Username == name {
			return &s.Paperless.Users[i]
		}
	}
	return nil
}
