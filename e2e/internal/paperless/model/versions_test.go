// More than 500 lines: one table, all that docs/facts/paperless.md says of more than
// one version, in the order of its sections.
package model

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// profiles are the documented differences between versions that are no hazard
// of the table, by the section of the facts on Paperless-ngx that has them.
// What is the same in every version stands beside them where it is easily
// believed to differ.
func profiles() map[string]change {
	return map[string]change{
		"3.1 no usable app": {func(t *testing.T, version string) string {
			t.Helper()
			var out []string
			for _, providers := range []string{"{}", `{"openid_connect": {}}`, `{"openid_connect": {"APPS": []}}`} {
				out = append(out, mistakeOf(t, version, with(nil, deployment.ProvidersKey, providers)))
			}
			return strings.Join(out, "; ")
		}, map[string]string{
			"2.5.0":  "200 0 buttons, press 500 DoesNotExist; 200 0 buttons, press 500 DoesNotExist; 200 0 buttons, press 500 DoesNotExist",
			"2.14.7": "200 0 buttons, press 500 DoesNotExist; 200 0 buttons, press 500 DoesNotExist; 200 0 buttons, press 500 DoesNotExist",
			"2.15.0": "200 0 buttons, press 404; 200 0 buttons, press 404; 200 0 buttons, press 404",
			"3.0.5":  "200 0 buttons, press 404; 200 0 buttons, press 404; 200 0 buttons, press 404",
		}},
		"3.1 typo in the provider's key": {func(t *testing.T, version string) string {
			t.Helper()
			return mistakeOf(t, version, with(nil, deployment.ProvidersKey, `{"openidconnect": {"APPS": [{"provider_id": "authentik"}]}}`))
		}, always3("200 0 buttons, press 500 ImproperlyConfigured: unknown provider: openidconnect")},
		"3.1 provider_id missing": {appMistake(func(app, _ map[string]any) { delete(app, "provider_id") }), map[string]string{
			"2.5.0": "500 0 buttons, press 500 DoesNotExist", "2.20.15": "500 0 buttons, press 404", "3.0.5": "500 0 buttons, press 404",
		}},
		"3.1 provider_id with a slash": {appMistake(func(app, _ map[string]any) { app["provider_id"] = "a/b" }), map[string]string{
			"2.5.0": "500 0 buttons, press 500 DoesNotExist", "2.20.15": "500 0 buttons, press 404", "3.0.5": "500 0 buttons, press 404",
		}},
		"3.1 provider_id twice": {func(t *testing.T, version string) string {
			t.Helper()
			return mistakeOf(t, version, nil, func(o *Options) {
				o.Bundle.EditProviders(func(oc map[string]any) { oc["APPS"] = append(oc["APPS"].([]any), oc["APPS"].([]any)[0]) })
			})
		}, always3("200 2 buttons, press 500 MultipleObjectsReturned")},
		"3.1 name missing":        {appMistake(func(app, _ map[string]any) { delete(app, "name") }), always3("200 1 buttons, press 302")},
		"3.1 client_id missing":   {appMistake(func(app, _ map[string]any) { delete(app, "client_id") }), always3("200 1 buttons, press 302")},
		"3.1 secret missing":      {appMistake(func(app, _ map[string]any) { delete(app, "secret") }), always3("200 1 buttons, press 302")},
		"3.1 server_url missing":  {appMistake(func(_, s map[string]any) { delete(s, "server_url") }), always3("200 1 buttons, press 500 KeyError: 'server_url'")},
		"3.1 server_url too high": {appMistake(func(app, s map[string]any) { app["server_url"] = s["server_url"]; delete(app, "settings") }), always3("200 1 buttons, press 500 KeyError: 'server_url'")},
		"3.1 APP for APPS": {func(t *testing.T, version string) string {
			t.Helper()
			return mistakeOf(t, version, nil, func(o *Options) {
				o.Bundle.EditProviders(func(oc map[string]any) { oc["APP"] = oc["APPS"].([]any)[0]; delete(oc, "APPS") })
			})
		}, always3("200 1 buttons, press 302")},
		"3.1 legacy SERVERS": {func(t *testing.T, version string) string {
			t.Helper()
			return mistakeOf(t, version, with(nil, deployment.ProvidersKey, `{"openid_connect": {"SERVERS": [{"id": "authentik", "name": "SSO",
				"server_url": "https://authentik.example.com/application/o/paperless", "APP": {"client_id": "c", "secret": "s"}}]}}`))
		}, always3("200 1 buttons, press 302")},
		"3.2 forms of server_url": {func(t *testing.T, version string) string {
			t.Helper()
			var out []string
			for _, end := range []string{"/.well-known/openid-configuration", "", "/", "/.well-known/openid-configuration/"} {
				f := newIdP(t)
				visit(t, start(t, f, version, nil, serverURL(idp+"/o/p"+end))).press()
				out = append(out, strings.TrimPrefix(f.requests[0], "GET /o/p"))
			}
			return strings.NewReplacer(".well-known/openid-configuration", "W").Replace(strings.Join(out, " "))
		}, map[string]string{"2.5.0": "/W /W //W /W//W", "2.13.5": "/W /W //W /W//W", "2.14.0": "/W /W //W /W/", "3.0.5": "/W /W //W /W/"}},
		"3.3 requests of a sign-in": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			visit(t, start(t, f, version, auto)).sso("")
			return regexp.MustCompile(`/application/o/|paperless/\.well-known/| (post|basic)\b`).ReplaceAllString(strings.Join(f.requests, ", "), "")
		}, always3("GET openid-configuration, GET openid-configuration, POST token/, GET userinfo/")},
		"3.4 client authentication by what discovery advertises": {func(t *testing.T, version string) string {
			t.Helper()
			var out []string
			for _, methods := range [][]any{{"client_secret_post", "client_secret_basic"}, {"client_secret_basic"}, {"client_secret_post"}} {
				f := newIdP(t)
				f.discovery["token_endpoint_auth_methods_supported"] = methods
				visit(t, start(t, f, version, auto)).sso("")
				out = append(out, f.requests[2][strings.LastIndex(f.requests[2], " ")+1:])
			}
			return strings.Join(out, " ")
		}, map[string]string{"2.5.0": "basic basic post", "2.20.15": "basic basic post", "3.0.0": "post basic post", "3.0.5": "post basic post"}},
		"3.5 id_token that is garbage, from the future, missing": {func(t *testing.T, version string) string {
			t.Helper()
			var out []string
			for _, token := range []func(map[string]any) string{
				func(map[string]any) string { return "garbage" },
				func(c map[string]any) string {
					c["iat"], c["nbf"] = time.Now().Add(time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
					return jws(c)
				},
				nil,
			} {
				out = append(out, verdict(broken(t, version, func(f *fakeIdP) { f.idToken = token })))
			}
			return strings.Join(out, ", ")
		}, map[string]string{
			"2.5.0": "/dashboard, /dashboard, /dashboard", "2.19.6": "/dashboard, /dashboard, /dashboard",
			"2.20.15": "OK: unknown (Invalid id_token), /dashboard, /dashboard", "3.0.5": "Unauthorized: unknown (Invalid id_token), /dashboard, /dashboard",
		}},
		"3.6 settings of one app": {func(t *testing.T, version string) string {
			t.Helper()
			q := visit(t, start(t, newIdP(t), version, nil, edit(func(_, s map[string]any) { s["oauth_pkce_enabled"], s["scope"] = false, []any{"openid"} }))).begin("")
			return fmt.Sprint(q.Get("scope"), ", PKCE ", q.Has("code_challenge"))
		}, map[string]string{"2.5.0": "email openid profile, PKCE true", "2.13.5": "email openid profile, PKCE true", "2.14.0": "openid, PKCE false", "3.0.5": "openid, PKCE false"}},
		"3.6 AUTH_PARAMS, auth_params of one app": {func(t *testing.T, version string) string {
			t.Helper()
			params := map[string]any{"prompt": "login"}
			all := visit(t, start(t, newIdP(t), version, nil, level("AUTH_PARAMS", params))).begin("").Get("prompt")
			one := visit(t, start(t, newIdP(t), version, nil, edit(func(_, s map[string]any) { s["auth_params"] = params }))).begin("").Get("prompt")
			return all + " " + one
		}, map[string]string{"2.5.0": "login ", "2.12.1": "login ", "2.13.0": "login login", "2.20.15": "login login", "3.0.5": "login login"}},
		"3.6 hidden": {func(t *testing.T, version string) string {
			t.Helper()
			return mistakeOf(t, version, nil, edit(func(_, s map[string]any) { s["hidden"] = true }))
		}, map[string]string{"2.5.0": "200 1 buttons, press 302", "2.8.6": "200 1 buttons, press 302", "2.9.0": "200 0 buttons, press 302", "3.0.5": "200 0 buttons, press 302"}},
		"3.6 fetch_userinfo": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			f.idToken = jws
			visit(t, start(t, f, version, auto, edit(func(_, s map[string]any) { s["fetch_userinfo"] = false }))).sso("")
			return strconv.FormatBool(strings.Contains(strings.Join(f.requests, " "), "userinfo"))
		}, map[string]string{"2.19.6": "true", "2.20.0": "false", "3.0.5": "false"}},
		"3.6 uid_field": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, newIdP(t), version, auto, edit(func(_, s map[string]any) { s["uid_field"] = "preferred_username" })))
			v.sso("")
			return v.s.State().Links[0].UID
		}, map[string]string{"2.20.15": "sub-alice", "3.0.0": "alice", "3.0.5": "alice"}},
		"3.6 SCOPE is read, SCOPES is not": {func(t *testing.T, version string) string {
			t.Helper()
			one := visit(t, start(t, newIdP(t), version, nil, level("SCOPE", []any{"openid", "groups"}))).begin("").Get("scope")
			return one + "; " + visit(t, start(t, newIdP(t), version, nil, level("SCOPES", []any{"openid"}))).begin("").Get("scope")
		}, always3("openid groups; email openid profile")},
		"3.6 another provider_id makes everybody new": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			old := start(t, f, version, auto)
			visit(t, old).sso("")
			s := start(t, f, version, auto, func(o *Options) { o.State = old.State() }, edit(func(a, _ map[string]any) { a["provider_id"] = "sso" }))
			v := visit(t, s)
			v.get("/accounts/login/")
			a := v.post("/accounts/oidc/sso/login/")
			to, err := a.Location()
			require.NoError(t, err)
			return v.get("/accounts/oidc/sso/login/callback/?code=c&state=" + to.Query().Get("state")).Header.Get("Location")
		}, map[string]string{"2.5.0": "/accounts/social/signup/", "2.20.15": "/accounts/3rdparty/signup/", "3.0.5": "/accounts/3rdparty/signup/"}}, // the address is taken, by oneself
		"4.1 user name when the preferred one is taken": {func(t *testing.T, version string) string {
			t.Helper()
			v, _ := claims(t, version, auto, func(c map[string]any) {
				c["preferred_username"], c["name"], c["given_name"] = "frieda", "Alice Liddell", "Alice Liddell"
			})
			users := v.s.State().Users
			return users[len(users)-1].Username
		}, map[string]string{"2.5.0": "alice", "2.12.1": "alice", "2.13.0": "alice_liddell", "2.20.15": "alice_liddell", "3.0.5": "alice_liddell"}},
		"4.2 e-mail that differs only in case": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			f.userinfo["email"] = "LOCAL1@EXAMPLE.COM"
			v := visit(t, start(t, f, version, auto, func(o *Options) { o.Bundle.Paperless.Users[1].Email = "Local1@Example.com" }))
			return verdict(look(v, v.sso("")))
		}, map[string]string{"2.5.0": "/accounts/social/signup/", "2.13.5": "/dashboard", "2.20.15": "/dashboard", "3.0.5": "/dashboard"}},
		"4.2 no e-mail claim": {func(t *testing.T, version string) string {
			t.Helper()
			v, o := claims(t, version, auto, func(c map[string]any) { delete(c, "email") })
			return verdict(o) + fmt.Sprintf(" %q", v.s.State().byName("alice").Email)
		}, always3(`/dashboard ""`)},
		"4.2 sub missing, empty, too long": {func(t *testing.T, version string) string {
			t.Helper()
			var out []string
			for _, sub := range []any{nil, "", strings.Repeat("x", 192)} {
				_, o := claims(t, version, auto, func(c map[string]any) {
					if c["sub"] = sub; sub == nil {
						delete(c, "sub")
					}
				})
				lines := strings.Fields(regexp.MustCompile(`(?m)^[\w.]*(KeyError|ValueError|ImproperlyConfigured)`).FindString(o.log))
				out = append(out, fmt.Sprint(o.statuses[0], " ", lines[0]))
			}
			return strings.Join(out, ", ")
		}, always3("500 KeyError, 500 ValueError, 500 django.core.exceptions.ImproperlyConfigured")},
		"4.2 sign-ups closed, but linked": {func(t *testing.T, version string) string {
			t.Helper()
			s := start(t, newIdP(t), version, with(auto, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "false"), func(o *Options) {
				o.Bundle.Paperless.Links = []deployment.Link{{Username: "local1", ProviderID: "authentik", Subject: "sub-alice"}}
			})
			return visit(t, s).sso("").Header.Get("Location")
		}, always3("/dashboard")},
		"4.2 signed in as somebody else": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, newIdP(t), version, auto))
			v.signIn("local1", "local1-pw-7u2i")
			state := url.Values{}
			v.get("/accounts/oidc/authentik/login/")
			to, err := v.post(startPath + "?process=login").Location()
			require.NoError(t, err)
			state.Set("state", to.Query().Get("state"))
			state.Set("code", "code")
			v.get(callbackPath + "?" + state.Encode())
			_, p := v.api(http.MethodGet, "/api/profile/", nil)
			return pyStr(p["email"])
		}, always3("alice@example.com")},
		"4.2 next to another host": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, newIdP(t), version, auto))
			return v.sso("?process=&next=https://evil.example/").Header.Get("Location")
		}, map[string]string{"2.5.0": "https://evil.example/", "2.5.2": "https://evil.example/", "2.5.3": "/dashboard", "2.20.15": "/dashboard", "3.0.5": "/dashboard"}},
		"4.3 verified_email in place of the claim": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			f.userinfo = person("alice", "local1@example.com")
			delete(f.userinfo, "email_verified")
			s := start(t, f, version, auto, level("EMAIL_AUTHENTICATION", true), level("VERIFIED_EMAIL", true))
			v := visit(t, s)
			v.sso("")
			_, p := v.api(http.MethodGet, "/api/profile/", nil)
			return fmt.Sprint(p["email"], " links ", len(s.State().Links))
		}, always3("local1@example.com links 0")},
		"4.3 optional verification with working mail": {func(t *testing.T, version string) string {
			t.Helper()
			_, o := claims(t, version, with(auto, "PAPERLESS_EMAIL_HOST", "smtp.example.com"), func(c map[string]any) { c["email_verified"] = false })
			return verdict(o)
		}, map[string]string{"2.13.0": "/dashboard", "2.13.1": "500 NoReverseMatch", "2.15.0": "/dashboard", "3.0.5": "/dashboard"}},
		"4.4 the web application without rights": {func(t *testing.T, version string) string {
			t.Helper()
			v, _ := claims(t, version, auto, func(map[string]any) {})
			m := regexp.MustCompile(`window\.LAB = (\{.*?\});`).FindStringSubmatch(v.get("/dashboard").body)
			require.NotNil(t, m)
			var lab struct{ Hangs bool }
			require.NoError(t, json.Unmarshal([]byte(m[1]), &lab))
			return map[bool]string{true: "hangs", false: "toast"}[lab.Hangs]
		}, map[string]string{"2.6.0": "hangs", "2.11.1": "hangs", "2.11.2": "toast", "2.20.15": "toast", "3.0.5": "toast"}},
		"4.5 groups of a claim that is null, missing": {func(t *testing.T, version string) string {
			t.Helper()
			var out []string
			for _, null := range []bool{true, false} {
				f := newIdP(t)
				s := start(t, f, version, with(auto, "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS", "true"), func(o *Options) { o.Bundle.Paperless.Users[1].Groups = []string{"sso"} })
				visit(t, s).sso("")
				s.tx(func(d *State) { d.byName("alice").Groups = []string{"sso"} })
				if f.userinfo["groups"] = nil; !null {
					delete(f.userinfo, "groups")
				}
				visit(t, s).sso("")
				out = append(out, fmt.Sprint(s.State().byName("alice").Groups))
			}
			return strings.Join(out, " ")
		}, map[string]string{"2.15.0": "[sso] []", "2.19.6": "[sso] []", "2.20.1": "[] []", "2.20.15": "[] []", "3.0.5": "[] []"}},
		"5 sign-in page": {func(t *testing.T, version string) string {
			t.Helper()
			page := visit(t, start(t, nil, version, nil)).get("/accounts/login/").body
			return fmt.Sprint(strings.Contains(page, `class="form-signin"`), strings.Contains(page, `id="form-account"`), strings.Contains(page, `id="social-login"`))
		}, map[string]string{
			"2.5.0": "true false false", "2.5.4": "true false false", "2.6.0": "false true false", "2.10.2": "false true false",
			"2.11.0": "false true true", "3.0.5": "false true true",
		}},
		"5 the button's address asked with GET": {func(t *testing.T, version string) string {
			t.Helper()
			return text(visit(t, start(t, nil, version, nil)).get(startPath).body)
		}, always3("You are about to connect a new third-party account from SSO. Continue")},
		"5 redirect to SSO on the sign-in page, on the question, after signing out": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_REDIRECT_LOGIN_TO_SSO", "true")))
			sends := func(path string) bool { return strings.Contains(v.get(path).body, ".submit()") }
			return fmt.Sprint(sends("/accounts/login/"), sends(startPath), sends("/accounts/login/?loggedout=1"))
		}, map[string]string{"2.5.0": "false false false", "2.10.2": "false false false", "2.11.0": "true true false", "2.20.15": "true true false", "3.0.5": "true true false"}},
		"5 where signing out leads": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, nil))
			v.signIn("admin", "admin-pw-0f8e")
			a := v.get("/accounts/logout/")
			v.signIn("admin", "admin-pw-0f8e")
			password := v.get("/accounts/logout/?next=" + url.QueryEscape("/accounts/login/?next=/"))
			v = visit(t, start(t, nil, version, with(nil, "PAPERLESS_LOGOUT_REDIRECT_URL", idp+"/end")))
			v.signIn("admin", "admin-pw-0f8e")
			return a.Header.Get("Location") + " " + password.Header.Get("Location") + " " + v.get("/accounts/logout/").Header.Get("Location")
		}, map[string]string{
			"2.5.0": "/ /accounts/login/?next=/ " + idp + "/end", "2.10.2": "/ /accounts/login/?next=/ " + idp + "/end",
			"2.11.0":  "/accounts/login/?loggedout=1 /accounts/login/?next=/ " + idp + "/end",
			"2.20.15": "/accounts/login/?loggedout=1 /accounts/login/?next=/ " + idp + "/end", "3.0.5": "/accounts/login/?loggedout=1 /accounts/login/?next=/ " + idp + "/end",
		}},
		"5 regular login off: form, admin, token, Basic": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_DISABLE_REGULAR_LOGIN", "true")))
			page := v.get("/accounts/login/")
			post := v.post("/accounts/login/", "login", "admin", "password", "admin-pw-0f8e")
			v = visit(t, v.s)
			v.get("/admin/login/")
			admin := v.post("/admin/login/", "username", "admin", "password", "admin-pw-0f8e").StatusCode
			v = visit(t, v.s)
			token, _ := v.api(http.MethodPost, "/api/token/", map[string]any{"username": "admin", "password": "admin-pw-0f8e"})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin, nil)
			require.NoError(t, err)
			r.SetBasicAuth("admin", "admin-pw-0f8e")
			v.header.Set("Authorization", r.Header.Get("Authorization"))
			basic, _ := v.api(http.MethodGet, "/api/profile/", nil)
			return fmt.Sprint(strings.Contains(page.body, "inputPassword"), " ", post.StatusCode, " ", strings.Contains(post.body, "Regular login is disabled"), " ", admin, " ", token, " ", basic)
		}, map[string]string{
			"2.5.0": "true 302 false 302 200 200", "2.6.0": "false 200 true 302 200 200", "2.20.15": "false 200 true 302 200 200", "3.0.5": "false 200 true 302 200 200",
		}},
		"5 five wrong passwords": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, nil))
			for range 5 {
				v.signIn("admin", "wrong")
			}
			return strconv.FormatBool(strings.Contains(v.signIn("admin", "admin-pw-0f8e").body, "Too many failed login attempts. Try again later."))
		}, always3("true")},
		"6 Remote-User on the API": {func(t *testing.T, version string) string {
			t.Helper()
			ask := func(env map[string]string) int {
				v := visit(t, start(t, nil, version, env))
				v.header.Set("Remote-User", "local1")
				return v.get("/api/profile/").StatusCode
			}
			on := with(nil, "PAPERLESS_ENABLE_HTTP_REMOTE_USER", "true")
			return fmt.Sprint(ask(nil), " ", ask(on), " ", ask(with(on, "PAPERLESS_ENABLE_HTTP_REMOTE_USER_API", "true")))
		}, map[string]string{"2.5.0": "401 200 200", "2.8.5": "401 200 200", "2.8.6": "401 401 200", "2.20.15": "401 401 200", "3.0.5": "401 401 200"}},
		"6 Remote-User: sign-in page, signing out, regular login off": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_ENABLE_HTTP_REMOTE_USER", "true", "PAPERLESS_DISABLE_REGULAR_LOGIN", "true")))
			v.header.Set("Remote-User", "local1")
			in := v.get("/accounts/login/").Header.Get("Location")
			v.get("/accounts/logout/")
			return in + " " + v.get("/accounts/login/?loggedout=1").Header.Get("Location")
		}, always3("/dashboard /dashboard")},
		"6 Remote-User: name of the header, new people, without the header later": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_ENABLE_HTTP_REMOTE_USER", "true", "PAPERLESS_HTTP_REMOTE_USER_HEADER_NAME", "HTTP_X_AUTHENTIK_USERNAME")))
			v.header.Set("Remote-User", "admin")
			usual := v.get("/").StatusCode
			v.header = http.Header{"X-Authentik-Username": {"somebody"}}
			named := v.get("/").StatusCode
			v.header = http.Header{}
			later := v.get("/").StatusCode
			u := v.s.State().byName("somebody")
			return fmt.Sprint(usual, " ", named, " ", later, " ", u != nil && !u.Superuser && !u.usable())
		}, always3("302 200 200 true")},
		"6 Remote-User of an inactive user": {func(t *testing.T, version string) string {
			t.Helper()
			s := start(t, nil, version, with(nil, "PAPERLESS_ENABLE_HTTP_REMOTE_USER", "true"))
			s.tx(func(d *State) { d.byName("local1").Active = false })
			v := visit(t, s)
			v.header.Set("Remote-User", "local1")
			return v.get("/").Header.Get("Location") + fmt.Sprint(" ", strings.Contains(logText(s), "No authentication provided from"))
		}, always3("/accounts/login/?next=/ true")},
		"7 name of a linked account that is configured no more": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			old := start(t, f, version, auto)
			v := visit(t, old)
			v.sso("")
			v.s = start(t, f, version, auto, func(o *Options) { o.State = old.State() }, edit(func(a, _ map[string]any) { a["provider_id"] = "sso" }))
			code, p := v.api(http.MethodGet, "/api/profile/", nil)
			if code != http.StatusOK {
				return http.StatusText(code)
			}
			return pyStr(p["social_accounts"].([]any)[0].(map[string]any)["name"])
		}, map[string]string{"2.5.0": "Internal Server Error", "2.15.3": "Internal Server Error", "2.16.0": "Unknown App", "3.0.5": "Unknown App"}},
		"7 provider app gone while links exist": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			old := start(t, f, version, auto)
			v := visit(t, old)
			v.sso("")
			v.s = start(t, f, version, with(auto, "PAPERLESS_APPS", "-"), func(o *Options) { o.State = old.State() })
			code, _ := v.api(http.MethodGet, "/api/profile/", nil)
			return fmt.Sprint(code, " ", strings.Contains(logText(v.s), "ImproperlyConfigured: unknown provider: openid_connect"))
		}, always3("500 true")},
		"7 links of a newer version, read by an older": {func(t *testing.T, version string) string {
			t.Helper()
			f := newIdP(t)
			f.idToken = jws
			old := start(t, f, "2.20.15", auto)
			v := visit(t, old)
			v.sso("")
			v.s = start(t, f, version, auto, func(o *Options) { o.State = old.State() })
			_, p := v.api(http.MethodGet, "/api/profile/", nil)
			return pyStr(p["social_accounts"].([]any)[0].(map[string]any)["name"])
		}, map[string]string{"2.19.6": "SSO", "2.20.15": "alice@example.com", "3.0.5": "alice@example.com"}},
		"7 disconnecting without a password": {func(t *testing.T, version string) string {
			t.Helper()
			v, _ := claims(t, version, auto, func(map[string]any) {})
			code, _ := v.api(http.MethodPost, "/api/profile/disconnect_social_account/", map[string]any{"id": 1})
			again, _ := v.api(http.MethodPost, "/api/profile/disconnect_social_account/", map[string]any{"id": 1})
			return fmt.Sprint(code, " ", again)
		}, always3("200 400")},
		"8 starts that are kept": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, newIdP(t), version, auto))
			first := v.begin("").Get("state")
			v.begin("")
			return verdict(look(v, v.get(callbackPath+"?code=c&state="+first)))[:4]
		}, map[string]string{"2.5.0": "OK: ", "2.7.2": "OK: ", "2.8.0": "/das", "2.20.15": "/das", "3.0.5": "/das"}},
		"8 access_denied without a valid state": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, newIdP(t), version, auto))
			return look(v, v.get(callbackPath+"?error=access_denied&state=x")).title
		}, map[string]string{"2.5.0": "Login Cancelled", "2.7.2": "Login Cancelled", "2.8.0": "Paperless-ngx social account sign in", "3.0.5": "Paperless-ngx social account sign in"}},
		"8 wrong prefix": {func(t *testing.T, version string) string {
			t.Helper()
			return visit(t, start(t, nil, version, nil)).get("/accounts/openid_connect/authentik/login/").Header.Get("Location")
		}, always3("/accounts/login/?next=/accounts/openid_connect/authentik/login/")},
		"8 redirect_uri: default protocol, rewritten host": {func(t *testing.T, version string) string {
			t.Helper()
			uri := func(env map[string]string) string {
				v := visit(t, start(t, newIdP(t), version, env))
				v.header.Set("X-Forwarded-Host", "docs.example.com:8443")
				u, err := url.Parse(v.begin("").Get("redirect_uri"))
				require.NoError(t, err)
				return u.Scheme + "://" + u.Host
			}
			return uri(nil) + " " + uri(with(nil, "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL", "http")) + " " + uri(with(nil, "PAPERLESS_USE_X_FORWARD_HOST", "true"))
		}, always3("https://paperless.example.com http://paperless.example.com https://docs.example.com:8443")},
		"8 client's address unknown": {func(t *testing.T, version string) string {
			t.Helper()
			s := start(t, nil, version, nil)
			v := visit(t, s)
			v.remote = "-"
			return http.StatusText(v.signIn("admin", "admin-pw-0f8e").StatusCode)
		}, map[string]string{"2.20.15": "Found", "3.0.0": "Forbidden", "3.0.5": "Forbidden"}},
		"10 what the container says": {func(t *testing.T, version string) string {
			t.Helper()
			log := logText(start(t, nil, version, nil))
			_, failed := boot(t, nil, version, with(nil, deployment.ProvidersKey, "{"))
			return fmt.Sprint(strings.Contains(log, "[init-complete]"), strings.Contains(log, "[paperless.asgi] [init] Paperless-ngx version: v"+version), len(failed.Log) > 1)
		}, map[string]string{"2.5.0": "false false false", "2.14.7": "false false false", "2.15.0": "true false true", "2.17.0": "true true true", "3.0.5": "true true true"}},
		"10 versions of the API": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, nil))
			v.signIn("admin", "admin-pw-0f8e")
			oldest, newest := 0, 0
			for n := 1; n < 12; n++ {
				v.header.Set("Accept", fmt.Sprintf("application/json; version=%d", n))
				code, _ := v.api(http.MethodGet, "/api/profile/", nil)
				switch {
				case code == http.StatusOK && oldest == 0:
					oldest, newest = n, n
				case code == http.StatusOK:
					newest = n
				}
			}
			return fmt.Sprintf("%d-%d", oldest, newest)
		}, map[string]string{"2.5.0": "1-5", "2.13.5": "1-5", "2.14.3": "1-6", "2.14.7": "1-7", "2.15.3": "1-8", "2.16.0": "1-9", "2.20.15": "1-9", "3.0.0": "9-10", "3.0.5": "9-10"}},
		"10 rules on passwords": {func(t *testing.T, version string) string {
			t.Helper()
			v := visit(t, start(t, nil, version, nil))
			v.signIn("admin", "admin-pw-0f8e")
			code, _ := v.api(http.MethodPost, "/api/users/", map[string]any{"username": "new", "password": "short"})
			return http.StatusText(code)
		}, map[string]string{"2.5.0": "Created", "2.19.5": "Created", "2.19.6": "Bad Request", "3.0.5": "Bad Request"}},
		"2 words of a boolean": {func(t *testing.T, version string) string {
			t.Helper()
			var out []string
			for _, word := range []string{"Yes", "on", "", "false"} {
				s, b := boot(t, newIdP(t), version, with(nil, "PAPERLESS_SOCIAL_AUTO_SIGNUP", word))
				if !b.Up {
					out = append(out, "down")
					continue
				}
				out = append(out, strconv.FormatBool(s.set.autoSignup))
			}
			return strings.Join(out, " ")
		}, map[string]string{"2.5.0": "true false false false", "2.20.15": "true false false false", "3.0.0": "true down down false", "3.0.5": "true down down false"}},
		"2 space in a list": {func(t *testing.T, version string) string {
			t.Helper()
			_, b := boot(t, nil, version, with(nil, "PAPERLESS_APPS", deployment.OpenIDConnectApp+", allauth.usersessions"))
			if b.Up {
				return "up"
			}
			return b.Log[0]
		}, map[string]string{
			"2.5.0": "ModuleNotFoundError: No module named ' allauth.usersessions'", "2.20.15": "ModuleNotFoundError: No module named ' allauth.usersessions'",
			"3.0.0": "up", "3.0.5": "up",
		}},
	}
}

