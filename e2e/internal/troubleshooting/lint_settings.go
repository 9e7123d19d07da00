package troubleshooting

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

func checkUnknown(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		name := e.Name
		if !strings.HasPrefix(name, "PAPERLESS_") {
			continue
		}
		if set := s.Catalogue.ByName[name]; set != nil {
			since := set.Since()
			if since == "" || s.Paperless().AtLeast(since) || name == deployment.RedirectToSSO || name == deployment.DisableRegularLogin {
				continue
			}
			out = append(out, e.AtName(fmt.Sprintf("Paperless-ngx %s does not read %s; %s is the first that does", s.Paperless().Version, name, since), "use "+since+" or later, or remove it"))
			continue
		}
		if s.Catalogue.Known(name) {
			continue
		}
		switch name {
		case "PAPERLESS_ENABLE_ALLAUTH":
			p := e.AtName("PAPERLESS_ENABLE_ALLAUTH has no effect: allauth has been built in since 2.5.0", "remove the line")
			p.Edit = e.Remove()
			out = append(out, p)
			continue
		case "PAPERLESS_AUTO_LOGIN":
			p := e.AtName("no version of Paperless reads it (PAPERLESS_AUTO_LOGIN_USERNAME is something else, and dangerous)",
				"remove the line; to go to SSO at once: "+e.Written(deployment.RedirectToSSO, "true"))
			p.Edit = e.Remove()
			out = append(out, p)
			continue
		}
		real := s.Catalogue.RealName(name)
		if real == deployment.AutoSignup && s.Vars[real] == nil {
			continue // SIGN-OFF says it
		}
		if real != "" {
			p := e.AtName("no version of Paperless reads "+name+"; did you mean "+real+"?", real)
			p.Meant = real
			if s.Vars[real] == nil {
				p.Edit = e.Rename(real)
			} else {
				p.Message = "no version of Paperless reads " + name + "; " + real + " is there too"
				p.Fix = "remove the line"
				p.Edit = e.Remove()
			}
			if real == deployment.ProvidersKey || real == "PAPERLESS_APPS" {
				p.Level = source.Error
			}
			out = append(out, p)
			continue
		}
		p := e.AtName("ssocheck does not know "+name+" as a setting of Paperless", "check the spelling if it should do something")
		p.Level = source.Info
		if near := s.Catalogue.Nearest(name); near != "" && !newerThanKnown(s) {
			p.Level = source.Warning
			p.Message = "no version of Paperless reads " + name + "; the nearest name that is read is " + near
			p.Fix = "remove the line, or use " + near + " if that is what you mean"
		}
		out = append(out, p)
	}
	return out
}

var boolWord = lazyregexp.New(`(?i)^(?:true|1|t|y|yes|false|0|f|n|no)$`)

// isBool reports whether this version takes a word: all do when it means true,
// v2 takes anything else for false.
func badBool(s *source.Set, e *source.Entry) bool {
	v := e.Value
	return !boolWord.MatchString(v) && (v != "" || s.Paperless().AtLeast("3.0.0"))
}

func boolEntries(s *source.Set) []*source.Entry {
	var out []*source.Entry
	for _, e := range s.Effective() {
		if set := s.Catalogue.ByName[e.Name]; set != nil && set.Type == "bool" && e.Set {
			out = append(out, e)
		}
	}
	return out
}

// decisive are the switches without which users do not get in as was meant.
var decisive = map[string]bool{
	deployment.AutoSignup: true, deployment.RedirectToSSO: true, deployment.DisableRegularLogin: true, deployment.RemoteUser: true,
	"PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS": true,
}

func checkBool(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range boolEntries(s) {
		if !badBool(s, e) {
			continue
		}
		word := "true"
		if !deployment.Yes(e.Value) {
			word = "false"
		}
		message := "this value counts as false"
		if word == "false" {
			message = "this value is neither true nor false; it counts as false"
		}
		p := e.AtValue(message, e.Written(e.Name, word))
		if s.Paperless().AtLeast("3.0.0") {
			p.Level = source.Error
			p.Message = "Paperless-ngx 3 does not start with this value; it accepts true and false"
		} else if word == "true" && decisive[e.Name] {
			p.Level = source.Error
			p.Message += ", although it is meant to be on"
		}
		p.Edit = e.Revalue(word)
		out = append(out, p)
	}
	return out
}

