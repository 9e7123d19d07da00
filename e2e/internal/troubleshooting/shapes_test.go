package troubleshooting_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestShapes reads settings in the roundabout ways that users have: each file has
// one dead name, which is found, and nothing else is held against it.
func TestShapes(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: docs}\nspec:\n  template:\n    spec:\n      containers:\n        - name: docs\n          image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n          envFrom:\n            - configMapRef: {name: c}\n            - secretRef: {name: s}\n"
	nixJSON := `{ openid_connect.APPS = [ { provider_id = "authentik"; name = "SSO"; client_id = ids.paperless; secret = "sekrit-client"; settings.server_url = "https://id.${domain}/application/o/paperless/.well-known/openid-configuration"; } ]; }`
	tests := map[string]struct {
		give  []string
		files map[string]string
		at    string // where the dead name is found
	}{
		"Kustomize, envs and literals": {[]string{"kustomization.yaml"}, map[string]string{
			"kustomization.yaml": "resources: [deploy.yaml]\nconfigMapGenerator:\n  - name: c\n    envs: [c.env]\n    literals: [PAPERLESS_URL=" + kindURL + "]\nsecretGenerator:\n  - name: s\n    envs: [s.env]\n",
			"deploy.yaml":        pod, "c.env": "PAPERLESS_APPS=" + kindApps + "\nPAPERLESS_AUTO_CREATE=true\n", "s.env": "PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "\n",
		}, "c.env:2"},
		"Kustomize, files": {[]string{"kustomization.yaml"}, map[string]string{
			"kustomization.yaml": "resources: [deploy.yaml]\nconfigMapGenerator:\n  - name: c\n    literals: [PAPERLESS_URL=" + kindURL + ", PAPERLESS_AUTO_CREATE=true, PAPERLESS_APPS=" + kindApps + "]\nsecretGenerator:\n  - name: s\n    files: [PAPERLESS_SOCIALACCOUNT_PROVIDERS=oidc.json]\n",
			"deploy.yaml":        pod, "oidc.json": kindJSON,
		}, "kustomization.yaml:4"},
		"parameters of Helm": {[]string{"app.yaml"}, map[string]string{
			"app.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: docs}\nspec:\n  source:\n    helm:\n      parameters:\n        - name: env.PAPERLESS_URL\n          value: " + kindURL + "\n        - name: env.PAPERLESS_AUTO_CREATE\n          value: \"true\"\n        - name: env.PAPERLESS_APPS\n          value: " + kindApps + "\n        - name: env.PAPERLESS_SOCIALACCOUNT_PROVIDERS\n          value: '" + strings.ReplaceAll(kindJSON, ",", `\,`) + "'\n",
		}, "app.yaml:10"},
		"Nix, let": {[]string{"p.nix"}, map[string]string{
			"p.nix": "{ config, ... }:\nlet\n  domain = \"example.org\";\n  url = \"https://docs.${domain}\";\n  ids = { paperless = \"paperless\"; };\n  oidc = " + nixJSON + ";\nin {\n  services.paperless.settings = {\n    PAPERLESS_URL = url;\n    PAPERLESS_APPS = \"" + kindApps + "\";\n    PAPERLESS_AUTO_CREATE = true;\n    PAPERLESS_SOCIALACCOUNT_PROVIDERS = builtins.toJSON oidc;\n  };\n}\n",
		}, "p.nix:11"},
		"Nix, an env file in a text": {[]string{"p.nix"}, map[string]string{
			"p.nix": "{ config, ... }:\n{\n  sops.templates.\"paperless.env\".content = ''\n    PAPERLESS_URL=" + kindURL + "\n    PAPERLESS_APPS=" + kindApps + "\n    PAPERLESS_AUTO_CREATE=true\n    PAPERLESS_SECRET_KEY=${config.sops.placeholder.key}\n    PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "\n  '';\n}\n",
		}, "p.nix:6"},
		"a drop-in of systemd": {[]string{"override.conf"}, map[string]string{
			"override.conf": "[Service]\nEnvironment=PAPERLESS_URL=" + kindURL + "\nEnvironment=PAPERLESS_APPS=" + kindApps + "\nEnvironment=PAPERLESS_AUTO_CREATE=true\nEnvironment='PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "'\n",
		}, "override.conf:4"},
		"variables of Ansible": {[]string{"vars.yml"}, map[string]string{
			"vars.yml": "paperless_env:\n  PAPERLESS_URL: " + kindURL + "\n  PAPERLESS_AUTO_CREATE: \"true\"\n  PAPERLESS_SECRET_KEY: \"{{ vault_key }}\"\n  PAPERLESS_SOCIALACCOUNT_PROVIDERS: \"{{ oidc | to_json }}\"\n",
		}, "vars.yml:3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inFolder(t, tt.files)
			src := source.Sources{}
			for _, f := range tt.give {
				src.Files = append(src.Files, at(f))
			}
			findings, err := troubleshooting.Lint(src)
			require.NoError(t, err)
			for _, f := range findings {
				assert.NotContains(t, f.Source+f.Message+f.Fix, "sekrit-client")
				if f.Level == source.Info {
					continue
				}
				assert.Equal(t, "SIGN-OFF", f.Code, "%+v", f)
				place := fmt.Sprintf("%s:%d", f.File, f.Line)
				assert.True(t, strings.HasSuffix(place, tt.at), "%s, want %s", place, tt.at)
			}
			assert.True(t, slices.Contains(codesAt(findings, source.Error), "SIGN-OFF"), "%v", findings)
		})
	}
}
