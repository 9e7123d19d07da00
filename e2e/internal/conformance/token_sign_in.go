package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// tokenSignInTests are about the API of 3.0 that signs in whoever brings an ID token,
// without a browser and without a session.
func tokenSignInTests() []*Test {
	const clause, bearer = validation + "; RFC 8725", "an ID token is a credential for anybody who has it"
	const forged = "whoever makes an ID token of their own signs in as anybody"
	set, drop := provider.Set, provider.Drop
	tests := []Test{
		{
			ID: "rp-token_sign_in-right", Row: "13.1", Clause: clause, Should: Accept, Severity: check.Low, Means: "apps cannot sign in by token",
			Title: "A right ID token signs in", Provider: "does everything right",
		},
		{
			ID: "rp-token_sign_in-none", Row: "13.2", Clause: clause, Should: Refuse, Severity: check.High, Means: forged,
			Title: "By token, an unsigned ID token is refused", Provider: "has nothing to do with the token: alg none", Script: signed(provider.None),
		},
		{
			ID: "rp-token_sign_in-sig-invalid", Row: "13.3", Clause: clause, Should: Refuse, Severity: check.High, Means: forged,
			Title: "By token, an invalid signature is refused", Provider: "changed bytes of the signature", Script: provider.Script{IDToken: provider.IDToken{Broken: true}},
		},
		{
			ID: "rp-token_sign_in-foreign-key", Row: "13.4", Clause: clause, Should: Refuse, Severity: check.High, Means: forged,
			Title: "By token, a signature of another key is refused", Provider: "did not sign: another key under the same kid", Script: signed(provider.Foreign),
		},
		{
			ID: "rp-token_sign_in-hs256-public-key", Row: "13.5", Clause: clause + " 2.1", Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "By token, HS256 with the public key is refused", Provider: "did not sign: HS256 with its public key", Script: signed(provider.PublicKey),
		},
		{
			ID: "rp-token_sign_in-hs256-secret", Row: "13.6", Clause: clause, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "By token, HS256 with the client secret is refused", Provider: "signed HS256 with the client secret", Script: signed(provider.ClientSecret),
		},
		{
			ID: "rp-token_sign_in-kid-unknown", Row: "13.7", Clause: clause, Should: Refuse, Severity: check.Medium, Means: forged,
			Title: "By token, an unknown kid is refused", Provider: "has no key of that kid", Script: header(set("kid", "unknown")),
		},
		{
			ID: "rp-token_sign_in-kid-missing", Row: "13.8", Clause: clause, Should: Either, Severity: check.Low, Means: crashPage,
			Title: "By token, a missing kid makes no crash", Provider: "left kid out", Script: header(drop("kid")),
		},
		{
			ID: "rp-token_sign_in-expired", Row: "13.9", Clause: clause, Should: Refuse, Severity: check.Medium, Means: bearer,
			Title: "By token, an ID token that expired a minute ago is refused", Provider: "made the token an hour ago", Script: claims(set("exp", "{now-60}")),
		},
		{
			ID: "rp-token_sign_in-exp-missing", Row: "13.10", Clause: clause, Should: Refuse, Severity: check.Medium, Means: "such a token is good for ever",
			Title: "By token, an ID token without exp is refused", Provider: "left exp out", Script: claims(drop("exp")),
		},
		{
			ID: "rp-token_sign_in-nbf", Row: "13.11", Clause: clause, Should: Refuse, Severity: check.Low, Means: "a token counts before its time",
			Title: "By token, an ID token that is not valid yet is refused", Provider: "sent nbf 1 h in the future", Script: claims(set("nbf", "{now+3600}")),
		},
		{
			ID: "rp-token_sign_in-iss", Row: "13.12", Clause: clause, Should: Refuse, Severity: check.High, Means: "tokens of other providers count",
			Title: "By token, an ID token of another issuer is refused", Provider: "named another issuer", Script: claims(set("iss", "{elsewhere}/")),
		},
		{
			ID: "rp-token_sign_in-aud", Row: "13.13", Clause: clause, Should: Refuse, Severity: check.High, Means: "tokens for other applications sign in here",
			Title: "By token, an ID token for another client is refused", Provider: "made the token for another client", Script: claims(set("aud", "another-client")),
		},
		{
			ID: "rp-token_sign_in-aud-own-app", Row: "13.14", Also: []App{WithoutPKCE}, Clause: clause, Should: Refuse, Severity: check.Medium, Means: "tokens for other applications sign in here",
			Title: "By token, an ID token for another app of this configuration is refused", Provider: "made the token for another app", Script: claims(set("aud", clientOf(WithoutPKCE, "").ID)),
		},
		{
			ID: "rp-token_sign_in-azp", Row: "13.15", Clause: clause, Should: Refuse, Severity: check.Medium, Means: "a token that another application has signs in here",
			Title: "By token, a foreign azp is refused", Provider: "made the token for another client, with ours in aud", Script: claims(set("aud", []any{"{client}", "another-client"}), set("azp", "another-client")),
		},
		{
			ID: "rp-token_sign_in-sub-missing", Row: "13.16", Clause: clause, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "By token, an ID token without sub is refused", Provider: "left sub out", Script: claims(drop("sub")),
		},
		{
			ID: "rp-token_sign_in-jwks-empty", Row: "13.17", Clause: clause, Should: Refuse, Severity: check.High, Means: forged,
			Title: "By token, without keys nothing is accepted", Provider: "sends a JWKS without keys", Script: jwks(body(`{"keys":[]}`)),
		},
		{
			ID: "rp-token_sign_in-jwks-500", Row: "13.18", Clause: clause, Should: Refuse, Severity: check.High, Means: forged,
			Title: "By token, with a JWKS that cannot be read nothing is accepted", Provider: "answers 500 for its JWKS", Script: jwks(status(http.StatusInternalServerError)),
		},
		{
			ID: "rp-token_sign_in-jwks-html", Row: "13.19", Clause: clause, Should: Refuse, Severity: check.High, Means: forged,
			Title: "By token, with a page in place of the JWKS nothing is accepted", Provider: "answers with an HTML page for its JWKS", Script: jwks(htmlPage()),
		},
		{
			ID: "rp-token_sign_in-jwks-no-kid", Row: "13.20", Clause: clause, Should: Accept, Severity: check.Low, Means: "one key without kid breaks all of them",
			Title: "By token, a key without kid in the JWKS is no trouble", Provider: "has a key without kid beside its own", Script: jwks(change(bareKey)),
		},
		{
			ID: "rp-token_sign_in-es256", Row: "13.21", Clause: clause, Should: Accept, Severity: check.Low, Means: "providers with elliptic keys cannot be used",
			Title: "By token, ES256 is accepted", Provider: "signs ES256", Script: signed(provider.Elliptic),
		},
		{
			ID: "rp-token_sign_in-rotation", Row: "13.22", Clause: "OIDC Core 10.1.1", Should: Accept, Severity: check.Low, Means: "new keys of the provider stop sign-ins by token",
			Title: "By token, new keys are fetched", Provider: "has another key in its JWKS than at the sign-in before", Run: byToken,
		},
		{
			ID: "rp-token_sign_in-replayed", Row: "13.23", Clause: clause + "; RFC 9700 2.1", Severity: check.Medium, Means: bearer + ", any number of times until it expires",
			Title: "By token, the same ID token signs in once", Provider: "made one token without jti", Run: byTokenTwice, Judge: fact("second time", "accepted"),
		},
		{
			ID: "rp-token_sign_in-replayed-jti", Row: "13.24", Clause: clause, Severity: check.Medium, Means: bearer,
			Title: "By token, the same ID token with a jti signs in once", Provider: "made one token with a jti", Script: claims(set("jti", "token-sign-in-jti")), Run: byTokenTwice, Judge: fact("second time", "accepted"),
		},
		{
			ID: "rp-token_sign_in-from-browser", Row: "13.25", Clause: clause + "; RFC 9700 2.1", Should: Refuse, Severity: check.Medium, Means: "an ID token out of a sign-in in the browser gives a permanent API token",
			Title: "By token, an ID token of a sign-in in the browser is refused", Provider: "gave the token to a sign-in in the browser", Script: provider.Script{IDToken: provider.IDToken{Repeat: true}}, Run: fromBrowser,
		},
		{
			ID: "rp-token_sign_in-garbage", Row: "13.30", Clause: clause, Should: Refuse, Severity: check.High, Means: forged,
			Title: "By token, garbage is refused", Provider: "is not asked", Run: func(ctx context.Context, v *Visit) error {
				return v.byToken(ctx, map[string]any{"id_token": "garbage"})
			},
		},
		{
			ID: "rp-token_sign_in-access-token-only", Row: "13.31", Clause: clause, Should: Refuse, Severity: check.High, Means: forged,
			Title: "By token, an access token alone is refused", Provider: "is not asked", Run: func(ctx context.Context, v *Visit) error {
				return v.byToken(ctx, map[string]any{"access_token": "access-x"})
			},
		},
		{
			ID: "rp-token_sign_in-permanent", Row: "13.32", Clause: "RFC 9700 2.2", Severity: check.Medium, Means: "what is given is the user's one API token, which does not end with the session",
			Title: "By token, what is given ends", Provider: "does everything right", Run: permanent, Judge: fact("the token given", "is the permanent API token"),
		},
	}
	for i := range tests {
		tests[i].Since = "3.0.0"
		if tests[i].Run == nil {
			tests[i].Run = byToken
		}
	}
	return as(TokenSignIn, tests)
}

