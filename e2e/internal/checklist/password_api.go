package checklist

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// PasswordAPI is about the doors beside the sign-in page.
var PasswordAPI = &check.Check{
	ID:    "password-api",
	Title: "With the regular login off, passwords do not open the API either",
	Doc: "A right password gets no token and no answer by Basic authentication while the regular login is off. Paperless's " +
		"setting covers the sign-in page only, so this usually warns.",
	Guide:       "troubleshooting 5",
	Needs:       []*check.Check{LoginPage},
	Variants:    asConfiguredOr(deployment.DisableRegularLogin, ssoOnly),
	Browserless: true,
	Run:         booted(passwordAPI),
}

func passwordAPI(ctx context.Context, p *check.Pass) error {
	if tooOld(p.Bundle, deployment.DisableRegularLogin) || !p.Bundle.Paperless.On(deployment.DisableRegularLogin) {
		return check.Skipf("the regular login is on, so passwords are meant to open the API")
	}
	local, ok := anyLocal(p.Bundle)
	if !ok {
		return check.Skipf("there is no local account whose password could be tried")
	}
	c, err := p.Target.Client()
	if err != nil {
		return err
	}
	token, err := target.NewRequest(ctx, http.MethodPost, at(p, ""), paperless.TokenPath, url.Values{
		"username": {local.Username}, "password": {local.Password},
	})
	if err != nil {
		return err
	}
	basic, err := target.NewRequest(ctx, http.MethodGet, at(p, ""), paperless.ProfilePath, nil)
	if err != nil {
		return err
	}
	basic.SetBasicAuth(local.Username, local.Password)
	var open []string
	for _, try := range []struct {
		name string
		r    *http.Request
	}{
		{"password on /api/token/", token},
		{"Basic on /api/profile/", basic},
	} {
		if try.r == token && !p.Target.Changes {
			note(p, "%s was not tried: it would make an API token", try.name)
			continue
		}
		status, err := api(ctx, c, try.r, nil)
		if err != nil {
			return err
		}
		probed(p, try.name, try.r.Method, try.r.URL.String(), status, "")
		if status == http.StatusOK {
			open = append(open, try.name)
		}
	}
	if len(open) > 0 {
		return check.Warnf("passwords still open the API: %s; close these ways at the proxy, or take the passwords away", strings.Join(open, ", "))
	}
	return nil
}
