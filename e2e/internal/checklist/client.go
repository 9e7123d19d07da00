package checklist

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

const (
	// redirectLimit is above what the pair needs (authorize, two flow redirects,
	// callback, landing page) and below what a user would wait for.
	redirectLimit = 20
	// challengeLimit bounds authentik's flow: four stages and their redirects.
	challengeLimit = 24
)

// A caller is a user with an HTTP client in place of a browser, for the checks
// that look at the protocol. It keeps cookies and follows redirects by hand.
type caller struct {
	p     *check.Pass
	c     *http.Client
	sites sites
	n     int // who asks, in the evidence; 0: has not asked yet
}

func newCaller(p *check.Pass) (*caller, error) {
	c, err := p.Target.Client()
	if err != nil {
		return nil, err
	}
	return &caller{p: p, c: c, sites: sitesOf(p.Bundle)}, nil
}

// An answer is one response.
type answer struct {
	url      *url.URL
	status   int
	header   http.Header
	location *url.URL // nil when there is none
	body     string
}

// html reads the answer's body.
func (a *answer) html() paperless.Page { return paperless.ParsePage(a.body) }

func (a *answer) page(p *check.Pass) evidence.Page {
	h := a.html()
	page := evidence.Page{URL: redact(p, a.url.String()), Status: a.status, Title: short(h.Title()), Text: h.Text()}
	if p.Target.Redactor != nil {
		page.Text = p.Target.Redactor.Text(page.Text)
	}
	return page
}

func (c *caller) do(r *http.Request) (*answer, error) {
	if c.n == 0 {
		for _, h := range c.p.Record.Hops {
			c.n = max(c.n, h.Client)
		}
		c.n++
	}
	own := r.Header.Get(evidence.OwnHeader) != ""
	if c.p.Target.Exchanges == nil { // no edge takes it off
		r.Header.Del(evidence.OwnHeader)
	}
	resp, err := c.c.Do(r)
	if err != nil {
		// The URL in net/http's error may carry a code: name only the path.
		return nil, fmt.Errorf("%s %s%s: %w", r.Method, r.URL.Host, r.URL.Path, cause(err))
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return nil, fmt.Errorf("read %s%s: %w", r.URL.Host, r.URL.Path, err)
	}
	a := &answer{url: r.URL, status: resp.StatusCode, header: resp.Header, body: string(body)}
	hop := evidence.Hop{Method: r.Method, URL: redact(c.p, r.URL.String()), Status: resp.StatusCode, Client: c.n, Own: own}
	if l := resp.Header.Get("Location"); l != "" && resp.StatusCode/100 == 3 {
		if a.location, err = r.URL.Parse(l); err != nil {
			return nil, check.Unmetf("%s%s redirects to something that is no URL", r.URL.Host, r.URL.Path)
		}
		hop.Location = redact(c.p, l)
	}
	c.p.Record.Hops = append(c.p.Record.Hops, hop)
	return a, nil
}

// cause is what is inside net/http's error, without the URL.
func cause(err error) error {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // http.Client.Do returns it unwrapped
		return u.Err
	}
	return err
}

func (c *caller) get(ctx context.Context, address string) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	return c.do(r)
}

// try is get for what must be refused: the evidence tells it from a sign-in.
func (c *caller) try(ctx context.Context, address string) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set(evidence.OwnHeader, "1")
	return c.do(r)
}

// post sends a form as a browser does from a page of the same origin.
func (c *caller) post(ctx context.Context, address string, form url.Values) (*answer, error) {
	r, err := formRequest(ctx, address, form)
	if err != nil {
		return nil, err
	}
	return c.do(r)
}

// tryForm is post for what must be refused; see try.
func (c *caller) tryForm(ctx context.Context, address string, form url.Values) (*answer, error) {
	r, err := formRequest(ctx, address, form)
	if err != nil {
		return nil, err
	}
	r.Header.Set(evidence.OwnHeader, "1")
	return c.do(r)
}

func formRequest(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	r, err := target.NewRequest(ctx, http.MethodPost, u.Scheme+"://"+u.Host, u.RequestURI(), form)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Origin", u.Scheme+"://"+u.Host)
	r.Header.Set("Referer", u.Scheme+"://"+u.Host+u.Path)
	return r, nil
}

// follow goes along redirects until there is none, or one to a URL that stop
// wants to see unvisited.
func (c *caller) follow(ctx context.Context, a *answer, stop func(*url.URL) bool) (*answer, error) {
	for range redirectLimit {
		if a.location == nil || (stop != nil && stop(a.location)) {
			return a, nil
		}
		var err error
		if a, err = c.get(ctx, a.location.String()); err != nil {
			return nil, err
		}
	}
	return nil, check.Unmetf("the redirects do not end: after %d of them at %s", redirectLimit, a.url.Host+a.url.Path)
}

