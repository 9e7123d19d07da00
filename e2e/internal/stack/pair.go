package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// pair is one Paperless behind its edge, and the authentik that it asks.
type pair struct {
	*Stack
	bundle   *deployment.Deployment
	variant  string
	images   deployment.Images
	site     site
	owner    string // of its log lines
	redactor *evidence.Redactor
	family   *family // nil: it boots by itself

	idp                *idp
	broker, front, app *running
	appAddr            string // of Paperless itself
	recorder           edge.Remote
	hangUp             func() // ends serving as authentik; nil: nothing of ours does
	closing            sync.Once
	closed             error

	sqlite  bool   // it runs on a SQLite file of the user's own
	copied  []byte // of that file, at the end
	copyErr error

	mu   sync.Mutex
	last []evidence.Exchange // what the edge said last
}

func (s *Stack) newPair(b *deployment.Deployment, variant string) (*pair, error) {
	pa, aa, err := addresses(b)
	if err != nil {
		return nil, err
	}
	images, err := s.imagesOf(b)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n, planned := s.numbers[variant]
	if delete(s.numbers, variant); !planned {
		s.pairs++
		n = s.pairs
	}
	p := &pair{
		Stack: s, bundle: b, variant: variant, images: images, redactor: s.redactorOf(b),
		site: site{paperless: pa, authentik: aa, n: n}, family: s.family, owner: fmt.Sprintf("pair-%d", n),
	}
	if s.latest != nil {
		s.latest[variant] = p
	}
	return p, nil
}

func (p *pair) start(ctx context.Context) (*target.Target, error) {
	if p.family != nil && p.family.first == p.variant {
		defer p.family.end(nil, errors.New("the first one did not start"))
	}
	if err := p.haveImages(ctx, p.imagesFor(p.images)...); err != nil {
		return nil, err
	}
	if err := p.shared(ctx, p.images); err != nil {
		return nil, err
	}
	var err error
	if !p.o.standsIn() {
		if p.idp, err = p.authentik(p.bundle, p.images); err != nil {
			return nil, err
		}
		p.site.idp = p.idp.n
	}
	if p.site.network, err = p.takeNetwork(ctx); err != nil {
		return nil, err
	}
	boot, err := p.boot(ctx)
	if err != nil {
		return nil, err
	}
	if boot.Up {
		if err := p.usable(ctx); err != nil {
			return nil, err
		}
	}
	return p.target(ctx, boot)
}

// boot has Paperless up, with its accounts, or stopped. It holds a slot only while
// it works: neither while it waits for another Paperless, nor for authentik.
func (p *pair) boot(ctx context.Context) (boot evidence.Boot, err error) {
	f := p.family
	if f != nil && f.first == p.variant {
		var m *model
		why := errors.New("the first one did not come up")
		defer func() { f.end(m, why) }()
		defer func() {
			if err == nil && boot.Up {
				m, why = p.asModel(ctx)
			}
		}()
	} else if f != nil {
		m, why := f.wait(ctx)
		if why == nil {
			if boot, why = p.another(ctx, m); why == nil {
				return boot, nil
			}
		}
		if ctx.Err() != nil {
			return boot, context.Cause(ctx)
		}
		p.say("paperless-%d: boots by itself (%s): %s", p.site.n, p.variant, short(why.Error()))
	}
	free, err := p.slot(ctx)
	if err != nil {
		return boot, err
	}
	defer free()
	if boot, err = p.paperless(ctx); err != nil || !boot.Up {
		return boot, err
	}
	p.whole(ctx)
	return boot, p.users(ctx)
}

// surroundings starts broker and edge of a pair, unless they run.
func (p *pair) surroundings(ctx context.Context, cs []Container) (err error) {
	if p.broker == nil {
		if p.broker, err = p.run(ctx, cs[0]); err != nil {
			return err
		}
	}
	if p.front == nil {
		if p.front, err = p.run(ctx, cs[1]); err != nil {
			return err
		}
	}
	if err := p.pass(ctx, p.broker, p.brokerGate(p.broker)); err != nil {
		return err
	}
	if err := p.pass(ctx, p.front, gate{gateEdge, edgeLimit, p.edgeAnswers}); err != nil {
		return err
	}
	return p.serve()
}

// up starts Paperless's container, and waits until Paperless answers or stops.
func (p *pair) up(ctx context.Context, c Container, limit time.Duration, how string) (err error) {
	if p.app, err = p.runFor(ctx, c, p.owner); err != nil {
		return err
	}
	last, _ := p.expected(ctx, productPaperless, p.images.PaperlessImage, how)
	p.app.expects = last.Seconds
	return p.pass(ctx, p.app, gate{gatePaperless, limit, func(ctx context.Context) error {
		addr, err := p.addr(ctx, p.app, paperlessPort(p.bundle))
		if err != nil {
			return err
		}
		p.appAddr = addr
		res, err := p.ask(ctx, http.MethodGet, paperless.LoginPath, nil)
		if err != nil {
			return err
		}
		return res.Body.Close() // any answer will do: the checks judge it
	}})
}

