package conformance

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// Settings of Paperless-ngx on which verdicts rest.
var (
	redirectsToSSO = &Setting{"with PAPERLESS_REDIRECT_LOGIN_TO_SSO", func(b *deployment.Deployment) bool { return b.Paperless.On("PAPERLESS_REDIRECT_LOGIN_TO_SSO") }}
	syncsGroups    = &Setting{"with PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS", func(b *deployment.Deployment) bool {
		return b.Paperless.On("PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS")
	}}
	signsUp = &Setting{"with PAPERLESS_SOCIAL_AUTO_SIGNUP", func(b *deployment.Deployment) bool {
		return b.Paperless.On("PAPERLESS_SOCIAL_AUTO_SIGNUP")
	}}
	pkceOff = &Setting{"without PKCE", func(b *deployment.Deployment) bool { return !paperless.Truthy(setting(b, "oauth_pkce_enabled")) }}
	byMail  = &Setting{"with email_authentication", func(b *deployment.Deployment) bool { return paperless.Truthy(setting(b, "email_authentication")) }}
	trusts  = &Setting{"with email_authentication and verified_email", func(b *deployment.Deployment) bool {
		return paperless.Truthy(setting(b, "email_authentication")) && paperless.Truthy(setting(b, "verified_email"))
	}}
	byName = &Setting{"with uid_field preferred_username", func(b *deployment.Deployment) bool {
		field, _ := setting(b, "uid_field").(string)
		return field != "" && field != "sub"
	}}
	tokenOnly = &Setting{"with fetch_userinfo false", func(b *deployment.Deployment) bool {
		v := setting(b, "fetch_userinfo")
		return v != nil && !paperless.Truthy(v)
	}}
	anyHost = &Setting{"without PAPERLESS_ALLOWED_HOSTS", func(b *deployment.Deployment) bool {
		v, ok := b.Paperless.Value("PAPERLESS_ALLOWED_HOSTS")
		return !ok || v == "" || v == "*"
	}}
	several = &Setting{"with two or more OpenID providers", func(b *deployment.Deployment) bool {
		apps, _ := b.Paperless.Apps()
		apps = slices.DeleteFunc(apps, func(a deployment.App) bool {
			return len(a.ProviderID) > len(prefix) && a.ProviderID[:len(prefix)] == prefix
		})
		return len(apps) > 1
	}}
	plainServer = &Setting{"with a server_url that begins with http:", func(b *deployment.Deployment) bool {
		own, _ := b.Paperless.App()
		return strings.HasPrefix(own.ServerURL(), "http:")
	}}
	slashServer = &Setting{"with a server_url that ends in a slash", func(b *deployment.Deployment) bool {
		own, _ := b.Paperless.App()
		return strings.HasSuffix(own.ServerURL(), "/")
	}}
	basicOnly = &Setting{"with token_auth_method client_secret_basic", func(b *deployment.Deployment) bool {
		return setting(b, "token_auth_method") == "client_secret_basic"
	}}
)

// fact judges by a fact: weaker where it has the value.
func fact(name, weak string) func(*Seen) check.Verdict {
	return func(s *Seen) check.Verdict {
		if s.Says(name) == weak {
			return check.Weaker
		}
		return check.Conforming
	}
}

// notAs judges by the account: weaker where it is that of a local user.
func notAs(username string) func(*Seen) check.Verdict {
	return func(s *Seen) check.Verdict {
		if s.As == username {
			return check.Weaker
		}
		return check.Conforming
	}
}
