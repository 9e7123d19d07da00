package deployment

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
)

// New renders a spec into a Deployment.
func New(s *Spec) *Deployment {
	b := &Deployment{
		Paperless: Paperless{
			Version: s.Paperless.Version,
			URL:     strings.TrimRight(s.Paperless.URL, "/"),
			Env:     environment(s),
			Users:   slices.Clone(s.LocalUsers),
		},
		Authentik: Authentik{
			Version: s.Authentik.Version,
			URL:     strings.TrimRight(s.Authentik.URL, "/"),
		},
	}
	b.Authentik.Model = Model{
		Providers: []OAuth2Provider{{
			Name:         s.Provider.Slug,
			ClientType:   "confidential",
			ClientID:     s.Provider.ClientID,
			ClientSecret: s.Provider.ClientSecret,
			RedirectURIs: []RedirectURI{{MatchingMode: "strict", URL: b.RedirectURI()}},
			Scopes:       slices.Clone(s.Provider.Scopes),
			GrantTypes:   []string{"authorization_code", "refresh_token"},
			SigningKey:   true,
		}},
		Applications: []Application{{Name: "Paperless-ngx", Slug: s.Provider.Slug, Provider: s.Provider.Slug}},
	}
	for _, u := range s.Users {
		b.Authentik.Users = append(b.Authentik.Users, AuthentikUser{
			Role: u.Role, Username: u.Username, Name: u.Name, Email: u.Email,
			Password: u.Password, Inactive: u.Inactive, Groups: u.Groups,
		})
		for _, g := range u.Groups {
			if !slices.Contains(b.Authentik.Groups, g) {
				b.Authentik.Groups = append(b.Authentik.Groups, g)
			}
		}
	}
	return b
}

// Default is the guide, corrected.
func Default() (*Deployment, error) {
	s, err := DefaultSpec()
	if err != nil {
		return nil, err
	}
	return New(s), nil
}

// environment is the guide's step 2 with the settings that Paperless really reads.
func environment(s *Spec) map[string]string {
	env := map[string]string{
		"PAPERLESS_URL":  strings.TrimRight(s.Paperless.URL, "/"),
		"PAPERLESS_APPS": OpenIDConnectApp,
		ProvidersKey: marshal(map[string]any{"openid_connect": map[string]any{
			"APPS": []any{map[string]any{
				"provider_id": s.Provider.ID,
				"name":        s.Provider.Name,
				"client_id":   s.Provider.ClientID,
				"secret":      s.Provider.ClientSecret,
				"settings": map[string]any{
					"server_url": strings.TrimRight(s.Authentik.URL, "/") + authentik.DiscoveryPath(s.Provider.Slug),
				},
			}},
			"OAUTH_PKCE_ENABLED": s.Provider.PKCE,
		}}),
	}
	if s.SecretKey != "" && AtLeast(s.Paperless.Version, "3.0.0") {
		env["PAPERLESS_SECRET_KEY"] = s.SecretKey
	}
	if s.AutoSignup {
		env["PAPERLESS_SOCIAL_AUTO_SIGNUP"] = "true"
	}
	if s.RedirectToSSO {
		env["PAPERLESS_REDIRECT_LOGIN_TO_SSO"] = "true"
	}
	if s.DisableRegularLogin {
		env["PAPERLESS_DISABLE_REGULAR_LOGIN"] = "true"
	}
	if strings.HasPrefix(s.Paperless.URL, "http://") {
		// Without it the redirect URI is https whatever users open (docs/facts/paperless.md#2).
		env["PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"] = "http"
	}
	return env
}

// EnvFile is the Paperless environment as an env file: one NAME=value a line,
// sorted. Compose reads such a file without interpolating, if values are quoted
// with single quotes, so that a $ in a secret survives.
func EnvFile(b *Deployment) []byte {
	var buf bytes.Buffer
	for _, k := range slices.Sorted(maps.Keys(b.Paperless.Env)) {
		fmt.Fprintf(&buf, "%s=%s\n", k, envValue(b.Paperless.Env[k]))
	}
	return buf.Bytes()
}

