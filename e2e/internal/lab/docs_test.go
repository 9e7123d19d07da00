package lab_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/fixtures"
)

var update = flag.Bool("update", false, "write docs/lab.md")

const docPath = "../../../docs/lab.md"

// A topic is a line of docs/lab.md: what the lab answers like the real pair, and
// how we know.
type topic struct {
	name     string
	modelled string
	rows     string // ids of fixtures/observed.json, "flow" and "upgrade" among them
	tables   string // entries of fixtures/paperless-settings.json
	facts    string // sections: P of those on Paperless-ngx, A of those on authentik
	tests    string // that show it: l of package lab, p of lab/paperless, a of lab/authentik
}

func topics() []topic {
	return []topic{
		{
			"Starting", "broken JSON with Python's own words (those of 3.11 and of 3.13), an app that cannot be imported, spaces in lists, a missing secret key and loose booleans in 3.0.0, `_FILE` secrets, Django's checks of URLs, what s6 says when it stops",
			"12-json-trailing-comma 13-json-unbalanced 14-json-single-quotes 16-apps-typo", "F01 F02 F03 H04 H05", "P2 P10",
			"l.TestObserved p.TestBootFailures p.TestSecretFiles p.TestPyJSONErrors p.TestVersionProfiles",
		},
		{
			"Settings that nothing reads", "`PAPERLESS_ENABLE_ALLAUTH`, `PAPERLESS_AUTO_CREATE`, `PAPERLESS_AUTO_LOGIN` and `claims` change nothing",
			"00-guide-verbatim 03-no-dead-knobs 04-enable-allauth-false 05-auto-create-false 06-claims-none", "", "P1", "l.TestObserved",
		},
		{
			"Sign-in page", "form, button, action and method by version; no button where app or provider is missing; pages of 2.5, 2.6, 2.11",
			"10-no-apps 11-no-providers 15-empty-apps-list 49-provider-name-app-typo", "F04 F05 F06", "P3.1 P5", "l.TestObserved l.TestSelectors p.TestConfigurationMistakes p.TestVersionProfiles",
		},
		{
			"Authorization request", "client id, redirect URI, scopes, state, PKCE by the truth of its value, settings of one app since 2.14.0; authentik's refusals in its order",
			"31-wrong-client-id 65-pkce-off", "", "P3.3 P3.6 A4.3 A4.5 C.3", "p.TestMeasuredRest p.TestAuthorizationRequest p.TestPKCEByTruth a.TestAuthorizeErrors a.TestPrompts l.TestConfigurations",
		},
		{
			"Redirect URI", "built from Host and protocol, never from `PAPERLESS_URL`; strict and pattern matching, text in old versions, the empty list that takes the first",
			"20-redirect-no-slash 21-redirect-http 23-redirect-empty 24-provider-id-other", "", "P8 A2", "p.TestRedirectURI a.TestRedirectURIs a.TestEmptyRedirectURIs a.TestTextRedirectURIs l.TestConfigurations",
		},
		{
			"Discovery that cannot be read", "no such name, refused, silence before and after the connection, an unknown authority, 404, a page, a missing endpoint; at the press and at the callback; requests' own words",
			"25-wrong-slug 27-server-url-base 29-server-url-http 32-dns 34-conn-refused", "F07", "P3.2 P8 A4.1", "l.TestNetwork p.TestDiscoveryFailures p.TestSilentDiscovery p.TestDiscoveryBreaksLater p.TestServerURLForms",
		},
		{
			"Token endpoint", "wrong secret, unknown client, used and expired codes, PKCE; basic up to 2.20, post from 3.0.0, `token_auth_method`",
			"30-wrong-secret", "F09 H03", "P3.4 A4.5 C.3", "p.TestMeasuredRest l.TestTokenAuthentication p.TestTokenMethods a.TestTokenErrors a.TestClientAuthentication a.TestCodeFlow",
		},
		{
			"id_token and userinfo", "not looked at before 2.20.0; then form, issuer, audience, expiry, used once; JWE, no signing key, issuer modes, subject modes",
			"68-sub-email", "F10 F11 F12 F24 H01", "P3.5 A4.2 A4.6 C.3", "p.TestMeasured p.TestCallbackFailures p.TestTokenReplay a.TestTokenForms a.TestIssuerModes a.TestSubjects a.TestUserinfoErrors l.TestConfigurations",
		},
		{
			"State of a sign-in", "made up, used twice, of another browser, too old; cancelled and other errors of the provider", "", "F08 F13 F14 H13", "P8", "p.TestStates p.TestFailureSignatures p.TestVersionProfiles",
		},
		{
			"Scopes and claims", "scopes that the provider lacks are dropped; without openid userinfo is a 403; custom mappings of plain values",
			"62-scope-openid-only", "F23", "P4.2 A4.5 A4.6", "a.TestMappings a.TestDiscovery l.TestConfigurations p.TestAutoSignup",
		},
		{
			"First sign-in", "automatic sign-up and its form, closed sign-up, a taken user name, a taken address, addresses that nobody verified, the first person of all",
			"01-guide-plus-auto-signup-false 02-auto-signup-true 40-signups-closed 41-account-signups-closed 42-email-taken 43-username-taken 44-email-taken-noauto 69-email-verify-mandatory",
			"F15 F17 F18 H11 H12 H15", "P4.1 P4.2 P4.3", "p.TestFirstSignIn p.TestAutoSignup p.TestEmailAuthentication p.TestFirstInstall",
		},
		{
			"Linking", "connect, connect again, linked to somebody else, disconnect; names of linked accounts by version; links that existed before",
			"flow", "F22 H16 H17", "P3.6 P7", "l.TestObserved l.TestUnlinking p.TestConnect p.TestLinkBeforeTheFirstCheck p.TestProvidersAndLabels",
		},
		{
			"Cross-site checks and hosts", "trusted origins and patterns, Referer, hosts that are not allowed", "45-noproxy-no-url 46-noproxy-url-other", "F19 F20", "P8", "p.TestTrustedOrigins p.TestCSRFAndHosts p.TestMaskedToken",
		},
		{
			"Proxies", "protocol and host headers, default protocol, counted proxies and the address of the client in 3.0.0; the proxy itself is package edge",
			"35-default-proto-http 36-no-proxy-headers 37-no-url 39-url-other 47-noproxy-proto-http", "H10", "P5 P8", "p.TestRedirectURI p.TestProxyCount l.TestObserved",
		},
		{
			"authentik under a path", "`AUTHENTIK_WEB__PATH`: everything below it, on a host of its own or on Paperless's; read in the source, and driven on one real pair", "", "", "A4.1", "a.TestUnderAPath l.TestSignIn",
		},
		{
			"Redirect to SSO", "since 2.11.0, by script; `?loggedout=1` holds it back; the page of the first account wins", "50-redirect-to-sso 52-both flow", "H15", "P5", "l.TestObserved l.TestObservedInBrowser p.TestVersionProfiles",
		},
		{
			"Regular login off", "the form and its POST are closed since 2.6.0; administration, API token and Basic stay open, `/api/auth/login/` until 2.20.14, the headless API of 3.0.0 is closed",
			"51-disable-regular 52-both 53-both-noprovider flow", "F21 H18", "P5", "p.TestHeadless p.TestVersionProfiles",
		},
		{
			"Signing out", "where it leads, authentik's end-session page that ends nothing, loops with one click", "flow", "", "P5 A5.7", "l.TestSigningOut a.TestLogout p.TestLocalSignInAndLogout",
		},
		{
			"Groups and rights", "default groups, groups of the claim, the release that cleared them; a user without rights: 403 and the toast, the page that hangs before 2.11.2",
			"72-default-groups", "H02 H14", "P4.4 P4.5", "p.TestGroups p.TestVersionProfiles l.TestObservedInBrowser",
		},
		{
			"Remote-User", "page, API, name of the header, new and inactive users, signing out; what a client sends itself", "70-remote-user flow", "", "P6", "l.TestObserved p.TestVersionProfiles",
		},
		{
			"Who may not", "policy, group binding, provider without application, application gone, users deactivated on either side", "60-denied-by-policy 61-ak-inactive", "F16", "P4.2 A4.5",
			"l.TestConfigurations a.TestPolicies a.TestRefusedPasswords a.TestDeactivatedLater p.TestInactiveUser",
		},
		{
			"Consent", "explicit consent, for four weeks; offline_access before 2025.4", "64-explicit-consent", "", "A2 A4.3", "a.TestConsent a.TestVersionProfiles",
		},
		{
			"authentik's pages", "identification and password stage in open shadow roots, the decoy form, errors where each version shows them; every page is drawn by its script a seeded while (0 to 1500 ms, most below 30 ms) after its load", "", "", "A5.2 A5.3 A5.6", "l.TestObservedTraps a.TestFlowPages a.TestSignInStages a.TestDrawing",
		},
		{
			"API of Paperless", "profile, users, groups, tokens, versions by Accept, error page 401 and throttling of 3.0.0", "", "H07 H08 H09 H19 H20", "P5 P10", "p.TestAPIAuthentication p.TestAPIVersions p.TestAPIUsers p.TestRateLimits",
		},
		{
			"Upgrades", "accounts, links, sessions and tokens over an upgrade of either product; the only way into 3.0.0", "upgrade", "H06", "P9 A8", "l.TestObserved l.TestUpgrade p.TestUpgrade p.TestUpgradeHazards a.TestUpgrade",
		},
	}
}

