package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/external"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// importIdPCmd writes a blueprint of the authentik that runs.
type importIdPCmd struct {
	File         string   `arg:"" optional:"" default:"blueprint.yaml" help:"File to write."`
	AuthentikURL string   `name:"authentik-url" required:"" help:"Address of authentik." placeholder:"URL"`
	Resolve      []string `sep:"none" help:"Where a name leads, for the tester's requests." placeholder:"HOST=IP[:PORT]"`
	CA           string   `name:"ca" type:"path" help:"PEM file of an authority of your own." placeholder:"FILE"`
	Credentials  string   `type:"path" help:"File with the API token (YAML); the environment's SSO_AUTHENTIK_TOKEN wins." placeholder:"FILE"`
	ClientID     string   `name:"client-id" help:"Client id of Paperless in authentik, where it cannot be told." placeholder:"ID"`
	Config       []string `sep:"none" help:"What Paperless runs with: names the client, and its secret is compared." placeholder:"FILE"`
	Service      string   `help:"Compose service that is Paperless, when there are several." placeholder:"NAME"`
	Force        bool     `help:"Replace the file where there is one."`
}

// Run imports.
func (c *importIdPCmd) Run(e *env) error {
	if _, err := os.Lstat(c.File); err == nil && !c.Force {
		return fmt.Errorf("%w: %s is there already; name another file, or give --force", e2e.ErrUsage, c.File)
	}
	credentials, err := external.ReadCredentials(c.Credentials, source.Environ())
	if err != nil {
		return err
	}
	var b *deployment.Deployment
	if len(c.Config) > 0 {
		if b, _, err = troubleshooting.Load(source.Sources{Files: c.Config, Service: c.Service, Environ: source.Environ()}); err != nil {
			return fmt.Errorf("%w: %w", e2e.ErrUsage, err)
		}
	}
	got, err := external.Import(e.ctx, external.ImportOptions{
		AuthentikURL: c.AuthentikURL, Resolve: c.Resolve, CA: c.CA, Token: credentials.Authentik.Token, ClientID: c.ClientID, Bundle: b, Log: e.log,
	})
	if err != nil {
		return err
	}
	if err := c.write(got.Blueprint); err != nil {
		return err
	}
	for _, note := range got.Notes {
		fmt.Fprintln(e.stdout, "note:", note)
	}
	fmt.Fprintf(e.stdout, "wrote %s: provider %s, application %s, read from %s\n", c.File, got.Provider, got.Slug, c.AuthentikURL)
	c.tellSecret(e, got)
	return nil
}

// write never replaces a file that came meanwhile, unless it may.
func (c *importIdPCmd) write(text []byte) error {
	mode := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if c.Force {
		mode = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(c.File, mode, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s is there already; name another file, or give --force", e2e.ErrUsage, c.File)
	}
	if err != nil {
		return fmt.Errorf("write the blueprint: %w", err)
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// tellSecret says what to set, and how the secret compares where it can be.
func (c *importIdPCmd) tellSecret(e *env, got *external.Imported) {
	if got.Public {
		fmt.Fprintln(e.stdout, "the client is public: it has no secret")
		return
	}
	switch got.Secret {
	case "", deployment.SecretUnknown:
	case deployment.SecretEqual:
		fmt.Fprintf(e.stdout, "the client secret of %s is authentik's\n", strings.Join(c.Config, ", "))
	default:
		fmt.Fprintf(e.stdout, "the client secret of %s is not authentik's: users cannot sign in (TOK-SECRET)\n", strings.Join(c.Config, ", "))
	}
	fmt.Fprintf(e.stdout, "the client secret is not in the file: set %s to that of the provider in authentik, or it is not tested\n", external.SecretEnv)
	version := ""
	if got.Version != "" {
		version = " --authentik " + got.Version
	}
	fmt.Fprintf(e.stdout, "next: ssocheck run --config compose.yaml --blueprint %s%s\n", c.File, version)
}
