package standin

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	relyingparty "github.com/ssocheck/ssocheck/e2e/internal/paperless"
	paperless "github.com/ssocheck/ssocheck/e2e/internal/paperless/model"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// caFile is the authority that the lab's Paperless trusts if REQUESTS_CA_BUNDLE names it.
const caFile = "/ca.crt"

// ErrExit is the end of a container by its configuration; what is to be said
// stands in its log already.
var ErrExit = errors.New("the container stops")

// paperlessServer is the lab's Paperless on a database of its own.
type paperlessServer struct {
	db  store
	out *lines

	mu    sync.Mutex
	app   *paperless.Server
	saved string
}

func servePaperless(ctx context.Context, w World) error {
	out := &lines{w: w}
	env := w.Env
	var db store = database{
		addr: net.JoinHostPort(env["PAPERLESS_DBHOST"], or(env["PAPERLESS_DBPORT"], databasePort)),
		name: or(env["PAPERLESS_DBNAME"], "paperless"), user: or(env["PAPERLESS_DBUSER"], "paperless"), password: or(env["PAPERLESS_DBPASS"], "paperless"),
	}
	if env["PAPERLESS_DBHOST"] == "" {
		db = sqlite(path.Join(or(env["PAPERLESS_DATA_DIR"], "/usr/src/paperless/data"), "db.sqlite3"))
	}
	var stored []byte
	if err := waitFor(ctx, "Unable to connect after 30 seconds", func() (err error) {
		stored, err = db.get(ctx, "paperless")
		return err
	}); err != nil {
		return err
	}
	u, err := url.Parse(env["PAPERLESS_REDIS"])
	if err != nil || u.Host == "" {
		return errors.New("Failed to connect to redis using environment variable PAPERLESS_REDIS.") //nolint:revive,staticcheck // the image's own words
	}
	if err := waitFor(ctx, "Failed to connect to redis using environment variable PAPERLESS_REDIS", func() error { return ping(u.Host) }); err != nil {
		return err
	}
	version := env[VersionVariable]
	if deployment.AtLeast(version, "2.15.0") {
		out.print("[init-redis-wait] Redis ready", "[init-migrations] Apply database migrations...")
	}
	s := &paperlessServer{db: db, out: out}
	if err := s.start(version, env, stored); err != nil {
		return err
	}
	s.save(ctx)
	l, err := net.Listen("tcp", ":"+or(env["PAPERLESS_PORT"], "8000"))
	if err != nil {
		return err
	}
	return serveHTTP(ctx, l, s)
}

// start makes the server. The caller holds mu, or nobody else is there yet.
func (s *paperlessServer) start(version string, env map[string]string, stored []byte) error {
	b := &deployment.Deployment{Paperless: deployment.Paperless{Version: version, URL: env["PAPERLESS_URL"], Env: map[string]string{}, Files: map[string]string{}}}
	maps.Copy(b.Paperless.Env, env)
	for name, path := range env {
		if strings.HasPrefix(name, "PAPERLESS_") && strings.HasSuffix(name, "_FILE") {
			if text, err := os.ReadFile(path); err == nil {
				b.Paperless.Files[path] = string(text)
			}
		}
	}
	var roots *x509.CertPool
	if text, err := os.ReadFile(caFile); err == nil {
		roots = x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
	}
	var state *paperless.State
	if len(stored) > 0 {
		state = &paperless.State{}
		if err := json.Unmarshal(stored, state); err != nil {
			return fmt.Errorf("read the database: %w", err)
		}
	}
	app, boot := paperless.New(paperless.Options{
		Bundle: b, Dial: silence, Roots: roots, Redactor: target.NewRedactor(b), State: state,
	})
	if !boot.Up {
		s.out.print(boot.Log...)
		return ErrExit
	}
	s.app = app
	return nil
}

// silent are RFC 5737's networks, where packets vanish. A sandbox may have a
// router that answers for them.
var silent = []string{"192.0.2.", "198.51.100.", "203.0.113."}

func silence(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	ips, err := net.DefaultResolver.LookupHost(ctx, host)
	if err == nil && slices.ContainsFunc(silent, func(prefix string) bool { return strings.HasPrefix(ips[0], prefix) }) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

func (s *paperlessServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if (r.URL.Path == linksPath || r.URL.Path == adminPath) && r.Method == http.MethodPost && loopback(r) {
		s.change(w, r)
		return
	}
	s.current().ServeHTTP(w, r)
	s.save(context.WithoutCancel(r.Context()))
}

func (s *paperlessServer) current() *paperless.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.app
}

