package deployment

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"text/template"

	"github.com/ssocheck/ssocheck/compose"
)

// The names that rendered files read secrets by, from the .env beside them.
const (
	clientSecretName = "SSO_CLIENT_SECRET"
	secretKeyName    = "PAPERLESS_SECRET_KEY"
	testPasswordName = "SSO_TEST_PASSWORD_"
)

// envTag makes authentik read a value of a blueprint from its environment.
const envTag = "!Env "

// A File is one of those that `ssocheck render DIR` writes.
type File struct {
	Text []byte
	// Secret is set where the text holds a secret: nobody else may read the file.
	Secret bool
}

// Files are what `ssocheck render DIR` writes: name to content. compose.yaml and
// blueprint.yaml read their secrets from .env. fresh makes a new secret at each
// call.
func Files(b *Deployment, fresh func() string) (map[string]File, error) {
	b = b.Clone()
	if b.Paperless.Env[secretKeyName] == "" {
		b.Paperless.Env[secretKeyName] = fresh() + fresh()
	}
	secrets := map[string]string{
		secretKeyName: b.Paperless.Env[secretKeyName], "AUTHENTIK_SECRET_KEY": fresh() + fresh(),
		"PAPERLESS_DB_PASSWORD": fresh(), "AUTHENTIK_DB_PASSWORD": fresh(),
	}
	idp := map[string]string{} // what the blueprint reads
	if secret := clientSecret(b); secret != "" {
		idp[clientSecretName] = secret
	}
	for _, u := range b.Authentik.Users {
		if u.Password != "" {
			idp[passwordName(u.Username)] = u.Password
		}
	}
	maps.Copy(secrets, idp)
	composeFile, err := composeText(b, slices.Sorted(maps.Keys(idp)))
	if err != nil {
		return nil, err
	}
	blueprintFile := Blueprint(b)
	if !b.ownBlueprint() {
		blueprintFile = blueprint(b, reference(idp))
	}
	out := map[string]File{
		"compose.yaml":   {Text: composeFile},
		"blueprint.yaml": {Text: blueprintFile},
		"paperless.env":  {Text: EnvFile(b), Secret: true},
		"paperless.conf": {Text: PaperlessConf(b), Secret: true},
		".env":           {Text: dotenv(secrets), Secret: true},
	}
	for name, f := range out {
		f.Secret = f.Secret || slices.ContainsFunc(b.Secrets(), func(secret string) bool { return bytes.Contains(f.Text, []byte(secret)) })
		out[name] = f
	}
	return out, nil
}

// clientSecret is the one that both products have, or "".
func clientSecret(b *Deployment) string {
	app, _ := b.Paperless.App()
	if p := b.IdPProvider(); p == nil || p.ClientSecret != app.Secret {
		return ""
	}
	return app.Secret
}

// passwordName is the variable with the password of a test user.
func passwordName(username string) string {
	return testPasswordName + strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(username))
}

// reference writes a secret of a blueprint as the variable that has it.
func reference(secrets map[string]string) func(string) string {
	return func(value string) string {
		for _, name := range slices.Sorted(maps.Keys(secrets)) {
			if value != "" && secrets[name] == value {
				return envTag + name
			}
		}
		return q(value)
	}
}

// dotenv is the .env that Compose reads on its own.
func dotenv(secrets map[string]string) []byte {
	var buf bytes.Buffer
	buf.WriteString("# Made by ssocheck render: the secrets of compose.yaml and blueprint.yaml. Keep it out of version control.\n")
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		fmt.Fprintf(&buf, "%s=%s\n", name, envValue(secrets[name]))
	}
	return buf.Bytes()
}

// FreshSecrets gives the deployment a client secret and, when it is rendered, a
// secret key that nobody knows.
func FreshSecrets(b *Deployment, fresh func() string) *Deployment {
	b = b.Clone()
	secret := fresh()
	b.EditApp(func(app map[string]any) { app["secret"] = secret })
	b.EditProvider(func(p *OAuth2Provider) { p.ClientSecret = secret })
	delete(b.Paperless.Env, secretKeyName)
	return b
}

// FreshPasswords gives a new password to each of the users of ssocheck's own.
func FreshPasswords(b *Deployment, fresh func() string) (*Deployment, error) {
	s, err := DefaultSpec()
	if err != nil {
		return nil, err
	}
	b = b.Clone()
	for i := range b.Authentik.Users {
		u := &b.Authentik.Users[i]
		if slices.ContainsFunc(s.Users, func(ours User) bool { return ours.Password == u.Password }) {
			u.Password = fresh()
		}
	}
	return b, nil
}

// templateSets are the variables that the compose file has values of its own for.
var templateSets = []string{
	"PAPERLESS_REDIS", "PAPERLESS_DBENGINE", "PAPERLESS_DBHOST", "PAPERLESS_DBPORT", "PAPERLESS_DBNAME", "PAPERLESS_DBUSER", "PAPERLESS_DBPASS", secretKeyName,
}

// composeText is a compose file that a user can run: Paperless with its broker,
// authentik's server and worker, and a PostgreSQL for each. Secrets come from
// the .env beside it; reads are those that authentik's blueprint reads.
func composeText(b *Deployment, reads []string) ([]byte, error) {
	text, err := compose.FS.ReadFile("compose.yaml.tmpl")
	if err != nil {
		return nil, fmt.Errorf("read the compose template: %w", err)
	}
	v, err := VersionOf(b)
	if err != nil {
		return nil, err
	}
	value := func(s string) string { return q(strings.ReplaceAll(s, "$", "$$")) } // Compose interpolates $
	tmpl, err := template.New("compose").Funcs(template.FuncMap{
		"value": func(s string) string { return lift(value(s), value(clientSecret(b))) },
		"names": func(env map[string]string) []string {
			return slices.DeleteFunc(slices.Sorted(maps.Keys(env)), func(name string) bool { return slices.Contains(templateSets, name) })
		},
	}).Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("parse the compose template: %w", err)
	}
	pu, _ := url.Parse(b.Paperless.URL)
	au, _ := url.Parse(b.Authentik.URL)
	var buf bytes.Buffer
	err = tmpl.Execute(&buf, map[string]any{
		"Deployment": b, "Version": v, "PaperlessHost": pu.Hostname(), "AuthentikHost": au.Hostname(), "Reads": reads,
	})
	if err != nil {
		return nil, fmt.Errorf("render the compose file: %w", err)
	}
	return buf.Bytes(), nil
}

// lift puts the variable of .env in place of the client secret in a quoted value
// of the compose file. One with characters that JSON or Compose would write in
// another way stays where it is.
func lift(quoted, secret string) string {
	plain := strings.Trim(secret, `"`)
	if plain == "" || strings.ContainsAny(plain, "\\\"$") {
		return quoted
	}
	return strings.ReplaceAll(quoted, `\"`+plain+`\"`, `\"${`+clientSecretName+`:?set it in .env}\"`)
}
