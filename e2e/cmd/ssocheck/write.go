package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// writeFiles writes files into a directory. Files of these names are replaced
// only by force: all are looked at before the first is written.
func writeFiles(dir string, files map[string]deployment.File, force bool) error {
	names := slices.Sorted(maps.Keys(files))
	var there []string
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return fmt.Errorf("%w: %w; name a directory that can be written", e2e.ErrUsage, err)
		case info.IsDir():
			return fmt.Errorf("%w: %s is a directory; name another one to write to", e2e.ErrUsage, path)
		}
		there = append(there, name)
	}
	if len(there) > 0 && !force {
		return fmt.Errorf("%w: %s holds %s already; name another directory, or replace with --force", e2e.ErrUsage, dir, strings.Join(there, ", "))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%w: %w; name a directory that can be written", e2e.ErrUsage, err)
	}
	for _, name := range names {
		mode := os.FileMode(0o644)
		if files[name].Secret {
			mode = 0o600
		}
		if err := replace(filepath.Join(dir, name), files[name].Text, mode); err != nil {
			return err
		}
	}
	return nil
}

// replace writes a file as a whole or not at all, with this mode also where one
// is there.
func replace(path string, text []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
