package troubleshooting

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// What a record says, in the words of the items. Texts of the products are those
// of fixtures/observed.json and docs/facts/paperless.md#8.

// bootLine is the last line of a failed start that contains the part, or "".
func bootLine(rec evidence.Record, part string) string {
	if rec.Boot.Up {
		return ""
	}
	for i := len(rec.Boot.Log) - 1; i >= 0; i-- {
		if strings.Contains(rec.Boot.Log[i], part) {
			return rec.Boot.Log[i]
		}
	}
	return ""
}

// noButton reports whether a sign-in page was seen that shows no SSO button.
func noButton(rec evidence.Record) bool {
	if !rec.Boot.Up || rec.SignIn == nil || rec.SignIn.Status != 200 || len(rec.SignIn.Stages) > 0 {
		return false
	}
	if home := rec.Paperless.URL; home != "" && hostOf(rec.SignIn.URL) != hostOf(home) {
		return false // with the redirect on it is authentik's page, which has no such button
	}
	for _, f := range rec.SignIn.Forms {
		if strings.Contains(f.Action, paperless.OIDCPath) {
			return false
		}
	}
	return true
}

// text is the text of the page where the browser ended, or "".
func text(rec evidence.Record) string {
	if rec.Final == nil {
		return ""
	}
	return rec.Final.Title + " " + rec.Final.Text
}

// refusedAuthorization reports whether authentik refused the authorization request
// with this heading, and quotes where that stands: on its page, or in its log where
// the page was never drawn.
func refusedAuthorization(rec evidence.Record, heading, logged string) (quote string, ok bool) {
	if strings.Contains(text(rec), heading) {
		return "authentik answered: " + heading, true
	}
	p := rec.Final
	if p == nil || p.Status != 400 || strings.TrimSpace(p.Text) != "" || !strings.Contains(p.URL, authentik.AuthorizationPath) {
		return "", false
	}
	for _, line := range slices.Backward(rec.Log) {
		if line.Source == "authentik" && strings.Contains(line.Text, logged) {
			return "authentik logged: " + clip(line.Text, 240), true
		}
	}
	return "", false
}

// startHop is the answer of Paperless to the press of the button.
func startHop(rec evidence.Record) *evidence.Hop {
	hops := rec.Flow()
	for i := len(hops) - 1; i >= 0; i-- {
		h := &hops[i]
		if h.Method == http.MethodPost && strings.Contains(h.URL, paperless.OIDCPath) && strings.Contains(h.URL, "/login/") {
			return h
		}
	}
	return nil
}

// startFailed reports whether Paperless answered the press of the button with 500:
// a discovery document that it could not use.
func startFailed(rec evidence.Record) bool {
	h := startHop(rec)
	return h != nil && h.Status == 500
}

// authorizeURL is the authorization request that the browser made; nil without one.
func authorizeURL(rec evidence.Record) *url.URL {
	h := rec.Hop(authentik.AuthorizationPath)
	if h == nil {
		if s := startHop(rec); s != nil && strings.Contains(s.Location, "redirect_uri=") {
			h = &evidence.Hop{URL: s.Location}
		}
	}
	if h == nil {
		return nil
	}
	u, err := url.Parse(h.URL)
	if err != nil {
		return nil
	}
	return u
}

// callbackError reports whether Paperless ended the sign-in with its error page.
func callbackError(rec evidence.Record) bool {
	return strings.Contains(text(rec), "An error occurred while attempting to login via your social network account")
}

var reasonLine = lazyregexp.New("Social authentication error for provider `[^`]*`: (\\w+) \\((.*)\\)\\s*$")

// reason is what Paperless logged about the error page, since 2.20.2; "" when
// it logged nothing.
func reason(rec evidence.Record) string {
	line := rec.LogLine("Social authentication error for provider")
	if m := reasonLine.FindStringSubmatch(line); m != nil {
		return m[2]
	}
	if _, after, ok := strings.Cut(line, "unknown ("); ok {
		return after // a line that was cut
	}
	return ""
}

