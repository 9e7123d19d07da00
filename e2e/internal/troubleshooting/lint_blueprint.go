package troubleshooting

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// blueprintClient is the provider of the blueprint with an app's client id; nil
// when there is none.
func blueprintClient(s *source.Set, app *source.Node) *deployment.OAuth2Provider {
	if s.Blueprint == nil {
		return nil
	}
	id := app.Get("client_id").Text()
	for i := range s.Deployment.Authentik.Providers {
		if p := &s.Deployment.Authentik.Providers[i]; id != "" && p.ClientID == id {
			return p
		}
	}
	return nil
}

func idpProvider(s *source.Set) *deployment.OAuth2Provider {
	if s.Blueprint == nil {
		return nil
	}
	return s.Deployment.Authentik.Provider(s.App.ClientID)
}

// sent is the redirect URI that Paperless sends, by what the files say.
func sentURL(s *source.Set) *url.URL {
	if s.App.ProviderID == "" {
		return nil
	}
	u, err := url.Parse(s.Paperless().URL)
	if err != nil {
		return nil
	}
	u.Scheme = "https"
	if v, _ := s.Value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"); v == "http" {
		u.Scheme = strings.SplitN(s.Paperless().URL, ":", 2)[0]
	}
	prefix, _ := s.Value("PAPERLESS_FORCE_SCRIPT_NAME")
	u.Path = strings.TrimRight(prefix, "/") + paperless.CallbackPath(s.App.ProviderID)
	return u
}

// redirects compares the registered redirect URIs with the one that is sent.
func redirectProblems(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil {
		return nil
	}
	want := sentURL(s)
	if want == nil || len(p.RedirectURIs) == 0 {
		return nil
	}
	best := component("")
	var nearest source.Problem
	sent := want
	for _, r := range p.RedirectURIs {
		want := wantedURL(s, sent, r.URL)
		if r.MatchingMode == "regex" {
			if re, err := regexp.Compile("^(?:" + r.URL + ")$"); err == nil && re.MatchString(want.String()) {
				return nil
			}
			continue
		}
		if r.URL == want.String() {
			return nil
		}
		// Of several that are registered the nearest one is the one that was meant.
		diff := firstDifference(want.String(), strings.TrimSpace(r.URL))
		if best != "" && rank[diff] <= rank[best] {
			continue
		}
		best = diff
		keys := []string{"providers/" + p.Name + "/redirect_uris", "providers/" + p.Name}
		nearest = s.AtBlueprint(fmt.Sprintf("registered %s, Paperless sends %s: they differ in %s; authentik refuses it", r.URL, sent, diff), "url: "+want.String(), keys...)
		nearest.Code = registeredCodes[diff]
		exactURL(s, &nearest, r.URL, want.String())
	}
	if best == "" {
		f := s.AtBlueprint("no regular expression matches "+want.String()+", which Paperless sends", "matching_mode: strict, url: "+want.String(), "providers/"+p.Name+"/redirect_uris")
		f.Code = registeredCodes[otherPath]
		return []source.Problem{f}
	}
	return []source.Problem{nearest}
}

// wanted is the redirect URI that a registered one should be: the one that is
// sent, but for a site that users open by http. There http is right, and what
// has to change is what Paperless sends (PROXY-PROTO).
func wantedURL(s *source.Set, sent *url.URL, registered string) *url.URL {
	if len(plainRedirect(s)) == 0 || !strings.HasPrefix(registered, "http:") {
		return sent
	}
	u := *sent
	u.Scheme = "http"
	return &u
}

// registersPlain reports whether the blueprint registers addresses with http only.
func registersPlain(s *source.Set) bool {
	p := idpProvider(s)
	return p != nil && len(p.RedirectURIs) > 0 && !slices.ContainsFunc(p.RedirectURIs, func(r deployment.RedirectURI) bool { return !strings.HasPrefix(r.URL, "http:") })
}

// plainRedirect is what can be said without a blueprint: users register the
// address that they open, and Paperless forces https onto it.
func plainRedirect(s *source.Set) []source.Problem {
	v, e := s.Value("PAPERLESS_URL")
	if e == nil || !strings.HasPrefix(v, "http://") || !ssoMeant(s) {
		return nil
	}
	if proto, _ := s.Value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"); proto == "http" || s.Secure != nil {
		return nil
	}
	p := e.AtValue("Paperless sends a redirect URI with https although users open it by http: authentik refuses it",
		e.Written("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL", "http"))
	p.Code = "PROXY-PROTO"
	p.Edit = e.InsertAfter("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL", "http")
	return []source.Problem{p}
}

