package standin

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/facts/releases-2026.md#1.2: X-Forwarded headers count only from trusted
// networks; the variable replaces the list, and every item needs its length (A08).
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		list, peer string
		counts     bool
	}{
		"a Docker network":       {"", "172.18.0.5:40000", true},
		"loopback":               {"", "[::1]:40000", true},
		"mapped":                 {"", "[::ffff:10.0.0.1]:40000", true},
		"CGNAT":                  {"", "100.64.0.2:40000", false},
		"a public address":       {"", "203.0.113.7:40000", false},
		"a list replaces":        {"203.0.113.0/24", "172.18.0.5:40000", false},
		"a list with the public": {"203.0.113.0/24", "203.0.113.7:40000", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			networks, err := trusted(tt.list)
			require.NoError(t, err)
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = tt.peer
			r.Header.Set("X-Forwarded-Proto", "https")
			assert.Equal(t, tt.counts, believed(r, networks).Header.Get("X-Forwarded-Proto") == "https")
			assert.Equal(t, "https", r.Header.Get("X-Forwarded-Proto"), "the request itself is not changed")
		})
	}
	_, err := trusted("10.0.0.0/8,192.0.2.1")
	assert.EqualError(t, err, "invalid IP address syntax")
}

// docs/facts/releases-2026.md#1.2: 503 in place of 502 while starting, by Accept.
func TestWhileStarting(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		version, accept string
		status          int
		body, retry     string
	}{
		"before 2026.8": {"2026.5.8", "application/json", 502, "failed to connect to authentik backend: authentik starting\n", ""},
		"JSON":          {"2026.8.5", "application/json", 503, `{"error":"authentik starting"}`, "5"},
		"text":          {"2026.8.5", "", 503, "authentik starting", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept", tt.accept)
			w := httptest.NewRecorder()
			notYet(w, r, tt.version)
			assert.Equal(t, tt.status, w.Code)
			assert.Equal(t, tt.body, w.Body.String())
			assert.Equal(t, tt.retry, w.Header().Get("Retry-After"))
		})
	}
}

// docs/facts/releases-2026.md#1.1: majors in turn.
func TestSkippedMajors(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{
		{"2025.10.4", "2026.8.5", "2025.12"},
		{"2026.5.8", "2026.8.5", ""},
		{"2026.2.7", "2026.8.5", "2026.5"},
		{"2026.8.0", "2026.8.5", ""},
		{"", "2026.8.5", ""},
	} {
		got, err := skipped(tt[0], tt[1])
		require.NoError(t, err)
		assert.Equal(t, tt[2], got, "%s to %s", tt[0], tt[1])
	}
}
