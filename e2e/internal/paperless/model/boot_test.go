package model

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

func TestBootFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version string
		env     map[string]string
		want    string // empty: it comes up
	}{
		"default":                          {"2.20.15", nil, ""},
		"default 3":                        {"3.0.5", nil, ""},
		"default 2.5":                      {"2.5.0", nil, ""},
		"before allauth":                   {"2.4.3", nil, "ModuleNotFoundError: No module named 'allauth'"},
		"before allauth, no apps":          {"2.4.3", map[string]string{"PAPERLESS_APPS": "-"}, ""},
		"typo in a module":                 {"2.20.15", map[string]string{"PAPERLESS_APPS": deployment.OpenIDConnectApp + "t"}, "ModuleNotFoundError: No module named 'allauth.socialaccount.providers.openid_connectt'"},
		"space in the list, 2":             {"2.20.15", map[string]string{"PAPERLESS_APPS": deployment.OpenIDConnectApp + ", allauth.usersessions"}, "ModuleNotFoundError: No module named ' allauth"},
		"space in the list, 3":             {"3.0.5", map[string]string{"PAPERLESS_APPS": deployment.OpenIDConnectApp + ", allauth.usersessions"}, ""},
		"app twice":                        {"2.20.15", map[string]string{"PAPERLESS_APPS": deployment.OpenIDConnectApp + "," + deployment.OpenIDConnectApp}, "duplicates: openid_connect"},
		"providers empty":                  {"2.20.15", map[string]string{deployment.ProvidersKey: ""}, "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"},
		"providers a list":                 {"2.20.15", map[string]string{deployment.ProvidersKey: "[]"}, ""},
		"proxy header not JSON":            {"2.20.15", map[string]string{"PAPERLESS_PROXY_SSL_HEADER": "HTTP_X_FORWARDED_PROTO"}, "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"},
		"url with a slash":                 {"2.20.15", map[string]string{"PAPERLESS_URL": origin + "/"}, "(corsheaders.E014) Origin 'https://paperless.example.com/' in CORS_ALLOWED_ORIGINS should not have path"},
		"url without a scheme":             {"2.20.15", map[string]string{"PAPERLESS_URL": "paperless.example.com"}, "(corsheaders.E013)"},
		"no secret key, 2":                 {"2.20.15", map[string]string{"PAPERLESS_SECRET_KEY": "-"}, ""},
		"no secret key, 3":                 {"3.0.5", map[string]string{"PAPERLESS_SECRET_KEY": "-"}, "PAPERLESS_SECRET_KEY is not set or is the default 'change-me' value"},
		"template's secret key, 3":         {"3.0.5", map[string]string{"PAPERLESS_SECRET_KEY": "change-me"}, "PAPERLESS_SECRET_KEY is not set or is the default 'change-me' value"},
		"loose boolean, 2":                 {"2.20.15", map[string]string{"PAPERLESS_SOCIAL_AUTO_SIGNUP": "on"}, ""},
		"loose boolean, 3":                 {"3.0.5", map[string]string{"PAPERLESS_SOCIAL_AUTO_SIGNUP": "on"}, "ValueError: Cannot convert 'on' to a boolean."},
		"quoted boolean, 3":                {"3.0.5", map[string]string{"PAPERLESS_SOCIAL_AUTO_SIGNUP": `"true"`}, `ValueError: Cannot convert '"true"' to a boolean.`},
		"database engine, 3":               {"3.0.5", map[string]string{"PAPERLESS_DBENGINE": "postgres"}, "ValueError: Environment variable 'PAPERLESS_DBENGINE' has invalid value 'postgres'. Valid choices are: mariadb, postgresql, sqlite"},
		"negative proxy count":             {"3.0.5", map[string]string{"PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT": "-1"}, "ImproperlyConfigured"},
		"proxy count is not read in 3.0.2": {"3.0.2", map[string]string{"PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT": "-1"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, boot := boot(t, nil, tt.version, tt.env)
			if tt.want == "" {
				require.True(t, boot.Up, "%v", boot.Log)
				return
			}
			require.False(t, boot.Up)
			require.NotNil(t, boot.Exit)
			assert.Equal(t, 1, *boot.Exit)
			text := strings.Join(boot.Log, "\n")
			assert.Contains(t, text, tt.want)
			assert.Equal(t, deployment.AtLeast(tt.version, "2.15.0"), strings.Contains(text, "s6-rc:"))
		})
	}
}

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	file := func(o *Options) {
		o.Bundle.Paperless.Files = map[string]string{"/run/secrets/providers": o.Bundle.Paperless.Env[deployment.ProvidersKey] + "\n"}
		delete(o.Bundle.Paperless.Env, deployment.ProvidersKey)
		o.Bundle.Paperless.Env[deployment.ProvidersKey+"_FILE"] = "/run/secrets/providers"
	}
	s := start(t, nil, "2.20.15", nil, file)
	assert.Contains(t, text(visit(t, s).get("/accounts/login/").body), "or sign in via SSO")
	assert.Contains(t, logText(s), "[env-init] PAPERLESS_SOCIALACCOUNT_PROVIDERS set from PAPERLESS_SOCIALACCOUNT_PROVIDERS_FILE")

	old := start(t, nil, "2.5.0", nil, file)
	assert.Contains(t, text(visit(t, old).get("/accounts/login/").body), "or sign in via SSO")
	assert.NotContains(t, logText(old), "[env-init]", "said since 2.15.0")
	start(t, nil, "3.0.5", map[string]string{"PAPERLESS_SECRET_KEY": "-"}, func(o *Options) {
		o.Bundle.Paperless.Env["PAPERLESS_SECRET_KEY_FILE"] = "/run/secrets/key"
		o.Bundle.Paperless.Files = map[string]string{"/run/secrets/key": "a-long-key-of-a-file-0123456789\n"}
	})
	_, noKey := boot(t, nil, "3.0.5", map[string]string{"PAPERLESS_SECRET_KEY": "-", "PAPERLESS_SECRET_KEY_FILE": "/run/secrets/nothing"})
	assert.False(t, noKey.Up)

	lost := start(t, nil, "2.20.15", nil, file, func(o *Options) { o.Bundle.Paperless.Files = nil })
	assert.NotContains(t, text(visit(t, lost).get("/accounts/login/").body), "SSO")
	assert.Contains(t, logText(lost), "cannot find secret in PAPERLESS_SOCIALACCOUNT_PROVIDERS_FILE")
}

