package model

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// api answers /api/: who is asking is found first, as Django REST framework does.
func (c *call) api() *reply {
	switch {
	case c.path == "/api/token/":
		return c.apiToken()
	case c.path == "/api/auth/login/":
		return c.apiLogin()
	case c.path == "/api/auth/logout/":
		return c.logout()
	case strings.HasPrefix(c.path, "/api/auth/headless/") && c.set.at("3.0.0"):
		return c.headless()
	}
	view, ok := c.apiView()
	if !ok {
		return c.missing(c.r.Method + " " + c.path)
	}
	if rep := c.apiAuthenticate(); rep != nil {
		return rep
	}
	if !c.versionAccepted() {
		return detail(http.StatusNotAcceptable, `Invalid version in "Accept" header.`)
	}
	if c.user == nil {
		rep := detail(http.StatusUnauthorized, "Authentication credentials were not provided.")
		if !c.set.at("2.6.0") {
			rep.header.Set("WWW-Authenticate", `Basic realm="api"`)
		}
		return rep
	}
	return view()
}

func (c *call) apiView() (func() *reply, bool) {
	switch rest := strings.TrimPrefix(c.path, "/api/"); {
	case rest == "":
		return func() *reply { return jsonReply(http.StatusOK, map[string]any{}) }, true
	case rest == "profile/":
		return c.apiProfile, true
	case rest == "profile/social_account_providers/":
		return c.apiProviders, true
	case rest == "profile/disconnect_social_account/":
		return c.apiDisconnect, true
	case rest == "profile/generate_auth_token/":
		return c.apiGenerateToken, true
	case rest == "ui_settings/":
		return c.apiUISettings, true
	case rest == "saved_views/":
		return c.apiSavedViews, true
	case rest == "users/" || strings.HasPrefix(rest, "users/"):
		return c.apiUsers, true
	case rest == "groups/":
		return c.apiGroups, true
	}
	return nil, false
}

func detail(status int, text string) *reply {
	return jsonReply(status, map[string]any{"detail": text})
}

// apiVersions are the oldest and the newest version of the API.
func (c *call) apiVersions() [2]string {
	for _, v := range []struct{ since, oldest, newest string }{
		{"3.0.0", "9", "10"}, {"2.16.0", "1", "9"}, {"2.15.0", "1", "8"}, {"2.14.7", "1", "7"}, {"2.14.0", "1", "6"},
	} {
		if c.set.at(v.since) {
			return [2]string{v.oldest, v.newest}
		}
	}
	return [2]string{"1", "5"}
}

func (c *call) versionAccepted() bool {
	_, asked, ok := strings.Cut(c.r.Header.Get("Accept"), "version=")
	if !ok {
		return true
	}
	asked, _, _ = strings.Cut(asked, ",")
	n, err := strconv.Atoi(strings.TrimSpace(asked))
	if err != nil {
		return false
	}
	v := c.apiVersions()
	oldest, _ := strconv.Atoi(v[0]) // our own table
	newest, _ := strconv.Atoi(v[1])
	return n >= oldest && n <= newest
}

// apiAuthenticate takes Basic, then a token, then the session, whose writing
// requests must pass the CSRF check.
func (c *call) apiAuthenticate() *reply {
	kind, value, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	switch strings.ToLower(kind) {
	case "basic":
		raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(value)) // garbage: a wrong password
		name, password, _ := strings.Cut(string(raw), ":")
		u := c.authenticateName(name, password)
		switch {
		case u == nil:
			return detail(http.StatusUnauthorized, "Invalid username/password.")
		case !u.Active:
			return detail(http.StatusUnauthorized, "User inactive or deleted.")
		}
		c.user = u
		return nil
	case "token":
		var u *User
		c.tx(func(d *State) {
			if hit := d.byID(d.Tokens[strings.TrimSpace(value)]); hit != nil {
				who := *hit
				u = &who
			}
		})
		switch {
		case u == nil:
			return detail(http.StatusUnauthorized, "Invalid token.")
		case !u.Active:
			return detail(http.StatusUnauthorized, "User inactive or deleted.")
		}
		c.user = u
		return nil
	}
	if c.user == nil {
		return nil
	}
	if problem := c.csrfProblem(); problem != "" {
		return detail(http.StatusForbidden, "CSRF Failed: "+problem)
	}
	return nil
}

