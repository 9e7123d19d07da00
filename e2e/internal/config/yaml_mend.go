package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

var tabIndent = regexp.MustCompile(`^( *)(\t[\t ]*)`)

func mendTabs(d *document) bool {
	return d.mendLines(func(n int, line string) (string, *problem) {
		m := tabIndent.FindStringSubmatch(line)
		if m == nil || strings.TrimSpace(line) == "" {
			return line, nil
		}
		fixed := m[1] + strings.ReplaceAll(m[2], "\t", "  ") + line[len(m[0]):]
		return fixed, &problem{
			code: "CFG-TAB", level: Error, file: d.file, at: d.file.starts[n-1] + len(m[1]), width: len(m[2]), refuses: byCompose,
			message: "a tab in the indentation: YAML does not allow it, so Compose refuses the file",
			fix:     "use spaces", edit: &Edit{File: d.file.path, From: n, To: n, Text: fixed},
		}
	})
}

var assignment = regexp.MustCompile(`^(\s+)([A-Z][A-Z0-9_]*)=(.*)$`)

func mendAssignments(d *document) bool {
	return d.mendLines(func(n int, line string) (string, *problem) {
		m := assignment.FindStringSubmatch(line)
		if m == nil {
			return line, nil
		}
		value := strings.TrimSpace(m[3])
		if value == "" || value[0] != '"' && value[0] != '\'' {
			value = "'" + strings.ReplaceAll(value, "'", "''") + "'"
		}
		fixed := m[1] + m[2] + ": " + value
		return fixed, &problem{
			code: "CFG-ENVLINE", level: Error, file: d.file, at: d.file.starts[n-1] + len(m[1]), width: len(m[2]) + 1, setting: m[2], refuses: byCompose,
			message: m[2] + "=value in a YAML mapping: Compose refuses the file (in a mapping it is " + m[2] + ": value, in a list - " + m[2] + "=value)",
			fix:     fixed, edit: &Edit{File: d.file.path, From: n, To: n, Text: fixed},
		}
	})
}

// mendWholeString mends an environment that YAML read as one long string,
// because every line of it is NAME=value without a dash.
func mendWholeString(d *document) bool {
	found := false
	for _, s := range d.services() {
		for _, kv := range d.pairs(s.value) {
			if kv.key != "environment" {
				continue
			}
			if n, ok := d.resolve(kv.value).(*ast.StringNode); ok && strings.Contains(n.Value, "=") {
				found = true
			}
		}
	}
	return found && mendAssignments(d)
}

// mendLines rewrites lines of the text that is parsed; the file stays.
func (d *document) mendLines(mend func(n int, line string) (string, *problem)) bool {
	var out strings.Builder
	changed := false
	for n := 1; n <= len(d.read.starts); n++ {
		line := d.read.line(n)
		fixed, p := mend(n, line)
		if p != nil {
			changed = true
			d.mended = append(d.mended, *p)
		}
		out.WriteString(fixed)
		out.WriteByte('\n')
	}
	if changed {
		if read, err := newFile(d.file.path, []byte(out.String())); err == nil {
			read.disk = d.file
			d.read = read
		}
	}
	return changed
}

// mendDuplicates comments out all but the last of equal keys, in place: no
// column moves.
func mendDuplicates(d *document) bool {
	text := slices.Clone(d.read.text)
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
		if read, err := newFile(d.file.path, text); err == nil {
			read.disk = d.file
			d.read = read
		}
	}
	return changed
}

func (d *document) duplicate(text []byte, key string, first, second *ast.MappingValueNode) {
	at := d.place(second.Key.GetToken())
	firstLine := first.Key.GetToken().Position.Line
	p := problem{
		code: "CFG-DUPKEY", level: Error, file: d.read, at: at, width: len(key), refuses: byCompose,
		message: fmt.Sprintf("%s is there twice (first on line %d): Compose refuses the file", key, firstLine),
		fix:     "keep one of the two lines",
	}
	if envKey.MatchString(key) {
		p.setting = key
	}
	d.mended = append(d.mended, p)
	// Comment out the first one: its lines up to the next line that is not indented deeper.
	indent := len(d.read.indent(firstLine))
	for n := firstLine; n <= len(d.read.starts); n++ {
		line := d.read.line(n)
		if n > firstLine && strings.TrimSpace(line) != "" && len(d.read.indent(n)) <= indent {
			break
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		text[d.read.starts[n-1]] = '#'
	}
}

var envKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)

func keyText(k ast.MapKeyNode) string {
	if k == nil || k.GetToken() == nil {
		return ""
	}
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.GetToken().Value
}
