// Package oidc has the words of OpenID Connect that the rest is written in: the
// endpoints of a sign-in, its two channels, parameters and claims. It knows neither
// product.
package oidc

// WellKnown is where a discovery document is, below the issuer (OpenID Connect
// Discovery 1.0, 4).
const WellKnown = "/.well-known/openid-configuration"

// An Endpoint is what an address of a sign-in is for.
type Endpoint string

// The endpoints of the OpenID provider.
const (
	Discovery     Endpoint = "discovery"
	Authorization Endpoint = "authorization"
	Token         Endpoint = "token"
	Userinfo      Endpoint = "userinfo"
	JWKS          Endpoint = "jwks"
	EndSession    Endpoint = "end-session"
)

// The addresses of the relying party. The standard names the redirect URI; where a
// sign-in starts and where a new user is asked for more it leaves to the relying party.
const (
	Start       Endpoint = "start"
	RedirectURI Endpoint = "redirect-uri"
	SignUp      Endpoint = "sign-up"
)

// A Channel is who makes a request: the browser, or one product to the other.
type Channel string

// The channels.
const (
	Front Channel = "front" // the browser
	Back  Channel = "back"  // the relying party asks the OpenID provider
)

// Parameters of the authorization request and response, and of the token request.
const (
	ClientID      = "client_id"
	ClientSecret  = "client_secret" //nolint:gosec // the name of a parameter
	RedirectTo    = "redirect_uri"
	ResponseType  = "response_type"
	Scope         = "scope"
	State         = "state"
	Nonce         = "nonce"
	Code          = "code"
	GrantType     = "grant_type"
	CodeChallenge = "code_challenge"
	CodeMethod    = "code_challenge_method"
	CodeVerifier  = "code_verifier"
)

// What a token response has.
const (
	AccessToken  = "access_token"
	RefreshToken = "refresh_token"
	IDToken      = "id_token"
)

// How the relying party authenticates itself at the token endpoint (OpenID Connect
// Core 1.0, 9).
const (
	SecretBasic = "client_secret_basic"
	SecretPost  = "client_secret_post"
	NoSecret    = "none"
)

// Claims of an ID token.
const (
	Issuer   = "iss"
	Subject  = "sub"
	Audience = "aud"
	Issued   = "iat"
	Expires  = "exp"
)
