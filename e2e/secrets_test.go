package e2e_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestNoSecretLeaves fails a run in several ways, with a picture of every step,
// and searches every artifact and the terminal for every secret of that run.
// What is secret is learned by a spy between the browser and the edge, and from
// the configuration: not from the redactor alone, which may not know them all.
func TestNoSecretLeaves(t *testing.T) {
	for _, code := range []string{"TOK-SECRET", "IDT-JWE", "SIGN-OFF", "OUT-RELOGIN", "REG-API"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b, _, err := e2e.Deploy(e2e.Options{})
			require.NoError(t, err)
			// Characters that a URL, JSON, HTML and a shell each write differently.
			const client, key, database = `cl!ent/se<cr>et+with=odd&"chars%7`, `django-"key'&<with>/odd\chars`, `db-pass word/"quoted"&more+`
			b.EditApp(func(app map[string]any) { app["secret"] = client })
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.ClientSecret = client })
			b.Paperless.Env["PAPERLESS_SECRET_KEY"] = key
			b.Paperless.Env["PAPERLESS_DBPASS"] = database
			item := troubleshooting.Find(code)
			item.Plant(b)

			rig := ownRig(t)
			spy := newSpy(t, rig.front.Addr())
			spy.add(append(b.Secrets(), client, key, database)...)
			var terminal bytes.Buffer
			progress := report.Live(&terminal, report.TextOptions{})
			run, err := runner.Do(t.Context(), runner.Options{
				Bundle: b, Kind: target.Lab, OpenBrowser: rig.open, Shots: true, Only: []string{item.Breaks.ID, "linking"}, Observe: progress.Observe,
				Start: func(ctx context.Context, b *deployment.Deployment, variant string) (*target.Target, error) {
					tt, err := rig.start(ctx, b, variant)
					if err == nil {
						spy.between(tt, rig.front.Addr())
					}
					return tt, err
				},
			})
			require.NoError(t, err)
			progress.Close()
			require.True(t, slices.ContainsFunc(run.Results, func(r runner.Result) bool { return r.Status == check.Failed || r.Status == check.Warned }), "nothing failed")
			dir := t.TempDir()
			require.NoError(t, report.Write(dir, run))
			require.NoError(t, report.Text(&terminal, run, report.TextOptions{}))
			spy.add(run.Redactor.Known()...)

			secrets := spy.known()
			require.Greater(t, len(secrets), 20, "the spy saw too little to search for")
			files := 0
			for name, text := range artifacts(t, dir) {
				files++
				search(t, name, text, secrets)
			}
			assert.Greater(t, files, 8, "there is too little to search in")
			search(t, "terminal", terminal.Bytes(), secrets)
		})
	}
}

// search looks for each secret in each form in which a file may hold it.
func search(t *testing.T, name string, text []byte, secrets []string) {
	t.Helper()
	forms := [][]byte{text}
	if plain := html.UnescapeString(string(text)); plain != string(text) {
		forms = append(forms, []byte(plain))
	}
	for _, s := range secrets {
		for _, form := range written(s) {
			for _, f := range forms {
				if i := bytes.Index(f, []byte(form)); i >= 0 {
					t.Errorf("%s holds a secret of %d characters, written %q…, near %q", name, len(s), form[:min(4, len(form))], f[max(0, i-60):i])
					break
				}
			}
		}
	}
	for _, f := range forms {
		assert.NotRegexp(t, jwtForm, string(f), "%s holds a token", name)
	}
}

