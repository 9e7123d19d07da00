package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// loginRules are about accounts and the way in.
func loginRules() []Rule {
	return []Rule{
		{Code: "SIGN-OFF", Level: Error, Title: "The first sign-in makes the account, where that is meant", Doc: "Without PAPERLESS_SOCIAL_AUTO_SIGNUP every new person stops at a form.", check: checkSignup},
		{Code: "CFG-NOLOGIN", Level: Info, Title: "The files have a login setting", Doc: "Without any, Paperless has its own sign-in page only, with user name and password.", check: checkNoLogin},
		{Code: "SIGN-CLOSED", Level: Error, Title: "Accounts may be made where they are made automatically", Doc: "With sign-ups closed new people get the page Sign Up Closed.", check: checkClosed},
		{Code: "REG-LOCKOUT", Level: Error, Title: "There is a way in when the regular login is off", Doc: "Without a button nobody can sign in.", check: checkLockout},
		{Code: "REG-NOACCOUNT", Level: Warning, Title: "Somebody has an account before the regular login goes", Doc: "With sign-ups closed only people who are linked already can get in.", check: checkNoAccount},
		{Code: "REG-API", Level: Info, Title: "It is known that passwords still open the API", Doc: "PAPERLESS_DISABLE_REGULAR_LOGIN does not cover Basic auth, /api/token/ and /admin/.", check: checkAPI},
		{Code: "REDIR-OFF", Level: Error, Title: "There is a button to be redirected to", Doc: "PAPERLESS_REDIRECT_LOGIN_TO_SSO presses the button; without one nothing happens.", check: checkRedirect},
		{Code: "OUT-RELOGIN", Level: Warning, Title: "Signing out does not sign in again", Doc: "Only ?loggedout=1 keeps the sign-in page from redirecting.", check: checkRelogin},
		{Code: "AUTHZ-EMPTY", Level: Info, Title: "New people may do something", Doc: "Without a default group a new account has no permission: the page shows errors.", check: checkRights},
		{Code: "AUTHZ-GROUPS", Level: Warning, Title: "Group settings do not undo each other", Doc: "Group sync replaces the groups at every sign-in.", check: checkGroups},
		{Code: "AUTHZ-SYNC", Level: Error, Title: "Group sync works in this version", Doc: "2.20.0 takes all groups away at every sign-in.", check: checkSync},
		{Code: "MAIL-MANDATORY", Level: Error, Title: "E-mail verification is not mandatory", Doc: "Since 2.13.1 it is a server error for unverified addresses.", check: checkMandatory},
		{Code: "MAIL-SMTP", Level: Error, Title: "The first sign-in needs no confirmation by mail", Doc: "Paperless-ngx 2.13.1 to 2.14.7 cannot make the confirmation that an unverified address asks for: the first sign-in is a server error.", check: checkConfirmation},
		{Code: "REG-FRESH", Level: Info, Title: "The first account is there before the regular login goes", Doc: "Without any account Paperless leads everybody to its sign-up page, which has no SSO button.", check: checkFresh},
		{Code: "SEC-AUTOLOGIN", Level: Warning, Title: "Nobody is signed in without asking", Doc: "PAPERLESS_AUTO_LOGIN_USERNAME signs every visitor in as that user.", Breaks: "login-page", check: checkAutoLogin},
		{Code: "SEC-SIGNUP", Level: Warning, Title: "Strangers cannot make accounts with a password", Doc: "PAPERLESS_ACCOUNT_ALLOW_SIGNUPS opens the sign-up page to everybody.", check: checkOpenSignup},
	}
}

