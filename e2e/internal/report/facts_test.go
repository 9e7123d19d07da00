package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestFactsThatDiffer: the page of a real authentik that denies was compared, rune by
// rune, with the sentence that says what was expected, for both begin with its name.
func TestFactsThatDiffer(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first, second string
		want          *difference
	}{
		"a slash":           {"sent: https://docs.example.com/callback/", "registered: https://docs.example.com/callback", &difference{33, "/", "", "com/callback"}},
		"the end":           {"expected: PAPERLESS_APPS is set", "seen: PAPERLESS_APPS is not set", &difference{18, "", "not ", "ESS_APPS is "}},
		"a scheme":          {"sent: https://docs.example.com/callback/", "registered: http://docs.example.com/callback/", &difference{4, "s", "", "http"}},
		"begin alike":       {"expected: the client id that authentik has", "seen: the client secret, which nobody knows", nil},
		"two sentences":     {"expected: authentik sends the browser back with a code", `seen: authentik's page "Permission denied - authentik Permission denied alice Not you? Request has been denied. Powered by authentik"`, nil},
		"nothing in common": {"expected: a", "seen: b", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, facts([]string{tt.first, tt.second})[1].Differs)
		})
	}
}
