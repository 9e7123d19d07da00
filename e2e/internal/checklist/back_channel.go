package checklist

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
)

// What the probes of backChannel are called.
const (
	PlainEndpoint = "endpoint of the discovery document"
	TokenRedirect = "token request without client and code"
)

// backChannel looks where code, client secret and access token travel: by https, and to
// authentik's own endpoints alone. The result is what a user should know. Where server_url
// itself is plain http, lint says so (NET-PLAIN), and nothing is added here.
func backChannel(ctx context.Context, p *check.Pass) ([]string, error) {
	app, ok := p.Bundle.Paperless.App()
	if !ok {
		return nil, nil
	}
	document := app.DiscoveryURL(p.Bundle.Paperless.AtLeast(appPKCESince))
	if !strings.HasPrefix(document, "https:") {
		return nil, nil
	}
	c, err := newCaller(p)
	if err != nil {
		return nil, err
	}
	a, err := c.try(ctx, document)
	if err != nil {
		note(p, "the discovery document was not looked at: %s", err)
		return nil, nil
	}
	var doc struct {
		Token    string `json:"token_endpoint"`
		Userinfo string `json:"userinfo_endpoint"`
	}
	if a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &doc) != nil {
		return nil, nil // whatever that is, signing in worked
	}
	var loose []string
	for _, e := range []struct{ name, address string }{{"token_endpoint", doc.Token}, {"userinfo_endpoint", doc.Userinfo}} {
		if strings.HasPrefix(e.address, "http:") {
			probed(p, PlainEndpoint, http.MethodGet, document, a.status, e.name+" "+e.address)
			loose = append(loose, "the "+e.name+" is plain http, although server_url is https")
		}
	}
	if len(loose) > 0 || doc.Token == "" {
		return loose, nil
	}
	// A request without client and code is refused, unless something in front of
	// authentik sends it elsewhere.
	a, err = c.tryForm(ctx, doc.Token, url.Values{"grant_type": {"authorization_code"}})
	if err != nil {
		note(p, "the token endpoint was not looked at: %s", err)
		return nil, nil
	}
	if keeps := a.status == http.StatusTemporaryRedirect || a.status == http.StatusPermanentRedirect; keeps && a.location != nil {
		probed(p, TokenRedirect, http.MethodPost, doc.Token, a.status, "Location "+redact(p, a.location.String()))
		loose = append(loose, "the token endpoint redirects to "+a.location.Scheme+"://"+a.location.Host+", and Paperless goes there with the code")
	}
	return loose, nil
}
