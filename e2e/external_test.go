package e2e_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

const apiToken = "authentik-api-token-5f0c9a7e21"

// A running pair is a lab that the external target knows nothing of but its
// names, its port and its CA.
type running struct {
	bundle  *deployment.Deployment
	options e2e.Options // of a run against it; without credentials
	dir     string
	state   func() *lab.State
	target  *target.Target
}

// runs starts a pair with causes planted.
func runs(t *testing.T, change func(*deployment.Deployment), codes ...string) *running {
	t.Helper()
	return runsWith(t, nil, change, codes...)
}

func runsWith(t *testing.T, opts []lab.Option, change func(*deployment.Deployment), codes ...string) *running {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	b, _, err := e2e.Deploy(e2e.Options{Plant: codes})
	require.NoError(t, err)
	if change != nil {
		change(b)
	}
	r := &running{bundle: b, dir: t.TempDir()}
	opts = append([]lab.Option{lab.WithToken(apiToken), lab.WithSnapshot(func(take func() *lab.State) { r.state = take })}, opts...)
	r.target, err = lab.Start(t.Context(), b, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.target.Close()) })
	files, err := deployment.Files(b, rand.Text)
	require.NoError(t, err)
	for name, f := range files {
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), f.Text, 0o600))
	}
	ca := filepath.Join(r.dir, "ca.pem")
	require.NoError(t, os.WriteFile(ca, r.target.CA, 0o600))
	o := &r.options
	o.Target = target.External
	o.External = e2e.External{PaperlessURL: b.Paperless.URL, AuthentikURL: b.Authentik.URL, CA: ca}
	for _, raw := range []string{b.Paperless.URL, b.Authentik.URL} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		hp, err := target.HostPort(raw)
		require.NoError(t, err)
		o.External.Resolve = append(o.External.Resolve, u.Hostname()+"="+r.target.Resolve[hp])
	}
	return r
}

