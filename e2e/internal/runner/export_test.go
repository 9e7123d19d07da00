package runner

import "time"

// SetClock gives a run a clock of its own.
func (o *Options) SetClock(c func() (time.Time, time.Duration)) { o.clock = c }
