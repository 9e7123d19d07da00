package lab_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/fixtures"
)

// stepLimit is more than any step needs on a busy machine.
const stepLimit = 30 * time.Second

// A surfer is somebody with a real browser.
type surfer struct {
	t *testing.T
	s *browser.Session
}

func (p *surfer) open(path string) {
	p.t.Helper()
	require.NoError(p.t, p.s.Visit(p.t.Context(), "open "+path, origin+path, stepLimit))
}

func (p *surfer) fill(sel browser.Selector, value string) {
	p.t.Helper()
	require.NoError(p.t, p.s.Fill(p.t.Context(), "fill", sel, value, stepLimit))
}

func (p *surfer) click(sel browser.Selector) {
	p.t.Helper()
	require.NoError(p.t, p.s.Click(p.t.Context(), "click", sel, stepLimit))
}

// authentik signs in there; the recorded title shows while it waits for a name.
func (p *surfer) authentik(user, title string) {
	p.t.Helper()
	const submit = "button[type=submit]"
	p.fill(browser.Deep("ak-stage-identification", "input[name=uidField]"), user)
	page, err := p.s.Page(p.t.Context())
	require.NoError(p.t, err)
	assert.Equal(p.t, title, page.Title)
	p.click(browser.Deep("ak-stage-identification", submit))
	p.fill(browser.Deep("ak-stage-password", "input[name=password]"), user+"-pw-12345")
	p.click(browser.Deep("ak-stage-password", submit))
}

func (p *surfer) local(user, password string) {
	p.t.Helper()
	p.open("/accounts/login/?loggedout=1")
	p.fill(browser.CSS("#inputUsername"), user)
	p.fill(browser.CSS("#inputPassword"), password)
	p.click(browser.CSS("button.btn-primary[type=submit]"))
}

// shows waits for the page of the recording and compares what a user reads.
func (p *surfer) shows(want ending) {
	p.t.Helper()
	words := strings.Fields(want.Text)
	_, err := p.s.WaitAny(p.t.Context(), "wait for the page", stepLimit, map[string]browser.Condition{
		"shown": browser.All(browser.Shows(strings.Join(words[:3], " ")), browser.Shows("Dashboard")),
	})
	require.NoError(p.t, err)
	page, err := p.s.Page(p.t.Context())
	require.NoError(p.t, err)
	assert.Equal(p.t, want.Title, page.Title)
	assert.Equal(p.t, origin+want.URL.Path, page.URL)
	got := space(page.Text)
	// The recorder cut the text, and the lab's pages stop where nothing is about
	// signing in any more: 18 words are on all of them.
	n := 0
	for have := strings.Fields(got); n < len(words) && n < len(have) && (have[n] == words[n] || n == len(words)-1 && strings.HasPrefix(have[n], words[n])); n++ {
	}
	assert.GreaterOrEqual(p.t, n, min(len(words), 18), "recorded %q\nthe lab  %q", space(want.Text), got)
}

