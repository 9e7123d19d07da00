package checklist

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// RemoteUser is about the guide's alternative, the Remote-User header.
var RemoteUser = &check.Check{
	ID:    "remote-user",
	Title: "A Remote-User header signs in only where it is switched on, and only from the proxy",
	Doc: "With the feature off the header is ignored; with it on, the header that the proxy sends signs in on pages, and on " +
		"the API where that is on too; a header that the browser brings is dropped by the proxy.",
	Needs:       []*check.Check{LoginPage},
	Browserless: true,
	Run:         booted(remoteUser),
}

func remoteUser(ctx context.Context, p *check.Pass) error {
	local, ok := anyLocal(p.Bundle)
	if !ok {
		return check.Skipf("there is no local account to name in the header")
	}
	on := p.Bundle.Paperless.On(deployment.RemoteUser)
	header, meant := remoteHeader(p.Bundle)
	meant = meant || on

	c, err := p.Target.Client()
	if err != nil {
		return err
	}
	spoofed, err := carries(ctx, p, c.Do, "through the proxy", "/", header, local.Username)
	if err != nil {
		return err
	}
	if spoofed {
		return check.Unmetf("anybody can be anybody: the proxy lets a %s header of the client through, and Paperless believes it", header)
	}
	if p.Target.Direct == nil {
		if meant {
			note(p, "Paperless cannot be asked past the proxy here: only the spoofed header was tried")
		}
		return nil
	}
	page, err := carries(ctx, p, p.Target.Direct, "direct", "/", header, local.Username)
	if err != nil {
		return err
	}
	api, err := carries(ctx, p, p.Target.Direct, "direct", paperless.ProfilePath, header, local.Username)
	if err != nil {
		return err
	}
	apiOn, _ := p.Bundle.Paperless.Bool(remoteUserAPI)
	apiOn = apiOn || !p.Bundle.Paperless.AtLeast(apiHeaderSince)
	switch {
	case !meant && (page || api):
		return check.Unmetf("the header %s signs in although %s is off", header, deployment.RemoteUser)
	case !meant:
		return nil
	case !page:
		return check.Unmetf("the header %s from the proxy does not sign anybody in", header)
	case apiOn && !api:
		return check.Unmetf("the header %s opens pages but not the API, though %s is on", header, remoteUserAPI)
	case !apiOn && api:
		return check.Unmetf("the header %s opens the API although %s is off", header, remoteUserAPI)
	case !apiOn:
		return check.Warnf("the header %s opens pages but not the API: %s is off", header, remoteUserAPI)
	}
	return nil
}

// remoteHeader is the header that the proxy sends as a user would say it, and
// whether the configuration prepares for one.
func remoteHeader(b *deployment.Deployment) (name string, meant bool) {
	_, meant = b.Intends(deployment.RemoteUser)
	configured := setting(b, remoteUserName)
	meant = meant || configured != "" || b.Paperless.Proxy.RemoteUserHeader != ""
	switch {
	case b.Paperless.Proxy.RemoteUserHeader != "":
		return b.Paperless.Proxy.RemoteUserHeader, meant
	case strings.HasPrefix(configured, "HTTP_"): // Django's name of a header
		return http.CanonicalHeaderKey(strings.ReplaceAll(strings.TrimPrefix(configured, "HTTP_"), "_", "-")), meant
	case configured != "":
		return configured, meant
	}
	return "Remote-User", meant
}

// carries sends the header and reports whether it signed in.
func carries(ctx context.Context, p *check.Pass, do func(*http.Request) (*http.Response, error), how, path, header, user string) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at(p, path), nil)
	if err != nil {
		return false, fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set(header, user)
	r.Header.Set("Accept", "text/html")
	if strings.HasPrefix(path, "/api/") {
		r.Header.Set("Accept", "application/json")
	}
	resp, err := do(r)
	if err != nil {
		return false, fmt.Errorf("send %s %s: %w", header, how, cause(err))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, bodyLimit))
	if err := resp.Body.Close(); err != nil {
		return false, fmt.Errorf("send %s %s: %w", header, how, err)
	}
	// Without the header / is a redirect to the sign-in page.
	in := resp.StatusCode == http.StatusOK
	detail := "not signed in"
	if in {
		detail = "signed in"
	}
	probed(p, header+" "+how, r.Method, r.URL.String(), resp.StatusCode, detail)
	return in, nil
}
