package source

import (
	"cmp"
	"slices"
	"strings"
)

// Diagnostics are problems as they are shown, without secrets, in the order of
// files and lines; what two rules say in the same words of the same place is one.
func (s *Set) Diagnostics(problems []Problem) []Diagnostic {
	s.encodedAgain(problems)
	m := s.masker()
	var out []Diagnostic
	seen := map[Diagnostic]bool{}
	for _, p := range problems {
		f := m.finding(p)
		if f.Edit != nil && !p.File.writable() {
			f.Edit = nil
		}
		if f.Edit != nil {
			f.Edit.was, f.Edit.read = s.linesOf(f.Edit)
		}
		key := Diagnostic{Code: f.Code, File: f.File, Line: f.Line, Column: f.Column, Message: f.Message}
		if !seen[key] {
			seen[key] = true
			out = append(out, f)
		}
	}
	s.Sort(out)
	return s.hush(out)
}

// Diff is the unified diff of one of the files, its secrets hidden; "" when
// nothing changed.
func (s *Set) Diff(old, updated []byte, name string) string {
	return diff(old, updated, name, s.masker().shown)
}

// linesOf are the lines that an edit replaces, as they were read.
func (s *Set) linesOf(e *Edit) (string, bool) {
	files := s.Reader.files
	if s.BlueprintFile != nil {
		files = append(slices.Clone(files), s.BlueprintFile)
	}
	for _, f := range files {
		if f.Path == e.File {
			var lines []string
			for n := e.From; n <= e.To; n++ {
				lines = append(lines, f.written().line(n))
			}
			return strings.Join(lines, "\n"), true
		}
	}
	return "", false
}

// Sort puts errors first, then warnings, then notes; each in the order of files
// and lines, what is there now first.
func (s *Set) Sort(list []Diagnostic) {
	order := map[string]int{}
	for i, f := range s.Reader.files {
		if _, ok := order[f.Path]; !ok {
			order[f.Path] = i
		}
	}
	slices.SortStableFunc(list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(Rank(a.Level), Rank(b.Level)), cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.From, b.From),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
}

// Rank orders levels: errors first.
func Rank(level string) int {
	switch level {
	case Error:
		return 0
	case Warning:
		return 1
	}
	return 2
}
