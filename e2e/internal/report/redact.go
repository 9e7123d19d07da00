package report

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// Redact returns the bundle with every secret replaced by its fingerprint.
// Equal secrets get equal fingerprints, so that "Paperless has another client
// secret than authentik" can still be seen; quotes and white space around a
// secret stay, since they are causes of their own.
func Redact(b *deployment.Deployment, red *evidence.Redactor) *deployment.Deployment {
	c := b.Clone()
	if c.Relations == nil {
		c.Relations = map[string]string{}
	}
	c.Relations["client_secret"] = b.SecretRelation() // what fingerprints cannot tell: nearly equal
	r := bundleRedactor{red: red, secrets: slices.DeleteFunc(secrets(b), red.Spares)}
	red.Add(r.secrets...)
	r.env(c.Paperless.Env)
	r.env(c.Paperless.Running)
	for path, text := range c.Paperless.Files {
		c.Paperless.Files[path] = r.mask(text)
	}
	for i := range c.Paperless.Users {
		c.Paperless.Users[i].Password = r.mask(c.Paperless.Users[i].Password)
	}
	r.model(&c.Authentik.Model)
	if c.Authentik.RawModel != nil {
		r.model(c.Authentik.RawModel)
	}
	c.Authentik.Raw = []byte(r.text(deployment.HideSpans(string(c.Authentik.Raw), r.mask)))
	if len(c.Authentik.Raw) == 0 {
		c.Authentik.Raw = nil
	}
	// Whatever is left: names, URLs, notes. Values that were masked above are
	// not secrets any more, so this pass leaves them alone; so does it the
	// provider JSON, where it would print fingerprints of fingerprints.
	env, running := c.Paperless.Env[deployment.ProvidersKey], c.Paperless.Running[deployment.ProvidersKey]
	walk(reflect.ValueOf(c).Elem(), r.text)
	if env != "" {
		c.Paperless.Env[deployment.ProvidersKey] = env
	}
	if running != "" {
		c.Paperless.Running[deployment.ProvidersKey] = running
	}
	return c
}

// secrets are the bundle's, without those that anybody knows.
func secrets(b *deployment.Deployment) []string {
	return slices.DeleteFunc(b.Secrets(), func(s string) bool { return publicSecrets[s] })
}

type bundleRedactor struct {
	red     *evidence.Redactor
	secrets []string
}

// publicSecrets are values that anybody can read in the products' source: they
// protect nothing, and the diagnosis must be able to name them.
var publicSecrets = map[string]bool{"": true, "change-me": true, "changeme": true}

func (r *bundleRedactor) mask(v string) string {
	core := strings.TrimSpace(v)
	if publicSecrets[core] || print7.MatchString(core) {
		return v
	}
	i := strings.Index(v, core)
	before, after := v[:i], v[i+len(core):]
	for _, q := range []string{`"`, `'`} {
		if len(core) > 2 && strings.HasPrefix(core, q) && strings.HasSuffix(core, q) {
			before, core, after = before+q, core[1:len(core)-1], q+after
		}
	}
	return before + r.red.Print(core) + after
}

func (r *bundleRedactor) env(env map[string]string) {
	for name, v := range env {
		switch {
		case name == deployment.ProvidersKey:
			env[name] = r.providers(v)
		case deployment.SecretName(name):
			env[name] = r.mask(v)
		}
	}
}

// providers masks the secrets of the provider JSON. JSON that does not parse is
// masked in place without a change of length, because the product's message
// counts its characters.
func (r *bundleRedactor) providers(text string) string {
	var doc any
	if err := json.Unmarshal([]byte(text), &doc); err == nil {
		return encode(r.json("", doc))
	}
	text = deployment.HideSpans(text, func(v string) string { return pad(r.red.Print(v), v) })
	for _, secret := range r.secrets {
		text = strings.ReplaceAll(text, secret, pad(r.red.Print(secret), secret))
	}
	return text
}

func (r *bundleRedactor) json(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = r.json(k, v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = r.json(name, v[i])
		}
		return v
	case string:
		if strings.EqualFold(name, "key") || r.red.Secret(name) {
			return r.mask(v)
		}
		return r.text(v)
	}
	return v
}

