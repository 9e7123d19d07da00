package troubleshooting

import (
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// rightsItems are users who are signed in and may do nothing.
func rightsItems() []*Item {
	return []*Item{
		{
			Code: "AUTHZ-GROUPS", Guide: 0,
			Title:  "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS names a group that Paperless does not have",
			Fix:    "Make the group in Paperless (Settings → Users & Groups) with at least the permission to view UI settings; unknown names are silently skipped.",
			Breaks: checklist.Permissions, Warns: true,
			Versions: Versions{PaperlessFrom: "2.15.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				groups := list(&b.Paperless, "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS")
				if !withoutRights(rec) || len(groups) == 0 || syncsGroups(b) {
					return nil, false
				}
				return []string{expected("the groups %s exist and give rights", quoted(groups)), seen("/api/ui_settings/ answered 403 to the new user")}, true
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS"] = "sso" },
			Basis: on(ObservedPair, pairFacts+"72-default-groups"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Group settings do not undo each other",
				Problem: "Group settings undo each other",
				Doc:     "Group sync replaces the groups at every sign-in.",
				check:   checkGroups,
			}},
		},
		{
			Code: "AUTHZ-SYNC", Guide: 0,
			Title:  "Group sync takes the rights away: authentik's groups are not Paperless's",
			Fix:    "Make groups in Paperless with the same names as in authentik, or switch PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS off: at every sign-in it replaces all groups, the default ones too.",
			Breaks: checklist.Permissions, Warns: true,
			Versions: Versions{PaperlessFrom: "2.15.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if !withoutRights(rec) || !syncsGroups(b) || groupString(rec, b) {
					return nil, false
				}
				return []string{expected("a group of authentik that Paperless has too"), seen("none; /api/ui_settings/ answered 403"), setting(b, "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS")}, true
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS"] = "true" },
			Basis: on(ObservedAlone, hostileFacts+"5.61", reports+"F7.49"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Group sync works in this version",
				Problem: "Group sync takes groups away",
				Doc:     "2.20.0 takes all groups away at every sign-in.",
				check:   checkSync,
			}},
		},
		{
			Code: "AUTHZ-EMPTY", Guide: 0,
			Title:  "Signed in, but without any permission",
			Fix:    "Make a group in Paperless with the permissions that new users shall have (view UI settings at least) and name it in PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS (2.15.0 and later); before, give the group by hand.",
			Breaks: checklist.Permissions, Warns: true,
			Versions: Versions{PaperlessFrom: "2.6.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if !withoutRights(rec) || len(list(&b.Paperless, "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS")) > 0 || syncsGroups(b) {
					return nil, false
				}
				return []string{expected("/api/ui_settings/ answers 200 to a signed-in user"), seen("403; %s", setting(b, "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS"))}, true
			},
			Plant: func(b *deployment.Deployment) { delete(b.Paperless.Env, "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS") },
			Edit: func(evidence.Record, *deployment.Deployment) string {
				return envLine("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS", "<a group that exists in Paperless>")
			},
			Basis: on(ObservedPair, pairFacts+"02-auto-signup-true"),
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "New users may do something",
				Problem: "New users have no permission",
				Doc:     "Without a default group a new account has no permission: the page shows errors.",
				check:   checkRights,
			}},
		},
	}
}

func withoutRights(rec evidence.Record) bool {
	return rec.Signed.SignedIn() && rec.Signed.UISettings == 403
}

func syncsGroups(b *deployment.Deployment) bool {
	on, _ := b.Paperless.Bool("PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS")
	return on
}

