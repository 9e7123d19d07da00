package main

import (
	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
)

type upgradeCmd struct {
	From      string   `required:"" help:"Versions that run now: PAPERLESS[,AUTHENTIK]." placeholder:"VER[,VER]"`
	To        string   `required:"" help:"Versions to try: PAPERLESS[,AUTHENTIK], or latest-known for either." placeholder:"VER[,VER]"`
	Step      string   `enum:"paperless,authentik,both" default:"both" help:"Raise one product only, so that the blame is clear: paperless, authentik or both."`
	Config    []string `sep:"none" help:"Compose file, env file or paperless.conf; several compose files in order." placeholder:"FILE"`
	Blueprint string   `help:"Your authentik blueprint." placeholder:"FILE"`
	Service   string   `help:"Compose service that is Paperless, when there are several." placeholder:"NAME"`
	Target    string   `enum:"lab,stack" default:"lab" help:"lab (a forecast, seconds) or stack (the real thing)."`
	Suite     string   `enum:"checklist,conformance" default:"checklist" help:"checklist, or conformance: which deviations from the standards come with the new version, and which go."`
	Only      []string `help:"Checks to run, by id; what they need runs too." placeholder:"ID"`
	Plant     []string `help:"Plant these causes first." placeholder:"CODE"`
	outputs

	Stack stackFlags `embed:"" group:"Docker stack"`
}

// Run tries the upgrade.
func (c *upgradeCmd) Run(e *env) error {
	c.defaults()
	o := textOptions(e, c.Report)
	progress := report.Live(e.stdout, o)
	defer progress.Close()
	u, err := e2e.Upgrade(e.ctx, e2e.UpgradeOptions{
		Options: e2e.Options{
			Target: c.Target, Config: c.Config, Blueprint: c.Blueprint, Service: c.Service,
			Suite: c.Suite, Only: c.Only, Plant: c.Plant, Report: c.Report, Log: e.log, Observe: progress.Observe, Helper: ourselves(), Stack: c.Stack.options(),
		},
		From: c.From, To: c.To, Step: c.Step,
		Planned: func(u *e2e.Upgraded) { report.Plan(e.stdout, u.Planned(), u.Hazards, u.Lint, o) },
		Phase:   progress.Phase,
	})
	progress.Close()
	if err != nil {
		return err
	}
	written := c.keep(u.Write)
	rep := report.New(u.Last())
	o = told(o, written)
	o.Planned = true
	if err := rep.Text(e.stdout, o); err != nil {
		return err
	}
	if c.Suite == e2e.SuiteConformance && u.Before != nil && u.After != nil {
		changes, _ := report.Diff(report.New(u.Before), rep)
		if err := changes.Text(e.stdout, o); err != nil {
			return err
		}
	}
	e.tellGitHub(rep)
	return c.end(e, u.Outcome(), written)
}
