package target

// A Gate is something that must hold before a container is usable, on its way.
type Gate struct {
	Container string
	What      string // in words
	State     GateState
	Seconds   float64 // that this gate was waited for
	Since     float64 // seconds since the container was started
	Expected  float64 // seconds from its start until it is usable, as the last time; 0: not known
	Slow      bool    // it takes the most of a boot
	Last      string  // last line of the container's log, when the gate is late
}

// A GateState is how far a gate is.
type GateState string

// The states of a gate.
const (
	GateWaits  GateState = "waits"  // it is closed; told again now and then
	GateOpens  GateState = "opens"  // it holds
	GateLeaves GateState = "leaves" // nobody waits for it any more
)
