package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

const (
	maxLine  = 4 << 10  // of a console line
	maxLines = 2000     // of the console
	maxText  = 64 << 10 // of a page
)

// A doc is one document of the main frame.
type doc struct {
	method string
	url    string // as asked, secrets included
	status int
	err    string // net::ERR_…
	bytes  int    // of its body that have come
	over   bool   // no more of it comes
	cut    bool   // nor was that all: it is never parsed to its end
}

// empty reports whether an error was answered and nothing of a body came. A
// Chromium with a window shows a page of its own then, one without shows nothing.
func (d *doc) empty() bool { return d.over && d.status >= http.StatusBadRequest && d.bytes == 0 }

// recorder follows the main frame of a session. Its listen method runs on the
// goroutine that reads the browser's messages, in their order.
type recorder struct {
	red *evidence.Redactor

	mu      sync.Mutex
	frame   cdp.FrameID // "" until the tab is there
	hops    []evidence.Hop
	hop     map[network.RequestID]int // the last hop of a request
	docs    map[cdp.LoaderID]*doc
	lines   []evidence.Line
	dropped int
	notes   []string

	pending  network.RequestID // a navigation that was asked for and is not on the page yet
	failed   time.Time         // when the pending navigation failed; its error page is on the way
	asked    int               // navigations asked for
	intended int               // navigations that the page said it will ask for
	fetches  int               // fetches that pages began
	news     int               // what may make the page look otherwise, all told
	moved    time.Time         // when the page last changed
	now      doc               // the document on the page
	loader   cdp.LoaderID      // of that document
	broken   bool              // the page is Chromium's error page for now
	crash    context.Context   // ends when the tab crashes
	crashed  context.CancelFunc
	busy     map[network.RequestID]time.Time // fetches under way
	dialogs  chan struct{}
	paused   chan fetch.RequestID          // requests that must not be sent
	reason   func(url, code string) string // knows why a load failed; nil: the browser does
	repeats  int                           // loads that were repeated by themselves
	urls     map[network.RequestID]string  // of requests under way, secrets included
	unstable []string                      // codes of a network that changed
	lost     []loss                        // and was not loaded again
	forgiven int                           // pages that were asked for again before their loss was told
}

func newRecorder(red *evidence.Redactor, reason func(url, code string) string) *recorder {
	crash, crashed := context.WithCancel(context.Background())
	return &recorder{
		red: red, moved: time.Now(), crash: crash, crashed: crashed,
		hop:     make(map[network.RequestID]int),
		docs:    make(map[cdp.LoaderID]*doc),
		urls:    make(map[network.RequestID]string),
		busy:    make(map[network.RequestID]time.Time),
		dialogs: make(chan struct{}, 8),
		paused:  make(chan fetch.RequestID, 64),
		reason:  reason,
	}
}

func (r *recorder) listen(ev any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(ev)
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		r.request(ev)
	case *network.EventResponseReceived:
		r.response(ev)
	case *network.EventLoadingFailed:
		r.loadingFailed(ev)
	case *network.EventDataReceived:
		if d := r.docs[cdp.LoaderID(ev.RequestID)]; d != nil && !r.broken {
			d.bytes += int(ev.DataLength)
		}
	case *network.EventLoadingFinished:
		delete(r.busy, ev.RequestID)
		delete(r.urls, ev.RequestID)
		r.ended(ev.RequestID)
	case *network.EventWebSocketCreated:
		r.urls[ev.RequestID] = ev.URL
	case *network.EventWebSocketFrameError:
		r.loses(ev.RequestID, network.ResourceTypeWebSocket, ev.ErrorMessage)
	case *page.EventFrameRequestedNavigation:
		if ev.FrameID == r.frame && ev.Disposition == page.ClientNavigationDispositionCurrentTab {
			r.intended++
		}
	case *page.EventFrameNavigated:
		r.navigated(ev.Frame)
	case *page.EventNavigatedWithinDocument:
		if ev.FrameID == r.frame {
			r.moved = time.Now()
			r.now.url = ev.URL
		}
	case *page.EventJavascriptDialogOpening:
		r.note("the page opened a dialog: " + ev.Message)
		select {
		case r.dialogs <- struct{}{}:
		default:
		}
	case *fetch.EventRequestPaused:
		select {
		case r.paused <- ev.RequestID:
		default: // 64 at once: it stays paused, which is as good as refused
		}
	case *inspector.EventTargetCrashed:
		r.crashed()
	case *runtime.EventConsoleAPICalled:
		r.line(string(ev.Type), arguments(ev.Args), ev.Timestamp)
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if o := ev.ExceptionDetails.Exception; o != nil && o.Description != "" {
			text += " " + o.Description
		}
		r.line("exception", text+r.at(ev.ExceptionDetails.URL), ev.Timestamp)
	case *log.EventEntryAdded:
		r.line(string(ev.Entry.Level), ev.Entry.Text+r.at(ev.Entry.URL), ev.Entry.Timestamp)
	}
}