// paperless starts broker, edge and Paperless, and waits until Paperless answers
// or stops.
func (p *pair) paperless(ctx context.Context) (evidence.Boot, error) {
	cs := p.pairContainers(p.bundle, p.images, p.site, p.redactor.Key())
	name := cs[2].Env["PAPERLESS_DBNAME"]
	from := p.paperlessSeed(ctx, p.bundle, p.images)
	var err error
	if from != nil && cs[2].Env[dataSetting] == "" {
		maps.Copy(cs[2].Files, from.files)
	}
	warm := from != nil && IsSQLite(from.dump)
	if warm {
		p.sqlite = true
		onSQLite(&cs[2], from.dump)
		p.say("%s: on the SQLite database of %s", cs[2].Name, from.from)
	} else if warm, err = p.restore(ctx, name, from); err != nil {
		return evidence.Boot{}, err
	}
	if err := p.surroundings(ctx, cs); err != nil {
		return evidence.Boot{}, err
	}
	began := time.Now()
	if p.family != nil && p.family.first != p.variant {
		cs[2].Shares = variantShare
	}
	err = p.up(ctx, cs[2], coldLimit, kind(from))
	boot := evidence.Boot{Up: err == nil, Seconds: time.Since(began).Seconds()}
	if ended, ok := errors.AsType[*stopped](err); ok && ended.in == p.app {
		return p.verdict(ctx, boot, ended)
	}
	if err != nil {
		return boot, err
	}
	p.say("%s: up after %.0f s%s", p.app.Name, boot.Seconds, warmWord(warm))
	p.took(ctx, productPaperless, p.images.PaperlessImage, kind(from), boot.Seconds)
	switch {
	case !warm:
		p.keepPaperless(ctx, name)
	case from.foreign:
		err = p.administrator(ctx)
	}
	return boot, err
}

func warmWord(warm bool) string {
	if warm {
		return ", on a database that was there before"
	}
	return ""
}

// notItsFault are last words of a Paperless that the stack did not serve well
// (docs/facts/paperless.md#10); everything else is its configuration's.
var notItsFault = []string{"Unable to connect after", "Failed to connect to redis", "No space left on device"}

// verdict is a Paperless that stopped: by its configuration, unless the stack is
// to blame.
func (p *pair) verdict(ctx context.Context, boot evidence.Boot, ended *stopped) (evidence.Boot, error) {
	p.book.calm(ctx)
	for _, line := range p.book.tail(p.app) {
		boot.Log = append(boot.Log, p.redactor.Text(line))
	}
	if ended.memory || ended.foreign() || slices.ContainsFunc(boot.Log, func(l string) bool { return containsAny(l, notItsFault) }) {
		return boot, ended
	}
	// What Paperless stands on may have gone first.
	if err := p.standing(ctx, p.postgres, p.broker); err != nil {
		return boot, err
	}
	boot.Exit = &ended.code
	p.say("%s: stopped with exit code %d", p.app.Name, ended.code)
	return boot, nil
}

// brokerGate opens when the broker says so in its log; redis and valkey use the
// same words.
func (s *Stack) brokerGate(r *running) gate {
	return gate{gateBroker, databaseLimit, func(context.Context) error {
		if slices.ContainsFunc(s.book.tail(r), func(l string) bool { return containsAny(l, []string{"Ready to accept connections"}) }) {
			return nil
		}
		return errors.New("its log does not say so yet")
	}}
}

func (p *pair) edgeAnswers(ctx context.Context) error {
	addr, err := p.addr(ctx, p.front, edge.APIPort)
	if err != nil {
		return err
	}
	p.recorder = edge.Remote{Addr: addr, Token: p.secrets.edge, CA: p.keys.CA}
	_, _, err = p.recorder.Fetch(ctx)
	return err
}

// ask asks Paperless itself, past the edge. Its own health check uses the name
// localhost, which is always allowed (docs/facts/paperless.md#10).
func (p *pair) ask(ctx context.Context, method, path string, change func(*http.Request)) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.appAddr+path, nil)
	if err != nil {
		return nil, err
	}
	r.Host = "localhost"
	if change != nil {
		change(r)
	}
	return probe.Do(r)
}

