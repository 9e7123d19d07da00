package troubleshooting_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestIgnoreComments is about comments that want nothing said of a code, in every
// place where users write one.
func TestIgnoreComments(t *testing.T) {
	t.Parallel()
	compose := func(url, json string) string {
		return "services:\n  app:\n    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n    environment:\n" + url +
			"      PAPERLESS_SECRET_KEY: a-key-of-my-own-2736152\n      PAPERLESS_SOCIAL_AUTO_SIGNUP: \"true\"\n      PAPERLESS_APPS: " + kindApps + "\n" + json
	}
	const url = "      PAPERLESS_URL: https://docs.example.org\n"
	folded := "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: >-\n        {\"openid_connect\": {\"OAUTH_PKCE_ENABLED\": \"True\",\n        \"APPS\": [" + strings.TrimSuffix(strings.TrimPrefix(kindJSON, `{"openid_connect":{"APPS":[`), "]}}") + "]}}\n"
	tests := map[string]struct {
		file, text string
		codes      []string // ignored
	}{
		"the same line": {"compose.yaml", compose(url, strings.Replace(folded, "PROVIDERS: >-", "PROVIDERS: >-", 1)) + "      PAPERLESS_ENABLE_ALLAUTH: true # ssocheck: ignore CFG-UNKNOWN\n", []string{"CFG-UNKNOWN"}},
		"the line above, of a value over several lines": {"compose.yaml", compose(url, "      # ssocheck: ignore CFG-PKCESTR\n"+folded), []string{"CFG-PKCESTR"}},
		"several, in small letters":                     {"compose.yaml", compose(url, "      # ssocheck: ignore cfg-pkcestr, cfg-unknown\n"+folded), []string{"CFG-PKCESTR"}},
		"an env file":                                   {"p.env", "PAPERLESS_APPS=" + kindApps + "\nPAPERLESS_SOCIALACCOUNT_PROVIDERS='" + kindJSON + "'\n# ssocheck: ignore CFG-UNKNOWN\n\nPAPERLESS_AUTO_LOGIN=1\n", []string{"CFG-UNKNOWN"}},
		"another line":                                  {"compose.yaml", compose("      # ssocheck: ignore CFG-PKCESTR\n"+url, folded), nil},
		"a manifest":                                    {"pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: p\n      image: paperless-ngx/paperless-ngx:2.20.15\n      env:\n        # ssocheck: ignore CFG-UNKNOWN\n        - name: PAPERLESS_AUTO_LOGIN\n          value: \"1\"\n", []string{"CFG-UNKNOWN"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inFolder(t, map[string]string{tt.file: tt.text})
			said, ignored, err := troubleshooting.LintAll(source.Sources{Files: []string{at(tt.file)}})
			require.NoError(t, err)
			var codes []string
			for _, f := range ignored {
				codes = append(codes, f.Code)
				assert.NotContains(t, said, f)
			}
			assert.Equal(t, tt.codes, codes, "%v", said)
			assert.NotContains(t, codesAt(said, source.Warning), "CFG-IGNORE")
		})
	}
	at := inFolder(t, map[string]string{"p.env": "# ssocheck: ignore CFG-UNKNWON\nPAPERLESS_AUTO_LOGIN=1\n"})
	said, ignored, err := troubleshooting.LintAll(source.Sources{Files: []string{at("p.env")}})
	require.NoError(t, err)
	assert.Empty(t, ignored)
	assert.Contains(t, codesAt(said, source.Warning), "CFG-IGNORE")
	assert.Contains(t, codesAt(said, source.Warning), "CFG-UNKNOWN")
}

func TestErrorsFirst(t *testing.T) {
	t.Parallel()
	findings := lintIn(t, "guide")
	rank := map[string]int{source.Error: 0, source.Warning: 1, source.Info: 2}
	last := 0
	for _, f := range findings {
		assert.GreaterOrEqual(t, rank[f.Level], last, "%s after a lesser one", f.Code)
		last = rank[f.Level]
	}
	var out bytes.Buffer
	require.NoError(t, report.FormatText(&out, findings, 2))
	assert.Contains(t, out.String(), " fixable with --fix · 2 ignored\n")
	assert.Contains(t, out.String(), "more: ssocheck explain SIGN-OFF\n")
	assert.NotContains(t, out.String(), "http://")
}

// TestRuleTitles is about the list of problems that code scanning shows: a title
// says what is wrong, and help says how to read more, without a link that leads
// nowhere.
func TestRuleTitles(t *testing.T) {
	t.Parallel()
	for _, r := range troubleshooting.Rules() {
		assert.NotEqual(t, r.Title, r.Problem, "%s has no title of its problem", r.Code)
	}
	var out bytes.Buffer
	require.NoError(t, report.FormatSARIF(&out, lintIn(t, "guide")))
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID      string
						Short   struct{ Text string } `json:"shortDescription"`
						Help    struct{ Text string }
						HelpURI string
					}
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &log))
	for _, r := range log.Runs[0].Tool.Driver.Rules {
		assert.Contains(t, r.Help.Text, "ssocheck explain "+r.ID)
		assert.Empty(t, r.HelpURI, "this build has no address")
	}
}
