package report

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// The checks of the samples: the words of the real ones, so that goldens read
// like real reports.
func sampleChecks() []*check.Check {
	return []*check.Check{
		{ID: "login-page", Title: "The sign-in page opens", Guide: "checklist 1", Doc: "Paperless starts with this configuration and serves its sign-in page."},
		{ID: "login-button", Title: "The sign-in page shows the authentik button", Guide: "checklist 2", Doc: "The provider app is loaded and has a usable entry."},
		{ID: "round-trip", Title: "Signing in with authentik lands in Paperless as that person", Guide: "checklist 3", Doc: "Redirect, code, token and profile work; /api/profile/ names the user."},
		{ID: "first-login", Title: "A user who was never seen before gets an account", Guide: "checklist 4", Doc: "The first sign-in does what the configuration asks for."},
		{ID: "linking", Title: "A local account can be linked, and SSO then opens the same account", Guide: "checklist 4", Doc: "No second account is made."},
		{ID: "redirect-to-sso", Title: "One click: the sign-in page goes straight to authentik", Guide: "troubleshooting 5", Doc: "PAPERLESS_REDIRECT_LOGIN_TO_SSO works and does not loop."},
		{ID: "sso-only", Title: "Without the local form users still get in", Guide: "troubleshooting 5", Doc: "Nobody is locked out."},
		{ID: "permissions", Title: "A new user may use the application", Doc: "Paperless shows its documents, not an error."},
	}
}

const (
	samplePaperless = "https://paperless.example.com"
	sampleAuthentik = "https://authentik.example.com"
	sampleCallback  = samplePaperless + "/accounts/oidc/authentik/login/callback/"
	sampleAuthorize = sampleAuthentik + "/application/o/authorize/?client_id=paperless-client&redirect_uri=https%3A%2F%2Fpaperless.example.com%2Faccounts%2Foidc%2Fauthentik%2Flogin%2Fcallback%2F&scope=openid+email+profile&response_type=code&state=…1c44a0&code_challenge_method=S256&code_challenge=…77be02"
)

func sampleBundle(tb testing.TB) *deployment.Deployment {
	tb.Helper()
	b, err := deployment.Default()
	require.NoError(tb, err)
	b.Origins = map[string]deployment.Origin{
		"PAPERLESS_URL":                {File: "compose.yaml", Line: 9, Column: 7},
		"PAPERLESS_APPS":               {File: "compose.yaml", Line: 11, Column: 7},
		deployment.ProvidersKey:        {File: "compose.yaml", Line: 12, Column: 7},
		"PAPERLESS_SOCIAL_AUTO_SIGNUP": {File: ".env", Line: 3, Column: 1},
	}
	b.Added = []string{"authentik user alice (round-trip)", "REQUESTS_CA_BUNDLE=/ca.crt: the lab's own certificate authority"}
	return b
}

func sampleRun(tb testing.TB) *runner.Run {
	tb.Helper()
	b := sampleBundle(tb)
	return &runner.Run{
		Started: time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC), Seconds: 7.412, Tool: "0.1.0", Kind: "lab",
		Paperless: evidence.Product{Version: "2.20.15", URL: samplePaperless},
		Authentik: evidence.Product{Version: "2025.8.1", URL: sampleAuthentik},
		Bundle:    b, Redactor: evidence.NewRedactor(b.Secrets()...),
	}
}

func result(c *check.Check, b *deployment.Deployment, s check.Status, seconds float64, message string) runner.Result {
	return runner.Result{Result: check.Result{
		Check: c, Variant: check.AsConfigured, Status: s, Seconds: seconds, Message: message, Bundle: b,
		Record: evidence.Record{
			Check: c.ID, Variant: check.AsConfigured, Boot: evidence.Boot{Up: true, Seconds: 0.02},
			Paperless: evidence.Product{Version: "2.20.15", URL: samplePaperless}, Authentik: evidence.Product{Version: "2025.8.1", URL: sampleAuthentik},
		},
	}}
}

