package troubleshooting

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// Hazards are the changes between two pairs of versions that this configuration
// touches, with the reason: first those by which it breaks, then those that
// want to be looked at, each in the order of the versions. b is the
// configuration as it runs before the upgrade.
func Hazards(b *deployment.Deployment, from, to deployment.Pair) ([]deployment.Hazard, error) {
	var all []deployment.Hazard
	for _, p := range []struct{ product, from, to string }{
		{deployment.PaperlessProduct, from.Paperless, to.Paperless},
		{deployment.AuthentikProduct, from.Authentik, to.Authentik},
	} {
		between, err := deployment.HazardsBetween(p.product, p.from, p.to)
		if err != nil {
			return nil, err
		}
		for _, h := range between {
			because, hits, known := touch(h.ID, b, from, to)
			if !known {
				return nil, fmt.Errorf("hazard %s: no rule says which configurations it touches (troubleshooting/hazards.go)", h.ID)
			}
			if h.Because, h.Hits = because, hits; len(h.Because) > 0 {
				all = append(all, h)
			}
		}
	}
	slices.SortStableFunc(all, func(a, c deployment.Hazard) int {
		switch {
		case a.Hits == c.Hits:
			return 0
		case a.Hits:
			return -1
		}
		return 1
	})
	return all, nil
}

// touch asks the rule of a hazard.
func touch(id string, b *deployment.Deployment, from, to deployment.Pair) (because []string, hits, known bool) {
	if rule := touchedOnTheWay[id]; rule != nil {
		because, hits = rule(from, to)
		return because, hits, true
	}
	for _, rules := range []map[string]func(*deployment.Deployment) ([]string, bool){touched, touched2026} {
		if rule := rules[id]; rule != nil {
			because, hits = rule(b)
			return because, hits, true
		}
	}
	return nil, false, false
}

// HazardOf is the hazard that a finding after the upgrade goes back to; nil when
// none explains it.
func HazardOf(code string, hazards []deployment.Hazard) *deployment.Hazard {
	for i := range hazards {
		if slices.Contains(hazards[i].Codes, code) {
			return &hazards[i]
		}
	}
	return nil
}

