package model

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

const (
	origin   = "https://paperless.example.com"
	idp      = "https://authentik.example.com"
	clientID = "paperless-client"
)

// A fakeIdP is a provider small enough to break in every way.
type fakeIdP struct {
	srv *httptest.Server

	mu        sync.Mutex
	discovery map[string]any // nil: the page below
	page      string         // instead of the document
	status    int            // of discovery; 0: 200
	userinfo  map[string]any
	infoCode  int
	infoPage  string                             // instead of the claims
	idToken   func(claims map[string]any) string // nil: none
	tokenCode int
	tokenBody string
	claims    map[string]any
	requests  []string // method, path, client authentication, as they came
	agents    map[string]bool
	headers   http.Header
	verifier  string
	silent    chan struct{} // nothing is answered before it is closed
}

func newIdP(t *testing.T) *fakeIdP {
	t.Helper()
	f := &fakeIdP{agents: map[string]bool{}, userinfo: person("alice", "alice@example.com")}
	f.discovery = map[string]any{
		"issuer": idp + "/application/o/paperless/", "authorization_endpoint": idp + "/application/o/authorize/",
		"token_endpoint": idp + "/application/o/token/", "userinfo_endpoint": idp + "/application/o/userinfo/",
		"jwks_uri": idp + "/application/o/paperless/jwks/", "token_endpoint_auth_methods_supported": []any{"client_secret_post", "client_secret_basic"},
	}
	f.claims = map[string]any{"iss": idp + "/application/o/paperless/", "aud": clientID, "sub": "sub-alice", "exp": time.Now().Add(time.Minute).Unix()}
	f.srv = httptest.NewTLSServer(f)
	t.Cleanup(f.srv.Close)
	return f
}

func person(name, email string) map[string]any {
	full := strings.ToUpper(name[:1]) + name[1:] + " Test"
	return map[string]any{
		"sub": "sub-" + name, "preferred_username": name, "name": full, "given_name": full, "nickname": name,
		"email": email, "email_verified": true, "groups": []any{"sso"},
	}
}

