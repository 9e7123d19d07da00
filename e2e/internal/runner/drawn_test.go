package runner_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Scripts draw authentik's pages after they were loaded. However late: verdict,
// final page, document and screenshot are of the page that was drawn.
func TestPagesDrawnLate(t *testing.T) {
	t.Parallel()
	endings := []struct{ plant, says, text string }{
		{"RED-SLASH", "authentik answered 400 at /application/o/authorize/: Redirect URI Error", "Redirect URI Error"},
		{"IDP-CLIENT", "authentik answered 400 at /application/o/authorize/: Client ID Error", "Client ID Error"},
		{"IDP-DENIED", "Permission denied", "Request has been denied."},
		{"IDP-INACTIVE", "authentik did not accept the password", "Invalid password"},
	}
	for _, delay := range []time.Duration{0, 300 * time.Millisecond, 1500 * time.Millisecond} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			b := newBench(t)
			b.lab = []lab.Option{lab.WithDelay(delay)}
			r := b.run(t, runner.Options{Bundle: bundle(t), Checks: []*check.Check{alone(checklist.RoundTrip)}})
			assert.Equal(t, check.Passed, r.Results[0].Status, r.Results[0].Message)
			endings := endings
			if delay > time.Second {
				endings = endings[:1] // enough of what takes long
			}
			for _, tt := range endings {
				bb := bundle(t)
				troubleshooting.Find(tt.plant).Plant(bb)
				res := b.run(t, runner.Options{Bundle: bb, Checks: []*check.Check{alone(checklist.RoundTrip)}}).Results[0]
				assert.Equal(t, check.Failed, res.Status, res.Message)
				assert.Contains(t, res.Message, tt.says)
				require.NotNil(t, res.Record.Final)
				assert.Contains(t, res.Record.Final.Text, tt.text)
				assert.Contains(t, res.DOM, tt.text, "%s: the document is of another moment", tt.plant)
				assert.Contains(t, res.DOM, `<template shadowrootmode="open">`)
				assert.NotEmpty(t, res.Screenshot)
				assert.NotContains(t, strings.Join(res.Record.Notes, "\n"), "drawn")
				found := troubleshooting.Explain(res.Record, bb, res.Check, res.Status)
				require.NotEmpty(t, found, tt.plant)
				assert.Equal(t, tt.plant, found[0].Code)
			}
		})
	}
}

// A page that is never drawn is judged after a limit, by its status and title,
// and the evidence says so.
func TestPageNeverDrawn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.lab = []lab.Option{lab.WithDelay(time.Hour)}
	for _, tt := range []struct{ plant, says string }{
		{"RED-SLASH", `authentik answered 400 at /application/o/authorize/, and the page ("authentik") was not drawn within 15s`},
	} {
		bb := bundle(t)
		troubleshooting.Find(tt.plant).Plant(bb)
		began := time.Now()
		res := b.run(t, runner.Options{Bundle: bb, Checks: []*check.Check{alone(checklist.RoundTrip)}}).Results[0]
		t.Logf("%s took %v", tt.plant, time.Since(began))
		assert.Equal(t, check.Failed, res.Status, res.Message)
		assert.Equal(t, tt.says, res.Message)
		assert.Contains(t, strings.Join(res.Record.Notes, "\n"), "authentik's page at /application/o/authorize/ was not drawn within 15s")
		found := troubleshooting.Explain(res.Record, bb, res.Check, res.Status)
		require.NotEmpty(t, found, tt.plant)
		assert.Equal(t, tt.plant, found[0].Code)
	}
}
