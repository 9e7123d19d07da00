package target

import (
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// NewRedactor knows the secrets of a bundle and more, and leaves alone what the
// bundle shows anyway: host names, client ids, the words of both products.
func NewRedactor(b *deployment.Deployment, more ...string) *evidence.Redactor {
	return evidence.NewRedactor(append(b.Secrets(), more...)...).Spare(b.Words().Has)
}