// exactURL moves a problem to the URL itself, and fixes it, when the blueprint
// has it literally on one line.
func exactURL(s *source.Set, p *source.Problem, have, want string) {
	f := s.BlueprintFile
	from := p.At
	if i := strings.Index(string(f.Text[from:]), have); i >= 0 && strings.Count(string(f.Text), have) == 1 {
		p.At, p.Width = from+i, len(have)
		p.Edit = source.Replace(f, p.At, len(have), want)
	}
}

func checkNoRedirect(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil || len(p.RedirectURIs) > 0 {
		return nil
	}
	fix := "redirect_uris: [{matching_mode: strict, url: …}]"
	if u := sentURL(s); u != nil {
		fix = "redirect_uris: [{matching_mode: strict, url: \"" + u.String() + "\"}]"
	}
	text, level := "no redirect URI is registered: authentik stores the first one that is sent, whoever sends it", ""
	if s.Deployment.Authentik.AtLeast("2026.5.0") { // docs/facts/releases-2026.md#M4
		text, level = "no redirect URI is registered: from 2026.5 on authentik learns none and refuses every sign-in", source.Error
	}
	problem := s.AtBlueprint(text, fix, "providers/"+p.Name+"/redirect_uris", "providers/"+p.Name)
	problem.Level = level
	return []source.Problem{problem}
}

func checkRegex(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil {
		return nil
	}
	var out []source.Problem
	for _, r := range p.RedirectURIs {
		if r.MatchingMode == "regex" && !slices.Contains(s.Blueprint.TextURIs, p.Name) {
			out = append(out, s.AtBlueprint("this redirect URI is a regular expression: a dot in it is any character", "matching_mode: strict", "providers/"+p.Name+"/redirect_uris"))
		}
	}
	return out
}

func checkTextURIs(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil || !slices.Contains(s.Blueprint.TextURIs, p.Name) {
		return nil
	}
	f := s.AtBlueprint("redirect_uris is a string: authentik refuses this blueprint from 2024.12 on", "redirect_uris: [{matching_mode: strict, url: …}]", "providers/"+p.Name+"/redirect_uris")
	f.Refuses = source.ByAuthentik
	if !s.Deployment.Authentik.AtLeast("2024.12.0") {
		f.Level, f.Refuses, f.Message = source.Info, "", "redirect_uris is a string of regular expressions; from authentik 2024.12 on it must be a list"
	}
	return []source.Problem{f}
}

func checkBlueprintClient(s *source.Set) []source.Problem {
	if s.Blueprint == nil || s.App.ClientID == "" || isPlaceholder(s.App.ClientID) {
		return nil
	}
	for _, p := range s.Deployment.Authentik.Providers {
		if p.ClientID == s.App.ClientID {
			return nil
		}
	}
	p := idpProvider(s)
	message := fmt.Sprintf("authentik does not know the client id %s; the blueprint has %s", s.App.ClientID, p.ClientID)
	if n := s.Tested().Get("client_id"); n != nil {
		return []source.Problem{s.AtJSON(n, message, `"`+p.ClientID+`"`)}
	}
	return []source.Problem{s.AtBlueprint(message, "client_id: "+s.App.ClientID, "providers/"+p.Name+"/client_id")}
}

func checkBlueprintSlug(s *source.Set) []source.Problem {
	slug := s.App.Slug()
	if s.Blueprint == nil || slug == "" || len(s.Apps) == 0 {
		return nil
	}
	var slugs []string
	for _, a := range s.Deployment.Authentik.Applications {
		if a.Slug == slug {
			return nil
		}
		slugs = append(slugs, a.Slug)
	}
	if len(slugs) == 0 {
		return nil
	}
	n := s.Tested().Get("settings").Get("server_url")
	if n == nil || slices.Contains(shared, slug) || isPlaceholder(n.Text()) {
		return nil // CFG-JSONKEY, NET-404, CFG-PLACEHOLDER
	}
	want := slugs[0]
	if a := s.Deployment.IdPApplication(); a != nil {
		want = a.Slug
	}
	p := s.AtJSON(n, fmt.Sprintf("there is no application %s in authentik; the blueprint has %s: pressing the button is a server error", slug, strings.Join(slugs, ", ")),
		strings.Replace(n.Text(), "/application/o/"+slug, "/application/o/"+want, 1))
	p.Edit = rewriteNode(s, n, `"`+p.Fix+`"`)
	return []source.Problem{p}
}

