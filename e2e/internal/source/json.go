package source

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A Node is a JSON value with its place in the text.
type Node struct {
	Kind    byte // o object, a array, s string, n number, b boolean, z null
	Members []Member
	Items   []*Node
	Str     string // of a string, decoded; of a number or boolean, as written
	At, End int    // offsets in the text
}

// A Member is one key of an object with its value.
type Member struct {
	Key     string
	At, End int
	Value   *Node
}

// Get is the value of a key, as Python has it: the last of equal ones.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for i := len(n.Members) - 1; i >= 0; i-- {
		if n.Members[i].Key == key {
			return n.Members[i].Value
		}
	}
	return nil
}

// Member is the one of this key that counts, the last; nil: there is none.
func (n *Node) Member(key string) *Member {
	if n == nil {
		return nil
	}
	for i := len(n.Members) - 1; i >= 0; i-- {
		if n.Members[i].Key == key {
			return &n.Members[i]
		}
	}
	return nil
}

// Is reports whether there is a value, of this kind.
func (n *Node) Is(kind byte) bool { return n != nil && n.Kind == kind }

// Text is a string's value, "" for anything else.
func (n *Node) Text() string {
	if n.Is('s') {
		return n.Str
	}
	return ""
}

// Truthy is Python's idea of true.
func (n *Node) Truthy() bool {
	if n == nil {
		return false
	}
	switch n.Kind {
	case 'o':
		return len(n.Members) > 0
	case 'a':
		return len(n.Items) > 0
	case 's':
		return n.Str != ""
	case 'b':
		return n.Str == "true"
	case 'n':
		f, err := strconv.ParseFloat(n.Str, 64)
		return err != nil || f != 0
	}
	return false
}

// A JSONError is a place where Python's json stops, in words for a user.
type JSONError struct {
	At   int
	Text string
	Fix  string
	Cut  int    // bytes at the place that a fix replaces
	Put  string // what it puts there
	Sure bool   // cut and put fix it
}

const jsonDepth = 100

type jsonParser struct {
	s     string
	i     int
	depth int
	err   *JSONError
}

// ParseJSON reads JSON as Python's json.loads does: NaN and Infinity are taken,
// equal keys too, comments and trailing commas are not.
func ParseJSON(s string) (*Node, *JSONError) {
	p := &jsonParser{s: s}
	p.space()
	if p.i == len(s) {
		return nil, &JSONError{At: max(len(s)-1, 0), Text: "the value is empty, which is no JSON", Fix: "write the JSON, or remove the variable"}
	}
	n := p.value()
	if p.err != nil {
		return nil, p.err
	}
	p.space()
	if p.i < len(s) {
		return nil, p.extra()
	}
	return n, nil
}

func (p *jsonParser) extra() *JSONError {
	e := &JSONError{At: p.i, Text: "there is text behind the end of the JSON"}
	switch c := p.s[p.i]; {
	case c == '}' || c == ']':
		e.Text = "one " + string(c) + " too many"
		e.Fix, e.Cut, e.Sure = "remove it", 1, true
	case p.s[0] == '"' || p.s[0] == '\'':
		e.Text = "the JSON stands in quotes of its own"
		e.Fix = "remove the outer quotes"
	default:
		e.Fix = "end the value at the last }"
	}
	return e
}

func (p *jsonParser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\n\r", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *jsonParser) fail(at int, text, fix string) *Node {
	if p.err == nil {
		p.err = &JSONError{At: at, Text: text, Fix: fix}
	}
	return nil
}

func (p *jsonParser) mend(cut int, put string) *Node {
	if p.err != nil && !p.err.Sure {
		p.err.Cut, p.err.Put, p.err.Sure = cut, put, true
	}
	return nil
}