// turn counts an event after which the page may look otherwise. What a page draws
// without one, such as an animation, is not counted.
func (r *recorder) turn(ev any) {
	switch ev.(type) {
	case *network.EventRequestWillBeSent, *network.EventResponseReceived, *network.EventDataReceived,
		*network.EventLoadingFinished, *network.EventLoadingFailed,
		*page.EventFrameRequestedNavigation, *page.EventFrameNavigated, *page.EventNavigatedWithinDocument,
		*page.EventDomContentEventFired, *page.EventLoadEventFired, *page.EventJavascriptDialogOpening:
		r.news++
	}
}

// turns is how many of these events there were.
func (r *recorder) turns() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.news
}

// loses keeps what Chromium gave up because the machine's network changed: every
// kind of resource counts, because a page without one of its scripts is another
// page.
func (r *recorder) loses(id network.RequestID, kind network.ResourceType, code string) {
	url := r.urls[id]
	delete(r.urls, id)
	for _, one := range r.unstable {
		if strings.Contains(code, one) {
			_, main := r.hop[id]
			l := loss{code: one, kind: string(kind), url: url, main: main}
			if main && r.forgiven > 0 {
				r.forgiven-- // it was asked for again before this was told
				return
			}
			r.lost = append(r.lost, l)
			if !main { // the hop has the error of a page
				r.note("the machine's network changed: " + l.text(r.red))
			}
			return
		}
	}
}

// A loss is something that Chromium gave up because the machine's network changed.
type loss struct {
	code, kind, url string
	main            bool // it is the page itself
}

func (l loss) text(red *evidence.Redactor) string {
	kind := strings.ToLower(l.kind)
	if l.kind == string(network.ResourceTypeOther) {
		kind = "resource" // such as the icon of a page
	}
	return fmt.Sprintf("%s for the %s (%s)", l.code, kind, red.URL(l.url))
}

func (r *recorder) request(ev *network.EventRequestWillBeSent) {
	r.urls[ev.RequestID] = ev.Request.URL
	if ev.Type != network.ResourceTypeDocument {
		if ev.Type == network.ResourceTypeXHR || ev.Type == network.ResourceTypeFetch {
			r.busy[ev.RequestID] = time.Now()
			r.fetches++
		}
		return
	}
	if r.frame == "" || ev.FrameID != r.frame {
		return
	}
	if i, ok := r.hop[ev.RequestID]; ok && ev.RedirectResponse != nil {
		r.answer(i, ev.RedirectResponse)
	}
	r.hops = append(r.hops, evidence.Hop{Method: ev.Request.Method, URL: r.red.URL(ev.Request.URL)})
	r.hop[ev.RequestID] = len(r.hops) - 1
	r.docs[ev.LoaderID] = &doc{method: ev.Request.Method, url: ev.Request.URL}
	if r.pending != ev.RequestID {
		r.asked++
	}
	r.pending, r.failed = ev.RequestID, time.Time{}
	r.moved = time.Now()
}

func (r *recorder) answer(hop int, res *network.Response) {
	h := &r.hops[hop]
	h.Status = int(res.Status)
	for name, value := range res.Headers {
		if strings.EqualFold(name, "Location") {
			h.Location = r.red.URL(fmt.Sprint(value))
		}
	}
}

func (r *recorder) response(ev *network.EventResponseReceived) {
	i, ok := r.hop[ev.RequestID]
	if !ok || ev.Type != network.ResourceTypeDocument {
		return
	}
	r.answer(i, ev.Response)
	if d := r.docs[ev.LoaderID]; d != nil {
		d.status = int(ev.Response.Status)
	}
}

func (r *recorder) loadingFailed(ev *network.EventLoadingFailed) {
	delete(r.busy, ev.RequestID)
	r.loses(ev.RequestID, ev.Type, ev.ErrorText)
	i, ok := r.hop[ev.RequestID]
	if !ok {
		return
	}
	d := r.docs[cdp.LoaderID(ev.RequestID)] // the two ids are one for a navigation
	code := ev.ErrorText
	if d != nil && r.reason != nil {
		code = r.reason(d.url, code)
	}
	if r.hops[i].Status == 0 {
		r.hops[i].Error = code
	}
	if d != nil {
		d.err = code
	}
	if r.pending != ev.RequestID {
		if d != nil {
			d.cut = true
		}
		r.ended(ev.RequestID) // cut off, where its page is there already
		return
	}
	if ev.Canceled || ev.ErrorText == "net::ERR_ABORTED" {
		r.pending = "" // stopped, or a download, or 204: the page stays
		return
	}
	r.failed = time.Now()
}

