//go:build unix

package report

import (
	"os"

	"golang.org/x/sys/unix"
)

// size is the width of a terminal, and whether the file is one.
func size(f *os.File) (columns int, tty bool) {
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, false
	}
	return int(ws.Col), true
}
