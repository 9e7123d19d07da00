package e2e

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
)

// TestConformanceOnly: tests of the suite are named by id or by family, and nothing
// else is; a pair that runs is refused.
func TestConformanceOnly(t *testing.T) {
	t.Parallel()
	r, err := Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"pkce", "rp-state-missing"}})
	require.NoError(t, err)
	assert.Len(t, r.Results, 8, "with the right sign-in")
	assert.Equal(t, OutcomePass, r.Result(), r.Why())
	// Nothing that was asked for applies to this version: that is no pass.
	r, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"token_sign_in"}})
	require.NoError(t, err)
	assert.Equal(t, OutcomeError, r.Result())
	assert.Contains(t, r.Error, "every test that was asked for was skipped: Paperless-ngx has this since 3.0.0")
	// Where nobody can sign in, every refusal is worth nothing.
	r, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"rp-state-wrong"}, Plant: []string{"CFG-SERVERURL"}})
	require.NoError(t, err)
	assert.NotEqual(t, OutcomePass, r.Result())
	first := r.Results[0]
	assert.Contains(t, first.Message, "nobody can sign in")
	if assert.NotEmpty(t, first.Findings, "the cause is named") {
		assert.Equal(t, "CFG-SERVERURL", first.Findings[0].Code)
	}
	r, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"rp-state-wrong"}, Plant: []string{"CFG-APPS"}})
	require.NoError(t, err)
	assert.Equal(t, OutcomeError, r.Result())
	if assert.NotEmpty(t, r.Results[0].Findings) {
		assert.Equal(t, "CFG-APPS", r.Results[0].Findings[0].Code)
	}
	// Of a version that was not recorded the report says so.
	var text strings.Builder
	r, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"rp-state-wrong"}, Paperless: "3.0.0"})
	require.NoError(t, err)
	require.NoError(t, report.New(r).Text(&text, report.TextOptions{}))
	assert.Contains(t, strings.Join(strings.Fields(text.String()), " "), "was recorded on 2.20.15 and 3.0.5 only")
	_, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"round-trip"}})
	require.ErrorIs(t, err, ErrUsage)
	_, err = Check(t.Context(), Options{Suite: SuiteConformance, Target: "external"})
	require.ErrorIs(t, err, ErrUsage)
	_, err = Check(t.Context(), Options{Suite: SuiteConformance, Target: "stack", Stack: StackOptions{Keep: true}})
	require.ErrorContains(t, err, "whose provider ended with the run")
	_, err = Check(t.Context(), Options{Suite: SuiteConformance, Target: "stack", Stack: StackOptions{RestoreAuthentik: "conformance_test.go"}})
	require.ErrorIs(t, err, ErrUsage)
	require.ErrorContains(t, err, "has nothing to be restored into")
}

// TestConformanceInterrupted: what was cut short is no verdict.
func TestConformanceInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	n := 0
	r, err := Check(ctx, Options{Suite: SuiteConformance, Only: []string{"state"}, Observe: func(Event) {
		if n++; n == 3 {
			cancel(errors.New("Ctrl-C"))
		}
	}})
	require.NoError(t, err)
	assert.Equal(t, OutcomeError, r.Result())
	assert.Equal(t, "interrupted: Ctrl-C", r.Error)
	for _, res := range r.Results[3:] {
		assert.Equal(t, check.Skipped, res.Status, "%s: %s", res.Check.ID, res.Message)
	}
}

// TestConformanceUpgrade: an upgrade lists which deviations come and which go. Those that
// are known of the new version are told, and no failure.
func TestConformanceUpgrade(t *testing.T) {
	t.Parallel()
	planned := false
	u, err := Upgrade(t.Context(), UpgradeOptions{
		Options: Options{Suite: SuiteConformance, Only: []string{"rp-id_token-crit", "rp-token-access_token-null", "rp-token_sign_in-azp", "rp-state-wrong"}},
		From:    "2.20.15", To: "3.0.5", Planned: func(*Upgraded) { planned = true },
	})
	require.NoError(t, err)
	assert.True(t, planned)
	assert.True(t, u.Forecast)
	assert.Equal(t, OutcomePass, u.Outcome(), "%s; %s", u.Before.Why(), u.After.Why())
	assert.Equal(t, []string{"rp-token-access_token-null"}, u.Regressed)
	changes, worse := report.Diff(report.New(u.Before), report.New(u.After))
	assert.False(t, worse, "all of them are known of 3.0.5")
	got := map[string][2]bool{}
	for _, c := range changes.Checks {
		got[c.Key] = [2]bool{c.Bad, c.Good}
	}
	assert.Equal(t, map[string][2]bool{
		"rp-id_token-crit": {false, true}, "rp-token-access_token-null": {true, false}, "rp-token_sign_in-azp": {true, false},
	}, got)
}

// TestConformanceMatrix: the suite runs on each pair of a matrix.
func TestConformanceMatrix(t *testing.T) {
	t.Parallel()
	pairs, err := Cells([]string{"2.20.15", "3.0.5"}, []string{"2025.8.1"}, Shard{})
	require.NoError(t, err)
	n := 0
	require.NoError(t, Matrix(t.Context(), Options{Suite: SuiteConformance, Only: []string{"rp-state-wrong"}}, pairs, func(Pair) {}, func(c *Cell) error {
		n++
		require.NoError(t, c.Err)
		assert.Equal(t, SuiteConformance, c.Run.Suite)
		assert.Equal(t, OutcomePass, c.Outcome())
		return nil
	}))
	assert.Equal(t, 2, n)
}

// TestConformanceLoad: on a machine that is so busy that a page takes longer than the slow
// tests wait for the provider, the others have their verdict all the same.
func TestConformanceLoad(t *testing.T) {
	t.Parallel()
	delay := conformance.LabPatience + 300*time.Millisecond
	r, err := Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"rp-state-missing"}, started: func(resolve map[string]string) {
		for name, to := range resolve {
			resolve[name] = late(t, to, delay)
		}
	}})
	require.NoError(t, err)
	assert.Equal(t, OutcomePass, r.Result(), r.Why())
	for _, res := range r.Results {
		assert.Equal(t, check.Passed, res.Status, "%s: %s", res.Check.ID, res.Message)
		assert.Greater(t, res.Seconds, delay.Seconds(), "the pages were late")
	}
}

// late is an address in front of another one, whose connections begin late.
func late(t *testing.T, to string, by time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				time.Sleep(by)
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				go func() { _, _ = io.Copy(out, in) }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return l.Addr().String()
}
