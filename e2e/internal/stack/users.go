package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// usersLimit is for making the accounts: a handful of API calls, on a Paperless
// that has just started.
const usersLimit = 2 * time.Minute

// users makes the local accounts and links that the bundle has, by the API of
// Paperless. The administrator is there already: PAPERLESS_ADMIN_USER made it.
func (p *pair) users(ctx context.Context) error {
	admin, ok := p.bundle.LocalUser("admin")
	if !ok {
		return nil
	}
	return p.pass(ctx, p.app, gate{gateUsers, usersLimit, func(ctx context.Context) error {
		groups := map[string]int{}
		for _, u := range p.bundle.Paperless.Users {
			if u.Username == admin.Username {
				continue
			}
			if err := p.user(ctx, admin, u, groups); err != nil {
				return fmt.Errorf("the account %s: %w", u.Username, err)
			}
		}
		return p.links(ctx)
	}})
}

func (p *pair) user(ctx context.Context, admin, u deployment.LocalUser, groups map[string]int) error {
	var page struct {
		Results []struct {
			Username string `json:"username"`
		} `json:"results"`
	}
	if err := p.call(ctx, admin, http.MethodGet, paperless.UsersPath+"?username__iexact="+url.QueryEscape(u.Username), nil, &page); err != nil {
		return err
	}
	for _, have := range page.Results {
		if strings.EqualFold(have.Username, u.Username) {
			return nil
		}
	}
	ids := []int{}
	for _, name := range u.Groups {
		id, err := p.group(ctx, admin, name, groups)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	return p.call(ctx, admin, http.MethodPost, paperless.UsersPath, map[string]any{
		"username": u.Username, "email": u.Email, "password": u.Password, "is_active": !u.Inactive,
		"is_staff": u.Superuser, "is_superuser": u.Superuser, "groups": ids, "user_permissions": []string{},
	}, nil)
}

func (p *pair) group(ctx context.Context, admin deployment.LocalUser, name string, known map[string]int) (int, error) {
	if id, ok := known[name]; ok {
		return id, nil
	}
	var page struct {
		Results []struct {
			ID   int    `json:"id"`
			Name string `json:"name"`
		} `json:"results"`
	}
	if err := p.call(ctx, admin, http.MethodGet, paperless.GroupsPath+"?page_size=100", nil, &page); err != nil {
		return 0, err
	}
	for _, g := range page.Results {
		known[g.Name] = g.ID
	}
	if id, ok := known[name]; ok {
		return id, nil
	}
	var made struct {
		ID int `json:"id"`
	}
	err := p.call(ctx, admin, http.MethodPost, paperless.GroupsPath, map[string]any{"name": name, "permissions": []string{"view_uisettings"}}, &made)
	if err != nil {
		return 0, fmt.Errorf("the group %s: %w", name, err)
	}
	known[name] = made.ID
	return made.ID, nil
}

// call asks Paperless's API as the administrator.
func (p *pair) call(ctx context.Context, admin deployment.LocalUser, method, path string, body, into any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	res, err := p.ask(ctx, method, path, func(r *http.Request) {
		r.SetBasicAuth(admin.Username, admin.Password)
		r.Header.Set("Accept", "application/json")
		if body != nil {
			r.Header.Set("Content-Type", "application/json")
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		}
	})
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s as %s: %s %s", method, strings.SplitN(path, "?", 2)[0], admin.Username, res.Status, p.redactor.Text(short(string(answer))))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// linkScript makes social accounts in Paperless's own shell: it has no API for
// them. It is ours, and the same for every version that has allauth.
const linkScript = `import json, os
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
for link in json.loads(os.environ["SSOCHECK_LINKS"]):
    SocialAccount.objects.get_or_create(provider=link["ProviderID"], uid=link["Subject"], defaults={"user": User.objects.get(username=link["Username"])})
`

// paperlessSource is where manage.py is in the image.
const paperlessSource = "/usr/src/paperless/src"

// adminScript makes our administrator in a database that has others: Paperless
// does so by itself only where it has none (docs/facts/paperless.md#10).
const adminScript = `import json, os
from django.contrib.auth.models import User
admin = json.loads(os.environ["SSOCHECK_ADMIN"])
user, _ = User.objects.get_or_create(username=admin["Username"])
user.email, user.is_active, user.is_staff, user.is_superuser = admin["Email"], True, True, True
user.set_password(admin["Password"])
user.save()
`

// administrator makes the administrator that the checks ask, in the copy of a
// database of the user's own.
func (p *pair) administrator(ctx context.Context) error {
	admin, ok := p.bundle.LocalUser("admin")
	if !ok {
		return nil
	}
	text, err := json.Marshal(admin)
	if err != nil {
		return err
	}
	if err = p.shell(ctx, "SSOCHECK_ADMIN="+string(text), adminScript); err != nil {
		return fmt.Errorf("the administrator %s: %w", admin.Username, err)
	}
	return nil
}

func (p *pair) links(ctx context.Context) error {
	if len(p.bundle.Paperless.Links) == 0 {
		return nil
	}
	text, err := json.Marshal(p.bundle.Paperless.Links)
	if err != nil {
		return err
	}
	if err = p.shell(ctx, "SSOCHECK_LINKS="+string(text), linkScript); err != nil {
		return fmt.Errorf("the social accounts: %w", err)
	}
	return nil
}

// shell runs a script of ours in Paperless's own shell.
func (p *pair) shell(ctx context.Context, variable, script string) error {
	cmd := []string{"python3", "manage.py", "shell", "-c", script}
	_, err := p.execIn(ctx, p.app, paperlessSource, []string{variable}, cmd...)
	var exit *exitError
	if errors.As(err, &exit) && p.bundle.Paperless.AtLeast("2.15.0") {
		// What came from *_FILE variables is only in s6's environment (docs/facts/paperless.md#10).
		if _, with := p.execIn(ctx, p.app, paperlessSource, []string{variable}, append([]string{"/command/with-contenv"}, cmd...)...); with == nil {
			return nil
		}
	}
	return err
}
