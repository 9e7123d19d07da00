package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// textOptions are what fits the terminal or file that the text goes to.
func textOptions(e *env, dir string) report.TextOptions {
	o := report.TextOptions{GitHub: os.Getenv("GITHUB_ACTIONS") == "true"}
	if f := file(e.stdout); f != nil {
		o = report.Terminal(f, os.Getenv)
	}
	o.Quiet, o.Verbose, o.Report = e.quiet, e.verbose, dir
	o.Live = o.Live && !e.verbose // the log would write into the live line
	return o
}

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
