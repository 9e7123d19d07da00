package troubleshooting

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// stateItems are sign-ins that come back to a Paperless that has forgotten them.
func stateItems() []*Item {
	return []*Item{{
		Code: "STATE-LOST", Guide: 3,
		Title:  "Paperless has lost the session in which the sign-in began",
		Fix:    "Open Paperless under one host name only, let the session live longer than a sign-in takes (PAPERLESS_SESSION_COOKIE_AGE is in seconds; 0 ends it at once), and let no proxy drop cookies.",
		Breaks: checklist.RoundTrip,
		Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
			if !callbackError(rec) || tokenExchange(rec) != nil {
				return nil, false
			}
			// Before 2.20.2 Paperless logs no reason, so a log without one proves
			// nothing: then it takes the back channel to know that no token was asked for.
			if r := reason(rec); r != "None" && (r != "" || !backHeard(rec)) {
				return nil, false
			}
			h := rec.Hop("/login/callback/")
			if h == nil || strings.Contains(h.URL, "error=") || !strings.Contains(h.URL, "code=") {
				return nil, false
			}
			because := []string{expected("the state that Paperless gave comes back in the same session")}
			x := rec.Find(evidence.Front, "paperless", oidc.RedirectURI)
			switch {
			case x != nil && !slices.ContainsFunc(x.Cookies, func(c string) bool { return strings.HasSuffix(c, paperless.SessionCookie) }):
				because = append(because, seen("the callback came without a session cookie (cookies: %s)", quoted(x.Cookies)))
			default:
				because = append(because, seen("Paperless does not know the state that came back"))
			}
			if _, set := b.Paperless.Value("PAPERLESS_SESSION_COOKIE_AGE"); set {
				because = append(because, setting(b, "PAPERLESS_SESSION_COOKIE_AGE"))
			}
			return because, true
		},
		Plant: func(b *deployment.Deployment) {
			if b.Paperless.AtLeast("2.13.0") {
				b.Paperless.Env["PAPERLESS_SESSION_COOKIE_AGE"] = "0"
				return
			}
			b.Paperless.Proxy.StripSetCookie = paperless.OIDCPath // the state lives in the session
		},
		Basis: on(ObservedAlone, hostileFacts+"2.5", reports+"F14"),
	}}
}

