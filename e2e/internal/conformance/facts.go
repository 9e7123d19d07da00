package conformance

import (
	"io"
	"maps"
	"slices"
)

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// readAll is the text of a body; what cannot be read is left out.
func readAll(r io.Reader) string {
	text, _ := io.ReadAll(io.LimitReader(r, bodyLimit))
	return string(text)
}
