package checklist

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// bodyLimit is what is read of a response: pages and API answers of the products
// are far smaller, and a wrong URL may stream without end.
const bodyLimit = 1 << 20

// booted runs a check only where Paperless came up. When it did not, that is the
// verdict on the configuration, whatever the check asks.
func booted(run func(context.Context, *check.Pass) error) func(context.Context, *check.Pass) error {
	return func(ctx context.Context, p *check.Pass) error {
		if p.Target.Boot.Up {
			return run(ctx, p)
		}
		boot, how := p.Target.Boot, "did not come up"
		if boot.Exit != nil {
			how = fmt.Sprintf("stopped by itself with exit code %d", *boot.Exit)
		}
		says := "it logged nothing"
		if line := evidence.Telling(boot.Log); line != "" {
			says = "its log says: " + short(line)
		}
		return check.Unmetf("Paperless %s; %s", how, says)
	}
}

// person is who signs in at authentik for a check. Where accounts must not be
// made, it must be somebody who has one: the sign-in itself would make it.
func person(p *check.Pass, role string) (deployment.AuthentikUser, error) {
	u, err := anybody(p, role)
	if err == nil && !p.Target.Changes && !u.Account {
		return u, check.Skipf("needs --allow-changes, or somebody who is known to have an account: signing in as %s could make one", u.Username)
	}
	return u, err
}

// anybody is the user of a role. On a pair that already runs few users are
// there to sign in as: a check that changes nothing takes the one of round-trip.
func anybody(p *check.Pass, role string) (deployment.AuthentikUser, error) {
	roles := []string{role}
	if !p.Target.Can().OwnUsers && !slices.Contains([]string{"first-login", "linking"}, role) {
		roles = append(roles, "round-trip")
	}
	for _, r := range roles {
		if u, ok := p.Bundle.SSOUser(r); ok {
			return u, nil
		}
	}
	return deployment.AuthentikUser{}, check.Skipf("there is nobody in authentik to sign in as (role %s)", role)
}

// at is the address of one of Paperless's paths.
func at(p *check.Pass, path string) string {
	return strings.TrimRight(p.Bundle.Paperless.URL, "/") + strings.TrimRight(setting(p.Bundle, scriptName), "/") + path
}

// redact keeps secrets out of what is recorded.
func redact(p *check.Pass, raw string) string {
	if p.Target.Redactor == nil {
		return raw
	}
	return p.Target.Redactor.URL(raw)
}

// probed records a request that a check made by itself.
func probed(p *check.Pass, name, method, address string, status int, detail string) {
	if p.Target.Redactor != nil {
		detail = p.Target.Redactor.Text(detail)
	}
	p.Record.Probes = append(p.Record.Probes, evidence.Probe{
		Name: name, Method: method, URL: redact(p, address), Status: status, Detail: short(detail),
	})
}

// note adds a line to the evidence that is no verdict.
func note(p *check.Pass, format string, args ...any) {
	p.Record.Notes = append(p.Record.Notes, fmt.Sprintf(format, args...))
}

// api asks Paperless's API and decodes the answer when it is 200.
func api(ctx context.Context, c *http.Client, r *http.Request, into any) (int, error) {
	r.Header.Set("Accept", "application/json")
	resp, err := c.Do(r.WithContext(ctx))
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", r.URL.Path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	if err != nil {
		return resp.StatusCode, fmt.Errorf("read %s: %w", r.URL.Path, err)
	}
	if resp.StatusCode == http.StatusOK && into != nil && json.Unmarshal(text, into) != nil {
		return resp.StatusCode, check.Unmetf("%s answered 200, but not with JSON: %s", r.URL.Path, short(string(text)))
	}
	return resp.StatusCode, nil
}

type profile struct {
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Usable    *bool  `json:"has_usable_password"`
	Social    []struct {
		Name string `json:"name"`
	} `json:"social_accounts"`
}

type uiSettings struct {
	User struct {
		Username string `json:"username"`
	} `json:"user"`
}

// whoIs asks Paperless with a client's cookies who is signed in. It is asked
// from Go: a page's fetch of a 401 hangs headless Chromium on 2.5.0
// (fixtures/observed.json#traps).
func whoIs(ctx context.Context, p *check.Pass, c *http.Client) (*evidence.Session, error) {
	get := func(path string, into any) (int, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, at(p, path), nil)
		if err != nil {
			return 0, fmt.Errorf("ask %s: %w", path, err)
		}
		return api(ctx, c, r, into)
	}
	var s evidence.Session
	var who profile
	var ui uiSettings
	var err error
	if s.Profile, err = get(paperless.ProfilePath, &who); err != nil {
		return nil, err
	}
	if s.UISettings, err = get(paperless.UISettingsPath, &ui); err != nil {
		return nil, err
	}
	s.Email, s.FirstName, s.LastName, s.UsablePassword, s.Username = who.Email, who.FirstName, who.LastName, who.Usable, ui.User.Username
	for _, a := range who.Social {
		s.Social = append(s.Social, a.Name)
	}
	return &s, nil
}

