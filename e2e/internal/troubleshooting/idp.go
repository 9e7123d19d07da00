package troubleshooting

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// idpItems are authentik's own refusals, before it sends anybody back.
func idpItems() []*Item {
	return []*Item{
		{
			Code: "IDP-CLIENT", Guide: 3,
			Title:  "authentik does not know the client id",
			Fix:    "Copy the Client ID (in authentik, Applications → Providers → the provider → Edit) into client_id of PAPERLESS_SOCIALACCOUNT_PROVIDERS.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				quote, ok := refusedAuthorization(rec, authentik.ClientIDError, authentik.LogClientID)
				if !ok {
					return nil, false
				}
				sent := ""
				if u := authorizeURL(rec); u != nil {
					sent = u.Query().Get("client_id")
				}
				return []string{expected("client id %s", clientIDs(b)), seen("client id %q was sent; %s", sent, quote)}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				app, ok := b.Paperless.App()
				if !ok || len(b.Authentik.Providers) == 0 {
					return nil, false
				}
				known := slices.ContainsFunc(b.Authentik.Providers, func(p deployment.OAuth2Provider) bool { return p.ClientID == app.ClientID })
				return []string{expected("client id %s", clientIDs(b)), seen("client id %q", app.ClientID)}, !known
			},
			Plant: func(b *deployment.Deployment) {
				b.EditApp(func(app map[string]any) { app["client_id"] = "paperless-ngx" })
			},
			Basis: on(ObservedPair, pairFacts+"31-wrong-client-id"),
			InFiles: []Rule{{
				Level: source.Error,
				Title: "authentik knows the client id",
				Doc:   "authentik answers: Client ID Error.",
				check: checkBlueprintClient,
			}, {
				Code: "CFG-CLIENTID", Level: source.Error,
				Title:   "The app has a client_id",
				Problem: "The app has no client_id",
				Doc:     "The provider answers that it does not know the client.",
				check:   checkClientID,
			}},
		},
		{
			Code: "IDP-GRANT", Guide: 0,
			Title:    "The provider in authentik has no grant types: it refuses every request",
			Fix:      "Give the provider (in the blueprint, or in authentik, Applications → Providers → the provider) grant_types: [authorization_code, refresh_token]. Since 2026.5 a provider made by blueprint or API starts with none.",
			Breaks:   checklist.RoundTrip,
			Versions: Versions{AuthentikFrom: "2026.5.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				h := rec.Hop("/login/callback/")
				if p == nil || slices.Contains(p.GrantTypes, "authorization_code") || h == nil || !strings.Contains(h.URL, "error=invalid_request") {
					return nil, false
				}
				return []string{expected("grant_types with authorization_code"), seen("grant_types %v; authentik sent the browser back with error=invalid_request", p.GrantTypes)}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				return []string{expected("grant_types with authorization_code"), seen("none")}, p != nil && !slices.Contains(p.GrantTypes, "authorization_code")
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.GrantTypes = nil })
			},
			Basis: on(ReadInSource, "docs/facts/releases-2026.md#M3", "docs/facts/releases-2026.md#1.4", authentikFacts+"0.1"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The provider has the grant type authorization_code",
				Problem: "The provider lacks the grant type authorization_code",
				Doc:     "authentik 2026.5 refuses every request without.",
				check:   checkBlueprintGrant,
			}},
		},
		{
			Code: "IDP-DENIED", Guide: 0,
			Title:  "authentik denies the user this application",
			Fix:    "In authentik, Applications → the application → Policy / Group / User Bindings: bind a group that the user is in, or correct the policy. Check access there shows who may.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if !denied(rec) {
					return nil, false
				}
				because := []string{expected("authentik sends the browser back with a code"), seen("authentik's page %q", strings.TrimSpace(text(rec)))}
				if a := b.IdPApplication(); a != nil {
					if len(a.Groups) > 0 {
						because = append(because, "the application is bound to the groups "+quoted(a.Groups))
					}
					if a.Deny {
						because = append(because, "a policy of the application returns False")
					}
					because = append(because, a.Nobody...)
				}
				return because, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				a := b.IdPApplication()
				because := []string{expected("users may use the application")}
				switch {
				case a == nil:
					return nil, false
				case len(a.Nobody) > 0:
					return append(because, seen("%s", strings.Join(a.Nobody, "; "))), true
				}
				return append(because, seen("a policy of the application returns False")), a.Deny
			},
			Plant: func(b *deployment.Deployment) { b.Authentik.Applications[0].Deny = true },
			Basis: on(ObservedPair, pairFacts+"60-denied-by-policy"),
		},
		{
			Code: "IDP-INACTIVE", Guide: 0,
			Title:  "The user is deactivated in authentik",
			Fix:    "In authentik, Directory → Users → the user → Activate. authentik says \"Invalid password\" for deactivated users too.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				u, ok := inactive(rec, b)
				if !ok || !refusedPassword(rec) {
					return nil, false
				}
				return []string{expected("%s can sign in at authentik", u.Username), seen("authentik says %q; %s has is_active: false", authentik.InvalidPassword, u.Username)}, true
			},
			Plant: func(b *deployment.Deployment) {
				for i := range b.Authentik.Users {
					if b.Authentik.Users[i].Role == "round-trip" {
						b.Authentik.Users[i].Inactive = true
					}
				}
			},
			Basis: on(ObservedPair, pairFacts+"61-ak-inactive", "docs/facts/running-pair.md#authentik"),
		},
		{
			Code: "IDP-PASSWORD", Guide: 0,
			Title:  "authentik refuses the password",
			Looks:  []string{"the page where the browser ended", "authentik's events", "the users in authentik"},
			Fix:    "Correct the password that the tester was given (SSO_PASSWORD), or reset it in authentik (Directory → Users → the user). authentik gives the same answer for unknown users.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if _, off := inactive(rec, b); off || !refusedPassword(rec) {
					return nil, false
				}
				return []string{expected("authentik accepts the password"), seen("authentik says %q", authentik.InvalidPassword)}, true
			},
			Plant: nil, // a wrong password of the tester, not of a deployment: shown from recorded evidence
			Basis: on(ObservedAlone, authentikFacts+"4.5"),
		},
		{
			Code: "RED-EMPTY", Guide: 3,
			Title:  "The provider has no redirect URI",
			Fix:    "In authentik, Applications → Providers → the provider → Redirect URIs/Origins: register the redirect URI yourself, strict. Up to authentik 2026.2 an empty list takes the first address that it sees, whoever sends it; from 2026.5 on it refuses everybody.",
			Breaks: checklist.Settings, Warns: true,
			BreaksWith: map[string]*check.Check{"2026.5.0": checklist.RoundTrip}, // docs/facts/releases-2026.md#M4
			Shows:      oidc.Authorization,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				because := []string{expected("strict: %s", b.RedirectURI()), seen("an empty list")}
				if refusesAll(b) {
					sent, quote := refusedRedirect(rec)
					return append(because, quote), sent != ""
				}
				return because, noRedirectURI(b)
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.RedirectURIs = nil })
			},
			Edit:  func(_ evidence.Record, b *deployment.Deployment) string { return "Strict  " + b.RedirectURI() },
			Basis: on(ObservedPair, pairFacts+"23-redirect-empty", authentikFacts+"2"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The provider has a redirect URI",
				Problem: "The provider has no redirect URI",
				Doc:     "authentik takes the first one that it sees, whoever sends it.",
				check:   checkNoRedirect,
			}},
		},
		{
			Code: "RED-REGEX", Guide: 3,
			Title:  "The redirect URI is matched as a regular expression",
			Fix:    "In authentik, Applications → Providers → the provider → Redirect URIs/Origins: set the matching mode to Strict; in a regular expression a dot stands for every character (RFC 9700 asks for exact matching).",
			Breaks: checklist.RedirectURIStrict,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				if p == nil || rec.Check != "redirect-uri-strict" {
					return nil, false
				}
				for _, r := range p.RedirectURIs {
					if r.MatchingMode == "regex" {
						return append([]string{expected("strict"), seen("regex %s", r.URL)}, acceptedRedirects(rec)...), true
					}
				}
				return nil, false
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) {
					p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "regex", URL: "https://.*" + paperless.OIDCPath + ".*"}}
				})
			},
			Edit:  func(_ evidence.Record, b *deployment.Deployment) string { return "Strict  " + b.RedirectURI() },
			Basis: on(ReadInSource, authentikFacts+"2"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Redirect URIs are matched strictly",
				Problem: "A redirect URI is a pattern",
				Doc:     "A dot of a regular expression is any character.",
				check:   checkRegex,
			}},
		},
	}
}