// passingRun is the default deployment: everything passes, one warning.
func passingRun(tb testing.TB) *runner.Run {
	tb.Helper()
	r := sampleRun(tb)
	for i, c := range sampleChecks() {
		r.Results = append(r.Results, result(c, r.Bundle, check.Passed, 0.31+float64(i)*0.17, "as it should be"))
	}
	trip := &r.Results[2]
	trip.Message = "alice@example.com is signed in"
	trip.Record.Exchange = tripExchanges()
	trip.Record.Hops = hopsOf(trip.Record.Exchange)
	withSteps(tb, trip, "open the sign-in page", "press the SSO button", "type the user name", "type the password", "arrive in Paperless")
	redirect := &r.Results[5]
	redirect.Variant, redirect.Record.Variant = "redirect-on", "redirect-on"
	redirect.Bundle = r.Bundle.Clone()
	redirect.Bundle.Paperless.Env["PAPERLESS_REDIRECT_LOGIN_TO_SSO"] = "true"
	last := &r.Results[len(r.Results)-1]
	last.Status, last.Message = check.Warned, "signed in, but without any permission: every page shows an error"
	last.Findings = []troubleshooting.Finding{{
		Code: "AUTHZ-EMPTY", Title: "Signed in, but without any permission",
		Because: []string{"asked: GET /api/ui_settings/", "expected: 200", "seen: 403"},
		Fix:     "Give new accounts a group with permissions:\n+ PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS=users",
	}}
	last.Record.Signed = &evidence.Session{Profile: 200, UISettings: 403, Email: "ivan@example.com"}
	return r
}

// slashRun is RED-SLASH: registered without the last slash.
func slashRun(tb testing.TB) *runner.Run {
	tb.Helper()
	r := sampleRun(tb)
	r.Bundle.EditProvider(func(p *deployment.OAuth2Provider) {
		p.RedirectURIs[0].URL = sampleCallback[:len(sampleCallback)-1]
	})
	r.Seconds = 3.204
	for i, c := range sampleChecks() {
		switch {
		case i < 2:
			r.Results = append(r.Results, result(c, r.Bundle, check.Passed, 0.2+0.1*float64(i), "HTTP 200"))
		case i == 2:
			r.Results = append(r.Results, slashResult(tb, c, r.Bundle))
		default:
			r.Results = append(r.Results, result(c, r.Bundle, check.Skipped, 0, "needs round-trip, which failed"))
		}
	}
	r.Lint = []source.Diagnostic{{
		Code: "RED-SLASH", Level: source.Error, File: "blueprint.yaml", Line: 14, Column: 16, Width: 71, Setting: "redirect_uris",
		Message: "The registered redirect URI lacks the last slash that Paperless sends.",
		Source:  "          url: https://paperless.example.com/accounts/oidc/authentik/login/callback",
		Fix:     "          url: " + sampleCallback,
		Edit:    edit(tb, "blueprint.yaml", 14, "          url: "+sampleCallback),
	}, {
		Code: "CFG-UNKNOWN", Level: source.Warning, File: "compose.yaml", Line: 23, Column: 7, Width: 21, Setting: "PAPERLESS_AUTO_CREATE",
		Message: "Paperless-ngx 2.20.15 never reads PAPERLESS_AUTO_CREATE.",
		Source:  "      PAPERLESS_AUTO_CREATE: true   # create Paperless user on first SSO login",
		Fix:     `Write PAPERLESS_SOCIAL_AUTO_SIGNUP: "true" in its place.`,
		Edit:    edit(tb, "compose.yaml", 23, `      PAPERLESS_SOCIAL_AUTO_SIGNUP: "true"`),
	}, {
		Code: "REG-API", Level: source.Info, File: "compose.yaml", Message: "Passwords still work at /api/token/.",
	}}
	return r
}

// edit is one that lint made: how it is printed comes with it.
func edit(tb testing.TB, file string, line int, text string) *source.Edit {
	tb.Helper()
	plain, err := json.Marshal(map[string]any{"file": file, "from": line, "to": line, "text": text})
	require.NoError(tb, err)
	var e source.Edit
	require.NoError(tb, json.Unmarshal(plain, &e))
	return &e
}

