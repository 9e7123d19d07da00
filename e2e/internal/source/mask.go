package source

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// hidden is what stands in a quoted line in a secret's place.
const hidden = "********"

// A masker knows the secrets of all files that were read.
type masker struct {
	secrets []string // longest first
	entries []*Entry
	named   map[string][]*Entry // those that are secrets by their names, by file
}

// inURL finds the password in scheme://user:password@host.
var inURL = lazyregexp.New(`(://[^/\s:@"']*:)([^@/\s]+)(@)`)

// named is the beginning of a line that sets a variable.
var named = lazyregexp.New(`^\s*(?:- )?\s*(?:export\s+)?["']?([A-Z][A-Z0-9_]*)["']?\s*[:=][\s"'>|+-]*`)

// pointer is a value that only says where the secret is.
var pointer = lazyregexp.New(`^\$(?:\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Z_][A-Z0-9_]*)$`)

// yesNo are the words that Secrets hold without need.
var yesNo = lazyregexp.New(`^(?i:true|false|yes|no|\d{1,3})$`)

// public are words that are values of secrets in half the world's examples:
// hiding them everywhere would hide the product's name.
var public = []string{"paperless", "authentik", "postgres", "postgresql", "password", "changeme", "change-me", "secret", "admin", "redis", "mariadb", "true", "false"}

func (s *Set) masker() *masker {
	m := &masker{entries: slices.Clone(s.All)}
	words := s.Deployment.Words()
	add := func(v string) {
		// Line by line, so that a quoted text keeps its lines.
		for line := range strings.SplitSeq(v, "\n") {
			for _, v := range spellings(line) {
				if !words.Has(v) && !strings.HasPrefix(v, "<") && !pointer.MatchString(v) && !slices.Contains(public, strings.ToLower(v)) && !slices.Contains(m.secrets, v) {
					m.secrets = append(m.secrets, v)
				}
			}
		}
	}
	text := func(t string) {
		for _, v := range deployment.SecretValues(t) {
			add(v)
		}
		for _, g := range inURL.FindAllStringSubmatch(t, -1) {
			add(g[2])
		}
	}
	if s.Project != nil {
		m.entries = append(m.entries, s.Project.Dotenv...)
		m.entries = append(m.entries, s.Project.Others...)
	}
	for _, e := range m.entries {
		if deployment.SecretName(e.Name) || strings.Contains(e.Name, "PASSPHRASE") {
			add(e.Value)
			add(e.Raw)
		}
		text(e.Value)
		harmless := yesNo.MatchString(e.Value) || strings.HasPrefix(e.Name, "PAPERLESS_") && !deployment.SecretName(e.Name) &&
			len(deployment.SecretValues(e.Value)) == 0 && !inURL.MatchString(e.Value)
		if e.encoded != "" && !harmless { // who can read base64 reads the secrets in it
			m.secrets = append(m.secrets, strings.Fields(e.encoded)...)
		}
	}
	for _, f := range s.Reader.files {
		text(string(f.Text))
	}
	for name, e := range s.Files {
		if deployment.SecretName(name) {
			add(e.Value)
		}
	}
	for name, v := range s.Reader.Sources.Environ {
		if deployment.SecretName(name) {
			add(v)
		}
	}
	for _, e := range m.entries {
		if deployment.SecretName(e.Name) {
			add(e.writtenFrom(0, len(e.Value)))
		}
	}
	if s.BlueprintFile != nil {
		text(string(s.BlueprintFile.Text))
	}
	for _, v := range s.Deployment.Secrets() {
		add(v)
	}
	for _, n := range s.Apps {
		for _, key := range []string{"secret", "key"} {
			add(n.Get(key).Text())
			if v := n.Get(key); v.Is('s') && v.End-v.At > 2 && s.Providers != nil {
				add(s.Providers.writtenFrom(v.At+1, v.End-1))
			}
		}
	}
	slices.SortStableFunc(m.secrets, func(a, b string) int { return len(b) - len(a) })
	m.named = map[string][]*Entry{}
	for _, e := range m.entries {
		if deployment.SecretName(e.Name) && e.Style != Absent {
			m.named[e.File.Path] = append(m.named[e.File.Path], e)
		}
	}
	return m
}

