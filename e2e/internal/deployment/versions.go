package deployment

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"
	"github.com/goccy/go-yaml"

	"github.com/ssocheck/ssocheck/fixtures"
)

// ErrUnknownVersion marks a version that fixtures/versions.yaml does not cover.
var ErrUnknownVersion = errors.New("unknown version")

// Versions is fixtures/versions.yaml: what ssocheck knows of each product.
type Versions struct {
	Paperless []Release `yaml:"paperless"`
	Authentik []Release `yaml:"authentik"`
	Postgres  string    `yaml:"postgres"`      // image
	Data      string    `yaml:"postgres_data"` // where that image keeps its data
	Ways      []Way     `yaml:"ways"`
	Hazards   []Hazard  `yaml:"hazards"`
}

// A Release is one version of a product that ssocheck knows.
type Release struct {
	Version string `yaml:"version"`
	Image   string `yaml:"image"` // with tag
	// Broker is the image of the Redis or Valkey that this version needs; empty: none.
	Broker string `yaml:"broker"`
	// Needs are environment variables without which the version does not start.
	Needs []string `yaml:"needs"`
	// Profile names what the lab models for this version; empty: not modelled.
	Profile string `yaml:"profile"`
	// Known says how well the version is known: Observed, ReadIn or Reported.
	Known string `yaml:"known"`
	// Source tells what the lab's answers for this version rest on.
	Source string `yaml:"source"`
}

// How well a version is known.
const (
	Observed = "observed" // the real one's answers were recorded
	ReadIn   = "read"     // its source or API schema was read
	Reported = "reported" // only release notes, reports, and its neighbours
)

// NewestObserved is the newest version whose answers were recorded; "" for none.
func NewestObserved(releases []Release) string {
	newest := ""
	for _, r := range releases {
		if r.Known == Observed {
			newest = r.Version // they are in order
		}
	}
	return newest
}

// A Hazard is a change of a release that can lock users out.
type Hazard struct {
	ID       string   `yaml:"id" json:"id"` // never reused
	Product  string   `yaml:"product" json:"product,omitempty"`
	At       string   `yaml:"at" json:"at,omitempty"`       // first version with the change
	Fixed    string   `yaml:"fixed" json:"fixed,omitempty"` // first version without it again; empty: none
	Because  []string `yaml:"-" json:"because,omitempty"`   // why this configuration is touched
	Hits     bool     `yaml:"-" json:"hits,omitempty"`      // this configuration breaks by it
	Title    string   `yaml:"title" json:"title"`
	Severity string   `yaml:"severity" json:"severity"` // high, medium, low, info
	Symptom  string   `yaml:"symptom" json:"symptom"`
	Check    string   `yaml:"check" json:"check"` // what to look at before the upgrade
	Codes    []string `yaml:"codes" json:"codes"` // troubleshooting items that it can cause
	Source   string   `yaml:"source" json:"source"`
}

// The products, as versions.yaml and the command line name them.
const (
	PaperlessProduct = "paperless"
	AuthentikProduct = "authentik"
)

var versions = sync.OnceValues(func() (*Versions, error) {
	text, err := fixtures.FS.ReadFile("versions.yaml")
	if err != nil {
		return nil, fmt.Errorf("read versions.yaml: %w", err)
	}
	var v Versions
	if err := yaml.UnmarshalWithOptions(text, &v, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("parse versions.yaml: %w", err)
	}
	return &v, nil
})

// KnownVersions is fixtures/versions.yaml.
func KnownVersions() (*Versions, error) { return versions() }

// Find is the release of exactly this version. The error wraps
// ErrUnknownVersion and names the nearest known ones.
func Find(releases []Release, product, version string) (Release, error) {
	want := strings.TrimPrefix(version, "v")
	for _, r := range releases {
		if r.Version == want {
			return r, nil
		}
	}
	return Release{}, fmt.Errorf("%w: %s %s (known: %s)", ErrUnknownVersion, product, version, strings.Join(nearest(releases, want), ", "))
}

