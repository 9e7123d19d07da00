package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"
)

// The size of the page, in CSS pixels: wide enough that Paperless shows its
// menus, small enough for a report.
const (
	pageWidth  = 1280
	pageHeight = 900
)

// Options say which browser is started and how. The zero value starts the one
// that Find finds, without a window.
type Options struct {
	Path   string // the browser's program; "" is what Find finds
	Remote string // address of a browser that already runs (ws://…); nothing is started then
	Headed bool   // with a window
	// Rules is the value of --host-resolver-rules, such as target.ResolverRules
	// gives. A Remote browser was started without it: it gets a proxy of ours that
	// follows them.
	Rules string
	// SPKI are base64 SHA-256 hashes of public keys whose certificates are
	// accepted. Every other certificate error stays visible.
	SPKI []string
	// SeenAs is the name or address under which a Remote browser reaches this
	// machine; empty: that of the interface on the way to it.
	SeenAs string
	// Isolate gives the browser a network of its own where the system allows that
	// (see Browser.Isolated): the Rules are then the only way out. Interfaces that
	// come and go on this machine do not disturb it.
	Isolate bool
	// Helper is a program that calls Help when it is started with HelperArg; it
	// makes the network of Isolate where the user is not root. Empty: only root
	// gets one.
	Helper string
	// NoSandbox starts without Chromium's sandbox, which is done by itself for
	// root and where the system does not allow one.
	NoSandbox bool
	Lang      string // Accept-Language; "" is en-US,en
	// StartLimit is how long the browser may take for its first answer; 0: a minute.
	StartLimit time.Duration
	Log        *slog.Logger // nil is silent
}

// HelperArg is the argument with which a Helper is started; Help takes those that
// follow it.
const HelperArg = "browser-network"

// A Browser is one Chromium process, or a connection to one. It is safe for
// concurrent use; a Session is not.
type Browser struct {
	ctx    context.Context // of chromedp: this is the handle
	cancel context.CancelFunc
	dir    string  // profile and temporary files; "" with Remote
	pid    int     // 0 with Remote
	size   bool    // pages get a fixed size
	accept string  // Accept-Language; "" with Remote, which has its own
	proxy  *socks  // nil unless a Remote browser needs one
	island *island // nil unless it has a network of its own
	shares string  // why it has none; "" when it has
	// reason names what went wrong at a URL where the browser itself only saw what
	// is between; nil when nothing is.
	reason func(url, code string) string
	dead   chan struct{}
	log    *slog.Logger

	mu       sync.Mutex
	closing  bool
	err      error
	sessions map[*Session]struct{}
}

// Open starts a browser, or connects to one. The context limits the start only;
// the browser runs until Close.
func Open(ctx context.Context, o Options) (*Browser, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if u, err := url.Parse(o.Remote); o.Remote != "" && (err != nil || u.Hostname() == "") {
		return nil, fmt.Errorf("open the browser: %q is no address of a browser; want ws://host:port", o.Remote)
	}
	if o.Remote == "" && o.Path == "" {
		path, err := Find(o.Headed)
		if err != nil {
			return nil, err
		}
		o.Path = path
	}
	if o.StartLimit <= 0 {
		o.StartLimit = answerLimit
	}
	own, shares := ashore(o)
	if own == nil && o.Isolate {
		o.Log.InfoContext(ctx, "the browser shares the machine's network", "why", shares)
	}
	b, err := sandboxed(ctx, &o, own)
	if err != nil && own != nil && ctx.Err() == nil && !errors.Is(err, ErrHangs) {
		shares = "it does not start in a network of its own: " + err.Error()
		o.Log.WarnContext(ctx, "the browser shares the machine's network", "why", shares)
		err = own.close()
		own = nil
		if err == nil {
			b, err = sandboxed(ctx, &o, nil)
		}
	}
	if err != nil {
		if own != nil {
			err = errors.Join(err, own.close())
		}
		return nil, fmt.Errorf("open the browser: %w", err)
	}
	b.shares = shares
	return b, nil
}

// sandboxed opens a browser, without Chromium's sandbox where the system allows none:
// a container whose user is not root, for one.
func sandboxed(ctx context.Context, o *Options, own *island) (*Browser, error) {
	b, err := open(ctx, *o, own)
	if err != nil && !o.NoSandbox && o.Remote == "" && strings.Contains(err.Error(), "No usable sandbox") {
		o.Log.WarnContext(ctx, "the system does not allow Chromium's sandbox; starting without it")
		o.NoSandbox = true
		b, err = open(ctx, *o, own)
	}
	return b, err
}

// ashore makes the network of a browser's own; why says why there is none.
func ashore(o Options) (own *island, why string) {
	switch {
	case !o.Isolate:
		return nil, "it was started so"
	case o.Remote != "":
		return nil, "it runs elsewhere"
	case o.Headed:
		return nil, "a window may need the network of the desktop"
	}
	own, err := newIsland(o.Rules, o.Helper, o.Log)
	if err != nil {
		return nil, err.Error()
	}
	return own, ""
}

