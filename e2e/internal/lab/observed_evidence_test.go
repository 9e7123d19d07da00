package lab_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// An outcome is what one check of ours would have said of a row.
type outcome struct {
	check  string
	status check.Status
}

// outcomes are what the checklist would have said of what was recorded, by the
// rules of the checks. One row can have several: a sign-in page that stays, then
// a sign-up form.
func outcomes(rec evidence.Record, b *deployment.Deployment) []outcome {
	var out []outcome
	add := func(id string, status check.Status) { out = append(out, outcome{id, status}) }
	page, final := rec.SignIn, rec.Final
	_, auto := b.Intends(deployment.AutoSignup)
	switch {
	case !rec.Boot.Up:
		return []outcome{{"login-page", check.Failed}}
	case page != nil && strings.HasPrefix(page.URL, b.Paperless.URL) && len(page.Forms) == 0:
		add("login-button", check.Failed)
	case final == nil:
	case !strings.HasPrefix(final.URL, b.Paperless.URL), final.Status >= 400, strings.Contains(final.Text, "An error occurred while attempting"):
		add("round-trip", check.Failed)
	case auto && (strings.Contains(final.Text, "As a final step") || final.Title == "Sign Up Closed"), rec.Signed.SignedIn() && rec.Signed.Email == "":
		add("first-login", check.Failed)
	}
	if rec.Signed.SignedIn() && rec.Signed.UISettings == 403 {
		add("permissions", check.Warned)
	}
	onPaperless := page != nil && strings.HasPrefix(page.URL, b.Paperless.URL)
	if by, wanted := b.Intends(deployment.RedirectToSSO); wanted && by != "" && onPaperless && len(page.Forms) > 0 {
		add("redirect-to-sso", check.Failed)
	}
	if _, wanted := b.Intends(deployment.DisableRegularLogin); wanted {
		if onPaperless && page.LocalForm {
			add("sso-only", check.Failed)
		} else if slices.ContainsFunc(rec.Probes, func(p evidence.Probe) bool { return p.Status == 200 }) {
			add("password-api", check.Warned)
		}
	}
	if slices.ContainsFunc(rec.Probes, func(p evidence.Probe) bool { return strings.HasPrefix(p.Name, "Remote-User") && p.Status == 401 }) {
		add("remote-user", check.Warned)
	}
	return out
}

// recordOf is a row as the evidence of a check: what the recorder kept, and
// nothing that it did not.
func recordOf(r row, b *deployment.Deployment) evidence.Record {
	rec := evidence.Record{
		Paperless: evidence.Product{Version: r.Paperless, URL: b.Paperless.URL},
		Authentik: evidence.Product{Version: r.Authentik, URL: b.Authentik.URL},
		Boot:      evidence.Boot{Up: r.Boot.Up, Exit: r.Boot.Exit, Log: r.Boot.Log},
		Events:    r.Events,
	}
	for _, line := range r.Log {
		rec.Log = append(rec.Log, evidence.Line{Source: "paperless", Text: line})
	}
	for _, h := range r.Hops {
		out := evidence.Hop{Method: h.Method, URL: h.URL.full(), Status: h.Status}
		if h.Location != nil {
			out.Location = h.Location.full()
		}
		rec.Hops = append(rec.Hops, out)
	}
	if s := r.SignIn; s != nil {
		rec.SignIn = &evidence.Page{URL: s.URL.full(), Status: s.Status, Title: s.Title, Text: s.Text, LocalForm: s.Local}
		for _, f := range s.Forms {
			rec.SignIn.Forms = append(rec.SignIn.Forms, evidence.Form{Method: f.Method, Action: f.Action, Buttons: f.Button})
		}
	}
	if f := r.Final; f != nil {
		rec.Final = &evidence.Page{URL: f.URL.full(), Title: f.Title, Text: f.Text, Stages: r.stage()}
		if n := len(rec.Hops); n > 0 {
			rec.Final.Status = rec.Hops[n-1].Status
		}
	}
	if r.Signed != nil {
		rec.Signed = &evidence.Session{Profile: r.Signed.Profile, UISettings: r.Signed.UISettings, Social: r.Signed.Social, UsablePassword: r.Signed.UsablePW}
		for to, from := range map[*string]*string{&rec.Signed.Email: r.Signed.Email, &rec.Signed.FirstName: r.Signed.First, &rec.Signed.LastName: r.Signed.Last} {
			if from != nil {
				*to = *from
			}
		}
	}
	if r.Password != nil {
		rec.Probes = []evidence.Probe{
			{Name: "password on /api/token/", Method: "POST", URL: b.Paperless.URL + "/api/token/", Status: r.Password.Token},
			{Name: "Basic credentials", Method: "GET", URL: b.Paperless.URL + "/api/profile/", Status: r.Password.Basic},
		}
	}
	if r.direct > 0 {
		rec.Probes = append(rec.Probes, evidence.Probe{Name: "Remote-User direct", Method: "GET", URL: b.Paperless.URL + "/api/profile/", Status: int(r.direct), Detail: "not signed in"})
	}
	return rec
}

