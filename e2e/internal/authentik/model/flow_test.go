package model_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func jsonInto(text string, v any) error { return json.Unmarshal([]byte(text), v) }

func TestSignInStages(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", nil)
	s := start(t, b, authentik.Options{})
	a := newAgent(t, s)
	api := a.toLogin(authorizeURL(nil))
	c := a.get(api).json(t)
	assert.Equal(t, "Paperless-ngx", c["application_pre"])
	assert.Equal(t, "Welcome to authentik!", c["flow_info"].(map[string]any)["title"])
	assert.Equal(t, false, c["password_fields"])
	c = a.answer(api, map[string]string{"uid_field": ""})
	assert.Contains(t, fmt.Sprint(c["response_errors"]), "may not be blank")
	c = a.answer(api, map[string]string{"uid_field": "ALICE@example.com"})
	assert.Equal(t, "ak-stage-password", c["component"], "the e-mail does as well as the user name")
	assert.Equal(t, "ak-stage-password", a.get(api).json(t)["component"], "a reload stays at the password")
	old := a.cookies["authentik_session"]
	c = a.answer(api, map[string]string{"password": b.Authentik.Users[0].Password})
	assert.Equal(t, authorizeURL(nil), c["to"])
	assert.NotEqual(t, old, a.cookies["authentik_session"], "a new session key at sign-in")
	assert.Equal(t, "xak-flow-redirect", a.get(api).json(t)["component"], "the flow is for people who are not signed in")
}

func TestNextStaysHere(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", nil)
	for _, next := range []string{"https://evil.example/", "//evil.example/", "", "javascript:alert(1)"} {
		a := newAgent(t, start(t, b, authentik.Options{}))
		api := "/api/v3/flows/executor/default-authentication-flow/?query=" + url.QueryEscape("next="+url.QueryEscape(next))
		assert.Equal(t, "/", a.login(api, "alice", b.Authentik.Users[0].Password)["to"], next)
	}
}

func TestRefusedPasswords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		user, password string
		change         func(*deployment.Deployment)
	}{
		"wrong password": {user: "alice", password: "wrong"},
		"unknown person": {user: "nobody", password: "wrong"},
		"deactivated":    {user: "alice", password: "alice-pw-7r2x", change: func(b *deployment.Deployment) { b.Authentik.Users[0].Inactive = true }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, bundle(t, "2025.8.1", tt.change), authentik.Options{})
			a := newAgent(t, s)
			api := a.toLogin(authorizeURL(nil))
			c := a.login(api, tt.user, tt.password)
			for range 3 {
				assert.Equal(t, "ak-stage-password", c["component"])
				assert.Equal(t, map[string]any{"password": []any{map[string]any{"string": "Invalid password", "code": "invalid"}}}, c["response_errors"])
				c = a.answer(api, map[string]string{"password": tt.password})
			}
			c = a.answer(api, map[string]string{"password": tt.password})
			assert.Equal(t, "ak-stage-access-denied", c["component"], "the fifth ends the flow")
			assert.Equal(t, "Invalid password", c["error_message"])
			assert.Equal(t, []string{"login_failed", "login_failed", "login_failed", "login_failed", "login_failed"}, s.Events())
			assert.Equal(t, "ak-stage-identification", a.get(api).json(t)["component"], "and the next begins again")
		})
	}
}

func TestCSRF(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", func(b *deployment.Deployment) { b.Authentik.Providers[0].Consent = true })
	a := newAgent(t, start(t, b, authentik.Options{}))
	end := a.login(a.toLogin(authorizeURL(nil)), "alice", b.Authentik.Users[0].Password)
	page := a.get(end["to"].(string)).location(t)
	c := a.get(executor(page)).json(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, executor(page), strings.NewReader(fmt.Sprintf(`{"token":%q}`, c["token"])))
	res := a.do(r)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "ak-stage-flow-error", res.json(t)["component"], "an authenticated session needs the header")
}

