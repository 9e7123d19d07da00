package blueprint

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Limits of a blueprint. A real one has some hundred lines; the limits keep a
// file that is no blueprint, or one made of aliases of aliases, from eating the
// machine.
const (
	maxBytes = 1 << 20
	maxNodes = 200_000
	maxDepth = 200
)

// A Error is a place in a blueprint that cannot be read. It never
// holds a value of the file, because that may be a secret.
type Error struct {
	File   string
	Line   int // 1-based
	Column int // 1-based
	Cause  string
	Remedy string // what to do
}

// Error is file:line:column: cause: remedy.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Cause)
	if e.Remedy != "" {
		s += ": " + e.Remedy
	}
	return s
}

// object is a mapping with the place of each key.
type object struct {
	keys   []string
	values map[string]any
	places map[string]*token.Position
}

func (m *object) set(key string, v any, at *token.Position) {
	if m.values == nil {
		m.values, m.places = map[string]any{}, map[string]*token.Position{}
	}
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key], m.places[key] = v, at
}

// get is the value of a key; false when the mapping has none.
func (m *object) get(key string) (any, bool) {
	if m == nil {
		return nil, false
	}
	v, ok := m.values[key]
	return v, ok
}

// reference is a !KeyOf or !Find, not looked up yet.
type reference struct {
	id     string // !KeyOf
	model  string // !Find
	fields map[string]string
	at     *token.Position
}

// unknownValue is a value that depends on something that the file does not hold.
type unknownValue struct {
	why  string
	name string // environment variable that would tell; empty: none
	at   *token.Position
}

// reader turns the YAML tree into plain values and resolves authentik's tags.
type reader struct {
	file    string
	env     map[string]string
	context *object
	anchors map[string]ast.Node
	nodes   int
}

func (r *reader) fail(at *token.Position, remedy, format string, args ...any) error {
	e := &Error{File: r.file, Line: 1, Column: 1, Cause: fmt.Sprintf(format, args...), Remedy: remedy}
	if at != nil {
		e.Line, e.Column = max(at.Line, 1), max(at.Column, 1)
	}
	return e
}

func placeOf(n ast.Node) *token.Position {
	if n == nil {
		return nil
	}
	if t := n.GetToken(); t != nil {
		return t.Position
	}
	return nil
}

func (r *reader) value(n ast.Node, depth int) (any, error) {
	r.nodes++
	if r.nodes > maxNodes || depth > maxDepth {
		return nil, r.fail(placeOf(n), "split the file, or write repeated parts out", "the blueprint is too big or nested too deep")
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.IntegerNode:
		return fmt.Sprint(n.Value), nil
	case *ast.FloatNode:
		return n.GetToken().Value, nil
	case *ast.AnchorNode:
		r.anchors[n.Name.GetToken().Value] = n.Value
		return r.value(n.Value, depth+1)
	case *ast.AliasNode:
		target, ok := r.anchors[n.Value.GetToken().Value]
		if !ok {
			return nil, r.fail(placeOf(n), "define it above with &name", "the alias has no anchor")
		}
		return r.value(target, depth+1)
	case *ast.SequenceNode:
		out := make([]any, 0, len(n.Values))
		for _, item := range n.Values {
			v, err := r.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case *ast.MappingNode:
		return r.mapping(n.Values, depth)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{n}, depth)
	case *ast.TagNode:
		return r.tag(n, depth)
	}
	return n.String(), nil
}

