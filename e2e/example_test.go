package e2e_test

import (
	"testing"

	"github.com/ssocheck/ssocheck/e2e"
)

// In a repository of your own: your compose file and your blueprint, as go test.
// Each check is a subtest; what explains a failure is in its log.
func TestExampleOfYourOwn(t *testing.T) {
	e2e.Run(t, e2e.Options{
		Config:    []string{"../fixtures/configs/right-blueprint/compose.yaml"},
		Blueprint: "../fixtures/configs/right-blueprint/blueprint.yaml",
		Only:      []string{"round-trip"},
	})
}
