package manual

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// Pages are the generated files of docs: name to content.
func Pages() (map[string][]byte, error) {
	pages, err := all()
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, p := range pages {
		var b bytes.Buffer
		fmt.Fprintf(&b, "# %s\n\nMade by `make docs` from the catalogue; do not edit.\n\n%s", p.title, p.intro)
		if p.name != VersionsPage {
			contents(&b, p.entries)
		}
		for _, e := range p.entries {
			e.markdown(&b)
		}
		out[p.name] = b.Bytes()
	}
	out[SettingsPage], err = settingsPage()
	return out, err
}

func contents(b *bytes.Buffer, entries []Entry) {
	b.WriteString("\n| | |\n|---|---|\n")
	for _, e := range entries {
		fmt.Fprintf(b, "| [%s](#%s) | %s |\n", e.ID, Anchor(e.ID), cell(e.Title))
	}
}

func (e *Entry) markdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## %s\n\n**%s**\n\n", e.ID, escape(e.Title))
	for _, f := range e.Facts {
		fmt.Fprintf(b, "- %s: %s\n", f.Label, escape(strings.ReplaceAll(f.Text, "\n", " ")))
	}
	if len(e.Quote) == 0 {
		return
	}
	fmt.Fprintf(b, "\nWhat it shows, %s:\n\n```\n%s\n```\n", e.Run, strings.Join(e.Quote, "\n"))
}

var angle = lazyregexp.New(`<([A-Za-z_/-][^>` + "`" + `]*)>`)

// escape keeps <slug> from being taken for HTML.
func escape(s string) string { return angle.ReplaceAllString(s, `&lt;$1&gt;`) }

var (
	markdownLink = lazyregexp.New(`\[([^\]]*)\]\([^)]*\)`)
	labelWidth   = 14
)

// Text writes the entry for a terminal.
func (e *Entry) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n", e.ID, e.Title)
	for _, f := range e.Facts {
		text := markdownLink.ReplaceAllString(strings.ReplaceAll(f.Text, "`", ""), "$1")
		if f.Label == guideLabel {
			text += " of “" + source.GuideTitle + "”, " + source.GuideURL
		}
		lines := wrap(text, 96-labelWidth)
		for n, line := range lines {
			label := ""
			if n == 0 {
				label = f.Label + ":"
			}
			fmt.Fprintf(&b, "%-*s %s\n", labelWidth, label, line)
		}
	}
	if len(e.Quote) > 0 {
		fmt.Fprintf(&b, "\nWhat it shows, %s:\n", e.Run)
		for _, q := range e.Quote {
			fmt.Fprintf(&b, "  %s\n", q)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks a text at blanks.
func wrap(text string, width int) []string {
	var out []string
	for part := range strings.SplitSeq(text, "\n") {
		line := ""
		for _, word := range strings.Fields(part) {
			if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
				out = append(out, line)
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		out = append(out, line)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
