package evidence_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

func TestRedactorLeavesNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cr$t/va lue+1"
	r := evidence.NewRedactor(secret)
	for name, text := range map[string]string{
		"as it is": "client secret " + secret,
		"in a URL": "https://x/?a=" + url.QueryEscape(secret),
		"in JSON":  `{"secret": "` + secret + `"}`,
		"a JWT":    "token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzM2NyJHQvdmEgbHVlKzEifQ.c2ln",
		"a header": "Authorization: Bearer abcdefghijklmnop",
		"a form":   "code=abcdef123456&state=xyz987654321",
		"a field":  `<input type="hidden" name="csrfmiddlewaretoken" value="tok3nvalue">`,
	} {
		got := r.Text(text)
		for _, bad := range []string{secret, url.QueryEscape(secret), "eyJhbGciOi", "abcdefghijklmnop", "abcdef123456", "xyz987654321", "tok3nvalue"} {
			assert.NotContains(t, got, bad, name)
		}
	}
	assert.Equal(t, "nothing to hide", r.Text("nothing to hide"))
}

func TestRedactorKeepsWhatDiagnosisNeeds(t *testing.T) {
	t.Parallel()
	r := evidence.NewRedactor()
	in := "https://a.example/application/o/authorize/?client_id=paperless&redirect_uri=https%3A%2F%2Fp.example%2Fcb%2F&state=abc123&scope=openid"
	got := r.URL(in)
	assert.Contains(t, got, "client_id=paperless")
	assert.Contains(t, got, "redirect_uri=https%3A%2F%2Fp.example%2Fcb%2F")
	assert.NotContains(t, got, "abc123")
	first := r.Print("abc123")
	assert.Equal(t, first, r.Print("abc123"), "the same value has the same fingerprint")
	assert.NotEqual(t, r.Print("abc123"), r.Print("abc124"))
	assert.NotEqual(t, r.Print("abc123"), evidence.NewRedactor().Print("abc123"), "and another one in another run")
	nested := r.URL("https://a.example/flows/?next=" + url.QueryEscape(in[len("https://a.example"):]))
	assert.NotContains(t, nested, "abc123")
	assert.Contains(t, nested, "client_id%3Dpaperless")
	// authentik's page asks its API with the query of the page inside of one parameter.
	twice := r.URL("https://a.example/api/v3/flows/executor/x/?query=" + url.QueryEscape("next="+url.QueryEscape(in[len("https://a.example"):]+"&code_challenge=chall3nge")))
	assert.NotContains(t, twice, "abc123")
	assert.NotContains(t, twice, "chall3nge")
	assert.Contains(t, twice, "paperless")
}

// TestRedactorInAStackTrace: authentik's error page throws, and the console has the
// page's address with line and column behind it.
func TestRedactorInAStackTrace(t *testing.T) {
	t.Parallel()
	r := evidence.NewRedactor()
	const address = "https://a.example/application/o/authorize/?state=abc123&nonce=n0nce&code_challenge=chall3nge"
	got := r.Text("Uncaught SyntaxError: Unexpected end of JSON input\n    at JSON.parse (<anonymous>)\n    at " + address + ":28:22\n    at run (" + address + ":1:2)")
	for _, bad := range []string{"abc123", "n0nce", "chall3nge"} {
		assert.NotContains(t, got, bad)
	}
	assert.Equal(t, 2, strings.Count(got, "code_challenge="+r.Print("chall3nge")), "the same value has the same fingerprint: %s", got)
}
