package model

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func TestFirstSignIn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ version, path, text, first, label string }{
		{"2.5.0", "/accounts/social/signup/", "You are about to use your SSO account to login to paperless.example.com. As a final step, please complete the following form: Username Email Sign up", "Alice", "Alice Test"},
		{"2.20.15", "/accounts/3rdparty/signup/", signupText, "Alice Test", "alice@example.com"},
		{"3.0.5", "/accounts/3rdparty/signup/", signupText, "Alice Test", "alice@example.com"},
	} {
		t.Run(tt.version, func(t *testing.T) {
			t.Parallel()
			v := visit(t, start(t, newIdP(t), tt.version, map[string]string{"PAPERLESS_SOCIAL_AUTO_SIGNUP": "-"}))
			assert.Equal(t, tt.path, v.sso("").Header.Get("Location"))
			a := v.get(tt.path)
			assert.Equal(t, "Paperless-ngx social account sign up", title(a.body))
			assert.Equal(t, tt.text, text(a.body))
			assert.Contains(t, a.body, `value="alice@example.com"`)
			anonymous := v.cookies["sessionid"]
			a = v.post(tt.path, "username", "admin", "email", "alice@example.com")
			assert.Contains(t, text(a.body), "A user with that username already exists.")
			a = v.post(tt.path, "username", "alice", "email", "admin@example.com")
			assert.Contains(t, text(a.body), "An account already exists with this email address. Please sign in to that account first, then connect your SSO account.")
			a = v.post(tt.path, "username", "alice", "email", "alice@example.com")
			require.Equal(t, "/dashboard", a.Header.Get("Location"), text(a.body))
			assert.NotEqual(t, anonymous, v.cookies["sessionid"], "a new key at sign-in")
			assert.Contains(t, v.get("/dashboard").body, "Successfully signed in as alice.")
			code, p := v.api(http.MethodGet, "/api/profile/", nil)
			assert.Equal(t, 200, code)
			assert.Equal(t, "alice@example.com", p["email"])
			assert.Equal(t, tt.first, p["first_name"])
			assert.Equal(t, "Test", p["last_name"])
			assert.Equal(t, false, p["has_usable_password"])
			assert.Equal(t, tt.label, p["social_accounts"].([]any)[0].(map[string]any)["name"])
			code, _ = v.api(http.MethodGet, "/api/ui_settings/", nil)
			if tt.version == "2.5.0" {
				assert.Equal(t, 200, code)
			} else {
				assert.Equal(t, 403, code)
				assert.Contains(t, logText(v.s), "[WARNING] [django.request] Forbidden: /api/ui_settings/")
			}
			again := visit(t, v.s)
			assert.Equal(t, "/dashboard", again.sso("").Header.Get("Location"))
			assert.Len(t, v.s.State().Links, 1)
		})
	}
}

