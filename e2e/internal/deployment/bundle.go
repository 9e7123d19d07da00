// Package render turns a spec into a Deployment, and a Deployment into the files that
// users deploy: the Paperless environment, paperless.conf, a compose file and
// an authentik blueprint. Everything here is pure: no clock, no network, no disk.
package deployment

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// A Deployment is what is deployed, as data. The guide's values are one bundle, a
// user's files are another, and a planted cause is a change of a bundle.
type Deployment struct {
	Paperless Paperless
	Authentik Authentik
	// Origins tells where each environment variable was written; empty for a
	// bundle that was rendered from a spec.
	Origins map[string]Origin
	// Relations are comparisons between secrets, kept when the secrets themselves
	// were replaced by fingerprints (see SecretRelation); nil in a live bundle.
	Relations map[string]string
	// Assumed is what stands in for a side of authentik that is not known, so that
	// a pass says nothing of it; nil: nothing does.
	Assumed *Assumption
	// StandIns are the settings of signing in that the files do not tell, each with
	// what a run takes in its place, such as "PAPERLESS_SECRET_KEY (a key of its own)".
	StandIns []string `json:",omitempty"`
	// Observed is true when only the running pair was looked at, and no files: what
	// the bundle lacks is not known, instead of not set.
	Observed bool
	// Added lists, in words, what the harness put into the user's deployment
	// to be able to test it (test users, broker address, CA). The report shows it.
	Added []string
}

// An Assumption is what of authentik's side was taken from Paperless's side,
// because nothing else tells it.
type Assumption struct {
	From   string   `json:"from"`   // name of the file
	Fields []string `json:"fields"` // client id, client secret, slug, redirect URI, scopes
	// Whole is true where nothing of authentik's side is known.
	Whole bool `json:"whole,omitempty"`
	// Unset are the environment variables that would tell, where a blueprint
	// names some.
	Unset []string `json:"unset,omitempty"`
}

// String says what is assumed, and that it is not tested.
func (a *Assumption) String() string {
	fields, are := list(a.Fields), "are"
	if len(a.Fields) == 1 {
		are = "is"
	}
	switch {
	case a.Whole:
		return fmt.Sprintf("authentik's side is assumed from %s: %s %s not tested", a.From, fields, are)
	case len(a.Unset) == 0:
		return fmt.Sprintf("%s %s not tested: assumed from %s", fields, are, a.From)
	}
	unset := " is not set"
	if len(a.Unset) > 1 {
		unset = " are not set"
	}
	return fmt.Sprintf("%s %s not tested: assumed from %s, because %s%s", fields, are, a.From, list(a.Unset), unset)
}

// Ways are how to test what is assumed.
func (a *Assumption) Ways() []string {
	if !a.Whole {
		if len(a.Unset) == 0 {
			return nil
		}
		return []string{"set " + list(a.Unset) + " as where authentik runs"}
	}
	return []string{
		"--blueprint FILE, authentik's blueprint",
		"--target external with an API token of authentik (SSO_AUTHENTIK_TOKEN)",
		"ssocheck import-idp, which writes a blueprint of the authentik that runs",
	}
}

// list is "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// An Origin is the place in a user's file that a value comes from.
type Origin struct {
	File   string
	Line   int // 1-based
	Column int // 1-based; 0 when unknown
}

// String returns file:line, or "" for the zero value.
func (o Origin) String() string {
	if o.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", o.File, o.Line)
}

// Paperless is the deployed Paperless-ngx.
type Paperless struct {
	Version string // without "v"
	URL     string // origin that users open, without a trailing slash or script name
	// Env is exactly what the container gets from the configuration.
	Env map[string]string
	// Running is the environment that the running container really has; nil
	// means Env. They differ when the file was changed but not deployed.
	Running map[string]string
	// Files are the secret files that *_FILE variables point at: path to content.
	Files map[string]string
	// ExtraHosts is Compose's extra_hosts: host name to address, as seen from
	// the Paperless container.
	ExtraHosts map[string]string
	// ProxyHeaders are what the reverse proxy in front of Paperless sends.
	Proxy Proxy
	// Users are the local accounts that exist before the first check.
	Users []LocalUser
	// Links are the social accounts that exist before the first check.
	Links []Link
}

// A Link is a social account of Paperless: this identity signs in as that user.
// Paperless keys it by provider id and subject (docs/facts/paperless.md#3.6).
type Link struct {
	Username   string // of the local account
	ProviderID string
	Subject    string // the sub claim
}

