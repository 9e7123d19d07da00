package model

import (
	"net/http"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// applicationPath is everything below /application/o/<slug>/.
func (s *Server) applicationPath(v *visit, rest string) {
	slug, tail := rest, ""
	for i := range rest {
		if rest[i] == '/' {
			slug, tail = rest[:i], rest[i:]
			break
		}
	}
	app, provider := s.application(slug)
	if app == nil || provider == nil {
		v.page(http.StatusNotFound, "notfound", pageData{Title: "authentik"})
		return
	}
	switch tail {
	case "/.well-known/openid-configuration":
		v.json(http.StatusOK, s.discovery(v, slug, provider))
	case "/":
		v.local("/application/o/" + slug + "/.well-known/openid-configuration")
	case "/jwks/":
		s.jwks(v, provider)
	case "/end-session/":
		s.endSession(v, app)
	default: // also discovery with a trailing slash
		v.page(http.StatusNotFound, "notfound", pageData{Title: "authentik"})
	}
}

func (s *Server) discovery(v *visit, slug string, p *deployment.OAuth2Provider) object {
	base := v.origin + v.base + "/application/o/"
	alg := "RS256"
	if !p.SigningKey {
		alg = "HS256"
	}
	scopes := []string{"openid"}
	claims := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce"}
	for _, sc := range s.selected(p) {
		if sc != "openid" {
			scopes = append(scopes, sc)
		}
		for _, name := range s.claimNames(sc) {
			if !slices.Contains(claims, name) {
				claims = append(claims, name)
			}
		}
	}
	// The same list whatever the provider allows (docs/facts/releases-2026.md#M5).
	grants := []string{"authorization_code", "refresh_token", "implicit", "client_credentials", "password", "urn:ietf:params:oauth:grant-type:device_code"}
	doc := object{
		{"issuer", s.issuer(v, slug, p)},
		{"authorization_endpoint", base + "authorize/"},
		{"token_endpoint", base + "token/"},
		{"userinfo_endpoint", base + "userinfo/"},
		{"end_session_endpoint", base + slug + "/end-session/"},
		{"introspection_endpoint", base + "introspect/"},
		{"revocation_endpoint", base + "revoke/"},
		{"device_authorization_endpoint", base + "device/"},
		{"response_types_supported", []string{"code", "id_token", "id_token token", "code token", "code id_token", "code id_token token"}},
		{"response_modes_supported", []string{"query", "fragment", "form_post"}},
		{"jwks_uri", base + slug + "/jwks/"},
		{"grant_types_supported", grants},
		{"id_token_signing_alg_values_supported", []string{alg}},
		{"subject_types_supported", []string{"public"}},
		{"token_endpoint_auth_methods_supported", []string{"client_secret_post", "client_secret_basic"}},
		{"acr_values_supported", []string{acr}},
		{"scopes_supported", scopes},
		{"request_parameter_supported", false},
		{"claims_supported", claims},
		{"claims_parameter_supported", false},
		{"code_challenge_methods_supported", []string{"plain", "S256"}},
	}
	if p.EncryptionKey && s.at("2024.10.0") {
		doc = append(doc, pair{"id_token_encryption_alg_values_supported", []string{"RSA-OAEP-256"}}, pair{"id_token_encryption_enc_values_supported", []string{"A256CBC-HS512"}})
	}
	if s.at("2025.8.0") {
		doc = append(doc, pair{"backchannel_logout_supported", true}, pair{"backchannel_logout_session_supported", true})
	}
	if s.at("2026.5.0") { // docs/facts/releases-2026.md#M6
		doc = append(doc, pair{"frontchannel_logout_supported", true}, pair{"frontchannel_logout_session_supported", true})
	}
	return doc
}

// issuer is computed from each request; the token's comes from the token request.
func (s *Server) issuer(v *visit, slug string, p *deployment.OAuth2Provider) string {
	if p.IssuerMode == "global" {
		return v.origin + v.base + "/"
	}
	return v.origin + v.base + "/application/o/" + slug + "/"
}

// selected are the scopes of the provider that exist in this version: looking
// up a mapping that authentik does not have finds nothing.
func (s *Server) selected(p *deployment.OAuth2Provider) []string {
	var out []string
	for _, sc := range p.Scopes {
		if s.custom(sc) != nil || slices.Contains(s.ownScopes(), sc) {
			out = append(out, sc)
		}
	}
	return out
}

func (s *Server) ownScopes() []string {
	own := []string{"openid", "email", "profile", "offline_access", "goauthentik.io/api"}
	if s.at("2024.12.0") {
		own = append(own, "entitlements")
	}
	return own
}

// custom are the expressions of the custom mappings of a scope; nil: none.
func (s *Server) custom(scope string) []string {
	var out []string
	for _, m := range s.model.Mappings {
		if m.Scope == scope {
			out = append(out, m.Expression)
		}
	}
	return out
}
