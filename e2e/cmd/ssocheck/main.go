// Command ssocheck tests whether users can sign in to Paperless-ngx through
// authentik, and says what to change when they cannot.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/alecthomas/kong"
	"github.com/sirupsen/logrus"
	testcontainers "github.com/testcontainers/testcontainers-go/log"

	"github.com/ssocheck/ssocheck/e2e"
	_ "github.com/ssocheck/ssocheck/e2e/cmd/ssocheck/internal/ahead" // before the others
	"github.com/ssocheck/ssocheck/e2e/cmd/ssocheck/internal/startup"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

func main() {
	startup.Done()
	// A part of the start of a browser (see ourselves), not a command for users.
	if len(os.Args) > 2 && os.Args[1] == browser.HelperArg {
		tell(os.Stderr, browser.Help(os.Args[2:]).Error())
		os.Exit(exitError)
	}
	// Some of our dependencies know only a logger of the whole process, and would
	// write between the lines of ours. It is the command's to silence, and nobody
	// else's: a package must not.
	testcontainers.SetDefault(testcontainers.NewNoopLogger())
	logrus.SetOutput(io.Discard)
	// Where nobody reads on, writing fails; Go would end the process instead.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// ourselves is this program as the helper that makes the network of a browser
// where the user is not root; "" where it cannot be told.
func ourselves() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// The exit codes, a contract that README.md states.
const (
	exitPass  = 0
	exitFail  = 1
	exitError = 2
)

// cli is the command line; the names are a contract.
type cli struct {
	Verbose bool `short:"v" help:"Log what is done, to stderr."`
	Quiet   bool `short:"q" help:"Print only what is wrong, and the verdict."`

	ShowVersion versionFlag `name:"version" help:"Print the version, and the versions of the products that are known."`

	Run      runCmd         `cmd:"" help:"Run the checklist."`
	Conform  conformanceCmd `cmd:"" name:"conformance" help:"Test Paperless-ngx as a relying party against an OpenID provider that breaks the rules."`
	Doctor   doctorCmd      `cmd:"" help:"Find out why users cannot sign in to the pair that runs on this machine; nothing is changed."`
	Lint     lintCmd        `cmd:"" help:"Look at configuration files: no browser, no Docker. Exit 1 on an error."`
	Render   renderCmd      `cmd:"" help:"Write compose.yaml with its .env, paperless.env, paperless.conf and blueprint.yaml."`
	Import   importIdPCmd   `cmd:"" name:"import-idp" help:"Write a blueprint of the authentik that runs, read through its API; nothing is changed."`
	Upgrade  upgradeCmd     `cmd:"" help:"Try an upgrade: the old versions, your configuration, users, the new versions on the same databases."`
	Matrix   matrixCmd      `cmd:"" help:"Run the checklist on pairs of versions, and print a table."`
	Report   reportCmd      `cmd:"" help:"Open an earlier report, or serve it on this machine."`
	Diagnose diagnoseCmd    `cmd:"" help:"Explain a report again, from its recorded evidence alone."`
	Diff     diffCmd        `cmd:"" help:"Compare two reports. Exit 1 when the new one is worse."`
	Merge    mergeCmd       `cmd:"" help:"Join the reports of shards into one, on stdout."`
	Explain  explainCmd     `cmd:"" help:"Tell about a troubleshooting item, a lint rule, a check or a hazard."`
	List     listCmd        `cmd:"" help:"List checks, conformance tests, items, lint rules, versions or settings."`
	Down     downCmd        `cmd:"" help:"Remove the containers that earlier runs on the stack left."`
	Cache    cacheCmd       `cmd:"" help:"List or clear the databases that make the stack start sooner."`

	Version    versionCmd    `cmd:"" help:"Print the version, and the versions of the products that are known."`
	Completion completionCmd `cmd:"" help:"Print the completion script of a shell."`
	Man        manCmd        `cmd:"" help:"Print the manual page: ssocheck man | man -l -"`

	Complete  completeCmd  `cmd:"" hidden:"" help:"What a word of the command line may become."`
	EdgeServe edgeServeCmd `cmd:"" hidden:"" help:"The edge, in its container."`
}

type env struct {
	ctx            context.Context
	stdout, stderr io.Writer
	log            *slog.Logger
	quiet, verbose bool
	settings       settings
}

// failed is an outcome that is not an error: the exit code says it all.
type failed int

func (f failed) Error() string { return fmt.Sprintf("exit code %d", int(f)) }

// exit is nil for a pass, else the exit code of the outcome.
func exit(o runner.Outcome) error {
	if o == runner.Pass {
		return nil
	}
	return failed(o.ExitCode())
}

func run(args []string, stdout, stderr io.Writer) int {
	out, errs := &output{w: stdout}, &output{w: stderr}
	code := command(args, out, errs)
	if err := out.failed(); err != nil && code == exitPass {
		tell(errs, "not all could be printed: "+err.Error())
		return exitError
	}
	return code
}

func command(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), ends()...)
	defer stop()
	var c cli
	done := -1
	given, err := readSettings(settingsFile)
	if err != nil {
		tell(stderr, err.Error())
		return exitError
	}
	parser, err := newParser(&c, stdout, stderr, func(code int) {
		if done < 0 {
			done = code
		}
	}, kong.Resolvers(kong.ResolverFunc(given.resolve)))
	if err != nil {
		tell(stderr, err.Error())
		return exitError
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if err := refuse(args); err != nil {
		tell(stderr, short(err.Error())+" (see ssocheck --help)")
		return exitError
	}
	k, err := parser.Parse(args)
	if done >= 0 {
		return done // --help
	}
	if err == nil {
		err = misplaced(k)
	}
	if err != nil {
		tell(stderr, short(err.Error())+" (see ssocheck --help)")
		return exitError
	}
	e := &env{ctx: ctx, stdout: stdout, stderr: stderr, log: slog.New(slog.DiscardHandler), quiet: c.Quiet, verbose: c.Verbose, settings: given}
	if c.Verbose {
		e.log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	err = k.Run(e)
	if code, ok := errors.AsType[failed](err); ok {
		return int(code)
	}
	if err != nil {
		tell(stderr, inFlags(err))
		return exitError
	}
	return exitPass
}

// inFlags is an error in the words of the command line: e2e speaks of its options.
func inFlags(err error) string {
	type flags interface {
		error
		Flags() string
	}
	if of, ok := errors.AsType[flags](err); ok {
		return strings.Replace(err.Error(), of.Error(), of.Flags(), 1)
	}
	return err.Error()
}

// newParser reads the command line into c.
func newParser(c *cli, stdout, stderr io.Writer, exit func(int), more ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append(more, kong.Name("ssocheck"), kong.Writers(stdout, stderr), kong.Exit(exit),
		kong.Description("Tests whether users can sign in to Paperless-ngx through authentik, and says what to change when they cannot."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))...)
}

