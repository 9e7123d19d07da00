package runner

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestQuiet: a pair that started beside a run on the real products disturbed each
// of the three repeats, because they followed at once.
func TestQuiet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		changes time.Duration // until when an interface comes or goes every second
		want    time.Duration
	}{
		"quiet":       {0, quietFor},
		"for a while": {9 * time.Second, 9*time.Second + quietFor},
		"never":       {time.Hour, quietLimit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				quiet(context.Background(), func() string {
					return min(time.Since(began), tt.changes).Truncate(time.Second).String()
				})
				assert.InDelta(t, tt.want, time.Since(began), float64(quietPause))
			})
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	quiet(ctx, interfaces)
}

// TestCalmer: root was told to run it as root "(here: it was started so)", although
// no browser has a network of its own with --target external.
func TestCalmer(t *testing.T) {
	t.Parallel()
	shared := &browser.Browser{}
	assert.NotContains(t, calmer(target.External, shared), "as root")
	assert.Contains(t, calmer(target.External, shared), "--target external")
	assert.Contains(t, calmer(target.Stack, shared), "as root on Linux")
}