func checkBlueprintApplication(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil {
		return nil
	}
	if s.Deployment.Authentik.Application(p.Name) != nil {
		return nil
	}
	if len(s.Deployment.Authentik.Applications) == 0 {
		return []source.Problem{s.AtBlueprint("no application has the provider "+p.Name+": authentik has no address for it", "add an authentik_core.application with provider: !KeyOf …", "providers/"+p.Name)}
	}
	a := s.Deployment.Authentik.Applications[0]
	return []source.Problem{s.AtBlueprint("the application "+a.Slug+" does not have the provider "+p.Name, "provider: !KeyOf "+p.Name, "applications/"+a.Slug+"/provider", "applications/"+a.Slug)}
}

func checkBlueprintScope(s *source.Set) []source.Problem {
	var out []source.Problem
	if p := idpProvider(s); p != nil && !slices.Contains(p.Scopes, "openid") {
		out = append(out, s.AtBlueprint("the provider lacks the scope openid: authentik refuses the userinfo request",
			"- !Find [authentik_providers_oauth2.scopemapping, [managed, goauthentik.io/providers/oauth2/scope-openid]]", "providers/"+p.Name+"/property_mappings", "providers/"+p.Name))
	}
	for _, n := range []*source.Node{s.OpenIDConnect.Get("SCOPE")} {
		if n.Is('a') && !slices.ContainsFunc(n.Items, func(i *source.Node) bool { return i.Text() == "openid" }) {
			out = append(out, s.AtJSON(n, "SCOPE replaces the default, and openid is not in it: authentik refuses the userinfo request", `["openid", "profile", "email"]`))
		}
	}
	return out
}

func checkBlueprintEmail(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil || !slices.Contains(p.Scopes, "openid") {
		return nil
	}
	var out []source.Problem
	for scope, what := range map[string]string{"email": "accounts have no e-mail address", "profile": "accounts do not get authentik's user name"} {
		if !slices.Contains(p.Scopes, scope) {
			out = append(out, s.AtBlueprint("the provider lacks the scope "+scope+": "+what,
				"- !Find [authentik_providers_oauth2.scopemapping, [managed, goauthentik.io/providers/oauth2/scope-"+scope+"]]", "providers/"+p.Name+"/property_mappings", "providers/"+p.Name))
		}
	}
	slices.SortFunc(out, func(a, b source.Problem) int { return strings.Compare(a.Message, b.Message) })
	return out
}

func checkBlueprintGrant(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil || slices.Contains(p.GrantTypes, "authorization_code") {
		return nil
	}
	f := s.AtBlueprint("the provider has no grant type authorization_code: authentik refuses every request from 2026.5 on", "grant_types: [authorization_code, refresh_token]", "providers/"+p.Name+"/grant_types", "providers/"+p.Name)
	if !s.Deployment.Authentik.AtLeast("2026.5.0") {
		f.Level = source.Info
	}
	return []source.Problem{f}
}

func checkEmailVerified(s *source.Set) []source.Problem {
	if s.Blueprint == nil || !s.Deployment.Authentik.AtLeast("2025.10.0") {
		return nil
	}
	for _, m := range s.Deployment.Authentik.Mappings {
		if m.Scope == "email" {
			return nil
		}
	}
	var out []source.Problem
	for _, m := range checkEmailAuth(s) {
		m.Message = "from authentik 2025.10 on its own e-mail mapping never calls an address verified, so this does nothing"
		m.Fix = "a scope mapping of your own that returns email_verified: True, for addresses that you have verified"
		out = append(out, m)
	}
	return out
}

func checkBlueprintSecret(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil || p.ClientSecret == "" || s.App.Secret == "" || p.ClientID != s.App.ClientID || p.ClientSecret == s.App.Secret || len(s.Apps) == 0 || isPlaceholder(s.App.Secret) {
		return nil
	}
	message := map[string]string{
		deployment.SecretDollar:  "the client secret arrives without its $: Compose read it as a variable",
		deployment.SecretQuotes:  "the client secret has quotes of its own around it",
		deployment.SecretNewline: "the client secret ends in a line break",
		deployment.SecretSpace:   "the client secret has spaces around it",
		deployment.SecretOneOff:  "the client secret differs from authentik's in one character",
	}[s.Deployment.SecretRelation()]
	if message == "" {
		message = "the client secret is not the one in the blueprint"
	}
	return []source.Problem{s.AtJSON(s.Tested().Get("secret"), message+": authentik refuses the client", "copy it again from the blueprint, "+s.Blueprint.Origins["providers/"+p.Name+"/client_secret"].String())}
}

