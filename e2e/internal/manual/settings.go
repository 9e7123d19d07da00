package manual

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// settingsPage is docs/settings.md: every login setting with its versions,
// default, what it really does, and the source of that.
func settingsPage() ([]byte, error) {
	d, err := source.KnownSettings()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(`# Settings of Paperless-ngx that take part in signing in

Made from fixtures/paperless-settings.json; do not edit. What a setting really does was read in the sources and tried on the
real products, not taken from a manual. "Since" is the first stable version that reads the name; a name that a version does
not read is ignored without a word, in every version.

Booleans: up to 2.20 every word but yes, y, 1, t and true means false. From 3.0.0 on only true, 1, t, y, yes, false, 0, f, n
and no are taken, and any other word (an empty value too) stops the container.

## Names that guides give and no version reads

| name | what happens |
|---|---|
`)
	for _, m := range d.Nonexistent {
		fmt.Fprintf(&b, "| `%s` | %s |\n", m.Name, cell(m.Effect))
	}
	titles := []struct{ category, title string }{
		{"sso", "Single sign-on"},
		{"users", "First administrator"},
		{"url", "Addresses and cookies"},
		{"proxy", "Reverse proxy"},
		{"email", "E-mail"},
		{"boot", "Start"},
		{"ui", "Looks"},
		{"unrelated", "Often confused with a login setting"},
	}
	for _, t := range titles {
		fmt.Fprintf(&b, "\n## %s\n", t.title)
		for _, s := range d.Settings {
			if s.Category != t.category {
				continue
			}
			fmt.Fprintf(&b, "\n### `%s`\n\n", s.Name)
			fmt.Fprintf(&b, "Type %s · default %s · since %s", s.Type, codeOr(s.Default), s.Introduced)
			if s.Removed != "" {
				fmt.Fprintf(&b, " · removed in %s", s.Removed)
			}
			if s.InGuide {
				b.WriteString(" · in the guide")
			}
			b.WriteString("\n")
			if s.Behaviour != "" {
				fmt.Fprintf(&b, "\n%s\n", s.Behaviour)
			}
			for i, c := range s.Changes {
				if i == 0 {
					b.WriteString("\n")
				}
				fmt.Fprintf(&b, "- %s: %s\n", c.Version, c.Change)
			}
			var refs []string
			for _, v := range []string{"v2.20.15", "v3.0.5"} {
				if len(s.Refs[v]) > 0 {
					refs = append(refs, fmt.Sprintf("%s (%s)", strings.Join(s.Refs[v], ", "), v))
				}
			}
			if len(refs) > 0 {
				fmt.Fprintf(&b, "\nSource: %s\n", strings.Join(refs, "; "))
			}
		}
	}
	return b.Bytes(), nil
}
