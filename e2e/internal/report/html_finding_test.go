package report

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestLogLineInFull: a finding quotes as much of a line as a terminal has room for. The
// page quotes all of it, also where the diagram says that it broke.
func TestLogLineInFull(t *testing.T) {
	t.Parallel()
	const line = "[2026-11-29 16:17:17,086] [WARNING] [paperless.auth] Social authentication error for provider `SSO`: unknown (invalid_client, what an engineer looks for at the very end)"
	r := slashRun(t)
	trip := &r.Results[2]
	require.NotEmpty(t, trip.Findings)
	trip.Record.Log = []evidence.Line{{Source: "paperless", Text: "another line"}, {Source: "paperless", Text: line}}
	trip.Findings[0].Because = []string{"Paperless logged: " + line[:100] + "…", "short: …"}
	var page bytes.Buffer
	require.NoError(t, HTML(&page, r))
	assert.Equal(t, 2, strings.Count(page.String(), "<dd>"+htmlText(line)+"</dd>")+strings.Count(page.String(), `<span class="ll">`+htmlText(line)), "in the finding and in the log")
	assert.NotContains(t, page.String(), htmlText(line[:100]+"…"))
	assert.Equal(t, "Paperless logged: "+line[:100]+"…", trip.Findings[0].Because[0], "the report's JSON is not touched")
}

func htmlText(s string) string { return strings.NewReplacer("'", "&#39;", `"`, "&#34;").Replace(s) }

// TestClausesOfTheRoundTrip: each request of the protocol has its clause at its arrow,
// and what no standard speaks of has none.
func TestClausesOfTheRoundTrip(t *testing.T) {
	t.Parallel()
	e := evidence.Record{Exchange: tripExchanges()}
	e.Exchange = exchangesOf(&e)
	got := map[string]string{}
	for _, a := range arrowsOf(&e, nil) {
		got[a.path] = a.clause
	}
	for path, want := range map[string]string{
		"GET /accounts/login/":                                          "",
		"GET /application/o/authorize/":                                 "OIDC Core 3.1.2.1",
		"GET /application/o/paperless/.well-known/openid-configuration": "OIDC Discovery 4.1",
		"POST /application/o/token/":                                    "OIDC Core 3.1.3.1",
		"GET /application/o/userinfo/":                                  "OIDC Core 5.3.1",
		"GET /accounts/oidc/authentik/login/callback/":                  "OIDC Core 3.1.2.5",
		"→ authentik.example.com/application/o/authorize/":              "OIDC Core 3.1.2.1",
	} {
		clause, ok := got[path]
		assert.True(t, ok, "%s in %v", path, got)
		assert.Equal(t, want, clause, path)
	}
	assert.Contains(t, string(sequence(&e, nil, "x")), ">OIDC Core 3.1.3.1</text>")
}

// TestGuideIsLinked: wherever the page names the guide, the way to it is there.
func TestGuideIsLinked(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	require.NoError(t, HTML(&page, slashRun(t)))
	for _, line := range []string{"troubleshooting 3", "checklist 3"} {
		assert.Regexp(t, `<a class="chip" href="`+regexp.QuoteMeta(source.GuideURL)+`"[^>]*>guide: `+line+`</a>`, page.String())
	}
}

// TestPlacesOfFixes: a fix says where: in which setting or file, at which proxy, or by
// which way through the pages of a product.
func TestPlacesOfFixes(t *testing.T) {
	t.Parallel()
	place := regexp.MustCompile(`(PAPERLESS|AUTHENTIK|SSO|OAUTH)_\w*|REQUESTS_CA_BUNDLE|→|server_url|provider_id|"settings"|\bSCOPES?\b|\bclaims\b|prox(y|ies)|--(resolve|ca) |docker compose|(compose|env) file|Upgrade Paperless-ngx|clocks of both hosts`)
	page := regexp.MustCompile(`Applications → (Applications|Providers|the application)|Directory → Users|Customization → Property Mappings`)
	for _, i := range troubleshooting.All() {
		assert.Regexp(t, place, i.Fix, i.Code)
		if strings.Contains(i.Fix, "In authentik, ") {
			assert.Regexp(t, page, i.Fix, i.Code)
		}
	}
}

// TestLineOfAFindingWithoutEdit: where the edit is for the user to choose, the page and
// the terminal show the line beside which it goes, and what to write.
func TestLineOfAFindingWithoutEdit(t *testing.T) {
	t.Parallel()
	const line = `PAPERLESS_SECRET_KEY: "<output of openssl rand -base64 48>"`
	r := slashRun(t)
	r.Lint = []source.Diagnostic{{
		Code: "CFG-SECRETKEY", Level: source.Error, File: "compose.yaml", Line: 15, Column: 7, Setting: "PAPERLESS_SECRET_KEY",
		Message: "Paperless-ngx 3 does not start without PAPERLESS_SECRET_KEY", Fix: line, Source: "      PAPERLESS_URL: https://paperless.example.com",
	}}
	r.Results[2].Findings = []troubleshooting.Finding{{
		Code: "CFG-SECRETKEY", Title: "PAPERLESS_SECRET_KEY is missing", Fix: "Set PAPERLESS_SECRET_KEY to a long random text.",
		Lint: []troubleshooting.Place{{Code: "CFG-SECRETKEY", File: "compose.yaml", Line: 15, Column: 7}},
	}}
	var page, text bytes.Buffer
	require.NoError(t, HTML(&page, r))
	require.NoError(t, Text(&text, r, TextOptions{Width: 100}))
	assert.Contains(t, page.String(), `<p class="at"><span class="place">compose.yaml:15:7</span></p><pre class="source"`)
	assert.Contains(t, page.String(), `<span class="e-plain">`+strings.NewReplacer("<", "&lt;", ">", "&gt;", `"`, "&#34;").Replace(line))
	assert.Contains(t, text.String(), "    fix  Set PAPERLESS_SECRET_KEY to a long random text.\n         "+line+"\n")
}
