package model_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// profiles2026 are by the row of docs/facts/releases-2026.md#3, or of #4, that has them.
func profiles2026() map[string]profile {
	const discovery = "/application/o/paperless/.well-known/openid-configuration"
	secret := func(secret string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) { b.Authentik.Providers[0].ClientSecret = secret }
	}
	basic := func(t *testing.T, version, registered, sent string) string {
		t.Helper()
		b, _, a := pair(t, version, secret(registered))
		res := a.token(a.code(b, nil).Query().Get("code"), map[string]string{"basic_secret": sent})
		return fmt.Sprint(res.StatusCode, " ", res.json(t)["error"])
	}
	return map[string]profile{
		"M1 an anonymous authorization request": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, nil)
			to := a.get(authorizeURL(nil)).location(t)
			return fmt.Sprint(to.Path, " ", to.Query().Get("client_id") != "", " ", to.Query().Get("next") == authorizeURL(nil))
		}, map[string]string{
			"2025.10.4": "/flows/-/default/authentication/ false true", "2025.12.0": "/if/flow/default-authentication-flow/ true true",
			"2026.8.5": "/if/flow/default-authentication-flow/ true true",
		}},
		"M2 grant types come before the request parameter": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Providers[0].GrantTypes = nil })
			return a.get(authorizeURL(map[string]string{"request": "x"})).location(t).Query().Get("error")
		}, map[string]string{"2026.2.2": "request_not_supported", "2026.5.0": "invalid_request"}},
		"M3 what the log says of a missing grant type": {func(t *testing.T, version string) string {
			t.Helper()
			_, s, a := pair(t, version, func(b *deployment.Deployment) { b.Authentik.Providers[0].GrantTypes = nil })
			a.get(authorizeURL(nil))
			return strconv.FormatBool(len(s.Log()) > 0 && strings.Contains(s.Log()[len(s.Log())-1].Text, "Invalid grant_type for provider"))
		}, map[string]string{"2026.2.2": "false", "2026.5.0": "true"}},
		"M5 the grant types of discovery are a fixed list": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, func(b *deployment.Deployment) {
				b.Authentik.Providers[0].GrantTypes = []string{"authorization_code"}
			})
			return strconv.Itoa(len(a.get(discovery).json(t)["grant_types_supported"].([]any)))
		}, map[string]string{"2025.8.1": "6", "2026.2.2": "6", "2026.5.0": "6", "2026.8.5": "6"}},
		"M6 front-channel logout in discovery": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, nil)
			doc := a.get(discovery).json(t)
			return fmt.Sprint(doc["frontchannel_logout_supported"], " ", doc["frontchannel_logout_session_supported"])
		}, map[string]string{"2025.8.1": "<nil> <nil>", "2026.2.2": "<nil> <nil>", "2026.5.0": "true true", "2026.8.5": "true true"}},
		"M9 a secret with a percent sign, sent as it is": {func(t *testing.T, version string) string {
			t.Helper()
			return basic(t, version, "half%41and+half", "half%41and+half")
		}, map[string]string{"2025.12.6": "200 <nil>", "2026.2.1": "200 <nil>", "2026.2.2": "400 invalid_client", "2026.8.5": "400 invalid_client"}},
		"M9 the same secret, percent-encoded": {func(t *testing.T, version string) string {
			t.Helper()
			return basic(t, version, "half%41and+half", "half%2541and+half")
		}, map[string]string{"2026.2.1": "400 invalid_client", "2026.2.2": "200 <nil>", "2026.8.5": "200 <nil>"}},
		"M9 a percent sign without two digits stays": {func(t *testing.T, version string) string {
			t.Helper()
			return basic(t, version, "100%zz", "100%zz")
		}, map[string]string{"2026.2.1": "200 <nil>", "2026.2.2": "200 <nil>"}},
		"M10 a secret outside of ASCII": {func(t *testing.T, version string) string {
			t.Helper()
			return basic(t, version, "g\u00fcltig", "g\u00fcltig")
		}, map[string]string{"2025.8.1": "200 <nil>", "2026.8.0": "400 invalid_client"}},
		"M13 jti": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			return strconv.FormatBool(payload(t, a.tokens(a.code(b, nil).Query().Get("code"))["id_token"])["jti"] != nil)
		}, map[string]string{"2025.12.6": "false", "2026.2.0": "true"}},
		"M14 scope in the access token": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			tokens := a.tokens(a.code(b, nil).Query().Get("code"))
			return fmt.Sprint(payload(t, tokens["access_token"])["scope"] != nil, payload(t, tokens["id_token"])["scope"] != nil)
		}, map[string]string{"2025.12.3": "false false", "2025.12.4": "true false", "2026.8.5": "true false"}},
		"M16 the picture of the profile": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			picture, _ := payload(t, a.tokens(a.code(b, nil).Query().Get("code"))["id_token"])["picture"].(string)
			return fmt.Sprint(strings.HasPrefix(picture, "data:"), len(picture) > 1000)
		}, map[string]string{"2026.5.6": "false false", "2026.8.0": "true true", "2026.8.2": "true true", "2026.8.3": "false false"}},
		"M18 end-session with an address that is not registered": {func(t *testing.T, version string) string {
			t.Helper()
			b, _, a := pair(t, version, nil)
			a.code(b, nil)
			res := a.get("/application/o/paperless/end-session/?post_logout_redirect_uri=https%3A%2F%2Fpaperless.example.com%2F")
			return strconv.Itoa(res.StatusCode)
		}, map[string]string{"2026.2.2": "302", "2026.5.0": "400", "2026.5.2": "400", "2026.5.3": "302", "2026.8.5": "302"}},
		"M19 end-session in the middle of a sign-in": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, nil)
			a.get(a.toLogin(authorizeURL(nil)))
			return strconv.Itoa(a.get("/application/o/paperless/end-session/").StatusCode)
		}, map[string]string{"2025.8.1": "302", "2025.10.0": "200", "2026.8.5": "200"}},
		"M20 end-session of somebody who is signed out": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, nil)
			return a.get("/application/o/paperless/end-session/").location(t).Path
		}, map[string]string{
			"2025.8.1": "/flows/-/default/authentication/", "2026.5.6": "/flows/-/default/authentication/",
			"2026.8.0": "/if/flow/default-provider-invalidation-flow/",
		}},
		"M25 two slashes in the path": {func(t *testing.T, version string) string {
			t.Helper()
			_, _, a := pair(t, version, nil)
			return strconv.Itoa(a.get("/application/o/paperless//.well-known/openid-configuration").StatusCode)
		}, map[string]string{"2025.8.1": "301", "2026.5.6": "301", "2026.8.0": "404"}},
		"A10 sessions of before 2026.5": {func(t *testing.T, version string) string {
			t.Helper()
			b, s, a := pair(t, "2026.2.3", nil)
			a.code(b, nil)
			b.Authentik.Version = version
			next := newAgent(t, start(t, b, authentik.Options{State: s.State()}))
			next.cookies = maps.Clone(a.cookies)
			status := next.get(authorizeURL(nil)).StatusCode
			fresh := newAgent(t, start(t, b, authentik.Options{State: s.State()}))
			assert.Equal(t, 302, fresh.get(authorizeURL(nil)).StatusCode, "without the old cookie")
			return strconv.Itoa(status)
		}, map[string]string{"2026.2.7": "302", "2026.5.0": "404", "2026.5.2": "302", "2026.8.5": "302"}},
	}
}
