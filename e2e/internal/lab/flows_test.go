package lab_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A flow is several sign-ins of one deployment, one after the other.
type flow struct {
	Paperless string         `json:"paperless"`
	Authentik string         `json:"authentik"`
	NoRights  state          `json:"local_sign_in_without_rights"`
	Superuser state          `json:"local_sign_in_superuser"`
	Menu      []string       `json:"user_menu"`
	Link      [][]string     `json:"connect_link"`
	Confirm   state          `json:"connect_confirmation"`
	Connect   []hop          `json:"connect_hops"`
	Connected state          `json:"after_connect"`
	LoggedOut state          `json:"after_logout"`
	Redirect  redirectFlow   `json:"redirect_to_sso"`
	Disabled  disabledFlow   `json:"regular_login_disabled"`
	Remote    map[string]any `json:"remote_user"`
}

type redirectFlow struct {
	Hops      []hop `json:"hops"`
	Signed    state `json:"signed_in"`
	Logout    []hop `json:"logout_hops"`
	LoggedOut state `json:"after_logout"`
	AgainHops []hop `json:"sign_in_page_again_hops"`
	Again     state `json:"sign_in_page_again"`
}

type disabledFlow struct {
	Post  []any `json:"post"`              // status, Location, title and text
	Token []any `json:"api_token"`         // status, names of the answer
	Basic int   `json:"basic_api_profile"` // status
	Admin []any `json:"admin_login"`       // status, Location
}

// A state is a page and who is signed in on it, where the recorder asked.
type state struct {
	ending
	Signed *who `json:"signed_in"`
}

func (w *walker) state(asked *who) state {
	w.t.Helper()
	s := state{ending: w.ending()}
	if asked != nil {
		s.Signed = w.who()
	}
	return s
}

// flowRow is the deployment of the flows: the guide's, with automatic sign-up.
func flowRow(f flow, env map[string]string) row {
	providers := `{"openid_connect": {"APPS": [{"provider_id": "authentik", "name": "SSO", "client_id": "gt-client-id",
		"secret": "gt-client-secret-0123456789", "settings": {"server_url": "https://authentik.example.com/application/o/paperless/.well-known/openid-configuration"}}],
		"OAUTH_PKCE_ENABLED": true}}`
	all := map[string]string{"PAPERLESS_APPS": deployment.OpenIDConnectApp, deployment.ProvidersKey: providers, "PAPERLESS_SOCIAL_AUTO_SIGNUP": "true"}
	maps.Copy(all, env)
	return row{ID: "flow", Paperless: f.Paperless, Authentik: f.Authentik, Env: all}
}

// localSignIn signs in with a password on the sign-in page.
func (w *walker) localSignIn(name, password string) {
	w.t.Helper()
	w.visit(http.MethodGet, "/accounts/login/", nil)
	w.submit("/accounts/login/", url.Values{"login": {name}, "password": {password}})
}

// see plays a flow: local sign-in, linking, signing out, the redirect, the
// regular login off, the Remote-User header.
func (f flow) see(t *testing.T, harness map[string]string) flow {
	t.Helper()
	got := flow{
		Paperless: f.Paperless, Authentik: f.Authentik,
		Redirect: seeRedirect(t, f, harness), Disabled: seeDisabled(t, f, harness), Remote: seeRemote(t, f, harness),
	}
	tg := flowRow(f, nil).run(t, harness)
	w := walk(t, tg, "carol")
	w.localSignIn("local1", "local1-pw-12345")
	got.NoRights = w.state(f.NoRights.Signed)

	w = walk(t, tg, "carol")
	w.localSignIn("admin", "admin-pw-1")
	got.Superuser = w.state(f.Superuser.Signed)
	w.take()
	w.visit(http.MethodGet, "/accounts/oidc/authentik/login/?process=connect", nil)
	got.Confirm = w.state(f.Confirm.Signed)
	w.submit(w.at.RequestURI(), nil) // the form has no action: to the page itself
	w.answer()
	got.Connect, got.Connected = w.take(), w.state(f.Connected.Signed)
	w.visit(http.MethodGet, "/accounts/logout/", nil)
	got.LoggedOut = w.state(f.LoggedOut.Signed)
	assert.Empty(t, tg.NotModelled())
	return got
}

func seeRedirect(t *testing.T, f flow, harness map[string]string) redirectFlow {
	t.Helper()
	w := walk(t, flowRow(f, map[string]string{"PAPERLESS_REDIRECT_LOGIN_TO_SSO": "true"}).run(t, harness), "alice")
	var got redirectFlow
	w.visit(http.MethodGet, "/", nil)
	w.answer()
	got.Hops, got.Signed = w.take(), w.state(f.Redirect.Signed.Signed)
	w.visit(http.MethodGet, "/accounts/logout/", nil)
	got.Logout, got.LoggedOut = w.take(), w.state(f.Redirect.LoggedOut.Signed)
	w.visit(http.MethodGet, "/accounts/login/", nil)
	got.AgainHops, got.Again = w.take(), w.state(f.Redirect.Again.Signed)
	return got
}