// longestArgument is far above what any argument needs. A whole file that was
// given in place of its name is refused before it is taken apart.
const longestArgument = 32 << 10

// refuse says which argument cannot be meant. An empty one, such as --config
// "$UNSET", would leave out in silence what it was to say.
func refuse(args []string) error {
	for i, arg := range args {
		name, value, assigned := strings.Cut(arg, "=")
		switch {
		case arg == "--": // what follows is not ours
			return nil
		case len(arg) > longestArgument:
			return fmt.Errorf("argument %d is %d characters long; give the name of a file, not what is in it", i+1, len(arg))
		case arg == "" && i > 0 && strings.HasPrefix(args[i-1], "--"):
			return fmt.Errorf("%s is empty: give a value, or leave it out", args[i-1])
		case arg == "":
			return fmt.Errorf("argument %d is empty: give a value, or leave it out", i+1)
		case assigned && value == "" && strings.HasPrefix(name, "--"):
			return fmt.Errorf("%s is empty: give a value, or leave it out", name)
		}
	}
	return nil
}

// misplaced says which flag would do nothing on the target that was chosen. What
// the environment says is for every run.
func misplaced(k *kong.Context) error {
	for _, p := range k.Path {
		if p.Flag == nil || p.Resolved || p.Flag.Group == nil || p.Flag.Group.Title != stackGroup || p.Flag.Name == "versions" {
			continue
		}
		for _, f := range k.Flags() {
			if f.Name == "target" && k.FlagValue(f) != target.Stack {
				return fmt.Errorf("--%s is for --target stack", p.Flag.Name)
			}
		}
	}
	return nil
}