// A Proxy tells how the reverse proxy in front of Paperless forwards requests.
// The zero value forwards as most guides do: Host kept, X-Forwarded-For, -Host
// and -Proto added, and the identity header of clients (Remote-User) dropped.
type Proxy struct {
	RewriteHost       string // Host header sent upstream; empty: the host that users open
	DropForwarded     bool   // no X-Forwarded-* headers at all
	PassRemoteUser    bool   // a client's own Remote-User header reaches Paperless
	RemoteUserHeader  string // header that the proxy sets for a signed-in user; empty: none
	DropCookies       bool   // strips Cookie, as a cache in front does
	OmitForwardedFor  bool   // no X-Forwarded-For only
	ForwardedPortInto bool   // adds the port to Host, as some proxies do
	// StripSetCookie removes Set-Cookie from responses whose path contains this,
	// as a cache in front of an application does; empty: none.
	StripSetCookie    string
	DropAuthorization bool // strips Authorization, as a proxy with its own basic auth does
	// RefuseForeign is a path that pages of other sites cannot open: a request for
	// it whose Sec-Fetch-Site says so is answered 403. Empty: none.
	RefuseForeign string
	// Moved is a path that is answered by a redirect to MovedTo with status 307, which keeps
	// method and body; empty: none.
	Moved, MovedTo string
	PlainToo       bool // serves http as well, where others redirect to https, and says https of it
	RedirectStatus int  // of the redirect from http to https; 0: 301
}

// Authentik is the deployed authentik, as far as the sign-in to Paperless needs it.
type Authentik struct {
	Version string
	// URL is the address that users and Paperless open, without a slash at the end:
	// scheme and host, and the path that authentik lives under (AUTHENTIK_WEB__PATH).
	URL   string
	Proxy Proxy // how the reverse proxy in front of authentik forwards
	Model
	// Raw is the user's own blueprint, byte for byte, when there is one, and
	// RawModel what it said: while Model still equals RawModel, Raw is what is
	// deployed.
	Raw      []byte
	RawModel *Model
	// Settings are the few variables of authentik's own services that take part in
	// signing in, as far as the files show them; none is secret.
	Settings map[string]string `json:",omitempty"`
	// Other names the provider of the configuration where nothing in it is
	// authentik's, so that nothing here can stand for it; empty: it is authentik.
	Other string
}

