package deployment

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A Span is a piece of a text, in bytes.
type Span struct{ From, To int }

var (
	// secretKey is a name that says secret, in any notation, and what stands
	// between it and its value. "key" counts in JSON only, where allauth has it.
	secretKey = lazyregexp.New(`(?i)((?:[A-Za-z0-9_.-]*(?:secret|password|passwd|passphrase|dbpass|_pass|api_?key|token)[A-Za-z0-9_-]*)|["']key)(["'“”\\]*)[ \t]*[:=][ \t]*`)
	// noSecret ends the names of things about a secret that are none.
	noSecret = lazyregexp.New(`(?i)(?:[_-](?:methods?|ur[il]|endpoint|type|validity|lifetime|expiry|expires|algs?|policy|length|fields?|file|path|name|header|ttl|count)|name|ref|store)$`)
	nextKey  = lazyregexp.New(`^\s*(?:["'“”\\]*[A-Za-z_][\w.-]*["'“”\\]*\s*:|$)`)
	keyAfter = lazyregexp.New(`^\s*[A-Za-z_][\w.-]*["'“”\\]+\s*:`)
	nextWord = lazyregexp.New(`^\s+(?:#|--?[A-Za-z]|&&|\\?$|[A-Za-z_][\w.-]*[=:])`)
	blockOf  = lazyregexp.New(`^[>|][+-]?[0-9]?\s*$`)
	nameLine = lazyregexp.New(`^(?:- |[A-Za-z0-9_."'-]+\s*[:=])`)
	variable = lazyregexp.New(`^\$(?:\{[A-Za-z_][A-Za-z0-9_]*(?:[:?+-].*)?\}|[A-Z_][A-Z0-9_]*)$`)
	fallback = lazyregexp.New(`^\$\{[A-Za-z_][A-Za-z0-9_]*:?-([^${}]+)\}$`)
	fragment = lazyregexp.New(`[^\s"'“”,;\\]+`)
	identity = lazyregexp.New(`^[a-z_]+$`)
)

