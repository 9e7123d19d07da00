package troubleshooting

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// proxyItems are causes between the browser and Paperless: host names, origins,
// client addresses. Those that show in the redirect URI are in redirect_uri.go.
func proxyItems() []*Item {
	return []*Item{
		{
			Code: "PROXY-ALLOWED", Guide: 0,
			Title:  "Paperless does not accept the host name that users open",
			Fix:    "Add the host to PAPERLESS_ALLOWED_HOSTS, or remove that setting (the default accepts every host).",
			Breaks: checklist.LoginPage,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				h := rec.Hop(paperless.AccountsPath)
				if h == nil || h.Status != 400 || !strings.HasPrefix(h.URL, b.Paperless.URL) {
					return nil, false
				}
				because := []string{expected("%s among the allowed hosts", hostOf(b.Paperless.URL)), seen("%s", setting(b, "PAPERLESS_ALLOWED_HOSTS"))}
				if line := rec.LogLine("Invalid HTTP_HOST header"); line != "" {
					because = append(because, "Paperless logged: "+clip(line, 200))
				}
				return because, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_ALLOWED_HOSTS"] = "docs.example.com"
				// PAPERLESS_URL would add its own host.
				delete(b.Paperless.Env, "PAPERLESS_URL")
				b.Paperless.Env["PAPERLESS_CSRF_TRUSTED_ORIGINS"] = b.Paperless.URL
			},
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				if b.Observed {
					return "" // the line would drop the hosts that are there
				}
				return envLine("PAPERLESS_ALLOWED_HOSTS", strings.Trim(b.Paperless.Env["PAPERLESS_ALLOWED_HOSTS"]+","+hostOf(b.Paperless.URL), ","))
			},
			Basis: on(ReadInSource, settingFacts+"F20", paperlessFacts+"8"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Paperless accepts the host that users open",
				Problem: "Paperless does not accept the host that users open",
				Doc:     "Bad Request (400).",
				Absent:  []string{"PAPERLESS_URL", "PAPERLESS_ALLOWED_HOSTS"},
				check:   checkAllowed,
			}},
		},
		{
			Code: "PROXY-CSRF", Guide: 0, Shows: oidc.Start,
			Title:  "Paperless refuses the form: the origin is not trusted (CSRF, 403)",
			Fix:    "Set PAPERLESS_URL to the origin that users open, scheme and host, and recreate the container.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if origin, because := openedElsewhere(rec, b); origin != "" {
					return because, true
				}
				if !strings.Contains(text(rec), refusedForm) || strings.Contains(rec.LogLine("django.security.csrf"), "cookie") {
					return nil, false
				}
				because := []string{expected("PAPERLESS_URL=%s", b.Paperless.URL), seen("%s", setting(b, "PAPERLESS_URL"))}
				if line := rec.LogLine("Origin checking failed"); line != "" {
					because = append(because, "Paperless logged: "+clip(line, 240))
				}
				return because, true
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_URL"] = "https://docs.example.org" },
			Edit: func(rec evidence.Record, b *deployment.Deployment) string {
				if origin, _ := openedElsewhere(rec, b); origin != "" {
					return envLine("PAPERLESS_URL", origin)
				}
				return envLine("PAPERLESS_URL", b.Paperless.URL)
			},
			Basis: on(ObservedPair, pairFacts+"45-noproxy-no-url", pairFacts+"46-noproxy-url-other"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Paperless trusts the origin that users open",
				Problem: "Paperless does not trust the origin that users open",
				Doc:     "The button is a form: from another origin Paperless refuses it (CSRF, 403).",
				Absent:  []string{"PAPERLESS_URL"},
				check:   checkOrigin,
			}},
		},
		{
			Code: "PROXY-IP", Guide: 0,
			Title:    "Paperless-ngx 3 counts more proxies than X-Forwarded-For has: the local sign-in is a server error",
			Fix:      "Set PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT (3.0.3 and later) to the number of proxies that really add to X-Forwarded-For, or shorten PAPERLESS_TRUSTED_PROXIES.",
			Breaks:   checklist.Linking,
			Versions: Versions{PaperlessFrom: "3.0.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				line := rec.LogLine("ALLAUTH_TRUSTED_PROXY_COUNT")
				if line == "" {
					return nil, false
				}
				return []string{
					expected("no more proxies than addresses in X-Forwarded-For"),
					seen("%s", setting(b, "PAPERLESS_TRUSTED_PROXIES")+", "+setting(b, "PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT")),
					"Paperless logged: " + clip(line, 200),
				}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_TRUSTED_PROXIES"] = "10.0.0.1,10.0.0.2,10.0.0.3"
			},
			Basis: on(ReadInSource, settingFacts+"H10", paperlessFacts+"8", reports+"F11.88"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Paperless-ngx 3 counts the proxies that are there",
				Problem: "Paperless-ngx 3 counts more proxies than there are",
				Doc:     "With fewer addresses in X-Forwarded-For the local sign-in is a server error.",
				check:   checkProxyCount,
			}},
		},
		{
			Code: "PROXY-IPHEADER", Guide: 0,
			Title:    "Paperless-ngx 3 waits for a client address header that the proxy does not send",
			Fix:      "Let the proxy send the header that PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER names, or remove the setting.",
			Breaks:   checklist.Linking,
			Versions: Versions{PaperlessFrom: "3.0.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				v, set := b.Paperless.Value("PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER")
				if !set || (!strings.Contains(text(rec), "Unable to determine client IP address") && rec.LogLine("Unable to determine client IP address") == "") {
					return nil, false
				}
				return []string{expected("a header %s in every request", v), seen("Paperless answered: Unable to determine client IP address")}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER"] = "CF-Connecting-IP"
			},
			Basis: on(ReadInSource, settingFacts+"PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER"),
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "The client address header is one that the proxy sends",
				Problem: "The client address header may be missing",
				Doc:     "Without it the local sign-in is refused.",
				check:   checkIPHeader,
			}},
		},
		{
			Code: "PROXY-COOKIE", Guide: 0, Shows: oidc.RedirectURI,
			Title:  "The session cookie of the sign-in never reaches the browser",
			Fix:    "Stop the proxy in front of Paperless from removing Set-Cookie (nginx: no proxy_hide_header Set-Cookie, no proxy_cache for /accounts/).",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				x := signedInWithoutCookie(rec)
				if x == nil || b.Paperless.On(deployment.RedirectToSSO) {
					return nil, false
				}
				return cookieLost(rec, x), true
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Proxy.StripSetCookie = "/login/callback/" },
			Basis: on(Modelled),
		},
	}
}

// signedInWithoutCookie is a callback that succeeded and set no cookie, after
// which Paperless asked to sign in again; nil when there was none.
func signedInWithoutCookie(rec evidence.Record) *evidence.Exchange {
	if rec.Signed.SignedIn() {
		return nil
	}
	x := rec.Find(evidence.Front, "paperless", oidc.RedirectURI)
	if x == nil || x.Status != 302 || len(x.SetCookies) > 0 || strings.Contains(x.Location, paperless.AccountsPath) {
		return nil
	}
	return x
}

func cookieLost(rec evidence.Record, x *evidence.Exchange) []string {
	because := []string{
		expected("the callback's answer sets a session cookie (the session id changes at sign-in)"),
		seen("302 to %s without any Set-Cookie", x.Location),
	}
	if rec.Final != nil {
		because = append(because, fmt.Sprintf("the browser ended at %s, not signed in", rec.Final.URL))
	}
	return because
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return u.Hostname()
}
