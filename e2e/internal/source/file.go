package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"unicode/utf8"
)

// The limits of a file that is read. Users's files are a few hundred lines;
// beyond these a file is refused, so that no input can hold up a run.
const (
	maxBytes = 1 << 20
	maxLines = 20_000
	maxDepth = 200 // of flow collections in one another, and of "- - -" on a line
)

// ErrUnreadable marks a file that nothing can be read from.
var ErrUnreadable = errors.New("cannot be read")

// A file is a user's file as it is on disk.
type file struct {
	Path   string // as the user named it
	Text   []byte
	starts []int // offset of the first byte of each line
	disk   *file // the file on disk, where this is a fixed copy of it; nil: this
	lines  bool  // of a copy: lines and columns are those of the disk

	kind    fileKind
	virtual bool // not on disk
}

// unmended reports whether the file is one that can be written, and lines and
// columns are those of the file on disk, so that edits may be made by them.
func (f *file) unmended() bool { return f.writable() && (f.disk == nil || f.lines) }

// writable reports whether --fix can change the file.
func (f *file) writable() bool { d := f.written(); return d.kind.writable() && !d.virtual }

// written is the file as it is on disk.
func (f *file) written() *file {
	if f.disk != nil {
		return f.disk
	}
	return f
}

// openFile reads a file within the limits. Errors name the file and a remedy.
func openFile(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s: there is no such file; check the path: %w", path, err)
		}
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file; name the file itself", ErrUnreadable, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return newFile(path, text)
}

// newFile checks the limits of a text.
func newFile(path string, text []byte) (*file, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("%w: %s is larger than %d KiB; give only the file that configures Paperless", ErrUnreadable, path, maxBytes>>10)
	}
	src := &file{Path: path, Text: text, starts: []int{0}}
	for i, c := range text {
		if c == '\n' && i+1 < len(text) {
			src.starts = append(src.starts, i+1)
		}
	}
	if len(src.starts) > maxLines {
		return nil, fmt.Errorf("%w: %s has more than %d lines; give only the file that configures Paperless", ErrUnreadable, path, maxLines)
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		line, col := src.At(i)
		return nil, fmt.Errorf("%w: %s:%d:%d: a zero byte: this is not a text file (UTF-16? save it as UTF-8)", ErrUnreadable, path, line, col)
	}
	return src, nil
}

// checkDepth refuses text nested so deeply that a YAML parser would run out of
// stack. Quotes are not looked at: real files stay far below it either way.
func (f *file) checkDepth() error {
	depth, line := 0, 1
	dashes := 0
	for i, c := range f.Text {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		case '\n':
			line++
			dashes = 0
		case '-', '?', ':', '!', '&', '*':
			if i+1 < len(f.Text) && (f.Text[i+1] == ' ' || c == '!' || c == '&' || c == '*') {
				dashes++
			}
		}
		if depth > maxDepth || dashes > 4*maxDepth {
			return fmt.Errorf("%w: %s:%d: nested more than %d levels deep", ErrUnreadable, f.Path, line, maxDepth)
		}
	}
	return nil
}

// at is the 1-based line and column (in characters) of an offset.
func (f *file) At(offset int) (line, column int) {
	offset = min(max(offset, 0), len(f.Text))
	i := sort.Search(len(f.starts), func(i int) bool { return f.starts[i] > offset }) - 1
	return i + 1, utf8.RuneCount(f.Text[f.starts[i]:offset]) + 1
}

// offset is the inverse of at.
func (f *file) Offset(line, column int) int {
	if line < 1 || line > len(f.starts) {
		return len(f.Text)
	}
	off := f.starts[line-1]
	for ; column > 1 && off < len(f.Text) && f.Text[off] != '\n'; column-- {
		_, n := utf8.DecodeRune(f.Text[off:])
		off += n
	}
	return off
}

// line is the text of a line without its end.
func (f *file) line(n int) string {
	if n < 1 || n > len(f.starts) {
		return ""
	}
	end := len(f.Text)
	if n < len(f.starts) {
		end = f.starts[n]
	}
	return strings.TrimRight(string(f.Text[f.starts[n-1]:end]), "\r\n")
}

// indent is the white space that a line begins with.
func (f *file) Indent(n int) string {
	l := f.line(n)
	return l[:len(l)-len(strings.TrimLeft(l, " \t"))]
}

// beside is a path as seen from the folder of this file.
func (f *file) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.Path), path)
}
