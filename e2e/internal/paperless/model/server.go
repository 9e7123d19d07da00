package model

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A reply is a response before it is written: the middleware looks at it first.
type reply struct {
	status int
	header http.Header
	body   []byte
	logged bool // the handler already said in the log what went wrong
}

// A call is one request on its way through Paperless.
type call struct {
	*Server
	r     *http.Request
	path  string     // without the script name
	query url.Values //
	form  url.Values // of a POST body
	raw   []byte     // the POST body

	key      string    // session key; empty: no session
	user     *User     // a copy of the signed-in user; nil: nobody
	messages []message // pending Django messages
	csrf     string    // CSRF secret of the cookie; empty: none yet
	cookies  []*http.Cookie
	changed  bool // the messages cookie must be written
	sess     bool // the session cookie must be written
}

// bodyLimit is more than any form or JSON document here can need.
const bodyLimit = 1 << 20

// ServeHTTP answers as Paperless does behind its proxy.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Server: s, r: r, query: r.URL.Query(), form: url.Values{}}
	for name, v := range c.query {
		c.query[name] = v[len(v)-1:] // of a parameter that comes twice Django takes the last
	}
	c.path = r.URL.Path
	if s.set.script != "" {
		c.path = strings.TrimPrefix(c.path, s.set.script)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.raw, _ = io.ReadAll(io.LimitReader(r.Body, bodyLimit)) // a cut-off body is a bad form, answered as such
		kind := r.Header.Get("Content-Type")
		switch {
		case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
			c.form, _ = url.ParseQuery(string(c.raw))
		case strings.HasPrefix(kind, "multipart/form-data"):
			r.Body = io.NopCloser(bytes.NewReader(c.raw))
			if r.ParseMultipartForm(bodyLimit) == nil {
				c.form = r.MultipartForm.Value
			}
		}
	}
	rep := c.answer()
	if rep.status >= 400 && !rep.logged {
		level := "WARNING"
		if rep.status >= 500 {
			level = "ERROR"
		}
		s.logf(level, "django.request", "%s: %s", http.StatusText(rep.status), r.URL.Path)
	}
	c.finish(w, rep)
}

// answer runs the middleware in Django's order, then the view.
func (c *call) answer() *reply {
	if host := c.host(); !c.hostAllowed(host) {
		c.logf("ERROR", "django.security.DisallowedHost", "Invalid HTTP_HOST header: %s. You may need to add %s to ALLOWED_HOSTS.",
			pyRepr(host), pyRepr(hostname(host)))
		return c.errorPage(http.StatusBadRequest)
	}
	c.loadSession()
	c.loadMessages()
	c.loadCSRF()
	if c.set.remoteUser {
		c.remoteUser()
	}
	if c.set.autoLogin != "" {
		c.autoLogin()
	}
	return c.route()
}

// finish writes the cookies that changed, and the response.
func (c *call) finish(w http.ResponseWriter, rep *reply) {
	h := w.Header()
	for name, values := range rep.header {
		h[name] = values
	}
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if c.user != nil {
		h.Set("X-Api-Version", c.apiVersions()[1])
		h.Set("X-Version", c.set.version)
	}
	if c.sess {
		c.cookies = append(c.cookies, c.sessionCookie())
	}
	if c.changed {
		c.cookies = append(c.cookies, c.messagesCookie())
	}
	for _, k := range c.cookies {
		http.SetCookie(w, k)
	}
	w.WriteHeader(rep.status)
	if c.r.Method != http.MethodHead {
		_, _ = w.Write(rep.body) // the client went away: nothing to do
	}
}

var oidcPath = lazyregexp.New(`^/accounts/oidc/([^/]+)/login/(callback/)?$`)

