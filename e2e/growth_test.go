package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// BenchmarkGrowth is how the time grows with what there is to do: planted items in one
// browser, and cells of a matrix, each with a browser of its own. The slope is what
// one more takes.
func BenchmarkGrowth(b *testing.B) {
	b.Run("planted", func(b *testing.B) {
		rig := newRig(b)
		all := plantable(b)
		grow(b, []int{1, 10, 50, 100}, func(n int) error {
			var some []*troubleshooting.Item
			for i := range n { // of every family, however few
				some = append(some, all[i*len(all)/n])
			}
			return rig.plantAll(b.Context(), some)
		})
	})
	b.Run("matrix", func(b *testing.B) {
		grow(b, []int{1, 4, 16}, func(n int) error {
			pairs, err := e2e.Cells([]string{"2.18.4", "2.20.15", "3.0.5", "3.2.1"}, []string{"2025.2.4", "2025.6.4", "2025.8.1", "2025.10.0"}, e2e.Shard{I: 1, N: 16 / n})
			if err != nil {
				return err
			}
			return e2e.Matrix(b.Context(), e2e.Options{}, pairs, func(e2e.Pair) {}, func(c *e2e.Cell) error {
				if c.Err == nil && c.Run.ExitCode() != 0 {
					return fmt.Errorf("%v: %s %s", c.Pair, c.Run.Result(), c.Run.Error)
				}
				return c.Err
			})
		})
	})
}

// grow reports the seconds for each count, and the slope.
func grow(b *testing.B, counts []int, do func(n int) error) {
	b.Helper()
	for b.Loop() {
		var x, y []float64
		for _, n := range counts {
			began := time.Now()
			if err := do(n); err != nil {
				b.Fatal(err)
			}
			x, y = append(x, float64(n)), append(y, time.Since(began).Seconds())
			b.ReportMetric(y[len(y)-1], fmt.Sprintf("s-for-%d", n))
		}
		b.ReportMetric(slope(x, y), "s-for-one-more")
	}
}

// slope is that of the straight line that lies nearest to the points.
func slope(x, y []float64) float64 {
	var mx, my, above, below float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(y))
	}
	for i := range x {
		above += (x[i] - mx) * (y[i] - my)
		below += (x[i] - mx) * (x[i] - mx)
	}
	return above / below
}

func TestSlope(t *testing.T) {
	t.Parallel()
	assert.InDelta(t, 2, slope([]float64{1, 10, 50}, []float64{5, 23, 103}), 1e-9)
	assert.InDelta(t, 0.5, slope([]float64{0, 2, 4}, []float64{0, 2, 2}), 1e-9)
}

// plantable are the items that can be planted on 2.20.15.
func plantable(tb testing.TB) []*troubleshooting.Item {
	tb.Helper()
	b, _, err := e2e.Deploy(e2e.Options{})
	require.NoError(tb, err)
	var out []*troubleshooting.Item
	for _, item := range troubleshooting.All() {
		if item.Plant != nil && item.Happens(b) {
			out = append(out, item)
		}
	}
	return out
}

// plantAll plants each of the items once on 2.20.15, some side by side, and demands
// that it is found first.
func (r *rig) plantAll(ctx context.Context, items []*troubleshooting.Item) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	for _, item := range items {
		bundle, _, err := e2e.Deploy(e2e.Options{})
		if err != nil {
			return err
		}
		group.Go(func() error {
			item.Plant(bundle)
			at := item.BreaksAt(bundle.Versions()).ID
			run, err := r.run(ctx, bundle, found(at), at)
			switch {
			case err != nil:
				return err
			case run.Error != "":
				return errors.New(run.Error)
			case !foundFirst(run, at, item.Code):
				return errors.New(item.Code + " was not found")
			}
			return nil
		})
	}
	return group.Wait()
}

func foundFirst(run *runner.Run, at, code string) bool {
	codes, _, _ := findings(run, at)
	return len(codes) > 0 && codes[0] == code
}
