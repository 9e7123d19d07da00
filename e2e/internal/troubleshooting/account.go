package troubleshooting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// mailItems are sign-ins that die of e-mail verification.
func mailItems() []*Item {
	unverified := func(b *deployment.Deployment) {
		b.Authentik.Mappings = append(b.Authentik.Mappings, deployment.ScopeMapping{
			Name: "unverified email", Scope: "email",
			Expression: `return {"email": request.user.email, "email_verified": False}`,
		})
	}
	return []*Item{
		{
			Code: "MAIL-MANDATORY", Guide: 4,
			Title:    "Mandatory e-mail verification is a server error for unverified addresses",
			Fix:      "Set PAPERLESS_ACCOUNT_EMAIL_VERIFICATION: none, or let authentik say email_verified: true (Customization → Property Mappings: a custom scope mapping for email). Paperless has no page for the confirmation.",
			Breaks:   checklist.RoundTrip,
			Versions: Versions{PaperlessFrom: "2.13.1"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				line := rec.LogLine("account_email_verification_sent")
				if line == "" {
					return nil, false
				}
				return []string{expected("a page after the callback"), seen("Server Error (500); %s", setting(b, "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION")), "Paperless logged: " + clip(line, 200)}, true
			},
			Plant: func(b *deployment.Deployment) {
				unverified(b)
				b.Paperless.Env["PAPERLESS_ACCOUNT_EMAIL_VERIFICATION"] = "mandatory"
				b.Paperless.Env["PAPERLESS_EMAIL_HOST"] = "smtp.example.com"
			},
			Edit: func(evidence.Record, *deployment.Deployment) string {
				return envLine("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION", "none")
			},
			Basis: on(ReadInSource, paperlessFacts+"4.3"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "E-mail verification is not mandatory",
				Problem: "Mandatory e-mail verification is a server error",
				Doc:     "Since 2.13.1 it is a server error for unverified addresses.",
				check:   checkMandatory,
			}},
		},
		{
			Code: "MAIL-SMTP", Guide: 4,
			Title:    "The first sign-in is a server error: Paperless tries to send a confirmation and has no mail server",
			Fix:      "Upgrade to 2.16.0 or later, or set PAPERLESS_ACCOUNT_EMAIL_VERIFICATION: none (2.6.0 and later), or let authentik say email_verified: true. The second try works, the account was made.",
			Breaks:   checklist.RoundTrip,
			Versions: Versions{PaperlessBelow: "2.16.0"},
			Match: func(rec evidence.Record, _ *deployment.Deployment) ([]string, bool) {
				line := rec.LogLine("ConnectionRefusedError")
				if line == "" {
					line = rec.LogLine("account_confirm_email")
				}
				h := rec.Hop("/login/callback/")
				if line == "" || startFailed(rec) || ((h == nil || h.Status != 500) && !strings.Contains(text(rec), "Server Error (500)")) {
					return nil, false
				}
				return []string{expected("a page after the callback"), seen("Server Error (500)"), "Paperless logged: " + clip(line, 200)}, true
			},
			Plant: unverified,
			Basis: on(ReadInSource, paperlessFacts+"4.2", settingFacts+"H12", reports+"F6.43"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The first sign-in needs no confirmation by mail",
				Problem: "The first sign-in fails at the confirmation by mail",
				Doc:     "Paperless-ngx 2.13.1 to 2.14.7 cannot make the confirmation that an unverified address asks for: the first sign-in is a server error.",
				check:   checkConfirmation,
			}},
		},
	}
}

