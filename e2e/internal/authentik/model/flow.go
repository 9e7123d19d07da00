package model

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// The flows of authentik's default blueprints.
const (
	flowAuthentication = "default-authentication-flow"
	flowInvalidation   = "default-invalidation-flow"
	flowExplicit       = "default-provider-authorization-explicit-consent"
	flowImplicit       = "default-provider-authorization-implicit-consent"
	flowSessionEnd     = "default-provider-invalidation-flow"
)

// The stages of a plan.
const (
	stageIdentification = "identification"
	stagePassword       = "password"
	stageLogin          = "login"
	stageConsent        = "consent"
	stageFulfil         = "fulfil"
	stageEnd            = "end"
)

const (
	// maxFailures is after how many wrong passwords the stage gives up
	// (docs/facts/authentik.md#4.5: failed_attempts_before_cancel=5).
	maxFailures = 5
	// consentTime is how long a consent holds (docs/facts/authentik.md#2: 4 weeks).
	consentTime = 4 * 7 * 24 * time.Hour
	// bodyLimit is more than any answer to a stage.
	bodyLimit = 64 << 10
)

// A plan is a flow under way in a session.
type plan struct {
	flow, stage string
	uid         string     // what was typed at the identification stage
	failed      int        // wrong passwords
	query       url.Values // authorize request
	app, slug   string     // application that it is about
	token       string     // of the consent stage
}

func knownFlow(slug string) bool {
	return slices.Contains([]string{flowAuthentication, flowInvalidation, flowExplicit, flowImplicit, flowSessionEnd}, slug)
}

// executor is the JSON API behind the flow pages (docs/facts/authentik.md#5.6).
func (s *Server) executor(v *visit, slug string) {
	if !knownFlow(slug) {
		v.page(http.StatusNotFound, "notfound", pageData{Title: "authentik"})
		return
	}
	query, err := url.ParseQuery(v.r.URL.Query().Get("query"))
	if err != nil {
		query = url.Values{}
	}
	answer := url.Values(nil)
	if v.r.Method == http.MethodPost {
		if s.visitor(v) != nil && !v.csrfRight() {
			s.logf("warning", "authentik.flows.views.executor", "CSRF Failed: CSRF token missing.", nil)
			v.json(http.StatusOK, object{{"component", "ak-stage-flow-error"}, {"request_id", random(16)}})
			return
		}
		answer = readAnswer(v.r)
		s.opts.Redactor.Add(answer.Get("password"))
	}
	switch slug {
	case flowAuthentication:
		s.authentication(v, query, answer)
	case flowInvalidation:
		s.logout(v)
		v.to(v.next(query))
	case flowSessionEnd:
		s.endStage(v)
	default:
		s.authorization(v, slug, answer)
	}
}

func (v *visit) csrfRight() bool {
	c, err := v.r.Cookie(csrfCookie)
	return err == nil && c.Value != "" && v.r.Header.Get("X-authentik-CSRF") == c.Value
}

// readAnswer is the body of a stage's answer, JSON or a form.
func readAnswer(r *http.Request) url.Values {
	out := url.Values{}
	text, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit))
	if err != nil {
		return out
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		if form, err := url.ParseQuery(string(text)); err == nil {
			return form
		}
	case "multipart/form-data":
		r.Body = io.NopCloser(bytes.NewReader(text))
		if r.ParseMultipartForm(bodyLimit) == nil {
			return r.MultipartForm.Value
		}
	default:
		var fields map[string]any
		if json.Unmarshal(text, &fields) == nil {
			for name, value := range fields {
				if s, ok := value.(string); ok {
					out.Set(name, s)
				}
			}
		}
	}
	return out
}

// next is where a flow leads; never to another host.
func (v *visit) next(query url.Values) string {
	to := query.Get("next")
	u, err := url.Parse(to)
	if err != nil || to == "" || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") {
		return v.base + "/"
	}
	return to
}

// challenge answers a stage.
func (v *visit) challenge(component, title string, fields ...pair) {
	info := object{{"title", title}, {"background", v.base + "/static/dist/assets/images/flow_background.jpg"}, {"cancel_url", v.base + "/flows/-/cancel/"}, {"layout", "stacked"}}
	v.json(http.StatusOK, append(object{{"flow_info", info}, {"component", component}}, fields...))
}