// seenBy is the part of a row that a check of ours looks at: a check of the sign-in
// page never gets to authentik, one of rights asks as somebody who is in.
func seenBy(rec evidence.Record, id string) evidence.Record {
	rec.Check = id
	probes, signed := rec.Probes, rec.Signed
	rec.Probes = nil
	switch id {
	case "login-page", "login-button", "redirect-to-sso", "sso-only":
		rec.Hops, rec.Final, rec.Signed, rec.Log, rec.Events = nil, rec.SignIn, nil, nil, nil
	case "permissions", "password-api", "remote-user":
		rec = evidence.Record{Check: id, Paperless: rec.Paperless, Authentik: rec.Authentik, Boot: rec.Boot}
		if id == "permissions" {
			rec.Signed = signed
		} else {
			rec.Probes = probes
		}
	case "first-login":
		// The accounts that were there stand in the recording's "about".
		rec.Before = []evidence.User{
			{ID: 3, Username: "admin", Email: "admin@example.com", Active: true, Superuser: true},
			{ID: 4, Username: "local1", Email: "local1@example.com", Active: true},
		}
	}
	return rec
}

// stage is the stage of authentik on which a sign-in ended: the last one that the
// recorder had to answer, where the browser never left the flow.
func (r row) stage() []string {
	if r.Final == nil || !strings.HasPrefix(r.Final.URL.Path, "/if/flow/") || len(r.Steps) == 0 {
		return nil
	}
	return []string{map[string]string{"user name": "ak-stage-identification", "password": "ak-stage-password", "consent": "ak-stage-consent"}[r.Steps[len(r.Steps)-1]]}
}

func (a address) full() string {
	var query []string
	for name, v := range a.Query {
		query = append(query, name+"="+v)
	}
	slices.Sort(query)
	out := a.Path
	if a.Host != "" {
		out = "https://" + a.Host + a.Path
	}
	if len(query) > 0 {
		out += "?" + strings.Join(query, "&")
	}
	return out
}

// lookedAt is the same pair where nobody gave its configuration: what package
// external knows of it.
func lookedAt(rec evidence.Record, b *deployment.Deployment) *deployment.Deployment {
	out := &deployment.Deployment{
		Observed: true, Origins: map[string]deployment.Origin{}, Relations: map[string]string{"client_secret": deployment.SecretUnknown},
		Paperless: deployment.Paperless{Env: map[string]string{"PAPERLESS_URL": b.Paperless.URL}},
	}
	out.Paperless.URL, out.Paperless.Version = b.Paperless.URL, b.Paperless.Version
	out.Authentik.URL, out.Authentik.Version = b.Authentik.URL, b.Authentik.Version
	if rec.SignIn != nil && len(rec.SignIn.Forms) > 0 {
		id := strings.Split(rec.SignIn.Forms[0].Action, "/")[3]
		out.Paperless.Env["PAPERLESS_APPS"] = deployment.OpenIDConnectApp
		out.Paperless.Env[deployment.ProvidersKey] = fmt.Sprintf(`{"openid_connect": {"APPS": [{"provider_id": %q, "name": "SSO", "settings": {}}]}}`, id)
	}
	return out
}
