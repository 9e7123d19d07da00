package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

func codes(x *doctor.Examination) []string {
	var out []string
	for _, f := range x.Run.Results[0].Findings {
		out = append(out, f.Code)
	}
	return out
}

func TestRight(t *testing.T) {
	t.Parallel()
	x := examine(t, newEngine(t, running(t, right(t))...))
	assert.Empty(t, codes(x))
	assert.Empty(t, x.Notes)
}

// core are the causes that doctor finds without a browser and without anybody who
// signs in. The others show only while somebody does.
var core = []string{
	"VER-OLD", "CFG-QUOTES", "CFG-YAMLMAP", "CFG-JSON", "CFG-PROXYJSON", "CFG-APPSPACE", "CFG-MODULE", "CFG-SECRETKEY", "CFG-BOOL", "CFG-URLSLASH",
	"CFG-URLSCHEME", "REG-LOCKOUT", "STALE", "CFG-APPS", "CFG-FILE", "CFG-KEY", "CFG-NOAPP", "CFG-LIST", "CFG-PROVID", "CFG-DUP", "CFG-SERVERURL",
	"PROXY-ALLOWED", "PROXY-CSRF", "NET-DNS", "NET-REFUSED", "NET-TIMEOUT", "NET-TLS", "IDP-NOPROV", "IDP-SLUG", "NET-404", "NET-HTML", "IDP-CLIENT", "IDP-GRANT",
	"IDP-DENIED", "PROXY-PROTO", "RED-ESCAPED", "RED-SCHEME", "RED-HOST", "RED-PORT", "RED-PREFIX", "RED-CASE", "RED-PROVID", "RED-SLASH", "RED-PATH",
	"CFG-DOLLAR", "CFG-NEWLINE", "CFG-SECRETQUOTES", "TOK-TYPO", "TOK-SECRET", "TOK-CODE", "IDP-SCOPE", "IDT-JWE", "IDT-ISS", "IDT-AUD", "IDT-EXP",
	"MAIL-MANDATORY", "SIGN-CLOSED", "SIGN-OFF", "IDP-NOEMAIL", "VER-REDIRECT", "REDIR-OFF", "REG-STILLON", "RU-NAME",
}

// TestCore: each cause, made in a pair of two projects on one machine, is found
// first, by doctor without arguments.
func TestCore(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, len(core), 30)
	for _, code := range core {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			i := troubleshooting.Find(code)
			require.NotNil(t, i)
			x := examine(t, newEngine(t, running(t, planted(t, i))...))
			got := codes(x)
			require.NotEmpty(t, got)
			assert.Equal(t, code, got[0])
			assert.Equal(t, runner.Fail, x.Run.Result())
		})
	}
}

// TestRightVersions: a right pair has no cause, on any pair of versions.
func TestRightVersions(t *testing.T) {
	t.Parallel()
	known, err := deployment.KnownVersions()
	require.NoError(t, err)
	for _, p := range known.Paperless {
		for _, a := range known.Authentik {
			if p.Version != known.Paperless[len(known.Paperless)-1].Version && a.Version != "2025.8.1" || !deployment.AtLeast(p.Version, "2.5.0") {
				continue
			}
			t.Run(p.Version+","+a.Version, func(t *testing.T) {
				t.Parallel()
				s, err := deployment.DefaultSpec()
				require.NoError(t, err)
				s.Paperless.Version, s.Authentik.Version = p.Version, a.Version
				x := examine(t, newEngine(t, running(t, deployment.New(s))...))
				assert.Empty(t, codes(x))
				assert.Equal(t, p.Version, x.Run.Paperless.Version)
				assert.Equal(t, a.Version, x.Run.Authentik.Version)
			})
		}
	}
}

// TestNothingSecret: no secret of the pair is in what doctor keeps or prints, and
// none left authentik.
func TestNothingSecret(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"CFG-JSON", "TOK-SECRET", "CFG-DOLLAR", "RED-SLASH", "STALE"} {
		b := planted(t, troubleshooting.Find(code))
		e := newEngine(t, running(t, b)...)
		x := examine(t, e)
		text, err := json.Marshal(report.New(x.Run))
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, report.Doctor(&out, x, report.TextOptions{Verbose: true}))
		words := b.Words()
		for _, secret := range append(b.Secrets(), "authentik-secret-key-0123456789") {
			if words.Has(secret) {
				continue
			}
			assert.NotContains(t, string(text), secret, code)
			assert.NotContains(t, out.String(), secret, code)
		}
		for _, ran := range e.execs {
			for _, secret := range b.Secrets() {
				if !words.Has(secret) {
					assert.NotContains(t, strings.Join(ran.cmd, " ")+ran.env["SSOCHECK_ASK"], secret, code)
				}
			}
		}
	}
}

