package render

import (
	"slices"

	"github.com/ssocheck/ssocheck/e2e/spec"
)

// WithTestUsers returns the bundle with the people that the checks sign in as,
// in authentik and in Paperless, where it has none for a role yet. What was
// added is listed in Added, because a person must be able to see what the
// harness changed in their deployment.
func WithTestUsers(b *Bundle) (*Bundle, error) {
	s, err := spec.Default()
	if err != nil {
		return nil, err
	}
	c := b.Clone()
	for _, u := range s.Users {
		if _, ok := c.SSOUser(u.Role); ok {
			continue
		}
		if slices.ContainsFunc(c.Authentik.Users, func(have AuthentikUser) bool { return have.Username == u.Username }) {
			continue
		}
		c.Authentik.Users = append(c.Authentik.Users, AuthentikUser{
			Role: u.Role, Username: u.Username, Name: u.Name, Email: u.Email, Password: u.Password,
			Inactive: u.Inactive, Groups: allowed(c, u.Groups),
		})
		c.Added = append(c.Added, "authentik user "+u.Username+" ("+u.Role+")")
	}
	for _, u := range s.LocalUsers {
		role := u.Role
		if u.Superuser {
			role = "admin"
		}
		if _, ok := c.LocalUser(role); ok {
			continue
		}
		c.Paperless.Users = append(c.Paperless.Users, u)
		c.Added = append(c.Added, "Paperless user "+u.Username)
	}
	return c, nil
}

// allowed puts a test user into the groups that the application asks for, so
// that it may use it as the operator's own people do.
func allowed(b *Bundle, groups []string) []string {
	if app := b.IdPApplication(); app != nil {
		for _, g := range app.Groups {
			if !slices.Contains(groups, g) {
				groups = append(slices.Clone(groups), g)
			}
		}
	}
	return groups
}

// The roles of the people whose accounts an upgrade must keep.
const (
	RoleUpgradeNew    = "upgrade-new"    // gets an account by signing in
	RoleUpgradeLinked = "upgrade-linked" // has a local account and links it
)

// WithUpgradeUsers returns the bundle with the people that an upgrade follows
// from the old versions to the new ones. The checklist does not use them, so
// that it finds its own people untouched on the databases of the upgrade.
func WithUpgradeUsers(b *Bundle) *Bundle {
	c := b.Clone()
	for _, u := range []AuthentikUser{
		{Role: RoleUpgradeNew, Username: "kim", Name: "Kim Test", Email: "kim@example.com", Password: "kim-pw-4v8e"},
		{Role: RoleUpgradeLinked, Username: "lea", Name: "Lea Test", Email: "lea@example.com", Password: "lea-pw-6n2d"},
	} {
		u.Groups = allowed(c, nil)
		c.Authentik.Users = append(c.Authentik.Users, u)
		c.Added = append(c.Added, "authentik user "+u.Username+" ("+u.Role+")")
	}
	local := LocalUser{Role: RoleUpgradeLinked, Username: "lena", Email: "lena@example.com", Password: "lena-local-pw-5w9u"}
	c.Paperless.Users = append(c.Paperless.Users, local)
	c.Added = append(c.Added, "Paperless user "+local.Username)
	return c
}
