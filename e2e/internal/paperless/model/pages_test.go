package model

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func TestCSRFAndHosts(t *testing.T) {
	t.Parallel()
	start2 := func(env map[string]string) *visitor { return visit(t, start(t, nil, "2.20.15", env)) }
	const path = "/accounts/login/"

	v := start2(map[string]string{"PAPERLESS_URL": "-"})
	v.get(path)
	a := v.post(path, "login", "x", "password", "y")
	assert.Equal(t, 403, a.StatusCode)
	assert.Equal(t, "403 Forbidden", title(a.body))
	assert.Equal(t, "Forbidden (403) CSRF verification failed. Request aborted. More information is available with DEBUG=True.", text(a.body))
	assert.Contains(t, logText(v.s), "[WARNING] [django.security.csrf] Forbidden (Origin checking failed - https://paperless.example.com does not match any trusted origins.): /accounts/login/")

	v = start2(map[string]string{"PAPERLESS_URL": "-", "PAPERLESS_PROXY_SSL_HEADER": `["HTTP_X_FORWARDED_PROTO", "https"]`})
	v.header.Set("X-Forwarded-Proto", "https")
	v.get(path)
	assert.Equal(t, 200, v.post(path, "login", "x", "password", "y").StatusCode, "the origin is its own")
	v.header.Set("X-Forwarded-Proto", "http")
	assert.Equal(t, 403, v.post(path, "login", "x", "password", "y").StatusCode)

	v = start2(nil)
	v.get(path)
	assert.Equal(t, 200, v.post(path, "login", "x", "password", "y").StatusCode)
	v.cookies["csrftoken"] = strings.Repeat("a", 32)
	a = v.post(path, "csrfmiddlewaretoken", strings.Repeat("b", 32))
	assert.Equal(t, 403, a.StatusCode)
	delete(v.cookies, "csrftoken")
	v.post(path)
	assert.Contains(t, logText(v.s), "CSRF cookie not set.")

	v = start2(map[string]string{"PAPERLESS_ALLOWED_HOSTS": "docs.example.org", "PAPERLESS_URL": "-"})
	a = v.get(path)
	assert.Equal(t, 400, a.StatusCode)
	assert.Equal(t, "Bad Request (400)", title(a.body))
	assert.Contains(t, logText(v.s), "Invalid HTTP_HOST header: 'paperless.example.com'.")
	v = start2(map[string]string{"PAPERLESS_ALLOWED_HOSTS": "docs.example.org"})
	assert.Equal(t, 200, v.get(path).StatusCode, "PAPERLESS_URL's host is allowed")

	v = start2(map[string]string{"PAPERLESS_COOKIE_PREFIX": "p_", "PAPERLESS_FORCE_SCRIPT_NAME": "/docs"})
	a = v.get("/docs/accounts/login/")
	assert.Contains(t, a.body, `action="/docs/accounts/oidc/authentik/login/?process="`)
	assert.Contains(t, v.cookies, "p_csrftoken")
	assert.Equal(t, "/docs/accounts/login/?next=/docs/", v.get("/docs/").Header.Get("Location"))
}

// The hidden field changes on every page, and each is good.
func TestMaskedToken(t *testing.T) {
	t.Parallel()
	v := visit(t, start(t, nil, "2.20.15", nil))
	field := regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]+)"`)
	one := field.FindStringSubmatch(v.get("/accounts/login/").body)[1]
	two := field.FindStringSubmatch(v.get("/accounts/login/").body)[1]
	assert.NotEqual(t, one, two)
	for _, token := range []string{one, two} {
		assert.Equal(t, 200, v.post("/accounts/login/", "csrfmiddlewaretoken", token, "login", "x", "password", "y").StatusCode)
	}
	bad := []byte(one)
	bad[40] ^= 1
	assert.Equal(t, 403, v.post("/accounts/login/", "csrfmiddlewaretoken", string(bad)).StatusCode)
}

func TestLocalSignInAndLogout(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.4.3", "2.5.0", "2.20.15", "3.0.5"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			field := "login"
			if version == "2.4.3" {
				env["PAPERLESS_APPS"], field = "-", "username"
			}
			s := start(t, nil, version, env)
			v := visit(t, s)
			assert.Equal(t, "/accounts/login/?next=/documents/5%3Fa%3D1", v.get("/documents/5?a=1").Header.Get("Location"))
			v.get("/accounts/login/")
			a := v.post("/accounts/login/", field, "admin", "password", "wrong")
			assert.Equal(t, 200, a.StatusCode)
			assert.Contains(t, a.body, `class="alert alert-danger"`)
			a = v.post("/accounts/login/?next=/documents/5", field, "admin", "password", "admin-pw-0f8e")
			assert.Equal(t, "/documents/5", a.Header.Get("Location"))
			before := v.cookies["sessionid"]
			assert.Equal(t, 200, v.get("/documents/5").StatusCode)
			code, ui := v.api(http.MethodGet, "/api/ui_settings/", nil)
			assert.Equal(t, 200, code)
			assert.Equal(t, "admin", ui["user"].(map[string]any)["username"])
			a = v.get("/accounts/logout/")
			want := "/accounts/login/?loggedout=1"
			if !deployment.AtLeast(version, "2.11.0") {
				want = "/"
			}
			assert.Equal(t, want, a.Header.Get("Location"))
			v.cookies["sessionid"] = before
			code, _ = v.api(http.MethodGet, "/api/profile/", nil)
			assert.Equal(t, 401, code, "the session is dead")
			if version == "2.20.15" || version == "3.0.5" {
				assert.Equal(t, "You have signed out. Please sign in. Username Password Sign in or sign in via SSO", text(v.get(want).body))
				assert.Equal(t, "Please sign in. Username Password Sign in or sign in via SSO", text(v.get(want).body), "once")
			}
		})
	}
	out := start(t, nil, "2.20.15", map[string]string{"PAPERLESS_LOGOUT_REDIRECT_URL": "https://sso.example.com/out"})
	assert.Equal(t, "https://sso.example.com/out", visit(t, out).get("/accounts/logout/").Header.Get("Location"))
}

