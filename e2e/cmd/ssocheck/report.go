package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

type reportCmd struct {
	Dir   string `arg:"" help:"Directory of a report, or its report.json."`
	Serve bool   `help:"Serve it on this machine until Ctrl-C instead of opening the file."`
}

// Run shows a report that was written before.
func (c *reportCmd) Run(e *env) error {
	dir := c.Dir
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		dir = filepath.Dir(dir)
	}
	page, err := index(dir)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, report.Index)
	if _, err := os.Stat(file); err != nil {
		c.Serve = true // a read-only place: the page is only here
	}
	if !c.Serve {
		err := browse(e.ctx, file)
		if err == nil {
			fmt.Fprintf(e.stdout, "opened %s\n", file)
			return nil
		}
		if !errors.Is(err, errNoDesktop) {
			return err
		}
	}
	return serve(e.ctx, dir, page, func(url string) { fmt.Fprintf(e.stdout, "serving %s (Ctrl-C ends)\n", url) })
}

// index is the page of a report. One that lacks it gets it again from its
// report.json, where the place can be written to.
func index(dir string) ([]byte, error) {
	page, err := os.ReadFile(filepath.Join(dir, report.Index))
	if !errors.Is(err, fs.ErrNotExist) {
		return page, err
	}
	r, err := report.Open(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: there is no report in %s: neither %s nor report.json; ssocheck run --report %[2]s writes one", e2e.ErrUsage, dir, report.Index)
		}
		return nil, err
	}
	var buf bytes.Buffer
	if err := r.HTML(&buf); err != nil {
		return nil, err
	}
	_ = os.WriteFile(filepath.Join(dir, report.Index), buf.Bytes(), 0o644) // a read-only place is served from memory
	return buf.Bytes(), nil
}

// errNoDesktop says that there is nothing to open a page with.
var errNoDesktop = errors.New("no browser to open it with")

// browse opens a file in the user's browser: $BROWSER, else the desktop's.
func browse(ctx context.Context, file string) error {
	abs, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("open %s: %w", file, err)
	}
	args := opener(os.Getenv, runtime.GOOS)
	if args == nil {
		return errNoDesktop
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return errNoDesktop
	}
	if out, err := exec.CommandContext(ctx, path, append(args[1:], abs)...).CombinedOutput(); err != nil {
		return fmt.Errorf("open %s with %s: %w: %s", file, args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}

// opener is the command that opens a file; nil where nobody would see it.
func opener(getenv func(string) string, system string) []string {
	switch {
	case getenv("BROWSER") != "":
		return strings.Fields(getenv("BROWSER"))
	case system == "darwin":
		return []string{"open"}
	case system == "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	case getenv("DISPLAY")+getenv("WAYLAND_DISPLAY") != "":
		return []string{"xdg-open"}
	}
	return nil
}

// serve serves a report to this machine alone until the context ends.
func serve(ctx context.Context, dir string, page []byte, ready func(url string)) error {
	root, err := os.OpenRoot(dir) // no link in a report leads out of it
	if err != nil {
		return fmt.Errorf("serve the report: %w", err)
	}
	defer root.Close()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve the report: %w", err)
	}
	host := l.Addr().String()
	s := &http.Server{Handler: handler(host, root.FS(), page), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	ready("http://" + host + "/")
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the report: %w", err)
	}
	return nil
}

// handler shows the page and the files beside it. A page of somebody else's that
// points a name of its own at this machine gets nothing.
func handler(host string, files fs.FS, page []byte) http.Handler {
	rest := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case req.Host != host:
			http.Error(w, "not this host", http.StatusMisdirectedRequest)
		case req.Method != http.MethodGet && req.Method != http.MethodHead:
			http.Error(w, "only to be looked at", http.StatusMethodNotAllowed)
		case req.URL.Path == "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(page)
		case req.URL.Path == "/favicon.ico":
			w.WriteHeader(http.StatusNoContent)
		default:
			rest.ServeHTTP(w, req)
		}
	})
}

// outputs are the flags that say where the result goes.
type outputs struct {
	Report string `help:"Directory for the report: new, empty, or an earlier report, which is replaced." placeholder:"DIR"`
	Open   bool   `help:"Open the report when it is written."`
}

// defaults names a directory where one is needed and none was given.
func (o *outputs) defaults() {
	if o.Open && o.Report == "" {
		o.Report = "ssocheck-report"
	}
}

// keep writes the report, where one was asked for.
func (o *outputs) keep(write func(dir string) error) error {
	if o.Report == "" {
		return nil
	}
	return write(o.Report)
}

// told are the options of a text that names the report only when it is there.
func told(o report.TextOptions, written error) report.TextOptions {
	if written != nil {
		o.Report = ""
	}
	o.Told = !o.Live
	return o
}

// end shows the report and gives the exit code. The verdict was printed and
// stands, also where its report could not be written: that alone is exit 2.
func (o *outputs) end(e *env, outcome runner.Outcome, written error) error {
	if written != nil {
		tell(e.stderr, "the report is not complete: "+written.Error())
		outcome = runner.Worst(outcome, runner.Error)
	} else {
		o.show(e)
	}
	return exit(outcome)
}

// show opens the page that was written; where there is no desktop it says how to
// see it.
func (o *outputs) show(e *env) {
	if !o.Open {
		return
	}
	if err := browse(e.ctx, filepath.Join(o.Report, report.Index)); err != nil {
		tell(e.stderr, fmt.Sprintf("%v; ssocheck report --serve %s shows it", err, o.Report))
	}
}

// tellGitHub puts what was found on the lines of the files and into the summary
// of the job, where the command runs in GitHub Actions.
func (e *env) tellGitHub(r *report.Report) {
	if os.Getenv("GITHUB_ACTIONS") != "true" {
		return
	}
	placed := *r
	placed.Root = report.Repository(".", nil)
	err := placed.Annotations(e.stdout)
	if path := os.Getenv("GITHUB_STEP_SUMMARY"); path != "" {
		err = errors.Join(err, summarize(path, &placed))
	}
	if err != nil { // the verdict stands all the same
		tell(e.stderr, err.Error())
	}
}

// tellGitHubMatrix puts the table into the summary of the job.
func (e *env) tellGitHubMatrix(m report.Matrix) {
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if os.Getenv("GITHUB_ACTIONS") != "true" || path == "" {
		return
	}
	if err := summarize(path, m); err != nil {
		tell(e.stderr, err.Error())
	}
}

// summarize adds to what other steps have written.
func summarize(path string, r interface{ Markdown(io.Writer) error }) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("step summary: %w", err)
	}
	return errors.Join(r.Markdown(f), f.Close())
}
