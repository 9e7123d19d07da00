package troubleshooting

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// settingsItems are settings that do nothing, or something else than they look.
func settingsItems() []*Item {
	return []*Item{
		problem(Item{
			Code: "CFG-UNKNOWN", Guide: 0,
			Title: "A setting that this Paperless version does not read",
			Fix:   "Remove the PAPERLESS_ setting that is named, or use the one that does what was meant.",
			Basis: on(ObservedPair, pairFacts+"03-no-dead-knobs", pairFacts+"04-enable-allauth-false"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Paperless reads every setting",
				Problem: "Paperless does not read a setting",
				Doc:     "Names that this version does not read are silently ignored.",
				Lost:    true,
				check:   checkUnknown,
			}},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_ENABLE_ALLAUTH"] = "true" },
		}),
		problem(Item{
			Code: "CFG-PKCESTR", Guide: 0,
			Title: "PKCE is on although the configuration says \"False\"",
			Fix:   "Write OAUTH_PKCE_ENABLED as a JSON boolean, without quotes: false.",
			Basis: on(ReadInSource, paperlessFacts+"1", reports+"0.7"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "OAUTH_PKCE_ENABLED is true or false",
				Problem: "OAUTH_PKCE_ENABLED is a string",
				Doc:     "Every non-empty string switches PKCE on, even \"False\".",
				check:   checkPKCE,
			}},
			Plant: func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { oc["OAUTH_PKCE_ENABLED"] = "False" })
			},
		}),
		{
			Code: "SEC-PKCE", Guide: 0,
			Title:  "PKCE is off: a stolen code can be used elsewhere",
			Fix:    `Put "OAUTH_PKCE_ENABLED": true beside "APPS" in PAPERLESS_SOCIALACCOUNT_PROVIDERS; authentik needs no change.`,
			Breaks: checklist.PKCEState, Warns: true,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				h := rec.Hop(authentik.AuthorizationPath)
				if rec.Check != "pkce-state" || h == nil || strings.Contains(h.URL, "code_challenge=") || b.Observed {
					return nil, false
				}
				return []string{expected("code_challenge in the authorization request"), seen("none"), setting(b, deployment.ProvidersKey)}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { delete(oc, "OAUTH_PKCE_ENABLED") })
			},
			Basis: on(ObservedPair, pairFacts+"65-pkce-off", hostileFacts+"9.3"),
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "PKCE is on",
				Problem: "PKCE is off",
				Doc:     "Without it a stolen code can be used by who does not have the browser that began.",
				check:   checkPKCEOff,
			}},
		},
		problem(Item{
			Code: "CFG-PKCEPLACE", Guide: 0,
			Title: "The PKCE switch stands where it is not read",
			Fix:   "Put OAUTH_PKCE_ENABLED beside APPS; inside an app's settings the name is oauth_pkce_enabled (2.14.0 and later).",
			Basis: on(ReadInSource, paperlessFacts+"3.6", reports+"0.7"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "OAUTH_PKCE_ENABLED stands beside APPS",
				Problem: "OAUTH_PKCE_ENABLED stands in the wrong place",
				Doc:     "In the app or its settings it is not read.",
				check:   checkPKCEPlace,
			}},
			Plant: func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { delete(oc, "OAUTH_PKCE_ENABLED") })
				b.EditSettings(func(s map[string]any) { s["OAUTH_PKCE_ENABLED"] = true })
			},
		}),
		problem(Item{
			Code: "CFG-SCOPES", Guide: 0,
			Title: "The scopes stand under a name that is not read",
			Fix:   "Rename SCOPES to SCOPE.",
			Basis: on(ReadInSource, paperlessFacts+"3.6"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Scopes stand under SCOPE",
				Problem: "Scopes stand where nothing reads them",
				Doc:     "SCOPES is not read.",
				check:   checkScopes,
			}},
			Plant: func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { oc["SCOPES"] = []any{"openid", "profile", "email", "groups"} })
			},
		}),
		problem(Item{
			Code: "CFG-CLAIMS", Guide: 0,
			Title: "The claims setting does nothing",
			Fix:   "Remove claims. To make the e-mail address the user name, let authentik's mapping for profile (Customization → Property Mappings) return it as preferred_username.",
			Basis: on(ObservedPair, pairFacts+"06-claims-none"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The settings have no claims",
				Problem: "The settings have claims, which nothing reads",
				Doc:     "No version reads it; the user name comes from preferred_username.",
				check:   checkClaims,
			}},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["claims"] = map[string]any{"username": "email"} })
			},
		}),
		problem(Item{
			Code: "CFG-MAILOAUTH", Guide: 3,
			Title: "PAPERLESS_OAUTH_CALLBACK_BASE_URL does not change the redirect URI of the sign-in",
			Fix:   "Remove PAPERLESS_OAUTH_CALLBACK_BASE_URL unless Paperless fetches mail from Gmail or Outlook. The redirect URI follows the Host header that reaches Paperless.",
			Basis: on(Reported, reports+"F1.2", paperlessFacts+"2"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Mail settings are not confused with sign-in settings",
				Problem: "A mail setting is taken for a sign-in setting",
				Doc:     "PAPERLESS_OAUTH_CALLBACK_BASE_URL does not change the redirect URI.",
				check:   checkMailOAuth,
			}},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_OAUTH_CALLBACK_BASE_URL"] = b.Paperless.URL },
		}),
		problem(Item{
			Code: "SEC-PROTO", Guide: 0,
			Title: "The redirect URI's scheme is left to chance",
			Fix:   "Remove PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL; https is the default.",
			Basis: on(ObservedPair, pairFacts+"35-default-proto-http"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The redirect URI of a public site is https",
				Problem: "The scheme of the redirect URI is left to the proxy",
				Doc:     "With http its scheme is what the proxy says, right or wrong.",
				check:   only("SEC-PROTO", checkProto),
			}},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"] = "http"
				b.Paperless.Env["PAPERLESS_PROXY_SSL_HEADER"] = `["HTTP_X_FORWARDED_PROTO", "https"]`
			},
		}),
	}
}

// problem is an item over deployment.Problems: the check only warns.
func problem(i Item) *Item {
	i.Breaks, i.Warns = checklist.Settings, true
	i.Match = func(_ evidence.Record, b *deployment.Deployment) ([]string, bool) {
		var because []string
		for _, p := range source.Problems(b) {
			if p.Code != i.Code {
				continue
			}
			line := where(b, p.Setting) + ": " + p.Seen
			if p.Wanted != "" {
				line += "; meant is " + p.Wanted
			}
			because = append(because, line)
		}
		return because, len(because) > 0
	}
	i.Edit = func(_ evidence.Record, b *deployment.Deployment) string {
		var lines []string
		for _, p := range source.Problems(b) {
			if p.Code == i.Code && i.Code == "CFG-UNKNOWN" {
				value := b.Paperless.Env[p.Setting]
				if strings.HasPrefix(p.Wanted, "PAPERLESS_") {
					lines = append(lines, replaced(b, p.Setting, p.Wanted, value))
				} else {
					lines = append(lines, "-"+envLine(p.Setting, value))
				}
			}
		}
		return strings.Join(lines, "\n")
	}
	return &i
}
