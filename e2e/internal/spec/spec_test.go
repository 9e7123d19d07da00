package spec_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/spec"
)

func TestDefaultIsValid(t *testing.T) {
	t.Parallel()
	s, err := spec.Default()
	require.NoError(t, err)
	assert.Equal(t, "https://paperless.example.com", s.Paperless.URL)
	assert.True(t, s.Provider.PKCE)
}

func TestValidateReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := &spec.Spec{
		Paperless: spec.Product{URL: "paperless.test", Version: "new"},
		Authentik: spec.Product{URL: "https://authentik.test/path", Version: "2025.8.1"},
		Provider:  spec.Provider{ID: "a/b", Slug: ""},
	}
	err := s.Validate()
	require.ErrorIs(t, err, spec.ErrInvalid)
	for _, part := range []string{"paperless.url", "paperless.version", "authentik.url", "provider.id", "provider.slug", "client_id"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestReadRefusesUnknownKeys(t *testing.T) {
	t.Parallel()
	_, err := spec.Read([]byte("papperless: {url: https://x}\n"))
	require.ErrorIs(t, err, spec.ErrInvalid)
	assert.ErrorContains(t, err, "papperless")
}