func slashResult(tb testing.TB, c *check.Check, b *deployment.Deployment) runner.Result {
	tb.Helper()
	res := result(c, b, check.Failed, 1.284, "authentik refused the sign-in: Redirect URI Error")
	res.Findings = []troubleshooting.Finding{{
		Code: "RED-SLASH", Guide: 3, Title: "The registered redirect URI differs by its last slash",
		Because: []string{
			"registered: " + sampleCallback[:len(sampleCallback)-1],
			"sent: " + sampleCallback,
			"authentik answered: 400 “Redirect URI Error” on /application/o/authorize/",
		},
		Fix: "In authentik, open Applications → Providers → paperless → Edit and set the strict redirect URI to:\n" +
			"- " + sampleCallback[:len(sampleCallback)-1] + "\n+ " + sampleCallback,
	}, {
		Code: "RED-PATH", Guide: 3, Title: "The registered redirect URI has another path",
		Because: []string{"registered: " + sampleCallback[:len(sampleCallback)-1]}, Fix: "Register " + sampleCallback,
	}}
	all := tripExchanges()
	res.Record.Exchange = append(all[:4:4], all[4])
	last := &res.Record.Exchange[4]
	last.Status, last.Location, last.Type = 400, "", "text/html"
	res.Record.Hops = hopsOf(res.Record.Exchange)
	res.Record.SignIn = &evidence.Page{URL: samplePaperless + "/accounts/login/", Status: 200, Title: "Paperless-ngx sign in", Text: "Please sign in. Username Password Sign in or sign in via SSO", LocalForm: true}
	res.Record.Final = &evidence.Page{URL: sampleAuthorize, Status: 400, Title: "authentik", Text: "Redirect URI Error The request fails due to a missing, invalid, or mismatching redirection URI (redirect_uri). Go home Powered by authentik"}
	res.Record.Console = []evidence.Line{{Source: "console", Text: "error: Failed to load resource: the server responded with a status of 400 ()"}}
	res.Record.Cookies = []evidence.Cookie{
		{Name: "sessionid", Domain: "paperless.example.com", Path: "/", Secure: true, HTTPOnly: true, SameSite: "Lax", Print: "…0a11ce"},
		{Name: "csrftoken", Domain: "paperless.example.com", Path: "/", Secure: true, SameSite: "Lax", Print: "…c5f001"},
	}
	at := time.Date(2026, 11, 24, 9, 30, 1, 120e6, time.UTC)
	res.Record.Log = []evidence.Line{
		{Source: "paperless", Time: at, Text: "[2026-11-24 09:30:01,120] [DEBUG] [paperless.auth] sign-in page"},
		{Source: "authentik", Time: at.Add(300 * time.Millisecond), Text: `{"event": "Invalid redirect uri (strict comparison)", "level": "warning", "expected": ["` + sampleCallback[:len(sampleCallback)-1] + `"], "redirect_uri": "` + sampleCallback + `"}`},
		{Source: "authentik", Time: at.Add(301 * time.Millisecond), Text: `{"event": "/application/o/authorize/", "status": 400, "level": "info"}`},
	}
	res.Record.Probes = []evidence.Probe{{Name: "profile", Method: "GET", URL: samplePaperless + "/api/profile/", Status: 401}}
	res.DOM = "<!doctype html><title>authentik</title><p>Redirect URI Error</p>"
	withSteps(tb, &res, "open the sign-in page", "press the SSO button")
	res.Screenshot = signInPage(tb, color.RGBA{0x2b, 0x2f, 0x3a, 255}, image.Rectangle{})
	return res
}

