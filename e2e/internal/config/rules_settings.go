package config

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// loginVariable tells whether a variable belongs to signing in.
func loginVariable(name string) bool {
	for _, part := range []string{"SOCIAL", "PAPERLESS_APPS", "LOGIN", "LOGOUT", "ALLAUTH", "PAPERLESS_URL", "REMOTE_USER", "ACCOUNT", "SSO", "OIDC"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// settingRules are about names and words of settings.
func settingRules() []Rule {
	return []Rule{
		{Code: "CFG-UNKNOWN", Level: Warning, Title: "Paperless reads every setting", Doc: "Names that this version does not read are ignored without a word.", Lost: true, check: checkUnknown},
		{Code: "CFG-BOOL", Level: Warning, Title: "Switches have words that this version takes", Doc: "v2 takes other words for false; v3 does not start.", check: checkBool},
		{Code: "CFG-CHOICE", Level: Error, Title: "Settings have one of their values", Doc: "Other values are not checked, or stop Paperless.", Breaks: "login-page", check: checkChoice},
		{Code: "CFG-NUMBER", Level: Error, Title: "Numbers are numbers", Doc: "Paperless does not start.", Breaks: "login-page", check: checkNumber},
		{Code: "CFG-SECRETKEY", Level: Error, Title: "Paperless-ngx 3 has a secret key of its own", Doc: "It does not start without.", check: checkSecretKey},
		{Code: "CFG-DEPRECATED", Level: Info, Title: "No setting is on its way out", Doc: "It still works and will be removed.", check: checkDeprecated},
		{Code: "CFG-MAILOAUTH", Level: Warning, Title: "Mail settings are not taken for sign-in settings", Doc: "PAPERLESS_OAUTH_CALLBACK_BASE_URL does not change the redirect URI.", check: checkMailOAuth},
		{Code: "CFG-URLSLASH", Level: Error, Title: "PAPERLESS_URL is an origin", Doc: "With a path or a slash at the end Paperless does not start.", check: checkURLSlash},
		{Code: "CFG-URLSCHEME", Level: Error, Title: "PAPERLESS_URL has a scheme", Doc: "Without it Paperless does not start.", check: checkURLScheme},
		{Code: "CFG-PLACEHOLDER", Level: Error, Title: "Every placeholder is filled in", Doc: "YOUR-CLIENT-ID, <slug>, changeme and their like are for you to replace.", Lost: true, check: checkPlaceholder},
		{Code: "VER-OLD", Level: Error, Title: "The version has OpenID Connect", Doc: "It came with 2.5.0.", check: checkVersion},
		{Code: "VER-REDIRECT", Level: Error, Title: "The version knows PAPERLESS_REDIRECT_LOGIN_TO_SSO", Doc: "It came with 2.11.0; before, it is ignored.", check: checkSince(deployment.RedirectToSSO)},
		{Code: "VER-SSOONLY", Level: Error, Title: "The version knows PAPERLESS_DISABLE_REGULAR_LOGIN", Doc: "It came with 2.6.0; before, it is ignored.", check: checkSince(deployment.DisableRegularLogin)},
		{Code: "VER-GUESSED", Level: Info, Title: "The image says its version", Doc: "With latest or without a tag the newest known version is assumed.", check: checkGuessed},
		{Code: "UPG-CHANGED", Level: Warning, Title: "No setting changes its meaning on the way to the version asked for", Doc: "What a version between changed about a setting that is used here.", check: checkUpgrade},
		{Code: "UPG-REMOVED", Level: Warning, Title: "Every setting is still there in this version", Doc: "Paperless ignores what a version has removed, without a word.", check: checkRemoved},
		{Code: "UPG-V3", Level: Info, Title: "The configuration would also start on Paperless-ngx 3", Doc: "3.0.0 is stricter: words for booleans, the secret key, the database engine.", check: checkV3},
	}
}

func checkUnknown(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		name := e.name
		if !strings.HasPrefix(name, "PAPERLESS_") {
			continue
		}
		if set := s.data.byName[name]; set != nil {
			since := set.since()
			if since == "" || s.paperless().AtLeast(since) || name == deployment.RedirectToSSO || name == deployment.DisableRegularLogin {
				continue
			}
			out = append(out, e.atName(fmt.Sprintf("Paperless-ngx %s does not read %s; %s is the first that does", s.paperless().Version, name, since), "use "+since+" or later, or remove it"))
			continue
		}
		if s.data.known(name) {
			continue
		}
		switch name {
		case "PAPERLESS_ENABLE_ALLAUTH":
			p := e.atName("no version of Paperless reads it: allauth is always there since 2.5.0", "remove the line")
			p.edit = e.remove()
			out = append(out, p)
			continue
		case "PAPERLESS_AUTO_LOGIN":
			p := e.atName("no version of Paperless reads it (PAPERLESS_AUTO_LOGIN_USERNAME is something else, and dangerous)",
				"remove the line; to go to SSO at once: "+e.written(deployment.RedirectToSSO, "true"))
			p.edit = e.remove()
			out = append(out, p)
			continue
		}
		real := s.data.realName(name)
		if real == deployment.AutoSignup && s.vars[real] == nil {
			continue // SIGN-OFF says it
		}
		if real != "" {
			p := e.atName("no version of Paperless reads "+name+"; did you mean "+real+"?", real)
			p.meant = real
			if s.vars[real] == nil {
				p.edit = e.rename(real)
			} else {
				p.message = "no version of Paperless reads " + name + "; " + real + " is there too"
				p.fix = "remove the line"
				p.edit = e.remove()
			}
			if real == deployment.ProvidersKey || real == "PAPERLESS_APPS" {
				p.level = Error
			}
			out = append(out, p)
			continue
		}
		p := e.atName("ssocheck does not know "+name+" as a setting of Paperless", "check the spelling if it should do something")
		p.level = Info
		if near := s.data.nearest(name); near != "" && !s.newerThanKnown() {
			p.level = Warning
			p.message = "no version of Paperless reads " + name + "; the nearest name that is read is " + near
			p.fix = "remove the line, or use " + near + " if that is what you mean"
		}
		out = append(out, p)
	}
	return out
}

var boolWord = regexp.MustCompile(`(?i)^(?:true|1|t|y|yes|false|0|f|n|no)$`)

// isBool tells whether this version takes a word: all do when it means true,
// v2 takes anything else for false.
func (s *subject) badBool(e *entry) bool {
	v := e.value
	return !boolWord.MatchString(v) && (v != "" || s.paperless().AtLeast("3.0.0"))
}

func (s *subject) bools() []*entry {
	var out []*entry
	for _, e := range s.effective() {
		if set := s.data.byName[e.name]; set != nil && set.Type == "bool" && e.set {
			out = append(out, e)
		}
	}
	return out
}

// decisive are the switches without which people do not get in as was meant.
var decisive = map[string]bool{
	deployment.AutoSignup: true, deployment.RedirectToSSO: true, deployment.DisableRegularLogin: true, deployment.RemoteUser: true,
	"PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS": true,
}

func checkBool(s *subject) []problem {
	var out []problem
	for _, e := range s.bools() {
		if !s.badBool(e) {
			continue
		}
		word := "true"
		if !yesWord(e.value) {
			word = "false"
		}
		message := "this word counts as false"
		if word == "false" {
			message = "this is no word for true or false; it counts as false"
		}
		p := e.atValue(message, e.written(e.name, word))
		if s.paperless().AtLeast("3.0.0") {
			p.level = Error
			p.message = "Paperless-ngx 3 does not start with this word; it takes true and false"
		} else if word == "true" && decisive[e.name] {
			p.level = Error
			p.message += ", although it is meant to be on"
		}
		p.edit = e.revalue(word)
		out = append(out, p)
	}
	return out
}

// yesWord tells whether a person who writes this word means yes.
func yesWord(v string) bool {
	switch strings.ToLower(strings.Trim(v, " \t\r\n\"'")) {
	case "true", "1", "t", "y", "yes", "on", "enable", "enabled", "ja", "oui", "si":
		return true
	}
	return false
}

func checkChoice(s *subject) []problem {
	var out []problem
	choices := map[string][]string{
		"PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL": {"http", "https"},
		"PAPERLESS_ACCOUNT_EMAIL_VERIFICATION":    {"none", "optional", "mandatory"},
	}
	if s.paperless().AtLeast("3.0.0") {
		choices["PAPERLESS_DBENGINE"] = []string{"sqlite", "postgresql", "mariadb"}
	}
	for _, e := range s.effective() {
		allowed := choices[e.name]
		if allowed == nil || !e.set || strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+e.value+" ") {
			continue
		}
		p := e.atValue(e.name+" takes "+strings.Join(allowed, ", "), e.written(e.name, nearest(e.value, allowed)))
		if e.name == "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION" {
			p.level = Warning
		}
		out = append(out, p)
	}
	return out
}