// claimItems are claims that Paperless cannot use: a server error at the callback.
func claimItems() []*Item {
	return []*Item{
		{
			Code: "UI-EVSTRING", Guide: 3,
			Title:  "authentik sends email_verified as a string: the first sign-in is a server error",
			Fix:    "In authentik, Customization → Property Mappings → the mapping for email: return True or False without quotes. The account was made all the same; delete it in Paperless or correct it there.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, _ *deployment.Deployment) ([]string, bool) {
				line := rec.LogLine("value must be either True or False")
				return []string{expected("email_verified is true or false"), seen("a string"), "Paperless logged: " + clip(line, 200)}, line != "" && callbackCrashed(rec)
			},
			Plant: func(b *deployment.Deployment) {
				b.Authentik.Mappings = append(b.Authentik.Mappings, deployment.ScopeMapping{
					Name: "email as text", Scope: "email",
					Expression: `return {"email": request.user.email, "email_verified": "true"}`,
				})
			},
			Basis: on(ObservedAlone, hostileFacts+"5.20"),
		},
		{
			Code: "UI-NOSUB", Guide: 3,
			Title:    "The claim that tells users apart is missing: the sign-in is a server error",
			Fix:      `Remove "uid_field" from the app's "settings" (sub is the default, and what users are linked under), or let a scope mapping in authentik (Customization → Property Mappings) give that claim to everybody.`,
			Breaks:   checklist.RoundTrip,
			Versions: Versions{PaperlessFrom: "3.0.0"}, // uid_field
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				app, _ := b.Paperless.App()
				field, _ := app.Settings["uid_field"].(string)
				if field == "" {
					field = "sub"
				}
				line := rec.LogLine("KeyError: '" + field + "'")
				if line == "" {
					line = rec.LogLine("uid must be a non-empty string")
				}
				return []string{expected("the claim %s for everybody", field), seen("none"), "Paperless logged: " + clip(line, 200)}, line != "" && callbackCrashed(rec)
			},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["uid_field"] = "upn" })
			},
			Basis: on(ObservedAlone, hostileFacts+"5.3", paperlessFacts+"3.6"),
		},
	}
}

// callbackCrashed reports whether Paperless answered the callback with 500.
func callbackCrashed(rec evidence.Record) bool {
	h := rec.Hop("/login/callback/")
	return h != nil && h.Status == 500
}