// bootRun is a Paperless that does not start: JSON with a trailing comma.
func bootRun(tb testing.TB) *runner.Run {
	tb.Helper()
	r := sampleRun(tb)
	r.Bundle.Paperless.Env[deployment.ProvidersKey] = `{"openid_connect": {"APPS": [{"provider_id": "authentik", "name": "SSO", "client_id": "paperless-client", "secret": "paperless-client-secret-0123456789",}]}}`
	exit := 1
	for i, c := range sampleChecks() {
		res := result(c, r.Bundle, check.Skipped, 0, "needs login-page, which failed")
		if i == 0 {
			res = result(c, r.Bundle, check.Failed, 0.02, "Paperless stopped with exit code 1: json.decoder.JSONDecodeError: Illegal trailing comma before end of object: line 1 column 133 (char 132)")
			res.Record.Boot = evidence.Boot{Exit: &exit, Seconds: 4.2, Log: []string{
				"[init-migrations] Apply database migrations...",
				"json.decoder.JSONDecodeError: Illegal trailing comma before end of object: line 1 column 133 (char 132)",
				"s6-rc: warning: unable to start service init-migrations: command exited 1",
				"prog: fatal: stopping the container.",
			}}
			res.Findings = []troubleshooting.Finding{{
				Code: "CFG-JSON", Guide: 1, Title: "PAPERLESS_SOCIALACCOUNT_PROVIDERS is not JSON, and Paperless does not start",
				Because: []string{"the log says: json.decoder.JSONDecodeError: Illegal trailing comma before end of object: line 1 column 133 (char 132)", "Paperless stopped with exit code 1."},
				Fix:     "Remove the comma at character 132 of the value.",
			}}
		}
		r.Results = append(r.Results, res)
	}
	r.Seconds = 0.61
	return r
}

// errorRun is a tester that could not do its work.
func errorRun(tb testing.TB) *runner.Run {
	tb.Helper()
	r := sampleRun(tb)
	r.Error = "no browser: install one with: apt-get install chromium"
	c := sampleChecks()[0]
	r.Results = []runner.Result{result(c, r.Bundle, check.Errored, 0.1, "the browser ended while the sign-in page was opened")}
	r.Seconds = 0.1
	return r
}

// upgradeRun is an upgrade after which Paperless does not start.
func upgradeRun(tb testing.TB) *runner.Run {
	tb.Helper()
	r := bootRun(tb)
	r.Paperless.Version, r.Authentik.Version = "3.0.5", "2025.10.0"
	r.Bundle.Paperless.Version, r.Bundle.Authentik.Version = "3.0.5", "2025.10.0"
	first := &r.Results[0]
	first.Message = "Paperless stopped by itself with exit code 1: PAPERLESS_SECRET_KEY is not set or is the default 'change-me' value"
	first.Record.Boot.Log = []string{"django.core.exceptions.ImproperlyConfigured: PAPERLESS_SECRET_KEY is not set or is the default 'change-me' value", "prog: fatal: stopping the container."}
	first.Findings = []troubleshooting.Finding{{
		Code: "CFG-SECRETKEY", Title: "PAPERLESS_SECRET_KEY is missing: Paperless-ngx 3 does not start", Hazard: "H04",
		Because: []string{"expected: PAPERLESS_SECRET_KEY is set to a value of your own", "seen: PAPERLESS_SECRET_KEY is not set"},
		Fix:     "Set PAPERLESS_SECRET_KEY to a long random text and keep it.",
	}}
	last := &r.Results[len(r.Results)-1]
	*last = result(last.Check, r.Bundle, check.Warned, 0.1, "signed in, but without any permission")
	r.Hazards = []deployment.Hazard{{
		ID: "H04", Product: "paperless", At: "3.0.0", Title: "PAPERLESS_SECRET_KEY is required", Severity: "high", Hits: true,
		Because: []string{"PAPERLESS_SECRET_KEY is not set"}, Symptom: "The container exits.", Check: "Set it; another value than the old one signs everybody out.", Codes: []string{"CFG-SECRETKEY"}, Source: "observed",
	}, {
		ID: "H03", Product: "paperless", At: "3.0.0", Fixed: "3.0.9", Title: "The client secret is sent in the body of the token request", Severity: "medium",
		Because: []string{"settings.token_auth_method is not set"}, Symptom: "invalid_client at the callback.", Check: "authentik takes both.", Codes: []string{"TOK-METHOD"}, Source: "observed",
	}}
	r.Upgrade = &runner.Upgrade{
		From: "2.18.4,2025.8.1", To: "3.0.5,2025.10.0", Step: deployment.StepBoth, Forecast: true, Regressed: []string{"login-page"},
		Stages: []runner.Stage{{Versions: "2.20.15,2025.8.1", Why: "Paperless-ngx 3 takes databases of 2.20 only"}, {Versions: "3.0.5,2025.10.0"}},
		Before: map[string]check.Status{},
	}
	for _, c := range sampleChecks() {
		r.Upgrade.Before[c.ID] = check.Passed
	}
	return r
}

