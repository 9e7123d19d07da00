package lab_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/lab"
	"github.com/ssocheck/ssocheck/e2e/render"
	"github.com/ssocheck/ssocheck/e2e/spec"
	"github.com/ssocheck/ssocheck/e2e/target"
	"github.com/ssocheck/ssocheck/fixtures"
)

type row struct {
	ID        string            `json:"id"`
	Paperless string            `json:"paperless"`
	Authentik string            `json:"authentik"`
	User      string            `json:"user"`
	Env       map[string]string `json:"paperless_env"`
	Dropped   []string          `json:"harness_env_dropped"`
	Changes   map[string]any    `json:"authentik_changes"`
	Boot      struct{ Up bool } `json:"boot"`
	Hops      []struct {
		Method string
		Status int
		URL    struct{ Host, Path string }
	} `json:"hops"`
	Final *struct {
		Title string
		URL   struct{ Host, Path string }
	} `json:"final"`
	Signed *struct {
		Profile    int      `json:"profile"`
		Email      *string  `json:"email"`
		First      *string  `json:"first"`
		Last       *string  `json:"last"`
		Social     []string `json:"social"`
		UISettings int      `json:"ui_settings"`
	} `json:"signed_in"`
	Password struct{ Token, Basic int } `json:"password_api"`
}

