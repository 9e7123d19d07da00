// Package shell asks authentik by its own command line, in the container: how the
// client of a Paperless is set up. It only reads.
package shell

import (
	_ "embed" // query.py
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

//go:embed query.py
var query string

// AskVariable carries the question into the container: an argument would stand in
// the list of processes.
const AskVariable = "SSOCHECK_ASK"

// Marker begins the one line of the answer. Some sixty lines of log stand around it.
const Marker = "ssocheck-answer:"

// A Query is what is asked: the providers with these client ids, and those that
// look like Paperless's by slug, name or redirect URI.
type Query struct {
	ClientIDs []string `json:"client_ids"`
	Slugs     []string `json:"slugs"`
	Hosts     []string `json:"hosts"` // in a redirect URI
	Salt      string   `json:"salt"`  // of the digests of secrets
}

// Command is what is run in the server's container: `ak shell` reads the database
// in a transaction that cannot write, and prints one line.
func Command() []string { return []string{"ak", "shell", "-c", query} }

// IsCommand reports whether arguments after "ak" are those of Command.
func IsCommand(args []string) bool { return slices.Equal(args, Command()[1:]) }

// Env is the question as a variable.
func (q Query) Env() (string, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("ask authentik: %w", err)
	}
	return AskVariable + "=" + string(text), nil
}

// An Answer is what authentik's database says. No secret is in it.
type Answer struct {
	Version   string     `json:"version,omitempty"`
	Providers []Provider `json:"providers"`
	// Others counts the OAuth2 providers that were not asked for.
	Others int `json:"others"`
	// Applications are those of the slugs that were asked for, whatever they have.
	Applications []Application `json:"applications,omitempty"`
	Brand        *Brand        `json:"brand,omitempty"` // the default one
	// Notes are what could not be read.
	Notes []string `json:"notes,omitempty"`
	Error string   `json:"error,omitempty"`
}

// A Provider is one OAuth2 provider.
type Provider struct {
	Name          string                  `json:"name"`
	ClientID      string                  `json:"client_id"`
	ClientType    string                  `json:"client_type"`
	Secret        deployment.SecretPrints `json:"secret"`
	RedirectURIs  []RedirectURI           `json:"redirect_uris"`
	SigningKey    bool                    `json:"signing_key"`
	EncryptionKey bool                    `json:"encryption_key"`
	SubMode       string                  `json:"sub_mode"`
	IssuerMode    string                  `json:"issuer_mode"`
	GrantTypes    []string                `json:"grant_types"` // nil: this version has none
	CodeValidity  string                  `json:"access_code_validity"`
	TokenValidity string                  `json:"access_token_validity"`
	Flow          string                  `json:"authorization_flow"`
	Scopes        []Scope                 `json:"scopes"`
	Application   *Application            `json:"application"` // nil: it belongs to none
}

// A RedirectURI is one that is registered.
type RedirectURI struct {
	Mode string `json:"matching_mode"`
	URL  string `json:"url"`
}

// A Scope is a scope mapping of a provider.
type Scope struct {
	Name       string `json:"name"`
	Scope      string `json:"scope_name"`
	Managed    bool   `json:"managed"`
	Expression string `json:"expression"` // empty for authentik's own
}

// An Application is the one of a provider, with who may use it.
type Application struct {
	Name     string    `json:"name"`
	Slug     string    `json:"slug"`
	Provider bool      `json:"provider"`       // it has one
	Mode     string    `json:"mode,omitempty"` // any (also when empty) or all of the bindings have to let a user in
	Bindings []Binding `json:"bindings"`
}

// A Binding says who may use an application.
type Binding struct {
	Group   string `json:"group,omitempty"`
	Members int    `json:"members,omitempty"` // of the group and those below it; -1: not known
	User    bool   `json:"user,omitempty"`
	Policy  string `json:"policy,omitempty"` // its name
	Denies  bool   `json:"denies,omitempty"` // a policy that always returns False
	Negate  bool   `json:"negate,omitempty"`
}

// A Brand is what users meet when they sign in.
type Brand struct {
	Domain string `json:"domain"`
	Flow   string `json:"flow"` // of authentication; empty: none
}

