package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

func TestRedirectsAreHops(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("start.hops.test/", html(`<form method="post" action="/go"><button>Go</button></form>`))
	site.handle("start.hops.test/go", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://idp.hops.test/authorize?client_id=paperless&state=s3cr3tstate&code_challenge=chchchch", http.StatusFound)
	})
	site.handle("idp.hops.test/authorize", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://start.hops.test/cb?code=s3cr3tcode&state=s3cr3tstate", http.StatusFound)
	})
	site.handle("start.hops.test/cb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<title>No</title>Not you: code=s3cr3tcode")
	})
	red := evidence.NewRedactor()
	s := session(t, browser.SessionOptions{Redactor: red})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://start.hops.test/", limit))
	mark := s.Mark()
	require.NoError(t, s.Click(ctx, "press Go", browser.CSS("button"), limit))
	which, err := s.WaitAny(ctx, "come back", limit, map[string]browser.Condition{
		"refused": browser.Status(http.StatusForbidden),
		"still":   browser.Visible(browser.CSS("form")),
	})
	require.NoError(t, err)
	assert.Equal(t, "refused", which)

	state, code := red.Print("s3cr3tstate"), red.Print("s3cr3tcode")
	authorize := "https://idp.hops.test/authorize?client_id=paperless&state=" + state + "&code_challenge=" + red.Print("chchchch")
	back := "https://start.hops.test/cb?code=" + code + "&state=" + state
	want := []evidence.Hop{
		{Method: "POST", URL: "https://start.hops.test/go", Status: 302, Location: authorize},
		{Method: "GET", URL: authorize, Status: 302, Location: back},
		{Method: "GET", URL: back, Status: 403},
	}
	assert.Equal(t, want, s.HopsSince(mark))
	assert.Equal(t, append([]evidence.Hop{{Method: "GET", URL: "https://start.hops.test/", Status: 200}}, want...), s.Hops())

	page, err := s.Page(ctx)
	require.NoError(t, err)
	assert.Equal(t, back, page.URL)
	assert.Equal(t, 403, page.Status)
	assert.Equal(t, "Not you: code="+code, page.Text)
	url, err := s.URL(ctx)
	require.NoError(t, err)
	assert.Equal(t, "https://start.hops.test/cb?code=s3cr3tcode&state=s3cr3tstate", url, "a check needs the real one")
}

func TestVisitThatCannotLoad(t *testing.T) {
	t.Parallel()
	setUp(t)
	other := selfSigned(t)
	tests := map[string]struct{ url, code string }{
		"no such name":           {"https://unknown.test/", "net::ERR_NAME_NOT_RESOLVED"},
		"nobody listens":         {"https://refused.test/?code=s3cr3tcode", "net::ERR_CONNECTION_REFUSED"},
		"unknown certificate":    {strings.Replace(other.URL, "127.0.0.1", "plain.test", 1), "net::ERR_CERT_"},
		"http is not made https": {strings.Replace(other.URL, "https", "http", 1), "net::ERR_"}, // the answer is no page
	}
	s := session(t, browser.SessionOptions{Shots: true})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if name == "http is not made https" {
				err := s.Visit(t.Context(), "open", tt.url, limit)
				require.NoError(t, err)
				page, err := s.Page(t.Context())
				require.NoError(t, err)
				assert.Equal(t, 400, page.Status, "Go's TLS server says so to plain HTTP")
				return
			}
			err := s.Visit(t.Context(), "open it", tt.url, limit)
			var load *browser.LoadError
			require.ErrorAs(t, err, &load)
			assert.Contains(t, load.Code, tt.code)
			assert.True(t, strings.HasPrefix(err.Error(), "open it: https://"), err)
			assert.NotContains(t, err.Error(), "s3cr3t")

			hops := s.Hops()
			last := hops[len(hops)-1]
			assert.Equal(t, load.Code, last.Error)
			assert.Zero(t, last.Status)
			page, err := s.Page(t.Context())
			require.NoError(t, err)
			assert.Equal(t, strings.TrimSuffix(load.URL, "/"), strings.TrimSuffix(page.URL, "/"), "what was asked for, not Chromium's own page")
			assert.Equal(t, load.Code, page.Text)
			steps := s.Steps()
			assert.NotEmpty(t, steps[len(steps)-1].Error)
			assert.NotEmpty(t, s.Shots()[steps[len(steps)-1].Screenshot])
		})
	}
}

