package lab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, b *deployment.Deployment, opts ...lab.Option) *target.Target {
	t.Helper()
	tg, err := lab.Start(t.Context(), b, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, tg.Close()) })
	return tg
}

func guide(t *testing.T, change func(*deployment.Deployment)) *deployment.Deployment {
	t.Helper()
	b, err := deployment.Default()
	require.NoError(t, err)
	if change != nil {
		change(b)
	}
	return b
}

// person is somebody with a browser that runs no scripts.
type person struct {
	t *testing.T
	b *deployment.Deployment
	c *http.Client
}

func newPerson(t *testing.T, b *deployment.Deployment, tg *target.Target) *person {
	t.Helper()
	c, err := tg.Client()
	require.NoError(t, err)
	return &person{t, b, c}
}

type page struct {
	*http.Response
	body string
}

func (p *person) do(method, target, body string, header map[string]string) page {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, target, strings.NewReader(body))
	require.NoError(p.t, err)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	res, err := p.c.Do(r)
	require.NoError(p.t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, res.Body.Close())
	return page{res, string(text)}
}

func (p *person) get(target string) page {
	p.t.Helper()
	return p.do(http.MethodGet, target, "", nil)
}

// follow goes on through redirects until a page.
func (p *person) follow(res page) page {
	p.t.Helper()
	for range 10 {
		to, err := res.Location()
		if err != nil {
			return res
		}
		res = p.get(to.String())
	}
	p.t.Fatal("too many redirects")
	return res
}

var csrfField = regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]+)"`)

// press opens Paperless's sign-in page and presses the button.
func (p *person) press() page {
	p.t.Helper()
	u := p.b.Paperless.URL
	res := p.get(u + "/accounts/login/")
	require.Equal(p.t, http.StatusOK, res.StatusCode)
	m := csrfField.FindStringSubmatch(res.body)
	require.NotNil(p.t, m, res.body)
	return p.do(http.MethodPost, u+"/accounts/oidc/authentik/login/?process=", "csrfmiddlewaretoken="+m[1],
		map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Referer": u + "/accounts/login/", "Origin": u})
}

// signIn presses the button and answers authentik's flows.
func (p *person) signIn(user, password string) page {
	p.t.Helper()
	res := p.follow(p.press())
	answers := []string{fmt.Sprintf(`{"uid_field":%q}`, user), fmt.Sprintf(`{"password":%q}`, password)}
	for strings.Contains(res.Request.URL.Path, "/if/flow/") {
		u := *res.Request.URL
		api := u.Scheme + "://" + u.Host + strings.Replace(u.Path, "/if/flow/", "/api/v3/flows/executor/", 1) + "?query=" + url.QueryEscape(u.RawQuery)
		var c struct{ Component, To string }
		require.NoError(p.t, json.Unmarshal([]byte(p.follow(p.get(api)).body), &c))
		for ; c.Component != "xak-flow-redirect" && len(answers) > 0; answers = answers[1:] {
			step := p.do(http.MethodPost, api, answers[0], map[string]string{"Content-Type": "application/json"})
			require.NoError(p.t, json.Unmarshal([]byte(p.follow(step).body), &c))
		}
		require.Equal(p.t, "xak-flow-redirect", c.Component)
		to, err := u.Parse(c.To)
		require.NoError(p.t, err)
		res = p.follow(p.get(to.String()))
	}
	return res
}

func (p *person) alice() page {
	p.t.Helper()
	u := p.b.Authentik.Users[0]
	return p.signIn(u.Username, u.Password)
}

func (p *person) profile() (status int, email string) {
	p.t.Helper()
	res := p.get(p.b.Paperless.URL + "/api/profile/")
	var v struct{ Email string }
	_ = json.Unmarshal([]byte(res.body), &v) // empty where nobody is signed in
	return res.StatusCode, v.Email
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*deployment.Deployment){
		"guide":                      nil,
		"Paperless 2.5.0":            func(b *deployment.Deployment) { b.Paperless.Version = "2.5.0" },
		"authentik 2024.10.5":        func(b *deployment.Deployment) { b.Authentik.Version = "2024.10.5" },
		"other ports":                move("https://paperless.lan:8443", "https://auth.lan:9443"),
		"one host, two ports":        move("https://nas.lan:8000", "https://nas.lan:9443"),
		"http":                       move("http://paperless.lan", "http://auth.lan"),
		"http with ports":            move("http://nas.lan:8000", "http://nas.lan:9000"),
		"http and https on one name": move("http://nas.lan", "https://nas.lan"),
		"authentik under a path":     move("https://docs.lan", "https://home.lan/auth"),
		"one host, under a path":     move("https://home.lan", "https://home.lan/auth"),
		"addresses":                  move("https://10.1.2.3:8000", "https://10.1.2.3:9443"),
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := guide(t, change)
			tg := start(t, b)
			require.True(t, tg.Boot.Up, tg.Boot.Log)
			p := newPerson(t, b, tg)
			res := p.alice()
			assert.Equal(t, "/dashboard", res.Request.URL.Path, res.body)
			status, email := p.profile()
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, "alice@example.com", email)
			events, err := tg.Events(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"login", "authorize_application"}, events)
			assert.Empty(t, tg.NotModelled())

			var back []string
			for _, x := range tg.Exchanges() {
				if x.Channel == evidence.Back {
					back = append(back, x.Method+" "+regexp.MustCompile(`^https?://[^/]+`).ReplaceAllString(x.URL, ""))
				}
			}
			at := b.Authentik.Path() + "/application/o/"
			discovery := "GET " + at + "paperless/.well-known/openid-configuration"
			assert.Equal(t, []string{discovery, discovery, "POST " + at + "token/", "GET " + at + "userinfo/"}, back)
		})
	}
}

