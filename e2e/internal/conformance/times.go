package conformance

import "time"

const (
	// Patience is how long Paperless-ngx waits for a byte of the provider.
	Patience = 5 * time.Second
	// LabPatience is how long the lab's does, so that a run is short.
	LabPatience = 2 * time.Second
)