func (r *reader) mapping(pairs []*ast.MappingValueNode, depth int) (any, error) {
	m := &object{}
	for _, p := range pairs {
		v, err := r.value(p.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if p.Key.IsMergeKey() {
			from, ok := v.(*object)
			if !ok {
				continue
			}
			for _, k := range from.keys {
				if _, have := m.get(k); !have {
					m.set(k, from.values[k], from.places[k])
				}
			}
			continue
		}
		m.set(p.Key.GetToken().Value, v, placeOf(p.Key))
	}
	return m, nil
}

// tag resolves one of authentik's tags. What cannot be known without a running
// authentik becomes reference or unknownValue, and is judged where it is used.
func (r *reader) tag(n *ast.TagNode, depth int) (any, error) {
	at := placeOf(n)
	name := n.Start.Value
	v, err := r.value(n.Value, depth+1)
	if err != nil {
		return nil, err
	}
	args, isList := v.([]any)
	if !isList {
		args = []any{v}
	}
	first := ""
	if len(args) > 0 {
		first = textOf(args[0])
	}
	switch name {
	case "!KeyOf":
		return &reference{id: first, at: at}, nil
	case "!Find", "!FindObject":
		ref := &reference{model: strings.ToLower(first), fields: map[string]string{}, at: at}
		for _, arg := range args[min(1, len(args)):] {
			if pair, ok := arg.([]any); ok && len(pair) == 2 {
				if u, ok := pair[1].(*unknownValue); ok {
					return u, nil
				}
				ref.fields[textOf(pair[0])] = textOf(pair[1])
			}
		}
		return ref, nil
	case "!Env":
		if s, ok := r.env[first]; ok {
			return s, nil
		}
		if len(args) > 1 {
			return args[1], nil
		}
		return &unknownValue{why: "the environment variable " + first + " is not set here", name: first, at: at}, nil
	case "!Context":
		if c, ok := r.context.get(first); ok {
			return c, nil
		}
		if len(args) > 1 {
			return args[1], nil
		}
		return &unknownValue{why: "the context has no " + first, at: at}, nil
	case "!Format":
		return r.format(first, args, at), nil
	case "!If":
		return r.choose(args, at), nil
	case "!Condition":
		return condition(args), nil
	case "!File":
		if len(args) > 1 {
			return args[1], nil
		}
		return &unknownValue{why: "the file is in authentik's container", at: at}, nil
	}
	if strings.HasPrefix(name, "!!") { // YAML's own: !!str, !!bool
		return v, nil
	}
	return &unknownValue{why: name + " is not read", at: at}, nil
}

// format is !Format: Python's % with %s only.
func (r *reader) format(layout string, args []any, at *token.Position) any {
	out := layout
	for _, a := range args[min(1, len(args)):] {
		switch a := a.(type) {
		case *unknownValue:
			return a
		case *reference:
			return &unknownValue{why: "!Format of an object", at: at}
		default:
			out = strings.Replace(out, "%s", textOf(a), 1)
		}
	}
	return strings.ReplaceAll(out, "%%", "%")
}

// choose is !If [condition, when true, when false], or !If condition.
func (r *reader) choose(args []any, at *token.Position) any {
	if len(args) == 0 {
		return &unknownValue{why: "!If without a condition", at: at}
	}
	if u, ok := args[0].(*unknownValue); ok {
		return u
	}
	truth := truth(args[0])
	switch {
	case len(args) == 1:
		return truth
	case truth:
		return args[1]
	case len(args) > 2:
		return args[2]
	}
	return nil
}

func condition(args []any) bool {
	if len(args) == 0 {
		return false
	}
	var truths []bool
	for _, a := range args[1:] {
		truths = append(truths, truth(a))
	}
	all, some, odd := true, false, false
	for _, t := range truths {
		all, some, odd = all && t, some || t, odd != t
	}
	switch textOf(args[0]) {
	case "AND":
		return all
	case "NAND":
		return !all
	case "OR":
		return some
	case "NOR":
		return !some
	case "XOR":
		return odd
	case "XNOR":
		return !odd
	}
	return false
}

// truth is Python's truth of a value.
func truth(v any) bool {
	switch v := v.(type) {
	case nil, *unknownValue:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case *object:
		return len(v.keys) > 0
	}
	return true
}

// textOf is a scalar as text; "" for anything else.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// boolOf is a boolean as authentik's serializers take it.
func boolOf(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		switch strings.ToLower(v) {
		case "true", "t", "y", "yes", "on", "1":
			return true
		}
	}
	return false
}
