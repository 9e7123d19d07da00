package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// blueprintRules compare the Paperless side with a blueprint; without one there
// is nothing to compare.
func blueprintRules() []Rule {
	red := func(code, title, doc string) Rule {
		return Rule{Code: code, Level: Error, Title: title, Doc: doc, check: only(code, (*subject).redirects)}
	}
	const refused = "authentik answers: Redirect URI Error."
	return []Rule{
		red("RED-SCHEME", "The registered redirect URI has the scheme that Paperless sends", refused),
		red("RED-HOST", "The registered redirect URI has the host that people open", refused),
		red("RED-PORT", "The registered redirect URI has the port that people open", refused),
		red("RED-PREFIX", "The registered redirect URI has Paperless's path prefix", refused),
		red("RED-PROVID", "The registered redirect URI has the provider_id of the JSON", refused),
		red("RED-SLASH", "The registered redirect URI ends in a slash", refused),
		red("RED-CASE", "The registered redirect URI has the same capitals", refused),
		red("RED-PATH", "The registered redirect URI has Paperless's path", refused),
		red("RED-ESCAPED", "A strict redirect URI has no backslashes", refused),
		{Code: "RED-EMPTY", Level: Warning, Title: "The provider has a redirect URI", Doc: "authentik takes the first one that it sees, whoever sends it.", check: checkNoRedirect},
		{Code: "RED-REGEX", Level: Warning, Title: "Redirect URIs are matched strictly", Doc: "A dot of a regular expression is any character.", check: checkRegex},
		{Code: "RED-FORM", Level: Error, Title: "Redirect URIs have the form of this authentik version", Doc: "A text before 2024.12, a list since: authentik refuses the blueprint as a whole.", Breaks: "round-trip", check: checkTextURIs},
		{Code: "IDP-CLIENT", Level: Error, Title: "authentik knows the client id", Doc: "authentik answers: Client ID Error.", check: checkBlueprintClient},
		{Code: "IDP-SLUG", Level: Error, Title: "server_url has the application's slug", Doc: "There is no discovery document: pressing the button is a server error.", check: checkBlueprintSlug},
		{Code: "IDP-NOPROV", Level: Error, Title: "The application has its provider", Doc: "Without one there is no discovery document.", check: checkBlueprintApplication},
		{Code: "IDP-SCOPE", Level: Error, Title: "The provider has the scope openid", Doc: "authentik refuses the userinfo request.", check: checkBlueprintScope},
		{Code: "IDP-NOEMAIL", Level: Warning, Title: "The provider has the scopes email and profile", Doc: "Accounts have no e-mail address, or no user name of authentik's.", check: checkBlueprintEmail},
		{Code: "IDP-GRANT", Level: Error, Title: "The provider has the grant type authorization_code", Doc: "authentik 2026.5 refuses every request without.", check: checkBlueprintGrant},
		{Code: "IDP-EMAILVER", Level: Warning, Title: "authentik says whether an e-mail address is verified", Doc: "From 2025.10 its own mapping always says no, so signing in by e-mail address does nothing.", check: checkEmailVerified},
		{Code: "TOK-SECRET", Level: Error, Title: "Both sides have the same client secret", Doc: "authentik refuses the client at the end of the sign-in.", check: checkBlueprintSecret},
		{Code: "TOK-PUBLIC", Level: Warning, Title: "The client is confidential", Doc: "A public client has no secret: whoever knows the client id can use a stolen code.", check: checkBlueprintPublic},
		{Code: "IDT-JWE", Level: Error, Title: "The id_token is not encrypted", Doc: "Paperless cannot read it from 2.20.0 on.", check: checkBlueprintJWE},
		{Code: "IDT-HS256", Level: Info, Title: "The provider has a signing key", Doc: "Without one tokens are signed with the client secret.", check: checkBlueprintKey},
		{Code: "LINK-SUBMODE", Level: Info, Title: "The subject does not change", Doc: "Paperless knows people by the subject: after a change everybody is new.", check: checkBlueprintSubject},
		{Code: "IDP-UNKNOWN", Level: Info, Title: "The blueprint's values are known here", Doc: "One that only the authentik that runs has, such as an !Env that is not set, cannot be compared.", check: checkBlueprintUnknown},
		{Code: "IDP-ACCESS", Level: Info, Title: "Everybody may use the application", Doc: "A binding to a group lets in its members only.", check: checkBlueprintAccess},
		{Code: "IDP-UNSURE", Level: Info, Title: "The blueprint says everything itself", Doc: "What only a running authentik knows was left out.", check: checkBlueprintNotes},
	}
}

