// Package paperless is Paperless-ngx as an SSO client, in this process: its
// pages, its OpenID Connect client, its accounts and its API, written from what
// the real product was seen to do (fixtures/observed.json) and version by version.
package model

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// Options are what a container gets: its configuration, and the world around it.
type Options struct {
	Bundle *deployment.Deployment
	// Harness is environment that the harness adds; the bundle's own values win.
	Harness map[string]string
	// Dial is how the container reaches host:port; nil: the real network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Roots is what /ca.crt holds: trusted if REQUESTS_CA_BUNDLE says /ca.crt.
	Roots *x509.CertPool
	// Header is added to every back-channel request.
	Header map[string]string
	// Timeout is the limit of one back-channel call; 0: 5 s, as allauth.
	Timeout  time.Duration
	Now      func() time.Time // nil: time.Now
	Redactor *evidence.Redactor
	State    *State // database of an earlier server (upgrade); nil: fresh
}

// A Server is a running Paperless-ngx. Safe for concurrent use.
type Server struct {
	set      *settings
	opts     Options
	now      func() time.Time
	redactor *evidence.Redactor

	mu sync.Mutex
	db *State
	// handshakes are kept, connections are not: see backchannel.go.
	handshakes tls.ClientSessionCache
	log        []evidence.Line
	unknown    []string
	rates      map[string][]time.Time // rate limits: key to the times that count
}

// backChannelLimit is allauth's REQUESTS_TIMEOUT, which no setting changes.
const backChannelLimit = 5 * time.Second

// New starts a Paperless. The server is nil when Boot.Up is false; the reason
// stands in Boot.Log, as in the container's log.
func New(o Options) (*Server, evidence.Boot) {
	s := &Server{opts: o, now: o.Now, redactor: o.Redactor, rates: map[string][]time.Time{}, handshakes: tls.NewLRUClientSessionCache(0)}
	if s.now == nil {
		s.now = time.Now
	}
	if s.redactor == nil {
		s.redactor = target.NewRedactor(o.Bundle)
	}
	if o.Timeout <= 0 {
		s.opts.Timeout = backChannelLimit
	}
	env, notes := environment(o)
	version := o.Bundle.Paperless.Version
	set, err := readSettings(version, env)
	if err == nil {
		err = upgradeCheck(version, o.State)
	}
	if err != nil {
		return nil, s.failed(version, err)
	}
	s.set = set
	for _, n := range notes {
		s.print(n)
	}
	s.openDatabase()
	if set.at("2.15.0") {
		s.print("[init-complete] paperless-ngx docker container init completed in 1 seconds")
	}
	if set.at("2.17.0") {
		s.logf("INFO", "paperless.asgi", "[init] Paperless-ngx version: v%s", version)
	}
	return s, evidence.Boot{Up: true}
}

// environment is the container's environment after the *_FILE secrets were read.
func environment(o Options) (map[string]string, []string) {
	env := maps.Clone(o.Harness)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, o.Bundle.Paperless.RunningEnv())
	var notes []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		plain, ok := strings.CutSuffix(name, "_FILE")
		if !ok || !strings.HasPrefix(name, "PAPERLESS_") || name == "PAPERLESS_OCR_SKIP_ARCHIVE_FILE" || name == "PAPERLESS_MODEL_FILE" {
			continue
		}
		text, ok := o.Bundle.Paperless.Files[env[name]]
		if !ok {
			notes = append(notes, "[env-init] cannot find secret in "+name)
			continue
		}
		env[plain] = strings.TrimRight(text, "\r\n")
		notes = append(notes, fmt.Sprintf("[env-init] %s set from %s", plain, name))
	}
	if !o.Bundle.Paperless.AtLeast("2.15.0") {
		notes = nil // that line came with s6
	}
	return env, notes
}

// upgradeCheck is paperless.E002: 3.0.0 takes databases of 2.20.15 only.
func upgradeCheck(version string, old *State) error {
	if old == nil || !deployment.AtLeast(version, "3.0.0") || deployment.AtLeast(old.Version, "2.20.15") {
		return nil
	}
	return &bootError{service: "init-migrations", lines: []string{
		"(paperless.E002) Cannot upgrade to Paperless-ngx v3 from this version.",
		"HINT: Upgrading to v3 can only be performed from v2.20.15.",
	}}
}