// touched tells for each hazard whether a configuration meets it, in words;
// no words mean no. hits is true when it breaks by it, false when that depends
// on what the configuration does not show.
var touched = map[string]func(*deployment.Deployment) (because []string, hits bool){
	"H01": func(b *deployment.Deployment) ([]string, bool) {
		if _, ok := b.Paperless.App(); !ok {
			return nil, false
		}
		if p := b.IdPProvider(); p != nil && p.EncryptionKey {
			return []string{"the provider in authentik has an encryption key: its ID token is a JWE, which Paperless cannot read"}, true
		}
		if noBlueprint(b) {
			return []string{"no blueprint was given: look in authentik that the provider has no Encryption Key"}, false
		}
		return nil, false
	},
	"H02": func(b *deployment.Deployment) ([]string, bool) {
		return when(b, "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS"), true
	},
	"H03": func(b *deployment.Deployment) ([]string, bool) {
		app, ok := b.Paperless.App()
		if !ok || app.Settings["token_auth_method"] != nil {
			return nil, false
		}
		if b.Authentik.Proxy.DropAuthorization {
			return nil, false // the old way is the one that suffers
		}
		return []string{"settings.token_auth_method is not set; authentik itself takes both ways"}, false
	},
	"H04": func(b *deployment.Deployment) ([]string, bool) {
		switch v, set := b.Paperless.Value("PAPERLESS_SECRET_KEY"); {
		case !set || v == "":
			return []string{"PAPERLESS_SECRET_KEY is not set"}, true
		case v == "change-me":
			return []string{where(b, "PAPERLESS_SECRET_KEY") + " has the value of the example"}, true
		}
		return nil, false
	},
	"H05": func(b *deployment.Deployment) ([]string, bool) {
		return strictWords(b), true
	},
	"H09": func(*deployment.Deployment) ([]string, bool) {
		return nil, false // about scripts, which no configuration shows
	},
	"H10": func(b *deployment.Deployment) ([]string, bool) {
		proxies := list(&b.Paperless, "PAPERLESS_TRUSTED_PROXIES")
		if _, set := b.Paperless.Value("PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT"); set || len(proxies) == 0 {
			return nil, false
		}
		because := []string{fmt.Sprintf("%s names %d, and X-Forwarded-For must have as many entries", where(b, "PAPERLESS_TRUSTED_PROXIES"), len(proxies))}
		return because, len(proxies) > 1 || b.Paperless.Proxy.OmitForwardedFor || b.Paperless.Proxy.DropForwarded
	},
	"H11": func(b *deployment.Deployment) ([]string, bool) {
		v, _ := b.Paperless.Value("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION")
		host, _ := b.Paperless.Value("PAPERLESS_EMAIL_HOST")
		if !strings.EqualFold(v, "mandatory") {
			return nil, false
		}
		return []string{setting(b, "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION")}, host != ""
	},
	"H14": func(b *deployment.Deployment) ([]string, bool) {
		if len(list(&b.Paperless, "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS")) > 0 || syncsGroups(b) {
			return nil, false
		}
		return []string{"new users get no group: PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS is not set"}, false
	},
	"H16": func(b *deployment.Deployment) ([]string, bool) {
		return emailAuth(b), false
	},
	"H18": func(b *deployment.Deployment) ([]string, bool) {
		return when(b, deployment.DisableRegularLogin), false
	},
	"A01": func(b *deployment.Deployment) ([]string, bool) {
		if p := b.IdPProvider(); p != nil && p.GrantTypes == nil && len(b.Authentik.Raw) > 0 {
			return []string{"the blueprint's provider " + p.Name + " has no grant_types: made anew, it refuses everybody"}, false
		}
		return nil, false
	},
	"A02": func(b *deployment.Deployment) ([]string, bool) {
		for _, m := range b.Authentik.Mappings {
			if strings.Contains(m.Expression, "ak_groups") {
				return []string{"the scope mapping " + m.Name + " says ak_groups"}, false
			}
		}
		return nil, false
	},
	"A03": func(b *deployment.Deployment) ([]string, bool) {
		for _, m := range b.Authentik.Mappings {
			if m.Scope == "email" && strings.Contains(m.Expression, "email_verified") {
				return nil, false // a mapping of their own says it
			}
		}
		because := emailAuth(b)
		if app, _ := b.Paperless.App(); app.Settings["verified_email"] == true {
			because = nil // the claim is not asked for
		}
		v, set := b.Paperless.Value("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION")
		switch {
		case strings.EqualFold(v, "mandatory"):
			because = append(because, setting(b, "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION"))
		case !set && !b.Paperless.AtLeast("2.16.0"):
			because = append(because, "Paperless-ngx "+b.Paperless.Version+" sends a confirmation to unverified addresses, and fails without a mail server")
		}
		return because, len(because) > 0
	},
	"A04": func(b *deployment.Deployment) ([]string, bool) {
		p := b.IdPProvider()
		if p == nil {
			return nil, false
		}
		for _, r := range p.RedirectURIs {
			if r.MatchingMode != "regex" && strings.ContainsAny(r.URL, `\*^$|()[]`) {
				return []string{"the registered redirect URI " + r.URL + " is a pattern"}, true
			}
		}
		return nil, false
	},
	"A05": func(*deployment.Deployment) ([]string, bool) {
		return []string{"whoever is signed in to authentik"}, false
	},
	"A06": func(b *deployment.Deployment) ([]string, bool) {
		because := signsOutBy(b, "post_logout_redirect_uri")
		return because, len(because) > 0
	},
}

// signsOutBy quotes the address that signing out leads to, where it has this part.
func signsOutBy(b *deployment.Deployment, part string) []string {
	const name = "PAPERLESS_LOGOUT_REDIRECT_URL"
	if v, _ := b.Paperless.Value(name); !strings.Contains(v, part) {
		return nil
	}
	return []string{setting(b, name)}
}

// when quotes a switch that is on.
func when(b *deployment.Deployment, name string) []string {
	if on, _ := b.Paperless.Bool(name); !on {
		return nil
	}
	return []string{setting(b, name)}
}

// emailAuth quotes that users are signed in by e-mail address.
func emailAuth(b *deployment.Deployment) []string {
	if app, _ := b.Paperless.App(); paperless.Truthy(app.Settings["email_authentication"]) {
		return []string{`"email_authentication" is on in the app's settings`}
	}
	return nil
}

// strictWords are the switches with a word that Paperless-ngx 3 does not take.
func strictWords(b *deployment.Deployment) []string {
	all, err := source.Settings()
	if err != nil {
		return nil // the data is embedded: a test reads it
	}
	v3 := b.Clone()
	v3.Paperless.Version = "3.0.0"
	var because []string
	for _, s := range all {
		if s.Type != "bool" {
			continue
		}
		if _, set := b.Paperless.Value(s.Name); !set {
			continue
		}
		if _, ok := v3.Paperless.Bool(s.Name); !ok {
			because = append(because, setting(b, s.Name)+" is none of these values")
		}
	}
	return because
}
