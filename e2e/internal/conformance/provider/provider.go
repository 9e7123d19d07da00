// Package provider is an OpenID provider that does what a test says. It stands at
// authentik's name and paths, so that Paperless-ngx asks it with the configuration
// that it has, and it records what it is asked.
package provider

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A Client is a relying party that the provider knows.
type Client struct {
	ID, Secret string
	// Discovery is the path of its discovery document, Issuer what stands in it:
	// as authentik has it, with a slash at the end.
	Discovery, Issuer string
}

// Options are the settings of a Provider.
type Options struct {
	Origin    string // of authentik: scheme://host[:port]
	Elsewhere string // another host that leads here, without a scheme
	// Patience is how long the relying party waits for a byte.
	Patience time.Duration
	Now      func() time.Time // nil: time.Now
}

// A Provider answers for all clients. Safe for concurrent use.
type Provider struct {
	o Options

	mu     sync.Mutex
	plays  map[string]*Play // by client id
	byPath map[string]*Play // by the path of the discovery document
	codes  map[string]*grant
	tokens map[string]*grant
	last   *Play
	stop   chan struct{}
	once   sync.Once
}

// New makes a provider that knows no client yet.
func New(o Options) *Provider {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Provider{o: o, plays: map[string]*Play{}, byPath: map[string]*Play{}, codes: map[string]*grant{}, tokens: map[string]*grant{}, stop: make(chan struct{})}
}

// Close lets go of requests that are left without an answer. It is safe to call twice.
func (p *Provider) Close() { p.once.Do(func() { close(p.stop) }) }

// A Play is one script for one client, and what the provider was asked meanwhile.
type Play struct {
	p      *Provider
	client Client
	script Script

	mu        sync.Mutex
	person    map[string]any
	requests  []Request
	documents int    // discovery documents that were given out
	repeated  string // the ID token that is given every time
}

// A grant is a code, and later an access token.
type grant struct {
	play      *Play
	person    map[string]any
	challenge string
	redirect  string
	nonce     string
	used      bool
	idToken   string
}

// Play starts a script for a client, in place of the one before.
func (p *Provider) Play(c Client, s Script, person map[string]any) *Play {
	play := &Play{p: p, client: c, script: s, person: person}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plays[c.ID], p.byPath[c.Discovery], p.last = play, play, play
	return play
}

// As says who signs in from now on.
func (y *Play) As(person map[string]any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.person = person
}

// Do changes what the provider does from now on.
func (y *Play) Do(change func(*Script)) {
	y.mu.Lock()
	defer y.mu.Unlock()
	change(&y.script)
}

// Client is the relying party that is played for.
func (y *Play) Client() Client { return y.client }

func (y *Play) now() (Script, map[string]any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.script, maps.Clone(y.person)
}

// ServeHTTP answers as the script of the client says.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	if base := p.base(); base != "" {
		c := *r.URL
		c.Path = strings.TrimPrefix(c.Path, base)
		r = r.WithContext(r.Context())
		r.URL = &c
	}
	c := &call{Provider: p, w: w, r: r, elsewhere: strings.EqualFold(hostname(r.Host), p.o.Elsewhere), plain: r.Header.Get("X-Forwarded-Proto") == "http"}
	c.serve()
}

