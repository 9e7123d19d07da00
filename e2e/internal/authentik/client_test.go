package authentik_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
)

// serve answers as authentik's API, and fails on everything but GET.
func serve(t *testing.T, answers map[string]string) authentik.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, http.MethodGet, r.Method)
		if r.Header.Get("Authorization") != "Bearer good" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		text, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(srv.Close)
	return authentik.Client{HTTP: srv.Client(), Origin: srv.URL, Token: "good"}
}

func TestRedirectURIsInEitherForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]authentik.RedirectURIs{
		`[{"matching_mode":"strict","url":"https://a/"},{"matching_mode":"strict","url":"https://a/out","redirect_uri_type":"logout"}]`: {{Mode: authentik.Strict, URL: "https://a/"}},
		// One a line, and a line is a regular expression: not taken for strict.
		`"https://a\\.example/cb/\n\n  https://b/ "`: {{Mode: authentik.Regex, URL: `https://a\.example/cb/`}, {Mode: authentik.Regex, URL: "https://b/"}},
		`""`: nil,
		`[]`: {},
	} {
		var got authentik.RedirectURIs
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, want, got, text)
	}
	var none authentik.RedirectURIs
	require.Error(t, json.Unmarshal([]byte(`7`), &none))
	text := authentik.RedirectURIs(authentik.TextURIs(`https://paperless\.example\.com/cb/`))
	assert.True(t, text.Mention("paperless.example.com"))
	assert.False(t, text.Mention("other.example.com"))
}

func TestClient(t *testing.T) {
	t.Parallel()
	c := serve(t, map[string]string{
		"/api/v3/admin/version/":                               `{"version_current": "2024.8.1"}`,
		"/api/v3/providers/oauth2/":                            `{"results": [{"client_id": "mine", "redirect_uris": "https://a/"}, {"client_id": "theirs", "redirect_uris": "https://b/"}]}`,
		"/api/v3/core/users/":                                  `{"results": [{"username": "alice"}, {"username": "alice2"}]}`,
		"/api/v3/core/applications/":                           `not JSON`,
		"/application/o/app/.well-known/openid-configuration":  `{"issuer": "https://a/"}`,
		"/application/o/html/.well-known/openid-configuration": `<html>`,
	})
	version, err := c.Version(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "2024.8.1", version)
	uris, err := c.Registered(t.Context(), "mine")
	require.NoError(t, err)
	assert.Equal(t, []string{"https://a/"}, uris, "a version may ignore the filter")
	_, err = c.Registered(t.Context(), "nobody")
	require.ErrorContains(t, err, "client id nobody")
	user, err := c.User(t.Context(), "alice")
	require.NoError(t, err)
	assert.Nil(t, user, "two answers name nobody")
	_, err = c.Scopes(t.Context())
	require.ErrorContains(t, err, "/api/v3/propertymappings/provider/scope/ of authentik answered 404")
	require.Error(t, c.Ready(t.Context()))
	anonymous := c
	anonymous.Token = "bad"
	_, err = anonymous.Version(t.Context())
	require.ErrorIs(t, err, authentik.ErrToken)
	assert.NotContains(t, err.Error(), "bad")
}

func TestEvents(t *testing.T) {
	t.Parallel()
	answers := map[string]string{"/api/v3/events/events/": `{"results": [{"pk": "1", "action": "login"}]}`}
	c, log := serve(t, answers), &authentik.Events{}
	require.NoError(t, log.Skip(t.Context(), c))
	answers["/api/v3/events/events/"] = `{"results": [{"pk": "3", "action": "authorize_application"},
		{"pk": "2", "action": "configuration_error", "context": {"message": "Invalid redirect URI used by provider", "redirect_uri": "https://a/", "expected": ["https://b/"]}}, {"pk": "1", "action": "login"}]}`
	events, err := log.Look(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, []string{"configuration_error", "authorize_application"}, authentik.Actions(events), "what was there before is not ours, the rest is oldest first")
	assert.Equal(t, `event configuration_error: Invalid redirect URI used by provider (https://a/, expected "https://b/")`, events[0].String())
	// The list slides: nothing is lost, nothing counts twice.
	answers["/api/v3/events/events/"] = `{"results": [{"pk": "4", "action": "logout"}, {"pk": "3", "action": "authorize_application"}]}`
	events, err = log.Look(t.Context(), c)
	require.NoError(t, err)
	assert.Len(t, events, 3)
	c.Token = "bad"
	events, err = log.Look(t.Context(), c)
	require.ErrorIs(t, err, authentik.ErrToken)
	assert.Len(t, events, 3, "what was seen stays")
}

// The client is read-only by its type: all that it exports asks, and nothing takes
// a body or a method.
func TestClientOnlyReads(t *testing.T) {
	t.Parallel()
	c := reflect.TypeFor[authentik.Client]()
	var names []string
	for i := range c.NumMethod() {
		m := c.Method(i)
		names = append(names, m.Name)
		for in := 2; in < m.Type.NumIn(); in++ {
			assert.Equal(t, reflect.String, m.Type.In(in).Kind(), m.Name)
		}
	}
	assert.Equal(t, "[Application Bindings Blueprints Brands Discovery Expression Flows Members Providers Ready Registered Scopes User Version]", fmt.Sprint(names))
}
