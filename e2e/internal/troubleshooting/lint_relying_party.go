package troubleshooting

import (
	"fmt"
	"regexp"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// checkConnect says what the redirect does beside the sign-in page. A rule of the proxy
// against it does not show in the files, so this is no more than a note.
func checkConnect(s *source.Set) []source.Problem {
	e := switchedOn(s, deployment.RedirectToSSO)
	if e == nil || !ssoMeant(s) || len(checkRedirect(s)) > 0 {
		return nil // does not redirect: REDIR-OFF
	}
	path := paperless.StartPath("<provider_id>")
	if id := s.App.ProviderID; id != "" {
		path = paperless.StartPath(id)
	}
	return []source.Problem{e.AtValue("the page that links an account submits itself as well, also where another site opens it in the browser of who is signed in",
		"a rule of the reverse proxy: 403 for exactly "+path+" where the header Sec-Fetch-Site is cross-site or same-site")}
}

// checkTokenPost is about who asks for client_secret_post; where nothing is set it is
// the version's choice, and the upgrade's hazard.
func checkTokenPost(s *source.Set) []source.Problem {
	var out []source.Problem
	for _, app := range s.Apps {
		if n := app.Get("settings").Get("token_auth_method"); n != nil && n.Text() == oidc.SecretPost {
			out = append(out, s.AtJSON(n, "the client secret is part of the body: a redirect of the token endpoint would carry it on", `"`+oidc.SecretBasic+`", unless something on the way drops the Authorization header`))
		}
	}
	return out
}

// nullSub are mappings whose sub is None: always, or for who lacks an attribute.
var nullSub = lazyregexp.New(`["']sub["']\s*:\s*(?:None\b|(?:request\.)?user\.(?:group_)?attributes(?:\(\))?\.get\(\s*["'][^"']*["']\s*(?:,\s*None\s*)?\)\s*[,}])`)

func checkNullSub(s *source.Set) []source.Problem {
	if idpProvider(s) == nil {
		return nil
	}
	var out []source.Problem
	for _, m := range selected(s.Deployment) {
		if nullSub.MatchString(m.Expression) {
			out = append(out, s.AtBlueprint("the scope mapping "+m.Name+" makes sub null for some users: Paperless takes all of them for one", "no sub in the mapping; sub_mode: hashed_user_id",
				"mappings/"+m.Name, "providers/"+idpProvider(s).Name+"/property_mappings"))
		}
	}
	return out
}

func checkGroupString(s *source.Set) []source.Problem {
	if idpProvider(s) == nil || switchedOn(s, syncGroups) == nil {
		return nil
	}
	claim := groupsClaim(s.Deployment)
	text := regexp.MustCompile(fmt.Sprintf(`["']%s["']\s*:\s*(?:[rf]?(?:"[^"]*"|'[^']*')(?:\s*[,}]|\.join\()|str\(|(?:request\.)?user\.(?:username|email|name)\s*[,}])`, regexp.QuoteMeta(claim)))
	var out []source.Problem
	for _, m := range selected(s.Deployment) {
		if text.MatchString(m.Expression) {
			out = append(out, s.AtBlueprint("the scope mapping "+m.Name+" returns "+claim+" as one string: Paperless reads it letter by letter", "a list of names, such as "+groupNames(s.Deployment.Authentik.Version),
				"mappings/"+m.Name, "providers/"+idpProvider(s).Name+"/property_mappings"))
		}
	}
	return out
}
