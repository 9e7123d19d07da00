package browser_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
)

// TestNoPagesButOurs: a profile has its page, and Chromium none of its own, of which
// each would be a process that costs as much as ours.
func TestNoPagesButOurs(t *testing.T) {
	t.Parallel()
	b, site := setUp(t)
	site.handle("own.test/", html("ours"))
	s := session(t, browser.SessionOptions{})
	require.NoError(t, s.Visit(t.Context(), "visit", "https://own.test/", limit))
	pages, err := b.Pages(t.Context())
	require.NoError(t, err)
	assert.Contains(t, pages, "https://own.test/")
	for _, page := range pages {
		assert.NotContains(t, page, "chrome://", "a page of the browser's own")
	}
}
