package source

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// longestJSON bounds the lines that are taken for one JSON value.
const longestJSON = 300

// newSetting is a line that begins another variable.
var newSetting = lazyregexp.New(`^\s*(?:-\s*["']?)?(?:export\s+)?[A-Z][A-Z0-9_]*\s*[=:]`)

// gatherJSON finds the end of the JSON object or list that begins at an offset,
// over several lines if need be; false when its braces never close before the
// next variable begins.
func gatherJSON(s string, from int) (end int, ok bool) {
	if from >= len(s) || s[from] != '{' && s[from] != '[' {
		return from, false
	}
	depth, lines, text := 0, 0, false
	for i := from; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\n':
			text = false // no JSON string goes over a line end
			if lines++; lines > longestJSON || newSetting.MatchString(s[i+1:lineEndOf(s, i+1)]) {
				return i, false
			}
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(s), false
}

func lineEndOf(s string, from int) int {
	if j := strings.IndexByte(s[min(from, len(s)):], '\n'); j >= 0 {
		return from + j
	}
	return len(s)
}

// oneLine is a JSON text without its line breaks and the blanks around them, and
// the offset of each byte of it.
func oneLine(s string, from, end int) (string, []int) {
	var out []byte
	var pos []int
	for i := from; i < end; i++ {
		if s[i] == '\n' || s[i] == '\r' {
			for len(out) > 0 && (out[len(out)-1] == ' ' || out[len(out)-1] == '\t') {
				out, pos = out[:len(out)-1], pos[:len(pos)-1]
			}
			for i+1 < end && blank(s[i+1]) {
				i++
			}
			if len(out) > 0 && out[len(out)-1] == ',' {
				out, pos = append(out, ' '), append(pos, i)
			}
			continue
		}
		out, pos = append(out, s[i]), append(pos, i)
	}
	return string(out), pos
}

// A jsonForm is a JSON value that breaks the file around it.
type jsonForm struct {
	name   string
	nameAt int
	from   int // of the JSON
	end    int
	after  int // offset behind what belongs to it: a closing quote
	value  string
	pos    []int
	why    string
}

var quotedInQuotes = lazyregexp.New(`^"\s*(?:\{\s*"|\[\s*["{]|[{\[]\s*\r?\n)`)

// brokenForm looks at what stands behind NAME= on a line of an env file: JSON
// over several lines without quotes, or with double quotes in double quotes.
func brokenForm(s string, at int) (jsonForm, bool) {
	end := lineEndOf(s, at)
	v := s[at:end]
	f := jsonForm{from: at}
	switch {
	case v != "" && (v[0] == '{' || v[0] == '['):
		f.why = "the JSON goes over several lines without quotes, and the value ends where the line ends"
	case quotedInQuotes.MatchString(s[at:min(len(s), end+1)]):
		f.why = "double quotes stand inside of double quotes, and the value ends at the second one"
		f.from += 1 + len(v[1:]) - len(strings.TrimLeft(v[1:], " \t"))
	default:
		return f, false
	}
	var ok bool
	if f.end, ok = gatherJSON(s, f.from); !ok {
		return f, false
	}
	if v[0] != '"' && f.end <= end { // on one line
		return f, false
	}
	f.value, f.pos = oneLine(s, f.from, f.end)
	f.after = f.end
	if f.after < len(s) && (s[f.after] == '"' || s[f.after] == '\'') {
		f.after++
	}
	return f, true
}

// assign is the corrected line NAME='{…}'; "" when single quotes do not do.
func (f jsonForm) assign() string {
	if strings.Contains(f.value, "'") {
		return ""
	}
	return f.name + "='" + f.value + "'"
}

// problem is the one thing to say of a broken form.
func (f jsonForm) problem(file *file, code, message, line string) Problem {
	p := Problem{
		Code: code, Level: Error, File: file, At: f.nameAt, Width: len(f.name), Setting: f.name, Form: true,
		Message: f.name + ": " + message, Fix: "write the JSON on one line, in single quotes",
	}
	if line != "" {
		p.Fix += ": " + hideLine(line)
		first, _ := file.At(f.nameAt)
		last, _ := file.At(max(f.after-1, f.nameAt))
		if file.unmended() {
			p.Edit = &Edit{File: file.Path, From: first, To: last, Text: file.Indent(first) + line}
		}
	}
	return p
}

