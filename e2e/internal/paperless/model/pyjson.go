package model

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A pyJSONError is what Python's json module says of a text that is not JSON.
// Its words and its position are what a user finds in the container log.
type pyJSONError struct {
	msg string
	doc string
	pos int // in bytes
}

// Error is str(JSONDecodeError): message, line, column and character.
func (e *pyJSONError) Error() string {
	before := e.doc[:min(e.pos, len(e.doc))]
	col := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("%s: line %d column %d (char %d)", e.msg, strings.Count(before, "\n")+1, col, utf8.RuneCountInString(before))
}

// A pyScanner reads JSON as CPython's scanner does, error for error.
type pyScanner struct {
	doc string // an index is a byte's: what the grammar knows is ASCII
	// comma is true for Python 3.13 and later, which names a trailing comma.
	comma bool
}

// pyJSON is json.loads(text). Objects become map[string]any, numbers int64 or
// float64. The error is always a *pyJSONError.
func pyJSON(text string, python313 bool) (any, error) {
	if !utf8.ValidString(text) {
		text = string([]rune(text)) // a replacement character for each wrong byte
	}
	p := &pyScanner{doc: text, comma: python313}
	if strings.HasPrefix(text, "\ufeff") {
		return nil, p.fail("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0)
	}
	v, end, err := p.value(p.space(0))
	if err != nil {
		return nil, err
	}
	if end = p.space(end); end != len(p.doc) {
		return nil, p.fail("Extra data", end)
	}
	return v, nil
}

func (p *pyScanner) fail(msg string, pos int) error {
	return &pyJSONError{msg: msg, doc: p.doc, pos: pos}
}

// at is the byte at i, or -1 past the end.
func (p *pyScanner) at(i int) rune {
	if i >= len(p.doc) {
		return -1
	}
	return rune(p.doc[i])
}

func (p *pyScanner) space(i int) int {
	return len(p.doc) - len(strings.TrimLeft(p.doc[i:], " \t\n\r"))
}

// value reads one term that begins at i and returns the index after it.
func (p *pyScanner) value(i int) (any, int, error) {
	switch p.at(i) {
	case '"':
		return p.text(i + 1)
	case '{':
		return p.object(i + 1)
	case '[':
		return p.array(i + 1)
	}
	for word, v := range map[string]any{
		"null": nil, "true": true, "false": false, "NaN": 0.0, "Infinity": 0.0, "-Infinity": 0.0,
	} {
		if strings.HasPrefix(p.doc[min(i, len(p.doc)):], word) {
			return v, i + len(word), nil
		}
	}
	if v, end, ok := p.number(i); ok {
		return v, end, nil
	}
	return nil, i, p.fail("Expecting value", i)
}

func (p *pyScanner) object(i int) (any, int, error) {
	obj := map[string]any{}
	if i = p.space(i); p.at(i) == '}' {
		return obj, i + 1, nil
	}
	for {
		if p.at(i) != '"' {
			return nil, i, p.fail("Expecting property name enclosed in double quotes", i)
		}
		key, end, err := p.text(i + 1)
		if err != nil {
			return nil, i, err
		}
		if i = p.space(end); p.at(i) != ':' {
			return nil, i, p.fail("Expecting ':' delimiter", i)
		}
		v, end, err := p.value(p.space(i + 1))
		if err != nil {
			return nil, i, err
		}
		name, _ := key.(string)
		obj[name] = v
		var done bool
		if i, done, err = p.next(end, '}', "object"); err != nil || done {
			return obj, i, err
		}
	}
}

func (p *pyScanner) array(i int) (any, int, error) {
	list := []any{}
	if i = p.space(i); p.at(i) == ']' {
		return list, i + 1, nil
	}
	for {
		v, end, err := p.value(i)
		if err != nil {
			return nil, i, err
		}
		list = append(list, v)
		var done bool
		if i, done, err = p.next(end, ']', "array"); err != nil || done {
			return list, i, err
		}
	}
}

// next reads what stands between two terms: the end of the container, or a comma.
func (p *pyScanner) next(i int, closing rune, what string) (int, bool, error) {
	i = p.space(i)
	if p.at(i) == closing {
		return i + 1, true, nil
	}
	if p.at(i) != ',' {
		return i, false, p.fail("Expecting ',' delimiter", i)
	}
	comma := i
	i = p.space(i + 1)
	if p.comma && p.at(i) == closing {
		return i, false, p.fail("Illegal trailing comma before end of "+what, comma)
	}
	return i, false, nil
}

var pyEscapes = map[rune]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// text reads a string whose opening quote stands before i.
func (p *pyScanner) text(i int) (any, int, error) {
	begin := i - 1
	var out strings.Builder
	for {
		c := p.at(i)
		switch {
		case c == -1:
			return nil, i, p.fail("Unterminated string starting at", begin)
		case c == '"':
			return out.String(), i + 1, nil
		case c <= 0x1f:
			return nil, i, p.fail("Invalid control character at", i)
		case c != '\\':
			out.WriteByte(p.doc[i])
			i++
			continue
		}
		c = p.at(i + 1)
		if c == -1 {
			return nil, i, p.fail("Unterminated string starting at", begin)
		}
		if c != 'u' {
			plain, ok := pyEscapes[c]
			if !ok {
				return nil, i, p.fail(`Invalid \escape`, i)
			}
			out.WriteRune(plain)
			i += 2
			continue
		}
		u, ok := p.hex(i + 2)
		if !ok {
			return nil, i, p.fail(`Invalid \uXXXX escape`, i+1)
		}
		i += 6
		if utf16.IsSurrogate(u) && p.at(i) == '\\' && p.at(i+1) == 'u' {
			if low, ok := p.hex(i + 2); ok && utf16.DecodeRune(u, low) != '\ufffd' {
				u = utf16.DecodeRune(u, low)
				i += 6
			}
		}
		out.WriteRune(u)
	}
}

func (p *pyScanner) hex(i int) (rune, bool) {
	if i+4 >= len(p.doc) {
		return 0, false
	}
	n, err := strconv.ParseUint(p.doc[i:i+4], 16, 32)
	return rune(n), err == nil
}

func (p *pyScanner) number(start int) (any, int, bool) {
	i := start
	if p.at(i) == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for p.at(i) >= '0' && p.at(i) <= '9' {
			i++
		}
		return i > from
	}
	if p.at(i) == '0' {
		i++
	} else if !digits() {
		return nil, start, false
	}
	float := false
	if end := i; p.at(i) == '.' {
		if i++; digits() {
			float = true
		} else {
			i = end
		}
	}
	if end := i; p.at(i) == 'e' || p.at(i) == 'E' {
		if i++; p.at(i) == '+' || p.at(i) == '-' {
			i++
		}
		if digits() {
			float = true
		} else {
			i = end
		}
	}
	word := p.doc[start:i]
	if !float {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			return n, i, true
		}
	}
	f, err := strconv.ParseFloat(word, 64)
	if err != nil {
		f = 0 // out of range: Python has bigger numbers, we only need the shape
	}
	return f, i, true
}

// pyType is the name of a JSON value's type in Python.
func pyType(v any) string {
	switch v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case string:
		return "str"
	case int64:
		return "int"
	case float64:
		return "float"
	case []any:
		return "list"
	}
	return "dict"
}

// pyStr is str() of a JSON value, as far as claims need it.
func pyStr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	}
	return fmt.Sprint(v)
}

// pyRepr is repr() of a string: single quotes unless that needs an escape.
func pyRepr(s string) string {
	quote := `'`
	if strings.Contains(s, `'`) && !strings.Contains(s, `"`) {
		quote = `"`
	}
	var b strings.Builder
	b.WriteString(quote)
	for _, r := range s {
		switch {
		case string(r) == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString(quote)
	return b.String()
}

// pyBytes is repr() of a byte string: b'…'.
func pyBytes(body []byte) string {
	quote := byte('\'')
	if s := string(body); strings.Contains(s, `'`) && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte('b')
	b.WriteByte(quote)
	for _, c := range body {
		switch {
		case c == quote || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}
