package deployment

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// LatestKnown is the word for the newest version of fixtures/versions.yaml.
const LatestKnown = "latest-known"

// ErrPath marks versions between which there is no way that the products allow.
var ErrPath = errors.New("no way to upgrade")

// A Way is an upgrade that a product does not allow in one step.
type Way struct {
	Product string `yaml:"product"`
	At      string `yaml:"at"` // versions from here on ask for it
	// From must be reached before; empty: see Series.
	From string `yaml:"from"`
	// Series are all series of releases (2025.8, 2025.10 …), each of which between
	// has to be visited; nil: see From.
	Series []string `yaml:"series"`
	Why    string   `yaml:"why"`
	Source string   `yaml:"source"`
}

// A Pair is a version of each product.
type Pair struct{ Paperless, Authentik string }

// Versions are the versions of a deployment.
func (d *Deployment) Versions() Pair {
	return Pair{Paperless: d.Paperless.Version, Authentik: d.Authentik.Version}
}

// String is as the command line takes it: "2.20.15,2025.8.1".
func (p Pair) String() string { return p.Paperless + "," + p.Authentik }

// A Stage is one step of an upgrade: the pair that runs after it.
type Stage struct {
	Pair
	// Why is empty for the versions that were asked for, else the reason why they
	// cannot be left out.
	Why string
}

// The products that a step of an upgrade raises.
const (
	StepBoth      = "both"
	StepPaperless = "paperless"
	StepAuthentik = "authentik"
)

// ParsePair reads PAPERLESS[,AUTHENTIK]. A missing authentik is that of fallback.
// Either may be latest-known. Versions that neither are known nor lie between known
// ones wrap ErrUnknownVersion and name the nearest.
func ParsePair(text string, fallback Pair) (Pair, error) {
	p, a, both := strings.Cut(text, ",")
	pair := Pair{Paperless: strings.TrimSpace(p), Authentik: fallback.Authentik}
	if both {
		pair.Authentik = strings.TrimSpace(a)
	}
	if pair.Paperless == "" {
		pair.Paperless = fallback.Paperless
	}
	v, err := KnownVersions()
	if err != nil {
		return pair, err
	}
	for _, one := range []struct {
		product  string
		releases []Release
		version  *string
	}{{PaperlessProduct, v.Paperless, &pair.Paperless}, {AuthentikProduct, v.Authentik, &pair.Authentik}} {
		if *one.version == LatestKnown {
			*one.version = one.releases[len(one.releases)-1].Version
			continue
		}
		if err := Within(one.releases, one.product, *one.version); err != nil {
			return pair, err
		}
		*one.version = strings.TrimPrefix(*one.version, "v")
	}
	return pair, nil
}

// UpgradePath are the stages from one pair to another, the first one left out:
// it runs already. Stages that a product forbids to skip are put in. The error
// wraps ErrPath: a downgrade, or a stage that no known version can be.
func UpgradePath(from, to Pair, step string) ([]Stage, error) {
	v, err := KnownVersions()
	if err != nil {
		return nil, err
	}
	switch step {
	case StepPaperless:
		to.Authentik = from.Authentik
	case StepAuthentik:
		to.Paperless = from.Paperless
	}
	if from == to {
		return nil, fmt.Errorf("%w: from and to are the same (%s)", ErrPath, from)
	}
	paperless, err := line(v.Ways, v.Paperless, PaperlessProduct, from.Paperless, to.Paperless)
	if err != nil {
		return nil, err
	}
	authentik, err := line(v.Ways, v.Authentik, AuthentikProduct, from.Authentik, to.Authentik)
	if err != nil {
		return nil, err
	}
	// The stages that were not asked for come first, one product at a time: where
	// one of them fails, it is clear which.
	var stages []Stage
	now := from
	for len(paperless) > 1 {
		now.Paperless = paperless[0].version
		stages = append(stages, Stage{Pair: now, Why: paperless[0].why})
		paperless = paperless[1:]
	}
	for len(authentik) > 1 {
		now.Authentik = authentik[0].version
		stages = append(stages, Stage{Pair: now, Why: authentik[0].why})
		authentik = authentik[1:]
	}
	return append(stages, Stage{Pair: to}), nil
}

type stop struct{ version, why string }

// line are the versions of one product on the way, the first left out.
func line(ways []Way, releases []Release, product, from, to string) ([]stop, error) {
	a, err := semver.NewVersion(from)
	if err != nil {
		return nil, fmt.Errorf("%w: %s %s is no version", ErrPath, product, from)
	}
	b, err := semver.NewVersion(to)
	if err != nil {
		return nil, fmt.Errorf("%w: %s %s is no version", ErrPath, product, to)
	}
	if b.LessThan(a) {
		return nil, fmt.Errorf("%w: %s %s is older than %s, and a database is never taken back; restore a backup instead", ErrPath, product, to, from)
	}
	if a.Equal(b) {
		return nil, nil
	}
	var stops []stop
	for _, w := range ways {
		if w.Product != product || !AtLeast(to, w.At) {
			continue
		}
		switch {
		case len(w.Series) > 0:
			between, err := seriesBetween(releases, from, to, w)
			if err != nil {
				return nil, err
			}
			stops = append(stops, between...)
		case !AtLeast(from, w.From):
			if _, err := Find(releases, product, w.From); err != nil {
				return nil, fmt.Errorf("%w: %s; %w", ErrPath, w.Why, err)
			}
			stops = append(stops, stop{w.From, w.Why})
		}
	}
	return append(stops, stop{version: to}), nil
}

// seriesBetween is the newest known version of each series between two versions.
func seriesBetween(releases []Release, from, to string, w Way) ([]stop, error) {
	first, last := slices.Index(w.Series, Series(from)), slices.Index(w.Series, Series(to))
	if last < 0 {
		return nil, fmt.Errorf("%w: %s %s: the series %s is not in versions.yaml", ErrPath, w.Product, to, Series(to))
	}
	var stops []stop
	for _, series := range w.Series[first+1 : last] {
		newest := ""
		for _, r := range releases {
			if Series(r.Version) == series {
				newest = r.Version
			}
		}
		if newest == "" {
			return nil, fmt.Errorf("%w: %s, and no release of %s is known", ErrPath, w.Why, series)
		}
		stops = append(stops, stop{newest, w.Why})
	}
	return stops, nil
}

// Series is the series of releases that a version belongs to: 2025.8 of
// 2025.8.1, 2.20 of 2.20.15.
func Series(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// HazardsBetween are the changes that an upgrade of one product meets, oldest
// first: those that came after from and are still there in to.
func HazardsBetween(product, from, to string) ([]Hazard, error) {
	v, err := KnownVersions()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(v.Hazards), func(h Hazard) bool {
		return h.Product != product || AtLeast(from, h.At) || !AtLeast(to, h.At) || h.Fixed != "" && AtLeast(to, h.Fixed)
	}), nil
}
