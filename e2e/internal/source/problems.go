package source

import (
	"maps"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// Problems are those of the deployment, and the names of its own name space that
// no version reads, each with the nearest name that is read, as lint says them.
func Problems(b *deployment.Deployment) []deployment.Problem {
	out := deployment.Problems(b)
	catalogue, err := KnownSettings()
	if err != nil {
		return out // the data is embedded: a test reads it
	}
	known, err := deployment.KnownVersions()
	if err != nil || deployment.Newer(b.Paperless.Version, deployment.NewestObserved(known.Paperless)) {
		return out // a name that is not known may be one of a newer version's own
	}
	for _, name := range slices.Sorted(maps.Keys(b.Paperless.Env)) {
		said := slices.ContainsFunc(out, func(p deployment.Problem) bool { return p.Setting == name })
		if said || !strings.HasPrefix(name, "PAPERLESS_") || catalogue.Known(name) {
			continue
		}
		near := catalogue.RealName(name)
		if near == "" {
			// A guess: the edit takes the line out and does not rename it.
			if near = catalogue.Nearest(name); near != "" {
				near = "perhaps " + near
			}
		}
		if near != "" {
			out = append(out, deployment.Problem{Code: "CFG-UNKNOWN", Setting: name, Seen: "no version reads it", Wanted: near})
		}
	}
	return out
}