// blueprintClient is the provider of the blueprint with an app's client id; nil
// when there is none.
func (s *subject) blueprintClient(app *jnode) *deployment.OAuth2Provider {
	if s.blueprint == nil {
		return nil
	}
	id := app.get("client_id").text()
	for i := range s.bundle.Authentik.Providers {
		if p := &s.bundle.Authentik.Providers[i]; id != "" && p.ClientID == id {
			return p
		}
	}
	return nil
}

func (s *subject) idpProvider() *deployment.OAuth2Provider {
	if s.blueprint == nil {
		return nil
	}
	return s.bundle.Authentik.Provider(s.app.clientID)
}

// sent is the redirect URI that Paperless sends, by what the files say.
func (s *subject) sent() *url.URL {
	if s.app.providerID == "" {
		return nil
	}
	u, err := url.Parse(s.paperless().URL)
	if err != nil {
		return nil
	}
	u.Scheme = "https"
	if v, _ := s.value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"); v == "http" {
		u.Scheme = strings.SplitN(s.paperless().URL, ":", 2)[0]
	}
	prefix, _ := s.value("PAPERLESS_FORCE_SCRIPT_NAME")
	u.Path = strings.TrimRight(prefix, "/") + "/accounts/oidc/" + s.app.providerID + "/login/callback/"
	return u
}

var callbackPath = regexp.MustCompile(`^(.*)/accounts/oidc/([^/]*)/login/callback(/?)$`)

// redirects compares the registered redirect URIs with the one that is sent.
func (s *subject) redirects() []problem {
	p := s.idpProvider()
	if p == nil {
		return nil
	}
	want := s.sent()
	if want == nil || len(p.RedirectURIs) == 0 {
		return nil
	}
	var out []problem
	sent := want
	for _, r := range p.RedirectURIs {
		want := s.wanted(sent, r.URL)
		if r.MatchingMode == "regex" {
			if re, err := regexp.Compile("^(?:" + r.URL + ")$"); err == nil && re.MatchString(want.String()) {
				return nil
			}
			continue
		}
		if r.URL == want.String() {
			return nil
		}
		code, what := differs(want, r.URL)
		keys := []string{"providers/" + p.Name + "/redirect_uris", "providers/" + p.Name}
		f := s.atBlueprint(fmt.Sprintf("registered %s, Paperless sends %s: %s; authentik refuses it", r.URL, sent, what), "url: "+want.String(), keys...)
		f.code = code
		s.exactURL(&f, r.URL, want.String())
		out = append(out, f)
	}
	if len(out) > 1 {
		// Several are registered: the nearest one is the one that was meant.
		slices.SortStableFunc(out, func(a, b problem) int { return redRank(a.code) - redRank(b.code) })
		out = out[:1]
	}
	if len(out) == 0 {
		f := s.atBlueprint("no regular expression matches "+want.String()+", which Paperless sends", "matching_mode: strict, url: "+want.String(), "providers/"+p.Name+"/redirect_uris")
		f.code = "RED-PATH"
		out = append(out, f)
	}
	return out
}

// wanted is the redirect URI that a registered one should be: the one that is
// sent, but for a site that people open by http. There http is right, and what
// has to change is what Paperless sends (PROXY-PROTO).
func (s *subject) wanted(sent *url.URL, registered string) *url.URL {
	if len(s.plainRedirect()) == 0 || !strings.HasPrefix(registered, "http:") {
		return sent
	}
	u := *sent
	u.Scheme = "http"
	return &u
}

// registersPlain tells whether the blueprint registers addresses with http only.
func (s *subject) registersPlain() bool {
	p := s.idpProvider()
	return p != nil && len(p.RedirectURIs) > 0 && !slices.ContainsFunc(p.RedirectURIs, func(r deployment.RedirectURI) bool { return !strings.HasPrefix(r.URL, "http:") })
}

// plainRedirect is what can be said without a blueprint: people register the
// address that they open, and Paperless forces https onto it.
func (s *subject) plainRedirect() []problem {
	v, e := s.value("PAPERLESS_URL")
	if e == nil || !strings.HasPrefix(v, "http://") || !s.ssoMeant() {
		return nil
	}
	if proto, _ := s.value("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"); proto == "http" || s.secure != nil {
		return nil
	}
	p := e.atValue("Paperless sends a redirect URI with https although people open it by http: authentik refuses it",
		e.written("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL", "http"))
	p.code = "PROXY-PROTO"
	p.edit = e.insertAfter("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL", "http")
	return []problem{p}
}

