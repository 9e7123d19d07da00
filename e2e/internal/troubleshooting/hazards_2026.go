package troubleshooting

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

const (
	trustedCIDRs = "AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS"
	baseURL      = "AUTHENTIK_WEB__BASE_URL"
)

// touchedOnTheWay are the hazards that lie in the way itself, not in the
// configuration.
var touchedOnTheWay = map[string]func(from, to deployment.Pair) (because []string, hits bool){
	"A09": func(from, to deployment.Pair) ([]string, bool) {
		stages, err := deployment.UpgradePath(from, to, deployment.StepAuthentik)
		if err != nil || len(stages) < 2 {
			return nil, false
		}
		var between []string
		for _, s := range stages[:len(stages)-1] {
			between = append(between, s.Authentik)
		}
		return []string{fmt.Sprintf("between authentik %s and %s lie %s: each of them in turn", from.Authentik, to.Authentik, strings.Join(between, ", "))}, false
	},
}

// touched2026 are the hazards of the releases of 2026 (docs/facts/releases-2026.md#4).
var touched2026 = map[string]func(*deployment.Deployment) (because []string, hits bool){
	"P01": func(b *deployment.Deployment) ([]string, bool) {
		return when(b, deployment.DisableRegularLogin), false
	},
	"P02": func(b *deployment.Deployment) ([]string, bool) {
		if app, ok := b.Paperless.App(); ok {
			return []string{"users sign in at " + app.Name + ", where they may stay for long"}, false
		}
		return nil, false
	},
	"P03": func(*deployment.Deployment) ([]string, bool) {
		return nil, false // about the minutes in which an id is renamed, which no configuration shows
	},
	"P04": func(b *deployment.Deployment) ([]string, bool) {
		for _, m := range b.Authentik.Mappings {
			if m.Scope == "email" && verifiedAsText.MatchString(m.Expression) {
				return []string{"the scope mapping " + m.Name + " returns email_verified as a string"}, false
			}
		}
		return nil, false
	},
	"P05": func(b *deployment.Deployment) ([]string, bool) {
		if app, _ := b.Paperless.App(); app.Settings["openid_configuration_overrides"] != nil {
			return []string{`"openid_configuration_overrides" stands in the settings of the app ` + app.ProviderID + ", and had no effect so far"}, false
		}
		return nil, false
	},
	"A18": func(b *deployment.Deployment) ([]string, bool) {
		return signsOutBy(b, "/end-session"), false
	},
	"A21": func(b *deployment.Deployment) ([]string, bool) {
		if noBlueprint(b) {
			return []string{"no blueprint was given: look whether Terraform or Pulumi makes the provider"}, false
		}
		return nil, false
	},
	"A22": func(b *deployment.Deployment) ([]string, bool) {
		if app, ok := b.Paperless.App(); ok {
			return []string{"users sign in at " + app.Name + "'s page"}, false
		}
		return nil, false
	},
	"A07": func(b *deployment.Deployment) ([]string, bool) {
		if v := b.Authentik.Settings[trustedCIDRs]; v != "" {
			return []string{trustedCIDRs + "=" + v + ", which replaces the default networks: the proxy's has to be among them"}, false
		}
		var because []string
		for _, proxy := range list(&b.Paperless, "PAPERLESS_TRUSTED_PROXIES") {
			if ip, err := netip.ParseAddr(proxy); err == nil && !trustedByDefault(ip) {
				because = append(because, "the proxy "+proxy+" of "+where(b, "PAPERLESS_TRUSTED_PROXIES")+" is in none of the networks that authentik trusts")
			}
		}
		return because, len(because) > 0
	},
	"A08": func(b *deployment.Deployment) ([]string, bool) {
		var because []string
		for item := range strings.SplitSeq(b.Authentik.Settings[trustedCIDRs], ",") {
			if item = strings.TrimSpace(item); item != "" && !strings.Contains(item, "/") {
				because = append(because, item+" in "+trustedCIDRs+" has no /n")
			}
		}
		return because, len(because) > 0
	},
	"A10": func(*deployment.Deployment) ([]string, bool) {
		return []string{"whoever is signed in to authentik"}, false
	},
	"A11": func(b *deployment.Deployment) ([]string, bool) {
		if p := b.IdPProvider(); p != nil && len(p.RedirectURIs) == 0 {
			return []string{"the provider " + p.Name + " has no redirect URI"}, true
		}
		return nil, false
	},
	"A12": func(b *deployment.Deployment) ([]string, bool) {
		app, ok := b.Paperless.App()
		if !ok || !sendsBasic(b, app) {
			return nil, false
		}
		return credentials(app, percentCode.MatchString, "has a percent sign with two digits behind it, and is sent in the Authorization header")
	},
	"A13": func(b *deployment.Deployment) ([]string, bool) {
		app, ok := b.Paperless.App()
		if !ok {
			return nil, false
		}
		return credentials(app, func(text string) bool {
			return strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
		}, "has characters outside of printable ASCII")
	},
	"A14": func(b *deployment.Deployment) ([]string, bool) {
		app, _ := b.Paperless.App()
		server, _ := app.Settings["server_url"].(string)
		_, path, _ := strings.Cut(server, "://")
		if strings.HasSuffix(path, "/") && !strings.HasSuffix(path, source.WellKnownPath+"/") || strings.Contains(path, "//") {
			return []string{"server_url is " + server}, true
		}
		return nil, false
	},
	"A15": func(b *deployment.Deployment) ([]string, bool) {
		if slices.ContainsFunc(b.Authentik.Mappings, func(m deployment.ScopeMapping) bool { return m.Scope == "profile" }) {
			return nil, false // a mapping of their own
		}
		if noBlueprint(b) {
			return []string{"no blueprint was given: unless the provider has a mapping of your own for the scope profile, it uses the shipped one"}, false
		}
		if p := b.IdPProvider(); p != nil && slices.Contains(p.Scopes, "profile") {
			return []string{"the provider " + p.Name + " uses the shipped mapping of the scope profile"}, false
		}
		return nil, false
	},
	"A16": noBaseURL,
	"A23": func(b *deployment.Deployment) ([]string, bool) {
		because, _ := noBaseURL(b)
		return because, false // it may be set where these files do not show it
	},
	"A17": func(b *deployment.Deployment) ([]string, bool) {
		if _, ok := b.Paperless.App(); ok {
			return []string{"Paperless has no address to which authentik could send that a session is over"}, false
		}
		return nil, false
	},
	"A19": func(b *deployment.Deployment) ([]string, bool) {
		var because []string
		if v := b.Authentik.Settings["AUTHENTIK_TENANTS__ENABLED"]; v != "" {
			because = append(because, "AUTHENTIK_TENANTS__ENABLED="+v)
		}
		for _, m := range b.Authentik.Mappings {
			if strings.Contains(m.Expression, "http_request.tenant") {
				because = append(because, "the scope mapping "+m.Name+" asks for the tenant")
			}
		}
		return because, len(because) > 0
	},
	"A20": func(b *deployment.Deployment) ([]string, bool) {
		var because []string
		for i, name := range b.Authentik.Groups {
			if slices.Contains(b.Authentik.Groups[:i], name) {
				because = append(because, "two groups are called "+name)
			}
		}
		return because, len(because) > 0
	},
}

