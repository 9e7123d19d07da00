package runner

import (
	"sync"
	"time"
)

// A company are the checks that run at this moment on pairs that share a provider.
// Each pair has an edge, accounts and a Paperless log of its own; the provider's log
// and events tell of all. So what does not pass in company is done once more alone:
// its verdict and its evidence are then those of one check after another.
type company struct {
	gate sync.RWMutex // held for reading by each that runs, for writing by one that runs alone
	mu   sync.Mutex
	here map[*stay]bool
}

// A stay is one check in company. It is for one goroutine, but for accompanied.
type stay struct {
	c           *company // nil: nothing is shared
	alone       bool
	accompanied bool // guarded by company.mu
}

// enter begins a stay, once nobody is alone. It returns how long that took.
func (c *company) enter() (*stay, time.Duration) {
	if c == nil {
		return &stay{}, 0
	}
	began := time.Now()
	c.gate.RLock()
	waited := time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &stay{c: c, accompanied: len(c.here) > 0}
	for other := range c.here {
		other.accompanied = true
	}
	if c.here == nil {
		c.here = map[*stay]bool{}
	}
	c.here[s] = true
	return s, waited
}

// inCompany reports whether another check ran at any moment of the stay.
func (s *stay) inCompany() bool {
	if s.c == nil {
		return false
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return s.accompanied
}

// secede waits until no other check runs, and keeps it so until the stay ends. It
// returns how long that took.
func (s *stay) secede() time.Duration {
	if s.c == nil || s.alone {
		return 0
	}
	s.leave()
	began := time.Now()
	s.c.gate.Lock()
	s.alone, s.accompanied = true, false // nobody else is here
	return time.Since(began)
}

// leave ends the stay.
func (s *stay) leave() {
	switch {
	case s.c == nil:
	case s.alone:
		s.c.gate.Unlock()
	default:
		s.c.mu.Lock()
		delete(s.c.here, s)
		s.c.mu.Unlock()
		s.c.gate.RUnlock()
	}
}
