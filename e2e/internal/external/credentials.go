package external

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Credentials are who may be signed in as, and what may be asked. They come from
// a file or from the environment, never from flags: those are in the list of
// processes and in a shell's history.
type Credentials struct {
	Authentik struct {
		Token string   `yaml:"token"` // of the API; adds evidence
		Users []Person `yaml:"users"`
	} `yaml:"authentik"`
	Paperless struct {
		Token string  `yaml:"token"` // of an administrator
		Users []Local `yaml:"users"`
	} `yaml:"paperless"`
}

// A Person signs in at authentik.
type Person struct {
	Role     string `yaml:"role"` // check that signs in as them; empty: round-trip
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	Email    string `yaml:"email"` // empty: not compared
	Name     string `yaml:"name"`
	// Account says that they have an account in Paperless and signed in with
	// authentik before: signing in again makes none.
	Account bool `yaml:"account"`
}

// A Local is an account of Paperless with a password.
type Local struct {
	Role     string `yaml:"role"` // admin, or the check that uses it
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	Email    string `yaml:"email"`
}

const (
	roleAdmin     = "admin"
	roleRoundTrip = "round-trip"
)

// The variables of the environment.
const (
	envFile          = "SSO_CREDENTIALS"
	envUsername      = "SSO_USERNAME"
	envPassword      = "SSO_PASSWORD"
	envEmail         = "SSO_EMAIL"
	envAccount       = "SSO_HAS_ACCOUNT"
	envToken         = "SSO_AUTHENTIK_TOKEN"
	envPaperless     = "SSO_PAPERLESS_TOKEN"
	envAdmin         = "SSO_ADMIN_USERNAME"
	envAdminPassword = "SSO_ADMIN_PASSWORD"
)

// ReadCredentials reads the file, where one is named here or in SSO_CREDENTIALS,
// and then the environment, which adds to it and wins.
func ReadCredentials(path string, environ map[string]string) (*Credentials, error) {
	c := &Credentials{}
	if path = orElse(path, environ[envFile]); path != "" {
		if err := c.file(path); err != nil {
			return nil, fmt.Errorf("%w: credentials: %w", ErrOptions, err)
		}
	}
	if err := c.environment(environ); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("%w: credentials: %w", ErrOptions, err)
	}
	return c, nil
}

func (c *Credentials) file(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	const others = 0o007
	if runtime.GOOS != "windows" && info.Mode().Perm()&fs.FileMode(others) != 0 {
		return fmt.Errorf("%s can be read by everybody on this machine (mode %04o): chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalWithOptions(text, c, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, false)) // no source lines: they hold passwords
	}
	return nil
}

func (c *Credentials) environment(env map[string]string) error {
	if name := env[envUsername]; name != "" {
		if env[envPassword] == "" {
			return fmt.Errorf("%s is set, but %s is not", envUsername, envPassword)
		}
		c.Authentik.Users = append([]Person{{
			Role: roleRoundTrip, Username: name, Password: env[envPassword], Email: env[envEmail], Account: truth(env[envAccount]),
		}}, slices.DeleteFunc(c.Authentik.Users, func(p Person) bool { return p.Role == roleRoundTrip || p.Role == "" })...)
	}
	if name := env[envAdmin]; name != "" {
		if env[envAdminPassword] == "" {
			return fmt.Errorf("%s is set, but %s is not", envAdmin, envAdminPassword)
		}
		c.Paperless.Users = append([]Local{{Role: roleAdmin, Username: name, Password: env[envAdminPassword]}},
			slices.DeleteFunc(c.Paperless.Users, func(l Local) bool { return l.Role == roleAdmin })...)
	}
	c.Authentik.Token = orElse(env[envToken], c.Authentik.Token)
	c.Paperless.Token = orElse(env[envPaperless], c.Paperless.Token)
	return nil
}

func truth(s string) bool {
	return slices.Contains([]string{"1", "true", "yes", "y", "t"}, strings.ToLower(s))
}

// needEmail are the roles whose checks compare e-mail addresses.
var needEmail = []string{"first-login", "linking", "existing-user", "existing-email"}

func (c *Credentials) validate() error {
	var errs []error
	seen := map[string]bool{}
	for i := range c.Authentik.Users {
		u := &c.Authentik.Users[i]
		u.Role = orElse(u.Role, roleRoundTrip)
		switch {
		case u.Username == "" || u.Password == "":
			errs = append(errs, fmt.Errorf("authentik.users[%d]: username and password are needed", i))
		case seen[u.Role]:
			errs = append(errs, fmt.Errorf("authentik.users[%d]: the role %s is a duplicate", i, u.Role))
		case u.Email == "" && slices.Contains(needEmail, u.Role):
			errs = append(errs, fmt.Errorf("authentik.users[%d]: the role %s needs the e-mail address", i, u.Role))
		}
		seen[u.Role] = true
	}
	for i, u := range c.Paperless.Users {
		switch {
		case u.Username == "" || u.Password == "":
			errs = append(errs, fmt.Errorf("paperless.users[%d]: username and password are needed", i))
		case u.Role == "":
			errs = append(errs, fmt.Errorf("paperless.users[%d]: a role is needed: admin, linking, existing-user or existing-email", i))
		}
	}
	return errors.Join(errs...)
}

func (c *Credentials) secrets() []string {
	out := []string{c.Authentik.Token, c.Paperless.Token}
	for _, u := range c.Authentik.Users {
		out = append(out, u.Password)
	}
	for _, u := range c.Paperless.Users {
		out = append(out, u.Password)
	}
	return out
}