// denied reports whether the browser ended on authentik's page for users who may
// not use an application. Its title is there before its text.
func denied(rec evidence.Record) bool {
	if rec.Final == nil {
		return false
	}
	return strings.HasPrefix(rec.Final.Title, authentik.DeniedTitle) ||
		strings.Contains(rec.Final.Text, authentik.DeniedTitle) && strings.Contains(rec.Final.Text, authentik.DeniedText)
}

// acceptedRedirects are the wrong redirect URIs that authentik took.
func acceptedRedirects(rec evidence.Record) []string {
	const shown = 3 // other hosts come first
	var out []string
	for _, p := range rec.Probes {
		u, err := url.Parse(p.URL)
		if what, ok := strings.CutPrefix(p.Name, "redirect_uri with "); ok && err == nil && p.Status > 0 && p.Status < 400 {
			out = append(out, fmt.Sprintf("accepted, with %s: %s", what, u.Query().Get("redirect_uri")))
		}
	}
	if more := len(out) - shown; more > 0 {
		out = append(out[:shown], fmt.Sprintf("and %d more that are not the registered one", more))
	}
	return out
}

func clientIDs(b *deployment.Deployment) string {
	var ids []string
	for _, p := range b.Authentik.Providers {
		ids = append(ids, fmt.Sprintf("%q", p.ClientID))
	}
	if len(ids) == 0 {
		return "of a provider in authentik"
	}
	return strings.Join(ids, " or ")
}

// refusedPassword reports whether the browser ended on authentik's sign-in because
// the password was refused.
func refusedPassword(rec evidence.Record) bool {
	if rec.Final == nil || len(rec.Final.Stages) == 0 {
		return false
	}
	t := text(rec)
	return strings.Contains(t, authentik.InvalidPassword) || slices.Contains(rec.Events, authentik.LoginFailed)
}

// inactive is the user of the check, when the configuration has them deactivated.
func inactive(rec evidence.Record, b *deployment.Deployment) (deployment.AuthentikUser, bool) {
	role := rec.Check
	u, ok := b.SSOUser(role)
	if !ok {
		u, ok = b.SSOUser("probe")
	}
	return u, ok && u.Inactive
}