// checkNoLogin says that nothing in the files has to do with signing in by SSO: a
// pass then says nothing of it.
func checkNoLogin(s *subject) []problem {
	if s.ssoMeant() || len(s.reader.open) > 0 || s.reader.lacks {
		return nil
	}
	for _, e := range s.all {
		name := strings.ToUpper(strings.TrimSuffix(e.name, "_FILE"))
		set := s.data.byName[name]
		switch {
		case !strings.HasPrefix(name, "PAPERLESS_") || e.style == absent && e.unknown == "":
		case set != nil && set.Category == "sso", name == "PAPERLESS_APPS", name == "PAPERLESS_AUTO_LOGIN_USERNAME", strings.Contains(name, "REMOTE_USER"),
			set == nil && (s.data.realName(name) != "" || s.data.nearest(name) != "" || deployment.DeadSetting(name) != "" || name == "PAPERLESS_ENABLE_ALLAUTH" || name == "PAPERLESS_AUTO_LOGIN"):
			return nil
		}
	}
	message := "no login setting is in this configuration: people sign in with user name and password only, and nothing of SSO was looked at"
	if s.fragment {
		message = "no login setting is in this file: nothing of SSO was looked at"
	}
	p := s.anywhere(message, "give the file that has PAPERLESS_APPS and "+deployment.ProvidersKey+" too, if there is one")
	p.setting = deployment.ProvidersKey
	return []problem{p}
}

// on tells whether a switch is effectively on, and where it stands.
func (s *subject) on(name string) *entry {
	_, e := s.value(name)
	if e != nil && s.paperless().On(name) {
		return e
	}
	return nil
}

// off tells whether a switch that is on by default is switched off.
func (s *subject) off(name string) *entry {
	v, e := s.value(name)
	if e == nil {
		return nil
	}
	if on, ok := s.paperless().Bool(name); ok && on {
		return nil
	}
	_ = v
	return e
}

// button tells whether the sign-in page has an SSO button that works so far.
func (s *subject) button() bool {
	if !s.paperless().AtLeast("2.5.0") {
		return false
	}
	if len(s.apps) > 0 && s.hasApp() {
		return true
	}
	_, list := s.modules()
	return slices.ContainsFunc(s.natives(), func(id string) bool {
		return slices.ContainsFunc(list, func(m module) bool { return m.name == deployment.SocialApp(id) })
	})
}

func checkSignup(s *subject) []problem {
	if s.on(deployment.AutoSignup) != nil || !s.ssoMeant() {
		return nil
	}
	by, wanted := s.bundle.Intends(deployment.AutoSignup)
	if wanted && (by == deployment.AutoSignup || by != strings.ToUpper(by)) {
		return nil // CFG-BOOL, CFG-CASE
	}
	if wanted {
		e := s.vars[by]
		p := e.atName("no version of Paperless reads "+by+": accounts are not made, the first sign-in stops at a form", e.written(deployment.AutoSignup, "true"))
		p.meant = deployment.AutoSignup
		if s.vars[deployment.AutoSignup] == nil {
			p.edit = e.rename(deployment.AutoSignup)
		}
		return []problem{p}
	}
	p := s.anywhere("every new person stops at a form on the first sign-in (the default)", "to make the account without asking: "+s.line(deployment.AutoSignup, "true"))
	p.level = Info
	if _, e := s.value(deployment.AutoSignup); e != nil {
		p = e.atName(p.message, p.fix)
		p.level = Info
	}
	return []problem{p}
}