// base is the path of Options.Origin, without a slash at the end.
func (p *Provider) base() string {
	u, err := url.Parse(p.o.Origin)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

func hostname(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return name
}

// call is one request.
type call struct {
	*Provider
	w         http.ResponseWriter
	r         *http.Request
	play      *Play
	script    Script
	elsewhere bool
	plain     bool
	note      Request
}

func (c *call) serve() {
	path := c.r.URL.Path
	switch {
	case strings.HasSuffix(path, oidc.WellKnown):
		c.discovery()
	case path == authentik.AuthorizationPath:
		c.authorize()
	case path == authentik.TokenPath:
		c.token()
	case path == authentik.UserinfoPath:
		c.userinfo()
	case strings.HasSuffix(path, "/jwks/"):
		c.jwks()
	default:
		if c.enter("", c.latest()) {
			c.write(http.StatusNotFound, "text/plain", []byte("not found"))
		}
	}
}

func (p *Provider) latest() *Play {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *Provider) of(all map[string]*Play, key string) *Play {
	p.mu.Lock()
	defer p.mu.Unlock()
	if y := all[key]; y != nil {
		return y
	}
	return p.last
}

// enter notes the request; false: nothing is played.
func (c *call) enter(e oidc.Endpoint, y *Play) bool {
	if y == nil {
		http.Error(c.w, "ssocheck: no test runs", http.StatusServiceUnavailable)
		return false
	}
	c.play = y
	c.script, _ = y.now()
	c.note = request(c.r, e, c.elsewhere, c.plain)
	c.note.asked = y.p.o.Now()
	return true
}

func (c *call) discovery() {
	if !c.enter(oidc.Discovery, c.of(c.byPath, c.r.URL.Path)) {
		return
	}
	y := c.play
	if c.script.Moved != nil && strings.Contains(c.r.URL.Path, "moved") {
		c.answer(*c.script.Moved, c.document())
		return
	}
	y.mu.Lock()
	y.documents++
	answer := y.script.Discovery
	if y.documents > 1 && y.script.Later != nil {
		answer = *y.script.Later
	}
	y.mu.Unlock()
	c.answer(answer, c.document())
}

// document is the discovery document of a provider that conforms, with the members
// that authentik's has.
func (c *call) document() map[string]any {
	base := c.o.Origin + authentik.Provider
	return map[string]any{
		"issuer":                                c.play.client.Issuer,
		"authorization_endpoint":                c.o.Origin + authentik.AuthorizationPath,
		"token_endpoint":                        c.o.Origin + authentik.TokenPath,
		"userinfo_endpoint":                     c.o.Origin + authentik.UserinfoPath,
		"jwks_uri":                              c.play.client.Issuer + "jwks/",
		"end_session_endpoint":                  c.play.client.Issuer + "end-session/",
		"revocation_endpoint":                   base + "revoke/",
		"response_types_supported":              []any{"code", "id_token", "code id_token"},
		"response_modes_supported":              []any{"query", "fragment", "form_post"},
		"grant_types_supported":                 []any{"authorization_code", "refresh_token"},
		"id_token_signing_alg_values_supported": []any{"RS256"},
		"subject_types_supported":               []any{"public"},
		"token_endpoint_auth_methods_supported": []any{oidc.SecretPost, oidc.SecretBasic},
		"scopes_supported":                      []any{"openid", "email", "profile"},
		"code_challenge_methods_supported":      []any{"plain", "S256"},
	}
}

// authorize answers at once, as a provider does where somebody is signed in and
// nothing is asked.
func (c *call) authorize() {
	q := c.r.URL.Query()
	if !c.enter(oidc.Authorization, c.of(c.plays, q.Get(oidc.ClientID))) {
		return
	}
	if q.Get(oidc.ClientID) == "" { // nobody to return to
		c.write(http.StatusBadRequest, "text/plain", []byte("client_id is missing"))
		return
	}
	script, person := c.play.now()
	code := "code-" + random()
	c.mu.Lock()
	c.codes[code] = &grant{play: c.play, person: person, challenge: q.Get(oidc.CodeChallenge), redirect: q.Get(oidc.RedirectTo), nonce: q.Get(oidc.Nonce)}
	c.mu.Unlock()
	back := map[string]any{oidc.Code: code, oidc.State: q.Get(oidc.State)}
	if script.Callback != nil {
		script.Callback(back)
	}
	out := url.Values{}
	for name, v := range back {
		if text, ok := v.(string); ok {
			out.Set(name, c.expand(text))
		}
	}
	c.note.Code = code
	c.w.Header().Set("Location", q.Get(oidc.RedirectTo)+"?"+out.Encode())
	c.write(http.StatusFound, "", nil)
}

func (c *call) token() {
	form := c.r.PostForm
	if c.r.Method != http.MethodPost {
		form = url.Values{}
	}
	c.mu.Lock()
	g := c.codes[form.Get(oidc.Code)]
	c.mu.Unlock()
	y := c.latest()
	if g != nil {
		y = g.play
	}
	if !c.enter(oidc.Token, y) {
		return
	}
	c.note.client(c.r, form, y.client)
	if c.elsewhere && c.script.Elsewhere != nil {
		c.answer(*c.script.Elsewhere, map[string]any{})
		return
	}
	c.note.PKCE = pkce(g, form.Get(oidc.CodeVerifier))
	c.note.verifier, c.note.Code = form.Get(oidc.CodeVerifier), form.Get(oidc.Code)
	if refused := c.refuse(g); refused != "" && c.script.Token.Where == "" {
		c.answer(Answer{Status: http.StatusBadRequest}, map[string]any{"error": refused})
		return
	}
	if g == nil {
		g = &grant{play: y, person: map[string]any{}}
	}
	if c.script.Token.Where == "" { // a redirect leaves the code to whom it leads
		c.mu.Lock()
		g.used = true
		c.mu.Unlock()
	}
	access, err := c.grant(g)
	if err != nil {
		http.Error(c.w, err.Error(), http.StatusInternalServerError)
		return
	}
	doc := map[string]any{
		oidc.AccessToken: access, oidc.IDToken: g.idToken, "token_type": "Bearer", "expires_in": 300, "scope": "openid email profile",
	}
	if c.elsewhere {
		c.answer(Answer{}, doc) // the script is that of the host which redirects
		return
	}
	c.answer(c.script.Token, doc)
}

// refuse says why a code is not taken; empty: it is.
func (c *call) refuse(g *grant) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case g == nil, g.used:
		return "invalid_grant"
	case !c.script.Lax && c.note.PKCE == PKCEWrong:
		return "invalid_grant"
	}
	return ""
}

