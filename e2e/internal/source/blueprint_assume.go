package source

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// What a user calls the fields that a sign-in depends on.
const (
	assumedClient   = "client id"
	assumedSecret   = "client secret"
	assumedSlug     = "slug"
	assumedRedirect = "redirect URI"
	assumedScopes   = "scopes"
)

// guessed is authentik after the guide's step 1 for these values, marked as such:
// what it takes from the files cannot be compared with them.
func (s *Set) guessed() (deployment.Model, *deployment.Assumption) {
	if len(s.Apps) == 0 {
		return s.guideModel(), nil // Paperless uses no provider, or cannot read which
	}
	return s.guideModel(), &deployment.Assumption{
		From: s.assumedFrom(), Fields: []string{assumedClient, assumedSecret, assumedSlug, assumedRedirect, assumedScopes}, Whole: true,
	}
}

// assumedFrom is the name of the file that Paperless's side of the sign-in is in.
func (s *Set) assumedFrom() string {
	if s.Providers != nil && s.Providers.File != nil && s.Providers.File.Path != "" && s.Providers.From != "file" {
		return filepath.Base(s.Providers.File.Path)
	}
	return filepath.Base(s.Reader.files[0].Path)
}

// fill puts what Paperless's side says in place of what the blueprint does not
// know of the provider that Paperless uses, so that the rest can be checked.
func (s *Set) fill(m *deployment.Model) *deployment.Assumption {
	b := s.Blueprint
	guide := s.guideModel()
	p := s.ours(m)
	if p == nil || len(b.Unknown) == 0 {
		return nil
	}
	a := &deployment.Assumption{From: s.assumedFrom()}
	took := func(of, field, label string, set func()) {
		for _, u := range b.Unknown {
			if u.Of != of || u.Field != field {
				continue
			}
			set()
			a.Fields = append(a.Fields, label)
			if u.Env != "" && !slices.Contains(a.Unset, u.Env) {
				a.Unset = append(a.Unset, u.Env)
			}
			return
		}
	}
	of := "providers/" + p.Name
	took(of, "client_id", assumedClient, func() { p.ClientID = guide.Providers[0].ClientID })
	took(of, "client_secret", assumedSecret, func() { p.ClientSecret = guide.Providers[0].ClientSecret })
	if app := m.Application(p.Name); app != nil && app.Slug == "" {
		took("applications/", "slug", assumedSlug, func() { app.Slug = guide.Applications[0].Slug })
	}
	took(of, "redirect_uris", assumedRedirect, func() { p.RedirectURIs = append(p.RedirectURIs, guide.Providers[0].RedirectURIs...) })
	took(of, "property_mappings", assumedScopes, func() {
		for _, scope := range guide.Providers[0].Scopes {
			if !slices.Contains(p.Scopes, scope) {
				p.Scopes = append(p.Scopes, scope)
			}
		}
	})
	s.others(m, p)
	if len(a.Fields) == 0 {
		return nil
	}
	return a
}

// ours is the provider that Paperless uses: the one with its client id, else one
// whose client id is not known, that which has the best claim by its name first.
func (s *Set) ours(m *deployment.Model) *deployment.OAuth2Provider {
	p := m.Provider(s.App.ClientID)
	if p == nil || p.ClientID == s.App.ClientID || s.Blueprint.Lacks("providers/"+p.Name, "client_id") {
		return p
	}
	for i := range m.Providers {
		if s.Blueprint.Lacks("providers/"+m.Providers[i].Name, "client_id") {
			return &m.Providers[i]
		}
	}
	return p
}

// others gives other providers with an unknown client id, and other applications
// with an unknown slug, one of their own: authentik takes none that is empty.
func (s *Set) others(m *deployment.Model, ours *deployment.OAuth2Provider) {
	for i := range m.Providers {
		if p := &m.Providers[i]; p != ours && p.ClientID == "" && s.Blueprint.Lacks("providers/"+p.Name, "client_id") {
			p.ClientID = fmt.Sprintf("client-that-is-not-known-%d", i+1)
		}
	}
	for i := range m.Applications {
		if a := &m.Applications[i]; a.Slug == "" {
			a.Slug = fmt.Sprintf("slug-that-is-not-known-%d", i+1)
		}
	}
}
