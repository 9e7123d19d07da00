package e2e_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/browser"
	"github.com/ssocheck/ssocheck/e2e/check"
	"github.com/ssocheck/ssocheck/e2e/checklist"
	"github.com/ssocheck/ssocheck/e2e/edge"
	"github.com/ssocheck/ssocheck/e2e/render"
	"github.com/ssocheck/ssocheck/e2e/runner"
	"github.com/ssocheck/ssocheck/e2e/target"
	"github.com/ssocheck/ssocheck/e2e/troubleshooting"
)

// options are selected by environment, because unknown flags break go test ./...
func options() e2e.Options {
	o := e2e.Options{
		Target: os.Getenv("SSO_TARGET"), Blueprint: os.Getenv("SSO_BLUEPRINT"),
		Paperless: os.Getenv("SSO_PAPERLESS"), Authentik: os.Getenv("SSO_AUTHENTIK"), Report: os.Getenv("SSO_REPORT"),
	}
	if c := os.Getenv("SSO_CONFIG"); c != "" {
		o.Config = strings.Split(c, ",")
	}
	return o
}

// TestChecklist runs the guide's checklist on the configuration that the
// environment names; without any, on the lab with the guide corrected.
func TestChecklist(t *testing.T) {
	run := e2e.Run(t, options())
	require.NotEmpty(t, run.Results)
}

// TestGuideAsWritten shows that the guide's dead settings are found out.
func TestGuideAsWritten(t *testing.T) {
	t.Parallel()
	run, err := e2e.Check(t.Context(), e2e.Options{Config: []string{"../fixtures/configs/guide/compose.yaml"}})
	require.NoError(t, err)
	require.Empty(t, run.Error)
	assert.Equal(t, runner.Fail, run.Result())
	for _, r := range run.Results {
		id := r.Check.ID + "@" + r.Variant
		switch id {
		case "first-login@" + check.AsConfigured:
			require.Equal(t, check.Failed, r.Status, r.Message)
			require.NotEmpty(t, r.Findings)
			assert.Equal(t, "SIGN-OFF", r.Findings[0].Code)
			assert.Contains(t, r.Findings[0].Fix, "PAPERLESS_SOCIAL_AUTO_SIGNUP")
			assert.Contains(t, strings.Join(r.Findings[0].Because, "\n"), "compose.yaml:", "the line of the user's file")
		case "first-login@auto-signup-on":
			assert.Equal(t, check.Passed, r.Status, "the fix mends it: %s", r.Message)
		default:
			assert.NotEqual(t, check.Failed, r.Status, "%s: %s", id, r.Message)
			assert.NotEqual(t, check.Errored, r.Status, "%s: %s", id, r.Message)
		}
	}
}

// versions are the pairs on which mistakes are planted: those of the recordings,
// and the first authentik that needs grant types.
var versions = [][2]string{{"2.20.15", ""}, {"3.0.5", ""}, {"2.5.0", ""}, {"2.20.15", "2026.5.6"}}

// TestTroubleshooting plants every item in the lab and demands that its code is
// found first, at the check that it breaks, on each version where it can happen.
func TestTroubleshooting(t *testing.T) {
	rig := newRig(t)
	var mu sync.Mutex
	planted, found, wrong := 0, 0, 0
	t.Cleanup(func() {
		if planted > 0 {
			t.Logf("planted %d, found first %d (recall %.2f), findings that nobody planted %d (precision %.2f)",
				planted, found, float64(found)/float64(planted), wrong, float64(found)/float64(max(1, found+wrong)))
		}
	})
	for _, item := range troubleshooting.All() {
		if item.Plant == nil {
			continue
		}
		t.Run(item.Code, func(t *testing.T) {
			t.Parallel()
			ran := false
			for _, version := range versions {
				if ran && (testing.Short() || version[1] != "") {
					break // another authentik only for what happens nowhere else
				}
				b, _, err := e2e.Bundle(e2e.Options{Paperless: version[0], Authentik: version[1]})
				require.NoError(t, err)
				if !item.Happens(b) {
					continue
				}
				ran = true
				at := item.BreaksAt(version[0])
				item.Plant(b)
				run, err := rig.run(t.Context(), b, at.ID)
				require.NoError(t, err)
				require.Empty(t, run.Error)
				codes, status, message := findings(run, at.ID)
				mu.Lock()
				planted++
				if len(codes) > 0 && codes[0] == item.Code {
					found++
					wrong += len(codes) - 1
				} else {
					wrong += len(codes)
				}
				mu.Unlock()
				want := check.Failed
				if item.Warns {
					want = check.Warned
				}
				assert.Equal(t, want, status, "%s at %s: %s", version, at.ID, message)
				if assert.NotEmpty(t, codes, "%s at %s: nothing found; %s", version, at.ID, message) {
					assert.Equal(t, item.Code, codes[0], "%s at %s: %v; %s", version, at.ID, codes, message)
				}
			}
			require.True(t, ran, "no modelled version on which this can happen")
		})
	}
}