// TestObserved walks every recorded sign-in over the assembled lab, without a
// browser, and compares the whole chain: methods, statuses, hosts and paths, the
// page at its end, who is signed in, and what passwords open.
func TestObserved(t *testing.T) {
	t.Parallel()
	text, err := fixtures.FS.ReadFile("observed.json")
	require.NoError(t, err)
	var doc struct {
		Harness map[string]string `json:"harness_env"`
		Rows    []row             `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	require.NotEmpty(t, doc.Rows)
	for _, r := range doc.Rows {
		t.Run(r.ID+"@"+r.Paperless+"+"+r.Authentik, func(t *testing.T) {
			t.Parallel()
			b := bundle(r, doc.Harness)
			tg, err := lab.Start(t.Context(), b, lab.WithTimeout(time.Minute))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, tg.Close()) })
			require.Equal(t, r.Boot.Up, tg.Boot.Up, tg.Boot.Log)
			if !r.Boot.Up {
				return
			}
			w := &walker{t: t, target: tg, user: r.User}
			w.client, err = tg.Client()
			require.NoError(t, err)
			if len(r.Hops) > 0 {
				w.signIn()
				var want []string
				for _, h := range r.Hops {
					want = append(want, fmt.Sprintf("%s %d %s%s", h.Method, h.Status, h.URL.Host, h.URL.Path))
				}
				assert.Equal(t, want, w.hops)
			}
			if r.Final != nil && !strings.HasPrefix(r.Final.Title, "Dashboard") && r.ID != "61-ak-inactive" {
				assert.Equal(t, r.Final.Title, w.title)
			}
			if s := r.Signed; s != nil && s.Profile != 0 {
				profile, status := w.get("/api/profile/")
				assert.Equal(t, s.Profile, status, "/api/profile/")
				_, ui := w.get("/api/ui_settings/")
				assert.Equal(t, s.UISettings, ui, "/api/ui_settings/")
				if s.Profile == 200 {
					var got struct {
						Email     string                  `json:"email"`
						FirstName string                  `json:"first_name"`
						LastName  string                  `json:"last_name"`
						Social    []struct{ Name string } `json:"social_accounts"`
					}
					require.NoError(t, json.Unmarshal(profile, &got))
					assert.Equal(t, deref(s.Email), got.Email)
					assert.Equal(t, deref(s.First), got.FirstName)
					assert.Equal(t, deref(s.Last), got.LastName)
					var names []string
					for _, a := range got.Social {
						names = append(names, a.Name)
					}
					assert.ElementsMatch(t, s.Social, names)
				}
			}
			assert.Equal(t, r.Password.Token, w.password("token"), "password on /api/token/")
			assert.Equal(t, r.Password.Basic, w.password("basic"), "Basic on /api/profile/")
			assert.Empty(t, tg.NotModelled())
		})
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// bundle is the recorded deployment.
func bundle(r row, harness map[string]string) *render.Bundle {
	s := &spec.Spec{
		Paperless: spec.Product{URL: "https://paperless.example.com", Version: r.Paperless},
		Authentik: spec.Product{URL: "https://authentik.example.com", Version: strings.TrimSuffix(r.Authentik, "-rc1")},
		Provider: spec.Provider{
			ID: "authentik", Name: "SSO", Slug: "paperless", ClientID: "gt-client-id", ClientSecret: "gt-client-secret-0123456789",
			PKCE: true, Scopes: []string{"openid", "email", "profile"},
		},
	}
	for _, u := range []spec.User{
		{Username: "alice", Name: "Alice Test", Email: "alice@example.com"},
		{Username: "admin", Name: "Admin Test", Email: "ssoadmin@example.com"},
		{Username: "mailtaken", Name: "Mailtaken Test", Email: "admin@example.com"},
		{Username: "inactive", Name: "Inactive Test", Email: "inactive@example.com", Inactive: true},
	} {
		u.Password = u.Username + "-pw-12345"
		s.Users = append(s.Users, u)
	}
	s.LocalUsers = []spec.LocalUser{
		{Username: "admin", Email: "admin@example.com", Password: "admin-pw-1", Superuser: true},
		{Username: "local1", Email: "local1@example.com", Password: "local1-pw-12345"},
	}
	b := render.New(s)
	env := map[string]string{}
	for k, v := range harness {
		if !slices.Contains(r.Dropped, k) && k != "REQUESTS_CA_BUNDLE" && k != "PAPERLESS_REDIS" {
			env[k] = v
		}
	}
	for k, v := range r.Env {
		env[k] = v
	}
	env["PAPERLESS_SECRET_KEY"] = "any-secret-key-of-the-recording"
	b.Paperless.Env = env
	p := &b.Authentik.Providers[0]
	for k, v := range r.Changes {
		switch k {
		case "redirect":
			p.RedirectURIs = nil
			if v != "" {
				p.RedirectURIs = []render.RedirectURI{{MatchingMode: "strict", URL: v.(string)}}
			}
		case "deny":
			b.Authentik.Applications[0].Deny = true
		case "scopes":
			p.Scopes = nil
			for _, sc := range v.([]any) {
				p.Scopes = append(p.Scopes, sc.(string))
			}
		case "consent":
			p.Consent = true
		case "sub_mode":
			p.SubMode = v.(string)
		}
	}
	return b
}

// A walker is a person without a browser: it presses the button, answers the
// flow executor, and follows redirects.
type walker struct {
	t      *testing.T
	target *target.Target
	client *http.Client
	user   string
	hops   []string
	title  string
}

var (
	ssoForm   = regexp.MustCompile(`action="([^"]*/accounts/oidc/[^"]*)"`)
	csrfInput = regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]*)"`)
	titleTag  = regexp.MustCompile(`<title>([^<]*)</title>`)
)

const origin = "https://paperless.example.com"

