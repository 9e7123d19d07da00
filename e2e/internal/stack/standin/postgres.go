package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// databasePort is PostgreSQL's.
const databasePort = "5432"

// dumpMagic begins a dump in PostgreSQL's custom format, and ours.
const dumpMagic = "PGDMP"

// postgres keeps databases that are documents by key. It speaks HTTP: nobody but
// the other stand-ins asks it.
type postgres struct {
	user, password string

	mu sync.Mutex
	db map[string]map[string]json.RawMessage
}

func servePostgres(ctx context.Context, w World) error {
	if w.Env["POSTGRES_PASSWORD"] == "" {
		return errors.New("Error: Database is uninitialized and superuser password is not specified.") //nolint:revive,staticcheck // the image's own words
	}
	user := or(w.Env["POSTGRES_USER"], "postgres")
	p := &postgres{user: user, password: w.Env["POSTGRES_PASSWORD"], db: map[string]map[string]json.RawMessage{
		or(w.Env["POSTGRES_DB"], user): {},
	}}
	l, err := net.Listen("tcp", ":"+databasePort)
	if err != nil {
		return err
	}
	fmt.Fprintln(w.Stdout, "LOG:  database system is ready to accept connections")
	return serveHTTP(ctx, l, p)
}

func (p *postgres) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if user, password, _ := r.BasicAuth(); user != p.user || password != p.password {
		http.Error(w, fmt.Sprintf("password authentication failed for user %q", user), http.StatusUnauthorized)
		return
	}
	name, key, one := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	db, there := p.db[name]
	body, _ := io.ReadAll(r.Body) // a cut-off body is not JSON, and refused as such
	switch {
	case name == "":
	case r.Method == http.MethodPost && !one:
		if there {
			http.Error(w, fmt.Sprintf("database %q already exists", name), http.StatusConflict)
			return
		}
		p.db[name] = map[string]json.RawMessage{}
	case !there:
		http.Error(w, fmt.Sprintf("database %q does not exist", name), http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(p.db, name)
	case r.Method == http.MethodPut && one:
		if !json.Valid(body) {
			http.Error(w, "not JSON", http.StatusBadRequest)
			return
		}
		db[key] = body
	case r.Method == http.MethodPut:
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(body, &doc); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		maps.Copy(db, doc)
	case one:
		if db[key] == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write(db[key])
	default:
		_ = json.NewEncoder(w).Encode(db)
	}
}

// A database is one database, seen from a product.
type database struct{ addr, name, user, password string }

var dbClient = &http.Client{Timeout: 5 * time.Second}

func (d database) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+d.addr+"/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(d.user, d.password)
	res, err := dbClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		return nil, errors.New(strings.TrimSpace(string(text)))
	}
	return text, nil
}

// get reads a document; nil when there is none.
func (d database) get(ctx context.Context, key string) ([]byte, error) {
	return d.ask(ctx, http.MethodGet, d.name+"/"+key, nil)
}

func (d database) put(ctx context.Context, key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = d.ask(ctx, http.MethodPut, d.name+"/"+key, text)
	return err
}

// local is the server of the container that a tool is executed in.
func local(w World, name string) database {
	user := or(w.Env["POSTGRES_USER"], "postgres")
	return database{addr: "127.0.0.1:" + databasePort, name: name, user: user, password: w.Env["POSTGRES_PASSWORD"]}
}

// arguments are the options (those of the list take a value) and what is left.
func arguments(w World, valued ...string) (map[string]string, []string) {
	opts := map[string]string{}
	var rest []string
	for i := 0; i < len(w.Args); i++ {
		a := w.Args[i]
		switch {
		case slices.Contains(valued, a) && i+1 < len(w.Args):
			i++
			opts[a] = w.Args[i]
		case strings.HasPrefix(a, "-"):
			name, value, _ := strings.Cut(a, "=")
			opts[name] = value
		default:
			rest = append(rest, a)
		}
	}
	return opts, rest
}

func pgIsReady(ctx context.Context, w World) error {
	if _, err := local(w, "").ask(ctx, http.MethodGet, "", nil); err != nil {
		return errors.New("127.0.0.1:5432 - no response")
	}
	fmt.Fprintln(w.Stdout, "127.0.0.1:5432 - accepting connections")
	return nil
}

func createDB(ctx context.Context, w World) error {
	_, rest := arguments(w, "-U", "-h", "-O")
	if len(rest) != 1 {
		return fmt.Errorf("%w: createdb %v", ErrUsage, w.Args)
	}
	_, err := local(w, rest[0]).ask(ctx, http.MethodPost, rest[0], nil)
	return err
}

func dropDB(ctx context.Context, w World) error {
	_, rest := arguments(w, "-U", "-h")
	if len(rest) != 1 {
		return fmt.Errorf("%w: dropdb %v", ErrUsage, w.Args)
	}
	_, err := local(w, rest[0]).ask(ctx, http.MethodDelete, rest[0], nil)
	return err
}

func pgDump(ctx context.Context, w World) error {
	opts, rest := arguments(w, "-U", "-h", "-f", "-d")
	if len(rest) != 1 || opts["-f"] == "" {
		return fmt.Errorf("%w: pg_dump %v", ErrUsage, w.Args)
	}
	text, err := local(w, rest[0]).ask(ctx, http.MethodGet, rest[0], nil)
	if err != nil {
		return err
	}
	return os.WriteFile(opts["-f"], append([]byte(dumpMagic), text...), 0o600)
}

func pgRestore(ctx context.Context, w World) error {
	opts, rest := arguments(w, "-U", "-h", "-d")
	if len(rest) != 1 || opts["-d"] == "" {
		return fmt.Errorf("%w: pg_restore %v", ErrUsage, w.Args)
	}
	text, err := os.ReadFile(rest[0])
	if err != nil {
		return err
	}
	text, ok := bytes.CutPrefix(text, []byte(dumpMagic))
	if !ok {
		return errors.New("pg_restore: error: input file does not appear to be a valid archive")
	}
	_, err = local(w, opts["-d"]).ask(ctx, http.MethodPut, opts["-d"], text)
	return err
}

// psql knows only how to read a plain dump, and refuses it: the stand-in's
// databases are no SQL.
func psql(_ context.Context, w World) error {
	return fmt.Errorf("%w: psql %v", ErrUsage, w.Args)
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
