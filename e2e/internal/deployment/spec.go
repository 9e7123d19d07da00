// Package spec reads the one description of a deployment: the two hosts, the
// provider, and the users who sign in. Package render turns it into files.
package deployment

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/goccy/go-yaml"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/fixtures"
)

// ErrInvalid marks a spec that cannot be rendered.
var ErrInvalid = errors.New("invalid spec")

// A Spec describes one deployment of Paperless-ngx behind authentik.
type Spec struct {
	Paperless Product  `yaml:"paperless"`
	Authentik Product  `yaml:"authentik"`
	Provider  Provider `yaml:"provider"`

	// AutoSignup creates the Paperless account on the first SSO sign-in
	// (PAPERLESS_SOCIAL_AUTO_SIGNUP). False leaves Paperless's default, a form.
	AutoSignup bool `yaml:"auto_signup"`
	// SecretKey is PAPERLESS_SECRET_KEY; rendered only for versions that do not
	// start without it (3.0.0 and later). A secret: never printed.
	SecretKey string `yaml:"secret_key"`
	// RedirectToSSO sends the sign-in page straight to authentik
	// (PAPERLESS_REDIRECT_LOGIN_TO_SSO).
	RedirectToSSO bool `yaml:"redirect_to_sso"`
	// DisableRegularLogin hides the local form (PAPERLESS_DISABLE_REGULAR_LOGIN).
	DisableRegularLogin bool `yaml:"disable_regular_login"`

	Users      []User      `yaml:"users"`
	LocalUsers []LocalUser `yaml:"local_users"`
}

// A Product is one side of the pair: its public origin and its version.
type Product struct {
	URL     string `yaml:"url"`     // scheme://host[:port], no path
	Version string `yaml:"version"` // as in fixtures/versions.yaml, without "v"
}

// A Provider is the OAuth2/OIDC provider and application of the guide's step 1.
type Provider struct {
	ID           string   `yaml:"id"`            // provider_id; a segment of the redirect URI
	Name         string   `yaml:"name"`          // text of the button
	Slug         string   `yaml:"slug"`          // application slug in authentik
	ClientID     string   `yaml:"client_id"`     //
	ClientSecret string   `yaml:"client_secret"` // a secret: never printed
	PKCE         bool     `yaml:"pkce"`          // RFC 7636, method S256
	Scopes       []string `yaml:"scopes"`        // scope mappings selected in authentik
}

// A User is a user in authentik.
type User struct {
	Role     string   `yaml:"role"` // the check that signs in as this user
	Username string   `yaml:"username"`
	Name     string   `yaml:"name"` // full name
	Email    string   `yaml:"email"`
	Password string   `yaml:"password"`
	Inactive bool     `yaml:"inactive"` // cannot sign in
	Groups   []string `yaml:"groups"`
}

// A LocalUser is an account of Paperless-ngx with a password of its own.
type LocalUser struct {
	Role      string   `yaml:"role"` // the check that uses this account; empty: the administrator
	Username  string   `yaml:"username"`
	Email     string   `yaml:"email"`
	Password  string   `yaml:"password"`
	Superuser bool     `yaml:"superuser"`
	Inactive  bool     `yaml:"inactive"`
	Groups    []string `yaml:"groups"` // Paperless groups, created with view_uisettings
}

// DefaultSpec returns the guide, corrected: fixtures/specs/guide.yaml.
func DefaultSpec() (*Spec, error) {
	text, err := fixtures.FS.ReadFile("specs/guide.yaml")
	if err != nil {
		return nil, fmt.Errorf("read the default spec: %w", err)
	}
	return Read(text)
}

// Read parses and validates a spec. Unknown keys are errors, so that a typo
// cannot silently change what is tested.
func Read(text []byte) (*Spec, error) {
	var s Spec
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, yaml.FormatError(err, false, true))
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &s, nil
}

var segment = lazyregexp.New(`^[A-Za-z0-9_-]+$`)

// Validate reports every problem at once; each wraps ErrInvalid.
func (s *Spec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...)))
	}
	for _, p := range []struct {
		name string
		p    Product
	}{{"paperless", s.Paperless}, {"authentik", s.Authentik}} {
		u, err := url.Parse(p.p.URL)
		switch {
		case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
			bad("%s.url: want https://host, got %q", p.name, p.p.URL)
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
			bad("%s.url: want an origin without a path, got %q", p.name, p.p.URL)
		}
		if _, err := semver.NewVersion(p.p.Version); err != nil {
			bad("%s.version: want a version such as 2.20.15, got %q", p.name, p.p.Version)
		}
	}
	if !segment.MatchString(s.Provider.ID) {
		bad("provider.id: want one path segment, got %q", s.Provider.ID)
	}
	if !segment.MatchString(s.Provider.Slug) {
		bad("provider.slug: want one path segment, got %q", s.Provider.Slug)
	}
	if s.Provider.ClientID == "" || s.Provider.ClientSecret == "" {
		bad("provider: client_id and client_secret are needed")
	}
	seen := map[string]bool{}
	for i, u := range s.Users {
		if u.Username == "" || u.Password == "" {
			bad("users[%d]: username and password are needed", i)
		}
		if seen[u.Username] {
			bad("users[%d]: %q is a duplicate", i, u.Username)
		}
		seen[u.Username] = true
	}
	for i, u := range s.LocalUsers {
		if u.Username == "" || u.Password == "" {
			bad("local_users[%d]: username and password are needed", i)
		}
	}
	return errors.Join(errs...)
}
