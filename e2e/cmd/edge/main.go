// Command edge is the proxy in front of the two products, in a container of the
// Docker stack. It is a command of its own so that it imports nothing but what
// package e2e imports: who uses e2e from another module can build it.
//
//	edge CONFIG.json
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/ssocheck/ssocheck/e2e/internal/edge"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2) //nolint:gocritic // the process ends, and the signals with it
	}
}

// run serves until the context ends.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("edge: got %d arguments; want one: edge CONFIG.json", len(args))
	}
	c, err := edge.ReadConfig(args[0])
	if err != nil {
		return err
	}
	return edge.Run(ctx, c, slog.New(slog.NewTextHandler(stderr, nil)))
}
