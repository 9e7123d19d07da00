package runner

import (
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
	"github.com/goccy/go-yaml"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
)

// An Expectation is a known deviation of a version that is not the operator's
// mistake (fixtures/expected.yaml): the check warns instead of failing. One that
// no longer happens fails the check, so that the list cannot go stale.
type Expectation struct {
	Check    string       `yaml:"check"`
	Test     string       `yaml:"test"`     // of the conformance suite, which reads these itself
	Verdict  string       `yaml:"verdict"`  // of such a test
	Database string       `yaml:"database"` // and on which it shows
	Variant  string       `yaml:"variant"`  // empty: every variant
	Version  string       `yaml:"version"`  // of Paperless: 2.5.0, or a range such as "<2.5.3"
	Status   check.Status `yaml:"status"`   // what it does there: fail or error
	Why      string       `yaml:"why"`      // one line, with the source
}

// ReadExpected parses fixtures/expected.yaml.
func ReadExpected(text []byte) ([]Expectation, error) {
	var list []Expectation
	if err := yaml.UnmarshalWithOptions(text, &list, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("parse the known deviations: %s", yaml.FormatError(err, false, true)) //nolint:errorlint // the formatted text names the line
	}
	list = slices.DeleteFunc(list, func(e Expectation) bool { return e.Test != "" })
	for i, e := range list {
		if e.Check == "" || e.Version == "" || e.Why == "" {
			return nil, fmt.Errorf("known deviation %d: check, version and why are needed", i+1)
		}
		if e.Status != check.Failed && e.Status != check.Errored {
			return nil, fmt.Errorf("known deviation %d (%s): status must be fail or error, not %q", i+1, e.Check, e.Status)
		}
		if _, err := semver.NewConstraint(e.Version); err != nil {
			return nil, fmt.Errorf("known deviation %d (%s): version %q: %w", i+1, e.Check, e.Version, err)
		}
	}
	return list, nil
}

// fits reports whether the deviation is about this result.
func (e Expectation) fits(res *Result, version string) bool {
	if e.Check != res.Check.ID || (e.Variant != "" && e.Variant != res.Variant) {
		return false
	}
	c, err := semver.NewConstraint(e.Version)
	if err != nil {
		return e.Version == version
	}
	v, err := semver.NewVersion(version)
	return err == nil && c.Check(v)
}

// expected turns a known deviation into a warning, and one that did not happen
// into a failure.
func (r *run) expected(res *Result) {
	if res.Status == check.Skipped {
		return
	}
	for _, e := range r.o.Expected {
		if !e.fits(res, r.o.Bundle.Paperless.Version) {
			continue
		}
		switch res.Status {
		case e.Status:
			res.Status = check.Warned
			res.Message = fmt.Sprintf("%s (known: %s)", res.Message, e.Why)
		case check.Passed, check.Warned:
			res.Status = check.Failed
			res.Message = fmt.Sprintf("expected.yaml says %s %ss here (%s), but it did not: remove the entry", e.Check, e.Status, e.Why)
		}
		return
	}
}
