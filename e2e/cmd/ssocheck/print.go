package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/check"
	"github.com/ssocheck/ssocheck/e2e/config"
	"github.com/ssocheck/ssocheck/e2e/report"
	"github.com/ssocheck/ssocheck/e2e/runner"
	"github.com/ssocheck/ssocheck/e2e/troubleshooting"
	"github.com/ssocheck/ssocheck/fixtures"
)

// terminal tells whether a person looks at the writer.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func textOptions(e *env, dir string) report.TextOptions {
	tty := terminal(e.stdout)
	return report.TextOptions{
		Color: tty && os.Getenv("NO_COLOR") == "", Live: tty, Quiet: e.quiet, Verbose: e.verbose, Report: dir,
		GitHub: os.Getenv("GITHUB_ACTIONS") == "true",
	}
}

// progress is a live line a check on a terminal, a plain line a check elsewhere.
type progress struct {
	w     io.Writer
	o     report.TextOptions
	began time.Time
	live  bool
}

func newProgress(w io.Writer, o report.TextOptions) *progress {
	return &progress{w: w, o: o, began: time.Now()}
}

func (p *progress) observe(ev runner.Event) {
	if p.o.Quiet {
		return
	}
	name := ""
	if ev.Check != nil {
		name = ev.Check.ID + variant(ev.Variant)
	}
	switch ev.Kind {
	case runner.Started, runner.Step, runner.Booting:
		if p.o.Live {
			p.clear()
			text := fmt.Sprintf("[%d/%d] %s %s", ev.Index, ev.Total, name, ev.Step)
			if len(text) > 78 {
				text = text[:78]
			}
			fmt.Fprint(p.w, text)
			p.live = true
		} else if ev.Kind == runner.Booting && ev.Step != "" {
			fmt.Fprintf(p.w, "     %s\n", ev.Step) // a stack takes minutes: say what for
		}
	case runner.Finished:
		p.clear()
		if ev.Result == nil {
			return
		}
		mark := map[check.Status]string{check.Passed: "ok  ", check.Warned: "warn", check.Failed: "FAIL", check.Skipped: "skip", check.Errored: "ERR "}[ev.Result.Status]
		fmt.Fprintf(p.w, "%s %-36s %5.1fs\n", mark, name, ev.Result.Seconds)
	}
}

func (p *progress) clear() {
	if p.live {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.live = false
	}
}

func (p *progress) end() { p.clear() }

func printFinding(w io.Writer, f troubleshooting.Finding) {
	guide := ""
	if f.Guide > 0 {
		guide = fmt.Sprintf(" (guide: troubleshooting %d)", f.Guide)
	}
	fmt.Fprintf(w, "  %s%s  %s\n", f.Code, guide, f.Title)
	for _, b := range f.Because {
		fmt.Fprintf(w, "    %s\n", b)
	}
	fmt.Fprintf(w, "    fix: %s\n", strings.ReplaceAll(f.Fix, "\n", "\n    "))
}

func printFindings(w io.Writer, findings []config.Finding) {
	for _, f := range findings {
		place := f.File
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, max(1, f.Column))
		}
		fmt.Fprintf(w, "%s: %s %s: %s\n", place, f.Level, f.Code, f.Message)
		if f.Source != "" {
			fmt.Fprintf(w, "  %s\n", f.Source)
			if f.Column > 0 {
				// Tabs stay tabs, so that the caret stands under its column.
				pad := strings.Map(func(r rune) rune {
					if r == '\t' {
						return r
					}
					return ' '
				}, f.Source[:min(f.Column-1, len(f.Source))])
				fmt.Fprintf(w, "  %s%s\n", pad, strings.Repeat("^", max(1, f.Width)))
			}
		}
		if f.Fix != "" {
			fmt.Fprintf(w, "  fix: %s\n", f.Fix)
		}
	}
	if len(findings) == 0 {
		fmt.Fprintln(w, "nothing to say about these files")
	}
}

// printSettings lists the login settings with their versions and what they do.
func printSettings(w io.Writer) error {
	text, err := fixtures.FS.ReadFile("paperless-settings.json")
	if err != nil {
		return err
	}
	var doc struct {
		Settings []struct{ Name, Type, Default, Introduced, Behaviour string }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return err
	}
	for _, s := range doc.Settings {
		fmt.Fprintf(w, "%s  (%s, default %s, since %s)\n  %s\n", s.Name, s.Type, s.Default, s.Introduced, s.Behaviour)
	}
	return nil
}