func (r *bundleRedactor) model(m *deployment.Model) {
	for i := range m.Providers {
		m.Providers[i].ClientSecret = r.mask(m.Providers[i].ClientSecret)
	}
	for i := range m.Users {
		m.Users[i].Password = r.mask(m.Users[i].Password)
	}
}

var (
	print7     = lazyregexp.New(`^…[0-9a-f]{6}$`)
	userinfo   = lazyregexp.New(`(://[^/\s:@"']*:)([^/\s@"']+)(@)`)
	yamlSecret = lazyregexp.New(`(?m)^(\s*(?:-\s*)?(?:client_secret|password|secret|key|token):\s*)(\S.*?)(\s*)$`)
)

// text removes secrets from prose, URLs and blueprints. Unlike Redactor.Text it
// leaves what is a fingerprint already, so that equal ones stay equal.
func (r *bundleRedactor) text(s string) string {
	if s == "" || print7.MatchString(s) {
		return s
	}
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, r.red.Print(secret))
	}
	s = userinfo.ReplaceAllStringFunc(s, func(m string) string {
		g := userinfo.FindStringSubmatch(m)
		return g[1] + r.mask(g[2]) + g[3]
	})
	s = yamlSecret.ReplaceAllStringFunc(s, func(m string) string {
		g := yamlSecret.FindStringSubmatch(m)
		if strings.HasPrefix(g[2], "!") {
			return m // a tag that says where the value comes from
		}
		return g[1] + r.mask(g[2]) + g[3]
	})
	return r.red.Text(s)
}

// pad brings a fingerprint to the length of what it stands for.
func pad(print, secret string) string {
	missing := utf8.RuneCountInString(secret) - utf8.RuneCountInString(print)
	return print + strings.Repeat("*", max(missing, 0))
}

func encode(v any) string {
	var sb strings.Builder
	enc := json.NewEncoder(&sb)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "" // decoded JSON always encodes
	}
	return strings.TrimSpace(sb.String())
}

var ansi = lazyregexp.New(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])`)

// clean removes what a product could do to a terminal through its log.
func clean(s string) string {
	s = ansi.ReplaceAllString(s, "")
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' {
			return c
		}
		if c < 0x20 || (c >= 0x7f && c < 0xa0) {
			return -1
		}
		return c
	}, s)
}

// scrub is the last line of defence: what is recorded should be redacted
// already, and this makes sure.
func scrub(rep *Report, red *evidence.Redactor) {
	fix := func(s string) string { return red.Text(clean(s)) }
	walk(reflect.ValueOf(rep).Elem(), fix)
	for i := range rep.Checks {
		c := &rep.Checks[i]
		c.dom = red.Text(c.dom)
		shots := make(map[string][]byte, len(c.shots))
		for name, png := range c.shots {
			shots[fix(name)] = png
		}
		c.shots = shots
	}
}

// walk replaces every string that is reachable through exported fields, in
// copies of maps and slices, so that the run itself is not changed.
func walk(v reflect.Value, fix func(string) string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(fix(v.String()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				walk(f, fix)
			}
		}
	case reflect.Pointer:
		if v.IsNil() || !v.CanSet() {
			return
		}
		c := reflect.New(v.Type().Elem())
		c.Elem().Set(v.Elem())
		walk(c.Elem(), fix)
		v.Set(c)
	case reflect.Slice:
		if v.IsNil() || !v.CanSet() || v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		for i := range c.Len() {
			walk(c.Index(i), fix)
		}
		v.Set(c)
	case reflect.Map:
		if v.IsNil() || !v.CanSet() {
			return
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			key.Set(it.Key())
			value.Set(it.Value())
			walk(key, fix)
			walk(value, fix)
			c.SetMapIndex(key, value)
		}
		v.Set(c)
	case reflect.Interface:
		if v.IsNil() || !v.CanSet() {
			return
		}
		c := reflect.New(v.Elem().Type()).Elem()
		c.Set(v.Elem())
		walk(c, fix)
		v.Set(c)
	}
}
