package lab_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// backLimit is for a back-channel call on a busy machine: no row waits for it.
const backLimit = time.Minute

// TestObserved plays everything that was recorded of the real pair on the
// assembled lab, without a browser, and compares every value: of the sign-ins
// the start and its log, the sign-in page, the redirects with their parameters,
// the steps at authentik, the page at the end, who is signed in, what passwords
// open, and both logs; then the flows and the upgrades.
func TestObserved(t *testing.T) {
	t.Parallel()
	all := observed(t)
	require.NotEmpty(t, all.Rows)
	require.NotEmpty(t, all.Flows)
	require.NotEmpty(t, all.Upgrades)
	var mu sync.Mutex
	used := map[string]bool{}
	check := func(t *testing.T, want, got any) {
		t.Helper()
		c := requireSame(t, want, got)
		mu.Lock()
		defer mu.Unlock()
		maps.Copy(used, c.used)
	}
	t.Run("rows", func(t *testing.T) {
		for _, r := range all.Rows {
			t.Run(r.name(), func(t *testing.T) {
				t.Parallel()
				tg := r.run(t, all.Harness)
				check(t, r.seen, see(t, r, tg))
				assert.Empty(t, tg.NotModelled())
			})
		}
	})
	t.Run("flows", func(t *testing.T) {
		for _, f := range all.Flows {
			t.Run(f.Paperless+"+"+f.Authentik, func(t *testing.T) {
				t.Parallel()
				check(t, f, f.see(t, all.Harness))
			})
		}
	})
	t.Run("upgrades", func(t *testing.T) {
		for _, u := range all.Upgrades {
			t.Run(u.name(), func(t *testing.T) {
				t.Parallel()
				check(t, u, u.see(t, all.Harness))
			})
		}
	})
	for _, r := range rules {
		assert.NotEmpty(t, r.why, r.path)
		assert.True(t, used[r.path], "nothing recorded needs the exception for %s", r.path)
	}
}

// users are everybody of the recordings: their password is made of their name.
func people() []deployment.User {
	out := []deployment.User{
		{Username: "alice", Name: "Alice Test", Email: "alice@example.com"},
		{Username: "bob", Name: "Bob Test", Email: "bob@example.com"},
		{Username: "carol", Name: "Carol Test", Email: "carol@example.com"},
		{Username: "admin", Name: "Admin Test", Email: "ssoadmin@example.com"},
		{Username: "mailtaken", Name: "Mailtaken Test", Email: "admin@example.com"},
		{Username: "inactive", Name: "Inactive Test", Email: "inactive@example.com", Inactive: true},
	}
	for i := range out {
		out[i].Password = out[i].Username + "-pw-12345"
	}
	return out
}

// bundle is the recorded deployment.
func bundle(t *testing.T, r row, harness map[string]string) *deployment.Deployment {
	t.Helper()
	b := deployment.New(&deployment.Spec{
		Paperless: deployment.Product{URL: origin, Version: r.Paperless},
		Authentik: deployment.Product{URL: "https://authentik.example.com", Version: strings.TrimSuffix(r.Authentik, "-rc1")},
		Provider: deployment.Provider{
			ID: "authentik", Name: "SSO", Slug: "paperless", ClientID: "gt-client-id", ClientSecret: "gt-client-secret-0123456789",
			PKCE: true, Scopes: []string{"openid", "email", "profile"},
		},
		Users: people(),
		LocalUsers: []deployment.LocalUser{
			{Username: "local1", Email: "local1@example.com", Password: "local1-pw-12345"},
		},
	})
	env := map[string]string{}
	for k, v := range harness {
		// The lab brings its own CA and its own Redis.
		if !slices.Contains(r.Dropped, k) && k != "REQUESTS_CA_BUNDLE" && k != "PAPERLESS_REDIS" {
			env[k] = v
		}
	}
	maps.Copy(env, r.Env)
	env["PAPERLESS_SECRET_KEY"] = "any-secret-key-of-the-recording"
	b.Paperless.Env = env
	p := &b.Authentik.Providers[0]
	for k, v := range r.Changes {
		switch k {
		case "redirect":
			p.RedirectURIs = nil
			if v != "" {
				p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "strict", URL: v.(string)}}
			}
		case "deny":
			b.Authentik.Applications[0].Deny = v.(bool)
		case "scopes":
			p.Scopes = nil
			for _, sc := range v.([]any) {
				p.Scopes = append(p.Scopes, sc.(string))
			}
		case "consent":
			require.Equal(t, "explicit", v)
			p.Consent = true
		case "sub_mode":
			p.SubMode = v.(string)
		default:
			t.Fatalf("row %s changes authentik's %s, which no test knows", r.name(), k)
		}
	}
	return b
}
