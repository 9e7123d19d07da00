package target

import (
	"cmp"
	"net/url"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// EndpointOf is what a path is for in a sign-in, whichever host was asked for it:
// with a wrong server_url Paperless asks itself for the discovery document.
func EndpointOf(path string) oidc.Endpoint {
	return cmp.Or(authentik.EndpointOf(path), paperless.EndpointOf(path))
}

// Stamped are exchanges that say what they were for. The edge writes it down; those
// of older recordings, and those made of a browser's hops, get it here and nowhere
// else. The given ones stay as they are.
func Stamped(xs []evidence.Exchange) []evidence.Exchange {
	out, own := xs, false
	for i := range xs {
		if xs[i].Endpoint != "" {
			continue
		}
		u, err := url.Parse(xs[i].URL)
		if err != nil {
			continue
		}
		if is := EndpointOf(u.Path); is != "" {
			if !own {
				out, own = slices.Clone(xs), true
			}
			out[i].Endpoint = is
		}
	}
	return out
}
