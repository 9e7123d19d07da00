package target

// The kinds of targets.
const (
	Lab      = "lab"
	Stack    = "stack"
	External = "external"
)

// Abilities are what can be done with the pairs of a kind, and what they are like.
// Code asks for them, not for the kind.
type Abilities struct {
	// CanVary is true when a pair with other settings can be started.
	CanVary bool
	// FromFiles is true when the pair is started from the user's files: what they
	// lack is put in, and who refuses them keeps it from starting.
	FromFiles bool
	// OwnUsers is true when the test users of the checks are in authentik. Else
	// there are few to sign in as, or nobody.
	OwnUsers bool
	// OwnAccounts is true when the accounts in Paperless are ours to put back.
	OwnAccounts bool
	// OwnNetwork is true when the browser reaches the pair by rules of ours, and may
	// be shut off from the machine's network.
	OwnNetwork bool
	// StartsContainers is true when a start changes the machine's network.
	StartsContainers bool
	// Forks is true when each check can have a pair of its own (Target.Fork).
	Forks bool
	// Lanes is true when pairs of different settings can be tested side by side: what
	// is recorded of one is its own, but for what the provider itself tells.
	Lanes bool
	// Models is true when our models answer, not the products.
	Models bool
}

// Can are the abilities of a kind; of none those of a pair that we start.
func Can(kind string) Abilities {
	if kind == External {
		return Abilities{}
	}
	return Abilities{
		CanVary: true, FromFiles: true, OwnUsers: true, OwnAccounts: true, OwnNetwork: true,
		StartsContainers: kind == Stack, Models: kind == Lab, Forks: kind == Lab, Lanes: kind == Stack,
	}
}

// Can are the abilities of the target's kind.
func (t *Target) Can() Abilities { return Can(t.Kind) }