// nearest is the allowed word that was probably meant, else all of them.
func nearest(v string, allowed []string) string {
	v = strings.ToLower(strings.Trim(v, " \"'"))
	for _, a := range allowed {
		if a == v || v != "" && (strings.HasPrefix(a, v) || strings.HasPrefix(v, a)) {
			return a
		}
	}
	return strings.Join(allowed, "|")
}

var digits = regexp.MustCompile(`^\d+$`)

func checkNumber(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		set := s.data.byName[e.name]
		if set == nil || !strings.HasPrefix(set.Type, "int") || !e.set || digits.MatchString(strings.TrimSpace(e.value)) || set.Category == "boot" {
			continue
		}
		if since := set.since(); since != "" && !s.paperless().AtLeast(since) {
			continue
		}
		out = append(out, e.atValue(e.name+" is not a whole number: Paperless does not start", "write digits only"))
	}
	return out
}

func checkSecretKey(s *subject) []problem {
	if !s.paperless().AtLeast("3.0.0") {
		return nil
	}
	v, e := s.value("PAPERLESS_SECRET_KEY")
	switch {
	case e == nil:
		p := s.anywhere("Paperless-ngx 3 does not start without PAPERLESS_SECRET_KEY", s.line("PAPERLESS_SECRET_KEY", "<output of openssl rand -base64 48>"))
		p.setting = "PAPERLESS_SECRET_KEY"
		return []problem{p}
	case strings.TrimSpace(v) == "" || v == "change-me":
		return []problem{e.atValue("Paperless-ngx 3 does not start with this PAPERLESS_SECRET_KEY", s.line("PAPERLESS_SECRET_KEY", "<output of openssl rand -base64 48>"))}
	}
	return nil
}

