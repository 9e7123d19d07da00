package stack

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestProviderInPlaceOfAuthentik: with a provider of this process the edge leads
// authentik's name and the provider's other one here, and no image of authentik is needed.
func TestProviderInPlaceOfAuthentik(t *testing.T) {
	t.Parallel()
	b := onVersions(t, "2.20.15", "2025.8.1")
	s := drawn()
	s.o.provider = target.Provider{Handler: http.NotFoundHandler(), Elsewhere: "elsewhere.example"}
	images, err := s.imagesOf(b)
	require.NoError(t, err)
	p, a, err := addresses(b)
	require.NoError(t, err)
	at := site{network: "ssocheck-run-1", paperless: p, authentik: a, n: 1}
	cs := s.pairContainers(b, images, at, nil)
	front := cs[slices.IndexFunc(cs, func(c Container) bool { return c.Name == "edge-1" })]
	assert.Equal(t, []string{"authentik.example.com", "elsewhere.example", "paperless.example.com"}, front.Networks[at.network])
	var config edge.Config
	require.NoError(t, json.Unmarshal(front.Files[edgeConfig], &config))
	require.Len(t, config.Routes, 3)
	for i, host := range []string{"paperless.example.com:443", "authentik.example.com:443", "elsewhere.example"} {
		r := config.Routes[i]
		assert.Equal(t, host, r.Host)
		assert.Equal(t, i > 0, r.Tunnel)
		assert.Equal(t, i > 0, r.Upstream == "")
		assert.Equal(t, host == "elsewhere.example", r.PlainHTTP, "it is asked without TLS too")
	}
	assert.Equal(t, []string{images.PaperlessImage, images.PaperlessBroker}, s.imagesFor(images))
	with, without := s.o.need(), options{networks: 1}.need()
	assert.Less(t, with, without)

	same := onVersions(t, "2.20.15", "2025.8.1")
	same.Paperless.URL, same.Authentik.URL = "https://example.com/docs", "https://example.com/auth/"
	if p, a, err = addresses(same); assert.NoError(t, err) {
		routes := s.o.toProvider(site{paperless: p, authentik: a})
		assert.NotEmpty(t, routes[0].Path, "one host for both: only authentik's part of it")
	}
}
