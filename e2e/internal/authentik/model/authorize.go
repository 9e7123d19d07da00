package model

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// What authentik's error pages and log lines say.
const (
	redirectError  = "The request fails due to a missing, invalid, or mismatching redirection URI (redirect_uri)."
	clientError    = "The client identifier (client_id) is missing or invalid."
	deniedText     = "Request has been denied."
	authorizeLog   = "authentik.providers.oauth2.views.authorize"
	noResponseType = "The authorization server does not support obtaining an authorization code using this method"
	loginRequired  = "The Authorization Server requires End-User authentication"
	malformed      = "The request is otherwise malformed"
)

// grant is what a code, and later an access token, stands for.
type grant struct {
	client, user, nonce string
	challenge, method   string
	scopes              []string
	authTime, expires   time.Time
	session             string
}

// authorize is the authorization endpoint, in authentik's order: client,
// redirect URI, the rest of the request, application, sign-in, policy, consent.
func (s *Server) authorize(v *visit) {
	if v.r.Method == http.MethodPost {
		http.Error(v.w, "CSRF verification failed. Request aborted.", http.StatusForbidden)
		return
	}
	if v.r.URL.RawQuery == "" {
		v.page(http.StatusNotFound, "notfound", pageData{Title: "authentik"})
		return
	}
	if v.sess.unreadable {
		v.page(http.StatusNotFound, "notfound", pageData{Title: "authentik"})
		return
	}
	q := v.r.URL.Query()
	p := s.provider(q.Get("client_id"))
	if p == nil {
		s.logf("warning", authorizeLog, "Invalid client identifier", map[string]any{"client_id": q.Get("client_id")})
		v.page(http.StatusBadRequest, "error", pageData{Title: "authentik", Heading: "Client ID Error", Text: clientError})
		return
	}
	if cause := s.refusesURI(p, q.Get("redirect_uri")); cause != "" {
		fields := map[string]any{"redirect_uri": q.Get("redirect_uri")}
		if s.at("2025.8.0") {
			fields["cause"] = cause
		}
		s.logf("warning", authorizeLog, redirectError, fields)
		v.page(http.StatusBadRequest, "error", pageData{Title: "authentik", Heading: "Redirect URI Error", Text: redirectError})
		return
	}
	if s.badRequest(v, p, q) {
		return
	}
	app := s.model.Application(p.Name)
	u := s.visitor(v)
	if app == nil { // nobody may use a provider without an application, not even anonymously
		s.denied(v, u)
		return
	}
	if u == nil || s.askAgain(v, q) {
		if q.Get("prompt") == "none" {
			v.back(q, "login_required", loginRequired)
			return
		}
		if q.Get("prompt") == "login" {
			v.sess.asked = s.now()
		}
		s.toSignIn(v, app)
		return
	}
	if !allowed(app, u) {
		s.denied(v, u)
		return
	}
	s.beginAuthorization(v, p, app, u, q)
}

// toSignIn sends an anonymous visitor to the sign-in flow: from 2025.12 straight
// to its page, with the plan in the session at once (docs/facts/releases-2026.md#M1).
func (s *Server) toSignIn(v *visit, app *deployment.Application) {
	v.sess.app, v.sess.plan = app.Name, nil
	next := "next=" + url.QueryEscape(v.r.URL.RequestURI())
	to := "/flows/-/default/authentication/?" + next
	if s.at("2025.12.0") {
		v.sess.plan = &plan{flow: flowAuthentication, stage: stageIdentification, app: app.Name}
		to = "/if/flow/" + flowAuthentication + "/?" + v.r.URL.RawQuery + "&" + next
	}
	s.store(v)
	v.local(to)
}