// broken reads a JSON value whose form is wrong; false when it is not that.
func (r *envReader) broken(e *Entry) bool {
	f, ok := brokenForm(r.s, e.ValueAt)
	if !ok {
		return false
	}
	f.name, f.nameAt = e.Name, e.NameAt
	p := f.problem(r.f, "CFG-ENVLINE", f.why+"; Compose refuses the whole file", f.assign())
	p.Refuses = ByCompose
	r.problems = append(r.problems, p)
	e.take(f)
	r.i = lineEndOf(r.s, f.after)
	return true
}

// take gives an entry the value that was meant.
func (e *Entry) take(f jsonForm) {
	e.Value, e.Raw, e.Pos, e.End = f.value, f.value, f.pos, f.end
	e.Set, e.Broken = true, true
}

var yamlInConf = lazyregexp.New(`^(?:-\s+)?([A-Z][A-Z0-9_]+)\s*:(?:\s+|$)(.*)$`)

var blockHeader = lazyregexp.New(`^[>|][-+]?\d?\s*(?:#.*)?$`)

// confYAML reads NAME: value in paperless.conf, which Paperless skips. The offset
// is that behind it.
func confYAML(f *file, s string, i, end int) (e *Entry, p Problem, after int, ok bool) {
	m := yamlInConf.FindStringSubmatchIndex(s[i:end])
	if m == nil {
		return nil, p, 0, false
	}
	j := jsonForm{name: s[i+m[2] : i+m[3]], nameAt: i + m[2]}
	at := i + m[4]
	value := strings.TrimRight(s[at:end], " \t\r")
	j.from, j.end, j.after = at, at+len(value), at+len(value)
	j.value, j.pos = value, span(at, len(value))
	line := ""
	start := at
	if blockHeader.MatchString(value) || value == "" {
		start = end
	} else if value[0] == '"' || value[0] == '\'' {
		start = at + 1
	}
	for start < len(s) && blank(s[start]) {
		start++
	}
	if to, ok := gatherJSON(s, start); ok {
		j.from, j.end, j.after = start, to, to
		if to < len(s) && (s[to] == '"' || s[to] == '\'') {
			j.after++
		}
		j.value, j.pos = oneLine(s, start, to)
		line = j.assign()
	} else if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		j.value, j.pos = value[1:n-1], j.pos[1:n-1]
		line = j.name + "=" + j.value
	} else if value != "" && !blockHeader.MatchString(value) {
		line = j.name + "=" + value
	}
	p = j.problem(f, "CFG-ENVLINE", "this is the form of YAML, and Paperless skips it: the setting is not there", line)
	p.Fix = "write NAME=value on one line, JSON in single quotes"
	if line != "" {
		p.Fix += ": " + hideLine(line)
	}
	if !LoginVariable(j.name) && j.name != "PAPERLESS_SECRET_KEY" {
		p.Level = Warning
	}
	e = &Entry{Name: j.name, File: f, NameAt: j.nameAt, ValueAt: j.from, From: "conf", Style: Bare, skipped: true}
	e.take(j)
	return e, p, lineEndOf(s, j.after), true
}

// The forms in which users write NAME and a JSON value in YAML.
var (
	yamlItem   = lazyregexp.New(`^(\s*)-\s*(["']?)([A-Z][A-Z0-9_]+)\s?=\s*(["']?)(.*)$`)
	yamlPair   = lazyregexp.New(`^(\s*)["']?([A-Z][A-Z0-9_]+)["']?\s*:\s*(.*)$`)
	yamlAssign = lazyregexp.New(`^(\s+)([A-Z][A-Z0-9_]+)=(["']?)(.*)$`)
)

// mendJSON puts JSON that is no YAML where it stands into quotes, in memory, and
// notes one problem for each. What comes behind stays on its line.
func mendJSON(d *document) {
	s := string(d.Read.Text)
	var out strings.Builder
	last := 0
	for n := 1; n <= len(d.Read.starts); n++ {
		at := d.Read.starts[n-1]
		if at < last {
			continue
		}
		f, fixed, ok := d.jsonAt(s, n)
		if !ok {
			continue
		}
		message := f.why + ", so the file is no YAML and Compose refuses it"
		p := f.problem(d.Read, "CFG-YAMLMAP", message, strings.TrimLeft(fixed, " \t"))
		p.Refuses = ByCompose
		d.mended = append(d.mended, p)
		if d.broken == nil {
			d.broken = map[string]bool{}
		}
		d.broken[f.name] = true
		end := lineEndOf(s, f.after)
		out.WriteString(s[last:at])
		out.WriteString(fixed)
		out.WriteString(strings.Repeat("\n", strings.Count(s[at:end], "\n")))
		last = end
	}
	if last == 0 {
		return
	}
	out.WriteString(s[last:])
	if read, err := newFile(d.file.Path, []byte(out.String())); err == nil {
		read.disk = d.file
		d.Read = read
	}
}