// TestSeveral: what cannot be told is asked for, by the names to give.
func TestSeveral(t *testing.T) {
	t.Parallel()
	all := running(t, right(t))
	other := *all[1]
	other.ID, other.Name, other.Labels = "6666666666", "test-webserver-1", map[string]string{"com.docker.compose.project": "test", "com.docker.compose.service": "webserver"}
	e := newEngine(t, append(all, &other)...)
	_, err := doctor.Examine(t.Context(), doctor.Options{Engine: e.URL})
	require.ErrorIs(t, err, doctor.ErrPair)
	require.ErrorContains(t, err, "docs-webserver-1")
	require.ErrorContains(t, err, "test-webserver-1")
	require.ErrorContains(t, err, "--paperless NAME")
	x := examine(t, e, func(o *doctor.Options) { o.Paperless = "docs-webserver-1" })
	assert.Equal(t, "docs-webserver-1", x.Paperless.Name)
	_, err = doctor.Examine(t.Context(), doctor.Options{Engine: e.URL, Paperless: "nobody"})
	require.ErrorIs(t, err, doctor.ErrPair)

	_, err = doctor.Examine(t.Context(), doctor.Options{Engine: newEngine(t, all[0]).URL})
	require.ErrorIs(t, err, doctor.ErrPair)
	assert.ErrorContains(t, err, "--target external")
}

// TestAuthentikElsewhere: a pair of which only Paperless runs here.
func TestAuthentikElsewhere(t *testing.T) {
	t.Parallel()
	all := running(t, right(t))
	x := examine(t, newEngine(t, all[:2]...))
	assert.Empty(t, codes(x), "what was not seen is not wrong")
	assert.Contains(t, strings.Join(x.Notes, "\n"), "no container of authentik is on this engine")
	assert.Equal(t, runner.Error, x.Run.Result(), "it was not seen in order either")
	assert.Equal(t, []string{"authentik's side is not known"}, x.Unread)
}

// TestText: the cause stands on the first line, then the proof, the edit, the
// command, and the way in.
func TestText(t *testing.T) {
	t.Parallel()
	x := examine(t, newEngine(t, running(t, planted(t, troubleshooting.Find("SIGN-OFF")))...))
	var out bytes.Buffer
	require.NoError(t, report.Doctor(&out, x, report.TextOptions{}))
	lines := strings.Split(out.String(), "\n")
	assert.Contains(t, lines[0], "SIGN-OFF")
	at := 0
	for _, want := range []string{"compose.yaml:", "fix  ", "apply", "up -d webserver", "get in", "/accounts/login/", "changepassword USER", "docs-webserver-1", "idp-server-1"} {
		i := strings.Index(out.String()[at:], want)
		require.GreaterOrEqual(t, i, 0, "%s comes later, or not at all:\n%s", want, out.String())
		at += i
	}
}

// planted is a right deployment of versions where the cause can happen, with it.
func planted(t *testing.T, i *troubleshooting.Item) *deployment.Deployment {
	t.Helper()
	for _, v := range [][2]string{{"2.20.15", "2025.8.1"}, {"3.0.5", "2026.5.8"}, {"2.6.3", "2025.8.1"}, {"2.13.5", "2025.8.1"}} {
		s, err := deployment.DefaultSpec()
		require.NoError(t, err)
		s.Paperless.Version, s.Authentik.Version = v[0], v[1]
		b := deployment.New(s)
		if i.Code == "VER-OLD" || i.Happens(b) {
			i.Plant(b)
			return b
		}
	}
	t.Fatalf("%s happens nowhere", i.Code)
	return nil
}

