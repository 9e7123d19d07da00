package evidence

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// A Redactor removes secrets from what is recorded. What it removes is replaced
// by a fingerprint that is the same for the same value within a run and tells
// nothing outside of it, so that evidence can say "the same state came back".
// The zero value is not usable; see NewRedactor. Safe for concurrent use.
type Redactor struct {
	key []byte

	mu      sync.RWMutex
	secrets []string // longest first
	spare   func(string) bool
}

// NewRedactor makes a Redactor that knows these secrets. Each is removed as it
// is, and as it looks in a URL, in JSON and in a Basic credential.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{key: make([]byte, 16)}
	_, _ = rand.Read(r.key) // never fails (crypto/rand)
	r.Add(secrets...)
	return r
}

// Spare leaves values alone, also those that were added before: ordinary words,
// such as a password that is a part of the host name. They are hidden by the name
// that stands in front of them only (password=, "secret":). What is compared with
// a configuration, a host, a path, a client id, would be another one else.
func (r *Redactor) Spare(word func(string) bool) *Redactor {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = word
	r.secrets = slices.DeleteFunc(r.secrets, word)
	return r
}

// Spares reports whether a value is left alone; see Spare.
func (r *Redactor) Spares(value string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(value) < 4 || r.spare != nil && r.spare(value)
}

// Add makes further values secret. Values shorter than four bytes are ignored:
// they would blank out ordinary words.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		if len(s) < 4 || r.spare != nil && r.spare(s) {
			continue
		}
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), jsonForm(s), base64.StdEncoding.EncodeToString([]byte(s))} {
			if !slices.Contains(r.secrets, form) {
				r.secrets = append(r.secrets, form)
			}
		}
	}
	slices.SortStableFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
}

func jsonForm(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// Print is the fingerprint of a value: «…3fa9c1». Empty stays empty.
func (r *Redactor) Print(value string) string {
	if value == "" {
		return ""
	}
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(value))
	return "…" + hex.EncodeToString(mac.Sum(nil))[:6]
}

// secretParams are query and form parameters whose values are secrets or as
// good as secrets (RFC 6749, RFC 7636, OIDC Core, Django, authentik).
var secretParams = map[string]bool{
	"code": true, "state": true, "nonce": true, "code_verifier": true, "code_challenge": true,
	"client_secret": true, "password": true, "access_token": true, "refresh_token": true,
	"id_token": true, "id_token_hint": true, "token": true, "csrfmiddlewaretoken": true,
	"sessionid": true, "csrftoken": true, "secret": true, "session_state": true, "assertion": true,
	"auth_token": true, "client_assertion": true,
}

// Secret reports whether a parameter of this name is redacted.
func (r *Redactor) Secret(param string) bool { return secretParams[strings.ToLower(param)] }

// URL redacts the secret parameters of a URL, also inside a next= parameter,
// and any known secret in it. A URL that does not parse is redacted as text.
func (r *Redactor) URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return r.Text(raw)
	}
	if u.User != nil {
		u.User = url.User("redacted")
	}
	u.RawQuery = r.query(u.RawQuery)
	if strings.Contains(u.Fragment, "=") {
		u.Fragment = r.query(u.Fragment)
	}
	return r.Text(u.String())
}

// query keeps the order of the parameters, unlike url.Values.
func (r *Redactor) query(q string) string {
	if q == "" {
		return ""
	}
	parts := strings.Split(q, "&")
	for i, p := range parts {
		name, value, ok := strings.Cut(p, "=")
		if !ok || value == "" {
			continue
		}
		plain, err := url.QueryUnescape(value)
		if err != nil {
			plain = value
		}
		switch {
		case r.Secret(name):
			parts[i] = name + "=" + r.Print(plain)
		case strings.Contains(plain, "="):
			// next=/application/o/authorize/?…, or authentik's query=next=… around it
			inner := r.query(plain)
			if strings.Contains(plain, "?") {
				inner = r.URL(plain)
			}
			if inner != plain {
				parts[i] = name + "=" + url.QueryEscape(inner)
			}
		}
	}
	return strings.Join(parts, "&")
}