func seeDisabled(t *testing.T, f flow, harness map[string]string) disabledFlow {
	t.Helper()
	tg := flowRow(f, map[string]string{"PAPERLESS_DISABLE_REGULAR_LOGIN": "true"}).run(t, harness)
	w := walk(t, tg, "alice")
	answer := func() []any {
		h := w.take()
		last := h[len(h)-1]
		for _, one := range h {
			if one.Method == http.MethodPost {
				last = one
			}
		}
		if last.Location == nil {
			return []any{last.Status, nil}
		}
		return []any{last.Status, last.Location.Path}
	}
	w.localSignIn("admin", "admin-pw-1")
	got := disabledFlow{}
	got.Post = append(answer(), w.ending().Title+" "+w.ending().Text)
	p := w.localPasswords()
	got.Token, got.Basic = []any{p.Token, []string{"token"}}, p.Basic
	w.visit(http.MethodGet, "/admin/login/", nil)
	w.submit("/admin/login/", url.Values{"username": {"admin"}, "password": {"admin-pw-1"}})
	got.Admin = answer()
	return got
}

// seeRemote sends the header straight to Paperless, past the proxy.
func seeRemote(t *testing.T, f flow, harness map[string]string) map[string]any {
	t.Helper()
	settings := map[string]map[string]string{
		"off": nil, "on": {"PAPERLESS_ENABLE_HTTP_REMOTE_USER": "true"},
		"on_with_api": {"PAPERLESS_ENABLE_HTTP_REMOTE_USER": "true", "PAPERLESS_ENABLE_HTTP_REMOTE_USER_API": "true"},
	}
	got := map[string]any{"note": f.Remote["note"]}
	for name, env := range settings {
		tg := flowRow(f, env).run(t, harness)
		paths := map[string]any{}
		for path := range f.Remote[name].(map[string]any) {
			user, page := "local1", path
			if rest, ok := strings.CutPrefix(path, "new "); ok {
				user, page = "never-seen", rest
			}
			r, err := target.NewRequest(t.Context(), http.MethodGet, origin, page, nil)
			require.NoError(t, err)
			r.Header.Set("Remote-User", user)
			res, err := tg.Direct(r)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			location, cookie := any(nil), false
			if l := res.Header.Get("Location"); l != "" {
				location = l
			}
			for _, c := range res.Cookies() {
				cookie = cookie || c.Name == "sessionid" && c.Value != ""
			}
			if paths[path] = []any{res.StatusCode, location, cookie}; user != "local1" {
				paths[path] = []any{res.StatusCode, location}
			}
		}
		got[name] = paths
	}
	return got
}

// An upgrade is what became of a database under another version.
type upgrade struct {
	PaperlessFrom string        `json:"paperless_from,omitempty"`
	PaperlessTo   string        `json:"paperless_to,omitempty"`
	Paperless     string        `json:"paperless,omitempty"`
	AuthentikFrom string        `json:"authentik_from,omitempty"`
	AuthentikTo   string        `json:"authentik_to,omitempty"`
	Authentik     string        `json:"authentik,omitempty"`
	Data          string        `json:"data,omitempty"`
	Boots         bool          `json:"boots"`
	Exit          *int          `json:"exit,omitempty"`
	Log           []string      `json:"log,omitempty"`
	Seconds       *float64      `json:"seconds_until_usable,omitempty"`
	Before        *upgradeState `json:"before,omitempty"`
	After         *upgradeState `json:"after,omitempty"`
}

type upgradeState struct {
	Seconds   *float64     `json:"authentik_upgrade_seconds,omitempty"`
	Discovery int          `json:"discovery,omitempty"`
	Boot      *upgradeBoot `json:"boot,omitempty"`
	Users     [][]any      `json:"users,omitempty"` // id, name, e-mail
	// A user is *who, or what became of a sign-in after the upgrade.
	Alice   json.RawMessage `json:"alice,omitempty"`
	Carol   json.RawMessage `json:"carol,omitempty"`
	Linked  *who            `json:"admin_linked_to_carol,omitempty"`
	Token   int             `json:"api_token_from_before,omitempty"`
	Session int             `json:"session_from_before,omitempty"`
}

type upgradeBoot struct {
	Up      bool    `json:"up"`
	Seconds float64 `json:"secs"`
	Status  int     `json:"status"`
}

type arrival struct {
	Who   *who    `json:"who"`
	Exc   *string `json:"exc"`
	Final string  `json:"final"`
}

