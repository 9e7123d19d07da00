package model

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var auto = map[string]string{"PAPERLESS_SOCIAL_AUTO_SIGNUP": "true"}

func with(env map[string]string, pairs ...string) map[string]string {
	out := maps.Clone(env)
	if out == nil {
		out = map[string]string{}
	}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// edit changes the first app of the provider JSON.
func edit(change func(app, settings map[string]any)) func(*Options) {
	return func(o *Options) {
		o.Bundle.EditApp(func(app map[string]any) { change(app, app["settings"].(map[string]any)) })
	}
}

func level(key string, value any) func(*Options) {
	return func(o *Options) { o.Bundle.EditProviders(func(oc map[string]any) { oc[key] = value }) }
}

func serverURL(u string) func(*Options) {
	return edit(func(_, settings map[string]any) { settings["server_url"] = u })
}

const (
	failText   = "An error occurred while attempting to login via your social network account. Back to the login page"
	recorded   = "2.5.0 2.20.15 3.0.5"
	signupText = "You are about to use your SSO account to login. As a final step, please complete the following form: Username Email (optional) Sign up"
)

func TestAuthorizationRequest(t *testing.T) {
	t.Parallel()
	for version := range strings.SplitSeq(recorded, " ") {
		f := newIdP(t)
		v := visit(t, start(t, f, version, nil))
		q := v.begin("?process=&next=/documents/")
		assert.Equal(t, clientID, q.Get("client_id"))
		assert.Equal(t, origin+"/accounts/oidc/authentik/login/callback/", q.Get("redirect_uri"))
		assert.Equal(t, "email openid profile", q.Get("scope"))
		assert.Equal(t, "code", q.Get("response_type"))
		assert.Len(t, q.Get("state"), 16)
		assert.Equal(t, "S256", q.Get("code_challenge_method"))
		assert.False(t, q.Has("nonce"))
		assert.NotEqual(t, q.Get("state"), v.begin("").Get("state"))
		assert.Equal(t, map[string]bool{"python-requests/2.32.5": true}, f.agents)

		a := v.get("/accounts/oidc/authentik/login/callback/?code=code-0123456789&state=" + q.Get("state"))
		if version == "2.5.0" {
			assert.Equal(t, failText, text(a.body), "the second start killed the first")
			continue
		}
		assert.Equal(t, 302, a.StatusCode)
		sum := sha256.Sum256([]byte(f.verifier))
		assert.Equal(t, q.Get("code_challenge"), base64.RawURLEncoding.EncodeToString(sum[:]))
	}
}

func TestPKCEByTruth(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Options)
		want   bool
	}{
		"string False":                      {level("OAUTH_PKCE_ENABLED", "False"), true},
		"false":                             {level("OAUTH_PKCE_ENABLED", false), false},
		"empty":                             {level("OAUTH_PKCE_ENABLED", ""), false},
		"in the app":                        {edit(func(_, s map[string]any) { s["oauth_pkce_enabled"] = false }), false},
		"upper case in the app is not read": {edit(func(_, s map[string]any) { s["OAUTH_PKCE_ENABLED"] = false }), true},
	} {
		q := visit(t, start(t, newIdP(t), "2.20.15", nil, tt.change)).begin("")
		assert.Equal(t, tt.want, q.Has("code_challenge"), name)
	}
}

func TestRedirectURI(t *testing.T) {
	t.Parallel()
	uri := func(env map[string]string, header ...string) string {
		v := visit(t, start(t, newIdP(t), "2.20.15", env))
		for i := 0; i < len(header); i += 2 {
			v.header.Set(header[i], header[i+1])
		}
		return v.begin("").Get("redirect_uri")
	}
	const path = "/accounts/oidc/authentik/login/callback/"
	assert.Equal(t, "http://paperless.example.com"+path, uri(map[string]string{"PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL": "http"}))
	secure := map[string]string{"PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL": "http", "PAPERLESS_PROXY_SSL_HEADER": `["HTTP_X_FORWARDED_PROTO", "https"]`}
	assert.Equal(t, origin+path, uri(secure, "X-Forwarded-Proto", "https"))
	assert.Equal(t, origin+path, uri(nil, "X-Forwarded-Host", "other.example.com"), "ignored unless it is told to")
	assert.Equal(t, "https://other.example.com:8443"+path, uri(map[string]string{"PAPERLESS_USE_X_FORWARD_HOST": "true"}, "X-Forwarded-Host", "other.example.com:8443"))
}