// oneClickItems are the guide's item 5: redirect, regular login off, signing out.
func oneClickItems() []*Item {
	return []*Item{
		{
			Code: "VER-REDIRECT", Guide: 5,
			Title:    "This version does not know PAPERLESS_REDIRECT_LOGIN_TO_SSO",
			Fix:      "Upgrade Paperless-ngx to 2.11.0 or later; older versions ignore the setting.",
			Breaks:   checklist.RedirectToSSO,
			Versions: Versions{PaperlessFrom: "2.5.0", PaperlessBelow: "2.11.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if rec.Check != "redirect-to-sso" {
					return nil, false
				}
				return tooOld(b, deployment.RedirectToSSO)
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) { return tooOld(b, deployment.RedirectToSSO) },
			Plant:   func(b *deployment.Deployment) { b.Paperless.Env[deployment.RedirectToSSO] = "true" },
			Basis:   on(ObservedPair, pairFacts+"50-redirect-to-sso"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The version knows PAPERLESS_REDIRECT_LOGIN_TO_SSO",
				Problem: "The version does not know PAPERLESS_REDIRECT_LOGIN_TO_SSO",
				Doc:     "It came with 2.11.0; before, it is ignored.",
				check:   checkSince(deployment.RedirectToSSO),
			}},
		},
		{
			Code: "VER-SSOONLY", Guide: 5,
			Title:    "This version does not know PAPERLESS_DISABLE_REGULAR_LOGIN",
			Fix:      "Upgrade Paperless-ngx to 2.6.0 or later; older versions ignore the setting.",
			Breaks:   checklist.SSOOnly,
			Versions: Versions{PaperlessFrom: "2.5.0", PaperlessBelow: "2.6.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if rec.Check != "sso-only" {
					return nil, false
				}
				return tooOld(b, deployment.DisableRegularLogin)
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) { return tooOld(b, deployment.DisableRegularLogin) },
			Plant:   func(b *deployment.Deployment) { b.Paperless.Env[deployment.DisableRegularLogin] = "true" },
			Basis:   on(ObservedPair, pairFacts+"51-disable-regular"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The version knows PAPERLESS_DISABLE_REGULAR_LOGIN",
				Problem: "The version does not know PAPERLESS_DISABLE_REGULAR_LOGIN",
				Doc:     "It came with 2.6.0; before, it is ignored.",
				check:   checkSince(deployment.DisableRegularLogin),
			}},
		},
		{
			Code: "REDIR-LOOP", Guide: 5,
			Versions: Versions{PaperlessFrom: "2.11.0"}, // PAPERLESS_REDIRECT_LOGIN_TO_SSO
			Title:    "The sign-in loops",
			Fix:      "Stop the proxy in front of Paperless from removing Set-Cookie; until then switch PAPERLESS_REDIRECT_LOGIN_TO_SSO off, so that users see a page.",
			Breaks:   checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				n := callbacks(rec)
				if n < 2 || rec.Signed.SignedIn() || !b.Paperless.On(deployment.RedirectToSSO) {
					return nil, false
				}
				because := []string{expected("one callback, then signed in"), seen("%d callbacks and still not signed in", n), setting(b, deployment.RedirectToSSO)}
				if x := signedInWithoutCookie(rec); x != nil {
					because = append(because, cookieLost(rec, x)[1])
				}
				return because, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.RedirectToSSO] = "true"
				b.Paperless.Proxy.StripSetCookie = "/login/callback/"
			},
			Basis: on(Modelled),
		},
		{
			Code: "REDIR-OFF", Guide: 5,
			Title:  "The sign-in page does not go to SSO by itself",
			Fix:    "Set PAPERLESS_REDIRECT_LOGIN_TO_SSO to true and recreate the container.",
			Breaks: checklist.RedirectToSSO,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if rec.Check != "redirect-to-sso" {
					return nil, false
				}
				return unread(b, deployment.RedirectToSSO)
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) { return unread(b, deployment.RedirectToSSO) },
			Plant:   func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_REDIRECT_TO_SSO"] = "true" },
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				by, _ := b.Intends(deployment.RedirectToSSO)
				return replaced(b, by, deployment.RedirectToSSO, "true")
			},
			Basis: on(ReadInSource, paperlessFacts+"2"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "There is a button to be redirected to",
				Problem: "There is no button to be redirected to",
				Doc:     "PAPERLESS_REDIRECT_LOGIN_TO_SSO presses the button; without one nothing happens.",
				Absent:  []string{"PAPERLESS_APPS", deployment.ProvidersKey},
				check:   checkRedirect,
			}},
		},
		{
			Code: "REG-STILLON", Guide: 5,
			Title:  "The local sign-in is still there",
			Fix:    "Set PAPERLESS_DISABLE_REGULAR_LOGIN to true and recreate the container.",
			Breaks: checklist.SSOOnly,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if rec.Check != "sso-only" {
					return nil, false
				}
				return unread(b, deployment.DisableRegularLogin)
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) { return unread(b, deployment.DisableRegularLogin) },
			Plant:   func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_DISABLE_LOCAL_LOGIN"] = "true" },
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				by, _ := b.Intends(deployment.DisableRegularLogin)
				return replaced(b, by, deployment.DisableRegularLogin, "true")
			},
			Basis: on(ReadInSource, paperlessFacts+"2"),
		},
		{
			Code: "REG-API", Guide: 5,
			Title:  "A local password still opens the API",
			Fix:    "PAPERLESS_DISABLE_REGULAR_LOGIN covers the sign-in page only. Block POST /api/token/ and Basic credentials at the proxy, or take the local passwords away (My Profile, or manage.py changepassword) where nobody needs them.",
			Breaks: checklist.PasswordAPI, Warns: true,
			Versions: Versions{PaperlessFrom: "2.6.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				var open []string
				for _, p := range rec.Probes {
					if strings.Contains(strings.ToLower(p.Name+p.URL), "token") || strings.Contains(strings.ToLower(p.Name), "basic") || strings.Contains(p.URL, paperless.ProfilePath) {
						if p.Status == 200 {
							open = append(open, fmt.Sprintf("%s %s answered 200", p.Method, p.URL))
						}
					}
				}
				if !b.Paperless.On(deployment.DisableRegularLogin) || len(open) == 0 {
					return nil, false
				}
				return append([]string{expected("no password opens the API"), setting(b, deployment.DisableRegularLogin)}, open...), true
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env[deployment.DisableRegularLogin] = "true" },
			Basis: on(ObservedPair, pairFacts+"51-disable-regular", pairFacts+"regular_login_disabled"),
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "It is known that passwords still open the API",
				Problem: "Passwords still open the API",
				Doc:     "PAPERLESS_DISABLE_REGULAR_LOGIN does not cover Basic auth, /api/token/ and /admin/.",
				check:   checkAPI,
			}},
		},
		{
			Code: "OUT-RELOGIN", Guide: 5,
			Versions: Versions{PaperlessFrom: "2.11.0"}, // PAPERLESS_REDIRECT_LOGIN_TO_SSO
			Title:    "Signing out signs in again",
			Fix:      "Remove PAPERLESS_LOGOUT_REDIRECT_URL (the default ends in ?loggedout=1, which stops the redirect), add ?loggedout=1 to it, or send users to authentik's end-session page.",
			Breaks:   checklist.Logout,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if rec.Check != "logout" || !b.Paperless.On(deployment.RedirectToSSO) || !backIn(rec) {
					return nil, false
				}
				return []string{expected("a page after signing out"), seen("the browser went to SSO and was signed in again"), setting(b, "PAPERLESS_LOGOUT_REDIRECT_URL")}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.RedirectToSSO] = "true"
				b.Paperless.Env["PAPERLESS_LOGOUT_REDIRECT_URL"] = paperless.LoginPath
			},
			Edit: func(evidence.Record, *deployment.Deployment) string {
				return envLine("PAPERLESS_LOGOUT_REDIRECT_URL", paperless.LoggedOutPath)
			},
			Basis: on(ReadInSource, paperlessFacts+"5", reports+"F10"),
			InFiles: []Rule{{
				Level: source.Warning,
				Title: "Signing out does not sign in again",
				Doc:   "Only ?loggedout=1 keeps the sign-in page from redirecting.",
				check: checkRelogin,
			}},
		},
		{
			Code: "OUT-404", Guide: 5,
			Title:  "Signing out ends at a page that does not exist",
			Fix:    "Correct PAPERLESS_LOGOUT_REDIRECT_URL: authentik's page is https://<authentik>/application/o/<slug>/end-session/.",
			Breaks: checklist.Logout,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if rec.Check != "logout" || rec.Final == nil || rec.Final.Status != 404 {
					return nil, false
				}
				return []string{expected("a page"), seen("404 at %s", rec.Final.URL), setting(b, "PAPERLESS_LOGOUT_REDIRECT_URL")}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_LOGOUT_REDIRECT_URL"] = b.Authentik.URL + authentik.EndSessionPath("paperless-ngx")
			},
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				if a := b.IdPApplication(); a != nil {
					return envLine("PAPERLESS_LOGOUT_REDIRECT_URL", b.Authentik.URL+authentik.EndSessionPath(a.Slug))
				}
				return ""
			},
			Basis: on(ReadInSource, authentikFacts+"4.1"),
		},
	}
}

