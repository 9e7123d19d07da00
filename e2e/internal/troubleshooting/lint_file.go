package troubleshooting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// checkTwice finds a variable twice in one env file or list, where the last counts.
func checkTwice(s *source.Set) []source.Problem {
	var out []source.Problem
	first := map[string]*source.Entry{}
	for _, e := range s.All {
		key := e.File.Path + "\x00" + e.From + "\x00" + e.Name
		if before := first[key]; before != nil && before.Value != e.Value {
			line, _ := before.File.At(before.NameAt)
			p := e.AtName(fmt.Sprintf("%s is a duplicate; line %d does not count", e.Name, line), "keep one of the two")
			p.Level = source.Warning
			out = append(out, p)
		}
		first[key] = e
	}
	return out
}

// refAt is the place of a reference in a value.
func refAt(e *source.Entry, ref source.Reference) (at, width int) {
	text := e.File.Text
	from := e.ValueAt
	// The raw value and the text agree but for quoting, so the reference's own
	// words find it, counted from the front.
	nth := strings.Count(e.Raw[:min(ref.At, len(e.Raw))], ref.Text)
	for range nth + 1 {
		i := strings.Index(string(text[from:min(e.End, len(text))]), ref.Text)
		if i < 0 {
			return e.ValueAt, 1
		}
		at, from = from+i, from+i+len(ref.Text)
	}
	return at, len(ref.Text)
}

func checkUnset(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		if !strings.HasPrefix(e.Name, "PAPERLESS_") {
			continue
		}
		for _, ref := range e.Refs {
			if ref.Name == "" || ref.Known || ref.Plain && !e.Meant(ref) || ref.Sub != "" {
				continue
			}
			at, width := refAt(e, ref)
			p := source.Problem{
				File: e.File, At: at, Width: width, Setting: e.Name,
				Message: "${" + ref.Name + "} has no value: Compose puts nothing in its place",
				Fix:     "set " + ref.Name + " in .env beside the compose file",
			}
			if e.From == "manifest" || e.From == "values" {
				p.Message = "$(" + ref.Name + ") has no value: no variable of that name stands before it, so it stays as it is written"
				p.Fix = "set " + ref.Name + " before it in the same list"
			}
			if e.Unknown != "" || len(e.Gaps) > 0 {
				p.Level = source.Info
				p.Message = "${" + ref.Name + "} has no value here; it is set where the stack is (Portainer), or Compose puts nothing in its place"
				p.Fix = "set " + ref.Name + " in the environment of the stack"
				out = append(out, p)
				continue
			}
			if e.Name == deployment.ProvidersKey || e.Name == "PAPERLESS_SECRET_KEY" || e.Name == "PAPERLESS_APPS" {
				p.Level = source.Error
			}
			out = append(out, p)
		}
	}
	return out
}

func checkDollar(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		if !strings.HasPrefix(e.Name, "PAPERLESS_") {
			continue
		}
		for _, ref := range e.Refs {
			if ref.Name == "" || !ref.Plain || ref.Known || e.Meant(ref) {
				continue
			}
			at, width := refAt(e, ref)
			p := source.Problem{
				File: e.File, At: at, Width: width, Setting: e.Name,
				Message: "Compose takes this $ and the letters behind it for a variable that is not set: the value arrives without them",
				Fix:     "write $$ for a $ that belongs to the value",
			}
			if e.From == "env_file" {
				p.Fix = "put the value in single quotes: then Compose leaves every $ alone"
				if e.Style == source.DoubleQuoted {
					p.Fix = `write \$ for a $ that belongs to the value`
				}
			} else {
				p.Edit = source.Replace(e.File, at, 1, "$$")
			}
			if !deployment.SecretName(e.Name) && e.Name != deployment.ProvidersKey {
				p.Level = source.Warning
			}
			out = append(out, p)
		}
	}
	return out
}

