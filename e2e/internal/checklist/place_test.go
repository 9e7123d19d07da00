package checklist

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

const (
	docs = "https://paperless.example.com"
	idp  = "https://authentik.example.com"
)

// The pages are those of fixtures/observed.json.
func TestClassify(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		page evidence.Page
		want place
	}{
		"empty":             {evidence.Page{}, nowhere},
		"blank":             {evidence.Page{URL: "about:blank"}, nowhere},
		"app":               {evidence.Page{URL: docs + "/dashboard", Status: 200, Title: "Dashboard - Paperless-ngx"}, atApp},
		"sign-in page":      {evidence.Page{URL: docs + "/accounts/login/?next=/", Status: 200, Title: "Paperless-ngx sign in"}, atLogin},
		"sign-in page 500":  {evidence.Page{URL: docs + "/accounts/login/", Status: 500, Text: "Server Error (500)"}, atPaperErr},
		"confirmation":      {evidence.Page{URL: docs + "/accounts/oidc/authentik/login/?process=connect", Status: 200, Text: "You are about to connect a new third-party account from SSO. Continue"}, atConfirm},
		"discovery failed":  {evidence.Page{URL: docs + "/accounts/oidc/authentik/login/", Status: 500, Title: "Server Error (500)"}, atPaperErr},
		"csrf":              {evidence.Page{URL: docs + "/accounts/oidc/authentik/login/", Status: 403, Text: "CSRF verification failed."}, atPaperErr},
		"error page 2.x":    {evidence.Page{URL: docs + "/accounts/oidc/authentik/login/callback/", Status: 200, Text: "An error occurred while attempting to login via your social network account. Back to the login page"}, atSocialError},
		"error page 3.x":    {evidence.Page{URL: docs + "/accounts/oidc/authentik/login/callback/", Status: 401, Text: "An error occurred while attempting to login via your social network account. Back to the login page"}, atSocialError},
		"sign-up form":      {evidence.Page{URL: docs + "/accounts/3rdparty/signup/", Status: 200, Title: "Paperless-ngx social account sign up"}, atSignup},
		"sign-up form 2.5":  {evidence.Page{URL: docs + "/accounts/social/signup/", Status: 200}, atSignup},
		"closed":            {evidence.Page{URL: docs + "/accounts/oidc/authentik/login/callback/", Status: 200, Title: "Sign Up Closed"}, atClosed},
		"closed 2.5":        {evidence.Page{URL: docs + "/accounts/social/signup/", Status: 200, Title: "Sign Up Closed"}, atClosed},
		"cancelled":         {evidence.Page{URL: docs + "/accounts/3rdparty/login/cancelled/", Status: 200}, atCancelled},
		"inactive":          {evidence.Page{URL: docs + "/accounts/account_inactive/", Status: 200}, atInactive},
		"second factor":     {evidence.Page{URL: docs + "/accounts/2fa/authenticate/", Status: 200}, atSecond},
		"first user":        {evidence.Page{URL: docs + "/accounts/signup/", Status: 200}, atInstall},
		"user name":         {evidence.Page{URL: idp + "/if/flow/default-authentication-flow/", Status: 200, Stages: []string{"ak-stage-identification"}}, atIdentify},
		"password":          {evidence.Page{URL: idp + "/if/flow/default-authentication-flow/", Status: 200, Stages: []string{"ak-stage-password"}}, atPassword},
		"stage still loads": {evidence.Page{URL: idp + "/if/flow/default-authentication-flow/", Status: 200, Text: "Loading"}, nowhere},
		"consent":           {evidence.Page{URL: idp + "/if/flow/x/", Status: 200, Stages: []string{"ak-stage-consent"}}, atConsent},
		"too many tries":    {evidence.Page{URL: idp + "/if/flow/x/", Status: 200, Stages: []string{"ak-stage-access-denied"}}, atDenied},
		"policy":            {evidence.Page{URL: idp + "/application/o/authorize/", Status: 200, Title: "Permission denied - authentik", Text: "Permission denied alice Not you? Request has been denied. Powered by authentik"}, atDenied},
		"redirect error":    {evidence.Page{URL: idp + "/application/o/authorize/", Status: 400, Title: "authentik", Text: "Redirect URI Error"}, atIdPErr},
		"unknown stage":     {evidence.Page{URL: idp + "/if/flow/x/", Status: 200, Stages: []string{"ak-stage-captcha"}}, atStage},
		"library":           {evidence.Page{URL: idp + "/if/user/", Status: 200}, atIdP},
		"foreign":           {evidence.Page{URL: "https://evil.example/", Status: 200}, elsewhere},
		"not loaded":        {evidence.Page{URL: idp + "/application/o/authorize/", Text: "net::ERR_CONNECTION_REFUSED"}, netError},
		"other port":        {evidence.Page{URL: docs + ":8443/dashboard", Status: 200}, elsewhere},
	}
	b, err := deployment.Default()
	require.NoError(t, err)
	s := sitesOf(b)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, s.classify(tt.page))
		})
	}
}

