package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

const (
	// fast is between two looks at a page; slower after a while, because two
	// cores also run what is waited for.
	fast, slow = 25 * time.Millisecond, 50 * time.Millisecond
	// askLimit bounds a question about the page that has no limit of its own.
	askLimit = 10 * time.Second
	// startLimit bounds the opening of a tab; a busy machine needs seconds.
	startLimit = 30 * time.Second
	// shotLimit bounds a picture: a missing one is better than a step that hangs.
	shotLimit = 5 * time.Second
)

// SessionOptions are what a session does beside browsing. The zero value is good.
type SessionOptions struct {
	Header   map[string]string  // extra headers of every request
	Redactor *evidence.Redactor // nil: one that knows no secret
	Shots    bool               // a screenshot of every step
	Progress func(step string)  // told when a step begins
}

// A Session is one fresh browser profile with one tab. It is not safe for
// concurrent use.
type Session struct {
	b      *Browser
	ctx    context.Context // of chromedp: this is the handle
	cancel context.CancelFunc
	red    *evidence.Redactor
	rec    *recorder
	opts   SessionOptions
	began  time.Time
	closed bool
	failAs network.ErrorReason // of requests that must not be sent; guarded by rec.mu
	// patience is how long the evidence of a page waits for a navigation that is
	// under way before it stops it, and a visit for the parser when all has come.
	patience time.Duration

	steps []evidence.Step
	shots map[string][]byte
	sight sight // the last of shots
}

// Session opens a fresh profile. It shares nothing with the other sessions but
// the process.
func (b *Browser) Session(ctx context.Context, o SessionOptions) (*Session, error) {
	if err := b.Err(); err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	if o.Redactor == nil {
		o.Redactor = evidence.NewRedactor()
	}
	s := &Session{b: b, red: o.Redactor, rec: newRecorder(o.Redactor, b.reason), opts: o, shots: map[string][]byte{}, patience: patience}
	// Nothing comes or goes on an island once it is furnished. Still no verdict may
	// rest on a session that was told so.
	s.rec.unstable = []string{networkChanged}
	if b.island == nil {
		s.rec.unstable = unstable()
	}
	// Child contexts of one browser must not be made while it is being closed.
	b.mu.Lock()
	if b.closing {
		b.mu.Unlock()
		return nil, fmt.Errorf("open a session: %w", ErrClosed)
	}
	s.ctx, s.cancel = chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(b.behind), chromedp.WithListener(s.rec.listen))
	b.sessions[s] = struct{}{}
	b.mu.Unlock()
	if err := s.start(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("open a session: %w", err)
	}
	s.began = time.Now()
	return s, nil
}

// behind puts a context of a remote browser behind our proxy.
func (b *Browser) behind(p *target.CreateBrowserContextParams) {
	if b.proxy != nil {
		p.ProxyServer = "socks5://" + b.proxy.addr
		p.ProxyBypassList = "<-loopback>" // a pair on localhost is mapped, too
	}
}

func (s *Session) start(ctx context.Context) error {
	// The first call owns the tab, so it gets no limit of its own.
	limit := time.AfterFunc(startLimit, s.cancel)
	unhook := context.AfterFunc(ctx, s.cancel)
	err := chromedp.Do(s.ctx)
	unhook()
	if err == nil && !limit.Stop() {
		err = ErrLimit
	}
	if err != nil {
		return s.cause(ctx, err)
	}
	tab := chromedp.FromContext(s.ctx).Target
	s.rec.mu.Lock()
	s.rec.frame = cdp.FrameID(tab.TargetID) // a page's main frame has the page's id
	s.rec.mu.Unlock()
	go s.dismissDialogs()
	go s.refuse()

	return s.call(ctx, startLimit, func(ctx context.Context) error {
		if s.b.size {
			_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
				Width: pageWidth, Height: pageHeight, DeviceScaleFactor: 1,
			})
			if err != nil {
				return fmt.Errorf("set the size of the page: %w", err)
			}
		}
		headers := network.Headers{}
		if s.b.accept != "" {
			headers["Accept-Language"] = s.b.accept
		}
		for name, value := range s.opts.Header {
			headers[name] = value
		}
		if len(headers) > 0 {
			_, err := chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: headers})
			if err != nil {
				return fmt.Errorf("set headers: %w", err)
			}
		}
		if s.b.proxy != nil && len(s.b.proxy.keys) > 0 {
			_, err := chromedp.Call(ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true})
			if err != nil {
				return fmt.Errorf("accept the keys of the pair: %w", err)
			}
			s.rec.addNote("the browser runs elsewhere and cannot be told which keys to accept: the tester's proxy looks at the certificates in its place")
		}
		_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
			Behavior:         browser.SetDownloadBehaviorBehaviorDeny, // nothing of a test belongs into somebody's downloads
			BrowserContextID: chromedp.FromContext(s.ctx).BrowserContextID,
		})
		if err != nil {
			return fmt.Errorf("deny downloads: %w", err)
		}
		return nil
	})
}