// always3 is what the recorded versions have in common.
func always3(what string) map[string]string {
	return map[string]string{"2.5.0": what, "2.20.15": what, "3.0.5": what}
}

// mistakeOf is what a cause in the providers' JSON does to the sign-in page
// and to the press of the button.
func mistakeOf(t *testing.T, version string, env map[string]string, changes ...func(*Options)) string {
	t.Helper()
	v := visit(t, start(t, newIdP(t), version, env, changes...))
	page := v.get("/accounts/login/")
	buttons := strings.Count(page.body, `class="btn btn-secondary"`)
	before := len(logText(v.s))
	v.get("/admin/login/") // a token all the same
	press := v.post(startPath + "?process=")
	out := []string{fmt.Sprint(page.StatusCode, " ", buttons, " buttons, press ", press.StatusCode)}
	for l := range strings.Lines(logText(v.s)[before:]) {
		if m := regexp.MustCompile(`^(?:[\w]+\.)*(\w*(?:DoesNotExist|Returned|KeyError|ImproperlyConfigured)\b.*)`).FindStringSubmatch(l); m != nil {
			out = append(out, m[1])
		}
	}
	return strings.Join(out, " ")
}

func appMistake(change func(app, settings map[string]any)) func(*testing.T, string) string {
	return func(t *testing.T, version string) string {
		t.Helper()
		return mistakeOf(t, version, nil, edit(change))
	}
}

// TestVersionProfiles shows every documented difference on the versions around it.
func TestVersionProfiles(t *testing.T) {
	t.Parallel()
	for what, p := range profiles() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for version, want := range p.want {
				assert.Equal(t, want, p.show(t, version), version)
			}
		})
	}
}
