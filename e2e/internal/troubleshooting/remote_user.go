package troubleshooting

import (
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

const (
	remoteUserAPI  = "PAPERLESS_ENABLE_HTTP_REMOTE_USER_API"
	remoteUserName = "PAPERLESS_HTTP_REMOTE_USER_HEADER_NAME"
	logoutURL      = "PAPERLESS_LOGOUT_REDIRECT_URL"
)

// remoteUserItems are causes with the guide's alternative, the Remote-User header.
func remoteUserItems() []*Item {
	return []*Item{
		{
			Code: "RU-BYPASS", Guide: 0,
			Title:  "Anybody can become anybody: the proxy lets a client's own Remote-User header through",
			Fix:    "Let the proxy overwrite the header on every request, also where nobody is signed in (nginx: proxy_set_header Remote-User \"\";), and let nothing but the proxy reach Paperless.",
			Breaks: checklist.RemoteUser,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				p := spoofed(rec)
				if p == nil {
					return nil, false
				}
				return []string{expected("a client's own header is dropped"), seen("%s %s with it answered %d as that user", p.Method, p.URL, p.Status), setting(b, deployment.RemoteUser)}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.RemoteUser] = "true"
				b.Paperless.Proxy.PassRemoteUser = true
			},
			Basis: on(ObservedPair, pairFacts+"remote_user"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Nobody reaches Paperless past the proxy",
				Problem: "Whoever passes the proxy can be any user",
				Doc:     "Whoever sends the header is that user.",
				check:   checkRemoteBypass,
			}},
		},
		{
			Code: "RU-NAME", Guide: 0,
			Title:  "The header name is not in the form that Paperless needs",
			Fix:    "PAPERLESS_HTTP_REMOTE_USER_HEADER_NAME is Django's name: HTTP_ in front, capitals, underscores.",
			Breaks: checklist.RemoteUser,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				v, set := b.Paperless.Value(remoteUserName)
				if rec.Check != "remote-user" || !set || !b.Paperless.On(deployment.RemoteUser) {
					return nil, false
				}
				return []string{expected("%s=%s", remoteUserName, metaName(v)), seen("%s", setting(b, remoteUserName))}, v != metaName(v)
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.RemoteUser] = "true"
				b.Paperless.Env[remoteUserName] = "X-authentik-username"
				b.Paperless.Proxy.RemoteUserHeader = "X-authentik-username"
			},
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				return envLine(remoteUserName, metaName(b.Paperless.Env[remoteUserName]))
			},
			Basis: on(Reported, reports+"F12.99", paperlessFacts+"6"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The header has its inner name",
				Problem: "The header's name is not the inner one",
				Doc:     "Paperless wants HTTP_X_AUTHENTIK_USERNAME for X-authentik-username.",
				check:   checkRemoteName,
			}},
		},
		{
			Code: "RU-OFF", Guide: 0,
			Title:  "A Remote-User header is meant, but the feature is off",
			Fix:    "Set PAPERLESS_ENABLE_HTTP_REMOTE_USER to true, after you have made sure that only the proxy can send the header.",
			Breaks: checklist.RemoteUser,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if rec.Check != "remote-user" {
					return nil, false
				}
				return remoteUserMeant(b)
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[remoteUserName] = "HTTP_X_AUTHENTIK_USERNAME"
				b.Paperless.Proxy.RemoteUserHeader = "X-authentik-username"
			},
			Edit:  func(evidence.Record, *deployment.Deployment) string { return envLine(deployment.RemoteUser, "true") },
			Basis: on(ObservedPair, pairFacts+"remote_user"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The header is read where one is configured",
				Problem: "The header is not read",
				Doc:     "The header's name alone does nothing.",
				Absent:  []string{deployment.RemoteUser},
				check:   checkRemoteOff,
			}},
		},
		{
			Code: "RU-API", Guide: 0,
			Versions: Versions{PaperlessFrom: "2.8.6"}, // before, the header opened the API as well (#6739)
			Title:    "The Remote-User header opens the pages but not the API",
			Fix:      "Set PAPERLESS_ENABLE_HTTP_REMOTE_USER_API to true if clients behind the proxy need the API without a session; else nothing is wrong.",
			Breaks:   checklist.RemoteUser, Warns: true,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				on, _ := b.Paperless.Bool(remoteUserAPI)
				if rec.Check != "remote-user" || !b.Paperless.On(deployment.RemoteUser) || on || spoofed(rec) != nil {
					return nil, false
				}
				if v, set := b.Paperless.Value(remoteUserName); set && v != metaName(v) {
					return nil, false // nothing is opened: RU-NAME
				}
				for _, p := range rec.Probes {
					if strings.Contains(p.URL, "/api/") && p.Status == 401 && strings.Contains(strings.ToLower(p.Name), "direct") {
						return []string{expected("the header opens /api/ too"), seen("%s %s answered 401", p.Method, p.URL), setting(b, remoteUserAPI)}, true
					}
				}
				return nil, false
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env[deployment.RemoteUser] = "true" },
			Basis: on(ObservedPair, pairFacts+"remote_user"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "It is known what the header opens",
				Problem: "The header opens the API, or does not",
				Doc:     "With the API setting whoever sends the header has the API too.",
				check:   checkRemoteAPI,
			}},
		},
		{
			Code: "RU-RIGHTS", Guide: 0,
			Basis:    on(ReadInSource, paperlessFacts+"6"),
			Versions: Versions{PaperlessFrom: "2.6.0"}, // before, the page needed no permission
			Title:    "Users whom the Remote-User header brings have no permission",
			Fix:      "Give each new account a group in Paperless by hand, or make the accounts with their groups before the users come: PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS is for accounts of an OpenID provider only.",
			Breaks:   checklist.RemoteUserAccount, Warns: true,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if rec.Check != "remote-user-account" || !withoutRights(rec) {
					return nil, false
				}
				return []string{expected("/api/ui_settings/ answers 200 to a user whom the header made"), seen("403"), setting(b, deployment.RemoteUser)}, true
			},
			Plant: remoteUserEverywhere,
		},
		{
			Code: "RU-RELOGIN", Guide: 0,
			Basis:  on(ReadInSource, paperlessFacts+"6"),
			Title:  "Signing out leads back to the Remote-User header, which signs in again",
			Fix:    "Set PAPERLESS_LOGOUT_REDIRECT_URL to the address where the proxy ends its own session (the sign-out of authentik's outpost).",
			Breaks: checklist.RemoteUserLogout, Warns: true,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				for _, p := range rec.Probes {
					if rec.Check == "remote-user-logout" && p.Detail == "signed in again" {
						return []string{expected("signing out leads to the proxy's own sign-out"), seen("%s, and the header signed in again", p.URL), setting(b, logoutURL)}, true
					}
				}
				return nil, false
			},
			Plant: func(b *deployment.Deployment) {
				remoteUserEverywhere(b)
				b.Paperless.Env[logoutURL] = "/"
			},
		},
	}
}

