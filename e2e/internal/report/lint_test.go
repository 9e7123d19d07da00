package report

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A lint finding with the cause of a check's finding is told there, with its
// line, the caret and the corrected line, and not a second time in any face.
func TestLintIsToldOnce(t *testing.T) {
	t.Parallel()
	lint := source.Diagnostic{
		Code: "CFG-CASE", Level: source.Error, File: "compose.yaml", Line: 30, Column: 7, Width: 28, Setting: "paperless_social_auto_signup",
		Message: "names are case-sensitive", Fix: "PAPERLESS_SOCIAL_AUTO_SIGNUP", Source: `      paperless_social_auto_signup: "true"`,
		Edit: &source.Edit{File: "compose.yaml", From: 30, To: 30, Text: `      PAPERLESS_SOCIAL_AUTO_SIGNUP: "true"`},
	}
	other := source.Diagnostic{Code: "SEC-SIGNUP", Level: source.Warning, File: "compose.yaml", Line: 31, Column: 7, Message: "everybody can make an account"}
	r := &Report{
		Result: runner.Fail, Lint: []source.Diagnostic{lint, other},
		Checks: []Check{{
			ID: "first-login", Title: "The first sign-in", Variant: check.AsConfigured, Status: check.Failed, Message: "a form is shown",
			Findings: []troubleshooting.Finding{{
				Code: "SIGN-OFF", Guide: 4, Title: "Automatic sign-up is off", Because: []string{"seen: a form"}, Fix: "Set PAPERLESS_SOCIAL_AUTO_SIGNUP to true.\nPAPERLESS_SOCIAL_AUTO_SIGNUP: true",
				Lint: []troubleshooting.Place{{Code: "CFG-CASE", File: "compose.yaml", Line: 30, Column: 7}},
			}},
		}},
	}
	var out bytes.Buffer
	require.NoError(t, r.Text(&out, TextOptions{Quiet: true}))
	assert.Equal(t, `✗ SIGN-OFF  Automatic sign-up is off  (first-login, guide: troubleshooting 4)
    │ seen  a form
    compose.yaml:30:7
    names are case-sensitive
    30 │       paperless_social_auto_signup: "true"
       │       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    fix  Set PAPERLESS_SOCIAL_AUTO_SIGNUP to true.
         -      paperless_social_auto_signup: "true"
         +      PAPERLESS_SOCIAL_AUTO_SIGNUP: "true"
    more ssocheck explain SIGN-OFF

FAIL  1 of 1 check failed: SIGN-OFF · 0.0s
`, out.String())

	assert.Equal(t, []source.Diagnostic{other}, r.loose())
	out.Reset()
	require.NoError(t, r.SARIF(&out))
	assert.NotContains(t, out.String(), "CFG-CASE")
	assert.Contains(t, out.String(), `"startLine": 30`, "the check's result stands on the line")
	assert.Contains(t, out.String(), "SEC-SIGNUP")
	out.Reset()
	require.NoError(t, r.Annotations(&out))
	assert.NotContains(t, out.String(), "CFG-CASE")
	assert.Contains(t, out.String(), "compose.yaml,line=30")
}
