package troubleshooting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Every code has one literal, whether a run shows the cause, a file, or both; and
// each says what its part needs.
func TestOneLiteralACode(t *testing.T) {
	t.Parallel()
	codes := map[string]bool{}
	for _, i := range troubleshooting.Catalogue() {
		assert.False(t, codes[i.Code], "%s is a duplicate", i.Code)
		codes[i.Code] = true
		for _, r := range i.InFiles {
			if r.Code == "" {
				continue
			}
			assert.False(t, codes[r.Code], "%s is a duplicate", r.Code)
			codes[r.Code] = true
		}
		if i.Match == nil {
			assert.NotEmpty(t, i.InFiles, "%s: nothing shows it", i.Code)
			assert.Empty(t, i.Title, "%s: what only files show has the titles of its rules", i.Code)
			continue
		}
		assert.NotEmpty(t, i.Title, i.Code)
		assert.NotEmpty(t, i.Fix, i.Code)
		assert.NotNil(t, i.Breaks, i.Code)
		assert.NotZero(t, i.Basis.Kind, i.Code)
	}
	for _, r := range troubleshooting.Rules() {
		assert.NotEmpty(t, r.Title, r.Code)
		assert.NotEmpty(t, r.Doc, r.Code)
		assert.NotEmpty(t, r.Level, r.Code)
	}
}
