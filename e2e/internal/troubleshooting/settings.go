package troubleshooting

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// settingsItems are settings that do nothing, or something else than they look.
func settingsItems() []*Item {
	return []*Item{
		problem("CFG-UNKNOWN", 0, "A setting that this Paperless version does not read",
			"Remove it, or use the setting that does what was meant.",
			func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_ENABLE_ALLAUTH"] = "true" }),
		problem("CFG-PKCESTR", 0, "PKCE is on although the configuration says \"False\"",
			"Write the JSON boolean false, without quotes.",
			func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { oc["OAUTH_PKCE_ENABLED"] = "False" })
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
		},
		problem("CFG-PKCEPLACE", 0, "The PKCE switch stands where it is not read",
			"Put OAUTH_PKCE_ENABLED beside APPS; inside an app's settings the name is oauth_pkce_enabled (2.14.0 and later).",
			func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { delete(oc, "OAUTH_PKCE_ENABLED") })
				b.EditSettings(func(s map[string]any) { s["OAUTH_PKCE_ENABLED"] = true })
			}),
		problem("CFG-SCOPES", 0, "The scopes stand under a name that is not read",
			"Rename SCOPES to SCOPE.",
			func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { oc["SCOPES"] = []any{"openid", "profile", "email", "groups"} })
			}),
		problem("CFG-CLAIMS", 0, "The claims setting does nothing",
			"Remove claims. To make the e-mail address the user name, let authentik's profile mapping return it as preferred_username.",
			func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["claims"] = map[string]any{"username": "email"} })
			}),
		problem("CFG-MAILOAUTH", 3, "PAPERLESS_OAUTH_CALLBACK_BASE_URL does not change the redirect URI of the sign-in",
			"Remove it unless Paperless fetches mail from Gmail or Outlook. The redirect URI follows the Host header that reaches Paperless.",
			func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_OAUTH_CALLBACK_BASE_URL"] = b.Paperless.URL }),
		problem("SEC-PROTO", 0, "The redirect URI's scheme is left to chance",
			"Remove PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL; https is the default.",
			func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"] = "http"
				b.Paperless.Env["PAPERLESS_PROXY_SSL_HEADER"] = `["HTTP_X_FORWARDED_PROTO", "https"]`
			}),
	}
}

// problem is an item over deployment.Problems: the check only warns.
func problem(code string, guide int, title, fix string, plant func(*deployment.Deployment)) *Item {
	return &Item{
		Code: code, Guide: guide, Title: title, Fix: fix, Breaks: checklist.Settings, Warns: true, Plant: plant,
		Match: func(_ evidence.Record, b *deployment.Deployment) ([]string, bool) {
			var because []string
			for _, p := range deployment.Problems(b) {
				if p.Code != code {
					continue
				}
				line := where(b, p.Setting) + ": " + p.Seen
				if p.Wanted != "" {
					line += "; meant is " + p.Wanted
				}
				because = append(because, line)
			}
			return because, len(because) > 0
		},
		Edit: func(_ evidence.Record, b *deployment.Deployment) string {
			var lines []string
			for _, p := range deployment.Problems(b) {
				if p.Code == code && code == "CFG-UNKNOWN" {
					value := b.Paperless.Env[p.Setting]
					if strings.HasPrefix(p.Wanted, "PAPERLESS_") {
						lines = append(lines, replaced(b, p.Setting, p.Wanted, value))
					} else {
						lines = append(lines, "-"+envLine(p.Setting, value))
					}
				}
			}
			return strings.Join(lines, "\n")
		},
	}
}
