package target

import (
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/render"
)

// NewRedactor knows the secrets of a bundle and more, and leaves alone what the
// bundle shows anyway: host names, client ids, the words of both products.
func NewRedactor(b *render.Bundle, more ...string) *evidence.Redactor {
	return evidence.NewRedactor(append(b.Secrets(), more...)...).Spare(b.Words().Has)
}
