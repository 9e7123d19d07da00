package stack

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
)

// TestOnSQLite shows that no server is named beside a file, as Paperless would
// take the server (docs/facts/paperless.md#10).
func TestOnSQLite(t *testing.T) {
	t.Parallel()
	b := onVersions(t, "3.0.5", "2025.8.1")
	b.Paperless.Env["PAPERLESS_DATA_DIR"] = "/srv/data"
	keys, err := edge.NewKeys()
	require.NoError(t, err)
	s := &Stack{secrets: newSecrets(), id: "x", keys: keys}
	images := deployment.Images{PaperlessImage: "p"}
	c := s.pairContainers(b, images, site{network: "n", n: 1}, nil)[2]
	assert.Equal(t, "paperless-1", c.Env["PAPERLESS_DBNAME"])
	onSQLite(&c, []byte("file"))
	for name := range c.Env {
		assert.NotContains(t, name, "PAPERLESS_DB")
	}
	assert.Equal(t, "file", string(c.Files["/srv/data/db.sqlite3"]))
	assert.Contains(t, c.Files, caFile)
}
