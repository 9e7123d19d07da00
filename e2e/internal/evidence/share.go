package evidence

import (
	"slices"
)

// Key is what a second Redactor needs to give the same fingerprints: the edge
// in a container records what the browser records here, and diagnosis compares
// the two. It is not a secret of the deployment, but keep it inside the run.
func (r *Redactor) Key() []byte { return slices.Clone(r.key) }

// NewRedactorWithKey makes a Redactor whose fingerprints are those of the
// Redactor that the key came from.
func NewRedactorWithKey(key []byte, secrets ...string) *Redactor {
	r := &Redactor{key: slices.Clone(key)}
	r.Add(secrets...)
	return r
}

// Known are all values that this Redactor removes, so that another one of the
// same run can learn them (Add). Never print them.
func (r *Redactor) Known() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.secrets)
}