// accountItems are sign-ins that reach no account, or the wrong one.
func accountItems() []*Item {
	return []*Item{
		{
			Code: "USER-INACTIVE", Guide: 0,
			Title:  "The Paperless account of the user is deactivated",
			Fix:    "In Paperless, Settings → Users & Groups → the user → Active.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, _ *deployment.Deployment) ([]string, bool) {
				return []string{expected("the browser ends signed in"), seen("Paperless's page %q", strings.TrimSpace(text(rec)))}, strings.Contains(text(rec), "account is inactive")
			},
			Plant: func(b *deployment.Deployment) {
				link(b, "round-trip", "alice-local", func(u *deployment.LocalUser) { u.Inactive = true })
			},
			Basis: on(ReadInSource, paperlessFacts+"4.2", settingFacts+"F16"),
		},
		{
			Code: "SIGN-CLOSED", Guide: 4,
			Title:  "Paperless makes no account: sign-ups by social accounts are closed",
			Fix:    "Remove PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS=false (true is the default), or link every user from My Profile → Connect new social account.",
			Breaks: checklist.FirstLogin,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				return []string{expected("an account for a user who has none"), seen("Paperless's page \"Sign Up Closed\""), setting(b, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS")}, signUpClosed(rec)
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				v, set := b.Paperless.Value("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS")
				on, _ := b.Paperless.Bool("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS")
				_, auto := b.Intends(deployment.AutoSignup)
				return []string{expected("sign-ups are open, because automatic sign-up is asked for"), seen("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS=%s", v)}, set && !on && auto
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS"] = "false" },
			Edit: func(evidence.Record, *deployment.Deployment) string {
				return envLine("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "true")
			},
			Basis: on(ObservedPair, pairFacts+"40-signups-closed"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Sign-up is open where automatic sign-up is on",
				Problem: "New users cannot get an account",
				Doc:     "With sign-ups closed new users get the page Sign Up Closed.",
				check:   checkClosed,
			}},
		},
		{
			Code: "SIGN-EMAILUSED", Guide: 4,
			Title:  "Another Paperless account has the user's e-mail address: a form is shown instead",
			Fix:    "Sign in to that account with its password and link it: My Profile → Connect new social account. Or change its e-mail address.",
			Breaks: checklist.FirstLogin,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				owner, ok := emailOwner(rec, b)
				if !ok || !signUpForm(rec) || rec.Check == "existing-user" {
					return nil, false
				}
				return []string{expected("no other account with the user's e-mail address"), seen("the account %q has it; Paperless shows its sign-up form", owner)}, b.Paperless.On(deployment.AutoSignup) || strings.Contains(text(rec), "An account already exists with this email")
			},
			Plant: func(b *deployment.Deployment) {
				u, _ := b.SSOUser("first-login")
				b.Paperless.Users = append(b.Paperless.Users, deployment.LocalUser{Username: "old-account", Email: u.Email, Password: "old-account-pw-4x1k"})
			},
			Basis: on(ObservedPair, pairFacts+"42-email-taken"),
		},
		{
			Code: "SIGN-OFF", Guide: 4,
			Title:  "Automatic sign-up is off: the first sign-in stops at a form",
			Fix:    "Set PAPERLESS_SOCIAL_AUTO_SIGNUP to true and recreate the container. No version of Paperless-ngx reads PAPERLESS_AUTO_CREATE.",
			Breaks: checklist.FirstLogin,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				by, wanted := b.Intends(deployment.AutoSignup)
				if !signUpForm(rec) || !wanted || b.Paperless.On(deployment.AutoSignup) {
					return nil, false
				}
				if _, ok := b.Paperless.Bool(deployment.AutoSignup); !ok {
					return nil, false // CFG-BOOL
				}
				return []string{
					expected("an account is made without asking, because %s", setting(b, by)),
					seen("Paperless's sign-up form; %s", setting(b, deployment.AutoSignup)),
					by + " is read by no version of Paperless-ngx",
				}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				by, wanted := b.Intends(deployment.AutoSignup)
				return []string{expected("%s=true", deployment.AutoSignup), seen("%s, which nothing reads", setting(b, by))}, wanted && by != deployment.AutoSignup
			},
			Plant: func(b *deployment.Deployment) {
				delete(b.Paperless.Env, deployment.AutoSignup)
				b.Paperless.Env["PAPERLESS_AUTO_CREATE"] = "true"
			},
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				by, _ := b.Intends(deployment.AutoSignup)
				return replaced(b, by, deployment.AutoSignup, "true")
			},
			Basis: on(ObservedPair, pairFacts+"00-guide-verbatim"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The first sign-in creates the account, where that is wanted",
				Problem: "The first sign-in stops at a form",
				Doc:     "Without PAPERLESS_SOCIAL_AUTO_SIGNUP every new user stops at a form.",
				check:   checkSignup,
			}},
		},
		{
			Code: "LINK-STALESUB", Guide: 4,
			Title:  "The account was linked under another subject: authentik now sends a different one",
			Fix:    "Set Subject mode (in authentik, Applications → Providers → the provider → Advanced protocol settings) back to what it was when users linked their accounts, or let each user link again: sign in with the password, My Profile → disconnect, Connect new social account.",
			Breaks: checklist.FirstLogin,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if was := unknownAgain(rec); was != nil && was.ProviderID == providerOf(b) {
					return []string{expected("the account of before, whose link has the subject of then (sub_mode %s)", cmp.Or(was.SubMode, "hashed_user_id")), seen("Paperless does not know %s; the subject is another one (sub_mode %s)", was.Who, subMode(b))}, true
				}
				l, ok := staleLink(rec, b)
				if !ok || l.ProviderID != providerOf(b) || !secondAccount(rec) {
					return nil, false
				}
				return []string{expected("the account %q, which is linked with %s", l.Username, l.ProviderID), seen("another account; authentik's subject is not the linked one (sub_mode %s)", subMode(b))}, true
			},
			Plant: func(b *deployment.Deployment) {
				u, _ := b.SSOUser("first-login")
				b.Paperless.Users = append(b.Paperless.Users, deployment.LocalUser{Username: u.Username, Email: "old." + u.Email, Password: "old-account-pw-4x1k"})
				b.Paperless.Links = append(b.Paperless.Links, deployment.Link{Username: u.Username, ProviderID: "authentik", Subject: "5f0c-subject-of-an-earlier-installation"})
			},
			Basis: on(Reported, reports+"F6.41", paperlessFacts+"3.6"),
		},
		{
			Code: "LINK-PROVID", Guide: 4,
			Title:  "The account was linked under another provider id",
			Fix:    "Set provider_id back to what it was when users linked their accounts: Paperless keeps the link under it.",
			Breaks: checklist.FirstLogin,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if was := unknownAgain(rec); was != nil && was.ProviderID != providerOf(b) {
					return []string{expected("the account of before, which is linked with %q", was.ProviderID), seen("Paperless does not know %s; the provider id is now %q", was.Who, providerOf(b))}, true
				}
				l, ok := staleLink(rec, b)
				if !ok || l.ProviderID == providerOf(b) || !secondAccount(rec) {
					return nil, false
				}
				return []string{expected("the account %q, which is linked with %q", l.Username, l.ProviderID), seen("another account; the provider id is now %q", providerOf(b))}, true
			},
			Plant: func(b *deployment.Deployment) {
				u, _ := b.SSOUser("first-login")
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.SubMode = "user_username" })
				b.Paperless.Users = append(b.Paperless.Users, deployment.LocalUser{Username: u.Username, Email: "old." + u.Email, Password: "old-account-pw-4x1k"})
				b.Paperless.Links = append(b.Paperless.Links, deployment.Link{Username: u.Username, ProviderID: "oidc", Subject: u.Username})
			},
			Basis: on(ReadInSource, paperlessFacts+"3.6"),
		},
		{
			Code: "SEC-EMAILAUTH", Guide: 0,
			Title:  "Whoever has the e-mail address at authentik becomes the local user",
			Fix:    `Remove email_authentication from the app's "settings" (any non-empty string counts as true, even "False"), and link accounts from My Profile. It signs users in by e-mail address alone and wipes the local password.`,
			Breaks: checklist.ExistingUser,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				app, _ := b.Paperless.App()
				v, set := app.Settings["email_authentication"]
				if !set || rec.Check != "existing-user" || !paperless.Truthy(v) || secondAccount(rec) { // who got one of their own reached no other
					return nil, false
				}
				return []string{expected("an unlinked local account stays out of reach"), seen("\"email_authentication\": %#v", v)}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["email_authentication"] = "False" })
				if b.Authentik.AtLeast("2025.10.0") { // its shipped mapping says false (docs/facts/authentik.md#4.6)
					b.Authentik.Mappings = append(b.Authentik.Mappings, deployment.ScopeMapping{
						Name: "verified e-mail", Scope: "email",
						Expression: `return {"email": request.user.email, "email_verified": True}`,
					})
				}
			},
			Basis: on(ObservedAlone, hostileFacts+"5.35", hostileFacts+"5.37"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Nobody becomes a local user by e-mail address alone",
				Problem: "Whoever has the e-mail address becomes the local user",
				Doc:     "Whoever has the address at authentik becomes the local user, and the local password is wiped since 2.12.0.",
				check:   checkEmailAuth,
			}, {
				Code: "SEC-VERIFIED", Level: source.Warning,
				Title:   "E-mail addresses count as verified only when authentik says so",
				Problem: "Every e-mail address counts as verified",
				Doc:     "verified_email counts every address as verified.",
				check:   checkVerifiedEmail,
			}},
		},
		{
			Code: "SIGN-DUPUSER", Guide: 4,
			Title:  "The user got a second account, under another name",
			Fix:    "The user name was taken by a local account. Link that one instead: sign in with its password, My Profile → Connect new social account; then delete the second account.",
			Breaks: checklist.FirstLogin,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if _, stale := staleLink(rec, b); stale || rec.Check != "first-login" && rec.Check != "existing-user" {
					return nil, false
				}
				u, ok := b.SSOUser(rec.Check)
				if !ok || !secondAccount(rec) || !hasUser(rec.Before, u.Username) {
					return nil, false
				}
				return []string{expected("the account %q", u.Username), seen("a new account %q; %q was there before and is not linked", newUser(rec), u.Username)}, true
			},
			Plant: func(b *deployment.Deployment) {
				u, _ := b.SSOUser("first-login")
				b.Paperless.Users = append(b.Paperless.Users, deployment.LocalUser{Username: u.Username, Email: "local." + u.Email, Password: "local-account-pw-4x1k"})
			},
			Basis: on(ObservedPair, pairFacts+"43-username-taken", reports+"F6.40"),
		},
		{
			Code: "LINK-OTHER", Guide: 4,
			Title:  "The user's authentik account is linked to somebody else's Paperless account",
			Fix:    "Sign in to the other account and disconnect it there (My Profile → Connected social accounts), then connect it here.",
			Breaks: checklist.Linking,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				other := strings.Contains(text(rec), "already connected to a different account")
				for _, n := range rec.Notes {
					other = other || strings.Contains(n, "already connected to a different account")
				}
				because := []string{expected("Paperless connects the account"), seen("%q", "The third-party account is already connected to a different account.")}
				for _, l := range b.Paperless.Links {
					because = append(because, fmt.Sprintf("%q is linked with %s", l.Username, l.ProviderID))
				}
				return because, other
			},
			Plant: func(b *deployment.Deployment) { link(b, "linking", "somebody-else", nil) },
			Basis: on(ObservedAlone, hostileFacts+"12.6"),
		},
		{
			Code: "IDP-NOEMAIL", Guide: 3,
			Title:  "The account has no e-mail address: the scope is not selected in authentik",
			Fix:    "In authentik, Applications → Providers → the provider → Advanced protocol settings → Selected Scopes: add authentik default OAuth Mapping: OpenID 'email' (and 'profile').",
			Breaks: checklist.FirstLogin,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				if p == nil || slices.Contains(p.Scopes, "email") || !rec.Signed.SignedIn() || rec.Signed.Email != "" || rec.Check != "first-login" {
					return nil, false
				}
				return []string{expected("the scopes openid, email and profile"), seen("the scopes %s; the account's e-mail address is empty", quoted(p.Scopes))}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				return []string{expected("the scope email"), seen("not selected")}, p != nil && !slices.Contains(p.Scopes, "email")
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.Scopes = []string{"openid", "profile"} })
			},
			Basis: on(ObservedPair, pairFacts+"62-scope-openid-only"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The provider has the scopes email and profile",
				Problem: "The provider lacks the scope email or profile",
				Doc:     "Accounts have no e-mail address, or no user name of authentik's.",
				check:   checkBlueprintEmail,
			}},
		},
	}
}

