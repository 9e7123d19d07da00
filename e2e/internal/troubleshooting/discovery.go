package troubleshooting

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// discoveryItems are the reasons why Paperless cannot read the discovery
// document. The browser always sees the same: Server Error (500) after the press
// of the button, before authentik was met (docs/facts/paperless.md#8).
func discoveryItems() []*Item {
	return []*Item{
		net(Item{
			Code:  "NET-DNS",
			Title: "Paperless cannot resolve authentik's host name",
			Fix:   "Correct the host in server_url, or make the name known inside the Paperless container (the same DNS as the browser, or extra_hosts in the compose file).",
			Basis: on(ObservedPair, pairFacts+"32-dns"),
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) {
					s["server_url"] = strings.Replace(fmt.Sprint(s["server_url"]), hostOf(b.Authentik.URL), "authentik.invalid", 1)
				})
			},
		}, logged("Failed to resolve", "NameResolutionError", "Name or service not known", "getaddrinfo", "Temporary failure in name resolution", "no such host")),
		net(Item{
			Code:  "NET-REFUSED",
			Title: "Nothing listens where Paperless looks for authentik",
			Fix:   "Correct host and port in server_url; look at extra_hosts and at what the name resolves to inside the Paperless container (docker compose exec paperless getent hosts <name>): 127.0.0.1 there is Paperless itself.",
			Basis: on(ObservedPair, pairFacts+"34-conn-refused", hostileFacts+"7.22"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Paperless reaches authentik under the name in server_url",
				Problem: "server_url leads to Paperless's own container",
				Doc:     "In a container localhost is the container itself.",
				check:   checkLoopback,
			}},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) {
					s["server_url"] = strings.Replace(fmt.Sprint(s["server_url"]), hostOf(b.Authentik.URL), hostOf(b.Authentik.URL)+":9999", 1)
				})
			},
		}, logged("Connection refused", "Errno 111", "connection refused")),
		net(Item{
			Code:  "NET-TIMEOUT",
			Title: "authentik does not answer Paperless in time",
			Fix:   "Make the name lead to an address that the Paperless container can reach: split DNS, hairpin NAT or a firewall swallow the packets. extra_hosts in the compose file names the address.",
			Basis: on(ObservedAlone, hostileFacts+"7.19", reports+"F4.19"),
			Plant: func(b *deployment.Deployment) {
				b.Paperless.ExtraHosts = map[string]string{hostOf(b.Authentik.URL): "192.0.2.1"}
			},
		}, logged("ConnectTimeout", "ReadTimeout", "timed out", "i/o timeout", "deadline exceeded")),
		net(Item{
			Code:  "NET-TLS",
			Title: "Paperless does not trust authentik's certificate",
			Fix:   "Set REQUESTS_CA_BUNDLE in the Paperless container to a bundle that holds your CA (update-ca-certificates is not enough, Python brings its own list), or give authentik a certificate of a public CA, with its whole chain.",
			Basis: on(ObservedAlone, hostileFacts+"7.24", reports+"F4.25"),
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["REQUESTS_CA_BUNDLE"] = "/etc/ssl/certs/ca-certificates.crt"
			},
		}, logged("CERTIFICATE_VERIFY_FAILED", "Could not find a suitable TLS CA certificate bundle", "SSLError", "SSLCertVerificationError", "x509: ")),
		{
			Code: "IDP-NOPROV", Guide: 3,
			Title:  "The application in authentik has no provider",
			Fix:    "In authentik, Applications → the application → Edit → Provider: select the OAuth2/OpenID provider.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				a := b.IdPApplication()
				if a == nil || a.Provider != "" || !discovery404(rec) || slugOf(b) != a.Slug {
					return nil, false
				}
				return []string{expected("application %q has a provider", a.Slug), seen("none; discovery answered 404")}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				a := b.IdPApplication()
				return []string{expected("the application has a provider"), seen("none")}, a != nil && a.Provider == "" && len(b.Authentik.Providers) > 0
			},
			Plant: func(b *deployment.Deployment) { b.Authentik.Applications[0].Provider = "" },
			Basis: on(Modelled),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The application has its provider",
				Problem: "The application has no provider",
				Doc:     "Without one there is no discovery document.",
				check:   checkBlueprintApplication,
			}},
		},
		{
			Code: "IDP-SLUG", Guide: 3,
			Title:  "server_url has another application slug than authentik",
			Fix:    "Use the slug of the application (authentik, Applications → the application → Slug) in server_url. Case counts.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				have, want, wrong := wrongSlug(b)
				if !wrong || !discovery404(rec) {
					return nil, false
				}
				return append([]string{expected("/application/o/%s/", want), seen("/application/o/%s/", have)}, discoveryAnswer(rec)...), true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				have, want, wrong := wrongSlug(b)
				return []string{expected("/application/o/%s/", want), seen("/application/o/%s/", have)}, wrong
			},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) {
					s["server_url"] = b.Authentik.URL + authentik.DiscoveryPath("paperless-ngx")
				})
			},
			Edit:  editServerURL,
			Basis: on(ObservedPair, pairFacts+"25-wrong-slug"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "server_url has the application's slug",
				Problem: "server_url has another slug than the application",
				Doc:     "There is no discovery document: pressing the button is a server error.",
				check:   checkBlueprintSlug,
			}},
		},
		{
			Code: "NET-404", Guide: 3,
			Title:  "server_url is not the address of an application's discovery document",
			Fix:    "server_url must be https://<authentik>/application/o/<slug>/.well-known/openid-configuration.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if !discovery404(rec) {
					return nil, false
				}
				if _, _, wrong := wrongSlug(b); wrong {
					return nil, false
				}
				if a := b.IdPApplication(); a != nil && a.Provider == "" && slugOf(b) == a.Slug {
					return nil, false
				}
				return append([]string{expected("%s/application/o/<slug>/.well-known/openid-configuration", b.Authentik.URL), seen("%s", serverURL(b))}, discoveryAnswer(rec)...), true
			},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) {
					s["server_url"] = b.Authentik.URL + "/.well-known/openid-configuration"
				})
			},
			Edit:  editServerURL,
			Basis: on(ObservedAlone, hostileFacts+"7.15", authentikFacts+"4.1"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "server_url is the application's",
				Problem: "server_url is not the application's",
				Doc:     "Another address has no discovery document: pressing the button is a server error.",
				check:   checkDiscovery,
			}},
		},
		{
			Code: "NET-HTML", Guide: 3,
			Title:  "server_url answers with a web page instead of JSON",
			Fix:    "server_url must lead to authentik's discovery document, and nothing in between (a sign-in portal, another product) may answer in its place.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				line, said := rec.LogLine("JSONDecodeError"), "Paperless logged: "
				in, asked := looked(rec)
				switch p := probed(rec); {
				case in != nil && !strings.HasPrefix(in.Detail, "no JSON"):
					return nil, false
				case in != nil:
					line, said = in.Detail, asked
				case line == "" && p != nil && strings.HasPrefix(p.Detail, "no JSON"):
					line, said = p.Detail, askedByTester
				}
				if !discoveryFailed(rec) || line == "" {
					return nil, false
				}
				return []string{expected("JSON from server_url"), seen("something else from %s", serverURL(b)), said + clip(line, 200)}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) {
					s["server_url"] = b.Paperless.URL + authentik.DiscoveryPath("paperless")
				})
			},
			Edit:  editServerURL,
			Basis: on(ObservedAlone, hostileFacts+"7.17"),
		},
	}
}

