package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// An Outcome is where somebody stands after a sign-in.
type Outcome string

// The outcomes.
const (
	SignedIn Outcome = "signed in"
	SignUp   Outcome = "asked to sign up" // the token was taken; the configuration wants a form
	Refused  Outcome = "not signed in"
	Crashed  Outcome = "status 500"
)

// Seen is what a test saw.
type Seen struct {
	Outcome Outcome
	Status  int
	Path    string
	As      string // user name, as the page greets the user; empty: it does not
	Email   string // of the account
	Shared  string // account of somebody else that the user got; empty: none
	// Facts are what the test looked at beside the sign-in.
	Facts    map[string]string
	Requests []provider.Request
}

// Says is one of the facts.
func (s *Seen) Says(name string) string { return s.Facts[name] }

// A Visit is one test while it runs.
type Visit struct {
	Test *Test
	Play *provider.Play
	Seen *Seen
	b    *deployment.Deployment
	t    *target.Target
	p    *provider.Provider

	mu   sync.Mutex
	hops []evidence.Hop
	// longest is what the slowest page took.
	longest time.Duration
	n       int
}

// Fact notes something that was seen.
func (v *Visit) Fact(name, value string) {
	if v.Seen.Facts == nil {
		v.Seen.Facts = map[string]string{}
	}
	v.Seen.Facts[name] = value
}

// Person are the claims of somebody of this test, told apart by a word.
func (v *Visit) Person(word string, change provider.Change) map[string]any {
	return person(strings.TrimPrefix(v.Test.ID, "rp-")+word, change)
}

// A Browser is somebody with cookies and without JavaScript.
type Browser struct {
	v *Visit
	c *http.Client
	n int
}

// Browser is somebody new.
func (v *Visit) Browser() (*Browser, error) {
	c, err := v.t.Client()
	if err != nil {
		return nil, err
	}
	v.n++
	return &Browser{v: v, c: c, n: v.n}, nil
}

// A Page is an answer.
type Page struct {
	URL      *url.URL
	Status   int
	Header   http.Header
	Location *url.URL // nil: none
	Body     string
}

const bodyLimit = 1 << 20

// Do sends a request.
func (b *Browser) Do(r *http.Request) (*Page, error) {
	began := time.Now()
	resp, err := b.c.Do(r)
	if err != nil {
		if e := (*url.Error)(nil); errors.As(err, &e) {
			err = e.Err // its address may carry a code
		}
		return nil, fmt.Errorf("%s %s%s: %w", r.Method, r.URL.Host, r.URL.Path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return nil, fmt.Errorf("read %s%s: %w", r.URL.Host, r.URL.Path, err)
	}
	if resp.StatusCode == http.StatusBadGateway { // Paperless-ngx's own failures have 500
		return nil, fmt.Errorf("%s %s%s: nothing answers behind the proxy", r.Method, r.URL.Host, r.URL.Path)
	}
	p := &Page{URL: r.URL, Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	hop := evidence.Hop{Method: r.Method, URL: b.v.t.Redactor.URL(r.URL.String()), Status: p.Status, Client: b.n}
	if l := resp.Header.Get("Location"); l != "" && p.Status/100 == 3 {
		if p.Location, err = r.URL.Parse(l); err == nil {
			hop.Location = b.v.t.Redactor.URL(p.Location.String())
		}
	}
	b.v.mu.Lock()
	b.v.longest = max(b.v.longest, time.Since(began))
	b.v.hops = append(b.v.hops, hop)
	b.v.mu.Unlock()
	return p, nil
}

// Get asks for an address.
func (b *Browser) Get(ctx context.Context, address string) (*Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for a page: %w", err)
	}
	return b.Do(r)
}

// Foreign opens an address as a browser does whom a page of another site leads there.
func (b *Browser) Foreign(ctx context.Context, address string) (*Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for a page: %w", err)
	}
	for name, v := range map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
		r.Header.Set(name, v)
	}
	return b.Do(r)
}

// Post sends a form as a page of Paperless-ngx does.
func (b *Browser) Post(ctx context.Context, address string, form url.Values) (*Page, error) {
	return b.post(ctx, address, form, b.v.origin())
}

