package edge

import (
	"cmp"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// APIPort is where an edge in a container hands out what it recorded.
const APIPort = "9901"

// apiName is the name in the API's certificate; no user can have it.
const apiName = "edge.ssocheck.invalid"

// A Config is what an edge in a container is started with, as JSON.
type Config struct {
	TLS   []string `json:"tls"`           // ports
	Plain []string `json:"plain"`         // ports
	API   string   `json:"api,omitempty"` // port of the API; empty: APIPort
	Token string   `json:"token"`         // of the API; a secret
	Keys  *Keys    `json:"keys"`
	// Secrets are known to the redactor from the start; RedactorKey is that of the
	// harness, so that both give the same fingerprints.
	Secrets     []string         `json:"secrets"`
	Words       Words            `json:"words"` // that the redactor leaves alone
	RedactorKey []byte           `json:"redactor_key"`
	Routes      []ContainerRoute `json:"routes"`
}

// Words are a bundle's Words as data.
type Words struct {
	Hosts []string `json:"hosts"`
	Words []string `json:"words"`
}

// A ContainerRoute is a Route to another container, or to the harness.
type ContainerRoute struct {
	Product   string           `json:"product"`
	Host      string           `json:"host"`
	Path      string           `json:"path,omitempty"`
	Upstream  string           `json:"upstream,omitempty"`
	Tunnel    bool             `json:"tunnel,omitempty"`
	Proxy     deployment.Proxy `json:"proxy"`
	PlainHTTP bool             `json:"plain_http"`
}

// ReadConfig reads the file that an edge in a container is started with.
func ReadConfig(path string) (Config, error) {
	var c Config
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("edge: read the configuration: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("edge: read the configuration %s: %w", path, err)
	}
	return c, nil
}

// Run serves a Config until the context ends.
func Run(ctx context.Context, c Config, log *slog.Logger) error {
	if len(c.TLS) == 0 || c.Keys == nil || c.Token == "" {
		return errors.New("edge: the configuration names no port, no keys or no token")
	}
	redactor := evidence.NewRedactorWithKey(c.RedactorKey, c.Secrets...).Spare(deployment.WordsOf(c.Words.Hosts, c.Words.Words).Has)
	e, err := Listen(Options{Addr: ":" + c.TLS[0], PlainAddr: "-", Hosts: []string{apiName}, Keys: c.Keys, Redactor: redactor, Log: log})
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }()
	for _, port := range c.TLS[1:] {
		if err := e.Also(":"+port, true); err != nil {
			return err
		}
	}
	for _, port := range c.Plain {
		if err := e.Also(":"+port, false); err != nil {
			return err
		}
	}
	for _, r := range c.Routes {
		u, err := url.Parse(r.Upstream)
		if err != nil {
			return fmt.Errorf("edge: route %s: %w", r.Host, err)
		}
		e.Route(Route{Product: r.Product, Host: r.Host, Path: r.Path, Upstream: u, Tunnel: r.Tunnel, Proxy: r.Proxy, PlainHTTP: r.PlainHTTP})
	}
	l, err := net.Listen("tcp", ":"+cmp.Or(c.API, APIPort))
	if err != nil {
		return fmt.Errorf("edge: %w", err)
	}
	api := &http.Server{Handler: e.api(c.Token, redactor), ReadHeaderTimeout: 10 * time.Second}
	e.servers = append(e.servers, api)
	e.serving.Go(func() { _ = api.Serve(tls.NewListener(l, e.config())) }) // ends with Close
	log.Info("edge ready", "tls", c.TLS, "plain", c.Plain)
	<-ctx.Done()
	return nil
}

// recorded is what the API answers.
type recorded struct {
	Exchanges []evidence.Exchange `json:"exchanges"`
	Known     []string            `json:"known"` // secrets that the redactor learned
}

func (e *Edge) api(token string, redactor *evidence.Redactor) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			http.Error(w, "403 Forbidden", http.StatusForbidden)
			return
		}
		if r.URL.Path == tunnelPath {
			e.tunnel.offer(e, w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(recorded{e.Exchanges(""), redactor.Known()}) // the harness went away: nothing to do
	})
}

// A Remote is an edge in a container, seen from the harness.
type Remote struct {
	Addr  string // host:port of the API, as the harness reaches it
	Token string
	CA    string // PEM
}

// remoteLimit is for one answer of the API: it comes from memory.
const remoteLimit = 10 * time.Second

// Fetch asks for what was recorded, and for the secrets that were learned.
func (r Remote) Fetch(ctx context.Context) ([]evidence.Exchange, []string, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(r.CA)) {
		return nil, nil, errors.New("edge: the CA is not PEM")
	}
	ctx, cancel := context.WithTimeout(ctx, remoteLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+r.Addr+"/", nil)
	if err != nil {
		return nil, nil, fmt.Errorf("edge: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Token)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool, ServerName: apiName, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}}
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the edge: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("ask the edge: %s", res.Status)
	}
	var got recorded
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<20)).Decode(&got); err != nil {
		return nil, nil, fmt.Errorf("ask the edge: %w", err)
	}
	return slices.Clip(got.Exchanges), got.Known, nil
}
