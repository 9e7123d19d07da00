package edge

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// recordLimit is how many exchanges of one id are kept. A whole checklist makes
// some hundreds; the limit is for a redirect loop.
const recordLimit = 4000

// record holds the exchanges of one id.
type record struct {
	mu   sync.Mutex
	seq  int
	kept []evidence.Exchange
}

func (r *record) list() []evidence.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.kept)
	// In order of their beginning: a back-channel call ends before the front
	// request that it was made for.
	slices.SortStableFunc(out, func(a, b evidence.Exchange) int { return a.Seq - b.Seq })
	return out
}

func (r *record) next() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	return r.seq
}

func (r *record) add(x evidence.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) >= recordLimit {
		r.kept = append(r.kept[:0], r.kept[recordLimit/4:]...) // the oldest quarter goes
	}
	r.kept = append(r.kept, x)
}

// exchange is one exchange while it happens.
type exchange struct {
	evidence.Exchange
	rec      *record
	redactor *evidence.Redactor
	began    time.Time
	failure  string
}

// capture reports whether the body of the answer is evidence.
func (x *exchange) capture() bool {
	return x.Endpoint == oidc.Discovery || x.Endpoint == oidc.Token || x.Endpoint == oidc.Userinfo
}

// begin notes the request. It reads a form body and puts it back.
func (e *Edge) begin(id string, route *Route, r *http.Request, secure bool) *exchange {
	x := &exchange{rec: e.record(id), redactor: route.Redactor, began: time.Now()}
	if x.rec == nil {
		x.rec = &record{} // unrouted meanwhile
	}
	scheme := "http"
	if secure {
		scheme = "https"
	}
	full := &url.URL{Scheme: scheme, Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	x.Seq = x.rec.next()
	x.At = round(x.began.Sub(e.started))
	x.Channel = evidence.Front
	if paperless.Asks(r.UserAgent()) {
		x.Channel = evidence.Back
	}
	x.To = route.Product
	x.Method = r.Method
	x.Endpoint = target.EndpointOf(r.URL.Path)
	remember(x.redactor, r.URL.Query())
	for _, c := range r.Cookies() {
		if !slices.Contains(x.Cookies, c.Name) {
			x.Cookies = append(x.Cookies, c.Name)
		}
	}
	x.form(r)
	x.Auth = x.auth(r)
	x.URL = x.redactor.URL(full.String())
	return x
}

// formLimit is the biggest form that is looked at; a document upload is passed on unread.
const formLimit = 64 << 10

// form reads an urlencoded body. What is secret in it becomes known to the
// redactor, so that it is scrubbed in every other place too.
func (x *exchange) form(r *http.Request) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" || r.Body == nil || r.ContentLength > formLimit {
		return
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, formLimit))
	whole := err == nil && len(head) < formLimit
	body := io.Reader(bytes.NewReader(head))
	if !whole {
		body = io.MultiReader(body, r.Body)
	}
	// What was read to its end is not asked again: once an answer is under way, the
	// server has closed it, and a transport that meets that drops the connection.
	r.Body = struct {
		io.Reader
		io.Closer
	}{body, r.Body}
	if !whole {
		return
	}
	values, err := url.ParseQuery(string(head))
	if err != nil {
		return
	}
	remember(x.redactor, values)
	for name, v := range values {
		if n := strings.ToLower(name); strings.Contains(n, "pass") || strings.Contains(n, "secret") {
			x.redactor.Add(v...)
		}
	}
	x.Form = x.redactor.Form(values)
	for name := range x.Form {
		if n := strings.ToLower(name); !x.redactor.Secret(name) && (strings.Contains(n, "pass") || strings.Contains(n, "secret") || strings.Contains(n, "token")) {
			x.Form[name] = x.redactor.Print(values.Get(name))
		}
	}
}

// remember makes secret parameters known to the redactor.
func remember(r *evidence.Redactor, values url.Values) {
	for name, v := range values {
		switch {
		case r.Secret(name) && strings.ToLower(name) != oidc.CodeChallenge:
			for _, s := range v {
				addSecret(r, s)
			}
		case name == "next" || name == "query": // authentik carries the authorize request in it
			for _, s := range v {
				if _, q, ok := strings.Cut(s, "?"); ok {
					if inner, err := url.ParseQuery(q); err == nil {
						remember(r, inner)
					}
				}
			}
		}
	}
}

// addSecret makes one value known. Tokens in JWT form are recognised by their
// form and need no entry, which keeps redaction quick.
func addSecret(r *evidence.Redactor, s string) {
	if !strings.HasPrefix(s, "eyJ") {
		r.Add(s)
	}
}

