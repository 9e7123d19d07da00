package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// upgrade is lint with what the versions to upgrade to bring: findings that
// come only with them say so. Those that only foretell version 3 go when the
// upgrade reaches it, because then the thing itself is said.
func (s *subject) upgrade(src Sources) ([]Finding, error) {
	p, a := s.bundle.Paperless.Version, s.bundle.Authentik.Version
	next := src
	next.from = p
	next.PaperlessVersion = strings.TrimPrefix(src.ToPaperless, "v")
	next.AuthentikVersion = strings.TrimPrefix(src.ToAuthentik, "v")
	if next.PaperlessVersion == "" {
		next.PaperlessVersion = p
	}
	if next.AuthentikVersion == "" {
		next.AuthentikVersion = a
	}
	if err := forward("Paperless-ngx", p, next.PaperlessVersion); err != nil {
		return nil, err
	}
	if err := forward("authentik", a, next.AuthentikVersion); err != nil {
		return nil, err
	}
	then, err := load(next)
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(s.lint(), func(f Finding) bool {
		return f.Code == "UPG-V3" && then.paperless().AtLeast("3.0.0")
	})
	coming := then.lint()
	for _, f := range then.ignored {
		if !slices.ContainsFunc(s.ignored, f.sameCause) {
			s.ignored = append(s.ignored, f)
		}
	}
	for _, f := range coming {
		if slices.ContainsFunc(out, f.sameCause) {
			continue
		}
		f.From = next.PaperlessVersion
		if next.AuthentikVersion != a {
			f.From += "," + next.AuthentikVersion
		}
		out = append(out, f)
	}
	s.sort(out)
	return out, nil
}

// sameCause tells whether two findings say the same of the same place; the
// words may differ with the version.
func (f Finding) sameCause(g Finding) bool {
	return f.Code == g.Code && f.File == g.File && f.Line == g.Line && f.Column == g.Column && rank(g.Level) <= rank(f.Level)
}

// forward refuses a way back: what a downgrade does nobody has tried.
func forward(product, from, to string) error {
	if !semverText.MatchString(strings.SplitN(to, "-", 2)[0]) {
		return fmt.Errorf("%s %q is no version; write it as 3.0.5", product, to)
	}
	if !deployment.AtLeast(to, from) {
		return fmt.Errorf("%s %s is older than %s, which runs now; only upgrades can be looked at", product, to, from)
	}
	return nil
}
