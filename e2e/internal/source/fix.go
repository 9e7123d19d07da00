package source

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// Fix applies the edits of findings: file to new content. Every byte outside
// the edited lines stays, the line ends too. Of edits that touch the same lines
// the first counts; lint again and fix again for the rest.
func Fix(findings []Diagnostic) (map[string][]byte, error) {
	edits := map[string][]Edit{}
	for _, f := range findings {
		if f.Edit == nil {
			continue
		}
		e := *f.Edit
		taken := slices.ContainsFunc(edits[e.File], func(o Edit) bool {
			if e.To < e.From || o.To < o.From { // an insertion
				return e.From == o.From && e.Text == o.Text
			}
			return e.From <= o.To && o.From <= e.To
		})
		if !taken {
			edits[e.File] = append(edits[e.File], e)
		}
	}
	out := map[string][]byte{}
	for path, list := range edits {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("fix: %w", err)
		}
		fixed, err := apply(text, list)
		if err != nil {
			return nil, fmt.Errorf("fix %s: %w", path, err)
		}
		out[path] = fixed
	}
	return out, nil
}

// apply makes edits of lines, from the last to the first.
func apply(text []byte, edits []Edit) ([]byte, error) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if n := len(lines); n > 0 && len(lines[n-1]) == 0 {
		lines = lines[:n-1]
	}
	// An insertion at a line comes after a change of it, so that both hold.
	slices.SortStableFunc(edits, func(a, b Edit) int {
		if a.From != b.From {
			return b.From - a.From
		}
		return (a.From - a.To) - (b.From - b.To)
	})
	eol := "\n"
	if len(lines) > 0 && bytes.HasSuffix(lines[0], []byte("\r\n")) {
		eol = "\r\n"
	}
	for _, e := range edits {
		from, to := e.From-1, e.To
		if from < 0 || to > len(lines) || to < from {
			return nil, fmt.Errorf("lines %d to %d are not there; the file has changed since it was read: run lint again", e.From, e.To)
		}
		if e.read && to > from && !sameLines(lines[from:to], e.was) {
			return nil, fmt.Errorf("line %d is another one now: the file has changed since it was read; run lint again", e.From)
		}
		var put [][]byte
		switch {
		case e.Text == "" && to > from: // the lines go
		case to > from: // the last line keeps its own line end, or none
			end := lines[to-1][len(bytes.TrimRight(lines[to-1], "\r\n")):]
			put = [][]byte{append([]byte(strings.ReplaceAll(e.Text, "\n", eol)), end...)}
		default:
			if from > 0 && !bytes.HasSuffix(lines[from-1], []byte("\n")) {
				lines[from-1] = append(slices.Clone(lines[from-1]), eol...)
				put = [][]byte{[]byte(strings.ReplaceAll(e.Text, "\n", eol))}
				break
			}
			put = [][]byte{[]byte(strings.ReplaceAll(e.Text, "\n", eol) + eol)}
		}
		lines = slices.Concat(lines[:from], put, lines[to:])
	}
	return bytes.Join(lines, nil), nil
}

func sameLines(lines [][]byte, was string) bool {
	for i, want := range strings.Split(was, "\n") {
		if i >= len(lines) || string(bytes.TrimRight(lines[i], "\r\n")) != want {
			return false
		}
	}
	return true
}

// Diff is the unified diff of a file, its secrets hidden; "" when nothing changed.
func Diff(old, updated []byte, name string) string {
	m := &masker{}
	for _, v := range deployment.SecretValues(string(old) + "\n" + string(updated)) {
		for line := range strings.SplitSeq(v, "\n") {
			if !(deployment.Words{}).Has(line) && !slices.Contains(public, strings.ToLower(line)) {
				m.secrets = append(m.secrets, line)
			}
		}
	}
	slices.SortStableFunc(m.secrets, func(a, b string) int { return len(b) - len(a) })
	return diff(old, updated, name, m.shown)
}

// diff is Diff with what hides the secrets, on both sides alike.
func diff(old, updated []byte, name string, hide func(string) string) string {
	if bytes.Equal(old, updated) {
		return ""
	}
	// The lines themselves say what changed, also where only a hidden part did.
	a, b := diffLines(string(old)), diffLines(string(updated))
	shownA, shownB := diffLines(hide(string(old))), diffLines(hide(string(updated)))
	for _, lines := range [][]string{shownA, shownB} {
		for i, l := range lines {
			lines[i] = strings.Replace(l, "\r\n", "\n", 1)
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", name, name)
	for _, h := range hunks(a, b, shownA, shownB) {
		out.WriteString(h)
	}
	return out.String()
}

func diffLines(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// hunks are the changed places with three lines around them. The files differ
// in few lines, so the plain method (common beginning, common end, the nearest
// equal line in between) is enough.
func hunks(a, b, shownA, shownB []string) []string {
	type op struct {
		kind byte
		text string
	}
	var ops []op
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		if i < len(a) && j < len(b) && a[i] == b[j] {
			ops = append(ops, op{' ', shownA[i]})
			i, j = i+1, j+1
			continue
		}
		di, dj := meet(a[i:], b[j:])
		for range di {
			ops = append(ops, op{'-', shownA[i]})
			i++
		}
		for range dj {
			ops = append(ops, op{'+', shownB[j]})
			j++
		}
	}
	const around = 3
	var out []string
	for at := 0; at < len(ops); {
		if ops[at].kind == ' ' {
			at++
			continue
		}
		from, to := max(at-around, 0), at
		for quiet := 0; to < len(ops) && quiet <= 2*around; to++ {
			quiet++
			if ops[to].kind != ' ' {
				quiet = 0
			}
		}
		for to > at && ops[to-1].kind == ' ' {
			to--
		}
		to = min(to+around, len(ops))
		la, lb := 1, 1
		for _, o := range ops[:from] {
			if o.kind != '+' {
				la++
			}
			if o.kind != '-' {
				lb++
			}
		}
		na, nb := 0, 0
		var body strings.Builder
		for _, o := range ops[from:to] {
			if o.kind != '+' {
				na++
			}
			if o.kind != '-' {
				nb++
			}
			body.WriteByte(o.kind)
			body.WriteString(strings.TrimRight(o.text, "\n"))
			body.WriteByte('\n')
			if !strings.HasSuffix(o.text, "\n") {
				body.WriteString("\\ No newline at end of file\n")
			}
		}
		if na == 0 {
			la--
		}
		if nb == 0 {
			lb--
		}
		out = append(out, fmt.Sprintf("@@ -%d,%d +%d,%d @@\n%s", la, na, lb, nb, body.String()))
		at = to
	}
	return out
}

// meet is how many lines to skip on each side until the two agree again.
func meet(a, b []string) (int, int) {
	for n := 1; n <= len(a)+len(b); n++ {
		for di := max(0, n-len(b)); di <= min(n, len(a)); di++ {
			dj := n - di
			if di < len(a) && dj < len(b) && a[di] == b[dj] {
				return di, dj
			}
		}
		if n > 400 { // far apart: the rest is all new
			break
		}
	}
	return len(a), len(b)
}
