package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// fileRules are about how a value gets from the file into the container. Those
// without a check are found by the readers themselves.
func fileRules() []Rule {
	return []Rule{
		{Code: "CFG-TAB", Level: Error, Title: "YAML is indented with spaces", Doc: "YAML does not allow tabs there: Compose refuses the file.", Breaks: "login-page"},
		{Code: "CFG-DUPKEY", Level: Error, Title: "Every key stands once", Doc: "Compose refuses a file with a key twice in one mapping.", Breaks: "login-page", Lost: true, check: checkTwice},
		{Code: "CFG-ENVLINE", Level: Error, Title: "Variables have the form of their place", Doc: "NAME=value in a YAML mapping, or NAME: value in a list, is not what it looks like.", Breaks: "login-page", Lost: true},
		{Code: "CFG-COMPOSE", Level: Error, Title: "Compose takes the file", Doc: "Compose refuses the file, so nothing starts.", Breaks: "login-page"},
		{Code: "CFG-ENVFILE", Level: Error, Title: "Every env_file is there", Doc: "Compose refuses to start without it.", Breaks: "login-page"},
		{Code: "CFG-BOM", Level: Error, Title: "Files begin with their first character", Doc: "A byte order mark becomes part of the first name.", Lost: true},
		{Code: "CFG-UNSET", Level: Warning, Title: "Every ${NAME} has a value", Doc: "Compose puts nothing in its place.", Lost: true, check: checkUnset},
		{Code: "CFG-DOLLAR", Level: Error, Title: "A $ that belongs to a value arrives", Doc: "Compose takes $name for a variable: a secret with a $ arrives shortened.", Lost: true, check: checkDollar},
		{Code: "CFG-QUOTES", Level: Error, Title: "Values have no quotes of their own", Doc: "In - NAME=\"value\" the quotes are part of the value.", Lost: true, check: checkQuotes},
		{Code: "CFG-SECRETQUOTES", Level: Error, Title: "The client secret has no quotes of its own", Doc: "authentik refuses the secret.", check: checkSecretQuotes},
		{Code: "CFG-NEWLINE", Level: Error, Title: "Values have no line break at the end", Doc: "A line break becomes part of the secret or the name.", Lost: true, check: checkNewline},
		{Code: "CFG-SPACES", Level: Warning, Title: "Values have no blanks around them", Doc: "Blanks become part of the value.", Lost: true, check: checkSpaces},
		{Code: "CFG-COMMENT", Level: Warning, Title: "No part of a value is taken for a comment", Doc: "In an env file everything behind \" #\" is dropped.", Lost: true, check: checkComment},
		{Code: "CFG-YAMLMAP", Level: Error, Title: "The provider JSON is a text for YAML", Doc: "Without quotes YAML makes a mapping of it, and Compose refuses the file.", Lost: true, check: checkYAMLMap},
		{Code: "CFG-DOTENV", Level: Warning, Title: "Settings in .env reach the container", Doc: ".env only fills ${NAME}; without env_file nothing of it reaches the container.", Lost: true, check: checkDotenv},
		{Code: "CFG-SERVICE", Level: Warning, Title: "Login settings stand at the Paperless service", Doc: "Another service does not read them.", Lost: true, check: checkService},
		{Code: "CFG-CASE", Level: Warning, Title: "Variable names are in capitals", Doc: "Names are case-sensitive: Paperless does not see this one.", Lost: true, check: checkCase},
		{Code: "CFG-OVERRIDE", Level: Info, Title: "Every login setting is given once", Doc: "A later definition replaces the earlier one.", Lost: true, check: checkOverride},
		{Code: "CFG-FILE", Level: Error, Title: "Secret files are where *_FILE says", Doc: "Paperless goes on without the setting: SSO disappears without a word.", Lost: true, check: checkSecretFile},
		{Code: "CFG-FILEBOTH", Level: Warning, Title: "A setting comes from the file or from the variable", Doc: "With both, the file counts.", Lost: true, check: checkFileBoth},
		{Code: "CFG-IGNORE", Level: Warning, Title: "Comments ignore codes that are there", Doc: "A comment with a code that no rule has ignores nothing.", check: checkIgnore},
	}
}