// credentials writes a credentials file: the user of round-trip, with an
// account or not, or everybody.
func (r *running) credentials(t *testing.T, token, admin, everybody bool, account bool) string {
	t.Helper()
	var text strings.Builder
	w := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	w("authentik:")
	if token {
		w("  token: %s", apiToken)
	}
	w("  users:")
	for _, u := range r.bundle.Authentik.Users {
		if everybody || u.Role == "round-trip" {
			w("    - {role: %s, username: %s, password: %s, email: %s, account: %t}", u.Role, u.Username, u.Password, u.Email, account)
		}
	}
	w("paperless:")
	w("  users:")
	for _, u := range r.bundle.Paperless.Users {
		if role := u.Role; everybody || admin && u.Superuser {
			if u.Superuser {
				role = "admin"
			}
			w("    - {role: %s, username: %s, password: %s, email: %s}", role, u.Username, u.Password, u.Email)
		}
	}
	path := filepath.Join(r.dir, "credentials.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}

// follow writes Paperless's log to a file as the lab writes it, until the test ends.
func (r *running) follow(t *testing.T) string {
	t.Helper()
	path := filepath.Join(r.dir, "paperless.log")
	f, err := os.Create(path)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		n := 0
		for {
			lines, _ := r.target.Logs(ctx) // the lab's never fail
			for ; n < len(lines); n++ {
				if lines[n].Source == "paperless" {
					fmt.Fprintln(f, lines[n].Text)
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() { stop(); <-done; assert.NoError(t, f.Close()) })
	return path
}

// accounts are Paperless's accounts and links in the lab's own database.
func (r *running) accounts() (users []string, links int) {
	s := r.state().Paperless
	for _, u := range s.Users {
		users = append(users, u.Username)
	}
	return users, len(s.Links)
}

func outcome(t *testing.T, run *runner.Run, id string) runner.Result {
	t.Helper()
	for _, res := range run.Results {
		if res.Check.ID == id {
			return res
		}
	}
	require.Fail(t, "no result", id)
	return runner.Result{}
}

func statuses(run *runner.Run) string {
	var out []string
	for _, r := range run.Results {
		out = append(out, fmt.Sprintf("%s %s: %s", r.Key(), r.Status, r.Message))
	}
	return strings.Join(append(out, run.Bundle.Added...), "\n")
}

func TestExternalReadOnly(t *testing.T) {
	t.Parallel()
	r := runs(t, nil)
	ctx := t.Context()
	before, links := r.accounts()

	// Somebody who may have no account is stopped in front of Paperless.
	o := r.options
	o.External.Credentials = r.credentials(t, false, true, false, false)
	run, err := e2e.Check(ctx, o)
	require.NoError(t, err)
	require.Empty(t, run.Error)
	assert.Equal(t, runner.Pass, run.Result(), statuses(run))
	trip := outcome(t, run, "round-trip")
	assert.Equal(t, check.Warned, trip.Status, trip.Message)
	assert.Contains(t, trip.Message, "SSO_HAS_ACCOUNT=true")
	for _, id := range []string{"first-login", "linking", "existing-user"} {
		res := outcome(t, run, id)
		if res.Variant == check.AsConfigured {
			assert.Equal(t, check.Skipped, res.Status)
			assert.Contains(t, res.Message, "needs --allow-changes", id)
		}
	}
	assert.Contains(t, outcome(t, run, "logout").Message, "needs --allow-changes, or somebody who is known to have an account")
	assert.Equal(t, "2.20.15", run.Paperless.Version, "asked of the running one")
	users, now := r.accounts()
	assert.Equal(t, before, users, "read-only leaves no account")
	assert.Equal(t, links, now)

	// Nobody at all: what can be seen without signing in is looked at.
	o.External.Credentials = ""
	run, err = e2e.Check(ctx, o)
	require.NoError(t, err)
	assert.Equal(t, runner.Pass, run.Result(), statuses(run))
	assert.Contains(t, outcome(t, run, "round-trip").Message, "nobody was given to go on")
	assert.Equal(t, check.Passed, outcome(t, run, "redirect-uri-strict").Status)

	// With changes, and an account that is left on purpose.
	o.External.Credentials = r.credentials(t, true, false, false, false)
	o.External.AllowChanges = true
	o.Only = []string{"round-trip"}
	run, err = e2e.Check(ctx, o)
	require.NoError(t, err)
	assert.Equal(t, check.Passed, outcome(t, run, "round-trip").Status, statuses(run))
	assert.Contains(t, strings.Join(run.Bundle.Added, "\n"), "may be left in Paperless: an account of alice")
	before, links = r.accounts()
	assert.Contains(t, before, "alice")

	// Somebody who is known to have an account signs in all the way.
	o.External.AllowChanges, o.Only = false, nil
	o.External.Credentials = r.credentials(t, true, true, false, true)
	run, err = e2e.Check(ctx, o)
	require.NoError(t, err)
	assert.Equal(t, runner.Pass, run.Result(), statuses(run))
	for _, id := range []string{"login-page", "login-button", "round-trip", "logout", "pkce-state", "redirect-uri-strict", "next-redirect", "session-rotated"} {
		assert.Equal(t, check.Passed, outcome(t, run, id).Status, "%s: %s", id, outcome(t, run, id).Message)
	}
	users, now = r.accounts()
	assert.Equal(t, before, users)
	assert.Equal(t, links, now)
	assert.Equal(t, "2025.8.1", run.Authentik.Version, "asked of the running one")
}

func TestExternalAllowChangesCleansUp(t *testing.T) {
	t.Parallel()
	r := runs(t, nil)
	before, links := r.accounts()
	o := r.options
	o.Config = []string{filepath.Join(r.dir, "compose.yaml")}
	o.External.PaperlessURL, o.External.AuthentikURL = "", "" // the configuration names them
	o.External.AllowChanges = true
	o.External.Credentials = r.credentials(t, true, true, true, false)
	run, err := e2e.Check(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, runner.Pass, run.Result(), statuses(run))
	for _, res := range run.Results {
		if res.Variant != check.AsConfigured {
			assert.Equal(t, check.Skipped, res.Status)
			assert.Contains(t, res.Message, "not ours to change")
			continue
		}
		assert.Contains(t, []check.Status{check.Passed, check.Warned, check.Skipped}, res.Status, "%s: %s", res.Key(), res.Message)
	}
	for _, id := range []string{"first-login", "linking"} {
		assert.Equal(t, check.Passed, outcome(t, run, id).Status, statuses(run))
	}
	users, now := r.accounts()
	assert.Equal(t, before, users, statuses(run))
	assert.Equal(t, links, now)
	said := strings.Join(run.Bundle.Added, "\n")
	assert.Contains(t, said, "made in Paperless and removed: the account bob")
	assert.Contains(t, said, "made in Paperless and removed: the link of local1")
	assert.NotContains(t, said, "left")
}

// The causes of a running pair are found as on the lab, with everything that
// may be given, and with less.
func TestExternalFindsMistakes(t *testing.T) {
	t.Parallel()
	type given struct{ config, token, log bool }
	all := given{config: true, token: true, log: true}
	for _, tt := range []struct {
		code string
		given
	}{
		{"RED-SLASH", all},
		{"RED-SLASH", given{token: true}},
		{"RED-HOST", given{config: true, token: true}},
		{"TOK-SECRET", all},
		{"TOK-SECRET", given{config: true, token: true}},
		{"TOK-SECRET", given{log: true}},
		{"NET-TLS", all},
		{"NET-TLS", given{token: true}},
		{"IDP-SLUG", all},
		{"IDP-SLUG", given{config: true, token: true}},
		{"IDP-CLIENT", all},
		{"IDP-CLIENT", given{token: true}},
		{"IDT-JWE", given{token: true, config: true}},
		{"CFG-APPS", given{config: true}},
		{"SIGN-CLOSED", all},
	} {
		t.Run(fmt.Sprintf("%s/%+v", tt.code, tt.given), func(t *testing.T) {
			t.Parallel()
			item := troubleshooting.Find(tt.code)
			r := runs(t, nil, tt.code)
			o := r.options
			o.Only = []string{item.Breaks.ID}
			if tt.config {
				o.Config = []string{filepath.Join(r.dir, "compose.yaml")}
			}
			if tt.log {
				o.External.PaperlessLog = r.follow(t)
			}
			o.External.Credentials = r.credentials(t, tt.token, false, true, true)
			o.External.AllowChanges = item.Breaks.Changes
			run, err := e2e.Check(t.Context(), o)
			require.NoError(t, err)
			require.Empty(t, run.Error)
			codes, status, message := findings(run, item.Breaks.ID)
			assert.Equal(t, check.Failed, status, message)
			if assert.NotEmpty(t, codes, "nothing found; %s", message) {
				assert.Equal(t, tt.code, codes[0], "%v; %s", codes, message)
			}
		})
	}
}

// The most common failures, on a pair of which nothing is given but its address
// and a user, and whose pages are drawn late: each has a cause.
func TestExternalRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		plant string
		token bool
		want  string
		delay time.Duration
		says  string
	}{
		{"RED-SLASH", false, "RED-UNREGISTERED", 0, "what is registered is not known here"},
		{"RED-SLASH", false, "RED-UNREGISTERED", 1500 * time.Millisecond, "what is registered is not known here"},
		{"RED-SLASH", true, "RED-SLASH", 1500 * time.Millisecond, "they differ in the slash at the end"},
		{"IDP-DENIED", false, "IDP-DENIED", 300 * time.Millisecond, "Request has been denied."},
		{"AUTHZ-EMPTY", false, "AUTHZ-EMPTY", 300 * time.Millisecond, "403; PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS is not known here"},
	} {
		t.Run(fmt.Sprintf("%s token %t %v", tt.plant, tt.token, tt.delay), func(t *testing.T) {
			t.Parallel()
			item := troubleshooting.Find(tt.plant)
			r := runsWith(t, []lab.Option{lab.WithDelay(tt.delay)}, nil, tt.plant)
			o := r.options
			o.Only = []string{item.Breaks.ID}
			o.External.Credentials = r.credentials(t, tt.token, false, false, true)
			run, err := e2e.Check(t.Context(), o)
			require.NoError(t, err)
			require.Empty(t, run.Error)
			res := outcome(t, run, item.Breaks.ID)
			require.NotEmpty(t, res.Findings, res.Message)
			assert.Equal(t, tt.want, res.Findings[0].Code, res.Message)
			because := strings.Join(res.Findings[0].Because, "\n")
			assert.Contains(t, because, tt.says)
			assert.NotContains(t, because, "is not set")
			assert.NotContains(t, res.Message+strings.Join(res.Record.Notes, "\n"), "drawn")
		})
	}
}

func TestExternalCertificate(t *testing.T) {
	t.Parallel()
	r := runs(t, nil)
	o := r.options
	o.External.CA = ""
	run, err := e2e.Check(t.Context(), o)
	require.NoError(t, err)
	require.Empty(t, run.Error, "a broken certificate is a finding, not an error of the tester")
	res := outcome(t, run, "login-page")
	assert.Equal(t, check.Failed, res.Status)
	require.NotEmpty(t, res.Findings, res.Message)
	assert.Equal(t, "NET-CERT", res.Findings[0].Code)
	because := strings.Join(res.Findings[0].Because, "\n")
	assert.Contains(t, because, "net::ERR_CERT_AUTHORITY_INVALID")
	assert.Contains(t, because, "x509: certificate signed by unknown authority")

	// Another authority does not help, and is not an excuse to look away.
	other := runs(t, nil)
	o.External.CA = other.options.External.CA
	run, err = e2e.Check(t.Context(), o)
	require.NoError(t, err)
	codes, status, _ := findings(run, "login-page")
	assert.Equal(t, check.Failed, status)
	assert.Equal(t, []string{"NET-CERT"}, codes)

	// Nobody listens.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone := l.Addr().String()
	require.NoError(t, l.Close())
	o = r.options
	o.External.Resolve = []string{"paperless.example.com=" + gone, "authentik.example.com=" + gone}
	run, err = e2e.Check(t.Context(), o)
	require.NoError(t, err)
	codes, status, _ = findings(run, "login-page")
	assert.Equal(t, check.Failed, status)
	assert.Equal(t, []string{"NET-DOWN"}, codes)
}

func TestExternalUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	const url = "https://paperless.example.com"
	for name, tt := range map[string]struct {
		o    e2e.Options
		want string
	}{
		"no pair":       {e2e.Options{Target: "external"}, "give Options.External.PaperlessURL"},
		"no URL":        {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: "paperless"}}, `Options.External.PaperlessURL "paperless" is no address`},
		"query":         {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url + "/?a=b"}}, "takes the address only"},
		"resolve":       {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url, Resolve: []string{"paperless"}}}, `Options.External.Resolve "paperless": want host=address`},
		"CA":            {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url, CA: file("ca.der", "0", 0o600)}}, "is no PEM certificate"},
		"plant":         {e2e.Options{Target: "external", Plant: []string{"RED-SLASH"}}, "Options.Plant changes a configuration"},
		"for another":   {e2e.Options{External: e2e.External{AllowChanges: true}}, "are for Options.Target external"},
		"open file":     {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url, Credentials: file("open.yaml", "{}", 0o644)}}, "can be read by everybody on this machine (mode 0644): chmod 600"},
		"unknown key":   {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url, Credentials: file("key.yaml", "paswords: hunter2hunter2", 0o600)}}, "key.yaml"},
		"no password":   {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url, Credentials: file("pw.yaml", "authentik: {users: [{username: a}]}", 0o600)}}, "username and password are needed"},
		"twice":         {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url, Credentials: file("two.yaml", "authentik: {users: [{username: a, password: b}, {username: c, password: d}]}", 0o600)}}, "the role round-trip is a duplicate"},
		"no such log":   {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url, PaperlessLog: filepath.Join(dir, "none")}}, "Options.External.PaperlessLog"},
		"where is it":   {e2e.Options{Target: "external", External: e2e.External{PaperlessURL: url, Resolve: []string{"paperless.example.com=127.0.0.1:1"}}}, "give Options.External.AuthentikURL"},
		"blueprint":     {e2e.Options{Target: "external", Blueprint: "b.yaml", External: e2e.External{PaperlessURL: url}}, "Options.Blueprint needs Options.Config"},
		"no such check": {e2e.Options{Target: "external", Only: []string{"nothing"}, External: e2e.External{PaperlessURL: url}}, "no check nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := e2e.Check(t.Context(), tt.o)
			require.ErrorIs(t, err, e2e.ErrUsage)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.False(t, slices.Contains(strings.Split(err.Error(), ""), "\n"), "one line: %s", err)
		})
	}
}

// A token that is refused is the caller's to fix, before anything is run.
func TestExternalRefusedToken(t *testing.T) {
	t.Parallel()
	r := runs(t, nil)
	o := r.options
	path := filepath.Join(r.dir, "wrong.yaml")
	require.NoError(t, os.WriteFile(path, []byte("authentik: {token: not-the-token-123}"), 0o600))
	o.External.Credentials = path
	_, err := e2e.Check(t.Context(), o)
	require.ErrorIs(t, err, e2e.ErrUsage)
	require.ErrorContains(t, err, "authentik refuses the token")
	assert.NotContains(t, err.Error(), "not-the-token")

	require.NoError(t, os.WriteFile(path, []byte("paperless: {token: not-the-token-123}"), 0o600))
	_, err = e2e.Check(t.Context(), o)
	require.ErrorIs(t, err, e2e.ErrUsage)
	assert.ErrorContains(t, err, "Paperless refuses the administrator")
}
