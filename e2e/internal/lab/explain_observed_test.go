package lab_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A cause is what the recorder did to the real pair in a row, as the code that a
// diagnosis has to name.
type cause struct {
	code string // with the configuration at hand
	// looked is the code where the pair was only looked at: no configuration, no
	// log; "" where nothing can be said then.
	looked string
	// unseen is why the record cannot show it; then nothing wrong may be named.
	unseen string
}

// causes are by row, then by the check that the row's outcome makes fail or warn.
// What a row set up is in its id, its settings and its changes of authentik.
func causes() map[string]map[string]cause {
	const (
		login, button, trip, first = "login-page", "login-button", "round-trip", "first-login"
		rights, api                = "permissions", "password-api"
	)
	noRights := cause{code: "AUTHZ-EMPTY", looked: "AUTHZ-EMPTY"}
	off := map[string]cause{first: {code: "SIGN-OFF"}} // PAPERLESS_AUTO_CREATE of the guide
	offAnd := func(id string, c cause) map[string]cause { return map[string]cause{first: {code: "SIGN-OFF"}, id: c} }
	return map[string]map[string]cause{
		"00-guide-verbatim":         off,
		"02-auto-signup-true":       {rights: noRights},
		"04-enable-allauth-false":   off,
		"06-claims-none":            off,
		"10-no-apps":                {button: {code: "CFG-APPS"}},
		"11-no-providers":           {button: {code: "CFG-NOAPP"}},
		"12-json-trailing-comma":    {login: {code: "CFG-JSON"}},
		"13-json-unbalanced":        {login: {code: "CFG-JSON"}},
		"14-json-single-quotes":     {login: {code: "CFG-JSON"}},
		"15-empty-apps-list":        {button: {code: "CFG-NOAPP"}},
		"16-apps-typo":              {login: {code: "CFG-MODULE"}},
		"20-redirect-no-slash":      {trip: {code: "RED-SLASH", looked: "RED-UNREGISTERED"}},
		"21-redirect-http":          {trip: {code: "RED-SCHEME", looked: "RED-UNREGISTERED"}},
		"23-redirect-empty":         off,
		"24-provider-id-other":      {trip: {code: "RED-PROVID", looked: "RED-UNREGISTERED"}},
		"25-wrong-slug":             {trip: {code: "IDP-SLUG"}},
		"27-server-url-base":        off,
		"29-server-url-http":        off,
		"30-wrong-secret":           {trip: {code: "TOK-SECRET"}},
		"31-wrong-client-id":        {trip: {code: "IDP-CLIENT", looked: "IDP-CLIENT"}},
		"32-dns":                    {trip: {code: "NET-DNS"}},
		"34-conn-refused":           {trip: {unseen: "the recorder cut the log line before \"Connection refused\""}},
		"35-default-proto-http":     off,
		"36-no-proxy-headers":       off,
		"37-no-url":                 off,
		"39-url-other":              off,
		"40-signups-closed":         {first: {code: "SIGN-CLOSED", looked: "SIGN-CLOSED"}},
		"41-account-signups-closed": off,
		"42-email-taken":            {first: {code: "SIGN-EMAILUSED"}},
		"43-username-taken":         {rights: noRights},
		"44-email-taken-noauto":     off,
		"45-noproxy-no-url":         {trip: {code: "PROXY-CSRF", looked: "PROXY-CSRF"}},
		"46-noproxy-url-other":      {trip: {code: "PROXY-CSRF", looked: "PROXY-CSRF"}},
		"47-noproxy-proto-http":     {trip: {code: "PROXY-PROTO", looked: "PROXY-PROTO"}},
		"49-provider-name-app-typo": {button: {code: "CFG-KEY"}},
		"50-redirect-to-sso":        offAnd("redirect-to-sso", cause{code: "VER-REDIRECT"}),
		"51-disable-regular":        {first: {code: "SIGN-OFF"}, "sso-only": {code: "VER-SSOONLY"}, api: {code: "REG-API"}},
		"52-both":                   offAnd(api, cause{code: "REG-API"}),
		"53-both-noprovider":        {button: {code: "REG-LOCKOUT"}, api: {code: "REG-API"}},
		"60-denied-by-policy":       {trip: {code: "IDP-DENIED", looked: "IDP-DENIED"}},
		"61-ak-inactive":            {trip: {code: "IDP-INACTIVE"}},
		"62-scope-openid-only":      {first: {code: "IDP-NOEMAIL"}, rights: noRights},
		"64-explicit-consent":       off,
		"65-pkce-off":               off,
		"68-sub-email":              off,
		"69-email-verify-mandatory": {rights: noRights},
		"70-remote-user":            off,
		"72-default-groups":         {rights: {code: "AUTHZ-GROUPS", looked: "AUTHZ-EMPTY"}},
		"flow":                      {rights: noRights, api: {code: "REG-API"}, "remote-user": {code: "RU-API"}},
	}
}

