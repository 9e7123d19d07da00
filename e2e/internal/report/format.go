package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// Formats are the names that Format takes.
func Formats() []string { return []string{"text", "json", "github", "sarif"} }

// Format writes findings in a format of Formats; ignored is how many were not to
// be said.
func Format(w io.Writer, format string, findings []source.Diagnostic, ignored int) error {
	switch format {
	case "text":
		return FormatText(w, findings, ignored)
	case "json":
		return FormatJSON(w, findings)
	case "github":
		return FormatGitHub(w, findings)
	case "sarif":
		return FormatSARIF(w, findings)
	}
	return fmt.Errorf("no format %q; there are %s", format, strings.Join(Formats(), ", "))
}

const textWidth = 100 // of a quoted source line

// FormatText writes findings for a user: place, message, the line with a
// caret, what to do, and how to read more.
func FormatText(w io.Writer, findings []source.Diagnostic, ignored int) error {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s: %s %s: %s\n", place(&f), f.Level, f.Code, say(&f))
		if strings.TrimSpace(f.Source) != "" {
			source, caret := excerpt(&f, textWidth)
			fmt.Fprintf(&b, "  %5d | %s\n        | %s\n", f.Line, source, caret)
		}
		if f.Fix != "" {
			fmt.Fprintf(&b, "          fix: %s\n", strings.ReplaceAll(f.Fix, "\n", "\n               "))
		}
		fmt.Fprintf(&b, "          more: %s\n\n", source.More(f.Code))
	}
	b.WriteString(lastLine(findings, ignored) + "\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

// lastLine counts: by level, what --fix can do, and what was not to be said.
func lastLine(findings []source.Diagnostic, ignored int) string {
	count := map[string]int{}
	fixable := 0
	for _, f := range findings {
		count[f.Level]++
		if f.Edit != nil {
			fixable++
		}
	}
	out := "no findings"
	if len(findings) > 0 {
		out = fmt.Sprintf("%s, %s, %s", Plural(count[source.Error], "error"), Plural(count[source.Warning], "warning"), Plural(count[source.Info], "note"))
	}
	if fixable > 0 {
		out += fmt.Sprintf(" · %d fixable with --fix", fixable)
	}
	if ignored > 0 {
		out += fmt.Sprintf(" · %d ignored", ignored)
	}
	return out
}

// say is the message, with the version that it waits for.
func say(f *source.Diagnostic) string {
	if f.From == "" {
		return f.Message
	}
	return "from " + f.From + " on: " + f.Message
}

func place(f *source.Diagnostic) string {
	switch {
	case f.File == "":
		return "configuration"
	case f.Line == 0:
		return f.File
	case f.Column == 0:
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

// excerpt is the source line, cut around the place when it is longer than a
// width, and the line with the caret under it.
func excerpt(f *source.Diagnostic, width int) (line, caret string) {
	column := f.Caret
	if column == 0 {
		column = f.Column
	}
	runes := []rune(strings.Map(printable, f.Source))
	column = min(max(column, 1), len(runes)+1)
	from := 0
	if width = max(width, 20); len(runes) > width {
		from = max(0, min(column-width/3, len(runes)-width))
		runes = runes[from:min(len(runes), from+width)]
	}
	line = string(runes)
	if from > 0 {
		line = "…" + line
		column++
	}
	pad := strings.Builder{}
	for i, r := range []rune(line) {
		if i >= column-1-from {
			break
		}
		if r == '\t' {
			pad.WriteByte('\t')
		} else {
			pad.WriteByte(' ')
		}
	}
	left := utf8.RuneCountInString(line) - (column - 1 - from)
	return line, pad.String() + strings.Repeat("^", max(min(max(f.Width, 1), left), 1))
}

// printable keeps control characters of a file off the terminal.
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return '·'
	}
	return r
}

// FormatJSON writes findings as a JSON list.
func FormatJSON(w io.Writer, findings []source.Diagnostic) error {
	if findings == nil {
		findings = []source.Diagnostic{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(findings); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

// FormatGitHub writes findings as annotations of a GitHub workflow.
func FormatGitHub(w io.Writer, findings []source.Diagnostic) error {
	var b strings.Builder
	for _, f := range findings {
		text := say(&f)
		if f.Fix != "" {
			text += "\nfix: " + f.Fix
		}
		text += "\nmore: " + source.More(f.Code)
		annotate(&b, levelWord(f.Level, "notice"), deployment.Origin{File: f.File, Line: f.Line, Column: f.Column}, f.Width, f.Code, text)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}
