package model

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// The descriptions of RFC 6749 5.2 that authentik sends.
const (
	badClient    = "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method)"
	badGrant     = "The provided authorization grant or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client"
	badGrantType = "The authorization grant type is not supported by the authorization server"
	tokenLog     = "authentik.providers.oauth2.views.token"
	acr          = "goauthentik.io/providers/oauth2/default"
)

// refusal is an error of the token endpoint.
type refusal struct{ code, description, event string }

// token is the token endpoint; every refusal is a 400 (docs/facts/authentik.md#4.5).
func (s *Server) token(v *visit) {
	if v.r.Method != http.MethodPost {
		v.w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Set("Pragma", "no-cache")
	if err := v.r.ParseForm(); err != nil {
		v.r.PostForm = url.Values{} // a bad form has no fields, which is refused below
	}
	form := v.r.PostForm
	if g := form.Get("grant_type"); g == "refresh_token" || g == "client_credentials" || g == "password" || strings.HasPrefix(g, "urn:") {
		s.missing(v, "grant_type "+g)
		return
	}
	p, bad := s.client(v, form)
	var g *grant
	if bad == nil {
		g, bad = s.redeem(p, form)
	}
	if bad == nil {
		var body object
		if body, bad = s.issueTokens(v, p, g); bad == nil {
			v.json(http.StatusOK, body)
			return
		}
	}
	s.logf("warning", tokenLog, bad.event, map[string]any{"client_id": form.Get("client_id")})
	body := object{{"error", bad.code}, {"error_description", bad.description}}
	if s.at("2025.8.0") {
		body = append(body, pair{"request_id", random(16)})
	}
	v.json(http.StatusBadRequest, body)
}

// client authenticates the client: by the Authorization header where there is
// one, else by the form.
func (s *Server) client(v *visit, form url.Values) (*deployment.OAuth2Provider, *refusal) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if name, password, ok := v.r.BasicAuth(); ok {
		id, secret = name, password
		if s.at("2026.2.2") { // before, as they are (docs/facts/releases-2026.md#M9)
			id, secret = percentDecoded(name), percentDecoded(password)
		}
	}
	p := s.provider(id)
	if p == nil {
		return nil, &refusal{"invalid_client", badClient, "OAuth2Provider does not exist"}
	}
	if p.ClientType != "public" && subtle.ConstantTimeCompare([]byte(secret), []byte(p.ClientSecret)) == 0 {
		return nil, &refusal{"invalid_client", badClient, "Invalid client secret"}
	}
	if s.at("2026.8.0") && (!visible(id) || !visible(secret)) {
		return nil, &refusal{"invalid_client", badClient, "invalid_secret"} // docs/facts/releases-2026.md#M10
	}
	return p, nil
}

var percent = lazyregexp.New(`%[0-9A-Fa-f]{2}`)

// percentDecoded undoes percent-encoding; what is none stays, and so does a plus.
func percentDecoded(text string) string {
	return percent.ReplaceAllStringFunc(text, func(code string) string {
		b, err := hex.DecodeString(code[1:])
		if err != nil {
			return code
		}
		return string(b)
	})
}

// visible reports whether a text has only the characters that RFC 6749 allows in
// a client id and secret.
func visible(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// redeem turns a code into its grant. A code can be used once, also wrongly.
func (s *Server) redeem(p *deployment.OAuth2Provider, form url.Values) (*grant, *refusal) {
	if form.Get("grant_type") != "authorization_code" {
		return nil, &refusal{"unsupported_grant_type", badGrantType, "Invalid grant type"}
	}
	if s.at("2026.5.0") && !slices.Contains(p.GrantTypes, "authorization_code") {
		return nil, &refusal{"invalid_grant", badGrant, "grant_type_not_configured"}
	}
	if s.refusesURI(p, form.Get("redirect_uri")) != "" {
		s.event("configuration_error")
		return nil, &refusal{"invalid_client", badClient, "Invalid redirect URI used by provider"}
	}
	code := form.Get("code")
	g, ok := s.codes[code]
	delete(s.codes, code)
	verifier := form.Get("code_verifier")
	switch {
	case !ok, g.client != p.ClientID:
		return nil, &refusal{"invalid_grant", badGrant, "Code does not exist"}
	case !s.now().Before(g.expires):
		return nil, &refusal{"invalid_grant", badGrant, "Code is expired"}
	case !verified(g, verifier):
		return nil, &refusal{"invalid_grant", badGrant, "Code challenge not matching"}
	}
	return g, nil
}

// verified is RFC 7636 4.6, and authentik's refusal of a verifier without a challenge.
func verified(g *grant, verifier string) bool {
	if g.challenge == "" {
		return verifier == ""
	}
	if g.method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(verifier), []byte(g.challenge)) == 1
}

