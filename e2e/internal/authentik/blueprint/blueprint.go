// Package blueprint reads an authentik blueprint, as far as a sign-in depends on it,
// with the place of each part.
package blueprint

import (
	"bytes"
	"errors"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A Blueprint is an authentik blueprint, as far as a sign-in depends on it.
type Blueprint struct {
	Model deployment.Model
	// TextURIs names the providers whose redirect_uris are one text: regular
	// expressions, one a line. Versions with matching modes (2024.8.5, 2024.10.3,
	// 2024.12) refuse such a blueprint as a whole.
	TextURIs []string
	// Origins tells where a part was written: "providers/NAME",
	// "providers/NAME/client_id" (and any other attribute), "applications/SLUG".
	Origins map[string]deployment.Origin
	// Notes are the parts that were left out because only a running authentik
	// knows what they mean.
	Notes []string
	// Unknown are the fields whose value is not in the file nor in the environment;
	// in Model they are empty.
	Unknown []UnknownField
}

// An UnknownField is a field of a blueprint whose value is known only where
// authentik runs.
type UnknownField struct {
	Of    string // providers/NAME or applications/SLUG; the slug is empty where it is the unknown
	Field string // as the blueprint has it, such as client_secret
	Env   string // environment variable that has it; empty: something else
	Why   string
	At    deployment.Origin
}

// Lacks reports whether a field of a part is one of those.
func (b *Blueprint) Lacks(of, field string) bool {
	return slices.ContainsFunc(b.Unknown, func(u UnknownField) bool { return u.Of == of && u.Field == field })
}

// Read reads an authentik blueprint. env is what !Env sees.
func Read(file string, text []byte, env map[string]string) (deployment.Model, error) {
	b, err := Parse(file, text, env)
	if err != nil {
		return deployment.Model{}, err
	}
	return b.Model, nil
}

// Parse is Read with the places of what was read. The error
// wraps *Error, one for each problem. Models that the sign-in does not
// depend on are ignored, and what the blueprint does not say stays unset.
func Parse(file string, text []byte, env map[string]string) (*Blueprint, error) {
	r := &reader{file: file, env: env, anchors: map[string]ast.Node{}, context: &object{}}
	if len(text) > maxBytes {
		return nil, r.fail(nil, "give authentik's blueprint, not an export of everything", "the file is bigger than 1 MiB")
	}
	if at := tooDeep(text); at != nil {
		return nil, r.fail(at, "this is not a blueprint", "brackets are nested too deep")
	}
	tree, err := parse(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	if err != nil {
		return nil, r.syntax(err)
	}
	for _, doc := range tree.Docs {
		m, ok := doc.Body.(ast.MapNode)
		if !ok {
			continue
		}
		return r.blueprint(m)
	}
	return nil, r.fail(nil, "a blueprint starts with version: 1 and entries:", "this is not an authentik blueprint")
}

// parse is goccy's parser; a panic of it is an error of the file.
func parse(text []byte) (tree *ast.File, err error) {
	defer func() {
		if recover() != nil {
			tree, err = nil, errors.New("the YAML parser gave up")
		}
	}()
	return parser.ParseBytes(text, 0)
}

// syntax is the YAML error without its quotation of the file, which may show a
// secret.
func (r *reader) syntax(err error) error {
	const remedy = "correct the YAML; indent with spaces, and quote values with special characters"
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		return r.fail(ye.GetToken().Position, remedy, "not YAML: %s", quotedText.ReplaceAllString(ye.GetMessage(), "…"))
	}
	return r.fail(nil, remedy, "not YAML")
}

var quotedText = lazyregexp.New(`"[^"]*"`)

// tooDeep finds the bracket that nests deeper than any blueprint, before the
// parser recurses into it.
func tooDeep(text []byte) *token.Position {
	depth, line, column := 0, 1, 0
	for _, c := range text {
		column++
		switch c {
		case '\n':
			line, column = line+1, 0
		case '[', '{':
			if depth++; depth > maxDepth {
				return &token.Position{Line: line, Column: column}
			}
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return nil
}

// entry is one entry of the blueprint.
type entry struct {
	model string
	id    string
	attrs *object // identifiers and attrs; attrs win
	at    *token.Position
	name  string // how its kind is known: name, username, slug
}

func (r *reader) blueprint(root ast.MapNode) (*Blueprint, error) {
	var list ast.Node
	for it := root.MapRange(); it.Next(); {
		switch it.Key().GetToken().Value {
		case "context":
			v, err := r.value(it.Value(), 0)
			if err != nil {
				return nil, err
			}
			if m, ok := v.(*object); ok {
				r.context = m
			}
		case "entries":
			list = it.Value()
		}
	}
	const remedy = "a blueprint has version: 1 and a list of entries:"
	if list == nil {
		return nil, r.fail(nil, remedy, "this is not an authentik blueprint: it has no entries")
	}
	v, err := r.value(list, 0)
	if err != nil {
		return nil, err
	}
	items, ok := v.([]any)
	if !ok {
		return nil, r.fail(placeOf(list), remedy, "entries is not a list")
	}
	var places []*token.Position
	if seq, ok := list.(*ast.SequenceNode); ok {
		for _, n := range seq.Values {
			places = append(places, placeOf(n))
		}
	}
	b := &builder{r: r, ids: map[string]*entry{}, out: &Blueprint{Origins: map[string]deployment.Origin{}}}
	for i, item := range items {
		m, ok := item.(*object)
		if !ok {
			continue
		}
		var at *token.Position
		if i < len(places) {
			at = places[i]
		}
		b.add(m, at)
	}
	b.build()
	return b.out, errors.Join(b.errs...)
}
