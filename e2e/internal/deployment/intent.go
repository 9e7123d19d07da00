package deployment

import (
	"maps"
	"slices"
	"strings"
)

// The settings that users mean when they write something else.
const (
	AutoSignup          = "PAPERLESS_SOCIAL_AUTO_SIGNUP"
	RedirectToSSO       = "PAPERLESS_REDIRECT_LOGIN_TO_SSO"
	DisableRegularLogin = "PAPERLESS_DISABLE_REGULAR_LOGIN"
	RemoteUser          = "PAPERLESS_ENABLE_HTTP_REMOTE_USER"
)

// dead are settings that guides give and that no version of Paperless reads,
// with the one that does what was meant (fixtures/paperless-settings.json#nonexistent),
// and names that users make up after the pattern of others.
var dead = map[string]string{
	"PAPERLESS_AUTO_CREATE":             AutoSignup,
	"PAPERLESS_SOCIAL_AUTO_CREATE":      AutoSignup,
	"PAPERLESS_AUTO_REDIRECT":           RedirectToSSO,
	"PAPERLESS_REDIRECT_TO_SSO":         RedirectToSSO,
	"PAPERLESS_AUTO_REDIRECT_TO_SSO":    RedirectToSSO,
	"PAPERLESS_DISABLE_LOCAL_LOGIN":     DisableRegularLogin,
	"PAPERLESS_DISABLE_LOGIN_FORM":      DisableRegularLogin,
	"PAPERLESS_ENABLE_REMOTE_USER":      RemoteUser,
	"PAPERLESS_ENABLE_HTTP_REMOTE_AUTH": RemoteUser,

	"PAPERLESS_SOCIALACCOUNT_AUTO_SIGNUP":    AutoSignup,
	"PAPERLESS_SOCIAL_ACCOUNT_AUTO_SIGNUP":   AutoSignup,
	"PAPERLESS_AUTO_SIGNUP":                  AutoSignup,
	"PAPERLESS_SOCIAL_AUTO_SIGN_UP":          AutoSignup,
	"PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUP":   "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS",
	"PAPERLESS_ALLOW_SIGNUPS":                "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS",
	"PAPERLESS_REDIRECT_SSO":                 RedirectToSSO,
	"PAPERLESS_DISABLE_LOGIN":                DisableRegularLogin,
	"PAPERLESS_SOCIALACCOUNT_ONLY":           DisableRegularLogin,
	"PAPERLESS_SOCIAL_ACCOUNT_ONLY":          DisableRegularLogin,
	"PAPERLESS_SOCIALACCOUNT_PROVIDERS_JSON": ProvidersKey,
	"PAPERLESS_SOCIAL_ACCOUNT_PROVIDERS":     ProvidersKey,
	"PAPERLESS_DISABLE_PASSWORD_LOGIN":       DisableRegularLogin,
	"PAPERLESS_SOCIALACCOUNT_DEFAULT_GROUPS": "PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS",
	"PAPERLESS_SOCIALACCOUNT_SYNC_GROUPS":    "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS",
	"PAPERLESS_OIDC_PROVIDERS":               ProvidersKey,
	"PAPERLESS_SOCIALACCOUNT_PROVIDER":       ProvidersKey,
	"PAPERLESS_BASE_URL":                     "PAPERLESS_URL",
	"PAPERLESS_PUBLIC_URL":                   "PAPERLESS_URL",
	"PAPERLESS_HTTP_PROTOCOL":                "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL",
	"PAPERLESS_LOGOUT_URL":                   "PAPERLESS_LOGOUT_REDIRECT_URL",
	"PAPERLESS_TRUSTED_ORIGINS":              "PAPERLESS_CSRF_TRUSTED_ORIGINS",
	"PAPERLESS_REMOTE_USER_HEADER_NAME":      "PAPERLESS_HTTP_REMOTE_USER_HEADER_NAME",
}

// DeadSetting is the setting that does what a dead name means, or "".
func DeadSetting(name string) string { return dead[name] }

// Bool reads a boolean as this Paperless version does. ok is false for a word
// that the version does not take: v2 then silently says false, v3 does not
// start (fixtures/paperless-settings.json#meta).
func (p *Paperless) Bool(name string) (value, ok bool) {
	v, set := p.Value(name)
	if !set {
		return false, true
	}
	switch strings.ToLower(v) {
	case "true", "1", "t", "y", "yes":
		return true, true
	case "false", "0", "f", "n", "no":
		return false, true
	}
	if !p.AtLeast("3.0.0") && v == "" {
		return false, true
	}
	return false, false
}

// On reports whether the setting is effectively on, for the version that runs.
func (p *Paperless) On(name string) bool {
	if since := introduced[name]; since != "" && !p.AtLeast(since) {
		return false
	}
	v, _ := p.Bool(name)
	return v
}

// introduced is the first version that reads the setting (fixtures/paperless-settings.json).
var introduced = map[string]string{
	AutoSignup:          "2.5.0",
	DisableRegularLogin: "2.6.0",
	RedirectToSSO:       "2.11.0",
}

// Introduced is the first version that reads the setting, or "" when all do.
func Introduced(name string) string { return introduced[name] }

// Intends reports whether the user who wrote this configuration wants the
// setting on, and by which variable they say so: the setting itself, also in a
// word that this version does not take; a name that guides give; a misspelling.
func (b *Deployment) Intends(name string) (by string, wanted bool) {
	p := &b.Paperless
	if v, set := p.Value(name); set {
		return name, Yes(v)
	}
	for _, k := range slices.Sorted(maps.Keys(p.Env)) {
		if !Yes(p.Env[k]) {
			continue
		}
		if dead[k] == name || (Misspelt(k) == name) {
			return k, true
		}
	}
	return "", false
}

// Yes reports whether a user who writes this word means yes.
func Yes(v string) bool {
	switch strings.ToLower(strings.Trim(v, " \t\r\n\"'")) {
	case "true", "1", "t", "y", "yes", "on", "enable", "enabled", "ja", "oui", "si":
		return true
	}
	return false
}

// Misspelt is the login switch that a name is a misspelling of (up to two
// letters, a lost underscore, small letters), or "". Real names are never
// misspellings.
func Misspelt(name string) string {
	for _, real := range []string{AutoSignup, RedirectToSSO, DisableRegularLogin, RemoteUser} {
		if name == real {
			return ""
		}
		upper := strings.ToUpper(name)
		if upper == real || Distance(name, real) <= 2 || strings.ReplaceAll(name, "_", "") == strings.ReplaceAll(real, "_", "") {
			return real
		}
	}
	return ""
}
