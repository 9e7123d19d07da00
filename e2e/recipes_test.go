package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// TestRecipes validates what docs/ci gives users to copy, each against the
// schema of the engine that reads it. That their commands parse is tested beside
// the command.
func TestRecipes(t *testing.T) {
	t.Parallel()
	for file, schema := range map[string]string{
		"github-actions.yml":  "github-workflows.json",
		"go-test.yml":         "github-workflows.json",
		"gitlab-ci.yml":       "gitlab-ci.json",
		"kubernetes-job.yaml": "kubernetes-job.json",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			compiled, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "schemas", schema))
			require.NoError(t, err)
			text, err := os.ReadFile(filepath.Join("..", "docs", "ci", file))
			require.NoError(t, err)
			docs := documents(t, text)
			require.NotEmpty(t, docs)
			for _, doc := range docs {
				require.NoError(t, compiled.Validate(doc))
			}
			// A schema that takes anything would prove nothing.
			require.Error(t, compiled.Validate(map[string]any{"jobs": 3, "kind": "Job", "stages": 4}))
		})
	}
}

// documents are the YAML documents of a text, as JSON has them.
func documents(t *testing.T, text []byte) []any {
	t.Helper()
	var docs []any
	for part := range strings.SplitSeq("\n"+string(text), "\n---\n") {
		var doc any
		require.NoError(t, yaml.Unmarshal([]byte(part), &doc))
		asJSON, err := json.Marshal(doc)
		require.NoError(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		require.NoError(t, err)
		docs = append(docs, value)
	}
	return docs
}
