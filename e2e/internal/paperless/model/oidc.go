package model

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// startLogin is /accounts/oidc/<id>/login/: GET asks, POST goes to the provider.
func (c *call) startLogin(id string) *reply {
	if c.r.Method != http.MethodPost {
		p, rep := c.find(id)
		if rep != nil {
			return rep
		}
		return c.page("confirm", "Paperless-ngx social account sign in", map[string]any{"Name": p.name, "Redirect": c.set.redirectSSO})
	}
	if rep := c.checkCSRF(); rep != nil {
		return rep
	}
	p, rep := c.find(id)
	if rep != nil {
		return rep
	}
	doc, exc := c.discover(p)
	if exc != nil {
		return c.crash(exc.lines()...)
	}
	authorize, exc := endpoint(doc, "authorization_endpoint")
	if exc == nil {
		// The client is built with the token endpoint before the redirect.
		_, exc = endpoint(doc, "token_endpoint")
	}
	if exc != nil {
		return c.crash(exc.lines()...)
	}
	state := LoginState{State: random(16), Provider: id, Process: c.query.Get("process"), Next: c.query.Get("next")}
	if state.Process == "" {
		state.Process = "login"
	}
	params := parameters{
		{"client_id", p.clientID},
		{"redirect_uri", c.absolute("/accounts/oidc/" + id + "/login/callback/")},
		{"scope", strings.Join(c.scopes(p), " ")},
		{"response_type", "code"},
		{"state", state.State},
	}
	extra := p.authParams(c.set)
	for _, k := range slices.Sorted(maps.Keys(extra)) {
		params.set(k, pyStr(extra[k]))
	}
	if own := c.query.Get("auth_params"); own != "" {
		c.dynamic(&params, own)
	}
	if p.pkce(c.set) {
		state.Verifier = random(64)
		sum := sha256.Sum256([]byte(state.Verifier))
		params.set("code_challenge_method", "S256")
		params.set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	c.redactor.Add(state.State, state.Verifier)
	keep := 10
	if !c.set.at("2.8.0") {
		keep = 1 // a second tab kills the first
	}
	c.session(func(s *Session) {
		s.States = append(s.States, state)
		if extra := len(s.States) - keep; extra > 0 {
			s.States = slices.Clone(s.States[extra:])
		}
	})
	if u, err := url.Parse(authorize); err != nil || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "") {
		return c.errorPage(http.StatusBadRequest) // Django redirects to the web only
	}
	// A query of the address's own is not looked at: the result has two question marks.
	return redirect(authorize + "?" + params.encode())
}

// parameters are those of an authorization request, in their order.
type parameters [][2]string

// set replaces a parameter, or adds it.
func (p *parameters) set(name, value string) {
	for i := range *p {
		if (*p)[i][0] == name {
			(*p)[i][1] = value
			return
		}
	}
	*p = append(*p, [2]string{name, value})
}

func (p *parameters) encode() string {
	var out []string
	for _, one := range *p {
		out = append(out, url.QueryEscape(one[0])+"="+url.QueryEscape(one[1]))
	}
	return strings.Join(out, "&")
}

// dynamic takes over what the browser adds to the start: allauth passes it on,
// even another redirect_uri, and relies on the provider's comparison.
func (c *call) dynamic(params *parameters, text string) {
	if !c.set.at("2.15.0") {
		c.notModelled("auth_params of the browser before 2.15.0")
		return
	}
	own, _ := url.ParseQuery(text) // what is no parameter is left out, as Python's parse_qsl does
	for _, name := range slices.Sorted(maps.Keys(own)) {
		params.set(name, own.Get(name))
	}
}

// scopes are those of the provider and those that the browser adds to the start.
func (c *call) scopes(p *provider) []string {
	out := p.scope(c.set)
	if !c.set.at("2.15.0") {
		return out
	}
	for _, more := range strings.FieldsFunc(c.query.Get("scope"), func(r rune) bool { return r == ' ' || r == ',' }) {
		if !slices.Contains(out, more) {
			out = append(out, more)
		}
	}
	return out
}

// discover fetches the discovery document; Paperless keeps none.
func (c *call) discover(p *provider) (map[string]any, *pyError) {
	target, exc := p.serverURL(c.set)
	if exc != nil {
		return nil, exc
	}
	r, exc := c.fetch(http.MethodGet, target, "", nil)
	if exc != nil {
		return nil, exc
	}
	if exc := statusError(r.status, target); exc != nil {
		return nil, exc
	}
	return c.decode(r.body)
}

func endpoint(doc map[string]any, name string) (string, *pyError) {
	v, ok := doc[name]
	if !ok {
		return "", pyErrorf("KeyError", "%s", pyRepr(name))
	}
	return pyStr(v), nil
}

