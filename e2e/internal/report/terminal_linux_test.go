package report

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pty opens a pseudo terminal of a width and returns its person's and its
// program's end.
func pty(t *testing.T, columns uint16) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	program, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	_, tty := pty(t, 72)
	_, wide := pty(t, 400)
	file, err := os.Create(t.TempDir() + "/out")
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	for name, tt := range map[string]struct {
		f    *os.File
		env  map[string]string
		want TextOptions
	}{
		"terminal":         {tty, nil, TextOptions{Color: true, Live: true, Width: 72}},
		"wide terminal":    {wide, nil, TextOptions{Color: true, Live: true, Width: 140}},
		"no colour":        {tty, map[string]string{"NO_COLOR": "1"}, TextOptions{Live: true, Width: 72}},
		"dumb":             {tty, map[string]string{"TERM": "dumb"}, TextOptions{Width: 72, ASCII: true}},
		"C locale":         {tty, map[string]string{"LANG": "C"}, TextOptions{Color: true, Live: true, Width: 72, ASCII: true}},
		"LC_ALL wins":      {tty, map[string]string{"LC_ALL": "C.UTF-8", "LANG": "C"}, TextOptions{Color: true, Live: true, Width: 72}},
		"terminal in a CI": {tty, map[string]string{"CI": "true"}, TextOptions{Color: true, Width: 72}},
		"file":             {file, nil, TextOptions{}},
		"file of a width":  {file, map[string]string{"COLUMNS": "60"}, TextOptions{Width: 60}},
		"GitHub":           {file, map[string]string{"GITHUB_ACTIONS": "true", "CI": "true"}, TextOptions{Color: true, GitHub: true}},
		"GitHub, no colour": {
			file, map[string]string{"GITHUB_ACTIONS": "true", "NO_COLOR": "1"}, TextOptions{GitHub: true},
		},
		"forced colour": {file, map[string]string{"CLICOLOR_FORCE": "1"}, TextOptions{Color: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, Terminal(tt.f, func(key string) string { return tt.env[key] }))
		})
	}
}

// A real terminal gets the live line and is left clean.
func TestProgressOnAPty(t *testing.T) {
	t.Parallel()
	person, program := pty(t, 72)
	p := Live(program, Terminal(program, func(string) string { return "" }))
	for _, ev := range aRun() {
		p.Observe(ev)
	}
	p.Close()
	require.NoError(t, New(slashRun(t)).Text(program, Terminal(program, func(string) string { return "" })))
	_, err := program.WriteString("END\n")
	require.NoError(t, err)
	s := &screen{t: t, width: 200} // URLs stay whole, so that they can be copied
	buf := make([]byte, 4096)
	for len(s.lines) < 2 || s.lines[len(s.lines)-2] != "END" {
		n, err := person.Read(buf)
		require.NoError(t, err)
		_, _ = s.Write(buf[:n])
	}
	assert.Contains(t, s.text(), "✗ login-button")
	assert.Contains(t, s.text(), "FAIL  1 of 8 checks failed: RED-SLASH")
	assert.NotContains(t, s.text(), "getting ready")
}
