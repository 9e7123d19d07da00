package model

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

type hazard struct {
	ID    string `json:"id"`
	At    string `json:"at"`
	Title string `json:"title"`
}

// A change is an upgrade_hazard as it shows, on the versions around it.
type change struct {
	show func(t *testing.T, version string) string
	want map[string]string // version to what shows there
}

// verdict is where a sign-in ended, in a few words.
func verdict(o outcome) string {
	last := len(o.statuses) - 1
	switch {
	case o.statuses[last] == http.StatusInternalServerError:
		for _, l := range strings.Split(o.log, "\n") {
			if strings.Contains(l, "NoReverseMatch") || strings.HasPrefix(l, "ConnectionRefusedError") {
				_, l, _ = strings.Cut("."+l, "urls.exceptions.")
				if l == "" {
					l = "ConnectionRefusedError"
				}
				return "500 " + strings.SplitN(l, ":", 2)[0]
			}
		}
		return "500"
	case o.text == failText:
		reason := "nothing logged"
		if _, after, ok := strings.Cut(o.log, "Social authentication error for provider `SSO`: "); ok {
			reason, _, _ = strings.Cut(after, "\n")
		}
		return http.StatusText(o.statuses[last]) + ": " + reason
	}
	return o.paths[last]
}

func changes() map[string]change {
	const up = "up"
	boots := func(env map[string]string) func(*testing.T, string) string {
		return func(t *testing.T, version string) string {
			t.Helper()
			if _, b := boot(t, nil, version, env); !b.Up {
				return b.Log[0]
			}
			return up
		}
	}
	return map[string]change{
		"H01": {func(t *testing.T, version string) string {
			t.Helper()
			return verdict(broken(t, version, func(f *fakeIdP) {
				f.idToken = func(c map[string]any) string { c["iss"] = "https://other.example.com/"; return jws(c) }
			}))
		}, map[string]string{"2.5.0": "/dashboard", "2.19.6": "/dashboard", "2.20.0": "OK: nothing logged", "2.20.2": "OK: unknown (Invalid id_token)", "3.0.5": "Unauthorized: unknown (Invalid id_token)"}},
		"H02": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			s := start(t, f, version, with(auto, "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS", "true"), func(o *Options) { o.Bundle.Paperless.Users[1].Groups = []string{"sso"} })
			visit(t, s).sso("")
			visit(t, s).sso("")
			return strings.Join(s.State().byName("alice").Groups, ",")
		}, map[string]string{"2.19.6": "sso", "2.20.0": "", "2.20.1": "sso", "2.20.15": "sso", "3.0.5": "sso"}},
		"H03": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			visit(t, start(t, f, version, auto)).sso("")
			_, method, _ := strings.Cut(strings.Join(f.requests, " "), "/application/o/token/ ")
			return strings.Fields(method)[0]
		}, map[string]string{"2.5.0": "basic", "2.20.15": "basic", "3.0.0": "post", "3.0.5": "post"}},
		"H04": {boots(with(nil, "PAPERLESS_SECRET_KEY", "change-me")), map[string]string{
			"2.5.0": up, "2.20.15": up,
			"3.0.0": "django.core.exceptions.ImproperlyConfigured: PAPERLESS_SECRET_KEY is not set or is the default 'change-me' value",
		}},
		"H05": {boots(with(nil, "PAPERLESS_DISABLE_REGULAR_LOGIN", "on")), map[string]string{
			"2.5.0": up, "2.20.15": up, "3.0.0": "ValueError: Cannot convert 'on' to a boolean.",
		}},
		"H06": {func(t *testing.T, version string) string {
			t.Helper()
			old := start(t, nil, version, nil).State()
			if _, b := boot(t, nil, "3.0.0", nil, func(o *Options) { o.State = old }); !b.Up {
				return b.Log[0]
			}
			return up
		}, map[string]string{ // from which version
			"2.5.0":   "(paperless.E002) Cannot upgrade to Paperless-ngx v3 from this version.",
			"2.20.14": "(paperless.E002) Cannot upgrade to Paperless-ngx v3 from this version.", "2.20.15": up, "3.0.0": up,
		}},
		"H07": {func(t *testing.T, version string) string {
			t.Helper()
			return verdict(broken(t, version, func(f *fakeIdP) { f.tokenCode, f.tokenBody = 400, "{}" }))[:4]
		}, map[string]string{"2.5.0": "OK: ", "2.20.15": "OK: ", "3.0.0": "Unau", "3.0.5": "Unau"}},
		"H08": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, nil))
			v.header.Set("Accept", "application/json; version=5")
			code, out := v.api(http.MethodGet, "/api/profile/", nil)
			return http.StatusText(code) + " " + pyStr(out["detail"])
		}, map[string]string{
			"2.5.0": "Unauthorized Authentication credentials were not provided.", "2.20.15": "Unauthorized Authentication credentials were not provided.",
			"3.0.0": `Not Acceptable Invalid version in "Accept" header.`,
		}},
		"H09": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, nil))
			code := 0
			for range 6 {
				code, _ = v.api(http.MethodPost, "/api/token/", map[string]any{"username": "admin", "password": "admin-pw-0f8e"})
			}
			return http.StatusText(code)
		}, map[string]string{"2.5.0": "OK", "2.20.15": "OK", "3.0.0": "Too Many Requests"}},
		"H10": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_TRUSTED_PROXIES", "10.0.0.1,10.0.0.2")))
			v.header.Set("X-Forwarded-For", "192.0.2.1")
			return http.StatusText(v.signIn("admin", "admin-pw-0f8e").StatusCode)
		}, map[string]string{"2.5.0": "Found", "2.20.15": "Found", "3.0.0": "Internal Server Error", "3.0.5": "Internal Server Error"}},
		"H11": {func(t *testing.T, version string) string {
			t.Helper()
			v := inactiveAlice(t, version)
			mandatory := with(auto, "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION", "mandatory", "PAPERLESS_EMAIL_HOST", "smtp.example.com")
			_, strict := claims(t, version, mandatory, func(c map[string]any) { c["email_verified"] = false })
			return verdict(look(v, v.sso(""))) + ", " + verdict(strict)
		}, map[string]string{
			"2.13.0": "/accounts/inactive/, /accounts/confirm-email/", "2.13.1": "500 NoReverseMatch, 500 NoReverseMatch", "2.14.7": "500 NoReverseMatch, 500 NoReverseMatch",
			"2.15.0": "/accounts/account_inactive/, 500 NoReverseMatch", "3.0.5": "/accounts/account_inactive/, 500 NoReverseMatch",
		}},
		"H12": {func(t *testing.T, version string) string {
			t.Helper()
			v, o := claims(t, version, auto, func(c map[string]any) { c["email_verified"] = false })
			again := visit(t, v.s)
			return verdict(o) + ", then " + verdict(look(again, again.sso("")))
		}, map[string]string{
			"2.5.0": "500 ConnectionRefusedError, then /dashboard", "2.13.0": "500 ConnectionRefusedError, then /dashboard",
			"2.13.1": "500 NoReverseMatch, then /dashboard", "2.14.7": "500 NoReverseMatch, then /dashboard",
			"2.15.0": "500 ConnectionRefusedError, then /dashboard", "2.15.3": "500 ConnectionRefusedError, then /dashboard",
			"2.16.0": "/dashboard, then /dashboard", "3.0.5": "/dashboard, then /dashboard",
		}},
		"H13": {func(t *testing.T, version string) string {
			t.Helper()
			_, o := claims(t, version, with(nil, "PAPERLESS_SOCIAL_AUTO_SIGNUP", "false"), func(map[string]any) {})
			old := visit(t, start(t, nil, version, nil)).get("/accounts/social/signup/")
			return o.paths[len(o.paths)-1] + ", old path " + http.StatusText(old.StatusCode) + " " + old.Header.Get("Location")
		}, map[string]string{
			"2.5.0": "/accounts/social/signup/, old path Found /accounts/login/", "2.7.2": "/accounts/social/signup/, old path Found /accounts/login/",
			"2.8.0":  "/accounts/3rdparty/signup/, old path Moved Permanently /accounts/3rdparty/signup/",
			"2.13.0": "/accounts/3rdparty/signup/, old path Moved Permanently /accounts/3rdparty/signup/",
			"2.13.1": "/accounts/3rdparty/signup/, old path Found /accounts/login/?next=/accounts/social/signup/",
		}},
		"H14": {func(t *testing.T, version string) string {
			t.Helper()
			v, _ := claims(t, version, auto, func(map[string]any) {})
			code, _ := v.api(http.MethodGet, "/api/ui_settings/", nil)
			return http.StatusText(code)
		}, map[string]string{"2.5.0": "OK", "2.5.4": "OK", "2.6.0": "Forbidden", "2.20.15": "Forbidden", "3.0.5": "Forbidden"}},
		"H15": {func(t *testing.T, version string) string {
			t.Helper()
			nobody := func(o *Options) { o.Bundle.Paperless.Users = nil }
			f := newIdP(t)
			page := visit(t, start(t, f, version, with(nil, "PAPERLESS_REDIRECT_LOGIN_TO_SSO", "true"), nobody)).get("/accounts/login/").body
			says := map[bool]string{true: "goes on to the first account", false: "goes on to the provider"}[strings.Contains(page, "window.location.href")]
			boss := func(env map[string]string) string {
				v := visit(t, start(t, f, version, env, nobody))
				a := v.sso("")
				if form := a.Header.Get("Location"); strings.HasSuffix(form, "signup/") {
					v.post(form, "username", "alice", "email", "alice@example.com")
				}
				return map[bool]string{true: "superuser", false: "user"}[v.s.State().byName("alice").Superuser]
			}
			return says + ", by form " + boss(with(nil, "PAPERLESS_SOCIAL_AUTO_SIGNUP", "false")) + ", automatically " + boss(auto)
		}, map[string]string{
			"2.14.7": "goes on to the provider, by form user, automatically user",
			"2.15.0": "goes on to the first account, by form superuser, automatically user", "3.0.5": "goes on to the first account, by form superuser, automatically user",
		}},
		"H16": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			f.userinfo = person("alice", "local1@example.com")
			s := start(t, f, version, auto, level("EMAIL_AUTHENTICATION", true))
			require.Equal(t, "/dashboard", visit(t, s).sso("").Header.Get("Location"))
			return map[bool]string{true: "kept", false: "wiped"}[s.State().byName("local1").usable()]
		}, map[string]string{"2.5.0": "kept", "2.11.6": "kept", "2.12.0": "wiped", "3.0.5": "wiped"}},
		"H17": {func(t *testing.T, version string) string {
			t.Helper()
			v, _ := claims(t, version, auto, func(map[string]any) {})
			_, p := v.api(http.MethodGet, "/api/profile/", nil)
			return pyStr(p["social_accounts"].([]any)[0].(map[string]any)["name"])
		}, map[string]string{"2.5.0": "Alice Test", "2.11.6": "Alice Test", "2.12.0": "alice@example.com", "3.0.5": "alice@example.com"}},
		"H18": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_DISABLE_REGULAR_LOGIN", "true")))
			v.get("/api/auth/login/")
			a := v.post("/api/auth/login/", "username", "admin", "password", "admin-pw-0f8e", "login", "admin")
			return http.StatusText(a.StatusCode)
		}, map[string]string{"2.6.0": "Found", "2.20.14": "Found", "2.20.15": "OK", "3.0.5": "OK"}},
		"H19": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, nil))
			v.get("/accounts/login/")
			var a answer
			for range 31 {
				a = v.post("/accounts/login/", "login", "nobody", "password", "wrong")
			}
			return http.StatusText(a.StatusCode) + " " + map[bool]string{true: "429.html", false: "no traceback"}[strings.Contains(logText(v.s), "TemplateDoesNotExist: 429.html")]
		}, map[string]string{
			"2.12.1": "OK no traceback", "2.13.0": "Internal Server Error 429.html", "2.20.15": "Internal Server Error 429.html", "3.0.0": "Too Many Requests no traceback",
		}},
		"H20": {func(t *testing.T, version string) string {
			t.Helper()
			a := visit(t, start(t, nil, version, nil)).signIn("admin", "admin-pw-0f8e")
			for _, c := range a.Cookies() {
				if c.Name == "sessionid" {
					return map[bool]string{true: "weeks", false: "until the browser closes"}[c.MaxAge > 0]
				}
			}
			return "none"
		}, map[string]string{"2.6.3": "until the browser closes", "2.12.1": "until the browser closes", "2.13.0": "weeks", "3.0.5": "weeks"}},
	}
}

// TestUpgradeHazards shows every change of the table on the lab, on both sides
// of each version where it comes or goes.
func TestUpgradeHazards(t *testing.T) {
	t.Parallel()
	all := changes()
	for _, h := range hazards(t).Hazards {
		c, ok := all[h.ID]
		if !assert.True(t, ok, "%s is in no test: %s", h.ID, h.Title) {
			continue
		}
		delete(all, h.ID)
		t.Run(h.ID, func(t *testing.T) {
			t.Parallel()
			bounds := threshold.FindAllStringSubmatch(h.At, -1)
			require.NotEmpty(t, bounds)
			before, from, after := bounds[0][1] == "2.5.0", false, len(bounds) == 1
			last := bounds[len(bounds)-1][1]
			for version, want := range c.want {
				before = before || !deployment.AtLeast(version, bounds[0][1])
				from = from || deployment.AtLeast(version, bounds[0][1])
				after = after || !deployment.AtLeast(last, version)
				assert.Equal(t, want, c.show(t, version), "%s: %s", version, h.Title)
			}
			assert.True(t, before && from && after, "shown on one side of %s only", h.At)
		})
	}
	assert.Empty(t, all, "in the test, but not in the table")
}
