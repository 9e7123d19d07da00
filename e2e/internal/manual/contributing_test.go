package manual_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A block is one fenced block of CONTRIBUTING.md.
type block struct{ kind, title, text string }

var (
	fenced = regexp.MustCompile("(?ms)^```(\\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$")
	makes  = regexp.MustCompile(`make ([a-z]+)`)
)

// TestContributing follows CONTRIBUTING.md: it puts the blocks into the files that
// they name, laid over the real tree, runs the commands, and demands the output
// that the page shows.
func TestContributing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command and opens a browser")
	}
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	require.NoError(t, err)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	for _, m := range makes.FindAllStringSubmatch(string(text), -1) {
		assert.Contains(t, string(makefile), "\n"+m[1]+":", "make %s", m[1])
	}
	sections := strings.Split(string(text), "\n## ")[1:]
	// All of it is laid over the tree before the first command, in the order of the
	// page: so there is one tree to compile, and a section works beside the others.
	tree := newOverlay(t)
	for _, section := range sections {
		for _, b := range blocks(section) {
			switch b.kind {
			case "go":
				tree.put(b.title, b.text)
			case "diff":
				tree.edit(b.title, b.text)
			}
		}
	}
	ran := map[string]int{}
	for _, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		var out strings.Builder
		for _, b := range blocks(section) {
			switch b.kind {
			case "sh":
				for line := range strings.Lines(b.text) {
					out.WriteString(tree.run(strings.TrimSpace(line)))
					ran[title]++
				}
			case "text":
				for line := range strings.Lines(b.text) {
					assert.Contains(t, blanks(out.String()), blanks(line), title)
				}
			}
		}
	}
	assert.Equal(t, map[string]int{"Add an item": 4, "Add a version": 3}, ran)
	assert.ElementsMatch(t, []string{
		"e2e/internal/checklist/redirect_uri_only.go", "e2e/internal/checklist/checklist.go", "e2e/internal/troubleshooting/redirect_uri.go", "fixtures/versions.yaml",
	}, sorted(tree.files))
}

func blocks(section string) []block {
	var out []block
	for _, m := range fenced.FindAllStringSubmatch(section, -1) {
		out = append(out, block{m[1], m[2], m[3]})
	}
	return out
}

func blanks(s string) string { return strings.Join(strings.Fields(s), " ") }

func sorted(m map[string]string) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	return out
}

// An overlay is the real tree with files laid over it (go help build, -overlay):
// the tree itself is not touched, and the build cache stays good.
type overlay struct {
	t     *testing.T
	root  string
	dir   string
	files map[string]string // path in the tree to the file that replaces it
}

func newOverlay(t *testing.T) *overlay {
	t.Helper()
	abs, err := filepath.Abs(root)
	require.NoError(t, err)
	return &overlay{t: t, root: abs, dir: t.TempDir(), files: map[string]string{}}
}

func (o *overlay) read(name string) string {
	path := filepath.Join(o.root, name)
	if laid, ok := o.files[name]; ok {
		path = laid
	}
	text, err := os.ReadFile(path)
	require.NoError(o.t, err, "CONTRIBUTING.md names %s", name)
	return string(text)
}

func (o *overlay) put(name, text string) {
	path := filepath.Join(o.dir, fmt.Sprintf("%d-%s", len(o.files), filepath.Base(name)))
	if laid, ok := o.files[name]; ok {
		path = laid
	}
	require.NoError(o.t, os.WriteFile(path, []byte(text), 0o600))
	o.files[name] = path
}

// edit applies a diff without line numbers: what it shows as old must be in the
// file, once.
func (o *overlay) edit(name, diff string) {
	var before, after strings.Builder
	for line := range strings.Lines(diff) {
		switch line[0] {
		case '+':
			after.WriteString(line[1:])
		case '-':
			before.WriteString(line[1:])
		default:
			before.WriteString(line[1:])
			after.WriteString(line[1:])
		}
	}
	text := o.read(name)
	require.Equal(o.t, 1, strings.Count(text, before.String()), "%s has changed: CONTRIBUTING.md shows lines that are not there (once):\n%s", name, before.String())
	o.put(name, strings.Replace(text, before.String(), after.String(), 1))
}

// run runs a command of the page with the overlay.
func (o *overlay) run(line string) string {
	o.t.Helper()
	words := strings.Fields(line)
	require.GreaterOrEqual(o.t, len(words), 3, line)
	require.Equal(o.t, "go", words[0], line)
	replace := map[string]string{}
	for name, laid := range o.files {
		replace[filepath.Join(o.root, name)] = laid
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(o.t, err)
	path := filepath.Join(o.dir, "overlay.json")
	require.NoError(o.t, os.WriteFile(path, text, 0o600))
	args := []string{words[1], "-overlay", path}
	if words[1] == "test" {
		args = append(args, "-vet=off") // make vet has looked at the tree
	}
	args = append(args, words[2:]...)
	cmd := exec.CommandContext(o.t.Context(), "go", args...)
	cmd.Dir = o.root
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	require.NoError(o.t, err, "%s\n%s", line, out)
	return string(out)
}