// authenticateName is the password check of the API, which takes no addresses.
func (c *call) authenticateName(name, password string) *User {
	var out *User
	c.tx(func(d *State) {
		if u := d.byName(name); u != nil && u.usable() && u.checkPassword(password) {
			who := *u
			out = &who
		}
	})
	return out
}

// input is the request's document: JSON, or a form.
func (c *call) input() (map[string]any, *reply) {
	out := map[string]any{}
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(c.raw, &out); err != nil {
			return nil, detail(http.StatusBadRequest, "JSON parse error")
		}
		return out, nil
	}
	for k, v := range c.form {
		out[k] = v[0]
	}
	return out, nil
}

func (c *call) notAllowed() *reply {
	return detail(http.StatusMethodNotAllowed, `Method "`+c.r.Method+`" not allowed.`)
}

func forbidden() *reply {
	return detail(http.StatusForbidden, "You do not have permission to perform this action.")
}

// apiToken gives a token for a password; DISABLE_REGULAR_LOGIN does not close it.
func (c *call) apiToken() *reply {
	if c.r.Method != http.MethodPost {
		return c.notAllowed()
	}
	if c.set.tokenRate > 0 && c.tooMany("token:"+hostname(c.r.RemoteAddr), c.set.tokenRate, time.Minute, true) {
		return detail(http.StatusTooManyRequests, "Request was throttled. Expected available in 60 seconds.")
	}
	in, rep := c.input()
	if rep != nil {
		return rep
	}
	missing := map[string]any{}
	for _, k := range []string{"username", "password"} {
		if in[k] == nil || in[k] == "" {
			missing[k] = []string{"This field is required."}
		}
	}
	if len(missing) > 0 {
		return jsonReply(http.StatusBadRequest, missing)
	}
	u := c.authenticateName(pyStr(in["username"]), pyStr(in["password"]))
	if u == nil || !u.Active {
		return jsonReply(http.StatusBadRequest, map[string]any{"non_field_errors": []string{"Unable to log in with provided credentials."}})
	}
	token := ""
	c.tx(func(d *State) { token = c.tokenOf(d, u.ID, false) })
	return jsonReply(http.StatusOK, map[string]any{"token": token})
}

// tokenOf is the user's API token, made when there is none or when it is to be new.
func (c *call) tokenOf(d *State, id int, fresh bool) string {
	for t, owner := range d.Tokens {
		if owner == id && !fresh {
			return t
		}
		if owner == id {
			delete(d.Tokens, t)
		}
	}
	t := strings.ToLower(random(40))
	c.redactor.Add(t)
	d.Tokens[t] = id
	return t
}

// apiUISettings is what the web application starts with.
func (c *call) apiUISettings() *reply {
	var out map[string]any
	c.tx(func(d *State) {
		u := d.byID(c.user.ID)
		if c.set.at("2.6.0") && !d.allowed(u, viewUISettings) {
			return
		}
		groups := []int{}
		permissions := []string{}
		for _, name := range u.Groups {
			if g := d.group(name); g != nil {
				groups = append(groups, g.ID)
				permissions = append(permissions, g.Permissions...)
			}
		}
		permissions = append(permissions, u.Permissions...)
		if u.Superuser {
			permissions = append(permissions, viewUISettings)
		}
		out = map[string]any{
			"user": map[string]any{
				"id": u.ID, "username": u.Username, "first_name": u.FirstName, "last_name": u.LastName,
				"is_staff": u.Staff, "is_superuser": u.Superuser, "groups": groups,
			},
			"settings":    map[string]any{"version": c.set.version},
			"permissions": permissions,
		}
	})
	if out == nil {
		return forbidden()
	}
	return jsonReply(http.StatusOK, out)
}

func (c *call) apiSavedViews() *reply {
	ok := false
	c.tx(func(d *State) { ok = d.allowed(d.byID(c.user.ID), "view_savedview") })
	if !ok {
		return forbidden()
	}
	return jsonReply(http.StatusOK, listing([]any{}))
}

// listing is a page of Django REST framework with everything on it.
func listing(results []any) map[string]any {
	return map[string]any{"count": len(results), "next": nil, "previous": nil, "results": results}
}
