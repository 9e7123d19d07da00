// Package authentik is authentik as an OpenID Provider, in this process: its
// endpoints, its sign-in flow with custom elements in open shadow roots, and its
// texts, written from what the real product was seen to do (fixtures/observed.json
// and the facts that docs/lab.md lists).
package model

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/blueprint"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// Options are what the containers get.
type Options struct {
	Version   string             // without "v"
	Blueprint []byte             // rendered, or the user's own
	Env       map[string]string  // what !Env sees: the worker's environment
	Token     string             // AUTHENTIK_BOOTSTRAP_TOKEN; empty: no API
	Now       func() time.Time   // nil: time.Now
	Redactor  *evidence.Redactor // nil: a new one
	State     *State             // database of an earlier server (upgrade); nil: fresh
	// Draw says how long after its load the next page is drawn; nil: a while that
	// the blueprint is the seed of. See Drawing.
	Draw func() time.Duration
	// Path is what everything is served under (AUTHENTIK_WEB__PATH), with a slash in
	// front and none at the end; empty: the root of the host.
	Path string
}

// A Server is a running authentik. Safe for concurrent use.
type Server struct {
	opts  Options
	model deployment.Model
	now   func() time.Time

	// mu is held for a whole request: requests are short, and the real
	// product's database serialises what matters too.
	mu      sync.Mutex
	db      *State
	codes   map[string]*grant
	tokens  map[string]*grant
	log     []evidence.Line
	events  []string
	unknown []string
}

// logLimit bounds the log of a lab that is asked for ever.
const logLimit = 5000

// New applies the blueprint. The error is the blueprint's. A blueprint that
// this version refuses leaves an authentik without the application, as the
// real one does; its log says why.
func New(o Options) (*Server, error) {
	b, err := blueprint.Parse("blueprint.yaml", o.Blueprint, o.Env)
	if err != nil {
		return nil, fmt.Errorf("lab: apply the blueprint: %w", err)
	}
	s := &Server{opts: o, model: b.Model, now: o.Now, codes: map[string]*grant{}, tokens: map[string]*grant{}}
	if s.now == nil {
		s.now = time.Now
	}
	if o.Redactor == nil {
		s.opts.Redactor = evidence.NewRedactor()
	}
	if o.Draw == nil {
		s.opts.Draw = Drawing(seed(o.Blueprint))
	}
	s.db = o.State.upgrade(o.Version)
	if len(b.TextURIs) > 0 && s.matchingModes() {
		s.model = deployment.Model{}
		s.logf("warning", "authentik.blueprints.v1.importer", `Entry invalid: Serializer errors {'redirect_uris': [ErrorDetail(string='Expected a list of items but got type "str".', code='not_a_list')]}`, nil)
	}
	for i := range s.model.Providers {
		if p := &s.model.Providers[i]; p.ClientSecret == "" && p.ClientType != "public" {
			p.ClientSecret = random(64) // authentik makes one up, which nobody else knows
		}
	}
	for _, n := range b.Notes {
		s.note(n)
	}
	s.db.learnUsers(s.model.Users)
	if !s.at("2024.8.0") {
		s.note("authentik before 2024.8")
	}
	return s, nil
}

// matchingModes reports whether redirect URIs have a matching mode (docs/facts/authentik.md#2).
func (s *Server) matchingModes() bool {
	switch v := s.opts.Version; {
	case strings.HasPrefix(v, "2024.8."):
		return s.at("2024.8.5")
	case strings.HasPrefix(v, "2024.10."):
		return s.at("2024.10.3")
	default:
		return s.at("2024.12.0")
	}
}

// Log is what the containers wrote: JSON lines, redacted.
func (s *Server) Log() []evidence.Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Events are the actions of the audit log, oldest first.
func (s *Server) Events() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// NotModelled is what was asked and is not known, as often as it was asked.
func (s *Server) NotModelled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unknown)
}

// State is a copy of the database.
func (s *Server) State() *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.clone()
}

func (s *Server) at(version string) bool { return deployment.AtLeast(s.opts.Version, version) }

// logf writes a log line. The caller holds mu, or is New.
func (s *Server) logf(level, logger, event string, fields map[string]any) {
	line := map[string]any{"level": level, "logger": logger, "event": event, "timestamp": s.now().UTC().Format("2006-01-02T15:04:05.000000")}
	for k, v := range fields {
		line[k] = v
	}
	text, err := json.Marshal(line)
	if err != nil || len(s.log) >= logLimit {
		return // plain data always encodes
	}
	s.log = append(s.log, evidence.Line{Source: "authentik", Time: s.now(), Text: s.opts.Redactor.Text(string(text))})
}

func (s *Server) event(action string) {
	if len(s.events) < logLimit {
		s.events = append(s.events, action)
	}
}

// note remembers what is not modelled, each time that it is asked: every check
// that rests on it must find it anew. The caller holds mu, or is New.
func (s *Server) note(what string) {
	if len(s.unknown) < logLimit {
		s.unknown = append(s.unknown, "lab: not modelled: "+what)
	}
}

// missing is the answer where we do not know the product.
func (s *Server) missing(v *visit, what string) {
	s.note("authentik: " + what)
	http.Error(v.w, "lab: not modelled: authentik: "+what, http.StatusNotImplemented)
}

func (s *Server) provider(clientID string) *deployment.OAuth2Provider {
	for i := range s.model.Providers {
		if s.model.Providers[i].ClientID == clientID {
			return &s.model.Providers[i]
		}
	}
	return nil
}