// to ends a flow.
func (v *visit) to(where string) {
	v.json(http.StatusOK, object{{"to", where}, {"component", "xak-flow-redirect"}})
}

// again sends the client to the executor once more, where the next stage waits.
func (v *visit) again() { v.redirect(v.r.URL.RequestURI()) }

func problem(field, text, code string) pair {
	return pair{"response_errors", object{{field, []any{object{{"string", text}, {"code", code}}}}}}
}

// authenticationTitle is the title of the default sign-in flow.
const authenticationTitle = "Welcome to authentik!"

// authentication is the default sign-in: identification, then password.
func (s *Server) authentication(v *visit, query, answer url.Values) {
	if s.visitor(v) != nil {
		v.to(v.next(query)) // the flow is for users who are not signed in
		return
	}
	if v.sess.plan == nil || v.sess.plan.flow != flowAuthentication {
		v.sess.plan = &plan{flow: flowAuthentication, stage: stageIdentification, app: v.sess.app}
		s.store(v)
	}
	pl := v.sess.plan
	switch {
	case pl.stage == stageIdentification && answer == nil:
		s.identification(v, pl)
	case pl.stage == stageIdentification:
		uid, given := strings.TrimSpace(answer.Get("uid_field")), answer.Has("uid_field")
		switch {
		case uid != "":
			// An unknown name goes on to the password too: pretend_user_exists.
			pl.uid, pl.stage = uid, stagePassword
			v.again()
		case given:
			s.identification(v, pl, problem("uid_field", "This field may not be blank.", "blank"))
		default:
			s.identification(v, pl, problem("uid_field", "This field is required.", "required"))
		}
	case pl.stage == stagePassword && answer == nil:
		s.password(v, pl)
	case pl.stage == stagePassword:
		s.checkPassword(v, pl, answer.Get("password"))
	default: // stageLogin
		u := s.user(pl.uid)
		if u == nil || u.Inactive {
			v.sess.plan = nil
			v.denied("")
			return
		}
		s.login(v, u)
		v.to(v.next(query))
	}
}

func (s *Server) identification(v *visit, pl *plan, more ...pair) {
	fields := object{{"user_fields", []string{"email", "username"}}, {"password_fields", false}}
	if pl.app != "" {
		fields = append(fields, pair{"application_pre", pl.app})
	}
	fields = append(fields, pair{"flow_designation", "authentication"}, pair{"primary_action", "Log in"}, pair{"sources", []any{}}, pair{"show_source_labels", false})
	v.challenge("ak-stage-identification", authenticationTitle, append(fields, more...)...)
}

func (s *Server) password(v *visit, pl *plan, more ...pair) {
	fields := object{{"pending_user", pl.uid}, {"pending_user_avatar", ""}, {"allow_show_password", false}}
	if u := s.user(pl.uid); u != nil && !u.Inactive {
		fields[0].value = u.Username
	}
	v.challenge("ak-stage-password", authenticationTitle, append(fields, more...)...)
}

// checkPassword gives the same answer to a wrong password, an unknown name and
// a deactivated person.
func (s *Server) checkPassword(v *visit, pl *plan, password string) {
	if password == "" {
		s.password(v, pl, problem("password", "This field may not be blank.", "blank"))
		return
	}
	if u := s.user(pl.uid); u != nil && !u.Inactive && u.Password != "" && u.Password == password {
		pl.stage = stageLogin
		v.again()
		return
	}
	pl.failed++
	s.event("login_failed")
	s.logf("info", "authentik.stages.password.stage", "Invalid credentials", map[string]any{"user": pl.uid})
	if pl.failed >= maxFailures {
		v.sess.plan = nil
		v.denied("Invalid password")
		return
	}
	s.password(v, pl, problem("password", "Invalid password", "invalid"))
}

func (v *visit) denied(message string) {
	fields := object{{"error_message", message}}
	if message == "" {
		fields = object{{"error_message", nil}}
	}
	v.challenge("ak-stage-access-denied", authenticationTitle, fields...)
}

