package source

import (
	"fmt"
	"path"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A shellWord is a word of a shell command, quotes taken off.
type shellWord struct {
	text    string
	pos     []int // offset in the file of each byte
	at, end int
	refs    []Gap // $NAME and $(…) in it that the shell fills, outside of single quotes
	ends    bool  // of a word that ends a command: ; & | or a line end
}

// shellWords splits a command as a shell does: quotes, backslashes, lines that
// go on, comments. It runs nothing.
func shellWords(text string, place func(int) int) []shellWord {
	var out []shellWord
	var w shellWord
	inside := false
	put := func(c byte, i int) {
		if !inside {
			w = shellWord{at: place(i)}
			inside = true
		}
		w.text += string(c)
		w.pos = append(w.pos, place(i))
	}
	begin := func(i int) {
		if !inside {
			w = shellWord{at: place(i)}
			inside = true
		}
	}
	flush := func(i int) {
		if inside {
			w.end = place(i)
			out = append(out, w)
		}
		inside = false
	}
	reference := func(i int) int { // length of a $ expression; 0: none
		n, name, _ := referenceAt(text[i:])
		if strings.HasPrefix(text[i:], "$$") {
			n, name = 2, "$"
		}
		if strings.HasPrefix(text[i:], "$(") {
			depth := 0
			for j := i + 1; j < len(text); j++ {
				if text[j] == '(' {
					depth++
				}
				if text[j] == ')' {
					if depth--; depth == 0 {
						n, name = j+1-i, "$(…)"
						break
					}
				}
			}
		}
		if n == 0 {
			return 0
		}
		begin(i)
		w.refs = append(w.refs, Gap{at: len(w.text), n: n, Name: name, Why: "set where the script runs"})
		for k := range n {
			put(text[i+k], i+k)
		}
		return n
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && text[i+1] == '\n':
			i++
		case c == '\\' && i+2 < len(text) && text[i+1] == '\r' && text[i+2] == '\n':
			i += 2
		case c == '\\' && i+1 < len(text):
			i++
			put(text[i], i)
		case c == '\'':
			begin(i)
			for i++; i < len(text) && text[i] != '\''; i++ {
				put(text[i], i)
			}
		case c == '"':
			begin(i)
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' && i+1 < len(text) && strings.IndexByte("\"\\$`\n", text[i+1]) >= 0 {
					i++
					if text[i] != '\n' {
						put(text[i], i)
					}
					continue
				}
				if text[i] == '$' {
					if n := reference(i); n > 0 {
						i += n - 1
						continue
					}
				}
				put(text[i], i)
			}
		case c == '$':
			if n := reference(i); n > 0 {
				i += n - 1
				continue
			}
			put(c, i)
		case c == '#' && !inside:
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case c == ' ' || c == '\t' || c == '\r':
			flush(i)
		case c == '\n' || c == ';' || c == '&' || c == '|':
			flush(i)
			out = append(out, shellWord{ends: true})
		default:
			put(c, i)
		}
	}
	flush(len(text))
	return out
}

var shellAssign = lazyregexp.New(`^([A-Za-z_][A-Za-z0-9_]*)=`)

// readScript reads a shell script: -e, --env and --env-file of the docker run (or
// podman run) that starts Paperless.
func (r *reader) readScript(f *file) ([]*Entry, error) {
	text := string(f.Text)
	words := shellWords(text, func(i int) int { return i })
	vars := map[string]*shellWord{}
	var command []shellWord
	var best []*Entry
	bestImage := ""
	found := false
	r.whole = true
	take := func() {
		defer func() { command = nil }()
		at := runAt(command)
		if at < 0 {
			for i := range command { // NAME=value before a command, or alone
				if command[i].text == "export" || command[i].text == "readonly" || command[i].text == "local" {
					continue
				}
				m := shellAssign.FindStringSubmatch(command[i].text)
				if m == nil {
					break
				}
				vars[m[1]] = &command[i]
			}
			return
		}
		open, files, image, labels := r.Open, r.files, r.Image, r.labels
		r.Image, r.labels = "", nil
		entries := r.runWords(f, command[at:], vars, "script")
		paperless := PaperlessImage.MatchString(r.Image)
		if !found && (paperless || anySetting(entries)) {
			best, bestImage, found = entries, r.Image, true
			r.Image = image
			return
		}
		r.Open, r.files, r.Image, r.labels = open, files, image, labels
	}
	for _, w := range words {
		if w.ends {
			take()
			continue
		}
		command = append(command, w)
	}
	take()
	if !found {
		return nil, fmt.Errorf("%w: %s is a shell script, and no docker run in it starts a Paperless image or sets a PAPERLESS_ variable; give the file that configures Paperless, or %s", ErrUnreadable, f.Path, AskContainer)
	}
	r.Image = bestImage
	return best, nil
}

