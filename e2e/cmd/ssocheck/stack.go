package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/edge"
	"github.com/ssocheck/ssocheck/e2e/stack"
	"github.com/ssocheck/ssocheck/e2e/stack/standin"
)

// stackFlags say how the Docker stack runs.
type stackFlags struct {
	Versions         string `type:"path" env:"SSO_VERSIONS_FILE" help:"Version file of your own: other images for versions, or other versions." placeholder:"FILE"`
	PaperlessImage   string `env:"SSO_PAPERLESS_IMAGE" help:"Image in place of that of the Paperless-ngx version." placeholder:"IMAGE"`
	AuthentikImage   string `env:"SSO_AUTHENTIK_IMAGE" help:"Image in place of that of the authentik version." placeholder:"IMAGE"`
	PostgresImage    string `env:"SSO_POSTGRES_IMAGE" help:"Image of PostgreSQL." placeholder:"IMAGE"`
	BrokerImage      string `env:"SSO_BROKER_IMAGE" help:"Image of Paperless-ngx's Redis or Valkey." placeholder:"IMAGE"`
	AuthentikBroker  string `env:"SSO_AUTHENTIK_BROKER_IMAGE" help:"Image of authentik's Redis (up to 2025.8)." placeholder:"IMAGE"`
	Pull             bool   `help:"Pull images that are here already."`
	Cold             bool   `help:"Start on empty databases, not on those of an earlier start."`
	RestorePaperless string `type:"path" help:"Start on a copy of your Paperless-ngx database (pg_dump -Fc, or db.sqlite3)." placeholder:"DUMP"`
	RestoreAuthentik string `type:"path" help:"Start on a dump of your authentik database (pg_dump -Fc)." placeholder:"DUMP"`
}

func (f stackFlags) options() e2e.StackOptions {
	return e2e.StackOptions{
		Versions: f.Versions, Pull: f.Pull, Cold: f.Cold, RestorePaperless: f.RestorePaperless, RestoreAuthentik: f.RestoreAuthentik,
		Images: stack.Overrides{
			Paperless: f.PaperlessImage, Authentik: f.AuthentikImage, Postgres: f.PostgresImage, Broker: f.BrokerImage, AuthentikBroker: f.AuthentikBroker,
		},
	}
}

type downCmd struct{}

// Run removes what earlier runs left.
func (c *downCmd) Run(e *env) error {
	n, err := stack.Down(e.ctx, e.log)
	if err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintln(e.stdout, "nothing was left")
		return nil
	}
	fmt.Fprintf(e.stdout, "removed %d containers with their networks and volumes\n", n)
	return nil
}

type cacheCmd struct {
	List  cacheListCmd  `cmd:"" default:"1" help:"List the databases that are kept."`
	Clear cacheClearCmd `cmd:"" help:"Remove them."`
}

type cacheListCmd struct{}

// Run lists.
func (c *cacheListCmd) Run(e *env) error {
	dir, err := stack.CacheDir()
	if err != nil {
		return err
	}
	kept, err := stack.Cached(dir)
	if err != nil {
		return err
	}
	for _, k := range kept {
		fmt.Fprintf(e.stdout, "%-10s %-10s %6.1f MB  %s  %s\n", k.Product, k.Version, float64(k.Bytes)/(1<<20), k.Made.Local().Format("2006-01-02 15:04"), k.Dir)
	}
	if len(kept) == 0 {
		fmt.Fprintf(e.stdout, "nothing is kept in %s\n", dir)
	}
	return nil
}

type cacheClearCmd struct{}

// Run clears.
func (c *cacheClearCmd) Run(e *env) error {
	dir, err := stack.CacheDir()
	if err != nil {
		return err
	}
	if err := stack.ClearCache(dir); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s is empty\n", dir)
	return nil
}

// edgeServeCmd is the edge in its container.
type edgeServeCmd struct {
	Config string `arg:"" help:"Configuration of the edge, JSON."`
}

// Run serves until it is stopped.
func (c *edgeServeCmd) Run(e *env) error {
	text, err := os.ReadFile(c.Config)
	if err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	var config edge.Config
	if err := json.Unmarshal(text, &config); err != nil {
		return fmt.Errorf("edge: read %s: %w", c.Config, err)
	}
	return edge.Run(e.ctx, config, slog.New(slog.NewTextHandler(e.stderr, nil)))
}

// labServeCmd is a product of the lab as a server of its own.
type labServeCmd struct {
	What string   `arg:"" enum:"postgres,broker,paperless,authentik" help:"postgres, broker, paperless or authentik."`
	Args []string `arg:"" optional:"" passthrough:"" help:"What the real image's command would be."`
}

// Run serves until it is stopped.
func (c *labServeCmd) Run(e *env) error {
	err := standin.Serve(e.ctx, c.What, standin.World{Args: c.Args, Env: standin.Environ(), Stdout: e.stdout, Stderr: e.stderr})
	if errors.Is(err, standin.ErrExit) {
		return failed(exitFail) // its log said why
	}
	return err
}

// labImagesCmd builds the stand-in images.
type labImagesCmd struct {
	File string   `arg:"" type:"path" help:"Version file to write, for --versions."`
	Only []string `arg:"" optional:"" help:"Versions to build; none: all."`
}

// Run builds.
func (c *labImagesCmd) Run(e *env) error {
	v, err := stack.StandIns(e.ctx, e.log, "", c.Only...)
	if err != nil {
		return err
	}
	text, err := stack.VersionsFile(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.File, text, 0o644); err != nil { //nolint:gosec // it holds no secret
		return fmt.Errorf("write the versions: %w", err)
	}
	fmt.Fprintf(e.stdout, "built the stand-in images; use them with --versions %s\n", c.File)
	return nil
}

// tool runs this binary as one of the programs of a stand-in image.
func tool(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := standin.RunTool(ctx, args[0], standin.World{Args: args[1:], Env: standin.Environ(), Stdin: os.Stdin, Stdout: stdout, Stderr: stderr})
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, standin.ErrExit):
		fmt.Fprintf(stderr, "%s: %v\n", filepath.Base(args[0]), err)
	}
	return 1
}
