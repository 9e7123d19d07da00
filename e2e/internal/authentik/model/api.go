package model

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// api is the part of the REST API that a tester asks (docs/facts/authentik.md#3).
func (s *Server) api(v *visit, p string) {
	if rest, ok := strings.CutPrefix(p, "/flows/executor/"); ok {
		s.executor(v, strings.TrimSuffix(rest, "/"))
		return
	}
	if p == "/root/config/" {
		v.json(http.StatusOK, object{{"error_reporting", object{{"enabled", false}}}, {"capabilities", []string{}}, {"cache_timeout", 300}})
		return
	}
	token, bearer := strings.CutPrefix(v.r.Header.Get("Authorization"), "Bearer ")
	switch {
	case bearer && (s.opts.Token == "" || token != s.opts.Token):
		v.json(http.StatusForbidden, object{{"detail", "Token invalid/expired"}})
		return
	case !bearer:
		v.json(http.StatusForbidden, object{{"detail", "Authentication credentials were not provided."}})
		return
	case v.r.Method != http.MethodGet:
		s.missing(v, "API "+v.r.Method+" "+p)
		return
	}
	q := v.r.URL.Query()
	if slug, ok := strings.CutPrefix(p, "/core/applications/"); ok && slug != "" {
		s.applicationJSON(v, strings.TrimSuffix(slug, "/"))
		return
	}
	if key, ok := strings.CutPrefix(p, "/policies/expression/"); ok && key != "" {
		s.expressionJSON(v, strings.TrimSuffix(key, "/"))
		return
	}
	switch p {
	case "/core/groups/":
		v.results(s.groups())
	case "/policies/bindings/":
		v.results(s.bindings(q.Get("target")))
	case "/admin/version/":
		v.json(http.StatusOK, object{{"version_current", s.opts.Version}, {"version_latest", s.opts.Version}, {"outdated", false}})
	case "/providers/oauth2/":
		var list []any
		for i, pr := range s.model.Providers {
			if id := q.Get("client_id"); id == "" || id == pr.ClientID {
				list = append(list, s.providerJSON(i+1, &pr))
			}
		}
		v.results(list)
	case "/propertymappings/provider/scope/":
		var list []any
		for _, scope := range []string{"openid", "email", "profile", "offline_access"} {
			list = append(list, object{{"pk", digest(scope)[:32]}, {"name", scope}, {"scope_name", scope}, {"managed", "goauthentik.io/providers/oauth2/scope-" + scope}})
		}
		for _, m := range s.model.Mappings {
			list = append(list, object{{"pk", digest("mapping " + m.Name)[:32]}, {"name", m.Name}, {"scope_name", m.Scope}, {"managed", nil}, {"expression", m.Expression}})
		}
		v.results(list)
	case "/core/users/":
		var list []any
		for i, u := range s.model.Users {
			if name := q.Get("username"); name == "" || name == u.Username {
				list = append(list, object{{"pk", i + 5}, {"username", u.Username}, {"name", u.Name}, {"email", u.Email}, {"is_active", !u.Inactive}})
			}
		}
		v.results(list)
	case "/events/events/":
		var list []any
		for i, action := range slices.Backward(s.events) {
			list = append(list, object{{"pk", strconv.Itoa(i)}, {"action", action}})
		}
		v.results(list)
	case "/flows/instances/":
		var list []any
		for _, slug := range []string{flowAuthentication, flowInvalidation, flowExplicit, flowImplicit, flowSessionEnd} {
			if want := q.Get("slug"); want == "" || want == slug {
				list = append(list, object{{"pk", digest(slug)[:32]}, {"slug", slug}, {"name", slug}})
			}
		}
		v.results(list)
	case "/managed/blueprints/":
		v.results([]any{object{{"name", "ssocheck-paperless"}, {"path", "custom/ssocheck.yaml"}, {"status", "successful"}, {"enabled", true}}})
	default:
		s.missing(v, "API "+p)
	}
}