// issueTokens makes the token response of a grant.
func (s *Server) issueTokens(v *visit, p *deployment.OAuth2Provider, g *grant) (object, *refusal) {
	u := s.user(g.user)
	if u == nil || u.Inactive {
		return nil, &refusal{"invalid_grant", badGrant, "User is not active"}
	}
	slug := ""
	if a := s.model.Application(p.Name); a != nil {
		slug = a.Slug
	}
	now := s.now()
	lifetime := duration(p.AccessTokenValidity, time.Hour)
	claims := map[string]any{
		"iss": s.issuer(v, slug, p), "sub": s.subject(p, u), "aud": p.ClientID, "exp": now.Add(lifetime).Unix(), "iat": now.Unix(),
		"auth_time": g.authTime.Unix(), "acr": acr, "amr": []string{"pwd"}, "sid": digest(g.session),
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	for name, value := range s.claims(g.scopes, u) {
		claims[name] = value
	}
	if s.at("2026.2.0") {
		claims["jti"] = random(16) // docs/facts/releases-2026.md#M13
	}
	idToken, err := s.sign(p, claims)
	if err != nil {
		return nil, s.broken("sign the id_token", err)
	}
	if p.EncryptionKey && s.at("2024.10.0") {
		if idToken, err = encrypt(idToken); err != nil {
			return nil, s.broken("encrypt the id_token", err)
		}
	}
	claims["azp"], claims["uid"] = p.ClientID, random(20)
	if s.at("2025.12.4") {
		claims["scope"] = strings.Join(g.scopes, " ") // docs/facts/releases-2026.md#M14
	}
	access, err := s.sign(p, claims)
	if err != nil {
		return nil, s.broken("sign the access token", err)
	}
	s.opts.Redactor.Add(access, idToken)
	kept := *g
	// At least a minute: the facts do not say what authentik answers at userinfo
	// for a token that was never valid.
	kept.expires = now.Add(max(lifetime, time.Minute))
	s.tokens[access] = &kept
	body := object{{"access_token", access}, {"token_type", "Bearer"}}
	if s.at("2025.2.0") {
		body = append(body, pair{"scope", strings.Join(g.scopes, " ")})
	}
	return append(body, pair{"expires_in", int(lifetime.Seconds())}, pair{"id_token", idToken}), nil
}

// broken is a failure of the lab itself, which must not look like the product's.
func (s *Server) broken(what string, err error) *refusal {
	s.note("authentik: cannot " + what + ": " + err.Error())
	return &refusal{"server_error", "lab: cannot " + what, "lab"}
}

// userinfo answers the claims of an access token.
func (s *Server) userinfo(v *visit) {
	refuse := func(status int, code, description string) {
		v.w.Header().Set("WWW-Authenticate", `error="`+code+`", error_description="`+description+`"`)
		v.w.WriteHeader(status)
	}
	token, ok := strings.CutPrefix(v.r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		token = v.r.URL.Query().Get("access_token")
	}
	g := s.tokens[token]
	if g == nil || s.now().After(g.expires) || s.provider(g.client) == nil || s.user(g.user) == nil || s.user(g.user).Inactive {
		refuse(http.StatusUnauthorized, "invalid_token", "The access token provided is expired, revoked, malformed, or invalid for other reasons")
		return
	}
	if !slices.Contains(g.scopes, "openid") {
		s.logf("warning", "authentik.providers.oauth2.utils", "Scope mismatch.", map[string]any{"required": []string{"openid"}, "token_has": g.scopes})
		refuse(http.StatusForbidden, "insufficient_scope", "The request requires higher privileges than provided by the access token")
		return
	}
	p, u := s.provider(g.client), s.user(g.user)
	claims := s.claims(g.scopes, u)
	for _, protocol := range []string{"iss", "aud", "exp", "iat"} {
		delete(claims, protocol) // an ID token's claims, wherever a mapping set them
	}
	if _, own := claims["sub"]; !own {
		claims["sub"] = s.subject(p, u)
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	v.json(http.StatusOK, sorted(claims, "sub"))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
