package source

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
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
	// Absent is true for a change that touches only who has not set it.
	Absent bool `json:"absent"`
}

// A MissingSetting is a name that guides give and no version reads.
type MissingSetting struct {
	Name   string `json:"name"`
	Effect string `json:"effect"`
}

// A Catalogue is every setting of Paperless-ngx that is known, and what is like one.
type Catalogue struct {
	Settings    []Setting        `json:"settings"`
	Nonexistent []MissingSetting `json:"nonexistent"`
	ByName      map[string]*Setting
	others      map[string]bool
	Removed     map[string]Removal
}

// A Removal is what became of a setting that has nothing to do with signing in.
type Removal struct{ Since, Instead string }

// KnownSettings is what is known of the settings of Paperless, by version.
var KnownSettings = sync.OnceValues(func() (*Catalogue, error) {
	text, err := fixtures.FS.ReadFile("paperless-settings.json")
	if err != nil {
		return nil, fmt.Errorf("read the settings data: %w", err)
	}
	var d Catalogue
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("parse the settings data: %w", err)
	}
	d.ByName = map[string]*Setting{}
	for i := range d.Settings {
		d.ByName[d.Settings[i].Name] = &d.Settings[i]
	}
	text, err = fixtures.FS.ReadFile("paperless-other-settings.txt")
	if err != nil {
		return nil, fmt.Errorf("read the names of other settings: %w", err)
	}
	d.others, d.Removed = map[string]bool{}, map[string]Removal{}
	for line := range strings.Lines(string(text)) {
		// NAME, or NAME removed VERSION [instead]
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		d.others[words[0]] = true
		if len(words) > 2 && words[1] == "removed" {
			d.Removed[words[0]] = Removal{words[2], strings.Join(words[3:], " ")}
		}
	}
	return &d, nil
})

// Settings are the settings that take part in signing in.
func Settings() ([]Setting, error) {
	d, err := KnownSettings()
	if err != nil {
		return nil, err
	}
	return slices.Clone(d.Settings), nil
}

// Semver is a released version, with or without v.
var Semver = lazyregexp.New(`^v?(\d+\.\d+\.\d+)$`)

// Since is the first version that reads the setting, or "" for all that this
// program knows.
func (s *Setting) Since() string {
	if m := Semver.FindStringSubmatch(s.Introduced); m != nil && deployment.AtLeast(m[1], "2.5.0") {
		return m[1]
	}
	return ""
}

// RealName is the setting that a name stands for, when no version reads the
// name: a known wrong name or a misspelling of a login setting; else "".
func (d *Catalogue) RealName(name string) string {
	if d.Known(name) {
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
		if n := deployment.Distance(name, s.Name); n <= limit && n < bestAt {
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

// Nearest is the setting whose words have most in common with a name of the
// sign-in settings that no version reads; "" for names of other things.
func (d *Catalogue) Nearest(name string) string {
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

// Known reports whether some version reads the name.
func (d *Catalogue) Known(name string) bool {
	base := strings.TrimSuffix(name, "_FILE")
	return d.ByName[name] != nil || d.others[name] || d.ByName[base] != nil || d.others[base]
}
