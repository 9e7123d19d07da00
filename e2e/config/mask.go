package config

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/render"
)

// hidden is what stands in a quoted line in a secret's place.
const hidden = "********"

// A masker knows the secrets of all files that were read.
type masker struct {
	secrets []string // longest first
	entries []*entry
	named   map[string][]*entry // those that are secrets by their names, by file
}

// assigned finds what is given to a name that says secret, in any notation.
var assigned = regexp.MustCompile(`(?i)((?:secret|password|passwd|passphrase|dbpass|_pass|api_?key|token)[A-Za-z0-9_]*["'“”\\]*\s*[:=]\s*(?:[>|][+-]?\s*)?["'“”\\]*)([^"'“”\s,}\]\\]+)`)

// inURL finds the password in scheme://user:password@host.
var inURL = regexp.MustCompile(`(://[^/\s:@"']*:)([^@/\s]+)(@)`)

// public are words that are values of secrets in half the world's examples:
// hiding them everywhere would hide the product's name.
var public = []string{"paperless", "authentik", "postgres", "postgresql", "password", "changeme", "change-me", "secret", "admin", "redis", "mariadb", "true", "false"}

func (s *subject) masker() *masker {
	m := &masker{entries: slices.Clone(s.all)}
	add := func(v string) {
		// Line by line, so that a quoted text keeps its lines.
		for line := range strings.SplitSeq(v, "\n") {
			for _, v := range spellings(line) {
				if len(v) >= 4 && !strings.HasPrefix(v, "<") && !slices.Contains(public, strings.ToLower(v)) && !slices.Contains(m.secrets, v) {
					m.secrets = append(m.secrets, v)
				}
			}
		}
	}
	text := func(t string) {
		for _, g := range assigned.FindAllStringSubmatch(t, -1) {
			if !strings.HasPrefix(g[2], "${") && !strings.Contains(g[1], "_FILE") {
				add(g[2])
			}
		}
		for _, g := range inURL.FindAllStringSubmatch(t, -1) {
			add(g[2])
		}
	}
	if s.project != nil {
		m.entries = append(m.entries, s.project.dotenv...)
		m.entries = append(m.entries, s.project.others...)
	}
	for _, e := range m.entries {
		if render.SecretName(e.name) || strings.Contains(e.name, "PASSPHRASE") {
			add(e.value)
			add(e.raw)
		}
		text(e.value)
	}
	for _, f := range s.reader.files {
		text(string(f.text))
	}
	for name, e := range s.files {
		if render.SecretName(name) {
			add(e.value)
		}
	}
	for name, v := range s.reader.sources.Environ {
		if render.SecretName(name) {
			add(v)
		}
	}
	for _, e := range m.entries {
		if render.SecretName(e.name) {
			add(e.writtenFrom(0, len(e.value)))
		}
	}
	if s.blueprintFile != nil {
		text(string(s.blueprintFile.text))
	}
	for _, v := range s.bundle.Secrets() {
		add(v)
	}
	for _, n := range s.apps {
		for _, key := range []string{"secret", "key"} {
			add(n.get(key).text())
			if v := n.get(key); v.is('s') && v.end-v.at > 2 && s.providers != nil {
				add(s.providers.writtenFrom(v.at+1, v.end-1))
			}
		}
	}
	slices.SortStableFunc(m.secrets, func(a, b string) int { return len(b) - len(a) })
	m.named = map[string][]*entry{}
	for _, e := range m.entries {
		if render.SecretName(e.name) && e.style != absent {
			m.named[e.file.path] = append(m.named[e.file.path], e)
		}
	}
	return m
}

// spellings are the ways in which people write a secret: as it is, without the
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
func (e *entry) writtenFrom(from, to int) string {
	if len(e.pos) == 0 || from >= to {
		return ""
	}
	a, b := e.offset(from), e.offset(to-1)+1
	if a < 0 || b > len(e.file.text) || a >= b || bytes.IndexByte(e.file.text[a:b], '\n') >= 0 {
		return ""
	}
	return string(e.file.text[a:b])
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
	line = assigned.ReplaceAllStringFunc(line, func(all string) string {
		g := assigned.FindStringSubmatch(all)
		if strings.HasPrefix(g[2], "${") || strings.HasPrefix(g[2], "<") || strings.Contains(g[1], "_FILE") {
			return all
		}
		return g[1] + hidden
	})
	return inURL.ReplaceAllString(line, "${1}"+hidden+"${3}")
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
	// What is known first: a pattern could leave the end of a secret.
	whole := hideLine(m.text(text))
	before := hideLine(m.text(text[:at]))
	if !strings.HasPrefix(whole, before) { // the place is inside a secret
		before = whole[:commonPrefix(whole, before)]
	}
	return whole, utf8.RuneCountInString(before) + 1
}

// byName hides the value of a variable that is a secret by its name.
func (m *masker) byName(f *file, n int, text string) (string, bool) {
	for _, e := range m.named[f.path] {
		if n < e.firstLine() || n > e.lastLine() {
			continue
		}
		if n > e.firstLine() {
			return e.file.indent(n) + hidden, true
		}
		if i := strings.Index(text, e.name); i >= 0 {
			rest := text[i+len(e.name):]
			k := len(rest) - len(strings.TrimLeft(rest, " :=\"'>|+-"))
			return text[:i+len(e.name)] + rest[:k] + hidden, true
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
func (m *masker) finding(p problem) Finding {
	f := Finding{Code: p.code, Level: p.level, Setting: p.setting, Width: p.width, Message: m.text(p.message), Fix: m.text(p.fix), Edit: p.edit, Meant: p.meant, Refuses: p.refuses}
	if f.Edit != nil {
		e := *f.Edit
		e.shown = hideLine(m.text(e.Text))
		f.Edit = &e
	}
	if p.file == nil {
		return f
	}
	f.File = p.file.path
	f.Line, f.Column = p.file.at(p.at)
	f.Source, f.caret = m.line(p.file, f.Line, f.Column)
	// A caret as wide as a hidden value would tell its length.
	shown, was := []rune(f.Source), []rune(p.file.written().line(f.Line))
	from, to := f.caret-1, f.caret-1+f.Width
	if to > len(shown) || f.Column-1+f.Width > len(was) || f.Column < 1 || string(shown[from:to]) != string(was[f.Column-1:f.Column-1+f.Width]) {
		f.Width = 0
	}
	return f
}
