package deployment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefaultIsValid(t *testing.T) {
	t.Parallel()
	s, err := DefaultSpec()
	require.NoError(t, err)
	assert.Equal(t, "https://paperless.example.com", s.Paperless.URL)
	assert.True(t, s.Provider.PKCE)
}

func TestValidateReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := &Spec{
		Paperless: Product{URL: "paperless.test", Version: "new"},
		Authentik: Product{URL: "https://authentik.test/path", Version: "2025.8.1"},
		Provider:  Provider{ID: "a/b", Slug: ""},
	}
	err := s.Validate()
	require.ErrorIs(t, err, ErrInvalid)
	for _, part := range []string{"paperless.url", "paperless.version", "authentik.url", "provider.id", "provider.slug", "client_id"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestReadRefusesUnknownKeys(t *testing.T) {
	t.Parallel()
	_, err := Read([]byte("papperless: {url: https://x}\n"))
	require.ErrorIs(t, err, ErrInvalid)
	assert.ErrorContains(t, err, "papperless")
}
