//go:build docker

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDockerLintContainer judges the environment of a container of the engine that
// runs. Its image is empty: it needs only to exist.
func TestDockerLintContainer(t *testing.T) {
	const image, name = "ssocheck-lint/paperless-ngx:2.20.15", "ssocheck-lint-container"
	var empty bytes.Buffer
	require.NoError(t, tar.NewWriter(&empty).Close())
	load := exec.CommandContext(t.Context(), "docker", "import", "-", image)
	load.Stdin = &empty
	text, err := load.CombinedOutput()
	require.NoError(t, err, string(text))
	t.Cleanup(func() {
		for _, args := range [][]string{{"rm", "-f", name}, {"rmi", image}} {
			text, err := exec.CommandContext(context.Background(), "docker", args...).CombinedOutput()
			assert.NoError(t, err, string(text))
		}
	})
	text, err = exec.CommandContext(t.Context(), "docker", "create", "--name", name,
		"-e", "PAPERLESS_URL=https://docs.example.org", "-e", "PAPERLESS_SECRET_KEY=sekrit-key-0123456789", "-e", "PAPERLESS_AUTO_CREATE=true",
		"-e", `PAPERLESS_SOCIALACCOUNT_PROVIDERS={"openid_connect":{"APPS":[{"provider_id":"authentik","name":"SSO","client_id":"paperless","secret":"sekrit-client","settings":{"server_url":"https://id.example.org/application/o/paperless/.well-known/openid-configuration"}}]}}`,
		"-e", "PAPERLESS_APPS=allauth.socialaccount.providers.openid_connect", image, "/none").CombinedOutput()
	require.NoError(t, err, string(text))

	var out, errs bytes.Buffer
	assert.Equal(t, exitFail, run([]string{"lint", "--container", name}, &out, &errs), errs.String())
	assert.Contains(t, out.String(), "error SIGN-OFF: no version of Paperless reads PAPERLESS_AUTO_CREATE")
	assert.NotContains(t, out.String(), "VER-GUESSED", "the image says its version")
	assert.NotContains(t, out.String()+errs.String(), "sekrit")

	out.Reset()
	errs.Reset()
	assert.Equal(t, exitError, run([]string{"lint", "--container", "ssocheck-no-such-container"}, &out, &errs))
	assert.Len(t, strings.Split(strings.TrimSpace(errs.String()), "\n"), 1, errs.String())
}
