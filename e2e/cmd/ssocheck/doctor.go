package main

import (
	"fmt"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/external"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

type doctorCmd struct {
	Paperless string   `help:"Container or Compose service of Paperless-ngx, where there are several." placeholder:"NAME"`
	Authentik string   `help:"Container or Compose service of authentik's server, where there are several." placeholder:"NAME"`
	Config    []string `sep:"none" help:"Files that Paperless was made from; else those that Compose's labels name." placeholder:"FILE"`
	NoExec    bool     `help:"Run nothing in the containers: authentik's side then stays unknown."`
	Resolve   []string `sep:"none" help:"Where a name leads, for what is asked from this machine." placeholder:"HOST=IP[:PORT]"`
	Bundle    string   `type:"path" help:"Write what a maintainer needs, without secrets, into a new file." placeholder:"FILE.zip"`
	Anonymise bool     `help:"Give host names and addresses pseudonyms in the bundle."`
	CA        string   `name:"ca" type:"path" help:"PEM file of an authority of your own." placeholder:"FILE"`
}

// Run looks at the pair that runs in containers of this machine.
func (c *doctorCmd) Run(e *env) error {
	if c.Anonymise && c.Bundle == "" {
		return fmt.Errorf("%w: --anonymise is about the bundle: give --bundle FILE.zip, too", e2e.ErrUsage)
	}
	resolve, err := external.Resolve(c.Resolve)
	if err != nil {
		return err
	}
	ca, err := doctor.ReadCA(c.CA)
	if err != nil {
		return err
	}
	x, err := doctor.Examine(e.ctx, doctor.Options{
		Paperless: c.Paperless, Authentik: c.Authentik, Config: c.Config, NoExec: c.NoExec, Resolve: resolve, CA: ca, Tool: e2e.Version, Log: e.log,
	})
	if err != nil {
		return err
	}
	if err := report.Doctor(e.stdout, x, textOptions(e, "")); err != nil {
		return err
	}
	if err := c.share(e, x); err != nil {
		return err
	}
	return exit(runner.OutcomeOf(x.Run.Results[0].Status))
}

// share writes the bundle, after it said what is in it.
func (c *doctorCmd) share(e *env, x *doctor.Examination) error {
	if c.Bundle == "" {
		return nil
	}
	files, err := report.Bundle(x, c.Anonymise)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "\nin %s:\n", c.Bundle)
	for _, f := range files {
		fmt.Fprintf(e.stdout, "  %-16s %6d bytes  %s\n", f.Name, len(f.Text), f.What)
	}
	if !c.Anonymise {
		fmt.Fprintln(e.stdout, "  host names are in it; --anonymise gives them pseudonyms")
	}
	return report.WriteBundle(c.Bundle, files)
}