func TestAutoSignup(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version string
		claims  map[string]any
		env     map[string]string
		want    string // Location, or the page's title
		name    string // prefix of the new user's name; empty: none was made
		status  int
	}{
		"new":                      {"2.20.15", person("alice", "alice@example.com"), auto, "/dashboard", "alice", 302},
		"name taken":               {"2.20.15", person("admin", "sso@example.com"), auto, "/dashboard", "admin_test", 302},
		"name taken, 2.5":          {"2.5.0", person("admin", "sso@example.com"), auto, "/dashboard", "admin", 302},
		"e-mail taken":             {"2.20.15", person("alice", "admin@example.com"), auto, "/accounts/3rdparty/signup/", "", 302},
		"e-mail taken, 2.5":        {"2.5.0", person("alice", "Admin@example.com"), auto, "/accounts/social/signup/", "", 302},
		"no e-mail":                {"2.20.15", map[string]any{"sub": "x", "preferred_username": "alice"}, auto, "/dashboard", "alice", 302},
		"e-mail as user name":      {"2.20.15", map[string]any{"sub": "x", "preferred_username": "a@example.com"}, auto, "/dashboard", "a@example.com", 302},
		"nothing but sub":          {"2.20.15", map[string]any{"sub": "x"}, auto, "/dashboard", "user", 302},
		"no sub":                   {"2.20.15", map[string]any{"preferred_username": "alice"}, auto, "Server Error (500)", "", 500},
		"closed":                   {"2.20.15", person("alice", "alice@example.com"), with(auto, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "false"), "Sign Up Closed", "", 200},
		"closed, no auto":          {"3.0.5", person("alice", "alice@example.com"), with(nil, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "false", "PAPERLESS_SOCIAL_AUTO_SIGNUP", "false"), "Sign Up Closed", "", 200},
		"closed, no auto, 2.5":     {"2.5.0", person("alice", "alice@example.com"), with(nil, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "false", "PAPERLESS_SOCIAL_AUTO_SIGNUP", "false"), "/accounts/social/signup/", "", 302},
		"unverified":               {"2.20.15", unverified(), auto, "/dashboard", "alice", 302},
		"unverified, 2.5":          {"2.5.0", unverified(), auto, "Server Error (500)", "alice", 500},
		"unverified, 2.14":         {"2.14.7", unverified(), auto, "Server Error (500)", "alice", 500},
		"mandatory with mail":      {"3.0.5", unverified(), with(auto, "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION", "mandatory", "PAPERLESS_EMAIL_HOST", "smtp.example.com"), "Server Error (500)", "alice", 500},
		"mandatory without mail":   {"2.20.15", unverified(), with(auto, "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION", "mandatory"), "/dashboard", "alice", 302},
		"verified is a string":     {"2.20.15", map[string]any{"sub": "x", "preferred_username": "alice", "email": "a@example.com", "email_verified": "true"}, auto, "Server Error (500)", "alice", 500},
		"null byte":                {"2.20.15", person("null\x00byte", "alice@example.com"), auto, "/dashboard", "nullbyte", 302},
		"null byte, PostgreSQL":    {"3.0.5", person("null\x00byte", "alice@example.com"), with(auto, "PAPERLESS_DBHOST", "db"), "Server Error (500)", "nullbyte", 500},
		"default group is unknown": {"2.20.15", person("alice", "alice@example.com"), with(auto, "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS", "sso"), "/dashboard", "alice", 302},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newIdP(t)
			f.userinfo = tt.claims
			s := start(t, f, tt.version, tt.env)
			before := s.State()
			v := visit(t, s)
			a := v.sso("")
			assert.Equal(t, tt.status, a.StatusCode, text(a.body))
			got := a.Header.Get("Location")
			if got == "" {
				got = title(a.body)
			}
			assert.Equal(t, tt.want, got)
			after := s.State().Users
			if tt.name == "" {
				assert.Len(t, after, len(before.Users))
				return
			}
			require.Len(t, after, len(before.Users)+1)
			made := after[len(after)-1]
			assert.True(t, strings.HasPrefix(made.Username, tt.name), made.Username)
			assert.NotEqual(t, "admin", made.Username)
			if strings.Contains(name, "null") {
				assert.Equal(t, tt.status != 500, len(s.State().Links) == 1, "the account stays behind, without a link")
			}
			if tt.status == 500 && !strings.Contains(name, "string") && !strings.Contains(name, "null") {
				assert.Equal(t, "/dashboard", visit(t, s).sso("").Header.Get("Location"), "the second try works")
			}
		})
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	f := newIdP(t)
	s := start(t, f, "2.20.15", auto)
	v := visit(t, s)
	require.Equal(t, 302, v.signIn("local1", "local1-pw-7u2i").StatusCode)
	a := v.get("/accounts/oidc/authentik/login/?process=connect")
	assert.Equal(t, "You are about to connect a new third-party account from SSO. Continue", text(a.body))
	assert.Equal(t, "Paperless-ngx social account sign in", title(a.body))
	a = v.sso("?process=connect")
	assert.Equal(t, "/", a.Header.Get("Location"))
	assert.Contains(t, v.get("/").body, "The third-party account has been connected.")
	_, p := v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, []any{map[string]any{"id": 1.0, "provider": "authentik", "name": "alice@example.com"}}, p["social_accounts"])
	assert.Equal(t, "local1@example.com", p["email"])
	v.sso("?process=connect")
	assert.Contains(t, v.get("/").body, "The third-party account has been connected.", "again is no error")

	sso := visit(t, s)
	assert.Equal(t, "/dashboard", sso.sso("").Header.Get("Location"))
	_, p = sso.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, "local1@example.com", p["email"], "the identity is local1 now")

	other := visit(t, s)
	other.signIn("frieda", "frieda-local-pw-3o6p")
	other.sso("?process=connect")
	assert.Contains(t, other.get("/").body, "The third-party account is already connected to a different account.")
	assert.Len(t, s.State().Links, 1)
	_, p = other.api(http.MethodGet, "/api/profile/", nil)
	assert.Empty(t, p["social_accounts"])

	nobody := visit(t, s)
	assert.Equal(t, "/", nobody.sso("?process=connect").Header.Get("Location"))
	assert.Equal(t, "/accounts/login/?next=/", nobody.get("/").Header.Get("Location"))

	code, _ := other.api(http.MethodPost, "/api/profile/disconnect_social_account/", map[string]any{"id": 1})
	assert.Equal(t, 400, code, "not hers")
	code, _ = sso.api(http.MethodPost, "/api/profile/disconnect_social_account/", map[string]any{"id": 1})
	assert.Equal(t, 200, code)
	assert.Empty(t, s.State().Links)
}

