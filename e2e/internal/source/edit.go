package source

import "strings"

// Replace is the edit that puts a text in place of one on the same line.
func Replace(f *file, at, n int, text string) *Edit {
	if !f.unmended() || at < 0 || at+n > len(f.Text) || f.Path == "" || strings.HasPrefix(f.Path, "secret ") {
		return nil // a fixed copy: its columns are not those of the file
	}
	line, _ := f.At(at)
	if last, _ := f.At(at + n); last != line {
		return nil
	}
	start := f.starts[line-1]
	old := f.line(line)
	if at-start+n > len(old) {
		return nil
	}
	return &Edit{File: f.Path, From: line, To: line, Text: old[:at-start] + text + old[at-start+n:]}
}

// Rename is the edit that puts another name in place of a variable's.
func (e *Entry) Rename(name string) *Edit { return Replace(e.File, e.NameAt, len(e.Name), name) }

// Revalue is the edit that gives a variable written on one line another value.
func (e *Entry) Revalue(value string) *Edit {
	at, end := e.ValueAt, e.End
	if e.Style == Literal || e.Style == Folded || e.Style == Mapping || e.Style == Absent || end < at {
		return nil
	}
	switch e.Style {
	case Plain, SingleQuoted, DoubleQuoted:
		if e.From == "environment" && !strings.Contains(string(e.File.Text[e.NameAt:at]), ":") { // a quoted list item
			return nil
		}
		value = `"` + value + `"`
	}
	if e.From == "env_file" || e.From == "conf" {
		value = strings.Trim(value, `"`)
	}
	return Replace(e.File, at, end-at, value)
}

// Remove is the edit that takes a variable out, when it is on one line.
func (e *Entry) Remove() *Edit {
	line := e.firstLine()
	if !e.File.unmended() || e.lastLine() != line || e.From == "file" {
		return nil
	}
	return &Edit{File: e.File.Path, From: line, To: line}
}

// InsertAfter is the edit that adds a variable below another, in its form.
func (e *Entry) InsertAfter(name, value string) *Edit {
	if !e.File.unmended() || e.From == "file" || e.flow() {
		return nil
	}
	line := e.lastLine()
	indent := e.File.Indent(e.firstLine())
	return &Edit{File: e.File.Path, From: line + 1, To: line, Text: indent + strings.ReplaceAll(e.Written(name, value), "\n", "\n"+indent)}
}
