package troubleshooting

import "github.com/ssocheck/ssocheck/e2e/internal/source"

// DocURL is the place of an item or check on a page of docs/, as the pages were
// in that release of ssocheck: an old one points at the words of its time. It is
// "" for a build that knows no address of the project.
func DocURL(version, page, id string) string { return source.DocURL(version, page, id) }