// A link of the deployment signs in as its user.
func TestLinkBeforeTheFirstCheck(t *testing.T) {
	t.Parallel()
	s := start(t, newIdP(t), "2.20.15", auto, func(o *Options) {
		o.Bundle.Paperless.Links = []deployment.Link{{Username: "local1", ProviderID: "authentik", Subject: "sub-alice"}}
	})
	v := visit(t, s)
	v.sso("")
	_, p := v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, "local1@example.com", p["email"])
}

func TestInactiveUser(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"2.5.0": "/accounts/inactive/", "2.14.7": "", "2.20.15": "/accounts/account_inactive/", "3.0.5": "/accounts/account_inactive/",
	} {
		f := newIdP(t)
		s := start(t, f, version, auto)
		v := visit(t, s)
		require.Equal(t, 302, v.sso("").StatusCode)
		admin := visit(t, s)
		admin.signIn("admin", "admin-pw-0f8e")
		_, users := admin.api(http.MethodGet, "/api/users/?username__iexact=ALICE", nil)
		id := users["results"].([]any)[0].(map[string]any)["id"].(float64)
		code, _ := admin.api(http.MethodPatch, "/api/users/"+pyStr(int(id))+"/", map[string]any{"is_active": false})
		require.Equal(t, 200, code)
		code, _ = v.api(http.MethodGet, "/api/profile/", nil)
		assert.Equal(t, 401, code, "the open session ends")
		a := visit(t, s).sso("")
		assert.Equal(t, want, a.Header.Get("Location"), version)
		if want == "" {
			assert.Equal(t, 500, a.StatusCode)
			continue
		}
		a = v.get(want)
		assert.Equal(t, "Paperless-ngx account inactive", title(a.body))
		assert.Equal(t, "This account is inactive.", text(a.body))
	}
}

func TestEmailAuthentication(t *testing.T) {
	t.Parallel()
	f := newIdP(t)
	f.userinfo = person("alice", "local1@example.com")
	s := start(t, f, "2.20.15", auto, level("EMAIL_AUTHENTICATION", "False"))
	v := visit(t, s)
	assert.Equal(t, "/dashboard", v.sso("").Header.Get("Location"), `"False" is true`)
	_, p := v.api(http.MethodGet, "/api/profile/", nil)
	assert.Equal(t, "local1@example.com", p["email"])
	assert.Equal(t, false, p["has_usable_password"], "the local password is wiped")
	assert.Empty(t, s.State().Links)

	f.userinfo["email_verified"] = false
	s = start(t, f, "2.20.15", auto, level("EMAIL_AUTHENTICATION", true))
	assert.Equal(t, "/accounts/3rdparty/signup/", visit(t, s).sso("").Header.Get("Location"), "not without the claim")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	group := func(o *Options) { o.Bundle.Paperless.Users[1].Groups = []string{"sso", "other"} }
	sync := with(auto, "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS", "true", "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS", "other")
	for _, tt := range []struct {
		version string
		env     map[string]string
		claim   any
		want    []string
	}{
		{"2.20.15", with(auto, "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS", "other,unknown"), nil, []string{"other"}},
		{"2.20.15", sync, []any{"sso", "unknown"}, []string{"sso"}},
		{"2.19.6", sync, []any{"sso"}, []string{"sso"}},
		{"2.20.0", sync, []any{"sso"}, nil}, // the release that cleared them
		{"2.20.15", sync, nil, nil},
		{"2.5.0", sync, []any{"sso"}, nil},
	} {
		f := newIdP(t)
		f.userinfo["groups"] = tt.claim
		s := start(t, f, tt.version, tt.env, group)
		require.Equal(t, 302, visit(t, s).sso("").StatusCode)
		require.Equal(t, 302, visit(t, s).sso("").StatusCode)
		st := s.State()
		assert.ElementsMatch(t, tt.want, st.byName("alice").Groups, "%s %v", tt.version, tt.claim)
	}
}

func unverified() map[string]any {
	p := person("alice", "alice@example.com")
	p["email_verified"] = false
	return p
}
