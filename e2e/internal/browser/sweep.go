package browser

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// profilePrefix begins the name of each folder of a profile.
const profilePrefix = "ssocheck-browser-"

// ownerFile in such a folder holds the process that made it.
const ownerFile = "owner"

// Sweep removes the profiles whose tester was killed, and tells how many. One of
// a process that lives stays.
func Sweep() (int, error) {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), profilePrefix+"*"))
	if err != nil {
		return 0, fmt.Errorf("look for profiles: %w", err)
	}
	n := 0
	var errs []error
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, ownerFile))
		if err != nil {
			continue // being made, or not ours
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || alive(pid) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		n++
	}
	return n, errors.Join(errs...)
}
