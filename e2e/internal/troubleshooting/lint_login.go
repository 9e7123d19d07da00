package troubleshooting

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// checkNoLogin says that nothing in the files has to do with signing in by SSO: a
// pass then says nothing of it.
func checkNoLogin(s *source.Set) []source.Problem {
	if ssoMeant(s) || len(s.Reader.Open) > 0 || s.Reader.Lacks {
		return nil
	}
	for _, e := range s.All {
		name := strings.ToUpper(strings.TrimSuffix(e.Name, "_FILE"))
		set := s.Catalogue.ByName[name]
		switch {
		case !strings.HasPrefix(name, "PAPERLESS_") || e.Style == source.Absent && e.Unknown == "":
		case set != nil && set.Category == "sso", name == "PAPERLESS_APPS", name == "PAPERLESS_AUTO_LOGIN_USERNAME", strings.Contains(name, "REMOTE_USER"),
			set == nil && (s.Catalogue.RealName(name) != "" || s.Catalogue.Nearest(name) != "" || deployment.DeadSetting(name) != "" || name == "PAPERLESS_ENABLE_ALLAUTH" || name == "PAPERLESS_AUTO_LOGIN"):
			return nil
		}
	}
	message := "no login setting is in this configuration: users sign in with user name and password only, and nothing of SSO was looked at"
	if s.Fragment {
		message = "no login setting is in this file: nothing of SSO was looked at"
	}
	p := s.Anywhere(message, "give the file that has PAPERLESS_APPS and "+deployment.ProvidersKey+" too, if there is one")
	p.Setting = deployment.ProvidersKey
	return []source.Problem{p}
}

// on reports whether a switch is effectively on, and where it stands.
func switchedOn(s *source.Set, name string) *source.Entry {
	_, e := s.Value(name)
	if e != nil && s.Paperless().On(name) {
		return e
	}
	return nil
}

// off reports whether a switch that is on by default is switched off.
func switchedOff(s *source.Set, name string) *source.Entry {
	v, e := s.Value(name)
	if e == nil {
		return nil
	}
	if on, ok := s.Paperless().Bool(name); ok && on {
		return nil
	}
	_ = v
	return e
}

// button reports whether the sign-in page has an SSO button that works so far.
func hasButton(s *source.Set) bool {
	if !s.Paperless().AtLeast("2.5.0") {
		return false
	}
	if len(s.Apps) > 0 && s.HasApp() {
		return true
	}
	_, list := s.Modules()
	return slices.ContainsFunc(s.Natives(), func(id string) bool {
		return slices.ContainsFunc(list, func(m source.Module) bool { return m.Name == deployment.SocialApp(id) })
	})
}

func checkSignup(s *source.Set) []source.Problem {
	if switchedOn(s, deployment.AutoSignup) != nil || !ssoMeant(s) {
		return nil
	}
	by, wanted := s.Deployment.Intends(deployment.AutoSignup)
	if wanted && (by == deployment.AutoSignup || by != strings.ToUpper(by)) {
		return nil // CFG-BOOL, CFG-CASE
	}
	if wanted {
		e := s.Vars[by]
		p := e.AtName("no version of Paperless reads "+by+": accounts are not made, the first sign-in stops at a form", e.Written(deployment.AutoSignup, "true"))
		p.Meant = deployment.AutoSignup
		if s.Vars[deployment.AutoSignup] == nil {
			p.Edit = e.Rename(deployment.AutoSignup)
		}
		return []source.Problem{p}
	}
	p := s.Anywhere("every new user stops at a form on the first sign-in (the default)", "to make the account without asking: "+s.Line(deployment.AutoSignup, "true"))
	p.Level = source.Info
	if _, e := s.Value(deployment.AutoSignup); e != nil {
		p = e.AtName(p.Message, p.Fix)
		p.Level = source.Info
	}
	return []source.Problem{p}
}

