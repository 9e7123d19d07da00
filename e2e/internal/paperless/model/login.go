package model

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A button is one provider on the sign-in page.
type button struct{ Name, Action, CSRF string }

// login is /accounts/login/.
func (c *call) login() *reply {
	next := c.query.Get("next")
	if v := c.form.Get("next"); v != "" {
		next = v
	}
	if c.r.Method == http.MethodPost {
		if rep := c.checkCSRF(); rep != nil {
			return rep
		}
		if rep := c.limited(); rep != nil {
			return rep
		}
	}
	if c.user != nil && c.set.allauth {
		return redirect(c.next(next))
	}
	if c.r.Method != http.MethodPost {
		return c.loginPage("")
	}
	field := c.loginField()
	name, password := c.form.Get(field), c.form.Get("password")
	switch {
	case c.set.noRegular:
		return c.loginPage(name, "Regular login is disabled")
	case name == "" || password == "":
		return c.loginPage(name, "This field is required.")
	case c.set.allauth && c.tooMany("login:"+strings.ToLower(name), 5, 5*time.Minute, false):
		return c.loginPage(name, "Too many failed login attempts. Try again later.")
	}
	u := c.authenticate(name, password)
	if u == nil {
		c.tooMany("login:"+strings.ToLower(name), 5, 5*time.Minute, true)
		if c.set.allauth {
			return c.loginPage(name, "The username and/or password you specified are not correct.")
		}
		return c.loginPage(name, "Your username and password didn't match. Please try again.")
	}
	if !u.Active {
		return c.inactive()
	}
	c.signIn(u.ID)
	if c.set.allauth {
		c.say("success", "Successfully signed in as "+u.Username+".")
	}
	return redirect(c.next(next))
}

// loginField is the name of the user name's input: allauth calls it login.
func (c *call) loginField() string {
	if c.set.allauth {
		return "login"
	}
	return "username"
}

// loginPage is the sign-in page, with a button for every provider.
func (c *call) loginPage(name string, errs ...string) *reply {
	var buttons []button
	if c.set.openID {
		apps, exc := c.set.apps()
		if exc != nil {
			return c.crash(exc.Error())
		}
		for _, a := range apps {
			if a.hidden && c.set.at("2.9.0") {
				continue
			}
			if !segment(a.id) {
				return c.crash("django.urls.exceptions.NoReverseMatch: Reverse for 'openid_connect_login' with keyword arguments '{'provider_id': " + pyRepr(a.id) + "}' not found.")
			}
			action := c.set.script + "/accounts/oidc/" + a.id + "/login/?process="
			if next := c.query.Get("next"); next != "" {
				action += "&next=" + url.QueryEscape(next)
			}
			buttons = append(buttons, button{Name: a.name, Action: action, CSRF: c.csrfToken()})
		}
	}
	first := false
	if c.set.at("2.15.0") {
		c.tx(func(d *State) { first = d.people() == 0 })
	}
	return c.page("login", "Paperless-ngx sign in", map[string]any{
		"Local": !c.set.noRegular, "Field": c.loginField(), "Username": name, "Buttons": buttons,
		"SocialID": c.set.at("2.11.0"), "Reset": c.set.smtp && c.set.allauth,
		"Redirect":     c.set.redirectSSO && c.query.Get("loggedout") != "1" && !first,
		"FirstInstall": first, "SignupURL": c.set.script + "/accounts/signup/",
	}, errs...)
}

// authenticate is the local password check; nil when it fails. An inactive
// user is returned too, for the caller to say so.
func (c *call) authenticate(name, password string) *User {
	var out *User
	c.tx(func(d *State) {
		u := d.byName(name)
		if u == nil && c.set.allauth {
			u = d.byEmail(name, true) // allauth takes either
		}
		if u != nil && u.usable() && u.checkPassword(password) {
			who := *u
			out = &who
		}
	})
	return out
}

func (c *call) inactive() *reply {
	if p := c.inactivePath(); p != "" {
		return redirect(c.set.script + p)
	}
	return c.crash("django.urls.exceptions.NoReverseMatch: Reverse for 'account_inactive' not found. 'account_inactive' is not a valid view function or pattern name.")
}

// tooMany reports whether a key was seen n times within the span; count adds one.
func (s *Server) tooMany(key string, n int, span time.Duration, count bool) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var recent []time.Time
	for _, at := range s.rates[key] {
		if now.Sub(at) < span {
			recent = append(recent, at)
		}
	}
	full := len(recent) >= n
	if count && !full {
		recent = append(recent, now)
	}
	s.rates[key] = recent
	return full
}

// limited is allauth's rate limit of the sign-in form, with 3.0.0's rules on
// where the client's address comes from.
func (c *call) limited() *reply {
	if c.set.at("3.0.0") {
		forwarded := 0
		if v := c.r.Header.Get("X-Forwarded-For"); v != "" {
			forwarded = strings.Count(v, ",") + 1
		}
		if h := c.set.ipHeader; h != "" {
			if c.r.Header.Get(h) == "" {
				return c.noAddress()
			}
		} else if forwarded < c.set.proxies {
			return c.crash("django.core.exceptions.ImproperlyConfigured: ALLAUTH_TRUSTED_PROXY_COUNT does not match X-Forwarded-For")
		} else if c.set.proxies == 0 && c.r.RemoteAddr == "" {
			return c.noAddress()
		}
	}
	if !c.set.at("2.13.0") || !c.tooMany("post:"+hostname(c.r.RemoteAddr), 30, time.Minute, true) {
		return nil
	}
	if c.set.at("3.0.0") {
		return c.errorPage(http.StatusTooManyRequests)
	}
	return c.crash("django.template.exceptions.TemplateDoesNotExist: 429.html")
}