// link gives a user of authentik a linked local account before the first check.
func link(b *deployment.Deployment, role, username string, change func(*deployment.LocalUser)) {
	person, _ := b.SSOUser(role)
	b.EditProvider(func(p *deployment.OAuth2Provider) { p.SubMode = "user_username" })
	u := deployment.LocalUser{Username: username, Email: username + "@example.com", Password: "linked-account-pw-4x1k"}
	if change != nil {
		change(&u)
	}
	b.Paperless.Users = append(b.Paperless.Users, u)
	b.Paperless.Links = append(b.Paperless.Links, deployment.Link{Username: username, ProviderID: providerOf(b), Subject: person.Username})
}

func providerOf(b *deployment.Deployment) string {
	app, _ := b.Paperless.App()
	return app.ProviderID
}

func subMode(b *deployment.Deployment) string {
	if p := b.IdPProvider(); p != nil && p.SubMode != "" {
		return p.SubMode
	}
	return "hashed_user_id"
}

// unknownAgain is somebody who had an account before an upgrade and is treated
// as new after it, though the link is not known to be gone; nil for everybody else.
func unknownAgain(rec evidence.Record) *evidence.Linked {
	if rec.Was == nil || rec.Was.Still != nil && !*rec.Was.Still || !signUpForm(rec) && !signUpClosed(rec) && !secondAccount(rec) {
		return nil
	}
	return rec.Was
}

