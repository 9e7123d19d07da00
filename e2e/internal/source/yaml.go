package source

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A document is a YAML file with the places of its nodes.
type document struct {
	file    *file // as on disk
	Read    *file // as parsed: the same text, with what YAML refuses fixed
	root    ast.Node
	anchors map[string]ast.Node
	mended  []Problem
	broken  map[string]bool // variables whose JSON broke the file, as a problem says
}

// parseYAML parses a YAML file. What Compose refuses and a user surely meant
// (tabs, NAME=value in a mapping, a key twice) is fixed in memory and noted, so
// that the rest of the file can be looked at too.
func parseYAML(f *file) (*document, error) {
	if err := f.checkDepth(); err != nil {
		return nil, err
	}
	d := &document{file: f, Read: f}
	if read, err := f.plainYAML(); err != nil {
		return nil, err
	} else if read != nil {
		d.Read = read
	}
	mendJSON(d)
	root, err := parse(d.Read.Text)
	for _, mend := range []func(*document) bool{mendTabs, mendAssignments} {
		if err == nil {
			break
		}
		if mend(d) {
			root, err = parse(d.Read.Text)
		}
	}
	if err != nil {
		return nil, syntaxError(f, err)
	}
	d.use(root)
	if mendWholeString(d) {
		if again, err := parse(d.Read.Text); err == nil {
			d.use(again)
		}
	}
	if mendDuplicates(d) {
		if again, err := parse(d.Read.Text); err == nil {
			d.use(again)
		}
	}
	return d, nil
}

// parseDocuments parses every document of a YAML file.
func parseDocuments(f *file) ([]*document, error) {
	if err := f.checkDepth(); err != nil {
		return nil, err
	}
	read, err := f.plainYAML()
	if err != nil {
		return nil, err
	}
	if read == nil {
		read = f
	}
	roots, err := parseAll(read.Text)
	if err != nil {
		return nil, syntaxError(f, err)
	}
	var out []*document
	for _, root := range roots {
		d := &document{file: f, Read: read}
		d.use(root)
		out = append(out, d)
	}
	return out, nil
}

// plainYAML is the text without what the parser stumbles over and YAML allows: a
// byte order mark, and Windows line ends, which it counts wrong behind comments.
// Nil when there is none of it.
func (f *file) plainYAML() (*file, error) {
	text, bom := bytes.CutPrefix(f.Text, []byte("\uFEFF"))
	if !bom && !bytes.Contains(text, []byte("\r\n")) {
		return nil, nil
	}
	read, err := newFile(f.Path, unixLines(text))
	if err != nil {
		return nil, err
	}
	read.disk, read.lines = f, true
	return read, nil
}

func unixLines(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) }

func (d *document) use(root ast.Node) {
	d.root = root
	d.anchors = map[string]ast.Node{}
	if root != nil {
		ast.Walk(anchorVisitor(d.anchors), root)
	}
}

type anchorVisitor map[string]ast.Node

func (v anchorVisitor) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil {
		v[a.Name.String()] = a.Value
	}
	return v
}

// parse gives the first document of a text.
func parse(text []byte) (ast.Node, error) {
	roots, err := parseAll(text)
	if err != nil || len(roots) == 0 {
		return nil, err
	}
	return roots[0], nil
}

// parseAll is goccy's parser; a panic of it is a syntax error of the file.
func parseAll(text []byte) (roots []ast.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			roots, err = nil, errors.New("the YAML parser gave up")
		}
	}()
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	for _, doc := range f.Docs {
		if doc.Body != nil {
			roots = append(roots, doc.Body)
		}
	}
	return roots, nil
}

// A SyntaxError is a file that is no YAML at all.
type SyntaxError struct {
	File         string
	Line, Column int
	Problem      string

	hint string // what to do, where more is known than the place
}

func (e *SyntaxError) Error() string {
	hint := e.hint
	if hint == "" {
		hint = "check the indentation and the quotes of this line and of the one before it"
	}
	return fmt.Sprintf("%s:%d:%d: not YAML: %s; %s", e.File, e.Line, e.Column, e.Problem, hint)
}

func (e *SyntaxError) Unwrap() error { return ErrUnreadable }

func syntaxError(f *file, err error) error {
	e := &SyntaxError{File: f.Path, Line: 1, Column: 1, Problem: "it cannot be parsed"}
	if y, ok := errors.AsType[yaml.Error](err); ok {
		// Its message may quote the text; keep it only when it does not.
		if m := y.GetMessage(); wordsOnly.MatchString(m) {
			e.Problem = m
		}
		if t := y.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
		}
	}
	e.hint = f.jsonHint(e.Line)
	return e
}

var wordsOnly = lazyregexp.New(`^[a-z ,'-]{1,80}$`)

// A pair is a key of a mapping and its value.
type pair struct {
	Key   string
	at    int // offset of the key
	Value ast.Node
}

// pairs are the keys of a mapping in the order in which they take effect:
// merged ones (<<) first.
func (d *document) pairs(n ast.Node) []pair { return d.pairsIn(n, 0) }

func (d *document) pairsIn(n ast.Node, depth int) []pair {
	if depth > 16 { // aliases that contain themselves
		return nil
	}
	var values []*ast.MappingValueNode
	switch n := d.resolve(n).(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.SequenceNode: // <<: [*a, *b], the first wins
		var out []pair
		for _, v := range slices.Backward(n.Values) {
			out = append(out, d.pairsIn(v, depth+1)...)
		}
		return out
	}
	var merged, own []pair
	for _, v := range values {
		if v.Key == nil || v.Key.GetToken() == nil {
			continue
		}
		if v.Key.IsMergeKey() {
			merged = append(merged, d.pairsIn(v.Value, depth+1)...)
			continue
		}
		own = append(own, pair{Key: keyText(v.Key), at: d.Place(v.Key.GetToken()), Value: v.Value})
	}
	return append(merged, own...)
}