// nearest are the known versions just below and above, or all when the wanted
// one is not a version at all.
func nearest(releases []Release, want string) []string {
	w, err := semver.NewVersion(want)
	var all []string
	below, above := "", ""
	for _, r := range releases {
		all = append(all, r.Version)
		if err != nil {
			continue
		}
		v, verr := semver.NewVersion(r.Version)
		if verr != nil {
			continue
		}
		if v.LessThan(w) {
			below = r.Version
		} else if above == "" {
			above = r.Version
		}
	}
	if err != nil {
		return all
	}
	return slices.DeleteFunc([]string{below, above}, func(s string) bool { return s == "" })
}

// CheckVersion reports what is wrong with a version that a user wrote for a
// product; nil for a version, known or not, and for none. The error wraps
// ErrUnknownVersion.
func CheckVersion(product, version string) error {
	if version == "" {
		return nil
	}
	if _, err := semver.NewVersion(version); err != nil {
		return fmt.Errorf("%w: %s %q is no version; write it as 3.0.5", ErrUnknownVersion, product, version)
	}
	return nil
}

// Within reports whether a version is a known one or lies between known ones;
// nil when it does. The error wraps ErrUnknownVersion and names the nearest.
func Within(releases []Release, product, version string) error {
	_, err := Find(releases, product, version)
	if err == nil || len(releases) == 0 {
		return err
	}
	v, bad := semver.StrictNewVersion(strings.TrimPrefix(version, "v"))
	first, last := semver.MustParse(releases[0].Version), semver.MustParse(releases[len(releases)-1].Version)
	if bad != nil || v.LessThan(first) || v.GreaterThan(last) {
		return err
	}
	return nil
}

// Basis is the known release whose answers the lab gives for a version: that
// version itself, else the newest one before it of the same minor series, else
// one behind it of that series, else the newest one before it, else the oldest. A
// version that does not parse is taken as the newest, as AtLeast takes it.
func Basis(releases []Release, version string) Release {
	var best Release // zero: none is known
	if len(releases) > 0 {
		best = releases[0]
	}
	for _, r := range releases {
		if AtLeast(version, r.Version) {
			best = r
		}
	}
	if sameSeries(version, best.Version) {
		return best
	}
	for _, r := range releases {
		if sameSeries(version, r.Version) {
			return r
		}
	}
	return best
}

func sameSeries(a, b string) bool {
	v, err := semver.NewVersion(a)
	if err != nil {
		return false
	}
	w, err := semver.NewVersion(b)
	return err == nil && v.Major() == w.Major() && v.Minor() == w.Minor()
}

// Between are the hazards of a product that lie between the release that answers
// for a version and that version.
func (v *Versions) Between(product, basis, version string) []Hazard {
	low, high := basis, version
	if AtLeast(low, high) {
		low, high = high, low
	}
	var out []Hazard
	for _, h := range v.Hazards {
		if _, err := semver.NewVersion(h.At); err == nil && h.Product == product && !AtLeast(low, h.At) && AtLeast(high, h.At) {
			out = append(out, h)
		}
	}
	return out
}

// AtLeast reports whether a version is at least another. A version that does not
// parse is taken as the newest, so that a development build is not called old;
// nothing else is at least as new as that.
func AtLeast(version, minimum string) bool {
	v, err := semver.NewVersion(version)
	if err != nil {
		return true
	}
	m, err := semver.NewVersion(minimum)
	if err != nil {
		return false
	}
	// A release candidate of 3.0.0 has the features of 3.0.0.
	core := semver.New(v.Major(), v.Minor(), v.Patch(), "", "")
	return !core.LessThan(m)
}

// Newer reports whether a version is one, and newer than another.
func Newer(version, than string) bool {
	v, err := semver.NewVersion(version)
	if err != nil {
		return false
	}
	w, err := semver.NewVersion(than)
	return err == nil && v.GreaterThan(w)
}

// AtLeast reports whether this Paperless is at least the given version.
func (p *Paperless) AtLeast(minimum string) bool { return AtLeast(p.Version, minimum) }

// AtLeast reports whether this authentik is at least the given version.
func (a *Authentik) AtLeast(minimum string) bool { return AtLeast(a.Version, minimum) }

