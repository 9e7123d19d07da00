package source

import (
	"errors"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// lookup finds the value of a variable.
type lookup func(name string) (string, bool)

// errTemplate marks a $ expression that Compose refuses.
var errTemplate = errors.New("not a variable reference that Compose takes")

// errRequired marks ${NAME:?message} without a value.
var errRequired = errors.New("required variable is not set")

// substitute is Compose's own interpolation, silent: its log line would quote
// the name after the $, which is often a piece of a password.
func substitute(raw string, find lookup) (string, error) {
	out, err := template.SubstituteWithOptions(raw, template.Mapping(find), template.WithoutLogging)
	if err == nil {
		return out, nil
	}
	var missing *template.MissingRequiredError
	if errors.As(err, &missing) {
		return raw, errRequired
	}
	return raw, errTemplate // the error itself quotes the value
}

// interpolate does to a value what Compose does, and keeps track of where each
// byte came from and what every reference became.
func interpolate(raw string, pos []int, find lookup) (value string, at []int, refs []Reference, err error) {
	whole, err := substitute(raw, find)
	if err != nil || !strings.Contains(raw, "$") {
		if err != nil {
			_, _, refs = pieces(raw, pos, find)
		}
		return whole, pos, refs, err
	}
	value, at, refs = pieces(raw, pos, find)
	if value != whole {
		// Compose's result counts; only the places are less exact.
		at = make([]int, len(whole))
		for i := range at {
			if len(pos) > 0 {
				at[i] = pos[min(i, len(pos)-1)]
			}
		}
	}
	return whole, at, refs, nil
}

func pieces(raw string, pos []int, find lookup) (string, []int, []Reference) {
	var out strings.Builder
	var at []int
	var refs []Reference
	put := func(s string, from int) {
		for range len(s) {
			if len(pos) > 0 {
				at = append(at, pos[min(from, len(pos)-1)])
			}
		}
		out.WriteString(s)
	}
	for i := 0; i < len(raw); {
		if raw[i] != '$' {
			put(raw[i:i+1], i)
			i++
			continue
		}
		n, name, braces := referenceAt(raw[i:])
		if n == 0 {
			put("$", i)
			i++
			continue
		}
		text := raw[i : i+n]
		sub, err := substitute(text, find)
		if err != nil {
			sub = text
		}
		_, known := "", false
		if name != "" {
			_, known = find(name)
		}
		refs = append(refs, Reference{Name: name, Text: text, At: i, Known: known, Plain: !braces, Sub: sub})
		put(sub, i)
		i += n
	}
	return out.String(), at, refs
}

// referenceAt measures the reference that s begins with; 0 when there is none.
func referenceAt(s string) (n int, name string, braces bool) {
	if len(s) < 2 {
		return 0, "", false
	}
	switch s[1] {
	case '$':
		return 2, "", false
	case '{':
		depth := 0
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '{':
				depth++
			case '}':
				depth--
			}
			if depth == 0 {
				return i + 1, s[2 : 2+nameLength(s[2:])], true
			}
		}
		return 0, "", false
	}
	k := nameLength(s[1:])
	if k == 0 {
		return 0, "", false
	}
	return 1 + k, s[1 : 1+k], false
}

func nameLength(s string) int {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}

// capitals is a name as variables have it.
var capitals = lazyregexp.New(`^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$`)

// Meant reports whether $NAME without braces is a reference that a user wrote,
// not a $ that belongs to a password: it is the whole value, or a whole piece of
// it between quotes or separators, and NAME is in capitals.
func (e *Entry) Meant(ref Reference) bool {
	end := ref.At + len(ref.Text)
	if end > len(e.Raw) {
		return false
	}
	before, after := strings.TrimSpace(e.Raw[:ref.At]), strings.TrimSpace(e.Raw[end:])
	if before == "" && after == "" {
		return true
	}
	if len(ref.Name) < 3 || !capitals.MatchString(ref.Name) {
		return false
	}
	const edges = `"'/:.,@[{`
	return (before == "" || strings.IndexByte(edges, before[len(before)-1]) >= 0) && (after == "" || strings.IndexByte(`"'/:.,@]}`, after[0]) >= 0)
}
