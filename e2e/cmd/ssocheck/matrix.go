package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
)

type matrixCmd struct {
	Paperless []string `required:"" help:"Paperless-ngx versions; latest-known is one." placeholder:"VER"`
	Authentik []string `required:"" help:"authentik versions; latest-known is one." placeholder:"VER"`
	Shard     string   `help:"Run part i of n only, i from 1." placeholder:"i/n"`
	Config    []string `sep:"none" help:"Compose file, env file or paperless.conf; several compose files in order." placeholder:"FILE"`
	Blueprint string   `help:"Your authentik blueprint." placeholder:"FILE"`
	Service   string   `help:"Compose service that is Paperless, when there are several." placeholder:"NAME"`
	Target    string   `enum:"lab,stack" default:"lab" help:"lab or stack."`
	Suite     string   `enum:"checklist,conformance" default:"checklist" help:"checklist, or conformance: Paperless-ngx against a provider that breaks the rules."`
	Only      []string `help:"Checks to run, by id; what they need runs too." placeholder:"ID"`
	outputs
	List bool `help:"Only print the pairs of this shard."`

	Stack stackFlags `embed:"" group:"Docker stack"`
}

// Run runs the cells.
func (c *matrixCmd) Run(e *env) error {
	shard, err := e2e.ParseShard(c.Shard)
	if err != nil {
		return err
	}
	pairs, err := e2e.Cells(c.Paperless, c.Authentik, shard)
	if err != nil {
		return err
	}
	if c.List {
		for _, p := range pairs {
			fmt.Fprintln(e.stdout, p)
		}
		return nil
	}
	c.defaults()
	o := textOptions(e, c.Report)
	progress := report.Live(e.stdout, o)
	defer progress.Close()
	var table []report.Cell
	var written, refusal error
	ran := 0
	err = e2e.Matrix(e.ctx, e2e.Options{
		Target: c.Target, Config: c.Config, Blueprint: c.Blueprint, Service: c.Service, Suite: c.Suite, Only: c.Only, Report: c.Report, Log: e.log, Observe: progress.Observe, Helper: ourselves(), Stack: c.Stack.options(),
	}, pairs, func(p deployment.Pair) {
		progress.Phase("Paperless-ngx " + p.Paperless + ", authentik " + p.Authentik)
	}, func(cell *e2e.Cell) error {
		row := report.Cell{Paperless: cell.Paperless, Authentik: cell.Authentik}
		switch {
		case cell.Err != nil:
			row.Error = inFlags(cell.Err)
			refusal = cmp.Or(refusal, cell.Err)
		default:
			ran++
			row.Report = report.New(cell.Run)
			if c.Report != "" {
				dir := cellDir(cell.Pair)
				werr := row.Report.Write(filepath.Join(c.Report, dir))
				if werr == nil {
					row.Dir = dir
				}
				written = errors.Join(written, werr)
			}
		}
		table = append(table, row)
		return nil
	})
	progress.Close()
	if ran == 0 {
		return cmp.Or(err, refusal)
	}
	m := report.Matrix{Cells: table}
	written = errors.Join(written, c.keep(m.Write))
	if terr := m.Text(e.stdout, told(o, written)); terr != nil {
		return terr
	}
	e.tellGitHubMatrix(m)
	if err != nil {
		return err
	}
	return c.end(e, m.Outcome(), written)
}

// cellDir is the folder of one pair's report.
func cellDir(p deployment.Pair) string { return strings.ReplaceAll(p.String(), ",", "_") }
