package conformance

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
)

// subjectTests are about sub, by which an account is found again.
func subjectTests() []*Test {
	const core, merged = "OIDC Core 2", "two users of the provider share one account"
	long := func(n int, name string) provider.Change {
		return provider.Set("sub", name+strings.Repeat("s", n-len(name)))
	}
	return as(IDToken, []Test{
		{
			ID: "rp-sub-id_token-missing", Row: "4.39", Clause: core, Module: "oidcc-client-test-missing-sub", Should: Refuse, Severity: check.Low, Means: "the account rests on the userinfo alone",
			Title: "An ID token without sub is refused", Provider: "leaves sub out of the ID token; the userinfo has it", Script: claims(provider.Drop("sub")),
		},
		{
			ID: "rp-sub-missing", Row: "4.40", Clause: core + ", 5.3.2", Should: Refuse, Severity: check.Low, Means: "a server error stands in for an error page",
			Title: "A user without sub is refused", Provider: "leaves sub out of both", Person: provider.Drop("sub"),
		},
		{
			ID: "rp-sub-empty", Row: "4.41", Clause: core, Should: Refuse, Severity: check.Low, Means: "a server error stands in for an error page",
			Title: "An empty sub is refused", Provider: "sends an empty sub", Person: provider.Set("sub", ""),
		},
		{
			ID: "rp-sub-number", Row: "4.42", Clause: core, Should: Refuse, Severity: check.Low, Means: "a sub that is no string counts",
			Title: "A sub that is a number is refused", Provider: "sends a number as sub", Person: provider.Set("sub", 7412589),
		},
		{
			ID: "rp-sub-number-as-string", Row: "4.43", Clause: core, Should: Apart, Severity: check.Low, Means: merged,
			Title: "A sub that is a number and the same digits as a string are two users", Provider: "sends the digits of another user's number as a string",
			Run: after(provider.Set("sub", 9632587)), Person: provider.Set("sub", "9632587"),
		},
		{
			ID: "rp-sub-255", Row: "4.44", Clause: core, Should: Accept, Severity: check.Low, Means: "users with a long sub cannot sign in; the limit here is 191",
			Title: "A sub of 255 characters, the longest that is allowed, is accepted", Provider: "sends a sub of 255 characters", Person: long(255, "c"),
		},
		{
			ID: "rp-sub-191", Row: "4.45", Clause: core, Should: Accept, Severity: check.Low, Means: "users with a long sub cannot sign in",
			Title: "A sub of 191 characters is accepted", Provider: "sends a sub of 191 characters", Person: long(191, "d"),
		},
		{
			ID: "rp-sub-1000", Row: "4.46", Clause: core, Should: Refuse, Severity: check.Low, Means: "a server error stands in for an error page",
			Title: "A sub of 1000 characters is refused", Provider: "sends a sub of 1000 characters", Person: long(1000, "e"),
		},
		{
			ID: "rp-sub-null", Row: "4.47", Clause: core, Should: Refuse, Severity: check.Medium, Means: "null becomes the key of an account",
			Title: "A sub that is null is refused", Provider: "sends null as sub", Person: provider.Set("sub", nil),
		},
		{
			ID: "rp-sub-null-two-users", Row: "4.63", Clause: core, Should: Apart, Severity: check.High, Means: "every user for whom a mapping of the provider yields null is signed in to one account",
			Title: "Two users whose sub is null do not share an account", Provider: "sends null as sub for two users",
			Run: after(provider.Set("sub", nil)), Person: provider.Set("sub", nil),
		},
		{
			ID: "rp-sub-null-and-word", Row: "4.64", Clause: core, Should: Apart, Severity: check.Low, Means: merged,
			Title: "A sub that is null and the string None are two users", Provider: "sends null as sub, and the string None for somebody else",
			Run: after(provider.Set("sub", nil)), Person: provider.Set("sub", "None"),
		},
		{
			ID: "rp-sub-object", Row: "4.48", Clause: core, Should: Refuse, Severity: check.Low, Means: "a sub that is no string counts",
			Title: "A sub that is an object is refused", Provider: "sends an object as sub", Person: provider.Set("sub", map[string]any{"id": "conformance"}),
		},
		{
			ID: "rp-sub-true", Row: "4.49", Clause: core, Should: Refuse, Severity: check.Low, Means: merged,
			Title: "A sub that is true is refused", Provider: "sends true as sub", Person: provider.Set("sub", true),
		},
		{
			ID: "rp-sub-case", Row: "4.50", Clause: core, Should: Apart, Severity: check.High, Means: merged,
			Title: "A sub in other case is another user", Provider: "sends the sub of another user in capitals",
			Run: after(provider.Set("sub", "case-of-sub")), Person: provider.Set("sub", "CASE-OF-SUB"),
		},
	})
}
