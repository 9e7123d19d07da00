package troubleshooting_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

const (
	kindURL  = "https://docs.example.org"
	kindApps = "allauth.socialaccount.providers.openid_connect"
	kindJSON = `{"openid_connect":{"APPS":[{"provider_id":"authentik","name":"SSO","client_id":"paperless","secret":"sekrit-client","settings":{"server_url":"https://id.example.org/application/o/paperless/.well-known/openid-configuration"}}]}}`
)

// inFolder writes files into a folder and gives their paths by name.
func inFolder(t *testing.T, files map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func codesAt(findings []source.Diagnostic, level string) []string {
	var out []string
	for _, f := range findings {
		if f.Level == level {
			out = append(out, f.Code)
		}
	}
	return out
}

// TestKinds reads the same configuration in every kind of file that users keep
// it in. None is held against the kind, and --fix has nothing to write.
func TestKinds(t *testing.T) {
	t.Parallel()
	base := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	escaped := strings.ReplaceAll(kindJSON, `"`, `\"`)
	tests := map[string]map[string]string{
		"deployment.yaml": {"deployment.yaml": `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  PAPERLESS_URL: ` + kindURL + `
---
apiVersion: v1
kind: Secret
metadata: {name: oidc}
data:
  providers: ` + base(kindJSON) + `
  app: ` + base(kindApps) + `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: paperless}
spec:
  template:
    spec:
      containers:
        - name: broker
          image: redis:8
        - name: web
          image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15
          envFrom:
            - configMapRef: {name: settings}
          env:
            - name: APP
              valueFrom: {secretKeyRef: {name: oidc, key: app}}
            - name: PAPERLESS_APPS
              value: $(APP)
            - name: PAPERLESS_SOCIALACCOUNT_PROVIDERS
              valueFrom:
                secretKeyRef: {name: oidc, key: providers}
`},
		"list.json": {"list.json": `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"p","image":"paperlessngx/paperless-ngx:2.20.15","env":[
{"name":"PAPERLESS_URL","value":"` + kindURL + `"},{"name":"PAPERLESS_APPS","value":"` + kindApps + `"},{"name":"PAPERLESS_SOCIALACCOUNT_PROVIDERS","value":"` + escaped + `"}]}]}}]}`},
		"values.yaml": {"values.yaml": `
paperless:
  image: {repository: ghcr.io/paperless-ngx/paperless-ngx, tag: 2.20.15}
  env:
    PAPERLESS_URL: ` + kindURL + `
    PAPERLESS_APPS: ` + kindApps + `
    PAPERLESS_SOCIALACCOUNT_PROVIDERS: '` + kindJSON + `'
`},
		"extra.yaml": {"extra.yaml": `
image: {repository: ghcr.io/paperless-ngx/paperless-ngx, tag: 2.20.15}
extraEnv:
  - {name: PAPERLESS_URL, value: ` + kindURL + `}
  - name: PAPERLESS_APPS
    value: ` + kindApps + `
  - name: PAPERLESS_SOCIALACCOUNT_PROVIDERS
    value: >-
      ` + kindJSON + `
`},
		"application.yaml": {"application.yaml": `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: paperless}
spec:
  source:
    helm:
      values: |
        image: {repository: ghcr.io/paperless-ngx/paperless-ngx, tag: 2.20.15}
        env:
          PAPERLESS_URL: ` + kindURL + `
          PAPERLESS_APPS: ` + kindApps + `
          PAPERLESS_SOCIALACCOUNT_PROVIDERS: '` + kindJSON + `'
`},
		"p.container": {"p.container": `[Container]
Image=ghcr.io/paperless-ngx/paperless-ngx:2.20.15
Environment=PAPERLESS_URL=` + kindURL + ` PAPERLESS_APPS=` + kindApps + `
Environment="PAPERLESS_SOCIALACCOUNT_PROVIDERS=` + escaped + `"
`},
		"file.container": {"file.container": `[Container]
Image=ghcr.io/paperless-ngx/paperless-ngx:2.20.15
EnvironmentFile=./p.env
`, "p.env": "PAPERLESS_URL=" + kindURL + "\nPAPERLESS_APPS=" + kindApps + "\nPAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "\n"},
		"p.service": {"p.service": "[Service]\nExecStart=/usr/bin/podman run --rm -e PAPERLESS_URL=" + kindURL + " -e PAPERLESS_APPS=" + kindApps + " \\\n  -e 'PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "' ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n"},
		"run.sh": {
			"run.sh": "#!/bin/sh\nURL=" + kindURL + "\ndocker pull redis\ndocker run -d --env-file=p.env \\\n --env PAPERLESS_URL=\"$URL\" \\\n -e \"PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + escaped + "\" \\\n ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n",
			"p.env":  "PAPERLESS_APPS=" + kindApps + "\n",
		},
		"p.nix": {"p.nix": `{ config, ... }: {
  services.paperless = {
    enable = true;
    # PAPERLESS_URL = "https://not.this";
    settings = {
      PAPERLESS_URL = "` + kindURL + `";
      PAPERLESS_APPS = "` + kindApps + `";
      PAPERLESS_SOCIALACCOUNT_PROVIDERS = builtins.toJSON {
        openid_connect.APPS = [ { provider_id = "authentik"; name = "SSO"; client_id = "paperless"; secret = "sekrit-client";
          settings.server_url = "https://id.example.org/application/o/paperless/.well-known/openid-configuration"; } ];
      };
    };
  };
}
`},
		"compose.json": {"compose.json": `{"services":{"web":{"image":"ghcr.io/paperless-ngx/paperless-ngx:2.20.15","environment":{"PAPERLESS_URL":"` + kindURL + `","PAPERLESS_APPS":"` + kindApps + `","PAPERLESS_SOCIALACCOUNT_PROVIDERS":"` + escaped + `"}}}}`},
		"inspect.json": {"inspect.json": `[{"Name":"/p","Config":{"Image":"ghcr.io/paperless-ngx/paperless-ngx:latest","Labels":{"org.opencontainers.image.version":"2.20.15"},
"Env":["PAPERLESS_URL=` + kindURL + `","PAPERLESS_APPS=` + kindApps + `","PAPERLESS_SOCIALACCOUNT_PROVIDERS=` + escaped + `"]}}]`},
		"printed": {"printed": "PATH=/usr/bin\nHOSTNAME=a1\nPAPERLESS_URL=" + kindURL + "\nPAPERLESS_APPS=" + kindApps + "\nPAPERLESS_SOCIALACCOUNT_PROVIDERS=" + strings.Replace(kindJSON, ":", ":\n", 1) + "\n"},
	}
	for name, files := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inFolder(t, files)
			src := source.Sources{Files: []string{at(name)}}
			if name == "printed" { // nothing in it says a version
				src.PaperlessVersion = "2.20.15"
			}
			b, findings, err := troubleshooting.Load(src)
			require.NoError(t, err)
			assert.Empty(t, codesAt(findings, source.Error))
			assert.Empty(t, codesAt(findings, source.Warning))
			assert.Equal(t, kindURL, b.Paperless.Env["PAPERLESS_URL"])
			assert.Equal(t, kindApps, b.Paperless.Env["PAPERLESS_APPS"])
			assert.JSONEq(t, kindJSON, b.Paperless.Env[deployment.ProvidersKey])
			if name != "printed" && name != "p.nix" {
				assert.Equal(t, "2.20.15", b.Paperless.Version)
			}
			if name != "compose.json" {
				for _, f := range findings {
					assert.Nil(t, f.Edit, f.Code)
				}
			}
		})
	}
}

