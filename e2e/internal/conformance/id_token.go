package conformance

import (
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
)

const (
	validation = "OIDC Core 3.1.3.7"
	tlsOnly    = "only TLS to the token endpoint protects the ID token"
)

// idTokenTests are about what the relying party checks of an ID token: presence,
// signature, times, issuer, audience.
func idTokenTests() []*Test {
	return as(IDToken, []Test{
		{
			ID: "rp-id_token-missing", Row: "4.1", Clause: "OIDC Core 3.1.3.3", Should: Refuse, Severity: check.Low, Means: "the sign-in rests on the userinfo alone",
			Title: "A token response without an ID token is refused", Provider: "leaves the ID token out", Script: response(change(provider.Drop("id_token"))),
		},
		{
			ID: "rp-id_token-null", Row: "4.2", Clause: "OIDC Core 3.1.3.3", Should: Refuse, Severity: check.Low, Means: "the sign-in rests on the userinfo alone",
			Title: "An ID token that is null is refused", Provider: "sends null as ID token", Script: response(change(provider.Set("id_token", nil))),
		},
		{
			ID: "rp-id_token-empty", Row: "4.57", Clause: "OIDC Core 3.1.3.3", Should: Refuse, Severity: check.Low, Means: "the sign-in rests on the userinfo alone",
			Title: "An empty ID token is refused", Provider: "sends an empty string as ID token", Script: response(change(provider.Set("id_token", ""))),
		},
		{
			ID: "rp-id_token-sig-none", Row: "4.3", Clause: validation + " no. 6, 7; RFC 8725 3.2", Module: "oidcc-client-test-idtoken-sig-none", Should: Refuse, Severity: check.Low, Means: tlsOnly,
			Title: "An unsigned ID token is refused", Provider: "sends an ID token with alg none", Script: signed(provider.None),
		},
		{
			ID: "rp-id_token-sig-invalid", Row: "4.4", Clause: validation + " no. 6", Module: "oidcc-client-test-invalid-sig-rs256", Should: Either, Severity: check.Low, Means: tlsOnly,
			Title: "An invalid signature makes no crash", Provider: "changes bytes of the signature", Script: provider.Script{IDToken: provider.IDToken{Broken: true}},
		},
		{
			ID: "rp-id_token-sig-empty", Row: "4.5", Clause: validation + " no. 6", Should: Either, Severity: check.Low, Means: tlsOnly,
			Title: "An empty signature makes no crash", Provider: "leaves the signature empty", Script: provider.Script{IDToken: provider.IDToken{Unsigned: true}},
		},
		{
			ID: "rp-id_token-sig-foreign-key", Row: "4.6", Clause: validation + " no. 6", Should: Either, Severity: check.Low, Means: tlsOnly,
			Title: "A signature of another key makes no crash", Provider: "signs with another key under the same kid", Script: signed(provider.Foreign),
		},
		{
			ID: "rp-id_token-sig-hs256-public-key", Row: "4.7", Clause: validation + " no. 7; RFC 8725 2.1", Should: Refuse, Severity: check.Low, Means: tlsOnly,
			Title: "HS256 with the public key as secret is refused", Provider: "signs HS256 with its public key", Script: signed(provider.PublicKey),
		},
		{
			ID: "rp-id_token-sig-hs256-secret", Row: "4.8", Clause: validation + " no. 7, 8", Module: "oidcc-client-test-invalid-sig-hs256", Should: Refuse, Severity: check.Low, Means: tlsOnly,
			Title: "HS256 is refused where RS256 is offered", Provider: "signs HS256 with the client secret", Script: signed(provider.ClientSecret),
		},
		{
			ID: "rp-id_token-kid-unknown", Row: "4.9", Clause: "OIDC Core 10.1", Should: Either, Severity: check.Low, Means: tlsOnly,
			Title: "An unknown kid makes no crash", Provider: "names a kid that its JWKS does not have", Script: header(provider.Set("kid", "unknown")),
		},
		{
			ID: "rp-id_token-kid-absent", Row: "4.10", Clause: "OIDC Core 10.1", Module: "oidcc-client-test-kid-absent-single-jwks", Should: Either, Severity: check.Low, Means: "providers without kid cannot be used",
			Title: "An ID token without kid makes no crash", Provider: "leaves kid out", Script: header(provider.Drop("kid")),
		},
		{
			ID: "rp-id_token-alg-unknown", Row: "4.11", Clause: validation + " no. 7", Should: Refuse, Severity: check.Low, Means: tlsOnly,
			Title: "An algorithm that does not exist is refused", Provider: "names XYZ as alg", Script: header(provider.Set("alg", "XYZ")),
		},
		{
			ID: "rp-id_token-crit", Row: "4.12", Clause: "RFC 7515 4.1.11", Should: Refuse, Severity: check.Low, Means: "a demand of the provider is ignored",
			Title: "An unknown critical header is refused", Provider: "names an unknown header in crit", Script: header(provider.Set("crit", []any{"ssocheck"}), provider.Set("ssocheck", true)),
		},
		{
			ID: "rp-id_token-typ", Row: "4.13", Clause: "RFC 8725 3.11, 3.12", Should: Refuse, Severity: check.Low, Means: "an access token could stand in for an ID token",
			Title: "A token of another typ is refused", Provider: "sends typ at+jwt", Script: header(provider.Set("typ", "at+jwt")),
		},
		{
			ID: "rp-id_token-exp-10s", Row: "4.14", Clause: validation + " no. 9", Should: Accept, Severity: check.Low, Means: "a clock of the provider that is seconds behind stops every sign-in",
			Title: "An ID token that expired ten seconds ago passes as clock skew", Provider: "sends an ID token that expired 10 s ago", Script: claims(provider.Set("exp", "{now-10}")),
		},
		{
			ID: "rp-id_token-exp-1m", Row: "4.15", Clause: validation + " no. 9", Should: Either, Severity: check.Low, Means: "old tokens count",
			Title: "An ID token that expired a minute ago makes no crash", Provider: "sends an ID token that expired 1 min ago", Script: claims(provider.Set("exp", "{now-60}")),
		},
		{
			ID: "rp-id_token-exp-1h", Row: "4.16", Clause: validation + " no. 9", Module: "oidcc-client-test-expired-id-token", Should: Refuse, Severity: check.Medium, Means: "old tokens count",
			Title: "An ID token that expired an hour ago is refused", Provider: "sends an ID token that expired 1 h ago", Script: claims(provider.Set("exp", "{now-3600}")),
		},
		{
			ID: "rp-id_token-exp-missing", Row: "4.21", Clause: "OIDC Core 2", Module: "oidcc-client-test-missing-exp", Should: Refuse, Severity: check.Low, Means: "such a token never expires",
			Title: "An ID token without exp is refused", Provider: "leaves exp out", Script: claims(provider.Drop("exp")),
		},
		{
			ID: "rp-id_token-exp-word", Row: "4.22", Clause: "RFC 7519 4.1.4", Should: Refuse, Severity: check.Low, Means: "such a token never expires",
			Title: "An exp that is no number is refused", Provider: "sends a word as exp", Script: claims(provider.Set("exp", "soon")),
		},
		{
			ID: "rp-id_token-exp-far", Row: "4.23", Clause: validation + " no. 9", Should: Either, Severity: check.Low, Means: "such tokens cannot be used",
			Title: "An exp far in the future makes no crash", Provider: "sends exp in the year 5138", Script: claims(provider.Set("exp", 100000000000)),
		},
		{
			ID: "rp-id_token-iat-1m", Row: "4.17", Clause: validation + " no. 10; RFC 7519 4.1.6", Should: Either, Severity: check.Low, Means: "a clock that is ahead stops sign-ins",
			Title: "An iat a minute ahead makes no crash", Provider: "sends iat 1 min in the future", Script: claims(provider.Set("iat", "{now+60}")),
		},
		{
			ID: "rp-id_token-iat-1d", Row: "4.18", Clause: validation + " no. 10", Should: Either, Severity: check.Low, Means: "a clock that is ahead stops sign-ins",
			Title: "An iat a day ahead makes no crash", Provider: "sends iat 1 day in the future", Script: claims(provider.Set("iat", "{now+86400}")),
		},
		{
			ID: "rp-id_token-iat-old", Row: "4.19", Clause: validation + " no. 10", Should: Either, Severity: check.Low, Means: "such tokens cannot be used",
			Title: "An iat a year ago makes no crash", Provider: "sends iat 1 year ago, exp in the future", Script: claims(provider.Set("iat", "{now-31536000}")),
		},
		{
			ID: "rp-id_token-iat-missing", Row: "4.24", Clause: "OIDC Core 2", Module: "oidcc-client-test-missing-iat", Should: Refuse, Severity: check.None, Means: "no harm in practice",
			Title: "An ID token without iat is refused", Provider: "leaves iat out", Script: claims(provider.Drop("iat")),
		},
		{
			ID: "rp-id_token-nbf", Row: "4.20", Clause: "RFC 7519 4.1.5", Should: Refuse, Severity: check.Low, Means: "a token counts before its time",
			Title: "An ID token that is not valid yet is refused", Provider: "sends nbf 1 h in the future", Script: claims(provider.Set("nbf", "{now+3600}")),
		},
		{
			ID: "rp-id_token-iss-host", Row: "4.25", Clause: validation + " no. 2", Module: "oidcc-client-test-invalid-iss", Should: Refuse, Severity: check.High, Means: "tokens of other providers count",
			Title: "An ID token of another issuer is refused", Provider: "names another host as issuer of the ID token", Script: claims(provider.Set("iss", "{elsewhere}/")),
		},
		{
			ID: "rp-id_token-iss-slash", Row: "4.26", Clause: validation + " no. 2", Should: Refuse, Severity: check.Low, Means: "issuers are not compared byte for byte",
			Title: "An iss with a slash more is refused", Provider: "adds a slash to iss", Script: claims(provider.Set("iss", "{issuer}/")),
		},
		{
			ID: "rp-id_token-iss-http", Row: "4.27", Clause: validation + " no. 2", Should: Refuse, Severity: check.Medium, Means: "issuers are not compared byte for byte",
			Title: "An iss with http in place of https is refused", Provider: "writes iss with http", Script: claims(provider.Set("iss", "http://{host}/")),
		},
		{
			ID: "rp-id_token-iss-case", Row: "4.28", Clause: validation + " no. 2", Should: Refuse, Severity: check.Low, Means: "issuers are not compared byte for byte",
			Title: "An iss with the host in capitals is refused", Provider: "writes the host of iss in capitals", Script: claims(provider.Set("iss", "HTTPS://{host}/")),
		},
		{
			ID: "rp-id_token-iss-missing", Row: "4.29", Clause: validation + " no. 2; OIDC Core 2", Module: "oidcc-client-test-missing-iss", Should: Refuse, Severity: check.High, Means: "tokens of other providers count",
			Title: "An ID token without iss is refused", Provider: "leaves iss out", Script: claims(provider.Drop("iss")),
		},
		{
			ID: "rp-id_token-iss-list", Row: "4.30", Clause: "OIDC Core 2", Should: Refuse, Severity: check.Low, Means: "tokens of other providers count",
			Title: "An iss that is a list is refused", Provider: "sends iss as a list", Script: claims(provider.Set("iss", []any{"{issuer}"})),
		},
		{
			ID: "rp-id_token-aud-other", Row: "4.31", Clause: validation + " no. 3", Module: "oidcc-client-test-invalid-aud", Should: Refuse, Severity: check.High, Means: "tokens for other applications count",
			Title: "An ID token for another client is refused", Provider: "names another client as audience", Script: claims(provider.Set("aud", "another-client")),
		},
		{
			ID: "rp-id_token-aud-list", Row: "4.32", Clause: validation + " no. 3", Should: Accept, Severity: check.Medium, Means: "nobody can sign in at a provider that sends lists",
			Title: "An audience list with this client only is accepted", Provider: "sends aud as a list of one", Script: claims(provider.Set("aud", []any{"{client}"})),
		},
		{
			ID: "rp-id_token-aud-two", Row: "4.33", Clause: validation + " no. 3, 4", Should: Refuse, Severity: check.Low, Means: "a token that another application has counts here",
			Title: "An audience list with a foreign client and no azp is refused", Provider: "adds a foreign client to aud", Script: claims(provider.Set("aud", []any{"{client}", "another-client"})),
		},
		{
			ID: "rp-id_token-azp-other", Row: "4.34", Clause: validation + " no. 5", Should: Refuse, Severity: check.Low, Means: "a token made for another application counts here",
			Title: "A foreign azp is refused", Provider: "adds a foreign client to aud and names it in azp",
			Script: claims(provider.Set("aud", []any{"{client}", "another-client"}), provider.Set("azp", "another-client")),
		},
		{
			ID: "rp-id_token-azp-single", Row: "4.35", Clause: validation + " no. 5", Should: Refuse, Severity: check.Low, Means: "a token made for another application counts here",
			Title: "A foreign azp is refused also where aud is right", Provider: "names a foreign client in azp", Script: claims(provider.Set("azp", "another-client")),
		},
		{
			ID: "rp-id_token-aud-case", Row: "4.36", Clause: validation + " no. 3", Should: Refuse, Severity: check.Medium, Means: "tokens for other applications count",
			Title: "An audience in other case is refused", Provider: "writes aud in capitals", Script: claims(provider.Set("aud", "PAPERLESS-CLIENT")),
		},
		{
			ID: "rp-id_token-aud-missing", Row: "4.37", Clause: validation + " no. 3; OIDC Core 2", Module: "oidcc-client-test-missing-aud", Should: Refuse, Severity: check.High, Means: "tokens for other applications count",
			Title: "An ID token without aud is refused", Provider: "leaves aud out", Script: claims(provider.Drop("aud")),
		},
		{
			ID: "rp-id_token-aud-empty", Row: "4.38", Clause: validation + " no. 3", Should: Refuse, Severity: check.High, Means: "tokens for other applications count",
			Title: "An empty audience list is refused", Provider: "sends an empty list as aud", Script: claims(provider.Set("aud", []any{})),
		},
		{
			ID: "rp-id_token-nonce", Row: "4.51", Clause: validation + " no. 11", Module: "oidcc-client-test-nonce-invalid", Should: Either, Severity: check.Low, Means: "such tokens cannot be used",
			Title: "A nonce that was never asked for makes no crash", Provider: "sends a nonce of its own", Script: claims(provider.Set("nonce", "never-asked")),
		},
		{
			ID: "rp-id_token-at_hash", Row: "4.52", Clause: "OIDC Core 3.1.3.8", Should: Either, Severity: check.Low, Means: "such tokens cannot be used",
			Title: "A wrong at_hash makes no crash", Provider: "sends a wrong at_hash", Script: claims(provider.Set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")),
		},
		{
			ID: "rp-id_token-encrypted", Row: "4.53", Clause: "OIDC Core 10.2", Should: Refuse, Severity: check.Low, Means: "a token that cannot be read counts",
			Title: "An encrypted ID token is refused", Provider: "encrypts the ID token", Script: provider.Script{IDToken: provider.IDToken{Encrypted: true}},
		},
		{
			ID: "rp-id_token-garbage", Row: "4.54", Clause: validation, Should: Refuse, Severity: check.Medium, Means: "a token that cannot be read counts",
			Title: "An ID token that is none is refused", Provider: "sends a word as ID token", Script: response(change(provider.Set("id_token", "garbage"))),
		},
		{
			ID: "rp-id_token-garbage-parts", Row: "4.55", Clause: validation, Should: Refuse, Severity: check.Medium, Means: "a token that cannot be read counts",
			Title: "Three parts of garbage are refused", Provider: "sends three words with dots between as ID token", Script: response(change(provider.Set("id_token", "a.b.c"))),
		},
		{
			ID: "rp-id_token-object", Row: "4.56", Clause: "OIDC Core 3.1.3.3", Should: Refuse, Severity: check.Medium, Means: "a token that cannot be read counts",
			Title: "An ID token that is an object is refused", Provider: "sends an object as ID token", Script: response(change(provider.Set("id_token", map[string]any{"sub": "x"}))),
		},
		{
			ID: "rp-id_token-jti", Row: "4.58", Clause: "RFC 7519 4.1.7", Should: Accept, Severity: check.Low, Means: "with a jti that is always the same one sign-in gets through until the token expires",
			Title: "Two ID tokens with the same jti sign in twice", Provider: "sends the same jti in two ID tokens", Script: claims(provider.Set("jti", "always-the-same")),
			Run: afterWith(nil, nil),
		},
		{
			ID: "rp-id_token-repeated", Row: "4.59", Clause: validation + " no. 11; RFC 9700 2.1.1", Should: Refuse, Severity: check.Low, Means: "no nonce ties an ID token to the sign-in that it was made for",
			Title: "The same ID token does not serve for two sign-ins", Provider: "sends one ID token for two sign-ins", Script: provider.Script{IDToken: provider.IDToken{Repeat: true}},
			Run: again,
		},
		{
			ID: "rp-id_token-only-right", Row: "1.4", Clause: "OIDC Core 5.3", App: WithoutInfo, Should: Accept, Severity: check.Low, Matters: tokenOnly, Means: "nobody can sign in with fetch_userinfo false",
			Title: "With fetch_userinfo false the ID token is enough", Provider: "does everything right",
		},
		{
			ID: "rp-id_token-only-sig-invalid", Row: "4.60", Clause: validation + " no. 6", App: WithoutInfo, Should: Either, Severity: check.Low, Matters: tokenOnly, Means: tlsOnly,
			Title: "With fetch_userinfo false an invalid signature makes no crash", Provider: "changes bytes of the signature", Script: provider.Script{IDToken: provider.IDToken{Broken: true}},
		},
		{
			ID: "rp-id_token-only-missing", Row: "4.61", Clause: "OIDC Core 3.1.3.3", App: WithoutInfo, Should: Refuse, Severity: check.Low, Matters: tokenOnly, Means: "the userinfo is used although the setting says no",
			Title: "With fetch_userinfo false a missing ID token is refused", Provider: "leaves the ID token out", Script: response(change(provider.Drop("id_token"))),
		},
		{
			ID: "rp-id_token-only-sub-missing", Row: "4.62", Clause: "OIDC Core 2", App: WithoutInfo, Should: Refuse, Severity: check.Low, Matters: tokenOnly, Means: "a server error stands in for an error page",
			Title: "With fetch_userinfo false an ID token without sub is refused", Provider: "leaves sub out of the ID token", Script: claims(provider.Drop("sub")),
		},
		{
			ID: "rp-id_token-only-none", Row: "4.65", Clause: validation + " no. 6, 7; OIDC Core 2", App: WithoutInfo, Should: Refuse, Severity: check.Medium, Matters: tokenOnly, Means: "the whole account comes from an unsigned token",
			Title: "With fetch_userinfo false an unsigned ID token is refused", Provider: "sends an ID token with alg none", Script: signed(provider.None),
		},
		{
			ID: "rp-id_token-only-azp", Row: "4.66", Clause: validation + " no. 3, 5", App: WithoutInfo, Should: Refuse, Severity: check.Low, Matters: tokenOnly, Means: "a token made for another application counts here",
			Title: "With fetch_userinfo false a foreign azp is refused", Provider: "adds a foreign client to aud and names it in azp",
			Script: claims(provider.Set("aud", []any{"{client}", "another-client"}), provider.Set("azp", "another-client")),
		},
	})
}
