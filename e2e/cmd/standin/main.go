// Command standin is what runs in the images that stand in for the real ones in
// the tests of the Docker stack: the lab's products as servers, and, by the name
// under which it is called, the programs that the stack executes in the real images.
//
//	standin serve postgres|broker|paperless|authentik [ARG...]
//	standin images FILE [VERSION...]   builds the images of itself, and the file for --versions
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	testcontainers "github.com/testcontainers/testcontainers-go/log"

	"github.com/ssocheck/ssocheck/e2e/internal/stack/standin"
	"github.com/ssocheck/ssocheck/e2e/internal/stack/standins"
)

func main() { os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr)) }

// The exit codes: those of the real programs where there is one.
const (
	exitFail  = 1
	exitError = 2
)

var errUsage = errors.New("want standin serve WHAT [ARG...], or standin images FILE [VERSION...]")

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := standin.World{Args: args[1:], Env: standin.Environ(), Stdin: stdin, Stdout: stdout, Stderr: stderr}
	code, err := exitError, errUsage
	switch {
	case standin.Tool(args[0]):
		code, err = exitFail, standin.RunTool(ctx, args[0], w)
	case len(args) > 2 && args[1] == "serve":
		eatOnSignal(ctx)
		w.Args = args[3:]
		err = standin.Serve(ctx, args[2], w)
	case len(args) > 2 && args[1] == "images":
		err = images(ctx, args[2], args[3:], stdout)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, standin.ErrExit):
		return exitFail // its log said why
	}
	fmt.Fprintf(stderr, "%s: %v\n", filepath.Base(args[0]), err)
	return code
}

// images builds the images of this very binary.
func images(ctx context.Context, file string, only []string, stdout io.Writer) error {
	testcontainers.SetDefault(testcontainers.NewNoopLogger()) // it greets
	self, err := os.Executable()
	if err != nil {
		return err
	}
	v, err := standins.Build(ctx, slog.New(slog.DiscardHandler), self, only...)
	if err != nil {
		return err
	}
	text, err := standins.VersionsFile(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o644); err != nil { //nolint:gosec // it holds no secret
		return fmt.Errorf("write the versions: %w", err)
	}
	fmt.Fprintf(stdout, "built the stand-in images; use them with --versions %s\n", file)
	return nil
}
