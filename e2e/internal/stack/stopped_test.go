package stack

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The reason may stand above the last lines, which are the supervisor's.
func TestStoppedSaysWhy(t *testing.T) {
	t.Parallel()
	in := &running{Container: Container{Name: "paperless"}}
	e := &stopped{in: in, code: 1, last: "a | b", says: "json.decoder.JSONDecodeError: x"}
	require.EqualError(t, e, "paperless stopped (exit code 1); its log says: json.decoder.JSONDecodeError: x; its last lines: a | b")
	e.last = "a | json.decoder.JSONDecodeError: x"
	require.EqualError(t, e, "paperless stopped (exit code 1); its last lines: a | json.decoder.JSONDecodeError: x")
}