func (p *jsonParser) value() *Node {
	p.space()
	if p.i >= len(p.s) {
		return p.fail(len(p.s), "the JSON ends too early: a brace or bracket is not closed", "close every { and [")
	}
	if p.depth++; p.depth > jsonDepth {
		return p.fail(p.i, "nested too deep", "this is not the provider JSON")
	}
	defer func() { p.depth-- }()
	at := p.i
	switch c := p.s[p.i]; {
	case c == '{':
		return p.object()
	case c == '[':
		return p.array()
	case c == '"':
		str, ok := p.string()
		if !ok {
			return nil
		}
		return &Node{Kind: 's', Str: str, At: at, End: p.i}
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, w := range []struct {
		word string
		kind byte
	}{{"true", 'b'}, {"false", 'b'}, {"null", 'z'}, {"NaN", 'n'}, {"Infinity", 'n'}} {
		if strings.HasPrefix(p.s[p.i:], w.word) {
			p.i += len(w.word)
			return &Node{Kind: w.kind, Str: w.word, At: at, End: p.i}
		}
	}
	return p.badValue()
}

const typographic = "“”„‘’«»"

// mendTypographic puts straight quotes in place of a pair of typographic ones;
// one alone could not be fixed without opening another text.
func (p *jsonParser) mendTypographic(rest string, size int) *Node {
	end := strings.IndexAny(rest[size:], typographic+"\n")
	if end < 0 || rest[size+end] == '\n' || strings.ContainsAny(rest[size:size+end], `"\`) {
		return nil
	}
	_, last := utf8.DecodeRuneInString(rest[size+end:])
	return p.mend(size+end+last, `"`+rest[size:size+end]+`"`)
}

func (p *jsonParser) badValue() *Node {
	at, rest := p.i, p.s[p.i:]
	word := rest[:nameLength(rest)]
	for _, w := range [][2]string{{"True", "true"}, {"False", "false"}, {"None", "null"}, {"TRUE", "true"}, {"FALSE", "false"}, {"yes", "true"}, {"no", "false"}} {
		if word == w[0] {
			p.fail(at, word+" is not a JSON literal", "write "+w[1])
			return p.mend(len(word), w[1])
		}
	}
	switch r, size := utf8.DecodeRuneInString(rest); {
	case r == '\'':
		return p.fail(at, "JSON takes only double quotes", `write "…"`)
	case strings.ContainsRune(typographic, r):
		p.fail(at, "a typographic quote instead of \"", `write "`)
		return p.mendTypographic(rest, size)
	case strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*") || r == '#':
		return p.fail(at, "JSON has no comments", "remove the comment")
	case r == ',':
		p.fail(at, "a comma where a value belongs", "remove it")
		return p.mend(1, "")
	case r == '}' || r == ']':
		return p.fail(at, "a value is missing here", "write the value, or remove the key")
	case r == '<':
		return p.fail(at, "a placeholder without quotes", `put your value there, in "…"`)
	}
	return p.fail(at, "a string without quotes", `put it in "…"`)
}

func (p *jsonParser) number() *Node {
	at := p.i
	if strings.HasPrefix(p.s[p.i:], "-Infinity") {
		p.i += len("-Infinity")
		return &Node{Kind: 'n', Str: p.s[at:p.i], At: at, End: p.i}
	}
	for p.i < len(p.s) && strings.IndexByte("+-0123456789.eE", p.s[p.i]) >= 0 {
		p.i++
	}
	text := p.s[at:p.i]
	if _, err := strconv.ParseFloat(text, 64); err != nil && !strings.Contains(err.Error(), "range") || len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9' {
		return p.fail(at, "this is not a number of JSON", `put it in "…"`)
	}
	return &Node{Kind: 'n', Str: text, At: at, End: p.i}
}

func (p *jsonParser) object() *Node {
	n := &Node{Kind: 'o', At: p.i}
	return p.entries(n, '}', func() *Node {
		if p.s[p.i] != '"' {
			return p.badKey()
		}
		at := p.i
		key, ok := p.string()
		if !ok {
			return nil
		}
		end := p.i
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != ':' {
			p.fail(end, "a colon is missing behind the key", `write "key": value`)
			if p.i < len(p.s) && p.s[p.i] == '=' {
				p.err.At = p.i
				return p.mend(1, ":")
			}
			return nil
		}
		p.i++
		v := p.value()
		if v != nil {
			n.Members = append(n.Members, Member{Key: key, At: at, End: end, Value: v})
		}
		return v
	})
}

func (p *jsonParser) array() *Node {
	n := &Node{Kind: 'a', At: p.i}
	return p.entries(n, ']', func() *Node {
		v := p.value()
		if v != nil {
			n.Items = append(n.Items, v)
		}
		return v
	})
}

