package model_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCodeFlow(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		verified, scope bool
	}{
		"2024.10.5": {verified: true},
		"2025.6.4":  {verified: true, scope: true},
		"2025.8.1":  {verified: true, scope: true},
		"2025.10.0": {scope: true},
		"2026.5.0":  {scope: true},
	}
	for version, tt := range tests {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := bundle(t, version, nil)
			s := start(t, b, authentik.Options{})
			a := newAgent(t, s)
			to := a.code(b, map[string]string{"nonce": "n-1"})
			assert.Equal(t, callback, "https://"+to.Host+to.Path)
			assert.Equal(t, "state-0123456789", to.Query().Get("state"))
			assert.Len(t, to.Query(), 2, "code and state only")
			assert.Regexp(t, "^[0-9a-f]{32}$", to.Query().Get("code"))

			tokens := a.tokens(to.Query().Get("code"))
			assert.Equal(t, "Bearer", tokens["token_type"])
			assert.InDelta(t, 3600, tokens["expires_in"], 0)
			assert.NotContains(t, tokens, "refresh_token")
			if tt.scope {
				assert.Equal(t, "openid profile email", tokens["scope"])
			} else {
				assert.NotContains(t, tokens, "scope")
			}

			doc := a.get("/application/o/paperless/.well-known/openid-configuration").json(t)
			id := payload(t, tokens["id_token"])
			assert.Equal(t, doc["issuer"], id["iss"])
			assert.Equal(t, "https://authentik.example.com/application/o/paperless/", id["iss"])
			assert.Equal(t, "paperless-client", id["aud"])
			assert.Equal(t, "n-1", id["nonce"])
			assert.InDelta(t, 3600, id["exp"].(float64)-id["iat"].(float64), 0)
			assert.Regexp(t, "^[0-9a-f]{64}$", id["sub"])

			keys := a.get("/application/o/paperless/jwks/")
			var set jose.JSONWebKeySet
			require.NoError(t, jsonInto(keys.body, &set))
			jws, err := jose.ParseSignedCompact(tokens["id_token"].(string), []jose.SignatureAlgorithm{jose.RS256})
			require.NoError(t, err)
			_, err = jws.Verify(set.Key(jws.Signatures[0].Header.KeyID)[0])
			require.NoError(t, err, "the published key verifies the token")

			info := a.userinfo(tokens["access_token"].(string))
			require.Equal(t, http.StatusOK, info.StatusCode)
			assert.Equal(t, map[string]any{
				"sub": id["sub"], "email": "alice@example.com", "email_verified": tt.verified, "nonce": "n-1",
				"name": "Alice Test", "given_name": "Alice Test", "preferred_username": "alice", "nickname": "alice", "groups": []any{},
			}, info.json(t))
			assert.Equal(t, []string{"login", "authorize_application"}, s.Events())
			assert.Empty(t, s.NotModelled())
		})
	}
}