// spellings are the ways in which users write a secret: as it is, without the
// blanks around it, and with the escapes of Compose, YAML and JSON.
func spellings(v string) []string {
	v = strings.TrimRight(v, "\r\n")
	inner := strconv.Quote(v)
	inner = inner[1 : len(inner)-1]
	return []string{
		v, strings.TrimSpace(v), strings.ReplaceAll(v, "$$", "$"), strings.ReplaceAll(v, "$", "$$"), strings.ReplaceAll(v, "'", "''"),
		inner, strings.ReplaceAll(inner, "'", "''"), strings.ReplaceAll(inner, "$", "$$"), strings.ReplaceAll(v, `\`, `\\`), strings.ReplaceAll(v, `"`, `\"`),
	}
}

// writtenFrom is how a piece of the value stands in the file, where it is on one line.
func (e *Entry) writtenFrom(from, to int) string {
	if len(e.Pos) == 0 || from >= to {
		return ""
	}
	a, b := e.Offset(from), e.Offset(to-1)+1
	if a < 0 || b > len(e.File.Text) || a >= b || bytes.IndexByte(e.File.Text[a:b], '\n') >= 0 {
		return ""
	}
	return string(e.File.Text[a:b])
}

// text hides every known secret in a message, a fix or a new line.
func (m *masker) text(t string) string {
	for _, s := range m.secrets {
		t = strings.ReplaceAll(t, s, hidden)
	}
	return t
}

// hideLine hides secrets in a line by what stands in front of them, known or not.
func hideLine(line string) string {
	line = deployment.HideSpans(line, func(string) string { return hidden })
	return inURL.ReplaceAllString(line, "${1}"+hidden+"${3}")
}

// shown is a text as it may be shown, line by line. Each line goes the same way,
// be it quoted, the old or the new side of a diff, or a line to be written.
func (m *masker) shown(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		body := strings.TrimRight(l, "\r\n")
		lines[i] = m.hide(body) + l[len(body):]
	}
	return strings.Join(lines, "")
}

// hide is one line of shown: what is known first, since a pattern could leave the
// end of a secret.
func (m *masker) hide(line string) string {
	if g := named.FindStringSubmatchIndex(line); g != nil && deployment.SecretName(line[g[2]:g[3]]) {
		value := strings.Trim(strings.TrimSpace(line[g[1]:]), `"'`)
		if value != "" && !strings.HasPrefix(value, "<") && !strings.HasPrefix(value, "${") && !pointer.MatchString(value) {
			return line[:g[1]] + hidden
		}
	}
	return hideLine(m.text(line))
}

// line is a line of a file as it may be shown, and the column in it of a place.
func (m *masker) line(f *file, n, column int) (string, int) {
	text := f.written().line(n)
	at := 0
	for i := 1; i < column && at < len(text); i++ {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	if shown, ok := m.byName(f, n, text); ok {
		return shown, min(column, utf8.RuneCountInString(shown)+1)
	}
	whole, before := m.hide(text), m.hide(text[:at])
	if !strings.HasPrefix(whole, before) { // the place is inside a secret
		before = whole[:commonPrefix(whole, before)]
	}
	return whole, utf8.RuneCountInString(before) + 1
}

// byName hides the value of a variable that is a secret by its name.
func (m *masker) byName(f *file, n int, text string) (string, bool) {
	for _, e := range m.named[f.Path] {
		if n < e.firstLine() || n > e.lastLine() {
			continue
		}
		if n > e.firstLine() {
			return e.File.Indent(n) + hidden, true
		}
		if i := strings.Index(text, e.Name); i >= 0 {
			rest := text[i+len(e.Name):]
			k := len(rest) - len(strings.TrimLeft(rest, " :=\"'>|+-"))
			if pointer.MatchString(strings.TrimRight(rest[k:], " \"'")) {
				return "", false
			}
			return text[:i+len(e.Name)] + rest[:k] + hidden, true
		}
	}
	return "", false
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && !utf8.RuneStart(a[min(n, len(a)-1)]) {
		n--
	}
	return n
}

// finding is a problem as it is shown.
func (m *masker) finding(p Problem) Diagnostic {
	f := Diagnostic{Code: p.Code, Level: p.Level, Setting: p.Setting, Width: p.Width, Message: m.text(p.Message), Fix: m.text(p.Fix), Edit: p.Edit, Meant: p.Meant, Refuses: p.Refuses}
	if f.Edit != nil {
		e := *f.Edit
		e.shown = m.shown(e.Text)
		f.Edit = &e
	}
	if p.File == nil {
		return f
	}
	f.File = p.File.Path
	f.Line, f.Column = p.File.At(p.At)
	f.Source, f.Caret = m.line(p.File, f.Line, f.Column)
	// A caret as wide as a hidden value would tell its length.
	shown, was := []rune(f.Source), []rune(p.File.written().line(f.Line))
	from, to := f.Caret-1, f.Caret-1+f.Width
	if to > len(shown) || f.Column-1+f.Width > len(was) || f.Column < 1 || string(shown[from:to]) != string(was[f.Column-1:f.Column-1+f.Width]) {
		f.Width = 0
	}
	return f
}
