package deployment

import (
	"fmt"
	"slices"
	"strings"
)

// WithTestUsers returns the bundle with the users that the checks sign in as,
// in authentik and in Paperless, where it has none for a role yet. What was
// added is listed in Added, because a user must be able to see what the
// harness changed in their deployment.
//
// They stand beside the users of the deployment, under names and addresses that
// nobody else has; the same name stays the same in both products, since checks
// are about that.
func WithTestUsers(b *Deployment) (*Deployment, error) {
	s, err := DefaultSpec()
	if err != nil {
		return nil, err
	}
	c := b.Clone()
	free := newNames(b)
	for _, u := range s.Users {
		if _, ok := c.SSOUser(u.Role); ok {
			continue
		}
		u.Username, u.Email = free.name(u.Username), free.address(u.Email)
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
		u.Username, u.Email = free.name(u.Username), free.address(u.Email)
		c.Paperless.Users = append(c.Paperless.Users, u)
		c.Added = append(c.Added, "Paperless user "+u.Username)
	}
	return c, nil
}

// Access says who may use the application that Paperless uses, and which users
// of the deployment are among them; "" where everybody may.
func (b *Deployment) Access() string {
	app := b.IdPApplication()
	if app == nil || len(app.Groups) == 0 {
		return ""
	}
	m := &b.Authentik.Model
	if b.Authentik.RawModel != nil { // as it was written, without the users of the checks
		m = b.Authentik.RawModel
	}
	var members []string
	for _, u := range m.Users {
		if slices.ContainsFunc(app.Groups, func(g string) bool { return slices.Contains(u.Groups, g) }) {
			members = append(members, u.Username)
		}
	}
	who := "only members of " + list(app.Groups)
	if len(members) == 0 && b.Authentik.Raw == nil && b.Authentik.RawModel == nil {
		return who // authentik as it runs: who is in a group is not asked
	}
	if len(members) == 0 {
		return who + " (the blueprint puts nobody there)"
	}
	const shown = 3
	if n := len(members); n > shown {
		return fmt.Sprintf("%s (the blueprint puts %d users there)", who, n)
	}
	return fmt.Sprintf("%s (the blueprint puts %s there)", who, list(members))
}

// names are those of users, and of addresses, that a deployment has already.
type names struct {
	taken  map[string]bool   // lower case
	chosen map[string]string // what is used in place of a name or an address
}

func newNames(b *Deployment) *names {
	n := &names{taken: map[string]bool{}, chosen: map[string]string{}}
	// Those who play a part in a check are ours already: one name may be meant to
	// stand in both products.
	for _, u := range b.Authentik.Users {
		if u.Role == "" {
			n.take(u.Username)
			n.take(u.Email)
		}
	}
	for _, u := range b.Paperless.Users {
		if u.Role == "" && !u.Superuser {
			n.take(u.Username)
			n.take(u.Email)
		}
	}
	return n
}

func (n *names) take(s string) { n.taken[strings.ToLower(s)] = true }

// name is the name, or, where somebody has it, one like it that nobody has.
func (n *names) name(s string) string { return n.pick(s, "") }

func (n *names) address(s string) string {
	local, domain, _ := strings.Cut(s, "@")
	return n.pick(local, "@"+domain)
}

func (n *names) pick(s, domain string) string {
	if have, ok := n.chosen[s+domain]; ok {
		return have
	}
	try := s + domain
	for i := 1; n.taken[strings.ToLower(try)]; i++ {
		try = s + "-test" + domain
		if i > 1 {
			try = fmt.Sprintf("%s-test%d%s", s, i, domain)
		}
	}
	n.chosen[s+domain] = try
	return try
}

// allowed puts a test user into the groups that the application asks for, so
// that it may use it as the operator's own users do.
func allowed(b *Deployment, groups []string) []string {
	if app := b.IdPApplication(); app != nil {
		for _, g := range app.Groups {
			if !slices.Contains(groups, g) {
				groups = append(slices.Clone(groups), g)
			}
		}
	}
	return groups
}

// The roles of the users whose accounts an upgrade must keep.
const (
	RoleUpgradeNew    = "upgrade-new"    // gets an account by signing in
	RoleUpgradeLinked = "upgrade-linked" // has a local account and links it
)

// WithUpgradeUsers returns the bundle with the users that an upgrade follows
// from the old versions to the new ones. The checklist does not use them, so
// that it finds its own users untouched on the databases of the upgrade.
func WithUpgradeUsers(b *Deployment) *Deployment {
	c := b.Clone()
	free := newNames(b)
	for _, u := range []AuthentikUser{
		{Role: RoleUpgradeNew, Username: "kim", Name: "Kim Test", Email: "kim@example.com", Password: "kim-pw-4v8e"},
		{Role: RoleUpgradeLinked, Username: "lea", Name: "Lea Test", Email: "lea@example.com", Password: "lea-pw-6n2d"},
	} {
		u.Username, u.Email, u.Groups = free.name(u.Username), free.address(u.Email), allowed(c, nil)
		c.Authentik.Users = append(c.Authentik.Users, u)
		c.Added = append(c.Added, "authentik user "+u.Username+" ("+u.Role+")")
	}
	local := LocalUser{Role: RoleUpgradeLinked, Username: "lena", Email: "lena@example.com", Password: "lena-local-pw-5w9u"}
	local.Username, local.Email = free.name(local.Username), free.address(local.Email)
	c.Paperless.Users = append(c.Paperless.Users, local)
	c.Added = append(c.Added, "Paperless user "+local.Username)
	return c
}