// spoofed is a probe with a header of the client's own that signed it in.
func spoofed(rec evidence.Record) *evidence.Probe {
	if rec.Check != "remote-user" {
		return nil
	}
	for i := range rec.Probes {
		p := &rec.Probes[i]
		name := strings.ToLower(p.Name)
		if strings.Contains(name, "proxy") && strings.Contains(p.Detail, "signed in") && !strings.Contains(p.Detail, "not signed in") {
			return p
		}
	}
	return nil
}

// metaName is Django's META key of a header (docs/facts/paperless.md#6).
func metaName(header string) string {
	n := strings.ToUpper(strings.ReplaceAll(header, "-", "_"))
	if !strings.HasPrefix(n, "HTTP_") {
		n = "HTTP_" + n
	}
	return n
}

// remoteUserMeant reports whether the configuration prepares a Remote-User header
// without switching the feature on.
func remoteUserMeant(b *deployment.Deployment) ([]string, bool) {
	if b.Paperless.On(deployment.RemoteUser) {
		return nil, false
	}
	if by, wanted := b.Intends(deployment.RemoteUser); wanted {
		return []string{expected("%s=true", deployment.RemoteUser), seen("%s, which no version reads", setting(b, by))}, true
	}
	if _, set := b.Paperless.Value(remoteUserName); set {
		return []string{expected("%s=true", deployment.RemoteUser), seen("%s, but the feature is off", setting(b, remoteUserName))}, true
	}
	if h := b.Paperless.Proxy.RemoteUserHeader; h != "" {
		return []string{expected("%s=true", deployment.RemoteUser), seen("%s", fmt.Sprintf("the proxy sends %s, but the feature is off", h))}, true
	}
	return nil, false
}

// remoteUserEverywhere switches the header on for pages and the API.
func remoteUserEverywhere(b *deployment.Deployment) {
	b.Paperless.Env[deployment.RemoteUser] = "true"
	b.Paperless.Env[remoteUserAPI] = "true"
}
