//go:build docker

package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A kept pair is one that --keep left running.
type kept struct {
	bundle *deployment.Deployment
	dir    string
	o      e2e.Options
	server string // authentik's container
	token  string
}

// keep starts a pair and leaves it running until the test ends.
func keep(t *testing.T, versions string, pair [2]string) *kept {
	t.Helper()
	var tg *target.Target
	o := e2e.Options{Target: target.Stack, Paperless: pair[0], Authentik: pair[1], Only: []string{"login-page"}, Stack: on(versions)}
	o.Stack.Keep, o.Stack.Kept = true, func(k *e2e.Target) { tg = k }
	run, err := e2e.Check(t.Context(), o)
	t.Cleanup(func() {
		_, err := stack.Down(context.WithoutCancel(t.Context()), slog.New(slog.DiscardHandler))
		assert.NoError(t, err)
	})
	require.NoError(t, err)
	require.Empty(t, run.Error)
	require.NotNil(t, tg)
	k := &kept{bundle: run.Bundle, dir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(k.dir, "ca.pem"), tg.CA, 0o600))
	files, err := deployment.Files(run.Bundle, func() string { return "unused" })
	require.NoError(t, err)
	for name, f := range files {
		require.NoError(t, os.WriteFile(filepath.Join(k.dir, filepath.Base(name)), f.Text, 0o600))
	}
	k.o = e2e.Options{Target: target.External, External: e2e.External{
		PaperlessURL: run.Bundle.Paperless.URL, AuthentikURL: run.Bundle.Authentik.URL, CA: filepath.Join(k.dir, "ca.pem"),
	}}
	for _, raw := range []string{run.Bundle.Paperless.URL, run.Bundle.Authentik.URL} {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		hp, err := target.HostPort(raw)
		require.NoError(t, err)
		k.o.External.Resolve = append(k.o.External.Resolve, u.Hostname()+"="+tg.Resolve[hp])
	}
	names := strings.Fields(docker(t, "ps", "--filter", "label=ssocheck.run", "--format", "{{.Names}}"))
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, "-server"):
			k.server = name
		case strings.HasSuffix(name, "-worker"):
			for env := range strings.Lines(docker(t, "inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", name)) {
				if token, ok := strings.CutPrefix(strings.TrimSpace(env), "AUTHENTIK_BOOTSTRAP_TOKEN="); ok {
					k.token = token
				}
			}
		}
	}
	require.NotEmpty(t, k.server)
	require.NotEmpty(t, k.token)
	return k
}

// credentials writes a file with everybody; has says that they signed in before.
func (k *kept) credentials(t *testing.T, has bool) string {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "authentik:\n  token: %s\n  users:\n", k.token)
	for _, u := range k.bundle.Authentik.Users {
		fmt.Fprintf(&text, "    - {role: %s, username: %s, password: %s, email: %s, account: %t}\n", u.Role, u.Username, u.Password, u.Email, has && u.Role == "round-trip")
	}
	text.WriteString("paperless:\n  users:\n")
	for _, u := range k.bundle.Paperless.Users {
		role := u.Role
		if u.Superuser {
			role = "admin"
		}
		fmt.Fprintf(&text, "    - {role: %s, username: %s, password: %s, email: %s}\n", role, u.Username, u.Password, u.Email)
	}
	file := filepath.Join(k.dir, "credentials.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	return file
}

// apply gives the running authentik what a bundle's blueprint says. The whole path is
// copied: a container that found its blueprint applied has no folder for one.
func (k *kept) apply(t *testing.T, b *deployment.Deployment) {
	t.Helper()
	const name = "mistake.yaml"
	root := filepath.Join(k.dir, "root")
	folder := filepath.Join(root, authentik.BlueprintFolder)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), deployment.Blueprint(b), 0o644))
	docker(t, "cp", root+"/.", k.server+":/")
	docker(t, append([]string{"exec", k.server}, authentik.ApplyBlueprint(name)...)...)
}

// TestDockerExternal checks a pair that --keep left running as one that is not ours:
// with an API token, names and an authority of its own, read-only and with changes,
// right and with mistakes made in the running authentik. On stand-ins it is started
// twice, so that the one that is kept is warm, as real ones are from their second run on.
func TestDockerExternal(t *testing.T) {
	versions, pairs := products(t)
	for _, pair := range pairs {
		t.Run(strings.Join(pair[:], ","), func(t *testing.T) {
			if !onReal() {
				_, err := e2e.Check(t.Context(), e2e.Options{Target: target.Stack, Paperless: pair[0], Authentik: pair[1], Only: []string{"login-page"}, Stack: on(versions)})
				require.NoError(t, err)
			}
			k := keep(t, versions, pair)
			k.right(t)
			k.mistakes(t)
		})
	}
}

func (k *kept) right(t *testing.T) {
	t.Helper()
	for name, changes := range map[string]bool{"read-only": false, "with changes": true} {
		t.Run(name, func(t *testing.T) {
			o := k.o
			o.External.Credentials, o.External.AllowChanges = k.credentials(t, false), changes
			run, err := e2e.Check(t.Context(), o)
			require.NoError(t, err)
			assert.Zero(t, run.ExitCode(), "%s %s", run.Error, statuses(run))
			for _, r := range run.Results {
				assert.NotContains(t, []check.Status{check.Failed, check.Errored}, r.Status, "%s: %s", r.Key(), r.Message)
				if !changes && r.Status == check.Passed {
					assert.NotEqual(t, "first-login", r.Check.ID, "it makes an account")
				}
			}
			if changes {
				assert.Equal(t, check.Passed, outcome(t, run, "round-trip").Status, statuses(run))
				assert.Equal(t, check.Passed, outcome(t, run, "first-login").Status, statuses(run))
				assert.NotContains(t, strings.Join(run.Bundle.Added, "\n"), "left", "what was made is removed")
			}
		})
	}
}

func (k *kept) mistakes(t *testing.T) {
	t.Helper()
	redirect := func(change func(string) string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) {
				p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "strict", URL: change(b.RedirectURI())}}
			})
		}
	}
	for _, m := range []struct {
		code string
		make func(*deployment.Deployment)
	}{
		{"RED-SLASH", redirect(func(u string) string { return strings.TrimSuffix(u, "/") })},
		{"RED-HOST", redirect(func(u string) string { return strings.Replace(u, "//paperless.", "//docs.", 1) })},
		{"RED-SCHEME", redirect(func(u string) string { return strings.Replace(u, "https:", "http:", 1) })},
		{"TOK-SECRET", func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.ClientSecret = "a-secret-that-is-not-the-one-in-paperless" })
		}},
		{"IDP-DENIED", troubleshooting.Find("IDP-DENIED").Plant}, // the last: its policy stays
	} {
		t.Run(m.code, func(t *testing.T) {
			b := k.bundle.Clone()
			m.make(b)
			k.apply(t, b)
			o := k.o
			o.Config = []string{filepath.Join(k.dir, "compose.yaml")}
			o.Only, o.External.Credentials = []string{"round-trip"}, k.credentials(t, true)
			run, err := e2e.Check(t.Context(), o)
			require.NoError(t, err)
			assert.Equal(t, 1, run.ExitCode(), "%s %s", run.Error, statuses(run))
			assert.Equal(t, m.code, firstFinding(run), statuses(run))
		})
	}
}
