package troubleshooting_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestConsider: where the evidence does not decide, the causes that fit are ranked,
// and one next thing to look at is named.
func TestConsider(t *testing.T) {
	t.Parallel()
	errorPage := &evidence.Page{Status: 200, Title: "Paperless-ngx", Text: "An error occurred while attempting to login via your social network account."}
	refused := &evidence.Page{URL: "https://authentik.example.com/application/o/authorize/?client_id=x", Status: 400, Title: "authentik"}
	up := evidence.Boot{Up: true}
	press := evidence.Hop{Method: "POST", URL: "https://paperless.example.com/accounts/oidc/authentik/login/", Status: 500}
	for name, tt := range map[string]struct {
		rec    evidence.Record
		change func(*deployment.Deployment)
		first  string
		last   string
		next   string
	}{
		"the callback, nothing compared": {
			rec: evidence.Record{Boot: up, Final: errorPage},
			change: func(b *deployment.Deployment) {
				b.Relations = map[string]string{"client_secret": deployment.SecretUnknown}
			},
			first: "TOK-SECRET", next: "--paperless-log FILE",
		},
		"the callback, equal secrets": {
			rec:   evidence.Record{Boot: up, Final: errorPage},
			first: "TOK-METHOD", last: "TOK-CODE", next: "ssocheck doctor",
		},
		"the button": {rec: evidence.Record{Boot: up, Hops: []evidence.Hop{press}}, first: "NET-DNS", next: "paperless.log"},
		"the button, and the tester reads the document": {
			rec:   evidence.Record{Boot: up, Hops: []evidence.Hop{press}, Probes: []evidence.Probe{{Name: troubleshooting.ProbeHere, Status: 200}}},
			first: "NET-DNS", last: "NET-404", next: "paperless.log",
		},
		"authentik, on a pair that was only looked at": {
			rec:    evidence.Record{Boot: up, Final: refused},
			change: func(b *deployment.Deployment) { b.Authentik.Model = deployment.Model{} },
			first:  "RED-UNREGISTERED", next: "SSO_AUTHENTIK_TOKEN",
		},
		"a container that stopped": {rec: evidence.Record{}, first: "CFG-JSON", next: "docker logs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := deployment.Default()
			require.NoError(t, err)
			if tt.change != nil {
				tt.change(b)
			}
			d := troubleshooting.Consider(tt.rec, b, check.Failed)
			require.NotNil(t, d)
			assert.Equal(t, tt.first, d.Fits[0].Code, "%+v", d.Fits)
			if tt.last != "" {
				var against []string
				for _, f := range d.Fits {
					if len(f.Against) > 0 {
						against = append(against, f.Code)
					}
				}
				assert.Contains(t, against, tt.last)
			}
			assert.Contains(t, d.Next, tt.next)
			assert.NotContains(t, strings.ToLower(d.Seen), "unknown")
		})
	}
	b, err := deployment.Default()
	require.NoError(t, err)
	assert.Nil(t, troubleshooting.Consider(evidence.Record{Boot: up, Final: &evidence.Page{Status: 200, Text: "something new"}}, b, check.Failed), "what is new is said to be")
	assert.Nil(t, troubleshooting.Consider(evidence.Record{Boot: up, Final: errorPage}, b, check.Passed))
}