// grant makes the tokens of a code.
func (c *call) grant(g *grant) (string, error) {
	y := c.play
	access := "access-" + random()
	claims := maps.Clone(g.person)
	seconds := c.o.Now().Unix()
	maps.Copy(claims, map[string]any{
		oidc.Issuer: y.client.Issuer, oidc.Audience: y.client.ID, oidc.Issued: seconds, oidc.Expires: seconds + 300,
		"auth_time": seconds, "acr": "goauthentik.io/providers/oauth2/default",
	})
	if g.nonce != "" {
		claims[oidc.Nonce] = g.nonce
	}
	token := c.script.IDToken
	if token.Claims != nil {
		token.Claims(claims)
	}
	signed, err := token.sign(c.expandDoc(claims), y.client.Secret)
	if err != nil {
		return "", err
	}
	y.mu.Lock()
	if token.Repeat && y.repeated != "" {
		signed = y.repeated
	}
	y.repeated = signed
	y.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	g.idToken = signed
	c.tokens[access] = g
	return access, nil
}

func (c *call) userinfo() {
	bearer := strings.TrimPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	c.mu.Lock()
	g := c.tokens[bearer]
	c.mu.Unlock()
	y := c.latest()
	if g != nil {
		y = g.play
	}
	if !c.enter(oidc.Userinfo, y) {
		return
	}
	c.note.bearer(c.r, g != nil)
	var person map[string]any
	if g != nil {
		person = maps.Clone(g.person)
	} else { // any token is taken, as by the provider of the recordings
		_, person = y.now()
	}
	answer := c.script.Userinfo
	if c.elsewhere {
		answer.Where = ""
		if answer.Status >= http.StatusMultipleChoices {
			answer.Status = 0
		}
		if c.script.Elsewhere != nil {
			answer = *c.script.Elsewhere
		}
	}
	c.answer(answer, person)
}

func (c *call) jwks() {
	y := c.latest()
	c.mu.Lock()
	for _, one := range c.plays {
		if strings.HasPrefix(c.o.Origin+c.r.URL.Path, one.client.Issuer) {
			y = one
		}
	}
	c.mu.Unlock()
	if !c.enter(oidc.JWKS, y) {
		return
	}
	doc, err := jwks(&c.script)
	if err != nil {
		http.Error(c.w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.answer(c.script.Keys, doc)
}

func random() string { return fmt.Sprintf("%.20s", rand.Text()) }

// Token is an ID token for a user that was given to nobody: for a sign-in by token.
func (y *Play) Token() (string, error) {
	c := &call{Provider: y.p, play: y}
	var person map[string]any
	c.script, person = y.now()
	g := &grant{play: y, person: person}
	_, err := c.grant(g)
	return g.idToken, err
}

// Target is the provider for whoever starts a pair.
func (p *Provider) Target() target.Provider {
	return target.Provider{Handler: p, Elsewhere: p.o.Elsewhere}
}

// Patience is how long the relying party waits for a byte.
func (p *Provider) Patience() time.Duration { return p.o.Patience }