func checkQuotes(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		v := strings.TrimSpace(e.Value)
		if !strings.HasPrefix(e.Name, "PAPERLESS_") || len(v) < 2 || v[0] != '"' && v[0] != '\'' || v[len(v)-1] != v[0] {
			continue
		}
		level := source.Warning
		setting := s.Catalogue.ByName[e.Name]
		if e.Name == deployment.ProvidersKey || e.Name == "PAPERLESS_APPS" || e.Name == "PAPERLESS_URL" || deployment.SecretName(e.Name) ||
			setting != nil && (setting.Type == "bool" || strings.HasPrefix(setting.Type, "json")) {
			level = source.Error
		}
		message := "the quotes are part of the value"
		fix := "remove them"
		if e.Style == source.Listed {
			message = "in a list item the quotes are part of the value: " + e.Name + " begins and ends with them"
			fix = "quote the whole item, - '" + e.Name + "=…', or use no quotes"
		}
		p := e.AtValue(message, fix)
		p.Level = level
		if e.Style == source.Listed && e.Quote != 0 && !strings.ContainsAny(e.Raw[1:len(e.Raw)-1], "\"'#:{}[],&*") {
			p.Edit = source.Replace(e.File, e.ValueAt, e.End-e.ValueAt, e.Raw[1:len(e.Raw)-1])
		}
		out = append(out, p)
	}
	return out
}

func checkSecretQuotes(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		for _, key := range []string{"secret", "client_id"} {
			n := app.Get(key)
			if v := n.Text(); len(v) > 1 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
				out = append(out, s.AtJSON(n, "the "+key+" begins and ends with a quote of its own", "remove the inner quotes"))
			}
		}
	}
	return out
}

func checkNewline(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		if !strings.HasPrefix(e.Name, "PAPERLESS_") || e.Name == deployment.ProvidersKey || !strings.HasSuffix(e.Value, "\n") {
			continue
		}
		p := e.AtValue("the value ends in a line break, which becomes part of it", "write it on one line, behind its name")
		if e.Style == source.Literal || e.Style == source.Folded {
			p.Fix = "write " + strings.TrimRight(string(e.File.Text[e.ValueAt:e.ValueAt+1]), "\n") + "- instead, which drops the line break"
			if string(e.File.Text[e.ValueAt+1:min(e.ValueAt+2, len(e.File.Text))]) == "\n" {
				p.Edit = source.Replace(e.File, e.ValueAt, 1, string(e.File.Text[e.ValueAt])+"-")
			}
		}
		setting := s.Catalogue.ByName[e.Name]
		if !deployment.SecretName(e.Name) && (setting == nil || setting.Type != "bool") && e.Name != "PAPERLESS_APPS" && e.Name != "PAPERLESS_URL" {
			p.Level = source.Warning
		}
		out = append(out, p)
	}
	for _, app := range s.Apps {
		for _, key := range []string{"secret", "client_id", "provider_id"} {
			if n := app.Get(key); strings.ContainsAny(n.Text(), "\r\n") {
				out = append(out, s.AtJSON(n, "there is a line break in "+key, "remove the \\n"))
			}
		}
		if u := app.Get("settings").Get("server_url"); strings.ContainsAny(u.Text(), "\r\n") {
			out = append(out, s.AtJSON(u, "there is a line break in server_url", "remove the \\n"))
		}
	}
	return out
}

func checkSpaces(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		if !strings.HasPrefix(e.Name, "PAPERLESS_") || e.Name == deployment.ProvidersKey || strings.HasSuffix(e.Value, "\n") {
			continue
		}
		if strings.TrimSpace(e.Value) != e.Value && strings.TrimSpace(e.Value) != "" {
			p := e.AtValue("there are spaces around the value, and they become part of it", "remove them")
			if set := s.Catalogue.ByName[e.Name]; set != nil && set.Type == "bool" && s.Paperless().AtLeast("3.0.0") {
				p.Level = source.Error
			}
			out = append(out, p)
		}
	}
	for _, app := range s.Apps {
		for _, key := range []string{"secret", "client_id", "provider_id"} {
			if n := app.Get(key); strings.Trim(n.Text(), " \t") != n.Text() {
				p := s.AtJSON(n, "there are spaces around "+key, "remove them")
				p.Level = source.Error
				out = append(out, p)
			}
		}
	}
	return out
}

func checkComment(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		if e.Extra == "" || e.From == "environment" || e.Style != source.Bare || !strings.HasPrefix(e.Name, "PAPERLESS_") {
			continue
		}
		if strings.ContainsAny(e.Extra, `{}"]`) || deployment.SecretName(e.Name) {
			out = append(out, e.AtValue("everything behind \" #\" is a comment here and does not arrive", "put the value in single quotes"))
		}
	}
	return out
}

