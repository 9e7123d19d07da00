package model_test

import (
	"cmp"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	const path = "/application/o/paperless/.well-known/openid-configuration"
	s := start(t, bundle(t, "2025.8.1", nil), authentik.Options{})
	tests := map[string]struct {
		path, host string
		plain      bool
		status     int
		location   string
		issuer     string
	}{
		"right":                {path: path, status: 200, issuer: "https://authentik.example.com/application/o/paperless/"},
		"by http":              {path: path, plain: true, status: 200, issuer: "http://authentik.example.com/application/o/paperless/"},
		"other name":           {path: path, host: "auth.lan:9443", status: 200, issuer: "https://auth.lan:9443/application/o/paperless/"},
		"name with underscore": {path: path, host: "authentik_server", status: 404},
		"wrong slug":           {path: strings.Replace(path, "paperless", "nope", 1), status: 404},
		"slug in capitals":     {path: strings.Replace(path, "paperless", "Paperless", 1), status: 404},
		"trailing slash":       {path: path + "/", status: 404},
		"no slug":              {path: "/.well-known/openid-configuration", status: 404},
		"application":          {path: "/application/o/paperless/", status: 302, location: path},
		"double slash":         {path: "/application/o/paperless//.well-known/openid-configuration", status: 301, location: path},
		"health":               {path: "/-/health/ready/", status: 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t, s)
			a.plain = tt.plain
			if tt.host != "" {
				a.host = tt.host
			}
			res := a.get(tt.path)
			assert.Equal(t, tt.status, res.StatusCode)
			assert.Equal(t, tt.location, res.Header.Get("Location"))
			if tt.issuer != "" {
				doc := res.json(t)
				assert.Equal(t, tt.issuer, doc["issuer"])
				assert.Equal(t, strings.Replace(tt.issuer, "paperless/", "token/", 1), doc["token_endpoint"])
				assert.Equal(t, []any{"client_secret_post", "client_secret_basic"}, doc["token_endpoint_auth_methods_supported"])
				assert.Equal(t, []any{"openid", "email", "profile"}, doc["scopes_supported"])
			}
			if tt.status == 404 && tt.host == "" {
				assert.Contains(t, res.body, "Not Found")
				assert.Contains(t, res.body, "Go home")
			}
		})
	}
}

// TestUnderAPath: with AUTHENTIK_WEB__PATH everything is below that path, and so is
// every address that authentik gives out.
func TestUnderAPath(t *testing.T) {
	t.Parallel()
	s := start(t, bundle(t, "2025.8.1", nil), authentik.Options{Path: "/auth"})
	a := newAgent(t, s)
	const discovery = "/application/o/paperless/.well-known/openid-configuration"
	assert.Equal(t, http.StatusNotFound, a.get(discovery).StatusCode)
	assert.Equal(t, "/auth/", a.get("/").Header.Get("Location"))
	doc := a.get("/auth" + discovery).json(t)
	for name, want := range map[string]string{
		"issuer": "paperless/", "authorization_endpoint": "authorize/", "token_endpoint": "token/", "userinfo_endpoint": "userinfo/",
		"jwks_uri": "paperless/jwks/", "end_session_endpoint": "paperless/end-session/",
	} {
		assert.Equal(t, "https://authentik.example.com/auth/application/o/"+want, doc[name])
	}
	assert.Equal(t, "/auth"+discovery, a.get("/auth/application/o/paperless/").Header.Get("Location"))
	res := a.get("/auth/if/user/")
	assert.Equal(t, "/auth/flows/-/default/authentication/?next="+url.QueryEscape("/auth/if/user/"), res.Header.Get("Location"))
	flow := a.get(res.Header.Get("Location"))
	assert.Equal(t, "/auth/if/flow/default-authentication-flow/?next="+url.QueryEscape("/auth/if/user/"), flow.Header.Get("Location"))
	for _, c := range append(res.Cookies(), flow.Cookies()...) {
		assert.Equal(t, "/auth/", c.Path, c.Name)
	}
}

func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	strict := func(u string) []deployment.RedirectURI {
		return []deployment.RedirectURI{{MatchingMode: "strict", URL: u}}
	}
	regex := func(u string) []deployment.RedirectURI {
		return []deployment.RedirectURI{{MatchingMode: "regex", URL: u}}
	}
	tests := map[string]struct {
		uris []deployment.RedirectURI
		sent string
		ok   bool
	}{
		"strict":                           {strict(callback), callback, true},
		"strict is no pattern":             {strict("https://.*"), callback, false},
		"second of two":                    {append(strict("https://a.example/"), strict(callback)...), callback, true},
		"regex":                            {regex(`https://.*\.example\.com/accounts/.*`), callback, true},
		"regex matches the whole":          {regex(`https://paperless\.example\.com`), callback, false},
		"an unescaped dot is any letter":   {regex(callback), strings.Replace(callback, "paperless.", "paperlessX", 1), true},
		"regex that does not compile":      {regex(`https://[`), `https://[`, false},
		"a star is everything":             {regex("*"), callback, true},
		"a script is never a redirect URI": {regex(".*"), "javascript:alert(1)", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, bundle(t, "2025.8.1", func(b *deployment.Deployment) { b.Authentik.Providers[0].RedirectURIs = tt.uris }), authentik.Options{})
			res := newAgent(t, s).get(authorizeURL(map[string]string{"redirect_uri": tt.sent}))
			assert.Equal(t, tt.ok, res.StatusCode == http.StatusFound, res.body)
		})
	}
}