func TestDiscoveryFailures(t *testing.T) {
	t.Parallel()
	drop := func(key string) func(*fakeIdP) { return func(f *fakeIdP) { delete(f.discovery, key) } }
	const good = idp + "/application/o/paperless/.well-known/openid-configuration"
	tests := map[string]struct {
		idp    func(*fakeIdP)
		change func(*Options)
		want   string
	}{
		"dns":           {nil, serverURL("https://authentik.invalid/application/o/paperless/.well-known/openid-configuration"), "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='authentik.invalid', port=443): Max retries exceeded with url: /application/o/paperless/.well-known/openid-configuration (Caused by NameResolutionError("},
		"refused":       {nil, serverURL(strings.Replace(good, ".com", ".com:9999", 1)), "HTTPSConnectionPool(host='authentik.example.com', port=9999): Max retries exceeded with url: /application/o/paperless/.well-known/openid-configuration (Caused by NewConnectionError("},
		"timeout":       {nil, serverURL("https://slow.example.com/x/.well-known/openid-configuration"), "requests.exceptions.ConnectTimeout: HTTPSConnectionPool(host='slow.example.com', port=443)"},
		"unknown CA":    {nil, func(o *Options) { o.Harness = nil }, "requests.exceptions.SSLError: HTTPSConnectionPool(host='authentik.example.com', port=443): Max retries exceeded with url: /application/o/paperless/.well-known/openid-configuration (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "},
		"no CA file":    {nil, func(o *Options) { o.Harness["REQUESTS_CA_BUNDLE"] = "/nope.crt" }, "OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /nope.crt"},
		"404":           {func(f *fakeIdP) { f.status = 404 }, nil, "requests.exceptions.HTTPError: 404 Client Error: Not Found for url: " + good},
		"502":           {func(f *fakeIdP) { f.status = 502 }, nil, "requests.exceptions.HTTPError: 502 Server Error: Bad Gateway for url: " + good},
		"HTML":          {func(f *fakeIdP) { f.page = "<html>" }, nil, "requests.exceptions.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"},
		"no token":      {drop("token_endpoint"), nil, "KeyError: 'token_endpoint'"},
		"no authorize":  {drop("authorization_endpoint"), nil, "KeyError: 'authorization_endpoint'"},
		"no server_url": {nil, edit(func(_, s map[string]any) { delete(s, "server_url") }), "KeyError: 'server_url'"},
		"app twice": {nil, func(o *Options) {
			o.Bundle.EditProviders(func(oc map[string]any) { oc["APPS"] = append(oc["APPS"].([]any), oc["APPS"].([]any)[0]) })
		}, "MultipleObjectsReturned"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newIdP(t)
			if tt.idp != nil {
				tt.idp(f)
			}
			changes := []func(*Options){func(o *Options) {
				if o.Timeout = 30 * time.Second; name == "timeout" {
					o.Timeout = 50 * time.Millisecond
				}
			}}
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			v := visit(t, start(t, f, "2.20.15", nil, changes...))
			v.get("/accounts/login/")
			a := v.post("/accounts/oidc/authentik/login/?process=")
			assert.Equal(t, 500, a.StatusCode)
			assert.Equal(t, "Server Error (500)", title(a.body))
			assert.Equal(t, "Server Error (500)", text(a.body))
			assert.Contains(t, logText(v.s), "[ERROR] [django.request] Internal Server Error: /accounts/oidc/authentik/login/")
			assert.Contains(t, logText(v.s), tt.want)
		})
	}
}