// callback is where the provider sends the browser back to.
func (c *call) callback(id string) *reply {
	if rep := c.checkCSRF(); rep != nil {
		return rep // an answer by POST
	}
	p, rep := c.find(id)
	if rep != nil {
		return rep
	}
	denied := c.query.Get("error") == "access_denied"
	state, ok := c.takeState(c.query.Get("state"))
	switch {
	case !ok && denied && !c.set.at("2.8.0"):
		return c.cancelled(p)
	case !ok:
		return c.failed(p, "unknown", "None")
	case denied:
		return c.cancelled(p)
	case c.query.Has("error") || !c.query.Has("code"):
		return c.failed(p, "unknown", "None") // the provider's reason is not logged
	}
	doc, exc := c.discover(p)
	if exc == nil {
		_, exc = endpoint(doc, "token_endpoint")
	}
	if exc != nil {
		return c.crash(exc.lines()...) // not handled: this runs outside the try
	}
	data, exc := c.exchange(p, doc, id, state)
	if exc != nil {
		if exc.request() || exc.class == oauth2Error {
			return c.failed(p, "unknown", exc.msg)
		}
		return c.crash(exc.lines()...)
	}
	return c.completeLogin(p, state, data)
}

// takeState removes the state from the session: it serves once.
func (c *call) takeState(value string) (LoginState, bool) {
	var hit LoginState
	ok := false
	if c.key == "" || value == "" {
		return hit, false
	}
	// Not tied to the provider: what one began is finished at another's callback.
	match := func(s LoginState) bool { return s.State == value }
	if !slices.ContainsFunc(c.peek().States, match) {
		return hit, false
	}
	c.session(func(s *Session) {
		s.States = slices.DeleteFunc(slices.Clone(s.States), func(st LoginState) bool {
			if match(st) {
				hit, ok = st, true
				return true
			}
			return false
		})
	})
	return hit, ok
}

// failed is the page that never says why; from 2.20.2 on the log does.
func (c *call) failed(p *provider, kind, reason string) *reply {
	c.socialLog(p, kind, reason)
	return c.authError()
}

func (c *call) cancelled(p *provider) *reply {
	c.socialLog(p, "cancelled", "None")
	return redirect(c.set.script + c.socialPath("login/cancelled/"))
}

func (c *call) socialLog(p *provider, kind, reason string) {
	if c.set.at("2.20.2") {
		c.logf("WARNING", "paperless.auth", "Social authentication error for provider `%s`: %s (%s)", p.name, kind, reason)
	}
}

// oauth2Error is allauth's own exception, which becomes the error page.
const oauth2Error = "allauth.socialaccount.providers.oauth2.client.OAuth2Error"

// A login is what the provider told of a user.
type socialData struct {
	claims map[string]any // userinfo, or the ID token's where no userinfo is fetched
	extra  map[string]any // what is stored with the link
}

// exchange turns the code into claims: token, userinfo, and from 2.20.0 the ID token.
func (c *call) exchange(p *provider, doc map[string]any, id string, state LoginState) (*socialData, *pyError) {
	tokens, exc := c.token(p, doc, id, state)
	if exc != nil {
		return nil, exc
	}
	access, exc := c.bearer(tokens["access_token"])
	if exc != nil {
		return nil, exc
	}
	idToken, isText := tokens["id_token"].(string)
	if !isText && paperless.Truthy(tokens["id_token"]) && c.set.at("2.20.0") {
		idToken = "not a token"
	}
	c.redactor.Add(access, idToken)
	if !c.set.at("2.20.0") {
		info, exc := c.userinfo(doc, access)
		return &socialData{claims: info, extra: info}, exc
	}
	out := &socialData{extra: map[string]any{}}
	wanted, set := p.app["fetch_userinfo"]
	if !set || paperless.Truthy(wanted) || idToken == "" {
		info, exc := c.userinfo(doc, access)
		if exc != nil {
			return nil, exc
		}
		out.claims, out.extra["userinfo"] = info, info
	}
	if idToken != "" {
		claims, exc := c.idToken(p, doc, idToken)
		if exc != nil {
			return nil, exc
		}
		out.extra["id_token"] = claims
		if len(out.claims) == 0 {
			out.claims = claims
		}
	}
	return out, nil
}

func (c *call) token(p *provider, doc map[string]any, id string, state LoginState) (map[string]any, *pyError) {
	target, exc := endpoint(doc, "token_endpoint")
	if exc != nil {
		return nil, exc
	}
	code := c.query.Get("code")
	c.redactor.Add(code)
	form := url.Values{
		"redirect_uri": {c.absolute("/accounts/oidc/" + id + "/login/callback/")},
		"grant_type":   {"authorization_code"}, "code": {code},
	}
	if state.Verifier != "" {
		form.Set("code_verifier", state.Verifier)
	}
	auth := ""
	if p.basic(c.set, doc) {
		// requests does not escape the two halves.
		auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(p.clientID+":"+p.secret))
	} else {
		form.Set("client_id", p.clientID)
		if p.secret != "" {
			form.Set("client_secret", p.secret)
		}
	}
	r, exc := c.fetch(http.MethodPost, target, auth, form)
	if exc != nil {
		return nil, exc
	}
	refused := func() *pyError {
		return &pyError{class: oauth2Error, msg: "Error retrieving access token: " + pyBytes(r.body)}
	}
	if r.status != http.StatusOK && r.status != http.StatusCreated {
		return nil, refused()
	}
	tokens, exc := c.tokenBody(r)
	if exc != nil {
		return nil, exc
	}
	if _, ok := tokens["access_token"]; !ok {
		return nil, refused()
	}
	return tokens, expiry(tokens["expires_in"])
}