// TestVisitWaitsForAllOfIt: a document whose last byte has come is still parsed, here up
// to a script that takes its time. One that was cut off is never parsed to its end.
func TestVisitWaitsForAllOfIt(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("whole.test/", html(`<script src="/slow.js"></script><form id="end"><input></form>`))
	site.handle("whole.test/slow.js", func(http.ResponseWriter, *http.Request) { time.Sleep(400 * time.Millisecond) })
	site.handle("whole.test/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", "5000")
		fmt.Fprint(w, `<h1 id="begin">Hello</h1>`)
	})
	site.handle("whole.test/held", html(`<h1 id="begin">Hello</h1><script src="/never.js"></script>`))
	site.handle("whole.test/never.js", answersNothing(t))
	s := session(t, browser.SessionOptions{})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://whole.test/", limit))
	there, err := s.Exists(ctx, browser.CSS("#end input"))
	require.NoError(t, err)
	assert.True(t, there, "the form stands after the script")

	require.NoError(t, s.Visit(ctx, "open", "https://whole.test/cut", limit), "no more of it comes")
	there, err = s.Exists(ctx, browser.CSS("#begin"))
	require.NoError(t, err)
	assert.True(t, there)

	s.Hurry(100 * time.Millisecond)
	require.NoError(t, s.Visit(ctx, "open", "https://whole.test/held", limit), "its script never comes")
	there, err = s.Exists(ctx, browser.CSS("#begin"))
	require.NoError(t, err)
	assert.True(t, there)
}

func TestEmptyErrorIsAnAnswer(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("empty.test/", html(`<a href="/500">on</a>`))
	site.handle("empty.test/500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s := session(t, browser.SessionOptions{})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://empty.test/500", limit), "the server did answer")
	page, err := s.Page(ctx)
	require.NoError(t, err)
	assert.Equal(t, evidence.Page{URL: "https://empty.test/500", Status: 500}, page)
	assert.Equal(t, []evidence.Hop{{Method: "GET", URL: "https://empty.test/500", Status: 500}}, s.Hops())

	require.NoError(t, s.Visit(ctx, "open", "https://empty.test/", limit))
	require.NoError(t, s.Click(ctx, "go on", browser.CSS("a"), limit))
	began := time.Now()
	err = s.Wait(ctx, "see the end", browser.CSS("#end"), limit)
	var load *browser.LoadError
	require.ErrorAs(t, err, &load)
	assert.Equal(t, 500, load.Status)
	require.ErrorContains(t, err, "see the end: https://empty.test/500 answered 500 without a body")
	assert.Less(t, time.Since(began), 5*time.Second, "waiting on is useless")
	which, err := s.WaitAny(ctx, "see the end", limit, map[string]browser.Condition{"broken": browser.Status(500)})
	require.NoError(t, err)
	assert.Equal(t, "broken", which)
}

func TestLoadIsRepeatedAfterANetworkChange(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	var asked atomic.Int32
	garbage := func(until int32) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) > until {
				html("<p id=fine>fine</p>")(w, r)
				return
			}
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n")
				conn.Close()
			}
		}
	}
	const code = "net::ERR_RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH" // stands in for ERR_NETWORK_CHANGED
	ctx := t.Context()
	site.handle("repeat.test/", garbage(2))
	s := session(t, browser.SessionOptions{})
	s.RepeatOn(code)
	require.NoError(t, s.Visit(ctx, "open", "https://repeat.test/", limit))
	assert.EqualValues(t, 3, asked.Load())
	require.Len(t, s.Notes(), 2)
	assert.Contains(t, s.Notes()[0], "repeated the load of https://repeat.test/")

	// On the way somewhere, too.
	site.handle("repeat.test/link", html(`<a href="/">on</a>`))
	require.NoError(t, s.Visit(ctx, "open", "https://repeat.test/link", limit))
	asked.Store(0)
	require.NoError(t, s.Click(ctx, "go on", browser.CSS("a"), limit))
	require.NoError(t, s.Wait(ctx, "see it", browser.CSS("#fine"), limit))
	assert.Len(t, s.Notes(), 4)

	// And for somebody who only looks.
	asked.Store(1)
	looking := session(t, browser.SessionOptions{})
	looking.RepeatOn(code)
	require.NoError(t, looking.Visit(ctx, "open", "https://repeat.test/link", limit))
	require.NoError(t, looking.Click(ctx, "go on", browser.CSS("a"), limit))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		page, _, err := looking.Arrived(ctx)
		assert.NoError(c, err)
		assert.Equal(c, "fine", page.Text)
	}, limit, 20*time.Millisecond)
	assert.NotEmpty(t, looking.Notes())

	// But no answer with a code: it counts once.
	site.handle("repeat.test/callback", garbage(1<<20))
	asked.Store(0)
	err := looking.Visit(ctx, "open", "https://repeat.test/link", limit)
	require.NoError(t, err)
	once := session(t, browser.SessionOptions{})
	once.RepeatOn(code)
	site.handle("repeat.test/back", html(`<a href="/callback?code=s3cr3t&state=x">on</a>`))
	require.NoError(t, once.Visit(ctx, "open", "https://repeat.test/back", limit))
	require.NoError(t, once.Click(ctx, "go on", browser.CSS("a"), limit))
	var load *browser.LoadError
	require.ErrorAs(t, once.Wait(ctx, "see it", browser.CSS("#fine"), limit), &load)
	assert.EqualValues(t, 1, asked.Load())
	assert.Empty(t, once.Notes())

	// And not for ever.
	asked.Store(-100)
	err = s.Visit(ctx, "open", "https://repeat.test/", limit)
	require.ErrorAs(t, err, &load)
	assert.Equal(t, code, load.Code)
	assert.EqualValues(t, -96, asked.Load(), "one and three repeats")

	other := session(t, browser.SessionOptions{})
	asked.Store(-100)
	require.ErrorAs(t, other.Visit(ctx, "open", "https://repeat.test/", limit), &load)
	assert.Empty(t, other.Notes(), "other errors are not repeated")
}

