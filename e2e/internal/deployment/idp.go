package deployment

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// An IdP tells whose OpenID provider an app of the provider JSON names, as far
// as its own words say so.
type IdP int

// Whose provider it is. What is unknown is never called wrong.
const (
	UnknownIdP IdP = iota
	AuthentikIdP
	OtherIdP
)

// A product is another OpenID provider and the words by which it is known.
type product struct {
	name  string
	words []string // in provider_id, name, host or path, or in the name of an image
	whole []string // the same, where it must be a word of its own
	hosts []string // ends of the host name, of providers that have one address
	path  *lazyregexp.Regexp
	weak  bool // the path alone says little: a name counts more
}

func at(path string) *lazyregexp.Regexp { return lazyregexp.New(path) }

// products are the providers that users put before Paperless. The order only
// matters where a text names two of them.
var products = []product{
	{name: "Authelia", words: []string{"authelia"}},
	{name: "Pocket ID", words: []string{"pocketid"}},
	{name: "Keycloak", words: []string{"keycloak"}, hosts: []string{"cloud-iam.com", "phasetwo.io"}, path: at(`/realms/[^/]+`)},
	{
		name: "Microsoft Entra ID", words: []string{"microsoft", "azuread", "entraid"}, whole: []string{"entra", "azure", "aad", "m365", "o365", "office365"},
		hosts: []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.windows.net", "sts.windows.net", "b2clogin.com", "ciamlogin.com"},
	},
	{name: "Google", words: []string{"google"}, hosts: []string{"accounts.google.com"}},
	{name: "Kanidm", words: []string{"kanidm"}, path: at(`/oauth2/openid/[^/]+`)},
	{name: "Zitadel", words: []string{"zitadel"}, hosts: []string{"zitadel.cloud"}},
	{name: "VoidAuth", words: []string{"voidauth"}},
	{name: "Gitea", words: []string{"gitea"}, hosts: []string{"gitea.com"}},
	{name: "Forgejo", words: []string{"forgejo"}, hosts: []string{"codeberg.org"}},
	{name: "GitLab", words: []string{"gitlab"}, hosts: []string{"gitlab.com"}},
	{name: "GitHub", words: []string{"github"}, hosts: []string{"github.com", "githubusercontent.com"}},
	{name: "Okta", whole: []string{"okta"}, hosts: []string{"okta.com", "oktapreview.com", "okta-emea.com"}, path: at(`/oauth2/(?:default|aus[0-9a-z]+)(?:/|$)`)},
	{name: "Auth0", words: []string{"auth0"}, hosts: []string{"auth0.com"}},
	{name: "Dex", whole: []string{"dex", "dexidp"}, path: at(`^/dex(?:/|$)`)},
	{name: "Rauthy", words: []string{"rauthy"}, path: at(`^/auth/v1(?:/|$)`)},
	{name: "Casdoor", words: []string{"casdoor"}, hosts: []string{"casdoor.com"}},
	{name: "Logto", words: []string{"logto"}, hosts: []string{"logto.app"}},
	{name: "FusionAuth", words: []string{"fusionauth"}, hosts: []string{"fusionauth.io"}},
	{name: "Tailscale tsidp", words: []string{"tsidp", "tailscale"}, hosts: []string{"ts.net"}},
	{name: "Amazon Cognito", words: []string{"cognito"}, hosts: []string{"amazoncognito.com"}},
	{name: "Cloudflare Access", words: []string{"cloudflare"}, hosts: []string{"cloudflareaccess.com"}},
	{name: "JumpCloud", words: []string{"jumpcloud"}, hosts: []string{"jumpcloud.com"}},
	{name: "OneLogin", words: []string{"onelogin"}, hosts: []string{"onelogin.com"}},
	{name: "Ping Identity", words: []string{"pingone", "pingfederate", "pingidentity"}, hosts: []string{"pingone.com", "pingone.eu"}},
	{name: "Duo", whole: []string{"duo"}, hosts: []string{"duosecurity.com"}},
	{name: "AD FS", whole: []string{"adfs"}, path: at(`^/adfs(?:/|$)`)},
	{name: "Nextcloud", words: []string{"nextcloud"}, path: at(`/index\.php/apps/oidc|/apps/oidc`)},
	{name: "Synology SSO Server", words: []string{"synology"}, path: at(`/webman/sso`)},
	{name: "LemonLDAP::NG", words: []string{"lemonldap", "llng"}},
	{name: "Ory Hydra", whole: []string{"ory", "hydra"}, hosts: []string{"oryapis.com"}},
	{name: "Gluu", words: []string{"gluu"}, path: at(`/oxauth|/jans-auth`)},
	{name: "Univention", words: []string{"univention"}},
	{name: "Shibboleth", words: []string{"shibboleth"}},
	{name: "Apereo CAS", whole: []string{"apereo"}, path: at(`^/cas/oidc(?:/|$)`)},
	{name: "privacyIDEA", words: []string{"privacyidea"}},
	{name: "WSO2 Identity Server", words: []string{"wso2"}, path: at(`/oauth2/oidcdiscovery`)},
	{name: "SimpleSAMLphp", words: []string{"simplesaml"}},
	{name: "Clerk", whole: []string{"clerk"}, hosts: []string{"clerk.accounts.dev"}},
	{name: "Discord", words: []string{"discord"}, hosts: []string{"discord.com"}},
	{name: "Slack", whole: []string{"slack"}, hosts: []string{"slack.com"}},
	{name: "Apple", whole: []string{"apple", "icloud"}, hosts: []string{"appleid.apple.com"}},
	{name: "LinkedIn", words: []string{"linkedin"}, hosts: []string{"linkedin.com"}},
	{name: "Salesforce", words: []string{"salesforce"}, hosts: []string{"salesforce.com"}},
	{name: "Facebook", words: []string{"facebook"}, hosts: []string{"facebook.com"}},
	{name: "Oracle Identity Cloud", hosts: []string{"identity.oraclecloud.com"}},
	{name: "IBM Verify", hosts: []string{"verify.ibm.com"}},
	{name: "Authing", words: []string{"authing"}, hosts: []string{"authing.cn"}},
	{path: at(`^/oidc(?:/\d)?/?$`), weak: true},
}

