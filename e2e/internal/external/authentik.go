package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// An authentikAPI reads authentik's REST API. It never writes.
type authentikAPI struct {
	client *http.Client
	origin string
	token  string
	redact *evidence.Redactor

	mu     sync.Mutex
	seen   map[string]bool // events by pk
	events []event         // since the first look, oldest first
	begun  bool
}

type event struct {
	PK      json.RawMessage `json:"pk"`
	Action  string          `json:"action"`
	Context struct {
		Message  string   `json:"message"`
		URI      string   `json:"redirect_uri"`
		Expected []any    `json:"expected"`
		Username string   `json:"username"`
		Scopes   []string `json:"-"`
	} `json:"context"`
}

// errRefused says that the token is not taken.
var errRefused = errors.New("authentik refuses the token")

func (a *authentikAPI) get(ctx context.Context, path string, query url.Values, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.origin+"/api/v3"+path+"?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("ask authentik for %s: %w", path, err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Accept", "application/json")
	resp, err := a.client.Do(r)
	if err != nil {
		return fmt.Errorf("ask authentik for %s: %w", path, plain(err))
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	switch {
	case err != nil:
		return fmt.Errorf("ask authentik for %s: %w", path, err)
	case resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%w: GET /api/v3%s answered %d", errRefused, path, resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("GET /api/v3%s answered %d", path, resp.StatusCode)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("GET /api/v3%s: %w", path, err)
	}
	return nil
}

type results[T any] struct {
	Results []T `json:"results"`
}

// provider is an OAuth2 provider as the API gives it. Redirect URIs are a text
// up to 2024.10 and a list from 2024.12 on.
type provider struct {
	PK            json.Number     `json:"pk"`
	Name          string          `json:"name"`
	ClientType    string          `json:"client_type"`
	ClientID      string          `json:"client_id"`
	ClientSecret  string          `json:"client_secret"`
	RedirectURIs  json.RawMessage `json:"redirect_uris"`
	Mappings      []string        `json:"property_mappings"`
	SigningKey    *string         `json:"signing_key"`
	EncryptionKey *string         `json:"encryption_key"`
	SubMode       string          `json:"sub_mode"`
	IssuerMode    string          `json:"issuer_mode"`
	CodeValidity  string          `json:"access_code_validity"`
	TokenValidity string          `json:"access_token_validity"`
	GrantTypes    []string        `json:"grant_types"`
	Flow          string          `json:"authorization_flow"`
	Slug          string          `json:"assigned_application_slug"`
	Application   string          `json:"assigned_application_name"`
}

func (p *provider) uris() []deployment.RedirectURI {
	var list []struct {
		Mode string `json:"matching_mode"`
		URL  string `json:"url"`
	}
	var out []deployment.RedirectURI
	if json.Unmarshal(p.RedirectURIs, &list) == nil {
		for _, u := range list {
			out = append(out, deployment.RedirectURI{MatchingMode: u.Mode, URL: u.URL})
		}
		return out
	}
	var text string
	if json.Unmarshal(p.RedirectURIs, &text) == nil {
		for _, u := range strings.Fields(text) {
			out = append(out, deployment.RedirectURI{MatchingMode: "strict", URL: u})
		}
	}
	return out
}

// readAuthentik takes over what authentik says of itself: version, the provider
// that Paperless uses, its application, the people's e-mail addresses. A token
// that is refused is an error; an authentik that does not answer is not.
func (p *Pair) readAuthentik(ctx context.Context) error {
	var version struct {
		Current string `json:"version_current"`
	}
	err := p.idp.get(ctx, "/admin/version/", nil, &version)
	if errors.Is(err, errRefused) {
		// A token may be allowed to see providers and not the version.
		err = p.idp.get(ctx, "/providers/oauth2/", url.Values{"page_size": {"1"}}, &struct{}{})
	}
	switch {
	case errors.Is(err, errRefused):
		return fmt.Errorf("%w: %w; make one in authentik, Directory → Tokens and App passwords (intent: API), and give it in %s", ErrOptions, err, envToken)
	case err != nil:
		p.note("authentik's API cannot be asked: %s", err)
		p.idp = nil
		return nil
	}
	if version.Current != "" {
		p.bundle.Authentik.Version = version.Current
	}
	if err := p.readProviders(ctx); err != nil {
		p.note("authentik's providers are not known: %s", err)
	}
	for i := range p.bundle.Authentik.Users {
		u := &p.bundle.Authentik.Users[i]
		var people results[struct {
			Username string `json:"username"`
			Name     string `json:"name"`
			Email    string `json:"email"`
			Active   bool   `json:"is_active"`
		}]
		if err := p.idp.get(ctx, "/core/users/", url.Values{"username": {u.Username}}, &people); err != nil || len(people.Results) != 1 {
			continue
		}
		found := people.Results[0]
		u.Email, u.Name, u.Inactive = orElse(u.Email, found.Email), orElse(u.Name, found.Name), !found.Active
	}
	return p.idp.look(ctx)
}

