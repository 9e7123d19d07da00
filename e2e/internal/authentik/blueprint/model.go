package blueprint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/token"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// builder makes the model out of the entries.
type builder struct {
	r       *reader
	entries []*entry
	ids     map[string]*entry
	out     *Blueprint
	errs    []error
}

func (b *builder) note(at *token.Position, format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if at != nil {
		s = fmt.Sprintf("%s:%d: %s", b.r.file, at.Line, s)
	}
	b.out.Notes = append(b.out.Notes, s)
}

func lineOf(at *token.Position) int {
	if at == nil {
		return 0
	}
	return at.Line
}

func (b *builder) add(m *object, at *token.Position) {
	model, _ := m.get("model")
	id, _ := m.get("id")
	state, _ := m.get("state")
	if textOf(state) == "absent" {
		return
	}
	if conditions, ok := m.get("conditions"); ok {
		list, _ := conditions.([]any)
		open := slices.IndexFunc(list, func(v any) bool { _, ok := v.(*unknownValue); return ok })
		switch {
		case slices.ContainsFunc(list, truth), len(list) == 0:
		case open >= 0: // what it says is looked at, rather than left out
			b.note(m.places["conditions"], "it is not known whether this entry is applied: %s", list[open].(*unknownValue).why)
		default:
			return
		}
	}
	if p := m.places["model"]; p != nil {
		at = p
	}
	e := &entry{model: strings.ToLower(textOf(model)), id: textOf(id), attrs: &object{}, at: at}
	for _, part := range []string{"identifiers", "attrs"} {
		v, _ := m.get(part)
		if fields, ok := v.(*object); ok {
			for _, k := range fields.keys {
				e.attrs.set(k, fields.values[k], fields.places[k])
			}
		}
	}
	e.name = b.entryName(e)
	if e.name == "" && e.model == providerModel { // its application refers to it by name
		e.name = cmp.Or(e.id, "the provider of line "+strconv.Itoa(lineOf(at)))
	}
	b.entries = append(b.entries, e)
	if e.id != "" {
		b.ids[e.id] = e
	}
}

// The models that a sign-in depends on.
const (
	providerModel    = "authentik_providers_oauth2.oauth2provider"
	scopeModel       = "authentik_providers_oauth2.scopemapping"
	applicationModel = "authentik_core.application"
	groupModel       = "authentik_core.group"
	userModel        = "authentik_core.user"
	bindingModel     = "authentik_policies.policybinding"
	expressionModel  = "authentik_policies_expression.expressionpolicy"
	flowModel        = "authentik_flows.flow"
)

func (b *builder) entryName(e *entry) string {
	key := "name"
	switch e.model {
	case applicationModel, flowModel:
		key = "slug"
	case userModel:
		key = "username"
	}
	name := b.text(e, key)
	if name == "" && e.model == scopeModel {
		name = b.text(e, "managed")
	}
	return name
}

// text is an attribute as text. One that depends on something outside of the
// file is empty, and a note.
func (b *builder) text(e *entry, key string) string {
	v, _ := e.attrs.get(key)
	if u, ok := v.(*unknownValue); ok {
		b.unknown(e, key, u)
		return ""
	}
	return textOf(v)
}

// needed are the fields that the sign-in depends on: what the run assumes in
// place of one that is not known must be told.
var needed = map[string][]string{
	providerModel:    {"client_id", "client_secret", "redirect_uris", "property_mappings"},
	applicationModel: {"slug"},
}

// unknown remembers a field that is not known: one that the sign-in depends on by
// name, any other as a note.
func (b *builder) unknown(e *entry, key string, u *unknownValue) {
	if !slices.Contains(needed[e.model], key) {
		b.note(u.at, "%s is not known: %s", key, u.why)
		return
	}
	f := UnknownField{Of: "providers/" + e.name, Field: key, Env: u.name, Why: u.why}
	if e.model == applicationModel {
		f.Of = "applications/" + e.name
	}
	if u.at != nil {
		f.At = deployment.Origin{File: b.r.file, Line: u.at.Line, Column: u.at.Column}
	}
	if !b.out.Lacks(f.Of, f.Field) {
		b.out.Unknown = append(b.out.Unknown, f)
	}
}

// resolve is the name of what a reference means: the name of an entry of this
// file, or the field that the reference looks up.
func (b *builder) resolve(v any, model string, fields ...string) (string, *entry) {
	switch v := v.(type) {
	case string:
		return v, nil // a name or primary key, written out
	case *unknownValue:
		b.note(v.at, "a reference is not known: %s", v.why)
	case *reference:
		if v.id != "" {
			e, ok := b.ids[v.id]
			if !ok {
				b.errs = append(b.errs, b.r.fail(v.at, "give the entry above that id: "+v.id, "!KeyOf names no entry of this file"))
				return "", nil
			}
			return e.name, e
		}
		for _, f := range fields {
			if s, ok := v.fields[f]; ok {
				for _, e := range b.entries {
					if e.model == model && textOf(e.attrs.values[f]) == s {
						return e.name, e
					}
				}
				return s, nil
			}
		}
	}
	return "", nil
}

