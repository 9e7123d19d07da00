package model

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func TestAPIAuthentication(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "2.20.15", nil)
	v := visit(t, s)
	code, out := v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, 401, code)
	assert.Equal(t, "Authentication credentials were not provided.", out["detail"])
	assert.Contains(t, logText(s), "[WARNING] [django.request] Unauthorized: /api/profile/")
	v.header.Set("Authorization", basic("admin", "wrong"))
	code, _ = v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, 401, code)
	v.header.Set("Authorization", basic("admin", "admin-pw-0f8e"))
	a := v.get("/api/profile/")
	assert.Equal(t, 200, a.StatusCode)
	assert.Equal(t, "2.20.15", a.Header.Get("X-Version"))
	assert.Equal(t, "9", a.Header.Get("X-Api-Version"))
	assert.NotContains(t, v.cookies, "sessionid")
	v.header.Set("Authorization", "Token nope")
	code, _ = v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, 401, code)
	v.header.Del("Authorization")
	code, _ = v.api(http.MethodPost, "/api/token/", map[string]any{"username": "admin", "password": "wrong"})
	assert.Equal(t, 400, code)

	v.signIn("admin", "admin-pw-0f8e")
	v.cookies["csrftoken"] = ""
	code, out = v.api(http.MethodPatch, "/api/profile/", map[string]any{"first_name": "X"})
	assert.Equal(t, 403, code, "a session needs the CSRF token")
	assert.Contains(t, out["detail"], "CSRF Failed")
	assert.Empty(t, visit(t, s).get("/accounts/login/").Header.Get("X-Version"), "only for those who are signed in")
	assert.Equal(t, `Basic realm="api"`, visit(t, start(t, nil, "2.5.0", nil)).get("/api/profile/").Header.Get("WWW-Authenticate"))
}

func TestAPIVersions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		version, accept string
		want            int
	}{
		{"3.0.5", "application/json; version=8", 406},
		{"3.0.5", "application/json; version=9", 200},
		{"2.20.15", "application/json; version=8", 200},
		{"2.20.15", "application/json; version=10", 406},
		{"2.5.0", "application/json; version=5", 200},
	} {
		v := visit(t, start(t, nil, tt.version, nil))
		v.header.Set("Authorization", basic("admin", "admin-pw-0f8e"))
		v.header.Set("Accept", tt.accept)
		code, _ := v.api(http.MethodGet, "/api/profile/", nil)
		assert.Equal(t, tt.want, code, "%+v", tt)
	}
}

func TestAPIUsers(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "2.20.15", nil)
	v := visit(t, s)
	v.header.Set("Authorization", basic("local1", "local1-pw-7u2i"))
	code, _ := v.api(http.MethodGet, "/api/users/", nil)
	assert.Equal(t, 403, code, "not for everybody")
	code, _ = v.api(http.MethodGet, "/api/ui_settings/", nil)
	assert.Equal(t, 403, code)

	v.header.Set("Authorization", basic("admin", "admin-pw-0f8e"))
	code, group := v.api(http.MethodPost, "/api/groups/", map[string]any{"name": "sso", "permissions": []string{viewUISettings}})
	require.Equal(t, 201, code)
	code, out := v.api(http.MethodPost, "/api/users/", map[string]any{"username": "new", "password": "short"})
	assert.Equal(t, 400, code)
	assert.Contains(t, out, "password")
	code, _ = v.api(http.MethodPost, "/api/users/", map[string]any{"username": "admin", "password": "long-enough-1"})
	assert.Equal(t, 400, code)
	code, made := v.api(http.MethodPost, "/api/users/", map[string]any{
		"username": "new", "email": "new@example.com", "password": "long-enough-1", "groups": []any{group["id"]},
	})
	require.Equal(t, 201, code)
	code, list := v.api(http.MethodGet, "/api/users/", nil)
	assert.Equal(t, 200, code)
	var names []string
	for _, u := range list["results"].([]any) {
		names = append(names, u.(map[string]any)["username"].(string))
	}
	assert.Equal(t, []string{"admin", "frieda", "local1", "new", "shared"}, names)
	v.header.Set("Authorization", basic("new", "long-enough-1"))
	code, _ = v.api(http.MethodGet, "/api/ui_settings/", nil)
	assert.Equal(t, 200, code, "by its group")
	v.header.Set("Authorization", basic("admin", "admin-pw-0f8e"))
	code, _ = v.api(http.MethodPatch, "/api/users/"+pyStr(int(made["id"].(float64)))+"/", map[string]any{"is_active": false})
	assert.Equal(t, 200, code)
	v.header.Set("Authorization", basic("new", "long-enough-1"))
	code, _ = v.api(http.MethodGet, "/api/ui_settings/", nil)
	assert.Equal(t, 401, code)
}

