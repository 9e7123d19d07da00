package source

import (
	"fmt"
	"path/filepath"
	"strings"
)

// readUnit reads a podman quadlet or a systemd unit: Environment= as systemd
// splits it, many times; EnvironmentFile= where the file is here; and what a
// docker run in ExecStart= gives.
func (r *reader) readUnit(f *file) ([]*Entry, error) {
	var out, files []*Entry
	section, starts := "", false // a drop-in that starts nothing is a part
	for _, l := range unitLines(f) {
		if strings.HasPrefix(l.text, "[") {
			section = strings.Trim(l.text, "[]")
			continue
		}
		key, _, ok := strings.Cut(l.text, "=")
		if !ok {
			continue
		}
		at := len(key) + 1
		key = strings.TrimSpace(key)
		value := strings.TrimSpace(l.text[at:])
		container := section == "Container"
		starts = starts || key == "ExecStart" || container && key == "Image"
		switch {
		case key == "Image" && container:
			r.Image = value
		case key == "Environment" && value == "":
			out = nil // an empty one takes back those before
		case key == "Environment":
			out = append(out, unitWords(f, l, at)...)
		case key == "EnvironmentFile":
			files = append(files, r.unitFile(f, value)...)
		case key == "Label" && container:
			r.label(strings.Trim(value, `"'`))
		case key == "Secret" && container:
			if e := unitSecret(f, l, at, value); e != nil {
				out = append(out, e)
			}
		case key == "PodmanArgs" && container, strings.HasPrefix(key, "Exec") && runText.MatchString(value):
			words := shellWords(l.text[at:], func(i int) int { return l.pos[at+i] })
			more := r.runWords(f, words, nil, "unit")
			out = append(out, more...)
		}
	}
	r.whole = starts && len(r.Open) == 0
	out = append(files, out...)
	if !anySetting(out) && len(r.Open) == 0 {
		return nil, fmt.Errorf("%w: %s is a systemd unit without Environment=PAPERLESS_…; give the quadlet or unit of Paperless itself", ErrUnreadable, f.Path)
	}
	return out, nil
}

func anySetting(list []*Entry) bool {
	for _, e := range list {
		if strings.HasPrefix(strings.ToUpper(e.Name), "PAPERLESS_") {
			return true
		}
	}
	return false
}

// A unitLine is a line with those that it goes on in.
type unitLine struct {
	text string
	pos  []int // offset of each byte of text, and of its end
}