// What runs is the running environment, not the file's.
func TestRunningEnvironment(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "2.20.15", nil, func(o *Options) { o.Bundle.Paperless.Running = map[string]string{} })
	assert.NotContains(t, text(visit(t, s).get("/accounts/login/").body), "SSO")
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	f := newIdP(t)
	old := start(t, f, "2.20.15", map[string]string{"PAPERLESS_SOCIAL_AUTO_SIGNUP": "true"})
	v := visit(t, old)
	require.Equal(t, "/dashboard", v.sso("").Header.Get("Location"))
	code, tokens := v.api("POST", "/api/token/", map[string]any{"username": "admin", "password": "admin-pw-0f8e"})
	require.Equal(t, 200, code)

	keep := func(o *Options) { o.State = old.State() }
	up := start(t, f, "3.0.5", map[string]string{"PAPERLESS_SOCIAL_AUTO_SIGNUP": "true"}, keep)
	v.s = up
	code, profile := v.api("GET", "/api/profile/", nil)
	assert.Equal(t, 200, code, "the session survives")
	assert.Equal(t, "alice@example.com", profile["email"])
	again := visit(t, up)
	require.Equal(t, "/dashboard", again.sso("").Header.Get("Location"))
	assert.Len(t, up.State().Users, len(old.State().Users), "the same account, by its link")
	again.cookies = map[string]string{}
	again.header.Set("Authorization", "Token "+tokens["token"].(string))
	code, _ = again.api("GET", "/api/profile/", nil)
	assert.Equal(t, 200, code, "the token survives")

	other := start(t, f, "3.0.5", map[string]string{"PAPERLESS_SECRET_KEY": "another-key-0123456789"}, keep)
	v.s = other
	code, _ = v.api("GET", "/api/profile/", nil)
	assert.Equal(t, 401, code, "another key voids the sessions")

	from250 := start(t, f, "2.5.0", nil).State()
	_, boot := boot(t, f, "3.0.5", nil, func(o *Options) { o.State = from250 })
	assert.False(t, boot.Up)
	assert.Contains(t, boot.Log, "(paperless.E002) Cannot upgrade to Paperless-ngx v3 from this version.")
	start(t, f, "2.20.15", nil, func(o *Options) { o.State = from250 })
}

// TestSettingsAreKnown: what is read here stands in the table of settings, and
// 3.0.0's strict booleans are those that the table calls so.
func TestSettingsAreKnown(t *testing.T) {
	t.Parallel()
	all, err := source.Settings()
	require.NoError(t, err)
	known, bools := map[string]bool{}, []string{}
	for _, s := range all {
		known[s.Name] = true
		if s.Type == "bool" {
			bools = append(bools, s.Name)
		}
	}
	assert.ElementsMatch(t, bools, booleans)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	name := regexp.MustCompile(`"(PAPERLESS_[A-Z_]+)"`)
	n := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			n++
			// Two names that end in _FILE and are no secret files.
			assert.True(t, known[m[1]] || m[1] == "PAPERLESS_MODEL_FILE" || m[1] == "PAPERLESS_OCR_SKIP_ARCHIVE_FILE", "%s reads %s", file, m[1])
		}
	}
	assert.Greater(t, n, 30)
}
