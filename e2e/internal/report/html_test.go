package report

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// A reader is a user's browser: one tab that is used for all pages, since a
// start of Chromium costs more than everything that is looked at in it.
type reader struct {
	ctx context.Context
	axe string

	mu      sync.Mutex
	wrong   []string // console errors, exceptions, violations of the policy
	fetched []string // what the page asked for
}

func newReader(t *testing.T) *reader {
	t.Helper()
	path, err := browser.Find(false)
	require.NoError(t, err)
	axe, err := os.ReadFile("testdata/axe.min.js")
	require.NoError(t, err)
	r := &reader{axe: string(axe)}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.WindowSize(1280, 900), chromedp.Flag("no-proxy-server", true))...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithListener(r.listen), chromedp.WithLogf(t.Logf), chromedp.WithErrorf(t.Logf))
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx))
	r.ctx = ctx
	return r
}

func (r *reader) listen(ev any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		if ev.Entry.Level == "error" || ev.Entry.Level == "warning" {
			r.wrong = append(r.wrong, ev.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		r.wrong = append(r.wrong, ev.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(ev.Request.URL, "data:") {
			r.fetched = append(r.fetched, ev.Request.URL)
		}
	}
}

// open loads a page, as wide as asked, light or dark, on a screen or on paper.
func (r *reader) open(t *testing.T, url string, width int64, scheme, media string) {
	t.Helper()
	r.mu.Lock()
	r.wrong, r.fetched = nil, nil
	r.mu.Unlock()
	r.look(t, width, scheme, media)
	require.NoError(t, chromedp.Do(r.ctx, chromedp.Navigate(url)))
}

// look changes how the page is shown.
func (r *reader) look(t *testing.T, width int64, scheme, media string) {
	t.Helper()
	_, err := chromedp.Call(r.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(t, err)
	_, err = chromedp.Call(r.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1})
	require.NoError(t, err)
}

// eval runs a script in the page; a promise is waited for.
func eval[T any](t *testing.T, r *reader, js string) T {
	t.Helper()
	v, err := chromedp.Run(r.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	require.NoError(t, err, js)
	return v
}

func (r *reader) press(t *testing.T, keys string) {
	t.Helper()
	require.NoError(t, chromedp.Do(r.ctx, chromedp.KeyEvent(keys)))
}

// violations are what axe finds wrong for users who do not see or point.
func (r *reader) violations(t *testing.T) []string {
	t.Helper()
	text := eval[string](t, r, `axe.run({resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.flatMap(
		(v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + " " + n.failureSummary.slice(0, 300)))))`)
	var out []string
	require.NoError(t, json.Unmarshal([]byte(text), &out))
	return out
}

// deadLinks are links in the page that lead nowhere: to no element of it, and to
// no file beside it.
func (r *reader) deadLinks(t *testing.T, dir string) []string {
	t.Helper()
	var dead []string
	seen := map[string]bool{}
	for _, href := range eval[[]string](t, r, `[...document.querySelectorAll("a[href], use[href]")].map((a) => a.getAttribute("href"))`) {
		if seen[href] {
			continue
		}
		seen[href] = true
		if href == source.GuideURL {
			continue // the one page that is not ours
		}
		if id, ok := strings.CutPrefix(href, "#"); ok {
			if !eval[bool](t, r, `document.getElementById(decodeURIComponent(`+quoteJS(id)+`)) !== null`) {
				dead = append(dead, href)
			}
			continue
		}
		if info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(href))); err != nil || info.Size() == 0 {
			dead = append(dead, href)
		}
	}
	return dead
}

func quoteJS(s string) string {
	b, _ := json.Marshal(s) // strings always encode
	return string(b)
}

// site serves a report, maybe under a policy, as an artifact store would.
func site(t *testing.T, dir, policy string) string {
	t.Helper()
	files := http.FileServer(http.Dir(dir))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		if req.URL.Path == "/favicon.ico" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		files.ServeHTTP(w, req)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// tooWide names what sticks out of the page at its right.
const tooWide = `(() => {
	const room = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= room) return "";
	return document.documentElement.scrollWidth + " " + [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > room + 1 && !e.parentElement.closest(".scroll, .film, pre, .log, .links"))
		.map((e) => e.tagName + "." + (e.className.baseVal ?? e.className) + " " + Math.round(e.getBoundingClientRect().right)).join(", ");
})()`

// unhinted names what can be scrolled sideways and does not look like it, after the
// page had a frame to see its own size.
const unhinted = `new Promise((done) => requestAnimationFrame(() => setTimeout(() => done([...document.querySelectorAll("body *")].filter((e) =>
	e.checkVisibility() && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 2 && /auto|scroll/.test(getComputedStyle(e).overflowX) && getComputedStyle(e).maskImage === "none")
	.map((e) => e.tagName + "." + e.className)))))`

var metaPolicy = regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]+)"`)

