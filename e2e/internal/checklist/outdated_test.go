package checklist

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// aBrowser is one for a test.
func aBrowser(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Open(t.Context(), browser.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// onPages is a walk in a profile of its own on pages that h serves; at says which
// product lives there.
func onPages(t *testing.T, b *browser.Browser, h http.HandlerFunc, at func(b *deployment.Deployment, url string)) *walk {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		h(w, r)
	}))
	t.Cleanup(srv.Close)
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	bundle, err := deployment.Default()
	require.NoError(t, err)
	at(bundle, srv.URL)
	return newWalk(&check.Pass{
		Target: &target.Target{Paperless: evidence.Product{Version: "3.9.0"}, Authentik: evidence.Product{Version: "2026.11.0"}},
		Bundle: bundle, Session: s, Record: &evidence.Record{},
	})
}

// A stage that is there without the field that we look for is an error of the
// tester, which names the element and the versions on which it was seen.
func TestStageWithoutItsField(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	w := onPages(t, aBrowser(t), func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>authentik</title><ak-stage-identification></ak-stage-identification><script>
document.querySelector("ak-stage-identification").attachShadow({mode: "open"}).innerHTML =
  "<form><h1>Welcome</h1><label>Username <input name=renamed></label><button type=submit>Log in</button></form>";
</script>`)
	}, func(b *deployment.Deployment, url string) { b.Authentik.URL = url })
	require.NoError(t, w.p.Session.Visit(t.Context(), "open the page", w.p.Bundle.Authentik.URL+"/if/flow/default-authentication-flow/", visitLimit))

	_, err := w.stages(t.Context(), deployment.AuthentikUser{Username: "alice", Password: "x"})

	require.Error(t, err)
	assert.Equal(t, check.Errored, check.StatusOf(err))
	assert.Contains(t, err.Error(), "ak-stage-identification is on the page of authentik 2026.11.0, but has no input[name=uidField], input[name=uid_field], which was seen with authentik 2025.8.1")
	assert.Contains(t, err.Error(), "ssocheck may be out of date")
}

// A page of Paperless whose elements stand there in a form that was never seen is an
// error of the tester; a page that lacks them is what the pair does.
func TestPaperlessInAnotherForm(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	const (
		local   = `<form id=form-account method=post><input id=inputUsername name=login><input id=inputPassword name=password type=password><button type=submit>Sign in</button></form>`
		reset   = `<a href="/accounts/password/reset/">authentik is down? Forgot your password?</a>`
		form    = `<form method=post action="/accounts/oidc/authentik/login/"><button type=submit>authentik</button></form>`
		frame   = `<pngx-app-frame><nav>Paperless-ngx <button id=%s onclick="document.querySelector('.dropdown-menu').hidden = false">me</button><div class=dropdown-menu hidden><button onclick="document.body.append(document.querySelector('template').content)">%s</button></div></nav></pngx-app-frame><template>%s</template>`
		dialog  = `<pngx-profile-edit-dialog><h4>Edit Profile</h4>%s</pngx-profile-edit-dialog>`
		profile = "My Profile"
		menu    = "userDropdown"
	)
	signIn := func(ctx context.Context, w *walk) error {
		_, err := w.signInPage(ctx)
		return err
	}
	connect := func(ctx context.Context, w *walk) error {
		if err := w.open(ctx, "open the app", "/dashboard"); err != nil {
			return err
		}
		return w.connect(ctx)
	}
	tests := []struct {
		name, html string
		do         func(context.Context, *walk) error
		want       check.Status
		says       string
	}{
		{"known", local + form, signIn, check.Passed, ""},
		{"no button", local + reset, signIn, check.Passed, ""}, // login-button judges it
		{"a button of another provider", local + strings.ReplaceAll(form, "authentik/login", "other/login"), signIn, check.Passed, ""},
		{"other inputs", `<form method=post><input name=user><input type=password name=pass><button>Sign in</button></form>` + form, signIn, check.Errored, "has no #inputUsername[name=login] with #inputPassword[name=password]"},
		{"a link in place of the form", local + `<a href="/accounts/oidc/authentik/login/">Go</a>`, signIn, check.Errored, "has no form[action*="},
		{"a button that a script sends", local + `<button>Sign in with authentik</button>`, signIn, check.Errored, "has no form[action*="},
		{"a form that leads elsewhere", local + `<form method=post action="/_allauth/start"><button>authentik</button></form>`, signIn, check.Errored, "has no form[action*="},
		{"no application", `<pngx-root>Loading...</pngx-root>`, connect, check.Failed, "Paperless's page does not come up"},
		{"another menu", fmt.Sprintf(frame, "newMenu", profile, ""), connect, check.Errored, "pngx-app-frame is on the page of Paperless-ngx 3.9.0, but has no #userDropdown, which was seen with Paperless-ngx 2.5.0"},
		{"another name in the menu", fmt.Sprintf(frame, menu, "Account", ""), connect, check.Errored, `has no button "My Profile"`},
		{"nothing to connect", fmt.Sprintf(frame, menu, profile, fmt.Sprintf(dialog, "")), connect, check.Failed, "My Profile does not offer to connect authentik"},
		{"another provider to connect", fmt.Sprintf(frame, menu, profile, fmt.Sprintf(dialog, `<a href="/accounts/oidc/other/login/?process=connect">authentik</a>`)), connect, check.Failed, "My Profile does not offer to connect authentik"},
		{"a button in place of the link", fmt.Sprintf(frame, menu, profile, fmt.Sprintf(dialog, "<button>authentik</button>")), connect, check.Errored, "has no pngx-profile-edit-dialog a[href*="},
		{"another dialog", fmt.Sprintf(frame, menu, profile, "<div role=dialog>Edit Profile</div>"), connect, check.Errored, "has no pngx-profile-edit-dialog a[href*="},
	}
	b := aBrowser(t)
	errs := make([]error, len(tests))
	var wg sync.WaitGroup
	for i, tt := range tests {
		w := onPages(t, b, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `<!doctype html><title>Paperless-ngx</title>`+tt.html)
		}, func(b *deployment.Deployment, url string) {
			b.Paperless.URL = url
			b.EditApp(func(app map[string]any) { app["name"] = "authentik" })
		})
		wg.Go(func() { errs[i] = tt.do(t.Context(), w) }) // all at once: most of them wait for what does not come
	}
	wg.Wait()
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := errs[i]
			assert.Equal(t, tt.want, check.StatusOf(err), "%v", err)
			if tt.says != "" {
				require.ErrorContains(t, err, tt.says)
			}
			assert.Equal(t, tt.want == check.Errored, err != nil && strings.Contains(err.Error(), "ssocheck may be out of date"))
		})
	}
}

// A page of Paperless counts when all of it is there: after a press its document may
// come in parts.
func TestPageThatComesInParts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	b := aBrowser(t)
	for name, first := range map[string]string{
		"without a text at first": "",
		"a text without its form": `<title>Paperless-ngx</title><p>Please sign up.</p>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onPages(t, b, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != paperless.SocialSignUp {
					fmt.Fprint(w, `<!doctype html><title>Paperless-ngx</title><form method=post action="`+paperless.SocialSignUp+`"><button type=submit>Sign up</button></form>`)
					return
				}
				fmt.Fprint(w, "<!doctype html>"+strings.Repeat("<!-- -->", 1<<10)+first)
				assert.NoError(t, http.NewResponseController(w).Flush())
				select {
				case <-r.Context().Done():
				case <-time.After(2 * time.Second):
				}
				fmt.Fprint(w, `<title>Paperless-ngx</title><p>An account already exists with this e-mail address.</p><form><button>Sign up</button></form>`)
			}, func(b *deployment.Deployment, url string) { b.Paperless.URL = url })
			s := w.p.Session
			require.NoError(t, s.Visit(t.Context(), "open the form", w.p.Bundle.Paperless.URL+"/accounts/login/", visitLimit))
			w.begin()
			require.NoError(t, s.Click(t.Context(), "send it", browser.CSS("button"), stepLimit))

			e, err := w.arrive(t.Context(), "wait for the account", pageLimit, func(place, evidence.Page) bool { return true })

			require.NoError(t, err)
			assert.Equal(t, atSignup, e.place)
			assert.Contains(t, e.page.Text, "already exists")
			assert.Len(t, e.page.Forms, 1)
			assert.False(t, e.page.Parsing)
		})
	}
}
