package authentik_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMembers: the users of a group are also those of the groups below it, in either
// form of the API; what is not told is not none.
func TestMembers(t *testing.T) {
	t.Parallel()
	c := serve(t, map[string]string{"/api/v3/core/groups/": `{"results": [
		{"pk": "1", "name": "empty", "parent": null, "users": []},
		{"pk": "2", "name": "family", "parent": null, "users": [5, 6]},
		{"pk": "3", "name": "above", "parent": null, "users": []},
		{"pk": "4", "name": "between", "parent": "3", "users": []},
		{"pk": "5", "name": "below", "parents": ["4", "3"], "users": [7]},
		{"pk": "6", "name": "round", "parents": ["6"], "users": []},
		{"pk": "7", "name": "hidden", "users": null}
	]}`})
	for name, want := range map[string]int{"empty": 0, "family": 2, "above": 1, "between": 1, "round": 0, "hidden": -1, "gone": -1} {
		n, err := c.Members(t.Context(), name)
		require.NoError(t, err, name)
		assert.Equal(t, want, n, name)
	}
}