func (f *fakeIdP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.silent != nil {
		<-f.silent
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = r.ParseForm()
	auth := ""
	if _, _, ok := r.BasicAuth(); ok {
		auth = " basic"
	} else if r.PostForm.Has("client_secret") {
		auth = " post"
	}
	f.requests = append(f.requests, r.Method+" "+r.URL.Path+auth)
	f.agents[r.UserAgent()] = true
	f.headers = r.Header
	write := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	switch {
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		if f.status != 0 {
			w.WriteHeader(f.status)
		}
		if f.page != "" || f.status != 0 {
			_, _ = w.Write([]byte(f.page))
			return
		}
		write(http.StatusOK, f.discovery)
	case strings.HasSuffix(r.URL.Path, "/token/"):
		f.verifier = r.PostForm.Get("code_verifier")
		if f.tokenCode != 0 {
			w.WriteHeader(f.tokenCode)
			_, _ = w.Write([]byte(f.tokenBody))
			return
		}
		out := map[string]any{"access_token": "access-0123456789", "token_type": "Bearer"}
		if f.idToken != nil {
			out["id_token"] = f.idToken(maps.Clone(f.claims))
		}
		write(http.StatusOK, out)
	case strings.HasSuffix(r.URL.Path, "/userinfo/"):
		if f.infoCode != 0 {
			w.WriteHeader(f.infoCode)
			return
		}
		if f.infoPage != "" {
			_, _ = w.Write([]byte(f.infoPage))
			return
		}
		write(http.StatusOK, f.userinfo)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// jws is an unsigned token: Paperless does not look at the signature.
func jws(claims map[string]any) string {
	enc := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return enc(map[string]any{"alg": "RS256"}) + "." + enc(claims) + ".c2ln"
}

// dial is the container's network: the provider, and nothing else.
func (f *fakeIdP) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	switch host, port, _ := net.SplitHostPort(addr); {
	case host == "slow.example.com":
		<-ctx.Done()
		return nil, ctx.Err()
	case host != "authentik.example.com":
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case port != "443":
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	return (&net.Dialer{}).DialContext(ctx, network, f.srv.Listener.Addr().String())
}

func (f *fakeIdP) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(f.srv.Certificate())
	return pool
}

// harness is what the lab adds to the configuration.
func harness() map[string]string {
	return map[string]string{"REQUESTS_CA_BUNDLE": "/ca.crt", "PAPERLESS_REDIS": "redis://x:6379"}
}

// start boots a Paperless of the version with the guide's configuration and these changes.
func start(t *testing.T, f *fakeIdP, version string, env map[string]string, changes ...func(*Options)) *Server {
	t.Helper()
	s, boot := boot(t, f, version, env, changes...)
	require.True(t, boot.Up, "%v", boot.Log)
	return s
}

func boot(t *testing.T, f *fakeIdP, version string, env map[string]string, changes ...func(*Options)) (*Server, evidence.Boot) {
	t.Helper()
	b, err := deployment.Default()
	require.NoError(t, err)
	b.Paperless.Version = version
	b.Paperless.Env["PAPERLESS_SECRET_KEY"] = "secret-key-0123456789abcdef"
	for k, v := range env {
		if v == "-" {
			delete(b.Paperless.Env, k)
			continue
		}
		b.Paperless.Env[k] = v
	}
	o := Options{Bundle: b, Harness: harness(), Timeout: 30 * time.Second}
	if f != nil {
		o.Dial, o.Roots = f.dial, f.roots()
	}
	for _, change := range changes {
		change(&o)
	}
	return New(o)
}

// A visitor is a browser without JavaScript.
type visitor struct {
	t       *testing.T
	s       *Server
	cookies map[string]string
	header  http.Header
	bare    bool   // sends no Origin of its own
	remote  string // address of the client; "": of a test; "-": none, as on a Unix socket
}

func visit(t *testing.T, s *Server) *visitor {
	t.Helper()
	return &visitor{t: t, s: s, cookies: map[string]string{}, header: http.Header{}}
}

// An answer is a response with its body read.
type answer struct {
	*http.Response
	body string
	path string // that was asked
}

func (v *visitor) do(method, path string, form url.Values) answer {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Host = "paperless.example.com"
	switch v.remote {
	case "":
	case "-":
		r.RemoteAddr = ""
	default:
		r.RemoteAddr = v.remote
	}
	for name, values := range v.header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if r.Header.Get("Origin") == "" && !v.bare {
			r.Header.Set("Origin", origin)
		}
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.s.ServeHTTP(w, r)
	resp := w.Result()
	for _, k := range resp.Cookies() {
		if k.MaxAge < 0 {
			delete(v.cookies, k.Name)
			continue
		}
		v.cookies[k.Name] = k.Value
	}
	return answer{resp, w.Body.String(), r.URL.Path}
}

func (v *visitor) get(path string) answer { v.t.Helper(); return v.do(http.MethodGet, path, nil) }

// post sends a form with the token of the cookie, as a page of ours would.
func (v *visitor) post(path string, pairs ...string) answer {
	v.t.Helper()
	form := url.Values{"csrfmiddlewaretoken": {v.cookies["csrftoken"]}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return v.do(http.MethodPost, path, form)
}

// api asks as the web application does.
func (v *visitor) api(method, path string, body any) (int, map[string]any) {
	v.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(v.t, err)
	r := httptest.NewRequestWithContext(v.t.Context(), method, path, strings.NewReader(string(text)))
	r.Host = "paperless.example.com"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Csrftoken", v.cookies["csrftoken"])
	for name, values := range v.header {
		r.Header[name] = values
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.s.ServeHTTP(w, r)
	out := map[string]any{}
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	return w.Code, out
}

func (v *visitor) signIn(name, password string) answer {
	v.t.Helper()
	v.get("/accounts/login/?loggedout=1")
	return v.post("/accounts/login/", "login", name, "password", password)
}

// begin presses the button and returns the authorization request.
func (v *visitor) begin(query string) url.Values {
	v.t.Helper()
	v.get("/accounts/login/?loggedout=1")
	a := v.post("/accounts/oidc/authentik/login/" + query)
	require.Equal(v.t, http.StatusFound, a.StatusCode, a.body)
	u, err := a.Location()
	require.NoError(v.t, err)
	require.Equal(v.t, "authentik.example.com", u.Host)
	return u.Query()
}

// sso is the whole way to the callback's answer.
func (v *visitor) sso(query string) answer {
	v.t.Helper()
	q := v.begin(query)
	return v.get("/accounts/oidc/authentik/login/callback/?code=code-0123456789&state=" + q.Get("state"))
}

var (
	hidden = regexp.MustCompile(`(?s)<(script|style|title)\b.*?</(script|style|title)>`)
	tags   = regexp.MustCompile(`<[^>]*>`)
)

// text is what a user reads.
func text(page string) string {
	page = hidden.ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

func title(page string) string {
	_, rest, _ := strings.Cut(page, "<title>")
	t, _, _ := strings.Cut(rest, "</title>")
	return t
}

func logText(s *Server) string {
	var b strings.Builder
	for _, l := range s.Log() {
		fmt.Fprintln(&b, l.Text)
	}
	return b.String()
}
