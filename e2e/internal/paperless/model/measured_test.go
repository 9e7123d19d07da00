package model

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMeasured is the measured behaviour of the three releases of allauth that
// Paperless has had since 2.15.0, against a provider that misbehaves (section
// C.3 of the facts on failures): signed in (A), the error page (E), or a crash
// (500). The versions are 2.19.6, 2.20.15 and 3.0.5.
func TestMeasured(t *testing.T) {
	t.Parallel()
	// token changes the claims of the ID token.
	token := func(change func(map[string]any)) func(*fakeIdP) {
		return func(f *fakeIdP) {
			f.idToken = func(c map[string]any) string { change(c); return jws(c) }
		}
	}
	// head has this header, whatever it promises of the signature.
	head := func(header map[string]any) func(*fakeIdP) {
		return func(f *fakeIdP) {
			f.idToken = func(c map[string]any) string {
				text, err := json.Marshal(header)
				require.NoError(t, err)
				return base64.RawURLEncoding.EncodeToString(text) + jws(c)[strings.Index(jws(c), "."):]
			}
		}
	}
	answer := func(code int, body string) func(*fakeIdP) {
		return func(f *fakeIdP) { f.tokenCode, f.tokenBody = code, body }
	}
	without := func(key string) func(*fakeIdP) { return func(f *fakeIdP) { f.idToken = jws; delete(f.discovery, key) } }
	later, before := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	tests := map[string]struct {
		idp  func(*fakeIdP)
		want string
	}{
		"happy path":                {token(func(map[string]any) {}), "A A A"},
		"wrong iss":                 {token(func(c map[string]any) { c["iss"] = "https://other.example.com/" }), "A E E"},
		"iss without its slash":     {token(func(c map[string]any) { c["iss"] = strings.TrimSuffix(c["iss"].(string), "/") }), "A E E"},
		"no iss":                    {token(func(c map[string]any) { delete(c, "iss") }), "A E E"},
		"wrong aud":                 {token(func(c map[string]any) { c["aud"] = "other" }), "A E E"},
		"no aud":                    {token(func(c map[string]any) { delete(c, "aud") }), "A E E"},
		"aud with a foreign entry":  {token(func(c map[string]any) { c["aud"] = []any{clientID, "other"} }), "A A A"},
		"azp foreign":               {token(func(c map[string]any) { c["azp"] = "other" }), "A A A"},
		"no sub in the id_token":    {token(func(c map[string]any) { delete(c, "sub") }), "A A A"},
		"no iat":                    {token(func(c map[string]any) { delete(c, "iat") }), "A A A"},
		"exp past":                  {token(func(c map[string]any) { c["exp"] = before }), "A E E"},
		"no exp":                    {token(func(c map[string]any) { delete(c, "exp") }), "A A A"},
		"nbf and iat in the future": {token(func(c map[string]any) { c["nbf"], c["iat"] = later, later }), "A A A"},
		"alg none":                  {head(map[string]any{"alg": "none"}), "A A A"},
		"alg HS256":                 {head(map[string]any{"alg": "HS256"}), "A A A"},
		"unknown kid":               {head(map[string]any{"alg": "RS256", "kid": "nobody's"}), "A A A"},
		"nonce wrong":               {token(func(c map[string]any) { c["nonce"] = "made-up" }), "A A A"},
		"at_hash wrong":             {token(func(c map[string]any) { c["at_hash"] = "made-up" }), "A A A"},
		"encrypted": {func(f *fakeIdP) {
			f.idToken = func(map[string]any) string { return "eyJhbGciOiJSU0EtT0FFUC0yNTYifQ.b.c.d.e" }
		}, "A E E"},
		"no id_token":                 {func(*fakeIdP) {}, "A A A"},
		"userinfo of somebody else":   {func(f *fakeIdP) { f.idToken = jws; f.userinfo["sub"] = "sub-other" }, "A A A"},
		"userinfo without sub":        {func(f *fakeIdP) { delete(f.userinfo, "sub") }, "500 500 500"},
		"email_verified as text":      {func(f *fakeIdP) { f.userinfo["email_verified"] = "true" }, "500 500 500"},
		"userinfo 401":                {func(f *fakeIdP) { f.infoCode = 401 }, "E E E"},
		"userinfo not JSON":           {func(f *fakeIdP) { f.infoPage = "<html>" }, "E E E"},
		"issuer of discovery differs": {func(f *fakeIdP) { f.idToken = jws; f.discovery["issuer"] = "https://other.example.com/" }, "A E E"},
		"issuer differs, the token agrees with it": {func(f *fakeIdP) {
			token(func(c map[string]any) { c["iss"] = "https://x/" })(f)
			f.discovery["issuer"] = "https://x/"
		}, "A A A"},
		"discovery lacks jwks_uri":          {without("jwks_uri"), "A 500 500"},
		"discovery lacks userinfo_endpoint": {without("userinfo_endpoint"), "500 500 500"},
		"token: invalid_client":             {answer(401, `{"error": "invalid_client"}`), "E E E"},
		"token: 500":                        {answer(500, "oh"), "E E E"},
		"token: a page":                     {answer(200, "<html>"), "E E E"},
		"token: an error with 200":          {answer(200, `{"error": "invalid_grant"}`), "E E E"},
		"token: no access_token":            {answer(200, `{"token_type": "Bearer"}`), "E E E"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for version := range strings.SplitSeq("2.19.6 2.20.15 3.0.5", " ") {
				f := newIdP(t)
				tt.idp(f)
				a := visit(t, start(t, f, version, auto)).sso("")
				switch {
				case a.Header.Get("Location") == "/dashboard":
					got = append(got, "A")
				case text(a.body) == failText:
					got = append(got, "E")
				case a.StatusCode == http.StatusInternalServerError:
					got = append(got, "500")
				default:
					got = append(got, text(a.body))
				}
			}
			assert.Equal(t, tt.want, strings.Join(got, " "))
		})
	}
}

