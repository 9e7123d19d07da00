package troubleshooting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A Differential is what is left where the evidence does not decide, or finds several
// causes: those that fit, the likeliest first, and the one thing that would tell.
type Differential struct {
	Seen string `json:"seen"` // where the sign-in ended, and what that says
	Fits []Fit  `json:"fits"`
	Next string `json:"next"` // the one next thing to look at
}

// A Fit is a cause that the evidence leaves.
type Fit struct {
	Code    string   `json:"code"`
	Title   string   `json:"title"`
	For     []string `json:"for,omitempty"`
	Against []string `json:"against,omitempty"`
}

// An ending is a place where sign-ins end, which several causes lead to.
type ending struct {
	seen  string
	at    func(evidence.Record) bool
	codes []string // the commonest first
	next  string
}

const lookInLog = "paperless.log says which: run with --paperless-log FILE, or `ssocheck doctor` on the machine where the containers run"

// endings are where sign-ins end, the first that fits counts.
var endings = []ending{ // never changed
	{
		seen:  "Paperless did not start",
		at:    func(rec evidence.Record) bool { return !rec.Boot.Up },
		codes: []string{"CFG-JSON", "CFG-MODULE", "CFG-SECRETKEY", "CFG-URLSLASH", "CFG-PROXYJSON"},
		next:  "the last lines of the container's log (docker logs NAME) name the reason: `ssocheck doctor` reads them",
	},
	{
		seen:  "Paperless's sign-in page is an error",
		at:    func(rec evidence.Record) bool { return rec.SignIn != nil && rec.SignIn.Status >= 400 },
		codes: []string{"PROXY-ALLOWED", "CFG-PROVID", "CFG-LIST", "CFG-DUP"},
		next:  lookInLog,
	},
	{
		seen:  "the sign-in page has no SSO button",
		at:    noButton,
		codes: []string{"CFG-APPS", "CFG-NOAPP", "STALE", "CFG-KEY", "CFG-FILE", "VER-OLD"},
		next:  "the environment that the container really has: give the files with --config, or `ssocheck doctor` on the machine where it runs",
	},
	{
		seen:  "Paperless answered the press of the button with an error: it could not use authentik's discovery document",
		at:    discoveryFailed,
		codes: []string{"NET-DNS", "NET-REFUSED", "NET-TLS", "IDP-SLUG", "NET-404", "NET-TIMEOUT", "NET-HTML"},
		next:  lookInLog,
	},
	{
		seen: "authentik refused the authorization request",
		at: func(rec evidence.Record) bool {
			p := rec.Final
			return p != nil && p.Status == 400 && strings.Contains(p.URL, authentik.AuthorizationPath)
		},
		codes: []string{"RED-UNREGISTERED", "RED-SLASH", "RED-HOST", "RED-SCHEME", "RED-PROVID", "IDP-CLIENT"},
		next:  "what authentik has registered: give an API token (SSO_AUTHENTIK_TOKEN) or --blueprint, or `ssocheck doctor` on the machine where it runs",
	},
	{
		seen:  "Paperless ended the sign-in with its error page at the callback: the token request, the ID token or the userinfo request failed",
		at:    callbackError,
		codes: []string{"TOK-SECRET", "TOK-METHOD", "IDT-JWE", "IDT-ISS", "IDP-SCOPE", "TOK-CODE", "IDT-EXP", "IDT-AUD", "STATE-LOST"},
		next:  lookInLog,
	},
	{
		seen:  "Paperless shows its sign-up form instead of the account",
		at:    signUpForm,
		codes: []string{"SIGN-OFF", "SIGN-EMAILUSED", "IDP-NOEMAIL", "LINK-PROVID", "LINK-STALESUB"},
		next:  "PAPERLESS_SOCIAL_AUTO_SIGNUP, and whether an account with this user name or address is there: give --config, and an administrator of Paperless (SSO_PAPERLESS_TOKEN)",
	},
	{
		seen:  "Paperless refuses to make an account",
		at:    signUpClosed,
		codes: []string{"SIGN-CLOSED", "LINK-STALESUB", "LINK-PROVID"},
		next:  "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS: give --config",
	},
	{
		seen:  "authentik denies the user this application",
		at:    denied,
		codes: []string{"IDP-DENIED"},
		next:  "in authentik, Applications → the application → Check access, for this user",
	},
	{
		seen:  "authentik kept asking who it is",
		at:    func(rec evidence.Record) bool { return rec.Final != nil && len(rec.Final.Stages) > 0 },
		codes: []string{"IDP-PASSWORD", "IDP-INACTIVE", "IDP-DENIED"},
		next:  "in authentik, Events → Logs: login_failed names the user",
	},
	{
		seen:  "Paperless refused the form (CSRF, 403)",
		at:    func(rec evidence.Record) bool { return strings.Contains(text(rec), "CSRF verification failed") },
		codes: []string{"PROXY-CSRF", "PROXY-COOKIE", "PROXY-HOST"},
		next:  lookInLog,
	},
	{
		seen: "the browser came back to Paperless and is not signed in",
		at: func(rec evidence.Record) bool {
			return rec.Hop("/login/callback/") != nil && rec.Signed != nil && !rec.Signed.SignedIn()
		},
		codes: []string{"PROXY-COOKIE", "USER-INACTIVE", "STATE-LOST", "REDIR-LOOP"},
		next:  lookInLog,
	},
	{
		seen:  "Paperless logged a sign-in that failed at the callback",
		at:    func(rec evidence.Record) bool { return rec.LogLine("Social authentication error for provider") != "" },
		codes: []string{"TOK-SECRET", "TOK-METHOD", "TOK-CODE", "IDP-SCOPE", "IDT-JWE", "IDT-ISS", "IDT-EXP"},
		next:  "whether it still happens: sign in once more, and look at the last lines of the log again",
	},
	{
		seen: "authentik logged that it refused a sign-in",
		at: func(rec evidence.Record) bool {
			return rec.LogLine("redirect_uri_no_match") != "" || rec.LogLine(authentik.LogSecret) != "" || rec.LogLine(authentik.LogClientID) != ""
		},
		codes: []string{"PROXY-PROTO", "PROXY-HOST", "RED-UNREGISTERED", "TOK-METHOD", "TOK-SECRET", "IDP-CLIENT"},
		next:  "whether it still happens: sign in once more; the address bar of the browser shows the redirect_uri that Paperless sends through your proxy",
	},
}