// noBlueprint reports whether files were read of which none tells what authentik is
// set to: what the deployment says of it is the guide's.
func noBlueprint(b *deployment.Deployment) bool { return b.Origins != nil && len(b.Authentik.Raw) == 0 }

// verifiedAsText finds email_verified in an expression that gives it as a string.
var verifiedAsText = lazyregexp.New(`email_verified["']\s*(?::|\]\s*=)\s*(?:[rfRF]?["']|str\()`)

func noBaseURL(b *deployment.Deployment) ([]string, bool) {
	if b.Authentik.Settings[baseURL] != "" {
		return nil, false
	}
	return []string{"no file here sets " + baseURL}, false
}

// trustedByDefault reports whether authentik 2026.8 believes a proxy at this
// address without being told.
func trustedByDefault(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.Is4() && ip.IsPrivate() || ip.IsLinkLocalUnicast() && ip.Is6()
}

var percentCode = lazyregexp.New(`%[0-9A-Fa-f]{2}`)

// credentials name the client's credentials that are so, without quoting them.
func credentials(app deployment.App, is func(string) bool, so string) ([]string, bool) {
	var because []string
	for _, c := range []struct{ name, text string }{{"client_id", app.ClientID}, {"secret", app.Secret}} {
		if is(c.text) {
			because = append(because, c.name+" of the app "+app.ProviderID+" "+so)
		}
	}
	return because, len(because) > 0
}

// sendsBasic reports whether Paperless sends the secret in the Authorization
// header: up to 2.20 by itself, and where the settings say so.
func sendsBasic(b *deployment.Deployment, app deployment.App) bool {
	if method, _ := app.Settings["token_auth_method"].(string); method != "" {
		return method == "client_secret_basic"
	}
	return !b.Paperless.AtLeast("3.0.0")
}