// entries reads the entries of n and the commas between them, up to the bracket
// that closes it. entry reads one and returns its value, nil where it is broken.
func (p *jsonParser) entries(n *Node, closing byte, entry func() *Node) *Node {
	ended := func() *Node {
		return p.fail(len(p.s), "the JSON ends too early: a "+string(closing)+" is missing", "close every { and [")
	}
	p.i++
	comma := -1
	for {
		p.space()
		if p.i >= len(p.s) {
			return ended()
		}
		if p.s[p.i] == closing {
			if comma >= 0 {
				p.fail(comma, "a comma behind the last entry", "remove the comma")
				return p.mend(1, "")
			}
			p.i++
			n.End = p.i
			return n
		}
		v := entry()
		if v == nil {
			return nil
		}
		p.space()
		if p.i >= len(p.s) {
			return ended()
		}
		switch p.s[p.i] {
		case ',':
			comma = p.i
			p.i++
		case closing:
			comma = -1
		default:
			return p.separator(v.End)
		}
	}
}

// separator is called where a comma or a closing bracket should stand.
func (p *jsonParser) separator(end int) *Node {
	switch c := p.s[p.i]; {
	case c == '"' || c == '{' || c == '[':
		p.fail(end, "a comma is missing between two entries", "put a comma behind the first")
		return p.mend(0, ",")
	case c == ']' || c == '}':
		return p.fail(p.i, "the wrong bracket closes here", "close { with } and [ with ]")
	case strings.HasPrefix(p.s[p.i:], "//") || strings.HasPrefix(p.s[p.i:], "/*") || c == '#':
		return p.fail(p.i, "JSON has no comments", "remove the comment")
	}
	return p.fail(p.i, "neither a comma nor a closing bracket", "look for a quote that closes too early")
}

func (p *jsonParser) badKey() *Node {
	at, rest := p.i, p.s[p.i:]
	switch r, size := utf8.DecodeRuneInString(rest); {
	case r == '\'':
		return p.fail(at, "keys need double quotes", `write "key"`)
	case strings.ContainsRune(typographic, r):
		p.fail(at, "a typographic quote instead of \"", `write "`)
		return p.mendTypographic(rest, size)
	case strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*") || r == '#':
		return p.fail(at, "JSON has no comments", "remove the comment")
	case r == ',':
		p.fail(at, "a comma too many", "remove it")
		return p.mend(1, "")
	case r == ']':
		return p.fail(at, "the wrong bracket closes here", "close { with } and [ with ]")
	}
	k := nameLength(rest)
	p.fail(at, "keys need double quotes", `write "key"`)
	if k > 0 {
		return p.mend(k, `"`+rest[:k]+`"`)
	}
	return nil
}

// string reads a string; its text is never part of an error.
func (p *jsonParser) string() (string, bool) {
	start := p.i
	p.i++
	var out strings.Builder
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return out.String(), true
		case c < ' ':
			what := "a control character"
			switch c {
			case '\n', '\r':
				what = "a line break"
			case '\t':
				what = "a tab"
			}
			p.fail(p.i, what+" inside a string: a quote is missing, or the value was wrapped", "close the quote on the same line")
			return "", false
		case c == '\\':
			if !p.escape(&out) {
				return "", false
			}
		default:
			out.WriteByte(c)
			p.i++
		}
	}
	p.fail(start, "this quote is never closed", `close it with "`)
	return "", false
}

func (p *jsonParser) escape(out *strings.Builder) bool {
	if p.i+1 >= len(p.s) {
		p.fail(p.i, "the JSON ends inside a string", `close it with "`)
		return false
	}
	c := p.s[p.i+1]
	if j := strings.IndexByte(`"\/bfnrt`, c); j >= 0 {
		out.WriteByte("\"\\/\b\f\n\r\t"[j])
		p.i += 2
		return true
	}
	r, ok := p.hex(p.i)
	if !ok {
		p.fail(p.i, `\ begins an escape that JSON does not have`, `write \\ for a backslash`)
		return false
	}
	p.i += 6
	if utf16.IsSurrogate(r) {
		if low, ok := p.hex(p.i); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			r = utf16.DecodeRune(r, low)
			p.i += 6
		}
	}
	out.WriteRune(r)
	return true
}

func (p *jsonParser) hex(i int) (rune, bool) {
	if i+6 > len(p.s) || p.s[i] != '\\' || p.s[i+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(p.s[i+2:i+6], 16, 32)
	return rune(v), err == nil
}
