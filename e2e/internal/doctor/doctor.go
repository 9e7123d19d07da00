// Package doctor looks at a pair that runs in containers of this machine: what runs,
// what its logs say, what authentik has in its database, and how the network looks
// from where Paperless stands. It reads, and changes nothing.
package doctor

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Options say which pair, and what may be done to look at it.
type Options struct {
	Paperless string            // container or service; empty: found
	Authentik string            // container or service of the server; empty: found
	Config    []string          // files that Paperless was made from; empty: those of Compose's labels
	Service   string            // of these files; empty: the container's
	NoExec    bool              // nothing is run in a container
	Token     string            // of authentik's API, where nothing can be run in its container; empty: none
	Resolve   map[string]string // host:port to address:port, for what is asked from this machine
	CA        []byte            // PEM of an authority beside the system's
	Tool      string            // version of ssocheck
	Engine    string            // address of the engine; empty: DOCKER_HOST, else where one usually is
	Log       *slog.Logger      // nil: silent
	// Found is told the pair as soon as it is found, before anything is asked of it; nil:
	// nobody waits for it.
	Found func(Pair)
}

// A Pair is what the containers and the user's files alone say.
type Pair struct {
	Paperless  *Container
	Deployment *deployment.Deployment
	Stale      []string // as in Examination
}

// An Examination is what was found.
type Examination struct {
	Run       *runner.Run
	Paperless *Container
	Authentik *Container // nil: it is not on this engine
	Worker    *Container // nil: not found
	// Notes are what could not be looked at, and what follows from it.
	Notes []string
	// Unread are the parts of the pair that were not seen; empty: all were.
	Unread []string
	// Stale are settings that the files give another value than what runs has.
	Stale []string
}

// Kind names the target in reports.
const Kind = "doctor"

// Check is what doctor reports as: everything that it looks at is one question.
var Check = &check.Check{ // never changed
	ID: "doctor", Title: "The pair that runs lets users sign in",
	Doc: "Paperless runs, the two sides agree on the client, and Paperless reaches authentik from where it stands.",
}

// Examine looks at the pair. The error says why that was not possible.
func Examine(ctx context.Context, o Options) (*Examination, error) {
	began := time.Now()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e, err := connect(ctx, o.Engine, o.NoExec)
	if err != nil {
		return nil, err
	}
	defer func() { _ = e.close() }()
	all, err := e.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEngine, err)
	}
	f, err := discover(all, o.Paperless, o.Authentik)
	if err != nil {
		return nil, err
	}
	x := &examiner{o: o, engine: e, found: f, salt: rand.Text()}
	x.tell()
	x.look(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return x.examination(began)
}

// An examiner collects what is seen of one pair.
type examiner struct {
	o      Options
	engine *engine
	found  *found
	salt   string
	env    deployment.Paperless // what runs, as far as looking needs it

	mu       sync.Mutex
	answer   *shell.Answer   // nil: authentik was not asked, or did not answer
	asked    *asked          // what authentik's endpoints said; nil: they were not asked
	seen     *paperless.Seen // nil: nobody looked from inside
	tester   []evidence.Probe
	paperlog []string
	idplog   []string
	worklog  []string
	notes    []string
	unread   []string
}

// tell says what is known before anything is asked.
func (x *examiner) tell() {
	if x.o.Found == nil {
		return
	}
	p := x.found.paperless
	v := versionsOf{paperless: imageVersion(p)}
	if x.found.server != nil {
		v.authentik = imageVersion(x.found.server)
	}
	if c, err := configured(x.found, x.o.Config, serviceOf(p, x.o), v, nil, x.salt); err == nil {
		x.o.Found(Pair{Paperless: p, Deployment: c.bundle, Stale: c.stale})
	}
}

// blind notes a part that was not seen, and why.
func (x *examiner) blind(part, why string) {
	x.note("%s: %s", part, why)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unread = append(x.unread, part)
}

func (x *examiner) note(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.notes = append(x.notes, fmt.Sprintf(format, args...))
}

// The parts of a pair, as they are named where they were not seen.
const (
	authentikSide = "authentik's side is not known"
	insideLook    = "nobody looked from inside Paperless's container"
	theLogs       = "a log is not known"
)