// TestRefused names the kind of what is not read, on one line, and changes
// nothing in it.
func TestRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, says string }{
		"docker-compose.yml.j2": {"services: {}\n", "Jinja"},
		"docker-compose.yml":    {"services:\n  web:\n    environment:\n      PAPERLESS_URL: https://{{ domain }}\n", "Jinja"},
		"deployment.yaml":       {"apiVersion: apps/v1\nkind: Deployment\nspec:\n  x: {{ .Values.x }}\n", "Helm"},
		".env":                  {"PAPERLESS_URL={{ url }}\n", "Jinja"},
		"paperless.conf":        {"PAPERLESS_URL=<%= @url %>\n", "ERB"},
		"config.env":            {`PAPERLESS_SECRET_KEY={{ with secret "kv/x" }}{{ .Data.key }}{{ end }}` + "\n", "Nomad"},
		"main.tf":               {"resource \"docker_container\" \"p\" {\n  env = [\"PAPERLESS_URL=x\"]\n}\n", "Terraform"},
		"job":                   {"job \"paperless\" {\n  env { PAPERLESS_URL = \"x\" }\n}\n", "Nomad"},
		"my-paperless.xml":      {"<?xml version=\"1.0\"?>\n<Container version=\"2\">\n<Config Name=\"URL\" Target=\"PAPERLESS_URL\">x</Config></Container>\n", "Unraid"},
		"tasks.yml":             {"- name: p\n  community.docker.docker_container:\n    env:\n      PAPERLESS_URL: x\n", "Ansible"},
		"Dockerfile":            {"FROM ghcr.io/paperless-ngx/paperless-ngx\nENV PAPERLESS_URL=x\n", "Dockerfile"},
		"settings.toml":         {"[env]\nPAPERLESS_URL = \"x\"\n", "TOML"},
		"start.sh":              {"#!/bin/sh\ndocker compose up -d\n", "docker run"},
		"start.ps1":             {"docker run -e PAPERLESS_URL=x paperless-ngx\n", "PowerShell"},
		"notes.txt":             {"This is\nsome text\n", "no kind"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inFolder(t, map[string]string{name: tt.text})
			_, _, err := troubleshooting.Mend(source.Sources{Files: []string{at(name)}}, func(troubleshooting.FixRound) bool { return true })
			require.ErrorIs(t, err, source.ErrUnreadable)
			assert.Contains(t, err.Error(), tt.says)
			assert.NotContains(t, err.Error(), "\n")
			text, err := os.ReadFile(at(name))
			require.NoError(t, err)
			assert.Equal(t, tt.text, string(text))
		})
	}
}

