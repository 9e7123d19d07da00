package authentik

// Flows that authentik brings along.
const (
	AuthenticationFlow  = "default-authentication-flow"
	ImplicitConsentFlow = "default-provider-authorization-implicit-consent"
	ExplicitConsentFlow = "default-provider-authorization-explicit-consent"
	InvalidationFlow    = "default-provider-invalidation-flow"
)

// A DefaultFlow is a flow that authentik brings along.
type DefaultFlow struct {
	Slug  string
	Since string // version; empty: all that we know
}

// DefaultFlows are those that a sign-in with a provider needs.
var DefaultFlows = []DefaultFlow{
	{Slug: AuthenticationFlow},
	{Slug: ImplicitConsentFlow},
	{Slug: ExplicitConsentFlow},
	{Slug: InvalidationFlow, Since: "2024.10.0"},
}

// ManagedScope is what the managed name of authentik's own scope mappings begins
// with; the scope follows.
const ManagedScope = "goauthentik.io/providers/oauth2/scope-"

// DefaultScopes are the scopes of authentik's own mappings that a sign-in needs.
var DefaultScopes = []string{"openid", "email", "profile"}
