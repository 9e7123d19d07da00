package deployment

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
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestFilesGolden(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Spec){
		"default":    func(*Spec) {},
		"test-users": func(*Spec) {},
		"v3":         func(s *Spec) { s.Paperless.Version, s.Authentik.Version = "3.0.5", "2025.10.0" },
		"sso-only": func(s *Spec) {
			s.RedirectToSSO, s.DisableRegularLogin, s.AutoSignup = true, true, false
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := DefaultSpec()
			require.NoError(t, err)
			change(s)
			b := New(s)
			b.Authentik.Users, b.Paperless.Users, b.Authentik.Groups = nil, nil, nil
			secret := fresh()
			if name == "test-users" {
				b, err = WithTestUsers(b)
				require.NoError(t, err)
				b, err = FreshPasswords(b, secret)
				require.NoError(t, err)
			}
			files, err := Files(FreshSecrets(b, secret), secret)
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
				require.NoErrorf(t, err, "create it with: go test ./e2e/internal/deployment -update")
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
	b, err := Default()
	require.NoError(t, err)
	model := b.Clone().Authentik.Model
	b.Authentik.Raw, b.Authentik.RawModel = []byte("# mine, byte for byte\n"), &model
	assert.Equal(t, "# mine, byte for byte\n", string(Blueprint(b)))
	b.EditProvider(func(p *OAuth2Provider) { p.RedirectURIs = nil })
	assert.Contains(t, string(Blueprint(b)), "redirect_uris: []", "a change is deployed, not the old text")
}

func TestEnvFileKeepsDollars(t *testing.T) {
	t.Parallel()
	b, err := Default()
	require.NoError(t, err)
	b.Paperless.Env = map[string]string{"A": "pa$$word", "B": "plain", "C": `it's "both" $x`}
	assert.Equal(t, "A='pa$$word'\nB=plain\nC=\"it's \\\"both\\\" \\$x\"\n", string(EnvFile(b)))
}

func TestSecretRelation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ paperless, authentik, want string }{
		"equal":   {"secret-1234", "secret-1234", SecretEqual},
		"dollar":  {"secret-", "secret-$word", SecretDollar},
		"newline": {"secret-1234\n", "secret-1234", SecretNewline},
		"quotes":  {`"secret-1234"`, "secret-1234", SecretQuotes},
		"one-off": {"secret-123", "secret-1234", SecretOneOff},
		"empty":   {"", "secret-1234", SecretEmpty},
		"other":   {"something else", "secret-1234", SecretOther},
		"unknown": {"secret-1234", "", SecretUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := Default()
			require.NoError(t, err)
			b.EditApp(func(app map[string]any) { app["secret"] = tt.paperless })
			b.EditProvider(func(p *OAuth2Provider) { p.ClientSecret = tt.authentik })
			assert.Equal(t, tt.want, b.SecretRelation())
		})
	}
}

func TestSecretsAreFoundInBrokenJSON(t *testing.T) {
	t.Parallel()
	b, err := Default()
	require.NoError(t, err)
	b.Paperless.Env[ProvidersKey] = strings.TrimSuffix(b.Paperless.Env[ProvidersKey], "}")
	assert.Contains(t, b.Secrets(), "paperless-client-secret-0123456789")
}

func TestIntends(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env    map[string]string
		by     string
		wanted bool
	}{
		"real":       {map[string]string{AutoSignup: "true"}, AutoSignup, true},
		"word":       {map[string]string{AutoSignup: "on"}, AutoSignup, true},
		"off":        {map[string]string{AutoSignup: "false", "PAPERLESS_AUTO_CREATE": "true"}, AutoSignup, false},
		"guide":      {map[string]string{"PAPERLESS_AUTO_CREATE": "true"}, "PAPERLESS_AUTO_CREATE", true},
		"guide, off": {map[string]string{"PAPERLESS_AUTO_CREATE": "false"}, "", false},
		"misspelt":   {map[string]string{"PAPERLESS_SOCIAL_AUTOSIGNUP": "true"}, "PAPERLESS_SOCIAL_AUTOSIGNUP", true},
		"nothing":    {map[string]string{"PAPERLESS_URL": "true"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &Deployment{Paperless: Paperless{Version: "2.20.15", Env: tt.env}}
			by, wanted := b.Intends(AutoSignup)
			assert.Equal(t, tt.by, by)
			assert.Equal(t, tt.wanted, wanted)
		})
	}
}