// look asks everything at once: authentik's command line takes as long as all the
// rest together.
func (x *examiner) look(ctx context.Context) {
	p := x.found.paperless
	x.env = deployment.Paperless{Version: imageVersion(p), Env: p.env, Files: secretFiles(p, x.o)}
	var all sync.WaitGroup
	all.Go(func() { x.readLogs(ctx) })
	if p.State == "running" {
		all.Go(func() { x.fromInside(ctx) })
	}
	all.Go(func() { x.fromHere(ctx) })
	x.askAuthentik(ctx)
	all.Wait()
	// Authentik's command line keeps a small machine so busy that what is asked for at
	// the same time may come too late: it is asked for once more.
	if x.seen != nil && x.seen.Discovery != nil && strings.Contains(x.seen.Discovery.Error, "Read timed out") {
		x.fromInside(ctx)
	}
	if len(x.tester) > 0 && late(x.tester[0].Detail) {
		x.tester = nil
		x.fromHere(ctx)
	}
	if x.answer == nil {
		x.askEndpoints(ctx)
	}
	x.openedElsewhere(ctx)
}

// askAuthentik asks authentik for its side: by its API where there is a token, which is
// the quicker way, else by its command line.
func (x *examiner) askAuthentik(ctx context.Context) {
	q := x.query()
	var a *shell.Answer
	var why string
	if x.o.Token != "" {
		var err error
		if a, err = x.byAPI(ctx, q); err != nil {
			x.note("authentik's API does not tell: %s", err)
		}
	}
	if a == nil {
		a, why = x.byShell(ctx, q)
	}
	if a == nil {
		if x.o.Token == "" {
			why += "; an API token tells, too (SSO_AUTHENTIK_TOKEN)"
		}
		x.blind(authentikSide, why)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answer = a
	for _, n := range a.Notes {
		x.notes = append(x.notes, "not read of authentik: "+n)
	}
}

// byShell asks authentik's command line in its container; nil, and why, where that is
// not to be.
func (x *examiner) byShell(ctx context.Context, q shell.Query) (*shell.Answer, string) {
	s := x.found.server
	switch {
	case s == nil:
		return nil, "no container of authentik is on this engine"
	case s.State != "running":
		return nil, fmt.Sprintf("its container %s is %s", s.Name, s.State)
	}
	a, err := x.engine.askAuthentik(ctx, s.id, q)
	if err != nil {
		return nil, fmt.Sprintf("%s: %s", s.Name, err)
	}
	return a, ""
}

// app is the app that Paperless runs with.
func (x *examiner) app() deployment.App {
	app, _ := x.env.App()
	return app
}

// query asks for the client of every app, and for what could be meant.
func (x *examiner) query() shell.Query {
	q := shell.Query{ClientIDs: []string{}, Slugs: []string{}, Hosts: []string{}, Salt: x.salt}
	apps, _ := x.env.Apps() // broken JSON has none, and its own finding
	for _, app := range apps {
		q.ClientIDs = append(q.ClientIDs, app.ClientID)
		if slug := slugOf(app.ServerURL()); slug != "" {
			q.Slugs = append(q.Slugs, slug)
		}
	}
	if host := hostOf(x.env.Env["PAPERLESS_URL"]); host != "" {
		q.Hosts = append(q.Hosts, host)
	}
	return q
}

// fromInside looks from Paperless's container.
func (x *examiner) fromInside(ctx context.Context) {
	l := x.inside()
	s, err := x.engine.lookFrom(ctx, x.found.paperless.id, l)
	if err != nil && x.found.paperless.Restart > 0 {
		return // it keeps restarting: its log says why, and nobody can look from there
	}
	if err != nil {
		x.blind(insideLook, fmt.Sprintf("%s: %s", x.found.paperless.Name, err))
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen = s
}

func (x *examiner) readLogs(ctx context.Context) {
	read := func(c *Container, into *[]string) {
		if c == nil {
			return
		}
		since := ""
		if c.State == "running" && c.Restart == 0 {
			since = c.full.State.StartedAt
		}
		lines, err := x.engine.logs(ctx, c.id, since)
		if err != nil {
			x.blind(theLogs, fmt.Sprintf("%s: %s", c.Name, err))
		}
		*into = lines
	}
	read(x.found.paperless, &x.paperlog)
	read(x.found.server, &x.idplog)
	read(x.found.worker, &x.worklog)
}

// examination makes the verdict of what was seen.
func (x *examiner) examination(began time.Time) (*Examination, error) {
	v := versionsOf{paperless: imageVersion(x.found.paperless)}
	if x.seen != nil {
		v.paperless = cmp.Or(x.seen.Version, v.paperless)
	}
	if x.found.server != nil {
		v.authentik = imageVersion(x.found.server)
	}
	if x.answer != nil {
		v.authentik = cmp.Or(plainVersion(x.answer.Version), v.authentik)
	}
	c, err := configured(x.found, x.o.Config, serviceOf(x.found.paperless, x.o), v, x.answer, x.salt)
	if err != nil {
		return nil, err
	}
	if x.asked.took() {
		c.bundle.Relations["client_secret"] = deployment.SecretEqual
	}
	red := target.NewRedactor(c.bundle)
	if c.fixed != nil {
		red.Add(c.fixed.Secrets()...)
	}
	rec := x.record(c, red)
	run := &runner.Run{
		Started: began, Tool: x.o.Tool, Kind: Kind, Paperless: rec.Paperless, Authentik: rec.Authentik, Bundle: c.bundle, Lint: c.lint, Redactor: red,
	}
	res := runner.Result{Result: check.Result{Check: Check, Variant: check.AsConfigured, Record: rec, Bundle: c.bundle, Status: check.Passed}}
	res.Findings = Explain(rec, c.bundle, c.lint, c.fixed)
	run.Lint = unsaid(c.lint, res.Findings)
	res.Message = message(&rec)
	res.Status = status(&rec, x.found.paperless, res.Findings)
	if res.Status == check.Passed && len(x.unread) > 0 {
		// What was not seen is not in order.
		res.Status, res.Message = check.Errored, "no cause was found in what could be read, which is not all"
	}
	res.Seconds = time.Since(began).Seconds()
	run.Seconds = res.Seconds
	run.Results = []runner.Result{res}
	return &Examination{
		Run: run, Paperless: x.found.paperless, Authentik: x.found.server, Worker: x.found.worker,
		Notes: append(x.notes, c.notes...), Unread: x.unread, Stale: c.stale,
	}, nil
}

// status is the verdict. Without a cause it fails where users cannot sign in all the
// same; a log that tells of failed sign-ins may tell of yesterday's.
func status(rec *evidence.Record, c *Container, findings []troubleshooting.Finding) check.Status {
	inside := rec.Probe(troubleshooting.ProbeInside)
	switch {
	case len(findings) > 0:
		return check.Failed
	case !rec.Boot.Up && c.Restart == 0 && c.State == "running":
		return check.Errored // it is still starting, or nobody could look
	case !rec.Boot.Up, inside != nil && inside.Status != 200, rec.SignIn != nil && rec.SignIn.Status >= 400:
		return check.Failed
	}
	return check.Passed
}

// message says in one line what was seen of Paperless itself.
func message(rec *evidence.Record) string {
	switch {
	case !rec.Boot.Up && rec.Boot.Exit != nil:
		return fmt.Sprintf("Paperless does not start: it stopped with exit code %d", *rec.Boot.Exit)
	case !rec.Boot.Up:
		return "Paperless does not answer"
	case rec.SignIn != nil:
		return fmt.Sprintf("Paperless runs; its sign-in page answers %d", rec.SignIn.Status)
	}
	return "Paperless runs"
}

// roots are the authorities of this machine, and the one that was given.
func (x *examiner) roots() (*x509.CertPool, error) {
	if len(x.o.CA) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(x.o.CA) {
		return nil, errors.New("the CA is no PEM certificate")
	}
	return pool, nil
}

// ReadCA reads the file of an authority.
func ReadCA(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), "-----BEGIN CERTIFICATE-----") {
		err = errors.New("it is no PEM certificate")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: --ca %s: %w", ErrPair, path, err)
	}
	return text, nil
}
