package model

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// settings are the settings of this Paperless, as its own environment gives them.
type settings struct {
	version string
	env     map[string]string

	allauth      bool // false before 2.5.0
	openID       bool // the provider app is installed
	providers    any  // PAPERLESS_SOCIALACCOUNT_PROVIDERS, decoded
	autoSignup   bool
	allowSocial  bool
	allowLocal   bool
	groupsSocial []string
	groupsForm   []string
	syncGroups   bool
	groupsClaim  string
	protocol     string
	verification string
	database     string
	smtp         bool
	noRegular    bool
	redirectSSO  bool
	cookieAge    int
	remember     bool
	logoutURL    string
	script       string // PAPERLESS_FORCE_SCRIPT_NAME
	prefix       string // PAPERLESS_COOKIE_PREFIX
	origins      []string
	hosts        []string
	xfHost       bool
	sslHeader    [2]string // header name and value; empty: not set
	remoteUser   bool
	remoteAPI    bool
	remoteHeader string // canonical header name; empty: cannot come from a client
	autoLogin    string
	proxies      int
	ipHeader     string
	tokenRate    int
	secretKey    string
	appTitle     string
}

// at reports whether this Paperless is at least the given version.
func (s *settings) at(minimum string) bool { return deployment.AtLeast(s.version, minimum) }

// python313 reports whether the image's Python names trailing commas: 2.5.0 was
// seen with 3.11, 2.20.15 with 3.13. Where it changed in between was not seen.
func (s *settings) python313() bool { return s.at("2.20.0") }

// A bootError is a start-up that ends; lines are what the container log says.
type bootError struct {
	lines []string
	// service is the s6 service that fails; the settings surface in the first.
	service string
	// fixed lines hold nothing of the configuration and are not redacted:
	// 'change-me' is a published word even where somebody uses it as a secret.
	fixed bool
}

func (e *bootError) Error() string { return strings.Join(e.lines, "; ") }

func bootFail(format string, args ...any) error {
	return &bootError{lines: []string{fmt.Sprintf(format, args...)}, service: "init-migrations"}
}

// booleans are the settings that Paperless 3 reads strictly
// (fixtures/paperless-settings.json, type bool).
var booleans = []string{
	"PAPERLESS_ACCOUNT_ALLOW_SIGNUPS", "PAPERLESS_ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS", "PAPERLESS_ACCOUNT_SESSION_REMEMBER",
	"PAPERLESS_DEBUG", "PAPERLESS_DISABLE_REGULAR_LOGIN", "PAPERLESS_EMAIL_USE_SSL", "PAPERLESS_EMAIL_USE_TLS",
	"PAPERLESS_ENABLE_HTTP_REMOTE_USER", "PAPERLESS_ENABLE_HTTP_REMOTE_USER_API", "PAPERLESS_REDIRECT_LOGIN_TO_SSO",
	"PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS", "PAPERLESS_SOCIAL_AUTO_SIGNUP",
	"PAPERLESS_USE_X_FORWARD_HOST", "PAPERLESS_USE_X_FORWARD_PORT",
}

func (s *settings) boolean(name string, fallback bool) bool {
	v, ok := s.env[name]
	if !ok {
		return fallback
	}
	return slices.Contains([]string{"yes", "y", "1", "t", "true"}, strings.ToLower(v))
}

// list splits at commas. Before 3.0.0 spaces stay, as in " allauth".
func (s *settings) list(name string) []string {
	var out []string
	for item := range strings.SplitSeq(s.env[name], ",") {
		if s.at("3.0.0") {
			item = strings.TrimSpace(item)
		}
		if item != "" {
			out = append(out, item)
		}
	}
	return out
}

// text is a setting with a default.
func (s *settings) text(name, fallback string) string {
	if v, ok := s.env[name]; ok {
		return v
	}
	return fallback
}

