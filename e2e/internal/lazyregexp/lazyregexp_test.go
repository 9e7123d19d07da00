package lazyregexp_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// TestSaysTheSame holds each method to that of regexp.Regexp.
func TestSaysTheSame(t *testing.T) {
	t.Parallel()
	const expr, text = `(\w)=(\d+)`, "a=1, b=22"
	re, lazy := regexp.MustCompile(expr), lazyregexp.New(expr)
	for _, s := range []string{text, "nothing"} {
		assert.Equal(t, re.MatchString(s), lazy.MatchString(s))
		assert.Equal(t, re.Match([]byte(s)), lazy.Match([]byte(s)))
		assert.Equal(t, re.FindString(s), lazy.FindString(s))
		assert.Equal(t, re.FindStringIndex(s), lazy.FindStringIndex(s))
		assert.Equal(t, re.FindStringSubmatch(s), lazy.FindStringSubmatch(s))
		assert.Equal(t, re.FindStringSubmatchIndex(s), lazy.FindStringSubmatchIndex(s))
		assert.Equal(t, re.FindAllString(s, -1), lazy.FindAllString(s, -1))
		assert.Equal(t, re.FindAllStringIndex(s, 1), lazy.FindAllStringIndex(s, 1))
		assert.Equal(t, re.FindAllStringSubmatch(s, -1), lazy.FindAllStringSubmatch(s, -1))
		assert.Equal(t, re.FindAllStringSubmatchIndex(s, -1), lazy.FindAllStringSubmatchIndex(s, -1))
		assert.Equal(t, re.FindAllSubmatch([]byte(s), -1), lazy.FindAllSubmatch([]byte(s), -1))
		assert.Equal(t, re.ReplaceAllString(s, "$2"), lazy.ReplaceAllString(s, "$2"))
		assert.Equal(t, re.ReplaceAll([]byte(s), []byte("$2")), lazy.ReplaceAll([]byte(s), []byte("$2")))
		twice := func(s string) string { return s + s }
		assert.Equal(t, re.ReplaceAllStringFunc(s, twice), lazy.ReplaceAllStringFunc(s, twice))
		assert.Equal(t, re.Split(s, -1), lazy.Split(s, -1))
	}
}

// TestWrongOnesAreFoundAtOnce: every package variable is compiled in a test program.
func TestWrongOnesAreFoundAtOnce(t *testing.T) {
	t.Parallel()
	assert.Panics(t, func() { lazyregexp.New(`(`) })
}
