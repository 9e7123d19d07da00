package model

import (
	"net/http"
	"strconv"
	"strings"
)

// apiProfile is the signed-in user's own data. It tells no user name.
func (c *call) apiProfile() *reply {
	switch c.r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPatch:
		if rep := c.patchProfile(); rep != nil {
			return rep
		}
	default:
		return c.notAllowed()
	}
	var accounts []map[string]any
	var exc *pyError
	var u User
	token := any(nil)
	c.tx(func(d *State) {
		u = *d.byID(c.user.ID)
		for t, owner := range d.Tokens {
			if owner == u.ID {
				token = t
			}
		}
		for i := range d.Links {
			l := &d.Links[i]
			if l.User != u.ID {
				continue
			}
			name, e := c.label(l)
			if e != nil {
				exc = e
				return
			}
			accounts = append(accounts, map[string]any{"id": l.ID, "provider": l.Provider, "name": name})
		}
	})
	if exc != nil {
		return c.crash(exc.Error())
	}
	if accounts == nil {
		accounts = []map[string]any{}
	}
	password := ""
	if u.usable() {
		password = "**********"
	}
	out := map[string]any{
		"email": u.Email, "password": password, "first_name": u.FirstName, "last_name": u.LastName, "auth_token": token,
		"social_accounts": accounts, "has_usable_password": u.usable(),
	}
	if c.set.at("2.14.0") {
		out["is_mfa_enabled"] = false
	}
	return jsonReply(http.StatusOK, out)
}

func (c *call) patchProfile() *reply {
	in, rep := c.input()
	if rep != nil {
		return rep
	}
	password := pyStr(in["password"])
	change := in["password"] != nil && strings.Trim(password, "*") != ""
	if problems := passwordProblems(password); change && c.set.at("2.19.6") && problems != nil {
		return jsonReply(http.StatusBadRequest, map[string]any{"password": problems})
	}
	c.tx(func(d *State) {
		u := d.byID(c.user.ID)
		for key, field := range map[string]*string{"email": &u.Email, "first_name": &u.FirstName, "last_name": &u.LastName} {
			if v, ok := in[key]; ok && v != nil {
				*field = pyStr(v)
			}
		}
		if change {
			u.Password = hashPassword(password) // ends the user's sessions
		}
	})
	return nil
}

// label is how a linked account is named in My Profile.
func (c *call) label(l *Link) (string, *pyError) {
	if !c.set.openID {
		return "", pyErrorf("django.core.exceptions.ImproperlyConfigured", "unknown provider: openid_connect")
	}
	apps, exc := c.set.apps()
	if exc != nil {
		return "", exc
	}
	for _, a := range apps {
		if a.id != l.Provider {
			continue
		}
		data := l.Extra
		if c.set.at("2.20.0") {
			for _, where := range []string{"userinfo", "id_token"} { // older links are flat
				if m, ok := l.Extra[where].(map[string]any); ok {
					data = m
					break
				}
			}
		}
		field := "name"
		if c.set.at("2.12.0") {
			field = "email"
		}
		if v, ok := data[field].(string); ok && v != "" {
			return v, nil
		}
		return a.name, nil
	}
	if c.set.at("2.16.0") {
		return "Unknown App", nil
	}
	return "", pyErrorf("allauth.socialaccount.models.SocialApp.DoesNotExist", "")
}

func (c *call) apiProviders() *reply {
	if c.r.Method != http.MethodGet {
		return c.notAllowed()
	}
	out := []map[string]any{}
	if c.set.openID {
		apps, exc := c.set.apps()
		if exc != nil {
			return c.crash(exc.Error())
		}
		for _, a := range apps {
			out = append(out, map[string]any{"name": a.name, "login_url": c.set.script + "/accounts/oidc/" + a.id + "/login/?process=connect"})
		}
	}
	return jsonReply(http.StatusOK, out)
}

// apiDisconnect removes a link, even from a user who then cannot sign in.
func (c *call) apiDisconnect() *reply {
	if c.r.Method != http.MethodPost {
		return c.notAllowed()
	}
	in, rep := c.input()
	if rep != nil {
		return rep
	}
	id, _ := strconv.Atoi(pyStr(in["id"])) // 0 is nobody's
	found := false
	c.tx(func(d *State) {
		for i := range d.Links {
			if d.Links[i].ID == id && d.Links[i].User == c.user.ID {
				d.Links = append(d.Links[:i:i], d.Links[i+1:]...)
				found = true
				return
			}
		}
	})
	if !found {
		return &reply{status: http.StatusBadRequest, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte("Social account not found")}
	}
	return jsonReply(http.StatusOK, id)
}

func (c *call) apiGenerateToken() *reply {
	if c.r.Method != http.MethodPost {
		return c.notAllowed()
	}
	token := ""
	c.tx(func(d *State) { token = c.tokenOf(d, c.user.ID, true) })
	return jsonReply(http.StatusOK, token)
}