func TestNextStaysHere(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/documents/": "/documents/", "https://evil.example/": "/dashboard", "//evil.example/": "/dashboard",
		`/\evil.example`: "/dashboard", "javascript:alert(1)": "/dashboard", "///evil.example": "/dashboard", "": "/dashboard",
	} {
		v := visit(t, start(t, nil, "2.20.15", nil))
		v.get("/accounts/login/")
		a := v.post("/accounts/login/", "login", "admin", "password", "admin-pw-0f8e", "next", next)
		assert.Equal(t, want, a.Header.Get("Location"), next)
	}
	v := visit(t, start(t, nil, "2.5.0", nil))
	v.get("/accounts/login/")
	a := v.post("/accounts/login/", "login", "admin", "password", "admin-pw-0f8e", "next", "https://evil.example/")
	assert.Equal(t, "https://evil.example/", a.Header.Get("Location"), "2.5.0 followed it")
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	v := visit(t, start(t, nil, "2.20.15", nil))
	var a answer
	for range 6 {
		a = v.signIn("admin", "wrong")
	}
	assert.Contains(t, text(a.body), "Too many failed login attempts. Try again later.")
	for range 30 {
		a = v.post("/accounts/login/", "login", "other", "password", "wrong")
	}
	assert.Equal(t, 500, a.StatusCode, "429.html is missing there")
	v = visit(t, start(t, nil, "3.0.5", nil))
	code := 0
	for range 6 {
		code, _ = v.api(http.MethodPost, "/api/token/", map[string]any{"username": "admin", "password": "admin-pw-0f8e"})
	}
	assert.Equal(t, 429, code)
}

func TestProxyCount(t *testing.T) {
	t.Parallel()
	v := visit(t, start(t, nil, "3.0.5", map[string]string{"PAPERLESS_TRUSTED_PROXIES": "10.0.0.1,10.0.0.2"}))
	v.header.Set("X-Forwarded-For", "192.0.2.1")
	assert.Equal(t, 500, v.signIn("admin", "admin-pw-0f8e").StatusCode)
	assert.Contains(t, logText(v.s), "ALLAUTH_TRUSTED_PROXY_COUNT does not match X-Forwarded-For")
	v.header.Set("X-Forwarded-For", "192.0.2.1, 10.0.0.1")
	assert.Equal(t, 302, v.signIn("admin", "admin-pw-0f8e").StatusCode)
	v = visit(t, start(t, nil, "3.0.5", map[string]string{"PAPERLESS_TRUSTED_PROXIES": "10.0.0.1", "PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT": "0"}))
	assert.Equal(t, 302, v.signIn("admin", "admin-pw-0f8e").StatusCode)
	v = visit(t, start(t, nil, "3.0.5", map[string]string{"PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER": "X-Real-IP"}))
	assert.Equal(t, 403, v.signIn("admin", "admin-pw-0f8e").StatusCode)
	v = visit(t, start(t, nil, "2.20.15", map[string]string{"PAPERLESS_TRUSTED_PROXIES": "10.0.0.1"}))
	assert.Equal(t, 302, v.signIn("admin", "admin-pw-0f8e").StatusCode, "before 3.0.0 the count does not matter")
}

func TestFirstInstall(t *testing.T) {
	t.Parallel()
	nobody := func(o *Options) { o.Bundle.Paperless.Users = nil }
	v := visit(t, start(t, nil, "2.20.15", map[string]string{"PAPERLESS_REDIRECT_LOGIN_TO_SSO": "true"}, nobody))
	a := v.get("/accounts/login/")
	assert.Contains(t, a.body, "signup")
	assert.NotContains(t, a.body, "form.submit()")
	v.get("/accounts/signup/")
	a = v.post("/accounts/signup/", "username", "boss", "password1", "a-long-password", "password2", "a-long-password")
	assert.Equal(t, 302, a.StatusCode, text(a.body))
	st := v.s.State()
	assert.True(t, st.byName("boss").Superuser)
	other := visit(t, v.s)
	assert.Equal(t, "Sign Up Closed", title(other.get("/accounts/signup/").body))
}

func TestNotModelled(t *testing.T) {
	t.Parallel()
	v := visit(t, start(t, nil, "2.20.15", nil))
	assert.Empty(t, v.s.NotModelled())
	a := v.get("/api/documents/")
	assert.Equal(t, 501, a.StatusCode)
	assert.Equal(t, "lab: not modelled: GET /api/documents/", a.body)
	v.get("/api/documents/")
	note := "lab: not modelled: GET /api/documents/"
	assert.Equal(t, []string{note, note}, v.s.NotModelled(), "each time, so that every check finds it")
}
