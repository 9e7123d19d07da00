package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	// shown is a block of the README that shows a command and what it prints.
	shown = regexp.MustCompile("(?s)\n```\n\\$ bin/ssocheck ([^\n]*)\n(.*?)```\n")
	// changing is what differs between two runs: times, and which step was the slowest.
	changing = regexp.MustCompile(` *\d+(\.\d+)?s\b|(?m)^slowest step: .*$`)
)

// TestReadmeSnippet compiles the Go code that the README shows.
func TestReadmeSnippet(t *testing.T) {
	t.Chdir("../../..")
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)\n```go\n(.*?)```\n").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		file := filepath.Join(t.TempDir(), "sso.go")
		require.NoError(t, os.WriteFile(file, []byte(block[1]), 0o600))
		out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput()
		require.NoError(t, err, "%s", out)
		out, err = exec.CommandContext(t.Context(), "gofmt", "-l", file).CombinedOutput()
		require.NoError(t, err, "%s", out)
		assert.Empty(t, string(out), "gofmt")
	}
}

// TestReadme runs the commands that the README shows, and demands what it shows.
func TestReadme(t *testing.T) {
	t.Chdir("../../..")
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	readme := string(text)
	blocks := shown.FindAllStringSubmatch(readme, -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		var out bytes.Buffer
		code := run(strings.Fields(block[1]), &out, &out)
		require.Equal(t, exitFail, code, out.String())
		if *update {
			readme = strings.Replace(readme, block[0], "\n```\n$ bin/ssocheck "+block[1]+"\n"+out.String()+"```\n", 1)
			continue
		}
		assert.Equal(t, changing.ReplaceAllString(block[2], "…"), changing.ReplaceAllString(out.String(), "…"),
			"make golden writes what it prints now into the README")
	}
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(readme), 0o644))
	}
}