// checkTwice finds a variable twice in one env file or list, where the last counts.
func checkTwice(s *subject) []problem {
	var out []problem
	first := map[string]*entry{}
	for _, e := range s.all {
		key := e.file.path + "\x00" + e.from + "\x00" + e.name
		if before := first[key]; before != nil && before.value != e.value {
			line, _ := before.file.at(before.nameAt)
			p := e.atName(fmt.Sprintf("%s is there twice; line %d does not count", e.name, line), "keep one of the two")
			p.level = Warning
			out = append(out, p)
		}
		first[key] = e
	}
	return out
}

// effective are the variables that count, in the order of the files.
func (s *subject) effective() []*entry {
	var out []*entry
	for _, e := range s.all {
		if s.vars[e.name] == e {
			out = append(out, e)
		}
	}
	return out
}

// refAt is the place of a reference in a value.
func refAt(e *entry, ref reference) (at, width int) {
	text := e.file.text
	from := e.valueAt
	// The raw value and the text agree but for quoting, so the reference's own
	// words find it, counted from the front.
	nth := strings.Count(e.raw[:min(ref.at, len(e.raw))], ref.text)
	for range nth + 1 {
		i := strings.Index(string(text[from:min(e.end, len(text))]), ref.text)
		if i < 0 {
			return e.valueAt, 1
		}
		at, from = from+i, from+i+len(ref.text)
	}
	return at, len(ref.text)
}

func checkUnset(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		if !strings.HasPrefix(e.name, "PAPERLESS_") {
			continue
		}
		for _, ref := range e.refs {
			if ref.name == "" || ref.known || ref.plain && !e.meant(ref) || ref.sub != "" {
				continue
			}
			at, width := refAt(e, ref)
			p := problem{
				file: e.file, at: at, width: width, setting: e.name,
				message: "${" + ref.name + "} has no value: Compose puts nothing in its place",
				fix:     "set " + ref.name + " in .env beside the compose file",
			}
			if e.from == "manifest" || e.from == "values" {
				p.message = "$(" + ref.name + ") has no value: no variable of that name stands before it, so it stays as it is written"
				p.fix = "set " + ref.name + " before it in the same list"
			}
			if e.unknown != "" || len(e.gaps) > 0 {
				p.level = Info
				p.message = "${" + ref.name + "} has no value here; it is set where the stack is (Portainer), or Compose puts nothing in its place"
				p.fix = "set " + ref.name + " in the environment of the stack"
				out = append(out, p)
				continue
			}
			if e.name == deployment.ProvidersKey || e.name == "PAPERLESS_SECRET_KEY" || e.name == "PAPERLESS_APPS" {
				p.level = Error
			}
			out = append(out, p)
		}
	}
	return out
}

func checkDollar(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		if !strings.HasPrefix(e.name, "PAPERLESS_") {
			continue
		}
		for _, ref := range e.refs {
			if ref.name == "" || !ref.plain || ref.known || e.meant(ref) {
				continue
			}
			at, width := refAt(e, ref)
			p := problem{
				file: e.file, at: at, width: width, setting: e.name,
				message: "Compose takes this $ and the letters behind it for a variable that is not set: the value arrives without them",
				fix:     "write $$ for a $ that belongs to the value",
			}
			if e.from == "env_file" {
				p.fix = "put the value in single quotes: then Compose leaves every $ alone"
				if e.style == double {
					p.fix = `write \$ for a $ that belongs to the value`
				}
			} else {
				p.edit = replace(e.file, at, 1, "$$")
			}
			if !deployment.SecretName(e.name) && e.name != deployment.ProvidersKey {
				p.level = Warning
			}
			out = append(out, p)
		}
	}
	return out
}

