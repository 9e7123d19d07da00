package browser

import (
	"context"
	"os"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Pid is the browser's process, for tests that kill it.
func (b *Browser) Pid() int { return b.pid }

// Dir is where the browser's files are.
func (b *Browser) Dir() string { return b.dir }

// Pages are the addresses of every page of every kind, also of the browser's own.
func (b *Browser) Pages(ctx context.Context) ([]string, error) {
	op, cancel := context.WithCancel(b.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	all, err := chromedp.CallBrowser(op, target.GetTargets, target.GetTargetsParams{Filter: target.Filter{{}}})
	var out []string
	for _, t := range all.TargetInfos {
		out = append(out, t.URL)
	}
	return out, err
}

// CrashTab makes the tab's process crash.
func (s *Session) CrashTab() {
	ctx, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	_, _ = chromedp.Call(ctx, page.Crash, cdp.Empty{}) // nobody is left to answer
}

// RepeatOn makes a session treat a code as it treats a change of the network,
// which a test cannot cause.
func (s *Session) RepeatOn(code string) { s.rec.unstable = []string{code} }

// Hurry shortens how long evidence waits for a navigation that is under way.
func (s *Session) Hurry(patience time.Duration) { s.patience = patience }

// NewFinder is a finder on a made-up system.
func NewFinder(window bool, goos string, env map[string]string, programs map[string]bool, release string) func() (string, error) {
	f := finder{
		window: window, goos: goos, home: "/home/me",
		getenv:  func(name string) string { return env[name] },
		release: func() []byte { return []byte(release) },
		lookPath: func(name string) (string, error) {
			if programs[name] {
				return "/found/" + name, nil
			}
			return "", os.ErrNotExist
		},
	}
	return f.find
}

// RepeatsOn are the codes after which a check is repeated.
func (s *Session) RepeatsOn() []string { return s.rec.unstable }
