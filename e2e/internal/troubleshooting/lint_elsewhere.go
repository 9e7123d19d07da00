package troubleshooting

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// checkGuessed says which version is judged, when the files do not say it, and
// that they may be a part of the configuration.
func checkGuessed(s *source.Set) []source.Problem {
	const give = "name the version in the image's tag, or give --paperless"
	var p source.Problem
	switch version := s.Paperless().Version; {
	case s.VersionNote != "":
		p = s.Anywhere(s.VersionNote, give)
	case !s.GuessedVersion:
		return nil
	case s.Fragment:
		p = s.Anywhere("nothing here says which version of Paperless it is: "+version+" is assumed; this file may be a part of the configuration, so what it lacks is not held against it",
			"give --paperless, and --complete when the file is the whole configuration")
		p.At, p.Width = 0, 0
	case s.Project == nil && s.Reader.Image == "":
		p = s.Anywhere("nothing here says which version of Paperless it is: "+version+" is assumed", "give --paperless")
		p.At, p.Width = 0, 0
	default:
		p = s.Anywhere("the image does not say which version it is; "+version+" is assumed", give)
	}
	s.AtImage(&p)
	return []source.Problem{p}
}

// checkOtherIdP says once for each app what is not checked, and what the
// provider must have.
func checkOtherIdP(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		kind, name := s.Whose(app)
		if kind == deployment.AuthentikIdP || source.ServerURL(app) == nil || isPlaceholder(source.ServerURL(app).Text()) {
			continue
		}
		at := app.Get("provider_id")
		if at == nil {
			at = source.ServerURL(app)
		}
		register := ""
		if id := app.Get("provider_id").Text(); id != "" {
			register = "register there the redirect URI " + s.Callback("oidc/"+id)
		}
		p := s.AtJSON(at, "", register)
		switch {
		case kind == deployment.OtherIdP && name != "":
			p.Message = fmt.Sprintf("the provider %s is not authentik: its side is not checked", name)
		case kind == deployment.OtherIdP:
			p.Message = "this address is none of authentik's: the provider's side is not checked"
		default:
			p.Message = "nothing says whether this provider is authentik: its side is not checked. If it is, server_url must be the OpenID Configuration URL that authentik shows at the provider"
		}
		out = append(out, p)
	}
	for _, id := range s.Natives() {
		m := s.Doc.Member(id)
		out = append(out, s.AtKey(m, fmt.Sprintf("the provider %s is not authentik: its side is not checked", deployment.IdPName(id)), "register there the redirect URI "+s.Callback(id)))
	}
	return out
}

// checkElsewhere says what is not known here, and what a run puts in its place.
func checkElsewhere(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, e := range s.Effective() {
		if !e.SignsIn() {
			continue
		}
		switch {
		case e.Unknown != "":
			p := e.AtName(e.Name+" comes from "+e.Unknown+": it is not judged, and a run "+taken(e), "give the file that sets it too, or "+source.AskContainer)
			p.Width = min(p.Width, 200)
			out = append(out, p)
		case len(e.Gaps) > 0:
			names := []string{}
			for _, g := range e.Gaps {
				if !slices.Contains(names, g.Name) {
					names = append(names, g.Name)
				}
			}
			out = append(out, e.AtName(fmt.Sprintf("%s has pieces that are not known here (%s: %s): they are not judged, and a run puts stand-ins in their place", e.Name, strings.Join(names, ", "), e.Gaps[0].Why),
				"give the file that sets them too, or "+source.AskContainer))
		}
	}
	for _, base := range slices.Sorted(maps.Keys(s.Files)) {
		if e := s.Files[base]; e.Unknown != "" {
			if at := s.Vars[base+"_FILE"]; at != nil {
				out = append(out, at.AtName(base+" comes from "+e.Unknown+": it is not judged, and a run "+taken(e), "give the file that sets it too, or "+source.AskContainer))
			}
		}
	}
	for _, where := range s.Reader.Open {
		out = append(out, s.Anywhere("more settings may come from "+where+": what they are is not judged", "give it too, or "+source.AskContainer))
	}
	return out
}

// taken says what a run does about an unknown variable.
func taken(e *source.Entry) string {
	switch what := e.Taken(); {
	case what == "left out":
		return "leaves it out"
	case strings.TrimSuffix(e.Name, "_FILE") == deployment.ProvidersKey:
		return "takes " + what + " instead"
	default:
		return "takes " + what
	}
}

// checkIgnore finds codes in comments that no rule has.
func checkIgnore(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, ig := range s.Ignorings() {
		for _, code := range ig.Codes {
			if FindRule(code) == nil {
				at := ig.At + max(0, strings.Index(strings.ToUpper(string(ig.File.Text[ig.At:])), code))
				out = append(out, source.Problem{
					File: ig.File, At: at, Width: len(code),
					Message: fmt.Sprintf("no lint rule has the code %s: the comment ignores nothing", code), Fix: "ssocheck list rules shows the codes",
				})
			}
		}
	}
	return out
}