func (b *Browser) post(ctx context.Context, address string, form url.Values, origin string) (*Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("send a form: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	r.Header.Set("Referer", address)
	return b.Do(r)
}

func (v *Visit) origin() string {
	u, err := url.Parse(v.b.Paperless.URL)
	if err != nil {
		return v.b.Paperless.URL
	}
	return u.Scheme + "://" + u.Host
}

// base is where Paperless-ngx lives, without a slash at the end.
func (v *Visit) base() string {
	at, _, _ := strings.Cut(v.b.RedirectURI(), "/accounts/oidc/")
	return at
}

// Start begins a sign-in with an app: the question page, and its button. The answer
// leads to the provider, or says why not.
func (b *Browser) Start(ctx context.Context, app App, query string) (*Page, error) {
	address := startURL(b.v.b, app) + query
	page, err := b.Get(ctx, address)
	if err != nil {
		return nil, err
	}
	token := paperless.ParsePage(page.Body).CSRFToken()
	if token == "" {
		return page, nil
	}
	return b.Post(ctx, address, url.Values{"csrfmiddlewaretoken": {token}})
}

// Begin is Start up to the authorization request.
func (b *Browser) Begin(ctx context.Context, app App, query string) (*url.URL, *Page, error) {
	page, err := b.Start(ctx, app, query)
	if err != nil || page.Location == nil {
		return nil, page, err
	}
	return page.Location, page, nil
}

// Authorize follows the authorization request to the provider, which answers at once
// with the address of the callback.
func (b *Browser) Authorize(ctx context.Context, request *url.URL) (*url.URL, error) {
	if request.Scheme != "https" && request.Scheme != "http" {
		return nil, check.Unmetf("the browser is sent to a %s: address", request.Scheme)
	}
	page, err := b.Get(ctx, request.String())
	if err != nil {
		return nil, err
	}
	if page.Location == nil {
		return nil, fmt.Errorf("the provider answered an authorization request with %d", page.Status)
	}
	return page.Location, nil
}

// redirectLimit is above what Paperless-ngx needs.
const redirectLimit = 8

// Follow opens an address and goes where Paperless-ngx leads.
func (b *Browser) Follow(ctx context.Context, address string) (*Page, error) {
	page, err := b.Get(ctx, address)
	for n := 0; err == nil && page.Location != nil && page.Location.Host == page.URL.Host && n < redirectLimit; n++ {
		page, err = b.Get(ctx, page.Location.String())
	}
	return page, err
}

// SignIn goes all the way with an app. It returns the last page; callback is where
// the provider led to, nil when it never came to that.
func (b *Browser) SignIn(ctx context.Context, app App, query string) (page *Page, callback *url.URL, err error) {
	request, page, err := b.Begin(ctx, app, query)
	if err != nil || request == nil {
		return page, nil, err
	}
	if callback, err = b.Authorize(ctx, request); err != nil {
		return nil, nil, err
	}
	page, err = b.Follow(ctx, callback.String())
	return page, callback, err
}

// An Owner is the account that somebody is signed in to.
type Owner struct {
	Email    string `json:"email"`
	Usable   bool   `json:"has_usable_password"`
	Accounts []struct {
		ID       int    `json:"id"`
		Provider string `json:"provider"`
		Name     string `json:"name"`
	} `json:"social_accounts"`
	Token string `json:"auth_token"`
}

// Who is the account that somebody is signed in to; nil: nobody is.
func (b *Browser) Who(ctx context.Context) (*Owner, error) {
	page, err := b.Get(ctx, b.v.base()+"/api/profile/")
	if err != nil || page.Status != http.StatusOK {
		return nil, err
	}
	var o Owner
	if err := json.Unmarshal([]byte(page.Body), &o); err != nil {
		return nil, fmt.Errorf("read /api/profile/: %w", err)
	}
	return &o, nil
}

var greeting = regexp.MustCompile(`Successfully signed in as (.+?)\.["<]`)

// greeted is the user name that a page greets the user by.
func greeted(body string) string {
	m := greeting.FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	name := m[1]
	if text, err := strconv.Unquote(`"` + strings.ReplaceAll(name, `"`, `\"`) + `"`); err == nil {
		name = text
	}
	return html.UnescapeString(name)
}

// See notes where somebody stands after the last page.
func (b *Browser) See(ctx context.Context, page *Page) error {
	s := b.v.Seen
	s.Status, s.Path, s.As, s.Email = page.Status, page.URL.Path, "", ""
	s.Outcome = Refused
	switch {
	case page.Status >= http.StatusInternalServerError:
		s.Outcome = Crashed
		return nil
	case strings.Contains(page.URL.Path, paperless.SocialSignUp), paperless.ParsePage(page.Body).Title() == "Sign Up Closed":
		s.Outcome = SignUp
		return nil
	}
	owner, err := b.Who(ctx)
	if err != nil || owner == nil {
		return err
	}
	s.Outcome, s.Email, s.As = SignedIn, owner.Email, greeted(page.Body)
	return nil
}

// once signs somebody in, and looks.
func once(ctx context.Context, v *Visit) error {
	b, err := v.Browser()
	if err != nil {
		return err
	}
	page, _, err := b.SignIn(ctx, v.Test.apps()[0], "")
	if err != nil {
		return err
	}
	return b.See(ctx, page)
}

// asked are the requests that the provider got for an endpoint.
func (s *Seen) asked(match func(provider.Request) bool) []provider.Request {
	return slices.DeleteFunc(slices.Clone(s.Requests), func(r provider.Request) bool { return !match(r) })
}
