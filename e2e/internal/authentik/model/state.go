package model

import (
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A State is authentik's database, as far as a later version goes on with it.
type State struct {
	version      string // that wrote it
	installation string // of which subjects are made: a new installation has other ones
	users        map[string]int
	sessions     map[string]*session
	consents     map[string]time.Time // when a consent ends
	learned      map[string]string    // client id to the redirect URI that was seen first
}

// session is what a cookie stands for.
type session struct {
	user  string // user name; "": not signed in
	at    time.Time
	asked time.Time // when prompt=login last sent this browser to the sign-in
	app   string    // application that the sign-in was begun for
	plan  *plan     // flow under way
	// unreadable: written before 2026.5 and read by 2026.5.0 or 2026.5.1.
	unreadable bool
}

// firstUser is the number of the first person that an operator makes; the ones
// before belong to authentik itself.
const firstUser = 5

func (st *State) clone() *State {
	c := &State{
		version: st.version, installation: st.installation, users: maps.Clone(st.users),
		sessions: map[string]*session{}, consents: maps.Clone(st.consents), learned: maps.Clone(st.learned),
	}
	for k, v := range st.sessions {
		copied := *v
		if v.plan != nil {
			p := *v.plan
			copied.plan = &p
		}
		c.sessions[k] = &copied
	}
	return c
}

// upgrade is the database after the migrations of a version; of nothing, a
// fresh one.
func (st *State) upgrade(version string) *State {
	if st == nil {
		return &State{
			version: version, installation: random(16), users: map[string]int{},
			sessions: map[string]*session{}, consents: map[string]time.Time{}, learned: map[string]string{},
		}
	}
	c := st.clone()
	if deployment.AtLeast(version, "2025.4.0") && !deployment.AtLeast(st.version, "2025.4.0") {
		c.sessions = map[string]*session{} // 2025.4 moved the sessions and signed everybody out
	}
	// 2026.5.0 renamed a class that sessions were stored with, 2026.5.2 reads them
	// again (docs/facts/releases-2026.md#A10).
	for _, have := range c.sessions {
		have.unreadable = (have.unreadable || !deployment.AtLeast(st.version, "2026.5.0")) &&
			deployment.AtLeast(version, "2026.5.0") && !deployment.AtLeast(version, "2026.5.2")
	}
	c.version = version
	return c
}

// learnUsers numbers the users; a number is for ever.
func (st *State) learnUsers(users []deployment.AuthentikUser) {
	for _, u := range users {
		if _, ok := st.users[u.Username]; !ok {
			st.users[u.Username] = firstUser + len(st.users)
		}
	}
}

const (
	sessionCookie = "authentik_session"
	csrfCookie    = "authentik_csrf"
)

// open finds the session of the request, or begins one that is not stored yet.
func (s *Server) open(v *visit) {
	v.sess = &session{}
	c, err := v.r.Cookie(sessionCookie)
	if err != nil {
		return
	}
	if have, ok := s.db.sessions[c.Value]; ok {
		v.key, v.sess = c.Value, have
	}
}

// visitor is the user who is signed in, or nil. Deactivating a user ends
// their sessions.
func (s *Server) visitor(v *visit) *deployment.AuthentikUser {
	u := s.user(v.sess.user)
	if u == nil || u.Inactive {
		return nil
	}
	return u
}

// store keeps the session, and gives the browser its cookies where it is new.
func (s *Server) store(v *visit) {
	if v.key != "" {
		return
	}
	v.key = random(16)
	s.db.sessions[v.key] = v.sess
	s.opts.Redactor.Add(v.key)
	s.cookie(v, sessionCookie, v.key, true)
	s.csrf(v)
}

// csrf gives the browser a CSRF token that its script can read.
func (s *Server) csrf(v *visit) {
	token := random(16)
	s.opts.Redactor.Add(token)
	s.cookie(v, csrfCookie, token, false)
}

func (s *Server) cookie(v *visit, name, value string, httpOnly bool) {
	c := &http.Cookie{Name: name, Value: value, Path: v.base + "/", HttpOnly: httpOnly, SameSite: http.SameSiteLaxMode}
	if strings.HasPrefix(v.origin, "https:") {
		c.SameSite, c.Secure = http.SameSiteNoneMode, true
	}
	http.SetCookie(v.w, c)
}

// login signs a user in, under a new session key.
func (s *Server) login(v *visit, u *deployment.AuthentikUser) {
	delete(s.db.sessions, v.key)
	v.key, v.sess = "", &session{user: u.Username, at: s.now(), asked: v.sess.asked}
	s.store(v)
	s.event("login")
	s.logf("info", "authentik.events.signals", "User logged in", map[string]any{"user": u.Username})
}

// logout ends the session of the browser.
func (s *Server) logout(v *visit) {
	if s.visitor(v) != nil {
		s.event("logout")
	}
	delete(s.db.sessions, v.key)
	v.key, v.sess = "", &session{}
	http.SetCookie(v.w, &http.Cookie{Name: sessionCookie, Path: v.base + "/", MaxAge: -1})
}
