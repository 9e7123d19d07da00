package conformance

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
)

// A row is one scenario of fixtures/hostile.json, recorded on the real products.
type row struct {
	ID      string
	Title   string
	Verdict string
	Note    string
	V2      recorded `json:"2.20.15"`
	V3      recorded `json:"3.0.5"`
}

type recorded struct {
	SignedIn *bool `json:"signed_in"`
	Absent   bool
	Final    *struct{ Status int }
}

func (r *row) of(version string) recorded {
	if version == "3.0.5" {
		return r.V3
	}
	return r.V2
}

// verdict is what the row says of a version with the settings of the recording.
func (r *row) verdict(version string) check.Verdict {
	text := r.Verdict
	if before, after, ok := strings.Cut(text, "), "); ok { // "weaker (2.20.15), conforming (3.0.5)"
		text = before
		if strings.Contains(after, version) {
			text = after
		}
	}
	rec := r.of(version)
	switch {
	case strings.HasPrefix(text, "conforming by crash"):
		return check.Crash
	case strings.HasPrefix(text, "weaker"):
		return check.Weaker
	case strings.HasPrefix(text, "stricter"):
		return check.Stricter
	case rec.Final != nil && rec.Final.Status == 500:
		return check.Crash
	}
	return check.Conforming
}

// notReplayed are the rows that no test replays on the lab, and why.
var notReplayed = map[string]string{
	"6.49":  "as 6.41, with the client of 6.48: post needs no encoding of its own",
	"7.21":  "as 7.19 on the lab: a connection that is taken and not answered",
	"7.24":  "a certificate of the edge: the troubleshooting item NET-TLS plants it",
	"7.25":  "a certificate of the edge: the troubleshooting item NET-TLS plants it",
	"7.26":  "a certificate of the edge: the troubleshooting item NET-TLS plants it",
	"9.5":   "information: the relying party cannot see what the provider checks",
	"10.4":  "more forms of 10.1, which a browser rewrites before it sends them",
	"13.26": "information: the account that 13.1 makes",
	"13.27": "information: paperless/model/api_test.go compares the configuration of the headless API",
	"13.28": "the browser's API for starting a sign-in, which the lab does not model",
	"13.29": "information: how often keys are fetched",
}

// judgedOtherwise are rows whose verdict here is another one, and why.
var judgedOtherwise = map[string]string{}

// runRecorded runs the tests on two labs: those that wait for the end of the patience
// on one that has the real one, the others on one that has ample.
func runRecorded(t *testing.T, version string, passB bool, tests []*Test) []check.Result {
	t.Helper()
	o := onRecorded(t, version, passB, ample)
	o.Waiting, o.Tests = onRecorded(t, version, passB, Patience).Pair, tests
	return Run(t.Context(), o)
}

// onRecorded is a lab with the settings of the recordings; pass B has other ones.
func onRecorded(t *testing.T, version string, passB bool, patience time.Duration) Options {
	t.Helper()
	spec, err := deployment.DefaultSpec()
	require.NoError(t, err)
	spec.Paperless.Version = version
	spec.Provider.PKCE = !passB
	spec.RedirectToSSO = !passB
	b := deployment.New(spec)
	b.Paperless.Env["PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS"] = "true"
	b, missing := Prepare(b)
	require.Empty(t, missing)
	p := provider.New(provider.Options{Origin: b.Authentik.URL, Elsewhere: Elsewhere, Patience: patience})
	t.Cleanup(p.Close)
	pair, err := lab.Start(t.Context(), b, lab.WithProvider(p.Target()), lab.WithTimeout(patience))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pair.Close()) })
	require.True(t, pair.Boot.Up, "%v", pair.Boot.Log)
	return Options{Bundle: b, Pair: Pair{pair, p}}
}

// TestHostile replays every recorded row on the lab, version by version: the lab must
// answer as the real products did, and the verdict must be the recorded one.
func TestHostile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../fixtures/hostile.json")
	require.NoError(t, err)
	var doc struct{ Rows []row }
	require.NoError(t, json.Unmarshal(text, &doc))
	require.Len(t, doc.Rows, 333)
	for _, version := range []string{"2.20.15", "3.0.5"} {
		for _, passB := range []bool{false, true} {
			name := version
			if passB {
				name += " pass B"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if raced && version != "3.0.5" {
					t.Skip("compared without the race detector: the other version has every goroutine of this one")
				}
				tests := All()
				if passB { // the rows of pass B only
					tests = slices.DeleteFunc(tests, func(one *Test) bool {
						return !slices.ContainsFunc(doc.Rows, func(r row) bool { return r.ID == "B."+one.Row || r.ID == one.Row && r.ID[0] == 'B' })
					})
				}
				seen := map[string]check.Result{}
				results := runRecorded(t, version, passB, tests)
				for _, res := range results {
					seen[res.Conformance.Row] = res
				}
				listed(t, slices.Clone(results), version)
				compared := 0
				for i := range doc.Rows {
					r := &doc.Rows[i]
					id, ofB := strings.CutPrefix(r.ID, "B.")
					if ofB != passB || notReplayed[id] != "" {
						continue
					}
					res, ok := seen[r.ID]
					if !ok {
						res, ok = seen[id]
					}
					if !assert.True(t, ok, "row %s (%s): no test, and not in notReplayed", r.ID, r.Title) {
						continue
					}
					compared++
					compare(t, r, res, version)
				}
				t.Logf("%d rows compared", compared)
			})
		}
	}
	for id, why := range notReplayed {
		assert.NotEmpty(t, why, id)
	}
}

// listed holds the deviations against fixtures/expected.yaml: none is new, none is gone.
func listed(t *testing.T, results []check.Result, version string) {
	t.Helper()
	known, err := Known()
	require.NoError(t, err)
	for i := range results { // theirs are compared with the rows
		c := *results[i].Conformance
		results[i].Conformance = &c
	}
	Judge(results, known, version, deployment.SQLite)
	for _, res := range results {
		assert.NotEqual(t, check.Failed, res.Status, "%s: %s", res.Check.ID, res.Message)
	}
}

// compare holds a result on the lab against a row.
func compare(t *testing.T, r *row, res check.Result, version string) {
	t.Helper()
	rec := r.of(version)
	if rec.Absent {
		assert.Equal(t, check.Skipped, res.Status, "row %s: %s", r.ID, res.Message)
		return
	}
	if !assert.NotContains(t, []check.Status{check.Errored, check.Skipped}, res.Status, "row %s %s: %s", r.ID, res.Check.ID, res.Message) {
		return
	}
	if judgedOtherwise[r.ID] == "" {
		assert.Equal(t, r.verdict(version), res.Conformance.Verdict, "row %s %s (%s): verdict; recorded: %s", r.ID, res.Check.ID, res.Message, r.Note)
	}
	c := res.Conformance
	if rec.SignedIn != nil && c.Outcome != "" {
		assert.Equal(t, *rec.SignedIn, c.Outcome == string(SignedIn), "row %s %s (%s): signed in", r.ID, res.Check.ID, res.Message)
	}
	if rec.Final != nil && c.Status != 0 {
		assert.Equal(t, rec.Final.Status, c.Status, "row %s %s (%s): status", r.ID, res.Check.ID, res.Message)
	}
}
