package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// A Cell is one pair of versions of a matrix, and what came of it.
type Cell struct {
	Pair
	Run *Results
	Err error // why it could not be run at all
}

// Outcome is that of the run, or an error when there is none.
func (c *Cell) Outcome() Outcome {
	if c.Run == nil {
		return runner.Error
	}
	return c.Run.Result()
}

// ExitCode is that of the outcome.
func (c *Cell) ExitCode() int { return c.Outcome().ExitCode() }

// A Shard is part i of n of a matrix, i from 1. The zero value is all of it.
type Shard struct{ I, N int }

// ParseShard reads "i/n"; "" is all of it.
func ParseShard(text string) (s Shard, err error) {
	defer toImporter(&err)
	if text == "" {
		return Shard{}, nil
	}
	a, b, ok := strings.Cut(text, "/")
	i, err := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	if !ok || err != nil || err2 != nil || i < 1 || n < i {
		return Shard{}, fmt.Errorf("%w: --shard %s: want i/n with i from 1 to n, such as 2/3", ErrUsage, text)
	}
	return Shard{i, n}, nil
}

// Has reports whether the shard has the cell of this index, from 0.
func (s Shard) Has(index int) bool { return s.N == 0 || index%s.N == s.I-1 }

// Cells are the pairs of a shard: each Paperless with each authentik, in that
// order. Versions may be latest-known; unknown ones are ErrUsage.
func Cells(paperless, authentik []string, s Shard) (mine []Pair, err error) {
	defer toImporter(&err)
	var all []deployment.Pair
	for _, p := range paperless {
		for _, a := range authentik {
			pair, err := deployment.ParsePair(p+","+a, deployment.Pair{})
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUsage, err)
			}
			all = append(all, pair)
		}
	}
	for i, pair := range all {
		if s.Has(i) {
			mine = append(mine, pair)
		}
	}
	return mine, nil
}

// Matrix runs the checklist on each pair, one after the other, and tells done
// about each. It goes on after a cell that fails; it stops when ctx ends. What no
// cell can have is ErrUsage, and none runs.
func Matrix(ctx context.Context, o Options, pairs []Pair, begin func(Pair), done func(*Cell) error) (err error) {
	defer toImporter(&err)
	if err := o.ready(); err != nil {
		return err
	}
	if _, _, err := configuration(o); err != nil {
		return err
	}
	o.Report = "" // each cell has a folder of its own
	for _, pair := range pairs {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted: %w", context.Cause(ctx))
		}
		begin(pair)
		one := o
		one.Paperless, one.Authentik = pair.Paperless, pair.Authentik
		cell := &Cell{Pair: pair}
		cell.Run, cell.Err = Check(ctx, one)
		if err := done(cell); err != nil {
			return err
		}
	}
	return nil
}
