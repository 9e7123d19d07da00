package browser

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// networkChanged is what Chromium says when an interface of the machine came or
// went, as Docker's do all the time. The request was the victim, not the cause.
const (
	networkChanged = "net::ERR_NETWORK_CHANGED"
	disconnected   = "net::ERR_INTERNET_DISCONNECTED" // said while no interface is left
	maxRepeats     = 3
)

// unstable are the codes of a machine whose network changes. One that has nothing
// but its loopback interface is always disconnected: no reason to try again.
func unstable() []string {
	codes := []string{networkChanged}
	all, err := net.Interfaces()
	if err != nil || slices.ContainsFunc(all, func(i net.Interface) bool {
		return i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0
	}) {
		codes = append(codes, disconnected)
	}
	return codes
}

// emptyFailure is what Chromium says of an error status without a body. The
// server did answer.
const emptyFailure = "net::ERR_HTTP_RESPONSE_CODE_FAILURE"

// doing is what a running step tells about itself.
type doing struct {
	evidence.Step
	problem string // what is wrong with what is looked for, for the error
	url     string // of the page that was looked at
	title   string
	still   bool // what is looked for was there at once, and nothing was done to the page
}

// step runs one named action within its limit and records it.
func (s *Session) step(ctx context.Context, name string, limit time.Duration, looking string, fn func(context.Context, *doing) error) error {
	if s.opts.Progress != nil {
		s.opts.Progress(name)
	}
	began := time.Now()
	d := &doing{Step: evidence.Step{Name: name, At: began.Sub(s.began).Seconds()}}
	err := s.call(ctx, limit, func(op context.Context) error { return fn(op, d) })
	d.Seconds = time.Since(began).Seconds()
	if err != nil {
		err = s.stepError(d, limit, looking, err)
		d.Error = s.red.Text(err.Error())
	}
	if s.opts.Shots && d.Screenshot == "" && ctx.Err() == nil && !errors.Is(err, ErrCrashed) && !errors.Is(err, ErrClosed) {
		s.shoot(ctx, d)
	}
	s.steps = append(s.steps, d.Step)
	s.b.log.DebugContext(ctx, "step", "name", name, "seconds", d.Seconds, "error", d.Error)
	return err
}

func (s *Session) stepError(d *doing, limit time.Duration, looking string, err error) error {
	now, broken := s.rec.current()
	e := &StepError{Step: d.Name, Limit: limit, Looking: looking, Problem: d.problem, Err: err}
	if url, yes := s.rec.replacing(); yes {
		e.Problem = "no answer to " + url
	}
	e.URL, e.Title = s.red.URL(d.url), s.red.Text(d.title)
	if d.url == "" || broken {
		e.URL, e.Title = s.red.URL(now.url), ""
	}
	var load *LoadError
	if errors.As(err, &load) || e.URL == "about:blank" {
		e.URL, e.Title = "", "" // the error names it
	}
	return e
}

// shoot takes the screenshot of a step. One costs as much as a page, so where nothing
// has happened since the last one, it is that one again.
func (s *Session) shoot(ctx context.Context, d *doing) {
	turns := s.rec.turns()
	png := s.sight.png
	if !d.still || turns != s.sight.turns || png == nil {
		var err error
		if png, err = s.Screenshot(ctx); err != nil {
			s.b.log.DebugContext(ctx, "screenshot", "step", d.Name, "error", err)
			return
		}
	}
	s.sight = sight{png, turns}
	d.Screenshot = fmt.Sprintf("%02d-%s.png", len(s.steps)+1, fileName(d.Name))
	s.shots[d.Screenshot] = png
}

// A sight is what the page looked like after so many turns of it. It is zero once the
// page was touched.
type sight struct {
	png   []byte
	turns int
}

// fileName is a step's name as part of a file name.
func fileName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	out := strings.Join(words, "-")
	return strings.TrimSuffix(out[:min(len(out), 48)], "-")
}

// Visit opens a URL and waits until its document is there. What Chromium could
// not load is an error that wraps a *LoadError; an error status is not.
func (s *Session) Visit(ctx context.Context, name, url string, limit time.Duration) error {
	return s.step(ctx, name, limit, "", func(ctx context.Context, d *doing) error {
		d.problem = "no answer from " + s.red.URL(url)
		for try := 0; ; try++ {
			code, err := s.navigate(ctx, url)
			if err != nil {
				return err
			}
			if s.rec.changed(code) && try < maxRepeats {
				s.repeated(url)
				continue
			}
			if code != "" && code != emptyFailure {
				return &LoadError{Code: code, URL: s.red.URL(url)}
			}
			break
		}
		d.problem = "the page was not parsed"
		_, err := s.until(ctx, d, map[string]Condition{"": {holds: func(seen) bool { return true }}}, true)
		return err
	})
}

// navigate asks for a URL; code is Chromium's name of what went wrong.
func (s *Session) navigate(ctx context.Context, url string) (code string, err error) {
	res, err := chromedp.Call(ctx, page.Navigate, page.NavigateParams{URL: url})
	if err != nil {
		if ctx.Err() != nil && s.ctx.Err() == nil {
			// Else the late answer would replace the page of a later step.
			stop, cancel := context.WithTimeout(s.ctx, time.Second)
			defer cancel()
			_, _ = chromedp.Call(stop, page.StopLoading, cdp.Empty{})
		}
		return "", err
	}
	if s.b.reason != nil {
		return s.b.reason(url, res.ErrorText), nil
	}
	return res.ErrorText, nil
}