// bigRun is 16 checks on four variants each, with every status.
func bigRun(tb testing.TB) *runner.Run {
	tb.Helper()
	r := slashRun(tb)
	r.Hazards = []deployment.Hazard{{ID: "H01", Title: "The ID token is validated for the first time (since 2.20.0)", Severity: "high", Symptom: "The callback shows the sign-in error page.", Check: "No encryption key on the provider.", Codes: []string{"IDT-JWE", "IDT-ISS"}, Source: "observed"}}
	base := sampleChecks()
	r.Results = nil
	failed := slashResult(tb, base[2], r.Bundle)
	statuses := []check.Status{check.Passed, check.Passed, check.Failed, check.Skipped, check.Warned, check.Errored}
	for i := range 16 {
		for j, variant := range []string{check.AsConfigured, "redirect-on", "auto-signup-off", "sso-only"} {
			c := *base[i%len(base)]
			if i >= len(base) {
				c.ID += "-again"
			}
			res := result(&c, r.Bundle, statuses[(i+j)%len(statuses)], 0.4, "this is what was seen")
			if res.Status == check.Failed {
				res = failed // its pictures are the same
				res.Check = &c
			}
			res.Variant = variant
			r.Results = append(r.Results, res)
		}
	}
	return r
}

// tripExchanges is the whole round trip as the edge sees it.
func tripExchanges() []evidence.Exchange {
	const flow = sampleAuthentik + "/if/flow/default-authentication-flow/?next=%2Fapplication%2Fo%2Fauthorize%2F"
	const executor = sampleAuthentik + "/api/v3/flows/executor/default-authentication-flow/?query=next%3D%252Fapplication"
	wellKnown := evidence.Exchange{
		Channel: evidence.Back, To: "authentik", Method: "GET", URL: sampleAuthentik + "/application/o/paperless/.well-known/openid-configuration", Status: 200, Type: "application/json",
		Body: map[string]any{"issuer": sampleAuthentik + "/application/o/paperless/", "token_endpoint": sampleAuthentik + "/application/o/token/"},
	}
	xs := []evidence.Exchange{
		{Channel: evidence.Front, To: "paperless", Method: "GET", URL: samplePaperless + "/accounts/login/", Status: 200, Type: "text/html", SetCookies: []string{"csrftoken"}},
		{Channel: evidence.Front, To: "paperless", Method: "GET", URL: samplePaperless + "/static/base.css", Status: 200, Type: "text/css"},
		{Channel: evidence.Front, To: "paperless", Method: "POST", URL: samplePaperless + "/accounts/oidc/authentik/login/?process=", Status: 302, Location: sampleAuthorize, Form: map[string]string{"csrfmiddlewaretoken": "…5cf1aa"}, SetCookies: []string{"sessionid"}, Seconds: 0.13},
		wellKnown,
		{Channel: evidence.Front, To: "authentik", Method: "GET", URL: sampleAuthorize, Status: 302, Location: "/flows/-/default/authentication/?next=%2Fapplication%2Fo%2Fauthorize%2F"},
		{Channel: evidence.Front, To: "authentik", Method: "GET", URL: flow, Status: 200, Type: "text/html"},
		{Channel: evidence.Front, To: "authentik", Method: "GET", URL: executor, Status: 200, Type: "application/json"},
		{Channel: evidence.Front, To: "authentik", Method: "POST", URL: executor, Status: 302, Location: executor},
		{Channel: evidence.Front, To: "authentik", Method: "POST", URL: executor, Status: 302, Location: executor},
		{Channel: evidence.Front, To: "authentik", Method: "GET", URL: sampleAuthorize, Status: 302, Location: sampleCallback + "?code=…9d20e7&state=…1c44a0"},
		{Channel: evidence.Front, To: "paperless", Method: "GET", URL: sampleCallback + "?code=…9d20e7&state=…1c44a0", Status: 302, Location: "/", Seconds: 0.35},
		wellKnown,
		{
			Channel: evidence.Back, To: "authentik", Method: "POST", URL: sampleAuthentik + "/application/o/token/", Status: 200, Type: "application/json", Auth: "client_secret_basic",
			Form:    map[string]string{"grant_type": "authorization_code", "code": "…9d20e7", "code_verifier": "…ab34cd", "redirect_uri": sampleCallback},
			Body:    map[string]any{"access_token": "…aa11bb", "id_token": "…cc22dd", "token_type": "Bearer", "expires_in": 300.0},
			IDToken: &evidence.IDToken{Form: "JWS", Alg: "RS256", Issuer: sampleAuthentik + "/application/o/paperless/", Audience: []string{"paperless-client"}, Subject: "…5ab1ee", Issued: 1795513801, Expires: 1795514101, Claims: []string{"iss", "sub", "aud", "exp", "iat", "email"}},
		},
		{Channel: evidence.Back, To: "authentik", Method: "GET", URL: sampleAuthentik + "/application/o/userinfo/", Status: 200, Type: "application/json", Auth: "Bearer", Body: map[string]any{"email": "alice@example.com", "preferred_username": "alice"}},
		{Channel: evidence.Front, To: "paperless", Method: "GET", URL: samplePaperless + "/dashboard", Status: 200, Type: "text/html"},
	}
	for i := range xs {
		xs[i].Seq, xs[i].At = i+1, 0.4+0.11*float64(i)
		if xs[i].Seconds == 0 {
			xs[i].Seconds = 0.012
		}
	}
	return target.Stamped(xs)
}