// declared are the tests of a folder, and the names of its table of versions.
func declared(t *testing.T, dir string) (tests map[string]bool, profiles map[string][]string) {
	t.Helper()
	tests, profiles = map[string]bool{}, map[string][]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil {
				continue
			}
			tests[fn.Name.Name] = strings.HasPrefix(fn.Name.Name, "Test")
			if fn.Name.Name == "profiles" || fn.Name.Name == "profiles2026" {
				readProfiles(t, fn, profiles)
			}
		}
	}
	return tests, profiles
}

// readProfiles finds the names of the entries, and the versions that each has.
func readProfiles(t *testing.T, fn *ast.FuncDecl, into map[string][]string) {
	t.Helper()
	unquote := func(e ast.Expr) string {
		l, ok := e.(*ast.BasicLit)
		if !ok {
			return ""
		}
		s, err := strconv.Unquote(l.Value)
		require.NoError(t, err)
		return s
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		ret, ok := n.(*ast.ReturnStmt)
		if !ok || len(ret.Results) != 1 {
			return true
		}
		table, ok := ret.Results[0].(*ast.CompositeLit)
		if !ok {
			return true
		}
		for _, e := range table.Elts {
			entry, ok := e.(*ast.KeyValueExpr)
			if !ok {
				return true
			}
			var versions []string
			value, ok := entry.Value.(*ast.CompositeLit)
			if !ok || len(value.Elts) != 2 {
				return true
			}
			switch want := value.Elts[1].(type) {
			case *ast.CompositeLit:
				for _, w := range want.Elts {
					versions = append(versions, unquote(w.(*ast.KeyValueExpr).Key))
				}
			case *ast.CallExpr: // the same on all of them
				versions = []string{want.Fun.(*ast.Ident).Name}
			}
			into[unquote(entry.Key)] = versions
		}
		return false
	})
}

