package checklist

import (
	"context"
	"net/http"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// NextRedirect is about links that lead somewhere else after signing in.
var NextRedirect = &check.Check{
	ID:    "next-redirect",
	Title: "The sign-in page is no open redirect",
	Doc: "Signing in from a link whose next= names a foreign host ends in Paperless all the same, both for an address " +
		"with a scheme and for one that begins with two slashes.",
	Needs:       []*check.Check{RoundTrip},
	Browserless: true,
	Run:         booted(nextRedirect),
}

func nextRedirect(ctx context.Context, p *check.Pass) error {
	who, err := person(p, "probe")
	if err != nil {
		return err
	}
	for _, next := range []string{"https://" + evilHost + "/", "//" + evilHost + "/"} {
		c, err := newCaller(p)
		if err != nil {
			return err
		}
		_, err = c.enter(ctx, next, who)
		landed := ""
		if p.Record.Final != nil {
			landed = hostOf(p.Record.Final.URL)
		}
		probed(p, "sign-in with next="+next, http.MethodGet, at(p, paperless.LoginPath), 0, "landed at "+or(landed, "nowhere"))
		if strings.EqualFold(landed, evilHost) {
			return check.Unmetf("after signing in from a link with next=%s the browser is sent to %s", next, evilHost)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
