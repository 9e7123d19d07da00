package model

import (
	"fmt"
	"maps"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// A provider is one OpenID Connect app of PAPERLESS_SOCIALACCOUNT_PROVIDERS, as
// allauth reads it.
type provider struct {
	id       string
	name     string
	clientID string
	secret   string
	hidden   bool
	app      map[string]any // its "settings"
	level    map[string]any // the openid_connect object around it
}

// A pyError is a Python exception: class, str() and, when it was raised from
// another, that one's line.
type pyError struct {
	class string
	msg   string
	cause string
}

func (e *pyError) Error() string {
	if e.msg == "" {
		return e.class
	}
	return e.class + ": " + e.msg
}

// lines are the traceback's decisive lines.
func (e *pyError) lines() []string {
	if e.cause == "" {
		return []string{e.Error()}
	}
	return []string{e.cause, e.Error()}
}

// request reports whether allauth catches it as a failed request to the provider.
func (e *pyError) request() bool { return strings.HasPrefix(e.class, "requests.exceptions.") }

func pyErrorf(class, format string, args ...any) *pyError {
	return &pyError{class: class, msg: fmt.Sprintf(format, args...)}
}

func noGet(v any) *pyError {
	return pyErrorf("AttributeError", "'%s' object has no attribute 'get'", pyType(v))
}

// apps are the OpenID Connect apps: allauth rewrites the older SERVERS and puts
// them in place of everything else; else they are those of APPS; else APP.
func (s *settings) apps() ([]provider, *pyError) {
	all, ok := s.providers.(map[string]any)
	if !ok {
		return nil, noGet(s.providers)
	}
	entry, ok := all["openid_connect"]
	if !ok {
		return nil, nil
	}
	level, ok := entry.(map[string]any)
	if !ok {
		return nil, noGet(entry)
	}
	if servers := level["SERVERS"]; servers != nil {
		rewritten, exc := rewriteServers(servers)
		if exc != nil {
			return nil, exc
		}
		level = map[string]any{"APPS": rewritten}
	}
	var raw []any
	switch apps := level["APPS"].(type) {
	case nil:
		if one := level["APP"]; one != nil {
			raw = []any{one}
		}
	case []any:
		raw = apps
	case map[string]any:
		if len(apps) > 0 {
			return nil, noGet(apps)
		}
	default:
		return nil, noGet(apps)
	}
	var out []provider
	for _, r := range raw {
		app, ok := r.(map[string]any)
		if !ok {
			return nil, noGet(r)
		}
		out = append(out, readProvider(level, app))
	}
	return out, nil
}

// rewriteServers is what allauth makes of SERVERS: each entry must have APP,
// server_url and id.
func rewriteServers(servers any) ([]any, *pyError) {
	list, ok := servers.([]any)
	if !ok {
		return nil, pyErrorf("TypeError", "string indices must be integers, not 'str'")
	}
	var out []any
	for _, item := range list {
		server, ok := item.(map[string]any)
		if !ok {
			return nil, pyErrorf("TypeError", "string indices must be integers, not 'str'")
		}
		for _, key := range []string{"APP", "server_url", "id"} {
			if _, ok := server[key]; !ok {
				return nil, pyErrorf("KeyError", "%s", pyRepr(key))
			}
		}
		inner, ok := server["APP"].(map[string]any)
		if !ok {
			return nil, pyErrorf("TypeError", "dict() argument after ** must be a mapping, not %s", pyType(server["APP"]))
		}
		if !paperless.Truthy(server["id"]) {
			return nil, pyErrorf("AssertionError", "")
		}
		app := maps.Clone(inner)
		set := map[string]any{"server_url": server["server_url"]}
		if v, ok := server["token_auth_method"]; ok {
			set["token_auth_method"] = v
		}
		app["name"], app["provider_id"], app["settings"] = server["name"], server["id"], set
		out = append(out, app)
	}
	return out, nil
}

// readProvider reads one app.
func readProvider(level, app map[string]any) provider {
	str := func(m map[string]any, key string) string {
		if v, ok := m[key]; ok && v != nil {
			return pyStr(v)
		}
		return ""
	}
	p := provider{
		id: str(app, "provider_id"), name: str(app, "name"), clientID: str(app, "client_id"), secret: str(app, "secret"), level: level,
	}
	p.app, _ = app["settings"].(map[string]any)
	if p.app == nil {
		p.app = map[string]any{}
	}
	p.hidden = paperless.Truthy(p.app["hidden"])
	return p
}

// find is the provider of a URL. The error is what the view then does: before
// 2.15.0 an exception, afterwards a 404 page.
func (c *call) find(id string) (*provider, *reply) {
	apps, exc := c.set.apps()
	if exc != nil {
		return nil, c.crash(exc.Error())
	}
	var hits []provider
	for _, a := range apps {
		if a.id == id {
			hits = append(hits, a)
		}
	}
	switch {
	case len(hits) == 1:
		return &hits[0], nil
	case len(hits) > 1:
		return nil, c.crash("django.core.exceptions.MultipleObjectsReturned")
	}
	if all, _ := c.set.providers.(map[string]any); len(all) > 0 && all["openid_connect"] == nil {
		for key, v := range all { // such as openidconnect: an app of a provider that is not there
			level, _ := v.(map[string]any)
			list, _ := level["APPS"].([]any)
			for _, r := range list {
				if app, _ := r.(map[string]any); app != nil && app["provider_id"] == id {
					return nil, c.crash("django.core.exceptions.ImproperlyConfigured: unknown provider: " + key)
				}
			}
		}
	}
	if c.set.at("2.15.0") {
		return nil, c.errorPage(404)
	}
	return nil, c.crash("allauth.socialaccount.models.SocialApp.DoesNotExist")
}

// segment reports whether an id fits into the provider's URL.
func segment(id string) bool { return id != "" && !strings.Contains(id, "/") }

// serverURL is the address that is fetched, by the rule of this version.
func (p *provider) serverURL(s *settings) (string, *pyError) {
	v, ok := p.app["server_url"]
	if !ok {
		return "", pyErrorf("KeyError", "'server_url'")
	}
	text, ok := v.(string)
	if !ok {
		return "", noGet(v)
	}
	app := deployment.App{Settings: map[string]any{"server_url": text}}
	return app.DiscoveryURL(s.at("2.14.0")), nil
}

// pkce is decided by truth of the value, so the string "False" turns it on.
func (p *provider) pkce(s *settings) bool {
	if v, ok := p.app["oauth_pkce_enabled"]; ok && s.at("2.14.0") {
		return paperless.Truthy(v)
	}
	return paperless.Truthy(p.level["OAUTH_PKCE_ENABLED"])
}

// scope are the requested scopes, in one order (the product's order is random).
func (p *provider) scope(s *settings) []string {
	v, ok := p.level["SCOPE"]
	if own, has := p.app["scope"]; has && s.at("2.14.0") {
		v, ok = own, true
	}
	if !ok {
		return []string{"email", "openid", "profile"}
	}
	var out []string
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			out = append(out, pyStr(item))
		}
	case string:
		for _, r := range v { // list("openid") is its letters
			out = append(out, string(r))
		}
	}
	return out
}