func TestConsent(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", func(b *deployment.Deployment) { b.Authentik.Providers[0].Consent = true })
	c := &clock{at: time.Now()}
	s := start(t, b, authentik.Options{Now: c.now})
	a := newAgent(t, s)
	end := a.login(a.toLogin(authorizeURL(nil)), "alice", b.Authentik.Users[0].Password)
	page := a.get(end["to"].(string)).location(t)
	assert.Equal(t, "/if/flow/default-provider-authorization-explicit-consent/", page.Path)
	assert.Equal(t, query(nil).Encode(), page.Query().Encode())
	stage := a.get(executor(page)).json(t)
	assert.Equal(t, "ak-stage-consent", stage["component"])
	assert.Equal(t, "You're about to sign into Paperless-ngx.", stage["header_text"])
	assert.Equal(t, "Redirecting to Paperless-ngx", stage["flow_info"].(map[string]any)["title"])
	assert.Len(t, stage["permissions"], 2, "profile and email; openid has no text")
	assert.Equal(t, "ak-stage-consent", a.answer(executor(page), map[string]string{"token": "wrong"})["component"])
	assert.NotContains(t, s.Events(), "authorize_application", "no code before the consent")
	stage = a.get(executor(page)).json(t)
	stage = a.answer(executor(page), map[string]string{"token": stage["token"].(string)})
	require.Equal(t, "xak-flow-redirect", stage["component"])
	assert.Contains(t, stage["to"], callback+"?code=")

	second := newAgent(t, s)
	end = second.login(second.toLogin(authorizeURL(nil)), "alice", b.Authentik.Users[0].Password)
	page = second.get(end["to"].(string)).location(t)
	assert.Equal(t, "xak-flow-redirect", second.get(executor(page)).json(t)["component"], "a consent holds")
	page = second.get(authorizeURL(map[string]string{"prompt": "consent"})).location(t)
	assert.Equal(t, "ak-stage-consent", second.get(executor(page)).json(t)["component"], "unless it is asked for")
	c.at = c.at.Add(29 * 24 * time.Hour)
	page = second.get(authorizeURL(nil)).location(t)
	assert.Equal(t, "ak-stage-consent", second.get(executor(page)).json(t)["component"], "or four weeks are over")
}

func TestSilentAuthorization(t *testing.T) {
	t.Parallel()
	for version, path := range map[string]string{
		"2024.10.5": "/if/flow/default-provider-authorization-implicit-consent/",
		"2024.12.0": "/accounts/oidc/authentik/login/callback/",
	} {
		b := bundle(t, version, nil)
		a := newAgent(t, start(t, b, authentik.Options{}))
		end := a.login(a.toLogin(authorizeURL(nil)), "alice", b.Authentik.Users[0].Password)
		assert.Equal(t, path, a.get(end["to"].(string)).location(t).Path, version)
	}
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", nil)
	c := &clock{at: time.Now()}
	a := newAgent(t, start(t, b, authentik.Options{Now: c.now}))
	a.code(b, nil)
	assert.Contains(t, a.get(authorizeURL(map[string]string{"prompt": "none"})).Header.Get("Location"), "?code=", "signed in: silent")
	c.at = c.at.Add(time.Second)
	assert.NotEmpty(t, a.code(b, map[string]string{"prompt": "login"}).Query().Get("code"), "prompt=login asks once, then passes")
	c.at = c.at.Add(time.Minute)
	assert.Contains(t, a.get(authorizeURL(map[string]string{"max_age": "3600"})).Header.Get("Location"), "?code=")
	assert.NotEmpty(t, a.code(b, map[string]string{"max_age": "30"}).Query().Get("code"), "a minute is older than 30 seconds")
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	deny := func(b *deployment.Deployment) { b.Authentik.Applications[0].Deny = true }
	group := func(b *deployment.Deployment) {
		b.Authentik.Groups = []string{"staff"}
		b.Authentik.Applications[0].Groups = []string{"staff"}
	}
	member := func(b *deployment.Deployment) {
		group(b)
		b.Authentik.Users[0].Groups = []string{"staff"}
	}
	tests := map[string]struct {
		change func(*deployment.Deployment)
		denied bool
	}{
		"denied by expression":    {change: deny, denied: true},
		"not in the group":        {change: group, denied: true},
		"in the group":            {change: member},
		"one binding passes: any": {change: func(b *deployment.Deployment) { member(b); deny(b) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bundle(t, "2025.8.1", tt.change)
			s := start(t, b, authentik.Options{})
			a := newAgent(t, s)
			end := a.login(a.toLogin(authorizeURL(nil)), "alice", b.Authentik.Users[0].Password)
			res := a.get(end["to"].(string))
			if !tt.denied {
				assert.Contains(t, res.Header.Get("Location"), "?code=")
				return
			}
			assert.Equal(t, http.StatusOK, res.StatusCode)
			assert.Contains(t, res.body, "<title>Permission denied - authentik</title>")
			for _, part := range []string{"Permission denied", "alice", "Not you?", "Request has been denied.", "Powered by authentik"} {
				assert.Contains(t, res.body, part)
			}
			assert.Equal(t, []string{"login"}, s.Events())
		})
	}
}