var (
	authentikPath = lazyregexp.New(`/application/(?:o|saml)(?:/|$)|^/if/(?:user|flow|admin)(?:/|$)|/outpost\.goauthentik\.io(?:/|$)`)
	wellKnownEnd  = lazyregexp.New(`/?\.well-known/(?:openid-configuration|oauth-authorization-server)/?$`)
	notLetters    = lazyregexp.New(`[^a-z0-9]+`)
)

// WhoseIdP tells whose provider an app is by its provider_id, its name and its
// server_url: a path that only one product has, an address that only one has,
// the product's name in the address, then in what users called it. The second
// value is the product's name, "" where it is not known.
func WhoseIdP(providerID, name, serverURL string) (IdP, string) {
	u, err := url.Parse(strings.TrimSpace(serverURL))
	if err != nil {
		u = &url.URL{}
	}
	host := strings.ToLower(u.Hostname())
	path := wellKnownEnd.ReplaceAllString(u.Path, "")
	if authentikPath.MatchString(path) {
		return AuthentikIdP, "authentik"
	}
	for _, p := range products {
		if p.under(host) || p.path != nil && !p.weak && p.path.MatchString(path) {
			return OtherIdP, p.name
		}
	}
	for _, text := range []string{host, strings.ToLower(path), strings.ToLower(providerID), strings.ToLower(name)} {
		if strings.Contains(notLetters.ReplaceAllString(text, ""), "authentik") {
			return AuthentikIdP, "authentik"
		}
		if p := productIn(text); p != "" {
			return OtherIdP, p
		}
	}
	for _, p := range products {
		if p.weak && p.path.MatchString(path) {
			return OtherIdP, ""
		}
	}
	return UnknownIdP, ""
}

// WhoseImage tells whose OpenID provider a container image is.
func WhoseImage(image string) (IdP, string) {
	image, _, _ = strings.Cut(strings.ToLower(image), "@")
	if strings.Contains(image, "goauthentik/server") || strings.Contains(image, "beryju/authentik") {
		return AuthentikIdP, "authentik"
	}
	for _, known := range []struct{ part, name string }{
		{"authelia/authelia", "Authelia"},
		{"pocket-id/pocket-id", "Pocket ID"},
		{"stonith404/pocket-id", "Pocket ID"},
		{"keycloak/keycloak", "Keycloak"},
		{"bitnami/keycloak", "Keycloak"},
		{"jboss/keycloak", "Keycloak"},
		{"kanidm/server", "Kanidm"},
		{"zitadel/zitadel", "Zitadel"},
		{"voidauth/voidauth", "VoidAuth"},
		{"dexidp/dex", "Dex"},
		{"sebadob/rauthy", "Rauthy"},
		{"casbin/casdoor", "Casdoor"},
		{"svhd/logto", "Logto"},
		{"logto-io/logto", "Logto"},
		{"fusionauth/fusionauth-app", "FusionAuth"},
		{"tailscale/tsidp", "Tailscale tsidp"},
		{"oryd/hydra", "Ory Hydra"},
	} {
		if strings.Contains(image, known.part) {
			return OtherIdP, known.name
		}
	}
	return UnknownIdP, ""
}

// IdPName is how a product's own name is written, for a name of allauth's such
// as google or microsoft; the name itself where it is not known.
func IdPName(id string) string {
	if p := productIn(strings.ToLower(id)); p != "" {
		return p
	}
	return id
}

// under reports whether a host belongs to the product's own domain.
func (p *product) under(host string) bool {
	return slices.ContainsFunc(p.hosts, func(end string) bool { return host == end || strings.HasSuffix(host, "."+end) })
}

// productIn is the product that a text in small letters names, or "".
func productIn(text string) string {
	joined := notLetters.ReplaceAllString(text, "")
	words := notLetters.Split(text, -1)
	for _, p := range products {
		if slices.ContainsFunc(p.words, func(w string) bool { return strings.Contains(joined, w) }) ||
			slices.ContainsFunc(p.whole, func(w string) bool { return slices.Contains(words, w) }) {
			return p.name
		}
	}
	return ""
}