// TestPage looks at the page in the real browser.
func TestPage(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	dirs := map[string]string{}
	for name, run := range samples(t) {
		dirs[name] = t.TempDir()
		require.NoError(t, Write(dirs[name], run))
	}
	dirs["conformance"] = t.TempDir()
	require.NoError(t, Write(dirs["conformance"], conformanceRun(t)))
	dirs["matrix"] = t.TempDir()
	m := matrixOf(t)
	require.NoError(t, m.Write(dirs["matrix"]))
	for _, c := range m.Cells {
		if c.Report != nil {
			require.NoError(t, c.Report.Write(filepath.Join(dirs["matrix"], c.Dir)))
		}
	}
	for name, dir := range dirs {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(dir, Index))
			require.NoError(t, err)
			m := metaPolicy.FindSubmatch(text)
			require.NotNil(t, m, "the page says what it may do")
			policy := strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(string(m[1]))
			assert.NotContains(t, policy, "unsafe")
			r.open(t, site(t, dir, policy), 1280, "light", "")
			assert.Empty(t, r.deadLinks(t, dir), "links that lead nowhere")
			if name != "big" { // every part of a check is in the others
				eval[chromedp.Void](t, r, `document.querySelectorAll("details").forEach((d) => { d.open = true })`)
			}
			require.NoError(t, chromedp.Do(r.ctx, chromedp.Evaluate[chromedp.Void](r.axe)))
			assert.Empty(t, r.violations(t), "light")
			r.look(t, 1280, "dark", "")
			assert.Empty(t, r.violations(t), "dark")
			r.look(t, 390, "dark", "")
			assert.Empty(t, eval[string](t, r, tooWide), "a phone need not scroll sideways")
			assert.Empty(t, eval[[]string](t, r, unhinted), "what goes on at the right fades out there")
			r.mu.Lock()
			defer r.mu.Unlock()
			assert.Empty(t, r.wrong, "console")
			for _, url := range r.fetched {
				assert.True(t, strings.HasSuffix(url, "/") || strings.HasSuffix(url, "/favicon.ico"), "asks for nothing but itself: %s", url)
			}
		})
	}
	t.Run("keyboard", func(t *testing.T) { keyboard(t, r, dirs["fail"]) })
	t.Run("links and tools", func(t *testing.T) { tools(t, r, dirs["fail"]) })
	t.Run("order and search", func(t *testing.T) { search(t, r, dirs["fail"]) })
	t.Run("verdicts", func(t *testing.T) { verdicts(t, r, dirs["conformance"]) })
	t.Run("paper", func(t *testing.T) { paper(t, r, dirs["fail"]) })
	t.Run("without script and style", func(t *testing.T) { bare(t, r, dirs["fail"]) })
	t.Run("from disk", func(t *testing.T) {
		r.open(t, "file://"+filepath.ToSlash(filepath.Join(dirs["fail"], Index)), 1280, "light", "")
		assert.False(t, eval[bool](t, r, `document.querySelector(".tools").hidden`), "the script runs")
		assert.True(t, eval[bool](t, r, `getComputedStyle(document.querySelector(".badge")).display.includes("flex")`), "the style is there")
		r.mu.Lock()
		defer r.mu.Unlock()
		assert.Empty(t, r.wrong)
	})
}