// staleLink is a link of the local account that has the user's name.
func staleLink(rec evidence.Record, b *deployment.Deployment) (deployment.Link, bool) {
	u, ok := b.SSOUser(rec.Check)
	if !ok {
		return deployment.Link{}, false
	}
	for _, l := range b.Paperless.Links {
		if l.Username == u.Username {
			return l, true
		}
	}
	return deployment.Link{}, false
}

// secondAccount reports whether the check made an account that was not there before.
func secondAccount(rec evidence.Record) bool { return newUser(rec) != "" }

func newUser(rec evidence.Record) string {
	if len(rec.Before) == 0 {
		return ""
	}
	for _, u := range rec.Users {
		if !slices.ContainsFunc(rec.Before, func(b evidence.User) bool { return b.ID == u.ID }) {
			return u.Username
		}
	}
	return ""
}

func hasUser(users []evidence.User, name string) bool {
	return slices.ContainsFunc(users, func(u evidence.User) bool { return strings.EqualFold(u.Username, name) })
}

// emailOwner is the other account that has the e-mail address of the check's person.
func emailOwner(rec evidence.Record, b *deployment.Deployment) (string, bool) {
	person, ok := b.SSOUser(rec.Check)
	if !ok || person.Email == "" {
		return "", false
	}
	for _, u := range rec.Before {
		if strings.EqualFold(u.Email, person.Email) && u.Username != person.Username {
			return u.Username, true
		}
	}
	for _, u := range b.Paperless.Users {
		if len(rec.Before) == 0 && strings.EqualFold(u.Email, person.Email) {
			return u.Username, true
		}
	}
	return "", false
}

// replaced is the edit that puts the real setting where the dead one stands.
func replaced(b *deployment.Deployment, name, by, value string) string {
	at := ""
	if o := b.Origins[name]; o.File != "" {
		at = o.String() + "\n"
	}
	if name == "" || name == by {
		return at + "+" + envLine(by, value)
	}
	return at + "-" + envLine(name, b.Paperless.Env[name]) + "\n+" + envLine(by, value)
}