// TestObservedInBrowser compares what TestObserved leaves out because scripts
// draw it: the web application's texts, its menu, the link to connect an
// account, the title of authentik's page, the redirect without a click.
func TestObservedInBrowser(t *testing.T) {
	t.Parallel()
	all := observed(t)
	e, err := edge.Listen(edge.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Close()) })
	begin := func(t *testing.T, name string, r row) *target.Target {
		t.Helper()
		return r.run(t, all.Harness, lab.WithEdge(e, name))
	}
	first := begin(t, "first", all.Rows[0])
	b, err := browser.Open(t.Context(), browser.Options{Rules: first.ResolverRules(), SPKI: first.SPKI, Isolate: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	surf := func(t *testing.T, tg *target.Target) *surfer {
		t.Helper()
		s, err := b.Session(t.Context(), browser.SessionOptions{Header: tg.Header})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		return &surfer{t, s}
	}

	var title string // of authentik's sign-in, as it was recorded
	for _, r := range all.Rows {
		if r.SignIn != nil && r.SignIn.URL.Host != paperlessHost {
			title = r.SignIn.Title
		}
	}
	done := map[string]bool{}
	for _, r := range all.Rows {
		if r.Final == nil || !scripted(r.Final.Text) || done[r.Paperless+r.Authentik+r.Final.Text] {
			continue
		}
		done[r.Paperless+r.Authentik+r.Final.Text] = true
		t.Run(r.name(), func(t *testing.T) {
			p := surf(t, begin(t, r.name(), r))
			p.open("/accounts/login/")
			p.click(browser.CSS(`form[action*="/accounts/oidc/"] button[type=submit]`))
			p.authentik(r.User, title)
			p.shows(*r.Final)
		})
	}
	require.NotEmpty(t, done)
	for _, f := range all.Flows {
		t.Run("flow "+f.Paperless, func(t *testing.T) {
			tg := begin(t, "flow-"+f.Paperless, flowRow(f, nil))
			p := surf(t, tg)
			p.local("local1", "local1-pw-12345")
			p.shows(f.NoRights.ending)

			p = surf(t, tg)
			p.local("admin", "admin-pw-1")
			p.shows(f.Superuser.ending)
			p.click(browser.CSS("#userDropdown"))
			var menu []string
			p.eval(`[...document.querySelectorAll("#userDropdown ~ .dropdown-menu .dropdown-item")].map((e) => e.textContent.trim())`, &menu)
			assert.Equal(t, f.Menu, menu)
			p.click(browser.CSS(".dropdown-item").WithText("My Profile"))
			require.NoError(t, p.s.Wait(t.Context(), "wait for the link", browser.CSS(`a[href*="process=connect"]`), stepLimit))
			var link [][]string
			p.eval(`[...document.querySelectorAll('a[href*="process=connect"]')].map((e) => [e.getAttribute("href"), e.className, e.textContent.trim()])`, &link)
			assert.Equal(t, f.Link, link)
			p.click(browser.CSS(`a[href*="process=connect"]`))
			p.click(browser.CSS("button[type=submit]").WithText("Continue"))
			p.authentik("carol", title)
			p.shows(f.Connected.ending)
		})
		t.Run("redirect "+f.Paperless, func(t *testing.T) {
			p := surf(t, begin(t, "redirect-"+f.Paperless, flowRow(f, map[string]string{"PAPERLESS_REDIRECT_LOGIN_TO_SSO": "true"})))
			p.open("/")
			p.authentik("alice", title) // nobody pressed a button
			p.shows(f.Redirect.Signed.ending)
			p.open("/accounts/logout/")
			require.NoError(t, p.s.Wait(t.Context(), "wait for the sign-in page", browser.CSS("#inputPassword"), stepLimit))
			p.open("/accounts/login/") // authentik's session lives: signed in at once
			p.shows(f.Redirect.Again.ending)
		})
	}
}

// TestObservedTraps: what the recorder stumbled over is there to stumble over in
// the lab too, or is of a machine and not of the products.
func TestObservedTraps(t *testing.T) {
	t.Parallel()
	all := observed(t)
	flowPage := func(t *testing.T, js string, into any) {
		t.Helper()
		r := all.Rows[0]
		tg := r.run(t, all.Harness)
		b, err := browser.Open(t.Context(), browser.Options{Rules: tg.ResolverRules(), SPKI: tg.SPKI, Isolate: true})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, b.Close()) })
		s, err := b.Session(t.Context(), browser.SessionOptions{})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		p := &surfer{t, s}
		require.NoError(t, s.Visit(t.Context(), "open authentik", "https://authentik.example.com/if/flow/default-authentication-flow/", stepLimit))
		require.NoError(t, s.Wait(t.Context(), "wait for the stage", browser.Deep("ak-stage-identification", "input[name=uidField]"), stepLimit))
		p.eval(js, into)
	}
	traps := []struct {
		about string
		same  func(*testing.T) // nil: not of the products
	}{
		{"WWW-Authenticate: Basic", func(t *testing.T) {
			t.Helper()
			for _, r := range all.Rows {
				if r.ID != "02-auto-signup-true" {
					continue
				}
				tg := r.run(t, all.Harness)
				c, err := tg.Client()
				require.NoError(t, err)
				res, err := c.Do(httpGet(t, origin+"/api/profile/"))
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				assert.Equal(t, 401, res.StatusCode)
				assert.Equal(t, r.Paperless == "2.5.0", strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Basic"), r.Paperless)
			}
		}},
		{"net::ERR_NETWORK_CHANGED", nil}, // package browser repeats such a load
		{"decoy form", func(t *testing.T) {
			t.Helper()
			var first string
			flowPage(t, `(() => { const e = document.querySelector("input[name=password]"); return e.closest("form").parentElement.tagName + " " + (e.getClientRects().length > 0) })()`, &first)
			assert.Equal(t, "HTML true", first)
		}},
		{"innerText", func(t *testing.T) {
			t.Helper()
			var text string
			flowPage(t, `document.body.innerText.trim()`, &text)
			assert.Empty(t, text)
		}},
		{"still needs Redis", nil}, // of the containers: the lab has none
	}
	require.Len(t, all.Traps, len(traps))
	for i, trap := range traps {
		require.Contains(t, all.Traps[i], trap.about)
		if trap.same != nil {
			t.Run(trap.about, trap.same)
		}
	}
}

func (p *surfer) eval(js string, into any) {
	p.t.Helper()
	text, err := p.s.Eval(p.t.Context(), js)
	require.NoError(p.t, err)
	require.NoError(p.t, json.Unmarshal(text, into), string(text))
}

