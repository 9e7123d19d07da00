package shell_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
)

// TestNobody: an application is closed to everybody only where no binding can let
// anybody in.
func TestNobody(t *testing.T) {
	t.Parallel()
	empty, full := shell.Binding{Group: "empty"}, shell.Binding{Group: "family", Members: 2}
	unknown := shell.Binding{Group: "hidden", Members: -1}
	deny := shell.Binding{Policy: "never", Denies: true}
	other := shell.Binding{Policy: "office hours"}
	for name, tt := range map[string]struct {
		mode     string
		bindings []shell.Binding
		want     int
	}{
		"bound to nobody in particular":     {},
		"an empty group":                    {bindings: []shell.Binding{empty}, want: 1},
		"an empty group and a full one":     {bindings: []shell.Binding{empty, full}},
		"both are needed":                   {mode: "all", bindings: []shell.Binding{empty, full}, want: 1},
		"a group of which nothing is known": {bindings: []shell.Binding{unknown}},
		"everybody but an empty group":      {bindings: []shell.Binding{{Group: "empty", Negate: true}}},
		"a policy that denies":              {bindings: []shell.Binding{deny}, want: 1},
		"a policy that denies, turned":      {bindings: []shell.Binding{{Policy: "never", Denies: true, Negate: true}}},
		"a policy beside":                   {bindings: []shell.Binding{deny, other}},
		"two that let nobody in":            {mode: "any", bindings: []shell.Binding{deny, empty}, want: 2},
		"one user":                          {bindings: []shell.Binding{empty, {User: true}}},
	} {
		a := shell.Application{Slug: "paperless", Mode: tt.mode, Bindings: tt.bindings}
		assert.Len(t, a.Nobody(), tt.want, name)
	}
}
