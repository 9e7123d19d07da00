package model

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

func unix(seconds float64) time.Time { return time.Unix(int64(seconds), 0) }

var (
	usernames = lazyregexp.New(`^[\p{L}\p{N}_.@+-]+$`)
	domains   = lazyregexp.New(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$`)
)

// validUsername holds a name to Django's rule: letters, digits and @ . + - _, up
// to 150. (A counted repetition of these classes is a program of 5 MB.)
func validUsername(name string) bool {
	return usernames.MatchString(name) && utf8.RuneCountInString(name) <= 150
}

func validEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	return domains.MatchString(domain) || domain == "localhost"
}

// claims reads what allauth reads of the user.
func (c *call) claims(p *provider, raw map[string]any) (Claims, *pyError) {
	str := func(name string) string {
		if v, ok := raw[name]; ok && v != nil {
			return pyStr(v)
		}
		return ""
	}
	first, last, _ := strings.Cut(str("name"), " ")
	out := Claims{Username: str("preferred_username"), FirstName: first, LastName: strings.TrimSpace(last)}
	if c.set.at("2.13.0") {
		if v := str("given_name"); v != "" {
			out.FirstName = v
		}
		if v := str("family_name"); v != "" {
			out.LastName = v
		}
	}
	switch raw["email"].(type) {
	case int64, float64, bool:
		return out, pyErrorf("TypeError", "argument of type '%s' is not iterable", pyType(raw["email"]))
	}
	if email := str("email"); validEmail(email) {
		out.Email = email
		if c.set.at("2.13.0") {
			out.Email = strings.ToLower(email)
		}
	}
	if out.Email == "" {
		return out, nil
	}
	v, said := raw["email_verified"]
	// Whatever is true to Python counts as verified, the string "false" too; what is no
	// boolean fails only where the address is stored.
	out.Verified = paperless.Truthy(v)
	trusted, exc := p.trustsEmail(out.Email)
	out.Verified = out.Verified || trusted
	if exc != nil || trusted {
		return out, exc
	}
	switch v := v.(type) {
	case bool, int64, float64:
	case nil:
		if said {
			return out, pyErrorf("django.db.utils.IntegrityError", "NOT NULL constraint failed: account_emailaddress.verified")
		}
	default:
		return out, pyErrorf("django.core.exceptions.ValidationError", "['“%s” value must be either True or False.']", pyStr(v))
	}
	return out, nil
}

// unstorable reports whether a claim fails only where the account is made.
func unstorable(exc *pyError) bool {
	return exc.class == "django.core.exceptions.ValidationError" || exc.class == "django.db.utils.IntegrityError"
}

// unwritable says why what the provider told cannot be written into the database, which
// is tried after the account was made: PostgreSQL stores no null byte.
func (s *settings) unwritable(extra map[string]any) *pyError {
	if s.database != deployment.PostgreSQL {
		return nil
	}
	if text, err := json.Marshal(extra); err != nil || !bytes.Contains(text, []byte(`\u0000`)) {
		return nil
	}
	return pyErrorf("django.db.utils.DataError", "unsupported Unicode escape sequence")
}

// uid is the user's lasting name at the provider.
func (c *call) uid(p *provider, raw map[string]any) (string, *pyError) {
	field := "sub"
	if v, ok := p.app["uid_field"].(string); ok && v != "" && c.set.at("3.0.0") {
		field = v
	}
	v, ok := raw[field]
	switch uid := pyStr(v); {
	case !ok:
		return "", pyErrorf("KeyError", "%s", pyRepr(field))
	case v == nil:
		return "None", nil // whoever has null is one user
	case uid == "":
		return "", pyErrorf("ValueError", "uid must be a non-empty string")
	case len(uid) > 191:
		return "", pyErrorf("django.core.exceptions.ImproperlyConfigured", "SOCIALACCOUNT_UID_MAX_LENGTH too small (<255)")
	default:
		return uid, nil
	}
}

// completeLogin is what happens once the provider has said who it is.
func (c *call) completeLogin(p *provider, state LoginState, data *socialData) *reply {
	uid, exc := c.uid(p, data.claims)
	if exc != nil {
		return c.crash(exc.lines()...)
	}
	// A claim that cannot be stored fails only when the account is made, and
	// leaves that account behind.
	claims, bad := c.claims(p, data.claims)
	if bad != nil && !unstorable(bad) {
		return c.crash(bad.lines()...)
	}
	unread := c.set.unwritable(data.extra)
	if state.Process == "connect" {
		if unread != nil {
			return c.crash(unread.lines()...)
		}
		return c.connect(p, uid, data)
	}
	bad = cmp.Or(bad, unread)
	if exc := c.groupsProblem(data.extra); exc != nil {
		return c.crash(exc.lines()...)
	}
	owner := c.owner(p, uid, data, claims)
	if owner != 0 {
		if unread != nil {
			return c.crash(unread.lines()...)
		}
		return c.enter(owner, state.Next)
	}
	pending := &Pending{Provider: p.id, Name: p.name, UID: uid, Extra: data.extra, Next: state.Next, Claims: claims}
	if bad != nil && c.set.autoSignup {
		c.store(pending, c.freeName(claims), claims.Email, false)
		return c.crash(bad.lines()...)
	}
	if _, ok := number(data.claims["preferred_username"]); ok && c.set.autoSignup {
		return c.crash("TypeError: 'int' object is not subscriptable")
	}
	taken := false
	c.tx(func(d *State) { taken = d.byEmail(claims.Email, !c.set.at("2.13.0")) != nil })
	auto := c.set.autoSignup && !taken
	if !c.set.allowSocial && (auto || c.set.at("2.9.0")) {
		return c.signupClosed()
	}
	if !auto {
		c.session(func(s *Session) { s.Pending = pending })
		return redirect(c.set.script + c.socialPath("signup/"))
	}
	return c.register(pending, c.freeName(claims), claims.Email, false)
}

// owner finds the account of the user: by link, or by address where the
// configuration trusts it. 0 when there is none.
func (c *call) owner(p *provider, uid string, data *socialData, claims Claims) int {
	owner := 0
	c.tx(func(d *State) {
		if l := d.link(p.id, uid); l != nil {
			l.Extra = data.extra
			owner = l.User
			c.sync(d, d.byID(owner), data.extra)
			return
		}
		if !p.emailAuthentication() || !claims.Verified {
			return
		}
		if u := d.byEmail(claims.Email, !c.set.at("2.13.0")); u != nil {
			owner = u.ID
			if c.set.at("2.12.0") {
				u.Password = "!" // its address was never verified here
			}
		}
	})
	return owner
}

// enter signs an existing user in.
func (c *call) enter(id int, next string) *reply {
	var u User
	c.tx(func(d *State) { u = *d.byID(id) })
	if !u.Active {
		return c.inactive()
	}
	c.signIn(id)
	c.say("success", "Successfully signed in as "+u.Username+".")
	return redirect(c.next(next))
}

// connect links the user to the user who is signed in.
func (c *call) connect(p *provider, uid string, data *socialData) *reply {
	if c.user == nil {
		return redirect(c.set.script + "/")
	}
	other := false
	c.tx(func(d *State) {
		l := d.link(p.id, uid)
		switch {
		case l == nil:
			d.addLink(Link{User: c.user.ID, Provider: p.id, UID: uid, Extra: data.extra})
		case l.User != c.user.ID:
			other = true
		default:
			l.Extra = data.extra
		}
	})
	if other {
		c.say("error", "The third-party account is already connected to a different account.")
	} else {
		c.say("info", "The third-party account has been connected.")
	}
	return redirect(c.set.script + "/")
}

func (c *call) signupClosed() *reply {
	return c.plain("Sign Up Closed", "We are sorry, but the sign up is currently closed.")
}

// socialSignup is the form for a user without an account.
func (c *call) socialSignup() *reply {
	pending := c.peek().Pending
	if c.key == "" || pending == nil {
		return redirect(c.set.script + "/accounts/login/")
	}
	if !c.set.allowSocial {
		return c.signupClosed()
	}
	show := func(name, email string, errs ...string) *reply {
		return c.page("social-signup", "Paperless-ngx social account sign up",
			map[string]any{"Name": pending.Name, "Username": name, "Email": email}, errs...)
	}
	if c.r.Method != http.MethodPost {
		return show(pending.Claims.Username, pending.Claims.Email)
	}
	if rep := c.checkCSRF(); rep != nil {
		return rep
	}
	name, email := strings.TrimSpace(c.form.Get("username")), strings.TrimSpace(c.form.Get("email"))
	var errs []string
	c.tx(func(d *State) { errs = c.formErrors(d, name, email, pending.Name) })
	if errs != nil {
		return show(name, email, errs...)
	}
	return c.register(pending, name, email, true)
}

// formErrors are what the sign-up forms refuse; provider is empty on the local one.
func (c *call) formErrors(d *State, name, email, provider string) []string {
	var errs []string
	switch {
	case name == "":
		errs = append(errs, "This field is required.")
	case !validUsername(name):
		errs = append(errs, "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.")
	case d.nameTaken(name):
		errs = append(errs, "A user with that username already exists.")
	}
	switch {
	case email != "" && !validEmail(email):
		errs = append(errs, "Enter a valid email address.")
	case email == "" && provider != "" && !c.set.at("2.6.0"):
		errs = append(errs, "This field is required.")
	case d.byEmail(email, !c.set.at("2.13.0")) != nil && provider != "":
		errs = append(errs, "An account already exists with this email address. Please sign in to that account first, then connect your "+provider+" account.")
	case d.byEmail(email, !c.set.at("2.13.0")) != nil:
		errs = append(errs, "A user is already registered with this email address.")
	}
	return errs
}

// register makes the account, links it and signs it in.
func (c *call) register(pending *Pending, name, email string, form bool) *reply {
	id := c.store(pending, name, email, form)
	if rep := c.verifyEmail(email, email == pending.Claims.Email && pending.Claims.Verified); rep != nil {
		c.session(func(s *Session) { s.Pending = nil })
		return rep
	}
	return c.enter(id, pending.Next)
}

// store writes the new user and the link.
func (c *call) store(pending *Pending, name, email string, form bool) int {
	var id int
	c.tx(func(d *State) {
		first := d.people() == 0 && form && c.set.at("2.15.0") // whoever comes first by the form owns the place
		u := d.addUser(User{
			Username: name, Email: email, FirstName: pending.Claims.FirstName, LastName: pending.Claims.LastName,
			Password: "!", Active: true, Staff: first, Superuser: first, Joined: c.now(),
		})
		groups := c.set.groupsSocial
		if form {
			groups = slices.Concat(groups, c.set.groupsForm)
		}
		u.Groups = d.existing(groups)
		c.sync(d, u, pending.Extra)
		id = u.ID
		if c.set.unwritable(pending.Extra) == nil {
			d.addLink(Link{User: id, Provider: pending.Provider, UID: pending.UID, Extra: pending.Extra})
		}
	})
	return id
}

// verifyEmail is what becomes of an address that the provider does not vouch
// for; nil when the sign-in may go on. The user exists by then, so that the
// second try works.
func (c *call) verifyEmail(email string, verified bool) *reply {
	if email == "" || verified || c.set.verification == "none" {
		return nil
	}
	mounted := !c.set.at("2.13.1") // the subset of 2.13.1 lacks the pages
	mandatory := c.set.verification == "mandatory"
	switch {
	case mandatory && !mounted:
		return c.noReverse("account_email_verification_sent")
	case !mounted && !c.set.at("2.15.0"):
		return c.noReverse("account_confirm_email")
	case !c.set.smtp:
		return c.crash("ConnectionRefusedError: [Errno 111] Connection refused")
	case mandatory:
		return redirect(c.set.script + "/accounts/confirm-email/")
	}
	return nil
}

func (c *call) noReverse(name string) *reply {
	return c.crash("django.urls.exceptions.NoReverseMatch: Reverse for '" + name + "' not found. '" + name + "' is not a valid view function or pattern name.")
}

// sync sets the user's groups to those of the claim.
func (c *call) sync(d *State, u *User, extra map[string]any) {
	if !c.set.syncGroups || u == nil {
		return
	}
	claim, ok := extra[c.set.groupsClaim]
	if c.set.at("2.20.1") {
		for _, where := range []string{"userinfo", "id_token"} { // where 2.20.0 moved the claims to
			if m, _ := extra[where].(map[string]any); m != nil && !paperless.Truthy(claim) {
				claim, ok = m[c.set.groupsClaim], true
			}
		}
	}
	if ok && claim == nil && !c.set.at("2.20.0") {
		return // a null skipped the sync then
	}
	u.Groups = d.existing(groupNames(claim))
}

// groupNames are the names that a claim has for Python, which goes through whatever it
// is: a string is its letters, an object its keys.
func groupNames(claim any) []string {
	var names []string
	switch v := claim.(type) {
	case []any:
		for _, one := range v {
			if name, ok := one.(string); ok {
				names = append(names, name)
			}
		}
	case string:
		for _, r := range v {
			names = append(names, string(r))
		}
	case map[string]any:
		names = slices.Collect(maps.Keys(v))
	}
	return names
}

// groupsProblem is what a groups claim that cannot be gone through ends in.
func (c *call) groupsProblem(extra map[string]any) *pyError {
	if !c.set.syncGroups || !c.set.at("2.20.1") {
		return nil
	}
	for _, where := range []string{"userinfo", "id_token"} {
		m, _ := extra[where].(map[string]any)
		if v := m[c.set.groupsClaim]; paperless.Truthy(v) {
			switch v.(type) {
			case int64, float64, bool:
				return pyErrorf("TypeError", "'%s' object is not iterable", pyType(v))
			}
			return nil
		}
	}
	return nil
}

// freeName is the user name of an automatic sign-up: the preferred one if it
// can be had, else one made from the user's names.
func (c *call) freeName(claims Claims) string {
	name := claims.Username
	c.tx(func(d *State) {
		if validUsername(name) && !d.nameTaken(name) {
			return
		}
		name = ""
		local, _, _ := strings.Cut(claims.Email, "@")
		for _, part := range []string{claims.FirstName, claims.LastName, local, "user"} {
			if name = plainName(part); name != "" {
				break
			}
		}
		base := name
		for n := 1; d.nameTaken(name); n = min(n+1, 6) {
			name = base + strings.ToLower(random(n))
		}
	})
	return name
}

// plainName is a lower-case ASCII user name made from a user's name.
func plainName(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(s)) {
		switch {
		case r == ' ':
			b.WriteByte('_')
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.+-", r)):
			b.WriteRune(r)
		}
	}
	return b.String()
}
