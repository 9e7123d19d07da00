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
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// cleanLimit is what the clean-up may take, also after Ctrl-C.
const cleanLimit = 30 * time.Second

// admin signs a request as the administrator whose token was given.
func (p *Pair) admin(r *http.Request) {
	r.Header.Set("Authorization", "Token "+p.o.Credentials.Paperless.Token)
}

// administrator signs as whoever may list accounts; nil when nobody was given.
func (p *Pair) administrator() func(*http.Request) {
	if p.o.Credentials.Paperless.Token != "" {
		return p.admin
	}
	if u, ok := p.bundle.LocalUser(roleAdmin); ok {
		return basic(u)
	}
	return nil
}

func basic(u deployment.LocalUser) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(u.Username, u.Password) }
}

// An account is what is kept of a user of Paperless.
type account struct {
	ID       int    `json:"id"`
	Username string `json:"username"`
	Email    string `json:"email"`
}

// accounts are what was there before the first check.
type accounts struct {
	users []account
	links map[string][]int // social accounts by local user whose password is known
}

// readPaperless asks for the version and, where somebody may, for the accounts.
func (p *Pair) readPaperless(ctx context.Context) error {
	sign := p.administrator()
	if sign == nil {
		return p.local(ctx)
	}
	users, header, status, err := p.users(ctx, sign)
	switch {
	case err != nil:
		p.note("the accounts of Paperless cannot be listed: %s", err)
		return nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("%w: Paperless refuses the administrator that was given (%s or %s): GET /api/users/ answered %d", ErrOptions, envPaperless, envAdmin, status)
	case status != http.StatusOK:
		p.note("the accounts of Paperless cannot be listed: GET /api/users/ answered %d", status)
		return nil
	}
	p.version(header)
	p.before = &accounts{users: users, links: map[string][]int{}}
	return p.local(ctx)
}

// local remembers the links of the local users whose password is known.
func (p *Pair) local(ctx context.Context) error {
	for _, u := range p.bundle.Paperless.Users {
		if u.Superuser || !p.o.AllowChanges {
			continue
		}
		ids, err := p.links(ctx, u)
		if errors.Is(err, errPassword) {
			return fmt.Errorf("%w: credentials: the local user %s: %w", ErrOptions, u.Username, err)
		}
		if err != nil {
			p.note("the links of %s are not known: %s", u.Username, err)
			continue
		}
		if p.before == nil {
			p.before = &accounts{links: map[string][]int{}}
		}
		p.before.links[u.Username] = ids
	}
	return nil
}

func (p *Pair) version(h http.Header) {
	if v := h.Get("X-Version"); v != "" {
		p.bundle.Paperless.Version = v
	}
}

// api sends a request to Paperless's API.
func (p *Pair) api(ctx context.Context, sign func(*http.Request), method, path string, form url.Values, into any) (http.Header, int, error) {
	base := p.bundle.Paperless.URL + strings.TrimRight(p.bundle.Paperless.Env["PAPERLESS_FORCE_SCRIPT_NAME"], "/")
	r, err := target.NewRequest(ctx, method, base, path, form)
	if err != nil {
		return nil, 0, err
	}
	r.Header.Set("Accept", "application/json")
	sign(r)
	client, err := p.target.Client() // without the cookies of before
	if err != nil {
		return nil, 0, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, 0, plain(err)
	}
	defer func() { _ = resp.Body.Close() }()
	const listLimit = 64 << 20 // all accounts of a large installation
	text, err := io.ReadAll(io.LimitReader(resp.Body, listLimit))
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", path, err)
	}
	if into != nil && resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, into); err != nil {
			return resp.Header, resp.StatusCode, fmt.Errorf("%s: %w", path, err)
		}
	}
	return resp.Header, resp.StatusCode, nil
}

func (p *Pair) users(ctx context.Context, sign func(*http.Request)) ([]account, http.Header, int, error) {
	var page struct {
		Results []account `json:"results"`
	}
	header, status, err := p.api(ctx, sign, http.MethodGet, paperless.UsersPath+"?page_size=100000", nil, &page)
	return page.Results, header, status, err
}