func checkChoice(s *source.Set) []source.Problem {
	var out []source.Problem
	choices := map[string][]string{
		"PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL": {"http", "https"},
		"PAPERLESS_ACCOUNT_EMAIL_VERIFICATION":    {"none", "optional", "mandatory"},
	}
	if s.Paperless().AtLeast("3.0.0") {
		choices["PAPERLESS_DBENGINE"] = []string{"sqlite", "postgresql", "mariadb"}
	}
	for _, e := range s.Effective() {
		allowed := choices[e.Name]
		if allowed == nil || !e.Set || strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+e.Value+" ") {
			continue
		}
		p := e.AtValue(e.Name+" takes "+strings.Join(allowed, ", "), e.Written(e.Name, nearestWord(e.Value, allowed)))
		if e.Name == "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION" {
			p.Level = source.Warning
		}
		out = append(out, p)
	}
	return out
}

// nearest is the allowed word that was probably meant, else all of them.
func nearestWord(v string, allowed []string) string {
	v = strings.ToLower(strings.Trim(v, " \"'"))
	for _, a := range allowed {
		if a == v || v != "" && (strings.HasPrefix(a, v) || strings.HasPrefix(v, a)) {
			return a
		}
	}
	return strings.Join(allowed, "|")
}

var digits = lazyregexp.New(`^\d+$`)

func checkNumber(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		set := s.Catalogue.ByName[e.Name]
		if set == nil || !strings.HasPrefix(set.Type, "int") || !e.Set || digits.MatchString(strings.TrimSpace(e.Value)) || set.Category == "boot" {
			continue
		}
		if since := set.Since(); since != "" && !s.Paperless().AtLeast(since) {
			continue
		}
		out = append(out, e.AtValue(e.Name+" is not a whole number: Paperless does not start", "write digits only"))
	}
	return out
}

func checkSecretKey(s *source.Set) []source.Problem {
	if !s.Paperless().AtLeast("3.0.0") {
		return nil
	}
	v, e := s.Value("PAPERLESS_SECRET_KEY")
	switch {
	case e == nil && slices.Contains(s.Reader.Made, "PAPERLESS_SECRET_KEY"):
		return nil
	case e == nil:
		p := s.Anywhere("Paperless-ngx 3 does not start without PAPERLESS_SECRET_KEY", s.Line("PAPERLESS_SECRET_KEY", "<output of openssl rand -base64 48>"))
		p.Setting = "PAPERLESS_SECRET_KEY"
		return []source.Problem{p}
	case strings.TrimSpace(v) == "" || v == "change-me":
		return []source.Problem{e.AtValue("Paperless-ngx 3 does not start with this PAPERLESS_SECRET_KEY", s.Line("PAPERLESS_SECRET_KEY", "<output of openssl rand -base64 48>"))}
	}
	return nil
}

func checkDeprecated(s *source.Set) []source.Problem {
	var out []source.Problem
	if !s.Paperless().AtLeast("3.0.0") {
		return nil
	}
	for _, e := range s.Effective() {
		if set := s.Catalogue.ByName[e.Name]; set != nil && strings.HasPrefix(set.Behaviour, "Deprecated in v3") {
			out = append(out, e.AtName(e.Name+" is deprecated since 3.0.0 and still read", "move it to PAPERLESS_DB_OPTIONS"))
		}
	}
	return out
}

func checkMailOAuth(s *source.Set) []source.Problem {
	if _, e := s.Value("PAPERLESS_OAUTH_CALLBACK_BASE_URL"); e != nil {
		return []source.Problem{e.AtName("it is for fetching mail; the redirect URI of the sign-in does not come from it", "PAPERLESS_URL, and a proxy that passes the Host header on")}
	}
	return nil
}

var schemeText = lazyregexp.New(`^[a-z][a-z0-9+.-]*://`)

func checkURLSlash(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_URL")
	if e == nil || !schemeText.MatchString(v) {
		return nil
	}
	host := v[strings.Index(v, "://")+3:]
	i := strings.IndexAny(host, "/?#")
	if i < 0 {
		return nil
	}
	origin := v[:len(v)-len(host)+i]
	p := e.AtValue("PAPERLESS_URL has more than scheme and host: Paperless does not start (corsheaders.E014)", e.Written("PAPERLESS_URL", origin))
	p.Edit = e.Revalue(origin)
	if strings.Trim(host[i:], "/") != "" {
		p.Fix += "; a path belongs in PAPERLESS_FORCE_SCRIPT_NAME"
		p.Edit = nil
	}
	return []source.Problem{p}
}

func checkURLScheme(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_URL")
	if e == nil || v == "" || schemeText.MatchString(v) || strings.ContainsAny(v, `"'<`) {
		return nil
	}
	p := e.AtValue("PAPERLESS_URL has no scheme: Paperless does not start (4_0.E001)", e.Written("PAPERLESS_URL", "https://"+v))
	p.Edit = e.Revalue("https://" + v)
	return []source.Problem{p}
}

