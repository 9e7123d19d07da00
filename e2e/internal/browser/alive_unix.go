//go:build unix

package browser

import (
	"errors"
	"syscall"
)

// alive reports whether a process is there. One of another user is.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
