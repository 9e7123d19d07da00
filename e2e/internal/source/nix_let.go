package source

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// bindings finds the names that let … in binds. Which one of two equal names holds
// where is not followed: such a name is left unknown.
func (n *nixReader) bindings() {
	n.lets = map[string]int{}
	twice := map[string]bool{}
	for n.i = 0; n.i < len(n.s); {
		n.blanks()
		if n.i >= len(n.s) {
			break
		}
		if n.s[n.i] == '"' || strings.HasPrefix(n.s[n.i:], "''") {
			n.text()
			continue
		}
		word := n.word()
		if word == "" {
			n.i++
			continue
		}
		if word == "let" {
			n.bind(twice)
		}
	}
	for name := range twice {
		delete(n.lets, name)
	}
	n.i = 0
}

// bind takes the names up to in.
func (n *nixReader) bind(twice map[string]bool) {
	for n.i < len(n.s) {
		n.blanks()
		start := n.i
		path := n.path()
		if len(path) == 0 || len(path) == 1 && path[0] == "in" {
			return
		}
		n.blanks()
		if n.i < len(n.s) && n.s[n.i] == '=' {
			n.i++
			n.blanks()
			if len(path) == 1 {
				if _, ok := n.lets[path[0]]; ok {
					twice[path[0]] = true
				}
				n.lets[path[0]] = n.i
			}
		}
		n.skip()
		if n.i < len(n.s) && n.s[n.i] == ';' {
			n.i++
		}
		if n.i <= start {
			return
		}
	}
}

// maxLookups bounds the names that are looked up for one another.
const maxLookups = 20

// bound is the value of a name that let binds, or of an attribute of one, such as
// oidc.secret; nil when it is none, or computed.
func (n *nixReader) bound(name string) *nixValue {
	first, rest, _ := strings.Cut(name, ".")
	at, ok := n.lets[first]
	if !ok || n.deep >= maxLookups {
		return nil
	}
	back := n.i
	n.i = at
	n.deep++
	v := n.expression(n.deep)
	n.deep--
	n.i = back
	for rest != "" && v != nil {
		var key string
		key, rest, _ = strings.Cut(rest, ".")
		v = v.set[key]
	}
	if v == nil || v.kind == 'u' {
		return nil
	}
	return v
}

var nixEnvLine = lazyregexp.New(`(?m)^[ \t]*(?:export[ \t]+)?(PAPERLESS_[A-Z0-9_]+)=(.*)$`)

// assignments are the NAME=value lines of a text, which is then an env file that
// Nix writes.
func (v *nixValue) assignments(f *file) []*Entry {
	var out []*Entry
	for _, m := range nixEnvLine.FindAllStringSubmatchIndex(v.text, -1) {
		from, to := m[4], m[5]
		if q := v.text[from:to]; len(q) > 1 && (q[0] == '"' || q[0] == '\'') && q[len(q)-1] == q[0] {
			from, to = from+1, to-1
		}
		e := &Entry{Name: v.text[m[2]:m[3]], Value: v.text[from:to], Set: true, Style: Bare, File: f, From: "nix", form: asLiteral}
		e.Raw, e.NameAt, e.ValueAt = e.Value, v.pos[m[2]], v.pos[min(from, len(v.pos)-1)]
		e.Pos = v.pos[from:to]
		e.End = e.ValueAt
		if to > from {
			e.End = v.pos[to-1] + 1
		}
		for _, g := range v.gaps {
			if g.at >= from && g.at < to {
				g.at -= from
				e.Gaps = append(e.Gaps, g)
			}
		}
		out = append(out, e)
	}
	return out
}