func (b *builder) origin(key string, at *token.Position) {
	if at != nil {
		b.out.Origins[key] = deployment.Origin{File: b.r.file, Line: at.Line, Column: at.Column}
	}
}

// build reads the kinds in the order in which they refer to one another.
func (b *builder) build() {
	for _, kind := range []struct {
		model string
		read  func(*entry)
	}{
		{groupModel, b.group},
		{scopeModel, b.mapping},
		{userModel, b.user},
		{groupModel, b.members},
		{providerModel, b.provider},
		{applicationModel, b.application},
		{bindingModel, b.binding},
	} {
		for _, e := range b.entries {
			if e.model == kind.model {
				kind.read(e)
			}
		}
	}
}

func (b *builder) group(e *entry) {
	if e.name != "" && !slices.Contains(b.out.Model.Groups, e.name) {
		b.out.Model.Groups = append(b.out.Model.Groups, e.name)
	}
}

// members reads users that a group names, besides groups that a user names.
func (b *builder) members(e *entry) {
	v, _ := e.attrs.get("users")
	list, _ := v.([]any)
	for _, item := range list {
		name, _ := b.resolve(item, userModel, "username")
		for i := range b.out.Model.Users {
			if u := &b.out.Model.Users[i]; u.Username == name && !slices.Contains(u.Groups, e.name) {
				u.Groups = append(u.Groups, e.name)
			}
		}
	}
}

func (b *builder) mapping(e *entry) {
	m := deployment.ScopeMapping{Name: e.name, Scope: b.text(e, "scope_name"), Expression: b.text(e, "expression")}
	if m.Scope == "" {
		m.Scope = strings.TrimPrefix(b.text(e, "managed"), authentik.ManagedScope)
	}
	if m.Scope == "" || m.Expression == "" {
		return // only refers to a mapping that authentik has
	}
	b.out.Model.Mappings = append(b.out.Model.Mappings, m)
	b.origin("mappings/"+m.Name, e.at)
}

func (b *builder) user(e *entry) {
	if e.name == "" {
		return
	}
	u := deployment.AuthentikUser{
		Username: e.name, Name: b.text(e, "name"), Email: b.text(e, "email"),
		Password: b.text(e, "password"),
	}
	if v, ok := e.attrs.get("is_active"); ok {
		u.Inactive = !boolOf(v)
	}
	if v, _ := e.attrs.get("attributes"); v != nil {
		if m, ok := v.(*object); ok {
			if verified, ok := m.get("email_verified"); ok {
				truth := boolOf(verified)
				u.EmailVerified = &truth
			}
		}
	}
	v, _ := e.attrs.get("groups")
	list, _ := v.([]any)
	for _, item := range list {
		if g, _ := b.resolve(item, groupModel, "name"); g != "" {
			u.Groups = append(u.Groups, g)
			if !slices.Contains(b.out.Model.Groups, g) {
				b.out.Model.Groups = append(b.out.Model.Groups, g)
			}
		}
	}
	b.out.Model.Users = append(b.out.Model.Users, u)
}

func (b *builder) provider(e *entry) {
	key := "providers/" + e.name
	b.origin(key, e.at)
	for _, k := range e.attrs.keys {
		b.origin(key+"/"+k, e.attrs.places[k])
	}
	p := deployment.OAuth2Provider{
		Name:                e.name,
		ClientType:          b.text(e, "client_type"),
		ClientID:            b.text(e, "client_id"),
		ClientSecret:        b.text(e, "client_secret"),
		SubMode:             b.text(e, "sub_mode"),
		IssuerMode:          b.text(e, "issuer_mode"),
		AccessCodeValidity:  b.text(e, "access_code_validity"),
		AccessTokenValidity: b.text(e, "access_token_validity"),
	}
	if p.SubMode == "hashed_user_id" { // the default has one spelling in a Model
		p.SubMode = ""
	}
	if p.IssuerMode == "per_provider" {
		p.IssuerMode = ""
	}
	if v, _ := e.attrs.get("signing_key"); v != nil {
		p.SigningKey = true
	}
	if v, _ := e.attrs.get("encryption_key"); v != nil {
		p.EncryptionKey = true
	}
	if v, ok := e.attrs.get("grant_types"); ok {
		list, _ := v.([]any)
		p.GrantTypes = []string{}
		for _, g := range list {
			p.GrantTypes = append(p.GrantTypes, textOf(g))
		}
	}
	b.redirectURIs(e, &p)
	b.scopes(e, &p)
	flow, _ := e.attrs.get("authorization_flow")
	switch slug, own := b.resolve(flow, flowModel, "slug"); {
	case own == nil && slug == authentik.ExplicitConsentFlow:
		p.Consent = true
	case own != nil, slug != "" && slug != authentik.ImplicitConsentFlow:
		b.note(e.attrs.places["authorization_flow"], "the authorization flow %s is not authentik's own; consent is taken as implicit", slug)
	}
	b.out.Model.Providers = append(b.out.Model.Providers, p)
}

