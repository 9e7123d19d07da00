package troubleshooting

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// refusedForm is the heading of Paperless's page for a form that it refuses.
const refusedForm = "CSRF verification failed"

// refusedOrigin is what Django logs of a form from an origin that is not trusted.
var refusedOrigin = lazyregexp.New(`Origin checking failed - (https?://[^\s"']+) does not match`)

// openedElsewhere is the origin at which users open Paperless, where that is not
// PAPERLESS_URL, and why; "" where it is, or is not known. Only doctor sees that
// without a browser: a redirect URI is registered at that origin, and either
// Paperless refused a form from there, or it answers there and not at PAPERLESS_URL.
func openedElsewhere(rec evidence.Record, b *deployment.Deployment) (string, []string) {
	own, set := b.Paperless.Value("PAPERLESS_URL")
	if !set || own == "" || strings.Contains(text(rec), refusedForm) {
		return "", nil // a browser met it: its page says more
	}
	for _, uri := range registered(rec, b) {
		origin := originOf(uri)
		if origin == "" || origin == originOf(own) || trusted(b, origin) {
			continue
		}
		because := []string{expected("PAPERLESS_URL=%s, where users open Paperless", origin), seen("%s", setting(b, "PAPERLESS_URL"))}
		for _, line := range slices.Backward(rec.Log) {
			if m := refusedOrigin.FindStringSubmatch(line.Text); m != nil && line.Source == "paperless" && originOf(m[1]) == origin {
				return origin, append(because, "Paperless logged: "+clip(line.Text, 240), "registered in authentik: "+uri)
			}
		}
		there, here := rec.Probe(ProbeOpened+origin), rec.Probe(ProbeOpened+originOf(own))
		if there == nil || there.Detail != OpenedPaperless {
			continue
		}
		because = append(because, "from this machine, Paperless's sign-in page answers at "+origin)
		if label := rec.Probe(ProbeEdge); label != nil {
			switch theirs, ours := names(label.Detail, hostOf(origin)), names(label.Detail, hostOf(own)); {
			case ours:
				continue // the proxy leads there, whatever this machine gets
			case theirs:
				return origin, append(because, "the container's labels for the proxy name "+label.Detail)
			}
		}
		if here != nil && here.Detail != OpenedPaperless {
			return origin, append(because, "at "+originOf(own)+" it does not: "+clip(here.Detail, 160))
		}
	}
	return "", nil
}

func names(list, host string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(s string) bool { return strings.EqualFold(s, host) })
}

// trusted reports whether Paperless takes forms from an origin.
func trusted(b *deployment.Deployment, origin string) bool {
	list, _ := b.Paperless.Value("PAPERLESS_CSRF_TRUSTED_ORIGINS")
	return slices.ContainsFunc(strings.Split(list, ","), func(s string) bool { return originOf(strings.TrimSpace(s)) == origin })
}

// originOf is scheme and host of an address, without a port that goes without saying;
// "" where it has none.
func originOf(address string) string {
	u, err := url.Parse(strings.ReplaceAll(address, `\`, ""))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host = strings.ToLower(u.Hostname())
	}
	return u.Scheme + "://" + host
}
