//go:build !race

package troubleshooting

// largestLines is just below the limit.
const largestLines = 19_990