func TestUnknownVersionNamesTheNearest(t *testing.T) {
	t.Parallel()
	v, err := KnownVersions()
	require.NoError(t, err)
	_, err = Find(v.Paperless, "paperless", "2.14.7")
	require.ErrorIs(t, err, ErrUnknownVersion)
	assert.ErrorContains(t, err, "2.13.5, 2.18.4")
}

// What stands for a version may be any text: nothing breaks on it.
func TestNoVersionBreaksNothing(t *testing.T) {
	t.Parallel()
	known, err := KnownVersions()
	require.NoError(t, err)
	for _, text := range []string{"latest", "abc", "", "\x00", "v", "2.20.15-", "-1", strings.Repeat("9", 5000), strings.Repeat("A", 1<<20)} {
		assert.NotPanics(t, func() {
			assert.False(t, AtLeast("2.20.15", text))
			assert.True(t, AtLeast(text, "2.20.15"), "a development build is not old")
			_ = Basis(known.Paperless, text)
			_ = Basis(nil, text)
			_, err := Near(known.Paperless, PaperlessProduct, text)
			require.ErrorIs(t, err, ErrUnknownVersion)
			_ = known.With(&Versions{Paperless: []Release{{Version: text}}})
			_, _ = ParsePair(text, Pair{})
			_, err = UpgradePath(Pair{Paperless: text}, Pair{Paperless: "3.0.5"}, "")
			require.Error(t, err)
			_, err = HazardsBetween(PaperlessProduct, text, text)
			require.NoError(t, err)
			if text != "" {
				require.ErrorIs(t, CheckVersion("Paperless-ngx", text), ErrUnknownVersion)
			}
		}, "%.20q", text)
	}
	assert.NoError(t, CheckVersion("authentik", "v2025.8.1"))
}

// The users of the checks stand beside those of the deployment, under names and
// addresses that nobody else has; a name stays the same in both products.
func TestTestUsersBesideOthers(t *testing.T) {
	t.Parallel()
	b, err := Default()
	require.NoError(t, err)
	b.Paperless.Users = nil
	b.Authentik.Users = []AuthentikUser{
		{Username: "Alice", Email: "a@work.example"}, {Username: "frieda"}, {Username: "frieda-test"}, {Username: "x", Email: "bob@example.com"},
	}
	c, err := WithTestUsers(b)
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

	up := WithUpgradeUsers(&Deployment{Authentik: Authentik{Model: Model{Users: []AuthentikUser{{Username: "kim"}}}}})
	assert.Equal(t, "kim-test", up.Authentik.Users[1].Username)

	// authentik refuses an empty password, name or address.
	text := string(Blueprint(c))
	assert.NotContains(t, text, `password: ""`)
	assert.NotContains(t, text, `email: ""`)
	assert.NotContains(t, text, `name: ""`)
}

// No password that stands in ssocheck itself is left, also where a user of
// theirs has the name of one of ours.
func TestFreshPasswords(t *testing.T) {
	t.Parallel()
	known, err := DefaultSpec()
	require.NoError(t, err)
	b, err := Default()
	require.NoError(t, err)
	b.Authentik.Users = []AuthentikUser{{Username: "alice", Email: "alice@example.com", Password: "her own"}}
	b, err = WithTestUsers(b)
	require.NoError(t, err)
	b, err = FreshPasswords(b, fresh())
	require.NoError(t, err)
	assert.Equal(t, "her own", b.Authentik.Users[0].Password)
	for _, u := range b.Authentik.Users {
		for _, ours := range known.Users {
			assert.NotEqual(t, ours.Password, u.Password, u.Username)
		}
	}
}
