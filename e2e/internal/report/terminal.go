package report

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// Terminal are the options that fit a file: colour and a live line only on a
// terminal, NO_COLOR and CLICOLOR_FORCE honoured, ASCII where the locale says
// so, GitHub's log groups in its runners. getenv may be nil: os.Getenv.
func Terminal(f *os.File, getenv func(string) string) TextOptions {
	if getenv == nil {
		getenv = os.Getenv
	}
	fd := int(f.Fd())
	tty := term.IsTerminal(fd)
	columns, _, err := term.GetSize(fd)
	if err != nil {
		columns = 0 // no terminal
	}
	dumb := getenv("TERM") == "dumb"
	o := TextOptions{
		Color:  tty && !dumb,
		Live:   tty && !dumb && getenv("CI") == "",
		GitHub: getenv("GITHUB_ACTIONS") == "true",
		Width:  columns,
		ASCII:  dumb || !unicode(getenv),
	}
	if o.GitHub || (getenv("CLICOLOR_FORCE") != "" && getenv("CLICOLOR_FORCE") != "0") {
		o.Color = true // GitHub's log shows colours though it is no terminal
	}
	if getenv("NO_COLOR") != "" {
		o.Color = false
	}
	if n, err := strconv.Atoi(getenv("COLUMNS")); err == nil && n > 0 && (o.Width == 0 || !tty) {
		o.Width = n
	}
	if tty && o.Width > 0 {
		o.Width = max(40, min(o.Width, 140)) // longer lines are hard to read
	}
	return o
}

// unicode reports whether the locale can show more than ASCII. A locale that is
// not set at all is taken as able: containers and CI rarely set one.
func unicode(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}