// tokenItems are failures at the token endpoint, with the ID token and at the
// userinfo endpoint. The page never says which it was (docs/facts/failures.md#0.5).
func tokenItems() []*Item {
	return slices.Concat([]*Item{
		secretItem(Item{
			Code: "CFG-DOLLAR", Guide: 0,
			Title: "Compose removed the $ from the client secret",
			Fix:   "Write $$ for every $ in a compose file, or put the secret in single quotes in an env file.",
			Basis: on(Reported, reports+"0.8"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "A $ that belongs to a value arrives",
				Problem: "A $ of the value is taken for a variable",
				Doc:     "Compose reads $name as a variable: a secret with a $ arrives shortened.",
				OfForm:  true,
				Lost:    true,
				check:   checkDollar,
			}},
		}, deployment.SecretDollar, func(secret string) (paperless, authentik string) {
			return strings.Replace(secret, "-client-", "--", 1), strings.Replace(secret, "-client-", "-$client-", 1)
		}),
		secretItem(Item{
			Code: "CFG-NEWLINE", Guide: 0,
			Title: "The client secret ends in a line break",
			Fix:   "Remove the line break at the end of secret in PAPERLESS_SOCIALACCOUNT_PROVIDERS (printf '%s', not echo, when you make the file).",
			Basis: on(ReadInSource, reports+"F5.38"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Values have no line break at the end",
				Problem: "A line break becomes part of the value",
				Doc:     "A line break becomes part of the secret or the name.",
				OfForm:  true,
				Lost:    true,
				check:   checkNewline,
			}},
		}, deployment.SecretNewline, func(secret string) (string, string) { return secret + "\n", secret }),
		secretItem(Item{
			Code: "CFG-SECRETQUOTES", Guide: 0,
			Title: "The client secret has literal quotes around it",
			Fix:   "Remove the quotes around the value of secret in PAPERLESS_SOCIALACCOUNT_PROVIDERS.",
			Basis: on(Modelled),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The client secret has no quotes of its own",
				Problem: "The client secret has quotes of its own",
				Doc:     "authentik refuses the secret.",
				check:   checkSecretQuotes,
			}},
		}, deployment.SecretQuotes, func(secret string) (string, string) { return `"` + secret + `"`, secret }),
		secretItem(Item{
			Code: "TOK-TYPO", Guide: 3,
			Title: "The client secret differs in one character",
			Fix:   "Copy the Client Secret again: in authentik, Applications → Providers → the provider → Edit.",
			Basis: on(Reported, reports+"F2.11"),
		}, deployment.SecretOneOff, func(secret string) (string, string) { return secret[:len(secret)-1], secret }),
		{
			Code: "TOK-SECRET", Guide: 3,
			Title:  "authentik refuses the client secret",
			Fix:    "Copy the Client Secret (in authentik, Applications → Providers → the provider → Edit) into secret of PAPERLESS_SOCIALACCOUNT_PROVIDERS and recreate the container.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				rel := b.SecretRelation()
				if tokenError(rec) != "invalid_client" || (rel != deployment.SecretOther && rel != deployment.SecretEmpty && rel != deployment.SecretUnknown && rel != deployment.SecretSpace) {
					return nil, false
				}
				return append([]string{expected("the client secret that authentik has"), seen("%s", secretWords[rel])}, tokenAnswer(rec)...), true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				rel := b.SecretRelation()
				return []string{expected("the client secret that authentik has"), seen("%s", secretWords[rel])}, sends(b) && (rel == deployment.SecretOther || rel == deployment.SecretEmpty || rel == deployment.SecretSpace)
			},
			Plant: func(b *deployment.Deployment) {
				b.EditApp(func(app map[string]any) { app["secret"] = "another-client-secret-9876543210" })
			},
			Basis: on(ObservedPair, pairFacts+"30-wrong-secret"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Both sides have the same client secret",
				Problem: "The two sides have different client secrets",
				Doc:     "authentik refuses the client at the end of the sign-in.",
				check:   checkBlueprintSecret,
			}, {
				Code: "CFG-NOSECRET", Level: source.Warning,
				Title:   "The app has a secret",
				Problem: "The app has no secret",
				Doc:     "Unless the client is public, the provider refuses it at the end of the sign-in.",
				check:   checkNoSecret,
			}},
		},
		{
			Code: "TOK-METHOD", Guide: 3,
			Title:  "The client authentication does not arrive at the token endpoint",
			Fix:    `Set "token_auth_method" in the app's "settings" to the method that gets through; client_secret_basic needs the Authorization header, which a proxy with its own password strips.`,
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				x := tokenExchange(rec)
				if tokenError(rec) != "invalid_client" || b.SecretRelation() != deployment.SecretEqual || x == nil {
					return nil, false
				}
				return append([]string{expected("a method that reaches authentik"), seen("%s with the right secret, refused", x.Auth)}, tokenAnswer(rec)...), true
			},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["token_auth_method"] = "client_secret_basic" })
				b.Authentik.Proxy.DropAuthorization = true
			},
			Edit: func(rec evidence.Record, _ *deployment.Deployment) string {
				other := "client_secret_post"
				if x := tokenExchange(rec); x != nil && x.Auth == "client_secret_post" {
					other = "client_secret_basic"
				}
				return fmt.Sprintf(`"settings": {"server_url": "…", "token_auth_method": %q}`, other)
			},
			Basis: on(Reported, reports+"F2.12", reports+"F2.13"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "token_auth_method is one of the two",
				Problem: "token_auth_method is an unknown word",
				Doc:     "Every value but client_secret_basic means client_secret_post.",
				check:   checkTokenMethod,
			}},
		},
		{
			Code: "TOK-CODE", Guide: 3,
			Title:  "authentik refuses the code: it is no longer valid",
			Fix:    "In authentik, Applications → Providers → the provider → Advanced protocol settings → Access code validity: minutes=1. Look at the clocks of both hosts.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if tokenError(rec) != "invalid_grant" {
					return nil, false
				}
				because := []string{expected("the code is used within its validity (minutes=1 by default)")}
				if p := b.IdPProvider(); p != nil && p.AccessCodeValidity != "" {
					because = append(because, seen("access_code_validity %s", p.AccessCodeValidity))
				}
				return append(because, tokenAnswer(rec)...), true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				if p == nil || !atOnce(p.AccessCodeValidity) {
					return nil, false
				}
				return []string{expected("the code is used within its validity (minutes=1 by default)"), seen("access_code_validity %s", p.AccessCodeValidity)}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.AccessCodeValidity = "seconds=0" })
			},
			Basis: on(ObservedAlone, hostileFacts+"6.1", authentikFacts+"4.5"),
		},
		{
			Code: "IDP-SCOPE", Guide: 3, Shows: oidc.Userinfo,
			Title:  "The provider lacks the openid scope: authentik refuses the userinfo request",
			Fix:    "In authentik, Applications → Providers → the provider → Advanced protocol settings → Selected Scopes: add authentik default OAuth Mapping: OpenID 'openid' (and 'email', 'profile').",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				x := userinfoExchange(rec)
				refused := (x != nil && x.Status == 403) || strings.Contains(reason(rec), "403 Client Error")
				if !callbackError(rec) || !refused {
					return nil, false
				}
				because := []string{expected("the scopes openid, email and profile")}
				// With openid among them, the scopes are no proof, and may be made up.
				if p := b.IdPProvider(); p != nil && !slices.Contains(p.Scopes, "openid") {
					because = append(because, seen("the scopes %s; the userinfo endpoint answered 403", quoted(p.Scopes)))
				} else {
					because = append(because, seen("the userinfo endpoint answered 403"))
				}
				return because, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				if p == nil {
					return nil, false
				}
				return []string{expected("the scope openid"), seen("the scopes %s", quoted(p.Scopes))}, !slices.Contains(p.Scopes, "openid")
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.Scopes = []string{"email", "profile"} })
			},
			Basis: on(ObservedAlone, authentikFacts+"4.5"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The provider has the scope openid",
				Problem: "The provider lacks the scope openid",
				Doc:     "authentik refuses the userinfo request.",
				check:   checkBlueprintScope,
			}, {
				Code: "CFG-SCOPETYPE", Level: source.Error,
				Title:   "SCOPE is a list",
				Problem: "SCOPE is no list",
				Doc:     "A string is split into letters.",
				check:   checkScopeType,
			}},
		},
	}, idTokenItems())
}

