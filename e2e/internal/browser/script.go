package browser

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// The scripts that run in the page. Each is a function of one JSON argument;
// domJS is what they share.
var (
	//go:embed js/dom.js
	domJS string
	//go:embed js/probe.js
	probeJS string
	//go:embed js/locate.js
	locateJS string
	//go:embed js/focus.js
	focusJS string
	//go:embed js/length.js
	lengthJS string
	//go:embed js/page.js
	pageJS string
	//go:embed js/serialize.js
	serializeJS string
)

// script is the expression that calls one of the functions above. It brings its
// helpers along, because a new document has none of them.
func script(function string, arg any) (string, error) {
	text, err := json.Marshal(arg)
	if err != nil {
		return "", fmt.Errorf("argument of a script: %w", err)
	}
	return "(() => {\n" + domJS + "\nreturn (\n" + function + "\n)(" + string(text) + ");\n})()", nil
}
