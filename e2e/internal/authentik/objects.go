package authentik

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// An OAuth2Provider is a provider as the API gives it.
type OAuth2Provider struct {
	Name          string       `json:"name"`
	ClientType    string       `json:"client_type"`
	ClientID      string       `json:"client_id"`
	ClientSecret  string       `json:"client_secret"`
	RedirectURIs  RedirectURIs `json:"redirect_uris"`
	Mappings      []string     `json:"property_mappings"` // primary keys
	SigningKey    *string      `json:"signing_key"`
	EncryptionKey *string      `json:"encryption_key"`
	SubMode       string       `json:"sub_mode"`
	IssuerMode    string       `json:"issuer_mode"`
	CodeValidity  string       `json:"access_code_validity"`
	TokenValidity string       `json:"access_token_validity"`
	GrantTypes    []string     `json:"grant_types"`
	Flow          string       `json:"authorization_flow"`        // primary key
	Slug          string       `json:"assigned_application_slug"` // empty: no application has it
	Application   string       `json:"assigned_application_name"`
}

// A RedirectURI is one registered redirect URI.
type RedirectURI struct {
	Mode string `json:"matching_mode"` // Strict or Regex
	URL  string `json:"url"`
	// Type is authorization (also when empty) or logout, from 2025.10 on.
	Type string `json:"redirect_uri_type"`
}

// How authentik compares a redirect URI with a registered one.
const (
	Strict = "strict"
	Regex  = "regex"
)

// LogoutURI is the type of a registered URI that nobody signs in with.
const LogoutURI = "logout"

// TextURIs are redirect URIs in text form, one a line. authentik before 2024.12
// (and before 2024.8.5 and 2024.10.3) has them so, and takes each line as a
// regular expression (docs/facts/authentik.md#2).
func TextURIs(text string) []RedirectURI {
	var out []RedirectURI
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, RedirectURI{Mode: Regex, URL: line})
		}
	}
	return out
}

// RedirectURIs are those of a provider, in either form, without those for signing out.
type RedirectURIs []RedirectURI

// UnmarshalJSON reads both forms.
func (u *RedirectURIs) UnmarshalJSON(text []byte) error {
	var lines string
	if json.Unmarshal(text, &lines) == nil {
		*u = TextURIs(lines)
		return nil
	}
	var all []RedirectURI
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("redirect_uris: %w", err)
	}
	*u = slices.DeleteFunc(all, func(r RedirectURI) bool { return r.Type == LogoutURI })
	return nil
}

