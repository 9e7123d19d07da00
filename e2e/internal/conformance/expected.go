package conformance

import (
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
	"github.com/goccy/go-yaml"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/fixtures"
)

// A Deviation is a known one of a version of Paperless-ngx: an entry of
// fixtures/expected.yaml that names a test.
type Deviation struct {
	Test    string        `yaml:"test"`
	Version string        `yaml:"version"` // a range
	Verdict check.Verdict `yaml:"verdict"`
	// Database is the one on which it shows; empty: on any.
	Database string `yaml:"database"`
	Why      string `yaml:"why"` // empty: the recorded row says it
}

// Known are the known deviations.
func Known() ([]Deviation, error) {
	text, err := fixtures.FS.ReadFile("expected.yaml")
	if err != nil {
		return nil, fmt.Errorf("known deviations: %w", err)
	}
	return readKnown(text)
}

func readKnown(text []byte) ([]Deviation, error) {
	var all []Deviation
	if err := yaml.Unmarshal(text, &all); err != nil { // entries for checks have further fields
		return nil, fmt.Errorf("parse the known deviations: %s", yaml.FormatError(err, false, true)) //nolint:errorlint // the formatted text names the line
	}
	var out []Deviation
	for i, d := range all {
		if d.Test == "" {
			continue
		}
		if _, err := semver.NewConstraint(d.Version); err != nil {
			return nil, fmt.Errorf("known deviation %d (%s): version %q: %w", i+1, d.Test, d.Version, err)
		}
		switch d.Verdict {
		case check.Weaker, check.Stricter, check.Crash:
		default:
			return nil, fmt.Errorf("known deviation %d (%s): verdict must be weaker, stricter or crash, not %q", i+1, d.Test, d.Verdict)
		}
		if !slices.Contains([]string{"", deployment.SQLite, deployment.PostgreSQL, deployment.MariaDB}, d.Database) {
			return nil, fmt.Errorf("known deviation %d (%s): database must be sqlite, postgresql or mariadb, not %q", i+1, d.Test, d.Database)
		}
		out = append(out, d)
	}
	return out, nil
}

// RecordedVersions are those of Paperless-ngx whose answers to a provider that misbehaves
// were recorded; the lab's model applies them to all others from 2.20.0 on.
func RecordedVersions() []string { return []string{"2.20.15", "3.0.5"} }

// Since is the oldest version that is taken to answer as they did: as far down as the
// code is the same.
const Since = "2.20.0"

// Recorded reports whether a version is one of them.
func Recorded(version string) bool { return slices.Contains(RecordedVersions(), version) }

// known is the entry for a test on a version and a database; nil: there is none.
func known(all []Deviation, id, version, database string) *Deviation {
	v, err := semver.NewVersion(version)
	if err != nil {
		return nil
	}
	for i := range all {
		c, err := semver.NewConstraint(all[i].Version)
		if err == nil && all[i].Test == id && (all[i].Database == "" || all[i].Database == database) && c.Check(v) {
			return &all[i]
		}
	}
	return nil
}

// concerns reports whether a known deviation can show with this configuration.
func (t *Test) concerns(b *deployment.Deployment) bool { return t.Depends == nil || t.Depends.Has(b) }

// Judge gives the results their end: a deviation that is known is a warning, a new
// one a failure, and so is a known one that is gone, so that the list stays right.
func Judge(results []check.Result, all []Deviation, version, database string) {
	for i := range results {
		res := &results[i]
		c := res.Conformance
		if c == nil || c.Verdict == "" {
			continue
		}
		d := known(all, res.Check.ID, version, database)
		if t := Find(res.Check.ID); t != nil && res.Bundle != nil && !t.concerns(res.Bundle) {
			d = nil
		}
		switch {
		case d == nil:
		case d.Verdict == c.Verdict:
			c.Known, res.Status = true, check.Warned
		default:
			res.Status = check.Failed
			res.Message = fmt.Sprintf("expected.yaml says %s, it is %s (%s): correct the entry", d.Verdict, c.Verdict, res.Message)
			continue
		}
		if c.Verdict != check.Conforming {
			res.Message = told(c) + ": " + res.Message
		}
	}
}

func told(c *check.Conformance) string {
	text := string(c.Verdict)
	if c.Severity != "" && c.Severity != check.None {
		text += ", " + string(c.Severity)
	}
	if c.Known {
		return text + ", known"
	}
	return text + ", new"
}