// providerJSON is a provider as authentik's serializer shows it.
func (s *Server) providerJSON(pk int, p *deployment.OAuth2Provider) object {
	or := func(value, fallback string) string {
		if value == "" {
			return fallback
		}
		return value
	}
	mappings := []string{}
	for _, scope := range p.Scopes {
		mapping := digest(scope)[:32]
		for _, m := range s.model.Mappings {
			if m.Scope == scope {
				mapping = digest("mapping " + m.Name)[:32]
			}
		}
		mappings = append(mappings, mapping)
	}
	key := func(set bool) any {
		if set {
			return digest("key")[:32]
		}
		return nil
	}
	flow := flowImplicit
	if p.Consent {
		flow = flowExplicit
	}
	out := object{
		{"pk", pk},
		{"name", p.Name},
		{"client_type", or(p.ClientType, "confidential")},
		{"client_id", p.ClientID},
		{"client_secret", p.ClientSecret},
		{"redirect_uris", s.uris(p)},
		{"property_mappings", mappings},
		{"signing_key", key(p.SigningKey)},
		{"encryption_key", key(p.EncryptionKey)},
		{"authorization_flow", digest(flow)[:32]},
		{"sub_mode", or(p.SubMode, "hashed_user_id")},
		{"issuer_mode", or(p.IssuerMode, "per_provider")},
		{"access_code_validity", or(p.AccessCodeValidity, "minutes=1")},
		{"access_token_validity", or(p.AccessTokenValidity, "hours=1")},
	}
	slug, name := "", ""
	if a := s.model.Application(p.Name); a != nil {
		slug, name = a.Slug, a.Name
	}
	out = append(out, object{{"assigned_application_slug", slug}, {"assigned_application_name", name}}...)
	if s.at("2026.5.0") {
		out = append(out, object{{"grant_types", p.GrantTypes}}...)
	}
	return out
}

// providerKey is the number of a provider; nil where there is none.
func (s *Server) providerKey(name string) any {
	for i := range s.model.Providers {
		if s.model.Providers[i].Name == name {
			return i + 1
		}
	}
	return nil
}

// applicationKey is the uuid of an application.
func applicationKey(slug string) string { return digest("application " + slug)[:32] }

// applicationJSON is an application as its page of the API has it.
func (s *Server) applicationJSON(v *visit, slug string) {
	for _, a := range s.model.Applications {
		if a.Slug == slug {
			v.json(http.StatusOK, object{{"pk", applicationKey(slug)}, {"name", a.Name}, {"slug", a.Slug}, {"provider", s.providerKey(a.Provider)}, {"policy_engine_mode", "any"}})
			return
		}
	}
	v.json(http.StatusNotFound, object{{"detail", "No Application matches the given query."}})
}

// denyKey is the uuid of the policy that denies.
var denyKey = digest("deny")[:32] // never changed

// expressionJSON is an expression policy.
func (s *Server) expressionJSON(v *visit, key string) {
	if key != denyKey {
		v.json(http.StatusNotFound, object{{"detail", "No ExpressionPolicy matches the given query."}})
		return
	}
	v.json(http.StatusOK, object{{"pk", key}, {"name", "deny"}, {"expression", "return False"}})
}

// groups are all groups with their users.
func (s *Server) groups() []any {
	names := slices.Clone(s.model.Groups)
	for _, a := range s.model.Applications {
		names = append(names, a.Groups...)
	}
	for _, u := range s.model.Users {
		names = append(names, u.Groups...)
	}
	slices.Sort(names)
	var list []any
	for i, name := range slices.Compact(names) {
		users := []int{}
		for n, u := range s.model.Users {
			if slices.Contains(u.Groups, name) {
				users = append(users, n+5)
			}
		}
		list = append(list, object{{"pk", digest("group " + name)[:32]}, {"num_pk", i + 1}, {"name", name}, {"parent", nil}, {"users", users}})
	}
	return list
}

// bindings are what says who may use an application.
func (s *Server) bindings(target string) []any {
	var list []any
	for _, a := range s.model.Applications {
		key := applicationKey(a.Slug)
		if target != "" && target != key {
			continue
		}
		for i, g := range a.Groups {
			list = append(list, object{
				{"pk", digest(key + g)[:32]},
				{"target", key},
				{"group", digest("group " + g)[:32]},
				{"group_obj", object{{"name", g}}},
				{"policy", nil},
				{"user", nil},
				{"negate", false},
				{"enabled", true},
				{"order", i},
			})
		}
		if a.Deny {
			list = append(list, object{
				{"pk", digest(key + "deny")[:32]},
				{"target", key},
				{"policy", denyKey},
				{"policy_obj", object{{"name", "deny-" + a.Slug}}},
				{"group", nil},
				{"user", nil},
				{"negate", false},
				{"enabled", true},
				{"order", len(a.Groups)},
			})
		}
	}
	return list
}

func (v *visit) results(list []any) {
	if list == nil {
		list = []any{}
	}
	v.json(http.StatusOK, object{{"pagination", object{{"count", len(list)}, {"next", 0}}}, {"results", list}})
}

// uris are the registered redirect URIs, also one that was learned.
func (s *Server) uris(p *deployment.OAuth2Provider) any {
	uris := p.RedirectURIs
	if learned := s.db.learned[p.ClientID]; len(uris) == 0 && learned != "" {
		uris = []deployment.RedirectURI{{MatchingMode: "strict", URL: learned}}
	}
	list := []any{}
	var lines []string
	for _, r := range uris {
		list = append(list, object{{"matching_mode", r.MatchingMode}, {"url", r.URL}})
		lines = append(lines, r.URL)
	}
	if s.matchingModes() {
		return list
	}
	return strings.Join(lines, "\n")
}
