package checklist

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A stage that is there without the field that we look for is an error of the
// tester, which names the element and the versions on which it was seen.
func TestStageWithoutItsField(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><title>authentik</title><ak-stage-identification></ak-stage-identification><script>
document.querySelector("ak-stage-identification").attachShadow({mode: "open"}).innerHTML =
  "<form><h1>Welcome</h1><label>Username <input name=renamed></label><button type=submit>Log in</button></form>";
</script>`)
	}))
	t.Cleanup(srv.Close)
	b, err := browser.Open(t.Context(), browser.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	s, err := b.Session(t.Context(), browser.SessionOptions{})
	require.NoError(t, err)
	bundle, err := deployment.Default()
	require.NoError(t, err)
	bundle.Authentik.URL = srv.URL
	p := &check.Pass{Target: &target.Target{Authentik: evidence.Product{Version: "2026.11.0"}}, Bundle: bundle, Session: s, Record: &evidence.Record{}}
	w := newWalk(p)
	require.NoError(t, s.Visit(t.Context(), "open the page", srv.URL+"/if/flow/default-authentication-flow/", visitLimit))

	_, err = w.stages(t.Context(), deployment.AuthentikUser{Username: "alice", Password: "x"})

	require.Error(t, err)
	assert.Equal(t, check.Errored, check.StatusOf(err))
	assert.Contains(t, err.Error(), "ak-stage-identification is on the page of authentik 2026.11.0, but has no input[name=uidField], input[name=uid_field], which was seen with authentik 2025.8.1")
	assert.Contains(t, err.Error(), "ssocheck may be out of date")
}
