package e2e

// What tests of this folder use of the inside.
var (
	Deploy   = deploy
	Labs     = labs
	Rendered = rendered
)
