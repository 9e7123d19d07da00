package model

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// stagesDrawn is how many delays a flow page gets: its shell and more stages than
// a sign-in has.
const stagesDrawn = 8

// Drawing says how long after its load each page is drawn. Scripts draw the pages
// of the real authentik: right after the load there is nothing to be seen. Most
// pages take up to 30 ms, some up to a second and a half, so that whoever reads a
// page too early finds out. Not safe for concurrent use; the server locks it.
func Drawing(seed uint64) func() time.Duration {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeated, not to be secret
	return func() time.Duration {
		limit := 30 * time.Millisecond
		switch n := random.IntN(100); {
		case n >= 98:
			limit = 1500 * time.Millisecond
		case n >= 90:
			limit = 300 * time.Millisecond
		}
		return time.Duration(random.Int64N(int64(limit) + 1)).Round(time.Millisecond)
	}
}

// seed makes each configuration meet delays of its own, the same in each run.
func seed(blueprint []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(blueprint) // never fails
	return h.Sum64()
}

// draws are the next n delays, in milliseconds, for the page's script.
func (v *visit) draws(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.FormatInt(v.draw().Milliseconds(), 10)
	}
	return strings.Join(out, " ")
}
