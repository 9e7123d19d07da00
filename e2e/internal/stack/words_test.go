package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestInWords: a gate that stayed closed was told as "read tcp 127.0.0.1:…: connection
// reset by peer".
func TestInWords(t *testing.T) {
	t.Parallel()
	op := func(err error) error {
		return fmt.Errorf("ready: %w", &url.Error{Op: "Get", URL: "http://127.0.0.1:1/x", Err: &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", err)}})
	}
	for want, err := range map[string]error{
		"it takes no connection":                     op(syscall.ECONNREFUSED),
		"it closes the connection without an answer": op(syscall.ECONNRESET),
		"it gives no answer":                         &url.Error{Op: "Get", URL: "http://127.0.0.1:1/x", Err: context.DeadlineExceeded},
		"no default brand with a sign-in flow":       errors.New("no default brand with a sign-in flow"),
		"http: server gave HTTP response":            &url.Error{Op: "Get", URL: "http://127.0.0.1:1/x", Err: errors.New("http: server gave HTTP response")},
	} {
		assert.Equal(t, want, inWords(err))
	}
	assert.Equal(t, "it closes the connection without an answer", inWords(&url.Error{Op: "Get", URL: "u", Err: io.EOF}))
}
