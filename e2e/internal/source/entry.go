package source

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A style is how a value is written down.
type style int

// The ways in which a value is written.
const (
	Plain        style = iota
	SingleQuoted       // 'value'
	DoubleQuoted       // "value"
	Literal            // |
	Folded             // >
	Listed             // - KEY=value, without quotes of YAML
	Bare               // KEY=value of an env file, unquoted
	Mapping            // not a value at all: YAML made a mapping or list of it
	Absent             // KEY without a value: passed through from the shell
)

// An Entry is one definition of a variable: what is written, what the container
// gets of it, and where each of its bytes stands.
type Entry struct {
	Name     string
	Value    string // as the container gets it
	Set      bool   // false: not set in the container
	Raw      string // before interpolation
	Style    style
	Quote    byte   // around the value inside a list item: - KEY="value"
	yaml     string // YAML type of a plain value: string, bool, number, null
	File     *file
	NameAt   int   // offset of the name
	ValueAt  int   // offset of the value, its quote or block header included
	End      int   // offset after the value
	Pos      []int // offset in file of each byte of value; nil: unknown
	Refs     []Reference
	From     string    // environment, env_file, conf, shell, manifest, values, unit, nix, script, inspect, printed, file
	encoded  string    // the base64 that stands in the file in the value's place
	referred bool      // it stands in an object that another one names, under a key of its own
	form     form      // how it is written, where from does not say it
	path     [2]string // what stands around the name where a setting is named by its path: env. of env.PAPERLESS_URL
	Service  string
	Over     *Entry // definition that this one replaces
	Extra    string // text in the value's place that the product drops, such as a comment
	// unknown says where the value comes from when that is not among the files;
	// the variable is then neither set nor absent. Value is a stand-in.
	Unknown string
	Gaps    []Gap   // pieces of the value that are not known
	Broken  bool    // the form is wrong, as a problem says; the value is as it was meant
	gets    *string // what the container gets, where that is not the value that was meant
	skipped bool    // the container does not get it; the value is as it was meant
}

// A Reference is a $NAME, ${NAME…} or $$ in a value.
type Reference struct {
	Name  string // "" for $$
	Text  string // as written
	At    int    // offset in raw
	Known bool   // the variable has a value
	Plain bool   // $NAME without braces
	Sub   string // what it became
}

// Origin is where the entry stands.
func (e *Entry) Origin() deployment.Origin {
	line, col := e.File.At(e.NameAt)
	return deployment.Origin{File: e.File.Path, Line: line, Column: col}
}

// Offset is where a byte of the value stands in the file.
func (e *Entry) Offset(i int) int {
	if len(e.Pos) == 0 {
		return e.ValueAt
	}
	if i >= len(e.Pos) {
		return e.Pos[len(e.Pos)-1] + 1
	}
	return e.Pos[max(i, 0)]
}

// lastLine is the line that the definition ends on.
func (e *Entry) lastLine() int {
	line, _ := e.File.At(max(e.End-1, e.NameAt))
	return line
}

// firstLine is the line of the name.
func (e *Entry) firstLine() int {
	line, _ := e.File.At(e.NameAt)
	return line
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// align finds the offset in text of each byte of a YAML scalar's value. White
// space may be folded, quoted styles may hold escapes; the rest is the same on
// both sides. It returns the offset after the scalar, and false when the two do
// not fit, which leaves the remaining bytes at the last place that did.
func align(text []byte, start int, value string, st style) (pos []int, end int, ok bool) {
	s := start
	pos = make([]int, 0, len(value))
	fail := func() ([]int, int, bool) {
		for len(pos) < len(value) {
			pos = append(pos, min(s, len(text)))
		}
		return pos, s, false
	}
	switch st {
	case SingleQuoted, DoubleQuoted:
		s++
	case Literal, Folded:
		for s < len(text) && text[s] != '\n' {
			s++
		}
	}
	for i := 0; i < len(value); {
		if s >= len(text) {
			return fail()
		}
		switch {
		case st == DoubleQuoted && text[s] == '\\':
			n, size := escape(text[s:])
			if n == 0 { // line continuation
				s += size
				for s < len(text) && blank(text[s]) {
					s++
				}
				continue
			}
			for range n {
				if i < len(value) {
					pos = append(pos, s)
					i++
				}
			}
			s += size
		case st == SingleQuoted && text[s] == '\'' && s+1 < len(text) && text[s+1] == '\'' && value[i] == '\'':
			pos = append(pos, s)
			i++
			s += 2
		case blank(value[i]):
			j, t := i, s
			for j < len(value) && blank(value[j]) {
				j++
			}
			for t < len(text) && blank(text[t]) {
				t++
			}
			if t == s && j < len(value) {
				return fail()
			}
			for k := i; k < j; k++ { // right-aligned: indentation comes first
				pos = append(pos, max(s, t-(j-k)))
			}
			if value[i] == '\n' { // a line end stands where the line ends
				pos[i] = s
			}
			i = j
			s = t
		case blank(text[s]) && !blank(value[i]): // indentation before the first line
			s++
		case text[s] == value[i]:
			pos = append(pos, s)
			i++
			s++
		default:
			return fail()
		}
	}
	end = s
	if st == Literal || st == Folded {
		// The clipped line ends do not belong to the scalar's last line.
		for end > start && blank(text[end-1]) {
			end--
		}
	}
	if (st == SingleQuoted || st == DoubleQuoted) && end < len(text) {
		for end < len(text) && blank(text[end]) {
			end++
		}
		end = min(end+1, len(text))
	}
	return pos, end, true
}

// escape measures a YAML escape: bytes of the value, bytes of the source.
func escape(b []byte) (value, source int) {
	if len(b) < 2 {
		return 1, len(b)
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[b[1]]
	switch {
	case b[1] == '\n':
		return 0, 2
	case b[1] == '\r' && len(b) > 2 && b[2] == '\n':
		return 0, 3
	case digits > 0 && len(b) >= 2+digits:
		r, err := strconv.ParseUint(string(b[2:2+digits]), 16, 32)
		if err != nil {
			return 1, 2
		}
		return max(utf8.RuneLen(rune(r)), 1), 2 + digits
	case strings.IndexByte("NL_P", b[1]) >= 0:
		return map[byte]int{'N': 2, '_': 2, 'L': 3, 'P': 3}[b[1]], 2
	}
	return 1, 2
}
