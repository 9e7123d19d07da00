package source

import (
	"strconv"
	"strings"
	"unicode"
)

// readEnvFile reads an env file by Compose's rules (compose-go's dotenv):
// quotes, escapes, comments, several lines in quotes, $ references, and CR at
// the end of a line dropped. What cannot be read is a problem, and the rest is
// read all the same: Compose would refuse the file, but a user wants to hear
// everything at once.
func readEnvFile(f *file, find lookup) ([]*Entry, []Problem) {
	r := &envReader{f: f, s: string(f.Text), find: find, seen: map[string]string{}}
	r.s = strings.TrimSuffix(r.s, "\x1a")
	if strings.HasPrefix(r.s, "\uFEFF") {
		r.i = len("\uFEFF")
	}
	for r.next() {
	}
	return r.entries, r.problems
}

type envReader struct {
	f        *file
	s        string
	i        int
	find     lookup
	seen     map[string]string
	entries  []*Entry
	problems []Problem
}

func (r *envReader) lineEnd(from int) int {
	if j := strings.IndexByte(r.s[from:], '\n'); j >= 0 {
		return from + j
	}
	return len(r.s)
}

func inlineSpace(r rune) bool {
	return unicode.IsSpace(r) && r != '\n'
}

// next reads one statement; false at the end of the file.
func (r *envReader) next() bool {
	rest := strings.TrimLeftFunc(r.s[r.i:], unicode.IsSpace)
	r.i = len(r.s) - len(rest)
	if rest == "" {
		return false
	}
	if rest[0] == '#' {
		r.i = r.lineEnd(r.i)
		return true
	}
	start := r.i
	if after, ok := strings.CutPrefix(rest, "export"); ok && after != "" && inlineSpace(rune(after[0])) {
		after = strings.TrimLeftFunc(after, inlineSpace)
		start = len(r.s) - len(after)
	}
	end := r.lineEnd(start)
	line := r.s[start:end]
	sep := strings.IndexAny(line, "=:")
	name := strings.TrimRightFunc(line, unicode.IsSpace)
	if sep >= 0 {
		name = strings.TrimRightFunc(line[:sep], unicode.IsSpace)
	}
	if !envName(name) {
		r.problems = append(r.problems, Problem{
			Code: "CFG-ENVLINE", Level: Error, File: r.f, At: start, Width: max(len(name), 1),
			Refuses: ByCompose, Message: "this line is not NAME=value: Compose refuses the whole file",
			Fix: "write NAME=value, or put # in front of the line",
		})
		r.i = end
		return true
	}
	e := &Entry{Name: name, File: r.f, NameAt: start, From: "env_file", Style: Bare}
	if sep < 0 {
		e.Style = Absent
		e.ValueAt, e.End = start+len(name), start+len(name)
		e.Value, e.Set = r.lookup(name)
		r.add(e)
		r.i = end
		return true
	}
	from := start + sep + 1
	v := strings.TrimLeftFunc(r.s[from:end], inlineSpace)
	from = end - len(v)
	e.ValueAt = from
	if r.broken(e) {
		r.add(e)
		return true
	}
	if v != "" && (v[0] == '"' || v[0] == '\'') && r.quoted(e, v[0]) {
		r.add(e)
		return true
	}
	// Unquoted, or quotes that never close.
	raw, comment, _ := cutComment(r.s[from:end])
	raw = strings.TrimRightFunc(raw, unicode.IsSpace)
	e.Raw, e.Extra = raw, strings.TrimSpace(comment)
	e.End = from + len(raw)
	r.expand(e, raw, span(from, len(raw)))
	r.add(e)
	r.i = end
	return true
}

func cutComment(s string) (value, comment string, found bool) { return strings.Cut(s, " #") }

func span(from, n int) []int {
	pos := make([]int, n)
	for i := range pos {
		pos[i] = from + i
	}
	return pos
}