func TestServerURLForms(t *testing.T) {
	t.Parallel()
	const base = "/application/o/paperless"
	for _, tt := range []struct{ version, url, path string }{
		{"2.20.15", idp + base, base + "/.well-known/openid-configuration"},
		{"2.20.15", idp + base + "/", base + "//.well-known/openid-configuration"},
		{"2.20.15", idp + base + "/.well-known/openid-configuration/", ""},
		{"2.5.0", idp + base + "/.well-known/openid-configuration/", base + "/.well-known/openid-configuration//.well-known/openid-configuration"},
	} {
		f := newIdP(t)
		v := visit(t, start(t, f, tt.version, nil, serverURL(tt.url)))
		v.get("/accounts/login/")
		v.post("/accounts/oidc/authentik/login/?process=")
		if tt.path == "" {
			tt.path = base + "/.well-known/openid-configuration/"
		}
		assert.Equal(t, []string{"GET " + tt.path}, f.requests)
	}
}

func TestTokenMethods(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version    string
		advertised any
		override   string
		want       string
	}{
		{"2.20.15", []any{"client_secret_post", "client_secret_basic"}, "", " basic"},
		{"3.0.5", []any{"client_secret_post", "client_secret_basic"}, "", " post"},
		{"3.0.5", []any{"client_secret_basic"}, "", " basic"},
		{"2.20.15", []any{"client_secret_post"}, "", " post"},
		{"3.0.5", []any{"client_secret_post", "client_secret_basic"}, "client_secret_basic", " basic"},
		{"2.20.15", []any{"client_secret_basic"}, "client_secret_post", " post"},
	} {
		f := newIdP(t)
		f.discovery["token_endpoint_auth_methods_supported"] = tt.advertised
		v := visit(t, start(t, f, tt.version, auto, edit(func(_, s map[string]any) {
			if tt.override != "" {
				s["token_auth_method"] = tt.override
			}
		})))
		assert.Equal(t, 302, v.sso("").StatusCode)
		assert.Contains(t, f.requests, "POST /application/o/token/"+tt.want, "%+v", tt)
	}
}

func TestCallbackFailures(t *testing.T) {
	t.Parallel()
	signed := func(change func(map[string]any)) func(*fakeIdP) {
		return func(f *fakeIdP) {
			f.idToken = func(c map[string]any) string { change(c); return jws(c) }
		}
	}
	const callback = "/accounts/oidc/authentik/login/callback/"
	tests := map[string]struct {
		idp    func(*fakeIdP)
		reason string
		from   string // first version that fails; empty: all
	}{
		"wrong secret": {func(f *fakeIdP) { f.tokenCode, f.tokenBody = 400, `{"error": "invalid_client"}` }, `unknown (Error retrieving access token: b'{"error": "invalid_client"}')`, ""},
		"no token":     {func(f *fakeIdP) { f.tokenCode, f.tokenBody = 200, `{}` }, `unknown (Error retrieving access token: b'{}')`, ""},
		"userinfo 401": {func(f *fakeIdP) { f.infoCode = 401 }, "unknown (401 Client Error: Unauthorized for url: " + idp + "/application/o/userinfo/)", ""},
		"JWE":          {func(f *fakeIdP) { f.idToken = func(map[string]any) string { return "eyJh.b.c.d.e" } }, "unknown (Invalid id_token)", "2.20.0"},
		"garbage":      {func(f *fakeIdP) { f.idToken = func(map[string]any) string { return "garbage" } }, "unknown (Invalid id_token)", "2.20.0"},
		"issuer slash": {signed(func(c map[string]any) { c["iss"] = strings.TrimSuffix(c["iss"].(string), "/") }), "unknown (Invalid id_token)", "2.20.0"},
		"audience":     {signed(func(c map[string]any) { c["aud"] = "other" }), "unknown (Invalid id_token)", "2.20.0"},
		"no audience":  {signed(func(c map[string]any) { delete(c, "aud") }), "unknown (Invalid id_token)", "2.20.0"},
		"expired":      {signed(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Second).Unix() }), "unknown (Invalid id_token)", "2.20.0"},
		"good":         {signed(func(map[string]any) {}), "", ""},
		"audiences":    {signed(func(c map[string]any) { c["aud"] = []any{"x", clientID} }), "", ""},
		"future iat":   {signed(func(c map[string]any) { c["iat"] = time.Now().Add(time.Hour).Unix() }), "", ""},
		"none":         {func(*fakeIdP) {}, "", ""},
	}
	for name, tt := range tests {
		for _, version := range []string{"2.5.0", "2.19.6", "2.20.1", "2.20.15", "3.0.5"} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				f := newIdP(t)
				tt.idp(f)
				s := start(t, f, version, auto)
				a := visit(t, s).sso("")
				if tt.reason == "" || (tt.from != "" && !deployment.AtLeast(version, tt.from)) {
					assert.Equal(t, "/dashboard", a.Header.Get("Location"), text(a.body))
					return
				}
				want := 200
				if version == "3.0.5" {
					want = 401
					assert.Contains(t, logText(s), "[WARNING] [django.request] Unauthorized: "+callback)
				}
				assert.Equal(t, want, a.StatusCode)
				assert.Equal(t, failText, text(a.body))
				assert.Equal(t, "Paperless-ngx social account sign in", title(a.body))
				line := "[WARNING] [paperless.auth] Social authentication error for provider `SSO`: " + tt.reason
				if deployment.AtLeast(version, "2.20.2") {
					assert.Contains(t, logText(s), line)
				} else {
					assert.NotContains(t, logText(s), "Social authentication error")
				}
			})
		}
	}
}

