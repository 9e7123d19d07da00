package troubleshooting_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// authentik's refusals are told from what there is of them: the text of the page,
// its title, or the log where the page was never drawn.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const authorize = "https://authentik.example.com/application/o/authorize/"
	right := observed(t)["a button"].RedirectURI()
	hop := func(uri string) []evidence.Hop {
		return []evidence.Hop{{Method: "GET", URL: authorize + "?client_id=paperless&redirect_uri=" + url.QueryEscape(uri), Status: 400}}
	}
	said := evidence.Page{URL: authorize, Status: 400, Title: "authentik", Text: "Redirect URI Error The request fails."}
	silent := evidence.Page{URL: authorize, Status: 400, Title: "authentik"}
	logs := func(event string) []evidence.Line { return []evidence.Line{{Source: "authentik", Text: event}} }
	const mismatch = `{"event": "The request fails due to a missing, invalid, or mismatching redirection URI (redirect_uri)."}`
	for name, tt := range map[string]struct {
		rec  evidence.Record
		want string // code; "" none
		says []string
	}{
		"denied, by its title alone": {evidence.Record{Final: &evidence.Page{URL: authorize, Status: 200, Title: "Permission denied - authentik"}}, "IDP-DENIED", []string{"Permission denied - authentik"}},
		"denied, by its text":        {evidence.Record{Final: &evidence.Page{URL: authorize, Status: 200, Text: "Permission denied alice Not you? Request has been denied."}}, "IDP-DENIED", nil},
		"what is registered is not known": {evidence.Record{Final: &said, Hops: hop(right)}, "RED-UNREGISTERED", []string{
			"sent: " + right, "authentik answered: Redirect URI Error", "what is registered is not known here",
		}},
		"what is registered is known": {evidence.Record{Final: &said, Hops: hop(right), Registered: []string{strings.TrimSuffix(right, "/")}}, "RED-SLASH", nil},
		"never drawn, logged":         {evidence.Record{Final: &silent, Hops: hop(right), Log: logs(mismatch)}, "RED-UNREGISTERED", []string{"authentik logged: " + mismatch}},
		"never drawn, not logged":     {evidence.Record{Final: &silent, Hops: hop(right)}, "", nil},
		"logged, of another page":     {evidence.Record{Final: &evidence.Page{URL: "https://paperless.example.com/", Status: 200}, Hops: hop(right), Log: logs(mismatch)}, "", nil},
		"client id, logged":           {evidence.Record{Final: &silent, Hops: hop(right), Log: logs(`{"event": "Invalid client identifier"}`)}, "IDP-CLIENT", []string{`seen:     client id "paperless" was sent; authentik logged: {"event": "Invalid client identifier"}`}},
		"another prefix is sent":      {evidence.Record{Final: &said, Hops: hop(strings.Replace(right, "/accounts", "/docs/accounts", 1))}, "RED-UNREGISTERED", []string{"they differ in the path prefix"}},
		"another scheme is sent":      {evidence.Record{Final: &said, Hops: hop(strings.Replace(right, "https", "http", 1))}, "PROXY-PROTO", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.rec.Check, tt.rec.Boot.Up = "round-trip", true
			found := troubleshooting.Explain(tt.rec, observed(t)["a button"], checklist.RoundTrip, check.Failed)
			if tt.want == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, tt.want, found[0].Code)
			because := strings.Join(found[0].Because, "\n")
			for _, s := range tt.says {
				assert.Contains(t, because, s)
			}
			if tt.want == "RED-UNREGISTERED" && !strings.Contains(because, "differ") {
				assert.Contains(t, found[0].Fix, "Strict  "+right)
			}
		})
	}
}
