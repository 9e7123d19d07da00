package main

import (
	"fmt"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/external"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

type doctorCmd struct {
	Paperless   string   `help:"Container or Compose service of Paperless-ngx, where there are several." placeholder:"NAME"`
	Authentik   string   `help:"Container or Compose service of authentik's server, where there are several." placeholder:"NAME"`
	Config      []string `sep:"none" help:"Files that Paperless was made from; else those that Compose's labels name." placeholder:"FILE"`
	NoExec      bool     `help:"Run nothing in the containers: authentik's side then stays unknown."`
	Resolve     []string `sep:"none" help:"Where a name leads, for what is asked from this machine." placeholder:"HOST=IP[:PORT]"`
	NoBrowser   bool     `help:"Look from the containers only; else a browser tries the way to the sign-in where no cause was found."`
	Credentials string   `type:"path" help:"Who signs in (YAML); the environment's SSO_USERNAME and SSO_PASSWORD win." placeholder:"FILE"`
	Bundle      string   `type:"path" help:"Write what a maintainer needs, without secrets, into a new file." placeholder:"FILE.zip"`
	Anonymise   bool     `help:"Give host names and addresses pseudonyms in the bundle."`
	CA          string   `name:"ca" type:"path" help:"PEM file of an authority of your own." placeholder:"FILE"`
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
	end := runner.OutcomeOf(x.Run.Results[0].Status)
	if end == runner.Pass && !c.NoBrowser {
		end = runner.Worst(end, c.browse(e, x))
	}
	return exit(end)
}

// browse goes the way of users with a browser, as far as it may: to authentik's
// sign-in without an account, through the round trip with one. It only reads. What
// cannot be browsed from here is a note: the containers were found in order.
func (c *doctorCmd) browse(e *env, x *doctor.Examination) runner.Outcome {
	pair := x.Run.Bundle
	o := e2e.Options{
		Target: target.External, Config: c.Config, Service: x.Paperless.Service, Paperless: pair.Paperless.Version, Authentik: pair.Authentik.Version,
		Only: []string{"login-page", "login-button", "round-trip"}, Log: e.log, Helper: ourselves(),
		External: e2e.External{PaperlessURL: pair.Paperless.URL, AuthentikURL: pair.Authentik.URL, Resolve: c.Resolve, CA: c.CA, Credentials: c.Credentials},
	}
	if len(o.Config) == 0 && len(x.Stale) == 0 {
		o.Config = x.Paperless.Files
	}
	if len(o.Config) == 0 {
		o.Service = ""
	}
	fmt.Fprintf(e.stdout, "\nwith a browser, from this machine, at %s:\n", pair.Paperless.URL)
	r, err := e2e.Check(e.ctx, o)
	if err != nil {
		tell(e.stdout, "the browser could not try: "+err.Error())
		return runner.Pass
	}
	rep := report.New(r)
	if err := rep.Text(e.stdout, textOptions(e, "")); err != nil {
		return runner.Error
	}
	return rep.Result
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