// TestDocs: docs/lab.md says what is modelled and how we know, and cannot rot:
// every source that it cites is there, and everything that is there is cited.
func TestDocs(t *testing.T) {
	t.Parallel()
	all := observed(t)
	dirs := map[string]string{"l": ".", "p": "../paperless/model", "a": "../authentik/model"}
	tests, profiles := map[string]map[string]bool{}, map[string]map[string][]string{}
	for short, dir := range dirs {
		tests[short], profiles[short] = declared(t, dir)
	}
	require.NotEmpty(t, profiles["p"])
	require.NotEmpty(t, profiles["a"])

	rows := map[string]bool{"flow": false, "upgrade": false} // cited?
	for _, r := range all.Rows {
		rows[r.ID] = false
	}
	entries := map[string]bool{}
	for _, id := range tableIDs(t) {
		entries[id] = false
	}
	cite := func(what string, list map[string]bool, ids string) {
		for id := range strings.FieldsSeq(ids) {
			_, ok := list[id]
			assert.True(t, ok, "%s cites %s, which is not there", what, id)
			list[id] = true
		}
	}
	for _, tp := range topics() {
		cite(tp.name, rows, tp.rows)
		cite(tp.name, entries, tp.tables)
		assert.NotEmpty(t, tp.tests, tp.name)
		for test := range strings.FieldsSeq(tp.tests) {
			short, name, _ := strings.Cut(test, ".")
			assert.True(t, tests[short][name], "%s cites the test %s, which is not there", tp.name, test)
		}
		for section := range strings.FieldsSeq(tp.facts) {
			path, place := factsAt(section)
			text, err := os.ReadFile(filepath.Join("../../../docs", path))
			require.NoError(t, err)
			assert.Contains(t, string(text), `<a id="`+place+`"></a>`, "%s cites %s", tp.name, section)
		}
	}
	for short, page := range map[string]string{"p": "P", "a": "A"} {
		for name := range profiles[short] { // every one begins with its section
			section := strings.Fields(name)[0]
			path, place := factsAt(page + section)
			if section[0] >= 'A' { // a row of the facts on 2026
				path, place = "facts/releases-2026.md", section
			}
			text, err := os.ReadFile(filepath.Join("../../../docs", path))
			require.NoError(t, err)
			assert.Contains(t, string(text), `<a id="`+place+`"></a>`, "%q of the profiles", name)
		}
	}
	for id, cited := range rows {
		assert.True(t, cited, "no topic of the docs cites the recording %s", id)
	}
	for id, cited := range entries {
		assert.True(t, cited, "no topic of the docs cites %s of fixtures/paperless-settings.json", id)
	}

	got := markdown(all, profiles)
	if *update {
		require.NoError(t, os.WriteFile(docPath, got, 0o600))
	}
	want, err := os.ReadFile(docPath)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "run: go test ./e2e/internal/lab -run TestDocs -update")
}