// tokenBody reads a token response: JSON by its type or its looks, else a form.
func (c *call) tokenBody(r fetched) (map[string]any, *pyError) {
	if !r.typed {
		return nil, pyErrorf("KeyError", "'content-type'")
	}
	kind, _, _ := strings.Cut(r.kind, ";")
	if strings.TrimSpace(kind) == "application/json" || strings.HasPrefix(string(r.body), "{") {
		return c.decode(r.body)
	}
	form, _ := url.ParseQuery(string(r.body)) // what is no parameter is left out
	tokens := map[string]any{}
	for name, v := range form {
		tokens[name] = v[0]
	}
	return tokens, nil
}

// expiry is how long the access token is valid: what is no number that Python can add
// to a time is an exception.
func expiry(v any) *pyError {
	const longest = 86400 * 999999999 // seconds of a timedelta
	switch v := v.(type) {
	case string:
		if _, err := strconv.Atoi(strings.TrimSpace(v)); v != "" && err != nil {
			return pyErrorf("ValueError", "invalid literal for int() with base 10: %s", pyRepr(v))
		}
	case int64:
		if v > longest {
			return pyErrorf("OverflowError", "Python int too large to convert to C int")
		}
	case float64:
		if v > longest {
			return pyErrorf("OverflowError", "Python int too large to convert to C int")
		}
	}
	return nil
}

// bearer is the access token as it is sent: 3.0 makes text of whatever it is.
func (c *call) bearer(v any) (string, *pyError) {
	text, ok := v.(string)
	if !ok && !c.set.at("3.0.0") {
		return "", pyErrorf("TypeError", "can only concatenate str (not %q) to str", pyType(v))
	}
	if !ok {
		text = pyStr(v)
		if v == nil {
			text = "None"
		}
	}
	return text, nil
}

func (c *call) userinfo(doc map[string]any, access string) (map[string]any, *pyError) {
	target, exc := endpoint(doc, "userinfo_endpoint")
	if exc != nil {
		return nil, exc
	}
	r, exc := c.fetch(http.MethodGet, target, "Bearer "+access, nil)
	if exc != nil {
		return nil, exc
	}
	if exc := statusError(r.status, target); exc != nil {
		return nil, exc
	}
	return c.decode(r.body)
}

// idToken is what 2.20.0 checks: form, issuer, audience, expiry without leeway,
// and that it was not used before. The signature is not looked at.
func (c *call) idToken(p *provider, doc map[string]any, token string) (map[string]any, *pyError) {
	issuer, exc := endpoint(doc, "issuer")
	if exc != nil {
		return nil, exc
	}
	if _, exc := endpoint(doc, "jwks_uri"); exc != nil {
		return nil, exc
	}
	invalid := &pyError{class: oauth2Error, msg: "Invalid id_token"} // the cause is hidden
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, invalid // a JWE has five
	}
	var decoded [2]map[string]any
	for i := range decoded {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[i], "="))
		if err != nil {
			return nil, invalid
		}
		v, err := pyJSON(string(raw), c.set.python313())
		m, ok := v.(map[string]any)
		if err != nil || !ok {
			return nil, invalid
		}
		decoded[i] = m
	}
	if _, critical := decoded[0]["crit"]; critical && c.set.at("3.0.0") {
		return nil, invalid // its JWT library knows no such header
	}
	claims := decoded[1]
	now := c.now()
	expires, hasExpiry := claims["exp"]
	var until float64
	switch v := expires.(type) {
	case int64:
		until = float64(v)
	case float64:
		until = v
	default:
		if hasExpiry {
			return nil, invalid
		}
	}
	if claims["iss"] != issuer || !audience(claims["aud"], p.clientID) || (hasExpiry && until <= float64(now.UnixNano())/1e9) {
		return nil, invalid
	}
	if jti, ok := claims["jti"]; ok && jti != nil {
		used := false
		c.tx(func(d *State) {
			key := fmt.Sprint(jti)
			end, seen := d.Used[key]
			used = seen && now.Before(end)
			d.Used[key] = now.Add(backChannelLimit)
			if hasExpiry {
				d.Used[key] = unix(until)
			}
		})
		if used {
			return nil, &pyError{class: oauth2Error, msg: "token already used"}
		}
	}
	return claims, nil
}

// audience reports whether aud names the client.
func audience(aud any, client string) bool {
	switch aud := aud.(type) {
	case string:
		return aud == client
	case []any:
		return slices.ContainsFunc(aud, func(v any) bool { return v == client })
	}
	return false
}
