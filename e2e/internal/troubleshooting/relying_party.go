package troubleshooting

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// transportItems are about the way that code, client secret and access token take.
func transportItems() []*Item {
	return []*Item{
		{
			Code: "SEC-PLAINHTTP", Guide: 0,
			Title: "authentik's discovery document names endpoints with http: client secret and tokens travel without TLS, or the sign-in ends at a redirect to https",
			Fix:   "Let the reverse proxy in front of authentik send X-Forwarded-Proto: https, and let authentik trust that proxy (AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS). Then make a new client secret: the old one was readable on the way.",
			// A proxy that redirects to https by status 308 lets the sign-in work: then it is
			// pkce-state that warns. With 301 or 302 the token request becomes a GET.
			Breaks: checklist.RoundTrip,
			Match:  plainEndpoint,
			Plant: func(b *deployment.Deployment) {
				b.Authentik.Proxy.DropForwarded = true
			},
			Basis: on(ObservedAlone, hostileFacts+"7.12", hostileFacts+"7.13"),
		},
		{
			Code: "SEC-TOKENPOST", Guide: 0,
			Title:  "A redirect carries the client secret on, to where the token endpoint points",
			Fix:    "Let nothing in front of authentik redirect " + authentik.TokenPath + `: server_url must be the address that answers by itself. "token_auth_method": "client_secret_basic" in the app's "settings" keeps the client secret from going along (the code still does). Then make a new client secret.`,
			Breaks: checklist.PKCEState, Warns: true,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				p := probe(rec, checklist.TokenRedirect)
				if p == nil || !sendsPost(b) {
					return nil, false
				}
				return []string{expected("the token endpoint answers by itself"), seen("status %d, %s", p.Status, p.Detail), "Paperless sends the client secret in the body (client_secret_post), which goes along"}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["token_auth_method"] = oidc.SecretPost })
				to := strings.Replace(strings.TrimRight(b.Authentik.URL, "/"), "https:", "http:", 1)
				b.Authentik.Proxy.Moved, b.Authentik.Proxy.MovedTo, b.Authentik.Proxy.PlainToo = authentik.TokenPath, to+authentik.TokenPath, true
			},
			Basis: on(ObservedAlone, hostileFacts+"6.20", hostileFacts+"6.21"),
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The client secret stays at the token endpoint",
				Problem: "A redirect of the token endpoint would carry the client secret on",
				Doc:     "With client_secret_post the secret is part of the body, which a redirect with status 307 or 308 takes along; with client_secret_basic it is not.",
				check:   checkTokenPost,
			}},
		},
	}
}

// plainEndpoint is SEC-PLAINHTTP's: what the check saw in the discovery document, or
// Paperless on its way to such an endpoint.
func plainEndpoint(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
	app, _ := b.Paperless.App()
	if strings.HasPrefix(app.ServerURL(), "http:") {
		return nil, false // NET-PLAIN
	}
	because := []string{expected("endpoints with https, as server_url")}
	if p := probe(rec, checklist.PlainEndpoint); p != nil {
		return append(because, seen("%s", p.Detail)), true
	}
	x := rec.Find(evidence.Back, "authentik", oidc.Discovery)
	if x == nil || !strings.HasPrefix(x.URL, "https:") {
		return nil, false
	}
	for _, name := range []string{"token_endpoint", "userinfo_endpoint"} {
		if to, _ := x.Body[name].(string); strings.HasPrefix(to, "http:") {
			return append(because, seen("%s %s", name, to)), true
		}
	}
	return nil, false
}

// probe is the first of a record's own requests with a name; nil: there is none.
func probe(rec evidence.Record, name string) *evidence.Probe {
	for i := range rec.Probes {
		if rec.Probes[i].Name == name {
			return &rec.Probes[i]
		}
	}
	return nil
}

// sendsPost reports whether Paperless puts the client secret into the body of the token
// request: it is told to, or the version does where the provider leaves it open.
func sendsPost(b *deployment.Deployment) bool {
	app, _ := b.Paperless.App()
	method := app.Settings["token_auth_method"]
	if paperless.Truthy(method) {
		return method != oidc.SecretBasic
	}
	return b.Paperless.AtLeast("3.0.0")
}

// foreignItems are what a page of another site can do.
func foreignItems() []*Item {
	return []*Item{
		{
			Code: "SEC-CONNECT", Guide: 5,
			Title:  "A page of another site can have an identity tied to the account of who is signed in: the page that links accounts submits itself",
			Fix:    "Let the reverse proxy in front of Paperless answer 403 to requests for exactly /accounts/oidc/<provider_id>/login/ whose header Sec-Fetch-Site is cross-site or same-site: nothing of Paperless's or authentik's comes that way, if the launch URL in authentik is Paperless's own address. Or switch PAPERLESS_REDIRECT_LOGIN_TO_SSO off: then the page asks.",
			Breaks: checklist.RedirectToSSO, Warns: true,
			Versions: Versions{PaperlessFrom: "2.11.0"}, // PAPERLESS_REDIRECT_LOGIN_TO_SSO
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				p := probe(rec, checklist.ForeignLink)
				if p == nil || p.Detail != checklist.SubmitsItself {
					return nil, false
				}
				return []string{expected("a question that waits for a click, or a refusal"), seen("status %d, %s", p.Status, p.Detail), setting(b, deployment.RedirectToSSO)}, true
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env[deployment.RedirectToSSO] = "true" },
			Basis: on(ObservedAlone, hostileFacts+"12.1", hostileFacts+"12.4"),
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "Linking an account waits for a click",
				Problem: "The page that links accounts submits itself",
				Doc:     "PAPERLESS_REDIRECT_LOGIN_TO_SSO makes that page go on without a click too, also where another site opens it; a rule of the reverse proxy stops that.",
				check:   checkConnect,
			}},
		},
	}
}