// dismissDialogs closes alert, confirm and the question before leaving, which
// would block every step. It ends with the session.
func (s *Session) dismissDialogs() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.rec.dialogs:
			// Leaving a page is what the step wants, so the answer is yes.
			_, err := chromedp.Call(s.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			if err != nil && s.ctx.Err() == nil {
				s.b.log.Debug("dismiss a dialog", "error", err)
			}
		}
	}
}

// Block fails every request of the session whose URL fits a pattern (* stands
// for anything), before it is sent: the page's load then ends with
// net::ERR_BLOCKED_BY_CLIENT.
func (s *Session) Block(ctx context.Context, pattern string) error {
	return s.Fail(ctx, pattern, string(network.ErrorReasonBlockedByClient))
}

// Fail is Block for another reason, one of DevTools' Network.ErrorReason. With
// InternetDisconnected the session is as one whose machine lost its network.
func (s *Session) Fail(ctx context.Context, pattern, reason string) error {
	s.rec.mu.Lock()
	s.failAs = network.ErrorReason(reason)
	s.rec.mu.Unlock()
	return s.call(ctx, askLimit, func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: pattern}}})
		if err != nil {
			return fmt.Errorf("block %s: %w", pattern, err)
		}
		return nil
	})
}

// refuse fails what Fail is for. It ends with the session.
func (s *Session) refuse() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case id := <-s.rec.paused:
			s.rec.mu.Lock()
			reason := s.failAs
			s.rec.mu.Unlock()
			_, err := chromedp.Call(s.ctx, fetch.FailRequest, fetch.FailRequestParams{RequestID: id, ErrorReason: reason})
			if err != nil && s.ctx.Err() == nil {
				s.b.log.Debug("block a request", "error", err)
			}
		}
	}
}

// Close closes the tab and forgets the profile. It is safe to call twice.
func (s *Session) Close() {
	s.b.mu.Lock()
	was := s.closed
	s.closed = true
	delete(s.b.sessions, s)
	s.b.mu.Unlock()
	if !was {
		s.cancel()
	}
}

// call runs fn with a context that ends at the limit, with the caller's context
// and with the session, and says which of them it was.
func (s *Session) call(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	op, cancel := context.WithTimeoutCause(s.ctx, limit, ErrLimit)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	defer context.AfterFunc(s.rec.crash, cancel)() // a dead tab answers nothing
	err := fn(op)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && errors.Is(context.Cause(op), ErrLimit) {
		return ErrLimit
	}
	return s.cause(ctx, err)
}

// cause tells why a call failed: the caller's context, a crash, a close, or
// what the browser said.
func (s *Session) cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.rec.crash.Err() != nil {
		return fmt.Errorf("%w: its tab crashed", ErrCrashed)
	}
	if s.ctx.Err() == nil && !errors.Is(err, context.Canceled) && !errors.Is(err, chromedp.ErrTargetDetached) {
		return err
	}
	// Only the session's own context is left to have ended. The browser tells
	// of its death a moment later.
	select {
	case <-s.b.dead:
		if berr := s.b.Err(); berr != nil {
			if err == context.Canceled { //nolint:errorlint // bare, it says nothing more
				return berr
			}
			return fmt.Errorf("%w: %w", berr, hideCanceled{err})
		}
	case <-time.After(time.Second):
	}
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	return err
}

// hideCanceled keeps the text of an error and hides that it wraps
// context.Canceled: a crash is not somebody's Ctrl-C.
type hideCanceled struct{ err error }

func (h hideCanceled) Error() string { return strings.TrimSuffix(h.err.Error(), ": context canceled") }

