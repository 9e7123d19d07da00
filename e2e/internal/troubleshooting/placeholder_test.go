package troubleshooting

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The forms are those of public guides; beside each stands what only looks like it.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	for _, v := range []string{
		"<client_id>", "<CLIENT ID>", "https://<authentik>/application/o/<slug>/", "YOUR-CLIENT-ID", "YOUR_CLIENT_SECRET", "your_client_id", "your-client-secret", "yourclientid",
		"https://your.domain.example/application/o/paperless/", "https://auth.yourdomain.com", "https://authentik.your-domain.tld", "https://auth.company.tld/",
		"https://YOUR-AUTHENTIK-URL/application/o/PAPERLESS-OAUTH-SLUG/", "https://id.home.example/application/o/APPLICATION_SLUG/",
		"c_...", "...", "…", "https://…/application/o/x", "abc…", "changeme", "CHANGE_ME", "change-this", "xxx", "XXXXXXXX", "xxxxxxxx-xxxx-xxxx", "https://login.microsoftonline.com/xxxx-xxxx/v2.0",
		"REPLACE_ME", "replace-with-your-secret", "insert_secret_here", "PUT-ID-HERE", "secret_goes_here", "{{ client_id }}", "{{CLIENT_SECRET}}", "https://login.microsoftonline.com/{tenant}/v2.0",
		"%CLIENT_ID%", "__CLIENT_ID__", "@CLIENT_ID@", "TODO", "CLIENT_ID", "client_id", "client-secret", "OIDC_CLIENT_SECRET", "[client id]", "REDACTED", "*****", "add-your-secret",
		"https://sso.mydomain.com", "https://auth.example.tld",
	} {
		assert.True(t, isPlaceholder(v), "%q is a placeholder", v)
	}
	for _, v := range []string{
		"", "paperless", "authentik", "https://id.home.example/application/o/paperless/.well-known/openid-configuration", "fakeOidc5Hq8Tn2Wc7Lx0Rb4Vd9Ym3Kp", "paperless-client",
		"https://paperless.example.com", "https://docs.yours.example", "not-used-yet", "a1b2.xx.c3", "https://login.microsoftonline.com/11111111-2222/v2.0", "secret", "client_secret_basic",
		"Xx9$k.2..b", "https://home.example/exchange", "interchange-media", "https://host.docker.internal:9000/application/o/docs/", "https://sso.example.com/realms/master", "/accounts/login/?loggedout=1",
	} {
		assert.False(t, isPlaceholder(v), "%q is none", v)
	}
}
