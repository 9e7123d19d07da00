package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// Annotations writes GitHub's workflow commands, which put findings on the
// lines of the configuration.
func Annotations(w io.Writer, r *runner.Run) error { return New(r).Annotations(w) }

// Annotations writes GitHub's workflow commands, which put findings on the
// lines of the configuration.
func (r *Report) Annotations(w io.Writer) error {
	var sb strings.Builder
	// GitHub shows ten of each level for a step: what failed comes first.
	told := map[string]bool{}
	for i := range r.Checks {
		c := &r.Checks[i]
		level := map[check.Status]string{check.Failed: "error", check.Errored: "error", check.Warned: "warning"}[c.Status]
		if level == "" {
			continue
		}
		at := r.place(c)
		title, say := c.Key(), c.Message
		if len(c.Findings) > 0 {
			f := &c.Findings[0]
			title = c.Key() + ": " + f.Code
			say = strings.Join(append([]string{c.Message, f.Title}, append(slices.Clone(f.Because), r.fix(f))...), "\n")
			told[f.Code+" "+at.String()] = true
		}
		r.annotate(&sb, level, at, title, say)
	}
	loose := r.loose()
	for i := range loose {
		f := &loose[i]
		at := deployment.Origin{File: f.File, Line: f.Line, Column: f.Column}
		if told[f.Code+" "+at.String()] {
			continue
		}
		text := say(f)
		if fix := lintFix(f); fix != "" {
			text += "\n" + fix
		}
		r.annotate(&sb, levelWord(f.Level, "notice"), at, f.Code, text)
	}
	if r.Error != "" {
		r.annotate(&sb, "error", deployment.Origin{}, "ssocheck", r.Error)
	}
	if r.Why != "" {
		r.annotate(&sb, "error", deployment.Origin{}, "ssocheck", r.Why)
	}
	for _, text := range r.NotTested {
		r.annotate(&sb, "notice", deployment.Origin{}, "ssocheck", text)
	}
	if _, err := io.WriteString(w, sb.String()); err != nil {
		return fmt.Errorf("write annotations: %w", err)
	}
	return nil
}

// annotate is a workflow command at a line of the repository.
func (r *Report) annotate(sb *strings.Builder, level string, at deployment.Origin, title, message string) {
	if at.File != "" {
		at.File = r.fromRoot(at.File)
	}
	annotate(sb, level, at, 0, title, message)
}

// annotate writes one workflow command; width is that of the place in columns, 0
// where it is not known.
func annotate(sb *strings.Builder, level string, at deployment.Origin, width int, title, message string) {
	var props []string
	if at.File != "" {
		props = append(props, "file="+commandProperty(at.File))
		if at.Line > 0 {
			props = append(props, "line="+strconv.Itoa(at.Line))
		}
		if at.Column > 0 {
			props = append(props, "col="+strconv.Itoa(at.Column))
		}
		if at.Column > 0 && width > 1 {
			props = append(props, "endColumn="+strconv.Itoa(at.Column+width-1))
		}
	}
	props = append(props, "title="+commandProperty(title))
	fmt.Fprintf(sb, "::%s %s::%s\n", level, strings.Join(props, ","), commandData(message))
}

// The escapes of workflow commands, as actions/toolkit writes them.
func commandData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func commandProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}

// place is the line of the user's files that the first finding of a check is
// about: that of the first setting that it names, else of the provider JSON.
// The zero Origin when the configuration came from no file, and for what was seen
// on a variant: no line of the user's says that.
func (r *Report) place(c *Check) deployment.Origin {
	if c.Variant != "" && c.Variant != check.AsConfigured {
		return deployment.Origin{}
	}
	b := r.BundleOf(c)
	if b == nil {
		b = &deployment.Deployment{}
	}
	if len(c.Findings) > 0 {
		f := &c.Findings[0]
		if o, ok := lintOrigin(f); ok {
			return o
		}
		for _, l := range r.Lint {
			if l.Code == f.Code && l.Line > 0 {
				return deployment.Origin{File: l.File, Line: l.Line, Column: l.Column}
			}
		}
		text := strings.Join(append(append([]string{}, f.Because...), f.Fix), "\n")
		for _, name := range settingNames.FindAllString(text, -1) {
			if o, ok := b.Origins[name]; ok {
				return o
			}
		}
	}
	return b.Origins[deployment.ProvidersKey]
}
