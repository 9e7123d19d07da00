//go:build race

package conformance

// raced is true under the race detector.
const raced = true
