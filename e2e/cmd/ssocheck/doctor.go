package main

import (
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
	CA        string   `name:"ca" type:"path" help:"PEM file of an authority of your own." placeholder:"FILE"`
}

// Run looks at the pair that runs in containers of this machine.
func (c *doctorCmd) Run(e *env) error {
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
	return exit(runner.OutcomeOf(x.Run.Results[0].Status))
}
