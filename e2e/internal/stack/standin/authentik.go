package standin

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/blueprint"
	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// blueprints is where the image looks for them.
const blueprints = "/blueprints"

// defaults is what the worker leaves when authentik's own blueprints are
// applied: until then nobody can sign in, though the server says it is ready.
type defaults struct {
	Token string `json:"token"`
}

// applied is a blueprint in the database.
type applied struct {
	Text []byte            `json:"text"`
	Env  map[string]string `json:"env"`
}

const nothing = "version: 1\nmetadata: {name: nothing}\nentries: []\n"

func authentikDatabase(env map[string]string) database {
	return database{
		addr: net.JoinHostPort(or(env["AUTHENTIK_POSTGRESQL__HOST"], "localhost"), or(env["AUTHENTIK_POSTGRESQL__PORT"], databasePort)),
		name: or(env["AUTHENTIK_POSTGRESQL__NAME"], "authentik"), user: or(env["AUTHENTIK_POSTGRESQL__USER"], "authentik"),
		password: env["AUTHENTIK_POSTGRESQL__PASSWORD"],
	}
}

func serveAuthentik(ctx context.Context, w World) error {
	out := &lines{w: w}
	event := func(text string) { out.print(fmt.Sprintf(`{"event": %q, "level": "info"}`, text)) }
	event("Starting authentik bootstrap")
	if w.Env["AUTHENTIK_SECRET_KEY"] == "" {
		out.print("----------------------------------------------------------------------", "Secret key missing, check https://goauthentik.io/docs/installation/.")
		return ErrExit
	}
	db := authentikDatabase(w.Env)
	if err := waitFor(ctx, "PostgreSQL connection failed, retrying...", func() error { _, err := db.get(ctx, "state"); return err }); err != nil {
		return err
	}
	event("PostgreSQL connection successful")
	version := w.Env[VersionVariable]
	if !deployment.AtLeast(version, "2025.10.0") {
		if err := waitFor(ctx, "Redis Connection failed, retrying...", func() error {
			return ping(net.JoinHostPort(or(w.Env["AUTHENTIK_REDIS__HOST"], "localhost"), or(w.Env["AUTHENTIK_REDIS__PORT"], "6379")))
		}); err != nil {
			return err
		}
		event("Redis Connection successful")
	}
	networks, err := trusted(w.Env[trustedCIDRs])
	if err != nil && deployment.AtLeast(version, oneProgram) {
		out.print(err.Error())
		return ErrExit
	}
	if err := migrate(ctx, db, version); err != nil {
		out.print(err.Error(), "the server has exited unexpectedly")
		return err
	}
	event("Finished authentik bootstrap")
	if len(w.Args) != 1 {
		return fmt.Errorf("%w: authentik %v", ErrUsage, w.Args)
	}
	switch w.Args[0] {
	case "server":
		s := &authentikServer{db: db, out: out, version: version, path: strings.TrimRight(w.Env["AUTHENTIK_WEB__PATH"], "/"), networks: networks}
		return s.serve(ctx)
	case "worker":
		return work(ctx, db, out, w.Env)
	}
	return fmt.Errorf("%w: authentik %s", ErrUsage, w.Args[0])
}

