package model

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// apiUsers is /api/users/ and /api/users/<id>/.
func (c *call) apiUsers() *reply {
	need := map[string]string{
		http.MethodGet: "view_user", http.MethodPost: "add_user", http.MethodPatch: "change_user",
		http.MethodPut: "change_user", http.MethodDelete: "delete_user",
	}[c.r.Method]
	ok := false
	c.tx(func(d *State) { ok = need != "" && d.allowed(d.byID(c.user.ID), need) })
	if !ok {
		return forbidden()
	}
	rest := strings.Trim(strings.TrimPrefix(c.path, "/api/users/"), "/")
	if rest == "" {
		switch c.r.Method {
		case http.MethodGet:
			return c.listUsers()
		case http.MethodPost:
			return c.writeUser(0)
		}
		return c.notAllowed()
	}
	id, err := strconv.Atoi(rest)
	if err != nil {
		return c.missing(c.r.Method + " " + c.path)
	}
	exists := false
	c.tx(func(d *State) { u := d.byID(id); exists = u != nil && !u.system() })
	if !exists {
		return detail(http.StatusNotFound, "No User matches the given query.")
	}
	switch c.r.Method {
	case http.MethodGet:
		var out any
		c.tx(func(d *State) { out = c.userJSON(d, d.byID(id)) })
		return jsonReply(http.StatusOK, out)
	case http.MethodDelete:
		c.tx(func(d *State) {
			d.Users = slices.DeleteFunc(d.Users, func(u User) bool { return u.ID == id })
			d.Links = slices.DeleteFunc(d.Links, func(l Link) bool { return l.User == id })
		})
		return &reply{status: http.StatusNoContent}
	case http.MethodPatch, http.MethodPut:
		return c.writeUser(id)
	}
	return c.notAllowed()
}

// listUsers lists the users by name; the two accounts of the migrations are left out.
func (c *call) listUsers() *reply {
	exact, part := c.query.Get("username__iexact"), strings.ToLower(c.query.Get("username__icontains"))
	results := []any{}
	c.tx(func(d *State) {
		users := slices.Clone(d.Users)
		slices.SortFunc(users, func(a, b User) int {
			return strings.Compare(strings.ToLower(a.Username), strings.ToLower(b.Username))
		})
		for i := range users {
			u := &users[i]
			if u.system() || (exact != "" && !strings.EqualFold(u.Username, exact)) || !strings.Contains(strings.ToLower(u.Username), part) {
				continue
			}
			results = append(results, c.userJSON(d, u))
		}
	})
	return jsonReply(http.StatusOK, listing(results))
}

func (c *call) userJSON(d *State, u *User) map[string]any {
	groups, inherited := []int{}, []string{}
	for _, name := range u.Groups {
		if g := d.group(name); g != nil {
			groups = append(groups, g.ID)
			inherited = append(inherited, g.Permissions...)
		}
	}
	own := u.Permissions
	if own == nil {
		own = []string{}
	}
	out := map[string]any{
		"id": u.ID, "username": u.Username, "email": u.Email, "password": "**********",
		"first_name": u.FirstName, "last_name": u.LastName, "date_joined": u.Joined.UTC().Format("2006-01-02T15:04:05.000000Z"),
		"is_staff": u.Staff, "is_active": u.Active, "is_superuser": u.Superuser, "groups": groups,
		"user_permissions": own, "inherited_permissions": inherited,
	}
	if c.set.at("2.14.0") {
		out["is_mfa_enabled"] = false
	}
	return out
}

// writeUser makes a user (id 0) or changes one.
func (c *call) writeUser(id int) *reply {
	in, rep := c.input()
	if rep != nil {
		return rep
	}
	problems := map[string]any{}
	name, named := in["username"].(string)
	password, hasPassword := in["password"].(string)
	hasPassword = hasPassword && strings.Trim(password, "*") != ""
	if hasPassword && c.set.at("2.19.6") {
		if bad := passwordProblems(password); bad != nil {
			problems["password"] = bad
		}
	}
	if id == 0 && name == "" {
		problems["username"] = []string{"This field is required."}
	}
	var out any
	c.tx(func(d *State) {
		if named && slices.ContainsFunc(d.Users, func(u User) bool { return u.Username == name && u.ID != id }) {
			problems["username"] = []string{"A user with that username already exists."}
		}
		if len(problems) > 0 {
			return
		}
		u := d.byID(id)
		if u == nil {
			u = d.addUser(User{Password: "!", Active: true, Joined: c.now()})
		}
		if named {
			u.Username = name
		}
		if hasPassword {
			c.redactor.Add(password)
			u.Password = hashPassword(password)
		}
		for key, field := range map[string]*string{"email": &u.Email, "first_name": &u.FirstName, "last_name": &u.LastName} {
			if v, ok := in[key].(string); ok {
				*field = v
			}
		}
		for key, field := range map[string]*bool{"is_active": &u.Active, "is_staff": &u.Staff, "is_superuser": &u.Superuser} {
			if v, ok := in[key].(bool); ok {
				*field = v
			}
		}
		if list, ok := in["groups"].([]any); ok {
			u.Groups = nil
			for _, v := range list {
				n, _ := v.(float64)
				for _, g := range d.Groups {
					if g.ID == int(n) {
						u.Groups = append(u.Groups, g.Name)
					}
				}
			}
		}
		if list, ok := in["user_permissions"].([]any); ok {
			u.Permissions = texts(list)
		}
		out = c.userJSON(d, u)
	})
	switch {
	case len(problems) > 0:
		return jsonReply(http.StatusBadRequest, problems)
	case id == 0:
		return jsonReply(http.StatusCreated, out)
	}
	return jsonReply(http.StatusOK, out)
}