func TestProfileWrites(t *testing.T) {
	t.Parallel()
	v := visit(t, start(t, nil, "2.20.15", nil))
	v.signIn("local1", "local1-pw-7u2i")
	code, p := v.api(http.MethodPatch, "/api/profile/", map[string]any{"first_name": "Lo"})
	assert.Equal(t, 200, code)
	assert.Equal(t, "Lo", p["first_name"])
	code, _ = v.api(http.MethodPost, "/api/profile/generate_auth_token/", nil)
	assert.Equal(t, 200, code)
	code, _ = v.api(http.MethodPatch, "/api/profile/", map[string]any{"password": "another-long-one"})
	assert.Equal(t, 200, code)
	code, _ = v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, 401, code, "a new password ends the session")
	assert.Equal(t, 302, visit(t, v.s).signIn("local1", "another-long-one").StatusCode)
}

func TestProvidersAndLabels(t *testing.T) {
	t.Parallel()
	f := newIdP(t)
	s := start(t, f, "2.20.15", auto)
	v := visit(t, s)
	v.sso("")
	assert.JSONEq(t, `[{"name":"SSO","login_url":"/accounts/oidc/authentik/login/?process=connect"}]`, v.get("/api/profile/social_account_providers/").body)

	keep := func(o *Options) { o.State = s.State() }
	renamed := edit(func(a, _ map[string]any) { a["provider_id"] = "sso" })
	v.s = start(t, f, "2.20.15", auto, keep, renamed)
	_, p := v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, "Unknown App", p["social_accounts"].([]any)[0].(map[string]any)["name"])
	v.s = start(t, f, "2.15.3", auto, keep, renamed)
	code, _ := v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, 500, code)
	v.s = start(t, f, "3.0.5", with(auto, "PAPERLESS_APPS", "-"), keep)
	code, _ = v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, 500, code)
}

func TestHeadless(t *testing.T) {
	t.Parallel()
	const base = "/api/auth/headless/app/v1/"
	v := visit(t, start(t, nil, "3.0.5", map[string]string{"PAPERLESS_DISABLE_REGULAR_LOGIN": "true"}))
	code, out := v.api(http.MethodGet, base+"config", nil)
	assert.Equal(t, 200, code)
	p := out["data"].(map[string]any)["socialaccount"].(map[string]any)["providers"].([]any)[0].(map[string]any)
	assert.Equal(t, clientID, p["client_id"])
	assert.Equal(t, idp+"/application/o/paperless/.well-known/openid-configuration", p["openid_configuration_url"])
	code, out = v.api(http.MethodPost, base+"auth/login", map[string]any{"username": "admin", "password": "admin-pw-0f8e"})
	assert.Equal(t, 400, code)
	assert.Equal(t, "Regular login is disabled", out["errors"].([]any)[0].(map[string]any)["message"])
	old := visit(t, start(t, nil, "2.20.15", nil))
	assert.Equal(t, 501, old.get(base+"config").StatusCode)
}
