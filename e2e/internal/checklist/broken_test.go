package checklist

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A pair is a Paperless and an authentik that do just what the protocol checks
// look at, and that can do it wrong in ways in which the lab never does.
// Everybody is signed in at authentik already.
type pair struct {
	fixedState  bool // the same state each time
	shortState  bool
	noPKCE      bool
	plainPKCE   bool
	anyState    bool // a callback with an unknown state counts
	replay      bool // a state may be used again
	keepSession bool // the session keeps its id
	readable    bool // the cookie is not HttpOnly
	noSameSite  bool
	followNext  bool // next= is followed to wherever it leads
	anyVerifier bool
	alive       bool // the old session is signed in too
	anyRedirect bool // authentik sends the code anywhere
	noPasswords bool // the API takes no passwords

	mu       sync.Mutex
	serial   int
	sessions map[string]*pairSession
}

type pairSession struct {
	states map[string]string // state → next
	in     bool
}

func (f *pair) next(prefix string) string {
	f.serial++
	return fmt.Sprintf("%s-%016d", prefix, f.serial)
}

func (f *pair) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.HasPrefix(r.Host, "authentik.") {
		f.authentik(w, r)
		return
	}
	s := f.session(w, r)
	switch r.URL.Path {
	case "/accounts/login/":
		fmt.Fprintf(w, `<title>Paperless-ngx sign in</title><form method="post" action="/accounts/oidc/authentik/login/?next=%s"><input name="csrfmiddlewaretoken" value="x"></form>`, url.QueryEscape(r.URL.Query().Get("next")))
	case "/accounts/oidc/authentik/login/":
		state := f.next("state")
		if f.fixedState {
			state = "state-0123456789abcdef"
		}
		if f.shortState {
			state = f.next("s")[16:]
		}
		s.states[state] = r.URL.Query().Get("next")
		q := url.Values{"state": {state}, "redirect_uri": {"http://paperless.example.com/accounts/oidc/authentik/login/callback/"}}
		if !f.noPKCE {
			q.Set("code_challenge", f.next("challenge"))
			q.Set("code_challenge_method", map[bool]string{false: "S256", true: "plain"}[f.plainPKCE])
		}
		http.Redirect(w, r, "http://authentik.example.com/application/o/authorize/?"+q.Encode(), http.StatusFound)
	case "/accounts/oidc/authentik/login/callback/":
		f.callback(w, r, s)
	case "/api/profile/", "/api/ui_settings/":
		if !s.in {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"email":"ivan@example.com"}`)
	case "/api/token/":
		if f.noPasswords {
			w.WriteHeader(http.StatusBadRequest)
		}
	default:
		fmt.Fprint(w, "<title>Paperless-ngx</title>")
	}
}

func (f *pair) callback(w http.ResponseWriter, r *http.Request, s *pairSession) {
	state := r.URL.Query().Get("state")
	next, known := s.states[state]
	if !known && !f.anyState {
		fmt.Fprint(w, "An error occurred while attempting to login via your social network account.")
		return
	}
	if !f.replay {
		delete(s.states, state)
	}
	s.in = true
	if !f.keepSession {
		f.set(w, &pairSession{states: s.states, in: true})
		s.in = f.alive
	} else if c, err := r.Cookie("sessionid"); err == nil {
		f.cookie(w, c.Value)
	}
	if next == "" || !f.followNext {
		next = "/dashboard"
	}
	http.Redirect(w, r, next, http.StatusFound)
}

func (f *pair) session(w http.ResponseWriter, r *http.Request) *pairSession {
	if c, err := r.Cookie("sessionid"); err == nil && f.sessions[c.Value] != nil {
		return f.sessions[c.Value]
	}
	s := &pairSession{states: map[string]string{}}
	if strings.HasSuffix(r.URL.Path, "/login/") { // Paperless makes one when it has something to keep
		f.set(w, s)
	}
	return s
}

func (f *pair) set(w http.ResponseWriter, s *pairSession) {
	id := f.next("session")
	f.sessions[id] = s
	f.cookie(w, id)
}

func (f *pair) cookie(w http.ResponseWriter, id string) {
	c := &http.Cookie{Name: "sessionid", Value: id, Path: "/", HttpOnly: !f.readable, SameSite: http.SameSiteLaxMode}
	if f.noSameSite {
		c.SameSite = 0
	}
	w.Header().Del("Set-Cookie")
	http.SetCookie(w, c)
}

func (f *pair) authentik(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch r.URL.Path {
	case "/application/o/authorize/":
		if to := q.Get("redirect_uri"); f.anyRedirect || to == "http://paperless.example.com/accounts/oidc/authentik/login/callback/" {
			http.Redirect(w, r, to+"?code="+f.next("code")+"&state="+q.Get("state"), http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
	case "/application/o/token/":
		if !f.anyVerifier {
			w.WriteHeader(http.StatusBadRequest)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func TestProtocolChecksAgainstABrokenPair(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		check  *check.Check
		broken *pair
		want   check.Status
		says   string
	}{
		"pkce right":             {PKCEState, &pair{}, check.Passed, ""},
		"same state":             {PKCEState, &pair{fixedState: true}, check.Failed, "the same state"},
		"short state":            {PKCEState, &pair{shortState: true}, check.Failed, "not 16 or more"},
		"no challenge":           {PKCEState, &pair{noPKCE: true}, check.Failed, "has no code_challenge"},
		"plain challenge":        {PKCEState, &pair{plainPKCE: true}, check.Failed, "not S256"},
		"foreign state":          {PKCEState, &pair{anyState: true}, check.Failed, "of another browser signs in"},
		"replayed state":         {PKCEState, &pair{replay: true}, check.Failed, "used before is taken again"},
		"any verifier":           {PKCEState, &pair{anyVerifier: true}, check.Failed, "wrong code_verifier"},
		"session right":          {SessionRotated, &pair{}, check.Passed, ""},
		"session kept":           {SessionRotated, &pair{keepSession: true}, check.Failed, "the same before and after"},
		"old session lives":      {SessionRotated, &pair{alive: true}, check.Failed, "from before signing in is signed in too"},
		"cookie for scripts":     {SessionRotated, &pair{readable: true}, check.Failed, "not HttpOnly"},
		"cookie for other sites": {SessionRotated, &pair{noSameSite: true}, check.Failed, "no SameSite"},
		"next right":             {NextRedirect, &pair{}, check.Passed, ""},
		"next followed":          {NextRedirect, &pair{followNext: true}, check.Failed, "is sent to evil.example"},
		"redirect right":         {RedirectURIStrict, &pair{}, check.Passed, ""},
		"passwords refused":      {PasswordAPI, &pair{noPasswords: true}, check.Passed, ""},
		"passwords taken":        {PasswordAPI, &pair{}, check.Warned, "password on /api/token/"},
		"any redirect":           {RedirectURIStrict, &pair{anyRedirect: true}, check.Failed, "another host"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.broken.sessions = map[string]*pairSession{}
			p := passOn(t, tt.broken)
			err := tt.check.Run(t.Context(), p)
			assert.Equalf(t, tt.want, check.StatusOf(err), "%v", err)
			if tt.says != "" {
				require.ErrorContains(t, err, tt.says)
			}
			for _, probe := range p.Record.Probes {
				assert.NotContains(t, probe.URL+probe.Detail, "code-0", "a code is recorded")
			}
			for _, hop := range p.Record.Hops {
				assert.NotContains(t, hop.URL+hop.Location, "code-0", "a code is recorded")
			}
		})
	}
}

// passOn is what a check gets on a pair of our own.
func passOn(t *testing.T, h http.Handler) *check.Pass {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	b, err := deployment.Default()
	require.NoError(t, err)
	b.Paperless.Env[deployment.DisableRegularLogin] = "true"
	b.Paperless.URL, b.Authentik.URL = "http://paperless.example.com", "http://authentik.example.com"
	b.EditSettings(func(s map[string]any) {
		s["server_url"] = "http://authentik.example.com/application/o/paperless/.well-known/openid-configuration"
	})
	addr := srv.Listener.Addr().String()
	return &check.Pass{
		Target: &target.Target{
			Boot: evidence.Boot{Up: true}, Changes: true, Redactor: evidence.NewRedactor(b.Secrets()...),
			Resolve: map[string]string{"paperless.example.com:80": addr, "authentik.example.com:80": addr},
		},
		Bundle: b, Variant: check.AsConfigured, Record: &evidence.Record{},
	}
}

func TestUnreachableIsNoVerdict(t *testing.T) {
	t.Parallel()
	p := passOn(t, http.NotFoundHandler())
	p.Target.Resolve["paperless.example.com:80"] = "127.0.0.1:1"
	err := PKCEState.Run(t.Context(), p)
	require.Error(t, err)
	assert.Equal(t, check.Errored, check.StatusOf(err), "that the tester cannot connect says nothing about the products")
	assert.NotContains(t, err.Error(), "?", "an error must not carry a query")
}

func TestNotBooted(t *testing.T) {
	t.Parallel()
	exit := 1
	for _, c := range All() {
		if c == Settings {
			continue // it looks at files only
		}
		err := c.Run(context.Background(), &check.Pass{Target: &target.Target{Boot: evidence.Boot{
			Exit: &exit, Log: []string{"ModuleNotFoundError: No module named 'x'", "s6-rc: warning: unable to start", "/run/s6/basedir/scripts/rc.init: fatal: stopping the container."},
		}}})
		require.EqualError(t, err, "Paperless stopped by itself with exit code 1; its log says: ModuleNotFoundError: No module named 'x'", c.ID)
		assert.Equal(t, check.Failed, check.StatusOf(err))
	}
}
