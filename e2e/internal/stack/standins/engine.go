package standins

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// An Engine stands before a real Docker engine and fails as engines do. It hands
// everything on until it is told otherwise.
type Engine struct {
	// Host is for DOCKER_HOST.
	Host string
	// Asked is told each request before it is handed on, as "POST /containers/create";
	// nil: nobody. Set it before the first one.
	// A start of a container is "POST /start".
	Asked func(what string)

	listener net.Listener
	server   *http.Server

	mu       sync.Mutex
	hung     chan struct{} // closed when the engine goes on; nil while it works
	refusals map[string][]string
	runs     map[string]bool
}

// realEngine is the socket of the engine behind.
const realEngine = "/var/run/docker.sock"

// NewEngine listens on a socket in a directory, whose path must be short.
func NewEngine(dir string) (*Engine, error) {
	path := filepath.Join(dir, "docker.sock")
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("stand before the engine: %w", err)
	}
	e := &Engine{Host: "unix://" + path, listener: l, refusals: map[string][]string{}, runs: map[string]bool{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "docker"}) },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", realEngine)
			},
		},
		FlushInterval: -1, // logs are followed
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	e.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { e.serve(w, r, proxy) })}
	go func() { _ = e.server.Serve(l) }()
	return e, nil
}

func (e *Engine) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/v"); ok { // the version of the API
		_, rest, _ = strings.Cut(rest, "/")
		path = "/" + rest
	}
	if strings.HasPrefix(path, "/containers/") && strings.HasSuffix(path, "/start") {
		path = "/start" // without the container's id
	}
	what := r.Method + " " + path
	if e.Asked != nil {
		e.Asked(what)
	}
	e.mu.Lock()
	hung := e.hung
	refusal := ""
	for _, prefix := range slices.Sorted(maps.Keys(e.refusals)) {
		if left := e.refusals[prefix]; strings.HasPrefix(what, prefix) && len(left) > 0 {
			refusal, e.refusals[prefix] = left[0], left[1:]
			break
		}
	}
	if name := strings.Split(r.URL.Query().Get("name"), "-"); len(name) > 2 && path == "/containers/create" {
		e.runs[name[1]] = true
	}
	e.mu.Unlock()
	if hung != nil {
		select {
		case <-hung:
		case <-r.Context().Done():
			return
		}
	}
	if refusal != "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = fmt.Fprintf(w, `{"message":%q}`, refusal)
		return
	}
	// The engine answers a build before it has read all of it; Go's server would then read
	// no more, and the build would end in an unexpected EOF.
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	next.ServeHTTP(w, r)
}

// Hang takes requests and answers none, until Go is called.
func (e *Engine) Hang() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hung == nil {
		e.hung = make(chan struct{})
	}
}

// Go ends Hang.
func (e *Engine) Go() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hung != nil {
		close(e.hung)
		e.hung = nil
	}
}

// Refuse answers the next requests that begin so with an error: one for each text.
func (e *Engine) Refuse(what string, texts ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refusals[what] = append(e.refusals[what], texts...)
}

// Runs are the runs of ssocheck that made containers.
func (e *Engine) Runs() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.runs))
}

// Stop ends every connection and takes no other one.
func (e *Engine) Stop() error {
	e.Go()
	if err := e.server.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop the engine: %w", err)
	}
	return nil
}