// TestAuthorizeErrors is the authorize part of docs/facts/authentik.md#4.5.
func TestAuthorizeErrors(t *testing.T) {
	t.Parallel()
	const pageURI = "Redirect URI Error"
	const pageClient = "Client ID Error"
	tests := map[string]struct {
		version string
		change  func(*deployment.Deployment)
		query   map[string]string
		raw     string // instead of the query
		method  string
		status  int
		body    string // in the page
		back    string // in the redirect to the client
	}{
		"redirect URI without slash": {query: map[string]string{"redirect_uri": strings.TrimSuffix(callback, "/")}, status: 400, body: pageURI},
		"redirect URI by http":       {query: map[string]string{"redirect_uri": strings.Replace(callback, "https", "http", 1)}, status: 400, body: pageURI},
		"redirect URI in capitals":   {query: map[string]string{"redirect_uri": strings.Replace(callback, "paperless", "Paperless", 1)}, status: 400, body: pageURI},
		"redirect URI with a query":  {query: map[string]string{"redirect_uri": callback + "?x=1"}, status: 400, body: pageURI},
		"redirect URI missing":       {query: map[string]string{"redirect_uri": "-"}, status: 400, body: pageURI},
		"unknown client":             {query: map[string]string{"client_id": "nobody"}, status: 400, body: pageClient},
		"client missing":             {query: map[string]string{"client_id": "-"}, status: 400, body: pageClient},
		"client before redirect URI": {query: map[string]string{"client_id": "nobody", "redirect_uri": "x"}, status: 400, body: pageClient},
		"no query":                   {raw: "/application/o/authorize/", status: 404, body: "Not Found"},
		"max_age is no number":       {query: map[string]string{"max_age": "abc"}, status: 500, body: "Server Error"},
		"POST":                       {method: http.MethodPost, status: 403},
		"response type":              {query: map[string]string{"response_type": "cod"}, status: 302, back: "error=unsupported_response_type&error_description="},
		"PKCE method":                {query: map[string]string{"code_challenge_method": "S512"}, status: 302, back: "error=invalid_request&error_description=Unsupported%20challenge%20method%20S512&state=state-0123456789"},
		"prompt none":                {query: map[string]string{"prompt": "none"}, status: 302, back: "error=login_required&error_description=The%20Authorization%20Server%20requires%20End-User%20authentication"},
		"no application":             {change: func(b *deployment.Deployment) { b.Authentik.Applications = nil }, status: 200, body: "Permission denied"},
		"application without provider": {
			change: func(b *deployment.Deployment) { b.Authentik.Applications[0].Provider = "" }, status: 200, body: "Permission denied",
		},
		"no grant types in 2026.5": {
			version: "2026.5.0", change: func(b *deployment.Deployment) { b.Authentik.Providers[0].GrantTypes = nil }, status: 302, back: "error=invalid_request",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			version := tt.version
			if version == "" {
				version = "2025.8.1"
			}
			s := start(t, bundle(t, version, tt.change), authentik.Options{})
			target := tt.raw
			if target == "" {
				target = authorizeURL(tt.query)
			}
			method := tt.method
			if method == "" {
				method = http.MethodGet
			}
			res := newAgent(t, s).do(httptest.NewRequestWithContext(t.Context(), method, target, nil))
			assert.Equal(t, tt.status, res.StatusCode)
			assert.Contains(t, res.body, tt.body)
			if tt.back != "" {
				assert.Contains(t, res.Header.Get("Location"), callback+"?"+tt.back)
			}
			if tt.status == 400 {
				assert.Contains(t, res.body, "<title>authentik</title>")
				assert.Contains(t, res.body, `id="ak-back-home"`)
			}
			if tt.status == 500 {
				assert.Equal(t, []string{"system_exception"}, s.Events())
				return
			}
			assert.Empty(t, s.Events(), "no refusal is an event")
		})
	}
}

func TestGrantTypesBefore2026(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", func(b *deployment.Deployment) { b.Authentik.Providers[0].GrantTypes = nil })
	newAgent(t, start(t, b, authentik.Options{})).code(b, nil)
}

