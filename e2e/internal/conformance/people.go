package conformance

import (
	"maps"

	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// domain is that of the addresses of everybody here; nobody gets mail there.
const domain = "conformance.example"

// locals are accounts of Paperless-ngx with a password. A test that changes one has
// it for itself.
var locals = []deployment.LocalUser{
	{Username: prefix + "local1", Email: "local1@" + domain, Password: "local1-pw-4t6z", Groups: []string{groupNamed, "s", "a"}},
}

const groupNamed = "ssocheck-staff"

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
