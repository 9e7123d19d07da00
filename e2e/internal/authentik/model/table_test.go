package model_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	table "github.com/ssocheck/ssocheck/e2e/internal/authentik"
	authentik "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
)

// The model has paths of its own, so that it is a witness against the table that the
// checks use: every path of the table is one that the model serves.
func TestModelServes(t *testing.T) {
	t.Parallel()
	s := start(t, bundle(t, "2025.8.1", nil), authentik.Options{})
	for _, path := range []string{
		table.DiscoveryPath("paperless"), table.EndSessionPath("paperless"), table.ApplicationPath("paperless") + "jwks/",
		table.AuthorizationPath + "?client_id=x", table.TokenPath, table.UserinfoPath,
		table.FlowPath + table.AuthenticationFlow + "/", table.DefaultFlowPath + "authentication/", table.ExecutorOf(table.AuthenticationFlow) + "?query=",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+path, nil)
		s.ServeHTTP(w, r)
		assert.NotEqual(t, http.StatusNotFound, w.Code, path)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/application/o/tokens/", nil))
	assert.Equal(t, http.StatusNotFound, w.Code, "a path that is not authentik's tells")
}
