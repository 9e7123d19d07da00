package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sample is one line of the text exposition format.
var sample = regexp.MustCompile(`^[a-z_]+(\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)*\})? [0-9.e+-]+$`)

func TestPrometheus(t *testing.T) {
	t.Parallel()
	r := New(slashRun(t))
	r.Target.Paperless.Version = "3\"\\\n" // what would break the format
	r.NotTested = []string{"signing in is not tested: nobody was given to sign in as"}
	var b strings.Builder
	require.NoError(t, r.Prometheus(&b))
	text := b.String()
	described := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			assert.False(t, described[name], "%s has two types", name)
			described[name] = true
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		assert.Regexp(t, sample, line)
		assert.True(t, described[regexp.MustCompile(`^[a-z_]+`).FindString(line)], "%s has no type", line)
	}
	assert.Contains(t, text, "\nssocheck_success 0\n")
	assert.Contains(t, text, "\nssocheck_exit_code 1\n")
	assert.Contains(t, text, "\nssocheck_not_tested 1\n")
	assert.Contains(t, text, `ssocheck_cause{check="round-trip",variant="as-configured",code="RED-SLASH"} 1`)
	assert.Contains(t, text, `ssocheck_check_success{check="login-page",variant="as-configured"} 1`)
	assert.Contains(t, text, `ssocheck_check_success{check="round-trip",variant="as-configured"} 0`)
	assert.NotContains(t, text, `ssocheck_check_success{check="first-login"`, "what was skipped is neither")
}
