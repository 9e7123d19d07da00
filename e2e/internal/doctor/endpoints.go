package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// pageBytes bounds what is read of one answer.
const pageBytes = 1 << 18

// client asks from this machine. It follows no redirect.
func (x *examiner) client() (*http.Client, error) {
	roots, err := x.roots()
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: fetchSeconds * time.Second}
	return &http.Client{
		Timeout:       2 * fetchSeconds * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, cmp.Or(x.o.Resolve[addr], addr))
			},
		},
	}, nil
}

// late reports whether an answer did not come in time, of something that was reached.
func late(detail string) bool {
	return strings.Contains(detail, "Client.Timeout") || strings.Contains(detail, "awaiting headers")
}

// plain is an error of a request without the address, which stands beside it.
func plain(err error) string {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// byAPI asks authentik's API what its command line is asked.
func (x *examiner) byAPI(ctx context.Context, q shell.Query) (*shell.Answer, error) {
	u, err := url.Parse(x.app().ServerURL())
	if err != nil || u.Host == "" {
		return nil, errors.New("server_url does not say where authentik is")
	}
	client, err := x.client()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	return shell.Ask(ctx, authentik.Client{HTTP: client, Origin: authentik.BaseOf(u), Token: x.o.Token}, q)
}

// An asked is what authentik's endpoints said to requests as Paperless makes them.
type asked struct {
	authorize *evidence.Page     // where authentik refused the authorization request
	token     *evidence.Exchange // the answer to a code that does not exist
}

// askEndpoints asks authentik's endpoints what its database could not be asked:
// whether it knows the client id, takes the redirect URI, and takes the client secret.
// The code does not exist: no token is made.
func (x *examiner) askEndpoints(ctx context.Context) {
	app, ok := x.env.App()
	u, err := url.Parse(app.ServerURL())
	if !ok || err != nil || u.Host == "" || slugOf(app.ServerURL()) == "" || app.ClientID == "" || len(x.tester) == 0 || x.tester[0].Status != http.StatusOK {
		return // it has not even a discovery document
	}
	client, err := x.client()
	if err != nil {
		return // it was said
	}
	public := deployment.Deployment{Paperless: x.env}
	public.Paperless.URL = strings.TrimRight(x.env.Env["PAPERLESS_URL"], "/")
	base, redirect := authentik.BaseOf(u), public.RedirectURI()
	x.asked = &asked{}
	if originOf(redirect) != "" {
		x.asked.authorize = authorize(ctx, client, base, app.ClientID, redirect)
	}
	// Where the client or the redirect URI was refused, the token endpoint says
	// invalid_client, too, whatever the secret is.
	if x.asked.authorize == nil && app.Secret != "" {
		x.asked.token = token(ctx, client, base, app.ClientID, app.Secret, redirect)
	}
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// authorize makes an authorization request without a session; the page where authentik
// refused it, else nil.
func authorize(ctx context.Context, client *http.Client, base, id, redirect string) *evidence.Page {
	q := url.Values{"client_id": {id}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid profile email"}}
	address := base + authentik.AuthorizationPath + "?" + q.Encode()
	res, body, err := fetch(ctx, client, http.MethodGet, address, nil)
	if err != nil || res.StatusCode != http.StatusBadRequest {
		return nil
	}
	for _, heading := range []string{authentik.ClientIDError, authentik.RedirectURIError} {
		if strings.Contains(string(body), heading) {
			return &evidence.Page{URL: address, Status: res.StatusCode, Text: heading}
		}
	}
	return nil
}

// token asks for a token with a code that does not exist: authentik looks at the
// client first. nil where the answer is none of a token endpoint.
func token(ctx context.Context, client *http.Client, base, id, secret, redirect string) *evidence.Exchange {
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {"ssocheck-asks-for-nothing"}, "redirect_uri": {redirect}, "client_id": {id}, "client_secret": {secret},
	}
	address := base + authentik.TokenPath
	res, body, err := fetch(ctx, client, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil
	}
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error == "" {
		return nil
	}
	return &evidence.Exchange{
		Channel: evidence.Back, Endpoint: oidc.Token, To: "authentik", Method: http.MethodPost, URL: address, Status: res.StatusCode,
		Auth: "client_secret_post", Body: map[string]any{"error": answer.Error},
	}
}

// refused reports whether authentik did not take the client secret.
func (a *asked) refused() bool {
	return a != nil && a.token != nil && a.token.Body["error"] == "invalid_client"
}

// took reports whether it did: it only missed the code.
func (a *asked) took() bool {
	return a != nil && a.token != nil && a.token.Body["error"] == "invalid_grant"
}

func fetch(ctx context.Context, client *http.Client, method, address string, body io.Reader) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, nil, fmt.Errorf("ask %s: %w", address, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, pageBytes)) // what broke off is no answer
	return res, text, nil
}

