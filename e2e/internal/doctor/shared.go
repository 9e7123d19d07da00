package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

var (
	hidden    = lazyregexp.New(`(?i)secret|pass|token|key|credential|private|dsn`)
	shared    = lazyregexp.New(`^(?:PAPERLESS_|AUTHENTIK_|USERMAP_|REQUESTS_CA_BUNDLE$|CURL_CA_BUNDLE$|SSL_CERT_FILE$|(?i:https?_proxy|no_proxy)$)`)
	userinURL = lazyregexp.New(`://[^@/\s"']+@`)
)

// Environment is what the container has of the two products' settings, as lines
// NAME=value. Whatever may be a secret by its name has no value.
func (c *Container) Environment(red *evidence.Redactor) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(c.env)) {
		value := c.env[name]
		switch {
		case !shared.MatchString(name):
			continue
		case hidden.MatchString(name) && !strings.HasSuffix(name, "_FILE"):
			value = fmt.Sprintf("(hidden, %d characters)", len(value))
		default:
			value = userinURL.ReplaceAllString(red.Text(value), "://(hidden)@")
		}
		out = append(out, name+"="+strings.ReplaceAll(value, "\n", `\n`))
	}
	return out
}
