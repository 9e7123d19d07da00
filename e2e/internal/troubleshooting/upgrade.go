package troubleshooting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// upgrade is lint with what the versions to upgrade to bring: findings that
// come only with them say so. Those that only foretell version 3 go when the
// upgrade reaches it, because then the thing itself is said.
func lintUpgrade(s *source.Set, src source.Sources) ([]source.Diagnostic, error) {
	p, a := s.Deployment.Paperless.Version, s.Deployment.Authentik.Version
	next := src
	next.From, next.FromAuthentik = p, a
	next.PaperlessVersion = strings.TrimPrefix(src.ToPaperless, "v")
	next.AuthentikVersion = strings.TrimPrefix(src.ToAuthentik, "v")
	if next.PaperlessVersion == "" {
		next.PaperlessVersion = p
	}
	if next.AuthentikVersion == "" {
		next.AuthentikVersion = a
	}
	known, err := deployment.KnownVersions()
	if err != nil {
		return nil, err
	}
	if next.PaperlessVersion == deployment.LatestKnown {
		next.PaperlessVersion = source.Latest(known.Paperless)
	}
	if next.AuthentikVersion == deployment.LatestKnown {
		next.AuthentikVersion = source.Latest(known.Authentik)
	}
	if err := forward("Paperless-ngx", p, next.PaperlessVersion); err != nil {
		return nil, err
	}
	if err := forward("authentik", a, next.AuthentikVersion); err != nil {
		return nil, err
	}
	then, err := source.Read(next)
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(lintSet(s), func(f source.Diagnostic) bool {
		return f.Code == "UPG-V3" && then.Paperless().AtLeast("3.0.0")
	})
	coming := lintSet(then)
	for _, f := range then.Ignored {
		if !slices.ContainsFunc(s.Ignored, func(g source.Diagnostic) bool { return sameCause(f, g) }) {
			s.Ignored = append(s.Ignored, f)
		}
	}
	now := slices.Clone(out)
	for _, f := range coming {
		if slices.ContainsFunc(now, func(g source.Diagnostic) bool { return sameCause(f, g) }) {
			continue
		}
		f.From = next.PaperlessVersion
		if next.AuthentikVersion != a {
			f.From += "," + next.AuthentikVersion
		}
		out = append(out, f)
	}
	s.Sort(out)
	return out, nil
}

// sameCause reports whether two findings say the same of the same place; the
// words may differ with the version.
func sameCause(f, g source.Diagnostic) bool {
	return f.Code == g.Code && f.File == g.File && f.Line == g.Line && f.Column == g.Column && source.Rank(g.Level) <= source.Rank(f.Level)
}

// forward refuses a way back: what a downgrade does nobody has tried.
func forward(product, from, to string) error {
	if !source.Semver.MatchString(strings.SplitN(to, "-", 2)[0]) {
		return fmt.Errorf("%s %q is no version; write it as 3.0.5", product, to)
	}
	if !deployment.AtLeast(to, from) {
		return fmt.Errorf("%s %s is older than %s, which runs now; only upgrades can be looked at", product, to, from)
	}
	return nil
}