// Isolated reports whether the browser has a network of its own; if not, why.
func (b *Browser) Isolated() (yes bool, why string) { return b.island != nil, b.shares }

func open(ctx context.Context, o Options, own *island) (_ *Browser, err error) {
	b := &Browser{
		dead: make(chan struct{}), log: o.Log, size: !o.Headed,
		sessions: make(map[*Session]struct{}),
	}
	base, abort := context.WithCancel(context.Background())
	var alloc context.Context
	var stop context.CancelFunc
	if o.Remote != "" {
		if o.Rules != "" || len(o.SPKI) > 0 {
			if b.proxy, err = listenSocks(o.Remote, o.SeenAs, o.Rules, o.SPKI, o.Log); err != nil {
				abort()
				return nil, err
			}
			b.reason = b.proxy.reason
		}
		alloc, stop = remote.NewAllocator(base, o.Remote)
	} else {
		if o.Lang == "" {
			o.Lang = "en-US,en"
		}
		b.accept = weighted(o.Lang)
		if b.dir, err = profile(); err != nil {
			abort()
			return nil, err
		}
		prepare := ownGroup
		if own != nil {
			o.Rules, b.reason = own.rules, own.reason
			prepare = func(cmd *exec.Cmd) {
				ownGroup(cmd)
				cmd.Err = errors.Join(cmd.Err, own.enter(cmd))
			}
		}
		alloc, stop = chromedp.NewExecAllocator(base, append(flags(o, b.dir), chromedp.ModifyCmdFunc(prepare))...)
	}
	debug := func(format string, v ...any) { o.Log.Debug(fmt.Sprintf(format, v...)) }
	root, cancel := chromedp.NewContext(alloc, chromedp.WithLogf(debug), chromedp.WithErrorf(debug))
	b.ctx = root
	b.cancel = func() { // once only: a second cancel of chromedp's would wait for ever
		abort()
		cancel()
		stop()
	}

	// The first call owns the process, so it gets the context without a limit;
	// the caller's context ends the start all the same.
	ctx, done := context.WithTimeoutCause(ctx, o.StartLimit, o.hangs())
	defer done()
	unhook := context.AfterFunc(ctx, abort)
	_, err = chromedp.CallBrowser(root, browser.GetVersion, cdp.Empty{})
	unhook()
	if cerr := context.Cause(ctx); cerr != nil {
		err = cerr
	}
	c := chromedp.FromContext(root)
	if c.Browser != nil && c.Browser.Process() != nil {
		b.pid = c.Browser.Process().Pid
	}
	if err != nil {
		b.cancel()
		return nil, errors.Join(err, b.cleanUp())
	}
	b.island = own
	lost := c.Browser.LostConnection
	go func() {
		<-lost
		b.mu.Lock()
		if b.closing {
			b.err = ErrClosed
		} else {
			b.err = ErrCrashed
		}
		b.mu.Unlock()
		close(b.dead)
	}()
	if b.proxy != nil {
		if err := b.reachesUs(ctx); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

// answerLimit is for the first answer of a browser. It takes a second, and on a
// machine with much else to do a good part of a minute.
const answerLimit = time.Minute

// hangs is what a start that takes too long says.
func (o Options) hangs() error {
	if o.Remote != "" {
		return fmt.Errorf("%w: %s has not answered within %v", ErrHangs, o.Remote, o.StartLimit)
	}
	return fmt.Errorf("%w: %s has not answered within %v; see whether %s --headless --dump-dom about:blank ends, or name another browser in SSO_BROWSER", ErrHangs, o.Path, o.StartLimit, o.Path)
}

// reachesUs reports whether the remote browser gets through to the proxy.
func (b *Browser) reachesUs(ctx context.Context) error {
	s, err := b.Session(ctx, SessionOptions{})
	if err != nil {
		return err
	}
	defer s.Close()
	const limit = 15 * time.Second // a browser in a grid may be far away
	err = s.Visit(ctx, "reach the proxy", "http://"+proxyName+"/", limit)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("the remote browser does not reach this machine at %s, where the names of the pair are mapped for it (%w); "+
			"name this machine as the browser sees it in SSO_BROWSER_SEES, or let the names resolve where it runs and leave out --resolve and --ca", b.proxy.addr, err)
	}
	return err
}

// profile makes a fresh profile that asks nothing and offers nothing.
func profile() (string, error) {
	dir, err := os.MkdirTemp("", profilePrefix)
	if err != nil {
		return "", fmt.Errorf("profile: %w", err)
	}
	const preferences = `{"credentials_enable_service":false,"credentials_enable_autosignin":false,
"profile":{"password_manager_enabled":false,"password_manager_leak_detection":false},
"autofill":{"profile_enabled":false,"credit_card_enabled":false},
"signin":{"allowed":false},"translate":{"enabled":false},"search":{"suggest_enabled":false}}`
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, ownerFile), []byte(strconv.Itoa(os.Getpid())), 0o600),
		os.MkdirAll(filepath.Join(dir, "profile", "Default"), 0o700),
		os.MkdirAll(filepath.Join(dir, "tmp"), 0o700))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "profile", "Default", "Preferences"), []byte(preferences), 0o600)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("profile: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// weighted is a list of languages as a Chromium with a window sends it. One without
// sends the list as it was given.
func weighted(languages string) string {
	list := strings.Split(languages, ",")
	for i := range list[1:] {
		list[i+1] += fmt.Sprintf(";q=0.%d", max(9-i, 1))
	}
	return strings.Join(list, ",")
}

func flags(o Options, dir string) []chromedp.ExecAllocatorOption {
	lang, _, _ := strings.Cut(o.Lang, ",")
	out := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(o.Path),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.WindowSize(pageWidth, pageHeight),
		chromedp.Flag("no-proxy-server", true), // the proxy of a CI would answer for the pair
		chromedp.Flag("disable-quic", true),
		// One process less to talk to: a twentieth of the processor time of a run.
		chromedp.Flag("enable-features", "NetworkServiceInProcess2"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("disable-auto-reload", true), // an error page stays one
		chromedp.Flag("no-pings", true),
		chromedp.Flag("no-service-autorun", true),
		chromedp.Flag("accept-lang", o.Lang),
		chromedp.Flag("lang", lang),
		chromedp.Flag("disable-features", strings.Join([]string{
			"Translate", "BlinkGenPropertyTrees", "MediaRouter", "OptimizationHints", "DialMediaRouteProvider",
			"PasswordLeakDetection", "PasswordManagerOnboarding", "AutofillServerCommunication",
			// The address bar that nobody sees has two pages of its own, in a process of
			// their own, for every window: more than a third of the time of a sign-in.
			"WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
			// A picture of each page for its tab, which nobody points at.
			"TabHoverCardImages",
			// A process in store for the next site: a profile of ours sees one site, and
			// ends before it pays.
			"SpareRendererForSitePerProcess",
			// A frame of its own, with all that draws it, for each document: a third of the
			// processor time of a page. A document in the frame of the one before it is the
			// same to a page.
			"RenderDocument",
			// A URL with http must be asked for as it is: a wrong scheme is a cause to be found.
			"HttpsUpgrades", "HttpsFirstBalancedMode", "HttpsFirstBalancedModeAutoEnable", "HttpsFirstModeV2",
		}, ",")),
	)
	if o.Headed {
		out = append(out, chromedp.VisibleWindow)
	} else {
		// A window and a page of the browser's own profile, which no session uses. With
		// a window of somebody's desktop it stays: there Chromium may end without one.
		out = append(out, chromedp.Flag("no-startup-window", true))
	}
	if o.NoSandbox {
		out = append(out, chromedp.NoSandbox)
	}
	if o.Rules != "" {
		out = append(out, chromedp.Flag("host-resolver-rules", o.Rules))
	}
	if len(o.SPKI) > 0 {
		out = append(out, chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(o.SPKI, ",")))
	}
	if runtime.GOOS == "linux" {
		// A killed Chromium leaves a socket's directory there. (Elsewhere the path
		// of that socket could become too long.)
		out = append(out, chromedp.Env("TMPDIR="+filepath.Join(dir, "tmp")))
	}
	return out
}

