package model

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// Answer is what shell.Command prints of a configuration.
func Answer(m *deployment.Model, version string, q shell.Query) shell.Answer {
	a := shell.Answer{Version: version, Brand: &shell.Brand{Domain: "authentik-default", Flow: "default-authentication-flow"}}
	for i := range m.Providers {
		p := &m.Providers[i]
		app := m.Application(p.Name)
		if !asked(p, app, q) {
			a.Others++
			continue
		}
		one := answered(m, p, version, q.Salt)
		if app != nil {
			of := application(m, app)
			one.Application = &of
		}
		a.Providers = append(a.Providers, one)
	}
	for i := range m.Applications {
		if slices.Contains(q.Slugs, m.Applications[i].Slug) {
			a.Applications = append(a.Applications, application(m, &m.Applications[i]))
		}
	}
	return a
}

func asked(p *deployment.OAuth2Provider, app *deployment.Application, q shell.Query) bool {
	text := strings.ToLower(p.Name)
	if app != nil {
		text += " " + strings.ToLower(app.Slug)
	}
	return slices.Contains(q.ClientIDs, p.ClientID) || strings.Contains(text, "paperless") || app != nil && slices.Contains(q.Slugs, app.Slug) ||
		slices.ContainsFunc(p.RedirectURIs, func(u deployment.RedirectURI) bool {
			return slices.ContainsFunc(q.Hosts, func(h string) bool { return h != "" && strings.Contains(u.URL, h) })
		})
}

func answered(m *deployment.Model, p *deployment.OAuth2Provider, version, salt string) shell.Provider {
	flow := "default-provider-authorization-implicit-consent"
	if p.Consent {
		flow = "default-provider-authorization-explicit-consent"
	}
	one := shell.Provider{
		Name: p.Name, ClientID: p.ClientID, ClientType: or(p.ClientType, "confidential"), Secret: deployment.PrintSecret(salt, p.ClientSecret),
		SigningKey: p.SigningKey, EncryptionKey: p.EncryptionKey, SubMode: or(p.SubMode, "hashed_user_id"), IssuerMode: or(p.IssuerMode, "per_provider"),
		CodeValidity: or(p.AccessCodeValidity, "minutes=1"), TokenValidity: or(p.AccessTokenValidity, "hours=1"), Flow: flow,
	}
	if deployment.AtLeast(version, "2026.5.0") {
		one.GrantTypes = append([]string{}, p.GrantTypes...)
	}
	for _, u := range p.RedirectURIs {
		one.RedirectURIs = append(one.RedirectURIs, shell.RedirectURI{Mode: or(u.MatchingMode, "strict"), URL: u.URL})
	}
	for _, scope := range p.Scopes {
		s := shell.Scope{Name: "authentik default OAuth Mapping: OpenID '" + scope + "'", Scope: scope, Managed: true}
		for _, own := range m.Mappings {
			if own.Scope == scope {
				s = shell.Scope{Name: own.Name, Scope: scope, Expression: own.Expression}
			}
		}
		one.Scopes = append(one.Scopes, s)
	}
	return one
}

func application(m *deployment.Model, a *deployment.Application) shell.Application {
	out := shell.Application{Name: a.Name, Slug: a.Slug, Provider: a.Provider != ""}
	for _, g := range a.Groups {
		n := 0
		for _, u := range m.Users {
			if slices.Contains(u.Groups, g) {
				n++
			}
		}
		out.Bindings = append(out.Bindings, shell.Binding{Group: g, Members: n})
	}
	if a.Deny {
		out.Bindings = append(out.Bindings, shell.Binding{Policy: "deny", Denies: true})
	}
	return out
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