// tooOld matches a setting that is on and that this version does not read yet.
func tooOld(b *deployment.Deployment, name string) ([]string, bool) {
	since := deployment.Introduced(name)
	on, _ := b.Paperless.Bool(name)
	if since == "" || !on || b.Paperless.AtLeast(since) {
		return nil, false
	}
	return []string{expected("Paperless-ngx %s or later", since), seen("Paperless-ngx %s with %s", b.Paperless.Version, setting(b, name))}, true
}

// unread matches a switch that is wanted by a name that Paperless never reads.
func unread(b *deployment.Deployment, name string) ([]string, bool) {
	by, wanted := b.Intends(name)
	if !wanted || by == name {
		return nil, false
	}
	return []string{expected("%s=true", name), seen("%s, which no version of Paperless-ngx reads", setting(b, by))}, true
}

// callbacks counts the callbacks of one person's sign-in: of the browser, or of
// whoever of the check's own users had the most. What a check replays is none.
func callbacks(rec evidence.Record) int {
	most, of := 0, map[int]int{}
	for _, h := range rec.Flow() {
		if strings.Contains(h.URL, "/login/callback/") {
			of[h.Client]++
			most = max(most, of[h.Client])
		}
	}
	return most
}

// backIn reports whether, after signing out, a new callback came.
func backIn(rec evidence.Record) bool {
	out := false
	for _, h := range rec.Flow() {
		if strings.Contains(h.URL, paperless.LogoutPath) {
			out = true
		}
		if out && (strings.Contains(h.URL, paperless.CallbackEnd) || strings.Contains(h.URL, authentik.AuthorizationPath)) {
			return true
		}
	}
	return false
}