// subjectItems are claims by which Paperless knows users, and their groups.
func subjectItems() []*Item {
	return []*Item{
		{
			Code: "SEC-NULLSUB", Guide: 4,
			Title:  "Several users are one account: their sub is null",
			Fix:    "In authentik, Customization → Property Mappings: let no scope mapping of the provider set sub, and choose (Applications → Providers → the provider → Advanced protocol settings) Subject mode Based on the User's hashed ID. In Paperless look at the linked account None: whoever signed in that way is in the account of the first of them.",
			Breaks: checklist.FirstLogin,
			Match: func(rec evidence.Record, _ *deployment.Deployment) ([]string, bool) {
				x := rec.Find(evidence.Back, "authentik", oidc.Userinfo)
				if x == nil {
					return nil, false
				}
				switch sub, has := x.Body[oidc.Subject]; sub.(type) {
				case string, float64:
				default:
					text, _ := json.Marshal(sub) // came as JSON
					return []string{expected("a sub of their own for everybody"), seen("sub: %s (userinfo)", text), "Paperless takes its text, None, for the user"}, has
				}
				return nil, false
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				for _, m := range selected(b) {
					if nullSub.MatchString(m.Expression) {
						return []string{expected("a sub of their own for everybody"), seen("the scope mapping %q sets sub, to null for some", m.Name)}, true
					}
				}
				return nil, false
			},
			Plant: func(b *deployment.Deployment) { override(b, oidc.Subject, `request.user.attributes.get("employee")`) },
			Basis: on(ObservedAlone, hostileFacts+"4.63"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Everybody has a sub of their own",
				Problem: "The sub of several users is null",
				Doc:     "A scope mapping that sets sub to None, or to an attribute that not everybody has, makes one account of all of them.",
				check:   checkNullSub,
			}},
		},
	}
}

// groupItems are about the groups claim.
func groupItems() []*Item {
	return []*Item{
		{
			Code: "SEC-GROUPSTR", Guide: 0,
			Title: "The groups claim is one string, which Paperless reads letter by letter",
			Fix:   `In authentik, Customization → Property Mappings → the mapping that sets the claim: return a list, such as ` + groupNames("2026.2.0") + ` (before authentik 2026.2 ak_groups in place of groups, which is empty there).`,
			FixSeen: func(_ evidence.Record, b *deployment.Deployment) string {
				return `In authentik, Customization → Property Mappings → the mapping that sets the claim: return a list, such as ` + groupNames(b.Authentik.Version) + `.`
			},
			Breaks: checklist.Permissions, Warns: true,
			Versions: Versions{PaperlessFrom: "2.15.0"}, // PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if !groupString(rec, b) {
					return nil, false
				}
				return []string{expected("a list of names in the claim %s", groupsClaim(b)), seen("a string; each of its letters counts as the name of a group"), setting(b, syncGroups)}, withoutRights(rec)
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[syncGroups] = "true"
				override(b, groupsClaim(b), `"staff"`)
			},
			Basis: on(ObservedAlone, hostileFacts+"5.62"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The groups claim is a list",
				Problem: "The groups claim is one string",
				Doc:     "With group sync Paperless reads a string letter by letter: users lose their groups, and get those that are named by one of the letters.",
				check:   checkGroupString,
			}},
		},
	}
}

// groupNames is how an expression of authentik's names the groups of the user. From
// 2026.2 on ak_groups still works, with a warning in the events; before it groups are
// Django's own, of which there are none (docs/facts/authentik.md#4.6).
func groupNames(version string) string {
	field := "ak_groups"
	if deployment.AtLeast(version, "2026.2.0") {
		field = "groups"
	}
	return "[group.name for group in request.user." + field + ".all()]"
}

const syncGroups = "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS"

// groupsClaim is the claim that group sync reads.
func groupsClaim(b *deployment.Deployment) string {
	if v, _ := b.Paperless.Value(syncGroups + "_CLAIM"); v != "" && b.Paperless.AtLeast("3.0.0") {
		return v
	}
	return "groups"
}

// groupString reports whether group sync was given a string.
func groupString(rec evidence.Record, b *deployment.Deployment) bool {
	x := rec.Find(evidence.Back, "authentik", oidc.Userinfo)
	if x == nil || !syncsGroups(b) {
		return false
	}
	v, _ := x.Body[groupsClaim(b)].(string)
	return v != ""
}

// selected are the custom scope mappings that the provider of Paperless has.
func selected(b *deployment.Deployment) []deployment.ScopeMapping {
	p := b.IdPProvider()
	if p == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(b.Authentik.Mappings), func(m deployment.ScopeMapping) bool { return !slices.Contains(p.Scopes, m.Scope) })
}