// runAt is where the arguments of docker run begin; -1: the command is another.
func runAt(words []shellWord) int {
	for i, w := range words {
		switch path.Base(w.text) {
		case "docker", "podman", "nerdctl":
			for j := i + 1; j < len(words) && j < i+8; j++ {
				if words[j].text == "run" || words[j].text == "create" {
					return j + 1
				}
				if words[j].text == "compose" || words[j].text == "stack" {
					return -1
				}
			}
		}
	}
	return -1
}

// runWords reads the arguments of docker run.
func (r *reader) runWords(f *file, words []shellWord, vars map[string]*shellWord, from string) []*Entry {
	var out, files []*Entry
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case (w.text == "-e" || w.text == "--env") && i+1 < len(words):
			i++
			out = append(out, runVariable(f, words[i], 0, vars, from))
		case strings.HasPrefix(w.text, "--env="):
			out = append(out, runVariable(f, w, len("--env="), vars, from))
		case strings.HasPrefix(w.text, "-e") && len(w.text) > 2 && shellAssign.MatchString(strings.TrimPrefix(w.text[2:], "=")):
			out = append(out, runVariable(f, w, len(w.text)-len(strings.TrimPrefix(w.text[2:], "=")), vars, from))
		case (w.text == "-l" || w.text == "--label") && i+1 < len(words):
			i++
			r.label(words[i].text)
		case strings.HasPrefix(w.text, "--label="):
			r.label(strings.TrimPrefix(w.text, "--label="))
		case w.text == "--env-file" && i+1 < len(words):
			i++
			files = append(files, r.literalFile(f, words[i].text, "--env-file")...)
		case strings.HasPrefix(w.text, "--env-file="):
			files = append(files, r.literalFile(f, strings.TrimPrefix(w.text, "--env-file="), "--env-file")...)
		case r.Image == "" && PaperlessImage.MatchString(w.text) && !strings.HasPrefix(w.text, "-") && !afterOption(words, i):
			r.Image = w.text
		case len(w.refs) > 0 && w.text == w.text[w.refs[0].at:w.refs[0].at+w.refs[0].n] && !afterOption(words, i):
			// "${args[@]}" and the like: what it holds is not known.
			if w.refs[0].Name != "" && (strings.Contains(w.text, "[@]") || strings.Contains(strings.ToLower(w.text), "env") || strings.Contains(strings.ToLower(w.text), "opts") || strings.Contains(strings.ToLower(w.text), "args")) {
				r.Open = append(r.Open, w.text+" of the script")
			}
		}
	}
	for i := range out {
		if out[i] == nil {
			out = append(out[:i:i], out[i+1:]...)
			break
		}
	}
	return append(files, out...)
}

// afterOption reports whether a word is the value of the option before it.
func afterOption(words []shellWord, i int) bool {
	if i == 0 {
		return false
	}
	switch before := words[i-1].text; before {
	case "-d", "-i", "-t", "-it", "-dit", "-itd", "-ti", "-td", "-dt", "--detach", "--rm", "--init", "--privileged", "--interactive", "--tty", "--read-only", "-P":
		return false
	default:
		return strings.HasPrefix(before, "-") && !strings.Contains(before, "=")
	}
}

// runVariable is -e NAME=value, or -e NAME, which passes the shell's on.
func runVariable(f *file, w shellWord, skip int, vars map[string]*shellWord, from string) *Entry {
	if skip >= len(w.text) {
		return nil
	}
	text, pos := w.text[skip:], w.pos[skip:]
	name, value, ok := strings.Cut(text, "=")
	e := &Entry{Name: name, File: f, From: from, form: asOption, NameAt: pos[0], Style: Bare, Set: ok}
	if !ok {
		e.Style, e.ValueAt, e.End = Absent, w.end, w.end
		if v := vars[name]; v != nil && len(v.refs) == 0 {
			e.Value, e.Set = v.text[len(name)+1:], true
			return e
		}
		e.Unknown = "the shell that the script runs in"
		return e
	}
	n := len(name) + 1
	e.Value, e.Raw, e.Pos = value, value, pos[n:]
	e.ValueAt, e.End = pos[n-1]+1, w.end
	// The same pass as for a manifest: what the script sets is known.
	var out strings.Builder
	var at []int
	last := n
	keep := func(a, b int) {
		out.WriteString(text[a:b])
		at = append(at, pos[a:b]...)
	}
	for _, g := range w.refs {
		g.at -= skip
		if g.at < last {
			continue
		}
		keep(last, g.at)
		last = g.at + g.n
		v := vars[g.Name]
		if v != nil && len(v.refs) == 0 {
			sub := v.text[len(g.Name)+1:]
			out.WriteString(sub)
			for range len(sub) {
				at = append(at, pos[g.at])
			}
			e.Refs = append(e.Refs, Reference{Name: g.Name, Text: text[g.at:last], At: g.at - n, Known: true, Sub: sub})
			continue
		}
		e.Gaps = append(e.Gaps, Gap{at: out.Len(), n: g.n, Name: g.Name, Why: g.Why})
		out.WriteString(text[g.at:last])
		at = append(at, pos[g.at:last]...)
	}
	keep(last, len(text))
	e.Value, e.Pos = out.String(), at
	return e
}