// since is the variable, unless this version does not read it yet.
func (s *settings) since(minimum, name string) string {
	if !s.at(minimum) {
		return ""
	}
	return s.env[name]
}

func readSettings(version string, env map[string]string) (*settings, error) {
	s := &settings{version: version, env: env}
	s.database = (&deployment.Paperless{Version: version, Env: env}).Database()
	s.allauth = s.at("2.5.0")
	if s.at("3.0.0") {
		if key := strings.TrimSpace(env["PAPERLESS_SECRET_KEY"]); key == "" || key == "change-me" {
			return nil, &bootError{service: "init-migrations", fixed: true, lines: []string{
				"django.core.exceptions.ImproperlyConfigured: PAPERLESS_SECRET_KEY is not set or is the default 'change-me' value",
			}}
		}
		for _, name := range booleans {
			v, ok := env[name]
			if ok && !slices.Contains([]string{"true", "1", "t", "y", "yes", "false", "0", "f", "n", "no"}, strings.ToLower(strings.TrimSpace(v))) {
				return nil, bootFail("ValueError: Cannot convert %s to a boolean.", pyRepr(v))
			}
			if ok {
				env[name] = strings.TrimSpace(v)
			}
		}
		if v, ok := env["PAPERLESS_DBENGINE"]; ok && !slices.Contains([]string{"mariadb", "postgresql", "sqlite"}, v) {
			return nil, bootFail("ValueError: Environment variable 'PAPERLESS_DBENGINE' has invalid value %s. Valid choices are: mariadb, postgresql, sqlite", pyRepr(v))
		}
	}
	if err := s.readProviders(); err != nil {
		return nil, err
	}
	if err := s.readProxy(); err != nil {
		return nil, err
	}
	s.readAccounts()
	s.readURL()
	if err := s.readApps(); err != nil {
		return nil, err
	}
	return s, s.systemChecks()
}

func (s *settings) readProviders() error {
	s.providers = map[string]any{}
	text, ok := s.env[deployment.ProvidersKey]
	if !ok || !s.allauth {
		return nil
	}
	v, err := pyJSON(text, s.python313())
	if err != nil {
		return bootFail("json.decoder.JSONDecodeError: %s", err)
	}
	s.providers = v
	return nil
}

func (s *settings) readProxy() error {
	s.xfHost = s.boolean("PAPERLESS_USE_X_FORWARD_HOST", false)
	if text, ok := s.env["PAPERLESS_PROXY_SSL_HEADER"]; ok {
		v, err := pyJSON(text, s.python313())
		if err != nil {
			return bootFail("json.decoder.JSONDecodeError: %s", err)
		}
		if pair, _ := v.([]any); len(pair) == 2 {
			s.sslHeader = [2]string{header(pyStr(pair[0])), pyStr(pair[1])}
		}
	}
	s.remoteAPI = s.allauth && s.boolean("PAPERLESS_ENABLE_HTTP_REMOTE_USER_API", false)
	s.remoteUser = s.remoteAPI || s.boolean("PAPERLESS_ENABLE_HTTP_REMOTE_USER", false)
	s.remoteHeader = header(s.text("PAPERLESS_HTTP_REMOTE_USER_HEADER_NAME", "HTTP_REMOTE_USER"))
	if !s.at("3.0.0") {
		return nil
	}
	s.proxies = len(s.list("PAPERLESS_TRUSTED_PROXIES"))
	s.ipHeader = s.env["PAPERLESS_ALLAUTH_TRUSTED_CLIENT_IP_HEADER"]
	if v, ok := s.env["PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT"]; ok && s.at("3.0.3") {
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil {
			return bootFail("ValueError: invalid literal for int() with base 10: %s", pyRepr(v))
		}
		if n < 0 {
			return bootFail("django.core.exceptions.ImproperlyConfigured: PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT must not be negative")
		}
		s.proxies = n
	}
	return nil
}

