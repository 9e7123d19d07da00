//go:build race

package troubleshooting

// largestLines is a tenth under the race detector, which makes a reader with one
// goroutine many times as slow and has nothing to find in it.
const largestLines = 2_000