// tell says on one line why there is no verdict, or what else went wrong.
func tell(stderr io.Writer, text string) {
	fmt.Fprintf(stderr, "ssocheck: %s\n", short(text))
}

// longest is how much of a message is printed: a value may be a whole file.
const longest = 1000

// short is a message on one line that a user can read: what somebody wrote
// into a flag may hold anything.
func short(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(strings.TrimPrefix(line, "usage: ")); line != "" {
			lines = append(lines, line)
		}
	}
	text = strings.ToValidUTF8(strings.Join(lines, "; "), "·")
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
	if r := []rune(text); len(r) > longest {
		// The end names the remedy.
		text = string(r[:longest*2/3]) + " … " + string(r[len(r)-longest/3:])
	}
	return text
}

// pair are the flags that say which configuration is meant.
type pair struct {
	Config    []string `sep:"none" help:"Compose file, env file or paperless.conf; several compose files in order." placeholder:"FILE"`
	Blueprint string   `help:"Your authentik blueprint." placeholder:"FILE"`
	Service   string   `help:"Compose service that is Paperless, when there are several." placeholder:"NAME"`
	Paperless string   `help:"Paperless-ngx version." placeholder:"VER"`
	Authentik string   `help:"authentik version." placeholder:"VER"`
}

type runCmd struct {
	pair
	Target string   `enum:"lab,stack,external" default:"lab" help:"lab, stack or external."`
	Suite  string   `enum:"checklist,conformance" default:"checklist" help:"checklist, or conformance: Paperless-ngx against a provider that breaks the rules."`
	Only   []string `help:"Checks to run, by id; what they need runs too." placeholder:"ID"`
	Plant  []string `help:"Plant these causes first." placeholder:"CODE"`
	outputs
	Shots  bool   `help:"A screenshot of every step in the report, not only of the checks that do not pass."`
	Headed bool   `help:"A browser with a window."`
	Jobs   int    `help:"Checks to run side by side, on pairs of their own; on lab and stack. Default: one for each core, on the lab one more." placeholder:"N"`
	Keep   bool   `help:"Leave the stack running."`
	Format string `enum:"text,prometheus" default:"text" help:"text, or prometheus: metrics for the textfile collector of node_exporter."`

	Stack   stackFlags `embed:"" group:"Docker stack"`
	Browser string     `help:"A Chrome that runs elsewhere, such as ws://127.0.0.1:9222." placeholder:"ws://HOST:PORT"`

	External externalFlags `embed:"" group:"A pair that already runs"`
}

// externalFlags are those of --target external. Credentials come from the
// environment or a file: docs/external.md.
type externalFlags struct {
	PaperlessURL string   `name:"paperless-url" help:"Address of Paperless-ngx; else the configuration's." placeholder:"URL"`
	AuthentikURL string   `name:"authentik-url" help:"Address of authentik; else where the button leads." placeholder:"URL"`
	Resolve      []string `sep:"none" help:"Where a name leads, for the tester's browser and requests." placeholder:"HOST=IP[:PORT]"`
	CA           string   `name:"ca" type:"path" help:"PEM file of an authority of your own." placeholder:"FILE"`
	Credentials  string   `type:"path" help:"Who signs in (YAML); the environment's SSO_USERNAME and SSO_PASSWORD win." placeholder:"FILE"`
	AllowChanges bool     `help:"Accounts may be made and linked; what was made is removed afterwards."`
	PaperlessLog string   `type:"path" help:"File that Paperless's log is written to." placeholder:"FILE"`
}

func (f externalFlags) options() e2e.External {
	return e2e.External{
		PaperlessURL: f.PaperlessURL, AuthentikURL: f.AuthentikURL, Resolve: f.Resolve, CA: f.CA,
		Credentials: f.Credentials, AllowChanges: f.AllowChanges, PaperlessLog: f.PaperlessLog,
	}
}