// Dead is closed when the browser has ended, by itself or by Close.
func (b *Browser) Dead() <-chan struct{} { return b.dead }

// Err is nil while the browser runs, wraps ErrCrashed when it ended by itself
// and ErrClosed after Close.
func (b *Browser) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && b.closing {
		return ErrClosed
	}
	return b.err
}

// Close ends the sessions and the browser and removes its profile. It is safe
// to call twice. A browser that was not started here goes on running.
func (b *Browser) Close() error {
	b.mu.Lock()
	if b.closing {
		b.mu.Unlock()
		return nil
	}
	b.closing = true
	var open []*Session
	for s := range b.sessions {
		open = append(open, s)
	}
	b.mu.Unlock()
	if b.dir == "" {
		for _, s := range open { // the browser stays, so its tabs must be closed one by one
			s.Close()
		}
	}
	b.cancel()
	for _, s := range open {
		s.Close()
	}
	<-b.dead
	return b.cleanUp()
}

// cleanUp removes what the process left behind.
func (b *Browser) cleanUp() error {
	if b.proxy != nil {
		return b.proxy.close()
	}
	if b.dir == "" {
		return nil
	}
	if b.pid != 0 {
		killGroup(b.pid)
	}
	var left error
	if b.island != nil {
		left = b.island.close()
	}
	// A helper process that is just dying can still write into the profile.
	var err error
	for range 100 {
		if err = os.RemoveAll(b.dir); err == nil {
			return left
		}
		<-time.After(20 * time.Millisecond)
	}
	return errors.Join(fmt.Errorf("remove the profile: %w", err), left)
}
