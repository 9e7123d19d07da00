package troubleshooting

import (
	"regexp"
	"strings"
)

// home is where the pages of a release are.
const home = "https://github.com/ssocheck/ssocheck/blob/"

var release = regexp.MustCompile(`^v?\d+\.\d+\.\d+`)

// DocURL is the place of an item or check on a page of docs/, as the pages were
// in that release of ssocheck: an old one points at the words of its time.
func DocURL(version, page, id string) string {
	ref := "main" // a build that is no release
	if release.MatchString(version) {
		ref = "v" + strings.TrimPrefix(version, "v")
	}
	return home + ref + "/docs/" + page + "#" + strings.ToLower(id)
}