func (w *walker) do(r *http.Request) (*http.Response, []byte) {
	w.t.Helper()
	res, err := w.client.Do(r)
	require.NoError(w.t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return res, body
}

func (w *walker) get(path string) ([]byte, int) {
	r, err := target.NewRequest(w.t.Context(), http.MethodGet, origin, path, nil)
	require.NoError(w.t, err)
	res, body := w.do(r)
	return body, res.StatusCode
}

func (w *walker) password(kind string) int {
	c, err := w.target.Client()
	require.NoError(w.t, err)
	r, err := target.NewRequest(w.t.Context(), http.MethodGet, origin, "/api/profile/", nil)
	if kind == "token" {
		r, err = target.NewRequest(w.t.Context(), http.MethodPost, origin, "/api/token/", url.Values{"username": {"admin"}, "password": {"admin-pw-1"}})
	} else {
		r.SetBasicAuth("admin", "admin-pw-1")
	}
	require.NoError(w.t, err)
	res, err := c.Do(r)
	require.NoError(w.t, err)
	_ = res.Body.Close()
	return res.StatusCode
}

func (w *walker) signIn() {
	w.t.Helper()
	r, err := target.NewRequest(w.t.Context(), http.MethodGet, origin, "/accounts/login/", nil)
	require.NoError(w.t, err)
	_, body := w.hop(r)
	form, token := ssoForm.FindSubmatch(body), csrfInput.FindSubmatch(body)
	require.NotNil(w.t, form, "no button")
	require.NotNil(w.t, token)
	r, err = target.NewRequest(w.t.Context(), http.MethodPost, origin, html.UnescapeString(string(form[1])), url.Values{"csrfmiddlewaretoken": {string(token[1])}})
	require.NoError(w.t, err)
	r.Header.Set("Origin", origin)
	for range 20 {
		res, page := w.hop(r)
		body = page
		next := ""
		switch {
		case res.StatusCode/100 == 3:
			next = res.Header.Get("Location")
		case strings.HasPrefix(res.Request.URL.Path, "/if/flow/") && res.StatusCode == http.StatusOK:
			next = w.flow(res.Request.URL)
		}
		if next == "" {
			break
		}
		at, err := res.Request.URL.Parse(next)
		require.NoError(w.t, err)
		r, err = http.NewRequestWithContext(w.t.Context(), http.MethodGet, at.String(), nil)
		require.NoError(w.t, err)
	}
	if m := titleTag.FindSubmatch(body); m != nil {
		w.title = html.UnescapeString(string(m[1]))
	}
}

func (w *walker) hop(r *http.Request) (*http.Response, []byte) {
	w.t.Helper()
	res, body := w.do(r)
	w.hops = append(w.hops, fmt.Sprintf("%s %d %s%s", r.Method, res.StatusCode, r.URL.Host, r.URL.Path))
	return res, body
}

// flow answers the stages of a flow; where it leads to, or "" when it stays.
func (w *walker) flow(page *url.URL) string {
	w.t.Helper()
	api := "https://" + page.Host + "/api/v3/flows/executor/" + strings.Trim(strings.TrimPrefix(page.Path, "/if/flow/"), "/") + "/?query=" + url.QueryEscape(page.RawQuery)
	var answer any
	for range 12 {
		challenge := w.ask(api, answer)
		switch challenge["component"] {
		case "ak-stage-identification":
			answer = map[string]any{"component": "ak-stage-identification", "uid_field": w.user}
		case "ak-stage-password":
			answer = map[string]any{"component": "ak-stage-password", "password": w.user + "-pw-12345"}
		case "ak-stage-consent":
			answer = map[string]any{"component": "ak-stage-consent", "token": challenge["token"]}
		case "xak-flow-redirect":
			return challenge["to"].(string)
		default:
			return ""
		}
	}
	return ""
}

func (w *walker) ask(api string, answer any) map[string]any {
	w.t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if answer != nil {
		text, err := json.Marshal(answer)
		require.NoError(w.t, err)
		method, body = http.MethodPost, bytes.NewReader(text)
	}
	for range 6 {
		r, err := http.NewRequestWithContext(w.t.Context(), method, api, body)
		require.NoError(w.t, err)
		r.Header.Set("Content-Type", "application/json")
		for _, c := range w.client.Jar.Cookies(r.URL) {
			if c.Name == "authentik_csrf" {
				r.Header.Set("X-authentik-CSRF", c.Value)
			}
		}
		res, text := w.do(r)
		if res.StatusCode/100 == 3 { // a stage may redirect to itself
			method, body = http.MethodGet, nil
			continue
		}
		var challenge map[string]any
		require.NoError(w.t, json.Unmarshal(text, &challenge), string(text))
		return challenge
	}
	return nil
}