// idTokenItems are reasons for "Invalid id_token", which Paperless logs without
// more; since 2.20.0 it validates the token (docs/facts/paperless.md#3.5).
func idTokenItems() []*Item {
	since := Versions{PaperlessFrom: "2.20.0"}
	return []*Item{
		{
			Code: "IDT-JWE", Guide: 3,
			Title:  "authentik encrypts the ID token, and Paperless cannot read that",
			Fix:    "In authentik, Applications → Providers → the provider → Encryption Key: leave it empty. Only the Signing Key belongs there.",
			Breaks: checklist.RoundTrip, Versions: since,
			Match: idToken(func(t *evidence.IDToken, _ evidence.Record, _ *deployment.Deployment) ([]string, bool) {
				return []string{expected("a signed token (JWS)"), seen("an encrypted one (JWE, alg %s, enc %s)", t.Alg, t.Enc)}, t.Form == "JWE"
			}),
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				return []string{expected("no encryption key"), seen("an encryption key is set")}, p != nil && p.EncryptionKey
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.EncryptionKey = true })
			},
			Basis: on(ObservedAlone, hostileFacts+"4.53", reports+"F3.15"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The ID token is not encrypted",
				Problem: "The ID token is encrypted",
				Doc:     "Paperless cannot read it from 2.20.0 on.",
				check:   checkBlueprintJWE,
			}},
		},
		{
			Code: "IDT-ISS", Guide: 3,
			Title:  "The issuer in the ID token is not that of the discovery document",
			Fix:    "Let discovery and token endpoint be reached by the same scheme, host and port, forward Host unchanged to authentik, and let no scope mapping (in authentik, Customization → Property Mappings) set iss.",
			Breaks: checklist.RoundTrip, Versions: since,
			Match: idToken(func(t *evidence.IDToken, rec evidence.Record, _ *deployment.Deployment) ([]string, bool) {
				d := rec.Find(evidence.Back, "authentik", oidc.Discovery)
				if d == nil || t.Form != "JWS" {
					return nil, false
				}
				issuer, _ := d.Body["issuer"].(string)
				return []string{expected("iss %s (discovery)", issuer), seen("iss %s (id_token)", t.Issuer)}, issuer != t.Issuer
			}),
			Suspect: overridden("iss", "iss comes from authentik alone"),
			Plant: func(b *deployment.Deployment) {
				overrideClaim(b, "iss", "http://authentik.example.com/application/o/paperless/")
			},
			Basis: on(ObservedAlone, hostileFacts+"4.25", hostileFacts+"4.27"),
		},
		{
			Code: "IDT-AUD", Guide: 3,
			Title:  "The ID token is meant for another client",
			Fix:    "The audience must be the client id that Paperless uses; let no scope mapping (in authentik, Customization → Property Mappings) set aud.",
			Breaks: checklist.RoundTrip, Versions: since,
			Match: idToken(func(t *evidence.IDToken, _ evidence.Record, b *deployment.Deployment) ([]string, bool) {
				app, _ := b.Paperless.App()
				return []string{expected("aud %s", app.ClientID), seen("aud %s", strings.Join(t.Audience, " "))}, t.Form == "JWS" && !slices.Contains(t.Audience, app.ClientID)
			}),
			Suspect: overridden("aud", "aud comes from authentik alone"),
			Plant:   func(b *deployment.Deployment) { overrideClaim(b, "aud", "another-client") },
			Basis:   on(ObservedAlone, hostileFacts+"4.31"),
		},
		{
			Code: "IDT-EXP", Guide: 3,
			Title:  "The ID token has expired when it arrives",
			Fix:    "Set the clocks of both hosts by NTP, and in authentik, Applications → Providers → the provider → Access Token validity, to its default (hours=1). Paperless allows no difference at all.",
			Breaks: checklist.RoundTrip, Versions: since,
			Match: idToken(func(t *evidence.IDToken, _ evidence.Record, b *deployment.Deployment) ([]string, bool) {
				because := []string{expected("an expiry in the future"), seen("issued %s, expires %s", clock(t.Issued), clock(t.Expires))}
				if p := b.IdPProvider(); p != nil && p.AccessTokenValidity != "" {
					because = append(because, "access_token_validity "+p.AccessTokenValidity)
				}
				return because, t.Form == "JWS" && t.Expires != 0 && t.Expires <= t.Issued
			}),
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				p := b.IdPProvider()
				if p == nil || !atOnce(p.AccessTokenValidity) {
					return nil, false
				}
				return []string{expected("an expiry in the future"), seen("access_token_validity %s", p.AccessTokenValidity)}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.AccessTokenValidity = "seconds=0" })
			},
			Basis: on(ObservedAlone, hostileFacts+"4.14"),
		},
	}
}