// Consider says which causes are left for a check that failed and that no item
// explains; nil where what was seen fits no place that is known.
func Consider(rec evidence.Record, b *deployment.Deployment, st check.Status) *Differential {
	if st != check.Failed || b == nil {
		return nil
	}
	at := slices.IndexFunc(endings, func(e ending) bool { return e.at(rec) })
	if at < 0 {
		return nil
	}
	e := endings[at]
	d := &Differential{Seen: e.seen, Next: e.next}
	if line := lastException(rec); line != "" && e.next == lookInLog {
		d.Next = "what Paperless logged last: " + clip(line, 240)
	}
	for _, code := range e.codes {
		i := Find(code)
		if i == nil || !i.Happens(b) {
			continue
		}
		f := Fit{Code: code, Title: i.Title}
		f.For, f.Against = weigh(code, rec, b)
		d.Fits = append(d.Fits, f)
	}
	slices.SortStableFunc(d.Fits, func(a, b Fit) int {
		return cmp.Or(cmp.Compare(len(a.Against), len(b.Against)), cmp.Compare(len(b.For), len(a.For)))
	})
	if len(d.Fits) == 0 {
		return nil
	}
	return d
}

// exception is the line in which Python names an error.
var exception = lazyregexp.New(`^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Configured|Timeout|DoesNotExist|Denied)\b.*`)

// lastException is the last error that Paperless logged; "" where its log is not known,
// or has none.
func lastException(rec evidence.Record) string {
	for _, l := range slices.Backward(rec.Log) {
		if l.Source == "paperless" && exception.MatchString(strings.TrimSpace(l.Text)) {
			return strings.TrimSpace(l.Text)
		}
	}
	return ""
}

