package manual

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// factsCited is a file of what we know, with the place in it, as texts cite it: its
// path from the root of the repository.
var factsCited = lazyregexp.New(`\b(docs/facts|fixtures)/([\w-]+\.(?:md|json))(#[\w.-]*\w)?`)

// cite makes links of the facts that a text cites, for a page of docs.
func cite(text string) string {
	return factsCited.ReplaceAllStringFunc(text, func(cited string) string {
		m := factsCited.FindStringSubmatch(cited)
		to := "facts/" + m[2]
		if m[1] == "fixtures" {
			to = "../fixtures/" + m[2]
		}
		if strings.HasSuffix(m[2], ".md") {
			to += m[3] // a place in JSON is no anchor
		}
		return "[" + cited + "](" + to + ")"
	})
}