// idToken matches a refused id_token of a kind.
func idToken(kind func(*evidence.IDToken, evidence.Record, *deployment.Deployment) ([]string, bool)) func(evidence.Record, *deployment.Deployment) ([]string, bool) {
	return func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
		x := tokenExchange(rec)
		if !callbackError(rec) || x == nil || x.Status != 200 || x.IDToken == nil {
			return nil, false
		}
		if r := reason(rec); r != "" && !strings.Contains(r, "id_token") {
			return nil, false
		}
		because, ok := kind(x.IDToken, rec, b)
		if !ok {
			return nil, false
		}
		if line := rec.LogLine("Social authentication error"); line != "" {
			because = append(because, "Paperless logged: "+clip(line, 200))
		}
		return because, true
	}
}

// overrideClaim plants a custom scope mapping that sets a claim of the protocol.
func overrideClaim(b *deployment.Deployment, claim, value string) {
	override(b, claim, fmt.Sprintf("%q", value))
}

// override lets a scope mapping set a claim to what a piece of Python gives.
func override(b *deployment.Deployment, claim, python string) {
	b.Authentik.Mappings = append(b.Authentik.Mappings, deployment.ScopeMapping{
		Name: "custom profile", Scope: "profile",
		Expression: fmt.Sprintf("return {\"name\": request.user.name, \"preferred_username\": request.user.username, %q: %s}", claim, python),
	})
}

