package external

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// An idp is the authentik that is asked, and what it logged since the first look.
type idp struct {
	authentik.Client
	redact *evidence.Redactor
	events authentik.Events
}

// readAuthentik takes over what authentik says of itself: version, the provider
// that Paperless uses, its application, the users' e-mail addresses. A token
// that is refused is an error; an authentik that does not answer is not.
func (p *Pair) readAuthentik(ctx context.Context) error {
	version, err := p.idp.Version(ctx)
	if errors.Is(err, authentik.ErrToken) {
		// A token may be allowed to see providers and not the version.
		_, err = p.idp.Providers(ctx, "")
	}
	switch {
	case errors.Is(err, authentik.ErrToken):
		return fmt.Errorf("%w: %w; make one in authentik, Directory → Tokens and App passwords (intent: API), and give it in %s", ErrOptions, err, envToken)
	case err != nil:
		p.note("authentik's API cannot be asked: %s", err)
		p.idp = nil
		return nil
	}
	if version != "" {
		p.bundle.Authentik.Version = version
	}
	if err := p.readProviders(ctx); err != nil {
		p.note("authentik's providers are not known: %s", err)
	}
	for i := range p.bundle.Authentik.Users {
		u := &p.bundle.Authentik.Users[i]
		found, err := p.idp.User(ctx, u.Username)
		if err != nil || found == nil {
			continue
		}
		u.Email, u.Name, u.Inactive = orElse(u.Email, found.Email), orElse(u.Name, found.Name), !found.Active
	}
	return p.idp.begin(ctx)
}

func (p *Pair) readProviders(ctx context.Context) error {
	app, _ := p.bundle.Paperless.App()
	all, err := p.idp.Providers(ctx, "")
	if err != nil {
		return err
	}
	ours := p.theirs(all)
	scopes := p.scopes(ctx)
	m := &p.bundle.Authentik.Model
	m.Providers, m.Applications = nil, nil
	for _, one := range ours {
		pr := providerOf(&one)
		for _, pk := range one.Mappings {
			if name := scopes[pk]; name != "" {
				pr.Scopes = append(pr.Scopes, name)
			}
		}
		if len(scopes) == 0 {
			// Not to be told: then nothing may follow from it.
			pr.Scopes = []string{"openid", "email", "profile"}
		}
		m.Providers = append(m.Providers, pr)
		m.Applications = append(m.Applications, p.application(ctx, &one))
	}
	if p.bundle.Observed {
		p.observedServer(app, ours)
	}
	return nil
}

// application is that of a provider, with why nobody may use it, where that is so.
func (p *Pair) application(ctx context.Context, one *authentik.OAuth2Provider) deployment.Application {
	out := deployment.Application{Name: one.Application, Slug: one.Slug, Provider: one.Name}
	if one.Slug == "" {
		return out
	}
	a, notes, err := shell.ReadApplication(ctx, p.idp.Client, one.Slug)
	for _, n := range notes {
		p.note("not read of authentik: %s", n)
	}
	if err != nil {
		p.note("who may use the application %s is not known: %s", one.Slug, err)
		return out
	}
	out.Nobody = a.Nobody()
	for _, b := range a.Bindings {
		if b.Group != "" && !b.Negate {
			out.Groups = append(out.Groups, b.Group)
		}
	}
	return out
}

// theirs are the providers that belong to Paperless: other clients are none of
// our business. The one with its client id, else those that say so.
func (p *Pair) theirs(all []authentik.OAuth2Provider) []authentik.OAuth2Provider {
	app, _ := p.bundle.Paperless.App()
	host := ""
	if u, err := url.Parse(p.bundle.Paperless.URL); err == nil {
		host = u.Host
	}
	ours := slices.DeleteFunc(slices.Clone(all), func(one authentik.OAuth2Provider) bool { return one.ClientID != app.ClientID })
	if len(ours) > 0 {
		return ours
	}
	return slices.DeleteFunc(slices.Clone(all), func(one authentik.OAuth2Provider) bool {
		return !strings.Contains(strings.ToLower(one.Name+" "+one.Slug), "paperless") && (host == "" || !one.RedirectURIs.Mention(host))
	})
}

// providerOf is a provider as a deployment has it, without its scopes.
func providerOf(p *authentik.OAuth2Provider) deployment.OAuth2Provider {
	out := deployment.OAuth2Provider{
		Name: p.Name, ClientType: p.ClientType, ClientID: p.ClientID, ClientSecret: p.ClientSecret,
		SubMode: p.SubMode, IssuerMode: p.IssuerMode, AccessCodeValidity: p.CodeValidity, AccessTokenValidity: p.TokenValidity,
		GrantTypes: p.GrantTypes, SigningKey: p.SigningKey != nil, EncryptionKey: p.EncryptionKey != nil,
	}
	for _, u := range p.RedirectURIs {
		out.RedirectURIs = append(out.RedirectURIs, deployment.RedirectURI{MatchingMode: u.Mode, URL: u.URL})
	}
	return out
}

// observedServer names the discovery document after the application, where no
// file does: Paperless does not tell.
func (p *Pair) observedServer(app deployment.App, ours []authentik.OAuth2Provider) {
	if len(ours) != 1 || ours[0].Slug == "" || app.ServerURL() != "" {
		return
	}
	p.bundle.EditSettings(func(s map[string]any) {
		s["server_url"] = p.bundle.Authentik.URL + authentik.DiscoveryPath(ours[0].Slug)
	})
	p.bundle.Relations[deployment.RelationServerURL] = deployment.ServerURLAssumed
}

// scopes are the scope names by the key of their mapping; nil: not known.
func (p *Pair) scopes(ctx context.Context) map[string]string {
	all, err := p.idp.Scopes(ctx)
	if err != nil {
		p.note("the scopes of the provider are not known: %s", err)
		return nil
	}
	out := map[string]string{}
	for _, one := range all {
		out[one.Key] = one.Scope
	}
	return out
}

// registered are the redirect URIs that authentik has now.
func (p *Pair) registered(ctx context.Context) ([]string, error) {
	app, _ := p.bundle.Paperless.App()
	return p.idp.Registered(ctx, app.ClientID)
}

// begin takes what was logged before as none of ours.
func (i *idp) begin(ctx context.Context) error { return blind(i.events.Skip(ctx, i.Client)) }

// blind is nil for a token that may not see events: there are none, then.
func blind(err error) error {
	if errors.Is(err, authentik.ErrToken) {
		return nil
	}
	return err
}

// actions are the actions of the events since the beginning.
func (i *idp) actions(ctx context.Context) ([]string, error) {
	events, err := i.events.Look(ctx, i.Client)
	return authentik.Actions(events), blind(err)
}

// lines are the events as lines of a log.
func (i *idp) lines(ctx context.Context) ([]evidence.Line, error) {
	events, err := i.events.Look(ctx, i.Client)
	out := make([]evidence.Line, 0, len(events))
	for _, e := range events {
		out = append(out, evidence.Line{Source: "authentik", Text: i.redact.Text(e.String())})
	}
	return out, blind(err)
}