func (p *pair) target(ctx context.Context, boot evidence.Boot) (*target.Target, error) {
	resolve, err := p.resolve(ctx)
	if err != nil {
		return nil, err
	}
	b := p.bundle
	t := &target.Target{
		Kind:      target.Stack,
		Paperless: evidence.Product{Version: b.Paperless.Version, URL: b.Paperless.URL},
		Authentik: evidence.Product{Version: b.Authentik.Version, URL: b.Authentik.URL},
		Boot:      boot,
		Database:  p.standsOn(),
		Resolve:   resolve,
		CA:        []byte(p.keys.CA),
		SPKI:      []string{p.keys.SPKI},
		Redactor:  p.redactor,
		Exchanges: p.exchanges,
		Logs:      p.logs,
		Stale:     func(context.Context) ([]string, error) { return b.Paperless.Stale(), nil },
		Direct:    p.direct,
		Changes:   true,
		Close:     p.close,
		Standing:  p.stands(boot),
	}
	if boot.Up && p.idp != nil {
		t.Events = p.idp.events
		if client := clientOf(b); client != "" {
			t.Registered = func(ctx context.Context) ([]string, error) { return p.idp.api.Registered(ctx, client) }
		}
	}
	return t, nil
}

// stands looks for what of the pair is not there any more. A Paperless that did
// not come up is a verdict, and its authentik may still start.
func (p *pair) stands(boot evidence.Boot) func(context.Context) error {
	all := []*running{p.postgres, p.broker, p.front}
	if boot.Up {
		all = append(all, p.app)
		if p.idp != nil {
			all = append(all, p.idp.broker, p.idp.server, p.idp.worker)
		}
	}
	return func(ctx context.Context) error {
		if err := p.lost(); err != nil {
			return err
		}
		return explain(p.standing(ctx, all...))
	}
}

func clientOf(b *deployment.Deployment) string {
	if provider := b.IdPProvider(); provider != nil {
		return provider.ClientID
	}
	return ""
}

// refusing is an address where nothing listens.
const refusing = "127.0.0.1:1"

// resolve maps every address that the two names have to the edge's published
// ports, and what the edge does not serve to nobody.
func (p *pair) resolve(ctx context.Context) (map[string]string, error) {
	m := map[string]string{}
	for _, a := range []address{p.site.paperless, p.site.authentik} {
		to, err := p.addr(ctx, p.front, a.port)
		if err != nil {
			return nil, err
		}
		m[a.String()] = to
	}
	if err := p.resolveElsewhere(ctx, m); err != nil {
		return nil, err
	}
	for _, a := range []address{p.site.paperless, p.site.authentik} {
		for _, port := range []string{"80", "443"} {
			at := a.host + ":" + port
			if m[at] != "" {
				continue
			}
			m[at] = refusing
			if port == "80" && a.secure { // the usual redirect to https
				to, err := p.addr(ctx, p.front, port)
				if err != nil {
					return nil, err
				}
				m[at] = to
			}
		}
	}
	return m, nil
}

// exchanges are what the edge recorded. Its memory of secrets becomes ours.
func (p *pair) exchanges() []evidence.Exchange {
	xs, known, err := p.recorder.Fetch(p.ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.log.Debug("edge", "error", err)
		return p.last
	}
	p.redactor.Add(known...)
	p.last = xs
	return xs
}

// logs are the lines of Paperless and of its authentik.
func (p *pair) logs(ctx context.Context) ([]evidence.Line, error) {
	p.book.calm(ctx)
	owners := []string{p.owner}
	if p.idp != nil {
		owners = append(owners, p.idp.owner())
	}
	lines := p.book.of(owners...)
	for i := range lines {
		lines[i].Text = p.redactor.Text(lines[i].Text)
	}
	return lines, nil
}

// direct asks Paperless itself, as another container of its network could.
func (p *pair) direct(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.Host = r.URL.Host
	if r.Host != "" {
		in.Host = r.Host
	}
	in.URL = &url.URL{Scheme: "http", Host: p.appAddr, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	in.RequestURI = ""
	return probe.Do(in)
}

// close removes the pair's containers. Networks stay until the stack is closed.
func (p *pair) close() error {
	p.closing.Do(func() {
		if p.o.keep != nil && *p.o.keep == p.variant {
			return
		}
		p.exchanges()
		if p.hangUp != nil {
			p.hangUp()
		}
		ctx, cancel := p.removing()
		defer cancel()
		if p.sqlite && p.app != nil {
			p.copied, p.copyErr = p.backup(ctx) // it goes with the container
		}
		var wg sync.WaitGroup
		errs := make([]error, 3)
		for i, r := range []*running{p.app, p.front, p.broker} {
			wg.Go(func() { errs[i] = p.stop(ctx, r) })
		}
		wg.Wait()
		p.closed = explain(errors.Join(errs...))
		if p.idp != nil {
			p.idp.release()
		}
		if p.site.network != "" && p.closed == nil {
			p.giveNetwork(p.site.network)
		}
	})
	return p.closed
}