// TestEmptyRedirectURIs: the first that is ever seen is taken for ever.
func TestEmptyRedirectURIs(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", func(b *deployment.Deployment) { b.Authentik.Providers[0].RedirectURIs = nil })
	s := start(t, b, authentik.Options{Token: "api-token-0123"})
	a := newAgent(t, s)
	assert.Equal(t, http.StatusFound, a.get(authorizeURL(map[string]string{"redirect_uri": "https://evil.example/"})).StatusCode)
	assert.Equal(t, http.StatusBadRequest, a.get(authorizeURL(nil)).StatusCode)
	later := start(t, b, authentik.Options{State: s.State()})
	assert.Equal(t, http.StatusBadRequest, newAgent(t, later).get(authorizeURL(nil)).StatusCode)
}

// TestTextRedirectURIs: the old form is a pattern in old versions, and makes
// newer ones refuse the whole blueprint.
func TestTextRedirectURIs(t *testing.T) {
	t.Parallel()
	b := bundle(t, "", nil)
	text := regexp.MustCompile(`(?s)redirect_uris:\n.*?signing_key`).ReplaceAllString(string(deployment.Blueprint(b)), "redirect_uris: \"https://paperless\\\\.example\\\\.com/.*\"\n      signing_key")
	for version, ok := range map[string]bool{"2024.8.4": true, "2024.8.5": false, "2024.10.2": true, "2024.10.3": false, "2024.12.0": false, "2025.8.1": false} {
		s, err := authentik.New(authentik.Options{Version: version, Blueprint: []byte(text)})
		require.NoError(t, err)
		a := newAgent(t, s)
		assert.Equal(t, ok, a.get(authorizeURL(nil)).StatusCode == http.StatusFound, version)
		assert.Equal(t, ok, a.get("/application/o/paperless/.well-known/openid-configuration").StatusCode == http.StatusOK, version)
		if !ok {
			assert.Contains(t, s.Log()[0].Text, "Entry invalid")
		}
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"":               "^[0-9a-f]{64}$",
		"user_upn":       "^[0-9a-f]{64}$",
		"user_id":        `^\d+$`,
		"user_uuid":      "^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$",
		"user_username":  "^alice$",
		"user_email":     "^alice@example.com$",
		"hashed_user_id": "^[0-9a-f]{64}$",
	}
	for mode, want := range tests {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := bundle(t, "2025.8.1", func(b *deployment.Deployment) { b.Authentik.Providers[0].SubMode = mode })
			subject := func(state *authentik.State) (string, *authentik.State) {
				s := start(t, b, authentik.Options{State: state})
				a := newAgent(t, s)
				tokens := a.tokens(a.code(b, nil).Query().Get("code"))
				sub := payload(t, tokens["id_token"])["sub"].(string)
				assert.Equal(t, sub, a.userinfo(tokens["access_token"].(string)).json(t)["sub"])
				return sub, s.State()
			}
			first, state := subject(nil)
			assert.Regexp(t, want, first)
			kept, _ := subject(state)
			assert.Equal(t, first, kept, "an upgrade keeps it")
			fresh, _ := subject(nil)
			hashed := strings.HasPrefix(want, "^[0-9a-f]")
			assert.Equal(t, hashed, fresh != first, "only what hashes the installation is new in a new one")
		})
	}
}

func TestIssuerModes(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", func(b *deployment.Deployment) { b.Authentik.Providers[0].IssuerMode = "global" })
	a := newAgent(t, start(t, b, authentik.Options{}))
	tokens := a.tokens(a.code(b, nil).Query().Get("code"))
	assert.Equal(t, "https://authentik.example.com/", payload(t, tokens["id_token"])["iss"])
	assert.Equal(t, "https://authentik.example.com/", a.get("/application/o/paperless/.well-known/openid-configuration").json(t)["issuer"])
	a.host = "other.example.com"
	assert.Equal(t, "https://other.example.com/", payload(t, a.tokens(a.passOn(authorizeURL(nil)).Query().Get("code"))["id_token"])["iss"], "from the token request's own host")
}