// keyboard walks with Tab to the film strip, opens a picture, turns, and leaves.
func keyboard(t *testing.T, r *reader, dir string) {
	t.Helper()
	r.open(t, site(t, dir, ""), 1280, "light", "")
	r.press(t, kb.Tab)
	assert.Equal(t, "Skip to the checks", eval[string](t, r, `document.activeElement.textContent`), "the first stop")
	reached := false
	for range 80 {
		r.press(t, kb.Tab)
		if eval[bool](t, r, `document.activeElement.matches(".film .shot") && document.activeElement.closest("details.check") !== null`) {
			reached = true
			break
		}
	}
	require.True(t, reached, "Tab leads to the film strip")
	assert.NotEqual(t, "none", eval[string](t, r, `getComputedStyle(document.activeElement).outlineStyle`), "where the keyboard is can be seen")
	r.press(t, kb.Enter)
	require.True(t, eval[bool](t, r, `document.querySelector("dialog.viewer").open`))
	assert.Equal(t, "1. open the sign-in page", eval[string](t, r, `document.querySelector(".viewer-title").textContent`))
	assert.True(t, eval[bool](t, r, `document.querySelector(".viewer .outline") !== null`), "the element that was used is outlined")
	r.press(t, kb.ArrowRight)
	assert.Equal(t, "2. press the SSO button", eval[string](t, r, `document.querySelector(".viewer-title").textContent`))
	width := eval[float64](t, r, `document.querySelector(".viewer-shot svg").getBoundingClientRect().width`)
	assert.Greater(t, width, 900.0, "enlarged")
	r.press(t, kb.Escape)
	assert.False(t, eval[bool](t, r, `document.querySelector("dialog.viewer").open`), "Esc closes")
	assert.True(t, eval[bool](t, r, `document.activeElement.matches(".film .shot")`), "the keyboard is back where it was")
}

// tools are the filter, the folding, the copy buttons and links to checks.
func tools(t *testing.T, r *reader, dir string) {
	t.Helper()
	r.open(t, site(t, dir, ""), 1280, "light", "")
	eval[chromedp.Void](t, r, `document.querySelector('[data-show="problems"]').click()`)
	assert.Equal(t, []string{"fail"}, eval[[]string](t, r, `[...document.querySelectorAll("details.check:not([hidden])")].map((d) => d.dataset.status)`))
	eval[chromedp.Void](t, r, `location.hash = "#check-first-login"`)
	require.Eventually(t, func() bool {
		return eval[bool](t, r, `document.getElementById("check-first-login").closest("details").open && !document.getElementById("check-first-login").closest("details").hidden`)
	}, 5*time.Second, 20*time.Millisecond, "a link to a check that is filtered and folded shows it")
	eval[chromedp.Void](t, r, `document.querySelector('[data-fold="close"]').click()`)
	assert.Zero(t, eval[int](t, r, `document.querySelectorAll("details.check[open]").length`))

	eval[chromedp.Void](t, r, `Object.defineProperty(navigator, "clipboard", {value: {writeText: async (text) => { window.copied = text; }}})`)
	copied := func(css string) string {
		return eval[string](t, r, `(document.querySelector(`+quoteJS(css)+`).click(), window.copied)`)
	}
	assert.Equal(t, sampleCallback, copied("#cause .copy:last-of-type"), "what shall be in the form, and nothing else")
	assert.Equal(t, "--- a/compose.yaml\n+++ b/compose.yaml\n@@ -23,1 +23,1 @@\n"+
		"-      PAPERLESS_AUTO_CREATE: true   # create Paperless user on first SSO login\n+      PAPERLESS_SOCIAL_AUTO_SIGNUP: \"true\"\n",
		copied(".l-warning .copy"), "the edit of a file as patch takes it")
}

// search is the order of the checks, and the box that finds some of them.
func search(t *testing.T, r *reader, dir string) {
	t.Helper()
	r.open(t, site(t, dir, ""), 1280, "light", "")
	shown := func() []string {
		return eval[[]string](t, r, `[...document.querySelectorAll("details.check")].filter((d) => d.offsetParent !== null && d.checkVisibility()).map((d) => d.id || d.querySelector("h3").textContent)`)
	}
	assert.Equal(t, []string{"check-round-trip", "5 checks"}, shown(), "what failed comes first, and what passed is folded")
	assert.Equal(t, "2 checks", eval[string](t, r, `document.querySelector("details.passed > summary h3").textContent`))
	find := func(words string) []string {
		eval[chromedp.Void](t, r, `(() => { const f = document.getElementById("find"); f.value = `+quoteJS(words)+`; f.dispatchEvent(new Event("input")); })()`)
		return shown()
	}
	assert.Equal(t, []string{"check-login-button"}, find("shows BUTTON"), "all words, in capitals or not, also in what is folded")
	assert.Equal(t, "1 entry shown", eval[string](t, r, `document.getElementById("said").textContent`))
	assert.Equal(t, []string{"check-round-trip"}, find("/application/o/authorize/"), "an address of a request")
	assert.Empty(t, find("no such thing"))
	assert.True(t, eval[bool](t, r, `document.querySelector(".nothing").checkVisibility()`), "that nothing fits is said")
	assert.Zero(t, eval[int](t, r, `document.querySelectorAll(".settings > div:not([hidden])").length`), "settings are searched, too")
	assert.Len(t, find(""), 4, "the fold that was opened stays so")
	assert.False(t, eval[bool](t, r, `document.querySelector(".nothing").checkVisibility()`))

	find("button")
	eval[chromedp.Void](t, r, `location.hash = "#check-round-trip"`)
	require.Eventually(t, func() bool { return eval[bool](t, r, `document.getElementById("check-round-trip").checkVisibility()`) },
		5*time.Second, 20*time.Millisecond, "a link leads to a check that the search had hidden")
}

