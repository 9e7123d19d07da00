package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// options are selected by environment, because unknown flags break go test ./...
func options() e2e.Options {
	from := standing()
	path := func(name string) string { return from.path(os.Getenv(name)) }
	o := e2e.Options{
		Target: os.Getenv("SSO_TARGET"), Blueprint: path("SSO_BLUEPRINT"),
		Paperless: os.Getenv("SSO_PAPERLESS"), Authentik: os.Getenv("SSO_AUTHENTIK"), Report: path("SSO_REPORT"),
		Stack: e2e.StackFromEnv(),
	}
	for _, file := range []*string{&o.Stack.Versions, &o.Stack.RestorePaperless, &o.Stack.RestoreAuthentik} {
		*file = from.path(*file)
	}
	o.Browser = os.Getenv("SSO_BROWSER_URL")
	o.External = e2e.External{
		PaperlessURL: os.Getenv("SSO_PAPERLESS_URL"), AuthentikURL: os.Getenv("SSO_AUTHENTIK_URL"), CA: path("SSO_CA"),
		PaperlessLog: os.Getenv("SSO_PAPERLESS_LOG"), AllowChanges: os.Getenv("SSO_ALLOW_CHANGES") == "true",
	}
	if r := os.Getenv("SSO_RESOLVE"); r != "" {
		o.External.Resolve = strings.Split(r, ",")
	}
	if c := os.Getenv("SSO_CONFIG"); c != "" {
		for _, file := range strings.Split(c, ",") {
			o.Config = append(o.Config, from.path(file))
		}
	}
	return o
}

// A place is the folder from which paths of the environment are meant.
type place string

// standing is where the user stands. go test runs a test in the folder of its
// package; the process that started it is where the user is.
func standing() place {
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", os.Getppid()))
	if err != nil {
		dir = ".." // no Linux: the module's own folder
	}
	return place(dir)
}

// path is a path as the user means it. One that is there only as seen from the
// package stays, as it was before.
func (p place) path(file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	from := filepath.Join(string(p), file)
	if _, err := os.Stat(from); err != nil {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return from
}

// TestPathsFromWhereTheUserStands: a relative SSO_CONFIG was looked for in the
// folder of the package, where no user is.
func TestPathsFromWhereTheUserStands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), nil, 0o600))
	p := place(dir)
	assert.Equal(t, filepath.Join(dir, "compose.yaml"), p.path("compose.yaml"))
	assert.Equal(t, filepath.Join(dir, "report"), p.path("report"), "it is made there")
	assert.Equal(t, "e2e_test.go", p.path("e2e_test.go"))
	assert.Equal(t, "/etc/compose.yaml", p.path("/etc/compose.yaml"))
	assert.Empty(t, p.path(""))
}

// TestChecklist runs the guide's checklist on the configuration that the
// environment names; without any, on the lab with the guide corrected.
func TestChecklist(t *testing.T) {
	// Go ends a test process that is interrupted; what runs in Docker would stay.
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := e2e.RunContext(ctx, t, options())
	require.NotEmpty(t, run.Results)
}

// TestGuideAsWritten shows that the guide's dead settings are found out.
func TestGuideAsWritten(t *testing.T) {
	t.Parallel()
	run, err := e2e.Check(t.Context(), e2e.Options{Config: []string{"../fixtures/configs/guide/compose.yaml"}})
	require.NoError(t, err)
	require.Empty(t, run.Error)
	assert.Equal(t, runner.Fail, run.Result())
	for _, r := range run.Results {
		id := r.Check.ID + "@" + r.Variant
		switch id {
		case "first-login@" + check.AsConfigured:
			require.Equal(t, check.Failed, r.Status, r.Message)
			require.NotEmpty(t, r.Findings)
			assert.Equal(t, "SIGN-OFF", r.Findings[0].Code)
			assert.Contains(t, r.Findings[0].Fix, "PAPERLESS_SOCIAL_AUTO_SIGNUP")
			assert.Contains(t, strings.Join(r.Findings[0].Because, "\n"), "compose.yaml:", "the line of the user's file")
		case "first-login@auto-signup-on":
			assert.Equal(t, check.Passed, r.Status, "the fix fixes it: %s", r.Message)
		default:
			assert.NotEqual(t, check.Failed, r.Status, "%s: %s", id, r.Message)
			assert.NotEqual(t, check.Errored, r.Status, "%s: %s", id, r.Message)
		}
	}
}

// versions are the pairs on which causes are planted: the two that were recorded, the
// newest that is known, and for what happens on none of these an authentik that needs
// grant types with a Paperless of its time.
var versions = [][2]string{{"2.20.15", ""}, {"3.3.0", "2026.8.5"}, {"2.5.0", ""}, {"2.20.15", "2026.5.6"}}

