package browser

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto"
)

var (
	// ErrNoBrowser says that no Chromium was found; what wraps it names the
	// command that installs one.
	ErrNoBrowser = errors.New("no Chrome or Chromium")
	// ErrCrashed says that the browser, or the tab of the session, died by itself.
	ErrCrashed = errors.New("the browser ended")
	// ErrHangs says that a browser was started, or reached, and gave no answer.
	ErrHangs = errors.New("the browser hangs")
	// ErrLimit says that a step was not done within its limit.
	ErrLimit = errors.New("limit reached")
	// ErrClosed says that the session or its browser was closed before.
	ErrClosed = errors.New("the session is closed")
)

// A LoadError is a document that could not be loaded.
type LoadError struct {
	Code   string // Chromium's name, such as net::ERR_NAME_NOT_RESOLVED
	URL    string // redacted
	Status int    // of a response without a body that says it failed; else 0
}

// Error names the code and the URL.
func (e *LoadError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("%s answered %d without a body", e.URL, e.Status)
	}
	return fmt.Sprintf("%s: %s", e.URL, e.Code)
}

// A StepError is a step that could not be done.
type StepError struct {
	Step    string
	Limit   time.Duration
	URL     string // of the page, redacted; "" when there was none
	Title   string
	Looking string // what was looked for
	Problem string // what was wrong with it at the end
	Err     error
}

// Error is one line for a user.
func (e *StepError) Error() string {
	var b strings.Builder
	b.WriteString(e.Step + ": ")
	if errors.Is(e.Err, ErrLimit) {
		problem := e.Problem
		if problem == "" {
			problem = "not done"
		}
		fmt.Fprintf(&b, "%s within %v", problem, e.Limit)
	} else {
		b.WriteString(e.Err.Error())
	}
	if e.Looking != "" && !strings.Contains(b.String(), e.Looking) {
		b.WriteString("; looking for " + e.Looking)
	}
	if e.URL != "" {
		b.WriteString("; on " + e.URL)
		if e.Title != "" {
			fmt.Fprintf(&b, " (%s)", e.Title)
		}
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *StepError) Unwrap() error { return e.Err }

// passing reports whether an evaluation failed because the document was being
// replaced, so that it is worth asking again.
func passing(err error) bool {
	var ce *cdproto.Error
	if !errors.As(err, &ce) {
		return false
	}
	for _, part := range []string{
		"navigated or closed", "Cannot find context", "default execution context", "context was destroyed",
		"Promise was collected", "Internal error", "Not attached to an active page", "Unable to capture screenshot",
	} {
		if strings.Contains(ce.Message, part) {
			return true
		}
	}
	return false
}