// save keeps what a request changed, and writes what was logged.
func (s *paperlessServer) save(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.follow(s.app.Log())
	text, err := json.Marshal(s.app.State())
	if err != nil || string(text) == s.saved {
		return // plain data always encodes
	}
	if err := s.db.put(ctx, "paperless", json.RawMessage(text)); err != nil {
		s.out.print("database: " + err.Error())
		return
	}
	s.saved = string(text)
}

// lines are the container's log.
type lines struct {
	w  World
	mu sync.Mutex
	n  int // lines of the product that are written already
}

func (l *lines) print(text ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range text {
		fmt.Fprintln(l.w.Stdout, t)
	}
}

func (l *lines) follow(log []evidence.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n > len(log) {
		l.n = 0 // a new server
	}
	for _, line := range log[l.n:] {
		fmt.Fprintln(l.w.Stdout, line.Text)
	}
	l.n = len(log)
}

func loopback(r *http.Request) bool {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Where the stand-in's python3 leaves what the real product is told by its own shell.
const (
	linksPath = "/-/standin/links"
	adminPath = "/-/standin/admin"
)

// change changes the database, and starts the server again on it.
func (s *paperlessServer) change(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	state := s.app.State()
	s.mu.Unlock()
	var err error
	if r.URL.Path == linksPath {
		err = addLinks(state, r.Body)
	} else {
		err = removeNamesake(state, r.Body)
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(state)
	}
	if err == nil {
		env := Environ()
		s.mu.Lock()
		err = s.start(env[VersionVariable], env, text)
		s.mu.Unlock()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.save(r.Context())
}

func addLinks(state *paperless.State, body io.Reader) error {
	var links []deployment.Link
	if err := json.NewDecoder(body).Decode(&links); err != nil {
		return err
	}
	for _, l := range links {
		at := slices.IndexFunc(state.Users, func(u paperless.User) bool { return u.Username == l.Username })
		if at < 0 {
			return fmt.Errorf("no user %s", l.Username)
		}
		state.LastLink++
		state.Links = append(state.Links, paperless.Link{ID: state.LastLink, User: state.Users[at].ID, Provider: l.ProviderID, UID: l.Subject, Extra: map[string]any{}})
	}
	return nil
}

// removeNamesake makes room for the administrator: the lab hashes passwords by
// itself only when it makes one at its start, as the only superuser.
func removeNamesake(state *paperless.State, body io.Reader) error {
	var admin struct{ Username string }
	if err := json.NewDecoder(body).Decode(&admin); err != nil {
		return err
	}
	state.Users = slices.DeleteFunc(state.Users, func(u paperless.User) bool { return u.Username == admin.Username })
	for i := range state.Users {
		state.Users[i].Superuser = false
	}
	return nil
}

// python is what package stack runs: `python3 manage.py shell` with its two
// scripts (social accounts from SSOCHECK_LINKS, an administrator from
// SSOCHECK_ADMIN), and `python3 -c` with the one that copies a SQLite database, or
// with doctor's look from inside.
func python(ctx context.Context, w World) error {
	if len(w.Args) == 4 && w.Args[0] == "-c" && strings.Contains(w.Args[1], "sqlite3") {
		text, err := os.ReadFile(w.Args[2])
		if err != nil {
			return err
		}
		return os.WriteFile(w.Args[3], text, 0o600)
	}
	if relyingparty.IsCommand(w.Args) {
		return lookFromInside(ctx, w)
	}
	if relyingparty.IsFindWebServer(w.Args) {
		return json.NewEncoder(w.Stdout).Encode(relyingparty.WebServer{Args: []string{"/usr/local/bin/standin", "serve", "paperless"}, Env: w.Env})
	}
	path, text := linksPath, w.Env["SSOCHECK_LINKS"]
	if admin, ok := w.Env["SSOCHECK_ADMIN"]; ok {
		path, text = adminPath, admin
	}
	if text == "" || len(w.Args) < 2 || w.Args[0] != "manage.py" || w.Args[1] != "shell" {
		return fmt.Errorf("%w: python3 %v", ErrUsage, w.Args)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:"+or(w.Env["PAPERLESS_PORT"], "8000")+path, strings.NewReader(text))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return nil
}