// TestTroubleshooting plants every item in the lab and demands that its code is
// found first, at the check that it breaks, on each version where it can happen,
// and that nothing else is found that the right configuration does not have.
// With -update it records the evidence again (fixtures/evidence).
func TestTroubleshooting(t *testing.T) {
	rig := newRig(t)
	var all score
	t.Cleanup(func() {
		all.print(t)
		lintScore(t)
	})
	for _, item := range troubleshooting.All() {
		if item.Plant == nil {
			continue
		}
		t.Run(item.Code, func(t *testing.T) {
			t.Parallel()
			var group sync.WaitGroup
			ran := false
			for i, version := range versions {
				if ran && (testing.Short() || i == len(versions)-1) {
					break // the last only for what happens nowhere else
				}
				b, _, err := e2e.Deploy(e2e.Options{Paperless: version[0], Authentik: version[1]})
				require.NoError(t, err)
				if !item.Happens(b) {
					continue
				}
				first := !ran
				ran = true
				group.Go(func() {
					plant := rig.usual
					if !first {
						plant = rig.alone
					}
					run, err := plant(context.WithoutCancel(t.Context()), b, item)
					if err != nil { // this is no goroutine of the test's
						t.Error(err)
						return
					}
					p := rig.came(t, b, run, item)
					all.add(p)
					p.judge(t, item)
					if *update && first {
						p.record(t)
					}
				})
			}
			group.Wait()
			require.True(t, ran, "no modelled version on which this can happen")
		})
	}
}

// TestTwoMistakes shows that the earlier of two causes comes first, and the
// later one is reported too.
func TestTwoMistakes(t *testing.T) {
	rig := newRig(t)
	for _, pair := range [][2]string{
		{"CFG-MODULE", "RED-HOST"},
		{"CFG-URLSLASH", "IDT-JWE"},
		{"CFG-APPS", "IDP-SLUG"},
		{"CFG-DUP", "RED-PORT"},
		{"PROXY-CSRF", "RED-PROVID"},
		{"NET-DNS", "SIGN-OFF"},
		{"NET-REFUSED", "TOK-SECRET"},
		{"NET-TLS", "RED-PATH"},
		{"IDP-SLUG", "RED-SLASH"},
		{"IDP-CLIENT", "IDT-JWE"},
		{"IDP-DENIED", "TOK-TYPO"},
		{"IDP-SCOPE", "SIGN-OFF"},
		{"RED-SLASH", "SIGN-OFF"},
		{"RED-PREFIX", "TOK-SECRET"},
		{"TOK-SECRET", "SIGN-CLOSED"},
		{"IDT-JWE", "SIGN-CLOSED"},
	} {
		t.Run(pair[0]+"+"+pair[1], func(t *testing.T) {
			t.Parallel()
			b, _, err := e2e.Deploy(e2e.Options{})
			require.NoError(t, err)
			p := rig.plant(t, b, troubleshooting.Find(pair[0]), troubleshooting.Find(pair[1]))
			assert.Equal(t, pair[:], p.codes, p.message)
		})
	}
}

// designCodes are the codes that were fixed from the start. A code is
// for ever: it may get company, but it never goes. Those that only lint can tell
// stand below.
const designCodes = `
	CFG-JSON CFG-APPS CFG-MODULE CFG-NOAPP CFG-DUP CFG-UNKNOWN CFG-PKCESTR CFG-DOLLAR CFG-QUOTES CFG-NEWLINE CFG-YAMLMAP CFG-BOOL CFG-SECRETKEY VER-OLD STALE
	RED-SCHEME RED-HOST RED-PORT RED-PREFIX RED-PROVID RED-SLASH RED-PATH
	IDP-CLIENT IDP-SLUG IDP-DENIED IDP-INACTIVE IDP-SCOPE
	NET-DNS NET-REFUSED NET-TIMEOUT NET-TLS NET-HTML NET-404
	TOK-SECRET TOK-METHOD IDT-JWE IDT-ISS IDT-AUD IDT-EXP STATE-LOST
	SIGN-OFF SIGN-CLOSED SIGN-DUPUSER SIGN-EMAILUSED LINK-OTHER LINK-STALESUB USER-INACTIVE AUTHZ-EMPTY AUTHZ-GROUPS
	REDIR-OFF REDIR-LOOP OUT-RELOGIN REG-STILLON REG-API REG-LOCKOUT
	PROXY-CSRF PROXY-HOST PROXY-PROTO PROXY-IP RU-OFF RU-NAME RU-BYPASS RU-API`

// unplantable are the items that no change of a configuration makes, with why.
var unplantable = map[string]string{
	"NET-CERT":         "what the browser thinks of a running pair's certificate; the lab's is trusted (see external)",
	"NET-DOWN":         "a running pair that does not answer (see external)",
	"IDP-PASSWORD":     "a wrong password of the tester, not of a deployment",
	"RED-UNREGISTERED": "a running authentik that differs from its configuration; the lab's never does",
}