// authParams are extra parameters of the authorization request.
func (p *provider) authParams(s *settings) map[string]any {
	v, _ := p.level["AUTH_PARAMS"].(map[string]any)
	if own, ok := p.app["auth_params"].(map[string]any); ok && s.at("2.13.0") {
		return own
	}
	return v
}

// basic tells how the client authenticates at the token endpoint.
func (p *provider) basic(s *settings, doc map[string]any) bool {
	if v, ok := p.app["token_auth_method"]; ok && paperless.Truthy(v) {
		return v == "client_secret_basic"
	}
	methods, _ := doc["token_endpoint_auth_methods_supported"].([]any)
	has := map[any]bool{}
	for _, m := range methods {
		has[m] = true
	}
	if s.at("3.0.0") && has["client_secret_post"] {
		return false
	}
	return has["client_secret_basic"]
}

// emailAuthentication reports whether a matching address is enough to be the local user.
func (p *provider) emailAuthentication() bool {
	if v, ok := p.app["email_authentication"]; ok {
		return paperless.Truthy(v)
	}
	return paperless.Truthy(p.level["EMAIL_AUTHENTICATION"])
}

// trustsEmail reports whether an address counts as verified without the claim.
func (p *provider) trustsEmail(email string) (bool, *pyError) {
	v, ok := p.app["verified_email"]
	if !ok {
		v = p.level["VERIFIED_EMAIL"]
	}
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case []any:
		_, domain, _ := strings.Cut(strings.ToLower(email), "@")
		for _, d := range v {
			if strings.ToLower(pyStr(d)) == domain {
				return true, nil
			}
		}
		return false, nil
	}
	return false, pyErrorf("django.core.exceptions.ImproperlyConfigured", "verified_email wrongly configured")
}
