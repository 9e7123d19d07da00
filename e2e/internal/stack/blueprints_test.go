package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
)

// TestBlueprintsAppliedAgain holds what real first starts ended in: the worker
// applied two blueprints side by side, one of them lost, and the gate stayed closed.
func TestBlueprintsAppliedAgain(t *testing.T) {
	t.Parallel()
	const explicit = "default/flow-default-provider-authorization-explicit-consent.yaml"
	var applied []string
	status := "error"
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token" || r.Host != "authentik.example.com" {
			http.Error(w, "Forbidden", http.StatusForbidden)
			return
		}
		switch key := strings.TrimPrefix(strings.TrimSuffix(r.URL.Path, "/apply/"), "/api/v3/managed/blueprints/"); {
		case r.Method == http.MethodPost:
			applied = append(applied, key)
			_, _ = io.WriteString(w, "{}")
		case key == "":
			_, _ = fmt.Fprintf(w, `{"results": [
				{"pk": "1", "name": "Default - Provider authorization flow (explicit consent)", "path": %q, "status": %q, "enabled": true},
				{"pk": "2", "name": "System - OAuth2 Provider - Scopes", "path": "system/providers-oauth2.yaml", "status": "successful", "enabled": true},
				{"pk": "3", "name": "Default - Brand", "path": "default/default-brand.yaml", "status": "unknown", "enabled": true},
				{"pk": "4", "name": "Default - Out-of-box-experience flow", "path": "default/flow-oobe.yaml", "status": "error", "enabled": true},
				{"pk": "5", "name": "Default - Invalidation flow", "path": "default/flow-default-invalidation-flow.yaml", "status": "error", "enabled": false}
			]}`, explicit, status)
		}
	}))
	t.Cleanup(api.Close)
	var said []string
	s := &Stack{log: slog.New(slog.DiscardHandler)}
	s.o.progress = func(text string) { said = append(said, text) }
	i := &idp{Stack: s, n: 1, api: authentik.Client{HTTP: api.Client(), Origin: api.URL, Host: "authentik.example.com", Token: "token"}}
	closed := errors.New("no flow default-provider-authorization-explicit-consent")
	gate := i.orApply(func(context.Context) error { return closed })

	require.ErrorIs(t, gate(t.Context()), closed, "the gate itself decides")
	assert.Equal(t, []string{"1"}, applied, "what failed and is needed; what was switched off stays as it is")
	require.Len(t, said, 1)
	assert.Contains(t, said[0], "authentik-1: authentik's own blueprint "+explicit+" ended in an error")

	require.ErrorIs(t, gate(t.Context()), closed)
	assert.Len(t, applied, 1, "it is given time")

	for range 2 * againTries {
		i.again["1"] = again{i.again["1"].tries, time.Now().Add(-againPause)}
		require.ErrorIs(t, gate(t.Context()), closed)
	}
	assert.Len(t, applied, againTries, "one that fails each time fails for another reason")

	applied, status, i.again = nil, "successful", nil
	require.ErrorIs(t, gate(t.Context()), closed)
	require.NoError(t, i.orApply(func(context.Context) error { return nil })(t.Context()))
	assert.Empty(t, applied)
}