// header is the HTTP header of a META name; empty when no header gets there.
func header(meta string) string {
	name, ok := strings.CutPrefix(meta, "HTTP_")
	if !ok {
		return ""
	}
	return strings.ReplaceAll(name, "_", "-")
}

func (s *settings) readAccounts() {
	s.autoSignup = s.boolean("PAPERLESS_SOCIAL_AUTO_SIGNUP", false)
	s.allowSocial = s.boolean("PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", true)
	s.allowLocal = s.boolean("PAPERLESS_ACCOUNT_ALLOW_SIGNUPS", false)
	if s.at("2.15.0") {
		s.groupsSocial = s.list("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS")
		s.groupsForm = s.list("PAPERLESS_ACCOUNT_DEFAULT_GROUPS")
		s.syncGroups = s.boolean("PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS", false)
	}
	s.groupsClaim = "groups"
	if v := s.since("3.0.0", "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS_CLAIM"); v != "" {
		s.groupsClaim = v
	}
	s.protocol = s.text("PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL", "https")
	s.smtp = s.text("PAPERLESS_EMAIL_HOST", "localhost") != "localhost" || s.env["PAPERLESS_EMAIL_HOST_USER"] != ""
	s.verification = "optional"
	if v := s.since("2.6.0", "PAPERLESS_ACCOUNT_EMAIL_VERIFICATION"); v != "" {
		s.verification = v
	}
	if s.at("2.16.0") && !s.smtp {
		s.verification = "none"
	}
	s.noRegular = s.at("2.6.0") && s.boolean("PAPERLESS_DISABLE_REGULAR_LOGIN", false)
	s.redirectSSO = s.at("2.11.0") && s.boolean("PAPERLESS_REDIRECT_LOGIN_TO_SSO", false)
	s.remember = s.boolean("PAPERLESS_ACCOUNT_SESSION_REMEMBER", s.at("2.13.0")) || !s.at("2.6.3")
	s.cookieAge = 1814400
	if n, err := strconv.Atoi(s.since("2.13.0", "PAPERLESS_SESSION_COOKIE_AGE")); err == nil {
		s.cookieAge = n
	}
	s.autoLogin = s.env["PAPERLESS_AUTO_LOGIN_USERNAME"]
	s.secretKey = s.text("PAPERLESS_SECRET_KEY", "built-in default")
	s.appTitle = s.env["PAPERLESS_APP_TITLE"]
	if s.at("3.0.0") {
		s.tokenRate = 5
		if n, err := strconv.Atoi(strings.SplitN(s.env["PAPERLESS_TOKEN_THROTTLE_RATE"], "/", 2)[0]); err == nil {
			s.tokenRate = n
		}
	}
}

func (s *settings) readURL() {
	s.script = strings.TrimRight(s.env["PAPERLESS_FORCE_SCRIPT_NAME"], "/")
	s.prefix = s.env["PAPERLESS_COOKIE_PREFIX"]
	s.logoutURL = s.script + "/"
	if s.at("2.11.0") {
		s.logoutURL = s.script + "/accounts/login/?loggedout=1"
	}
	if v := s.env["PAPERLESS_LOGOUT_REDIRECT_URL"]; v != "" {
		s.logoutURL = v
	}
	s.origins = s.list("PAPERLESS_CSRF_TRUSTED_ORIGINS")
	s.hosts = []string{"*"}
	if v, ok := s.env["PAPERLESS_ALLOWED_HOSTS"]; ok && (v != "" || !s.at("3.0.0")) {
		s.hosts = s.list("PAPERLESS_ALLOWED_HOSTS")
	}
	if !slices.Contains(s.hosts, "*") {
		s.hosts = append(s.hosts, "localhost")
	}
	if v := s.env["PAPERLESS_URL"]; v != "" {
		s.origins = append(s.origins, v)
		if u, err := url.Parse(v); err == nil && u.Hostname() != "" && !slices.Contains(s.hosts, "*") {
			s.hosts = append(s.hosts, u.Hostname())
		}
	}
}