// jsonAt looks at one line of a YAML file for JSON that breaks it, and gives the
// line as it should be.
func (d *document) jsonAt(s string, n int) (f jsonForm, fixed string, ok bool) {
	at, line := d.Read.starts[n-1], d.Read.line(n)
	switch {
	case strings.HasPrefix(strings.TrimSpace(line), "#"):
		return f, "", false
	case yamlItem.MatchString(line):
		m := yamlItem.FindStringSubmatchIndex(line)
		outer, inner := line[m[4]:m[5]], line[m[8]:m[9]]
		f.name, f.nameAt, f.from = line[m[6]:m[7]], at+m[6], at+m[10]
		if outer == "'" || outer == `"` && !quotedInQuotes.MatchString(`"`+s[f.from:min(len(s), f.from+80)]) {
			return f, "", false
		}
		f.why = "the JSON stands in a list item without quotes around the item"
		if inner != "" {
			f.why = "the quotes begin behind =, inside of the list item, where YAML takes no notice of them"
		}
		if outer == `"` {
			f.why = "double quotes stand inside of double quotes"
		}
		if !f.gather(s) || outer == "" && !strings.ContainsAny(s[f.from:f.end], "\n") && !strings.Contains(s[f.from:f.end], ": ") && !strings.Contains(s[f.from:f.end], " #") {
			return f, "", false
		}
		return f, line[m[2]:m[3]] + "- '" + f.name + "=" + strings.ReplaceAll(f.value, "'", "''") + "'", true
	case yamlPair.MatchString(line):
		m := yamlPair.FindStringSubmatchIndex(line)
		f.name, f.nameAt, f.from = line[m[4]:m[5]], at+m[4], at+m[6]
		value := line[m[6]:m[7]]
		switch {
		case quotedInQuotes.MatchString(s[f.from:min(len(s), f.from+80)]):
			f.why = "double quotes stand inside of double quotes"
			f.from++
			for f.from < len(s) && blank(s[f.from]) {
				f.from++
			}
		case blockHeader.MatchString(strings.TrimSpace(value)) && n < len(d.Read.starts) && outdented(d.Read.line(n+1), m[3]-m[2]):
			f.why = "the JSON below > or | is not indented deeper than the name"
			f.from = d.Read.starts[n] + len(d.Read.Indent(n+1))
		default:
			return f, "", false
		}
		if !f.gather(s) {
			return f, "", false
		}
		return f, line[m[2]:m[3]] + f.name + ": '" + strings.ReplaceAll(f.value, "'", "''") + "'", true
	case yamlAssign.MatchString(line):
		m := yamlAssign.FindStringSubmatchIndex(line)
		f.name, f.nameAt, f.from = line[m[4]:m[5]], at+m[4], at+m[8]
		f.why = "NAME=value is not the form of a YAML mapping"
		if !f.gather(s) || !strings.Contains(s[f.from:f.end], "\n") && line[m[6]:m[7]] == "" {
			return f, "", false
		}
		return f, line[m[2]:m[3]] + f.name + ": '" + strings.ReplaceAll(f.value, "'", "''") + "'", true
	}
	return f, "", false
}

func outdented(line string, indent int) bool {
	t := strings.TrimLeft(line, " ")
	return t != "" && (t[0] == '{' || t[0] == '[') && len(line)-len(t) <= indent
}

// gather takes the JSON at from, and a closing quote behind it.
func (f *jsonForm) gather(s string) bool {
	var ok bool
	if f.end, ok = gatherJSON(s, f.from); !ok {
		return false
	}
	f.value, f.pos = oneLine(s, f.from, f.end)
	f.after = f.end
	for f.after < len(s) && (s[f.after] == '"' || s[f.after] == '\'') {
		f.after++
	}
	return true
}

// jsonHint says which JSON value is the likely cause of a syntax error.
func (f *file) jsonHint(line int) string {
	for n := min(line+1, len(f.starts)); n > 0 && n > line-40; n-- {
		text := f.line(n)
		for _, re := range []*lazyregexp.Regexp{yamlItem, yamlPair, yamlAssign} {
			if m := re.FindStringSubmatch(text); m != nil {
				name := m[2]
				if re == yamlItem {
					name = m[3]
				}
				if strings.ContainsAny(text, "{[") || n < line && LoginVariable(name) {
					return name + " has a value that is no YAML: write its JSON on one line, in single quotes (" + name + ": '{…}', or - '" + name + "={…}')"
				}
				return ""
			}
		}
	}
	return ""
}
