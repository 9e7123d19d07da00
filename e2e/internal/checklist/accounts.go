package checklist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// Accounts are Paperless's accounts before a check, so that it can be repeated:
// a first sign-in is one only while the account is not there.
type Accounts struct {
	list []evidence.User // nil: they cannot be listed
}

// AccountsNow lists the accounts as the administrator.
func AccountsNow(ctx context.Context, p *check.Pass) *Accounts {
	list, err := users(ctx, p)
	if err != nil {
		p.Log.DebugContext(ctx, "list the accounts before a check", "error", err)
	}
	return &Accounts{list: list}
}

// PutBack removes the accounts that a check has made since, and makes the local
// account anew that it links. An error says why it may not be repeated.
func (a *Accounts) PutBack(ctx context.Context, p *check.Pass, c *check.Check) error {
	if a == nil || a.list == nil {
		if c.Changes {
			return errors.New("what it has changed cannot be told, because the accounts cannot be listed")
		}
		return nil
	}
	now, err := users(ctx, p)
	if err != nil {
		return err
	}
	added := fresh(a.list, now)
	local, links := deployment.LocalUser{}, false
	if c.Links != "" {
		local, links = p.Bundle.LocalUser(c.Links)
	}
	if !p.Target.Can().OwnAccounts && (links || len(added) > 0) {
		return errors.New("it may have made or linked accounts, and those of a pair that runs are not ours to put back")
	}
	for _, u := range added {
		if err := a.change(ctx, p, http.MethodDelete, paperless.UsersPath+strconv.Itoa(u.ID)+"/", nil); err != nil {
			return fmt.Errorf("remove the account %s: %w", u.Username, err)
		}
	}
	if !links {
		return nil
	}
	if err := a.anew(ctx, p, local, now); err != nil {
		return err
	}
	a.list, err = users(ctx, p) // it has another number now
	return err
}

// anew makes a local account without the link that a check gave it.
func (a *Accounts) anew(ctx context.Context, p *check.Pass, local deployment.LocalUser, now []evidence.User) error {
	linked := func(l deployment.Link) bool { return l.Username == local.Username }
	if len(local.Groups) > 0 || slices.ContainsFunc(p.Bundle.Paperless.Links, linked) {
		return fmt.Errorf("the account %s cannot be made anew as it was", local.Username)
	}
	for _, u := range now {
		if u.Username != local.Username {
			continue
		}
		if err := a.change(ctx, p, http.MethodDelete, paperless.UsersPath+strconv.Itoa(u.ID)+"/", nil); err != nil {
			return fmt.Errorf("remove the account %s: %w", u.Username, err)
		}
	}
	err := a.change(ctx, p, http.MethodPost, paperless.UsersPath, map[string]any{
		"username": local.Username, "email": local.Email, "password": local.Password, "is_active": !local.Inactive,
		"is_staff": local.Superuser, "is_superuser": local.Superuser, "groups": []int{}, "user_permissions": []string{},
	})
	if err != nil {
		return fmt.Errorf("make the account %s: %w", local.Username, err)
	}
	return nil
}

// change asks Paperless's API as the administrator to change something.
func (a *Accounts) change(ctx context.Context, p *check.Pass, method, path string, body any) error {
	authorize := administrator(p)
	if authorize == nil {
		return errors.New("no administrator is known")
	}
	c, err := p.Target.Client()
	if err != nil {
		return err
	}
	r, err := jsonRequest(ctx, method, at(p, path), body)
	if err != nil {
		return err
	}
	authorize(r)
	status, err := api(ctx, c, r, nil)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("%s %s answered %d", method, path, status)
	}
	return err
}
