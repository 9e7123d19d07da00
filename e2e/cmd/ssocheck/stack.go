package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
)

// stackGroup is the title of the stack's flags in the help.
const stackGroup = "Docker stack"

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
	RestorePaperless string `type:"path" env:"SSO_RESTORE_PAPERLESS" help:"Start on a copy of your Paperless-ngx database (pg_dump -Fc, or db.sqlite3)." placeholder:"DUMP"`
	RestoreAuthentik string `type:"path" env:"SSO_RESTORE_AUTHENTIK" help:"Start on a dump of your authentik database (pg_dump -Fc)." placeholder:"DUMP"`
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
	profiles, swept := browser.Sweep()
	gone, err := stack.Down(e.ctx, e.log)
	err = errors.Join(err, swept)
	said := removed(gone, profiles)
	if said == "" && err == nil {
		said = "nothing was left"
	}
	if said != "" {
		fmt.Fprintln(e.stdout, said)
	}
	return err
}

// removed says what is gone; "" when nothing was there.
func removed(gone stack.Removed, profiles int) string {
	var parts []string
	for _, of := range []struct {
		n    int
		what string
	}{{gone.Containers, "container"}, {gone.Networks, "network"}, {gone.Volumes, "volume"}, {profiles, "browser profile"}} {
		if of.n > 0 {
			parts = append(parts, report.Plural(of.n, of.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "removed " + strings.Join(parts, ", ")
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
	config, err := edge.ReadConfig(c.Config)
	if err != nil {
		return err
	}
	return edge.Run(e.ctx, config, slog.New(slog.NewTextHandler(e.stderr, nil)))
}