// start presses the button: it opens the sign-in page, posts the provider's form
// and returns authentik's authorize address.
func (c *caller) start(ctx context.Context, next string) (*url.URL, error) {
	address := at(c.p, paperless.LoginPath)
	if next != "" {
		address += "?next=" + url.QueryEscape(next)
	}
	page, err := c.get(ctx, address)
	if err != nil {
		return nil, err
	}
	app, _ := c.p.Bundle.Paperless.App()
	h := page.html()
	action, ok := h.FormAction(paperless.StartPath(app.ProviderID))
	if !ok {
		return nil, check.Unmetf("there is no form for %q on the sign-in page", app.ProviderID)
	}
	to, err := page.url.Parse(action)
	if err != nil {
		return nil, check.Unmetf("the form's action is no URL: %s", short(action))
	}
	a, err := c.post(ctx, to.String(), url.Values{"csrfmiddlewaretoken": {h.CSRFToken()}})
	if err != nil {
		return nil, err
	}
	if a.location == nil {
		return nil, c.unmet(a, "")
	}
	return a.location, nil
}

// unmet says where a user without a browser stopped.
func (c *caller) unmet(a *answer, user string) error {
	page := a.page(c.p)
	c.p.Record.Final = &page
	e := ending{place: c.sites.classify(page), page: page, user: user}
	return check.Unmetf("%s", e)
}

// atPaperless reports whether an address is the relying party's.
func (c *caller) atPaperless(u *url.URL) bool {
	return hostPort(u) == c.sites.paperless && !c.sites.ofAuthentik(evidence.Page{URL: u.String(), Status: http.StatusOK})
}

func hostPort(u *url.URL) string {
	hp, _ := target.HostPort(u.Scheme + "://" + u.Host)
	return hp
}

// signIn goes from the authorize address through authentik's flow, by the API
// that its own page uses, and returns the callback address, not yet visited.
func (c *caller) signIn(ctx context.Context, authorize *url.URL, who deployment.AuthentikUser) (*url.URL, error) {
	a, err := c.get(ctx, authorize.String())
	if err != nil {
		return nil, err
	}
	for range challengeLimit {
		if a, err = c.follow(ctx, a, c.atPaperless); err != nil {
			return nil, err
		}
		if a.location != nil {
			return a.location, nil
		}
		slug, ok := authentik.FlowOf(strings.TrimPrefix(a.url.Path, c.sites.idpPath))
		if !ok || a.status != http.StatusOK {
			return nil, c.unmet(a, who.Username)
		}
		to, err := c.flow(ctx, a.url, slug, who)
		if err != nil {
			return nil, err
		}
		if c.atPaperless(to) {
			return to, nil
		}
		if a, err = c.get(ctx, to.String()); err != nil {
			return nil, err
		}
	}
	return nil, check.Unmetf("authentik's flow does not come to an end")
}

// A challenge is what authentik's flow executor asks.
type challenge struct {
	Component      string `json:"component"`
	To             string `json:"to"`
	Token          string `json:"token"`
	PasswordFields bool   `json:"password_fields"`
	ErrorMessage   string `json:"error_message"`
	Errors         map[string][]struct {
		String string `json:"string"`
	} `json:"response_errors"`
}

// flow answers one flow's challenges until it says where to go (docs/facts/authentik.md#5.6).
func (c *caller) flow(ctx context.Context, page *url.URL, slug string, who deployment.AuthentikUser) (*url.URL, error) {
	executor := *page
	executor.Path = c.sites.idpPath + authentik.ExecutorOf(slug)
	executor.RawQuery = "query=" + url.QueryEscape(page.RawQuery)
	ch, err := c.challenge(ctx, http.MethodGet, &executor, nil)
	for range challengeLimit {
		if err != nil {
			return nil, err
		}
		var reply map[string]any
		switch ch.Component {
		case authentik.FlowRedirect:
			to, perr := page.Parse(ch.To)
			if perr != nil {
				return nil, check.Unmetf("authentik's flow redirects to something that is no URL")
			}
			return to, nil
		case authentik.Identification:
			reply = map[string]any{"uid_field": who.Username}
			if ch.PasswordFields {
				reply["password"] = who.Password
			}
		case authentik.Password:
			reply = map[string]any{"password": who.Password}
		case authentik.Consent:
			reply = map[string]any{"token": ch.Token}
		case authentik.UserLogin:
			reply = map[string]any{"remember_me": false}
		case authentik.SecondFactor:
			return nil, fmt.Errorf("authentik asks %s for a second factor, which the tester cannot give", who.Username)
		case authentik.Denied:
			return nil, check.Unmetf("authentik refused %s: %s", who.Username, short(ch.ErrorMessage))
		default:
			return nil, fmt.Errorf("authentik's flow %s shows %s, which the tester does not know", slug, ch.Component)
		}
		reply["component"] = ch.Component
		asked := ch.Component
		if ch, err = c.challenge(ctx, http.MethodPost, &executor, reply); err != nil {
			return nil, err
		}
		for _, field := range ch.Errors {
			if len(field) > 0 {
				return nil, check.Unmetf("authentik did not accept %s at %s: %s", who.Username, asked, short(field[0].String))
			}
		}
	}
	return nil, check.Unmetf("authentik's flow %s does not come to an end", slug)
}