func texts(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, pyStr(v))
	}
	return out
}

// passwordProblems is the part of the password policy that we know.
func passwordProblems(password string) []string {
	var out []string
	if len([]rune(password)) < 8 {
		out = append(out, "This password is too short. It must contain at least 8 characters.")
	}
	if password != "" && strings.Trim(password, "0123456789") == "" {
		out = append(out, "This password is entirely numeric.")
	}
	return out
}

// apiGroups is /api/groups/.
func (c *call) apiGroups() *reply {
	need := map[string]string{http.MethodGet: "view_group", http.MethodPost: "add_group"}[c.r.Method]
	if need == "" {
		return c.missing(c.r.Method + " " + c.path)
	}
	ok := false
	c.tx(func(d *State) { ok = d.allowed(d.byID(c.user.ID), need) })
	if !ok {
		return forbidden()
	}
	show := func(g *Group) map[string]any {
		permissions := g.Permissions
		if permissions == nil {
			permissions = []string{}
		}
		return map[string]any{"id": g.ID, "name": g.Name, "permissions": permissions}
	}
	if c.r.Method == http.MethodGet {
		results := []any{}
		c.tx(func(d *State) {
			for i := range d.Groups {
				results = append(results, show(&d.Groups[i]))
			}
		})
		return jsonReply(http.StatusOK, listing(results))
	}
	in, rep := c.input()
	if rep != nil {
		return rep
	}
	name, _ := in["name"].(string)
	permissions, _ := in["permissions"].([]any)
	var out any
	taken := false
	c.tx(func(d *State) {
		if taken = d.group(name) != nil; !taken && name != "" {
			out = show(d.addGroup(name, texts(permissions)...))
		}
	})
	switch {
	case name == "":
		return jsonReply(http.StatusBadRequest, map[string]any{"name": []string{"This field is required."}})
	case taken:
		return jsonReply(http.StatusBadRequest, map[string]any{"name": []string{"group with this name already exists."}})
	}
	return jsonReply(http.StatusCreated, out)
}

// headless is allauth's API for apps (3.0.0): it tells the providers to anybody.
func (c *call) headless() *reply {
	switch rest := strings.TrimPrefix(c.path, "/api/auth/headless/"); {
	case rest == "app/v1/config" && c.r.Method == http.MethodGet:
		return c.headlessConfig()
	case rest == "app/v1/auth/provider/token" && c.r.Method == http.MethodPost:
		return c.headlessToken()
	case rest == "app/v1/auth/login" && c.r.Method == http.MethodPost:
		return c.headlessLogin()
	}
	return c.missing(c.r.Method + " " + c.path)
}

func (c *call) headlessConfig() *reply {
	providers := []any{}
	if c.set.openID {
		apps, exc := c.set.apps()
		if exc != nil {
			return c.crash(exc.Error())
		}
		for i := range apps {
			p := &apps[i]
			entry := map[string]any{"id": p.id, "name": p.name, "client_id": p.clientID, "flows": []string{"provider_redirect", "provider_token"}}
			if u, exc := p.serverURL(c.set); exc == nil {
				entry["openid_configuration_url"] = u
			}
			providers = append(providers, entry)
		}
	}
	return jsonReply(http.StatusOK, map[string]any{"status": http.StatusOK, "data": map[string]any{
		"account":       map[string]any{"is_open_for_signup": c.set.allowLocal},
		"socialaccount": map[string]any{"providers": providers},
	}})
}

func (c *call) headlessLogin() *reply {
	refuse := func(code, text string) *reply {
		return jsonReply(http.StatusBadRequest, map[string]any{
			"status": http.StatusBadRequest, "errors": []any{map[string]any{"message": text, "code": code, "param": "password"}},
		})
	}
	in, rep := c.input()
	if rep != nil {
		return rep
	}
	if c.set.noRegular {
		return refuse("invalid", "Regular login is disabled")
	}
	name := pyStr(in["username"])
	if in["username"] == nil {
		name = pyStr(in["email"])
	}
	u := c.authenticate(name, pyStr(in["password"]))
	if u == nil || !u.Active {
		return refuse("username_password_mismatch", "The username and/or password you specified are not correct.")
	}
	return c.missing("a session of the headless API")
}
