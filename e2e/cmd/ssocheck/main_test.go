package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ssocheck/ssocheck/e2e/cmd/ssocheck/internal/startup"
)

var update = flag.Bool("update", false, "rewrite the expected parts of the scripts")

func TestMain(m *testing.M) {
	startup.Done() // or the commands that the tests start would find it done
	testscript.Main(m, map[string]func(){"ssocheck": main})
}

// TestScripts are the command's stories, one a file.
func TestScripts(t *testing.T) {
	chrome, had := os.LookupEnv("CHROME")
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, UpdateScripts: *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TMPDIR", "/tmp") // the script's own is too long for Chromium's socket
			if had {
				e.Setenv("CHROME", chrome)
			}
			e.Setenv("GUIDE", os.Getenv("PWD")+"/../../../fixtures/configs/guide/compose.yaml")
			return nil
		},
	})
}
