package report

import (
	"os"
	"path/filepath"
	"strings"
)

// Repository is the directory that a CI system names files from: what the
// system says it is, else the nearest one at or above dir with a .git in it,
// else empty. getenv may be nil: os.Getenv.
func Repository(dir string, getenv func(string) string) string {
	if getenv == nil {
		getenv = os.Getenv
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for _, name := range []string{"GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE"} {
		if root := getenv(name); root != "" && within(root, dir) {
			return root
		}
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return ""
		}
	}
}

// within reports whether a file is in a directory, or is it.
func within(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// fromRoot names a file as seen from the report's root; one outside of it, or
// where there is no root, keeps its name.
func (r *Report) fromRoot(file string) string {
	if r.Root == "" || file == "" {
		return filepath.ToSlash(file)
	}
	abs, err := filepath.Abs(file)
	if err != nil || !within(r.Root, abs) {
		return filepath.ToSlash(file)
	}
	rel, err := filepath.Rel(r.Root, abs)
	if err != nil {
		return filepath.ToSlash(file)
	}
	return filepath.ToSlash(rel)
}
