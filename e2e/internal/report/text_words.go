package report

import (
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

func (p *printer) paragraph(s string, left int, color string) {
	for _, l := range wrap(s, p.Width-left) {
		p.line(strings.Repeat(" ", left), p.paint(color, l))
	}
}

// wrap breaks prose at spaces. A word that is too long, such as a URL, stays
// whole, so that it can be copied.
func wrap(s string, columns int) []string {
	var lines []string
	for para := range strings.SplitSeq(s, "\n") {
		line := ""
		for word := range strings.FieldsSeq(para) {
			switch {
			case line == "":
				line = word
			case width(line)+1+width(word) <= columns:
				line += " " + word
			default:
				lines = append(lines, line)
				line = word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

var workflowCommand = lazyregexp.New(`(?m)^((?:\s|\x1b\[[0-9;]*m)*)(::|##\[)`)

// harmless takes the force from lines that GitHub's runner would take for its
// own commands: a log of the products is quoted in the text.
func harmless(s string) string { return workflowCommand.ReplaceAllString(s, "$1> $2") }

func width(s string) int { return utf8.RuneCountInString(s) }

func fill(s string, w int) string { return s + strings.Repeat(" ", max(0, w-width(s))) }

// cut shortens a text to a width.
func cut(s string, w int) string {
	r := []rune(s)
	if len(r) <= w {
		return s
	}
	return strings.TrimRight(string(r[:max(0, w-1)]), " ") + "…"
}

// ascii spells what terminals without Unicode cannot show.
func ascii(s string) string {
	s = strings.NewReplacer("│", "|", "·", "-", "…", "...", "–", "-", "—", "-", "✓", "ok", "✗", "x", "⚠", "!", "→", "->", "←", "<-",
		"“", `"`, "”", `"`, "„", `"`, "‘", "'", "’", "'", "›", ">", "≥", ">=", "\u00a0", " ").Replace(s)
	return strings.Map(func(c rune) rune {
		if c > 0x7e {
			return '?'
		}
		return c
	}, s)
}