// classes are the classes of failures that 105 reports of users fall into
// (docs/facts/failures.md#A.1), with the items that tell each.
var classes = map[string]struct{ what, codes string }{
	"F1":  {"redirect_uri is not the registered one", "RED-SCHEME RED-HOST RED-PORT RED-PREFIX RED-PROVID RED-CASE RED-SLASH RED-PATH RED-ESCAPED RED-UNREGISTERED PROXY-PROTO PROXY-HOST PROXY-PORT"},
	"F2":  {"the token endpoint refuses the client", "TOK-SECRET TOK-TYPO TOK-METHOD TOK-CODE CFG-DOLLAR CFG-NEWLINE CFG-SECRETQUOTES"},
	"F3":  {"the ID token is refused", "IDT-JWE IDT-ISS IDT-AUD IDT-EXP"},
	"F4":  {"discovery cannot be read", "NET-DNS NET-REFUSED NET-TIMEOUT NET-TLS NET-404 NET-HTML IDP-SLUG IDP-NOPROV"},
	"F5":  {"the provider configuration is not loaded", "CFG-JSON CFG-QUOTES CFG-YAMLMAP CFG-LIST CFG-APPS CFG-APPSPACE CFG-MODULE CFG-NOAPP CFG-KEY CFG-FILE CFG-PROVID CFG-DUP CFG-SERVERURL CFG-UNKNOWN STALE VER-OLD"},
	"F6":  {"no account, a second one, or another person's", "SIGN-OFF SIGN-CLOSED SIGN-DUPUSER SIGN-EMAILUSED LINK-OTHER LINK-STALESUB LINK-PROVID MAIL-SMTP USER-INACTIVE"},
	"F7":  {"signed in without rights", "AUTHZ-EMPTY AUTHZ-GROUPS AUTHZ-SYNC"},
	"F8":  {"email_verified is false", "MAIL-MANDATORY MAIL-SMTP SEC-EMAILAUTH UI-EVSTRING"},
	"F9":  {"regular login off: API, apps, lock-out", "REG-STILLON REG-API REG-LOCKOUT"},
	"F10": {"signing out and redirects that go round", "OUT-RELOGIN OUT-404 REDIR-LOOP REDIR-OFF"},
	"F11": {"CSRF and client address behind a proxy", "PROXY-CSRF PROXY-ALLOWED PROXY-COOKIE PROXY-IP PROXY-IPHEADER"},
	"F12": {"Remote-User", "RU-OFF RU-NAME RU-BYPASS RU-API RU-RIGHTS RU-RELOGIN"},
	"F13": {"PKCE and state", "CFG-PKCESTR CFG-PKCEPLACE"},
	"F14": {"a callback without its session", "STATE-LOST PROXY-COOKIE"},
}

// TestCatalogue finds what is missing from the lists.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	require.NoError(t, check.Validate(checklist.All()))
	all := troubleshooting.All()
	codes := map[string]bool{}
	explained := map[string]bool{}
	for _, i := range all {
		assert.False(t, codes[i.Code], "%s is a duplicate", i.Code)
		codes[i.Code] = true
		assert.Regexp(t, `^[A-Z]+(-[A-Z0-9]+)?$`, i.Code)
		assert.NotEmpty(t, i.Title, i.Code)
		assert.NotEmpty(t, i.Fix, i.Code)
		assert.NotNil(t, i.Match, i.Code)
		assert.True(t, i.Guide >= 0 && i.Guide <= 5, i.Code)
		require.NotNil(t, i.Breaks, i.Code)
		explained[i.Breaks.ID] = true
		_, excused := unplantable[i.Code]
		assert.Equal(t, i.Plant == nil, excused, "%s: an item is planted, or it stands in unplantable with a reason", i.Code)
		for _, also := range i.Also {
			assert.NotNil(t, troubleshooting.Find(also), "%s also makes %s", i.Code, also)
		}
	}
	assert.GreaterOrEqual(t, len(all), 60)
	for _, code := range strings.Fields(designCodes) {
		assert.True(t, codes[code], "%s of the design is gone", code)
	}
	for class, c := range classes {
		for _, code := range strings.Fields(c.codes) {
			assert.True(t, codes[code], "%s (%s) names %s, which does not exist", class, c.what, code)
		}
	}
	assert.Len(t, classes, 14)
	// Checks of the products' own behaviour, which no configuration breaks.
	products := []string{"pkce-state", "next-redirect", "session-rotated"}
	for _, c := range checklist.All() {
		assert.True(t, explained[c.ID] || slices.Contains(products, c.ID), "no item explains a failure of %s", c.ID)
	}
	for guide := 1; guide <= 5; guide++ {
		assert.True(t, slices.ContainsFunc(all, func(i *troubleshooting.Item) bool { return i.Guide == guide }), "no item of the guide's %d", guide)
	}
}

// TestGuideFirst holds the list for users to the guide's order: its five items
// come before what we add.
func TestGuideFirst(t *testing.T) {
	t.Parallel()
	last := 0
	for _, i := range troubleshooting.ByGuide() {
		at := i.Guide
		if at == 0 {
			at = 6
		}
		assert.GreaterOrEqual(t, at, last, i.Code)
		last = at
	}
	assert.Len(t, troubleshooting.ByGuide(), len(troubleshooting.All()))
}
