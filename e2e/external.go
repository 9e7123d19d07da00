package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/external"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// checkExternal runs the checklist on a pair that already runs.
func checkExternal(ctx context.Context, o Options) (*runner.Run, error) {
	if len(o.Plant) > 0 {
		return nil, fmt.Errorf("%w: --plant changes a configuration, and that of a pair that runs is not ours to change; --target lab plants", ErrUsage)
	}
	credentials, err := external.ReadCredentials(o.External.Credentials, source.Environ())
	if err != nil {
		return nil, usage(err)
	}
	var b *deployment.Deployment
	var findings []source.Diagnostic
	if len(o.Config) > 0 {
		b, findings, err = troubleshooting.Load(source.Sources{
			Files: o.Config, Blueprint: o.Blueprint, Service: o.Service, Environ: source.Environ(),
			PaperlessVersion: strings.TrimPrefix(o.Paperless, "v"), AuthentikVersion: strings.TrimPrefix(o.Authentik, "v"),
		})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUsage, err)
		}
	}
	pair, err := external.Open(ctx, b, external.Options{
		PaperlessURL: o.External.PaperlessURL, AuthentikURL: o.External.AuthentikURL, Resolve: o.External.Resolve, CA: o.External.CA,
		Credentials: credentials, AllowChanges: o.External.AllowChanges, PaperlessLog: o.External.PaperlessLog,
		Paperless: strings.TrimPrefix(o.Paperless, "v"), Authentik: strings.TrimPrefix(o.Authentik, "v"),
		Blueprint: o.Blueprint != "", Log: o.Log,
	})
	if err != nil {
		return nil, usage(err)
	}
	ro, err := runnerOptions(o, pair.Bundle(), target.External, pair.Start)
	if err != nil {
		return nil, err
	}
	ro.Lint = findings
	run, err := runner.Do(ctx, ro)
	// Whatever was made is removed also after Ctrl-C.
	said := append(pair.Notes(), pair.Clean(ctx)...)
	if run != nil {
		run.Bundle.Added = append(run.Bundle.Added, said...)
	}
	return run, err
}

// usage marks what the caller can fix.
func usage(err error) error {
	if errors.Is(err, external.ErrOptions) {
		return fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return err
}
