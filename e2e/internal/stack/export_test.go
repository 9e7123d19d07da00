package stack

import "time"

// WithPatience gives an engine up sooner.
func WithPatience(d time.Duration) Option { return func(o *options) { o.patience = d } }

// WithGateLimit closes every gate for good after that time.
func WithGateLimit(d time.Duration) Option { return func(o *options) { o.gateLimit = d } }
