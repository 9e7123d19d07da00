package troubleshooting

import (
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// said reports whether a rule already names a cause that the hazard makes.
func said(s *source.Set, h deployment.Hazard) bool {
	for _, rule := range Rules() {
		if slices.Contains(h.Codes, rule.Code) && rule.check != nil && len(rule.check(s)) > 0 {
			return true
		}
	}
	return false
}

// checkHazards names the hazards between the versions of an upgrade that is asked
// for; one by which these files break is a warning.
func checkHazards(s *source.Set) []source.Problem {
	from := deployment.Pair{Paperless: s.Reader.Sources.From, Authentik: s.Reader.Sources.FromAuthentik}
	if from.Authentik == "" {
		return nil
	}
	to := deployment.Pair{Paperless: s.Paperless().Version, Authentik: s.Deployment.Authentik.Version}
	before := s.Deployment.Clone()
	before.Paperless.Version, before.Authentik.Version = from.Paperless, from.Authentik
	hazards, err := Hazards(before, from, to)
	if err != nil {
		return nil // the data is embedded: a test reads it
	}
	var out []source.Problem
	for _, h := range hazards {
		if said(s, h) {
			continue
		}
		product := "authentik"
		if h.Product == deployment.PaperlessProduct {
			product = "Paperless-ngx"
		}
		p := s.Anywhere(h.ID+" ("+product+" "+h.At+"): "+h.Title+": "+strings.Join(h.Because, "; "), h.Check)
		if h.Hits {
			p.Level = source.Warning
		}
		out = append(out, p)
	}
	return out
}