func checkYAMLMap(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.All {
		if e.Style != source.Mapping || !strings.HasPrefix(e.Name, "PAPERLESS_") {
			continue
		}
		p := e.AtValue(e.Name+" is not quoted, so YAML reads a mapping or list where Compose needs a string: Compose refuses the file",
			"put the JSON in single quotes, or below >- and indented")
		p.Setting, p.Refuses = e.Name, source.ByCompose
		if text := string(e.File.Text[e.ValueAt:min(e.End, len(e.File.Text))]); !strings.ContainsAny(text, "'\n") && strings.HasPrefix(text, "{") {
			p.Edit = source.Replace(e.File, e.ValueAt, len(text), "'"+text+"'")
		}
		out = append(out, p)
	}
	return out
}

func checkDotenv(s *source.Set) []source.Problem {
	var out []source.Problem
	if s.Project == nil {
		return nil
	}
	for _, e := range s.Project.Dotenv {
		if !strings.HasPrefix(e.Name, "PAPERLESS_") || !s.Catalogue.Known(e.Name) || s.Vars[e.Name] != nil {
			continue
		}
		used := slices.ContainsFunc(s.All, func(v *source.Entry) bool {
			return slices.ContainsFunc(v.Refs, func(r source.Reference) bool { return r.Name == e.Name })
		})
		if !used && !s.Project.Uses(e.Name) {
			p := e.AtName(e.Name+" stands in .env only: Compose uses .env to fill ${NAME}, nothing of it reaches the container",
				"add env_file: .env to the service, or "+e.Name+": ${"+e.Name+"} to its environment")
			if !source.LoginVariable(e.Name) {
				p.Level = source.Info
			}
			out = append(out, p)
		}
	}
	return out
}

func checkService(s *source.Set) []source.Problem {
	var out []source.Problem
	if s.Project == nil {
		return nil
	}
	for _, e := range s.Project.Others {
		if source.LoginVariable(e.Name) && s.Catalogue.Known(e.Name) && s.Vars[e.Name] == nil && !source.PaperlessImage.MatchString(s.Project.Images[e.Service]) {
			out = append(out, e.AtName(e.Name+" is set at the service "+e.Service+", which does not read it", "move it to "+s.Project.Service))
		}
	}
	return out
}

var lowerName = lazyregexp.New(`^[A-Za-z_0-9]+$`)

func checkCase(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		upper := strings.ToUpper(e.Name)
		if upper != e.Name && lowerName.MatchString(e.Name) && strings.HasPrefix(upper, "PAPERLESS_") && s.Catalogue.Known(upper) {
			p := e.AtName("names are case-sensitive: Paperless reads "+upper, upper)
			p.Edit, p.Meant = e.Rename(upper), upper
			if source.LoginVariable(upper) {
				p.Level = source.Error
			}
			out = append(out, p)
		}
	}
	return out
}

func checkOverride(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		if e.Over == nil || e.Over.Value == e.Value || !strings.HasPrefix(e.Name, "PAPERLESS_") || !s.Catalogue.Known(e.Name) {
			continue
		}
		if e.Over.File.Path == e.File.Path && e.Over.From == e.From {
			continue // CFG-DUPKEY
		}
		out = append(out, e.Over.AtName("this "+e.Name+" does not count: "+e.Origin().String()+" replaces it", "remove one of the two"))
	}
	return out
}

func checkSecretFile(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, m := range s.MissingFiles {
		e := s.Vars[m.Name]
		base := strings.TrimSuffix(m.Name, "_FILE")
		var p source.Problem
		switch {
		case m.Host != "":
			p = e.AtValue(m.Target+" is "+m.Host+" on this machine, which cannot be read: Paperless goes on without "+base, "create the file")
		case s.Project == nil:
			p = e.AtValue("whether "+m.Target+" is there cannot be seen from here", "give the compose file too")
			p.Level = source.Info
		default:
			p = e.AtValue("no secret and no volume puts "+m.Target+" into the container: Paperless goes on without "+base,
				"add the secret to the service, or mount the file")
		}
		if p.Level == "" && base != deployment.ProvidersKey && base != "PAPERLESS_SECRET_KEY" {
			p.Level = source.Warning
		}
		out = append(out, p)
	}
	return out
}

func checkFileBoth(s *source.Set) []source.Problem {
	var out []source.Problem
	for base := range s.Files {
		if e := s.Vars[base]; e != nil && e.Set && s.Vars[base+"_FILE"] != nil {
			out = append(out, e.AtName(base+" is set, and "+base+"_FILE too: the file counts", "keep one of the two"))
		}
	}
	return out
}
