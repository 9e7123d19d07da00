package source

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// address is that of ssocheck's own repository, such as
// https://example.org/ssocheck. A release sets it by
// -ldflags "-X …/e2e/internal/source.address=…"; "" makes no links.
var address string

var release = lazyregexp.New(`^v?\d+\.\d+\.\d+`)

// ProjectURL is the address of ssocheck's repository; "" where the build has none.
func ProjectURL() string { return address }

// DocURL is the place of an item, rule or check on a page of docs/, as the pages
// were in that release of ssocheck; "" where the build has no address.
func DocURL(version, page, id string) string { return PageURL(address, version, page, id) }

// PageURL is DocURL for a repository at home; "" without one.
func PageURL(home, version, page, id string) string {
	if home == "" {
		return ""
	}
	ref := "main" // a build that is no release
	if release.MatchString(version) {
		ref = "v" + strings.TrimPrefix(version, "v")
	}
	return strings.TrimRight(home, "/") + "/blob/" + ref + "/docs/" + page + "#" + strings.ToLower(id)
}

// The guide that the checks and items cite, and the page where it stands.
const (
	GuideTitle = "Paperless-ngx + authentik (OIDC) Integration"
	GuideURL   = "https://kabason.net/home-lab/application/paperlessintegration.html"
)

// More is how to read more of a code: the command, which every build has.
func More(code string) string { return "ssocheck explain " + code }