// TestNotRefused are files that look like a template and are none.
func TestNotRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a.env":        "PAPERLESS_URL=https://docs.example.org\nPAPERLESS_FILENAME_FORMAT={{ created_year }}/{{ title }}\n",
		"compose.yaml": "services:\n  web:\n    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n    hostname: \"{{.Node.Hostname}}\"\n    environment:\n      PAPERLESS_FILENAME_FORMAT: >-\n        {% if title %}{{ title }}{% endif %}\n      PAPERLESS_URL: https://docs.example.org\n",
	} {
		_, _, err := troubleshooting.Load(source.Sources{Files: []string{inFolder(t, map[string]string{name: text})(name)}})
		assert.NoError(t, err, name)
	}
}

// TestUnknown is about what the files do not say: it is neither missing nor
// wrong, and a run gets something in its place.
func TestUnknown(t *testing.T) {
	t.Parallel()
	service := "services:\n  web:\n    image: ghcr.io/paperless-ngx/paperless-ngx:3.0.5\n"
	env := "    environment:\n      PAPERLESS_URL: " + kindURL + "\n      PAPERLESS_SOCIAL_AUTO_SIGNUP: \"true\"\n"
	tests := map[string]string{
		"passed on":         service + env + "      PAPERLESS_SECRET_KEY:\n      PAPERLESS_APPS:\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS:\n",
		"external secrets":  service + "    secrets: [key, oidc]\n" + env + "      PAPERLESS_APPS: " + kindApps + "\n      PAPERLESS_SECRET_KEY_FILE: /run/secrets/key\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS_FILE: /run/secrets/oidc\nsecrets:\n  key: {external: true}\n  oidc: {external: true}\n",
		"secrets from here": service + "    secrets: [key, oidc]\n" + env + "      PAPERLESS_APPS: " + kindApps + "\n      PAPERLESS_SECRET_KEY_FILE: /run/secrets/key\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS_FILE: /run/secrets/oidc\nsecrets:\n  key: {environment: KEY}\n  oidc: {file: /nowhere/at/all/oidc.json}\n",
		"configs":           service + "    configs: [{source: oidc, target: /oidc.json}]\n" + env + "      PAPERLESS_SECRET_KEY: sekrit-0123456789abcdef\n      PAPERLESS_APPS: " + kindApps + "\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS_FILE: /oidc.json\nconfigs:\n  oidc:\n    content: '" + kindJSON + "'\n",
		"stack.env":         service + "    env_file: [stack.env]\n" + env + "      PAPERLESS_APPS: $PAPERLESS_APPS\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '" + strings.Replace(kindJSON, "sekrit-client", "${SECRET}", 1) + "'\n",
		"another machine":   service + "    env_file: [/nowhere/at/all/paperless.env]\n" + env + "      PAPERLESS_APPS: " + kindApps + "\n",
		"byte order mark":   "\uFEFF" + service + env + "      PAPERLESS_SECRET_KEY: sekrit-0123456789abcdef\n      PAPERLESS_APPS: " + kindApps + "\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '" + kindJSON + "'\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, findings, err := troubleshooting.Load(source.Sources{Files: []string{inFolder(t, map[string]string{"compose.yaml": text})("compose.yaml")}})
			require.NoError(t, err)
			assert.Empty(t, codesAt(findings, source.Error))
			if name != "another machine" {
				apps, err := b.Paperless.Apps()
				require.NoError(t, err)
				assert.NotEmpty(t, apps)
			}
		})
	}
}

