package troubleshooting

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// A component is the first part in which two redirect URIs differ.
type component string

const (
	same       component = ""
	scheme     component = "the scheme"
	host       component = "the host"
	port       component = "the port"
	prefix     component = "the path prefix"
	providerID component = "the provider id"
	letterCase component = "upper and lower case"
	slash      component = "the slash at the end"
	escaped    component = "backslashes of an old regular expression"
	otherPath  component = "the path"
)

// firstDifference tells in which component, read from left to right, a
// registered redirect URI differs from another one.
func firstDifference(uri, registered string) component {
	if uri == registered {
		return same
	}
	if strings.Contains(registered, `\`) {
		return escaped
	}
	a, errA := url.Parse(uri)
	b, errB := url.Parse(registered)
	if errA != nil || errB != nil {
		return otherPath
	}
	switch {
	case a.Scheme != b.Scheme:
		return scheme
	case !strings.EqualFold(a.Hostname(), b.Hostname()):
		return host
	case portOf(a) != portOf(b):
		return port
	}
	pa, pb := paperless.Callback.FindStringSubmatch(a.Path), paperless.Callback.FindStringSubmatch(b.Path)
	switch {
	case a.Path != b.Path && strings.EqualFold(a.Path, b.Path):
		return letterCase
	case strings.TrimRight(a.Path, "/") == strings.TrimRight(b.Path, "/") && a.Path != b.Path:
		return slash
	case pa == nil || pb == nil:
		return otherPath
	case pa[1] != pb[1]:
		return prefix
	case pa[2] != pb[2] && strings.EqualFold(pa[2], pb[2]):
		return letterCase
	case pa[2] != pb[2]:
		return providerID
	case pa[3] != pb[3]:
		return slash
	case a.Host != b.Host:
		return port // :443 written out: the same place, not the same text
	}
	return otherPath
}

// registeredCodes are the causes by what a registered redirect URI differs in, in
// a run as in files. Where it does not differ it is no cause.
var registeredCodes = map[component]string{
	escaped: "RED-ESCAPED", scheme: "RED-SCHEME", host: "RED-HOST", port: "RED-PORT", prefix: "RED-PREFIX",
	letterCase: "RED-CASE", providerID: "RED-PROVID", slash: "RED-SLASH", otherPath: "RED-PATH", same: "RED-PATH",
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}

// rank orders components from left to right: the more that fits, the nearer.
var rank = map[component]int{scheme: 1, host: 2, port: 3, otherPath: 4, prefix: 5, providerID: 6, letterCase: 7, slash: 8, escaped: 9, same: 10}

// nearest is the registered URI that differs last from the given one.
func nearest(uri string, registered []string) (string, component) {
	best, diff := "", component("")
	for _, r := range registered {
		if d := firstDifference(uri, r); best == "" || rank[d] > rank[diff] {
			best, diff = r, d
		}
	}
	return best, diff
}

// registered are the redirect URIs that authentik has: what a running one says,
// else those of the configuration.
func registered(rec evidence.Record, b *deployment.Deployment) []string {
	if len(rec.Registered) > 0 {
		return rec.Registered
	}
	var uris []string
	if p := b.IdPProvider(); p != nil {
		for _, r := range p.RedirectURIs {
			uris = append(uris, r.URL)
		}
	}
	return uris
}

// refusedRedirect is the redirect URI that authentik refused, and how it said so;
// "" when it did not.
func refusedRedirect(rec evidence.Record) (uri, quote string) {
	quote, ok := refusedAuthorization(rec, authentik.RedirectURIError, authentik.LogRedirectURI)
	if u := authorizeURL(rec); ok && u != nil {
		return u.Query().Get("redirect_uri"), quote
	}
	return "", ""
}

// redirectURIItems share one comparison: what was sent, what is registered, and
// what the guide asks for. Where the sent one is right the registered one is
// wrong (RED-*), else Paperless or its proxy is (PROXY-*).
func redirectURIItems() []*Item {
	return []*Item{
		schemeItem(),
		sentItem(Item{
			Code:  "PROXY-HOST",
			Title: "Paperless sends a redirect URI with an inner host name",
			Fix:   "Let the proxy keep the Host header (nginx: proxy_set_header Host $host;), or set PAPERLESS_USE_X_FORWARD_HOST: \"true\" where it sends X-Forwarded-Host.",
			Basis: on(ObservedAlone, hostileFacts+"10.5", reports+"F1.3"),
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The Host header comes from whoever should say it",
				Problem: "Clients can say the Host",
				Doc:     "With PAPERLESS_USE_X_FORWARD_HOST a client can say it, where the proxy lets the header through.",
				check:   checkForwardHost,
			}},
			Plant: func(b *deployment.Deployment) { b.Paperless.Proxy.RewriteHost = "paperless:8000" },
		}, host),
		sentItem(Item{
			Code:  "PROXY-PORT",
			Title: "Paperless sends a redirect URI with a port that users do not see",
			Fix:   "Let the proxy send Host without the port (nginx: proxy_set_header Host $host; not $host:$server_port).",
			Basis: on(ObservedAlone, hostileFacts+"10.5", reports+"F1.4"),
			Plant: func(b *deployment.Deployment) { b.Paperless.Proxy.ForwardedPortInto = true },
		}, port),
		registeredItem(Item{
			Code:  "RED-ESCAPED",
			Title: "The registered redirect URI still has the backslashes of a regular expression",
			Fix:   "Delete the backslashes: the matching is strict since authentik 2024.8.5, 2024.10.3 and 2024.12.",
			Basis: on(Reported, reports+"F1.8", authentikFacts+"8"),
			InFiles: []Rule{{
				Title:   "A strict redirect URI has no backslashes",
				Problem: "The registered redirect URI has backslashes",
			}},
		}, escaped, func(u *url.URL) string { return strings.ReplaceAll(u.String(), ".", `\.`) }),
		registeredItem(Item{
			Code:  "RED-SCHEME",
			Title: "The registered redirect URI has another scheme",
			Fix:   "Register it with the scheme that Paperless sends.",
			Basis: on(ObservedPair, pairFacts+"21-redirect-http"),
			InFiles: []Rule{{
				Title: "The registered redirect URI has the scheme that Paperless sends",
			}},
		}, scheme, func(u *url.URL) string { u.Scheme = "http"; return u.String() }),
		registeredItem(Item{
			Code:  "RED-HOST",
			Title: "The registered redirect URI has another host",
			Fix:   "Register the host name that users open.",
			Basis: on(ReadInSource, authentikFacts+"2"),
			InFiles: []Rule{{
				Title: "The registered redirect URI has the host that users open",
			}},
		}, host, func(u *url.URL) string { u.Host = "docs.example.com"; return u.String() }),
		registeredItem(Item{
			Code:  "RED-PORT",
			Title: "The registered redirect URI has another port",
			Fix:   "Register the port that users open, none for 443.",
			Basis: on(ReadInSource, authentikFacts+"2"),
			InFiles: []Rule{{
				Title: "The registered redirect URI has the port that users open",
			}},
		}, port, func(u *url.URL) string { u.Host += ":8443"; return u.String() }),
		registeredItem(Item{
			Code:  "RED-PREFIX",
			Title: "The registered redirect URI has another path prefix",
			Fix:   "Register it with the prefix that Paperless runs under (PAPERLESS_FORCE_SCRIPT_NAME), or none.",
			Basis: on(ReadInSource, authentikFacts+"2"),
			InFiles: []Rule{{
				Title: "The registered redirect URI has Paperless's path prefix",
			}},
		}, prefix, func(u *url.URL) string { u.Path = "/paperless" + u.Path; return u.String() }),
		registeredItem(Item{
			Code:  "RED-CASE",
			Title: "The registered redirect URI differs in upper and lower case",
			Fix:   "Write it with the same letters in both places; matching is case-sensitive.",
			Basis: on(ReadInSource, authentikFacts+"2"),
			InFiles: []Rule{{
				Title:   "The registered redirect URI has the same capitals",
				Problem: "The registered redirect URI has other capitals",
			}},
		}, letterCase, func(u *url.URL) string { return swapSegment(u, strings.ToUpper) }),
		registeredItem(Item{
			Code:  "RED-PROVID",
			Title: "The registered redirect URI has another provider id",
			Fix:   "Use the provider_id of PAPERLESS_SOCIALACCOUNT_PROVIDERS in the redirect URI. Changing the redirect URI is safer: with a new provider_id every linked account is lost.",
			Basis: on(ObservedPair, pairFacts+"24-provider-id-other"),
			InFiles: []Rule{{
				Title:   "The registered redirect URI has the provider_id of the JSON",
				Problem: "The registered redirect URI has another provider_id",
			}},
		}, providerID, func(u *url.URL) string { return swapSegment(u, func(string) string { return "sso" }) }),
		registeredItem(Item{
			Code:  "RED-SLASH",
			Title: "The registered redirect URI lacks the slash at the end",
			Fix:   "Register it with the slash at the end.",
			Basis: on(ObservedPair, pairFacts+"20-redirect-no-slash"),
			InFiles: []Rule{{
				Title: "The registered redirect URI ends in a slash",
			}},
		}, slash, func(u *url.URL) string { return strings.TrimSuffix(u.String(), "/") }),
		registeredItem(Item{
			Code:  "RED-PATH",
			Title: "The registered redirect URI has another path",
			Fix:   "Register /accounts/oidc/<provider_id>/login/callback/ exactly.",
			Basis: on(Reported, reports+"F1.7"),
			InFiles: []Rule{{
				Title: "The registered redirect URI has Paperless's path",
			}},
		}, otherPath, func(u *url.URL) string { u.Path = paperless.OIDCPath + "login/callback/"; return u.String() }),
		{
			Code: "RED-UNREGISTERED", Guide: 3,
			Looks:  []string{"the redirects of the browser", "the page where the browser ended", "authentik's log", "the redirect URIs that authentik says it has"},
			Title:  "authentik refuses the redirect URI that Paperless sends",
			Fix:    "In authentik, Applications → Providers → the provider → Redirect URIs/Origins: compare what stands there with what Paperless sends, letter by letter, and register that. Where it stands there already, Paperless uses the client id of another provider.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				sent, quote := refusedRedirect(rec)
				want := b.RedirectURI()
				if sent == "" {
					return nil, false
				}
				if sent != want {
					diff := firstDifference(want, sent)
					return []string{"sent:     " + sent, "expected: " + want, "they differ in " + string(diff), quote}, !slices.Contains([]component{scheme, host, port}, diff)
				}
				have := registered(rec, b)
				if len(have) == 0 {
					if refusesAll(b) {
						return nil, false // RED-EMPTY
					}
					return []string{
						"sent: " + sent, quote,
						"what is registered is not known here: an API token of authentik (SSO_AUTHENTIK_TOKEN) or --blueprint tells",
					}, true
				}
				_, diff := nearest(sent, have)
				return []string{expected("registered: %s", sent), quote}, diff == same
			},
			Edit: func(rec evidence.Record, b *deployment.Deployment) string {
				if sent, _ := refusedRedirect(rec); sent != b.RedirectURI() {
					return ""
				}
				return "Strict  " + b.RedirectURI()
			},
			Basis: on(ObservedPair, pairFacts+"20-redirect-no-slash", "docs/facts/running-pair.md#authentik"),
		},
	}
}

func swapSegment(u *url.URL, change func(string) string) string {
	m := paperless.Callback.FindStringSubmatch(u.Path)
	if m == nil {
		return u.String()
	}
	u.Path = m[1] + paperless.OIDCPath + change(m[2]) + "/login/callback" + m[3]
	return u.String()
}

// registeredItem is a cause in the redirect URI that authentik has.
func registeredItem(i Item, what component, plant func(*url.URL) string) *Item {
	i.Guide, i.Breaks = 3, checklist.RoundTrip
	for n := range i.InFiles {
		r := &i.InFiles[n]
		r.Level, r.Doc, r.check = source.Error, "authentik answers: Redirect URI Error.", only(i.Code, redirectProblems)
	}
	i.Fix = "In authentik, Applications → Providers → the provider → Redirect URIs/Origins. " + i.Fix
	i.Match = func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
		sent, quote := refusedRedirect(rec)
		if sent == "" || sent != b.RedirectURI() {
			return nil, false
		}
		have, diff := nearest(sent, registered(rec, b))
		if have == "" {
			return nil, false // not known: RED-UNREGISTERED says so
		}
		return []string{
			"sent:       " + sent,
			"registered: " + have,
			"they differ in " + string(diff),
			quote,
		}, diff == what
	}
	i.Suspect = func(b *deployment.Deployment) ([]string, bool) {
		if p := b.IdPProvider(); p == nil || len(p.RedirectURIs) == 0 || regexAccepts(p, b.RedirectURI()) || !sends(b) {
			return nil, false
		}
		have, diff := nearest(b.RedirectURI(), registered(evidence.Record{}, b))
		return []string{"Paperless sends: " + b.RedirectURI(), "registered:      " + have, "they differ in " + string(diff)}, diff == what
	}
	i.Plant = func(b *deployment.Deployment) {
		uri, err := url.Parse(b.RedirectURI())
		if err != nil {
			return
		}
		b.EditProvider(func(p *deployment.OAuth2Provider) {
			p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "strict", URL: plant(uri)}}
		})
	}
	i.Edit = func(_ evidence.Record, b *deployment.Deployment) string { return "Strict  " + b.RedirectURI() }
	return &i
}

// sends reports whether the configuration has an app that can send a redirect URI
// at all. Without one there is nothing to compare, and what is wrong with the
// app was said.
func sends(b *deployment.Deployment) bool {
	app, ok := b.Paperless.App()
	_, bad := badProviderID(b)
	return ok && !bad && app.ProviderID != ""
}

// sentItem is a cause in the redirect URI that Paperless sends.
func sentItem(i Item, what component) *Item {
	i.Breaks = checklist.RoundTrip
	i.Match = func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
		sent, quote := refusedRedirect(rec)
		want := b.RedirectURI()
		if sent == "" || sent == want {
			return nil, false
		}
		return []string{
			"sent:     " + sent,
			"expected: " + want,
			"they differ in " + string(firstDifference(want, sent)),
			quote,
		}, firstDifference(want, sent) == what
	}
	return &i
}

const (
	protocol  = "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"
	sslHeader = "PAPERLESS_PROXY_SSL_HEADER"
	tellHTTPS = "let the proxy send X-Forwarded-Proto and set " + sslHeader + `: '["HTTP_X_FORWARDED_PROTO", "https"]'`
)

// schemeItem is a redirect URI with https for a site that users open by http, or
// the other way round.
func schemeItem() *Item {
	i := sentItem(Item{
		Code:  "PROXY-PROTO",
		Title: "Paperless sends a redirect URI with the wrong scheme",
		Fix: "Paperless sends https unless " + protocol + " says http. On a site that users open by https remove " + protocol + "=http, or " + tellHTTPS +
			". On a site that users open by http set " + protocol + " to http, and register the redirect URI with http.",
		Basis: on(ObservedPair, pairFacts+"47-noproxy-proto-http"),
		InFiles: []Rule{{
			Level:   source.Error,
			Title:   "Paperless sends a redirect URI with the scheme that users see",
			Problem: "Paperless sends a redirect URI with another scheme",
			Doc:     "authentik answers: Redirect URI Error.",
			Absent:  []string{"PAPERLESS_PROXY_SSL_HEADER", "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"},
			check:   only("PROXY-PROTO", checkProto),
		}},
		Plant: func(b *deployment.Deployment) { b.Paperless.Env[protocol] = "http" },
	}, scheme)
	i.FixSeen = func(_ evidence.Record, b *deployment.Deployment) string {
		v, set := b.Paperless.Value(protocol)
		_, told := b.Paperless.Value(sslHeader)
		plain := strings.HasPrefix(b.RedirectURI(), "http:")
		switch {
		case b.Observed && plain:
			return "Users open this site by http: set " + protocol + " to http (https is the default)."
		case plain && v != "http":
			return "Users open this site by http: set " + protocol + " to http (https is the default).\n" + envLine(protocol, "http")
		case plain && told:
			return "Users open this site by http, but the proxy tells Paperless https (" + setting(b, sslHeader) + "): remove " + sslHeader + ", or let the proxy send X-Forwarded-Proto: http."
		case plain:
			return "Users open this site by http: recreate the container, so that " + setting(b, protocol) + " counts."
		case set && v == "http":
			return "Remove " + setting(b, protocol) + " (https is the default), or " + tellHTTPS + "."
		}
		return strings.ToUpper(tellHTTPS[:1]) + tellHTTPS[1:] + "."
	}
	return i
}

func regexAccepts(p *deployment.OAuth2Provider, uri string) bool {
	for _, r := range p.RedirectURIs {
		if r.MatchingMode != "regex" {
			continue
		}
		if re, err := regexp.Compile("^(?:" + r.URL + ")$"); err == nil && re.MatchString(uri) {
			return true
		}
	}
	return false
}

// noRedirectURI reports whether the provider is known, and has no redirect URI.
func noRedirectURI(b *deployment.Deployment) bool {
	p := b.IdPProvider()
	return p != nil && len(p.RedirectURIs) == 0
}

// refusesAll reports whether authentik refuses every authorization request because
// nothing is registered; before 2026.5 it takes the first address that is sent
// (docs/facts/releases-2026.md#M4).
func refusesAll(b *deployment.Deployment) bool {
	return noRedirectURI(b) && b.Authentik.AtLeast("2026.5.0")
}