// systemChecks are the checks of Django that look at these settings; an error
// of theirs ends the start.
func (s *settings) systemChecks() error {
	var issues []string
	issue := func(format string, args ...any) {
		issues = append(issues, "?: "+fmt.Sprintf(format, args...))
	}
	for _, origin := range s.origins {
		if !strings.Contains(origin, "://") {
			issue("(4_0.E001) As of Django 4.0, the values in the CSRF_TRUSTED_ORIGINS setting must start with a scheme (usually http:// or https://) but found %s.", origin)
		}
	}
	cors := []string{}
	if v := s.env["PAPERLESS_URL"]; v != "" {
		cors = append(cors, v)
	}
	cors = append(cors, s.list("PAPERLESS_CORS_ALLOWED_HOSTS")...)
	for _, origin := range cors {
		u, err := url.Parse(origin)
		switch {
		case err != nil || u.Scheme == "" || u.Host == "":
			issue("(corsheaders.E013) Origin %s in CORS_ALLOWED_ORIGINS is missing scheme or netloc", pyRepr(origin))
		case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
			issue("(corsheaders.E014) Origin %s in CORS_ALLOWED_ORIGINS should not have path", pyRepr(origin))
		}
	}
	if issues == nil {
		return nil
	}
	return &bootError{
		lines:   append([]string{"SystemCheckError: System check identified some issues:", "ERRORS:"}, issues...),
		service: "init-system-checks",
	}
}

var pyModule = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// installed are the Django apps that every Paperless of this time has in
// INSTALLED_APPS; naming one again is an error of its own.
func (s *settings) installed() []string {
	apps := []string{
		"django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
		"django.contrib.messages", "django.contrib.staticfiles", "django.contrib.admin", "rest_framework", "corsheaders",
	}
	if s.allauth {
		apps = append(apps, "allauth", "allauth.account", "allauth.socialaccount")
	}
	if s.at("2.14.0") {
		apps = append(apps, "allauth.mfa")
	}
	if s.at("3.0.0") {
		apps = append(apps, "allauth.headless")
	}
	return apps
}

// readApps imports PAPERLESS_APPS as Django does at start.
func (s *settings) readApps() error {
	seen := map[string]bool{}
	for _, app := range s.installed() {
		seen[app] = true
	}
	for _, app := range s.list("PAPERLESS_APPS") {
		if seen[app] {
			return bootFail("django.core.exceptions.ImproperlyConfigured: Application labels aren't unique, duplicates: %s", app[strings.LastIndex(app, ".")+1:])
		}
		seen[app] = true
		if missing := s.missingModule(app); missing != "" {
			return bootFail("ModuleNotFoundError: No module named %s", pyRepr(missing))
		}
		s.openID = s.openID || app == deployment.OpenIDConnectApp
	}
	return nil
}

// missingModule is the first part of a dotted name that cannot be imported, or "".
func (s *settings) missingModule(app string) string {
	known := slices.Concat(s.installed(), []string{
		"django", "django.contrib", "django.contrib.sites", "django.contrib.humanize", "django.contrib.flatpages",
		"django.contrib.redirects", "django.contrib.sitemaps", "documents", "paperless", "paperless_mail", "guardian",
		"django_filters", "channels", "whitenoise",
	})
	if s.allauth {
		known = append(known, "allauth.socialaccount.providers", "allauth.usersessions")
		for _, p := range deployment.SocialProviders() {
			known = append(known, deployment.SocialApp(p))
		}
	}
	if !pyModule.MatchString(app) {
		return app // such as a name with a space in front or quotes around it
	}
	parts := strings.Split(app, ".")
	for i := range parts {
		if name := strings.Join(parts[:i+1], "."); !slices.Contains(known, name) {
			return name
		}
	}
	return ""
}
