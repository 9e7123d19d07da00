package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// Ask asks authentik's API what Query asks its command line. It needs a token, and
// no container. The client secret, which the API tells, is printed at once.
func Ask(ctx context.Context, c authentik.Client, q Query) (*Answer, error) {
	all, err := c.Providers(ctx, "")
	if err != nil {
		return nil, err
	}
	r := reader{ctx: ctx, client: c, answer: &Answer{Providers: []Provider{}}}
	r.answer.Version = try(&r, "the version", func() (string, error) { return c.Version(ctx) })
	scopes := try(&r, "the scopes", func() ([]authentik.Scope, error) { return c.Scopes(ctx) })
	flows := try(&r, "the flows", func() ([]authentik.Flow, error) { return c.Flows(ctx, "") })
	for i := range all {
		p := &all[i]
		if !q.means(p) {
			r.answer.Others++
			continue
		}
		one := providerOf(p, scopes, flows, q.Salt)
		if p.Slug != "" {
			one.Application = r.application(p.Slug)
		}
		r.answer.Providers = append(r.answer.Providers, one)
	}
	for _, slug := range q.Slugs {
		if a := r.application(slug); a != nil {
			r.answer.Applications = append(r.answer.Applications, *a)
		}
	}
	return r.answer, nil
}

// means reports whether a provider is one that was asked for.
func (q Query) means(p *authentik.OAuth2Provider) bool {
	return slices.Contains(q.ClientIDs, p.ClientID) || p.Slug != "" && slices.Contains(q.Slugs, p.Slug) ||
		strings.Contains(strings.ToLower(p.Name+" "+p.Slug), "paperless") ||
		slices.ContainsFunc(q.Hosts, func(host string) bool { return host != "" && p.RedirectURIs.Mention(host) })
}

// providerOf is a provider of the API. Where the scopes are not known, nothing may
// follow from them.
func providerOf(p *authentik.OAuth2Provider, scopes []authentik.Scope, flows []authentik.Flow, salt string) Provider {
	out := Provider{
		Name: p.Name, ClientID: p.ClientID, ClientType: p.ClientType, Secret: deployment.PrintSecret(salt, p.ClientSecret),
		SigningKey: p.SigningKey != nil, EncryptionKey: p.EncryptionKey != nil, SubMode: p.SubMode, IssuerMode: p.IssuerMode, GrantTypes: p.GrantTypes,
		CodeValidity: p.CodeValidity, TokenValidity: p.TokenValidity,
	}
	for _, u := range p.RedirectURIs {
		out.RedirectURIs = append(out.RedirectURIs, RedirectURI{Mode: u.Mode, URL: u.URL})
	}
	for _, s := range scopes {
		if slices.Contains(p.Mappings, s.Key) {
			one := Scope{Name: s.Name, Scope: s.Scope, Managed: s.Managed != ""}
			if !one.Managed {
				one.Expression = s.Expression
			}
			out.Scopes = append(out.Scopes, one)
		}
	}
	if scopes == nil {
		for _, name := range []string{"openid", "email", "profile"} {
			out.Scopes = append(out.Scopes, Scope{Name: name, Scope: name, Managed: true})
		}
	}
	for _, f := range flows {
		if f.Key == p.Flow {
			out.Flow = f.Slug
		}
	}
	return out
}

// A reader collects what the API says, and notes what it does not.
type reader struct {
	ctx    context.Context //nolint:containedctx // of one Ask
	client authentik.Client
	answer *Answer
}

// try is what a question gives; a refused one is a note, and nothing follows from it.
func try[T any](r *reader, what string, ask func() (T, error)) T {
	v, err := ask()
	if err != nil {
		var none T
		r.answer.Notes = append(r.answer.Notes, fmt.Sprintf("%s: %s", what, err))
		return none
	}
	return v
}

// application is the one with a slug, with who may use it; nil where there is none,
// or where that is not known.
func (r *reader) application(slug string) *Application {
	a, notes, err := ReadApplication(r.ctx, r.client, slug)
	r.answer.Notes = append(r.answer.Notes, notes...)
	if err != nil && !errors.Is(err, authentik.ErrNone) {
		r.answer.Notes = append(r.answer.Notes, fmt.Sprintf("the application %s: %s", slug, err))
	}
	return a
}

// ReadApplication asks the API who may use an application. The notes are what could
// not be read; nothing follows from it.
func ReadApplication(ctx context.Context, c authentik.Client, slug string) (*Application, []string, error) {
	app, err := c.Application(ctx, slug)
	if err != nil {
		return nil, nil, err
	}
	out := &Application{Name: app.Name, Slug: app.Slug, Provider: app.Provider != nil, Mode: app.Mode}
	bindings, err := c.Bindings(ctx, app.Key)
	if err != nil {
		return out, []string{fmt.Sprintf("who may use the application %s: %s", slug, err)}, nil
	}
	var notes []string
	for _, b := range bindings {
		one := Binding{Negate: b.Negate, User: b.User != nil}
		switch {
		case b.Group != nil:
			one.Group = b.Group.Name
			if one.Members, err = c.Members(ctx, b.Group.Name); err != nil {
				one.Members = -1
				notes = append(notes, fmt.Sprintf("the members of the group %s: %s", b.Group.Name, err))
			}
		case b.Policy != nil:
			one.Policy = b.Policy.Name
			if text, err := c.Expression(ctx, b.PolicyKey); err == nil { // another kind of policy has none
				one.Denies = strings.TrimSpace(text) == "return False"
			}
		}
		out.Bindings = append(out.Bindings, one)
	}
	return out, notes, nil
}
