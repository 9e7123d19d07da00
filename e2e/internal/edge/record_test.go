package edge_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// idToken is unsigned, because the edge only looks at it.
const (
	idTokenHead = `{"alg":"RS256","kid":"k"}`
	idTokenBody = `{"iss":"https://authentik.example.com/application/o/paperless/","sub":"subject-1234","aud":"client","iat":1700000000,"exp":1700003600,"email":"a@example.com"}`
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func idToken() string { return b64(idTokenHead) + "." + b64(idTokenBody) + ".c2lnbmF0dXJl" }

func TestExchanges(t *testing.T) {
	t.Parallel()
	red := evidence.NewRedactor("client-secret-value")
	e := listen(t, edge.Options{Redactor: red})
	e.Route(edge.Route{Product: "authentik", Host: authentik, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/application/o/token/":
			body, _ := io.ReadAll(r.Body)
			if !strings.Contains(string(body), "grant_type=authorization_code") {
				http.Error(w, "the body did not arrive", http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"access-token-value","token_type":"Bearer","expires_in":3600,"id_token":%q}`, idToken())
		case "/application/o/userinfo/":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"sub":"subject-1234","email":"a@example.com"}`)
		case "/application/o/authorize/":
			http.SetCookie(w, &http.Cookie{Name: "authentik_session", Value: "session-value"})
			http.Redirect(w, r, "https://"+paperless+"/cb/?code=code-value&state="+r.URL.Query().Get("state"), http.StatusFound)
		default:
			_, _ = io.WriteString(w, "<html>page-body</html>")
		}
	})})
	get(t, e, "https://"+authentik+"/application/o/authorize/?client_id=c&state=state-value&code_challenge=challenge-value", map[string]string{"Cookie": "sessionid=cookie-value", "Referer": "https://x.example/?code=referer-code"})
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"code-value"}, "code_verifier": {"verifier-value"}, "redirect_uri": {"https://paperless.example.com/cb/"}}
	post := func(form url.Values, basic bool) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+authentik+"/application/o/token/", strings.NewReader(form.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("User-Agent", "python-requests/2.32.5")
		if basic {
			r.SetBasicAuth("client", "client-secret-value")
		}
		resp, err := client(e).Do(r)
		require.NoError(t, err)
		body, _ := io.ReadAll(resp.Body)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 200, resp.StatusCode, string(body))
	}
	post(form, true)
	form.Set("client_id", "client")
	form.Set("client_secret", "posted-secret-value")
	post(form, false)
	get(t, e, "https://"+authentik+"/application/o/userinfo/", map[string]string{"User-Agent": "python-requests/2.32.5", "Authorization": "Bearer access-token-value"})
	get(t, e, "https://"+authentik+"/page/", nil)

	xs := e.Exchanges("")
	require.Len(t, xs, 5)
	authorize, basic, posted, info, page := xs[0], xs[1], xs[2], xs[3], xs[4]
	assert.Equal(t, evidence.Front, authorize.Channel)
	assert.Equal(t, "authentik", authorize.To)
	assert.Equal(t, 302, authorize.Status)
	assert.Equal(t, []string{"sessionid"}, authorize.Cookies)
	assert.Equal(t, []string{"authentik_session"}, authorize.SetCookies)
	assert.Contains(t, authorize.Location, "code="+red.Print("code-value")+"&state="+red.Print("state-value"))
	assert.Contains(t, authorize.URL, "client_id=c&state="+red.Print("state-value"), "the same value has the same fingerprint")

	assert.Equal(t, evidence.Back, basic.Channel)
	assert.Equal(t, "client_secret_basic", basic.Auth)
	assert.Equal(t, red.Print("code-value"), basic.Form["code"])
	assert.Equal(t, "https://paperless.example.com/cb/", basic.Form["redirect_uri"])
	assert.Equal(t, "Bearer", basic.Body["token_type"])
	assert.Equal(t, &evidence.IDToken{
		Form: "JWS", Alg: "RS256", Issuer: "https://authentik.example.com/application/o/paperless/", Audience: []string{"client"},
		Subject: red.Print("subject-1234"), Issued: 1700000000, Expires: 1700003600, Claims: []string{"aud", "email", "exp", "iat", "iss", "sub"},
	}, basic.IDToken)
	assert.Equal(t, "client_secret_post", posted.Auth)
	assert.Equal(t, "Bearer", info.Auth)
	assert.Equal(t, basic.IDToken.Subject, info.Body["sub"])
	assert.Empty(t, page.Body)

	text, err := json.Marshal(xs)
	require.NoError(t, err)
	for _, secret := range []string{
		"client-secret-value", "posted-secret-value", "code-value", "state-value", "verifier-value", "challenge-value", "access-token-value",
		"session-value", "cookie-value", "referer-code", idToken(), "page-body", b64("client:client-secret-value"),
	} {
		assert.NotContains(t, string(text), secret)
	}
	assert.Equal(t, "saw "+red.Print("code-value"), red.Text("saw code-value"), "what the edge saw is scrubbed elsewhere too")
}

func TestExchangesAreBounded(t *testing.T) {
	t.Parallel()
	e := listen(t, edge.Options{})
	big := strings.Repeat("x", 1<<20)
	e.Route(edge.Route{Product: "authentik", Host: authentik, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"a":"`+big+`"}`)
	})})
	_, body := get(t, e, "https://"+authentik+"/application/o/x/.well-known/openid-configuration", nil)
	assert.Len(t, body, len(big)+8, "the client gets everything")
	xs := e.Exchanges("")
	require.Len(t, xs, 1)
	assert.Nil(t, xs[0].Body, "a body that is too big to keep is no evidence")
}

// TestFormIsReadOnce: a form that the edge has looked at is asked of the connection no
// more. An answer can be under way before a transport has met the end of the form; the
// body is closed then, and a transport that meets that drops the connection with it.
func TestFormIsReadOnce(t *testing.T) {
	t.Parallel()
	e := listen(t, edge.Options{})
	got, failed := make(chan string, 1), make(chan error, 1)
	e.Route(edge.Route{Product: "authentik", Host: authentik, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		_ = r.Body.Close()
		body, err := io.ReadAll(r.Body)
		got <- string(body)
		failed <- err
	})})
	res, err := client(e).PostForm("https://"+authentik+"/application/o/token/", url.Values{"code": {"x"}})
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, "code=x", <-got)
	assert.NoError(t, <-failed)
}