func checkVersion(s *source.Set) []source.Problem {
	if s.Paperless().AtLeast("2.5.0") {
		return nil
	}
	p := s.Anywhere("Paperless-ngx "+s.Paperless().Version+" has no OpenID Connect: it came with 2.5.0", "use a newer image")
	if s.Project != nil {
		for _, d := range s.Project.Docs {
			for _, svc := range d.Services() {
				if n := d.Get(svc.Value, "image"); svc.Key == s.Project.Service && n != nil {
					p.File, p.At, p.Width, p.Setting = d.Read, d.Place(n.GetToken()), len(d.Text(n)), ""
				}
			}
		}
	}
	return []source.Problem{p}
}

func checkSince(name string) func(*source.Set) []source.Problem {
	return func(s *source.Set) []source.Problem {
		since := deployment.Introduced(name)
		v, e := s.Value(name)
		if e == nil || !deployment.Yes(v) || s.Paperless().AtLeast(since) || !s.Paperless().AtLeast("2.5.0") {
			return nil
		}
		return []source.Problem{e.AtName(fmt.Sprintf("Paperless-ngx %s does not read %s; %s is the first that does", s.Paperless().Version, name, since), "use "+since+" or later")}
	}
}

// checkUpgrade tells what changes about the settings in use between the
// version of the image and the one that was asked for.
func checkUpgrade(s *source.Set) []source.Problem {
	var out []source.Problem
	from, to := cmp.Or(s.Reader.Sources.From, s.ImageVersion), s.Paperless().Version
	if from == "" || from == to || deployment.AtLeast(from, to) {
		return nil
	}
	for _, e := range s.Effective() {
		set := s.Catalogue.ByName[e.Name]
		if set == nil {
			continue
		}
		for _, c := range set.Changes {
			m := source.Semver.FindStringSubmatch(c.Version)
			if c.Absent || m == nil || deployment.AtLeast(from, m[1]) || !deployment.AtLeast(to, m[1]) {
				continue
			}
			out = append(out, e.AtName(fmt.Sprintf("%s changes with %s, between %s and %s: %s", e.Name, m[1], from, to, c.Change), "look at it before the upgrade"))
		}
	}
	return out
}

// checkRemoved tells of settings that are gone in this version. They have
// nothing to do with signing in; an upgrade is when users want to hear it.
func checkRemoved(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		gone, ok := s.Catalogue.Removed[e.Name]
		if !ok || !s.Paperless().AtLeast(gone.Since) {
			continue
		}
		fix := "remove it"
		if gone.Instead != "" {
			fix = "use " + gone.Instead
		}
		out = append(out, e.AtName(e.Name+" is not read any more since "+gone.Since, fix))
	}
	return out
}

// checkV3 tells, on the last v2, what would keep v3 from starting.
func checkV3(s *source.Set) []source.Problem {
	if !s.Paperless().AtLeast("2.5.0") || s.Paperless().AtLeast("3.0.0") {
		return nil
	}
	var out []source.Problem
	for _, e := range boolEntries(s) {
		if !boolWord.MatchString(e.Value) && !badBool(s, e) {
			out = append(out, e.AtValue("Paperless-ngx 3 would not start with this value", e.Written(e.Name, "false")))
		}
	}
	if v, e := s.Value("PAPERLESS_DBENGINE"); e != nil && v != "sqlite" && v != "postgresql" && v != "mariadb" {
		out = append(out, e.AtValue("Paperless-ngx 3 would not start with this engine; it takes sqlite, postgresql, mariadb", e.Written(e.Name, "postgresql")))
	}
	if v, e := s.Value("PAPERLESS_SECRET_KEY"); e == nil || v == "" || v == "change-me" {
		p := s.Anywhere("Paperless-ngx 3 would not start without a PAPERLESS_SECRET_KEY of your own", "set it before the upgrade; everybody has to sign in again once")
		if e != nil {
			p = e.AtValue(p.Message, p.Fix)
		}
		p.Setting = "PAPERLESS_SECRET_KEY"
		out = append(out, p)
	}
	return out
}

// newerThanKnown reports whether the image is newer than every version that was recorded:
// a name that is not known may be one of its own.
func newerThanKnown(s *source.Set) bool {
	known, err := deployment.KnownVersions()
	if err != nil {
		return true
	}
	newest := deployment.NewestObserved(known.Paperless)
	return s.ImageVersion != newest && s.ImageVersion != "" && deployment.AtLeast(s.ImageVersion, newest)
}