// bareKey puts a key without kid in front of the others.
func bareKey(doc map[string]any) {
	list, _ := doc["keys"].([]any)
	if len(list) == 0 {
		return
	}
	bare := map[string]any{}
	if own, ok := list[0].(map[string]any); ok {
		for name, v := range own {
			if name != "kid" {
				bare[name] = v
			}
		}
	}
	doc["keys"] = append([]any{bare}, list...)
}

// byToken signs in by an ID token that the provider made.
func byToken(ctx context.Context, v *Visit) error {
	token, err := v.Play.Token()
	if err != nil {
		return err
	}
	return v.byToken(ctx, map[string]any{oidc.IDToken: token})
}

// byToken sends tokens to the API that signs in.
func (v *Visit) byToken(ctx context.Context, token map[string]any) error {
	_, err := v.tokenAnswer(ctx, token)
	return err
}

// tokenAnswer returns the API token that was given; empty: none.
func (v *Visit) tokenAnswer(ctx context.Context, token map[string]any) (string, error) {
	b, err := v.Browser()
	if err != nil {
		return "", err
	}
	c := v.Play.Client()
	token["client_id"] = c.ID
	text, err := json.Marshal(map[string]any{"provider": providerID(v.b, v.Test.App), "process": "login", "token": token})
	if err != nil {
		return "", fmt.Errorf("encode the token: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base()+"/api/auth/headless/app/v1/auth/provider/token", strings.NewReader(string(text)))
	if err != nil {
		return "", fmt.Errorf("send the token: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	page, err := b.Do(r)
	if err != nil {
		return "", err
	}
	var doc struct {
		Data struct {
			User struct{ Username, Email string }
		}
		Meta struct {
			AccessToken string `json:"access_token"`
		}
	}
	s := v.Seen
	s.Status, s.Path, s.Outcome = page.Status, page.URL.Path, Refused
	switch {
	case page.Status >= http.StatusInternalServerError:
		s.Outcome = Crashed
	case page.Status == http.StatusOK:
		if err := json.Unmarshal([]byte(page.Body), &doc); err != nil {
			return "", fmt.Errorf("read the answer to a token: %w", err)
		}
		s.Outcome, s.As, s.Email = SignedIn, doc.Data.User.Username, doc.Data.User.Email
		v.t.Redactor.Add(doc.Meta.AccessToken)
	}
	return doc.Meta.AccessToken, nil
}

// byTokenTwice brings the same token twice.
func byTokenTwice(ctx context.Context, v *Visit) error {
	token, err := v.Play.Token()
	if err != nil {
		return err
	}
	if err := v.byToken(ctx, map[string]any{oidc.IDToken: token}); err != nil {
		return err
	}
	if v.Seen.Outcome != SignedIn {
		return nil
	}
	if err := v.byToken(ctx, map[string]any{oidc.IDToken: token}); err != nil {
		return err
	}
	v.Fact("second time", "refused")
	if v.Seen.Outcome == SignedIn {
		v.Fact("second time", "accepted")
	}
	return nil
}

// fromBrowser brings the ID token of a sign-in in the browser.
func fromBrowser(ctx context.Context, v *Visit) error {
	if err := once(ctx, v); err != nil {
		return err
	}
	return byToken(ctx, v) // the same token, as the script says
}

// permanent compares the API token that was given with that of the profile.
func permanent(ctx context.Context, v *Visit) error {
	token, err := v.Play.Token()
	if err != nil {
		return err
	}
	given, err := v.tokenAnswer(ctx, map[string]any{oidc.IDToken: token})
	if err != nil {
		return err
	}
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	owner, err := b.Who(ctx)
	if err != nil {
		return err
	}
	v.Fact("the token given", "is one of its own")
	if given != "" && owner != nil && owner.Token == given {
		v.Fact("the token given", "is the permanent API token")
	}
	return nil
}
