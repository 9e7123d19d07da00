package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

var tabIndent = lazyregexp.New(`^( *)(\t[\t ]*)`)

func mendTabs(d *document) bool {
	return d.mendLines(func(n int, line string) (string, *Problem) {
		m := tabIndent.FindStringSubmatch(line)
		if m == nil || strings.TrimSpace(line) == "" {
			return line, nil
		}
		fixed := m[1] + strings.ReplaceAll(m[2], "\t", "  ") + line[len(m[0]):]
		return fixed, &Problem{
			Code: "CFG-TAB", Level: Error, File: d.file, At: d.file.starts[n-1] + len(m[1]), Width: len(m[2]), Refuses: ByCompose,
			Message: "a tab in the indentation: YAML does not allow it, so Compose refuses the file",
			Fix:     "use spaces", Edit: &Edit{File: d.file.Path, From: n, To: n, Text: fixed},
		}
	})
}

var assignment = lazyregexp.New(`^(\s+)([A-Z][A-Z0-9_]*)=(.*)$`)

func mendAssignments(d *document) bool {
	return d.mendLines(func(n int, line string) (string, *Problem) {
		m := assignment.FindStringSubmatch(line)
		if m == nil {
			return line, nil
		}
		value := strings.TrimSpace(m[3])
		if value == "" || value[0] != '"' && value[0] != '\'' {
			value = "'" + strings.ReplaceAll(value, "'", "''") + "'"
		}
		fixed := m[1] + m[2] + ": " + value
		return fixed, &Problem{
			Code: "CFG-ENVLINE", Level: Error, File: d.file, At: d.file.starts[n-1] + len(m[1]), Width: len(m[2]) + 1, Setting: m[2], Refuses: ByCompose,
			Message: m[2] + "=value in a YAML mapping: Compose refuses the file (in a mapping it is " + m[2] + ": value, in a list - " + m[2] + "=value)",
			Fix:     fixed, Edit: &Edit{File: d.file.Path, From: n, To: n, Text: fixed},
		}
	})
}

// mendWholeString fixes an environment that YAML read as one long string,
// because every line of it is NAME=value without a dash.
func mendWholeString(d *document) bool {
	found := false
	for _, s := range d.Services() {
		for _, kv := range d.pairs(s.Value) {
			if kv.Key != "environment" {
				continue
			}
			if n, ok := d.resolve(kv.Value).(*ast.StringNode); ok && strings.Contains(n.Value, "=") {
				found = true
			}
		}
	}
	return found && mendAssignments(d)
}

// mendLines rewrites lines of the text that is parsed; the file stays.
func (d *document) mendLines(mend func(n int, line string) (string, *Problem)) bool {
	var out strings.Builder
	changed := false
	for n := 1; n <= len(d.Read.starts); n++ {
		line := d.Read.line(n)
		fixed, p := mend(n, line)
		if p != nil {
			changed = true
			d.mended = append(d.mended, *p)
		}
		out.WriteString(fixed)
		out.WriteByte('\n')
	}
	if changed {
		if read, err := newFile(d.file.Path, []byte(out.String())); err == nil {
			read.disk = d.file
			d.Read = read
		}
	}
	return changed
}

// mendDuplicates comments out all but the last of equal keys, in place: no
// column moves.
func mendDuplicates(d *document) bool {
	text := slices.Clone(d.Read.Text)
	changed := false
	var visit func(n ast.Node)
	visit = func(n ast.Node) {
		switch n := n.(type) {
		case *ast.MappingNode:
			last := map[string]*ast.MappingValueNode{}
			for _, v := range n.Values {
				key := keyText(v.Key)
				if first := last[key]; first != nil && key != "<<" && !n.IsFlowStyle {
					d.duplicate(text, key, first, v)
					changed = true
				}
				last[key] = v
			}
			for _, v := range n.Values {
				visit(v.Value)
			}
		case *ast.MappingValueNode:
			visit(n.Value)
		case *ast.SequenceNode:
			for _, v := range n.Values {
				visit(v)
			}
		case *ast.AnchorNode:
			visit(n.Value)
		case *ast.TagNode:
			visit(n.Value)
		}
	}
	visit(d.root)
	if changed {
		if read, err := newFile(d.file.Path, text); err == nil {
			read.disk = d.file
			d.Read = read
		}
	}
	return changed
}

func (d *document) duplicate(text []byte, key string, first, second *ast.MappingValueNode) {
	at := d.Place(second.Key.GetToken())
	firstLine := first.Key.GetToken().Position.Line
	p := Problem{
		Code: "CFG-DUPKEY", Level: Error, File: d.Read, At: at, Width: len(key), Refuses: ByCompose,
		Message: fmt.Sprintf("%s is a duplicate (first on line %d): Compose refuses the file", key, firstLine),
		Fix:     "keep one of the two lines",
	}
	if envKey.MatchString(key) {
		p.Setting = key
	}
	d.mended = append(d.mended, p)
	// Comment out the first one: its lines up to the next line that is not indented deeper.
	indent := len(d.Read.Indent(firstLine))
	for n := firstLine; n <= len(d.Read.starts); n++ {
		line := d.Read.line(n)
		if n > firstLine && strings.TrimSpace(line) != "" && len(d.Read.Indent(n)) <= indent {
			break
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		text[d.Read.starts[n-1]] = '#'
	}
}

var envKey = lazyregexp.New(`^[A-Z][A-Z0-9_]+$`)

func keyText(k ast.MapKeyNode) string {
	if k == nil || k.GetToken() == nil {
		return ""
	}
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.GetToken().Value
}
