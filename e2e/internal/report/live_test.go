package report

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// A screen is a terminal as far as Progress uses one: carriage return, erase to
// the end of the line, colours. It keeps every state that a user saw.
type screen struct {
	t      *testing.T
	width  int
	lines  []string
	states []string
}

var escape = regexp.MustCompile(`^\x1b\[([0-9;]*)([A-Za-z])`)

func (s *screen) Write(b []byte) (int, error) {
	text := string(b)
	if len(s.lines) == 0 {
		s.lines = []string{""}
	}
	last := func() *string { return &s.lines[len(s.lines)-1] }
	column := utf8.RuneCountInString(*last())
	for text != "" {
		if m := escape.FindStringSubmatch(text); m != nil {
			switch {
			case m[2] == "m": // a colour
			case m[2] == "K" && m[1] == "":
				*last() = string([]rune(*last())[:column])
			case m[2] == "A" && m[1] == "1" && len(s.lines) > 1 && *last() == "":
				s.lines = s.lines[:len(s.lines)-1] // only from a line that is empty
				column = 0
			default:
				s.t.Errorf("an escape that no terminal was asked for: %q", m[0])
			}
			text = text[len(m[0]):]
			continue
		}
		c, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		switch c {
		case '\r':
			column = 0
		case '\n':
			s.states = append(s.states, *last())
			s.lines = append(s.lines, "")
			column = 0
		default:
			*last() = string([]rune(*last())[:column]) + string(c)
			column++
			if column > s.width {
				s.t.Errorf("a line that wraps cannot be written over: %q", *last())
			}
		}
	}
	s.states = append(s.states, *last())
	return len(b), nil
}

func (s *screen) text() string { return strings.Join(s.lines, "\n") }

// aRun are the events of a short run; each costs the clock a second.
func aRun() []runner.Event {
	checks := sampleChecks()[:3]
	result := func(i int, s check.Status, message string) *runner.Result {
		return &runner.Result{Result: check.Result{Check: checks[i], Status: s, Seconds: 1.2, Message: message}}
	}
	ev := func(kind runner.EventKind, i int, step string, r *runner.Result) runner.Event {
		return runner.Event{Kind: kind, Check: checks[i], Variant: check.AsConfigured, Index: i + 1, Total: 3, Step: step, Result: r}
	}
	return []runner.Event{
		{Kind: runner.Booting, Variant: check.AsConfigured},
		ev(runner.Started, 0, "", nil),
		ev(runner.Step, 0, "open the sign-in page", nil),
		ev(runner.Finished, 0, "", result(0, check.Passed, "HTTP 200")),
		ev(runner.Started, 1, "", nil),
		ev(runner.Step, 1, "look for the button with a name that is much longer than any terminal is wide, as some names of providers are", nil),
		ev(runner.Finished, 1, "", result(1, check.Failed, "there is no button\x1b[2J\n::error::not ours")),
		ev(runner.Started, 2, "", nil),
		ev(runner.Finished, 2, "", result(2, check.Skipped, "needs login-button, which failed")),
	}
}

// clock is one second later whenever it is looked at for an event.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func play(p *Progress, c *clock) {
	p.Phase("the checklist")
	for _, ev := range aRun() {
		c.at = c.at.Add(time.Second)
		p.Observe(ev)
	}
	close(p.done) // nothing spins: the test draws
	p.Close()
}

func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	for _, width := range []int{40, 80, 140} {
		s := &screen{t: t, width: width}
		c := &clock{at: time.Unix(1000, 0)}
		play(newProgress(s, TextOptions{Live: true, Color: true, Width: width, ASCII: width == 80}, c.now), c)
		seen := strings.Join(s.states, "\n")
		assert.Contains(t, seen, "1/3 login-page", "the check under way")
		assert.Contains(t, seen, ": open", "the step under way")
		elapsed := "1.0s, 3.0s in all"
		if width < 60 {
			elapsed = "1.0s"
		}
		assert.Contains(t, seen, elapsed)
		assert.Regexp(t, `(✗|XX) login-button  1.2s`, s.text(), "what is wrong stays")
		assert.NotContains(t, s.text(), "login-page", "what is met does not: the table at the end has it")
		assert.Empty(t, s.lines[len(s.lines)-1], "the live line is gone")
	}
}

func TestProgressElsewhere(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]TextOptions{
		"plain":   {},
		"verbose": {Verbose: true},
		"ascii":   {ASCII: true},
		"github":  {GitHub: true, Color: true},
		"quiet":   {Quiet: true, GitHub: true, Live: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			c := &clock{at: time.Unix(1000, 0)}
			play(newProgress(&out, o, c.now), c)
			assert.NotContains(t, out.String(), "\r", "nothing is written over")
			if !o.Color {
				assert.NotContains(t, out.String(), "\x1b")
			}
			golden(t, "progress-"+name+".txt", out.Bytes())
		})
	}
}

// The spinner and the events come from different goroutines.
func TestProgressIsSafe(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := Live(&out, TextOptions{Live: true, Width: 60})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for _, ev := range aRun() {
				p.Observe(ev)
			}
		})
	}
	wg.Wait()
	p.Close()
	p.Close()
	assert.True(t, strings.HasSuffix(out.String(), "\r\x1b[K"), "the live line is taken away")
}

type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("the terminal is gone") }

func TestProgressWithoutATerminal(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Unix(1000, 0)}
	require.NotPanics(t, func() { play(newProgress(gone{}, TextOptions{Live: true}, c.now), c) })
}

// A log line of a product must not become a command of GitHub's runner.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"::error::x":                "> ::error::x",
		"  ::set-output name=a::b":  "  > ::set-output name=a::b",
		"\x1b[31m::error::x\x1b[0m": "\x1b[31m> ::error::x\x1b[0m",
		"##[error]x":                "> ##[error]x",
		"a ::error::x":              "a ::error::x",
		"std::string":               "std::string",
	} {
		assert.Equal(t, want, harmless(in))
	}
}
