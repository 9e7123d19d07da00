package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type manCmd struct{}

// Run prints the manual page, made of the flags.
func (manCmd) Run(e *env) error {
	app, err := grammar()
	if err != nil {
		return err
	}
	_, err = io.WriteString(e.stdout, manPage(app))
	return err
}

// grammar is the command line as data.
func grammar() (*kong.Application, error) {
	parser, err := newParser(&cli{}, io.Discard, io.Discard, func(int) {})
	if err != nil {
		return nil, err
	}
	return parser.Model, nil
}

// manPage is the page ssocheck(1) in the macros of man(7).
func manPage(app *kong.Application) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`.TH SSOCHECK 1`)
	p(".SH NAME\nssocheck \\- %s", roff(strings.TrimSuffix(lowerFirst(app.Help), ".")))
	p(".SH SYNOPSIS\n.B ssocheck\n.I COMMAND\n[flags]")
	p(".SH EXIT STATUS\n.TP\n.B 0\nsomebody signed in through authentik, no check failed, and lint has no error; where \\-\\-only leaves that sign-in out, or nobody was given to sign in as at a pair that runs, the last line says so\n.TP\n.B 1\na check failed, or lint has an error\n.TP\n.B 2\nthe tester could not do its work, or nobody signed in")
	p(".SH FLAGS OF EVERY COMMAND")
	manFlags(p, app.Flags)
	p(".SH COMMANDS")
	for _, c := range app.Leaves(true) {
		p(".SS ssocheck %s", roff(c.Summary()))
		p("%s", roff(c.Help))
		for _, a := range c.Positional {
			p(".TP\n.I %s\n%s", roff(a.Name), roff(a.Help))
		}
		manFlags(p, c.Flags)
		if c.Detail != "" {
			p(".PP\n.nf\n%s\n.fi", roff(c.Detail))
		}
	}
	p(".SH FILES\n.TP\n.I %s\nwhat flags have as their value in this folder where none is given", settingsFile)
	return b.String()
}

func manFlags(p func(string, ...any), flags []*kong.Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		name := `\-\-` + roff(f.Name)
		if f.Short != 0 {
			name = `\-` + string(f.Short) + ", " + name
		}
		if !f.IsBool() {
			name += "=" + roff(f.FormatPlaceHolder())
		}
		p(".TP\n.B %s\n%s", name, roff(f.Help))
	}
}

// roff escapes text for man(7).
func roff(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, `\`, `\e`), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), "-", `\-`)
}

func lowerFirst(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToLower(s[:1]) + s[1:]
}
