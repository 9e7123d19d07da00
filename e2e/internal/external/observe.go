package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// bodyLimit is what is read of an answer.
const bodyLimit = 1 << 20

// observe fills the bundle with what anybody can see of the pair: the button's
// provider, and where it leads. What cannot be seen stays unknown.
func (p *Pair) observe(ctx context.Context) {
	base := p.bundle.Paperless.URL + p.bundle.Paperless.Env["PAPERLESS_FORCE_SCRIPT_NAME"]
	page, _, err := p.ask(ctx, http.MethodGet, base+paperless.LoggedOutPath, nil)
	if err != nil {
		p.note("the sign-in page could not be read beforehand: %s", err)
		return
	}
	read := paperless.ParsePage(page)
	button, ok := read.Button()
	if !ok {
		p.note("the sign-in page shows no button of an OpenID Connect provider")
		return
	}
	app := map[string]any{"provider_id": button.ProviderID, "name": button.Name}
	settings := map[string]any{}
	if !read.HasInput("login") {
		p.bundle.Paperless.Env[deployment.DisableRegularLogin] = "true"
	}
	action, err := url.Parse(base + paperless.LoginPath)
	if err == nil {
		action, err = action.Parse(button.Action)
	}
	if err == nil {
		p.press(ctx, action, read.CSRFToken(), app)
	}
	p.headless(ctx, base, app, settings)
	app["settings"] = settings
	p.bundle.Paperless.Env["PAPERLESS_APPS"] = deployment.OpenIDConnectApp
	p.bundle.Paperless.Env[deployment.ProvidersKey] = encode(map[string]any{"openid_connect": map[string]any{"APPS": []any{app}}})
	p.bundle.Relations["client_secret"] = deployment.SecretUnknown
}

// press sends the button's form, which changes nothing, and reads client id and
// authentik's address off the authorization request.
func (p *Pair) press(ctx context.Context, action *url.URL, csrf string, app map[string]any) {
	form := url.Values{}
	if csrf != "" {
		form.Set("csrfmiddlewaretoken", csrf)
	}
	_, header, err := p.ask(ctx, http.MethodPost, action.String(), form)
	if err != nil {
		p.note("the button was not followed beforehand: %s", err)
		return
	}
	to, err := url.Parse(header.Get("Location"))
	if err != nil || to.Host == "" || !strings.Contains(to.Path, "/authorize") {
		return // round-trip says what is wrong with it
	}
	app["client_id"] = to.Query().Get("client_id")
	if p.bundle.Authentik.URL == "" {
		p.bundle.Authentik.URL = authentik.BaseOf(to)
	}
	if to.Query().Get("code_challenge") != "" {
		app["settings"] = map[string]any{"oauth_pkce_enabled": true}
	}
}

// headless asks what Paperless 3 tells apps of its providers, without a sign-in.
func (p *Pair) headless(ctx context.Context, base string, app, settings map[string]any) {
	if had, ok := app["settings"].(map[string]any); ok {
		for k, v := range had {
			settings[k] = v
		}
	}
	text, _, err := p.ask(ctx, http.MethodGet, base+"/api/auth/headless/app/v1/config", nil)
	var doc struct {
		Data struct {
			Social struct {
				Providers []struct {
					ID       string `json:"id"`
					ClientID string `json:"client_id"`
					URL      string `json:"openid_configuration_url"`
				} `json:"providers"`
			} `json:"socialaccount"`
		} `json:"data"`
	}
	if err != nil || json.Unmarshal([]byte(text), &doc) != nil {
		return // Paperless 2 has no such page
	}
	for _, one := range doc.Data.Social.Providers {
		if one.ID != app["provider_id"] {
			continue
		}
		settings["server_url"] = one.URL
		if app["client_id"] == nil {
			app["client_id"] = one.ClientID
		}
		if u, err := url.Parse(one.URL); err == nil && u.Host != "" && p.bundle.Authentik.URL == "" {
			p.bundle.Authentik.URL = authentik.BaseOf(u)
		}
	}
}

// ask sends one request and reads the answer; 4xx and 5xx are errors.
func (p *Pair) ask(ctx context.Context, method, address string, form url.Values) (string, http.Header, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", nil, fmt.Errorf("%s is no URL", address)
	}
	r, err := target.NewRequest(ctx, method, u.Scheme+"://"+u.Host, u.RequestURI(), form)
	if err != nil {
		return "", nil, err
	}
	if form != nil {
		r.Header.Set("Origin", u.Scheme+"://"+u.Host)
		r.Header.Set("Referer", u.Scheme+"://"+u.Host+u.Path)
	}
	resp, err := p.client.Do(r)
	if err != nil {
		return "", nil, plain(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return "", nil, fmt.Errorf("read %s%s: %w", u.Host, u.Path, err)
	}
	if resp.StatusCode >= 400 {
		return string(text), resp.Header, fmt.Errorf("%s%s answered %d", u.Host, u.Path, resp.StatusCode)
	}
	return string(text), resp.Header, nil
}

// plain is net/http's error without the URL, which may carry a secret.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // maps of strings always encode
	}
	return string(text)
}

// The names of the probes, which troubleshooting looks for.
const (
	probeDiscovery   = "discovery document, asked by the tester"
	probeCertificate = "certificate, looked at by the tester: "
)

// probes are what the tester sees of the pair from where it stands, for a check
// that failed: the reason may lie in what Paperless cannot be asked about.
func (p *Pair) probes(ctx context.Context) []evidence.Probe {
	var out []evidence.Probe
	for _, raw := range []string{p.bundle.Paperless.URL, p.bundle.Authentik.URL} {
		if text := p.certificate(ctx, raw); text != "" {
			out = append(out, evidence.Probe{Name: probeCertificate + raw, Method: "TLS", URL: raw, Detail: p.redactor.Text(text)})
		}
	}
	app, _ := p.bundle.Paperless.App()
	address := app.DiscoveryURL(p.bundle.Paperless.AtLeast("2.14.0"))
	if app.ServerURL() == "" || address == "" {
		return out
	}
	return append(out, p.discovery(ctx, address))
}

// discovery asks for the document as Paperless does. Where it is fine, what is
// left is whether Paperless trusts the certificate: by default it knows the
// public authorities only.
func (p *Pair) discovery(ctx context.Context, address string) evidence.Probe {
	probe := evidence.Probe{Name: probeDiscovery, Method: http.MethodGet, URL: p.redactor.URL(address)}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		probe.Detail = "server_url is no URL"
		return probe
	}
	resp, err := p.client.Do(r)
	if err != nil {
		probe.Detail = p.redactor.Text(plain(err).Error())
		return probe
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, bodyLimit)) // what broke off is no JSON
	probe.Status = resp.StatusCode
	switch {
	case resp.StatusCode != http.StatusOK:
	case !json.Valid(text):
		probe.Detail = "no JSON: " + resp.Header.Get("Content-Type")
	case strings.HasPrefix(address, "https:"):
		if _, err := p.handshake(ctx, address, nil); err != nil {
			probe.Detail = "the system's authorities alone do not vouch for it: " + err.Error()
		}
	}
	return probe
}
