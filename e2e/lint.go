package e2e

import (
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// Lint looks at the files of the options (Config, Blueprint, Service, and the
// versions) without a browser or Docker, and says what is wrong with them, by
// file and line. Files that cannot be read are ErrUsage.
func Lint(o Options) (found []Diagnostic, err error) {
	defer toImporter(&err)
	if len(o.Config) == 0 {
		return nil, fmt.Errorf("%w: lint needs the files of a configuration", ErrUsage)
	}
	found, err = troubleshooting.Lint(source.Sources{
		Files: o.Config, Blueprint: o.Blueprint, Service: o.Service, Environ: source.Environ(),
		PaperlessVersion: strings.TrimPrefix(o.Paperless, "v"), AuthentikVersion: strings.TrimPrefix(o.Authentik, "v"),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return found, nil
}