// move puts the guide at other addresses.
func move(paperless, authentik string) func(*deployment.Deployment) {
	return func(b *deployment.Deployment) {
		text, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		moved := strings.NewReplacer("https://paperless.example.com", paperless, "https://authentik.example.com", authentik).Replace(string(text))
		*b = deployment.Deployment{}
		if err := json.Unmarshal([]byte(moved), b); err != nil {
			panic(err)
		}
		if strings.HasPrefix(paperless, "http://") {
			b.Paperless.Env["PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"] = "http"
		}
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*deployment.Deployment)
		want   string
	}{
		"same origin":  {move("https://nas.lan", "https://nas.lan"), "same host and port, nas.lan:443"},
		"default port": {move("https://nas.lan:443", "https://nas.lan"), "same host and port"},
		"same path": {func(b *deployment.Deployment) {
			move("https://nas.lan", "https://nas.lan/both")(b)
			b.Paperless.Env["PAPERLESS_FORCE_SCRIPT_NAME"] = "/both"
		}, "same host and port"},
		"no URL":         {func(b *deployment.Deployment) { b.Paperless.URL = "paperless.lan" }, `PAPERLESS_URL is "paperless.lan"`},
		"no such scheme": {func(b *deployment.Deployment) { b.Authentik.URL = "ldap://auth.lan" }, `authentik's address is "ldap://auth.lan"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := lab.Start(t.Context(), guide(t, tt.change))
			require.ErrorIs(t, err, lab.ErrUnsupported)
			require.ErrorContains(t, err, tt.want)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := lab.Start(ctx, guide(t, nil))
	require.ErrorIs(t, err, context.Canceled)
}

func TestPaperlessDown(t *testing.T) {
	t.Parallel()
	b := guide(t, func(b *deployment.Deployment) { b.Paperless.Env[deployment.ProvidersKey] = "{" })
	tg := start(t, b)
	assert.False(t, tg.Boot.Up)
	assert.Contains(t, strings.Join(tg.Boot.Log, "\n"), "JSONDecodeError")
	p := newPerson(t, b, tg)
	assert.Equal(t, http.StatusBadGateway, p.get(b.Paperless.URL+"/").StatusCode)
	assert.Equal(t, http.StatusOK, p.get(b.Authentik.URL+"/-/health/ready/").StatusCode)
	_, err := tg.Direct(httpGet(t, b.Paperless.URL+"/"))
	require.Error(t, err)
}

func httpGet(t *testing.T, target string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	return r
}

func TestSharedEdge(t *testing.T) {
	t.Parallel()
	e, err := edge.Listen(edge.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Close()) })
	var wg sync.WaitGroup
	for i := range 4 {
		b := guide(t, func(b *deployment.Deployment) { b.Authentik.Users[0].Email = fmt.Sprintf("alice%d@example.com", i) })
		tg, err := lab.Start(t.Context(), b, lab.WithEdge(e, fmt.Sprint("variant-", i)))
		require.NoError(t, err)
		p := newPerson(t, b, tg)
		wg.Go(func() {
			assert.Equal(t, "/dashboard", p.alice().Request.URL.Path)
			_, email := p.profile()
			assert.Equal(t, fmt.Sprintf("alice%d@example.com", i), email, "each lab has its own users")
			n := len(tg.Exchanges())
			assert.Positive(t, n)
			if err := tg.Close(); err != nil { // require ends only the test's own goroutine
				t.Error(err)
			}
			assert.Len(t, tg.Exchanges(), n, "evidence outlives the lab")
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Paperless.URL+"/", nil)
			if assert.NoError(t, err) {
				res, err := p.c.Do(r)
				if assert.NoError(t, err) {
					assert.Equal(t, http.StatusMisdirectedRequest, res.StatusCode)
					assert.NoError(t, res.Body.Close())
				}
			}
		})
	}
	wg.Wait()
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	var snapshot func() *lab.State
	b := guide(t, nil)
	tg := start(t, b, lab.WithSnapshot(func(s func() *lab.State) { snapshot = s }))
	newPerson(t, b, tg).alice()

	b.Paperless.Version, b.Authentik.Version = "3.0.5", "2025.10.0"
	b.Paperless.Env["PAPERLESS_SECRET_KEY"] = "a-secret-key-that-is-long-enough-0123456789"
	next := start(t, b, lab.WithState(snapshot()))
	require.True(t, next.Boot.Up, next.Boot.Log)
	p := newPerson(t, b, next)
	assert.Equal(t, "/dashboard", p.alice().Request.URL.Path, "linked: no sign-up, the subject is the same")
	_, email := p.profile()
	assert.Equal(t, "alice@example.com", email)
}

func TestTarget(t *testing.T) {
	t.Parallel()
	b := guide(t, func(b *deployment.Deployment) {
		b.Paperless.Running = maps.Clone(b.Paperless.Env)
		b.Paperless.Running["OLD"] = "1"
		b.Paperless.Running["PAPERLESS_SOCIAL_AUTO_SIGNUP"] = "false"
		b.Paperless.Proxy.RemoteUserHeader = "X-Person"
	})
	tg := start(t, b)
	stale, err := tg.Stale(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"OLD", "PAPERLESS_SOCIAL_AUTO_SIGNUP"}, stale)
	assert.Equal(t, []string{"lab: not modelled: a proxy that signs users in by itself (X-Person)"}, tg.NotModelled())
	assert.Equal(t, target.Lab, tg.Kind)
	assert.True(t, tg.Changes)
	assert.Nil(t, tg.Registered)
	assert.Nil(t, tg.Header, "one lab needs no header")
	assert.Contains(t, tg.ResolverRules(), "MAP paperless.example.com:443 127.0.0.1:")
	assert.Contains(t, tg.ResolverRules(), "MAP authentik.example.com:80 127.0.0.1:")

	require.True(t, tg.Boot.Up, tg.Boot.Log)
	res, err := tg.Direct(httpGet(t, b.Paperless.URL+"/accounts/login/"))
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, string(text), "Please sign in.")
	assert.Empty(t, tg.Exchanges(), "past the edge")
}

// TestNoSecretInEvidence: whatever a lab records can be shown to anybody.
func TestNoSecretInEvidence(t *testing.T) {
	t.Parallel()
	b := guide(t, nil)
	tg := start(t, b)
	p := newPerson(t, b, tg)
	p.alice()
	p.get(b.Paperless.URL + "/accounts/oidc/authentik/login/callback/?code=planted-code-value&state=planted-state-value")
	lines, err := tg.Logs(t.Context())
	require.NoError(t, err)
	text, err := json.Marshal([]any{tg.Exchanges(), lines, tg.NotModelled()})
	require.NoError(t, err)
	secrets := append(b.Secrets(), "planted-code-value", "planted-state-value")
	for _, origin := range []string{b.Paperless.URL, b.Authentik.URL} {
		u, err := url.Parse(origin)
		require.NoError(t, err)
		for _, c := range p.c.Jar.Cookies(u) {
			secrets = append(secrets, c.Value)
		}
	}
	assert.Greater(t, len(secrets), 10)
	for _, s := range secrets {
		if len(s) >= 4 {
			assert.NotContains(t, string(text), s)
		}
	}
	assert.NotContains(t, string(text), "eyJ", "no token")
}
