package source

import (
	"strings"
	"unicode"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// readConf reads paperless.conf as python-dotenv does: quotes with their few
// escapes, comments behind white space, ${NAME} and ${NAME:-default} (in single
// quotes too), no $NAME. A line that it cannot read is skipped, as it does.
func readConf(f *file, find lookup) ([]*Entry, []Problem) {
	var entries []*Entry
	var problems []Problem
	s := string(f.Text)
	seen := map[string]string{}
	i := 0
	if strings.HasPrefix(s, "\uFEFF") {
		problems = append(problems, Problem{
			Code: "CFG-BOM", Level: Error, File: f, At: 0,
			Message: "the file begins with a byte order mark, which becomes part of the first name",
			Fix:     "save the file as UTF-8 without BOM",
		})
	}
	for i < len(s) {
		rest := strings.TrimLeftFunc(s[i:], unicode.IsSpace) // a byte order mark is none
		i = len(s) - len(rest)
		if rest == "" {
			break
		}
		end := len(s)
		if j := strings.IndexAny(s[i:], "\r\n"); j >= 0 {
			end = i + j
		}
		if s[i] == '#' {
			i = end
			continue
		}
		if e, p, after, ok := confYAML(f, s, i, end); ok {
			problems, entries = append(problems, p), append(entries, e)
			i = after
			continue
		}
		e, after, ok := confLine(f, s, i, end)
		if e != nil && envName(e.Name) && e.ValueAt > e.NameAt {
			if j, is := brokenForm(s, e.ValueAt); is {
				j.name, j.nameAt = e.Name, e.NameAt
				problems = append(problems, j.problem(f, "CFG-ENVLINE", j.why, j.assign()))
				gets := strings.Trim(s[e.ValueAt:end], "\"' \t")
				e.take(j)
				e.gets = &gets
				entries = append(entries, e)
				i = lineEndOf(s, j.after)
				continue
			}
		}
		if !ok {
			at := i
			p := Problem{
				Code: "CFG-ENVLINE", Level: Warning, File: f, At: at, Width: 1,
				Message: "Paperless cannot read this line and skips it",
				Fix:     "write NAME=value; put a value with spaces or quotes in it into single quotes",
			}
			if e != nil {
				p.Setting = e.Name
			}
			problems = append(problems, p)
			i = end
			continue
		}
		i = after
		if e.Style != Absent {
			confExpand(e, find, seen)
			seen[e.Name] = e.Value
		}
		entries = append(entries, e)
	}
	return entries, problems
}

// confLine reads one statement; the entry may be there even if the line is bad.
func confLine(f *file, s string, i, end int) (e *Entry, after int, ok bool) {
	start := i
	line := s[i:end]
	if rest, found := strings.CutPrefix(line, "export"); found && rest != "" && unicode.IsSpace(rune(rest[0])) {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		start = end - len(rest)
	}
	j := start
	if j < end && s[j] == '\'' {
		close := strings.IndexByte(s[j+1:end], '\'')
		if close < 0 {
			return nil, end, false
		}
		e = &Entry{Name: s[j+1 : j+1+close]}
		j += close + 2
	} else {
		for j < end && s[j] != '=' && s[j] != '#' && !unicode.IsSpace(rune(s[j])) {
			j++
		}
		e = &Entry{Name: s[start:j]}
	}
	if e.Name == "" {
		return nil, end, false
	}
	e.File, e.NameAt, e.From, e.Style = f, start, "conf", Bare
	for j < end && (s[j] == ' ' || s[j] == '\t') {
		j++
	}
	if j >= end || s[j] != '=' {
		e.Style = Absent
		e.ValueAt, e.End = j, j
		return e, end, j >= end || s[j] == '#'
	}
	j++
	for j < end && (s[j] == ' ' || s[j] == '\t') {
		j++
	}
	e.ValueAt, e.Set = j, true
	if j < end && (s[j] == '\'' || s[j] == '"') {
		after, ok = confQuoted(e, s, j)
		return e, after, ok
	}
	raw := s[j:end]
	if loc := comment.FindStringIndex(raw); loc != nil {
		e.Extra = strings.TrimSpace(raw[loc[0]:])
		raw = raw[:loc[0]]
	}
	raw = strings.TrimRightFunc(raw, unicode.IsSpace)
	e.Raw, e.Value, e.Pos, e.End = raw, raw, span(j, len(raw)), j+len(raw)
	return e, end, true
}

var comment = lazyregexp.New(`\s+#.*`)

func confQuoted(e *Entry, s string, j int) (after int, ok bool) {
	quote := s[j]
	escapes := map[byte]string{'\'': `\'`, '"': `\'"abfnrtv`}[quote]
	e.Style = map[byte]style{'"': DoubleQuoted, '\'': SingleQuoted}[quote]
	var out []byte
	var pos []int
	k := j + 1
	for ; k < len(s) && s[k] != quote; k++ {
		if s[k] != '\\' || k+1 >= len(s) {
			out, pos = append(out, s[k]), append(pos, k)
			continue
		}
		if strings.IndexByte(escapes, s[k+1]) < 0 {
			out, pos = append(out, s[k]), append(pos, k)
			continue
		}
		c := s[k+1]
		if n := strings.IndexByte("abfnrtv", c); n >= 0 {
			c = "\a\b\f\n\r\t\v"[n]
		}
		out, pos = append(out, c), append(pos, k)
		k++
	}
	if k >= len(s) {
		return len(s), false
	}
	e.Raw, e.Value, e.Pos, e.End = string(out), string(out), pos, k+1
	end := len(s)
	if n := strings.IndexAny(s[k+1:], "\r\n"); n >= 0 {
		end = k + 1 + n
	}
	rest := strings.TrimLeft(s[k+1:end], " \t")
	return end, rest == "" || rest[0] == '#'
}

var confVar = lazyregexp.New(`\$\{([^}:]*)(?::-([^}]*))?\}`)

func confExpand(e *Entry, find lookup, seen map[string]string) {
	raw, pos := e.Value, e.Pos
	locs := confVar.FindAllStringSubmatchIndex(raw, -1)
	if locs == nil {
		return
	}
	var out strings.Builder
	var at []int
	last := 0
	put := func(text string, from int, run bool) {
		out.WriteString(text)
		for i := range len(text) {
			if run {
				at = append(at, pos[from+i])
			} else {
				at = append(at, pos[from])
			}
		}
	}
	for _, m := range locs {
		put(raw[last:m[0]], last, true)
		name := raw[m[2]:m[3]]
		value, known := seen[name]
		if find != nil {
			if v, ok := find(name); ok {
				value, known = v, true
			}
		}
		if !known && m[4] >= 0 {
			value = raw[m[4]:m[5]]
		}
		put(value, m[0], false)
		e.Refs = append(e.Refs, Reference{Name: name, Text: raw[m[0]:m[1]], At: m[0], Known: known || m[4] >= 0, Sub: value})
		last = m[1]
	}
	put(raw[last:], last, true)
	e.Value, e.Pos = out.String(), at
}