// Images are the container images of a bundle's versions.
type Images struct {
	PaperlessImage, PaperlessBroker string
	AuthentikImage, AuthentikRedis  string // AuthentikRedis is empty where none is needed
	Postgres, PostgresData          string
}

// VersionOf finds the images of the bundle's versions.
func VersionOf(b *Deployment) (Images, error) {
	v, err := KnownVersions()
	if err != nil {
		return Images{}, err
	}
	return v.ImagesOf(b)
}

// ImagesOf finds the images of the bundle's versions.
func (v *Versions) ImagesOf(b *Deployment) (Images, error) {
	p, err := Find(v.Paperless, "paperless", b.Paperless.Version)
	if err != nil {
		return Images{}, err
	}
	a, err := Find(v.Authentik, "authentik", b.Authentik.Version)
	if err != nil {
		return Images{}, err
	}
	return Images{
		PaperlessImage: p.Image, PaperlessBroker: p.Broker,
		AuthentikImage: a.Image, AuthentikRedis: a.Broker,
		Postgres: v.Postgres, PostgresData: v.Data,
	}, nil
}

// Near is the release of a version, or for one that lies between known ones the
// release just below (the first, when there is none), with the tag of its image
// replaced: what it needs is what that one needs. The error wraps
// ErrUnknownVersion when the version is none.
func Near(releases []Release, product, version string) (Release, error) {
	r, err := Find(releases, product, version)
	if err == nil {
		return r, nil
	}
	want := strings.TrimPrefix(version, "v")
	if _, bad := semver.NewVersion(want); bad != nil || len(releases) == 0 {
		return Release{}, err
	}
	near := releases[0]
	for _, r := range releases {
		if AtLeast(want, r.Version) {
			near = r
		}
	}
	at := strings.LastIndexByte(near.Image, ':')
	if at < 0 || strings.Contains(near.Image[at:], "/") {
		return Release{}, err // no tag to replace
	}
	near.Version, near.Image = want, near.Image[:at+1]+want
	return near, nil
}

// ParseVersions reads a version file of one's own: the form of versions.yaml,
// with as little in it as is wanted.
func ParseVersions(text []byte) (*Versions, error) {
	var v Versions
	if err := yaml.UnmarshalWithOptions(text, &v, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("parse the versions: %s", yaml.FormatError(err, false, true))
	}
	for _, r := range slices.Concat(v.Paperless, v.Authentik) {
		if _, err := semver.NewVersion(r.Version); err != nil {
			return nil, fmt.Errorf("parse the versions: %q is no version", r.Version)
		}
	}
	return &v, nil
}

// With is v with the entries of another file: those of the same version take
// the place of v's, others are added in order. Nil changes nothing.
func (v *Versions) With(more *Versions) *Versions {
	if more == nil {
		return v
	}
	c := *v
	c.Paperless, c.Authentik = merge(v.Paperless, more.Paperless), merge(v.Authentik, more.Authentik)
	if more.Postgres != "" {
		c.Postgres = more.Postgres
	}
	if more.Data != "" {
		c.Data = more.Data
	}
	return &c
}

func merge(releases, more []Release) []Release {
	out := slices.Clone(releases)
	for _, r := range more {
		at := slices.IndexFunc(out, func(have Release) bool { return have.Version == r.Version })
		if at < 0 {
			out = append(out, r)
			continue
		}
		if r.Image != "" {
			out[at].Image = r.Image
		}
		if r.Broker != "" {
			out[at].Broker = r.Broker
		}
	}
	slices.SortStableFunc(out, func(a, b Release) int { return compareVersions(a.Version, b.Version) })
	return out
}

// compareVersions orders versions; what is none comes last.
func compareVersions(a, b string) int {
	v, err := semver.NewVersion(a)
	w, err2 := semver.NewVersion(b)
	switch {
	case err == nil && err2 == nil:
		return v.Compare(w)
	case err == nil:
		return -1
	case err2 == nil:
		return 1
	}
	return strings.Compare(a, b)
}