// work is the worker: it applies authentik's own blueprints, then those of the
// operator, also when they change.
func work(ctx context.Context, db database, out *lines, env map[string]string) error {
	out.print(`{"event": "authentik Core Worker finished starting", "level": "info"}`)
	if have, err := db.get(ctx, "defaults"); err != nil || len(have) == 0 {
		if err := pause(ctx, time.Second); err != nil { // the real one takes a minute or two
			return nil
		}
		if err := db.put(ctx, "defaults", defaults{Token: env["AUTHENTIK_BOOTSTRAP_TOKEN"]}); err != nil {
			return err
		}
	}
	seen := map[string]string{}
	for {
		files, _ := filepath.Glob(filepath.Join(blueprints, "custom", "*.yaml")) // the pattern is right
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil || seen[file] == string(text) {
				continue
			}
			seen[file] = string(text)
			if err := apply(ctx, db, env, text); err != nil {
				out.print(fmt.Sprintf(`{"event": %q, "level": "warning", "logger": "authentik.blueprints.v1.tasks"}`, err.Error()))
			}
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// apply puts a blueprint into the database, or says why it cannot be.
func apply(ctx context.Context, db database, env map[string]string, text []byte) error {
	if have, err := db.get(ctx, "defaults"); err != nil || len(have) == 0 {
		return errors.New("Entry invalid: Serializer errors {'authorization_flow': [ErrorDetail(string='This field may not be null.', code='null')]}") //nolint:revive,staticcheck // the product's own words
	}
	if _, err := blueprint.Parse("blueprint.yaml", text, env); err != nil {
		return err
	}
	trial, err := authentik.New(authentik.Options{Version: env[VersionVariable], Blueprint: text, Env: env})
	if err != nil {
		return err
	}
	for _, line := range trial.Log() {
		if strings.Contains(line.Text, "Entry invalid") {
			return errors.New(line.Text)
		}
	}
	return db.put(ctx, "blueprint", applied{Text: text, Env: visible(env)})
}

// visible is the environment that a blueprint may read, without the secrets of
// the deployment.
func visible(env map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range env {
		if !strings.HasPrefix(k, "AUTHENTIK_") {
			out[k] = v
		}
	}
	return out
}

// ak is authentik's command, for `ak apply_blueprint FILE...` and for the one
// script that package stack runs in `ak shell`, and doctor's.
func ak(ctx context.Context, w World) error {
	if len(w.Args) > 0 && (w.Args[0] == "server" || w.Args[0] == "worker") {
		return serveAuthentik(ctx, w)
	}
	if shell.IsCommand(w.Args) {
		return askProvider(ctx, w)
	}
	if len(w.Args) > 0 && w.Args[0] == "shell" && w.Env["SSOCHECK_TOKEN"] != "" {
		return authentikDatabase(w.Env).put(ctx, "defaults", defaults{Token: w.Env["SSOCHECK_TOKEN"]})
	}
	if len(w.Args) < 2 || w.Args[0] != "apply_blueprint" {
		return fmt.Errorf("%w: ak %v", ErrUsage, w.Args)
	}
	for _, path := range w.Args[1:] {
		if filepath.IsAbs(path) {
			return errors.New("authentik.blueprints.models.BlueprintRetrievalFailed: Invalid blueprint path")
		}
		text, err := os.ReadFile(filepath.Join(blueprints, path))
		if err != nil {
			return err
		}
		if err := apply(ctx, authentikDatabase(w.Env), w.Env, text); err != nil {
			return fmt.Errorf("authentik.blueprints.v1.importer: %w", err)
		}
	}
	return nil
}

// authentikServer is the lab's authentik on a database of its own.
type authentikServer struct {
	db      database
	out     *lines
	version string
	path    string // AUTHENTIK_WEB__PATH, with a slash in front and none at the end
	// networks are those whose X-Forwarded headers count from 2026.8 on.
	networks []netip.Prefix

	mu    sync.Mutex
	app   *authentik.Server
	now   string // blueprint that app serves
	token string
	saved string
}

func (s *authentikServer) serve(ctx context.Context) error {
	secure, err := net.Listen("tcp", ":9443")
	if err != nil {
		return err
	}
	keys, err := edge.NewKeys()
	if err != nil {
		return err
	}
	cert, err := tls.X509KeyPair([]byte(keys.CA), []byte(keys.CAKey)) // self-signed, as the product's
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		done <- serveHTTP(ctx, tls.NewListener(secure, &tls.Config{Certificates: []tls.Certificate{cert}}), s)
	}()
	plain, err := net.Listen("tcp", ":9000")
	if err != nil {
		return err
	}
	return errors.Join(serveHTTP(ctx, plain, s), <-done)
}

func (s *authentikServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if deployment.AtLeast(s.version, oneProgram) {
		r = believed(r, s.networks)
	}
	s.mu.Lock()
	ready, err := s.refresh(r.Context())
	app, token := s.app, s.token
	s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, s.path)
	switch {
	case err != nil:
		s.out.print(fmt.Sprintf(`{"event": %q, "level": "error"}`, err.Error()))
		notYet(w, r, s.version)
		return
	case strings.HasPrefix(path, "/-/health/"):
	case !ready && strings.HasPrefix(path, "/api/v3/") && r.Header.Get("Authorization") != "":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"detail":"Token invalid/expired"}`))
		return
	case !ready:
		http.Error(w, "Not Found", http.StatusNotFound)
		return
	case token != "" && r.Header.Get("Authorization") == "Bearer "+token && s.managed(w, path):
		return
	}
	app.ServeHTTP(w, r)
	s.save(context.WithoutCancel(r.Context()))
}

// managed are the answers about authentik's own objects, which a harness asks to
// know whether they are there.
func (s *authentikServer) managed(w http.ResponseWriter, path string) bool {
	var results []map[string]any
	switch path {
	case "/api/v3/core/brands/":
		results = []map[string]any{{"domain": "authentik-default", "default": true, "flow_authentication": "00000000-0000-0000-0000-000000000001"}}
	case "/api/v3/propertymappings/provider/scope/":
		for _, scope := range []string{"openid", "email", "profile"} {
			results = append(results, map[string]any{"scope_name": scope, "managed": "goauthentik.io/providers/oauth2/scope-" + scope})
		}
	default:
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"results": results}) // the client went away: nothing to do
	return true
}

// refresh takes over a blueprint that was applied meanwhile. It reports whether
// authentik's own blueprints are there. The caller holds mu.
func (s *authentikServer) refresh(ctx context.Context) (bool, error) {
	text, err := s.db.get(ctx, "defaults")
	if err != nil {
		return false, err
	}
	var d defaults
	if len(text) > 0 {
		if err := json.Unmarshal(text, &d); err != nil {
			return false, err
		}
	}
	s.token = d.Token
	blueprint, err := s.db.get(ctx, "blueprint")
	if err != nil {
		return false, err
	}
	if s.app != nil && s.now == string(blueprint)+d.Token {
		return len(text) > 0, nil
	}
	var state *authentik.State
	if s.app != nil {
		state = s.app.State()
	} else if stored, err := s.db.get(ctx, "state"); err != nil {
		return false, err
	} else if len(stored) > 0 {
		state = &authentik.State{}
		if err := json.Unmarshal(stored, state); err != nil {
			return false, err
		}
	}
	a := applied{Text: []byte(nothing)}
	if len(blueprint) > 0 {
		if err := json.Unmarshal(blueprint, &a); err != nil {
			return false, err
		}
	}
	app, err := authentik.New(authentik.Options{
		Version: s.version, Blueprint: a.Text, Env: a.Env, Token: d.Token, Redactor: evidence.NewRedactor(d.Token), State: state, Path: s.path,
	})
	if err != nil {
		return false, err
	}
	s.app, s.now = app, string(blueprint)+d.Token
	return len(text) > 0, nil
}

func (s *authentikServer) save(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.app.Log()
	s.out.follow(log)
	text, err := json.Marshal(s.app.State())
	if err != nil || string(text) == s.saved {
		return // plain data always encodes
	}
	if _, err := s.db.ask(ctx, http.MethodPut, s.db.name+"/state", text); err == nil {
		s.saved = string(text)
	}
}

// Products are what the stand-ins can be, for images and tests.
func Products() []string {
	return slices.Clone([]string{"postgres", "broker", "paperless", "authentik"})
}