// unitLines joins lines that end in a backslash; comments between are dropped.
func unitLines(f *file) []unitLine {
	var out []unitLine
	var cur *unitLine
	for n := 1; n <= len(f.starts); n++ {
		line := f.line(n)
		start := f.starts[n-1]
		trimmed := strings.TrimSpace(line)
		if trimmed == "" && cur == nil || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") {
			continue
		}
		if cur == nil {
			lead := len(line) - len(strings.TrimLeft(line, " \t"))
			line, start = line[lead:], start+lead
			cur = &unitLine{}
		}
		text, more := strings.CutSuffix(line, `\`)
		cur.text += text
		for i := range len(text) {
			cur.pos = append(cur.pos, start+i)
		}
		if more {
			cur.text += " "
			cur.pos = append(cur.pos, start+len(text))
			continue
		}
		cur.pos = append(cur.pos, start+len(text))
		out = append(out, *cur)
		cur = nil
	}
	if cur != nil {
		cur.pos = append(cur.pos, len(f.Text))
		out = append(out, *cur)
	}
	return out
}

// unitWords splits the value of Environment= as systemd does: quotes anywhere,
// escapes of C, %% for %.
func unitWords(f *file, l unitLine, at int) []*Entry {
	var out []*Entry
	var word []byte
	var pos []int
	inside, quote := false, byte(0)
	flush := func() {
		if !inside {
			return
		}
		name, _, ok := strings.Cut(string(word), "=")
		if ok && envName(name) {
			n := len(name) + 1
			e := &Entry{Name: name, Value: string(word[n:]), Raw: string(word[n:]), Set: true, Style: Bare, File: f, From: "unit", NameAt: pos[0], Pos: pos[n:]}
			e.ValueAt, e.End = pos[n-1]+1, pos[len(pos)-1]+1
			unitSpecifiers(e)
			out = append(out, e)
		}
		word, pos, inside = nil, nil, false
	}
	text := l.text
	for i := at; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++
			inside = true
			if n := strings.IndexByte("abfnrtvs", text[i]); n >= 0 {
				word = append(word, "\a\b\f\n\r\t\v "[n])
			} else {
				if strings.IndexByte("\\\"'", text[i]) < 0 { // unknown to systemd: as it is
					word, pos = append(word, '\\'), append(pos, l.pos[i-1])
				}
				word = append(word, text[i])
			}
			pos = append(pos, l.pos[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inside = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			flush()
		default:
			inside = true
			word, pos = append(word, c), append(pos, l.pos[i])
		}
	}
	flush()
	return out
}

// unitSpecifiers does %% and leaves a gap for other specifiers.
func unitSpecifiers(e *Entry) {
	var out []byte
	var pos []int
	for i := 0; i < len(e.Value); i++ {
		if e.Value[i] == '%' && i+1 < len(e.Value) {
			next := e.Value[i+1]
			if next == '%' {
				out, pos = append(out, '%'), append(pos, e.Pos[i])
				i++
				continue
			}
			if strings.IndexByte("hHiIjJlmnNpPuU", next) >= 0 && (i+2 == len(e.Value) || strings.IndexByte("./:-_@", e.Value[i+2]) >= 0) {
				e.Gaps = append(e.Gaps, Gap{at: len(out), n: 2, Name: "%" + string(next), Why: "put in by systemd"})
			}
		}
		out, pos = append(out, e.Value[i]), append(pos, e.Pos[i])
	}
	e.Value, e.Pos = string(out), pos
}

// unitSecret is a podman secret that becomes a variable.
func unitSecret(f *file, l unitLine, at int, value string) *Entry {
	parts := strings.Split(value, ",")
	kind, target := "mount", ""
	for _, p := range parts[1:] {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch k {
		case "type":
			kind = v
		case "target":
			target = v
		}
	}
	if kind != "env" {
		return nil
	}
	if target == "" {
		target = parts[0]
	}
	return &Entry{Name: target, File: f, From: "unit", NameAt: l.pos[at], ValueAt: l.pos[at], End: l.pos[len(l.pos)-1], Unknown: "the podman secret " + parts[0]}
}

// unitFile reads an EnvironmentFile that is here; one that is not may set more.
func (r *reader) unitFile(f *file, path string) []*Entry {
	path, optional := strings.CutPrefix(strings.Trim(path, `"'`), "-")
	_ = optional
	return r.literalFile(f, path, "EnvironmentFile")
}

// literalFile reads an env file as docker run --env-file does: NAME=value, and
// no quotes. Quotes around a value are taken off where it makes no difference to
// what was meant: podman and docker do not agree on them.
func (r *reader) literalFile(f *file, path, what string) []*Entry {
	full := f.beside(path)
	if f.virtual {
		full = path
	}
	if strings.ContainsAny(path, "%$") {
		r.Open = append(r.Open, what+" "+path)
		return nil
	}
	file, err := openFile(full)
	if err != nil {
		// The name without its folder may lie beside, as it does in a repository.
		if file, err = openFile(f.beside(filepath.Base(path))); err != nil || filepath.IsAbs(path) && f.virtual {
			r.Open = append(r.Open, what+" "+path+", which is not on this machine")
			return nil
		}
	}
	for _, known := range r.files {
		if known.Path == file.Path {
			return nil // given by itself
		}
	}
	file.kind = envKind
	r.files = append(r.files, file)
	return readLiteral(file)
}

// readLiteral reads NAME=value lines without quotes, escapes or references.
func readLiteral(f *file) []*Entry {
	var out []*Entry
	for n := 1; n <= len(f.starts); n++ {
		line := f.line(n)
		start := f.starts[n-1]
		if n == 1 {
			trimmed := strings.TrimPrefix(line, "\uFEFF")
			start += len(line) - len(trimmed)
			line = trimmed
		}
		lead := len(line) - len(strings.TrimLeft(line, " \t"))
		line, start = line[lead:], start+lead
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !envName(strings.TrimSpace(name)) {
			continue
		}
		e := &Entry{Name: strings.TrimSpace(name), File: f, NameAt: start, From: "env_file", Style: Bare}
		e.ValueAt = start + len(name) + 1
		if !ok {
			e.Style, e.ValueAt, e.End = Absent, start+len(name), start+len(name)
			e.Unknown = "the shell that starts the container"
			out = append(out, e)
			continue
		}
		e.Value, e.Raw, e.Set, e.form = value, value, true, asLiteral
		e.Pos, e.End = span(e.ValueAt, len(value)), e.ValueAt+len(value)
		out = append(out, e)
	}
	return out
}
