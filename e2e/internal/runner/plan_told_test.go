package runner_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestPlanIsToldFirst: nobody knew what a start of minutes would be about, and the
// stack could not know which pair all others wait for. How a variant came about
// stands with what was seen there.
func TestPlanIsToldFirst(t *testing.T) {
	t.Parallel()
	varied := fake("varied", passes)
	varied.Variants = func(*deployment.Deployment) []check.Variant {
		return []check.Variant{{Name: "redirect-on"}, {Name: check.AsConfigured}}
	}
	l := &lot{target: func(t *target.Target) { t.Boot.How = "the web server of paperless-1" }}
	var planned []string
	var mu sync.Mutex
	var told []runner.EventKind
	r := do(t, l, runner.Options{
		Checks: []*check.Check{varied},
		Plan: func(_ context.Context, _ *deployment.Deployment, variants []string) []string {
			assert.Zero(t, l.open.Load(), "before anything starts")
			planned = variants
			return []string{"plan: one by one", "expected: a second"}
		},
		Observe: func(ev runner.Event) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, ev.Kind)
		},
	})
	assert.Equal(t, []string{check.AsConfigured, "redirect-on"}, planned, "what the most need comes first")
	assert.Equal(t, []runner.EventKind{runner.Planned, runner.Planned}, told[:2])
	assert.True(t, slices.ContainsFunc(r.Results, func(res runner.Result) bool {
		return slices.Contains(res.Record.Notes, "this Paperless is the web server of paperless-1")
	}))
}