var jwtForm = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`)

// written are the forms of a secret: raw, in a URL, in JSON, in HTML, and in
// base64, also where it does not begin at a group of three bytes.
func written(s string) []string {
	quoted, _ := json.Marshal(s) // strings always encode
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	forms := []string{
		s, url.QueryEscape(s), url.PathEscape(s), strings.Trim(string(quoted), `"`), strings.Trim(strings.TrimSpace(plain.String()), `"`), html.EscapeString(s),
		fmt.Sprintf("%x", s),
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			coded := enc.EncodeToString(append(make([]byte, shift), s...))
			// The first and last characters mix with their neighbours.
			from, to := (shift*8+5)/6, len(coded)-1
			if to-from >= 8 {
				forms = append(forms, coded[from:to])
			}
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// artifacts are all files under a directory, and what is packed in them.
func artifacts(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	var add func(name string, text []byte)
	add = func(name string, text []byte) {
		out[name] = text
		if r, err := zip.NewReader(bytes.NewReader(text), int64(len(text))); err == nil {
			for _, f := range r.File {
				in, err := f.Open()
				require.NoError(t, err)
				inner, err := io.ReadAll(in)
				require.NoError(t, err)
				add(name+"!"+f.Name, inner)
			}
		}
		if r, err := gzip.NewReader(bytes.NewReader(text)); err == nil {
			inner, err := io.ReadAll(r)
			require.NoError(t, err)
			add(name+"!", inner)
		}
	}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		add(strings.TrimPrefix(path, dir), text)
		return err
	}))
	return out
}

// A spy stands between the browser and the edge and remembers what is secret.
type spy struct {
	server *httptest.Server
	edge   string

	mu      sync.Mutex
	secrets map[string]bool
}

// public are parameters that a user may see.
var public = []string{
	"next", "query", "username", "login", "email", "uid_field", "uidField", "component", "process", "client_id", "redirect_uri", "response_type",
	"scope", "code_challenge_method", "error", "error_description", "loggedout", "captcha_token", "remember_me", "return_to", "grant_type", "inspector",
}

func newSpy(t *testing.T, edge string) *spy {
	t.Helper()
	s := &spy{secrets: map[string]bool{}, edge: edge}
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // our own edge, on loopback
	transport := &http.Transport{DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, edge)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	s.server = httptest.NewTLSServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "https", p.In.Host, p.In.Host
			s.request(p.Out)
		},
		ModifyResponse: func(r *http.Response) error {
			for _, c := range r.Cookies() {
				s.add(c.Value)
			}
			if u, err := r.Location(); err == nil {
				s.parameters(u.Query())
			}
			return nil
		},
	})
	t.Cleanup(s.server.Close)
	return s
}

// between makes everybody outside of the lab go through the spy.
func (s *spy) between(t *target.Target, edge string) {
	for host, at := range t.Resolve {
		if at == edge {
			t.Resolve[host] = s.server.Listener.Addr().String()
		}
	}
	sum := sha256.Sum256(s.server.Certificate().RawSubjectPublicKeyInfo)
	t.SPKI = append(t.SPKI, base64.StdEncoding.EncodeToString(sum[:]))
	t.CA = append(slices.Clone(t.CA), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.server.Certificate().Raw})...)
}

func (s *spy) request(r *http.Request) {
	for _, c := range r.Cookies() {
		s.add(c.Value)
	}
	s.parameters(r.URL.Query())
	if _, credential, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		s.add(credential)
	}
	if _, password, ok := r.BasicAuth(); ok {
		s.add(password)
	}
	if r.Body == nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return
	}
	var fields map[string]any
	if json.Unmarshal(body, &fields) == nil {
		for name, v := range fields {
			if text, ok := v.(string); ok {
				s.parameters(url.Values{name: {text}})
			}
		}
	} else if form, err := url.ParseQuery(string(body)); err == nil {
		s.parameters(form)
	}
}

// parameters are secret unless they are known to be public.
func (s *spy) parameters(values url.Values) {
	for name, list := range values {
		for _, v := range list {
			if _, query, ok := strings.Cut(v, "?"); ok && slices.Contains(public, name) {
				if inner, err := url.ParseQuery(query); err == nil {
					s.parameters(inner)
				}
			}
			if !slices.Contains(public, name) {
				s.add(v)
			}
		}
	}
}

// add remembers values that are too long to be an ordinary word.
func (s *spy) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if len(v) >= 8 {
			s.secrets[v] = true
		}
	}
}

func (s *spy) known() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, 0, len(s.secrets))
	for v := range s.secrets {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}