// signedIn asks who is signed in in the browser, and records it.
func signedIn(ctx context.Context, p *check.Pass) (*evidence.Session, error) {
	c, err := browserClient(ctx, p)
	if err != nil {
		return nil, err
	}
	s, err := whoIs(ctx, p, c)
	if err != nil {
		return nil, err
	}
	p.Record.Signed = s
	return s, nil
}

// browserClient is a client that has the browser's cookies of Paperless now.
func browserClient(ctx context.Context, p *check.Pass) (*http.Client, error) {
	cookies, err := p.Session.CookiesFor(ctx, at(p, "/"))
	if err != nil {
		return nil, fmt.Errorf("read the browser's cookies: %w", err)
	}
	return clientWith(p, cookies)
}

func clientWith(p *check.Pass, cookies []*http.Cookie) (*http.Client, error) {
	c, err := p.Target.Client()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(at(p, "/"))
	if err != nil {
		return nil, fmt.Errorf("parse Paperless's URL: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("make a cookie jar: %w", err)
	}
	jar.SetCookies(u, cookies)
	c.Jar = jar
	return c, nil
}

// administrator signs a request as Paperless's administrator; nil when none is known.
func administrator(p *check.Pass) func(*http.Request) {
	if p.Target.Admin != nil {
		return p.Target.Admin
	}
	admin, ok := p.Bundle.LocalUser("admin")
	if !ok {
		return nil
	}
	return func(r *http.Request) { r.SetBasicAuth(admin.Username, admin.Password) }
}

// jsonRequest is a request with a JSON body; none without a value.
func jsonRequest(ctx context.Context, method, address string, value any) (*http.Request, error) {
	var body io.Reader
	if value != nil {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, address, err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, address, err)
	}
	if value != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// users lists Paperless's accounts as the administrator; nil when none is known.
func users(ctx context.Context, p *check.Pass) ([]evidence.User, error) {
	authorize := administrator(p)
	if authorize == nil {
		return nil, nil
	}
	c, err := p.Target.Client()
	if err != nil {
		return nil, err
	}
	ask := func(address string, into any) (int, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return 0, fmt.Errorf("list users: %w", err)
		}
		authorize(r)
		return api(ctx, c, r, into)
	}
	groups := map[int]string{}
	var list []evidence.User
	var page struct {
		Results []struct {
			ID        int    `json:"id"`
			Username  string `json:"username"`
			Email     string `json:"email"`
			Active    bool   `json:"is_active"`
			Superuser bool   `json:"is_superuser"`
			Groups    []int  `json:"groups"`
		} `json:"results"`
	}
	status, err := ask(at(p, paperless.UsersPath+"?page_size=100000"), &page)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		note(p, "the administrator may not list the accounts: /api/users/ answered %d", status)
		return nil, nil
	}
	for _, u := range page.Results {
		user := evidence.User{ID: u.ID, Username: u.Username, Email: u.Email, Active: u.Active, Superuser: u.Superuser}
		for _, id := range u.Groups {
			if len(groups) == 0 { // most deployments have none: asked only when needed
				var g struct {
					Results []struct {
						ID   int    `json:"id"`
						Name string `json:"name"`
					} `json:"results"`
				}
				if _, err := ask(at(p, paperless.GroupsPath+"?page_size=100000"), &g); err != nil {
					return nil, err
				}
				for _, r := range g.Results {
					groups[r.ID] = r.Name
				}
			}
			user.Groups = append(user.Groups, or(groups[id], strconv.Itoa(id)))
		}
		list = append(list, user)
	}
	return list, nil
}

// before records the accounts before a check changes something.
func before(ctx context.Context, p *check.Pass) error {
	list, err := users(ctx, p)
	p.Record.Before = list
	return err
}

// after records the accounts afterwards, and tells which are new. known is
// false when the accounts cannot be listed.
func after(ctx context.Context, p *check.Pass) (added []evidence.User, known bool, err error) {
	if p.Record.Users, err = users(ctx, p); err != nil {
		return nil, false, err
	}
	if p.Record.Users == nil || p.Record.Before == nil {
		return nil, false, nil
	}
	return fresh(p.Record.Before, p.Record.Users), true, nil
}

// fresh are the accounts that the older list does not have.
func fresh(older, newer []evidence.User) []evidence.User {
	return slices.DeleteFunc(slices.Clone(newer), func(u evidence.User) bool {
		return slices.ContainsFunc(older, func(o evidence.User) bool { return o.ID == u.ID })
	})
}

func names(list []evidence.User) string {
	var out []string
	for _, u := range list {
		out = append(out, u.Username)
	}
	return or(strings.Join(out, ", "), "none")
}