// application is the one of a slug, with its provider; nil when there is none.
func (s *Server) application(slug string) (*deployment.Application, *deployment.OAuth2Provider) {
	for i := range s.model.Applications {
		a := &s.model.Applications[i]
		if a.Slug != slug {
			continue
		}
		for j := range s.model.Providers {
			if s.model.Providers[j].Name == a.Provider {
				return a, &s.model.Providers[j]
			}
		}
		return a, nil
	}
	return nil, nil
}

// user finds a user by user name or e-mail, as the identification stage does.
func (s *Server) user(name string) *deployment.AuthentikUser {
	if name == "" {
		return nil
	}
	for i := range s.model.Users {
		u := &s.model.Users[i]
		if strings.EqualFold(u.Username, name) || strings.EqualFold(u.Email, name) {
			return u
		}
	}
	return nil
}

// allowed is the application's bindings, policy engine mode "any".
func allowed(a *deployment.Application, u *deployment.AuthentikUser) bool {
	if len(a.Groups) == 0 && !a.Deny {
		return true
	}
	return slices.ContainsFunc(a.Groups, func(g string) bool { return slices.Contains(u.Groups, g) })
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// A visit is one request, with the session of its cookie.
type visit struct {
	w      http.ResponseWriter
	r      *http.Request
	origin string // how authentik sees itself: from the request, never from a setting
	base   string // Options.Path
	key    string
	sess   *session // never nil; not stored when key is ""
	draw   func() time.Duration
}

// validHost is the host syntax that Django accepts; anything else, such as a
// name with an underscore, is a bare 404 (docs/facts/authentik.md#4.2).
var validHost = lazyregexp.New(`^(?i:[a-z0-9.-]+|\[[a-f0-9:.]+\])(?::\d+)?$`)

// ServeHTTP answers as authentik does behind its proxy.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("X-Powered-By", "authentik")
	w.Header().Set("X-Frame-Options", "DENY")
	host, scheme := r.Host, "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	if h := r.Header.Get("X-Forwarded-Host"); h != "" {
		host = h
	}
	if !validHost.MatchString(host) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if strings.Contains(r.URL.Path, "//") && s.at("2026.8.0") {
		// The router of 2026.8 passes the path on as it is, and no view has it
		// (docs/facts/releases-2026.md#M25; the 404 is inferred).
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if strings.Contains(r.URL.Path, "//") {
		// The front router cleans paths first; a server_url that ends in a slash
		// works because of it (fixtures/observed.json#27-server-url-base).
		to := *r.URL
		to.Path, to.RawPath = slashes.ReplaceAllString(r.URL.Path, "/"), ""
		w.Header().Set("Location", to.RequestURI())
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	v := &visit{w: w, r: r, origin: scheme + "://" + host, base: s.opts.Path, draw: s.opts.Draw}
	path, ok := strings.CutPrefix(r.URL.Path, v.base+"/")
	switch {
	case !ok && r.URL.Path == "/":
		http.Redirect(w, r, v.base+"/", http.StatusFound) // docs/facts/authentik.md#4.1
		return
	case !ok:
		http.NotFound(w, r) // the router's own, not a page of authentik
		return
	}
	s.open(v)
	s.route(v, "/"+path)
}

var slashes = lazyregexp.New(`/{2,}`)

// route answers a request for one of authentik's paths.
func (s *Server) route(v *visit, p string) {
	switch {
	case p == "/-/health/live/", p == "/-/health/ready/":
		v.w.WriteHeader(http.StatusOK)
	case p == "/application/o/authorize/":
		s.authorize(v)
	case p == "/application/o/token/":
		s.token(v)
	case p == "/application/o/userinfo/":
		s.userinfo(v)
	case p == "/application/o/introspect/", p == "/application/o/revoke/", p == "/application/o/device/":
		s.missing(v, p)
	case strings.HasPrefix(p, "/application/o/"):
		s.applicationPath(v, strings.TrimPrefix(p, "/application/o/"))
	case p == "/flows/-/default/authentication/":
		v.sess.plan = nil // a flow of another kind is given up
		s.store(v)
		v.local(withQuery("/if/flow/"+flowAuthentication+"/", v.r.URL.RawQuery))
	case p == "/flows/-/default/invalidation/":
		v.local(withQuery("/if/flow/"+flowInvalidation+"/", v.r.URL.RawQuery))
	case p == "/flows/-/cancel/":
		v.sess.plan = nil
		s.store(v)
		v.local("/flows/-/default/invalidation/")
	case strings.HasPrefix(p, "/if/flow/"):
		s.flowPage(v, strings.TrimPrefix(p, "/if/flow/"))
	case strings.HasPrefix(p, "/if/session-end/"):
		s.sessionEnd(v, strings.Trim(strings.TrimPrefix(p, "/if/session-end/"), "/"))
	case strings.HasPrefix(p, "/api/v3/"):
		s.api(v, strings.TrimPrefix(p, "/api/v3"))
	case p == "/", p == "/if/user/":
		s.home(v, p)
	default:
		v.page(http.StatusNotFound, "notfound", pageData{Title: "authentik"})
	}
}

// home is the list of applications, where a sign-in without a destination ends.
func (s *Server) home(v *visit, path string) {
	switch {
	case s.visitor(v) == nil:
		v.local("/flows/-/default/authentication/?next=" + url.QueryEscape(v.r.URL.RequestURI()))
	case path == "/":
		v.local("/if/user/")
	default:
		v.page(http.StatusOK, "home", pageData{Title: "My applications - authentik"})
	}
}

// local redirects to one of authentik's own paths.
func (v *visit) local(path string) { v.redirect(v.base + path) }

func (v *visit) redirect(to string) {
	v.w.Header().Set("Location", to)
	v.w.WriteHeader(http.StatusFound)
}

func withQuery(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}