// ended takes that no more of a document comes.
func (r *recorder) ended(id network.RequestID) {
	d := r.docs[cdp.LoaderID(id)] // the two ids are one for a navigation
	if d == nil {
		return
	}
	d.over = true
	if r.loader == cdp.LoaderID(id) && !r.broken {
		r.shows(d)
	}
}

// shows puts a document's state into that of the page.
func (r *recorder) shows(d *doc) {
	url := r.now.url
	r.now = *d
	r.now.url = url
	if r.now.err = ""; d.empty() {
		r.broken, r.now.err = true, emptyFailure
	}
}

func (r *recorder) navigated(f *cdp.Frame) {
	if f.ParentID != "" || (r.frame != "" && f.ID != r.frame) {
		return
	}
	r.moved = time.Now()
	r.broken = f.UnreachableURL != ""
	r.loader = f.LoaderID
	r.now = doc{url: f.URL + f.URLFragment}
	switch d := r.docs[f.LoaderID]; {
	case r.broken:
		if d != nil {
			r.now = *d
		}
		r.now.url = f.UnreachableURL
	case d != nil:
		r.shows(d)
	}
	if r.pending == network.RequestID(f.LoaderID) || !r.failed.IsZero() {
		r.pending, r.failed = "", time.Time{}
	}
	clear(r.busy) // they died with their page
}

// replacing reports whether the page is about to be replaced, and by what.
func (r *recorder) replacing() (url string, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == "" {
		return "", false
	}
	if !r.failed.IsZero() && time.Since(r.failed) > time.Second {
		return "", false // its error page should have come long ago
	}
	i := r.hop[r.pending]
	return r.hops[i].Method + " " + r.hops[i].URL, true
}

// current is the document on the page; broken tells that Chromium shows an
// error page in its place.
func (r *recorder) current() (d doc, broken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now, r.broken
}

// quiet is how long nothing has moved on the page; 0 while something does.
func (r *recorder) quiet() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending != "" && r.failed.IsZero() {
		return 0
	}
	for id, since := range r.busy {
		if time.Since(since) < 2*time.Second { // older ones are long polls
			return 0
		}
		delete(r.busy, id)
	}
	return time.Since(r.moved)
}

func (r *recorder) counts() (asked, intended int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked, r.intended
}

// note needs r.mu.
func (r *recorder) note(text string) { r.notes = append(r.notes, r.red.Text(text)) }

func (r *recorder) addNote(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(text)
}

func (r *recorder) line(level, text string, at runtime.Timestamp) {
	if len(r.lines) >= maxLines {
		r.dropped++
		return
	}
	r.lines = append(r.lines, evidence.Line{
		Source: "console",
		Time:   time.UnixMicro(int64(float64(at) * 1000)).UTC(),
		Text:   cut(r.red.Text(level+": "+text), maxLine),
	})
}

func (r *recorder) at(url string) string {
	if url == "" {
		return ""
	}
	return " (" + r.red.URL(url) + ")"
}

// arguments is what a console call printed.
func arguments(args []*runtime.RemoteObject) string {
	words := make([]string, 0, len(args))
	for _, a := range args {
		var s string
		switch {
		case len(a.Value) > 0 && json.Unmarshal(a.Value, &s) == nil:
			words = append(words, s)
		case len(a.Value) > 0:
			words = append(words, string(a.Value))
		case a.UnserializableValue != "":
			words = append(words, string(a.UnserializableValue))
		default:
			words = append(words, a.Description)
		}
	}
	return strings.Join(words, " ")
}

// cut shortens a text that was redacted before: a secret cut in half would not
// be recognised.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + " …"
}

// changed reports whether a code is that of a network that changed.
func (r *recorder) changed(code string) bool { return slices.Contains(r.unstable, code) }

// regained forgets the page that was lost last: it is asked for again.
func (r *recorder) regained() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.lost) - 1; i >= 0; i-- {
		if r.lost[i].main {
			r.lost = slices.Delete(r.lost, i, i+1)
			return
		}
	}
	r.forgiven++
}

// again counts the loads that were repeated by themselves and reports whether one
// more may be.
func (r *recorder) again() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.repeats++
	return r.repeats <= maxRepeats
}