// sides are the deployments before and after.
func (u upgrade) sides() (from, to flow) {
	from, to = flow{Paperless: u.Paperless, Authentik: u.Authentik}, flow{Paperless: u.Paperless, Authentik: u.Authentik}
	if u.PaperlessTo != "" {
		from.Paperless, to.Paperless = u.PaperlessFrom, u.PaperlessTo
	}
	if u.AuthentikTo != "" {
		from.Authentik, to.Authentik = u.AuthentikFrom, u.AuthentikTo
	}
	if from.Authentik == "" { // it was not written down: only Paperless mattered
		from.Authentik, to.Authentik = "2025.8.1", "2025.8.1"
	}
	return from, to
}

func (u upgrade) name() string {
	from, to := u.sides()
	return from.Paperless + "+" + from.Authentik + " to " + to.Paperless + "+" + to.Authentik
}

// see plays an upgrade on the database of the lab.
func (u upgrade) see(t *testing.T, harness map[string]string) upgrade {
	t.Helper()
	from, to := u.sides()
	var snapshot func() *lab.State
	old := flowRow(from, nil).run(t, harness, lab.WithSnapshot(func(s func() *lab.State) { snapshot = s }))
	alice, admin := walk(t, old, "alice"), walk(t, old, "carol")
	alice.visit(http.MethodGet, "/accounts/login/", nil)
	alice.press()
	alice.answer()
	admin.localSignIn("admin", "admin-pw-1")
	admin.visit(http.MethodGet, "/accounts/oidc/authentik/login/?process=connect", nil)
	admin.submit(admin.at.RequestURI(), nil)
	admin.answer()
	before := &upgradeState{Users: admin.users(), Alice: raw(t, alice.who()), Linked: admin.who()}
	token := admin.token()

	next := flowRow(to, nil).run(t, harness, lab.WithState(snapshot()))
	got := u // what was set up; every answer is the lab's
	got.Boots, got.Exit, got.Log, got.Seconds, got.Before, got.After = next.Boot.Up, next.Boot.Exit, nil, nil, nil, nil
	if !next.Boot.Up {
		got.Log = next.Boot.Log[:2] // what follows is s6's, which was not kept
	}
	if u.Before != nil {
		got.Before = before
	}
	if u.After != nil {
		got.After = seeUpgraded(t, u, next, alice, token)
	}
	return got
}

func seeUpgraded(t *testing.T, u upgrade, next *target.Target, before *walker, token string) *upgradeState {
	t.Helper()
	got := &upgradeState{}
	arrive := func(user string) (*walker, arrival) {
		w := walk(t, next, user)
		w.visit(http.MethodGet, "/accounts/login/", nil)
		w.press()
		w.answer()
		return w, arrival{Who: w.who(), Final: w.at.String()}
	}
	_, alice := arrive("alice")
	carol, linked := arrive("carol")
	if u.AuthentikTo != "" {
		r, err := target.NewRequest(t.Context(), http.MethodGet, "https://authentik.example.com", "/application/o/paperless/.well-known/openid-configuration", nil)
		require.NoError(t, err)
		_, got.Discovery = carol.raw(carol.client, r)
		w := walk(t, next, "")
		w.visit(http.MethodGet, "/accounts/login/", nil)
		got.Boot = &upgradeBoot{Up: next.Boot.Up, Status: w.code}
		got.Alice, got.Carol = raw(t, alice), raw(t, linked)
		return got
	}
	got.Users, got.Alice, got.Carol = carol.users(), raw(t, alice.Who), raw(t, linked.Who)
	c, err := next.Client()
	require.NoError(t, err)
	r, err := target.NewRequest(t.Context(), http.MethodGet, origin, "/api/profile/", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Token "+token)
	_, got.Token = carol.raw(c, r)
	c.Jar = before.client.Jar // the browser of before meets the new version
	r, err = target.NewRequest(t.Context(), http.MethodGet, origin, "/api/profile/", nil)
	require.NoError(t, err)
	_, got.Session = carol.raw(c, r)
	return got
}

func raw(t *testing.T, v any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

// users are the accounts as the API lists them to an administrator.
func (w *walker) users() [][]any {
	w.t.Helper()
	text, status := w.get("/api/users/")
	require.Equal(w.t, http.StatusOK, status, string(text))
	var list struct {
		Results []struct {
			ID       int
			Username string
			Email    string
		}
	}
	require.NoError(w.t, json.Unmarshal(text, &list))
	var out [][]any
	for _, u := range list.Results {
		out = append(out, []any{u.ID, u.Username, u.Email})
	}
	return out
}

// token is an API token of the local administrator.
func (w *walker) token() string {
	w.t.Helper()
	r, err := target.NewRequest(w.t.Context(), http.MethodPost, origin, "/api/token/", url.Values{"username": {"admin"}, "password": {"admin-pw-1"}})
	require.NoError(w.t, err)
	c, err := w.target.Client()
	require.NoError(w.t, err)
	text, status := w.raw(c, r)
	require.Equal(w.t, http.StatusOK, status, string(text))
	var out struct{ Token string }
	require.NoError(w.t, json.Unmarshal(text, &out))
	return out.Token
}