// ErrNoAnswer says that the command line did not answer the question.
var ErrNoAnswer = errors.New("authentik's command line gave no answer")

// Parse finds the answer among the lines of log.
func Parse(output string) (*Answer, error) {
	for line := range strings.Lines(output) {
		_, text, ok := strings.Cut(line, Marker)
		if !ok {
			continue
		}
		var a Answer
		if err := json.Unmarshal([]byte(strings.TrimSpace(text)), &a); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		if a.Error != "" {
			return nil, fmt.Errorf("%w: %s", ErrNoAnswer, a.Error)
		}
		return &a, nil
	}
	return nil, ErrNoAnswer
}

// Model is the answer as a configuration, without client secrets.
func (a *Answer) Model() *deployment.Model {
	m := &deployment.Model{}
	for i := range a.Providers {
		p := &a.Providers[i]
		m.Providers = append(m.Providers, p.provider())
		for _, s := range p.Scopes {
			if !s.Managed && s.Expression != "" && !slices.ContainsFunc(m.Mappings, func(have deployment.ScopeMapping) bool { return have.Name == s.Name }) {
				m.Mappings = append(m.Mappings, deployment.ScopeMapping{Name: s.Name, Scope: s.Scope, Expression: s.Expression})
			}
		}
		if p.Application != nil {
			add(m, p.Application, p.Name)
		}
	}
	for i := range a.Applications {
		if one := &a.Applications[i]; !slices.ContainsFunc(m.Applications, func(have deployment.Application) bool { return have.Slug == one.Slug }) {
			add(m, one, "")
		}
	}
	return m
}

// provider is a provider as a configuration has it.
func (p *Provider) provider() deployment.OAuth2Provider {
	out := deployment.OAuth2Provider{
		Name: p.Name, ClientType: p.ClientType, ClientID: p.ClientID, SubMode: p.SubMode, IssuerMode: p.IssuerMode, GrantTypes: p.GrantTypes,
		SigningKey: p.SigningKey, EncryptionKey: p.EncryptionKey, AccessCodeValidity: p.CodeValidity, AccessTokenValidity: p.TokenValidity,
		Consent: p.Flow == authentik.ExplicitConsentFlow,
	}
	if p.GrantTypes == nil { // before 2026.5 every provider takes both
		out.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	for _, u := range p.RedirectURIs {
		out.RedirectURIs = append(out.RedirectURIs, deployment.RedirectURI{MatchingMode: u.Mode, URL: u.URL})
	}
	for _, s := range p.Scopes {
		out.Scopes = append(out.Scopes, s.Scope)
	}
	return out
}

// add puts an application into a configuration.
func add(m *deployment.Model, a *Application, provider string) {
	app := deployment.Application{Name: a.Name, Slug: a.Slug, Provider: provider}
	if provider == "" && a.Provider {
		app.Provider = "(another kind of provider)"
	}
	for _, b := range a.Bindings {
		if b.Group == "" || b.Negate {
			continue
		}
		app.Groups = append(app.Groups, b.Group)
		if !slices.Contains(m.Groups, b.Group) {
			m.Groups = append(m.Groups, b.Group)
		}
	}
	app.Nobody = a.Nobody()
	m.Applications = append(m.Applications, app)
}

// Nobody says why no user at all may use an application, such as a group without
// members; nil where somebody may, or where that is not known.
func (a *Application) Nobody() []string {
	var why []string
	for i := range a.Bindings {
		if s := a.Bindings[i].shut(); s != "" {
			why = append(why, s)
		}
	}
	if a.Mode != "all" && len(why) < len(a.Bindings) {
		return nil // another binding may let somebody in
	}
	return why
}

// shut says why a binding lets nobody in; empty where it may.
func (b *Binding) shut() string {
	switch {
	case b.Negate:
		return ""
	case b.Group != "" && b.Members == 0:
		return "the group " + b.Group + ", to which the application is bound, has no member"
	case b.Denies:
		return "the policy " + b.Policy + " of the application returns False"
	}
	return ""
}