func (c *call) noAddress() *reply {
	rep := c.page("error", "403 Forbidden", map[string]any{"Text": "Unable to determine client IP address"})
	rep.status = http.StatusForbidden
	return rep
}

// logout is /accounts/logout/, which needs no confirmation.
func (c *call) logout() *reply {
	if rep := c.checkCSRF(); rep != nil {
		return rep
	}
	if c.user != nil {
		c.signOut()
		if c.set.allauth {
			c.say("success", "You have signed out.")
		}
	}
	next := c.query.Get("next")
	if v := c.form.Get("next"); v != "" {
		next = v
	}
	if c.safe(next) {
		return redirect(next)
	}
	return redirect(c.set.logoutURL)
}

// localSignup is /accounts/signup/: closed, unless it is allowed or nobody is
// there yet.
func (c *call) localSignup() *reply {
	first := false
	c.tx(func(d *State) { first = d.people() == 0 && c.set.at("2.15.0") })
	if c.user != nil {
		return redirect(c.next(c.query.Get("next")))
	}
	if !c.set.allowLocal && !first {
		return c.plain("Sign Up Closed", "We are sorry, but the sign up is currently closed.")
	}
	name, email := c.form.Get("username"), c.form.Get("email")
	show := func(errs ...string) *reply {
		return c.page("signup", "Paperless-ngx sign up", map[string]any{"Username": name, "Email": email}, errs...)
	}
	if c.r.Method != http.MethodPost {
		return show()
	}
	if rep := c.checkCSRF(); rep != nil {
		return rep
	}
	if rep := c.limited(); rep != nil {
		return rep
	}
	password := c.form.Get("password1")
	var errs []string
	c.tx(func(d *State) { errs = c.formErrors(d, name, email, "") })
	switch {
	case password == "":
		errs = append(errs, "This field is required.")
	case password != c.form.Get("password2"):
		errs = append(errs, "You must type the same password each time.")
	default:
		errs = append(errs, passwordProblems(password)...)
	}
	if errs != nil {
		return show(errs...)
	}
	var id int
	c.tx(func(d *State) {
		id = d.addUser(User{
			Username: name, Email: email, Password: hashPassword(password), Active: true,
			Staff: first, Superuser: first, Groups: d.existing(c.set.groupsForm), Joined: c.now(),
		}).ID
	})
	c.signIn(id)
	c.say("success", "Successfully signed in as "+name+".")
	return redirect(c.next(c.query.Get("next")))
}

// adminLogin is Django's own sign-in, which no setting of Paperless closes.
func (c *call) adminLogin() *reply {
	next := c.form.Get("next")
	if next == "" {
		next = c.query.Get("next")
	}
	if c.user != nil && c.user.Staff && c.r.Method != http.MethodPost {
		return redirect(c.set.script + "/admin/")
	}
	shown := next
	if shown == "" {
		shown = c.set.script + "/admin/"
	}
	return c.djangoLogin("admin-login", "Log in | Django site admin", shown, next, func(u *User) string {
		if u == nil || !u.Active || !u.Staff {
			return "Please enter the correct username and password for a staff account. Note that both fields may be case-sensitive."
		}
		return ""
	})
}

// apiLogin is the sign-in of the browsable API: until 2.20.14 a way past
// PAPERLESS_DISABLE_REGULAR_LOGIN, since then the ordinary page.
func (c *call) apiLogin() *reply {
	if c.set.at("2.20.15") {
		return c.login()
	}
	next := c.form.Get("next")
	if next == "" {
		next = c.query.Get("next")
	}
	return c.djangoLogin("api-login", "Django REST framework", next, next, func(u *User) string {
		if u == nil || !u.Active {
			return "Please enter a correct username and password. Note that both fields may be case-sensitive."
		}
		return ""
	})
}

func (c *call) djangoLogin(page, title, shown, next string, problem func(*User) string) *reply {
	if c.r.Method != http.MethodPost {
		return c.page(page, title, map[string]any{"Next": shown})
	}
	if rep := c.checkCSRF(); rep != nil {
		return rep
	}
	u := c.authenticate(c.form.Get("username"), c.form.Get("password"))
	if text := problem(u); text != "" {
		return c.page(page, title, map[string]any{"Next": shown}, text)
	}
	c.signIn(u.ID)
	return redirect(c.next(next))
}

// remoteUser is RemoteUserMiddleware: the header is the user.
func (c *call) remoteUser() {
	if strings.Contains(c.path, "/api/") && !c.set.remoteAPI && c.set.at("2.8.6") {
		return // 2.8.6 closed it: before, the header opened the API too
	}
	name := ""
	if c.set.remoteHeader != "" {
		name = c.r.Header.Get(c.set.remoteHeader)
	}
	if name == "" || (c.user != nil && c.user.Username == name) {
		return
	}
	id, active := 0, true
	c.tx(func(d *State) {
		u := d.byName(name)
		if u == nil {
			u = d.addUser(User{Username: name, Password: "!", Active: true, Joined: c.now()})
		}
		id, active = u.ID, u.Active
	})
	if !active {
		c.logf("INFO", "paperless.auth", "No authentication provided from %s", hostname(c.r.RemoteAddr))
		return
	}
	c.signIn(id)
}

// autoLogin signs every visitor in as one user (PAPERLESS_AUTO_LOGIN_USERNAME).
func (c *call) autoLogin() {
	if c.user != nil || (c.path == "/api/token/" && c.r.Method == http.MethodPost) {
		return
	}
	id := 0
	c.tx(func(d *State) {
		if u := d.byName(c.set.autoLogin); u != nil && u.Active {
			id = u.ID
		}
	})
	if id != 0 {
		c.signIn(id)
	}
}
