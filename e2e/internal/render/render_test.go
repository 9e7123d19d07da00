package render_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/render"
	"github.com/ssocheck/ssocheck/e2e/internal/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestFilesGolden(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*spec.Spec){
		"default":    func(*spec.Spec) {},
		"test-users": func(*spec.Spec) {},
		"v3":         func(s *spec.Spec) { s.Paperless.Version, s.Authentik.Version = "3.0.5", "2025.10.0" },
		"sso-only": func(s *spec.Spec) {
			s.RedirectToSSO, s.DisableRegularLogin, s.AutoSignup = true, true, false
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := spec.Default()
			require.NoError(t, err)
			change(s)
			b := render.New(s)
			b.Authentik.Users, b.Paperless.Users, b.Authentik.Groups = nil, nil, nil
			secret := fresh()
			if name == "test-users" {
				b, err = render.WithTestUsers(b)
				require.NoError(t, err)
				b, err = render.FreshPasswords(b, secret)
				require.NoError(t, err)
			}
			files, err := render.Files(render.FreshSecrets(b, secret), secret)
			require.NoError(t, err)
			require.Len(t, files, 5)
			for file, f := range files {
				got := f.Text
				path := filepath.Join("testdata", name, file)
				if *update {
					require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
					require.NoError(t, os.WriteFile(path, got, 0o644))
				}
				want, err := os.ReadFile(path)
				require.NoErrorf(t, err, "create it with: go test ./e2e/internal/render -update")
				assert.Equal(t, string(want), string(got), file)
			}
			var doc map[string]any
			require.NoError(t, yaml.Unmarshal(files["compose.yaml"].Text, &doc), "the compose file is YAML")
		})
	}
}

// fresh makes secrets that are the same in each run of the tests.
func fresh() func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("FRESH%021d", n)
	}
}

func TestUserBlueprintStaysAsItIs(t *testing.T) {
	t.Parallel()
	b, err := render.Default()
	require.NoError(t, err)
	model := b.Clone().Authentik.Model
	b.Authentik.Raw, b.Authentik.RawModel = []byte("# mine, byte for byte\n"), &model
	assert.Equal(t, "# mine, byte for byte\n", string(render.Blueprint(b)))
	b.EditProvider(func(p *render.OAuth2Provider) { p.RedirectURIs = nil })
	assert.Contains(t, string(render.Blueprint(b)), "redirect_uris: []", "a change is deployed, not the old text")
}

func TestEnvFileKeepsDollars(t *testing.T) {
	t.Parallel()
	b, err := render.Default()
	require.NoError(t, err)
	b.Paperless.Env = map[string]string{"A": "pa$$word", "B": "plain", "C": `it's "both" $x`}
	assert.Equal(t, "A='pa$$word'\nB=plain\nC=\"it's \\\"both\\\" \\$x\"\n", string(render.EnvFile(b)))
}

func TestSecretRelation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ paperless, authentik, want string }{
		"equal":   {"secret-1234", "secret-1234", render.SecretEqual},
		"dollar":  {"secret-", "secret-$word", render.SecretDollar},
		"newline": {"secret-1234\n", "secret-1234", render.SecretNewline},
		"quotes":  {`"secret-1234"`, "secret-1234", render.SecretQuotes},
		"one-off": {"secret-123", "secret-1234", render.SecretOneOff},
		"empty":   {"", "secret-1234", render.SecretEmpty},
		"other":   {"something else", "secret-1234", render.SecretOther},
		"unknown": {"secret-1234", "", render.SecretUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := render.Default()
			require.NoError(t, err)
			b.EditApp(func(app map[string]any) { app["secret"] = tt.paperless })
			b.EditProvider(func(p *render.OAuth2Provider) { p.ClientSecret = tt.authentik })
			assert.Equal(t, tt.want, b.SecretRelation())
		})
	}
}

func TestSecretsAreFoundInBrokenJSON(t *testing.T) {
	t.Parallel()
	b, err := render.Default()
	require.NoError(t, err)
	b.Paperless.Env[render.ProvidersKey] = strings.TrimSuffix(b.Paperless.Env[render.ProvidersKey], "}")
	assert.Contains(t, b.Secrets(), "paperless-client-secret-0123456789")
}

func TestIntends(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env    map[string]string
		by     string
		wanted bool
	}{
		"real":       {map[string]string{render.AutoSignup: "true"}, render.AutoSignup, true},
		"word":       {map[string]string{render.AutoSignup: "on"}, render.AutoSignup, true},
		"off":        {map[string]string{render.AutoSignup: "false", "PAPERLESS_AUTO_CREATE": "true"}, render.AutoSignup, false},
		"guide":      {map[string]string{"PAPERLESS_AUTO_CREATE": "true"}, "PAPERLESS_AUTO_CREATE", true},
		"guide, off": {map[string]string{"PAPERLESS_AUTO_CREATE": "false"}, "", false},
		"misspelt":   {map[string]string{"PAPERLESS_SOCIAL_AUTOSIGNUP": "true"}, "PAPERLESS_SOCIAL_AUTOSIGNUP", true},
		"nothing":    {map[string]string{"PAPERLESS_URL": "true"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &render.Bundle{Paperless: render.Paperless{Version: "2.20.15", Env: tt.env}}
			by, wanted := b.Intends(render.AutoSignup)
			assert.Equal(t, tt.by, by)
			assert.Equal(t, tt.wanted, wanted)
		})
	}
}

