package report

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

type requestView struct {
	N                         int
	Channel, To, Method       string
	Origin, Path              string
	Params                    []paramView
	Status                    int
	Tone, Error, Location     string
	Auth, Cookies, SetCookies string
	Form, Headers             []paramView
	Body                      string
	Token                     []paramView
	Seconds                   float64
}

func hopView(i int, h evidence.Hop, glossary map[string]string) requestView {
	v := requestView{N: i + 1, Method: h.Method, Status: h.Status, Error: h.Error, Location: h.Location}
	v.url(h.URL, glossary)
	for _, p := range params(h.Location) {
		explain(p.Name, glossary)
	}
	return v
}

func exchangeView(x *evidence.Exchange, glossary map[string]string) requestView {
	v := requestView{
		N: x.Seq, Channel: string(x.Channel), To: x.To, Method: x.Method, Status: x.Status, Error: x.Error, Location: x.Location,
		Auth: x.Auth, Cookies: strings.Join(x.Cookies, ", "), SetCookies: strings.Join(x.SetCookies, ", "), Seconds: x.Seconds,
	}
	v.url(x.URL, glossary)
	for _, p := range pairs(x.Form) {
		v.Form = append(v.Form, newParam(param(p)))
		explain(p.Name, glossary)
	}
	for _, p := range pairs(x.Headers) {
		v.Headers = append(v.Headers, newParam(param(p)))
	}
	if x.Body != nil {
		v.Body = strings.TrimSpace(string(indented(x.Body)))
	}
	if t := x.IDToken; t != nil {
		for _, p := range []param{
			{"form", strings.TrimSpace(t.Form + " " + t.Alg + " " + t.Enc)},
			{"iss", t.Issuer},
			{"aud", strings.Join(t.Audience, ", ")},
			{"sub", t.Subject},
			{"claims", strings.Join(t.Claims, ", ")},
		} {
			if p.Value != "" {
				v.Token = append(v.Token, newParam(p))
			}
		}
	}
	return v
}

func (v *requestView) url(raw string, glossary map[string]string) {
	v.Path = raw
	if i := strings.Index(raw, "://"); i >= 0 {
		if j := strings.IndexByte(raw[i+3:], '/'); j >= 0 {
			v.Origin, v.Path = raw[:i+3+j], raw[i+3+j:]
		}
	}
	v.Path, _, _ = strings.Cut(v.Path, "?")
	for _, p := range params(raw) {
		v.Params = append(v.Params, newParam(p))
		explain(p.Name, glossary)
	}
	v.Tone = "ok"
	switch {
	case v.Status >= 400 || v.Error != "" || v.Status == 0:
		v.Tone = "bad"
	case v.Status >= 300:
		v.Tone = "redirect"
	}
}

// A paramView is one parameter; a value that is an address with parameters of
// its own, such as next=, is taken apart.
type paramView struct {
	Name, Value string
	Inner       []paramView
}

func newParam(p param) paramView {
	v := paramView{Name: p.Name, Value: p.Value}
	if strings.HasPrefix(p.Value, "/") || strings.Contains(p.Value, "://") {
		if path, query, ok := strings.Cut(p.Value, "?"); ok && strings.Contains(query, "=") {
			v.Value = path
			for _, inner := range params(p.Value) {
				v.Inner = append(v.Inner, newParam(inner))
			}
		}
	}
	return v
}

func explain(name string, glossary map[string]string) {
	if say := meaning[name]; say != "" {
		glossary[name] = say
	}
}

// meaning explains the parameters of the round trip (RFC 6749, RFC 7636, OpenID
// Connect Core). It is never changed.
var meaning = map[string]string{
	"client_id":             "names Paperless to authentik; must be the provider's",
	"redirect_uri":          "where authentik sends the browser back to; must equal a registered one, character by character",
	"response_type":         "code: an authorization code comes back, not a token",
	"scope":                 "what Paperless wants to know about the user",
	"state":                 "random value that Paperless keeps in the session; the same one must come back, else the answer belongs to another browser",
	"nonce":                 "random value that comes back inside the ID token, against replay",
	"code":                  "authorization code that Paperless exchanges for tokens; valid for one minute by default",
	"code_challenge":        "hash of the PKCE verifier: who stole the code cannot use it",
	"code_challenge_method": "how the challenge was made; S256 is SHA-256",
	"code_verifier":         "the PKCE secret itself, sent only when the code is used",
	"grant_type":            "authorization_code: an authorization code is exchanged for tokens",
	"client_secret":         "proves that it is Paperless that asks",
	"next":                  "where to go after signing in; must stay on the same site",
	"process":               "empty or login: sign in; connect: link to the account that is signed in",
	"loggedout":             "1 after signing out: the page does not redirect to authentik then",
	"csrfmiddlewaretoken":   "proves that the form came from Paperless's own page",
	"error":                 "why authentik gave no code",
	"error_description":     "the same in words",
	"iss":                   "who signed; must equal the issuer of the discovery document",
}
