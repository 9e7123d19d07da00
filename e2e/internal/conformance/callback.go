package conformance

// callbackTests are about the answer of the provider in the browser's address.
func callbackTests() []*Test { return as(Callback) }
