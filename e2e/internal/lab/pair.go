package lab

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"

	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	paperless "github.com/ssocheck/ssocheck/e2e/internal/paperless/model"
)

// pair is a running lab behind its Target.
type pair struct {
	bundle  *deployment.Deployment
	edge    *edge.Edge
	route   string
	idp     *authentik.Server
	app     *paperless.Server // nil when Paperless did not start
	network *network
	own     bool // the edge is ours

	closing sync.Once
	closed  error
	mu      sync.Mutex
	last    []evidence.Exchange // what a shared edge had when the lab was closed
}

func (p *pair) exchanges() []evidence.Exchange {
	if xs := p.edge.Exchanges(p.route); xs != nil {
		return xs
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// logs are the lines of both products, in order of time.
func (p *pair) logs() []evidence.Line {
	lines := p.idp.Log()
	if p.app != nil {
		lines = append(lines, p.app.Log()...)
	}
	slices.SortStableFunc(lines, func(a, b evidence.Line) int { return a.Time.Compare(b.Time) })
	return lines
}

func (p *pair) notModelled() []string {
	out := p.idp.NotModelled()
	if p.app != nil {
		out = append(out, p.app.NotModelled()...)
	}
	if name := p.bundle.Paperless.Proxy.RemoteUserHeader; name != "" {
		out = append(out, "lab: not modelled: a proxy that signs users in by itself ("+name+")")
	}
	return append(out, p.network.strangers()...)
}

func (p *pair) state() *State {
	s := &State{Authentik: p.idp.State()}
	if p.app != nil {
		s.Paperless = p.app.State()
	}
	return s
}

// close stops what was started; a shared edge only loses the routes.
func (p *pair) close() error {
	p.closing.Do(func() {
		p.network.close()
		if p.own {
			p.closed = p.edge.Close()
			return
		}
		xs := p.edge.Exchanges(p.route)
		p.mu.Lock()
		p.last = xs
		p.mu.Unlock()
		p.edge.Unroute(p.route)
	})
	return p.closed
}

// direct answers a request as Paperless itself, past the proxy.
func (p *pair) direct(r *http.Request) (*http.Response, error) {
	if p.app == nil {
		return nil, errors.New("lab: Paperless is not running")
	}
	in := r.Clone(r.Context())
	in.RemoteAddr = "10.0.0.9:40000" // another container on the same network
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = in.URL.RequestURI()
	w := httptest.NewRecorder()
	p.app.ServeHTTP(w, in)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}
