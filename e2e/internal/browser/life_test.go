//go:build unix

package browser_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
)

// processes are the processes that name the directory in their command line.
func processes(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pgrep", "-fa", "--", dir).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return ""
	}
	require.NoError(t, err)
	return string(out)
}

// own is a browser of this test alone.
func own(t *testing.T) *browser.Browser {
	t.Helper()
	_, site := setUp(t)
	b, err := browser.Open(t.Context(), options(site))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	return b
}

func gone(t *testing.T, b *browser.Browser) {
	t.Helper()
	require.NoError(t, b.Close())
	assert.Empty(t, processes(t, b.Dir()), "no process is left")
	assert.NoDirExists(t, b.Dir())
	require.NoError(t, b.Close(), "closing twice is fine")
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	b := own(t)
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	assert.NotEmpty(t, processes(t, b.Dir()))
	require.NoError(t, b.Err())
	group, err := syscall.Getpgid(b.Pid())
	require.NoError(t, err)
	assert.Equal(t, b.Pid(), group, "Ctrl-C in a terminal must not reach the browser")
	gone(t, b)
	<-b.Dead()
	require.ErrorIs(t, b.Err(), browser.ErrClosed)
	require.ErrorIs(t, s.Visit(t.Context(), "open", "about:blank", limit), browser.ErrClosed)
	_, err = b.Session(t.Context(), browser.SessionOptions{})
	require.ErrorIs(t, err, browser.ErrClosed)
}

func TestKilledBrowserIsACrash(t *testing.T) {
	t.Parallel()
	b := own(t)
	s, err := b.Session(t.Context(), browser.SessionOptions{Shots: true})
	require.NoError(t, err)
	time.AfterFunc(300*time.Millisecond, func() { _ = syscall.Kill(b.Pid(), syscall.SIGKILL) })
	began := time.Now()
	err = s.Wait(t.Context(), "see nothing", browser.CSS("#none"), limit)
	require.ErrorIs(t, err, browser.ErrCrashed)
	require.NotErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "see nothing: the browser ended")
	assert.NotContains(t, err.Error(), "canceled")
	assert.Less(t, time.Since(began), 5*time.Second)
	<-b.Dead()
	require.ErrorIs(t, b.Err(), browser.ErrCrashed)
	_, err = b.Session(t.Context(), browser.SessionOptions{})
	require.ErrorIs(t, err, browser.ErrCrashed)
	gone(t, b)
}

func TestCrashedTab(t *testing.T) {
	t.Parallel()
	b := own(t)
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	time.AfterFunc(200*time.Millisecond, s.CrashTab)
	err = s.Wait(t.Context(), "see nothing", browser.CSS("#none"), limit)
	require.ErrorIs(t, err, browser.ErrCrashed)
	require.NoError(t, b.Err(), "the browser itself lives")
	other, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	require.NoError(t, other.Visit(t.Context(), "open", "about:blank", limit))
	gone(t, b)
}

func TestCancelEndsEveryWaitAtOnce(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("cancel.test/", answersNothing(t))
	s := session(t, browser.SessionOptions{Shots: true})
	sel := browser.CSS("#none")
	waits := map[string]func(context.Context) error{
		"visit": func(ctx context.Context) error { return s.Visit(ctx, "open", "https://cancel.test/", limit) },
		"click": func(ctx context.Context) error { return s.Click(ctx, "press", sel, limit) },
		"fill":  func(ctx context.Context) error { return s.Fill(ctx, "type", sel, "x", limit) },
		"wait":  func(ctx context.Context) error { return s.Wait(ctx, "see", sel, limit) },
		"any": func(ctx context.Context) error {
			_, err := s.WaitAny(ctx, "see", limit, map[string]browser.Condition{"a": browser.Visible(sel)})
			return err
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var at time.Time
			time.AfterFunc(150*time.Millisecond, func() { at = time.Now(); cancel() })
			err := wait(ctx)
			require.ErrorIs(t, err, context.Canceled)
			require.NotErrorIs(t, err, browser.ErrCrashed)
			assert.Less(t, time.Since(at), time.Second)
		})
	}
	require.NoError(t, s.Visit(t.Context(), "open", "about:blank", limit), "the session lives on")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Wait(ctx, "see", sel, limit), context.Canceled)
}

