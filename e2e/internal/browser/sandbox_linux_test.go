package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
)

// In a container whose user is not root, neither a network of its own nor Chromium's
// sandbox is allowed: the browser starts without both, one after the other.
func TestNeitherNetworkNorSandbox(t *testing.T) {
	t.Parallel()
	path, err := browser.Find(false)
	if err != nil {
		t.Skip(err)
	}
	const noSandbox, notPermitted = "No usable sandbox! If this is a Debian system, …", "operation not permitted"
	for name, tries := range map[string][]string{
		"no sandbox":             {noSandbox},
		"no network, no sandbox": {notPermitted, noSandbox},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tries[0] == notPermitted {
				isolated(t, "") // where no network is made there is nothing to go without
			}
			script := filepath.Join(t.TempDir(), "chromium")
			var text strings.Builder
			text.WriteString("#!/bin/sh\necho \"$@\" >>\"$0.args\"\ncase $(wc -l <\"$0.args\") in\n")
			for i, says := range tries {
				fmt.Fprintf(&text, "%d) echo '%s' >&2; exit 1;;\n", i+1, says)
			}
			text.WriteString("*) exec '" + path + "' \"$@\";;\nesac\n")
			require.NoError(t, os.WriteFile(script, []byte(text.String()), 0o700)) //nolint:gosec // it is run
			b, err := browser.Open(t.Context(), browser.Options{Path: script, Isolate: true})
			require.NoError(t, err)
			require.NoError(t, b.Close())
			args, err := os.ReadFile(script + ".args")
			require.NoError(t, err)
			said := strings.Split(strings.TrimSpace(string(args)), "\n")
			assert.Len(t, said, len(tries)+1)
			assert.Contains(t, said[len(tries)], "--no-sandbox")
		})
	}
}
