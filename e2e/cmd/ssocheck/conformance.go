package main

// conformanceCmd is run --suite conformance, with the flags that it can use.
type conformanceCmd struct {
	pair
	Target string   `enum:"lab,stack,external" default:"lab" help:"lab or stack; no provider of ours can stand in for that of an external pair."`
	Only   []string `help:"Tests to run, by id or by family." placeholder:"ID"`
	Plant  []string `help:"Plant these causes first." placeholder:"CODE"`
	outputs
	Stack stackFlags `embed:"" group:"Docker stack"`
}

// Run runs the conformance tests.
func (c *conformanceCmd) Run(e *env) error {
	r := runCmd{pair: c.pair, Target: c.Target, Suite: "conformance", Only: c.Only, Plant: c.Plant, outputs: c.outputs, Format: "text", Stack: c.Stack}
	return r.Run(e)
}