func (c *caller) challenge(ctx context.Context, method string, executor *url.URL, reply map[string]any) (*challenge, error) {
	var body io.Reader
	if reply != nil {
		text, err := json.Marshal(reply)
		if err != nil {
			return nil, fmt.Errorf("encode an answer for authentik: %w", err)
		}
		body = strings.NewReader(string(text))
	}
	r, err := http.NewRequestWithContext(ctx, method, executor.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	if reply != nil {
		origin := executor.Scheme + "://" + executor.Host
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", origin)
		r.Header.Set("Referer", origin+"/")
		// Needed once the session is authenticated, harmless before.
		if v := c.cookie(executor, authentik.CSRFCookie); v != "" {
			r.Header.Set(authentik.CSRFHeader, v)
		}
	}
	a, err := c.do(r)
	if err != nil {
		return nil, err
	}
	if a, err = c.follow(ctx, a, nil); err != nil {
		return nil, err
	}
	var ch challenge
	if json.Unmarshal([]byte(a.body), &ch) != nil || ch.Component == "" {
		return nil, c.unmet(a, "")
	}
	return &ch, nil
}

func (c *caller) cookie(u *url.URL, name string) string {
	for _, k := range c.c.Jar.Cookies(u) {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// land visits the callback and goes on until a page, filling in the sign-up
// form as a user would.
func (c *caller) land(ctx context.Context, callback *url.URL, who deployment.AuthentikUser) (ending, *answer, error) {
	first, err := c.get(ctx, callback.String())
	if err != nil {
		return ending{}, nil, err
	}
	inside := func(u *url.URL) bool { return !c.atPaperless(u) }
	a, err := c.follow(ctx, first, inside)
	if err != nil {
		return ending{}, nil, err
	}
	e := c.ending(a, who)
	if e.place == atSignup && c.p.Target.Changes {
		h := a.html()
		form := url.Values{
			"csrfmiddlewaretoken": {h.CSRFToken()},
			"username":            {or(h.Input("username"), who.Username)},
			"email":               {h.Input("email")},
		}
		if first, err = c.post(ctx, a.url.String(), form); err != nil {
			return ending{}, nil, err
		}
		if a, err = c.follow(ctx, first, inside); err != nil {
			return ending{}, nil, err
		}
		e = c.ending(a, who)
	}
	return e, first, nil
}

func (c *caller) ending(a *answer, who deployment.AuthentikUser) ending {
	page := a.page(c.p)
	if a.location != nil { // stopped in front of another site
		page = evidence.Page{URL: redact(c.p, a.location.String())}
	}
	c.p.Record.Final = &page
	return ending{place: c.sites.classify(page), page: page, user: who.Username}
}

// enter signs a user in from beginning to end, with the session that results.
// The error is a skip where nobody can get an account.
func (c *caller) enter(ctx context.Context, next string, who deployment.AuthentikUser) (*answer, error) {
	authorize, err := c.start(ctx, next)
	if err != nil {
		return nil, err
	}
	callback, err := c.signIn(ctx, authorize, who)
	if err != nil {
		return nil, err
	}
	e, first, err := c.land(ctx, callback, who)
	if err != nil {
		return nil, err
	}
	switch e.place {
	case atApp:
		return first, nil
	case atClosed:
		return nil, check.Skipf("sign-up is closed and %s has no account", who.Username)
	case atSignup:
		if !c.p.Target.Changes {
			return nil, check.Skipf("%s has no account, and changes are not allowed on this target", who.Username)
		}
	}
	return first, check.Unmetf("%s", e)
}