// overridden suspects a scope mapping of the provider that sets a claim of the
// protocol.
func overridden(claim, want string) func(*deployment.Deployment) ([]string, bool) {
	sets := regexp.MustCompile(`["']` + claim + `["']\s*:|\b` + claim + `=`)
	return func(b *deployment.Deployment) ([]string, bool) {
		p := b.IdPProvider()
		if p == nil {
			return nil, false
		}
		for _, m := range b.Authentik.Mappings {
			if slices.Contains(p.Scopes, m.Scope) && sets.MatchString(m.Expression) {
				return []string{expected("%s", want), seen("the scope mapping %q sets %s", m.Name, claim)}, true
			}
		}
		return nil, false
	}
}

// atOnce reports whether a validity in authentik's words is over as it begins.
func atOnce(validity string) bool {
	if validity == "" {
		return false
	}
	for part := range strings.SplitSeq(validity, ";") {
		_, n, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || strings.Trim(n, "0.") != "" {
			return false
		}
	}
	return true
}

func clock(unix int64) string { return time.Unix(unix, 0).UTC().Format("15:04:05") }

var secretWords = map[string]string{
	deployment.SecretOther:   "another one was sent",
	deployment.SecretEmpty:   "none was sent",
	deployment.SecretUnknown: "the one that was sent is refused",
	deployment.SecretSpace:   "the same with spaces around it",
	deployment.SecretDollar:  "what Compose leaves of it: authentik's has a $, the one that was sent has lost it",
	deployment.SecretNewline: "the same with a line break at its end",
	deployment.SecretQuotes:  "the same within literal quotes",
	deployment.SecretOneOff:  "one that differs in a single character",
}

// secretItem is a client secret that was mangled in a known way.
func secretItem(i Item, relation string, mangle func(secret string) (paperless, authentik string)) *Item {
	i.Breaks = checklist.RoundTrip
	i.Match = func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
		if tokenError(rec) != "invalid_client" || b.SecretRelation() != relation {
			return nil, false
		}
		return append([]string{expected("the client secret that authentik has"), seen("%s", secretWords[relation])}, tokenAnswer(rec)...), true
	}
	i.Suspect = func(b *deployment.Deployment) ([]string, bool) {
		return []string{expected("the client secret that authentik has"), seen("%s", secretWords[relation])}, b.SecretRelation() == relation
	}
	i.Plant = func(b *deployment.Deployment) {
		app, _ := b.Paperless.App()
		p, a := mangle(app.Secret)
		b.EditApp(func(app map[string]any) { app["secret"] = p })
		b.EditProvider(func(idp *deployment.OAuth2Provider) { idp.ClientSecret = a })
	}
	return &i
}

// tokenAnswer quotes what the token endpoint and Paperless's log said.
func tokenAnswer(rec evidence.Record) []string {
	var lines []string
	if x := tokenExchange(rec); x != nil {
		lines = append(lines, fmt.Sprintf("the token endpoint answered %d %v to %s", x.Status, x.Body["error"], x.Auth))
	}
	if line := rec.LogLine("Social authentication error"); line != "" {
		lines = append(lines, "Paperless logged: "+clip(line, 200))
	}
	return lines
}