func (x *exchange) auth(r *http.Request) string {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "basic":
		if _, password, ok := r.BasicAuth(); ok {
			x.redactor.Add(password)
		}
		if x.Endpoint == oidc.Token {
			return oidc.SecretBasic
		}
		return "Basic"
	case "bearer":
		return "Bearer"
	case "token":
		return "Token"
	}
	switch {
	case x.Endpoint == oidc.Token && x.Form[oidc.ClientSecret] != "":
		return oidc.SecretPost
	case x.Endpoint == oidc.Token:
		return oidc.NoSecret
	}
	for _, name := range x.Cookies {
		if strings.HasSuffix(name, paperless.SessionCookie) || name == authentik.SessionCookie {
			return "Session"
		}
	}
	return ""
}

// sent notes the headers that the product gets.
func (x *exchange) sent(out *http.Request) {
	x.Headers = map[string]string{"Host": out.Host}
	for name := range out.Header {
		switch lower := strings.ToLower(name); {
		case lower == "origin", strings.HasPrefix(lower, "x-forwarded-"):
			x.Headers[name] = x.redactor.Text(out.Header.Get(name))
		case lower == "referer":
			x.Headers[name] = x.redactor.URL(out.Header.Get(name))
		case identity(strings.ReplaceAll(lower, "_", "-"), ""):
			x.Headers[name] = "(set)"
		}
	}
}

// end notes the response and keeps the exchange.
func (x *exchange) end(w *recorder) {
	x.Status = w.status
	if x.Status == 0 {
		x.Status = http.StatusOK // net/http answers so for a handler that writes nothing
	}
	x.Seconds = round(time.Since(x.began))
	x.Error = x.redactor.Text(x.failure)
	h := w.Header()
	x.Type = h.Get("Content-Type")
	if location := h.Get("Location"); location != "" {
		if u, err := url.Parse(location); err == nil {
			remember(x.redactor, u.Query())
		}
		x.Location = x.redactor.URL(location)
	}
	for _, line := range h.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			continue
		}
		if !slices.Contains(x.SetCookies, c.Name) {
			x.SetCookies = append(x.SetCookies, c.Name)
		}
		if n := strings.ToLower(c.Name); strings.Contains(n, "session") || strings.Contains(n, "csrf") {
			addSecret(x.redactor, c.Value)
		}
	}
	if x.capture() {
		x.body(w.body)
	}
	x.rec.add(x.Exchange)
}

// body keeps a JSON response, redacted, and what can be said of its ID token.
func (x *exchange) body(text []byte) {
	var doc map[string]any
	if json.Unmarshal(text, &doc) != nil {
		return
	}
	if x.Endpoint == oidc.Token {
		for _, name := range []string{oidc.AccessToken, oidc.RefreshToken, oidc.IDToken} {
			if s, ok := doc[name].(string); ok {
				addSecret(x.redactor, s)
			}
		}
		if s, ok := doc[oidc.IDToken].(string); ok {
			x.IDToken = describe(s, x.redactor)
		}
	}
	x.Body, _ = x.redactor.JSON(doc).(map[string]any)
	if sub, ok := doc[oidc.Subject].(string); ok && x.Endpoint == oidc.Userinfo {
		x.Body[oidc.Subject] = x.redactor.Print(sub) // comparable with IDToken.Subject
	}
}

// describe is what can be said of an ID token without keeping it.
func describe(raw string, r *evidence.Redactor) *evidence.IDToken {
	parts := strings.Split(raw, ".")
	var header struct{ Alg, Enc string }
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || json.Unmarshal(head, &header) != nil {
		return &evidence.IDToken{Form: "opaque"}
	}
	t := &evidence.IDToken{Form: "JWS", Alg: header.Alg, Enc: header.Enc}
	switch len(parts) {
	case 5:
		t.Form = "JWE"
		return t
	case 3:
	default:
		return &evidence.IDToken{Form: "opaque"}
	}
	var claims map[string]any
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return t
	}
	t.Claims = slices.Sorted(maps.Keys(claims))
	t.Issuer, _ = claims[oidc.Issuer].(string)
	if sub, ok := claims[oidc.Subject].(string); ok {
		t.Subject = r.Print(sub)
	}
	switch aud := claims[oidc.Audience].(type) {
	case string:
		t.Audience = []string{aud}
	case []any:
		for _, a := range aud {
			if s, ok := a.(string); ok {
				t.Audience = append(t.Audience, s)
			}
		}
	}
	if n, ok := claims[oidc.Issued].(float64); ok {
		t.Issued = int64(n)
	}
	if n, ok := claims[oidc.Expires].(float64); ok {
		t.Expires = int64(n)
	}
	return t
}

// round keeps milliseconds, which is what a user compares.
func round(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
