package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A product newer than every known one is named, on every target; a version that
// is known from reports alone says so in the lab.
func TestNewerThanKnown(t *testing.T) {
	t.Parallel()
	r := &Report{}
	r.Target.Kind = target.External
	r.Target.Paperless.Version, r.Target.Authentik.Version = "3.0.5", "2026.11.1"
	assert.Contains(t, r.notes(), "authentik 2026.11.1 is newer than 2026.8.5, the newest that ssocheck knows: a check that cannot find its way there may be out of date itself.")
	r.Target.Authentik.Version = "2026.8.5"
	assert.Empty(t, r.newerNotes())
	r.Target.Kind, r.Target.Paperless.Version = target.Lab, "3.3.0"
	assert.Contains(t, r.labNote(), "Paperless-ngx 3.3.0 was not recorded: it answers as 3.0 until proven otherwise.")
}
