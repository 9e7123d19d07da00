// Package ahead begins, beside all that Go initialises before main, what lint needs:
// Compose's schema, which compose-go compiles for 9 ms when it is first asked. An editor
// lints at every save. Any other command starts as it did.
package ahead

import (
	"os"
	"slices"

	"github.com/compose-spec/compose-go/v2/schema"
)

// The one that reads a file waits for the same compilation, and says what is wrong with it.
func init() {
	if slices.Contains(os.Args[1:], "lint") {
		go func() { _ = schema.Validate(map[string]any{}) }()
	}
}