// get is the value of a key, or nil.
func (d *document) Get(n ast.Node, key string) ast.Node {
	var found ast.Node
	for _, kv := range d.pairs(n) {
		if kv.Key == key {
			found = kv.Value
		}
	}
	return found
}

// items are the items of a sequence.
func (d *document) items(n ast.Node) []ast.Node {
	if s, ok := d.resolve(n).(*ast.SequenceNode); ok {
		return s.Values
	}
	return nil
}

// resolve follows anchors, aliases and tags to the node itself.
func (d *document) resolve(n ast.Node) ast.Node {
	for range 16 {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.TagNode:
			n = v.Value
		case *ast.AliasNode:
			if v.Value == nil {
				return nil
			}
			n = d.anchors[v.Value.String()]
		default:
			return n
		}
	}
	return nil
}

// text is a scalar as a string, "" for anything else.
func (d *document) Text(n ast.Node) string {
	switch v := d.resolve(n).(type) {
	case *ast.StringNode:
		return v.Value
	case *ast.LiteralNode:
		return v.Value.Value
	case ast.ScalarNode:
		if t := v.GetToken(); t != nil {
			return t.Value
		}
	}
	return ""
}

// place is the offset of a token in the text that was parsed. The parser's
// columns are off now and then (behind several-line values): then the token is
// looked for on its line.
func (d *document) Place(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 0
	}
	f := d.Read
	off := f.Offset(t.Position.Line, t.Position.Column)
	want := t.Value
	switch t.Type {
	case token.DoubleQuoteType:
		want = `"`
	case token.SingleQuoteType:
		want = "'"
	case token.LiteralType, token.FoldedType:
		want = t.Value[:min(1, len(t.Value))]
	}
	want, _, _ = strings.Cut(want, "\n")
	if i := strings.IndexAny(want, " \t"); i > 0 {
		want = want[:i] // folded plain scalars
	}
	if want == "" || bytes.HasPrefix(f.Text[off:], []byte(want)) {
		return off
	}
	for _, n := range []int{t.Position.Line, t.Position.Line - 1, t.Position.Line + 1} {
		if n >= 1 && n <= len(f.starts) {
			if i := strings.Index(f.line(n), want); i >= 0 {
				return f.starts[n-1] + i
			}
		}
	}
	return off
}

// services are the services of a compose file, in its order.
func (d *document) Services() []pair {
	if d.root == nil {
		return nil
	}
	return d.pairs(d.Get(d.root, "services"))
}

// scalar reads a node as a variable's value.
func (d *document) scalar(e *Entry, n ast.Node) {
	e.File = d.Read
	target := d.resolve(n)
	e.Style, e.Set = Plain, true
	switch v := target.(type) {
	case nil:
		e.Style, e.Set = Absent, false
		e.ValueAt, e.End = e.NameAt+len(e.Name), e.NameAt+len(e.Name)
		return
	case *ast.NullNode:
		e.Style, e.Set, e.yaml = Absent, false, "null"
		e.ValueAt = e.NameAt
		e.End = e.NameAt + len(e.Name)
		return
	case *ast.StringNode:
		e.Raw, e.yaml = v.Value, "string"
		switch v.Token.Type {
		case token.DoubleQuoteType:
			e.Style = DoubleQuoted
		case token.SingleQuoteType:
			e.Style = SingleQuoted
		}
		e.ValueAt = d.Place(v.Token)
	case *ast.LiteralNode:
		e.Raw, e.yaml, e.Style = v.Value.Value, "string", Literal
		if strings.HasPrefix(v.Start.Value, ">") {
			e.Style = Folded
		}
		e.ValueAt = d.Place(v.Start)
	case *ast.BoolNode:
		e.Raw, e.yaml = "false", "bool"
		if v.Value {
			e.Raw = "true"
		}
		e.ValueAt = d.Place(v.Token)
		e.End = e.ValueAt + len(v.Token.Value)
		e.Pos = span(e.ValueAt, len(e.Raw))
		return
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		e.Style, e.Set, e.yaml = Mapping, false, "mapping"
		e.ValueAt = d.Place(firstToken(target))
		e.End = d.Place(lastToken(target)) + 1
		return
	case ast.ScalarNode:
		e.Raw, e.yaml = v.GetToken().Value, "number"
		e.ValueAt = d.Place(v.GetToken())
	default:
		e.Set = false
		return
	}
	e.Pos, e.End, _ = align(d.Read.Text, e.ValueAt, e.Raw, e.Style)
}

func firstToken(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if n.IsFlowStyle {
			return n.Start
		}
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
		return n.Start
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	case *ast.SequenceNode:
		return n.Start
	}
	return n.GetToken()
}

func lastToken(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if n.IsFlowStyle && n.End != nil {
			return n.End
		}
		if len(n.Values) > 0 {
			return lastToken(n.Values[len(n.Values)-1])
		}
	case *ast.MappingValueNode:
		if n.Value != nil && n.Value.GetToken() != nil {
			return lastToken(n.Value)
		}
		return n.Key.GetToken()
	case *ast.SequenceNode:
		if n.End != nil {
			return n.End
		}
		if len(n.Values) > 0 {
			return lastToken(n.Values[len(n.Values)-1])
		}
	}
	return n.GetToken()
}