func checkDeprecated(s *subject) []problem {
	var out []problem
	if !s.paperless().AtLeast("3.0.0") {
		return nil
	}
	for _, e := range s.effective() {
		if set := s.data.byName[e.name]; set != nil && strings.HasPrefix(set.Behaviour, "Deprecated in v3") {
			out = append(out, e.atName(e.name+" is deprecated since 3.0.0 and still read", "move it to PAPERLESS_DB_OPTIONS"))
		}
	}
	return out
}

func checkMailOAuth(s *subject) []problem {
	if _, e := s.value("PAPERLESS_OAUTH_CALLBACK_BASE_URL"); e != nil {
		return []problem{e.atName("it is for fetching mail; the redirect URI of the sign-in does not come from it", "PAPERLESS_URL, and a proxy that passes the Host header on")}
	}
	return nil
}

var schemeText = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://`)

func checkURLSlash(s *subject) []problem {
	v, e := s.value("PAPERLESS_URL")
	if e == nil || !schemeText.MatchString(v) {
		return nil
	}
	host := v[strings.Index(v, "://")+3:]
	i := strings.IndexAny(host, "/?#")
	if i < 0 {
		return nil
	}
	origin := v[:len(v)-len(host)+i]
	p := e.atValue("PAPERLESS_URL has more than scheme and host: Paperless does not start (corsheaders.E014)", e.written("PAPERLESS_URL", origin))
	p.edit = e.revalue(origin)
	if strings.Trim(host[i:], "/") != "" {
		p.fix += "; a path belongs in PAPERLESS_FORCE_SCRIPT_NAME"
		p.edit = nil
	}
	return []problem{p}
}

func checkURLScheme(s *subject) []problem {
	v, e := s.value("PAPERLESS_URL")
	if e == nil || v == "" || schemeText.MatchString(v) || strings.ContainsAny(v, `"'<`) {
		return nil
	}
	p := e.atValue("PAPERLESS_URL has no scheme: Paperless does not start (4_0.E001)", e.written("PAPERLESS_URL", "https://"+v))
	p.edit = e.revalue("https://" + v)
	return []problem{p}
}