// net is an item whose proof is the exception that Paperless logged.
func net(i Item, proof func(evidence.Record) string) *Item {
	i.Guide, i.Breaks = 3, checklist.RoundTrip
	i.Match = func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
		line := proof(rec)
		if !discoveryFailed(rec) || line == "" {
			return nil, false
		}
		if _, own := b.Paperless.Value("REQUESTS_CA_BUNDLE"); own && i.Code == "NET-TLS" && strings.HasPrefix(line, askedByTester) {
			return nil, false // it has authorities of its own, which the tester cannot try
		}
		app, _ := b.Paperless.App()
		because := []string{
			expected("Paperless can read %s", app.DiscoveryURL(b.Paperless.AtLeast("2.14.0"))),
			seen("%s", networkCause(line)),
		}
		if h := startHop(rec); h != nil {
			because = append(because, fmt.Sprintf("Paperless answered %d to the button", h.Status))
		}
		return append(because, elsewhere(rec)...), true
	}
	i.FixSeen = func(rec evidence.Record, b *deployment.Deployment) string {
		here, in := rec.Probe(ProbeHere), rec.Probe(ProbeInside)
		if here == nil || here.Status == 0 || in == nil || i.Code == "NET-TLS" {
			return i.Fix
		}
		if strings.Contains(in.Detail, "Read timed out") {
			return "The container reaches it, and the answer does not come within 5 s, which is all that Paperless waits: look at the load of the machine where authentik runs, and at its log."
		}
		app, _ := b.Paperless.App()
		return "This machine reaches it, the container does not. Give the container the way that this machine has: extra_hosts: [\"" + hostOf(app.ServerURL()) +
			":host-gateway\"] where the proxy runs on this machine, else the proxy's address; or the proxy's network with this name as an alias there."
	}
	return &i
}

// discoveryFailed reports whether Paperless could not use the discovery document:
// it said so when the button was pressed, or somebody looked from inside its
// container. The look from inside counts more than what was logged before it.
func discoveryFailed(rec evidence.Record) bool {
	if p, _ := looked(rec); p != nil {
		return p.Status != 200 || strings.HasPrefix(p.Detail, "no JSON")
	}
	return startFailed(rec)
}

// elsewhere is how the same looks from other places, where somebody looked from
// inside the container: the difference says where the fault lies.
func elsewhere(rec evidence.Record) []string {
	if rec.Probe(ProbeInside) == nil {
		return nil
	}
	var out []string
	if p := rec.Probe(ProbeAddress); p != nil && p.Detail != "" {
		out = append(out, "inside the container "+p.URL+" leads to: "+p.Detail)
	}
	switch p := rec.Probe(ProbeHere); {
	case p == nil:
	case p.Status > 0:
		out = append(out, fmt.Sprintf("from this machine it answers %d", p.Status))
	default:
		out = append(out, "from this machine: "+clip(p.Detail, 200))
	}
	return out
}