// badRequest answers what the client is told about by a redirect, and what is
// not modelled.
func (s *Server) badRequest(v *visit, p *deployment.OAuth2Provider, q url.Values) bool {
	method := q.Get("code_challenge_method")
	_, maxAgeErr := strconv.Atoi(q.Get("max_age"))
	switch kind := q.Get("response_type"); {
	case slices.Contains([]string{"id_token", "id_token token", "code token", "code id_token", "code id_token token"}, kind):
		s.missing(v, "response_type "+kind)
	case kind != "code":
		s.logf("warning", authorizeLog, "Invalid response type", map[string]any{"type": kind})
		v.back(q, "unsupported_response_type", noResponseType)
	case s.at("2026.5.0") && !slices.Contains(p.GrantTypes, "authorization_code"):
		s.logf("warning", authorizeLog, "Invalid grant_type for provider", nil)
		v.back(q, "invalid_request", malformed)
	case q.Has("request"): // after the grant types (docs/facts/releases-2026.md#M2)
		v.back(q, "request_not_supported", "The request parameter is not supported")
	case q.Has("code_challenge") && q.Has("code_challenge_method") && method != "plain" && method != "S256":
		v.back(q, "invalid_request", "Unsupported challenge method "+method)
	case q.Get("max_age") != "" && maxAgeErr != nil:
		s.event("system_exception")
		v.page(http.StatusInternalServerError, "error", pageData{Title: "authentik", Heading: "Server Error"})
	case q.Get("response_mode") == "form_post":
		s.missing(v, "response_mode form_post")
	default:
		return false
	}
	return true
}

// askAgain reports whether a signed-in user must sign in once more: prompt=login
// does once, max_age after its time.
func (s *Server) askAgain(v *visit, q url.Values) bool {
	if age, err := strconv.Atoi(q.Get("max_age")); err == nil && s.now().Sub(v.sess.at) > time.Duration(age)*time.Second {
		return s.signOutForPrompt(v)
	}
	if q.Get("prompt") != "login" {
		return false
	}
	if !v.sess.asked.IsZero() && !v.sess.at.Before(v.sess.asked) {
		v.sess.asked = time.Time{}
		return false
	}
	return s.signOutForPrompt(v)
}

// signOutForPrompt forgets who the visitor is, so that the sign-in flow does not
// pass through at once.
func (s *Server) signOutForPrompt(v *visit) bool {
	v.sess.asked, v.sess.user = s.now(), ""
	return true
}

// back returns an error to the client's redirect URI.
func (v *visit) back(q url.Values, code, description string) {
	u, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	add := "error=" + code + "&error_description=" + strings.ReplaceAll(url.QueryEscape(description), "+", "%20")
	if state := q.Get("state"); state != "" {
		add += "&state=" + url.QueryEscape(state)
	}
	v.redirect(join(u, add))
}

func join(u *url.URL, query string) string {
	c := *u
	if c.RawQuery != "" {
		query = c.RawQuery + "&" + query
	}
	c.RawQuery = query
	return c.String()
}

// denied is the page of a policy that says no: a 200, and nobody is sent back.
func (s *Server) denied(v *visit, u *deployment.AuthentikUser) {
	s.logf("debug", "authentik.policies.views", "PolicyAccessView user_has_access", map[string]any{"result": false})
	d := pageData{Title: "Permission denied - authentik", Text: deniedText, GoHome: s.at("2026.5.0")}
	if u != nil {
		d.User = u.Username
	}
	v.page(http.StatusOK, "denied", d)
}

// beginAuthorization plans the provider's authorization flow: a consent where
// one is wanted, then the code. Since 2024.12 a flow without anything to show
// is passed silently.
func (s *Server) beginAuthorization(v *visit, p *deployment.OAuth2Provider, app *deployment.Application, u *deployment.AuthentikUser, q url.Values) {
	pl := &plan{flow: flowImplicit, stage: stageFulfil, query: q, app: app.Name, slug: app.Slug}
	if p.Consent {
		pl.flow, pl.stage = flowExplicit, stageConsent
		if s.now().Before(s.db.consents[consentKey(p, u, s.granted(p, q))]) {
			pl.stage = stageFulfil
		}
	}
	force := q.Get("prompt") == "consent" || (slices.Contains(s.granted(p, q), "offline_access") && !s.at("2025.4.0"))
	if force {
		pl.stage = stageConsent
	}
	if pl.flow == flowImplicit && pl.stage == stageFulfil && s.at("2024.12.0") {
		v.redirect(s.issueCode(v, p, u, q))
		return
	}
	v.sess.plan = pl
	s.store(v)
	v.local(withQuery("/if/flow/"+pl.flow+"/", v.r.URL.RawQuery))
}

