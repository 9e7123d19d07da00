package runner_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// changing is a page that asks for a script and a fetch; lose makes the session
// lose both, as when the machine's network changes.
func changing(t *testing.T) (page string, lose func(context.Context, *check.Pass) error) {
	t.Helper()
	all, err := net.Interfaces()
	require.NoError(t, err)
	if !slices.ContainsFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 }) {
		t.Skip("a machine without a network cannot lose it")
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			return
		}
		fmt.Fprint(w, `<title>a page</title><script src="/lost/app.js"></script><script>fetch("/lost/api").catch(() => {}).then(() => document.title = "done")</script>`)
	}))
	t.Cleanup(site.Close)
	return site.URL, func(ctx context.Context, p *check.Pass) error {
		if err := p.Session.Fail(ctx, "*/lost/*", "InternetDisconnected"); err != nil {
			return err
		}
		if err := p.Session.Visit(ctx, "open", site.URL, 15*time.Second); err != nil {
			return err
		}
		return p.Session.Settle(ctx, 15*time.Second)
	}
}

// TestNetworkChangeIsNoVerdict: whatever a check found in a session that lost a
// script or a fetch does not count.
func TestNetworkChangeIsNoVerdict(t *testing.T) {
	t.Parallel()
	b, err := browser.Open(context.Background(), browser.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	page, lose := changing(t)
	for name, tt := range map[string]struct {
		losses  int // tries that lose something
		verdict error
		status  check.Status
		tries   int
	}{
		"never":      {0, check.Unmetf("the door is shut"), check.Failed, 1},
		"once":       {1, nil, check.Passed, 2},
		"and a fail": {2, check.Unmetf("the door is shut"), check.Failed, 3},
		"three":      {3, nil, check.Passed, 4},
		"always":     {99, check.Unmetf("the door is shut"), check.Errored, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			c := fake("signs-in", func(ctx context.Context, p *check.Pass) error {
				tries++
				cookies, err := p.Session.Cookies(ctx)
				if err != nil || len(cookies) > 0 {
					return fmt.Errorf("not a fresh profile: %v %w", cookies, err)
				}
				if err := p.Session.SetCookie(ctx, page, &http.Cookie{Name: "been", Value: "here"}); err != nil {
					return err
				}
				if tries <= tt.losses {
					if err := lose(ctx, p); err != nil {
						return err
					}
					return check.Unmetf("seen in a page without its scripts") // whatever it says
				}
				if err := p.Session.Visit(ctx, "open", page, 15*time.Second); err != nil {
					return err
				}
				return tt.verdict
			})
			c.Browserless = false
			r := do(t, &lot{}, runner.Options{
				Checks:      []*check.Check{c, fake("after", passes)},
				OpenBrowser: func(context.Context, *target.Target) (*browser.Browser, func(), error) { return b, nil, nil },
			})
			res := r.Results[0]
			require.Equal(t, tt.status, res.Status, res.Message)
			assert.Equal(t, tt.tries, tries)
			said := strings.Join(res.Record.Notes, "\n")
			assert.Equal(t, min(tt.losses, 3), strings.Count(said, "repeated in a fresh profile ("), said)
			if tt.status == check.Errored {
				assert.Equal(t, 2, r.ExitCode())
				assert.Contains(t, res.Message, "net::ERR_INTERNET_DISCONNECTED for the script (")
				assert.NotContains(t, res.Message, "\n")
				assert.Empty(t, res.Findings)
			}
			assert.Equal(t, check.Passed, r.Results[1].Status, "the run goes on")
		})
	}
}

// TestRepeatFindsTheAccountsAsTheyWere: a first sign-in that is repeated is one
// again, and so is linking.
func TestRepeatFindsTheAccountsAsTheyWere(t *testing.T) {
	_, lose := changing(t)
	b := newBench(t)
	b.exposed = true
	for _, c := range []*check.Check{checklist.RoundTrip, checklist.FirstLogin, checklist.Linking, checklist.ExistingUser} {
		t.Run(c.ID, func(t *testing.T) {
			tries := 0
			disturbed := *c
			disturbed.Needs, disturbed.Variants = nil, nil
			disturbed.Run = func(ctx context.Context, p *check.Pass) error {
				tries++
				err := c.Run(ctx, p)
				if tries <= 2 {
					if err := lose(ctx, p); err != nil {
						return err
					}
				}
				return err
			}
			bundle, err := deployment.Default()
			require.NoError(t, err)
			r := b.run(t, runner.Options{Bundle: bundle, Checks: []*check.Check{&disturbed}})
			res := r.Results[0]
			want := check.Passed
			if c == checklist.ExistingUser {
				want = check.Warned // a second account is Paperless's own way
			}
			assert.Equal(t, want, res.Status, res.Message)
			assert.GreaterOrEqual(t, tries, 3, "once more where the machine's own network changes meanwhile")
			assert.Contains(t, strings.Join(res.Record.Notes, "\n"), "(2 of 3)")
		})
	}
}