// askedInside begins what was seen from inside Paperless's container.
const askedInside = "asked from inside Paperless's container: "

// askedHere begins what was seen from the machine where the container runs.
const askedHere = "asked from this machine: "

// looked is the look at the discovery document that counts more than a log: that
// from inside Paperless's container, else an answer of authentik to this machine that
// is no discovery document. That this machine gets it, or no answer at all, says
// nothing of the container. The text names who asked.
func looked(rec evidence.Record) (*evidence.Probe, string) {
	if p := rec.Probe(ProbeInside); p != nil {
		return p, askedInside
	}
	if p := rec.Probe(ProbeHere); p != nil && p.Status > 0 && (p.Status != 200 || strings.HasPrefix(p.Detail, "no JSON")) {
		return p, askedHere
	}
	return nil, ""
}

// askedByTester begins what the tester saw, where Paperless's own log is not known.
const askedByTester = "Paperless's log is not known; the tester, from where it stands: "

// logged finds the last line with one of the parts among the lines of an exception.
func logged(parts ...string) func(evidence.Record) string {
	return func(rec evidence.Record) string {
		if p, _ := looked(rec); p != nil {
			if slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(p.Detail, part) }) {
				return p.Detail
			}
			return ""
		}
		for _, part := range parts {
			if line := rec.LogLine(part); line != "" {
				return line
			}
		}
		if p := probed(rec); p != nil {
			for _, part := range parts {
				if strings.Contains(p.Detail, part) {
					return askedByTester + p.Detail
				}
			}
		}
		return ""
	}
}

var causedBy = lazyregexp.New(`\(Caused by (.*)\)\s*$`)

// pythonObject is an object of Python, which says nothing to a user.
var pythonObject = lazyregexp.New(`<[\w.]+ object at 0x[0-9a-f]+>(?:: |, )?`)

// networkCause is the part of an exception that a user wants to read.
func networkCause(line string) string {
	if m := causedBy.FindStringSubmatch(line); m != nil {
		line = m[1]
	}
	return clip(pythonObject.ReplaceAllString(line, ""), 260)
}

// discovery404 reports whether authentik answered 404 to the discovery request.
func discovery404(rec evidence.Record) bool {
	if p, _ := looked(rec); p != nil {
		return p.Status == 404
	}
	if !startFailed(rec) {
		return false
	}
	if x := rec.Find(evidence.Back, "authentik", oidc.Discovery); x != nil {
		return x.Status == 404
	}
	if p := probed(rec); p != nil {
		return p.Status == 404
	}
	return rec.LogLine("404 Client Error: Not Found for url") != ""
}

func discoveryAnswer(rec evidence.Record) []string {
	if p, asked := looked(rec); p != nil {
		return []string{fmt.Sprintf("%sGET %s answered %d", asked, p.URL, p.Status)}
	}
	if x := rec.Find(evidence.Back, "authentik", oidc.Discovery); x != nil {
		return []string{fmt.Sprintf("authentik answered %d to GET %s", x.Status, x.URL)}
	}
	if p := probed(rec); p != nil {
		return []string{fmt.Sprintf("%sGET %s answered %d", askedByTester, p.URL, p.Status)}
	}
	if line := rec.LogLine("404 Client Error"); line != "" {
		return []string{"Paperless logged: " + clip(line, 240)}
	}
	return nil
}

var slugPath = lazyregexp.New(authentik.Provider + `([^/]+)(?:/|$)`)

// slugOf is the application slug in server_url, or "".
func slugOf(b *deployment.Deployment) string {
	app, _ := b.Paperless.App()
	u, err := url.Parse(app.ServerURL())
	if err != nil {
		return ""
	}
	if m := slugPath.FindStringSubmatch(u.Path); m != nil {
		return m[1]
	}
	return ""
}

func wrongSlug(b *deployment.Deployment) (have, want string, wrong bool) {
	a := b.IdPApplication()
	have = slugOf(b)
	if a == nil || have == "" {
		return have, "", false
	}
	// Another application of this authentik is not a wrong slug here: its own
	// client id is then unknown (IDP-CLIENT).
	for _, other := range b.Authentik.Applications {
		if other.Slug == have {
			return have, a.Slug, false
		}
	}
	app, _ := b.Paperless.App()
	return have, a.Slug, strings.HasPrefix(app.ServerURL(), b.Authentik.URL) || hostOf(app.ServerURL()) == hostOf(b.Authentik.URL)
}

func editServerURL(_ evidence.Record, b *deployment.Deployment) string {
	a := b.IdPApplication()
	if a == nil {
		return ""
	}
	return fmt.Sprintf(`"server_url": "%s%s"`, b.Authentik.URL, authentik.DiscoveryPath(a.Slug))
}
