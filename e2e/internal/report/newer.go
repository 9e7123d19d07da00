package report

import (
	"fmt"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// newerNotes say which product is newer than every version that is known here:
// what then fails may be the tester, which knows the pages of older ones.
func (r *Report) newerNotes() []string {
	known, err := deployment.KnownVersions()
	if err != nil {
		return nil
	}
	var notes []string
	for _, p := range []struct {
		name, version string
		releases      []deployment.Release
	}{
		{"Paperless-ngx", r.Target.Paperless.Version, known.Paperless},
		{"authentik", r.Target.Authentik.Version, known.Authentik},
	} {
		if newest := p.releases[len(p.releases)-1].Version; deployment.Newer(p.version, newest) {
			notes = append(notes, fmt.Sprintf("%s %s is newer than %s, the newest that ssocheck knows: a check that cannot find its way there may be out of date itself.", p.name, p.version, newest))
		}
	}
	return notes
}
