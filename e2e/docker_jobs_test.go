//go:build docker

package e2e_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestDockerJobs runs checks one after another and side by side: status, words and
// findings are the same, in the same order, also where authentik is the one that
// tells why. What was planted is found first.
func TestDockerJobs(t *testing.T) {
	versions, pairs := products(t)
	groups := []string{"login-page", "login-button", "round-trip", "first-login", "linking", "redirect-to-sso", "sso-only"}
	for _, code := range []string{"", "RED-SLASH", "TOK-SECRET", "SIGN-OFF", "OUT-RELOGIN", "IDP-DENIED"} {
		t.Run(cmp.Or(code, "right"), func(t *testing.T) {
			besides(t)
			var plant []string
			if code != "" {
				plant = []string{code}
			}
			said := func(jobs int) []string {
				o := e2e.Options{
					Target: target.Stack, Plant: plant, Paperless: pairs[0][0], Authentik: pairs[0][1], Jobs: jobs, Stack: on(versions),
					Only: append([]string{"password-api", "logout"}, groups...),
				}
				run, err := e2e.Check(t.Context(), o)
				require.NoError(t, err)
				require.Empty(t, run.Error)
				assert.Equal(t, code, firstFinding(run))
				assert.Equal(t, len(plant), run.ExitCode(), "1 where something is wrong")
				out := []string{string(run.Result())}
				for _, r := range run.Results {
					var codes []string
					for _, f := range r.Findings {
						codes = append(codes, f.Code)
					}
					out = append(out, strings.Join([]string{r.Key(), string(r.Status), r.Message, strings.Join(codes, " ")}, "; "))
					for _, u := range r.Record.Users {
						out = append(out, "  account: "+u.Username)
					}
				}
				return out
			}
			one, two := said(1), said(2)
			t.Log(strings.Join(one, "\n"))
			assert.Equal(t, one, two)
		})
	}
}