// eval evaluates an expression once.
func (s *Session) eval(ctx context.Context, expr string, await bool) (json.RawMessage, error) {
	res, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expr, ReturnByValue: new(true), Silent: new(true), AwaitPromise: &await,
	})
	if err != nil {
		return nil, err
	}
	if res.ExceptionDetails != nil {
		text := res.ExceptionDetails.Text
		if o := res.ExceptionDetails.Exception; o != nil && o.Description != "" {
			text, _, _ = strings.Cut(o.Description, "\n")
		}
		return nil, fmt.Errorf("script: %s", text)
	}
	if res.Result == nil || len(res.Result.Value) == 0 {
		return json.RawMessage("null"), nil
	}
	return json.RawMessage(res.Result.Value), nil
}

// ask calls one of our scripts on the current document. It waits for a
// navigation that is under way, and asks again when the document went away.
func (s *Session) ask(ctx context.Context, function string, arg, into any) error {
	expr, err := script(function, arg)
	if err != nil {
		return err
	}
	return s.poll(ctx, func() (bool, error) {
		// Chromium would hold the question back until the answer is there.
		if _, yes := s.rec.replacing(); yes {
			return false, nil
		}
		raw, err := s.eval(ctx, expr, false)
		if passing(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return true, json.Unmarshal(raw, into)
	})
}

// insist is ask for evidence, which must be had of a page that hangs, too: after
// some patience it stops the navigation that is under way.
func (s *Session) insist(ctx context.Context, function string, arg, into any) error {
	patient, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	err := s.ask(patient, function, arg, into)
	if err == nil || ctx.Err() != nil || patient.Err() == nil {
		return err
	}
	if url, yes := s.rec.replacing(); yes {
		s.rec.addNote("stopped " + url + ", which had no answer, to read the page that was there before")
	}
	if _, err := chromedp.Call(ctx, page.StopLoading, cdp.Empty{}); err != nil {
		return err
	}
	return s.ask(ctx, function, arg, into)
}

// poll calls fn until it is done or fails, or the context ends.
func (s *Session) poll(ctx context.Context, fn func() (done bool, err error)) error {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		done, err := fn()
		if done || err != nil {
			return err
		}
		pause := fast
		if time.Since(began) > time.Second {
			pause = slow
		}
		timer.Reset(pause)
	}
}

// Hops are the document responses of the main frame so far, redirects included.
func (s *Session) Hops() []evidence.Hop { return s.HopsSince(0) }

// Mark is where HopsSince can start: now.
func (s *Session) Mark() int {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	return len(s.rec.hops)
}

// HopsSince are the hops after a mark.
func (s *Session) HopsSince(mark int) []evidence.Hop {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	return slices.Clone(s.rec.hops[min(max(mark, 0), len(s.rec.hops)):])
}

// Console is what the pages wrote to the console, and the browser about them.
func (s *Session) Console() []evidence.Line {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	out := slices.Clone(s.rec.lines)
	if s.rec.dropped > 0 {
		out = append(out, evidence.Line{Source: "console", Text: fmt.Sprintf("… and %d lines more", s.rec.dropped)})
	}
	return out
}

// Asked counts what pages asked for so far, navigations and fetches: a press
// after which it stays the same did not reach the page.
func (s *Session) Asked() int {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	return s.rec.asked + s.rec.fetches
}

// Note keeps a remark beside the steps.
func (s *Session) Note(text string) { s.rec.addNote(text) }

// Disturbed says what Chromium gave up because the machine's network changed,
// and was not loaded again; "" when nothing. What such a session saw is no
// ground for a verdict.
func (s *Session) Disturbed() string {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	if len(s.rec.lost) == 0 {
		return ""
	}
	text := s.rec.lost[0].text(s.red)
	if more := len(s.rec.lost) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Notes are what happened beside the steps, such as a repeated load.
func (s *Session) Notes() []string {
	s.rec.mu.Lock()
	defer s.rec.mu.Unlock()
	return slices.Clone(s.rec.notes)
}

// Steps are the steps so far, failed ones included.
func (s *Session) Steps() []evidence.Step { return slices.Clone(s.steps) }

// Shots are the screenshots that the steps name.
func (s *Session) Shots() map[string][]byte {
	out := make(map[string][]byte, len(s.shots))
	for name, png := range s.shots {
		out[name] = png
	}
	return out
}