// unused are the rows that no diagnosis can be asked about, with the reason.
func unused() map[string]string {
	const form = "nobody asked for automatic sign-up, so the form is no failure"
	return map[string]string{
		"02-auto-signup-true@2.5.0":        "nothing failed: 2.5.0 asks for no permission",
		"01-guide-plus-auto-signup-false":  form,
		"03-no-dead-knobs":                 form,
		"05-auto-create-false":             form,
		"43-username-taken at first-login": "SIGN-DUPUSER: the accounts after the sign-in were not recorded",
		"upgrade":                          "all four upgrades went well: nothing failed",
	}
}

// explained is one outcome of a row and what Explain makes of it.
type explained struct {
	row, check, want, got string
	lookedWant, looked    string
	asked                 bool // whether the check fails too where the pair is looked at only
	unseen                string
}

func (e explained) right() bool { return e.unseen == "" && e.got == e.want }

// codes are the codes of the findings, the first of them first.
func codes(rec evidence.Record, b *deployment.Deployment, o outcome) []string {
	var out []string
	for _, f := range troubleshooting.Explain(rec, b, find(o.check), o.status) {
		out = append(out, f.Code)
	}
	return out
}

func find(id string) *check.Check {
	for _, c := range checklist.All() {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// explainRow asks for the cause of everything that a row's outcome shows.
func explainRow(t *testing.T, r row, harness map[string]string) []explained {
	t.Helper()
	b := bundle(t, r, harness)
	whole := recordOf(r, b)
	wants, out := causes()[r.ID], []explained(nil)
	for _, o := range outcomes(whole, b) {
		want, known := wants[o.check]
		if !assert.True(t, known, "%s: the outcome at %s is not judged: add it to causes", r.name(), o.check) {
			continue
		}
		for i := range b.Authentik.Users { // who signs in is who signed in
			b.Authentik.Users[i].Role = map[bool]string{true: o.check}[b.Authentik.Users[i].Username == r.User]
		}
		rec := seenBy(whole, o.check)
		e := explained{row: r.name(), check: o.check, want: want.code, lookedWant: want.looked, unseen: want.unseen}
		e.got = strings.Join(codes(rec, b, o), " ")
		e.got, _, _ = strings.Cut(e.got, " ")
		bare := rec
		bare.Log, bare.Events, bare.Boot = nil, nil, evidence.Boot{Up: rec.Boot.Up}
		e.asked = slices.Contains(outcomes(whole, lookedAt(whole, b)), o)
		e.looked, _, _ = strings.Cut(strings.Join(codes(bare, lookedAt(whole, b), o), " "), " ")
		out = append(out, e)
	}
	return out
}

const observedPage = "../../../docs/observed.md"

// TestExplainObserved explains what was recorded of the real pair: evidence that
// nobody planted or drew for a test. Each outcome that a diagnosis can see has to
// get the code of what the recorder had set up; the rows that cannot be used are
// named with the reason.
func TestExplainObserved(t *testing.T) {
	t.Parallel()
	all := observed(t)
	rows := slices.Clone(all.Rows)
	for _, f := range all.Flows {
		rows = append(rows, f.rows()...)
	}
	var list []explained
	for _, r := range rows {
		got := explainRow(t, r, all.Harness)
		why, skipped := unused()[r.ID+"@"+r.Paperless]
		if !skipped {
			why, skipped = unused()[r.ID]
		}
		assert.Equal(t, skipped, len(got) == 0, "%s: %s", r.name(), why)
		list = append(list, got...)
	}
	for _, e := range list {
		if e.unseen != "" {
			assert.Empty(t, e.got, "%s at %s: the record does not show it (%s)", e.row, e.check, e.unseen)
		} else {
			assert.Equal(t, e.want, e.got, "%s at %s", e.row, e.check)
			assert.Equal(t, troubleshooting.ObservedPair, troubleshooting.Find(e.want).Basis.Kind, "%s shows %s, its basis says something else", e.row, e.want)
		}
		assert.Equal(t, e.lookedWant, e.looked, "%s at %s, looked at only", e.row, e.check)
	}
	page := observedMarkdown(list, len(all.Rows), len(all.Flows), len(all.Upgrades))
	if *update {
		require.NoError(t, os.WriteFile(observedPage, page, 0o600))
	}
	want, err := os.ReadFile(observedPage)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(page), "run: go test ./e2e/internal/lab -run TestExplainObserved -update")
}

// rows are the sign-ins of a flow whose end was recorded with its evidence.
func (f flow) rows() []row {
	rights := flowRow(f, nil)
	rights.User = "alice"
	rights.Boot.Up = true
	rights.Signed, rights.Final = f.Redirect.Signed.Signed, &f.Redirect.Signed.ending
	off := flowRow(f, map[string]string{deployment.DisableRegularLogin: "true"})
	off.User = "alice"
	off.Boot.Up = true
	off.Password = &passwords{Basic: f.Disabled.Basic}
	if status, ok := f.Disabled.Token[0].(float64); ok {
		off.Password.Token = int(status)
	}
	header := flowRow(f, map[string]string{deployment.RemoteUser: "true"})
	header.User = "alice"
	header.Boot.Up = true
	on, _ := f.Remote["on"].(map[string]any)
	if answer, ok := on["/api/profile/"].([]any); ok {
		header.direct, _ = answer[0].(float64)
	}
	return []row{rights, off, header}
}

func observedMarkdown(list []explained, rows, flows, upgrades int) []byte {
	var out bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	seen, right, looked, silent, wrong := 0, 0, 0, 0, 0
	codes := map[string]bool{}
	for _, e := range list {
		if e.unseen != "" {
			continue
		}
		seen++
		if e.right() {
			right++
		}
		codes[e.want] = true
		switch {
		case !e.asked:
		case e.looked == "":
			silent++
		case e.looked == e.lookedWant:
			looked++
		default:
			wrong++
		}
	}
	p("# Diagnosis of the recorded real pair")
	p("")
	p("Made by `go test ./e2e/internal/lab -run TestExplainObserved -update`; do not edit.")
	p("")
	p("[fixtures/observed.json](../fixtures/observed.json) is what the real products did (%d sign-ins, %d flows, %d upgrades). Each outcome that a check", rows, flows, upgrades)
	p("would judge becomes evidence, with nothing in it that was not recorded, and is explained. The code to be named follows from what the")
	p("recorder had set up. The back channel was not recorded, and the log only in part, so this is less than a run of ssocheck has.")
	p("**The items were written with these recordings in sight**: the figure says that they fit what was seen, not how they do on what was not.")
	p("When this was first asked, four of the recordings got a wrong code (STATE-LOST for a refused client secret on 2.5.0, which logs no reason;")
	p("REG-LOCKOUT twice, for a sign-in page that was authentik's; SIGN-OFF for a server that refuses connections); the items were corrected.")
	p("")
	p("- with the configuration: %d of %d outcomes named right, %d codes", right, seen, len(codes))
	p("- looked at only (no configuration, no log): of %d outcomes that a check judges then %d named right, %d not named, %d named wrong", looked+silent+wrong, looked, silent, wrong)
	p("")
	p("| recording | check | cause | named | looked at only |")
	p("|---|---|---|---|---|")
	dash := func(s string) string {
		if s == "" {
			return "—"
		}
		return s
	}
	for _, e := range list {
		if e.unseen == "" {
			looked := "not judged"
			if e.asked {
				looked = dash(e.looked)
			}
			p("| %s | %s | %s | %s | %s |", e.row, e.check, e.want, dash(e.got), looked)
		}
	}
	p("")
	p("## Not used")
	p("")
	reasons := unused()
	for _, e := range list {
		if e.unseen != "" {
			reasons[e.row] = e.unseen
		}
	}
	ids := make([]string, 0, len(reasons))
	for id := range reasons {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		p("- %s: %s", id, reasons[id])
	}
	p("")
	p("Observed on the real pair, but no outcome above is theirs (what was recorded is only a part of what they look at):")
	p("")
	var rest []string
	for _, i := range troubleshooting.All() {
		if i.Basis.Kind == troubleshooting.ObservedPair && !codes[i.Code] {
			rest = append(rest, i.Code)
		}
	}
	p("%s.", strings.Join(rest, ", "))
	return out.Bytes()
}
