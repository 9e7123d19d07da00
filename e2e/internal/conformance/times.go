package conformance

import (
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

const (
	// Patience is how long Paperless-ngx waits for a byte of the provider.
	Patience = 5 * time.Second
	// LabPatience is how long the lab's does, so that a run is short.
	LabPatience = 2 * time.Second
)

// PatienceOn is how long the Paperless-ngx of a kind of target waits.
func PatienceOn(kind string) time.Duration {
	if kind == target.Lab {
		return LabPatience
	}
	return Patience
}
