//go:build !race

package config

// largestLines is just below the limit.
const largestLines = maxLines - 10
