package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// codeStale is the cause that the container was not made anew.
const codeStale = "STALE"

// Explain names the causes of what was seen of a pair that runs, the one that we
// stand for first. fixed is what the user's files would be; nil: they say what runs,
// or are not known.
func Explain(rec evidence.Record, b *deployment.Deployment, lint []source.Diagnostic, fixed *deployment.Deployment) []troubleshooting.Finding {
	all := withoutEffects(runner.Joined(causes(rec, b), lint))
	for i := range all {
		f := &all[i]
		f.Because = slices.DeleteFunc(f.Because, func(s string) bool { return s == troubleshooting.OnlyConfigured })
		f.Because = append(f.Because, logged(f.Code, rec.Log)...)
		if len(f.Because) > 0 { // it says the same, and there is no line to show
			f.Lint = slices.DeleteFunc(slices.Clone(f.Lint), func(p troubleshooting.Place) bool { return p.File == runningProvider })
		}
		if f.Code == codeStale && fixed != nil {
			f.Because = append(f.Because, differences(rec.Stale, b, fixed)...)
		}
	}
	return stalePlace(all, rec, fixed)
}

// Again explains recorded evidence again. What the files would be is not recorded:
// STALE keeps the place that it had.
func Again(rec evidence.Record, b *deployment.Deployment, lint []source.Diagnostic, before []troubleshooting.Finding) []troubleshooting.Finding {
	all := Explain(rec, b, lint, nil)
	at := slices.IndexFunc(all, func(f troubleshooting.Finding) bool { return f.Code == codeStale })
	if at < 0 || len(before) == 0 {
		return all
	}
	stale, rest := all[at], slices.Delete(slices.Clone(all), at, at+1)
	if before[0].Code == codeStale {
		return append([]troubleshooting.Finding{stale}, rest...)
	}
	return append(rest, stale)
}

// causes are those of the evidence and of what is configured.
func causes(rec evidence.Record, b *deployment.Deployment) []troubleshooting.Finding {
	return withoutEffects(listed(rec, b))
}

// effects are what a cause makes look wrong, too: where users open Paperless at another
// name than PAPERLESS_URL, the redirect URI that is registered for that name is right.
var effects = map[string]string{"PROXY-CSRF": "RED-HOST"} // never changed

// unsaid are the lint findings that say something beside the causes: not those of
// what runs that a cause tells already, that are its effect, or that are gone with
// STALE, which stands first.
func unsaid(lint []source.Diagnostic, all []troubleshooting.Finding) []source.Diagnostic {
	return slices.DeleteFunc(slices.Clone(lint), func(d source.Diagnostic) bool {
		for cause, effect := range effects {
			if d.Code == effect && in(all, cause) {
				return true
			}
		}
		if d.File != runningProvider && d.File != runningEnvironment {
			return false
		}
		return in(all, d.Code) && d.File == runningProvider || len(all) > 0 && all[0].Code == codeStale && !in(all, d.Code)
	})
}

// withoutEffects leaves out what is only the effect of a cause that is proven.
func withoutEffects(all []troubleshooting.Finding) []troubleshooting.Finding {
	for cause, effect := range effects {
		if in(all, cause) {
			all = slices.DeleteFunc(all, func(f troubleshooting.Finding) bool { return f.Code == effect })
		}
	}
	return all
}

func listed(rec evidence.Record, b *deployment.Deployment) []troubleshooting.Finding {
	if b.Authentik.Other != "" { // nothing of it is authentik's
		return slices.DeleteFunc(troubleshooting.Explain(rec, b, Check, check.Failed), func(f troubleshooting.Finding) bool {
			return strings.HasPrefix(f.Code, "RED-") || strings.HasPrefix(f.Code, "IDP-") || strings.HasPrefix(f.Code, "IDT-")
		})
	}
	return troubleshooting.Explain(rec, b, Check, check.Failed)
}

// stalePlace puts STALE where it belongs: first, where the files alone would not
// have the cause that what runs has; last, where they have it, too; nowhere, where
// nothing that takes part in signing in differs.
func stalePlace(all []troubleshooting.Finding, rec evidence.Record, fixed *deployment.Deployment) []troubleshooting.Finding {
	at := slices.IndexFunc(all, func(f troubleshooting.Finding) bool { return f.Code == codeStale })
	if at < 0 {
		return all
	}
	stale := all[at]
	rest := slices.Delete(slices.Clone(all), at, at+1)
	switch {
	case fixed == nil:
		return all
	case len(rest) > 0 && !in(causes(unstale(rec), fixed), rest[0].Code) && could(rest[0].Code, rec.Stale):
		// What the files do not have is gone, too, when the container is made anew.
		still := causes(unstale(rec), fixed)
		rest = slices.DeleteFunc(rest, func(f troubleshooting.Finding) bool { return !in(still, f.Code) && could(f.Code, rec.Stale) })
		return append([]troubleshooting.Finding{stale}, rest...)
	case len(rest) > 0:
		return append(rest, stale)
	case !slices.ContainsFunc(rec.Stale, takesPart):
		return nil
	}
	return []troubleshooting.Finding{stale}
}