// exactURL moves a problem to the URL itself, and mends it, when the blueprint
// has it literally on one line.
func (s *subject) exactURL(p *problem, have, want string) {
	f := s.blueprintFile
	from := p.at
	if i := strings.Index(string(f.text[from:]), have); i >= 0 && strings.Count(string(f.text), have) == 1 {
		p.at, p.width = from+i, len(have)
		p.edit = replace(f, p.at, len(have), want)
	}
}

func redRank(code string) int {
	return slices.Index([]string{"RED-SLASH", "RED-CASE", "RED-SCHEME", "RED-PORT", "RED-PREFIX", "RED-PROVID", "RED-HOST", "RED-ESCAPED", "RED-PATH"}, code)
}

// differs names the first part in which a registered URI is another.
func differs(want *url.URL, registered string) (code, what string) {
	if strings.Contains(registered, `\`) {
		return "RED-ESCAPED", "it has the backslashes of a regular expression"
	}
	have, err := url.Parse(strings.TrimSpace(registered))
	if err != nil || have.Host == "" {
		return "RED-PATH", "it is not an address"
	}
	switch {
	case strings.EqualFold(registered, want.String()):
		return "RED-CASE", "other capitals"
	case have.Scheme != want.Scheme:
		return "RED-SCHEME", "another scheme"
	case !strings.EqualFold(have.Hostname(), want.Hostname()):
		return "RED-HOST", "another host"
	case have.Port() != want.Port():
		return "RED-PORT", "another port"
	}
	a, b := callbackPath.FindStringSubmatch(want.Path), callbackPath.FindStringSubmatch(have.Path)
	switch {
	case b == nil || have.RawQuery != "":
		return "RED-PATH", "another path"
	case a[1] != b[1]:
		return "RED-PREFIX", "another prefix"
	case a[2] != b[2]:
		return "RED-PROVID", "another provider_id"
	case a[3] != b[3]:
		return "RED-SLASH", "the slash at the end is missing"
	}
	return "RED-PATH", "another path"
}

func checkNoRedirect(s *subject) []problem {
	p := s.idpProvider()
	if p == nil || len(p.RedirectURIs) > 0 {
		return nil
	}
	fix := "redirect_uris: [{matching_mode: strict, url: …}]"
	if u := s.sent(); u != nil {
		fix = "redirect_uris: [{matching_mode: strict, url: \"" + u.String() + "\"}]"
	}
	return []problem{s.atBlueprint("no redirect URI is registered: authentik stores the first one that is sent, whoever sends it", fix, "providers/"+p.Name+"/redirect_uris", "providers/"+p.Name)}
}

func checkRegex(s *subject) []problem {
	p := s.idpProvider()
	if p == nil {
		return nil
	}
	var out []problem
	for _, r := range p.RedirectURIs {
		if r.MatchingMode == "regex" && !slices.Contains(s.blueprint.TextURIs, p.Name) {
			out = append(out, s.atBlueprint("this redirect URI is a regular expression: a dot in it is any character", "matching_mode: strict", "providers/"+p.Name+"/redirect_uris"))
		}
	}
	return out
}

func checkTextURIs(s *subject) []problem {
	p := s.idpProvider()
	if p == nil || !slices.Contains(s.blueprint.TextURIs, p.Name) {
		return nil
	}
	f := s.atBlueprint("redirect_uris is a text: authentik refuses this blueprint from 2024.12 on", "redirect_uris: [{matching_mode: strict, url: …}]", "providers/"+p.Name+"/redirect_uris")
	f.refuses = byAuthentik
	if !s.bundle.Authentik.AtLeast("2024.12.0") {
		f.level, f.refuses, f.message = Info, "", "redirect_uris is a text of regular expressions; from authentik 2024.12 on it must be a list"
	}
	return []problem{f}
}

func checkBlueprintClient(s *subject) []problem {
	if s.blueprint == nil || s.app.clientID == "" || isPlaceholder(s.app.clientID) {
		return nil
	}
	for _, p := range s.bundle.Authentik.Providers {
		if p.ClientID == s.app.clientID {
			return nil
		}
	}
	p := s.idpProvider()
	message := fmt.Sprintf("authentik does not know the client id %s; the blueprint has %s", s.app.clientID, p.ClientID)
	if n := s.tested().get("client_id"); n != nil {
		return []problem{s.atJSON(n, message, `"`+p.ClientID+`"`)}
	}
	return []problem{s.atBlueprint(message, "client_id: "+s.app.clientID, "providers/"+p.Name+"/client_id")}
}

func checkBlueprintSlug(s *subject) []problem {
	slug := s.app.slug()
	if s.blueprint == nil || slug == "" || len(s.apps) == 0 {
		return nil
	}
	var slugs []string
	for _, a := range s.bundle.Authentik.Applications {
		if a.Slug == slug {
			return nil
		}
		slugs = append(slugs, a.Slug)
	}
	if len(slugs) == 0 {
		return nil
	}
	n := s.tested().get("settings").get("server_url")
	if n == nil || slices.Contains(shared, slug) || isPlaceholder(n.text()) {
		return nil // CFG-JSONKEY, NET-404, CFG-PLACEHOLDER
	}
	want := slugs[0]
	if a := s.bundle.IdPApplication(); a != nil {
		want = a.Slug
	}
	p := s.atJSON(n, fmt.Sprintf("there is no application %s in authentik; the blueprint has %s: pressing the button is a server error", slug, strings.Join(slugs, ", ")),
		strings.Replace(n.text(), "/application/o/"+slug, "/application/o/"+want, 1))
	p.edit = s.rewrite(n, `"`+p.fix+`"`)
	return []problem{p}
}

func checkBlueprintApplication(s *subject) []problem {
	p := s.idpProvider()
	if p == nil {
		return nil
	}
	if s.bundle.Authentik.Application(p.Name) != nil {
		return nil
	}
	if len(s.bundle.Authentik.Applications) == 0 {
		return []problem{s.atBlueprint("no application has the provider "+p.Name+": authentik has no address for it", "add an authentik_core.application with provider: !KeyOf …", "providers/"+p.Name)}
	}
	a := s.bundle.Authentik.Applications[0]
	return []problem{s.atBlueprint("the application "+a.Slug+" does not have the provider "+p.Name, "provider: !KeyOf "+p.Name, "applications/"+a.Slug+"/provider", "applications/"+a.Slug)}
}

func checkBlueprintScope(s *subject) []problem {
	var out []problem
	if p := s.idpProvider(); p != nil && !slices.Contains(p.Scopes, "openid") {
		out = append(out, s.atBlueprint("the provider lacks the scope openid: authentik refuses the userinfo request",
			"- !Find [authentik_providers_oauth2.scopemapping, [managed, goauthentik.io/providers/oauth2/scope-openid]]", "providers/"+p.Name+"/property_mappings", "providers/"+p.Name))
	}
	for _, n := range []*jnode{s.oc.get("SCOPE")} {
		if n.is('a') && !slices.ContainsFunc(n.items, func(i *jnode) bool { return i.text() == "openid" }) {
			out = append(out, s.atJSON(n, "SCOPE replaces the default, and openid is not in it: authentik refuses the userinfo request", `["openid", "profile", "email"]`))
		}
	}
	return out
}

func checkBlueprintEmail(s *subject) []problem {
	p := s.idpProvider()
	if p == nil || !slices.Contains(p.Scopes, "openid") {
		return nil
	}
	var out []problem
	for scope, what := range map[string]string{"email": "accounts have no e-mail address", "profile": "accounts do not get authentik's user name"} {
		if !slices.Contains(p.Scopes, scope) {
			out = append(out, s.atBlueprint("the provider lacks the scope "+scope+": "+what,
				"- !Find [authentik_providers_oauth2.scopemapping, [managed, goauthentik.io/providers/oauth2/scope-"+scope+"]]", "providers/"+p.Name+"/property_mappings", "providers/"+p.Name))
		}
	}
	slices.SortFunc(out, func(a, b problem) int { return strings.Compare(a.message, b.message) })
	return out
}

func checkBlueprintGrant(s *subject) []problem {
	p := s.idpProvider()
	if p == nil || slices.Contains(p.GrantTypes, "authorization_code") {
		return nil
	}
	f := s.atBlueprint("the provider has no grant type authorization_code: authentik refuses every request from 2026.5 on", "grant_types: [authorization_code, refresh_token]", "providers/"+p.Name+"/grant_types", "providers/"+p.Name)
	if !s.bundle.Authentik.AtLeast("2026.5.0") {
		f.level = Info
	}
	return []problem{f}
}

func checkEmailVerified(s *subject) []problem {
	if s.blueprint == nil || !s.bundle.Authentik.AtLeast("2025.10.0") {
		return nil
	}
	for _, m := range s.bundle.Authentik.Mappings {
		if m.Scope == "email" {
			return nil
		}
	}
	var out []problem
	for _, m := range checkEmailAuth(s) {
		m.message = "from authentik 2025.10 on its own e-mail mapping never calls an address verified, so this does nothing"
		m.fix = "a scope mapping of your own that returns email_verified: True, for addresses that you have verified"
		out = append(out, m)
	}
	return out
}

func checkBlueprintSecret(s *subject) []problem {
	p := s.idpProvider()
	if p == nil || p.ClientSecret == "" || s.app.secret == "" || p.ClientID != s.app.clientID || p.ClientSecret == s.app.secret || len(s.apps) == 0 || isPlaceholder(s.app.secret) {
		return nil
	}
	message := map[string]string{
		deployment.SecretDollar:  "the client secret arrives without its $: Compose took it for a variable",
		deployment.SecretQuotes:  "the client secret has quotes of its own around it",
		deployment.SecretNewline: "the client secret ends in a line break",
		deployment.SecretSpace:   "the client secret has blanks around it",
		deployment.SecretOneOff:  "the client secret differs from authentik's in one character",
	}[s.bundle.SecretRelation()]
	if message == "" {
		message = "the client secret is not the one in the blueprint"
	}
	return []problem{s.atJSON(s.tested().get("secret"), message+": authentik refuses the client", "copy it again from the blueprint, "+s.blueprint.Origins["providers/"+p.Name+"/client_secret"].String())}
}

func checkBlueprintPublic(s *subject) []problem {
	if p := s.idpProvider(); p != nil && p.ClientType == "public" {
		return []problem{s.atBlueprint("the client is public: authentik does not ask for the secret", "client_type: confidential", "providers/"+p.Name+"/client_type", "providers/"+p.Name)}
	}
	return nil
}

func checkBlueprintJWE(s *subject) []problem {
	p := s.idpProvider()
	if p == nil || !p.EncryptionKey {
		return nil
	}
	f := s.atBlueprint("the id_token is encrypted: Paperless-ngx "+s.paperless().Version+" refuses it", "remove encryption_key", "providers/"+p.Name+"/encryption_key", "providers/"+p.Name)
	if !s.paperless().AtLeast("2.20.0") {
		f.level, f.message = Warning, "the id_token is encrypted: Paperless-ngx will refuse it from 2.20.0 on"
	}
	return []problem{f}
}

func checkBlueprintKey(s *subject) []problem {
	if p := s.idpProvider(); p != nil && !p.SigningKey {
		return []problem{s.atBlueprint("the provider has no signing key: tokens are signed with the client secret", "signing_key: !Find [authentik_crypto.certificatekeypair, [name, authentik Self-signed Certificate]]", "providers/"+p.Name)}
	}
	return nil
}

func checkBlueprintSubject(s *subject) []problem {
	if p := s.idpProvider(); p != nil && (p.SubMode == "user_email" || p.SubMode == "user_username" || p.SubMode == "user_upn") {
		return []problem{s.atBlueprint("the subject is "+strings.TrimPrefix(p.SubMode, "user_")+": when it changes, Paperless takes the person for a new one", "sub_mode: hashed_user_id, before the first sign-in", "providers/"+p.Name+"/sub_mode")}
	}
	return nil
}

func checkBlueprintNotes(s *subject) []problem {
	if s.blueprint == nil {
		return nil
	}
	var out []problem
	for _, note := range s.blueprint.Notes {
		p := s.atBlueprint(note, "")
		if m := notePlace.FindStringSubmatch(strings.TrimPrefix(note, s.blueprintFile.path)); m != nil {
			if line, err := strconv.Atoi(m[1]); err == nil {
				p.at = s.blueprintFile.offset(line, len(s.blueprintFile.indent(line))+1)
				p.message = m[2]
			}
		}
		out = append(out, p)
	}
	return out
}

var notePlace = regexp.MustCompile(`^:(\d+): (.*)$`)
