package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// An ignoring is a comment that wants nothing said of some codes:
//
//	# ssocheck: ignore SEC-PKCE, NET-PLAIN
//
// on the line itself, or alone on the line above. Above a variable it holds for
// all lines of its value.
type ignoring struct {
	file     *file
	codes    []string
	from, to int // lines that it holds for
	at       int // of the first code
}

var ignoreComment = regexp.MustCompile(`(?i)(#|//)\s*ssocheck:\s*ignore[\s:=]+([A-Z][A-Z0-9]*-[A-Z0-9-]+(?:[\s,]+[A-Z][A-Z0-9]*-[A-Z0-9-]+)*)`)

// ignorings are the comments of all files that were read.
func (s *subject) ignorings() []ignoring {
	files := s.reader.files
	if s.blueprintFile != nil {
		files = append(slices.Clone(files), s.blueprintFile)
	}
	var out []ignoring
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.path] {
			continue
		}
		seen[f.path] = true
		for n := 1; n <= len(f.starts); n++ {
			line := f.line(n)
			m := ignoreComment.FindStringSubmatchIndex(line)
			if m == nil {
				continue
			}
			ig := ignoring{file: f, from: n, to: n, at: f.starts[n-1] + m[4], codes: strings.FieldsFunc(strings.ToUpper(line[m[4]:m[5]]), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })}
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
func (s *subject) nextLines(f *file, n int) (from, to int) {
	for n++; n <= len(f.starts); n++ {
		if text := strings.TrimSpace(f.line(n)); text != "" && text[0] != '#' && !strings.HasPrefix(text, "//") {
			break
		}
	}
	from, to = n, n
	for _, e := range s.all {
		if e.file.path == f.path && e.firstLine() <= n+1 && e.firstLine() >= n && (e.firstLine() == n || oneItem(f, n)) {
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
func (s *subject) hush(list []Finding) []Finding {
	comments := s.ignorings()
	if len(comments) == 0 {
		return list
	}
	said := list[:0]
	for _, f := range list {
		if slices.ContainsFunc(comments, func(ig ignoring) bool {
			return ig.file.path == f.File && f.Line >= ig.from && f.Line <= ig.to && slices.Contains(ig.codes, f.Code)
		}) {
			s.ignored = append(s.ignored, f)
			continue
		}
		said = append(said, f)
	}
	return said
}

// checkIgnore finds codes in comments that no rule has.
func checkIgnore(s *subject) []problem {
	var out []problem
	for _, ig := range s.ignorings() {
		for _, code := range ig.codes {
			if FindRule(code) == nil {
				at := ig.at + max(0, strings.Index(strings.ToUpper(string(ig.file.text[ig.at:])), code))
				out = append(out, problem{
					file: ig.file, at: at, width: len(code),
					message: fmt.Sprintf("no lint rule has the code %s: the comment ignores nothing", code), fix: "ssocheck list rules shows the codes",
				})
			}
		}
	}
	return out
}