// errPassword says that Paperless does not take a local user's password.
var errPassword = errors.New("the password is refused by Paperless")

// links are the ids of a local user's social accounts.
func (p *Pair) links(ctx context.Context, u deployment.LocalUser) ([]int, error) {
	var profile struct {
		Social []struct {
			ID int `json:"id"`
		} `json:"social_accounts"`
	}
	_, status, err := p.api(ctx, basic(u), http.MethodGet, paperless.ProfilePath, nil, &profile)
	if err != nil {
		return nil, err
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return nil, fmt.Errorf("%w: GET /api/profile/ answered %d", errPassword, status)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("GET /api/profile/ answered %d", status)
	}
	var ids []int
	for _, s := range profile.Social {
		ids = append(ids, s.ID)
	}
	return ids, nil
}

// Clean removes what the checks made, and says so: one line for each thing, and
// for what may be left. It has a limit of its own, because it must run after
// Ctrl-C, too.
func (p *Pair) Clean(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	var said []string
	say := func(format string, args ...any) { said = append(said, p.redactor.Text(fmt.Sprintf(format, args...))) }
	for _, u := range p.bundle.Paperless.Users {
		if p.before == nil {
			break
		}
		if _, known := p.before.links[u.Username]; known {
			p.unlink(ctx, u, say)
		}
	}
	sign := p.administrator()
	if sign == nil || p.before == nil || p.before.users == nil {
		if p.o.AllowChanges {
			for _, u := range p.bundle.Authentik.Users {
				say("may be left in Paperless: an account of %s (%s); no administrator was given to look and to remove it", u.Username, u.Role)
			}
		}
		return said
	}
	now, _, status, err := p.users(ctx, sign)
	if err != nil || status != http.StatusOK {
		say("may be left in Paperless: accounts that the checks made; they could not be listed (%v, status %d)", err, status)
		return said
	}
	for _, a := range now {
		if slices.ContainsFunc(p.before.users, func(b account) bool { return b.ID == a.ID }) {
			continue
		}
		if !p.ours(a) {
			say("left alone in Paperless: the account %s (%d) is new, but belongs to nobody that the checks signed in as", a.Username, a.ID)
			continue
		}
		_, status, err := p.api(ctx, sign, http.MethodDelete, paperless.UsersPath+strconv.Itoa(a.ID)+"/", nil, nil)
		if err != nil || status != http.StatusNoContent {
			say("left in Paperless: the account %s (%d), which the checks made, could not be removed (%v, status %d)", a.Username, a.ID, err, status)
			continue
		}
		say("made in Paperless and removed: the account %s (%d)", a.Username, a.ID)
	}
	return said
}

// ours reports whether a new account is of somebody that the checks signed in as.
// Somebody else may have come meanwhile.
func (p *Pair) ours(a account) bool {
	return slices.ContainsFunc(p.bundle.Authentik.Users, func(u deployment.AuthentikUser) bool {
		// A name that is taken gets digits.
		rest, same := strings.CutPrefix(strings.ToLower(a.Username), strings.ToLower(u.Username))
		return u.Email != "" && strings.EqualFold(a.Email, u.Email) || same && strings.Trim(rest, "0123456789") == ""
	})
}

// unlink removes the social accounts that a local user did not have before.
func (p *Pair) unlink(ctx context.Context, u deployment.LocalUser, say func(string, ...any)) {
	now, err := p.links(ctx, u)
	if err != nil {
		say("may be left in Paperless: a link of %s to authentik (%v)", u.Username, err)
		return
	}
	for _, id := range now {
		if slices.Contains(p.before.links[u.Username], id) {
			continue
		}
		_, status, err := p.api(ctx, basic(u), http.MethodPost, paperless.DisconnectPath, url.Values{"id": {strconv.Itoa(id)}}, nil)
		if err != nil || status != http.StatusOK {
			say("left in Paperless: the link of %s to authentik could not be removed (%v, status %d)", u.Username, err, status)
			continue
		}
		say("made in Paperless and removed: the link of %s to authentik", u.Username)
	}
}