func checkClosed(s *source.Set) []source.Problem {
	e := switchedOff(s, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS")
	if e == nil || !ssoMeant(s) {
		return nil
	}
	p := e.AtName("new users get the page Sign Up Closed; only linked accounts can sign in", e.Written("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "true"))
	if switchedOn(s, deployment.AutoSignup) == nil {
		p.Level = source.Info
	} else {
		p.Message = "sign-ups are closed, so PAPERLESS_SOCIAL_AUTO_SIGNUP does nothing: new users get the page Sign Up Closed"
	}
	return []source.Problem{p}
}

func checkLockout(s *source.Set) []source.Problem {
	e := switchedOn(s, deployment.DisableRegularLogin)
	if e == nil || hasButton(s) || switchedOn(s, deployment.RemoteUser) != nil {
		return nil // the header of the proxy is a way in, too
	}
	return []source.Problem{e.AtName("the regular login is off and there is no SSO button: nobody can sign in", "until the button is there: "+e.Written(deployment.DisableRegularLogin, "false"))}
}

func checkNoAccount(s *source.Set) []source.Problem {
	e := switchedOn(s, deployment.DisableRegularLogin)
	if e == nil || !hasButton(s) || switchedOff(s, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS") == nil {
		return nil
	}
	return []source.Problem{e.AtName("the regular login is off and sign-ups are closed: whoever is not linked yet cannot get in, and nobody can link any more", "link every account first (My Profile, Connect new social account), or allow sign-ups")}
}

func checkAPI(s *source.Set) []source.Problem {
	if e := switchedOn(s, deployment.DisableRegularLogin); e != nil {
		return []source.Problem{e.AtName("this does not cover passwords at /api/token/, Basic auth on the API, and /admin/login/", "block these paths at the proxy if passwords must not work at all")}
	}
	return nil
}

func checkRedirect(s *source.Set) []source.Problem {
	e := switchedOn(s, deployment.RedirectToSSO)
	if e == nil || hasButton(s) {
		return nil
	}
	return []source.Problem{e.AtName("there is no SSO button, so nothing is redirected", "fix the button first: PAPERLESS_APPS and "+deployment.ProvidersKey)}
}

func checkRelogin(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_LOGOUT_REDIRECT_URL")
	if header := switchedOn(s, deployment.RemoteUser); header != nil && switchedOn(s, deployment.RedirectToSSO) == nil {
		return headerRelogin(s, header)
	}
	if e == nil || switchedOn(s, deployment.RedirectToSSO) == nil {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host != "" && "https://"+u.Host != s.Paperless().URL && "http://"+u.Host != s.Paperless().URL {
		return nil
	}
	login := u.Path == "" || u.Path == "/" || strings.HasPrefix(u.Path+"/", paperless.LoginPath)
	if !login || u.Query().Get("loggedout") == "1" {
		return nil
	}
	p := e.AtValue("signing out leads back to the sign-in page, which redirects to SSO at once: users cannot sign out", e.Written(e.Name, paperless.LoggedOutPath))
	p.Edit = e.Revalue(paperless.LoggedOutPath)
	return []source.Problem{p}
}

// headerRelogin is about signing out where the proxy's header signs in: every page
// of Paperless does that again, so users must be sent to the proxy's own way out.
func headerRelogin(s *source.Set, header *source.Entry) []source.Problem {
	v, e := s.Value("PAPERLESS_LOGOUT_REDIRECT_URL")
	const message = "signing out ends on a page of Paperless, where the proxy's header signs in again at once"
	const fix = "https://<where the proxy signs users out>"
	if e == nil {
		p := header.AtName(message, header.Written("PAPERLESS_LOGOUT_REDIRECT_URL", fix))
		p.Level, p.Setting = source.Info, "PAPERLESS_LOGOUT_REDIRECT_URL"
		return []source.Problem{p}
	}
	if u, err := url.Parse(v); err != nil || u.Host != "" && u.Hostname() != publicHost(s.Paperless().URL) || strings.HasPrefix(u.Path, "/outpost.goauthentik.io") {
		return nil
	}
	return []source.Problem{e.AtValue(message, e.Written(e.Name, fix))}
}

func checkRights(s *source.Set) []source.Problem {
	e := switchedOn(s, deployment.AutoSignup)
	if e == nil || !s.Paperless().AtLeast("2.15.0") || switchedOff(s, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS") != nil {
		return nil
	}
	if v, _ := s.Value("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS"); strings.TrimSpace(v) != "" || switchedOn(s, "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS") != nil {
		return nil
	}
	return []source.Problem{e.AtName("a new account has no permission at all until somebody gives it some", e.Written("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS", "<group with permission to view the UI settings>"))}
}

func checkGroups(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS")
	if e == nil || v == "" || switchedOn(s, "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS") == nil {
		return nil
	}
	return []source.Problem{e.AtName("group sync replaces these groups right away with those of authentik that Paperless has", "give authentik's users these groups, or switch PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS off")}
}

func checkSync(s *source.Set) []source.Problem {
	e := switchedOn(s, "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS")
	if e == nil || !ssoMeant(s) {
		return nil
	}
	if strings.HasPrefix(s.Paperless().Version, "2.20.0") {
		return []source.Problem{e.AtName("Paperless-ngx 2.20.0 takes all groups away at every sign-in", "use 2.20.1 or later")}
	}
	p := e.AtName("only groups that exist in Paperless under the same name count, and users without any lose all", "make the groups in Paperless first")
	p.Level = source.Info
	return []source.Problem{p}
}

func checkMandatory(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION")
	if e == nil || v != "mandatory" || !s.Paperless().AtLeast("2.13.1") || !ssoMeant(s) {
		return nil
	}
	host, _ := s.Value("PAPERLESS_EMAIL_HOST")
	user, _ := s.Value("PAPERLESS_EMAIL_HOST_USER")
	p := e.AtValue("mandatory is a server error for everybody whose address is not verified", e.Written(e.Name, "optional"))
	p.Edit = e.Revalue("optional")
	if (host == "" || host == "localhost") && user == "" && s.Paperless().AtLeast("2.16.0") {
		p.Level, p.Message = source.Info, "without a mail server this counts as none; with one it is a server error for unverified addresses"
		p.Edit = nil
	}
	return []source.Problem{p}
}

func checkAutoLogin(s *source.Set) []source.Problem {
	if v, e := s.Value("PAPERLESS_AUTO_LOGIN_USERNAME"); e != nil && v != "" {
		return []source.Problem{e.AtName("every visitor is signed in as this user, without any password; SSO is never asked", "remove it; to go to SSO at once: "+e.Written(deployment.RedirectToSSO, "true"))}
	}
	return nil
}

func checkOpenSignup(s *source.Set) []source.Problem {
	if e := switchedOn(s, "PAPERLESS_ACCOUNT_ALLOW_SIGNUPS"); e != nil {
		return []source.Problem{e.AtName("everybody who reaches the page can make an account with a password; it has nothing to do with SSO", "remove it; for SSO accounts there is PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS")}
	}
	return nil
}

// checkConfirmation knows from the versions alone that the first sign-in fails:
// authentik's own mapping calls no address verified from 2025.10 on, Paperless
// then wants to confirm it, and these versions lack the page that the mail names.
func checkConfirmation(s *source.Set) []source.Problem {
	app := s.Tested()
	if app == nil || !s.IsAuthentik(app) || !s.Paperless().AtLeast("2.13.1") || s.Paperless().AtLeast("2.15.0") {
		return nil
	}
	v, e := s.Value("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION")
	if v == "none" || v == "mandatory" || s.OpenIDConnect.Get("VERIFIED_EMAIL").Truthy() || app.Get("settings").Get("verified_email").Truthy() {
		return nil // MAIL-MANDATORY, SEC-VERIFIED
	}
	if slices.ContainsFunc(s.Deployment.Authentik.Mappings, func(m deployment.ScopeMapping) bool { return m.Scope == "email" }) {
		return nil
	}
	known := s.Reader.Sources.AuthentikVersion != "" || s.Reader.Sources.ToAuthentik != ""
	if kind, name := s.DeployedIdP(); kind == deployment.AuthentikIdP && name != "" {
		known = true
	}
	if known && !s.Deployment.Authentik.AtLeast("2025.10.0") {
		return nil
	}
	p := s.Anywhere("", "Paperless-ngx 2.16.0 or later, or "+s.Line("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION", "none"))
	if e != nil {
		p = e.AtName("", p.Fix)
	}
	p.Setting = "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION"
	p.Message = "authentik " + s.Deployment.Authentik.Version + " calls no e-mail address verified, and Paperless-ngx " + s.Paperless().Version + " cannot make the confirmation (account_confirm_email): the first sign-in is a server error"
	if !known {
		p.Level = source.Info
		p.Message = "with authentik 2025.10 or later, which calls no e-mail address verified, the first sign-in is a server error: Paperless-ngx " + s.Paperless().Version + " cannot make the confirmation (account_confirm_email)"
	}
	return []source.Problem{p}
}

// checkFresh is about a database without any account: Paperless's sign-up page
// then comes before SSO, and its form makes the first administrator.
func checkFresh(s *source.Set) []source.Problem {
	e := switchedOn(s, deployment.DisableRegularLogin)
	if e == nil || !s.Paperless().AtLeast("2.15.0") || !hasButton(s) {
		return nil
	}
	if v, _ := s.Value("PAPERLESS_ADMIN_USER"); v != "" {
		return nil
	}
	return []source.Problem{e.AtName("on an empty database everybody is led to the sign-up page (/accounts/signup/), which has no SSO button, until the first account is there",
		"where no account exists, PAPERLESS_ADMIN_USER and PAPERLESS_ADMIN_PASSWORD make the first one, an administrator: "+s.Line("PAPERLESS_ADMIN_USER", "<name>"))}
}
