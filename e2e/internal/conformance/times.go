package conformance

import (
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

const (
	// Patience is how long Paperless-ngx waits for a byte of the provider.
	Patience = 5 * time.Second
	// LabPatience is how long that lab's does on which the tests run that wait for its
	// end, so that a run is short.
	LabPatience = 2 * time.Second
	// ample is how long the other lab's does: no page takes longer on a machine that is
	// busy with other things, so that nothing is given up that only came late.
	ample = time.Minute
)

// PatienceOn is how long the Paperless-ngx of a kind of target waits. Where it is ours to
// choose, the slow tests have another one for themselves; 0: they have not.
func PatienceOn(kind string) (usual, slow time.Duration) {
	if kind == target.Lab {
		return ample, LabPatience
	}
	return Patience, 0
}
