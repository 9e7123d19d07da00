package runner_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestNoVerdictBesideBoots: on a busy machine Paperless gave authentik up after its 5 s
// while three other Paperless booted, and round-trip failed with NET-TIMEOUT.
func TestNoVerdictBesideBoots(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		always bool
		want   check.Status
	}{"only while they boot": {want: check.Passed}, "afterwards too": {always: true, want: check.Failed}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			boots := make(chan struct{})
			tries := 0
			slow := fake("slow", func(ctx context.Context, p *check.Pass) error {
				if tries++; tries == 1 {
					close(boots) // the other pair is up after this try
					return fails(ctx, p)
				}
				if tt.always {
					return fails(ctx, p)
				}
				return nil
			})
			other := fake("other", passes)
			other.Variants = func(*deployment.Deployment) []check.Variant { return []check.Variant{{Name: "redirect-on"}} }
			l := &lot{target: func(t *target.Target) { t.Kind = target.Stack }}
			start := func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
				if variant != check.AsConfigured {
					<-boots
				}
				return l.start(ctx, b, variant)
			}
			r := do(t, l, runner.Options{Kind: target.Stack, Checks: []*check.Check{slow, other}, Start: start})
			require.Len(t, r.Results, 2)
			assert.Equal(t, tt.want, r.Results[0].Status)
			assert.Equal(t, 2, tries, "once more, and no third time")
			assert.True(t, slices.ContainsFunc(r.Results[0].Record.Notes, func(n string) bool {
				return strings.HasPrefix(n, "repeated when nothing booted beside it any more")
			}), "it is said")
		})
	}
}