func checkQuotes(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		v := strings.TrimSpace(e.value)
		if !strings.HasPrefix(e.name, "PAPERLESS_") || len(v) < 2 || v[0] != '"' && v[0] != '\'' || v[len(v)-1] != v[0] {
			continue
		}
		level := Warning
		setting := s.data.byName[e.name]
		if e.name == deployment.ProvidersKey || e.name == "PAPERLESS_APPS" || e.name == "PAPERLESS_URL" || deployment.SecretName(e.name) ||
			setting != nil && (setting.Type == "bool" || strings.HasPrefix(setting.Type, "json")) {
			level = Error
		}
		message := "the quotes are part of the value"
		fix := "remove them"
		if e.style == listed {
			message = "in a list item the quotes are part of the value: " + e.name + " begins and ends with them"
			fix = "quote the whole item, - '" + e.name + "=…', or use no quotes"
		}
		p := e.atValue(message, fix)
		p.level = level
		if e.style == listed && e.quote != 0 && !strings.ContainsAny(e.raw[1:len(e.raw)-1], "\"'#:{}[],&*") {
			p.edit = replace(e.file, e.valueAt, e.end-e.valueAt, e.raw[1:len(e.raw)-1])
		}
		out = append(out, p)
	}
	return out
}

func checkSecretQuotes(s *subject) []problem {
	var out []problem
	for _, app := range s.apps {
		for _, key := range []string{"secret", "client_id"} {
			n := app.get(key)
			if v := n.text(); len(v) > 1 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
				out = append(out, s.atJSON(n, "the "+key+" begins and ends with a quote of its own", "remove the inner quotes"))
			}
		}
	}
	return out
}

func checkNewline(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		if !strings.HasPrefix(e.name, "PAPERLESS_") || e.name == deployment.ProvidersKey || !strings.HasSuffix(e.value, "\n") {
			continue
		}
		p := e.atValue("the value ends in a line break, which becomes part of it", "write it on one line, behind its name")
		if e.style == literal || e.style == folded {
			p.fix = "write " + strings.TrimRight(string(e.file.text[e.valueAt:e.valueAt+1]), "\n") + "- instead, which drops the line break"
			if string(e.file.text[e.valueAt+1:min(e.valueAt+2, len(e.file.text))]) == "\n" {
				p.edit = replace(e.file, e.valueAt, 1, string(e.file.text[e.valueAt])+"-")
			}
		}
		setting := s.data.byName[e.name]
		if !deployment.SecretName(e.name) && (setting == nil || setting.Type != "bool") && e.name != "PAPERLESS_APPS" && e.name != "PAPERLESS_URL" {
			p.level = Warning
		}
		out = append(out, p)
	}
	for _, app := range s.apps {
		for _, key := range []string{"secret", "client_id", "provider_id"} {
			if n := app.get(key); strings.ContainsAny(n.text(), "\r\n") {
				out = append(out, s.atJSON(n, "there is a line break in "+key, "remove the \\n"))
			}
		}
		if u := app.get("settings").get("server_url"); strings.ContainsAny(u.text(), "\r\n") {
			out = append(out, s.atJSON(u, "there is a line break in server_url", "remove the \\n"))
		}
	}
	return out
}

func checkSpaces(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		if !strings.HasPrefix(e.name, "PAPERLESS_") || e.name == deployment.ProvidersKey || strings.HasSuffix(e.value, "\n") {
			continue
		}
		if strings.TrimSpace(e.value) != e.value && strings.TrimSpace(e.value) != "" {
			p := e.atValue("there are blanks around the value, and they become part of it", "remove them")
			if set := s.data.byName[e.name]; set != nil && set.Type == "bool" && s.paperless().AtLeast("3.0.0") {
				p.level = Error
			}
			out = append(out, p)
		}
	}
	for _, app := range s.apps {
		for _, key := range []string{"secret", "client_id", "provider_id"} {
			if n := app.get(key); strings.Trim(n.text(), " \t") != n.text() {
				p := s.atJSON(n, "there are blanks around "+key, "remove them")
				p.level = Error
				out = append(out, p)
			}
		}
	}
	return out
}

func checkComment(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		if e.extra == "" || e.from == "environment" || e.style != bare || !strings.HasPrefix(e.name, "PAPERLESS_") {
			continue
		}
		if strings.ContainsAny(e.extra, `{}"]`) || deployment.SecretName(e.name) {
			out = append(out, e.atValue("everything behind \" #\" is a comment here and does not arrive", "put the value in single quotes"))
		}
	}
	return out
}