// failed is a start that ended: the traceback's last line, and from 2.15.0 on
// what s6 says when it stops the container.
func (s *Server) failed(version string, err error) evidence.Boot {
	exit := 1
	boot := evidence.Boot{Exit: &exit}
	var be *bootError
	if !errors.As(err, &be) {
		be = &bootError{lines: []string{err.Error()}, service: "init-migrations"}
	}
	for _, line := range be.lines {
		if !be.fixed {
			line = s.redactor.Text(line)
		}
		boot.Log = append(boot.Log, line)
	}
	if deployment.AtLeast(version, "2.15.0") {
		boot.Log = append(boot.Log,
			"s6-rc: warning: unable to start service "+be.service+": command exited 1",
			"prog: fatal: stopping the container.")
	}
	return boot
}

// openDatabase migrates the database and makes the accounts that the
// configuration and the deployment have.
func (s *Server) openDatabase() {
	p := &s.opts.Bundle.Paperless
	s.db = newState()
	if s.set.at("3.0.0") { // a fresh database of 3.0 has no such row, and its name can be had
		s.db.Users = slices.DeleteFunc(s.db.Users, func(u User) bool { return u.Username == "consumer" })
	}
	if s.opts.State != nil {
		s.db = s.opts.State.clone()
	}
	key := fingerprint(s.set.secretKey)
	if s.db.KeyPrint != key {
		clear(s.db.Sessions) // they are signed with the key
	}
	s.db.KeyPrint, s.db.Version = key, s.set.version
	s.superuser()
	for _, u := range p.Users {
		if s.db.byName(u.Username) != nil {
			continue
		}
		for _, g := range u.Groups {
			if s.db.group(g) == nil {
				s.db.addGroup(g, viewUISettings)
			}
		}
		s.db.addUser(User{
			Username: u.Username, Email: u.Email, Password: hashPassword(u.Password), Active: !u.Inactive,
			Staff: u.Superuser, Superuser: u.Superuser, Groups: slices.Clone(u.Groups), Joined: s.now(),
		})
	}
	for _, l := range p.Links {
		if u := s.db.byName(l.Username); u != nil && s.db.link(l.ProviderID, l.Subject) == nil {
			s.db.addLink(Link{User: u.ID, Provider: l.ProviderID, UID: l.Subject, Extra: map[string]any{}})
		}
	}
}

// superuser is manage_superuser, which runs when PAPERLESS_ADMIN_USER is set.
func (s *Server) superuser() {
	name := s.set.env["PAPERLESS_ADMIN_USER"]
	if name == "" {
		return
	}
	password := s.set.env["PAPERLESS_ADMIN_PASSWORD"]
	s.redactor.Add(password)
	switch {
	case password == "":
		s.print("Please check if PAPERLESS_ADMIN_PASSWORD has been set in the environment")
	case s.db.byName(name) != nil:
		s.print("Did not create superuser, a user " + name + " already exists")
	case slices.ContainsFunc(s.db.Users, func(u User) bool { return u.Superuser }):
		s.print("Did not create superuser, the DB already contains superusers")
	default:
		s.db.addUser(User{
			Username: name, Email: s.set.text("PAPERLESS_ADMIN_MAIL", "root@localhost"), Password: hashPassword(password),
			Active: true, Staff: true, Superuser: true, Joined: s.now(),
		})
		s.print(`Created superuser "` + name + `" with provided password.`)
	}
}

// State is a deep copy of the database.
func (s *Server) State() *State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.clone()
}

// NotModelled lists what was asked and is not known here, as often as it was asked.
func (s *Server) NotModelled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unknown)
}

// Log is the container log so far.
func (s *Server) Log() []evidence.Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// print adds a bare line to the container log.
func (s *Server) print(text string) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, evidence.Line{Source: "paperless", Time: now, Text: s.redactor.Text(text)})
}

// logf adds a line in Paperless's format.
func (s *Server) logf(level, logger, format string, args ...any) {
	stamp := strings.Replace(s.now().Format("2006-01-02 15:04:05.000"), ".", ",", 1)
	s.print(fmt.Sprintf("[%s] [%s] [%s] %s", stamp, level, logger, fmt.Sprintf(format, args...)))
}

// notesLimit bounds the notes of a lab that is asked for ever.
const notesLimit = 5000

// notModelled records what we cannot answer, each time that it is asked: every
// check that rests on it must find it anew.
func (s *Server) notModelled(what string) string {
	text := "lab: not modelled: " + what
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unknown) < notesLimit {
		s.unknown = append(s.unknown, text)
	}
	return text
}

// viewUISettings is the permission that the web application needs to start.
const viewUISettings = "view_uisettings"