func TestClickDoesNotRaceTheNextPage(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	// The old and the new page look alike, as a login form that comes back with
	// an error does; only the counter tells them apart.
	var n atomic.Int32
	site.handle("race.test/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			time.Sleep(300 * time.Millisecond)
		}
		html(fmt.Sprintf(`<form method="post"><button>Sign in</button></form><p>page %d.</p>`, n.Add(1)))(w, r)
	})
	s := session(t, browser.SessionOptions{})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://race.test/", limit))
	for i := 2; i <= 4; i++ {
		require.NoError(t, s.Click(ctx, "sign in", browser.CSS("button"), limit))
		which, err := s.WaitAny(ctx, "see the form", limit, map[string]browser.Condition{
			"form": browser.All(browser.Visible(browser.CSS("form")), browser.URLHas("race.test")),
		})
		require.NoError(t, err)
		assert.Equal(t, "form", which)
		page, err := s.Page(ctx)
		require.NoError(t, err)
		assert.Contains(t, page.Text, fmt.Sprintf("page %d.", i))
	}
}

func TestSlowAnswerNamesTheRequest(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("slow.test/", html(`<form method="post" action="/callback?code=s3cr3tcode"><button>Go</button></form>`))
	site.handle("slow.test/callback", answersNothing(t))
	s := session(t, browser.SessionOptions{Shots: true})
	ctx := t.Context()
	s.Hurry(time.Second)
	require.NoError(t, s.Visit(ctx, "open", "https://slow.test/", limit))
	require.NoError(t, s.Click(ctx, "go", browser.CSS("button"), limit))
	err := s.Wait(ctx, "arrive", browser.CSS("#arrived"), 500*time.Millisecond)
	require.ErrorIs(t, err, browser.ErrLimit)
	assert.Regexp(t, `^arrive: no answer to POST https://slow\.test/callback\?code=\S+ within 500ms; looking for #arrived`, err.Error())
	assert.NotContains(t, err.Error(), "s3cr3t")
	hops := s.Hops()
	assert.Zero(t, hops[len(hops)-1].Status)
	page, err := s.Page(ctx)
	require.NoError(t, err, "evidence can still be had")
	assert.Equal(t, "https://slow.test/", page.URL)
	require.Len(t, s.Notes(), 1)
	assert.Contains(t, s.Notes()[0], "stopped POST https://slow.test/callback?code=…")

	err = s.Visit(ctx, "open again", "https://slow.test/callback", 500*time.Millisecond)
	require.ErrorIs(t, err, browser.ErrLimit)
	require.ErrorContains(t, err, "open again: no answer")
	require.NoError(t, s.Visit(ctx, "open", "https://slow.test/", limit), "the session still works")
}

func TestSettle(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("settle.test/", html(`<script>setTimeout(() => fetch("/slow").then(() => location = "/end"), 100)</script>`))
	site.handle("settle.test/slow", func(http.ResponseWriter, *http.Request) { time.Sleep(400 * time.Millisecond) })
	site.handle("settle.test/end", html(`the end`))
	site.handle("settle.test/never", html(`<script>setInterval(() => history.replaceState(0, "", "?" + Math.random()), 100)</script>`))
	s := session(t, browser.SessionOptions{})
	ctx := t.Context()
	require.NoError(t, s.Visit(ctx, "open", "https://settle.test/", limit))
	require.NoError(t, s.Settle(ctx, limit))
	url, err := s.URL(ctx)
	require.NoError(t, err)
	assert.Equal(t, "https://settle.test/end", url)

	require.NoError(t, s.Visit(ctx, "open", "https://settle.test/never", limit))
	require.ErrorIs(t, s.Settle(ctx, 600*time.Millisecond), browser.ErrLimit)
}