func (s *Session) repeated(url string) {
	s.rec.regained()
	s.rec.addNote("repeated the load of " + s.red.URL(url) + ": the machine's network changed meanwhile")
}

// Click presses an element with the mouse, once it can be seen, stands still
// and is covered by nothing. When the press asks for another page, what follows
// sees that page.
func (s *Session) Click(ctx context.Context, name string, sel Selector, limit time.Duration) error {
	return s.step(ctx, name, limit, sel.String(), func(ctx context.Context, d *doing) error {
		at, err := s.locate(ctx, d, sel, true)
		if err != nil {
			return err
		}
		if s.opts.Shots {
			s.shoot(ctx, d)
		}
		s.sight = sight{}
		asked, intended := s.rec.counts()
		for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMouseMoved, input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
			p := input.DispatchMouseEventParams{Type: kind, X: at.X, Y: at.Y}
			if kind != input.DispatchMouseEventTypeMouseMoved {
				p.Button, p.ClickCount = input.MouseButtonLeft, 1
			}
			if _, err := chromedp.Call(ctx, input.DispatchMouseEvent, p); err != nil {
				if passing(err) {
					break // the page left while the button was still down
				}
				return err
			}
		}
		d.problem = "pressed, but the browser does not go on"
		return s.leave(ctx, asked, intended)
	})
}

// leave waits until a navigation that was just caused has been asked for. A
// submitted form is sent a moment after the click is done.
func (s *Session) leave(ctx context.Context, asked, intended int) error {
	const (
		grace = 80 * time.Millisecond // nothing announced: most clicks go nowhere
		sure  = time.Second           // announced by the page
	)
	began := time.Now()
	return s.poll(ctx, func() (bool, error) {
		a, i := s.rec.counts()
		switch waited := time.Since(began); {
		case a != asked:
			return true, nil
		case i != intended:
			return waited > sure, nil
		default:
			return waited > grace, nil
		}
	})
}

// place is where an element is.
type place struct {
	State string    `json:"state"`
	By    string    `json:"by"`
	Rect  []float64 `json:"rect"`
	X     float64   `json:"x"`
	Y     float64   `json:"y"`
	Type  string    `json:"type"`
	Moved bool      `json:"moved"` // the page was scrolled to it
	URL   string    `json:"url"`
	Title string    `json:"title"`
}

// locate waits until an element can be used and stands still.
func (s *Session) locate(ctx context.Context, d *doing, sel Selector, press bool) (place, error) {
	var last, at place
	looks := 0
	err := s.poll(ctx, func() (bool, error) {
		looks++
		if err := s.load(ctx, d); err != nil {
			return false, err
		}
		if _, yes := s.rec.replacing(); yes {
			return false, nil
		}
		last, at = at, place{}
		if err := s.ask(ctx, locateJS, map[string]any{"sel": sel.arg(), "press": press}, &at); err != nil {
			return false, err
		}
		d.url, d.title = at.URL, at.Title
		d.problem = problem(sel, at)
		if at.State != "ready" {
			return false, nil
		}
		d.Rect = at.Rect
		stands := slices.Equal(last.Rect, at.Rect) && last.URL == at.URL
		d.still = stands && looks == 2 && !last.Moved
		return stands, nil
	})
	if err != nil && at.State == "" {
		at = last // the limit came while the page was asked once more
	}
	return at, err
}

func problem(sel Selector, at place) string {
	switch at.State {
	case "missing":
		return "no " + sel.String()
	case "hidden":
		return sel.String() + " is there but cannot be seen"
	case "disabled":
		return sel.String() + " is disabled"
	case "covered":
		if at.By == "" {
			return sel.String() + " lies outside of the page"
		}
		return sel.String() + " is covered by " + at.By
	}
	return sel.String() + " does not stand still"
}

// Fill puts a value into an input in place of what is in it, as typing does.
// The value is in no log and no record.
func (s *Session) Fill(ctx context.Context, name string, sel Selector, value string, limit time.Duration) error {
	return s.step(ctx, name, limit, sel.String(), func(ctx context.Context, d *doing) error {
		arg := map[string]any{"sel": sel.arg(), "clear": value == ""}
		want := len(utf16.Encode([]rune(value))) // JavaScript counts so
		short := ""                              // what was wrong after the last try
		return s.poll(ctx, func() (bool, error) {
			at, err := s.locate(ctx, d, sel, false)
			if short != "" && at.State == "ready" {
				d.problem = short
			}
			if err != nil {
				return false, err
			}
			if at.Type == "password" && len(value) >= 8 {
				s.red.Add(value)
			}
			var ok bool
			if err := s.ask(ctx, focusJS, arg, &ok); err != nil || !ok {
				return false, err
			}
			s.sight = sight{}
			if value != "" {
				if _, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: value}); err != nil {
					return false, err
				}
			}
			// A component that was drawn anew meanwhile has lost it.
			var got int
			if err := s.ask(ctx, lengthJS, arg, &got); err != nil {
				return false, err
			}
			short = fmt.Sprintf("%s holds %d of %d characters", sel, got, want)
			d.problem = short
			return got == want, nil
		})
	})
}