func TestTokenReplay(t *testing.T) {
	t.Parallel()
	f := newIdP(t)
	f.idToken = func(c map[string]any) string { c["jti"] = "once"; return jws(c) }
	s := start(t, f, "2.20.15", auto)
	assert.Equal(t, "/dashboard", visit(t, s).sso("").Header.Get("Location"))
	assert.Equal(t, failText, text(visit(t, s).sso("").body))
	assert.Contains(t, logText(s), "unknown (token already used)")
	s = start(t, f, "2.19.6", auto)
	assert.Equal(t, "/dashboard", visit(t, s).sso("").Header.Get("Location"))
	assert.Equal(t, "/dashboard", visit(t, s).sso("").Header.Get("Location"))
}

func TestStates(t *testing.T) {
	t.Parallel()
	const callback = "/accounts/oidc/authentik/login/callback/"
	f := newIdP(t)
	s := start(t, f, "2.20.15", auto)
	v := visit(t, s)
	assert.Equal(t, failText, text(v.get(callback+"?code=c&state=made-up").body))
	assert.Contains(t, logText(s), "unknown (None)")
	state := v.begin("").Get("state")
	assert.Equal(t, failText, text(visit(t, s).get(callback+"?code=c&state="+state).body), "another browser's")
	assert.Equal(t, 302, v.get(callback+"?code=code&state="+state).StatusCode)
	assert.Equal(t, failText, text(v.get(callback+"?code=code&state="+state).body), "used up")

	v = visit(t, s)
	first := v.begin("").Get("state")
	for range 10 {
		v.begin("")
	}
	assert.Equal(t, failText, text(v.get(callback+"?code=c&state="+first).body), "ten newer starts")

	v = visit(t, s)
	a := v.get(callback + "?error=access_denied&state=" + v.begin("").Get("state"))
	assert.Equal(t, "/accounts/3rdparty/login/cancelled/", a.Header.Get("Location"))
	a = v.get("/accounts/3rdparty/login/cancelled/")
	assert.Equal(t, "Login Cancelled", title(a.body))
	assert.Contains(t, text(a.body), "Menu: Sign In Sign Up Login Cancelled You decided to cancel")
	assert.Contains(t, logText(s), "cancelled (None)")
	assert.Equal(t, failText, text(v.get(callback+"?error=access_denied&state=none").body))
	a = v.get(callback + "?error=server_error&state=" + v.begin("").Get("state"))
	assert.Equal(t, failText, text(a.body))
	old := visit(t, start(t, f, "2.5.0", auto))
	assert.Equal(t, "/accounts/social/login/cancelled/", old.get(callback+"?error=access_denied&state=none").Header.Get("Location"))
}

