package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/stack"
)

func TestSaysWhatIsGone(t *testing.T) {
	t.Parallel()
	for want, tt := range map[string]struct {
		gone     stack.Removed
		profiles int
	}{
		"": {},
		"removed 4 containers, 1 network, 2 volumes": {gone: stack.Removed{Containers: 4, Networks: 1, Volumes: 2}},
		"removed 1 network":                          {gone: stack.Removed{Networks: 1}},
		"removed 2 browser profiles":                 {profiles: 2},
	} {
		assert.Equal(t, want, removed(tt.gone, tt.profiles))
	}
}