func checkClosed(s *subject) []problem {
	e := s.off("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS")
	if e == nil || !s.ssoMeant() {
		return nil
	}
	p := e.atName("new people get the page Sign Up Closed; only linked accounts can sign in", e.written("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "true"))
	if s.on(deployment.AutoSignup) == nil {
		p.level = Info
	} else {
		p.message = "sign-ups are closed, so PAPERLESS_SOCIAL_AUTO_SIGNUP does nothing: new people get the page Sign Up Closed"
	}
	return []problem{p}
}

func checkLockout(s *subject) []problem {
	e := s.on(deployment.DisableRegularLogin)
	if e == nil || s.button() || s.on(remoteUser) != nil {
		return nil // the header of the proxy is a way in, too
	}
	return []problem{e.atName("the regular login is off and there is no SSO button: nobody can sign in", "until the button is there: "+e.written(deployment.DisableRegularLogin, "false"))}
}

func checkNoAccount(s *subject) []problem {
	e := s.on(deployment.DisableRegularLogin)
	if e == nil || !s.button() || s.off("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS") == nil {
		return nil
	}
	return []problem{e.atName("the regular login is off and sign-ups are closed: whoever is not linked yet cannot get in, and nobody can link any more", "link every account first (My Profile, Connect new social account), or allow sign-ups")}
}

func checkAPI(s *subject) []problem {
	if e := s.on(deployment.DisableRegularLogin); e != nil {
		return []problem{e.atName("this does not cover passwords at /api/token/, Basic auth on the API, and /admin/login/", "block these paths at the proxy if passwords must not work at all")}
	}
	return nil
}

func checkRedirect(s *subject) []problem {
	e := s.on(deployment.RedirectToSSO)
	if e == nil || s.button() {
		return nil
	}
	return []problem{e.atName("there is no SSO button, so nothing is redirected", "mend the button first: PAPERLESS_APPS and "+deployment.ProvidersKey)}
}

func checkRelogin(s *subject) []problem {
	v, e := s.value("PAPERLESS_LOGOUT_REDIRECT_URL")
	if header := s.on(remoteUser); header != nil && s.on(deployment.RedirectToSSO) == nil {
		return s.headerRelogin(header)
	}
	if e == nil || s.on(deployment.RedirectToSSO) == nil {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host != "" && "https://"+u.Host != s.paperless().URL && "http://"+u.Host != s.paperless().URL {
		return nil
	}
	login := u.Path == "" || u.Path == "/" || strings.HasPrefix(u.Path, "/accounts/login")
	if !login || u.Query().Get("loggedout") == "1" {
		return nil
	}
	p := e.atValue("signing out leads back to the sign-in page, which redirects to SSO at once: people cannot sign out", e.written(e.name, "/accounts/login/?loggedout=1"))
	p.edit = e.revalue("/accounts/login/?loggedout=1")
	return []problem{p}
}

// headerRelogin is about signing out where the proxy's header signs in: every page
// of Paperless does that again, so people must be sent to the proxy's own way out.
func (s *subject) headerRelogin(header *entry) []problem {
	v, e := s.value("PAPERLESS_LOGOUT_REDIRECT_URL")
	const message = "signing out ends on a page of Paperless, where the proxy's header signs in again at once"
	const fix = "https://<where the proxy signs people out>"
	if e == nil {
		p := header.atName(message, header.written("PAPERLESS_LOGOUT_REDIRECT_URL", fix))
		p.level, p.setting = Info, "PAPERLESS_LOGOUT_REDIRECT_URL"
		return []problem{p}
	}
	if u, err := url.Parse(v); err != nil || u.Host != "" && u.Hostname() != hostOf(s.paperless().URL) || strings.HasPrefix(u.Path, "/outpost.goauthentik.io") {
		return nil
	}
	return []problem{e.atValue(message, e.written(e.name, fix))}
}

func checkRights(s *subject) []problem {
	e := s.on(deployment.AutoSignup)
	if e == nil || !s.paperless().AtLeast("2.15.0") || s.off("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS") != nil {
		return nil
	}
	if v, _ := s.value("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS"); strings.TrimSpace(v) != "" || s.on("PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS") != nil {
		return nil
	}
	return []problem{e.atName("a new account has no permission at all until somebody gives it some", e.written("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS", "<group with permission to view the UI settings>"))}
}

func checkGroups(s *subject) []problem {
	v, e := s.value("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS")
	if e == nil || v == "" || s.on("PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS") == nil {
		return nil
	}
	return []problem{e.atName("group sync replaces these groups right away with those of authentik that Paperless has", "give authentik's users these groups, or switch PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS off")}
}

func checkSync(s *subject) []problem {
	e := s.on("PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS")
	if e == nil || !s.ssoMeant() {
		return nil
	}
	if strings.HasPrefix(s.paperless().Version, "2.20.0") {
		return []problem{e.atName("Paperless-ngx 2.20.0 takes all groups away at every sign-in", "use 2.20.1 or later")}
	}
	p := e.atName("only groups that exist in Paperless under the same name count, and people without any lose all", "make the groups in Paperless first")
	p.level = Info
	return []problem{p}
}

func checkMandatory(s *subject) []problem {
	v, e := s.value("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION")
	if e == nil || v != "mandatory" || !s.paperless().AtLeast("2.13.1") || !s.ssoMeant() {
		return nil
	}
	host, _ := s.value("PAPERLESS_EMAIL_HOST")
	user, _ := s.value("PAPERLESS_EMAIL_HOST_USER")
	p := e.atValue("mandatory is a server error for everybody whose address is not verified", e.written(e.name, "optional"))
	p.edit = e.revalue("optional")
	if (host == "" || host == "localhost") && user == "" && s.paperless().AtLeast("2.16.0") {
		p.level, p.message = Info, "without a mail server this counts as none; with one it is a server error for unverified addresses"
		p.edit = nil
	}
	return []problem{p}
}

func checkAutoLogin(s *subject) []problem {
	if v, e := s.value("PAPERLESS_AUTO_LOGIN_USERNAME"); e != nil && v != "" {
		return []problem{e.atName("every visitor is signed in as this user, without any password; SSO is never asked", "remove it; to go to SSO at once: "+e.written(deployment.RedirectToSSO, "true"))}
	}
	return nil
}

func checkOpenSignup(s *subject) []problem {
	if e := s.on("PAPERLESS_ACCOUNT_ALLOW_SIGNUPS"); e != nil {
		return []problem{e.atName("everybody who reaches the page can make an account with a password; it has nothing to do with SSO", "remove it; for SSO accounts there is PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS")}
	}
	return nil
}

// checkConfirmation knows from the versions alone that the first sign-in fails:
// authentik's own mapping calls no address verified from 2025.10 on, Paperless
// then wants to confirm it, and these versions lack the page that the mail names.
func checkConfirmation(s *subject) []problem {
	app := s.tested()
	if app == nil || !s.isAuthentik(app) || !s.paperless().AtLeast("2.13.1") || s.paperless().AtLeast("2.15.0") {
		return nil
	}
	v, e := s.value("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION")
	if v == "none" || v == "mandatory" || s.oc.get("VERIFIED_EMAIL").truthy() || app.get("settings").get("verified_email").truthy() {
		return nil // MAIL-MANDATORY, SEC-VERIFIED
	}
	if slices.ContainsFunc(s.bundle.Authentik.Mappings, func(m deployment.ScopeMapping) bool { return m.Scope == "email" }) {
		return nil
	}
	known := s.reader.sources.AuthentikVersion != "" || s.reader.sources.ToAuthentik != ""
	if kind, name := s.deployedIdP(); kind == deployment.AuthentikIdP && name != "" {
		known = true
	}
	if known && !s.bundle.Authentik.AtLeast("2025.10.0") {
		return nil
	}
	p := s.anywhere("", "Paperless-ngx 2.16.0 or later, or "+s.line("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION", "none"))
	if e != nil {
		p = e.atName("", p.fix)
	}
	p.setting = "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION"
	p.message = "authentik " + s.bundle.Authentik.Version + " calls no e-mail address verified, and Paperless-ngx " + s.paperless().Version + " cannot make the confirmation (account_confirm_email): the first sign-in is a server error"
	if !known {
		p.level = Info
		p.message = "with authentik 2025.10 or later, which calls no e-mail address verified, the first sign-in is a server error: Paperless-ngx " + s.paperless().Version + " cannot make the confirmation (account_confirm_email)"
	}
	return []problem{p}
}

// checkFresh is about a database without any account: Paperless's sign-up page
// then comes before SSO, and its form makes the first administrator.
func checkFresh(s *subject) []problem {
	e := s.on(deployment.DisableRegularLogin)
	if e == nil || !s.paperless().AtLeast("2.15.0") || !s.button() {
		return nil
	}
	if v, _ := s.value("PAPERLESS_ADMIN_USER"); v != "" {
		return nil
	}
	return []problem{e.atName("on an empty database everybody is led to the sign-up page (/accounts/signup/), which has no SSO button, until the first account is there",
		"where no account exists, PAPERLESS_ADMIN_USER and PAPERLESS_ADMIN_PASSWORD make the first one, an administrator: "+s.line("PAPERLESS_ADMIN_USER", "<name>"))}
}