// Discovery that breaks between the two requests is a 500 at the callback.
func TestDiscoveryBreaksLater(t *testing.T) {
	t.Parallel()
	f := newIdP(t)
	v := visit(t, start(t, f, "3.0.5", auto))
	state := v.begin("").Get("state")
	f.mu.Lock()
	f.status = 503
	f.mu.Unlock()
	a := v.get("/accounts/oidc/authentik/login/callback/?code=c&state=" + state)
	assert.Equal(t, 500, a.StatusCode)
	assert.Contains(t, logText(v.s), "Internal Server Error: /accounts/oidc/authentik/login/callback/")
}

func TestConfigurationMistakes(t *testing.T) {
	t.Parallel()
	const startPath = "/accounts/oidc/authentik/login/"
	tests := map[string]struct {
		version string
		env     map[string]string
		change  func(*Options)
		page    int
		press   int
	}{
		"no app":            {"2.20.15", map[string]string{"PAPERLESS_APPS": "-"}, nil, 200, 302},
		"no providers":      {"2.20.15", map[string]string{deployment.ProvidersKey: "-"}, nil, 200, 404},
		"no providers, 2.5": {"2.5.0", map[string]string{deployment.ProvidersKey: "-"}, nil, 200, 500},
		"key typo":          {"2.20.15", map[string]string{deployment.ProvidersKey: `{"openidconnect": {"APPS": [{"provider_id": "authentik"}]}}`}, nil, 200, 500},
		"a list":            {"2.20.15", map[string]string{deployment.ProvidersKey: `[]`}, nil, 500, 500},
		"other provider_id": {"2.20.15", nil, edit(func(a, _ map[string]any) { a["provider_id"] = "sso" }), 200, 404},
		"slash in id":       {"2.20.15", nil, edit(func(a, _ map[string]any) { a["provider_id"] = "a/b" }), 500, 404},
		"no id":             {"2.5.0", nil, edit(func(a, _ map[string]any) { delete(a, "provider_id") }), 500, 500},
		"no client id":      {"2.20.15", nil, edit(func(a, _ map[string]any) { delete(a, "client_id") }), 200, 302},
		"no name":           {"2.20.15", nil, edit(func(a, _ map[string]any) { delete(a, "name") }), 200, 302},
		"APP instead of APPS": {"2.20.15", nil, func(o *Options) {
			o.Bundle.EditProviders(func(oc map[string]any) { oc["APP"] = oc["APPS"].([]any)[0]; delete(oc, "APPS") })
		}, 200, 302},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := tt.change
			if change == nil {
				change = func(*Options) {}
			}
			v := visit(t, start(t, newIdP(t), tt.version, tt.env, change))
			assert.Equal(t, tt.page, v.get("/accounts/login/").StatusCode)
			v.get("/admin/login/") // a token all the same
			a := v.post(startPath)
			assert.Equal(t, tt.press, a.StatusCode, logText(v.s))
			switch {
			case name == "no app":
				assert.Equal(t, "/accounts/login/?next="+startPath, a.Header.Get("Location"))
			case tt.press == 404:
				assert.Equal(t, "Not Found", title(a.body))
			}
		})
	}
}

// Nothing secret of a whole round trip stands in the log.
func TestLogIsRedacted(t *testing.T) {
	t.Parallel()
	f := newIdP(t)
	f.tokenCode, f.tokenBody = 400, `{"error": "invalid_grant", "code": "code-0123456789", "secret_was": "paperless-client-secret-0123456789"}`
	s := start(t, f, "2.20.15", auto)
	v := visit(t, s)
	v.sso("")
	out := logText(s)
	assert.Contains(t, out, "invalid_grant")
	for _, secret := range []string{"code-0123456789", "paperless-client-secret-0123456789", v.cookies["sessionid"], v.cookies["csrftoken"]} {
		assert.NotContains(t, out, secret)
	}
}