// route finds the view. What Paperless does not know goes to the web
// application, which asks for a sign-in first.
func (c *call) route() *reply {
	switch {
	case strings.HasPrefix(c.path, "/static/"), c.path == "/robots.txt":
		return c.errorPage(http.StatusNotFound)
	case c.path == "/favicon.ico":
		return &reply{status: http.StatusOK, header: http.Header{"Content-Type": {"image/x-icon"}}}
	case strings.HasPrefix(c.path, "/api/"):
		return c.api()
	case c.path == "/admin/login/":
		return c.adminLogin()
	case strings.HasPrefix(c.path, "/admin/"):
		if c.user == nil || !c.user.Staff {
			return redirect(c.set.script + "/admin/login/?" + nextQuery(c.r.URL.RequestURI()))
		}
		return c.missing("GET " + c.path)
	case c.path == "/accounts/login/":
		return c.login()
	case c.path == "/accounts/logout/":
		return c.logout()
	}
	if c.set.allauth {
		if rep := c.accounts(); rep != nil {
			return rep
		}
	}
	return c.frontend()
}

// accounts are the pages that came with django-allauth in 2.5.0.
func (c *call) accounts() *reply {
	if m := oidcPath.FindStringSubmatch(c.path); m != nil && c.set.openID {
		if m[2] == "" {
			return c.startLogin(m[1])
		}
		return c.callback(m[1])
	}
	social := c.socialPath("")
	old := c.set.at("2.8.0") && !c.set.at("2.13.1") && strings.HasPrefix(c.path, "/accounts/social/")
	switch {
	case old:
		return &reply{status: http.StatusMovedPermanently, header: http.Header{"Location": {
			c.set.script + strings.Replace(c.r.URL.RequestURI(), "/accounts/social/", "/accounts/3rdparty/", 1),
		}}}
	case c.path == "/accounts/signup/":
		return c.localSignup()
	case c.path == social+"signup/":
		return c.socialSignup()
	case c.path == social+"login/cancelled/":
		return c.plain("Login Cancelled", "You decided to cancel logging in to our site using one of your existing accounts. If this was a mistake, please proceed to sign in.")
	case c.path == social+"login/error/":
		return c.authError()
	case c.path == c.inactivePath():
		return c.page("inactive", "Paperless-ngx account inactive", nil)
	case c.path == "/accounts/confirm-email/" && !c.set.at("2.13.1"):
		return c.plain("Verify Your Email Address", "We have sent an email to you for verification.")
	case strings.HasPrefix(c.path, "/accounts/password/"), strings.HasPrefix(c.path, "/accounts/2fa/"), c.path == social:
		return c.missing(c.r.Method + " " + c.path)
	}
	return nil
}

// socialPath is a path of allauth's social pages, which moved in 2.8.0.
func (c *call) socialPath(rest string) string {
	if c.set.at("2.8.0") {
		return "/accounts/3rdparty/" + rest
	}
	return "/accounts/social/" + rest
}

// inactivePath is where an inactive user ends; between 2.13.1 and 2.14.7 there
// was no such page.
func (c *call) inactivePath() string {
	switch {
	case c.set.at("2.15.0"):
		return "/accounts/account_inactive/"
	case c.set.at("2.13.1"):
		return ""
	}
	return "/accounts/inactive/"
}

// frontend is the catch-all: the web application for users who are signed in.
func (c *call) frontend() *reply {
	if c.user == nil {
		return redirect(c.set.script + "/accounts/login/?" + nextQuery(c.r.URL.RequestURI()))
	}
	if rep := c.checkCSRF(); rep != nil {
		return rep
	}
	return c.app()
}

// missing is what we answer where we do not know the product.
func (c *call) missing(what string) *reply {
	return &reply{
		status: http.StatusNotImplemented, header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		body: []byte(c.notModelled(what)), logged: true,
	}
}

// nextQuery is ?next= as Django writes it: slashes stay as they are.
func nextQuery(uri string) string {
	return "next=" + strings.ReplaceAll(url.QueryEscape(uri), "%2F", "/")
}

func redirect(to string) *reply {
	return &reply{status: http.StatusFound, header: http.Header{"Location": {to}}}
}

func jsonReply(status int, v any) *reply {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // plain data always encodes
	return &reply{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: bytes.TrimSpace(buf.Bytes())}
}

// crash is an exception that nobody caught: the bare 500 page, and a traceback
// of which we write the decisive lines.
func (c *call) crash(lines ...string) *reply {
	c.logf("ERROR", "django.request", "Internal Server Error: %s", c.r.URL.Path)
	c.print("Traceback (most recent call last):")
	for _, l := range lines {
		c.print(l)
	}
	rep := c.errorPage(http.StatusInternalServerError)
	rep.logged = true
	return rep
}