// Among weighs the causes of a check where several were found, the one that we stand
// for first; nil where there is one, or none.
func Among(found []Finding, rec evidence.Record, b *deployment.Deployment) *Differential {
	if len(found) < 2 || b == nil {
		return nil
	}
	d := &Differential{
		Seen: "several causes were found",
		Next: "correct " + found[0].Code + ", then look again: what is still found is a cause of its own",
	}
	for i := range found {
		f := Fit{Code: found[i].Code, Title: found[i].Title, For: []string{"what was seen proves it"}}
		if slices.Contains(found[i].Because, OnlyConfigured) {
			f.For = []string{"the configuration has it"}
		}
		_, f.Against = weigh(f.Code, rec, b)
		d.Fits = append(d.Fits, f)
	}
	return d
}

// weigh is what speaks for a cause and against it.
func weigh(code string, rec evidence.Record, b *deployment.Deployment) (yes, no []string) {
	say := func(speaks bool, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); speaks {
			yes = append(yes, text)
		} else {
			no = append(no, text)
		}
	}
	if i := Find(code); i != nil && i.Suspect != nil && (!b.Observed || !i.ofFiles()) {
		if because, ok := i.Suspect(b); ok {
			yes = append(yes, because...)
		}
	}
	weighSecret(code, b, say)
	weighProvider(code, b, say)
	weighNetwork(code, rec, say)
	return yes, no
}

func weighSecret(code string, b *deployment.Deployment, say func(bool, string, ...any)) {
	switch rel := b.SecretRelation(); {
	case code == "TOK-SECRET" && rel == deployment.SecretEqual:
		say(false, "both sides have the same client secret")
	case code == "TOK-METHOD" && rel == deployment.SecretEqual:
		say(true, "both sides have the same client secret")
	case code == "TOK-SECRET" && rel == deployment.SecretUnknown:
		say(true, "the commonest of these; the two secrets could not be compared")
	}
}

// weighProvider uses authentik's side, where it is known.
func weighProvider(code string, b *deployment.Deployment, say func(bool, string, ...any)) {
	p := b.IdPProvider()
	if p == nil || len(b.Authentik.Providers) == 0 {
		return
	}
	switch code {
	case "IDT-JWE":
		if !p.EncryptionKey {
			say(false, "the provider has no encryption key")
		}
	case "IDP-SCOPE":
		if slices.Contains(p.Scopes, "openid") {
			say(false, "the provider has the scope openid")
		}
	case "TOK-CODE":
		if !atOnce(p.AccessCodeValidity) {
			say(false, "codes are valid for %s", cmp.Or(p.AccessCodeValidity, "minutes=1"))
		}
	case "IDP-CLIENT":
		if app, _ := b.Paperless.App(); p.ClientID == app.ClientID {
			say(false, "authentik has a provider with this client id")
		}
	case "IDP-DENIED":
		if a := b.IdPApplication(); a != nil && len(a.Groups) == 0 && !a.Deny && len(a.Nobody) == 0 {
			say(false, "the application is bound to nobody")
		}
	}
}

// weighNetwork uses what was seen of the discovery document from several places.
func weighNetwork(code string, rec evidence.Record, say func(bool, string, ...any)) {
	if !strings.HasPrefix(code, "NET-") && code != "IDP-SLUG" {
		return
	}
	for _, name := range []string{ProbeInside, probeDiscovery, ProbeHere} {
		p := rec.Probe(name)
		if p == nil {
			continue
		}
		found := p.Status == 404
		switch {
		case found && (code == "NET-404" || code == "IDP-SLUG"):
			say(true, "%s: it answered 404", name)
		case found || p.Status == 200 && (code == "NET-404" || code == "IDP-SLUG"):
			say(false, "%s: it answered %d", name, p.Status)
		case p.Status == 200 && name == ProbeInside:
			say(false, "%s: it answered 200", name)
		}
		return
	}
}