// SecretSpans are the values in a text that are secret by what stands in front of
// them: `"secret": "…"`, `PAPERLESS_DBPASS=…`, `client_secret: …`. A value goes on
// to what ends it in any reading, so that of broken JSON such as `"secret": "x" y`
// nothing is left. A reference to a variable, a placeholder in angle brackets and
// a YAML tag are no secret values.
func SecretSpans(text string) []Span {
	var out []Span
	for at := 0; at < len(text); {
		m := secretKey.FindStringSubmatchIndex(text[at:])
		if m == nil {
			break
		}
		key, quotes, from := text[at+m[2]:at+m[3]], text[at+m[4]:at+m[5]], at+m[1]
		line := lineEnd(text, from)
		begin := strings.LastIndexByte(text[:at+m[0]], '\n') + 1
		if strings.HasSuffix(key, "_FILE") || noSecret.MatchString(key) {
			at = from
			continue
		}
		if rest := strings.TrimSpace(text[from:line]); rest == "" || blockOf.MatchString(rest) {
			// The value stands on the next line, unless that has a name of its own.
			_, after, _ := strings.Cut(text[line:], "\n")
			begin = len(text) - len(after)
			next := lineEnd(text, begin)
			body := strings.TrimSpace(text[begin:next])
			if body == "" || nameLine.MatchString(body) && rest == "" {
				at = from
				continue
			}
			from, line = begin+strings.Index(text[begin:next], body), next
		}
		s := valueSpan(text, text[begin:max(begin, at+m[0])], from, line, quotes != "")
		at = max(s.To, from)
		if plain(text[s.From:s.To]) {
			if f := fallback.FindStringSubmatchIndex(text[s.From:s.To]); f != nil {
				out = append(out, Span{s.From + f[2], s.From + f[3]})
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

func lineEnd(text string, from int) int {
	if i := strings.IndexByte(text[from:], '\n'); i >= 0 {
		from += i
	} else {
		from = len(text)
	}
	if from > 0 && text[from-1] == '\r' {
		from--
	}
	return from
}

// plain reports whether what stands in a secret's place is none.
func plain(v string) bool {
	switch strings.ToLower(v) {
	case "", "true", "false", "null", "none", "~":
		return true
	}
	return strings.HasPrefix(v, "<") || strings.HasPrefix(v, "!") || strings.HasPrefix(v, "…") || strings.HasPrefix(v, "***") || variable.MatchString(v)
}

// valueSpan is the value that begins at from, on a line that ends at end, with
// what stands in front of its key there.
func valueSpan(text, before string, from, end int, inJSON bool) Span {
	open, n := delimiter(text[from:end])
	to := end
	switch {
	case inJSON:
		to = from + jsonValue(text[from:end])
	case open != "":
		if i := closing(text[from+n:end], open); i >= 0 && ended(text[from+n+i+len(open):end]) {
			return Span{from + n, from + n + i}
		}
	default:
		to = from + bareValue(text[from:end], before)
	}
	for to > from && (text[to-1] == ' ' || text[to-1] == '\t') {
		to--
	}
	if open == "" {
		return Span{from, to}
	}
	// The quotes stay where the value is one string.
	if i := closing(text[from+n:to], open); i >= 0 && from+n+i+len(open) == to {
		to -= len(open)
	}
	return Span{from + n, max(to, from+n)}
}

// delimiter is the quote that a text begins with, its backslashes included.
func delimiter(s string) (open string, n int) {
	for n < len(s) && s[n] == '\\' {
		n++
	}
	if n < len(s) && (s[n] == '"' || s[n] == '\'') {
		return s[:n+1], n + 1
	}
	for _, q := range []string{"“", "”"} {
		if strings.HasPrefix(s, q) {
			return "”", len(q)
		}
	}
	return "", 0
}

// closing is where a string that was opened so ends; -1 when it does not.
func closing(s, open string) int {
	if open == "”" {
		return strings.Index(s, open)
	}
	depth, quote := len(open)-1, open[len(open)-1]
	for i := 0; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		n := 0
		for n < i && s[i-1-n] == '\\' {
			n++
		}
		if n == depth {
			return i - n
		}
	}
	return -1
}

// ended reports whether what follows a closing quote goes on with something else.
func ended(rest string) bool {
	rest = strings.TrimLeft(rest, " \t")
	return rest == "" || strings.ContainsAny(rest[:1], `,}])#"'\&|-`) || nextWord.MatchString(" "+rest)
}

// jsonValue is the length of a value in JSON, be it broken: it ends in front of
// the next key, of a closing bracket outside of strings, or with the line.
func jsonValue(s string) int {
	for i := 0; i < len(s); {
		open, n := delimiter(s[i:])
		switch {
		case open != "":
			j := closing(s[i+n:], open)
			if inside := strings.TrimLeft(s[i+n:], " \t"); i > 0 && (inside == "" || strings.ContainsAny(inside[:1], ",:}]")) {
				i += n // a quote too many: what follows it is no string
				continue
			}
			if j < 0 {
				return len(s)
			}
			if keyAfter.MatchString(s[i+n+j+len(open):]) {
				// The closing quote is missing: this one opens the next key.
				if k := strings.LastIndexByte(s[i+n:i+n+j], ','); k >= 0 {
					j = k
				}
				return i + n + j
			}
			i += n + j + len(open)
		case s[i] == '}' || s[i] == ']':
			return i
		case s[i] == ',' && nextKey.MatchString(s[i+1:]):
			return i
		default:
			i++
		}
	}
	return len(s)
}

// bareValue is the length of a value without quotes: it ends with the line, in
// front of the next assignment, option or comment, or where a bracket or quote
// closes that was opened in front of its key.
func bareValue(s, before string) int {
	query := strings.HasSuffix(before, "?") || strings.HasSuffix(before, "&")
	for i := range len(s) {
		switch c := s[i]; {
		case c == '&' && query,
			(c == '"' || c == '\'' || c == '`') && strings.Count(before, string(c))%2 == 1,
			c == '}' && strings.Count(before, "{") > strings.Count(before, "}"),
			c == ',' && strings.Contains(before, "{") && nextKey.MatchString(s[i+1:]),
			(c == ' ' || c == '\t') && nextWord.MatchString(s[i:]):
			return i
		}
	}
	return len(s)
}

// SecretValues are the values at SecretSpans, and of one in several pieces, as
// broken JSON has it, each piece.
func SecretValues(text string) []string {
	var out []string
	for _, s := range SecretSpans(text) {
		v := text[s.From:s.To]
		out = append(out, v)
		pieces := fragment.FindAllString(v, -1)
		for _, p := range pieces {
			if len(pieces) > 1 && len(p) >= aWord && !identity.MatchString(p) && !strings.Contains(p, "://") {
				out = append(out, p)
			}
		}
	}
	return slices.Compact(out)
}

// HideSpans replaces the values at SecretSpans by what hide makes of them.
func HideSpans(text string, hide func(string) string) string {
	var b strings.Builder
	at := 0
	for _, s := range SecretSpans(text) {
		b.WriteString(text[at:s.From])
		b.WriteString(hide(text[s.From:s.To]))
		at = s.To
	}
	b.WriteString(text[at:])
	return b.String()
}
