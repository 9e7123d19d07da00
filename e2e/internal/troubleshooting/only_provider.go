package troubleshooting

import (
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// providerCauses are about PAPERLESS_APPS and the shape of the provider JSON.
func providerCauses() []*Item {
	return []*Item{
		{
			Code:   "CFG-APPTWICE",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "PAPERLESS_APPS names nothing that is there anyway",
				Problem: "PAPERLESS_APPS names what is there anyway",
				Doc:     "allauth and allauth.socialaccount twice: Paperless does not start.",
				check:   checkAppTwice,
			}},
		},
		{
			Code: "CFG-JSONKEY",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Every key of the provider JSON is read",
				Problem: "Nothing reads a key of the provider JSON",
				Doc:     "Others are silently ignored.",
				Lost:    true,
				check:   checkJSONKeys,
			}},
		},
		{
			Code: "CFG-JSONDUP",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Every key of the provider JSON is unique",
				Problem: "A key of the provider JSON is duplicated",
				Doc:     "Of duplicate keys the last one counts.",
				Lost:    true,
				check:   checkJSONTwice,
			}},
		},
	}
}

// appCauses are about the app in the provider JSON.
func appCauses() []*Item {
	return []*Item{
		{
			Code:   "CFG-APPNAME",
			Breaks: checklist.LoginButton,
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The app has a name",
				Problem: "The app has no name",
				Doc:     "The name is the button's text.",
				check:   checkAppName,
			}},
		},
	}
}

// serverCauses are about server_url.
func serverCauses() []*Item {
	return []*Item{
		{
			Code:   "NET-INNER",
			Breaks: checklist.RoundTrip,
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Users' browsers reach authentik under the name in server_url",
				Problem: "Browsers cannot resolve the name in server_url",
				Doc:     "A name of the Docker network means nothing to a browser.",
				check:   checkInnerName,
			}},
		},
		{
			Code: "NET-PLAIN",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "server_url is https",
				Problem: "server_url is plain http",
				Doc:     "The client secret would travel unencrypted, and the issuer has another scheme than users see.",
				check:   checkPlain,
			}},
		},
		{
			Code: "NET-SLASH",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "server_url has no slash at the end",
				Problem: "server_url has a slash at the end",
				Doc:     "Paperless asks for an address with two slashes.",
				check:   checkServerSlash,
			}},
		},
	}
}

// otherProviderCauses are about whose OpenID provider it is.
func otherProviderCauses() []*Item {
	return []*Item{
		{
			Code: "IDP-OTHER",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The provider is authentik",
				Problem: "The provider is not authentik",
				Doc:     "Of another product's provider only what holds for every OpenID provider is checked, and no run can stand for it.",
				check:   checkOtherIdP,
			}},
		},
	}
}

// blueprintCauses compare the Paperless side with a blueprint; without one there
// is nothing to compare.
func blueprintCauses() []*Item {
	return []*Item{
		{
			Code:   "RED-FORM",
			Breaks: checklist.RoundTrip,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Redirect URIs have the form of this authentik version",
				Problem: "Redirect URIs have the form of another authentik version",
				Doc:     "A string before 2024.12, a list since then: authentik refuses the blueprint as a whole.",
				check:   checkTextURIs,
			}},
		},
		{
			Code: "IDP-EMAILVER",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "authentik says whether an e-mail address is verified",
				Problem: "authentik calls no e-mail address verified",
				Doc:     "From 2025.10 its own mapping always says no, so signing in by e-mail address does nothing.",
				check:   checkEmailVerified,
			}},
		},
		{
			Code: "TOK-PUBLIC",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The client is confidential",
				Problem: "The client is public",
				Doc:     "A public client has no secret: whoever knows the client id can use a stolen code.",
				check:   checkBlueprintPublic,
			}},
		},
		{
			Code: "IDT-HS256",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The provider has a signing key",
				Problem: "The provider has no signing key",
				Doc:     "Without one tokens are signed with the client secret.",
				check:   checkBlueprintKey,
			}},
		},
		{
			Code: "LINK-SUBMODE",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The subject does not change",
				Problem: "The subject can change",
				Doc:     "Paperless knows users by the subject: after a change everybody is new.",
				check:   checkBlueprintSubject,
			}},
		},
		{
			Code: "IDP-UNKNOWN",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The blueprint's values are known here",
				Problem: "A value of the blueprint is not known here",
				Doc:     "One that only the authentik that runs has, such as an !Env that is not set, cannot be compared.",
				check:   checkBlueprintUnknown,
			}},
		},
		{
			Code: "IDP-ACCESS",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "Everybody may use the application",
				Problem: "Not everybody may use the application",
				Doc:     "A binding to a group lets in its members only.",
				check:   checkBlueprintAccess,
			}},
		},
		{
			Code: "IDP-UNSURE",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The blueprint says everything itself",
				Problem: "The blueprint leaves something to authentik",
				Doc:     "What only a running authentik knows was left out.",
				check:   checkBlueprintNotes,
			}},
		},
	}
}

// loginCauses are about accounts and the way in.
func loginCauses() []*Item {
	return []*Item{
		{
			Code: "CFG-NOLOGIN",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The files have a login setting",
				Problem: "The file has no login setting",
				Doc:     "Without any, Paperless has its own sign-in page only, with user name and password.",
				check:   checkNoLogin,
			}},
		},
		{
			Code: "REG-NOACCOUNT",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Somebody has an account before the regular login goes",
				Problem: "Whoever is not linked yet cannot get in",
				Doc:     "With sign-ups closed only users who are linked already can get in.",
				check:   checkNoAccount,
			}},
		},
		{
			Code: "REG-FRESH",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The first account is there before the regular login goes",
				Problem: "An empty database leads everybody to the sign-up page",
				Doc:     "Without any account Paperless leads everybody to its sign-up page, which has no SSO button.",
				check:   checkFresh,
			}},
		},
		{
			Code:   "SEC-AUTOLOGIN",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Nobody is signed in without asking",
				Problem: "Every visitor is signed in",
				Doc:     "PAPERLESS_AUTO_LOGIN_USERNAME signs every visitor in as that user.",
				check:   checkAutoLogin,
			}},
		},
		{
			Code: "SEC-SIGNUP",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Strangers cannot make accounts with a password",
				Problem: "Strangers can make accounts with a password",
				Doc:     "PAPERLESS_ACCOUNT_ALLOW_SIGNUPS opens the sign-up page to everybody.",
				check:   checkOpenSignup,
			}},
		},
	}
}

// proxyCauses are about addresses and the reverse proxy.
func proxyCauses() []*Item {
	return []*Item{
		{
			Code:   "PROXY-PREFIX",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The path prefix begins with a slash and has none at the end",
				Problem: "The path prefix has the wrong form",
				Doc:     "Addresses come out wrong, the redirect URI too.",
				check:   checkPrefix,
			}},
		},
		{
			Code:   "PROXY-ORIGINS",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Trusted origins have a scheme",
				Problem: "A trusted origin has no scheme",
				Doc:     "Paperless does not start.",
				check:   checkOrigins,
			}},
		},
	}
}