// TestMeasuredRest are the rows of the same table that are no answers of the
// provider.
func TestMeasuredRest(t *testing.T) {
	t.Parallel()
	for version, method := range map[string]string{"2.19.6": "basic", "2.20.15": "basic", "3.0.5": "post"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for advertised, want := range map[string]string{"client_secret_post client_secret_basic": method, "client_secret_basic": "basic", "": "post"} {
				f := newIdP(t)
				delete(f.discovery, "token_endpoint_auth_methods_supported")
				if advertised != "" {
					var list []any
					for m := range strings.FieldsSeq(advertised) {
						list = append(list, m)
					}
					f.discovery["token_endpoint_auth_methods_supported"] = list
				}
				visit(t, start(t, f, version, auto)).sso("")
				assert.Contains(t, f.requests, "POST /application/o/token/ "+want, advertised)
			}

			v := visit(t, start(t, newIdP(t), version, auto))
			before := v.begin("").Get("state")
			key := v.cookies["sessionid"]
			a := v.get(callbackPath + "?code=c&iss=https%3A%2F%2Fother.example.com&state=" + before)
			assert.Equal(t, "/dashboard", a.Header.Get("Location"), "an iss parameter is not looked at")
			assert.NotEqual(t, key, v.cookies["sessionid"], "a new session")

			for _, next := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
				v := visit(t, start(t, newIdP(t), version, auto))
				a := v.sso("?next=" + url.QueryEscape(next))
				assert.Equal(t, "/dashboard", a.Header.Get("Location"), next)
			}

			// What the browser adds to the start is passed on to the provider.
			q := visit(t, start(t, newIdP(t), version, auto)).begin("?auth_params=" + url.QueryEscape("redirect_uri=https://evil.example/&prompt=login"))
			assert.Equal(t, "https://evil.example/", q.Get("redirect_uri"))
			assert.Equal(t, "login", q.Get("prompt"))
		})
	}
}
