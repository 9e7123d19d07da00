package checklist

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// Settings that the checks look at, besides those that render names.
const (
	logoutRedirect = "PAPERLESS_LOGOUT_REDIRECT_URL"
	scriptName     = "PAPERLESS_FORCE_SCRIPT_NAME"
	cookiePrefix   = "PAPERLESS_COOKIE_PREFIX"
	remoteUserAPI  = "PAPERLESS_ENABLE_HTTP_REMOTE_USER_API"
	remoteUserName = "PAPERLESS_HTTP_REMOTE_USER_HEADER_NAME"
)

// Versions of Paperless-ngx in which something that the checks see changed
// (docs/facts/paperless.md#0).
const (
	apiHeaderSince = "2.8.6" // before, a Remote-User header counted on /api/ without _API
	appPKCESince   = "2.14.0"
	loggedOutSince = "2.11.0" // ?loggedout=1 after signing out
)

// setting is a value as Paperless gets it, or "".
func setting(b *deployment.Deployment, name string) string {
	v, _ := b.Paperless.Value(name)
	return v
}

// wants reports whether the configuration asks for the setting, also by a word or
// a name that this version does not take: a check must see that what was asked
// for does not happen.
func wants(b *deployment.Deployment, name string) bool {
	_, ok := b.Intends(name)
	return ok
}

// tooOld is true when this version does not know the setting.
func tooOld(b *deployment.Deployment, name string) bool {
	since := deployment.Introduced(name)
	return since != "" && !b.Paperless.AtLeast(since)
}

// withoutSetting is what a check says on a version that does not know the
// setting: as configured, the user asked for it in vain, and the sign-in page
// shows that; on a variant it was only our idea.
func withoutSetting(ctx context.Context, p *check.Pass, name string) error {
	text := fmt.Sprintf("Paperless-ngx %s does not know %s (it came with %s)", p.Bundle.Paperless.Version, name, deployment.Introduced(name))
	if p.Variant != check.AsConfigured {
		return check.Skipf("%s", text)
	}
	if _, err := newWalk(p).signInPage(ctx); err != nil {
		note(p, "the sign-in page: %s", err)
	}
	return check.Unmetf("%s", text)
}

// wantsPKCE reports whether the provider JSON turns PKCE on, by Python's truth of
// the value: "False" is true.
func wantsPKCE(b *deployment.Deployment) bool {
	var doc struct {
		OIDC struct {
			PKCE any `json:"OAUTH_PKCE_ENABLED"`
		} `json:"openid_connect"`
	}
	if json.Unmarshal([]byte(setting(b, deployment.ProvidersKey)), &doc) != nil {
		return false
	}
	if app, ok := b.Paperless.App(); ok && b.Paperless.AtLeast(appPKCESince) {
		if v, ok := app.Settings["oauth_pkce_enabled"]; ok {
			return paperless.Truthy(v)
		}
	}
	return paperless.Truthy(doc.OIDC.PKCE)
}

// put sets a variable, or removes it when the value is empty, in the file's
// environment and in the running one.
func put(b *deployment.Deployment, name, value string) {
	for _, env := range []map[string]string{b.Paperless.Env, b.Paperless.Running} {
		if env == nil {
			continue
		}
		delete(env, name+"_FILE")
		delete(b.Origins, name) // it is not the user's line that says so
		if value == "" {
			delete(env, name)
			continue
		}
		env[name] = value
	}
}

// on turns settings on.
func on(names ...string) func(*deployment.Deployment) {
	return func(b *deployment.Deployment) {
		for _, name := range names {
			put(b, name, "true")
		}
	}
}

// off removes everything that asks for the setting. Removing says false in every
// version: it is Paperless's default for all of them.
func off(name string) func(*deployment.Deployment) {
	return func(b *deployment.Deployment) {
		put(b, name, "")
		for by, ok := b.Intends(name); ok; by, ok = b.Intends(name) {
			put(b, by, "")
		}
	}
}

// The variants. A name always means the same change, so that checks share the
// target that runs it.
var (
	asConfigured  = check.Variant{Name: check.AsConfigured}
	autoSignupOn  = check.Variant{Name: "auto-signup-on", Change: on(deployment.AutoSignup)}
	autoSignupOff = check.Variant{Name: "auto-signup-off", Change: off(deployment.AutoSignup)}
	redirectOn    = check.Variant{Name: "redirect-on", Change: on(deployment.RedirectToSSO)}
	ssoOnly       = check.Variant{Name: "sso-only", Change: on(deployment.DisableRegularLogin, deployment.RedirectToSSO)}
	localLoginOn  = check.Variant{Name: "local-login-on", Change: off(deployment.DisableRegularLogin)}
)

// If is the condition under which what was seen on a variant holds: it is our
// change of the configuration, and not what the user's files say. "" as configured.
func If(variant string) string {
	switch variant {
	case "", check.AsConfigured:
		return ""
	case autoSignupOn.Name:
		return "if you switch automatic sign-up on"
	case autoSignupOff.Name:
		return "if you switch automatic sign-up off"
	case redirectOn.Name:
		return "if you let the sign-in page go to SSO by itself"
	case ssoOnly.Name:
		return "if you switch the regular login off"
	case localLoginOn.Name:
		return "if you switch the regular login on"
	}
	return "with the settings of " + variant
}

// asConfiguredOr is as configured when the configuration asks for the setting,
// else the variant that turns it on.
func asConfiguredOr(name string, v check.Variant) func(*deployment.Deployment) []check.Variant {
	return func(b *deployment.Deployment) []check.Variant {
		if wants(b, name) {
			return []check.Variant{asConfigured}
		}
		return []check.Variant{v}
	}
}