// tokenExchange is the token request of Paperless; nil when none was recorded.
func tokenExchange(rec evidence.Record) *evidence.Exchange {
	return rec.Find(evidence.Back, "authentik", oidc.Token)
}

// userinfoExchange is the userinfo request of Paperless; nil when none was recorded.
func userinfoExchange(rec evidence.Record) *evidence.Exchange {
	return rec.Find(evidence.Back, "authentik", oidc.Userinfo)
}

// tokenError is the OAuth error of the token response (RFC 6749 5.2), from the
// exchange or from Paperless's log; "" when there was none.
func tokenError(rec evidence.Record) string {
	if x := tokenExchange(rec); x != nil && x.Status >= 400 {
		if e, _ := x.Body["error"].(string); e != "" {
			return e
		}
	}
	r := reason(rec)
	for _, e := range []string{"invalid_client", "invalid_grant", "unauthorized_client", "invalid_request"} {
		if strings.Contains(r, "Error retrieving access token") && strings.Contains(r, e) {
			return e
		}
	}
	return ""
}

// signUpForm reports whether the browser met Paperless's sign-up form after authentik.
func signUpForm(rec evidence.Record) bool {
	return strings.Contains(text(rec), "As a final step, please complete the following form") ||
		rec.Hop(paperless.SocialSignUp) != nil || rec.Hop(paperless.OldSocialSignUp) != nil
}

// signUpClosed reports whether Paperless refused to make an account.
func signUpClosed(rec evidence.Record) bool { return strings.Contains(text(rec), "Sign Up Closed") }

// expected and seen stand side by side in every finding.
func expected(format string, args ...any) string { return "expected: " + fmt.Sprintf(format, args...) }

func seen(format string, args ...any) string { return "seen:     " + fmt.Sprintf(format, args...) }

// where names the setting and, where it is known, the line of the user's file.
func where(b *deployment.Deployment, name string) string {
	if o := b.Origins[name]; o.File != "" {
		return name + " (" + o.String() + ")"
	}
	return name
}

// setting quotes NAME=value; the caller makes sure that the value is no secret.
// Where only the running pair was looked at, no value was seen, and none is
// claimed: neither one nor that there is none.
func setting(b *deployment.Deployment, name string) string {
	if b.Observed {
		return unseen(name)
	}
	v, set := b.Paperless.Value(name)
	if !set {
		return name + " is not set"
	}
	if deployment.SecretName(name) || name == deployment.ProvidersKey {
		return where(b, name) + " is set"
	}
	return where(b, name) + "=" + v
}

// unseen says of a setting that it was not looked at.
func unseen(name string) string { return name + " is not known here: no --config was given" }

// serverURL quotes server_url. On a pair that was only looked at it may be what
// follows from the application's slug, which nobody saw.
func serverURL(b *deployment.Deployment) string {
	app, _ := b.Paperless.App()
	if b.Observed && (app.ServerURL() == "" || b.Relations[deployment.RelationServerURL] == deployment.ServerURLAssumed) {
		return unseen("server_url")
	}
	return app.ServerURL()
}

// list is the value of a comma-separated setting as Paperless splits it
// (fixtures/paperless-settings.json#list_semantics): v3 strips blanks, v2 does not.
func list(p *deployment.Paperless, name string) []string {
	v, _ := p.Value(name)
	items := strings.Split(v, ",")
	if p.AtLeast("3.0.0") {
		for i := range items {
			items[i] = strings.TrimSpace(items[i])
		}
	}
	return slices.DeleteFunc(items, func(s string) bool { return s == "" })
}

// quoted lists names for a sentence.
func quoted(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return "'" + strings.Join(names, "', '") + "'"
}

// envLine is the line of a compose file that sets the variable.
func envLine(name, value string) string { return "      " + name + ": \"" + value + "\"" }
