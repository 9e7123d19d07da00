package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/fixtures"
)

// A Setting is a Paperless setting that takes part in signing in.
type Setting struct {
	Name       string              `json:"name"`
	Category   string              `json:"category"`
	Type       string              `json:"type"`
	Default    string              `json:"default"`
	Introduced string              `json:"introduced"`
	Removed    string              `json:"removed"`
	InGuide    bool                `json:"in_guide"`
	Behaviour  string              `json:"behaviour"`
	Changes    []SettingChange     `json:"changes"`
	Refs       map[string][]string `json:"refs"`
}

// A SettingChange is what a version changed about a setting.
type SettingChange struct {
	Version string `json:"version"`
	Change  string `json:"change"`
}

// A MissingSetting is a name that guides give and no version reads.
type MissingSetting struct {
	Name   string `json:"name"`
	Effect string `json:"effect"`
}

type settingsData struct {
	Settings    []Setting        `json:"settings"`
	Nonexistent []MissingSetting `json:"nonexistent"`
	byName      map[string]*Setting
	others      map[string]bool
	removed     map[string]removal
}

// A removal is what became of a setting that has nothing to do with signing in.
type removal struct{ since, instead string }

var loadSettings = sync.OnceValues(func() (*settingsData, error) {
	text, err := fixtures.FS.ReadFile("paperless-settings.json")
	if err != nil {
		return nil, fmt.Errorf("read the settings data: %w", err)
	}
	var d settingsData
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("parse the settings data: %w", err)
	}
	d.byName = map[string]*Setting{}
	for i := range d.Settings {
		d.byName[d.Settings[i].Name] = &d.Settings[i]
	}
	text, err = fixtures.FS.ReadFile("paperless-other-settings.txt")
	if err != nil {
		return nil, fmt.Errorf("read the names of other settings: %w", err)
	}
	d.others, d.removed = map[string]bool{}, map[string]removal{}
	for line := range strings.Lines(string(text)) {
		// NAME, or NAME removed VERSION [instead]
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		d.others[words[0]] = true
		if len(words) > 2 && words[1] == "removed" {
			d.removed[words[0]] = removal{words[2], strings.Join(words[3:], " ")}
		}
	}
	return &d, nil
})

// Settings are the settings that take part in signing in.
func Settings() ([]Setting, error) {
	d, err := loadSettings()
	if err != nil {
		return nil, err
	}
	return slices.Clone(d.Settings), nil
}

var semverText = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)$`)

// since is the first version that reads the setting, or "" for all that this
// program knows.
func (s *Setting) since() string {
	if m := semverText.FindStringSubmatch(s.Introduced); m != nil && deployment.AtLeast(m[1], "2.5.0") {
		return m[1]
	}
	return ""
}

// realName is the setting that a name stands for, when no version reads the
// name: a known wrong name or a misspelling of a login setting; else "".
func (d *settingsData) realName(name string) string {
	if d.known(name) {
		return ""
	}
	for _, known := range []string{deployment.DeadSetting(name), deployment.Misspelt(name)} {
		if known != "" {
			return known
		}
	}
	best, bestAt := "", 4
	for i := range d.Settings {
		s := &d.Settings[i]
		if s.Category == "boot" || s.Category == "email" {
			continue
		}
		limit := 2
		switch {
		case len(s.Name) < len("PAPERLESS_")+6:
			limit = 1
		case len(s.Name) > len("PAPERLESS_")+15:
			limit = 3
		}
		if n := editDistance(name, s.Name); n <= limit && n < bestAt {
			best, bestAt = s.Name, n
		}
		if strings.ReplaceAll(name, "_", "") == strings.ReplaceAll(s.Name, "_", "") {
			return s.Name
		}
	}
	return best
}

// ownNames are the beginnings of names that only sign-in settings have.
var ownNames = []string{"PAPERLESS_SOCIAL", "PAPERLESS_ACCOUNT", "PAPERLESS_ALLAUTH", "PAPERLESS_OIDC", "PAPERLESS_OPENID", "PAPERLESS_SSO", "PAPERLESS_REDIRECT_LOGIN", "PAPERLESS_HTTP_REMOTE", "PAPERLESS_REMOTE_USER", "PAPERLESS_ENABLE_HTTP_REMOTE", "PAPERLESS_LOGIN", "PAPERLESS_LOGOUT", "PAPERLESS_AUTHENTIK"}

// nearest is the setting whose words have most in common with a name of the
// sign-in settings that no version reads; "" for names of other things.
func (d *settingsData) nearest(name string) string {
	if !slices.ContainsFunc(ownNames, func(own string) bool { return strings.HasPrefix(name, own) }) {
		return ""
	}
	words := nameWords(name)
	best, most := "", -1.0
	for i := range d.Settings {
		s := &d.Settings[i]
		if s.Category != "sso" {
			continue
		}
		other, common := nameWords(s.Name), 0
		for _, w := range words {
			if slices.Contains(other, w) {
				common++
			}
		}
		if score := 2 * float64(common) / float64(len(words)+len(other)); score > most {
			best, most = s.Name, score
		}
	}
	return best
}

// nameWords are the words of a name, however its author joined them.
func nameWords(name string) []string {
	name = strings.TrimPrefix(name, "PAPERLESS_")
	return strings.FieldsFunc(strings.ReplaceAll(name, "SOCIALACCOUNT", "SOCIAL_ACCOUNT"), func(r rune) bool { return r == '_' })
}

// known tells whether some version reads the name.
func (d *settingsData) known(name string) bool {
	base := strings.TrimSuffix(name, "_FILE")
	return d.byName[name] != nil || d.others[name] || d.byName[base] != nil || d.others[base]
}

// editDistance counts the letters that differ, a swap of neighbours as one.
func editDistance(a, b string) int {
	if n := len(a) - len(b); n > 3 || n < -3 {
		return 9
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// SettingsMarkdown is docs/settings.md: every login setting with its versions,
// default, what it really does, and the source of that.
func SettingsMarkdown() ([]byte, error) {
	d, err := loadSettings()
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
		{"unrelated", "Often taken for a login setting"},
	}
	for _, t := range titles {
		fmt.Fprintf(&b, "\n## %s\n", t.title)
		for _, s := range d.Settings {
			if s.Category != t.category {
				continue
			}
			fmt.Fprintf(&b, "\n### `%s`\n\n", s.Name)
			fmt.Fprintf(&b, "Type %s · default %s · since %s", s.Type, code(s.Default), s.Introduced)
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

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func code(s string) string {
	if s == "" {
		return "none"
	}
	return "`" + s + "`"
}
