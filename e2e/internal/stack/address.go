package stack

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
)

// An address is host and port of a product.
type address struct {
	host, port string
	secure     bool
	path       string // what is served of a host that serves the other product too; empty: all
}

// addresses are where a deployment's two products are opened.
func addresses(b *deployment.Deployment) (paperless, authentik address, err error) {
	if paperless, err = newAddress("PAPERLESS_URL", b.Paperless.URL); err != nil {
		return paperless, authentik, err
	}
	if authentik, err = newAddress("authentik's address", b.Authentik.URL); err != nil {
		return paperless, authentik, err
	}
	if paperless.host == authentik.host && paperless.port == authentik.port {
		if authentik.path, err = b.OnOneHost(paperless.String()); err != nil {
			return paperless, authentik, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
	}
	if paperless.secure != authentik.secure && paperless.port == authentik.port {
		return paperless, authentik, fmt.Errorf("%w: port %s is http for one and https for the other", ErrUnsupported, paperless.port)
	}
	return paperless, authentik, nil
}

func newAddress(what, raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return address{}, fmt.Errorf("%w: %s is %q, want https://host", ErrUnsupported, what, raw)
	}
	a := address{host: strings.ToLower(u.Hostname()), secure: u.Scheme == "https"}
	a.port = cmp.Or(u.Port(), map[bool]string{true: "443", false: "80"}[a.secure])
	if isIP(a.host) {
		return address{}, fmt.Errorf("%w: %s is an address (%s), and a container network gives only names; use a host name, or --target external", ErrUnsupported, what, raw)
	}
	if a.port == edge.APIPort {
		return address{}, fmt.Errorf("%w: %s is on port %s, which the edge needs itself", ErrUnsupported, what, a.port)
	}
	return a, nil
}

func (a address) String() string { return a.host + ":" + a.port }
