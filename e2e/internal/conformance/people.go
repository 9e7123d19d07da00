package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// domain is that of the addresses of everybody here; nobody gets mail there.
const domain = "conformance.example"

// Groups of Paperless-ngx. Two are named by a letter that the name of the third has.
const groupNamed = "ssocheck-staff"

// locals are accounts of Paperless-ngx with a password. A test that changes one has
// it for itself.
var locals = localUsers()

func localUsers() []deployment.LocalUser {
	var out []deployment.LocalUser
	for n := 1; n <= 10; n++ {
		u := deployment.LocalUser{
			Role: fmt.Sprintf("conformance-%d", n), Username: fmt.Sprintf("%slocal%d", prefix, n), Email: fmt.Sprintf("local%d@%s", n, domain), Password: fmt.Sprintf("local%d-pw-4t6z", n),
		}
		switch n {
		case 1:
			u.Groups = []string{groupNamed, "s", "a"}
		case 6:
			u.Superuser = true
		case 10:
			u.Email = "Local10@Conformance.example"
		}
		out = append(out, u)
	}
	return out
}

// local is the nth local account.
func local(n int) deployment.LocalUser { return locals[n-1] }

// person are the claims of somebody who signs in: everybody here is somebody else.
func person(name string, change provider.Change) map[string]any {
	p := map[string]any{
		"sub": name + "-sub", "preferred_username": name, "name": name + " Test", "given_name": name, "family_name": "Test", "nickname": name,
		"email": name + "@" + domain, "email_verified": true, "groups": []any{},
	}
	if change != nil {
		change(p)
	}
	return maps.Clone(p)
}

// api asks Paperless-ngx's API by name and password.
func (v *Visit) api(ctx context.Context, path string, u deployment.LocalUser, into any) (int, error) {
	b, err := v.Browser()
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base()+path, nil)
	if err != nil {
		return 0, fmt.Errorf("ask for %s: %w", path, err)
	}
	r.SetBasicAuth(u.Username, u.Password)
	page, err := b.Do(r)
	if err != nil || page.Status != http.StatusOK || into == nil {
		if page != nil {
			return page.Status, err
		}
		return 0, err
	}
	if err := json.Unmarshal([]byte(page.Body), into); err != nil {
		return page.Status, fmt.Errorf("read %s: %w", path, err)
	}
	return page.Status, nil
}

// tryPassword reports whether the password of a local user is accepted.
func (v *Visit) tryPassword(ctx context.Context, u deployment.LocalUser) (bool, error) {
	status, err := v.api(ctx, "/api/profile/", u, nil)
	return status == http.StatusOK, err
}

// groups are those of the account with an address, as an administrator sees them.
func (v *Visit) groups(ctx context.Context, email string) ([]string, error) {
	admin, ok := v.b.LocalUser("admin")
	if !ok {
		return nil, check.Skipf("the configuration has no administrator who could be asked for the groups")
	}
	var users struct {
		Results []struct {
			Email  string
			Groups []int
		}
	}
	var groups struct {
		Results []struct {
			ID   int
			Name string
		}
	}
	if _, err := v.api(ctx, "/api/users/?page_size=10000", admin, &users); err != nil {
		return nil, err
	}
	if _, err := v.api(ctx, "/api/groups/?page_size=10000", admin, &groups); err != nil {
		return nil, err
	}
	names := map[int]string{}
	for _, g := range groups.Results {
		names[g.ID] = g.Name
	}
	var out []string
	for _, u := range users.Results {
		if strings.EqualFold(u.Email, email) {
			for _, id := range u.Groups {
				out = append(out, names[id])
			}
		}
	}
	return out, nil
}
