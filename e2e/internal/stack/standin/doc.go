// Package standin is the lab's two products as servers of their own, with a
// database and a broker that are just enough for them: what runs in the images
// that stand in for the real ones where no registry can be reached. They read
// the same environment, files and commands as the real images, so that package
// stack does not know them apart. They test the way in, not the products.
package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// VersionVariable is where an image keeps the version that it stands in for.
const VersionVariable = "SSO_LAB_VERSION"

// A World is what a container gives its process.
type World struct {
	Args   []string // after the name
	Env    map[string]string
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// Environ is the environment of this process.
func Environ() map[string]string {
	env := map[string]string{}
	for _, line := range os.Environ() {
		k, v, _ := strings.Cut(line, "=")
		env[k] = v
	}
	return env
}

// ErrUsage marks a command that the stand-in does not have.
var ErrUsage = errors.New("the stand-in does not know this")

// Serve runs one of the servers until the context ends.
func Serve(ctx context.Context, what string, w World) error {
	switch what {
	case "postgres":
		return servePostgres(ctx, w)
	case "broker":
		return serveBroker(ctx, w)
	case "paperless":
		return servePaperless(ctx, w)
	case "authentik":
		return serveAuthentik(ctx, w)
	}
	return fmt.Errorf("%w: %s", ErrUsage, what)
}

// Tools are the names under which the stand-in images have this binary, for
// what is executed in a running container.
var tools = map[string]func(context.Context, World) error{
	"ak":         ak,
	"pg_isready": pgIsReady,
	"createdb":   createDB,
	"dropdb":     dropDB,
	"pg_dump":    pgDump,
	"pg_restore": pgRestore,
	"psql":       psql,
	"python3":    python,
}

// Tool reports whether a program name is one of the tools.
func Tool(name string) bool { return tools[filepath.Base(name)] != nil }

// RunTool runs a tool.
func RunTool(ctx context.Context, name string, w World) error {
	return tools[filepath.Base(name)](ctx, w)
}

// waitTries and waitPause are those of authentik's wait_for_db (docs/facts/authentik.md#1.2).
const (
	waitTries = 30
	waitPause = time.Second
)

// waitFor tries until something works, as the real images do before they start.
func waitFor(ctx context.Context, what string, try func() error) error {
	var err error
	for range waitTries {
		if err = try(); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(waitPause):
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// ping asks a broker.
func ping(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return err
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(c, answer); err != nil {
		return err
	}
	if string(answer) != "+PONG" {
		return fmt.Errorf("it answers %q", answer)
	}
	return nil
}

// serveHTTP serves until the context ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
