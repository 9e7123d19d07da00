package source

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// An ignoring is a comment that wants nothing said of some codes:
//
//	# ssocheck: ignore SEC-PKCE, NET-PLAIN
//
// on the line itself, or alone on the line above. Above a variable it holds for
// all lines of its value.
type ignoring struct {
	File     *file
	Codes    []string
	from, to int // lines that it holds for
	At       int // of the first code
}

var ignoreComment = lazyregexp.New(`(?i)(#|//)\s*ssocheck:\s*ignore[\s:=]+([A-Z][A-Z0-9]*-[A-Z0-9-]+(?:[\s,]+[A-Z][A-Z0-9]*-[A-Z0-9-]+)*)`)

// Ignorings are the comments of all files that were read.
func (s *Set) Ignorings() []ignoring {
	files := s.Reader.files
	if s.BlueprintFile != nil {
		files = append(slices.Clone(files), s.BlueprintFile)
	}
	var out []ignoring
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.Path] {
			continue
		}
		seen[f.Path] = true
		for n := 1; n <= len(f.starts); n++ {
			line := f.line(n)
			m := ignoreComment.FindStringSubmatchIndex(line)
			if m == nil {
				continue
			}
			ig := ignoring{File: f, from: n, to: n, At: f.starts[n-1] + m[4], Codes: strings.FieldsFunc(strings.ToUpper(line[m[4]:m[5]]), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })}
			if strings.TrimSpace(line[:m[0]]) == "" { // alone: for what comes next
				ig.from, ig.to = s.nextLines(f, n)
			}
			out = append(out, ig)
		}
	}
	return out
}

// nextLines are the lines of what stands below a comment: the next line that is
// no comment, and all of a variable that begins there.
func (s *Set) nextLines(f *file, n int) (from, to int) {
	for n++; n <= len(f.starts); n++ {
		if text := strings.TrimSpace(f.line(n)); text != "" && text[0] != '#' && !strings.HasPrefix(text, "//") {
			break
		}
	}
	from, to = n, n
	for _, e := range s.All {
		if e.File.Path == f.Path && e.firstLine() <= n+1 && e.firstLine() >= n && (e.firstLine() == n || oneItem(f, n)) {
			to = max(to, e.lastLine())
		}
	}
	return from, to
}

// oneItem reports whether a line begins an item whose variable stands on the next
// one: - name: NAME, and below it value:.
func oneItem(f *file, n int) bool {
	return strings.HasPrefix(strings.TrimSpace(f.line(n)), "- name:") || strings.TrimSpace(f.line(n)) == "-"
}

// hush takes out what comments do not want said, and keeps it apart.
func (s *Set) hush(list []Diagnostic) []Diagnostic {
	comments := s.Ignorings()
	if len(comments) == 0 {
		return list
	}
	said := list[:0]
	for _, f := range list {
		if slices.ContainsFunc(comments, func(ig ignoring) bool {
			return ig.File.Path == f.File && f.Line >= ig.from && f.Line <= ig.to && slices.Contains(ig.Codes, f.Code)
		}) {
			s.Ignored = append(s.Ignored, f)
			continue
		}
		said = append(said, f)
	}
	return said
}