func hopsOf(xs []evidence.Exchange) []evidence.Hop {
	var hops []evidence.Hop
	for _, x := range xs {
		if x.Channel == evidence.Front && x.Type != "text/css" {
			hops = append(hops, evidence.Hop{Method: x.Method, URL: x.URL, Status: x.Status, Location: x.Location})
		}
	}
	return hops
}

func withSteps(tb testing.TB, res *runner.Result, names ...string) {
	tb.Helper()
	res.Shots = map[string][]byte{}
	for i, name := range names {
		file := fileName(name) + ".png"
		rect := image.Rect(490, 260+50*(i%3), 790, 300+50*(i%3))
		res.Shots[file] = signInPage(tb, color.RGBA{0xf4, 0xf5, 0xf7, 255}, rect)
		res.Record.Steps = append(res.Record.Steps, evidence.Step{
			Name: name, At: 0.2 * float64(i), Seconds: 0.05 + 0.07*float64(i), Screenshot: file,
			Rect: []float64{float64(rect.Min.X), float64(rect.Min.Y), float64(rect.Dx()), float64(rect.Dy())},
		})
	}
	if res.Status == check.Failed {
		res.Record.Steps[len(names)-1].Error = "no result within 5s"
	}
}

// signInPage draws something like a sign-in page, 1280 by 900 as the browser's window.
// It has a palette, since encoding full colours is most of the time of the tests
// under the race detector.
func signInPage(tb testing.TB, background color.Color, button image.Rectangle) []byte {
	tb.Helper()
	img := image.NewPaletted(image.Rect(0, 0, 1280, 900), color.Palette{
		background, color.White, color.RGBA{0xe3, 0xe6, 0xea, 255}, color.RGBA{0x17, 0x54, 0x1f, 255},
	})
	fill := func(r image.Rectangle, index byte) {
		row := bytes.Repeat([]byte{index}, r.Dx())
		for y := r.Min.Y; y < r.Max.Y; y++ {
			copy(img.Pix[img.PixOffset(r.Min.X, y):], row)
		}
	}
	fill(image.Rect(440, 180, 840, 560), 1)
	for i := range 3 {
		fill(image.Rect(490, 260+50*i, 790, 300+50*i), 2)
	}
	fill(button, 3)
	var buf bytes.Buffer
	require.NoError(tb, (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&buf, img))
	return buf.Bytes()
}