func TestRouteHeader(t *testing.T) {
	t.Parallel()
	f := newIdP(t)
	v := visit(t, start(t, f, "2.20.15", auto, func(o *Options) { o.Header = map[string]string{"X-Ssocheck-Route": "7"} }))
	v.sso("")
	assert.Equal(t, "7", f.headers.Get("X-Ssocheck-Route"))
}

// A provider that takes the connection and never answers.
func TestSilentDiscovery(t *testing.T) {
	t.Parallel()
	for version := range strings.SplitSeq(recorded, " ") {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			f := newIdP(t)
			f.silent = make(chan struct{})
			// Long enough for the connection on a busy machine: it must be the answer
			// that is waited for.
			v := visit(t, start(t, f, version, nil, func(o *Options) { o.Timeout = 2 * time.Second }))
			a := v.press()
			close(f.silent)
			assert.Equal(t, 500, a.StatusCode)
			assert.Contains(t, logText(v.s), "requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='authentik.example.com', port=443): Read timed out. (read timeout=2)")
		})
	}
}

// TestTrustedOrigins: whose forms Paperless believes, by Origin and, over https
// as it sees it, by Referer.
func TestTrustedOrigins(t *testing.T) {
	t.Parallel()
	secure := map[string]string{"PAPERLESS_URL": "-", "PAPERLESS_PROXY_SSL_HEADER": `["HTTP_X_FORWARDED_PROTO", "https"]`}
	tests := map[string]struct {
		env     map[string]string
		origin  string // "": none is sent
		referer string
		problem string // "": believed
	}{
		"own, as PAPERLESS_URL says":    {nil, origin, "", ""},
		"another":                       {nil, "https://other.example.com", "", "Origin checking failed - https://other.example.com does not match any trusted origins."},
		"null":                          {nil, "null", "", "Origin checking failed - null does not match any trusted origins."},
		"http for https":                {nil, "http://paperless.example.com:80", "", "Origin checking failed - http://paperless.example.com:80 does not match any trusted origins."},
		"trusted by name":               {map[string]string{"PAPERLESS_CSRF_TRUSTED_ORIGINS": "https://a.example.com,https://other.example.com"}, "https://other.example.com", "", ""},
		"trusted by pattern":            {map[string]string{"PAPERLESS_CSRF_TRUSTED_ORIGINS": "https://*.example.com"}, "https://other.example.com", "", ""},
		"pattern of another scheme":     {map[string]string{"PAPERLESS_CSRF_TRUSTED_ORIGINS": "http://*.example.com", "PAPERLESS_URL": "-"}, "https://other.example.com", "", "Origin checking failed - https://other.example.com does not match any trusted origins."},
		"https by the proxy's header":   {secure, origin, "", ""},
		"https, no Origin, own Referer": {secure, "", origin + "/accounts/login/", ""},
		"https, no Origin, no Referer":  {secure, "", "", "Referer checking failed - no Referer."},
		"https, a Referer that is none": {secure, "", "about", "Referer checking failed - Referer is malformed."},
		"https, insecure Referer":       {secure, "", "http://paperless.example.com/", "Referer checking failed - Referer is insecure while host is secure."},
		"https, another's Referer":      {secure, "", "https://other.example.com/x", "Referer checking failed - https://other.example.com/x does not match any trusted origins."},
		"http, no Origin, no Referer":   {map[string]string{"PAPERLESS_URL": "-"}, "", "", ""},
	}
	for name, tt := range tests {
		for version := range strings.SplitSeq(recorded, " ") {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				v := visit(t, start(t, nil, version, tt.env))
				v.header.Set("X-Forwarded-Proto", "https")
				v.get("/accounts/login/")
				v.header["Origin"], v.header["Referer"] = []string{tt.origin}, []string{tt.referer}
				v.bare = tt.origin == ""
				a := v.post("/accounts/login/", "login", "x", "password", "y")
				if tt.problem == "" {
					assert.Equal(t, 200, a.StatusCode, logText(v.s))
					return
				}
				assert.Equal(t, 403, a.StatusCode)
				assert.Contains(t, logText(v.s), "[WARNING] [django.security.csrf] Forbidden ("+tt.problem+"): /accounts/login/")
			})
		}
	}
}
