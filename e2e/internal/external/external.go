// Package external is a pair that already runs. Nothing is started: the names
// are given, the rest is asked of the pair itself. It is read-only unless
// changes are allowed.
package external

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// ErrOptions marks what was asked for and cannot be done; its text names the
// remedy.
var ErrOptions = errors.New("external")

// lookLimit is what looking at the pair before the first check may take: a few
// requests, each of which a busy pair answers within seconds.
const lookLimit = time.Minute

// Options say which pair, and how it is reached.
type Options struct {
	PaperlessURL string // as users open it; empty: the configuration's
	AuthentikURL string // empty: the configuration's, else where the button leads
	// Resolve are host[:port]=address[:port], as curl has them.
	Resolve      []string
	CA           string // PEM file of an authority beside the system's; empty: none
	Credentials  *Credentials
	AllowChanges bool   // accounts may be made and linked
	Paperless    string // version; empty: the configuration's, or what the pair says
	Authentik    string
	PaperlessLog string // file that Paperless's log is written to; empty: not known
	// Blueprint is true when the bundle's authentik side was read from a file. Else
	// it is only what the guide says, and is forgotten.
	Blueprint bool
	Log       *slog.Logger // nil: silent
}

// A Pair is a pair that runs.
type Pair struct {
	o        Options
	bundle   *deployment.Deployment
	target   *target.Target
	client   *http.Client
	redactor *evidence.Redactor
	idp      *idp      // nil without a token
	log      *logFile  // nil without a file
	before   *accounts // nil when nobody may list the accounts
	notes    []string

	mu               sync.Mutex
	lines            []evidence.Line // of both products, as they were read
	fromLog, fromIdP int             // how many of each are among them
}

