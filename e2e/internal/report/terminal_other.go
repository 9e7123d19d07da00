//go:build !unix

package report

import "os"

// size knows no width here, only whether the file is a console.
func size(f *os.File) (columns int, tty bool) {
	info, err := f.Stat()
	return 0, err == nil && info.Mode()&os.ModeCharDevice != 0
}