func TestOpenThatFails(t *testing.T) {
	t.Parallel()
	setUp(t)
	_, err := browser.Open(t.Context(), browser.Options{Path: "/bin/false"})
	require.ErrorContains(t, err, "open the browser")
	_, err = browser.Open(t.Context(), browser.Options{Path: "/no/such/browser"})
	require.ErrorIs(t, err, os.ErrNotExist)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = browser.Open(ctx, browser.Options{})
	require.ErrorIs(t, err, context.Canceled)
}

// TestSweep removes what a tester that was killed left, and no profile in use.
func TestSweep(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ended := exec.Command("true")
	require.NoError(t, ended.Run())
	for name, owner := range map[string]int{"dead": ended.Process.Pid, "used": os.Getpid()} {
		dir := filepath.Join(os.TempDir(), "ssocheck-browser-"+name)
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "owner"), []byte(strconv.Itoa(owner)), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(os.TempDir(), "ssocheck-browser-new"), 0o700))
	n, err := browser.Sweep()
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.NoDirExists(t, filepath.Join(os.TempDir(), "ssocheck-browser-dead"))
	assert.DirExists(t, filepath.Join(os.TempDir(), "ssocheck-browser-used"))
	assert.DirExists(t, filepath.Join(os.TempDir(), "ssocheck-browser-new"), "it is being made")
}

// TestOpenThatHangs: a browser that starts and says nothing is told, and no
// process of it stays. Without a limit nothing was said for as long as one waited.
func TestOpenThatHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mute := filepath.Join(dir, "mute-browser")
	require.NoError(t, os.WriteFile(mute, []byte("#!/bin/sh\nsleep 600 & wait\n"), 0o700))
	for name, o := range map[string]browser.Options{
		"on the machine's network":     {},
		"in a network of its own":      {Isolate: true},
		"one that runs somewhere else": {Remote: silent(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.StartLimit = 500 * time.Millisecond
			if o.Remote == "" {
				o.Path = mute
			}
			began := time.Now()
			_, err := browser.Open(t.Context(), o)
			require.ErrorIs(t, err, browser.ErrHangs)
			assert.Contains(t, err.Error(), "has not answered within 500ms")
			assert.NotContains(t, err.Error(), "\n")
			assert.Less(t, time.Since(began), 20*time.Second)
		})
	}
	t.Cleanup(func() { assert.Empty(t, strings.TrimSpace(running(mute)), "no process is left") })
}

// running are the processes that name a file in their command line.
func running(file string) string {
	out, _ := exec.Command("pgrep", "-fa", "--", file).Output() // 1: none
	return string(out)
}

// silent is the address of somebody who takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return "ws://" + l.Addr().String()
}

func TestRemote(t *testing.T) {
	t.Parallel()
	_, site := setUp(t)
	site.handle("remote.test/", html("far away"))
	path, err := browser.Find(false)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	o := options(site)
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--remote-debugging-port="+port, "--user-data-dir="+t.TempDir(),
		"--host-resolver-rules="+o.Rules, "--ignore-certificate-errors-spki-list="+strings.Join(o.SPKI, ","), "about:blank")
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, limit, 50*time.Millisecond)

	b, err := browser.Open(t.Context(), browser.Options{Remote: "ws://" + addr})
	require.NoError(t, err)
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	require.NoError(t, s.Visit(t.Context(), "open", "https://remote.test/", limit))
	page, err := s.Page(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "far away", page.Text)
	require.NoError(t, b.Close())
	again, err := browser.Open(t.Context(), browser.Options{Remote: "ws://" + addr})
	require.NoError(t, err, "it was not ours to end")
	require.NoError(t, again.Close())
}
