package source

import (
	"encoding/base64"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A form is how a definition is written where it stands, as far as the kind of its
// file does not say it.
type form int

const (
	asKind    form = iota // as the kind of the file has it
	asItem                // - name: NAME, and value: below it
	asFlow                // - {name: NAME, value: "value"}
	asListed              // - NAME=value
	asKey                 // NAME: "value"
	asBase64              // NAME: and the value in base64, of a Secret's data
	asLiteral             // NAME=value, where quotes would be part of the value
	asOption              // -e NAME=value of a command line
)

// Written is a definition in the form of this one, as it would stand in the file.
// The lines of one that needs several are indented to the first.
func (e *Entry) Written(name, value string) string {
	switch e.form {
	case asItem:
		return "- name: " + e.path[0] + name + e.path[1] + "\n  value: " + yamlQuoted(value)
	case asFlow:
		return "- {name: " + name + ", value: " + yamlQuoted(value) + "}"
	case asListed:
		return "- " + e.listItem(name, value)
	case asKey:
		return name + ": " + yamlQuoted(value)
	case asBase64:
		if strings.Contains(value, "<") { // not a value, but what to put there
			return name + ": <base64 of " + strings.NewReplacer("<", "", ">", "").Replace(value) + ">"
		}
		return name + ": " + base64.StdEncoding.EncodeToString([]byte(value))
	case asLiteral:
		return name + "=" + value
	case asOption:
		return e.option(name, value)
	}
	switch e.From {
	case "unit":
		return unitAssign(name, value)
	case "nix":
		return e.nixPrefix() + nixAssign(name, value)
	case "environment":
		if strings.HasPrefix(strings.TrimSpace(e.File.line(e.firstLine())), "-") {
			return "- " + e.listItem(name, value)
		}
		return name + ": " + yamlQuoted(value)
	case "inspect", "printed", "values":
		return name + "=" + value
	}
	return e.envLine(name, value)
}

// yamlQuoted is a text in the quotes of YAML that it needs no escapes in.
func yamlQuoted(value string) string {
	if strings.ContainsAny(value, "\"\\") {
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	return `"` + value + `"`
}

// listItem is NAME=value in the quotes that the items of the list have.
func (e *Entry) listItem(name, value string) string {
	text := name + "=" + value
	switch {
	case e.Style == SingleQuoted, strings.ContainsAny(value, "\"\\"), e.Style != DoubleQuoted && plainBreaks(text):
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	case e.Style == DoubleQuoted:
		return `"` + text + `"`
	}
	return text
}

// plainBreaks reports whether a string without quotes is something else for YAML.
func plainBreaks(text string) bool {
	return strings.Contains(text, ": ") || strings.Contains(text, " #") || strings.ContainsAny(text, "{}[]")
}

var needsQuotes = lazyregexp.New(`[\s#"'{}$\\]`)

// envLine is a line of an env file or of paperless.conf: with export or with a
// colon where the lines there have one.
func (e *Entry) envLine(name, value string) string {
	if needsQuotes.MatchString(value) && !strings.HasPrefix(value, "<") && !strings.Contains(value, "'") {
		value = "'" + value + "'"
	}
	if e.File == nil {
		return name + "=" + value
	}
	line, between := e.File.line(e.firstLine()), ""
	if a, b := e.NameAt+len(e.Name), e.ValueAt; a <= b && b <= len(e.File.Text) {
		between = string(e.File.Text[a:b])
	}
	if strings.Contains(between, ":") && !strings.Contains(between, "=") {
		return name + ": " + value
	}
	if strings.HasPrefix(strings.TrimSpace(line), "export ") {
		return "export " + name + "=" + value
	}
	return name + "=" + value
}

var shellSafe = lazyregexp.New(`^[\w@%+=:,./-]*$`)

// option is -e NAME=value as a shell takes it, with the backslash that the lines
// of the command end in.
func (e *Entry) option(name, value string) string {
	if !shellSafe.MatchString(value) {
		value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	out := "-e " + name + "=" + value
	if strings.HasSuffix(strings.TrimSpace(e.File.line(e.firstLine())), `\`) {
		out += ` \`
	}
	return out
}

// unitAssign is an Environment= line, quoted as systemd wants it.
func unitAssign(name, value string) string {
	text := name + "=" + strings.ReplaceAll(value, "%", "%%")
	switch {
	case strings.Contains(text, `"`):
		text = "'" + strings.ReplaceAll(text, "'", `\'`) + "'"
	case strings.ContainsAny(text, " \t'"):
		text = `"` + text + `"`
	}
	return "Environment=" + text
}

var nixPath = lazyregexp.New(`^(?:[A-Za-z_][\w'-]*|"[^"]*")(?:\.(?:[A-Za-z_][\w'-]*|"[^"]*"))*\.$`)

// nixPrefix is the path in front of the name, where it stands on the same line.
func (e *Entry) nixPrefix() string {
	line := e.firstLine()
	before := strings.TrimLeft(string(e.File.Text[e.File.starts[line-1]:e.NameAt]), " \t")
	if nixPath.MatchString(before) {
		return before
	}
	return ""
}

var nixPlain = lazyregexp.New(`^(?:true|false|\d+)$`)

// nixAssign is an attribute of Nix.
func nixAssign(name, value string) string {
	switch {
	case nixPlain.MatchString(value):
	case strings.ContainsAny(value, "\"\\"):
		value = "''" + strings.ReplaceAll(strings.ReplaceAll(value, "''", "'''"), "${", "''${") + "''"
	default:
		value = `"` + strings.ReplaceAll(value, "${", `\${`) + `"`
	}
	return name + " = " + value + ";"
}

// flow reports whether the definition stands in { } or [ ] on one line with
// others: no line can be put below it.
func (e *Entry) flow() bool {
	line := e.firstLine()
	before := strings.TrimSpace(string(e.File.Text[e.File.starts[line-1]:e.NameAt]))
	return strings.HasSuffix(before, "{") || strings.HasSuffix(before, ",") || strings.HasSuffix(before, "[") || strings.HasPrefix(before, "environment:")
}

// formOf is the form that a new definition has in a file of a kind where nothing
// stands beside it.
func formOf(k fileKind, name, value string) string {
	switch k {
	case composeKind, valuesKind:
		return name + ": " + yamlQuoted(value)
	case manifestKind:
		return (&Entry{form: asItem}).Written(name, value)
	case unitKind:
		return unitAssign(name, value)
	case nixKind:
		return nixAssign(name, value)
	case scriptKind:
		return (&Entry{form: asOption, File: &file{starts: []int{0}}}).Written(name, value)
	}
	return (&Entry{}).envLine(name, value)
}

// settingLine is a fix that is the whole line of a setting already.
var settingLine = lazyregexp.New(`PAPERLESS_[A-Z_]+: \S|^remove`)

// encodedAgain adds to what has to be changed inside of a Secret's data that the
// value is base64 there.
func (s *Set) encodedAgain(problems []Problem) {
	for i := range problems {
		p := &problems[i]
		e := s.Vars[p.Setting]
		if e == nil || e.form != asBase64 || e.File != p.File || p.Fix == "" || p.Code == "CFG-ELSEWHERE" || settingLine.MatchString(p.Fix) {
			continue
		}
		p.Fix += "; the value is base64 in this file: encode the whole of it again"
	}
}