// TestTwoMistakes shows that the earlier of two mistakes comes first, and the
// later one is reported too.
func TestTwoMistakes(t *testing.T) {
	rig := newRig(t)
	for _, pair := range [][2]string{{"RED-SLASH", "SIGN-OFF"}, {"IDP-SLUG", "RED-SLASH"}, {"TOK-SECRET", "SIGN-CLOSED"}, {"CFG-APPS", "IDP-SLUG"}} {
		t.Run(pair[0]+"+"+pair[1], func(t *testing.T) {
			t.Parallel()
			b, _, err := e2e.Bundle(e2e.Options{})
			require.NoError(t, err)
			first, second := troubleshooting.Find(pair[0]), troubleshooting.Find(pair[1])
			first.Plant(b)
			second.Plant(b)
			run, err := rig.run(t.Context(), b, first.Breaks.ID)
			require.NoError(t, err)
			codes, _, message := findings(run, first.Breaks.ID)
			assert.Equal(t, pair[:], codes, message)
		})
	}
}

// findings are the codes at a check as configured, its status and message.
func findings(run *runner.Run, id string) ([]string, check.Status, string) {
	var codes []string
	status, message := check.Skipped, "did not run"
	for _, r := range run.Results {
		if r.Check.ID != id || status == check.Failed {
			continue
		}
		if r.Status == check.Passed && status != check.Skipped {
			continue
		}
		codes, status, message = nil, r.Status, r.Message
		for _, f := range r.Findings {
			codes = append(codes, f.Code)
		}
	}
	if status == check.Skipped {
		parts := []string{message}
		for _, r := range run.Results {
			parts = append(parts, fmt.Sprintf("%s %s %s", r.Check.ID, r.Status, r.Message))
		}
		message = strings.Join(parts, "; ")
	}
	return codes, status, message
}

// A rig shares one edge and one browser among labs, as a person's machine would.
type rig struct {
	front *edge.Edge
	start func(context.Context, *render.Bundle, string) (*target.Target, error)

	mu      sync.Mutex
	browser *browser.Browser
}

func newRig(tb testing.TB) *rig {
	tb.Helper()
	front, err := edge.Listen(edge.Options{})
	require.NoError(tb, err)
	r := &rig{front: front, start: e2e.Lab(front, nil)}
	tb.Cleanup(func() {
		if r.browser != nil {
			assert.NoError(tb, r.browser.Close())
		}
		assert.NoError(tb, front.Close())
	})
	return r
}

func (r *rig) open(_ context.Context, t *target.Target) (*browser.Browser, func(), error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.browser == nil {
		// Not of one test's context: the others use it too.
		b, err := browser.Open(context.Background(), browser.Options{Rules: t.ResolverRules(), SPKI: t.SPKI})
		if err != nil {
			return nil, nil, err
		}
		r.browser = b
	}
	return r.browser, func() {}, nil
}

func (r *rig) run(ctx context.Context, b *render.Bundle, only ...string) (*runner.Run, error) {
	return runner.Do(ctx, runner.Options{Bundle: b, Kind: target.Lab, Start: r.start, OpenBrowser: r.open, Only: only})
}

// TestCatalogue finds what is missing from the lists.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	require.NoError(t, check.Validate(checklist.All()))
	codes := map[string]bool{}
	explained := map[string]bool{}
	for _, i := range troubleshooting.All() {
		assert.False(t, codes[i.Code], "%s is there twice", i.Code)
		codes[i.Code] = true
		assert.NotEmpty(t, i.Title, i.Code)
		assert.NotEmpty(t, i.Fix, i.Code)
		assert.NotNil(t, i.Match, i.Code)
		assert.True(t, i.Guide >= 0 && i.Guide <= 5, i.Code)
		require.NotNil(t, i.Breaks, i.Code)
		explained[i.Breaks.ID] = true
	}
	// Checks of the products' own behaviour, which no configuration breaks.
	products := []string{"pkce-state", "next-redirect", "session-rotated"}
	for _, c := range checklist.All() {
		assert.True(t, explained[c.ID] || slices.Contains(products, c.ID), "no item explains a failure of %s", c.ID)
	}
	for guide := 1; guide <= 5; guide++ {
		assert.True(t, slices.ContainsFunc(troubleshooting.All(), func(i *troubleshooting.Item) bool { return i.Guide == guide }), "no item of the guide's %d", guide)
	}
}