// Open looks at a pair. The bundle is what the user's files say, nil without
// files: then it is what can be seen. That the pair does not answer, or has a
// broken certificate, is no error here: the first check says so.
func Open(ctx context.Context, b *deployment.Deployment, o Options) (*Pair, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Credentials == nil {
		o.Credentials = &Credentials{}
	}
	p := &Pair{o: o, redactor: evidence.NewRedactor(o.Credentials.secrets()...)}
	if err := p.name(b); err != nil {
		return nil, err
	}
	p.target = &target.Target{
		Kind: target.External, Boot: evidence.Boot{Up: true}, SystemCAs: true, Changes: o.AllowChanges,
		Redactor: p.redactor, Close: func() error { return nil },
	}
	if o.CA != "" {
		pem, err := readCA(o.CA)
		if err != nil {
			return nil, err
		}
		p.target.CA = pem
	}
	var err error
	if p.target.Resolve, err = Resolve(o.Resolve, p.bundle.Paperless.URL, p.bundle.Authentik.URL); err != nil {
		return nil, err
	}
	if p.client, err = p.target.Client(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	if err := p.look(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// name makes the bundle and finds the two addresses.
func (p *Pair) name(b *deployment.Deployment) error {
	if b == nil {
		p.bundle = &deployment.Deployment{Observed: true, Paperless: deployment.Paperless{Env: map[string]string{}}, Origins: map[string]deployment.Origin{}, Relations: map[string]string{}}
	} else {
		p.bundle = b.Clone()
		p.bundle.Assumed = nil // this authentik is the real one
		if _, named := b.Paperless.Env["PAPERLESS_URL"]; !named && p.o.PaperlessURL == "" {
			return fmt.Errorf("%w: the configuration has no PAPERLESS_URL; name the pair with --paperless-url", ErrOptions)
		}
		if !p.o.Blueprint {
			// What the guide says is not what this authentik has.
			p.bundle.Authentik.Model = deployment.Model{}
		}
		p.bundle.Authentik.Users = nil // those of a blueprint are not ours to sign in as
		p.bundle.Paperless.Users = nil
	}
	for _, part := range []struct {
		flag, given string
		url         *string
	}{
		{"--paperless-url", p.o.PaperlessURL, &p.bundle.Paperless.URL},
		{"--authentik-url", p.o.AuthentikURL, &p.bundle.Authentik.URL},
	} {
		if part.given == "" {
			continue
		}
		u, err := url.Parse(part.given)
		if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return fmt.Errorf("%w: %s %q is no address; want https://host", ErrOptions, part.flag, part.given)
		}
		if u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return fmt.Errorf("%w: %s takes the address only: https://host[:port]", ErrOptions, part.flag)
		}
		*part.url = u.Scheme + "://" + u.Host
		switch path := strings.TrimRight(u.Path, "/"); {
		case part.flag == "--authentik-url":
			*part.url += path // it may live under one
		case path != "" && p.bundle.Observed:
			p.bundle.Paperless.Env["PAPERLESS_FORCE_SCRIPT_NAME"] = path
		}
	}
	if p.bundle.Paperless.URL == "" {
		return fmt.Errorf("%w: which pair? give --paperless-url https://… or the --config that it runs with", ErrOptions)
	}
	if p.bundle.Observed {
		p.bundle.Paperless.Env["PAPERLESS_URL"] = p.bundle.Paperless.URL
	}
	p.bundle.Paperless.Version = orElse(p.o.Paperless, p.bundle.Paperless.Version)
	p.bundle.Authentik.Version = orElse(p.o.Authentik, p.bundle.Authentik.Version)
	p.people()
	return nil
}

// users are those who were given to sign in as.
func (p *Pair) people() {
	for _, u := range p.o.Credentials.Authentik.Users {
		p.bundle.Authentik.Users = append(p.bundle.Authentik.Users, deployment.AuthentikUser{
			Role: u.Role, Username: u.Username, Name: u.Name, Email: u.Email, Password: u.Password, Account: u.Account,
		})
	}
	for _, u := range p.o.Credentials.Paperless.Users {
		p.bundle.Paperless.Users = append(p.bundle.Paperless.Users, deployment.LocalUser{
			Role: u.Role, Username: u.Username, Email: u.Email, Password: u.Password, Superuser: u.Role == roleAdmin,
		})
	}
}

// look asks the pair what can be asked before the first check.
func (p *Pair) look(ctx context.Context) error {
	if p.o.PaperlessLog != "" {
		f, err := openLog(p.o.PaperlessLog)
		if err != nil {
			return err
		}
		p.log = f
	}
	if p.bundle.Observed {
		p.observe(ctx)
	}
	if p.bundle.Authentik.URL == "" {
		return fmt.Errorf("%w: it cannot be seen where authentik is (%s); give --authentik-url https://…", ErrOptions, orElse(strings.Join(p.notes, "; "), "there is no button"))
	}
	// The addresses that were only found by looking are reached in the same way.
	var err error
	if p.target.Resolve, err = Resolve(p.o.Resolve, p.bundle.Paperless.URL, p.bundle.Authentik.URL); err != nil {
		return err
	}
	p.target.SPKI = p.keys(ctx)
	if token := p.o.Credentials.Authentik.Token; token != "" {
		p.idp = &idp{Client: authentik.Client{HTTP: p.client, Origin: p.bundle.Authentik.URL, Token: token}, redact: p.redactor}
		if err := p.readAuthentik(ctx); err != nil {
			return err
		}
	}
	if err := p.readPaperless(ctx); err != nil {
		return err
	}
	p.redactor.Spare(p.bundle.Words().Has).Add(p.bundle.Secrets()...)
	t := p.target
	t.Paperless = evidence.Product{Version: p.bundle.Paperless.Version, URL: p.bundle.Paperless.URL}
	t.Authentik = evidence.Product{Version: p.bundle.Authentik.Version, URL: p.bundle.Authentik.URL}
	t.Probes = p.probes
	if p.log != nil || p.idp != nil {
		t.Logs = p.logs
	}
	if p.idp != nil {
		t.Registered, t.Events = p.registered, p.idp.actions
	}
	if p.o.Credentials.Paperless.Token != "" {
		t.Admin = p.admin
	}
	return nil
}

// Bundle is the configuration that the checks are told.
func (p *Pair) Bundle() *deployment.Deployment { return p.bundle }

// Notes are what could not be seen beforehand, and what follows from it.
func (p *Pair) Notes() []string { return p.notes }

// Start is for the runner: the pair runs already. Variants need other settings,
// which are not ours to change; the runner skips them.
func (p *Pair) Start(_ context.Context, _ *deployment.Deployment, _ string) (*target.Target, error) {
	return p.target, nil
}

func (p *Pair) note(format string, args ...any) {
	p.notes = append(p.notes, p.redactor.Text(fmt.Sprintf(format, args...)))
}

func readCA(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: --ca: %w", ErrOptions, err)
	}
	if !strings.Contains(string(text), "-----BEGIN CERTIFICATE-----") {
		return nil, fmt.Errorf("%w: --ca: %s is no PEM certificate (openssl x509 -inform der -in FILE makes one of a DER file)", ErrOptions, path)
	}
	return text, nil
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