// TestUndecided: what no item explains is no pass, and says what to look at next.
func TestUndecided(t *testing.T) {
	t.Parallel()
	all := running(t, right(t))
	ask := all[1].exec
	all[1].exec = func(ctx context.Context, cmd []string, env map[string]string) string {
		return strings.ReplaceAll(ask(ctx, cmd, env), `"discovery":{"status":200`, `"discovery":{"status":502`)
	}
	x := examine(t, newEngine(t, all...))
	assert.Empty(t, codes(x))
	assert.Equal(t, runner.Fail, x.Run.Result())
	rep := report.New(x.Run)
	require.NotNil(t, rep.Checks[0].Left)
	assert.Contains(t, rep.Checks[0].Left.Seen, "discovery document")
	var out bytes.Buffer
	require.NoError(t, report.Doctor(&out, x, report.TextOptions{}))
	assert.Contains(t, out.String(), "next")
	// The page for a browser says the same.
	var page bytes.Buffer
	require.NoError(t, rep.HTML(&page))
	assert.Contains(t, page.String(), "It is not decided: ")
	assert.Contains(t, page.String(), `<span class="code">NET-404</span>`)
	assert.Contains(t, page.String(), "<strong>Next</strong>")
	assert.NotContains(t, page.String(), "No known cause fits")
}

// TestSeveralCauses: where several causes are found, both faces say which is first, and
// what then remains.
func TestSeveralCauses(t *testing.T) {
	t.Parallel()
	b := planted(t, troubleshooting.Find("RED-SLASH"))
	troubleshooting.Find("TOK-SECRET").Plant(b)
	x := examine(t, newEngine(t, running(t, b)...))
	require.Equal(t, []string{"RED-SLASH", "TOK-SECRET"}, codes(x))
	rep := report.New(x.Run)
	require.NotNil(t, rep.Checks[0].Left)
	var out, page bytes.Buffer
	require.NoError(t, report.Doctor(&out, x, report.TextOptions{}))
	require.NoError(t, rep.HTML(&page))
	for _, text := range []string{out.String(), page.String()} {
		assert.Contains(t, text, "correct RED-SLASH, then look again")
	}
	assert.Contains(t, out.String(), "also: TOK-SECRET")
}

// TestYesterday: a log that tells of refused sign-ins is no verdict where both sides
// agree now, and is not kept quiet.
func TestYesterday(t *testing.T) {
	t.Parallel()
	all := running(t, right(t))
	all[2].Log = append(all[2].Log, `{"event": "Invalid client secret", "level": "warning", "logger": "authentik.providers.oauth2.views.token", "client_id": "paperless-client"}`)
	x := examine(t, newEngine(t, all...))
	assert.Empty(t, codes(x))
	assert.Equal(t, runner.Pass, x.Run.Result())
	var out bytes.Buffer
	require.NoError(t, report.Doctor(&out, x, report.TextOptions{}))
	assert.Contains(t, out.String(), "authentik logged that it refused a sign-in")
	assert.Contains(t, out.String(), "sign in once more")
}

// TestLogged: what the products logged since the start is a part of the proof.
func TestLogged(t *testing.T) {
	t.Parallel()
	all := running(t, planted(t, troubleshooting.Find("RED-SLASH")))
	line := `{"cause": "redirect_uri_no_match", "event": "The request fails due to a missing, invalid, or mismatching redirection URI (redirect_uri).", "level": "warning", "logger": "authentik.providers.oauth2.views.authorize"}`
	all[2].Log = append(all[2].Log, line, line)
	x := examine(t, newEngine(t, all...))
	f := x.Run.Results[0].Findings[0]
	assert.Equal(t, "RED-SLASH", f.Code)
	assert.Contains(t, strings.Join(f.Because, "\n"), `authentik logged "redirect_uri_no_match" 2 times since it started`)
}

// TestDiagnoseAgain: a report of doctor explains itself again elsewhere.
func TestDiagnoseAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"CFG-JSON", "RED-SLASH", "TOK-TYPO", "SIGN-OFF", "STALE", "NET-TIMEOUT", "IDP-SLUG"} {
		x := examine(t, newEngine(t, running(t, planted(t, troubleshooting.Find(code)))...))
		rep := report.New(x.Run)
		again := report.Diagnose(rep)
		require.Len(t, again, 1, code)
		require.NotEmpty(t, again[0].Findings, code)
		assert.Equal(t, code, again[0].Findings[0].Code)
	}
}