// TestTokenErrors is the token part of docs/facts/authentik.md#4.5.
func TestTokenErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		authorize map[string]string
		token     map[string]string
		wait      time.Duration
		want      string
		log       string
		event     bool
	}{
		"wrong secret":         {token: map[string]string{"basic_secret": "wrong"}, want: "invalid_client", log: "Invalid client secret"},
		"wrong secret, posted": {token: map[string]string{"basic_id": "", "client_id": "paperless-client", "client_secret": "wrong"}, want: "invalid_client", log: "Invalid client secret"},
		"unknown client":       {token: map[string]string{"basic_id": "nobody"}, want: "invalid_client", log: "OAuth2Provider does not exist"},
		"no client":            {token: map[string]string{"basic_id": ""}, want: "invalid_client", log: "OAuth2Provider does not exist"},
		"redirect URI":         {token: map[string]string{"redirect_uri": callback + "x"}, want: "invalid_client", event: true},
		"redirect URI missing": {token: map[string]string{"redirect_uri": "-"}, want: "invalid_client", event: true},
		"code":                 {token: map[string]string{"code": "0123"}, want: "invalid_grant", log: "Code does not exist"},
		"expired code":         {wait: 61 * time.Second, want: "invalid_grant", log: "Code is expired"},
		"verifier missing":     {token: map[string]string{"code_verifier": "-"}, want: "invalid_grant", log: "Code challenge not matching"},
		"verifier wrong":       {token: map[string]string{"code_verifier": "other"}, want: "invalid_grant", log: "Code challenge not matching"},
		"verifier without challenge": {
			authorize: map[string]string{"code_challenge": "-", "code_challenge_method": "-"}, want: "invalid_grant",
		},
		"grant type": {token: map[string]string{"grant_type": "magic"}, want: "unsupported_grant_type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, version := range []string{"2024.10.5", "2025.8.1"} {
				b := bundle(t, version, nil)
				c := &clock{at: time.Now()}
				s := start(t, b, authentik.Options{Now: c.now})
				a := newAgent(t, s)
				code := a.code(b, tt.authorize).Query().Get("code")
				c.at = c.at.Add(tt.wait)
				res := a.token(code, tt.token)
				require.Equal(t, http.StatusBadRequest, res.StatusCode, res.body)
				body := res.json(t)
				assert.Equal(t, tt.want, body["error"])
				assert.Equal(t, version == "2025.8.1", body["request_id"] != nil, "request_id came with 2025.8")
				assert.Contains(t, res.body, `{"error": "`, "spaced as Python writes it")
				assert.Equal(t, tt.event, s.Events()[len(s.Events())-1] == "configuration_error")
				if tt.log != "" {
					lines := s.Log()
					assert.Contains(t, lines[len(lines)-1].Text, tt.log)
				}
			}
		})
	}
	t.Run("code used twice", func(t *testing.T) {
		t.Parallel()
		b := bundle(t, "2025.8.1", nil)
		a := newAgent(t, start(t, b, authentik.Options{}))
		code := a.code(b, nil).Query().Get("code")
		a.tokens(code)
		assert.Equal(t, "invalid_grant", a.token(code, nil).json(t)["error"])
	})
	t.Run("not by GET", func(t *testing.T) {
		t.Parallel()
		a := newAgent(t, start(t, bundle(t, "2025.8.1", nil), authentik.Options{}))
		assert.Equal(t, http.StatusMethodNotAllowed, a.get("/application/o/token/").StatusCode)
	})
}

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", nil)
	s := start(t, b, authentik.Options{})
	post := map[string]string{"basic_id": "", "client_id": "paperless-client", "client_secret": "paperless-client-secret-0123456789"}
	for name, changes := range map[string]map[string]string{"basic": nil, "post": post} {
		a := newAgent(t, s)
		assert.Equal(t, http.StatusOK, a.token(a.code(b, nil).Query().Get("code"), changes).StatusCode, name)
	}
	public := bundle(t, "2025.8.1", func(b *deployment.Deployment) { b.Authentik.Providers[0].ClientType = "public" })
	a := newAgent(t, start(t, public, authentik.Options{}))
	none := map[string]string{"basic_id": "", "client_id": "paperless-client"}
	assert.Equal(t, http.StatusOK, a.token(a.code(public, nil).Query().Get("code"), none).StatusCode, "a public client needs no secret")
}

