package deployment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is secret by its name is hidden to its end in any reading, and no more.
func TestHideSpans(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{`{"secret": "abc", "settings": {"server_url": "https://x/"}}`, `{"secret": "#", "settings": {"server_url": "https://x/"}}`},
		{`{"secret": "a,b}c\"d", "x": 1}`, `{"secret": "#", "x": 1}`},
		{`{"secret": "x" y, "settings": {}}`, `{"secret": "#, "settings": {}}`},
		{`{"client_id":one "","secret":two "three","settings":{"a":"b"}}`, `{"client_id":one "","secret":#,"settings":{"a":"b"}}`},
		{`{"secret": two three}`, `{"secret": #}`},
		{`{"secret": "abc, "settings": {"a": "b"}}`, `{"secret": "#, "settings": {"a": "b"}}`},
		{`{"secret": "ab"cd", "settings": {"a": "b"}}`, `{"secret": "#, "settings": {"a": "b"}}`},
		{`{\"secret\": \"x\" y,\"settings\":{}}`, `{\"secret\": \"#,\"settings\":{}}`},
		{`{\"secret\": \"x\",\"settings\":{}}`, `{\"secret\": \"#\",\"settings\":{}}`},
		{`{'secret': 'x', 'key': 'y'}`, `{'secret': '#', 'key': '#'}`},
		{`{“secret”: “x y”, “settings”: {}}`, `{“secret”: “#”, “settings”: {}}`},
		{"{\"secret\":\n  \"x\"}", "{\"secret\":\n  \"#\"}"},
		{`"token_auth_method":"client_secret_basic"`, `"token_auth_method":"client_secret_basic"`},
		{`access_token_validity: minutes=5`, `access_token_validity: minutes=5`},
		{`include_claims_in_id_token: true`, `include_claims_in_id_token: true`},
		{`PAPERLESS_DBPASS=pass word # note`, `PAPERLESS_DBPASS=# # note`},
		{`- "PAPERLESS_DBPASS=pa ss"`, `- "PAPERLESS_DBPASS=#"`},
		{`PAPERLESS_SECRET_KEY: "a b" `, `PAPERLESS_SECRET_KEY: "#" `},
		{`PAPERLESS_SECRET_KEY_FILE: /run/x`, `PAPERLESS_SECRET_KEY_FILE: /run/x`},
		{`docker run -e PAPERLESS_DBPASS=x -e PAPERLESS_URL=y`, `docker run -e PAPERLESS_DBPASS=# -e PAPERLESS_URL=y`},
		{`attrs: {client_id: a, client_secret: b, name: c}`, `attrs: {client_id: a, client_secret: #, name: c}`},
		{`client_secret: !Env SOME_NAME`, `client_secret: !Env SOME_NAME`},
		{`"secret": "${OIDC_SECRET}", "x": 1`, `"secret": "${OIDC_SECRET}", "x": 1`},
		{`password: ${DBPASS:-fallback}`, `password: ${DBPASS:-#}`},
		{`/?token=abc&next=/`, `/?token=#&next=/`},
		{"PAPERLESS_SECRET_KEY: >-\n  abc def", "PAPERLESS_SECRET_KEY: >-\n  #"},
		{"password:\n  name: x", "password:\n  name: x"},
	} {
		assert.Equal(t, tt.want, HideSpans(tt.text, func(string) string { return "#" }), tt.text)
	}
}

// Broken JSON has secrets too: each piece of one is known.
func TestSecretsOfBrokenJSON(t *testing.T) {
	t.Parallel()
	b, err := Default()
	require.NoError(t, err)
	b.Paperless.Env[ProvidersKey] = `{"openid_connect": {"APPS": [{"client_id":one "","secret":fakeFirst4w7e "fakeSecond2r9t","settings": {}}]}}`
	secrets := b.Secrets()
	assert.Contains(t, secrets, "fakeFirst4w7e")
	assert.Contains(t, secrets, "fakeSecond2r9t")
}

// A word that everybody sees is not looked for in texts; anything else is.
func TestWords(t *testing.T) {
	t.Parallel()
	b, err := Default()
	require.NoError(t, err)
	b.Paperless.URL = "https://x7k.docs.example.com:8443"
	b.Paperless.Env["PAPERLESS_URL"] = b.Paperless.URL
	b.Paperless.Env["PAPERLESS_ADMIN_USER"] = "berta"
	b.Paperless.Env["PAPERLESS_DBUSER"] = "n8Xq2Lr7Wt"
	w := b.Words()
	for _, word := range []string{"docs", "example", "docs.example", "x7k", "Docs", "paperless", "authentik", "accounts", "oidc", "openid", "berta", "login", "8443", "abc", "password"} {
		assert.True(t, w.Has(word), word)
	}
	for _, secret := range []string{"n8Xq2Lr7Wt", "docs1234", "hunter2hunter", "correcthorse", "example!", "pass word/one", b.IdPProvider().ClientSecret} {
		assert.False(t, w.Has(secret), secret)
	}
}