// quoted reads a quoted value; false when the quote never closes.
func (r *envReader) quoted(e *Entry, quote byte) bool {
	from := e.ValueAt
	var out []byte
	var pos []int
	escaped := false
	for i := from + 1; i < len(r.s); i++ {
		c := r.s[i]
		switch {
		case c == quote && !escaped:
			e.Style = map[byte]style{'"': DoubleQuoted, '\'': SingleQuoted}[quote]
			e.End = i + 1
			e.Raw = string(out)
			if quote == '"' {
				text, at := unescape(string(out), pos)
				r.expand(e, text, at)
			} else {
				e.Value, e.Set, e.Pos = string(out), true, pos
			}
			// What stands behind the closing quote starts the next statement
			// for Compose, even on the same line.
			r.i = i + 1
			rest := strings.TrimSpace(r.s[r.i:r.lineEnd(r.i)])
			if rest != "" && rest[0] != '#' {
				e.Extra = rest
				r.problems = append(r.problems, Problem{
					Code: "CFG-QUOTES", Level: Error, File: r.f, At: r.i, Setting: e.Name,
					Message: "there is text behind the closing quote",
					Fix:     "put the whole value into one pair of quotes; single quotes keep a JSON value as it is",
				})
				r.i = r.lineEnd(r.i)
			}
			return true
		case c == quote:
			escaped = false
			out, pos = append(out, c), append(pos, i)
		case c == '\\' && !escaped:
			escaped = true
		default:
			if escaped {
				escaped = false
				out, pos = append(out, '\\'), append(pos, i-1)
			}
			out, pos = append(out, c), append(pos, i)
		}
	}
	r.problems = append(r.problems, Problem{
		Code: "CFG-QUOTES", Level: Error, File: r.f, At: from, Setting: e.Name,
		Refuses: ByCompose, Message: "this quote is never closed: Compose refuses the whole file",
		Fix: "close the quote at the end of the value",
	})
	return false
}

// unescape expands the escapes of a double-quoted value, as Compose does; a \$
// becomes $$, which the interpolation then makes a $.
func unescape(s string, pos []int) (string, []int) {
	var out []byte
	var at []int
	put := func(text string, i int) {
		for range len(text) {
			at = append(at, pos[i])
		}
		out = append(out, text...)
	}
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			put(s[i:i+1], i)
			i++
			continue
		}
		n := 2
		switch c := s[i+1]; {
		case c == '$':
			put("$$", i)
		case c == '0':
			for n < 5 && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '9' {
				n++
			}
			if v, err := strconv.ParseUint(s[i+2:i+n], 8, 8); err == nil && n == 5 {
				put(string(rune(v)), i)
			} else { // compose-go drops the 0 of what is no octal escape
				put(`\`+s[i+2:i+n], i)
			}
		case strings.IndexByte(`abfnrtv"\`, c) >= 0:
			v, _, _, err := strconv.UnquoteChar(s[i:i+2], '"')
			if err != nil {
				put(s[i:i+2], i)
				break
			}
			put(string(v), i)
		default:
			put(s[i:i+2], i)
		}
		i += n
	}
	return string(out), at
}

func (r *envReader) lookup(name string) (string, bool) {
	if r.find != nil {
		if v, ok := r.find(name); ok {
			return v, true
		}
	}
	v, ok := r.seen[name]
	return v, ok
}

func (r *envReader) expand(e *Entry, raw string, pos []int) {
	value, at, refs, err := interpolate(raw, pos, r.lookup)
	e.Value, e.Set, e.Pos, e.Refs = value, true, at, refs
	if err != nil {
		r.problems = append(r.problems, dollarProblem(e, err))
	}
}

// dollarProblem says that Compose refuses a value because of its $.
func dollarProblem(e *Entry, err error) Problem {
	p := Problem{
		Code: "CFG-DOLLAR", Level: Error, File: e.File, At: e.ValueAt, Setting: e.Name, Refuses: ByCompose,
		Message: "Compose refuses this value: a $ in it is not a variable reference",
		Fix:     "write $$ for each $ that belongs to the value",
	}
	if e.From == "env_file" {
		p.Fix = "put the value in single quotes: then Compose leaves every $ alone"
	}
	for _, ref := range e.Refs {
		if ref.At < len(e.Pos) {
			p.At = e.Pos[ref.At]
		}
	}
	if err == errRequired { //nolint:errorlint // returned bare by substitute
		p.Code, p.Message = "CFG-UNSET", "this variable is required and not set"
		p.Fix = "set it in .env beside the compose file, or in the shell"
	}
	return p
}

func (r *envReader) add(e *Entry) {
	r.entries = append(r.entries, e)
	if e.Set {
		r.seen[e.Name] = e.Value
	}
}

func envName(s string) bool {
	if s == "" {
		return false
	}
	for _, c := range s {
		if c != '_' && c != '.' && c != '-' && c != '[' && c != ']' && !unicode.IsLetter(c) && !unicode.IsNumber(c) {
			return false
		}
	}
	return true
}