func (b *builder) redirectURIs(e *entry, p *deployment.OAuth2Provider) {
	v, _ := e.attrs.get("redirect_uris")
	at := e.attrs.places["redirect_uris"]
	switch v := v.(type) {
	case *unknownValue:
		b.unknown(e, "redirect_uris", v)
	case string:
		for _, u := range authentik.TextURIs(v) {
			p.RedirectURIs = append(p.RedirectURIs, deployment.RedirectURI{MatchingMode: u.Mode, URL: u.URL})
		}
		b.out.TextURIs = append(b.out.TextURIs, p.Name)
	case []any:
		for _, item := range v {
			switch item := item.(type) {
			case *unknownValue:
				b.unknown(e, "redirect_uris", item)
			case string:
				b.note(at, "a redirect URI must be {matching_mode: strict, url: …}; authentik refuses a plain text in the list")
				p.RedirectURIs = append(p.RedirectURIs, deployment.RedirectURI{MatchingMode: "strict", URL: item})
			case *object:
				if kind, _ := item.get("redirect_uri_type"); textOf(kind) == "logout" {
					continue
				}
				u, _ := item.get("url")
				mode, _ := item.get("matching_mode")
				if unknown, ok := u.(*unknownValue); ok {
					b.unknown(e, "redirect_uris", unknown)
					continue
				}
				uri := deployment.RedirectURI{MatchingMode: textOf(mode), URL: textOf(u)}
				if uri.MatchingMode == "" {
					uri.MatchingMode = "strict"
				}
				p.RedirectURIs = append(p.RedirectURIs, uri)
			}
		}
	}
}

// scopeName is the scope in the name of one of authentik's own mappings.
var scopeName = lazyregexp.New(`^authentik default OAuth Mapping: .*'([^']+)'$`)

func (b *builder) scopes(e *entry, p *deployment.OAuth2Provider) {
	v, _ := e.attrs.get("property_mappings")
	list, _ := v.([]any)
	if u, ok := v.(*unknownValue); ok {
		b.unknown(e, "property_mappings", u)
	}
	for _, item := range list {
		if u, ok := item.(*unknownValue); ok {
			b.unknown(e, "property_mappings", u)
			continue
		}
		name, own := b.resolve(item, scopeModel, "managed", "scope_name", "name")
		scope := ""
		switch {
		case own != nil && textOf(own.attrs.values["scope_name"]) != "":
			scope = textOf(own.attrs.values["scope_name"])
		case strings.HasPrefix(name, authentik.ManagedScope):
			scope = strings.TrimPrefix(name, authentik.ManagedScope)
		case scopeName.MatchString(name):
			scope = scopeName.FindStringSubmatch(name)[1]
		default:
			if ref, ok := item.(*reference); ok && ref.fields["scope_name"] != "" {
				scope = ref.fields["scope_name"]
			}
		}
		if scope == "" {
			b.note(e.attrs.places["property_mappings"], "a property mapping of %s is not in this file and not authentik's own", p.Name)
			continue
		}
		if !slices.Contains(p.Scopes, scope) {
			p.Scopes = append(p.Scopes, scope)
		}
	}
}

func (b *builder) application(e *entry) {
	b.origin("applications/"+e.name, e.at)
	for _, k := range e.attrs.keys {
		b.origin("applications/"+e.name+"/"+k, e.attrs.places[k])
	}
	a := deployment.Application{Slug: e.name, Name: b.text(e, "name")}
	if v, _ := e.attrs.get("provider"); v != nil {
		a.Provider, _ = b.resolve(v, providerModel, "name")
	}
	b.out.Model.Applications = append(b.out.Model.Applications, a)
}

// binding reads who may use an application.
func (b *builder) binding(e *entry) {
	if v, ok := e.attrs.get("enabled"); ok && !boolOf(v) {
		return
	}
	target, _ := e.attrs.get("target")
	slug, own := b.resolve(target, applicationModel, "slug", "name")
	if own != nil && own.model != applicationModel {
		return
	}
	i := slices.IndexFunc(b.out.Model.Applications, func(a deployment.Application) bool { return a.Slug == slug })
	if i < 0 {
		return
	}
	app := &b.out.Model.Applications[i]
	negate, _ := e.attrs.get("negate")
	if v, _ := e.attrs.get("group"); v != nil {
		g, _ := b.resolve(v, groupModel, "name")
		if g == "" || boolOf(negate) {
			b.note(e.at, "a group binding of %s is not read", slug)
			return
		}
		app.Groups = append(app.Groups, g)
		if !slices.Contains(b.out.Model.Groups, g) { // one that authentik has, and the file does not make
			b.out.Model.Groups = append(b.out.Model.Groups, g)
		}
		return
	}
	v, _ := e.attrs.get("policy")
	_, policy := b.resolve(v, expressionModel, "name")
	literal := ""
	if policy != nil {
		literal = strings.TrimSpace(textOf(policy.attrs.values["expression"]))
	}
	switch {
	case literal == "return False" && !boolOf(negate), literal == "return True" && boolOf(negate):
		app.Deny = true
	default:
		b.note(e.at, "a policy binding of %s is not read; it is taken as passing", slug)
	}
}