func checkVersion(s *subject) []problem {
	if s.paperless().AtLeast("2.5.0") {
		return nil
	}
	p := s.anywhere("Paperless-ngx "+s.paperless().Version+" has no OpenID Connect: it came with 2.5.0", "use a newer image")
	if s.project != nil {
		for _, d := range s.project.docs {
			for _, svc := range d.services() {
				if n := d.get(svc.value, "image"); svc.key == s.project.service && n != nil {
					p.file, p.at, p.width, p.setting = d.read, d.place(n.GetToken()), len(d.text(n)), ""
				}
			}
		}
	}
	return []problem{p}
}

func checkSince(name string) func(*subject) []problem {
	return func(s *subject) []problem {
		since := deployment.Introduced(name)
		v, e := s.value(name)
		if e == nil || !yesWord(v) || s.paperless().AtLeast(since) || !s.paperless().AtLeast("2.5.0") {
			return nil
		}
		return []problem{e.atName(fmt.Sprintf("Paperless-ngx %s does not read %s; %s is the first that does", s.paperless().Version, name, since), "use "+since+" or later")}
	}
}

// checkUpgrade tells what changes about the settings in use between the
// version of the image and the one that was asked for.
func checkUpgrade(s *subject) []problem {
	var out []problem
	from, to := cmp.Or(s.reader.sources.from, s.imageVersion), s.paperless().Version
	if from == "" || from == to || deployment.AtLeast(from, to) {
		return nil
	}
	for _, e := range s.effective() {
		set := s.data.byName[e.name]
		if set == nil {
			continue
		}
		for _, c := range set.Changes {
			m := semverText.FindStringSubmatch(c.Version)
			if m == nil || deployment.AtLeast(from, m[1]) || !deployment.AtLeast(to, m[1]) {
				continue
			}
			out = append(out, e.atName(fmt.Sprintf("%s changes with %s, between %s and %s: %s", e.name, m[1], from, to, c.Change), "look at it before the upgrade"))
		}
	}
	return out
}

// checkRemoved tells of settings that are gone in this version. They have
// nothing to do with signing in; an upgrade is when people want to hear it.
func checkRemoved(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		gone, ok := s.data.removed[e.name]
		if !ok || !s.paperless().AtLeast(gone.since) {
			continue
		}
		fix := "remove it"
		if gone.instead != "" {
			fix = "use " + gone.instead
		}
		out = append(out, e.atName(e.name+" is not read any more since "+gone.since, fix))
	}
	return out
}

// checkV3 tells, on the last v2, what would keep v3 from starting.
func checkV3(s *subject) []problem {
	if !s.paperless().AtLeast("2.5.0") || s.paperless().AtLeast("3.0.0") {
		return nil
	}
	var out []problem
	for _, e := range s.bools() {
		if !boolWord.MatchString(e.value) && !s.badBool(e) {
			out = append(out, e.atValue("Paperless-ngx 3 would not start with this word", e.written(e.name, "false")))
		}
	}
	if v, e := s.value("PAPERLESS_DBENGINE"); e != nil && v != "sqlite" && v != "postgresql" && v != "mariadb" {
		out = append(out, e.atValue("Paperless-ngx 3 would not start with this engine; it takes sqlite, postgresql, mariadb", e.written(e.name, "postgresql")))
	}
	if v, e := s.value("PAPERLESS_SECRET_KEY"); e == nil || v == "" || v == "change-me" {
		p := s.anywhere("Paperless-ngx 3 would not start without a PAPERLESS_SECRET_KEY of your own", "set it before the upgrade; everybody has to sign in again once")
		if e != nil {
			p = e.atValue(p.message, p.fix)
		}
		p.setting = "PAPERLESS_SECRET_KEY"
		out = append(out, p)
	}
	return out
}

// newerThanKnown tells whether the image is newer than every version known here:
// a name that is not known may be one of its own.
func (s *subject) newerThanKnown() bool {
	known, err := deployment.KnownVersions()
	if err != nil {
		return true
	}
	newest := latest(known.Paperless)
	return s.imageVersion != newest && s.imageVersion != "" && deployment.AtLeast(s.imageVersion, newest)
}