var (
	jwt        = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}`)
	bearer     = regexp.MustCompile(`(?i)\b(bearer|basic|token)\s+[A-Za-z0-9+/=._~-]{12,}`)
	jsonSecret = regexp.MustCompile(`(?i)("(?:secret|client_secret|password|access_token|refresh_token|id_token|token|code|code_verifier|auth_token)"\s*:\s*")((?:[^"\\]|\\.)*)(")`)
	formSecret = regexp.MustCompile(`(?i)\b((?:` + strings.Join(slices.Sorted(maps.Keys(secretParams)), "|") + `)=)([^&\s"'<>;…]+)`)
	// stackPlace is line and column behind an address, as a stack trace has it. It is
	// no part of the value: the same value has to have the same fingerprint.
	stackPlace = regexp.MustCompile(`:\d+:\d+\)?$`)
	reference  = regexp.MustCompile(`^\$\{[A-Za-z_][A-Za-z0-9_]*\}$`)
	csrfField  = regexp.MustCompile(`(?i)(name="csrfmiddlewaretoken"\s+value=")([^"]*)(")`)
)

// Text redacts known secrets, JWTs, credentials in headers and the values of
// secret names in free text such as log lines, pages and JSON.
func (r *Redactor) Text(s string) string {
	if s == "" {
		return s
	}
	s = r.known(s)
	s = jwt.ReplaceAllStringFunc(s, r.Print)
	s = bearer.ReplaceAllStringFunc(s, func(m string) string {
		kind, value, _ := strings.Cut(m, " ")
		return kind + " " + r.Print(strings.TrimSpace(value))
	})
	for _, re := range []*regexp.Regexp{jsonSecret, csrfField} {
		s = re.ReplaceAllStringFunc(s, func(m string) string {
			g := re.FindStringSubmatch(m)
			if reference.MatchString(g[2]) { // the name of a variable tells nothing
				return m
			}
			return g[1] + r.Print(g[2]) + g[3]
		})
	}
	return formSecret.ReplaceAllStringFunc(s, func(m string) string {
		g := formSecret.FindStringSubmatch(m)
		return g[1] + r.Print(stackPlace.ReplaceAllString(g[2], ""))
	})
}

// hostPart is scheme and host of an address in a text.
var hostPart = regexp.MustCompile(`(?i)\bhttps?(?:://|%3A%2F%2F)(?:[a-z0-9-]+\.)+[a-z0-9-]+`)

// known removes the known secrets, but never a part of a host name: who reads
// another name than was asked for draws a wrong conclusion.
func (r *Redactor) known(s string) string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	replace := func(s string) string {
		for _, secret := range r.secrets {
			if strings.Contains(s, secret) {
				s = strings.ReplaceAll(s, secret, r.Print(secret))
			}
		}
		return s
	}
	if replace(s) == s {
		return s
	}
	var b strings.Builder
	at := 0
	for _, m := range hostPart.FindAllStringIndex(s, -1) {
		if m[1] < len(s) && strings.ContainsAny(s[m[1]:m[1]+1], "@:_%") && !port.MatchString(s[m[1]:]) {
			continue // credentials in front of the host
		}
		b.WriteString(replace(s[at:m[0]]))
		b.WriteString(s[m[0]:m[1]])
		at = m[1]
	}
	b.WriteString(replace(s[at:]))
	return b.String()
}

var port = regexp.MustCompile(`^:[0-9]{1,5}(?:[^0-9A-Za-z@._-]|$)`)

// Form redacts the values of a form or query.
func (r *Redactor) Form(v url.Values) map[string]string {
	out := make(map[string]string, len(v))
	for name, values := range v {
		joined := strings.Join(values, " ")
		switch {
		case joined == "":
			out[name] = ""
		case r.Secret(name):
			out[name] = r.Print(joined)
		default:
			out[name] = r.Text(joined)
		}
	}
	return out
}

// JSON redacts a decoded JSON value in place of its secrets and returns it.
func (r *Redactor) JSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			if s, ok := value.(string); ok && r.Secret(name) {
				out[name] = r.Print(s)
				continue
			}
			out[name] = r.JSON(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = r.JSON(v[i])
		}
		return out
	case string:
		return r.Text(v)
	}
	return v
}