func TestUserinfoErrors(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", nil)
	a := newAgent(t, start(t, b, authentik.Options{}))
	res := a.userinfo("nonsense")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Contains(t, res.Header.Get("WWW-Authenticate"), `error="invalid_token"`)
	assert.Empty(t, res.body)

	tests := map[string]struct {
		change func(*deployment.Deployment)
		query  map[string]string
	}{
		"openid not asked for":    {query: map[string]string{"scope": "profile email"}},
		"openid not selected":     {change: func(b *deployment.Deployment) { b.Authentik.Providers[0].Scopes = []string{"profile"} }},
		"no mappings at all":      {change: func(b *deployment.Deployment) { b.Authentik.Providers[0].Scopes = nil }},
		"scope with no mapping":   {change: func(b *deployment.Deployment) { b.Authentik.Providers[0].Scopes = []string{"documents"} }, query: map[string]string{"scope": "openid documents"}},
		"a scope of a later year": {change: func(b *deployment.Deployment) { b.Authentik.Providers[0].Scopes = nil }, query: map[string]string{"scope": "x"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle(t, "2025.8.1", tt.change)
			s := start(t, b, authentik.Options{})
			a := newAgent(t, s)
			tokens := a.tokens(a.code(b, tt.query).Query().Get("code"))
			assert.NotEmpty(t, tokens["id_token"], "the token endpoint does not mind")
			res := a.userinfo(tokens["access_token"].(string))
			assert.Equal(t, http.StatusForbidden, res.StatusCode)
			assert.Contains(t, res.Header.Get("WWW-Authenticate"), `error="insufficient_scope"`)
			assert.Empty(t, res.body)
		})
	}
}

func TestTokenForms(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version string
		change  func(*deployment.OAuth2Provider)
		parts   int
		alg     string
	}{
		"signing key":                   {parts: 3, alg: "RS256", change: func(*deployment.OAuth2Provider) {}},
		"no signing key":                {parts: 3, alg: "HS256", change: func(p *deployment.OAuth2Provider) { p.SigningKey = false }},
		"encryption key":                {parts: 5, alg: "RSA-OAEP-256", change: func(p *deployment.OAuth2Provider) { p.EncryptionKey = true }},
		"encryption key before 2024.10": {version: "2024.8.6", parts: 3, alg: "RS256", change: func(p *deployment.OAuth2Provider) { p.EncryptionKey = true }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			version := tt.version
			if version == "" {
				version = "2025.8.1"
			}
			b := bundle(t, version, func(b *deployment.Deployment) { tt.change(&b.Authentik.Providers[0]) })
			a := newAgent(t, start(t, b, authentik.Options{}))
			tokens := a.tokens(a.code(b, nil).Query().Get("code"))
			assert.Len(t, strings.Split(tokens["id_token"].(string), "."), tt.parts)
			assert.Equal(t, tt.alg, header(t, tokens["id_token"])["alg"])
			if tt.alg == "HS256" {
				assert.Equal(t, "{}", a.get("/application/o/paperless/jwks/").body)
				doc := a.get("/application/o/paperless/.well-known/openid-configuration").json(t)
				assert.Equal(t, []any{"HS256"}, doc["id_token_signing_alg_values_supported"])
			}
			assert.Equal(t, http.StatusOK, a.userinfo(tokens["access_token"].(string)).StatusCode)
		})
	}
}

func TestLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", nil)
	red := evidence.NewRedactor(b.Secrets()...)
	s := start(t, b, authentik.Options{Redactor: red})
	a := newAgent(t, s)
	to := a.code(b, nil)
	tokens := a.tokens(to.Query().Get("code"))
	a.get(authorizeURL(map[string]string{"client_id": "paperless-client-secret-0123456789"}))
	a.token(to.Query().Get("code"), nil)
	var all strings.Builder
	for _, l := range s.Log() {
		all.WriteString(l.Text)
	}
	require.NotEmpty(t, all.String())
	for _, secret := range append(b.Secrets(), to.Query().Get("code"), tokens["access_token"].(string), a.cookies["authentik_session"]) {
		assert.NotContains(t, all.String(), secret)
	}
	assert.Equal(t, "x "+red.Print(to.Query().Get("code")), red.Text("x "+to.Query().Get("code")), "a code is scrubbed wherever it turns up")
}
