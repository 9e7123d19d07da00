package model_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

const (
	host     = "authentik.example.com"
	callback = "https://paperless.example.com/accounts/oidc/authentik/login/callback/"
	verifier = "verifier-verifier-verifier-verifier-verifier"
)

// bundle is the guide with a change, at a version of authentik.
func bundle(t *testing.T, version string, change func(*deployment.Deployment)) *deployment.Deployment {
	t.Helper()
	b, err := deployment.Default()
	require.NoError(t, err)
	b.Authentik.Version = version
	if change != nil {
		change(b)
	}
	return b
}

func start(t *testing.T, b *deployment.Deployment, o authentik.Options) *authentik.Server {
	t.Helper()
	o.Version, o.Blueprint = b.Authentik.Version, deployment.Blueprint(b)
	s, err := authentik.New(o)
	require.NoError(t, err)
	return s
}

// agent is a browser without scripts, straight at the server.
type agent struct {
	t       *testing.T
	server  *authentik.Server
	cookies map[string]string
	plain   bool   // by http
	host    string // Host header
}

func newAgent(t *testing.T, s *authentik.Server) *agent {
	t.Helper()
	return &agent{t: t, server: s, cookies: map[string]string{}, host: host}
}

// reply is a response with its body.
type reply struct {
	*http.Response
	body string
}

// json decodes the body.
func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.body), &m), r.body)
	return m
}

// location is where a redirect leads.
func (r reply) location(t *testing.T) *url.URL {
	t.Helper()
	require.Contains(t, []int{301, 302}, r.StatusCode, r.body)
	u, err := url.Parse(r.Header.Get("Location"))
	require.NoError(t, err)
	return u
}

func (a *agent) do(r *http.Request) reply {
	a.t.Helper()
	r.Host = a.host
	if !a.plain {
		r.Header.Set("X-Forwarded-Proto", "https")
	}
	for k, v := range a.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	w := httptest.NewRecorder()
	a.server.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(a.cookies, c.Name)
			continue
		}
		a.cookies[c.Name] = c.Value
	}
	body, err := io.ReadAll(res.Body)
	require.NoError(a.t, err)
	return reply{res, string(body)}
}

func (a *agent) get(target string) reply {
	a.t.Helper()
	return a.do(httptest.NewRequestWithContext(a.t.Context(), http.MethodGet, target, nil))
}

// answer posts to the flow executor, and follows it to the next challenge.
func (a *agent) answer(target string, fields map[string]string) map[string]any {
	a.t.Helper()
	text, err := json.Marshal(fields)
	require.NoError(a.t, err)
	r := httptest.NewRequestWithContext(a.t.Context(), http.MethodPost, target, strings.NewReader(string(text)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-authentik-CSRF", a.cookies["authentik_csrf"])
	res := a.do(r)
	for range 5 {
		if res.StatusCode != http.StatusFound {
			break
		}
		res = a.get(res.Header.Get("Location"))
	}
	require.Equal(a.t, http.StatusOK, res.StatusCode, res.body)
	return res.json(a.t)
}

// executor is the API of a flow page.
func executor(page *url.URL) string {
	slug := strings.Trim(strings.TrimPrefix(page.Path, "/if/flow/"), "/")
	return "/api/v3/flows/executor/" + slug + "/?query=" + url.QueryEscape(page.RawQuery)
}

// query is the authorize request that Paperless sends, with changes; "-" leaves
// a parameter out.
func query(changes map[string]string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {"paperless-client"}, "redirect_uri": {callback}, "scope": {"openid profile email"}, "response_type": {"code"},
		"state": {"state-0123456789"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for k, v := range changes {
		q.Set(k, v)
		if v == "-" {
			q.Del(k)
		}
	}
	return q
}

func authorizeURL(changes map[string]string) string {
	return "/application/o/authorize/?" + query(changes).Encode()
}

// toLogin follows an anonymous authorize request to the flow's executor.
func (a *agent) toLogin(authorize string) string {
	a.t.Helper()
	to := a.get(authorize).location(a.t)
	require.Equal(a.t, authorize, to.Query().Get("next"))
	page := to
	if !strings.HasPrefix(to.Path, "/if/flow/") { // before 2025.12 (docs/facts/releases-2026.md#M1)
		require.Equal(a.t, "/flows/-/default/authentication/", to.Path)
		page = a.get(to.String()).location(a.t)
	}
	require.Equal(a.t, "/if/flow/default-authentication-flow/", page.Path)
	shell := a.get(page.String())
	require.Equal(a.t, http.StatusOK, shell.StatusCode)
	require.Contains(a.t, shell.body, "<title>authentik</title>")
	return executor(page)
}

// login answers the sign-in flow and returns where it leads.
func (a *agent) login(api, user, password string) map[string]any {
	a.t.Helper()
	first := a.get(api).json(a.t)
	require.Equal(a.t, "ak-stage-identification", first["component"])
	second := a.answer(api, map[string]string{"component": "ak-stage-identification", "uid_field": user})
	require.Equal(a.t, "ak-stage-password", second["component"])
	return a.answer(api, map[string]string{"component": "ak-stage-password", "password": password})
}

// code signs in as somebody and returns the callback with the code.
func (a *agent) code(b *deployment.Deployment, changes map[string]string) *url.URL {
	a.t.Helper()
	u := b.Authentik.Users[0]
	authorize := authorizeURL(changes)
	end := a.login(a.toLogin(authorize), u.Username, u.Password)
	require.Equal(a.t, "xak-flow-redirect", end["component"], end)
	return a.passOn(end["to"].(string))
}

// passOn goes from the authorize request to the callback, through the page of
// older versions and through a consent.
func (a *agent) passOn(authorize string) *url.URL {
	a.t.Helper()
	to := a.get(authorize).location(a.t)
	if !strings.HasPrefix(to.Path, "/if/flow/") {
		return to
	}
	c := a.get(executor(to)).json(a.t)
	if c["component"] == "ak-stage-consent" {
		c = a.answer(executor(to), map[string]string{"component": "ak-stage-consent", "token": c["token"].(string)})
	}
	require.Equal(a.t, "xak-flow-redirect", c["component"], c)
	end, err := url.Parse(c["to"].(string))
	require.NoError(a.t, err)
	return end
}

// token posts to the token endpoint as Paperless does; "-" leaves a field out.
func (a *agent) token(code string, changes map[string]string) reply {
	a.t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}
	id, secret := "paperless-client", "paperless-client-secret-0123456789"
	for k, v := range changes {
		switch k {
		case "basic_id":
			id = v
		case "basic_secret":
			secret = v
		default:
			form.Set(k, v)
			if v == "-" {
				form.Del(k)
			}
		}
	}
	r := httptest.NewRequestWithContext(a.t.Context(), http.MethodPost, "/application/o/token/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		r.SetBasicAuth(id, secret)
	}
	return a.do(r)
}

// tokens redeems a code that must be right.
func (a *agent) tokens(code string) map[string]any {
	a.t.Helper()
	res := a.token(code, nil)
	require.Equal(a.t, http.StatusOK, res.StatusCode, res.body)
	return res.json(a.t)
}

func (a *agent) userinfo(access string) reply {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), http.MethodGet, "/application/o/userinfo/", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	return a.do(r)
}

// payload is the claims of a JWT, unverified.
func payload(t *testing.T, token any) map[string]any {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	require.Len(t, parts, 3)
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(text, &m))
	return m
}

func header(t *testing.T, token any) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token.(string), ".")[0])
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(text, &m))
	return m
}

// clock is a time that a test moves on.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }
