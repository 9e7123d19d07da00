package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rubbish is what users, scripts and other programs put where a value belongs.
func rubbish() map[string]string {
	return map[string]string{
		"garbage": "\x00\xff%s../;:=, $(x)\n\x1b[31m{[",
		"word":    "latest",
		"empty":   "",
		"long":    strings.Repeat("A", 4000),
		"huge":    strings.Repeat("A", 1<<20),
		"folder":  "folder",
		"missing": filepath.Join("no", "such", "file.yaml"),
	}
}

// right are values of rubbish that a flag or an argument takes: any name will do
// for a folder that is to be made.
var right = []string{
	"render dir word", "render dir folder", "render dir missing",
	"run --report word", "run --report missing", "upgrade --report word", "upgrade --report missing", "matrix --report word", "matrix --report missing", "conformance --report word", "conformance --report missing",
}

// Every flag and argument of every command gets rubbish: one line on stderr that
// says so, exit code 2, at once, and never the trace of a program that broke.
func TestRubbish(t *testing.T) {
	t.Setenv("CHROME", "/no/such/browser")
	t.Setenv("DOCKER_HOST", "unix:///no/such/docker.sock")
	t.Setenv("GITHUB_ACTIONS", "")
	var c cli
	p, err := newParser(&c, io.Discard, io.Discard, func(int) {})
	require.NoError(t, err)
	tried := 0
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		for _, child := range n.Children {
			walk(child)
		}
		if n.Type != kong.CommandNode || len(n.Children) > 0 || n.Name == "complete" { // what somebody types at a Tab is never wrong
			return
		}
		for _, f := range n.Flags {
			if f.IsBool() {
				continue
			}
			for kind, value := range rubbish() {
				tried++
				refused(t, n.Name+" --"+f.Name+" "+kind, append(invocation(n, f), "--"+f.Name+"="+value))
			}
		}
		for i, a := range n.Positional {
			for kind, value := range rubbish() {
				args := []string{n.Name}
				for j := range n.Positional {
					args = append(args, map[bool]string{true: value, false: "compose.yaml"}[i == j])
				}
				tried++
				refused(t, n.Name+" "+a.Name+" "+kind, args)
			}
		}
	}
	walk(p.Model.Node)
	assert.Greater(t, tried, 400, "the commands were not found")
}

// invocation is a right use of a command that lacks only the flag.
func invocation(n *kong.Node, f *kong.Flag) []string {
	args := []string{n.Name}
	switch n.Name {
	case "run", "upgrade", "matrix":
		if f.Name != "only" {
			args = append(args, "--only=login-page")
		}
		switch {
		case f.Group != nil && f.Group.Title == stackGroup && f.Name != "versions":
			args = append(args, "--target=stack")
		case f.Group != nil && n.Name == "run" && f.Name != "versions":
			args = append(args, "--target=external", "--config=compose.yaml")
		}
		if f.Name == "service" {
			args = append(args, "--config=compose.yaml")
		}
	case "conformance":
		if f.Name != "only" {
			args = append(args, "--only=pkce")
		}
		if f.Name == "service" {
			args = append(args, "--config=compose.yaml")
		}
	case "lint":
		args = append(args, "compose.yaml")
	case "render":
		args = append(args, "new")
		if f.Name == "service" {
			args = append(args, "--config=compose.yaml")
		}
	}
	needed := map[string]map[string]string{
		"upgrade": {"from": "2.20.15", "to": "3.0.5"}, "matrix": {"paperless": "2.20.15", "authentik": "2025.8.1"},
	}
	for name, value := range needed[n.Name] {
		if name != f.Name {
			args = append(args, "--"+name+"="+value)
		}
	}
	return args
}

// refused runs a command in a folder of its own.
func refused(t *testing.T, label string, args []string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	require.NoError(t, os.Mkdir("folder", 0o755))
	require.NoError(t, os.WriteFile("folder/mine.txt", []byte("mine"), 0o644))
	require.NoError(t, os.WriteFile("compose.yaml", []byte(`services:
  web:
    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15
    environment:
      PAPERLESS_URL: https://paperless.invalid
`), 0o644))
	var out, errs bytes.Buffer
	done := make(chan string, 1)
	code := -1
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Sprint("panic: ", r)
			}
			close(done)
		}()
		code = run(args, &out, &errs)
	}()
	select {
	case broke := <-done:
		require.Empty(t, broke, label)
	case <-time.After(20 * time.Second):
		require.Fail(t, "it does not end", label)
	}
	for _, name := range right {
		if name == label {
			return
		}
	}
	said := errs.String()
	assert.Equalf(t, exitError, code, "%s: %s%s", label, said, out.String())
	assert.Equalf(t, 1, strings.Count(said, "\n"), "%s: one line on stderr, not %q and on stdout %.300q", label, said, out.String())
	assert.Lessf(t, len(said), 5000, "%s: a user cannot read %.300q", label, said)
	assert.NotContains(t, said+out.String(), "goroutine", label)
	assert.NotContains(t, said, "\x1b", label)
	mine, err := os.ReadFile(filepath.Join(dir, "folder", "mine.txt"))
	require.NoError(t, err, label)
	assert.Equal(t, "mine", string(mine), label)
}
