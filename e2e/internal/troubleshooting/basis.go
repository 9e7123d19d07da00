package troubleshooting

import (
	"fmt"
	"strings"
)

// A Basis is how we know that a cause shows as its item says, from the best
// evidence down: what it rests on, and where that stands.
type Basis struct {
	Kind BasisKind
	// Sources are what is cited, as paths from the root of the repository with the
	// place in the file: fixtures/observed.json#30-wrong-secret. TestBasis looks them
	// up. Empty only where we have the model alone.
	Sources []string
}

// BasisKind is what a Basis is. The zero value is no basis at all, which no item has.
type BasisKind int

// The kinds, the best first.
const (
	// ObservedPair was recorded with both real products.
	ObservedPair BasisKind = iota + 1
	// ObservedAlone was recorded with one real product: Paperless-ngx with a scripted
	// provider, or authentik with a client that is not Paperless-ngx.
	ObservedAlone
	// ReadInSource stands in the source of a product, or in parts of it that were run.
	ReadInSource
	// Reported was written by somebody whom it happened to, or by who maintains the product.
	Reported
	// Modelled is an assumption of ours: the lab does it, and no fact says so.
	Modelled
)

// BasisKinds are all of them, the best first.
func BasisKinds() []BasisKind {
	return []BasisKind{ObservedPair, ObservedAlone, ReadInSource, Reported, Modelled}
}

func (k BasisKind) String() string {
	switch k {
	case ObservedPair:
		return "observed on the real pair"
	case ObservedAlone:
		return "observed on one of the real products"
	case ReadInSource:
		return "read in source"
	case Reported:
		return "reported"
	case Modelled:
		return "modelled only"
	}
	return fmt.Sprintf("basis %d", int(k))
}

func (b Basis) String() string {
	if len(b.Sources) == 0 {
		return b.Kind.String()
	}
	return b.Kind.String() + ": " + strings.Join(b.Sources, ", ")
}

// The files that are cited most.
const (
	pairFacts      = "fixtures/observed.json#"
	settingFacts   = "fixtures/paperless-settings.json#"
	hostileFacts   = "fixtures/hostile.json#"
	paperlessFacts = "docs/facts/paperless.md#"
	authentikFacts = "docs/facts/authentik.md#"
	reports        = "docs/facts/failures.md#"
)

func on(k BasisKind, sources ...string) Basis { return Basis{k, sources} }