// granted are the requested scopes that the provider has, in the request's order.
func (s *Server) granted(p *deployment.OAuth2Provider, q url.Values) []string {
	has := s.selected(p)
	var out []string
	for _, sc := range strings.Fields(q.Get("scope")) {
		if slices.Contains(has, sc) && !slices.Contains(out, sc) {
			out = append(out, sc)
		}
	}
	return out
}

// issueCode makes a code and returns the redirect URI with it.
func (s *Server) issueCode(v *visit, p *deployment.OAuth2Provider, u *deployment.AuthentikUser, q url.Values) string {
	code := random(16)
	s.opts.Redactor.Add(code)
	scopes := s.granted(p, q)
	if asked := strings.Fields(q.Get("scope")); len(scopes) < len(asked) {
		s.logf("info", authorizeLog, "Application requested scopes not configured, setting to overlap", map[string]any{"scope_allowed": s.selected(p), "scope_given": asked})
	}
	s.codes[code] = &grant{
		client: p.ClientID, user: u.Username, nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"),
		scopes: scopes, authTime: v.sess.at, expires: s.now().Add(duration(p.AccessCodeValidity, time.Minute)), session: v.key,
	}
	s.event("authorize_application")
	add := "code=" + code
	if state := q.Get("state"); state != "" {
		add += "&state=" + url.QueryEscape(state)
	}
	to, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		return "/" // it was compared with the registered ones before
	}
	return join(to, add)
}

// refusesURI compares a redirect URI with the registered ones; "" when it is
// right, else the cause as the log calls it. An empty list takes the first that
// it ever sees, even of an anonymous visitor, up to 2026.2.
func (s *Server) refusesURI(p *deployment.OAuth2Provider, uri string) string {
	u, err := url.Parse(uri)
	switch {
	case uri == "":
		return "redirect_uri_missing"
	case err != nil:
		return "redirect_uri_no_match"
	}
	if len(p.RedirectURIs) == 0 && s.at("2026.5.0") {
		return "redirect_uri_no_match" // not learned any more (docs/facts/releases-2026.md#M4)
	}
	if len(p.RedirectURIs) == 0 {
		if s.db.learned[p.ClientID] == "" {
			s.db.learned[p.ClientID] = uri
		}
		if s.db.learned[p.ClientID] != uri {
			return "redirect_uri_no_match"
		}
	} else if !slices.ContainsFunc(p.RedirectURIs, func(r deployment.RedirectURI) bool { return s.matches(r, uri) }) {
		return "redirect_uri_no_match"
	}
	if slices.Contains([]string{"javascript", "data", "vbscript"}, strings.ToLower(u.Scheme)) {
		return "redirect_uri_forbidden_scheme"
	}
	return ""
}

func (s *Server) matches(r deployment.RedirectURI, uri string) bool {
	if r.MatchingMode != "regex" && s.matchingModes() {
		return r.URL == uri
	}
	pattern := r.URL
	if pattern == "*" {
		pattern = ".*"
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		if strings.Contains(pattern, "(?") { // Python knows groups that Go does not
			s.note("authentik: a regular expression of a redirect URI")
		}
		return r.URL == uri
	}
	return re.MatchString(uri)
}

var durationPart = lazyregexp.New(`^(microseconds|milliseconds|seconds|minutes|hours|days|weeks)=(-?\d+(?:\.\d+)?)$`)

// duration reads authentik's words, such as hours=1;minutes=5.
func duration(text string, fallback time.Duration) time.Duration {
	if text == "" {
		return fallback
	}
	units := map[string]time.Duration{
		"microseconds": time.Microsecond, "milliseconds": time.Millisecond, "seconds": time.Second,
		"minutes": time.Minute, "hours": time.Hour, "days": 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
	}
	var total time.Duration
	for part := range strings.SplitSeq(strings.ReplaceAll(text, ",", ";"), ";") {
		m := durationPart.FindStringSubmatch(strings.ToLower(strings.TrimSpace(part)))
		if m == nil {
			return fallback
		}
		n, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return fallback
		}
		total += time.Duration(n * float64(units[m[1]]))
	}
	return total
}
