package conformance

import (
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
)

// idTokenTests are about what the relying party checks of an ID token.
func idTokenTests() []*Test {
	return as(IDToken,
		&Test{
			ID: "rp-id_token-missing", Row: "4.1", Clause: "OIDC Core 3.1.3.3", Should: Refuse, Severity: check.Low,
			Title: "A token response without an ID token is refused", Provider: "leaves the ID token out",
			Means: "the sign-in rests on the userinfo alone", Script: provider.Script{Token: provider.Answer{Change: provider.Drop("id_token")}},
		},
		&Test{
			ID: "rp-id_token-issuer", Row: "4.25", Clause: "OIDC Core 3.1.3.7 no. 2", Module: "oidcc-client-test-invalid-iss", Should: Refuse, Severity: check.High,
			Title: "An ID token of another issuer is refused", Provider: "names another host as issuer of the ID token",
			Means: "tokens of other providers would be taken", Script: provider.Script{IDToken: provider.IDToken{Claims: provider.Set("iss", "{elsewhere}/")}},
		},
		&Test{
			ID: "rp-id_token-none", Row: "4.3", Clause: "OIDC Core 3.1.3.7 no. 6, 7; RFC 8725 3.2", Module: "oidcc-client-test-idtoken-sig-none", Should: Refuse, Severity: check.Low,
			Title: "An unsigned ID token is refused", Provider: "sends an ID token with alg none",
			Means: "only TLS to the token endpoint protects the ID token", Script: provider.Script{IDToken: provider.IDToken{Key: provider.None}},
		},
		&Test{
			ID: "rp-id_token-conforming", Row: "1.1", Clause: "OIDC Core 3.1.3.7", Should: Accept, Severity: check.High,
			Title: "A right sign-in works", Provider: "does everything right", Means: "nobody can sign in",
		},
	)
}
