package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/config"
	"github.com/ssocheck/ssocheck/e2e/render"
)

// withoutRoles is the model as a blueprint can hold it: who plays which part in
// a check is the tester's own business.
func withoutRoles(m render.Model) render.Model {
	users := make([]render.AuthentikUser, len(m.Users))
	copy(users, m.Users)
	for i := range users {
		users[i].Role = ""
	}
	m.Users = users
	return m
}

func TestReadBlueprintRoundTrip(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	tests := map[string]func(*render.Bundle){
		"guide":           func(*render.Bundle) {},
		"no redirect URI": func(b *render.Bundle) { b.Authentik.Providers[0].RedirectURIs = nil },
		"regex": func(b *render.Bundle) {
			b.Authentik.Providers[0].RedirectURIs = []render.RedirectURI{{MatchingMode: "regex", URL: `https://.*\.example\.com/x`}, {MatchingMode: "strict", URL: "https://a.example/"}}
		},
		"no grant types":    func(b *render.Bundle) { b.Authentik.Providers[0].GrantTypes = nil },
		"empty grant types": func(b *render.Bundle) { b.Authentik.Providers[0].GrantTypes = []string{} },
		"keys": func(b *render.Bundle) {
			b.Authentik.Providers[0].SigningKey = false
			b.Authentik.Providers[0].EncryptionKey = true
		},
		"modes": func(b *render.Bundle) {
			p := &b.Authentik.Providers[0]
			p.SubMode, p.IssuerMode, p.Consent, p.ClientType = "user_email", "global", true, "public"
			p.AccessCodeValidity, p.AccessTokenValidity = "seconds=30", "minutes=5"
		},
		"scopes":      func(b *render.Bundle) { b.Authentik.Providers[0].Scopes = []string{"openid"} },
		"no provider": func(b *render.Bundle) { b.Authentik.Applications[0].Provider = "" },
		"denied":      func(b *render.Bundle) { b.Authentik.Applications[0].Deny = true },
		"groups": func(b *render.Bundle) {
			b.Authentik.Groups = []string{"docs", "other's \"group\""}
			b.Authentik.Applications[0].Groups = []string{"docs"}
			b.Authentik.Applications[0].Deny = true
			b.Authentik.Users[0].Groups = []string{"docs", "other's \"group\""}
		},
		"users": func(b *render.Bundle) {
			b.Authentik.Users[0].Inactive = true
			b.Authentik.Users[1].EmailVerified = &yes
			b.Authentik.Users[2].EmailVerified = &no
			b.Authentik.Users[3].Password = `p: "x" #y\n$z`
		},
		"own mapping": func(b *render.Bundle) {
			b.Authentik.Mappings = []render.ScopeMapping{{Name: "verified email", Scope: "email", Expression: "return {\n  \"email\": request.user.email,\n  \"email_verified\": True,\n}"}}
		},
		"two of each": func(b *render.Bundle) {
			b.Authentik.Providers = append(b.Authentik.Providers, render.OAuth2Provider{Name: "wiki", ClientType: "confidential", ClientID: "w", ClientSecret: "wiki-secret", Scopes: []string{"openid", "offline_access"}})
			b.Authentik.Applications = append(b.Authentik.Applications, render.Application{Name: "Wiki", Slug: "wiki", Provider: "wiki"})
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := render.Default()
			require.NoError(t, err)
			change(b)
			got, err := config.ReadBlueprint("blueprint.yaml", render.Blueprint(b), nil)
			require.NoError(t, err)
			assert.Equal(t, withoutRoles(b.Authentik.Model), got)
		})
	}
}

func TestParseBlueprintOfPeople(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/blueprint/people.yaml")
	require.NoError(t, err)
	b, err := config.ParseBlueprint("people.yaml", text, map[string]string{"PAPERLESS_CLIENT_SECRET": "from-env-secret"})
	require.NoError(t, err)
	yes := true
	assert.Equal(t, render.Model{
		Groups:   []string{"paperless-users"},
		Mappings: []render.ScopeMapping{{Name: "lab email", Scope: "email", Expression: "return {\"email\": request.user.email, \"email_verified\": request.user.attributes.get(\"email_verified\", False)}\n"}},
		Users:    []render.AuthentikUser{{Username: "alice", Name: "Alice Example", Email: "alice@example.org", Password: "alice-pw-1", EmailVerified: &yes, Groups: []string{"paperless-users"}}},
		Providers: []render.OAuth2Provider{{
			Name: "Provider for Paperless", ClientType: "confidential", ClientID: "paperless-client", ClientSecret: "from-env-secret",
			RedirectURIs: []render.RedirectURI{{MatchingMode: "strict", URL: "https://docs.example.org/accounts/oidc/authentik/login/callback/"}, {MatchingMode: "regex", URL: `https://docs\.lan/.*`}},
			Scopes:       []string{"openid", "profile", "email"}, SigningKey: true, Consent: true,
		}},
		Applications: []render.Application{{Name: "Documents", Slug: "docs", Provider: "Provider for Paperless", Groups: []string{"paperless-users"}}},
	}, b.Model)
	assert.Empty(t, b.TextURIs)
	assert.Equal(t, "people.yaml:40", b.Origins["providers/Provider for Paperless/redirect_uris"].String())
	assert.Len(t, b.Notes, 1, "the flow stage binding is no part of the sign-in, the webhook policy is a note")
}

func TestReadBlueprintTextURIs(t *testing.T) {
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
	b, err := config.ParseBlueprint("old.yaml", []byte(text), nil)
	require.NoError(t, err)
	require.Len(t, b.Model.Providers, 1)
	assert.Equal(t, []render.RedirectURI{
		{MatchingMode: "regex", URL: `https://paperless\.example\.com/accounts/oidc/authentik/login/callback/`},
		{MatchingMode: "regex", URL: `https://other\.example\.com/`},
	}, b.Model.Providers[0].RedirectURIs)
	assert.Equal(t, []string{"old"}, b.TextURIs)
}

func TestReadBlueprintErrors(t *testing.T) {
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
		"Env not set": {
			"entries:\n- model: authentik_providers_oauth2.oauth2provider\n  identifiers: {name: p}\n  attrs:\n    client_id: x\n    client_secret: !Env SECRET\n",
			"b.yaml:6:20: client_secret is not known: the environment variable SECRET is not set here: set it",
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
			_, err := config.ReadBlueprint("b.yaml", []byte(tt.text), nil)
			require.ErrorContains(t, err, tt.want)
			var be *config.BlueprintError
			require.ErrorAs(t, err, &be)
			assert.NotContains(t, err.Error(), "top-secret-value")
		})
	}
}

func FuzzReadBlueprint(f *testing.F) {
	b, err := render.Default()
	require.NoError(f, err)
	f.Add(string(render.Blueprint(b)))
	text, err := os.ReadFile("testdata/blueprint/people.yaml")
	require.NoError(f, err)
	f.Add(string(text))
	f.Fuzz(func(t *testing.T, text string) {
		_, err := config.ReadBlueprint("f.yaml", []byte(text), nil)
		if err != nil && !strings.HasPrefix(err.Error(), "f.yaml:") {
			t.Fatalf("no place: %v", err)
		}
	})
}