func checkYAMLMap(s *subject) []problem {
	var out []problem
	for _, e := range s.all {
		if e.style != mapping || !strings.HasPrefix(e.name, "PAPERLESS_") {
			continue
		}
		p := e.atValue(e.name+" is not quoted, so YAML reads a mapping or list where Compose wants a text: Compose refuses the file",
			"put the JSON in single quotes, or below >- and indented")
		p.setting, p.refuses = e.name, byCompose
		if text := string(e.file.text[e.valueAt:min(e.end, len(e.file.text))]); !strings.ContainsAny(text, "'\n") && strings.HasPrefix(text, "{") {
			p.edit = replace(e.file, e.valueAt, len(text), "'"+text+"'")
		}
		out = append(out, p)
	}
	return out
}

func checkDotenv(s *subject) []problem {
	var out []problem
	if s.project == nil {
		return nil
	}
	for _, e := range s.project.dotenv {
		if !strings.HasPrefix(e.name, "PAPERLESS_") || !s.data.known(e.name) || s.vars[e.name] != nil {
			continue
		}
		used := slices.ContainsFunc(s.all, func(v *entry) bool {
			return slices.ContainsFunc(v.refs, func(r reference) bool { return r.name == e.name })
		})
		if !used && !s.project.uses(e.name) {
			p := e.atName(e.name+" stands in .env only: Compose uses .env to fill ${NAME}, nothing of it reaches the container",
				"add env_file: .env to the service, or "+e.name+": ${"+e.name+"} to its environment")
			if !loginVariable(e.name) {
				p.level = Info
			}
			out = append(out, p)
		}
	}
	return out
}

func checkService(s *subject) []problem {
	var out []problem
	if s.project == nil {
		return nil
	}
	for _, e := range s.project.others {
		if loginVariable(e.name) && s.data.known(e.name) && s.vars[e.name] == nil && !paperlessImage.MatchString(s.project.images[e.service]) {
			out = append(out, e.atName(e.name+" is set at the service "+e.service+", which does not read it", "move it to "+s.project.service))
		}
	}
	return out
}

var lowerName = regexp.MustCompile(`^[A-Za-z_0-9]+$`)

func checkCase(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		upper := strings.ToUpper(e.name)
		if upper != e.name && lowerName.MatchString(e.name) && strings.HasPrefix(upper, "PAPERLESS_") && s.data.known(upper) {
			p := e.atName("names are case-sensitive: Paperless reads "+upper, upper)
			p.edit, p.meant = e.rename(upper), upper
			if loginVariable(upper) {
				p.level = Error
			}
			out = append(out, p)
		}
	}
	return out
}

func checkOverride(s *subject) []problem {
	var out []problem
	for _, e := range s.effective() {
		if e.over == nil || e.over.value == e.value || !strings.HasPrefix(e.name, "PAPERLESS_") || !s.data.known(e.name) {
			continue
		}
		if e.over.file.path == e.file.path && e.over.from == e.from {
			continue // CFG-DUPKEY
		}
		out = append(out, e.over.atName("this "+e.name+" does not count: "+e.origin().String()+" replaces it", "remove one of the two"))
	}
	return out
}

func checkSecretFile(s *subject) []problem {
	var out []problem
	for _, m := range s.missingFiles {
		e := s.vars[m.name]
		base := strings.TrimSuffix(m.name, "_FILE")
		var p problem
		switch {
		case m.host != "":
			p = e.atValue(m.target+" is "+m.host+" on this machine, which cannot be read: Paperless goes on without "+base, "create the file")
		case s.project == nil:
			p = e.atValue("whether "+m.target+" is there cannot be seen from here", "give the compose file too")
			p.level = Info
		default:
			p = e.atValue("no secret and no volume puts "+m.target+" into the container: Paperless goes on without "+base,
				"add the secret to the service, or mount the file")
		}
		if p.level == "" && base != deployment.ProvidersKey && base != "PAPERLESS_SECRET_KEY" {
			p.level = Warning
		}
		out = append(out, p)
	}
	return out
}

func checkFileBoth(s *subject) []problem {
	var out []problem
	for base := range s.files {
		if e := s.vars[base]; e != nil && e.set && s.vars[base+"_FILE"] != nil {
			out = append(out, e.atName(base+" is set, and "+base+"_FILE too: the file counts", "keep one of the two"))
		}
	}
	return out
}
