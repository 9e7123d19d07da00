package blueprint_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/blueprint"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// withoutRoles is the model as a blueprint can hold it: who plays which part in
// a check is the tester's own business.
func withoutRoles(m deployment.Model) deployment.Model {
	users := make([]deployment.AuthentikUser, len(m.Users))
	copy(users, m.Users)
	for i := range users {
		users[i].Role = ""
	}
	m.Users = users
	return m
}

func TestReadRoundTrip(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	tests := map[string]func(*deployment.Deployment){
		"guide":           func(*deployment.Deployment) {},
		"no redirect URI": func(b *deployment.Deployment) { b.Authentik.Providers[0].RedirectURIs = nil },
		"regex": func(b *deployment.Deployment) {
			b.Authentik.Providers[0].RedirectURIs = []deployment.RedirectURI{{MatchingMode: "regex", URL: `https://.*\.example\.com/x`}, {MatchingMode: "strict", URL: "https://a.example/"}}
		},
		"no grant types":    func(b *deployment.Deployment) { b.Authentik.Providers[0].GrantTypes = nil },
		"empty grant types": func(b *deployment.Deployment) { b.Authentik.Providers[0].GrantTypes = []string{} },
		"keys": func(b *deployment.Deployment) {
			b.Authentik.Providers[0].SigningKey = false
			b.Authentik.Providers[0].EncryptionKey = true
		},
		"modes": func(b *deployment.Deployment) {
			p := &b.Authentik.Providers[0]
			p.SubMode, p.IssuerMode, p.Consent, p.ClientType = "user_email", "global", true, "public"
			p.AccessCodeValidity, p.AccessTokenValidity = "seconds=30", "minutes=5"
		},
		"scopes":      func(b *deployment.Deployment) { b.Authentik.Providers[0].Scopes = []string{"openid"} },
		"no provider": func(b *deployment.Deployment) { b.Authentik.Applications[0].Provider = "" },
		"denied":      func(b *deployment.Deployment) { b.Authentik.Applications[0].Deny = true },
		"groups": func(b *deployment.Deployment) {
			b.Authentik.Groups = []string{"docs", "other's \"group\""}
			b.Authentik.Applications[0].Groups = []string{"docs"}
			b.Authentik.Applications[0].Deny = true
			b.Authentik.Users[0].Groups = []string{"docs", "other's \"group\""}
		},
		"users": func(b *deployment.Deployment) {
			b.Authentik.Users[0].Inactive = true
			b.Authentik.Users[1].EmailVerified = &yes
			b.Authentik.Users[2].EmailVerified = &no
			b.Authentik.Users[3].Password = `p: "x" #y\n$z`
		},
		"own mapping": func(b *deployment.Deployment) {
			b.Authentik.Mappings = []deployment.ScopeMapping{{Name: "verified email", Scope: "email", Expression: "return {\n  \"email\": request.user.email,\n  \"email_verified\": True,\n}"}}
		},
		"two of each": func(b *deployment.Deployment) {
			b.Authentik.Providers = append(b.Authentik.Providers, deployment.OAuth2Provider{Name: "wiki", ClientType: "confidential", ClientID: "w", ClientSecret: "wiki-secret", Scopes: []string{"openid", "offline_access"}})
			b.Authentik.Applications = append(b.Authentik.Applications, deployment.Application{Name: "Wiki", Slug: "wiki", Provider: "wiki"})
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := deployment.Default()
			require.NoError(t, err)
			change(b)
			got, err := blueprint.Read("blueprint.yaml", deployment.Blueprint(b), nil)
			require.NoError(t, err)
			assert.Equal(t, withoutRoles(b.Authentik.Model), got)
		})
	}
}

