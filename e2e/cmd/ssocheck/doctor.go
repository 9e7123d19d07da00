package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/external"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

type doctorCmd struct {
	Paperless   string   `help:"Container or Compose service of Paperless-ngx, where there are several." placeholder:"NAME"`
	Authentik   string   `help:"Container or Compose service of authentik's server, where there are several." placeholder:"NAME"`
	Config      []string `sep:"none" help:"Files that Paperless was made from; else those that Compose's labels name." placeholder:"FILE"`
	NoExec      bool     `help:"Run nothing in the containers: authentik's side then comes from its API (SSO_AUTHENTIK_TOKEN), else from what its endpoints answer."`
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
	who, err := external.ReadCredentials(c.Credentials, source.Environ())
	if err != nil {
		return err
	}
	o := doctor.Options{
		Paperless: c.Paperless, Authentik: c.Authentik, Config: c.Config, NoExec: c.NoExec, Token: who.Authentik.Token, Resolve: resolve, CA: ca,
		Tool: e2e.Version, Log: e.log,
	}
	// A browser takes as long as all the rest. Where it does not sign in, nothing is
	// lost when the containers tell the cause first: then it is stopped. On a busy
	// machine both would only slow each other down.
	var b *browsing
	if !c.NoBrowser && len(who.Authentik.Users) == 0 && idle() {
		o.Found = func(p doctor.Pair) { b = c.start(e, p) }
	}
	x, err := doctor.Examine(e.ctx, o)
	defer func() {
		if b != nil {
			b.stop()
		}
	}()
	if err != nil {
		return err
	}
	end := runner.OutcomeOf(x.Run.Results[0].Status)
	if end == runner.Fail || c.NoBrowser || x.Paperless.State != "running" {
		if err := report.Doctor(e.stdout, x, textOptions(e, "")); err != nil {
			return err
		}
		if err := c.share(e, x); err != nil {
			return err
		}
		return exit(end)
	}
	e.log.Info("the containers show no cause; a browser tries the way of users")
	if b != nil {
		<-b.done
	}
	if b == nil || b.err != nil || b.run.Result() != runner.Pass {
		// Authentik's command line ran beside the first one: what Paperless asked authentik
		// for may have come too late by our own doing.
		b = c.start(e, doctor.Pair{Paperless: x.Paperless, Deployment: x.Run.Bundle, Stale: x.Stale})
		<-b.done
	}
	b.headline(e)
	if err := report.Doctor(e.stdout, x, textOptions(e, "")); err != nil {
		return err
	}
	if err := c.share(e, x); err != nil {
		return err
	}
	met, signedIn := b.tell(e)
	if signedIn {
		end = runner.Pass // whatever was not read is in order, then
	}
	return exit(runner.Worst(end, met))
}

// headline is the first line where only the browser met the cause.
func (b *browsing) headline(e *env) {
	if b.err != nil {
		return
	}
	for _, c := range report.New(b.run).Checks {
		if c.Status != check.Failed {
			continue
		}
		what := c.Message
		if len(c.Findings) > 0 {
			what = c.Findings[0].Code + "  " + c.Findings[0].Title
		}
		fmt.Fprintf(e.stdout, "✗ %s\n    A browser met it (below). Of the containers:\n\n", short(what))
		return
	}
}

// idle reports whether the machine can do two things at once.
func idle() bool {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return runtime.NumCPU() > 2
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	return err == nil && load < float64(runtime.NumCPU())
}

// browsing is a browser that goes the way of users, as far as it may: to authentik's
// sign-in without an account, through the round trip with one. It only reads.
type browsing struct {
	url  string
	stop func() // ends it, and waits until it has
	done chan struct{}
	run  *e2e.Results
	err  error
}

// start sends a browser on its way.
func (c *doctorCmd) start(e *env, p doctor.Pair) *browsing {
	pair := p.Deployment
	o := e2e.Options{
		Target: target.External, Config: c.Config, Service: p.Paperless.Service, Paperless: pair.Paperless.Version, Authentik: pair.Authentik.Version,
		Only: []string{"login-page", "login-button", "round-trip"}, Log: e.log, Helper: ourselves(),
		External: e2e.External{PaperlessURL: pair.Paperless.URL, AuthentikURL: pair.Authentik.URL, Resolve: c.Resolve, CA: c.CA, Credentials: c.Credentials},
	}
	if len(o.Config) == 0 && len(p.Stale) == 0 {
		o.Config = p.Paperless.Files
	}
	if len(o.Config) == 0 {
		o.Service = ""
	}
	ctx, cancel := context.WithCancel(e.ctx)
	b := &browsing{url: pair.Paperless.URL, done: make(chan struct{})}
	b.stop = func() {
		cancel()
		<-b.done
	}
	go func() {
		defer close(b.done)
		b.run, b.err = e2e.Check(ctx, o)
	}()
	return b
}

// noPass says what a browser that could not try means.
func noPass(e *env) {
	tell(e.stdout, "the way of users is not tested: this is no pass. Where no browser can be had, --no-browser looks from the containers only")
}

// tell tells what the browser met; signedIn: somebody signed in.
// What it could not try is not in order: nobody saw it.
func (b *browsing) tell(e *env) (met runner.Outcome, signedIn bool) {
	fmt.Fprintf(e.stdout, "\nwith a browser, from this machine, at %s:\n", b.url)
	if b.err != nil {
		tell(e.stdout, "the browser could not try: "+b.err.Error())
		noPass(e)
		return runner.Error, false
	}
	rep := report.New(b.run)
	if err := rep.Text(e.stdout, textOptions(e, "")); err != nil {
		return runner.Error, false
	}
	if rep.Result == runner.Error {
		noPass(e)
	}
	last := &rep.Checks[len(rep.Checks)-1]
	return rep.Result, last.ID == "round-trip" && last.Status == check.Passed
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