// TestSelectors finds what fixtures/paperless-settings.json says of the real
// pages in the lab's, on each recorded version: what drives the one drives the
// other.
func TestSelectors(t *testing.T) {
	t.Parallel()
	text, err := fixtures.FS.ReadFile("paperless-settings.json")
	require.NoError(t, err)
	var doc struct {
		Selectors map[string]map[string]any `json:"selectors"`
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	all := observed(t)
	for _, version := range []string{"2.5.0", "2.20.15", "3.0.5"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			f := flow{Paperless: version, Authentik: "2025.8.1"}
			tg := flowRow(f, map[string]string{"PAPERLESS_SOCIAL_AUTO_SIGNUP": "false"}).run(t, all.Harness)
			b, err := browser.Open(t.Context(), browser.Options{Rules: tg.ResolverRules(), SPKI: tg.SPKI, Isolate: true})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, b.Close()) })
			s, err := b.Session(t.Context(), browser.SessionOptions{})
			require.NoError(t, err)
			t.Cleanup(s.Close)
			p := &surfer{t, s}
			found := map[string]bool{}
			page := func(name string, keys ...string) {
				t.Helper()
				require.NoError(t, s.Settle(t.Context(), stepLimit))
				for _, key := range keys {
					found[name+"."+key] = true
					for _, css := range selectors(doc.Selectors[name][key], version) {
						var n int
						p.eval(`document.querySelectorAll(`+strconv.Quote(css)+`).length`, &n)
						assert.Positive(t, n, "%s %s: %s", name, key, css)
					}
				}
				if want, ok := doc.Selectors[name]["title"].(string); ok && name != "profile" {
					got, err := s.Page(t.Context())
					require.NoError(t, err)
					assert.Equal(t, want, got.Title)
				}
			}
			p.open("/accounts/login/")
			page("login", "form", "username", "password", "submit", "sso_form", "sso_button", "separator")
			p.fill(browser.CSS("#inputUsername"), "nobody")
			p.fill(browser.CSS("#inputPassword"), "wrong")
			p.click(browser.CSS("button.btn-primary[type=submit]"))
			page("login", "error")
			p.open("/accounts/oidc/authentik/login/")
			page("confirm_page", "continue_button")
			p.click(browser.CSS("button[type=submit]"))
			p.authentik("alice", "Welcome to authentik! - authentik")
			require.NoError(t, s.Wait(t.Context(), "wait for the form", browser.CSS("#inputEmail"), stepLimit))
			page("signup_form", "username", "email", "submit")
			p.fill(browser.CSS("#inputUsername"), "admin")
			p.click(browser.CSS("button[type=submit]"))
			page("signup_form", "error")
			p.fill(browser.CSS("#inputUsername"), "alice")
			p.click(browser.CSS("button[type=submit]"))
			require.NoError(t, s.Wait(t.Context(), "wait for the menu", browser.CSS("#userDropdown"), stepLimit))
			page("app", "loaded", "user_menu", "my_profile", "logout", "toast")
			p.click(browser.CSS("#userDropdown"))
			p.click(browser.CSS(".dropdown-item").WithText("My Profile"))
			require.NoError(t, s.Wait(t.Context(), "wait for the link", browser.CSS(`a[href*="process=connect"]`), stepLimit))
			page("profile", "dialog", "title", "connect_link", "linked_item", "disconnect")

			for name, keys := range doc.Selectors {
				for key := range keys {
					switch name + "." + key {
					case "login.path", "login.title", "login.autoredirect_marker", "confirm_page.path", "confirm_page.title", "confirm_page.text",
						"signup_form.path", "signup_form.title", "profile.api", "inactive.title":
						// No selectors; the recordings and the tables have them.
					default:
						assert.True(t, found[name+"."+key], "%s.%s was not looked for", name, key)
					}
				}
			}
		})
	}
}

// selectors are the CSS selectors in a value: those for the version, without
// the words around them.
func selectors(v any, version string) []string {
	if byVersion, ok := v.(map[string]any); ok {
		for when, value := range byVersion {
			limit := strings.TrimLeft(when, "<>=v")
			switch {
			case strings.HasPrefix(when, ">=") && deployment.AtLeast(version, limit),
				strings.HasPrefix(when, "<") && !deployment.AtLeast(version, limit),
				strings.HasSuffix(when, ".x") && strings.HasPrefix(version, strings.TrimSuffix(limit, "x")):
				return selectors(value, version)
			}
		}
		return nil
	}
	old, text := "", str(v)
	if i := strings.Index(text, "(v2.5: "); i >= 0 {
		old, _, _ = strings.Cut(text[i+len("(v2.5: "):], ")")
		text = text[:i]
	}
	if old != "" && !deployment.AtLeast(version, "2.6.0") {
		text = old
	}
	text = strings.NewReplacer("<id>", "authentik", "<provider_id>", "authentik").Replace(text)
	var out []string
	for part := range strings.SplitSeq(text, " / ") {
		for _, end := range []string{" containing ", " with ", " then ", " (", ";", ` "`} {
			part, _, _ = strings.Cut(part, end)
		}
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