// TestFragment is about an env file alone: what it lacks is a note, unless it is
// said to be the whole.
func TestFragment(t *testing.T) {
	t.Parallel()
	at := inFolder(t, map[string]string{"p.env": "PAPERLESS_APPS=" + kindApps + "\nPAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "\n"})
	findings, err := troubleshooting.Lint(source.Sources{Files: []string{at("p.env")}})
	require.NoError(t, err)
	assert.Empty(t, codesAt(findings, source.Error))
	assert.Contains(t, codesAt(findings, source.Info), "VER-GUESSED")
	findings, err = troubleshooting.Lint(source.Sources{Files: []string{at("p.env")}, Complete: true})
	require.NoError(t, err)
	assert.Contains(t, codesAt(findings, source.Error), "CFG-SECRETKEY")
}

// TestStandIns: a run of what is a part of a configuration says what it takes in the
// place of what the files do not tell; a whole configuration gets nothing.
func TestStandIns(t *testing.T) {
	t.Parallel()
	env := "PAPERLESS_URL=" + kindURL + "\nPAPERLESS_APPS=" + kindApps + "\nPAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "\n"
	compose := "services:\n  web:\n    image: ghcr.io/paperless-ngx/paperless-ngx:3.0.5\n    environment:\n      PAPERLESS_URL: " + kindURL + "\n"
	for name, tt := range map[string]struct {
		file, text string
		complete   bool
		want       []string
	}{
		"a part":            {"p.env", env, false, []string{"PAPERLESS_SECRET_KEY (a key of its own)"}},
		"the whole":         {"p.env", env, true, nil},
		"with a key":        {"p.env", env + "PAPERLESS_SECRET_KEY=sekrit-0123456789abcdef\n", false, nil},
		"a Compose file":    {"compose.yaml", compose, false, nil},
		"passed on":         {"compose.yaml", compose + "      PAPERLESS_SECRET_KEY:\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS:\n      PAPERLESS_DBPASS:\n", false, []string{"PAPERLESS_SECRET_KEY (a key of its own)", "PAPERLESS_SOCIALACCOUNT_PROVIDERS (the guide's provider)"}},
		"2.20 needs no key": {"p.env", env, false, nil},
		"the module of Nix": {"p.nix", "{ services.paperless.settings = { PAPERLESS_URL = \"" + kindURL + "\"; }; }\n", false, []string{"PAPERLESS_SECRET_KEY (a key of its own)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := source.Sources{Files: []string{inFolder(t, map[string]string{tt.file: tt.text})(tt.file)}, Complete: tt.complete}
			if strings.HasPrefix(name, "2.20") {
				src.PaperlessVersion = "2.20.15"
			}
			b, _, err := troubleshooting.Load(src)
			require.NoError(t, err)
			assert.Equal(t, tt.want, b.StandIns)
		})
	}
}

// TestChartsOwnForm: where a chart names its settings by path, and where Nix makes the
// JSON, the version is read and a fix is written as the file has it.
func TestChartsOwnForm(t *testing.T) {
	t.Parallel()
	application := "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: paperless}\nspec:\n  source:\n    helm:\n"
	named := func(name, value string) string {
		return "        - name: " + name + "\n          value: '" + value + "'\n"
	}
	for name, tt := range map[string]struct {
		file, text, version string
		fixes               map[string]string // code to its fix
		not                 []string
	}{
		"parameters": {
			"app.yaml", application + "      parameters:\n" + named("image.tag", "2.20.15") + named("env.PAPERLESS_URL", kindURL) + named("env.PAPERLESS_SOCIALACCOUNT_PROVIDERS", kindJSON), "2.20.15",
			map[string]string{"CFG-APPS": "- name: env.PAPERLESS_APPS\n"},
			nil,
		},
		"values in an object": {"app.yaml", application + "      valuesObject:\n        image: {tag: 3.0.5}\n        env:\n          PAPERLESS_URL: " + kindURL + "/\n", "3.0.5", map[string]string{"CFG-URLSLASH": "PAPERLESS_URL: "}, nil},
		"values as a text":    {"app.yaml", application + "      values: |\n        image:\n          tag: 2.19.6\n        env:\n          PAPERLESS_URL: " + kindURL + "\n", "2.19.6", nil, nil},
		"a chart's values":    {"values.yaml", "postgresql:\n  image:\n    tag: 16.1.0\nimage:\n  tag: 2.20.15\nenv:\n  PAPERLESS_URL: " + kindURL + "\n", "2.20.15", nil, nil},
		"another's image":     {"values.yaml", "image:\n  repository: docker.io/library/nginx\n  tag: 1.29.0\nenv:\n  PAPERLESS_URL: " + kindURL + "\n", "3.0.5", nil, nil},
		"Nix": {
			"p.nix", "{ services.paperless.settings = {\n  PAPERLESS_URL = \"" + kindURL + "\";\n  PAPERLESS_APPS = \"" + kindApps + "\";\n  PAPERLESS_SOCIALACCOUNT_PROVIDERS = builtins.toJSON { openid_connect.APPS = [ { provider_id = \"authentik\"; name = \"SSO\"; client_id = \"c0ffee-client\"; secret = \"sekrit-client\"; settings.server_url = \"https://auth.example.org/application/o/paperless/.well-known/openid-configuration\"; } ]; };\n}; }\n", "3.0.5",
			map[string]string{"SEC-PKCE": "OAUTH_PKCE_ENABLED = true; beside APPS"},
			[]string{"CFG-SECRETKEY"},
		},
		"Nix, JSON as a text": {
			"p.nix", "{ services.paperless.settings = {\n  PAPERLESS_URL = \"" + kindURL + "\";\n  PAPERLESS_APPS = \"" + kindApps + "\";\n  PAPERLESS_SOCIALACCOUNT_PROVIDERS = ''" + kindJSON + "'';\n}; }\n", "3.0.5",
			map[string]string{"SEC-PKCE": `"OAUTH_PKCE_ENABLED": true beside "APPS"`},
			nil,
		},
		"a container of Nix": {"p.nix", "{ virtualisation.oci-containers.containers.p = { image = \"ghcr.io/paperless-ngx/paperless-ngx:3.0.5\"; environment = { PAPERLESS_URL = \"" + kindURL + "\"; }; }; }\n", "3.0.5", map[string]string{"CFG-SECRETKEY": "PAPERLESS_SECRET_KEY = "}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, findings, err := troubleshooting.Load(source.Sources{Files: []string{inFolder(t, map[string]string{tt.file: tt.text})(tt.file)}})
			require.NoError(t, err)
			assert.Equal(t, tt.version, b.Paperless.Version)
			fixes := map[string]string{}
			for _, f := range findings {
				fixes[f.Code] = f.Fix
			}
			for code, want := range tt.fixes {
				assert.Contains(t, fixes[code], want, "%s: %v", code, fixes)
			}
			for _, code := range tt.not {
				assert.NotContains(t, fixes, code)
			}
		})
	}
}

// TestBrokenForm says one thing of JSON that breaks the file around it, writes
// the line as it should be, and goes on with the rest.
func TestBrokenForm(t *testing.T) {
	t.Parallel()
	long := strings.ReplaceAll(strings.Replace(kindJSON, `":{`, `": {`, 1), `,"`, ",\n        \"")
	service := "services:\n  web:\n    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n    environment:\n"
	tests := map[string]struct{ name, text string }{
		"list item over lines":      {"compose.yaml", service + "      - PAPERLESS_URL=" + kindURL + "\n      - PAPERLESS_SOCIALACCOUNT_PROVIDERS='" + long + "'\n      - PAPERLESS_APPS=" + kindApps + "\n      - PAPERLESS_TYPO_X=1\n"},
		"list item without quotes":  {"compose.yaml", service + "      - PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + strings.ReplaceAll(kindJSON, `":`, `": `) + "\n      - PAPERLESS_URL=" + kindURL + "\n      - PAPERLESS_APPS=" + kindApps + "\n      - PAPERLESS_TYPO_X=1\n"},
		"quotes in quotes, list":    {"compose.yaml", service + "      - \"PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "\"\n      - PAPERLESS_URL=" + kindURL + "\n      - PAPERLESS_APPS=" + kindApps + "\n      - PAPERLESS_TYPO_X=1\n"},
		"quotes in quotes, mapping": {"compose.yaml", service + "      PAPERLESS_SOCIALACCOUNT_PROVIDERS: \"" + kindJSON + "\"\n      PAPERLESS_URL: " + kindURL + "\n      PAPERLESS_APPS: " + kindApps + "\n      PAPERLESS_TYPO_X: 1\n"},
		"block not indented":        {"compose.yaml", service + "      PAPERLESS_URL: " + kindURL + "\n      PAPERLESS_APPS: " + kindApps + "\n      PAPERLESS_TYPO_X: 1\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS: |\n" + kindJSON + "\n"},
		"env file over lines":       {"p.env", "PAPERLESS_URL=" + kindURL + "\nPAPERLESS_SOCIALACCOUNT_PROVIDERS=" + long + "\nPAPERLESS_APPS=" + kindApps + "\nPAPERLESS_TYPO_X=1\n"},
		"quotes in quotes, env":     {"p.env", "PAPERLESS_SOCIALACCOUNT_PROVIDERS=\"" + kindJSON + "\"\nPAPERLESS_URL=" + kindURL + "\nPAPERLESS_APPS=" + kindApps + "\nPAPERLESS_TYPO_X=1\n"},
		"conf over lines":           {"paperless.conf", "PAPERLESS_URL=" + kindURL + "\nPAPERLESS_SOCIALACCOUNT_PROVIDERS=" + long + "\nPAPERLESS_APPS=" + kindApps + "\nPAPERLESS_TYPO_X=1\n"},
		"YAML in conf":              {"paperless.conf", "PAPERLESS_URL=" + kindURL + "\nPAPERLESS_SOCIALACCOUNT_PROVIDERS: >\n  " + long + "\nPAPERLESS_APPS=" + kindApps + "\nPAPERLESS_TYPO_X=1\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inFolder(t, map[string]string{tt.name: tt.text})
			src := source.Sources{Files: []string{at(tt.name)}}
			findings, err := troubleshooting.Lint(src)
			require.NoError(t, err)
			var errs []source.Diagnostic
			rest := false
			for _, f := range findings {
				if f.Level == source.Error {
					errs = append(errs, f)
				}
				rest = rest || f.Setting == "PAPERLESS_TYPO_X"
			}
			require.Len(t, errs, 1, "%+v", errs)
			assert.Equal(t, deployment.ProvidersKey, errs[0].Setting)
			assert.Contains(t, errs[0].Fix, "in single quotes: ")
			assert.NotContains(t, errs[0].Fix, "sekrit-client")
			assert.True(t, rest, "the rest of the file is judged")
			left, _, err := troubleshooting.Mend(src, func(troubleshooting.FixRound) bool { return true })
			require.NoError(t, err)
			assert.Empty(t, codesAt(left, source.Error))
			b, _, err := troubleshooting.Load(src)
			require.NoError(t, err)
			assert.JSONEq(t, kindJSON, b.Paperless.Env[deployment.ProvidersKey])
		})
	}
}

// TestComposeReason passes Compose's own reason on.
func TestComposeReason(t *testing.T) {
	t.Parallel()
	at := inFolder(t, map[string]string{"compose.yaml": "services:\n  web:\n    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n    portz: [8000]\n    environment:\n      PAPERLESS_URL: " + kindURL + "\n"})
	findings, err := troubleshooting.Lint(source.Sources{Files: []string{at("compose.yaml")}})
	require.NoError(t, err)
	for _, f := range findings {
		if f.Code == "CFG-COMPOSE" {
			assert.Contains(t, f.Message, "portz")
			return
		}
	}
	t.Error("no CFG-COMPOSE")
}