// verdicts is the filter of the conformance tests, by keyboard and by mouse: what is
// shown, which clauses stay, what is said of it, and the way from a row to its test.
func verdicts(t *testing.T, r *reader, dir string) {
	t.Helper()
	r.open(t, site(t, dir, ""), 1280, "light", "")
	shown := func() []string {
		return eval[[]string](t, r, `[...document.querySelectorAll(".verdicts [data-is]")].filter((row) => row.offsetParent !== null).map((row) => row.querySelector("a").textContent)`)
	}
	clauses := func() int {
		return eval[int](t, r, `[...document.querySelectorAll('.verdicts th[scope="rowgroup"]')].filter((th) => th.offsetParent !== null).length`)
	}
	pressed := func() []string {
		return eval[[]string](t, r, `[...document.querySelectorAll("[data-verdict][aria-pressed=true]")].map((b) => b.textContent)`)
	}
	said := func() string {
		return eval[string](t, r, `document.querySelector("[aria-live], [role=status]").textContent`)
	}
	all := []string{"rp-callback-right", "rp-id_token-sig-none", "rp-sub-null-two-users"}
	assert.Equal(t, all, shown())
	assert.Equal(t, []string{"All"}, pressed())
	every := clauses()

	eval[chromedp.Void](t, r, `document.querySelector('[data-verdict=""]').focus()`)
	r.press(t, kb.Tab)
	require.Equal(t, "weaker 2", eval[string](t, r, `document.activeElement.textContent`), "what is worst comes first")
	r.press(t, kb.Enter)
	assert.Equal(t, all[1:], shown())
	assert.Equal(t, []string{"weaker 2"}, pressed())
	assert.Equal(t, "2 tests shown", said())
	assert.Less(t, clauses(), every, "a clause without a row is not shown")

	eval[chromedp.Void](t, r, `document.querySelector('[data-verdict="conforming"]').click()`)
	assert.Equal(t, all[:1], shown())
	assert.Equal(t, "1 test shown", said())
	eval[chromedp.Void](t, r, `document.querySelector(".verdicts [data-is]:not([hidden]) a").click()`)
	require.Eventually(t, func() bool {
		return eval[bool](t, r, `document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details").open === true`)
	}, 5*time.Second, 20*time.Millisecond, "a row leads to its test and opens it")

	eval[chromedp.Void](t, r, `document.querySelector('[data-verdict=""]').click()`)
	assert.Equal(t, all, shown())
	assert.Equal(t, every, clauses())
	assert.Equal(t, "3 tests shown", said())
}

// paper shows what failed, whole, and none of the buttons.
func paper(t *testing.T, r *reader, dir string) {
	t.Helper()
	r.open(t, site(t, dir, ""), 1000, "light", "print")
	assert.Zero(t, eval[int](t, r, `[...document.querySelectorAll(".toc, .tools, .copy")].filter((e) => e.offsetParent !== null).length`))
	assert.Equal(t, "none", eval[string](t, r, `getComputedStyle(document.querySelector(".log")).maxHeight`), "a log is not cut")
	res, err := chromedp.Call(r.ctx, cdppage.PrintToPDF, cdppage.PrintToPDFParams{PrintBackground: new(true)})
	require.NoError(t, err)
	assert.Greater(t, len(res.Data), 10_000)
}

// bare is Jenkins, which forbids inline style, script and pictures: what is
// wrong and what fixes it must be readable all the same.
func bare(t *testing.T, r *reader, dir string) {
	t.Helper()
	r.open(t, site(t, dir, "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"), 1280, "light", "")
	root, err := chromedp.Run(r.ctx, chromedp.Text(chromedp.CSS("body")))
	require.NoError(t, err)
	for _, want := range []string{"1 of 8 checks failed", "RED-SLASH", sampleCallback, "set the strict redirect URI to"} {
		assert.Contains(t, root, want)
	}
	assert.NotContains(t, root, "Copy diff", "no button without the script")
}