// factsAt is where a section of the facts stands: a file of docs and a place in it.
func factsAt(section string) (path, place string) {
	switch section[0] {
	case 'P':
		return "facts/paperless.md", section[1:]
	case 'A':
		return "facts/authentik.md", section[1:]
	}
	return "facts/failures.md", section
}

// tableIDs are the entries of the failure signatures and the upgrade hazards.
func tableIDs(t *testing.T) []string {
	t.Helper()
	text, err := fixtures.FS.ReadFile("paperless-settings.json")
	require.NoError(t, err)
	type entry struct {
		ID string `json:"id"`
	}
	var doc struct {
		Signatures []entry `json:"failure_signatures"`
		Hazards    []entry `json:"upgrade_hazards"`
	}
	require.NoError(t, json.Unmarshal(text, &doc))
	var out []string
	for _, e := range slices.Concat(doc.Signatures, doc.Hazards) {
		out = append(out, e.ID)
	}
	require.NotEmpty(t, out)
	return out
}

func markdown(all recording, profiles map[string]map[string][]string) []byte {
	var out bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	versions := map[string]bool{}
	for _, r := range all.Rows {
		versions["Paperless-ngx "+r.Paperless+" with authentik "+r.Authentik] = true
	}
	p("# What the lab models, and how we know")
	p("")
	p("Made by `go test ./e2e/internal/lab -run TestDocs -update`; do not edit. The test fails when a source cited here is not there any more, when")
	p("a recording is cited nowhere, and when this page is not what it makes.")
	p("")
	p("The lab is both products in this process. **It is not the real products**: it is honest where it was compared with them, and says")
	p("`lab: not modelled` where it does not know. A check that fails on such an answer is skipped, never judged.")
	p("")
	p("## Recorded, and compared value by value")
	p("")
	p("`fixtures/observed.json` holds %d sign-ins, %d flows and %d upgrades of the real pair, driven by a real Chromium:", len(all.Rows), len(all.Flows), len(all.Upgrades))
	p("")
	for _, v := range slices.Sorted(maps.Keys(versions)) {
		p("- %s", v)
	}
	p("")
	p("`TestObserved` plays all of them on the lab and compares every recorded value: start and log, sign-in page (local form, button, action,")
	p("method, text), every redirect with its parameters, the steps at authentik, title and text of the last page, the account and its rights,")
	p("`/api/token/` and Basic, Paperless's log lines, authentik's events. A recorded field that no test knows fails it. The exceptions, each")
	p("proved to notice another value in place of the recorded one:")
	p("")
	p("| value | why it is not plain equality |")
	p("|---|---|")
	for _, r := range rules {
		where := ""
		if r.elsewhere != nil && !strings.Contains(r.path, "sec") {
			where = "; compared by `TestObservedInBrowser`"
		}
		p("| `%s` | %s%s |", strings.TrimPrefix(r.path, "*"), r.why, where)
	}
	p("")
	p("## Topics")
	p("")
	p("Recordings are ids of `fixtures/observed.json`. F and H are the failure signatures and upgrade hazards of")
	p("`fixtures/paperless-settings.json`: `TestFailureSignatures` and `TestUpgradeHazards` walk into every one of them, on versions on both sides")
	p("of each version that it names. P and A are sections of [docs/facts/paperless.md](facts/paperless.md) and")
	p("[docs/facts/authentik.md](facts/authentik.md), from which the lab was written (sources of each tag, and runs of 2.5.0, 2.13.5, 2.18.4,")
	p("2.20.15, 3.0.5 and of authentik 2024.10.5, 2025.6.4, 2025.8.1, 2025.10.0-rc1).")
	p("[C.3](facts/failures.md#C.3) is what was measured of the client library alone, as pinned by 2.19.6, 2.20.15 and 3.0.5, against a provider that misbehaves.")
	p("")
	p("| topic | modelled | recordings | tables | facts | tests |")
	p("|---|---|---|---|---|---|")
	packages := map[string]string{"l": "lab", "p": "paperless/model", "a": "authentik/model"}
	for _, tp := range topics() {
		by := map[string][]string{}
		for test := range strings.FieldsSeq(tp.tests) {
			short, name, _ := strings.Cut(test, ".")
			by[short] = append(by[short], name)
		}
		var shown []string
		for _, short := range []string{"l", "p", "a"} {
			if len(by[short]) > 0 {
				shown = append(shown, packages[short]+": "+strings.Join(by[short], ", "))
			}
		}
		var facts []string
		for section := range strings.FieldsSeq(tp.facts) {
			path, place := factsAt(section)
			facts = append(facts, fmt.Sprintf("[%s](%s#%s)", section, path, place))
		}
		p("| %s | %s | %s | %s | %s | %s |", tp.name, tp.modelled, strings.Join(strings.Fields(tp.rows), ", "),
			strings.Join(strings.Fields(tp.tables), ", "), strings.Join(facts, ", "), strings.Join(shown, "; "))
	}
	p("")
	p("## Differences between versions")
	p("")
	p("Beside the upgrade hazards, every documented difference is shown on the versions around it (`TestVersionProfiles` of both packages).")
	p("The number is the section of [docs/facts/paperless.md](facts/paperless.md), then of [docs/facts/authentik.md](facts/authentik.md);")
	p("one with a letter is a row of [docs/facts/releases-2026.md](facts/releases-2026.md), which was read in sources and notes, not recorded.")
	for _, one := range []struct{ short, title string }{{"p", "Paperless-ngx"}, {"a", "authentik"}} {
		p("")
		p("| %s | versions |", one.title)
		p("|---|---|")
		names := slices.SortedFunc(maps.Keys(profiles[one.short]), func(a, b string) int {
			n := func(s string) float64 {
				section := strings.Fields(s)[0] // every name begins with it
				if section[0] >= 'A' {
					row, _ := strconv.ParseFloat(section[1:], 64)
					return 100*float64(section[0]) + row
				}
				f, _ := strconv.ParseFloat(section, 64)
				return f
			}
			if d := n(a) - n(b); d != 0 {
				return int(d / max(d, -d))
			}
			return strings.Compare(a, b)
		})
		for _, name := range names {
			at := strings.Join(profiles[one.short][name], ", ")
			switch at {
			case "always3":
				at = "the same on 2.5.0, 2.20.15, 3.0.5"
			case "everywhere":
				at = "the same on 2024.10.5, 2025.6.4, 2025.8.1, 2025.10.0, 2026.5.0"
			}
			p("| %s | %s |", name, at)
		}
	}
	p("")
	p("## Not modelled")
	p("")
	p("Asked for one of these, the lab answers `lab: not modelled` and the check is skipped (`TestNotModelled`):")
	p("")
	for _, g := range gaps() {
		p("- %s", g.what)
	}
	p("")
	p("Known to the lab from the start: a reverse proxy that signs users in by itself, parts of a blueprint that only a running authentik can")
	p("evaluate, authentik before 2024.8. That skips no check, but stands in the notes of each that did not pass.")
	p("")
	p("Not there at all: documents, mail and OCR; the recorder's machine (times, Docker networks, Redis); the look of the pages; authentik's")
	p("cross-origin headers; the file `paperless.log`, of which the container's log is the superset. Versions between the recorded ones were read in the sources, not run")
	p("(P11 lists which). Two things were never seen and are a choice of ours: up to 2.19 JSON errors are worded as by Python 3.11 (seen on")
	p("2.5.0), from 2.20 on as by 3.13 (seen on 2.20.15); and an access token that was never valid is refused only after a minute.")
	p("")
	p("Of the rows of section 3 of docs/facts/releases-2026.md these change no sign-in at Paperless and are left out: M7 (a field of the discovery document")
	p("that Paperless does not read, of unknown values), M17 (`user.groups` beside `user.ak_groups`: an expression may say either), M21 (a user who is")
	p("deactivated loses the sessions of authentik; hazard A17), M22 (the stage of a front-channel logout, which a provider has only where a logout URI")
	p("is set), M23 (`ui_locales` and `login_hint`, which Paperless never sends), M24 (a limit of a thousand requests a second).")
	return out.Bytes()
}