// envValue quotes what Compose's env file would change.
func envValue(v string) string {
	if !strings.ContainsAny(v, " \t\n\"'$#\\") {
		return v
	}
	if !strings.ContainsAny(v, "'\n") {
		return "'" + v + "'"
	}
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`)
	return `"` + r.Replace(v) + `"`
}

// PaperlessConf is paperless.conf for an installation without Docker. It is
// read by python-dotenv; single quotes keep the JSON as it is.
func PaperlessConf(b *Deployment) []byte {
	var buf bytes.Buffer
	buf.WriteString("# Restart Paperless after a change: sudo systemctl restart 'paperless-*'\n")
	buf.Write(EnvFile(b))
	return buf.Bytes()
}

// Blueprint is the authentik blueprint of the bundle: the user's own, byte for
// byte, as long as nothing in it was changed, else one rendered from the model.
func Blueprint(b *Deployment) []byte {
	if b.ownBlueprint() {
		return b.Authentik.Raw
	}
	return blueprint(b, q)
}

// ownBlueprint reports whether the user's blueprint is still what is deployed.
func (b *Deployment) ownBlueprint() bool {
	return len(b.Authentik.Raw) > 0 && b.Authentik.RawModel != nil && reflect.DeepEqual(*b.Authentik.RawModel, b.Authentik.Model)
}

// blueprint renders the model. secret writes the value of a secret, or where it
// comes from.
func blueprint(b *Deployment, secret func(string) string) []byte {
	var buf bytes.Buffer
	w := func(indent int, format string, args ...any) {
		buf.WriteString(strings.Repeat("  ", indent))
		fmt.Fprintf(&buf, format, args...)
		buf.WriteByte('\n')
	}
	w(0, "# Made by ssocheck render. Put it where authentik's worker looks: /blueprints/custom/.")
	if secret := secret(clientSecret(b)); strings.HasPrefix(secret, envTag) {
		w(0, "# Secrets are read from the environment of authentik's worker, by these names; the")
		w(0, "# compose.yaml beside passes them on from .env. An authentik of your own needs them, too.")
	}
	w(0, "version: 1")
	w(0, "metadata:")
	w(1, "name: ssocheck-paperless")
	w(0, "entries:")
	// Without these the worker may apply this file before the defaults that it
	// looks up, and leave it in status "error" (docs/facts/authentik.md#1.5).
	for _, name := range []string{
		"Default - Authentication flow",
		"Default - Provider authorization flow (implicit consent)",
		"Default - Provider authorization flow (explicit consent)",
		"Default - Provider invalidation flow",
		"System - OAuth2 Provider - Scopes",
	} {
		w(1, "- model: authentik_blueprints.metaapplyblueprint")
		w(2, "attrs: {identifiers: {name: %s}, required: false}", q(name))
	}
	for _, g := range b.Authentik.Groups {
		w(1, "- model: authentik_core.group")
		w(2, "id: %s", q("group-"+g))
		w(2, "identifiers: {name: %s}", q(g))
	}
	for _, m := range b.Authentik.Mappings {
		w(1, "- model: authentik_providers_oauth2.scopemapping")
		w(2, "id: %s", q("mapping-"+m.Name))
		w(2, "identifiers: {name: %s}", q(m.Name))
		w(2, "attrs:")
		w(3, "scope_name: %s", q(m.Scope))
		w(3, "expression: %s", q(m.Expression))
	}
	if len(b.Authentik.Users) > 0 {
		w(1, "# The users that the checks sign in as: take them out where real users sign in.")
	}
	for _, u := range b.Authentik.Users {
		w(1, "- model: authentik_core.user")
		w(2, "identifiers: {username: %s}", q(u.Username))
		w(2, "attrs:")
		if u.Name != "" {
			w(3, "name: %s", q(u.Name))
		}
		if u.Email != "" {
			w(3, "email: %s", q(u.Email))
		}
		w(3, "is_active: %t", !u.Inactive)
		if u.Password != "" { // authentik refuses an empty one; without, nobody signs in by it
			w(3, "password: %s", secret(u.Password))
		}
		if u.EmailVerified != nil {
			w(3, "attributes: {email_verified: %t}", *u.EmailVerified)
		}
		if len(u.Groups) > 0 {
			w(3, "groups:")
			for _, g := range u.Groups {
				w(4, "- !KeyOf %s", q("group-"+g))
			}
		}
	}
	for _, p := range b.Authentik.Providers {
		consent := "implicit"
		if p.Consent {
			consent = "explicit"
		}
		w(1, "- model: authentik_providers_oauth2.oauth2provider")
		w(2, "id: %s", q("provider-"+p.Name))
		w(2, "identifiers: {name: %s}", q(p.Name))
		w(2, "attrs:")
		w(3, "authorization_flow: !Find [authentik_flows.flow, [slug, default-provider-authorization-%s-consent]]", consent)
		w(3, "invalidation_flow: !Find [authentik_flows.flow, [slug, default-provider-invalidation-flow]]")
		w(3, "client_type: %s", or(p.ClientType, "confidential"))
		w(3, "client_id: %s", q(p.ClientID))
		w(3, "client_secret: %s", secret(p.ClientSecret))
		if p.GrantTypes != nil {
			// From 2026.5 a provider without them refuses every request; older
			// versions ignore the key (docs/facts/authentik.md#0.1).
			w(3, "grant_types: [%s]", strings.Join(p.GrantTypes, ", "))
		}
		if len(p.RedirectURIs) == 0 {
			w(3, "redirect_uris: []")
		} else {
			w(3, "redirect_uris:")
			for _, r := range p.RedirectURIs {
				w(4, "- {matching_mode: %s, url: %s}", or(r.MatchingMode, "strict"), q(r.URL))
			}
		}
		if p.SigningKey {
			w(3, "signing_key: !Find [authentik_crypto.certificatekeypair, [name, authentik Self-signed Certificate]]")
		}
		if p.EncryptionKey {
			w(3, "encryption_key: !Find [authentik_crypto.certificatekeypair, [name, authentik Self-signed Certificate]]")
		}
		w(3, "property_mappings:")
		for _, s := range p.Scopes {
			if m := b.Authentik.mapping(s); m != nil {
				w(4, "- !KeyOf %s", q("mapping-"+m.Name))
				continue
			}
			w(4, "- !Find [authentik_providers_oauth2.scopemapping, [managed, %s]]", q("goauthentik.io/providers/oauth2/scope-"+s))
		}
		w(3, "sub_mode: %s", or(p.SubMode, "hashed_user_id"))
		w(3, "issuer_mode: %s", or(p.IssuerMode, "per_provider"))
		if p.AccessCodeValidity != "" {
			w(3, "access_code_validity: %s", q(p.AccessCodeValidity))
		}
		if p.AccessTokenValidity != "" {
			w(3, "access_token_validity: %s", q(p.AccessTokenValidity))
		}
	}
	for _, a := range b.Authentik.Applications {
		w(1, "- model: authentik_core.application")
		w(2, "id: %s", q("application-"+a.Slug))
		w(2, "identifiers: {slug: %s}", q(a.Slug))
		w(2, "attrs:")
		w(3, "name: %s", q(a.Name))
		w(3, "policy_engine_mode: any")
		if a.Provider != "" {
			w(3, "provider: !KeyOf %s", q("provider-"+a.Provider))
		}
		for i, g := range a.Groups {
			w(1, "- model: authentik_policies.policybinding")
			w(2, "identifiers: {target: !KeyOf %s, order: %d}", q("application-"+a.Slug), i)
			w(2, "attrs: {group: !KeyOf %s, enabled: true}", q("group-"+g))
		}
		if a.Deny {
			w(1, "- model: authentik_policies_expression.expressionpolicy")
			w(2, "id: %s", q("deny-"+a.Slug))
			w(2, "identifiers: {name: %s}", q("deny-"+a.Slug))
			w(2, "attrs: {expression: return False}")
			w(1, "- model: authentik_policies.policybinding")
			w(2, "identifiers: {target: !KeyOf %s, order: %d}", q("application-"+a.Slug), len(a.Groups))
			w(2, "attrs: {policy: !KeyOf %s, enabled: true}", q("deny-"+a.Slug))
		}
	}
	return buf.Bytes()
}

func (m *Model) mapping(scope string) *ScopeMapping {
	for i := range m.Mappings {
		if m.Mappings[i].Scope == scope {
			return &m.Mappings[i]
		}
	}
	return nil
}

// q is a YAML scalar that stays the string it is: JSON strings are YAML.
func q(s string) string { return marshal(s) }

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
