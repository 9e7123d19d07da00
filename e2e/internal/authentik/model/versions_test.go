package model_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A profile is a documented difference between versions: what shows on each.
type profile struct {
	show func(t *testing.T, version string) string
	want map[string]string
}

func everywhere(what string) map[string]string {
	return map[string]string{"2024.10.5": what, "2025.6.4": what, "2025.8.1": what, "2025.10.0": what, "2026.5.0": what}
}

// pair starts one of the version and an agent on it.
func pair(t *testing.T, version string, change func(*deployment.Deployment)) (*deployment.Deployment, *authentik.Server, *agent) {
	t.Helper()
	b := bundle(t, version, change)
	s := start(t, b, authentik.Options{})
	return b, s, newAgent(t, s)
}

// profiles are by the section of the facts on authentik that has them.
func profiles() map[string]profile {
	const discovery = "/application/o/paperless/.well-known/openid-configuration"
	return map[string]profile{
		"0.1 a provider without grant types": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Providers[0].GrantTypes = nil })
			to := a.get(authorizeURL(nil)).location(t)
			return to.Path + " " + to.Query().Get("error")
		}, map[string]string{
			"2024.10.5": "/flows/-/default/authentication/ ", "2025.8.1": "/flows/-/default/authentication/ ", "2026.2.0": "/if/flow/default-authentication-flow/ ",
			"2026.5.0": "/accounts/oidc/authentik/login/callback/ invalid_request",
		}},
		"2 redirect URI as text, matched as a pattern": {func(t *testing.T, version string) string {
			t.Helper()
			text := regexp.MustCompile(`(?s)redirect_uris:\n.*?signing_key`).ReplaceAllString(string(deployment.Blueprint(bundle(t, "", nil))),
				"redirect_uris: \"https://paperless.example.com/.*\"\n      signing_key")
			s, err := authentik.New(authentik.Options{Version: version, Blueprint: []byte(text)})
			require.NoError(t, err)
			return strconv.Itoa(newAgent(t, s).get(authorizeURL(nil)).StatusCode)
		}, map[string]string{"2024.8.4": "302", "2024.8.5": "400", "2024.10.2": "302", "2024.10.3": "400", "2024.12.0": "400", "2025.8.1": "400"}},
		"2 a strict redirect URI with pattern characters": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, func(b *deployment.Deployment) {
				b.Authentik.Providers[0].RedirectURIs = []deployment.RedirectURI{{MatchingMode: "strict", URL: "https://paperless.example.com/.*"}}
			})
			return strconv.Itoa(a.get(authorizeURL(nil)).StatusCode)
		}, everywhere("400")},
		"2 encryption key": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Providers[0].EncryptionKey = true })
			tokens := a.tokens(a.code(b, nil).Query().Get("code"))
			return fmt.Sprint(strings.Count(tokens["id_token"].(string), ".")+1, " parts")
		}, map[string]string{"2024.8.6": "3 parts", "2024.10.0": "5 parts", "2025.8.1": "5 parts", "2026.5.0": "5 parts"}},
		"2 no signing key": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Providers[0].SigningKey = false })
			tokens := a.tokens(a.code(b, nil).Query().Get("code"))
			return fmt.Sprint(header(t, tokens["id_token"])["alg"], " ", a.get("/application/o/paperless/jwks/").body, " ", a.get(discovery).json(t)["id_token_signing_alg_values_supported"])
		}, everywhere("HS256 {} [HS256]")},
		"2 empty list of redirect URIs": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Providers[0].RedirectURIs = nil })
			first := a.get(authorizeURL(map[string]string{"redirect_uri": "https://first.example/"})).StatusCode
			return fmt.Sprint(first, " then ", a.get(authorizeURL(nil)).StatusCode)
		}, map[string]string{"2024.10.5": "302 then 400", "2025.8.1": "302 then 400", "2026.2.2": "302 then 400", "2026.5.0": "400 then 400", "2026.8.5": "400 then 400"}}, // docs/facts/releases-2026.md#M4
		"3.3 log line of a wrong redirect URI": {func(t *testing.T, version string) string {
			t.Helper()
			_, s, a := pair(t, version, nil)
			a.get(authorizeURL(map[string]string{"redirect_uri": "https://other.example/"}))
			line := s.Log()[len(s.Log())-1].Text
			return fmt.Sprint(strings.Contains(line, "mismatching redirection URI (redirect_uri)."), strings.Contains(line, `"cause":"redirect_uri_no_match"`), len(s.Events()))
		}, map[string]string{"2024.10.5": "true false 0", "2025.6.4": "true false 0", "2025.8.1": "true true 0", "2025.10.0": "true true 0"}},
		"4.1 discovery with a slash behind it, wrong slug, other case": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, nil)
			return fmt.Sprint(a.get(discovery+"/").StatusCode, a.get(strings.Replace(discovery, "paperless", "nope", 1)).StatusCode, a.get(strings.Replace(discovery, "paperless", "Paperless", 1)).StatusCode)
		}, everywhere("404 404 404")},
		"4.1 what discovery says of logging out": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, nil)
			return fmt.Sprint(a.get(discovery).json(t)["backchannel_logout_supported"])
		}, map[string]string{"2025.6.4": "<nil>", "2025.8.0": "true", "2025.10.0": "true"}},
		"4.2 issuer modes": {func(t *testing.T, version string) string {
			t.Helper()
			var out []string
			for _, mode := range []string{"per_provider", "global"} {
				b, _, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Providers[0].IssuerMode = mode })
				id := payload(t, a.tokens(a.code(b, nil).Query().Get("code"))["id_token"])
				require.Equal(t, id["iss"], a.get(discovery).json(t)["issuer"])
				out = append(out, id["iss"].(string))
			}
			return strings.Join(out, " ")
		}, everywhere("https://authentik.example.com/application/o/paperless/ https://authentik.example.com/")},
		"4.2 host with an underscore": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, nil)
			a.host = "authentik_server:9000"
			res := a.get(discovery)
			return fmt.Sprintf("%d %q", res.StatusCode, res.body)
		}, everywhere(`404 ""`)},
		"4.3 the code of somebody who is signed in": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			a.code(b, nil)
			return a.get(authorizeURL(nil)).location(t).Path
		}, map[string]string{
			"2024.8.6": "/if/flow/default-provider-authorization-implicit-consent/", "2024.10.5": "/if/flow/default-provider-authorization-implicit-consent/",
			"2024.12.0": "/accounts/oidc/authentik/login/callback/", "2025.8.1": "/accounts/oidc/authentik/login/callback/", "2026.5.0": "/accounts/oidc/authentik/login/callback/",
		}},
		"4.3 offline_access asks for consent": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, func(b *deployment.Deployment) {
				b.Authentik.Providers[0].Scopes = append(b.Authentik.Providers[0].Scopes, "offline_access")
			})
			a.code(b, nil)
			to := a.get(authorizeURL(map[string]string{"scope": "openid offline_access"})).location(t)
			if !strings.HasPrefix(to.Path, "/if/flow/") {
				return "no"
			}
			return fmt.Sprint(a.get(executor(to)).json(t)["component"])
		}, map[string]string{"2024.10.5": "ak-stage-consent", "2025.2.0": "ak-stage-consent", "2025.4.0": "no", "2025.8.1": "no"}},
		"4.4 names of the token answer": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			return strings.Join(slices.Sorted(maps.Keys(a.tokens(a.code(b, nil).Query().Get("code")))), " ")
		}, map[string]string{
			"2024.10.5": "access_token expires_in id_token token_type", "2024.12.0": "access_token expires_in id_token token_type",
			"2025.2.0": "access_token expires_in id_token scope token_type", "2025.8.1": "access_token expires_in id_token scope token_type",
		}},
		"4.5 wrong secret": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			res := a.token(a.code(b, nil).Query().Get("code"), map[string]string{"basic_secret": "wrong"})
			out := res.json(t)
			return fmt.Sprint(res.StatusCode, " ", out["error"], " ", out["request_id"] != nil)
		}, map[string]string{"2024.10.5": "400 invalid_client false", "2025.6.4": "400 invalid_client false", "2025.8.0": "400 invalid_client true", "2025.10.0": "400 invalid_client true"}},
		"4.5 the openid scope is missing": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Providers[0].Scopes = []string{"email"} })
			tokens := a.tokens(a.code(b, nil).Query().Get("code"))
			res := a.userinfo(tokens["access_token"].(string))
			return fmt.Sprint(res.StatusCode, " ", strings.Contains(res.Header.Get("WWW-Authenticate"), "insufficient_scope"))
		}, everywhere("403 true")},
		"4.5 a policy says no": {func(t *testing.T, version string) string {
			t.Helper()
			b, s, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Applications[0].Deny = true })
			u := b.Authentik.Users[0]
			end := a.login(a.toLogin(authorizeURL(nil)), u.Username, u.Password)
			res := a.get(end["to"].(string))
			return fmt.Sprint(res.StatusCode, " ", strings.Contains(res.body, "<title>Permission denied - authentik</title>"), " ", s.Events())
		}, everywhere("200 true [login]")},
		"4.6 email_verified": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			return fmt.Sprint(a.userinfo(a.tokens(a.code(b, nil).Query().Get("code"))["access_token"].(string)).json(t)["email_verified"])
		}, map[string]string{"2024.10.5": "true", "2025.6.4": "true", "2025.8.1": "true", "2025.10.0": "false", "2026.5.0": "false"}},
		"4.6 the scope entitlements": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, func(b *deployment.Deployment) {
				b.Authentik.Providers[0].Scopes = append(b.Authentik.Providers[0].Scopes, "entitlements")
			})
			return strconv.FormatBool(slices.Contains(a.get(discovery).json(t)["scopes_supported"].([]any), any("entitlements")))
		}, map[string]string{"2024.10.5": "false", "2024.12.0": "true", "2025.8.1": "true"}},
		"5.3 where the heading and the errors of a stage are": {func(t *testing.T, version string) string {
			t.Helper()
			_, s, a := pair(t, version, nil)
			page := a.get("/if/flow/default-authentication-flow/").body
			assert.Empty(t, s.NotModelled())
			return regexp.MustCompile(`data-shape="(\w+)"`).FindStringSubmatch(page)[1]
		}, map[string]string{"2024.8.6": "header", "2025.6.4": "header", "2025.8.0": "card", "2025.10.0": "labels", "2025.12.0": "drawer", "2026.2.0": "drawer", "2026.5.0": "heading", "2026.8.0": "heading"}},
		"5.7 end-session": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			a.code(b, nil)
			to := a.get("/application/o/paperless/end-session/").location(t)
			silent := a.get(authorizeURL(nil)).location(t)
			return to.Path + " " + map[bool]string{true: "signs in again", false: "still signed in"}[strings.HasPrefix(silent.Path, "/flows/-/default/authentication/")]
		}, map[string]string{
			"2024.8.6": "/if/session-end/paperless/ still signed in", "2024.10.5": "/if/flow/default-provider-invalidation-flow/ still signed in",
			"2025.8.1": "/if/flow/default-provider-invalidation-flow/ still signed in", "2025.10.0": "/if/flow/default-provider-invalidation-flow/ still signed in",
		}},
		"8 sessions over an upgrade to this version": {func(t *testing.T, version string) string {
			t.Helper()
			b, s, a := pair(t, "2025.2.0", nil)
			a.code(b, nil)
			b.Authentik.Version = version
			next := newAgent(t, start(t, b, authentik.Options{State: s.State()}))
			next.cookies = maps.Clone(a.cookies)
			return map[bool]string{true: "kept", false: "lost"}[strings.Contains(next.get(authorizeURL(nil)).Header.Get("Location"), "?code=")]
		}, map[string]string{"2025.2.4": "kept", "2025.4.0": "lost", "2025.8.1": "lost"}},
		"8 the subject over an upgrade": {func(t *testing.T, version string) string {
			t.Helper()
			b, s, a := pair(t, "2024.10.5", nil)
			before := payload(t, a.tokens(a.code(b, nil).Query().Get("code"))["id_token"])["sub"]
			b.Authentik.Version = version
			a = newAgent(t, start(t, b, authentik.Options{State: s.State()}))
			after := payload(t, a.tokens(a.code(b, nil).Query().Get("code"))["id_token"])["sub"]
			fresh := newAgent(t, start(t, b, authentik.Options{}))
			other := payload(t, fresh.tokens(fresh.code(b, nil).Query().Get("code"))["id_token"])["sub"]
			return fmt.Sprint(before == after, " ", before == other)
		}, map[string]string{"2025.8.1": "true false", "2025.10.0": "true false", "2026.5.0": "true false"}},
	}
}

// TestVersionProfiles shows every documented difference on the versions around it.
func TestVersionProfiles(t *testing.T) {
	t.Parallel()
	all := profiles()
	maps.Copy(all, profiles2026())
	for what, p := range all {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for version, want := range p.want {
				assert.Equal(t, want, p.show(t, version), version)
			}
		})
	}
}
