package browser_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
)

// Whoever waits for the next page must never stop the way there: Paperless takes
// as long for its own time-out as the evidence of a page has patience.
func TestArrivedNeverStopsANavigation(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	answer := make(chan struct{})
	site.handle("slow.arrived.test/", html(`<form method="post" action="/go"><button>Go</button></form>`))
	site.handle("slow.arrived.test/go", func(w http.ResponseWriter, r *http.Request) {
		<-answer
		html(`There`)(w, r)
	})
	s := session(t, browser.SessionOptions{})
	s.Hurry(1) // evidence would stop it at once
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://slow.arrived.test/", limit))
	require.NoError(t, s.Click(ctx, "press Go", browser.CSS("button"), limit))
	for range 3 {
		_, waiting, err := s.Arrived(ctx)
		require.NoError(t, err)
		assert.Equal(t, "POST https://slow.arrived.test/go", waiting)
	}
	close(answer)
	require.Eventually(t, func() bool {
		page, waiting, err := s.Arrived(ctx)
		return err == nil && waiting == "" && page.Text == "There"
	}, limit, 10*time.Millisecond)
	assert.Empty(t, s.Notes())
}

// A press that a page takes makes it ask for something, by a fetch or by going
// elsewhere; one that it does not take leaves the count as it is.
func TestAsked(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("asks.arrived.test/", html(`<button id="deaf">Deaf</button><button id="fetch" onclick="fetch('/x')">Fetch</button><a href="/there">Go</a>`))
	site.handle("asks.arrived.test/x", html(`x`))
	site.handle("asks.arrived.test/there", html(`There`))
	s := session(t, browser.SessionOptions{})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://asks.arrived.test/", limit))
	before := s.Asked()
	require.NoError(t, s.Click(ctx, "press Deaf", browser.CSS("#deaf"), limit))
	assert.Equal(t, before, s.Asked())
	require.NoError(t, s.Click(ctx, "press Fetch", browser.CSS("#fetch"), limit))
	require.Eventually(t, func() bool { return s.Asked() == before+1 }, limit, 10*time.Millisecond)
	require.NoError(t, s.Click(ctx, "go", browser.CSS("a"), limit))
	require.Eventually(t, func() bool { return s.Asked() == before+2 }, limit, 10*time.Millisecond)
	s.Note("pressed again")
	assert.Equal(t, []string{"pressed again"}, s.Notes())
}