func TestParseOfUsers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/people.yaml")
	require.NoError(t, err)
	b, err := blueprint.Parse("people.yaml", text, map[string]string{"PAPERLESS_CLIENT_SECRET": "from-env-secret"})
	require.NoError(t, err)
	yes := true
	assert.Equal(t, deployment.Model{
		Groups:   []string{"paperless-users"},
		Mappings: []deployment.ScopeMapping{{Name: "lab email", Scope: "email", Expression: "return {\"email\": request.user.email, \"email_verified\": request.user.attributes.get(\"email_verified\", False)}\n"}},
		Users:    []deployment.AuthentikUser{{Username: "alice", Name: "Alice Example", Email: "alice@example.org", Password: "alice-pw-1", EmailVerified: &yes, Groups: []string{"paperless-users"}}},
		Providers: []deployment.OAuth2Provider{{
			Name: "Provider for Paperless", ClientType: "confidential", ClientID: "paperless-client", ClientSecret: "from-env-secret",
			RedirectURIs: []deployment.RedirectURI{{MatchingMode: "strict", URL: "https://docs.example.org/accounts/oidc/authentik/login/callback/"}, {MatchingMode: "regex", URL: `https://docs\.lan/.*`}},
			Scopes:       []string{"openid", "profile", "email"}, SigningKey: true, Consent: true,
		}},
		Applications: []deployment.Application{{Name: "Documents", Slug: "docs", Provider: "Provider for Paperless", Groups: []string{"paperless-users"}}},
	}, b.Model)
	assert.Empty(t, b.TextURIs)
	assert.Equal(t, "people.yaml:40", b.Origins["providers/Provider for Paperless/redirect_uris"].String())
	assert.Len(t, b.Notes, 1, "the flow stage binding is no part of the sign-in, the webhook policy is a note")
}

func TestReadTextURIs(t *testing.T) {
	t.Parallel()
	const text = `version: 1
entries:
  - model: authentik_providers_oauth2.oauth2provider
    identifiers: {name: old}
    attrs:
      client_id: c
      redirect_uris: |
        https://paperless\.example\.com/accounts/oidc/authentik/login/callback/
        https://other\.example\.com/
`
	b, err := blueprint.Parse("old.yaml", []byte(text), nil)
	require.NoError(t, err)
	require.Len(t, b.Model.Providers, 1)
	assert.Equal(t, []deployment.RedirectURI{
		{MatchingMode: "regex", URL: `https://paperless\.example\.com/accounts/oidc/authentik/login/callback/`},
		{MatchingMode: "regex", URL: `https://other\.example\.com/`},
	}, b.Model.Providers[0].RedirectURIs)
	assert.Equal(t, []string{"old"}, b.TextURIs)
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"empty":           {"", "b.yaml:1:1: this is not an authentik blueprint"},
		"a list":          {"- a\n- b\n", "b.yaml:1:1: this is not an authentik blueprint"},
		"compose file":    {"services:\n  a: {image: x}\n", "b.yaml:1:1: this is not an authentik blueprint: it has no entries"},
		"entries no list": {"entries:\n  a: b\n", "b.yaml:2:4: entries is not a list"},
		"not YAML":        {"entries:\n  - [top-secret-value\n  - b: {", "b.yaml:3:3: not YAML"},
		"KeyOf nothing": {
			"entries:\n- model: authentik_core.application\n  identifiers: {slug: s}\n  attrs:\n    provider: !KeyOf gone\n",
			"b.yaml:5:15: !KeyOf names no entry of this file: give the entry above that id: gone",
		},
		"alias of nothing": {"entries: *gone\n", "b.yaml:1:10: the alias has no anchor"},
		"brackets":         {"entries: " + strings.Repeat("[", 5000), "b.yaml:1:210: brackets are nested too deep"},
		"aliases": {
			"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "context:\n  b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n  c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nentries: []\n",
			"the alias has no anchor",
		},
		"too big": {"#" + strings.Repeat("x", 1<<20), "bigger than 1 MiB"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := blueprint.Read("b.yaml", []byte(tt.text), nil)
			require.ErrorContains(t, err, tt.want)
			var be *blueprint.Error
			require.ErrorAs(t, err, &be)
			assert.NotContains(t, err.Error(), "top-secret-value")
		})
	}
}

func FuzzRead(f *testing.F) {
	b, err := deployment.Default()
	require.NoError(f, err)
	f.Add(string(deployment.Blueprint(b)))
	text, err := os.ReadFile("testdata/people.yaml")
	require.NoError(f, err)
	f.Add(string(text))
	f.Fuzz(func(t *testing.T, text string) {
		_, err := blueprint.Read("f.yaml", []byte(text), nil)
		if err != nil && !strings.HasPrefix(err.Error(), "f.yaml:") {
			t.Fatalf("no place: %v", err)
		}
	})
}