// openedElsewhere looks at the sign-in page where a redirect URI is registered that is
// not at PAPERLESS_URL, and at PAPERLESS_URL: which of the two do users open?
func (x *examiner) openedElsewhere(ctx context.Context) {
	own := originOf(x.env.Env["PAPERLESS_URL"])
	if x.answer == nil || own == "" {
		return
	}
	app := x.app()
	var origins []string
	for i := range x.answer.Providers {
		p := &x.answer.Providers[i]
		for _, u := range p.RedirectURIs {
			if o := originOf(strings.ReplaceAll(u.URL, `\`, "")); p.ClientID == app.ClientID && o != "" && !slices.Contains(origins, o) {
				origins = append(origins, o)
			}
		}
	}
	const few = 4
	if len(origins) == 0 || len(origins) > few || slices.Contains(origins, own) {
		return
	}
	client, err := x.client()
	if err != nil {
		return // it was said
	}
	for _, origin := range append(origins, own) {
		x.tester = append(x.tester, x.opened(ctx, client, origin, app.ProviderID))
	}
	if hosts := edgeHosts(x.found.paperless); len(hosts) > 0 {
		x.tester = append(x.tester, evidence.Probe{Name: troubleshooting.ProbeEdge, Method: "label", Detail: strings.Join(hosts, " ")})
	}
}

// opened looks whether Paperless's sign-in page answers at an origin.
func (x *examiner) opened(ctx context.Context, client *http.Client, origin, id string) evidence.Probe {
	address := origin + strings.TrimRight(x.env.Env["PAPERLESS_FORCE_SCRIPT_NAME"], "/") + paperless.LoggedOutPath
	p := evidence.Probe{Name: troubleshooting.ProbeOpened + strings.ToLower(origin), Method: http.MethodGet, URL: address}
	res, body, err := fetch(ctx, client, http.MethodGet, address, nil)
	if err != nil {
		p.Detail = plain(err)
		return p
	}
	p.Status, p.Detail = res.StatusCode, "something else"
	if page := paperless.ParsePage(string(body)); res.StatusCode == http.StatusOK && strings.Contains(string(body), paperless.OIDCPath+id+"/login/") && page.CSRFToken() != "" {
		p.Detail = troubleshooting.OpenedPaperless
	}
	return p
}

var (
	hostRule = lazyregexp.New(`Host\(([^)]*)\)`)
	quoted   = lazyregexp.New("[`\"']([^`\"']+)[`\"']")
)

// edgeHosts are the host names that a proxy in front takes from the container: rules of
// Traefik, caddy-docker-proxy's label, nginx-proxy's variable. Sorted.
func edgeHosts(c *Container) []string {
	var out []string
	for name, value := range c.full.Config.Labels {
		switch {
		case strings.HasPrefix(name, "traefik.") && strings.HasSuffix(name, ".rule"):
			for _, rule := range hostRule.FindAllStringSubmatch(value, -1) {
				for _, host := range quoted.FindAllStringSubmatch(rule[1], -1) {
					out = append(out, host[1])
				}
			}
		case name == "caddy":
			for _, host := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' }) {
				out = append(out, cmp.Or(hostOf(host), host))
			}
		}
	}
	for _, host := range strings.Split(c.env["VIRTUAL_HOST"], ",") {
		if host = strings.TrimSpace(host); host != "" {
			out = append(out, host)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