func checkBlueprintPublic(s *source.Set) []source.Problem {
	if p := idpProvider(s); p != nil && p.ClientType == "public" {
		return []source.Problem{s.AtBlueprint("the client is public: authentik does not ask for the secret", "client_type: confidential", "providers/"+p.Name+"/client_type", "providers/"+p.Name)}
	}
	return nil
}

func checkBlueprintJWE(s *source.Set) []source.Problem {
	p := idpProvider(s)
	if p == nil || !p.EncryptionKey {
		return nil
	}
	f := s.AtBlueprint("the ID token is encrypted: Paperless-ngx "+s.Paperless().Version+" refuses it", "remove encryption_key", "providers/"+p.Name+"/encryption_key", "providers/"+p.Name)
	if !s.Paperless().AtLeast("2.20.0") {
		f.Level, f.Message = source.Warning, "the ID token is encrypted: Paperless-ngx will refuse it from 2.20.0 on"
	}
	return []source.Problem{f}
}

func checkBlueprintKey(s *source.Set) []source.Problem {
	if p := idpProvider(s); p != nil && !p.SigningKey {
		return []source.Problem{s.AtBlueprint("the provider has no signing key: tokens are signed with the client secret", "signing_key: !Find [authentik_crypto.certificatekeypair, [name, authentik Self-signed Certificate]]", "providers/"+p.Name)}
	}
	return nil
}

func checkBlueprintSubject(s *source.Set) []source.Problem {
	if p := idpProvider(s); p != nil && (p.SubMode == "user_email" || p.SubMode == "user_username" || p.SubMode == "user_upn") {
		return []source.Problem{s.AtBlueprint("the subject is "+strings.TrimPrefix(p.SubMode, "user_")+": when it changes, Paperless treats the user as a new one", "sub_mode: hashed_user_id, before the first sign-in", "providers/"+p.Name+"/sub_mode")}
	}
	return nil
}

func checkBlueprintNotes(s *source.Set) []source.Problem {
	if s.Blueprint == nil {
		return nil
	}
	var out []source.Problem
	for _, note := range s.Blueprint.Notes {
		p := s.AtBlueprint(note, "")
		if m := notePlace.FindStringSubmatch(strings.TrimPrefix(note, s.BlueprintFile.Path)); m != nil {
			if line, err := strconv.Atoi(m[1]); err == nil {
				p.At = s.BlueprintFile.Offset(line, len(s.BlueprintFile.Indent(line))+1)
				p.Message = m[2]
			}
		}
		out = append(out, p)
	}
	return out
}

var notePlace = lazyregexp.New(`^:(\d+): (.*)$`)

// checkBlueprintUnknown names what only the authentik that runs knows.
func checkBlueprintUnknown(s *source.Set) []source.Problem {
	if s.Blueprint == nil {
		return nil
	}
	var out []source.Problem
	for _, u := range s.Blueprint.Unknown {
		p := s.AtBlueprint(fmt.Sprintf("%s is not known: %s; it is not compared, everything else is", u.Field, u.Why), "")
		if u.Env != "" {
			p.Setting = u.Env
			p.Fix = "set " + u.Env + " where ssocheck runs, as where authentik runs"
		}
		if u.At.Line > 0 {
			p.At = s.BlueprintFile.Offset(u.At.Line, u.At.Column)
		}
		out = append(out, p)
	}
	return out
}

// checkBlueprintAccess says who may sign in, where not everybody may.
func checkBlueprintAccess(s *source.Set) []source.Problem {
	if s.Blueprint == nil {
		return nil
	}
	app := s.Deployment.IdPApplication()
	if app == nil {
		return nil
	}
	who := s.Deployment.Access()
	if who == "" {
		return nil
	}
	return []source.Problem{s.AtBlueprint(who+" may use the application "+app.Slug, "", "applications/"+app.Slug, "applications/")}
}