// could reports whether settings that differ could be why a cause is there. How the
// network looks depends on few of them.
func could(code string, stale []string) bool {
	if strings.HasPrefix(code, "NET-") || code == "IDP-SLUG" {
		return slices.ContainsFunc(stale, func(name string) bool {
			return name == deployment.ProvidersKey || strings.Contains(strings.ToLower(name), "_proxy") || code == "NET-TLS" && strings.HasSuffix(name, "_CA_BUNDLE")
		})
	}
	return slices.ContainsFunc(stale, takesPart)
}

func in(list []troubleshooting.Finding, code string) bool {
	return slices.ContainsFunc(list, func(f troubleshooting.Finding) bool { return f.Code == code })
}

// unstale is the evidence without what rests on the environment that runs.
func unstale(rec evidence.Record) evidence.Record {
	return evidence.Record{Check: rec.Check, Log: rec.Log, Boot: evidence.Boot{Up: rec.Boot.Up, Exit: rec.Boot.Exit, Log: rec.Boot.Log}, Paperless: rec.Paperless, Authentik: rec.Authentik}
}

var signIn = lazyregexp.New(`SOCIAL|ACCOUNT|PAPERLESS_APPS|PAPERLESS_URL|REDIRECT|LOGIN|REMOTE_USER|CSRF|ALLOWED_HOSTS|COOKIE|PROXY|proxy|CA_BUNDLE|SCRIPT_NAME|SECRET_KEY|LOGOUT|TRUSTED`)

// takesPart reports whether a setting takes part in signing in.
func takesPart(name string) bool { return signIn.MatchString(name) }

// differences say how the files and what runs differ, without values that are secret.
func differences(names []string, runs, files *deployment.Deployment) []string {
	var out []string
	for _, name := range names {
		place := name
		if o := files.Origins[name]; o.File != "" {
			place += " (" + o.String() + ")"
		}
		value := func(env map[string]string) string {
			v, set := env[name]
			switch {
			case !set:
				return "not set"
			case deployment.SecretName(name) || name == deployment.ProvidersKey || len(v) > 80:
				return "set"
			}
			return v
		}
		if name == deployment.ProvidersKey {
			if parts := appDifferences(runs, files); len(parts) > 0 {
				out = append(out, place+": "+strings.Join(parts, "; "))
				continue
			}
		}
		a, b := value(files.Paperless.Env), value(runs.Paperless.Env)
		if a == b {
			b = "another value"
		}
		out = append(out, fmt.Sprintf("%s: the file says %s, the container has %s", place, a, b))
	}
	return out
}

// appDifferences say how the app of the files differs from the one that runs; nil where
// one of them is broken, or they differ elsewhere.
func appDifferences(runs, files *deployment.Deployment) []string {
	want, ok := files.Paperless.App()
	have, runsToo := runs.Paperless.App()
	if !ok || !runsToo {
		return nil
	}
	var out []string
	for _, part := range [][3]string{
		{"provider_id", want.ProviderID, have.ProviderID}, {"client_id", want.ClientID, have.ClientID}, {"server_url", want.ServerURL(), have.ServerURL()},
	} {
		if part[1] != part[2] {
			out = append(out, fmt.Sprintf("the file says %s %q, the container has %q", part[0], part[1], part[2]))
		}
	}
	if want.Secret != have.Secret {
		out = append(out, "the file has another secret than the container")
	}
	return out
}

// words are what the products log about a cause, whose log it is, and what of the
// line is quoted.
var words = []struct {
	family *lazyregexp.Regexp
	source string
	line   string
	quote  string
}{
	{lazyregexp.New(`^(?:RED-|PROXY-(?:PROTO|HOST|PORT))`), "authentik", "redirect_uri_no_match", "redirect_uri_no_match"},
	{lazyregexp.New(`^(?:TOK-(?:SECRET|TYPO|METHOD)|CFG-(?:DOLLAR|NEWLINE|SECRETQUOTES))$`), "authentik", authentik.LogSecret, authentik.LogSecret},
	{lazyregexp.New(`^IDP-CLIENT$`), "authentik", authentik.LogClientID, authentik.LogClientID},
	{lazyregexp.New(`^PROXY-ALLOWED$`), "paperless", "Invalid HTTP_HOST header", "Invalid HTTP_HOST header"},
	{lazyregexp.New(`^PROXY-CSRF$`), "paperless", "Origin checking failed", "Origin checking failed"},
}

// logged says how often users met a cause since the container started.
func logged(code string, log []evidence.Line) []string {
	for _, w := range words {
		if !w.family.MatchString(code) {
			continue
		}
		n := 0
		for _, l := range log {
			if l.Source == w.source && strings.Contains(l.Text, w.line) {
				n++
			}
		}
		if n > 0 {
			times := "once"
			if n > 1 {
				times = fmt.Sprintf("%d times", n)
			}
			return []string{fmt.Sprintf("%s logged %q %s since it started", w.source, w.quote, times)}
		}
	}
	return nil
}