// Mention reports whether a host stands in one of the URIs, also in one that is a
// regular expression with its dots escaped.
func (u RedirectURIs) Mention(host string) bool {
	return slices.ContainsFunc(u, func(r RedirectURI) bool {
		return strings.Contains(r.URL, host) || r.Mode == Regex && strings.Contains(strings.ReplaceAll(r.URL, `\`, ""), host)
	})
}

// Providers are the OAuth2 providers that a token may see: those with a client id,
// or all where it is empty.
func (c Client) Providers(ctx context.Context, clientID string) ([]OAuth2Provider, error) {
	query := many
	if clientID != "" {
		query = with(query, "client_id", clientID)
	}
	all, err := list[OAuth2Provider](ctx, c, "/providers/oauth2/", query)
	if err != nil || clientID == "" {
		return all, err
	}
	// The filter is ignored by versions that do not know it.
	return slices.DeleteFunc(all, func(p OAuth2Provider) bool { return p.ClientID != clientID }), nil
}

// Registered are the redirect URIs of the provider with a client id.
func (c Client) Registered(ctx context.Context, clientID string) ([]string, error) {
	providers, err := c.Providers(ctx, clientID)
	if err != nil {
		return nil, err
	}
	if len(providers) == 0 {
		return nil, fmt.Errorf("no OAuth2 provider of authentik has the client id %s", clientID)
	}
	var uris []string
	for _, p := range providers {
		for _, u := range p.RedirectURIs {
			uris = append(uris, u.URL)
		}
	}
	return uris, nil
}

// A Scope is a scope mapping.
type Scope struct {
	Key        string `json:"pk"`
	Name       string `json:"name"`
	Managed    string `json:"managed"` // empty: somebody's own
	Scope      string `json:"scope_name"`
	Expression string `json:"expression"`
}

// Scopes are all scope mappings.
func (c Client) Scopes(ctx context.Context) ([]Scope, error) {
	return list[Scope](ctx, c, "/propertymappings/provider/scope/", many)
}

// A Flow is a flow.
type Flow struct {
	Key  string `json:"pk"`
	Slug string `json:"slug"`
}

// Flows are the flows with a slug, or all where it is empty.
func (c Client) Flows(ctx context.Context, slug string) ([]Flow, error) {
	query := many
	if slug != "" {
		query = with(query, "slug", slug)
	}
	return list[Flow](ctx, c, "/flows/instances/", query)
}

// A Blueprint is one that authentik's worker applies.
type Blueprint struct {
	Key     string `json:"pk"`
	Path    string `json:"path"`
	Status  string `json:"status"` // "error" where it could not be applied
	Enabled bool   `json:"enabled"`
}

// Blueprints are all that authentik knows.
func (c Client) Blueprints(ctx context.Context) ([]Blueprint, error) {
	return list[Blueprint](ctx, c, "/managed/blueprints/", many)
}

// A Brand is a brand, which names the flow in which users sign in.
type Brand struct {
	Default bool    `json:"default"`
	Flow    *string `json:"flow_authentication"`
}

// Brands are all brands.
func (c Client) Brands(ctx context.Context) ([]Brand, error) {
	return list[Brand](ctx, c, "/core/brands/", many)
}

// A Named is an object that a binding names.
type Named struct {
	Name     string `json:"name"`
	Username string `json:"username"`
}

// A Binding says who may use an application.
type Binding struct {
	Target  string `json:"target"` // the application's primary key
	Enabled bool   `json:"enabled"`
	Negate  bool   `json:"negate"`
	Group   *Named `json:"group_obj"`
	User    *Named `json:"user_obj"`
	Policy  *Named `json:"policy_obj"`
	// PolicyKey is the primary key of Policy.
	PolicyKey string `json:"policy"`
}

// An Application is an application, without who may use it.
type Application struct {
	Key      string `json:"pk"`
	Name     string `json:"name"`
	Slug     string `json:"slug"`
	Provider *int   `json:"provider"`           // nil: it has none
	Mode     string `json:"policy_engine_mode"` // any or all of the bindings have to let a user in
}

// Application is the one with a slug; ErrNone where there is none.
func (c Client) Application(ctx context.Context, slug string) (*Application, error) {
	var a Application
	if err := c.get(ctx, "/core/applications/"+url.PathEscape(slug)+"/", nil, &a); err != nil {
		return nil, err
	}
	return &a, nil
}

// Bindings are the enabled bindings of the application with a primary key, in order.
func (c Client) Bindings(ctx context.Context, app string) ([]Binding, error) {
	all, err := list[Binding](ctx, c, "/policies/bindings/", with(with(many, "ordering", "order"), "target", app))
	// The filter is ignored by versions that do not know it.
	return slices.DeleteFunc(all, func(b Binding) bool { return b.Target != app || !b.Enabled }), err
}

// A Group is a group of users.
type Group struct {
	Key     string   `json:"pk"`
	Name    string   `json:"name"`
	Users   []int    `json:"users"`
	Parent  *string  `json:"parent"`  // primary key; up to 2025.10
	Parents []string `json:"parents"` // since then
}

// below reports whether a group is one level below another.
func (g *Group) below(key string) bool {
	return g.Parent != nil && *g.Parent == key || slices.Contains(g.Parents, key)
}

// Members counts the users of a group and of the groups below it, who are members,
// too; -1 where that is not known.
func (c Client) Members(ctx context.Context, name string) (int, error) {
	all, err := list[Group](ctx, c, "/core/groups/", with(many, "include_users", "true"))
	if err != nil {
		return -1, err
	}
	at := slices.IndexFunc(all, func(g Group) bool { return g.Name == name })
	if at < 0 {
		return -1, nil // on another page
	}
	count := 0
	family := []string{all[at].Key}
	for n := 0; n < len(family); n++ {
		for i := range all {
			g := &all[i]
			switch {
			case g.Key == family[n] && g.Users == nil:
				return -1, nil
			case g.Key == family[n]:
				count += len(g.Users)
			case g.below(family[n]) && !slices.Contains(family, g.Key):
				family = append(family, g.Key)
			}
		}
	}
	return count, nil
}

// Expression is the text of an expression policy.
func (c Client) Expression(ctx context.Context, key string) (string, error) {
	var p struct {
		Expression string `json:"expression"`
	}
	err := c.get(ctx, "/policies/expression/"+url.PathEscape(key)+"/", nil, &p)
	return p.Expression, err
}

// A User is somebody who may sign in at authentik.
type User struct {
	Username string `json:"username"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Active   bool   `json:"is_active"`
}

// User is the one user of a name; nil when there is none, or when it cannot be told.
func (c Client) User(ctx context.Context, name string) (*User, error) {
	all, err := list[User](ctx, c, "/core/users/", url.Values{"username": {name}})
	if err != nil || len(all) != 1 {
		return nil, err
	}
	return &all[0], nil
}
