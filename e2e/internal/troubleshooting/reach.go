package troubleshooting

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// Names of the probes of package external.
const (
	probeDiscovery   = "discovery document, asked by the tester"
	probeCertificate = "certificate, looked at by the tester: "
)

// reachItems are what keeps a browser from the pair before any of the two
// products is asked. They are causes of a running pair: none is planted in a
// configuration.
func reachItems() []*Item {
	return []*Item{
		{
			Code: "NET-CERT", Guide: 0,
			Title: "The browser refuses the certificate",
			Fix: "Give the server a certificate for this very name, in date, with its whole chain, of an authority that users' browsers know. " +
				"Where it is an authority of your own, give its certificate with --ca FILE; Paperless needs it too (REQUESTS_CA_BUNDLE).",
			Breaks: checklist.LoginPage,
			Looks:  []string{"the redirects of the browser", "the certificates, looked at by the tester"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				h := deadEnd(rec, b, "net::ERR_CERT_", "net::ERR_SSL_", "net::ERR_BAD_SSL")
				if h == nil {
					return nil, false
				}
				because := []string{expected("a certificate that a browser takes at %s", h.URL), seen("%s", h.Error)}
				for _, p := range rec.Probes {
					if url, ok := strings.CutPrefix(p.Name, probeCertificate); ok && hostOf(url) == hostOf(h.URL) {
						because = append(because, "the tester, from where it stands: "+clip(p.Detail, 400))
					}
				}
				return because, true
			},
			Basis: on(Modelled),
		},
		{
			Code: "NET-DOWN", Guide: 0,
			Title: "The browser gets no answer at the address",
			Fix: "Look whether the name leads to the right address where the tester runs (--resolve host=address names it), and whether the proxy in front " +
				"listens there and its port is open.",
			Breaks: checklist.LoginPage,
			Looks:  []string{"the redirects of the browser"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				h := deadEnd(rec, b, "net::ERR_NAME_NOT_RESOLVED", "net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_TIMED_OUT", "net::ERR_CONNECTION_RESET",
					"net::ERR_ADDRESS_UNREACHABLE", "net::ERR_INTERNET_DISCONNECTED", "net::ERR_EMPTY_RESPONSE", "net::ERR_CONNECTION_CLOSED")
				if h == nil {
					return nil, false
				}
				return []string{expected("an answer from %s", h.URL), seen("%s", h.Error)}, true
			},
			Basis: on(Modelled),
		},
	}
}

// deadEnd is the browser's last hop when it ended at one of the two products
// with an error of these kinds; else nil.
func deadEnd(rec evidence.Record, b *deployment.Deployment, kinds ...string) *evidence.Hop {
	hops := rec.Flow()
	if len(hops) == 0 || !rec.Boot.Up {
		return nil
	}
	h := &hops[len(hops)-1]
	if host := hostOf(h.URL); host != hostOf(b.Paperless.URL) && host != hostOf(b.Authentik.URL) {
		return nil
	}
	if !slices.ContainsFunc(kinds, func(k string) bool { return strings.HasPrefix(h.Error, k) }) {
		return nil
	}
	return h
}

// unheard reports whether nothing is known of what Paperless did by itself:
// neither its log nor the back channel. Then what the tester sees of the
// discovery document, from where it stands, is the next best.
func unheard(rec evidence.Record) bool {
	return !slices.ContainsFunc(rec.Log, func(l evidence.Line) bool { return l.Source == "paperless" }) && !backHeard(rec)
}

// backHeard reports whether the back channel was recorded: Paperless asks for the
// discovery document in every sign-in.
func backHeard(rec evidence.Record) bool {
	return slices.ContainsFunc(rec.Exchange, func(x evidence.Exchange) bool { return x.Channel == evidence.Back })
}

// probed is the tester's own look at the discovery document, where that is all
// there is; else nil.
func probed(rec evidence.Record) *evidence.Probe {
	if !unheard(rec) {
		return nil
	}
	return rec.Probe(probeDiscovery)
}

// Names of the probes of package doctor.
const (
	// ProbeInside is the discovery document, asked for by Paperless's own Python from
	// inside its container, with its names, authorities and proxies.
	ProbeInside = "discovery document, asked from inside Paperless's container"
	// ProbeHere is the same, asked for from the machine where the container runs.
	ProbeHere = "discovery document, asked from this machine"
	// ProbeAddress is where authentik's name leads inside the container.
	ProbeAddress = "authentik's name, inside Paperless's container"
	// ProbeOpened begins the name of a look at the sign-in page from the machine where
	// the container runs; its address follows. OpenedPaperless is the detail where
	// Paperless answered.
	ProbeOpened     = "sign-in page, asked from this machine: "
	OpenedPaperless = "Paperless's sign-in page"
	// ProbeEdge are the host names that a proxy takes from the container's labels.
	ProbeEdge = "host names in the container's labels for a proxy"
)