// authorization is a provider's consent flow; without a consent it only passes
// on to the code.
func (s *Server) authorization(v *visit, slug string, answer url.Values) {
	pl, u := v.sess.plan, s.visitor(v)
	if pl == nil || pl.flow != slug || u == nil {
		v.denied("Flow does not apply to current user.")
		return
	}
	p := s.provider(pl.query.Get("client_id"))
	if p == nil {
		v.denied("")
		return
	}
	switch {
	case pl.stage == stageConsent && (answer == nil || answer.Get("token") != pl.token):
		pl.token = random(16)
		v.challenge("ak-stage-consent", "Redirecting to "+pl.app,
			pair{"header_text", "You're about to sign into " + pl.app + "."}, pair{"permissions", s.permissions(p, pl.query)},
			pair{"additional_permissions", []any{}}, pair{"token", pl.token}, pair{"pending_user", u.Username}, pair{"pending_user_avatar", ""})
	case pl.stage == stageConsent:
		s.db.consents[consentKey(p, u, s.granted(p, pl.query))] = s.now().Add(consentTime)
		pl.stage = stageFulfil
		v.again()
	default:
		v.sess.plan = nil
		v.to(s.issueCode(v, p, u, pl.query))
	}
}

func consentKey(p *deployment.OAuth2Provider, u *deployment.AuthentikUser, scopes []string) string {
	return u.Username + "\x00" + p.ClientID + "\x00" + strings.Join(slices.Sorted(slices.Values(scopes)), " ")
}

// permissions are what the consent page lists; openid has no text of its own.
func (s *Server) permissions(p *deployment.OAuth2Provider, q url.Values) []any {
	names := map[string]string{"email": "Email address", "profile": "General Profile Information", "entitlements": "Application entitlements"}
	out := []any{}
	for _, sc := range s.granted(p, q) {
		if name, ok := names[sc]; ok {
			out = append(out, object{{"name", name}, {"id", sc}})
		}
	}
	return out
}

// endSession begins the provider's invalidation flow, which shows a page and
// leaves the session alive (docs/facts/authentik.md#5.7).
func (s *Server) endSession(v *visit, app *deployment.Application) {
	u := s.visitor(v)
	switch pl := v.sess.plan; {
	case pl != nil && pl.flow != flowSessionEnd && s.at("2025.10.0"):
		// In the middle of a sign-in: nothing is ended (docs/facts/releases-2026.md#M19).
		v.page(http.StatusOK, "error", pageData{Title: "authentik", Heading: "Logout successful"})
	case v.r.URL.Query().Get("post_logout_redirect_uri") != "" && s.at("2026.5.0") && !s.at("2026.5.3"):
		// No logout redirect URI is in the model, so none is registered; from 2026.5.3
		// on the parameter is then ignored (docs/facts/releases-2026.md#M18).
		v.page(http.StatusBadRequest, "error", pageData{Title: "authentik", Heading: "Bad Request"})
	case u == nil && s.at("2026.8.0"): // docs/facts/releases-2026.md#M20
		s.toSessionEnd(v, app)
	case u == nil:
		v.local("/flows/-/default/authentication/?next=" + url.QueryEscape(v.r.URL.RequestURI()))
	case !allowed(app, u):
		s.denied(v, u)
	case !s.at("2024.10.0"):
		v.local("/if/session-end/" + app.Slug + "/")
	default:
		s.toSessionEnd(v, app)
	}
}

func (s *Server) toSessionEnd(v *visit, app *deployment.Application) {
	v.sess.plan = &plan{flow: flowSessionEnd, stage: stageEnd, app: app.Name, slug: app.Slug}
	s.store(v)
	v.local(withQuery("/if/flow/"+flowSessionEnd+"/", v.r.URL.RawQuery))
}

// sessionEnd is the server-rendered page before 2024.10.
func (s *Server) sessionEnd(v *visit, slug string) {
	app, _ := s.application(slug)
	if app == nil || s.at("2024.10.0") {
		v.page(http.StatusNotFound, "notfound", pageData{Title: "authentik"})
		return
	}
	v.page(http.StatusOK, "ended", pageData{Title: "End session - authentik", App: app.Name})
}

func (s *Server) endStage(v *visit) {
	pl := v.sess.plan
	if pl == nil || pl.flow != flowSessionEnd {
		v.denied("")
		return
	}
	v.challenge("ak-stage-session-end", "Default Provider Invalidation Flow",
		pair{"application_name", pl.app}, pair{"application_launch_url", v.base + "/application/o/" + pl.slug + "/"},
		pair{"invalidation_flow_url", v.base + "/flows/-/default/invalidation/"}, pair{"brand_name", "authentik"})
}
