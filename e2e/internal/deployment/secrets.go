package deployment

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// Secrets are the values that must never be printed, longest first. Where they
// may stand all the same, because they are ordinary words, Words says.
func (b *Deployment) Secrets() []string {
	set := map[string]bool{}
	add := func(s string) {
		if len(s) >= shortest {
			set[s] = true
		}
	}
	for _, env := range []map[string]string{b.Paperless.Env, b.Paperless.Running} {
		for k, v := range env {
			if SecretName(k) {
				add(v)
			}
		}
	}
	for _, v := range b.Paperless.Files {
		add(strings.TrimSpace(v))
	}
	for _, env := range []map[string]string{b.Paperless.Env, b.Paperless.Running} {
		// By what stands in front, not by parsing: broken JSON still holds its secret.
		for _, v := range SecretValues(env[ProvidersKey]) {
			add(v)
		}
	}
	for _, p := range b.Authentik.Providers {
		add(p.ClientSecret)
	}
	for _, u := range b.Authentik.Users {
		add(u.Password)
	}
	for _, u := range b.Paperless.Users {
		add(u.Password)
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	})
}

// SecretName reports whether an environment variable holds a secret by its name.
func SecretName(name string) bool {
	if strings.HasSuffix(name, "_FILE") {
		return false
	}
	for _, word := range []string{"SECRET", "PASSWORD", "DBPASS", "TOKEN_KEY", "API_KEY", "_PASS"} {
		if strings.Contains(name, word) && !strings.Contains(name, "THROTTLE") {
			return true
		}
	}
	return false
}

const (
	shortest = 4 // letters; a shorter value stands in half of all words
	aWord    = 8 // letters or digits alone that are fewer are a word or a number
)

// Words are what a deployment shows to everybody: its host names, the segments of
// its paths, its client ids and user names, and the words of the two products. A
// password that is one of them is hidden where it is the value of its setting,
// and nowhere else: it would blank out host names, and hiding a word there tells
// that it is the password.
type Words struct {
	hosts []string // whatever they look like
	words []string // count for values that look like a word
}

// productWords stand in paths, pages and logs of both products.
var productWords = []string{
	"paperless-ngx", "paperless_ngx", "goauthentik", "authentik", "default-authentication-flow", "default-provider-authorization-implicit-consent",
	"accounts", "login", "logout", "callback", "signup", "3rdparty", "openid_connect", "openid-configuration", "well-known", "end-session", "authorize",
	"application", "userinfo", "introspect", "discovery", "provider", "profile", "settings", "dashboard", "documents", "password", "username", "secret",
	"identification", "consent", "session", "socialaccount", "allauth", "django", "redirect", "database", "postgresql", "mariadb", "mysql", "sqlite", "redis",
	"localhost", "container", "webserver", "administrator", "change-me", "changeme", "client_secret_basic", "client_secret_post", "token_auth_method", "social",
}

var (
	addresses = lazyregexp.New(`https?://[^\s"'<>,;\]\[{}|\\]+`)
	wordlike  = lazyregexp.New(`^[A-Za-z]{2,}(?:[-_. ][A-Za-z0-9]{1,12})*[0-9]{0,2}$`)
	numeral   = lazyregexp.New(`^(?:[A-Za-z]+|[0-9]+)$`)
)

// Words are those of this deployment.
func (b *Deployment) Words() Words {
	w := Words{words: slices.Clone(productWords)}
	for _, raw := range []string{b.Paperless.URL, b.Authentik.URL} {
		w.address(raw)
	}
	for _, env := range []map[string]string{b.Paperless.Env, b.Paperless.Running} {
		for name, v := range env {
			if SecretName(name) {
				continue
			}
			for _, raw := range addresses.FindAllString(v, -1) {
				w.address(raw)
			}
			if strings.HasSuffix(name, "_HOST") || strings.HasSuffix(name, "_HOSTS") || strings.HasSuffix(name, "DBHOST") {
				w.hosts = append(w.hosts, strings.ToLower(v))
			}
			if strings.HasSuffix(name, "USER") || strings.HasSuffix(name, "DBNAME") || strings.HasSuffix(name, "_MAIL") {
				w.words = append(w.words, v)
			}
		}
	}
	apps, _ := b.Paperless.Apps() // broken JSON: its addresses were found above
	for _, a := range apps {
		w.words = append(w.words, a.ProviderID, a.Name, a.ClientID)
	}
	for _, h := range slices.Collect(maps.Keys(b.Paperless.ExtraHosts)) {
		w.hosts = append(w.hosts, strings.ToLower(h))
	}
	for _, u := range b.Paperless.Users {
		w.words = append(w.words, u.Username, u.Email)
	}
	w.model(&b.Authentik.Model)
	return w
}

func (w *Words) model(m *Model) {
	for _, p := range m.Providers {
		w.words = append(w.words, p.Name, p.ClientID)
		w.words = append(w.words, p.Scopes...)
		for _, u := range p.RedirectURIs {
			w.address(strings.ReplaceAll(u.URL, `\`, ""))
		}
	}
	for _, a := range m.Applications {
		w.words = append(w.words, a.Name, a.Slug)
	}
	w.words = append(w.words, m.Groups...)
	for _, u := range m.Users {
		w.words = append(w.words, u.Username, u.Name, u.Email)
	}
}

// address adds host and path of a URL, never its credentials or its query.
func (w *Words) address(raw string) {
	u, err := url.Parse(raw)
	if err != nil {
		return
	}
	w.hosts = append(w.hosts, strings.ToLower(u.Hostname()))
	w.words = append(w.words, strings.Split(u.Path, "/")...)
}

// Has reports whether a value is an ordinary word here, or too short to be told
// from one.
func (w Words) Has(value string) bool {
	v := strings.ToLower(strings.TrimSpace(value))
	if len(v) < shortest || len(v) < aWord && numeral.MatchString(v) {
		return true
	}
	in := func(list []string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(strings.ToLower(s), v) })
	}
	return in(w.hosts) || len(v) <= 32 && wordlike.MatchString(v) && in(w.words)
}

// List are the words as data, for an edge in a container; see WordsOf.
func (w Words) List() (hosts, words []string) { return w.hosts, w.words }

// WordsOf are the words that List gave.
func WordsOf(hosts, words []string) Words { return Words{hosts: hosts, words: words} }