func (p *Pair) readProviders(ctx context.Context) error {
	app, _ := p.bundle.Paperless.App()
	var all results[provider]
	if err := p.idp.get(ctx, "/providers/oauth2/", url.Values{"page_size": {"200"}}, &all); err != nil {
		return err
	}
	ours := p.theirs(all.Results)
	scopes := p.scopes(ctx)
	m := &p.bundle.Authentik.Model
	m.Providers, m.Applications = nil, nil
	for _, one := range ours {
		pr := one.provider()
		for _, pk := range one.Mappings {
			if name := scopes[pk]; name != "" {
				pr.Scopes = append(pr.Scopes, name)
			}
		}
		if len(scopes) == 0 {
			// Not to be told: then nothing may follow from it.
			pr.Scopes = []string{"openid", "email", "profile"}
		}
		m.Providers = append(m.Providers, pr)
		m.Applications = append(m.Applications, deployment.Application{Name: one.Application, Slug: one.Slug, Provider: one.Name})
	}
	if p.bundle.Observed {
		p.observedServer(app, ours)
	}
	return nil
}

// theirs are the providers that belong to Paperless: other clients are none of
// our business. The one with its client id, else those that say so.
func (p *Pair) theirs(all []provider) []provider {
	app, _ := p.bundle.Paperless.App()
	host := ""
	if u, err := url.Parse(p.bundle.Paperless.URL); err == nil {
		host = u.Host
	}
	ours := slices.DeleteFunc(slices.Clone(all), func(one provider) bool { return one.ClientID != app.ClientID })
	if len(ours) > 0 {
		return ours
	}
	return slices.DeleteFunc(slices.Clone(all), func(one provider) bool {
		return !strings.Contains(strings.ToLower(one.Name+" "+one.Slug), "paperless") && (host == "" || !strings.Contains(string(one.RedirectURIs), host))
	})
}

// provider is the provider as a bundle has it, without its scopes.
func (p *provider) provider() deployment.OAuth2Provider {
	return deployment.OAuth2Provider{
		Name: p.Name, ClientType: p.ClientType, ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURIs: p.uris(),
		SubMode: p.SubMode, IssuerMode: p.IssuerMode, AccessCodeValidity: p.CodeValidity, AccessTokenValidity: p.TokenValidity,
		GrantTypes: p.GrantTypes, SigningKey: p.SigningKey != nil, EncryptionKey: p.EncryptionKey != nil,
	}
}

// observedServer names the discovery document after the application, where no
// file does: Paperless does not tell.
func (p *Pair) observedServer(app deployment.App, ours []provider) {
	if len(ours) != 1 || ours[0].Slug == "" || app.ServerURL() != "" {
		return
	}
	p.bundle.EditSettings(func(s map[string]any) {
		s["server_url"] = p.bundle.Authentik.URL + "/application/o/" + ours[0].Slug + "/.well-known/openid-configuration"
	})
	p.bundle.Relations[deployment.RelationServerURL] = deployment.ServerURLAssumed
}

// scopes are the scope names by the key of their mapping; nil: not known.
func (p *Pair) scopes(ctx context.Context) map[string]string {
	var list results[struct {
		PK    string `json:"pk"`
		Scope string `json:"scope_name"`
	}]
	if err := p.idp.get(ctx, "/propertymappings/provider/scope/", url.Values{"page_size": {"200"}}, &list); err != nil {
		p.note("the scopes of the provider are not known: %s", err)
		return nil
	}
	out := map[string]string{}
	for _, one := range list.Results {
		out[one.PK] = one.Scope
	}
	return out
}

// registered are the redirect URIs that authentik has now.
func (p *Pair) registered(ctx context.Context) ([]string, error) {
	app, _ := p.bundle.Paperless.App()
	var all results[provider]
	if err := p.idp.get(ctx, "/providers/oauth2/", url.Values{"client_id": {app.ClientID}}, &all); err != nil {
		return nil, err
	}
	var uris []string
	for _, one := range all.Results {
		if one.ClientID != app.ClientID {
			continue
		}
		for _, u := range one.uris() {
			uris = append(uris, u.URL)
		}
	}
	return uris, nil
}

// look reads the newest events. What is there at the first look is not ours.
func (a *authentikAPI) look(ctx context.Context) error {
	var newest results[event]
	if err := a.get(ctx, "/events/events/", url.Values{"ordering": {"-created"}, "page_size": {"100"}}, &newest); err != nil {
		if errors.Is(err, errRefused) {
			return nil // a token that may not see them: no events
		}
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = map[string]bool{}
	}
	for _, e := range slices.Backward(newest.Results) {
		pk := string(e.PK)
		if a.seen[pk] {
			continue
		}
		a.seen[pk] = true
		if a.begun {
			a.events = append(a.events, e)
		}
	}
	a.begun = true
	return nil
}

// actions are the actions of the events since the beginning.
func (a *authentikAPI) actions(ctx context.Context) ([]string, error) {
	err := a.look(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]string, 0, len(a.events))
	for _, e := range a.events {
		out = append(out, e.Action)
	}
	return out, err
}

// lines are the events as lines of a log.
func (a *authentikAPI) lines(ctx context.Context) ([]evidence.Line, error) {
	err := a.look(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]evidence.Line, 0, len(a.events))
	for _, e := range a.events {
		text := "event " + e.Action
		if e.Context.Message != "" {
			text += ": " + e.Context.Message
		}
		if e.Context.URI != "" {
			text += " (" + e.Context.URI + ", expected " + strconv.Quote(fmt.Sprint(e.Context.Expected...)) + ")"
		}
		out = append(out, evidence.Line{Source: "authentik", Text: a.redact.Text(text)})
	}
	return out, err
}