func TestMappings(t *testing.T) {
	t.Parallel()
	yes := true
	tests := map[string]struct {
		scope, expression string
		version           string // empty: 2025.8.1
		verified          *bool
		want              map[string]any // claims that must be so
		gone              []string
		unknown           bool
	}{
		"literal":               {scope: "email", expression: `return {"email": request.user.email, "email_verified": False}`, want: map[string]any{"email": "alice@example.com", "email_verified": false}},
		"attribute":             {scope: "email", expression: "# as in the docs\nreturn {\n  'email': user.email,\n  'email_verified': request.user.attributes.get('email_verified', False),\n}\n", verified: &yes, want: map[string]any{"email_verified": true}},
		"default":               {scope: "email", expression: `return {"email_verified": request.user.attributes.get("email_verified", False)}`, want: map[string]any{"email_verified": false}, gone: []string{"email"}},
		"as text":               {scope: "email", expression: `return {"email_verified": "true"}`, want: map[string]any{"email_verified": "true"}},
		"groups":                {scope: "profile", expression: `return {"preferred_username": request.user.email, "groups": [group.name for group in request.user.ak_groups.all()]}`, want: map[string]any{"preferred_username": "alice@example.com", "groups": []any{"staff"}}, gone: []string{"nickname"}},
		"groups before 2026.2":  {scope: "profile", expression: `return {"groups": [g.name for g in request.user.groups.all()]}`, want: map[string]any{"groups": []any{}}},
		"groups from 2026.2 on": {scope: "profile", version: "2026.2.3", expression: `return {"groups": [g.name for g in request.user.groups.all()]}`, want: map[string]any{"groups": []any{"staff"}}},
		"ak_groups of 2026.2":   {scope: "profile", version: "2026.2.3", expression: `return {"groups": [g.name for g in request.user.ak_groups.all()]}`, want: map[string]any{"groups": []any{"staff"}}},
		"protocol":              {scope: "profile", expression: `return {"aud": "another", "iss": "https://x/", "exp": 1700000000}`, want: map[string]any{"aud": "another", "iss": "https://x/", "exp": 1700000000.0}},
		"real Python":           {scope: "email", expression: "import re\nreturn {}", want: map[string]any{"email_verified": true}, unknown: true},
		"a call":                {scope: "email", expression: `return {"email": request.user.email.lower()}`, want: map[string]any{"email": "alice@example.com"}, unknown: true},
		"half an entry":         {scope: "email", expression: `return {"email": `, unknown: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle(t, cmp.Or(tt.version, "2025.8.1"), func(b *deployment.Deployment) {
				b.Authentik.Groups = []string{"staff"}
				b.Authentik.Users[0].Groups = []string{"staff"}
				b.Authentik.Users[0].EmailVerified = tt.verified
				b.Authentik.Mappings = []deployment.ScopeMapping{{Name: "own", Scope: tt.scope, Expression: tt.expression}}
			})
			s := start(t, b, authentik.Options{})
			a := newAgent(t, s)
			claims := payload(t, a.tokens(a.code(b, nil).Query().Get("code"))["id_token"])
			for k, v := range tt.want {
				assert.Equal(t, v, claims[k], k)
			}
			for _, k := range tt.gone {
				assert.NotContains(t, claims, k)
			}
			assert.Equal(t, tt.unknown, len(s.NotModelled()) > 0, s.NotModelled())
		})
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		from, to string
		stays    bool
	}{
		"same series":        {"2025.8.1", "2025.8.2", true},
		"across 2025.4":      {"2025.2.0", "2025.4.0", false},
		"to the second next": {"2025.6.4", "2025.10.0", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle(t, tt.from, nil)
			old := start(t, b, authentik.Options{})
			a := newAgent(t, old)
			a.code(b, nil)
			state := old.State()
			b.Authentik.Version = tt.to
			next := newAgent(t, start(t, b, authentik.Options{State: state}))
			next.cookies = maps.Clone(a.cookies)
			location := next.get(authorizeURL(nil)).Header.Get("Location")
			assert.Equal(t, tt.stays, strings.Contains(location, "?code="), location)
			a.get("/flows/-/default/invalidation/")
			a.get("/api/v3/flows/executor/default-invalidation-flow/?query=")
			if tt.stays {
				assert.Contains(t, next.get(authorizeURL(nil)).Header.Get("Location"), "?code=", "the copy is a copy")
			}
		})
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	s := start(t, bundle(t, "2025.8.1", nil), authentik.Options{Token: "api-token-0123"})
	a := newAgent(t, s)
	ask := func(path, token string) reply {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v3"+path, nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return a.do(r)
	}
	assert.Equal(t, http.StatusForbidden, ask("/admin/version/", "").StatusCode)
	assert.Equal(t, "Token invalid/expired", ask("/admin/version/", "wrong").json(t)["detail"])
	assert.Equal(t, "2025.8.1", ask("/admin/version/", "api-token-0123").json(t)["version_current"])
	assert.Equal(t, http.StatusOK, ask("/root/config/", "").StatusCode)
	page := ask("/providers/oauth2/?client_id="+url.QueryEscape("paperless-client"), "api-token-0123").json(t)
	require.Len(t, page["results"], 1)
	assert.Contains(t, page["results"].([]any)[0].(map[string]any)["redirect_uris"].([]any)[0], "url")
	assert.Equal(t, http.StatusNotImplemented, ask("/core/brands/", "api-token-0123").StatusCode)
}