// Path is where authentik lives on its host (AUTHENTIK_WEB__PATH), with a slash in
// front and none at the end; empty: at the root.
func (a Authentik) Path() string {
	u, err := url.Parse(a.URL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// OnOneHost is the path that is authentik's of a host which serves both products, at
// this address. The error says that nothing tells them apart.
func (d *Deployment) OnOneHost(addr string) (string, error) {
	path := d.Authentik.Path()
	if path == "" || path == strings.TrimRight(d.Paperless.Env["PAPERLESS_FORCE_SCRIPT_NAME"], "/") {
		return "", fmt.Errorf("Paperless and authentik have the same host and port, %s; give one of them another name, port or path (AUTHENTIK_WEB__PATH)", addr) //nolint:revive,staticcheck // a product's name
	}
	return path, nil
}

// A Model is the part of an authentik configuration that the sign-in depends on.
type Model struct {
	Providers    []OAuth2Provider
	Applications []Application
	Groups       []string
	Users        []AuthentikUser
	Mappings     []ScopeMapping // custom scope mappings, besides authentik's own
}

// An OAuth2Provider is authentik_providers_oauth2.oauth2provider.
type OAuth2Provider struct {
	Name         string
	ClientType   string // confidential or public; empty: confidential
	ClientID     string
	ClientSecret string
	RedirectURIs []RedirectURI
	// Scopes are the scope names of the selected mappings (openid, email, profile).
	Scopes []string
	// GrantTypes as of authentik 2026.5; nil there refuses every request.
	GrantTypes []string
	// SigningKey is false when none is selected: tokens are then HS256.
	SigningKey bool
	// EncryptionKey makes the ID token a JWE, which Paperless ≥2.20 refuses.
	EncryptionKey bool
	SubMode       string // hashed_user_id (empty), user_id, user_uuid, user_username, user_email, user_upn
	IssuerMode    string // per_provider (empty) or global
	// Consent is true with the explicit consent flow.
	Consent bool
	// AccessCodeValidity and AccessTokenValidity in authentik's words, such as
	// "minutes=1"; empty: authentik's default.
	AccessCodeValidity  string
	AccessTokenValidity string
}

// A RedirectURI is one registered redirect URI.
type RedirectURI struct {
	MatchingMode string // strict or regex
	URL          string
}

// An Application is authentik_core.application.
type Application struct {
	Name     string
	Slug     string
	Provider string // name of the OAuth2Provider; empty: none selected
	// Groups that may use the application; nil: everybody.
	Groups []string
	// Deny is an expression policy that returns False.
	Deny bool
	// Nobody says why no user at all may use it, as an authentik that runs tells: a
	// group without members, for one. Empty: somebody may, or that is not known.
	Nobody []string `json:",omitempty"`
}

// An AuthentikUser is authentik_core.user.
type AuthentikUser struct {
	Role     string // the check that signs in as this user; empty: none
	Username string
	Name     string
	Email    string
	Password string
	Inactive bool
	Groups   []string
	// EmailVerified is what a custom mapping may return; authentik's own mapping
	// says true up to 2025.8 and false from 2025.10.
	EmailVerified *bool
	// Account is true for somebody who is known to have an account in Paperless,
	// so that signing in makes none.
	Account bool
}

// A ScopeMapping is a custom authentik_providers_oauth2.scopemapping.
type ScopeMapping struct {
	Name       string
	Scope      string
	Expression string
}

// Clone returns a deep copy, so that planting a cause never reaches the original.
func (b *Deployment) Clone() *Deployment {
	text, err := json.Marshal(b)
	if err != nil {
		panic(err) // plain data always encodes
	}
	var c Deployment
	if err := json.Unmarshal(text, &c); err != nil {
		panic(err)
	}
	return &c
}

// Stale are the settings whose running value is not the file's, sorted; nil when
// the running container has the file's.
func (p *Paperless) Stale() []string {
	if p.Running == nil {
		return nil
	}
	var names []string
	for k, v := range p.Env {
		if have, ok := p.Running[k]; !ok || have != v {
			names = append(names, k)
		}
	}
	for k := range p.Running {
		if _, ok := p.Env[k]; !ok {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	return names
}

// The databases that Paperless-ngx can stand on.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgresql"
	MariaDB    = "mariadb"
)

// Database is the one that the settings choose (docs/settings.md, PAPERLESS_DBENGINE).
func (p *Paperless) Database() string {
	env := p.RunningEnv()
	if engine := env["PAPERLESS_DBENGINE"]; engine == MariaDB || p.AtLeast("3.0.0") && engine != "" {
		return engine
	}
	if env["PAPERLESS_DBHOST"] != "" {
		return PostgreSQL
	}
	return SQLite
}

// RunningEnv is the environment that the running Paperless has.
func (p *Paperless) RunningEnv() map[string]string {
	if p.Running != nil {
		return p.Running
	}
	return p.Env
}

// EditProvider changes the OAuth2 provider that belongs to Paperless.
func (b *Deployment) EditProvider(change func(*OAuth2Provider)) {
	if p := b.Authentik.Provider(b.clientID()); p != nil {
		change(p)
	}
}

func (b *Deployment) clientID() string {
	app, _ := b.Paperless.App()
	return app.ClientID
}

// Provider is the provider that Paperless uses: the one with this client id,
// else the one whose name or redirect URI says Paperless, else the first.
func (m *Model) Provider(clientID string) *OAuth2Provider {
	for i := range m.Providers {
		if m.Providers[i].ClientID == clientID {
			return &m.Providers[i]
		}
	}
	for i := range m.Providers {
		if strings.Contains(strings.ToLower(m.Providers[i].Name), "paperless") {
			return &m.Providers[i]
		}
	}
	if len(m.Providers) > 0 {
		return &m.Providers[0]
	}
	return nil
}

// Application is the application that has this provider, or nil.
func (m *Model) Application(provider string) *Application {
	for i := range m.Applications {
		if m.Applications[i].Provider == provider {
			return &m.Applications[i]
		}
	}
	return nil
}

// IdPProvider is the authentik provider that this Paperless should use.
func (b *Deployment) IdPProvider() *OAuth2Provider { return b.Authentik.Provider(b.clientID()) }

// IdPApplication is the authentik application of that provider, else the only one.
func (b *Deployment) IdPApplication() *Application {
	if p := b.IdPProvider(); p != nil {
		if a := b.Authentik.Application(p.Name); a != nil {
			return a
		}
	}
	if len(b.Authentik.Applications) > 0 {
		return &b.Authentik.Applications[0]
	}
	return nil
}

// RedirectURI is what the guide tells users to register for this Paperless:
// origin, script name, /accounts/oidc/<provider_id>/login/callback/.
func (b *Deployment) RedirectURI() string {
	app, _ := b.Paperless.App()
	u, err := url.Parse(b.Paperless.URL)
	if err != nil {
		return ""
	}
	u.Path = strings.TrimRight(b.Paperless.Env["PAPERLESS_FORCE_SCRIPT_NAME"], "/") +
		paperless.CallbackPath(app.ProviderID)
	return u.String()
}

// SSOUser is the user in authentik who has the role.
func (b *Deployment) SSOUser(role string) (AuthentikUser, bool) {
	for _, u := range b.Authentik.Users {
		if u.Role == role {
			return u, true
		}
	}
	return AuthentikUser{}, false
}

// LocalUser is the local account that has the role; "admin" is the first superuser.
func (b *Deployment) LocalUser(role string) (LocalUser, bool) {
	for _, u := range b.Paperless.Users {
		if (u.Role == role && role != "") || (role == "admin" && u.Superuser) {
			return u, true
		}
	}
	return LocalUser{}, false
}