func TestUnknownVersionNamesTheNearest(t *testing.T) {
	t.Parallel()
	v, err := render.KnownVersions()
	require.NoError(t, err)
	_, err = render.Find(v.Paperless, "paperless", "2.14.7")
	require.ErrorIs(t, err, render.ErrUnknownVersion)
	assert.ErrorContains(t, err, "2.13.5, 2.18.4")
}

// What stands for a version may be any text: nothing breaks on it.
func TestNoVersionBreaksNothing(t *testing.T) {
	t.Parallel()
	known, err := render.KnownVersions()
	require.NoError(t, err)
	for _, text := range []string{"latest", "abc", "", "\x00", "v", "2.20.15-", "-1", strings.Repeat("9", 5000), strings.Repeat("A", 1<<20)} {
		assert.NotPanics(t, func() {
			assert.False(t, render.AtLeast("2.20.15", text))
			assert.True(t, render.AtLeast(text, "2.20.15"), "a development build is not old")
			_ = render.Basis(known.Paperless, text)
			_ = render.Basis(nil, text)
			_, err := render.Near(known.Paperless, render.PaperlessProduct, text)
			require.ErrorIs(t, err, render.ErrUnknownVersion)
			_ = known.With(&render.Versions{Paperless: []render.Release{{Version: text}}})
			_, _ = render.ParsePair(text, render.Pair{})
			_, err = render.UpgradePath(render.Pair{Paperless: text}, render.Pair{Paperless: "3.0.5"}, "")
			require.Error(t, err)
			_, err = render.HazardsBetween(render.PaperlessProduct, text, text)
			require.NoError(t, err)
			if text != "" {
				require.ErrorIs(t, render.CheckVersion("Paperless-ngx", text), render.ErrUnknownVersion)
			}
		}, "%.20q", text)
	}
	assert.NoError(t, render.CheckVersion("authentik", "v2025.8.1"))
}

// The people of the checks stand beside those of the deployment, under names and
// addresses that nobody else has; a name stays the same in both products.
func TestTestUsersBesideOthers(t *testing.T) {
	t.Parallel()
	b, err := render.Default()
	require.NoError(t, err)
	b.Paperless.Users = nil
	b.Authentik.Users = []render.AuthentikUser{
		{Username: "Alice", Email: "a@work.example"}, {Username: "frieda"}, {Username: "frieda-test"}, {Username: "x", Email: "bob@example.com"},
	}
	c, err := render.WithTestUsers(b)
	require.NoError(t, err)
	assert.Equal(t, b.Authentik.Users, c.Authentik.Users[:4], "theirs are not touched")
	who := func(role string) string {
		u, ok := c.SSOUser(role)
		require.True(t, ok, role)
		return u.Username + " " + u.Email
	}
	assert.Equal(t, "alice-test alice@example.com", who("round-trip"))
	assert.Equal(t, "bob bob-test@example.com", who("first-login"))
	assert.Equal(t, "carol carol@example.com", who("linking"))
	assert.Equal(t, "frieda-test2 frieda@example.com", who("existing-user"))
	local, ok := c.LocalUser("existing-user")
	require.True(t, ok)
	assert.Equal(t, "frieda-test2", local.Username, "the check is about a name that both have")
	assert.Contains(t, c.Added, "authentik user alice-test (round-trip)")

	up := render.WithUpgradeUsers(&render.Bundle{Authentik: render.Authentik{Model: render.Model{Users: []render.AuthentikUser{{Username: "kim"}}}}})
	assert.Equal(t, "kim-test", up.Authentik.Users[1].Username)

	// authentik refuses an empty password, name or address.
	text := string(render.Blueprint(c))
	assert.NotContains(t, text, `password: ""`)
	assert.NotContains(t, text, `email: ""`)
	assert.NotContains(t, text, `name: ""`)
}

// No password that stands in ssocheck itself is left, also where a person of
// theirs has the name of one of ours.
func TestFreshPasswords(t *testing.T) {
	t.Parallel()
	known, err := spec.Default()
	require.NoError(t, err)
	b, err := render.Default()
	require.NoError(t, err)
	b.Authentik.Users = []render.AuthentikUser{{Username: "alice", Email: "alice@example.com", Password: "her own"}}
	b, err = render.WithTestUsers(b)
	require.NoError(t, err)
	b, err = render.FreshPasswords(b, fresh())
	require.NoError(t, err)
	assert.Equal(t, "her own", b.Authentik.Users[0].Password)
	for _, u := range b.Authentik.Users {
		for _, ours := range known.Users {
			assert.NotEqual(t, ours.Password, u.Password, u.Username)
		}
	}
}