// Right after its load a page of authentik shows nothing (docs/facts/running-pair.md): it is
// not judged before it is drawn. Its title counts as text.
func TestDrawn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		page evidence.Page
		want bool
	}{
		"empty":             {evidence.Page{Status: 400, Title: "authentik"}, false},
		"only a title":      {evidence.Page{Title: "Permission denied - authentik"}, false},
		"loading":           {evidence.Page{Title: "authentik", Text: "Loading..."}, false},
		"loading 2024":      {evidence.Page{Title: "authentik", Text: "Loading"}, false},
		"the foot alone":    {evidence.Page{Title: "authentik", Text: "Powered by authentik"}, false},
		"an error":          {evidence.Page{Status: 400, Title: "authentik", Text: "Redirect URI Error"}, true},
		"a stage":           {evidence.Page{Stages: []string{authentik.Password}}, true},
		"a text that loads": {evidence.Page{Text: "Loading your applications failed"}, true},
	} {
		assert.Equal(t, tt.want, drawn(tt.page), name)
	}
	e := ending{place: atDenied, user: "alice", undrawn: drawLimit, page: evidence.Page{Status: 200, Title: "Permission denied - authentik"}}
	assert.Equal(t, "authentik refused alice: Permission denied - authentik", e.String())
	e = ending{place: nowhere, late: true, undrawn: pageLimit, page: evidence.Page{URL: idp + "/if/flow/x/", Status: 200, Title: "authentik"}}
	assert.Equal(t, `authentik answered 200 at /if/flow/x/, and the page ("authentik") was not drawn within 40s`, e.String())
}

func TestClassifyUnderAPrefix(t *testing.T) {
	t.Parallel()
	b, err := deployment.Default()
	require.NoError(t, err)
	b.Paperless.Env[scriptName] = "/docs"
	s := sitesOf(b)
	assert.Equal(t, atLogin, s.classify(evidence.Page{URL: docs + "/docs/accounts/login/", Status: 200}))
	assert.Equal(t, atApp, s.classify(evidence.Page{URL: docs + "/docs/dashboard", Status: 200}))
}

func TestEndingsAreOneLine(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		e    ending
		want string
	}{
		"redirect error": {
			ending{place: atIdPErr, page: evidence.Page{URL: idp + "/application/o/authorize/?state=…1", Status: 400, Text: "Redirect URI Error The request fails.\nGo home Powered by authentik"}},
			"authentik answered 400 at /application/o/authorize/: Redirect URI Error The request fails.",
		},
		"wrong password": {
			ending{place: atPassword, user: "alice", page: evidence.Page{Text: "Password Invalid password Continue"}},
			"authentik did not accept the password of alice: Invalid password (a wrong password and an inactive user look the same)",
		},
		"server error": {
			ending{place: atPaperErr, page: evidence.Page{URL: docs + "/accounts/oidc/a/login/", Status: 500, Title: "Server Error (500)"}},
			"Paperless answered 500 at /accounts/oidc/a/login/: Server Error (500)",
		},
		"not loaded": {
			ending{place: netError, page: evidence.Page{URL: "https://a.example/x", Text: "net::ERR_NAME_NOT_RESOLVED"}},
			"the browser could not open a.example/x: net::ERR_NAME_NOT_RESOLVED",
		},
		"foreign": {ending{place: elsewhere, page: evidence.Page{URL: "https://evil.example/a"}}, "ended at another site: evil.example"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, tt.e.String())
		})
	}
	for _, p := range []place{nowhere, atApp, atLogin, atSignup, atClosed, atDenied, atMFA, atSocialError, atVerify, atStage} {
		e := ending{place: p, user: "alice", page: evidence.Page{Text: "a\nb"}}
		assert.NotEmpty(t, e.String())
		assert.NotContains(t, e.String(), "\n")
	}
}

func TestWantsPKCE(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  func(b *deployment.Deployment)
		want bool
	}{
		"true":            {func(b *deployment.Deployment) { providers(b, true) }, true},
		"false":           {func(b *deployment.Deployment) { providers(b, false) }, false},
		"text True":       {func(b *deployment.Deployment) { providers(b, "True") }, true},
		"text False":      {func(b *deployment.Deployment) { providers(b, "False") }, true},
		"empty text":      {func(b *deployment.Deployment) { providers(b, "") }, false},
		"of the app":      {func(b *deployment.Deployment) { providers(b, true); appPKCE(b, false) }, false},
		"of the app, old": {func(b *deployment.Deployment) { providers(b, true); appPKCE(b, false); b.Paperless.Version = "2.13.5" }, true},
		"broken JSON":     {func(b *deployment.Deployment) { b.Paperless.Env[deployment.ProvidersKey] = "{" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := deployment.Default()
			require.NoError(t, err)
			tt.set(b)
			assert.Equal(t, tt.want, wantsPKCE(b))
		})
	}
}

func providers(b *deployment.Deployment, pkce any) {
	b.EditProviders(func(oc map[string]any) { oc["OAUTH_PKCE_ENABLED"] = pkce })
}

func appPKCE(b *deployment.Deployment, v any) {
	b.EditSettings(func(s map[string]any) { s["oauth_pkce_enabled"] = v })
}

func TestRemoteHeader(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set    func(*deployment.Deployment)
		header string
		meant  bool
	}{
		"nothing":             {func(*deployment.Deployment) {}, "Remote-User", false},
		"on":                  {func(b *deployment.Deployment) { b.Paperless.Env[deployment.RemoteUser] = "true" }, "Remote-User", true},
		"name":                {func(b *deployment.Deployment) { b.Paperless.Env[remoteUserName] = "HTTP_X_AUTHENTIK_USERNAME" }, "X-Authentik-Username", true},
		"name as users say":   {func(b *deployment.Deployment) { b.Paperless.Env[remoteUserName] = "X-authentik-username" }, "X-authentik-username", true},
		"only the proxy's":    {func(b *deployment.Deployment) { b.Paperless.Proxy.RemoteUserHeader = "X-authentik-username" }, "X-authentik-username", true},
		"by a name of guides": {func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_ENABLE_REMOTE_USER"] = "true" }, "Remote-User", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := deployment.Default()
			require.NoError(t, err)
			tt.set(b)
			header, meant := remoteHeader(b)
			assert.Equal(t, tt.header, header)
			assert.Equal(t, tt.meant, meant)
		})
	}
}
