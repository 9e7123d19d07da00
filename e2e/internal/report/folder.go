package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// Marker is the file that says that a folder holds a report of ssocheck. Only a
// folder that has it is cleared for the next report.
const Marker = ".ssocheck-report"

const markerText = "This folder holds a report of ssocheck. The next report that is written here replaces it.\n"

// ownFiles are the files of a report beside its artifacts.
var ownFiles = []string{"report.json", "junit.xml", Index, "summary.md", "results.sarif"}

// Prepare makes a folder ready for a report, or says why it cannot hold one:
// before the run, because a verdict without its report costs the run again. A
// folder that holds anything else is refused, so that nothing of the user's is
// lost. An earlier report stays until Clear.
func Prepare(dir string) error {
	if dir == "" {
		return errors.New("report: no folder is named")
	}
	there, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("report: %w; name a folder that can be written", err)
		}
	case err != nil:
		return fmt.Errorf("report: %w; name a folder that can be written", err)
	case !marked(dir) && slices.ContainsFunc(there, func(e fs.DirEntry) bool { return !belongs(dir, e) }):
		return fmt.Errorf("report: %s is not empty and holds no report of ssocheck (no file %s; there is %s): name a new or an empty folder", dir, Marker, some(there))
	}
	for _, at := range []string{dir, filepath.Join(dir, "artifacts"), filepath.Join(dir, Before)} {
		if err := writable(at); err != nil {
			return err
		}
	}
	return leaveMarker(dir)
}

// some names the first things of a folder.
func some(there []fs.DirEntry) string {
	const most = 3
	var names []string
	for _, e := range there[:min(most, len(there))] {
		names = append(names, e.Name())
	}
	if more := len(there) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// marked reports whether a folder holds a report.
func marked(dir string) bool {
	info, err := os.Lstat(filepath.Join(dir, Marker))
	return err == nil && info.Mode().IsRegular()
}

// pair is the name of a matrix's folder for two versions.
var pair = lazyregexp.New(`^\d[\w.-]*_\d[\w.-]*$`)

// belongs reports whether something in a folder is a part of the report in it: the
// run before an upgrade, or a cell of a matrix. A link is not. What the file
// system of a volume made is nobody's.
func belongs(dir string, e fs.DirEntry) bool {
	if e.Name() == "lost+found" {
		return true
	}
	return e.IsDir() && (e.Name() == Before || pair.MatchString(e.Name())) && marked(filepath.Join(dir, e.Name()))
}

func leaveMarker(dir string) error {
	if marked(dir) {
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, Marker), []byte(markerText), 0o644); err != nil { //nolint:gosec // it holds no secret
		return fmt.Errorf("report: %w; name a folder that can be written", err)
	}
	return nil
}

// writable says why no file can be made in a folder; nil also where there is no
// folder.
func writable(dir string) error {
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return nil //nolint:nilerr // it is made later
	}
	f, err := os.CreateTemp(dir, ".ssocheck-try-*")
	if err != nil {
		return fmt.Errorf("report: %w; name a folder that can be written", err)
	}
	_, err = f.WriteString(markerText) // a full disk makes files, but empty ones
	if err := errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("report: %w; name a folder that can be written", err)
	}
	return nil
}

// Clear removes an earlier report from a folder, that of an upgrade's old
// versions and of a matrix's pairs too, so that nothing in it is taken for this
// run's. Files that no report writes stay.
func Clear(dir string) error {
	if !marked(dir) {
		return nil
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("clear the report: %w", err)
	}
	var errs []error
	errs = append(errs, clearOwn(dir))
	for _, e := range there {
		sub := filepath.Join(dir, e.Name())
		if !belongs(dir, e) || !marked(sub) {
			continue
		}
		errs = append(errs, Clear(sub), os.Remove(filepath.Join(sub, Marker)))
		_ = os.Remove(sub) // it stays when somebody put a file of theirs into it
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clear the report: %w", err)
	}
	return nil
}

// clearOwn removes the files of one report.
func clearOwn(dir string) error {
	var errs []error
	for _, name := range ownFiles {
		if err := os.Remove(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, os.RemoveAll(filepath.Join(dir, "artifacts")))...)
}