func TestDeactivatedLater(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", nil)
	s := start(t, b, authentik.Options{})
	a := newAgent(t, s)
	a.code(b, nil)
	b.Authentik.Users[0].Inactive = true
	again := newAgent(t, start(t, b, authentik.Options{State: s.State()}))
	again.cookies = maps.Clone(a.cookies)
	again.toLogin(authorizeURL(nil)) // the session is worth nothing any more
}

func TestLogout(t *testing.T) {
	t.Parallel()
	b := bundle(t, "2025.8.1", nil)
	s := start(t, b, authentik.Options{})
	a := newAgent(t, s)
	assert.Equal(t, "/flows/-/default/authentication/", a.get("/application/o/paperless/end-session/").location(t).Path, "anonymous")
	a.code(b, nil)
	page := a.get("/application/o/paperless/end-session/").location(t)
	assert.Equal(t, "/if/flow/default-provider-invalidation-flow/", page.Path)
	c := a.get(executor(page)).json(t)
	assert.Equal(t, "ak-stage-session-end", c["component"])
	assert.Equal(t, "Paperless-ngx", c["application_name"])
	assert.Contains(t, a.get(authorizeURL(nil)).Header.Get("Location"), "?code=", "the session stays alive")
	assert.NotContains(t, s.Events(), "logout")
	page = a.get("/flows/-/default/invalidation/").location(t)
	assert.Equal(t, "/", a.get(executor(page)).json(t)["to"])
	assert.Contains(t, s.Events(), "logout")
	a.toLogin(authorizeURL(nil)) // now it has ended

	old := bundle(t, "2024.8.6", nil)
	a = newAgent(t, start(t, old, authentik.Options{}))
	a.code(old, nil)
	page = a.get("/application/o/paperless/end-session/").location(t)
	assert.Equal(t, "/if/session-end/paperless/", page.Path)
	assert.Contains(t, a.get(page.Path).body, `id="logout"`)
}

func TestFlowPages(t *testing.T) {
	t.Parallel()
	for version, shape := range map[string]string{"2024.10.5": "header", "2025.8.1": "card", "2025.10.0": "labels", "2025.12.6": "drawer", "2026.8.5": "heading"} {
		s := start(t, bundle(t, version, nil), authentik.Options{})
		assert.Contains(t, newAgent(t, s).get("/if/flow/default-authentication-flow/").body, `data-shape="`+shape+`"`)
		assert.Empty(t, s.NotModelled())
	}
	s := start(t, bundle(t, "2025.8.1", nil), authentik.Options{})
	a := newAgent(t, s)
	assert.Equal(t, http.StatusNotFound, a.get("/if/flow/nope/").StatusCode)
	assert.Equal(t, http.StatusNotFound, a.get("/api/v3/flows/executor/nope/").StatusCode)
	assert.Equal(t, "/flows/-/default/invalidation/", a.get("/flows/-/cancel/").location(t).Path)
	assert.Equal(t, http.StatusNotImplemented, a.get("/if/flow/default-authentication-flow/?sfe").StatusCode)
	assert.NotEmpty(t, s.NotModelled(), "what is not known is said, not guessed")
}

// Pages are drawn late, most of them a little: the same in each run of a
// configuration, and on average no burden.
func TestDrawing(t *testing.T) {
	t.Parallel()
	one, again, other := authentik.Drawing(1), authentik.Drawing(1), authentik.Drawing(2)
	var sum, longest time.Duration
	differ := 0
	const pages = 10000
	for range pages {
		d := one()
		assert.Equal(t, d, again())
		if d != other() {
			differ++
		}
		sum, longest = sum+d, max(longest, d)
	}
	assert.Less(t, sum/pages, 60*time.Millisecond)
	assert.Greater(t, longest, 1300*time.Millisecond)
	assert.LessOrEqual(t, longest, 1500*time.Millisecond)
	assert.Greater(t, differ, pages/2)
}
