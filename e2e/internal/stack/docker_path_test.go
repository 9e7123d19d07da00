//go:build docker

package stack_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDockerUnderAPath shows a pair on one host, authentik under a path of it.
func TestDockerUnderAPath(t *testing.T) {
	t.Parallel()
	s := open(t)
	b := guide(t)
	for name, value := range b.Paperless.Env {
		b.Paperless.Env[name] = strings.NewReplacer("https://paperless.example.com", "https://home.example.com", "https://authentik.example.com", "https://home.example.com/auth").Replace(value)
	}
	b.Paperless.URL, b.Authentik.URL = "https://home.example.com", "https://home.example.com/auth"
	tg := start(t, s, b, "")
	require.True(t, tg.Boot.Up, tg.Boot.Log)
	_, body := get(t, tg, b.Paperless.URL+"/accounts/login/")
	assert.Contains(t, body, "/accounts/oidc/authentik/login/")
	status, body := get(t, tg, b.Authentik.URL+"/application/o/paperless/.well-known/openid-configuration")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "https://home.example.com/auth/application/o/paperless/")
}
