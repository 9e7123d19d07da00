// Command docs makes the pages of docs/ that come from the catalogue. Run it in
// the root of a checkout: go run ./e2e/cmd/docs (make docs runs all generators).
package main

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/ssocheck/ssocheck/e2e/internal/manual"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(2)
	}
}

func run() error {
	again, err := manual.Write(".")
	if err != nil || !again {
		return err
	}
	if os.Getenv("DOCS_AGAIN") != "" {
		return fmt.Errorf("fixtures/%s is not the same twice", manual.ShownFile)
	}
	// What the recordings show is part of the build.
	cmd := exec.Command("go", "run", "./e2e/cmd/docs")
	cmd.Env = append(os.Environ(), "DOCS_AGAIN=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
