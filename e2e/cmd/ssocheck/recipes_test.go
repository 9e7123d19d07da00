package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	commandLine = regexp.MustCompile(`(?m)(?:^|- |[;'] ?)\s*(ssocheck (?:run|matrix|merge|upgrade|lint) [^\n]*?)(?:; code=.*)?$`)
	placeholder = regexp.MustCompile(`\$\{\{ matrix\.\w+ \}\}|\$[A-Z]+`)
)

// The commands of the recipes in docs/ci parse: no flag of theirs is invented.
func TestRecipesParse(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"*.y*ml", "*.md", "crontab", "systemd/*.service"} {
		more, err := filepath.Glob("../../../docs/ci/" + pattern)
		require.NoError(t, err)
		files = append(files, more...)
	}
	require.Len(t, files, 7)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if filepath.Base(file) == "go-test.yml" {
			assert.Contains(t, string(text), "go test ./e2e -run '^TestChecklist$'")
			continue // it calls no command but down
		}
		found := commandLine.FindAllStringSubmatch(string(text), -1)
		require.NotEmpty(t, found, file)
		for _, m := range found {
			line := strings.ReplaceAll(m[1], "$((JOB_COMPLETION_INDEX + 1))", "1")
			line, _, _ = strings.Cut(strings.ReplaceAll(placeholder.ReplaceAllString(line, "3.0.5"), `"`, ""), " >")
			var c cli
			parser, err := kong.New(&c, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
			require.NoError(t, err)
			_, err = parser.Parse(strings.Fields(line)[1:])
			assert.NoError(t, err, "%s: %s", filepath.Base(file), line)
		}
	}
}