// Run runs the checklist.
func (c *runCmd) Run(e *env) error {
	c.defaults()
	o := textOptions(e, c.Report)
	person := e.stdout // what is for users
	if c.Format == "prometheus" {
		person, o.Live = e.stderr, false
	}
	progress := report.Live(person, o)
	defer progress.Close()
	r, err := e2e.Check(e.ctx, e2e.Options{
		Target: c.Target, Config: c.Config, Blueprint: c.Blueprint, Service: c.Service, Paperless: c.Paperless, Authentik: c.Authentik,
		Suite: c.Suite, Only: c.Only, Plant: c.Plant, Report: c.Report, Shots: c.Shots, Headed: c.Headed, Jobs: c.Jobs, Log: e.log, Observe: progress.Observe, Stack: c.stack(e),
		Browser: c.Browser, Helper: ourselves(), External: c.External.options(),
	})
	progress.Close()
	if err != nil {
		return err
	}
	rep := report.New(r)
	written := c.keep(func(dir string) error { return report.Write(dir, r) })
	if c.Format == "prometheus" {
		if err := rep.Prometheus(e.stdout); err != nil {
			return err
		}
	}
	if err := rep.Text(person, told(o, written)); err != nil {
		return err
	}
	if c.Target == target.External {
		// What was done to a pair of theirs is said, whatever else is not.
		for _, line := range r.Bundle.Added {
			fmt.Fprintln(person, "note:", line)
		}
	}
	e.tellGitHub(rep)
	return c.end(e, rep.Result, written)
}

// stack are the options of the stack.
func (c *runCmd) stack(e *env) e2e.StackOptions {
	o := c.Stack.options()
	o.Keep = c.Keep
	o.Kept = func(t *target.Target) {
		w := e.stdout
		if c.Format != "text" {
			w = e.stderr
		}
		fmt.Fprintf(w, "left running: %s and %s; open them with\n  chromium --host-resolver-rules=%q --ignore-certificate-errors-spki-list=%s --user-data-dir=$(mktemp -d)\nssocheck down removes it\n",
			t.Paperless.URL, t.Authentik.URL, t.ResolverRules(), strings.Join(t.SPKI, ","))
	}
	return o
}

type diagnoseCmd struct {
	Report string `arg:"" help:"report.json, or the file of doctor --bundle."`
}

// Run explains again.
func (c *diagnoseCmd) Run(e *env) error {
	r, err := report.Open(c.Report)
	if err != nil {
		return err
	}
	worst := r.Result
	if r.Error != "" {
		fmt.Fprintln(e.stdout, "the run could not do its work: "+r.Error)
	}
	for _, d := range report.Diagnose(r) {
		fmt.Fprintf(e.stdout, "%s  %s%s: %s\n", d.Check.Status, d.Check.ID, variant(d.Check.Variant), d.Check.Message)
		worst = runner.Worst(worst, runner.OutcomeOf(d.Check.Status))
		if d.Blind {
			fmt.Fprintln(e.stdout, "  the report holds no evidence for it")
		}
		for _, f := range d.Findings {
			printFinding(e.stdout, f)
		}
		if d.Left != nil {
			if err := report.Left(e.stdout, d.Left, textOptions(e, "")); err != nil {
				return err
			}
		}
	}
	return exit(worst)
}

type diffCmd struct {
	Old string `arg:"" help:"report.json of before."`
	New string `arg:"" help:"report.json of now."`
}

// Run compares.
func (c *diffCmd) Run(e *env) error {
	old, err := report.Open(c.Old)
	if err != nil {
		return err
	}
	now, err := report.Open(c.New)
	if err != nil {
		return err
	}
	changes, worse := report.Diff(old, now)
	if err := changes.Text(e.stdout, textOptions(e, "")); err != nil {
		return err
	}
	if worse {
		return failed(exitFail)
	}
	return nil
}

type mergeCmd struct {
	Reports []string `arg:"" help:"report.json of each shard."`
}

// Run merges.
func (c *mergeCmd) Run(e *env) error {
	var all []*report.Report
	for _, path := range c.Reports {
		r, err := report.Open(path)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	merged, err := report.Merge(all)
	if err != nil {
		return err
	}
	if err := merged.JSON(e.stdout); err != nil {
		return err
	}
	return exit(merged.Result)
}

func variant(v string) string {
	if v == "" || v == check.AsConfigured {
		return ""
	}
	return "@" + v
}
