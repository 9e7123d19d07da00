package source

import (
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// readNix reads a NixOS module as far as plain attributes go: strings, numbers,
// true and false, lists, sets, and builtins.toJSON of them. What is computed is
// not known. Nothing is evaluated.
func (r *reader) readNix(f *file) ([]*Entry, error) {
	n := &nixReader{f: f, s: string(f.Text)}
	n.bindings()
	r.sites = append(r.sites, nixSites(f)...)
	var out []*Entry
	at := map[string]int{}
	for n.i < len(n.s) {
		n.blanks()
		if n.i >= len(n.s) {
			break
		}
		if n.s[n.i] == '"' && !nixQuotedName.MatchString(n.s[n.i:]) || strings.HasPrefix(n.s[n.i:], "''") {
			for _, e := range n.text().assignments(f) {
				if _, ok := at[e.Name]; !ok {
					at[e.Name] = len(out)
					out = append(out, e)
				}
			}
			continue
		}
		quoted := n.s[n.i] == '"'
		if quoted {
			n.i++
		}
		start := n.i
		word := n.word()
		if word == "" {
			n.i++
			continue
		}
		if !strings.HasPrefix(word, "PAPERLESS_") {
			continue
		}
		if quoted && n.i < len(n.s) {
			n.i++
		}
		n.blanks()
		if n.i >= len(n.s) || n.s[n.i] != '=' || strings.HasPrefix(n.s[n.i:], "==") {
			continue
		}
		n.i++
		n.blanks()
		e := &Entry{Name: word, File: f, From: "nix", Style: Bare, NameAt: start, ValueAt: n.i}
		v := n.expression(0)
		e.End = n.i
		n.finish(e, v)
		if e.Style == Absent && e.Unknown == "" {
			continue // null: not set
		}
		if i, ok := at[word]; ok {
			out[i] = e
			continue
		}
		at[word] = len(out)
		out = append(out, e)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s is a Nix file without a PAPERLESS_ attribute; give the module that has services.paperless.settings, or %s", ErrUnreadable, f.Path, askEnv)
	}
	if m := nixImage.FindStringSubmatch(n.s); m != nil {
		r.Image = m[1]
	} else {
		// The module of nixpkgs makes a key on the first start and keeps it in the data
		// folder (nixos-paperless-secret-key).
		r.Made = append(r.Made, "PAPERLESS_SECRET_KEY")
	}
	r.Open = append(r.Open, "the NixOS module and its environmentFile")
	return out, nil
}

var nixImage = lazyregexp.New(`\bimage\s*=\s*"([^"]*paperless[^"]*)"`)

// A nixValue is a value of the Nix language, as far as it is plain.
type nixValue struct {
	kind byte // s text, b boolean, n number, a set, l list, z null, u unknown
	text string
	pos  []int
	gaps []Gap
	at   int
	keys []string
	set  map[string]*nixValue
	list []*nixValue
}

type nixReader struct {
	f    *file
	s    string
	i    int
	lets map[string]int // names that let … in binds, and where their expressions begin
	deep int            // of names that are looked up for one another
}

// nixQuotedName is a name in quotes, as an attribute may be written.
var nixQuotedName = lazyregexp.New(`^"PAPERLESS_[A-Z0-9_]+"\s*=[^=]`)

// blanks skips white space and comments.
func (n *nixReader) blanks() {
	for n.i < len(n.s) {
		switch {
		case blank(n.s[n.i]):
			n.i++
		case n.s[n.i] == '#':
			for n.i < len(n.s) && n.s[n.i] != '\n' {
				n.i++
			}
		case strings.HasPrefix(n.s[n.i:], "/*"):
			end := strings.Index(n.s[n.i+2:], "*/")
			if end < 0 {
				n.i = len(n.s)
				return
			}
			n.i += end + 4
		default:
			return
		}
	}
}

func nixWordByte(c byte) bool {
	return c == '_' || c == '-' || c == '\'' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func (n *nixReader) word() string {
	start := n.i
	for n.i < len(n.s) && nixWordByte(n.s[n.i]) {
		if n.s[n.i] == '\'' && n.i == start {
			break
		}
		n.i++
	}
	return n.s[start:n.i]
}

// path reads words joined by dots, as far as they are plain.
func (n *nixReader) path() []string {
	var out []string
	for {
		if n.i < len(n.s) && n.s[n.i] == '"' {
			v := n.text()
			out = append(out, v.text)
		} else if w := n.word(); w != "" {
			out = append(out, w)
		} else {
			return out
		}
		if n.i+1 >= len(n.s) || n.s[n.i] != '.' || n.s[n.i+1] == '.' {
			return out
		}
		n.i++
	}
}

// text reads "…" or ”…”; ${…} in it is a gap.
func (n *nixReader) text() *nixValue {
	v := &nixValue{kind: 's', at: n.i}
	long := strings.HasPrefix(n.s[n.i:], "''")
	put := func(s string, at int) {
		v.text += s
		for range len(s) {
			v.pos = append(v.pos, at)
		}
	}
	n.i++
	if long {
		n.i++
	}
	for n.i < len(n.s) {
		rest := n.s[n.i:]
		switch {
		case !long && rest[0] == '"':
			n.i++
			return v
		case long && (strings.HasPrefix(rest, "''$") || strings.HasPrefix(rest, "'''")):
			put(map[bool]string{true: "$", false: "''"}[rest[2] == '$'], n.i)
			n.i += 3
		case long && strings.HasPrefix(rest, `''\`) && len(rest) > 3:
			put(nixEscape(rest[3]), n.i)
			n.i += 4
		case long && strings.HasPrefix(rest, "''"):
			n.i += 2
			v.unindent()
			return v
		case !long && rest[0] == '\\' && len(rest) > 1:
			put(nixEscape(rest[1]), n.i)
			n.i += 2
		case strings.HasPrefix(rest, "$${"):
			put("$${", n.i)
			n.i += 3
		case strings.HasPrefix(rest, "${"):
			end := nixClose(n.s, n.i+1)
			name := strings.TrimSpace(n.s[n.i+2 : max(end-1, n.i+2)])
			if w := n.bound(name); w != nil && (w.kind == 's' || w.kind == 'n') && n.f != nil {
				for _, g := range w.gaps {
					g.at += len(v.text)
					v.gaps = append(v.gaps, g)
				}
				put(w.text, n.i)
				n.i = end
				continue
			}
			if n.f == nil {
				name = ""
			}
			v.gaps = append(v.gaps, Gap{at: len(v.text), n: 1, Name: short(name), Why: "computed by Nix"})
			put("?", n.i)
			n.i = end
		default:
			put(rest[:1], n.i)
			n.i++
		}
	}
	return v
}

func short(name string) string {
	if len(name) > 40 {
		return "${…}"
	}
	return name
}

func nixEscape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	}
	return string(c)
}

// nixClose is the offset behind the } that closes the { at i.
func nixClose(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		}
	}
	return len(s)
}

// unindent takes off what all lines of ”…” are indented by, and the first line
// when it is empty.
func (v *nixValue) unindent() {
	if strings.HasPrefix(v.text, "\n") {
		v.drop(0, 1)
	}
	least := -1
	for line := range strings.SplitSeq(v.text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if n := len(line) - len(strings.TrimLeft(line, " ")); least < 0 || n < least {
			least = n
		}
	}
	for i := 0; least > 0 && i < len(v.text); {
		n := 0
		for n < least && i+n < len(v.text) && v.text[i+n] == ' ' {
			n++
		}
		v.drop(i, i+n)
		next := strings.IndexByte(v.text[i:], '\n')
		if next < 0 {
			break
		}
		i += next + 1
	}
}

func (v *nixValue) drop(from, to int) {
	v.text = v.text[:from] + v.text[to:]
	v.pos = append(v.pos[:from:from], v.pos[to:]...)
	for i := range v.gaps {
		if v.gaps[i].at >= to {
			v.gaps[i].at -= to - from
		}
	}
}

// expression reads a value up to the ; , ] or ) behind it; one that is not plain
// is unknown.
func (n *nixReader) expression(depth int) *nixValue {
	start := n.i
	v := n.operand(depth)
	for v.kind != 'u' {
		n.blanks()
		if n.i >= len(n.s) || strings.IndexByte(";])},", n.s[n.i]) >= 0 {
			return v
		}
		if n.s[n.i] == '+' && !strings.HasPrefix(n.s[n.i:], "++") && v.kind == 's' {
			n.i++
			n.blanks()
			w := n.operand(depth)
			if w.kind == 'u' {
				w = &nixValue{kind: 's', text: "?", pos: []int{w.at}, gaps: []Gap{{n: 1, Name: "…", Why: "computed by Nix"}}}
			}
			if w.kind == 's' {
				for _, g := range w.gaps {
					g.at += len(v.text)
					v.gaps = append(v.gaps, g)
				}
				v.text += w.text
				v.pos = append(v.pos, w.pos...)
				continue
			}
		}
		v = &nixValue{kind: 'u', at: start}
	}
	n.skip()
	return v
}

// skip goes to the end of an expression that is not read.
func (n *nixReader) skip() {
	depth := 0
	for n.i < len(n.s) {
		n.blanks()
		if n.i >= len(n.s) {
			return
		}
		c := n.s[n.i]
		switch {
		case c == '"' || strings.HasPrefix(n.s[n.i:], "''"):
			n.text()
			continue
		case strings.IndexByte("([{", c) >= 0:
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			if depth == 0 {
				return
			}
			depth--
		case c == ';' && depth == 0:
			return
		}
		n.i++
	}
}

var nixNumber = lazyregexp.New(`^-?\d+(?:\.\d+)?`)

func (n *nixReader) operand(depth int) *nixValue {
	v := &nixValue{kind: 'u', at: n.i}
	if n.i >= len(n.s) || depth > maxDepth {
		return v
	}
	rest := n.s[n.i:]
	switch {
	case rest[0] == '"' || strings.HasPrefix(rest, "''"):
		return n.text()
	case nixNumber.MatchString(rest):
		v.kind, v.text = 'n', nixNumber.FindString(rest)
		n.i += len(v.text)
		return v
	case rest[0] == '(':
		n.i++
		n.blanks()
		v = n.expression(depth + 1)
		n.blanks()
		if n.i < len(n.s) && n.s[n.i] == ')' {
			n.i++
		}
		return v
	case rest[0] == '{':
		return n.attributes(depth)
	case rest[0] == '[':
		v.kind = 'l'
		n.i++
		for {
			n.blanks()
			if n.i >= len(n.s) || n.s[n.i] == ']' {
				n.i = min(n.i+1, len(n.s))
				return v
			}
			before := n.i
			v.list = append(v.list, n.operand(depth+1))
			if n.i == before { // nothing that is read
				n.i++
			}
		}
	}
	path := n.path()
	switch word := strings.Join(path, "."); word {
	case "true", "false":
		v.kind, v.text = 'b', word
	case "null":
		v.kind = 'z'
	case "rec":
		n.blanks()
		if n.i < len(n.s) && n.s[n.i] == '{' {
			return n.attributes(depth)
		}
	case "builtins.toJSON", "toJSON", "lib.strings.toJSON":
		n.blanks()
		of := n.operand(depth + 1)
		if of.kind != 'u' {
			text, pos, gaps := of.json()
			return &nixValue{kind: 's', text: text, pos: pos, gaps: gaps, at: v.at}
		}
	case "lib.mkDefault", "lib.mkForce", "mkDefault", "mkForce", "toString", "builtins.toString", "lib.boolToString", "lib.trim", "lib.strings.trim":
		n.blanks()
		return n.operand(depth + 1)
	default:
		if w := n.bound(word); w != nil {
			return w
		}
	}
	return v
}

// attributes reads { name = value; … }.
func (n *nixReader) attributes(depth int) *nixValue {
	v := &nixValue{kind: 'a', at: n.i, set: map[string]*nixValue{}}
	n.i++
	for {
		n.blanks()
		if n.i >= len(n.s) {
			return v
		}
		if n.s[n.i] == '}' {
			n.i++
			return v
		}
		at := n.i
		path := n.path()
		n.blanks()
		if len(path) == 1 && path[0] == "inherit" {
			n.skip()
		} else if len(path) > 0 && n.i < len(n.s) && n.s[n.i] == '=' {
			n.i++
			n.blanks()
			v.put(path, n.expression(depth+1), at)
		} else {
			n.skip()
		}
		if n.i < len(n.s) && n.s[n.i] == ';' {
			n.i++
		} else if n.i == at {
			n.i++
		}
	}
}

func (v *nixValue) put(path []string, value *nixValue, at int) {
	for _, key := range path[:len(path)-1] {
		next := v.set[key]
		if next == nil || next.kind != 'a' {
			next = &nixValue{kind: 'a', at: at, set: map[string]*nixValue{}}
			if v.set[key] == nil {
				v.keys = append(v.keys, key)
			}
			v.set[key] = next
		}
		v = next
	}
	key := path[len(path)-1]
	if v.set[key] == nil {
		v.keys = append(v.keys, key)
	}
	v.set[key] = value
}
