package troubleshooting_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestFormOfFix gives every kind of file the same cause (the automatic sign-up
// is asked for by a name that nothing reads), and a setting that is missing. What
// the fix shows is what its author would write there.
func TestFormOfFix(t *testing.T) {
	t.Parallel()
	const pod = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: docs}\nspec:\n  template:\n    spec:\n      containers:\n        - name: docs\n          image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n"
	base := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := map[string]struct {
		name, text string
		dead       string // fix of SIGN-OFF: the right name, in the form of the file
		absent     string // fix of CFG-APPS
	}{
		"compose mapping":     {"compose.yaml", "services:\n  p:\n    image: paperless-ngx/paperless-ngx:2.20.15\n    environment:\n      PAPERLESS_URL: https://docs.example.org\n      PAPERLESS_AUTO_CREATE: true\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '" + kindJSON + "'\n", `PAPERLESS_SOCIAL_AUTO_SIGNUP: "true"`, `PAPERLESS_APPS: "` + kindApps + `"`},
		"compose list":        {"compose.yaml", "services:\n  p:\n    image: paperless-ngx/paperless-ngx:2.20.15\n    environment:\n      - PAPERLESS_URL=https://docs.example.org\n      - PAPERLESS_AUTO_CREATE=true\n      - 'PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "'\n", `- PAPERLESS_SOCIAL_AUTO_SIGNUP=true`, `- 'PAPERLESS_APPS=` + kindApps + `'`},
		"compose quoted list": {"compose.yaml", "services:\n  p:\n    image: paperless-ngx/paperless-ngx:2.20.15\n    environment:\n      - \"PAPERLESS_AUTO_CREATE=true\"\n      - 'PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "'\n", `- "PAPERLESS_SOCIAL_AUTO_SIGNUP=true"`, `- 'PAPERLESS_APPS=` + kindApps + `'`},
		"env file":            {"p.env", "PAPERLESS_AUTO_CREATE=true\nPAPERLESS_SOCIALACCOUNT_PROVIDERS='" + kindJSON + "'\n", `PAPERLESS_SOCIAL_AUTO_SIGNUP=true`, `PAPERLESS_APPS=` + kindApps},
		"env file, export":    {"p.env", "export PAPERLESS_AUTO_CREATE=true\nexport PAPERLESS_SOCIALACCOUNT_PROVIDERS='" + kindJSON + "'\n", `export PAPERLESS_SOCIAL_AUTO_SIGNUP=true`, `export PAPERLESS_APPS=` + kindApps},
		"env file, colons":    {"p.env", "PAPERLESS_AUTO_CREATE: true\nPAPERLESS_SOCIALACCOUNT_PROVIDERS: '" + kindJSON + "'\n", `PAPERLESS_SOCIAL_AUTO_SIGNUP: true`, `PAPERLESS_APPS: ` + kindApps},
		"paperless.conf":      {"paperless.conf", "PAPERLESS_AUTO_CREATE=true\nPAPERLESS_SOCIALACCOUNT_PROVIDERS='" + kindJSON + "'\n", `PAPERLESS_SOCIAL_AUTO_SIGNUP=true`, `PAPERLESS_APPS=` + kindApps},
		"manifest":            {"d.yaml", pod + "          env:\n            - name: PAPERLESS_AUTO_CREATE\n              value: \"true\"\n            - name: PAPERLESS_SOCIALACCOUNT_PROVIDERS\n              value: '" + kindJSON + "'\n", "- name: PAPERLESS_SOCIAL_AUTO_SIGNUP\n  value: \"true\"", "- name: PAPERLESS_APPS\n  value: \"" + kindApps + `"`},
		"manifest in braces":  {"d.yaml", pod + "          env:\n            - {name: PAPERLESS_AUTO_CREATE, value: 'true'}\n            - {name: PAPERLESS_SOCIALACCOUNT_PROVIDERS, value: '" + kindJSON + "'}\n", `- {name: PAPERLESS_SOCIAL_AUTO_SIGNUP, value: "true"}`, `- {name: PAPERLESS_APPS, value: "` + kindApps + `"}`},
		"ConfigMap":           {"d.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  PAPERLESS_AUTO_CREATE: \"true\"\n  PAPERLESS_SOCIALACCOUNT_PROVIDERS: '" + kindJSON + "'\n---\n" + pod + "          envFrom:\n            - configMapRef: {name: c}\n", `PAPERLESS_SOCIAL_AUTO_SIGNUP: "true"`, `PAPERLESS_APPS: "` + kindApps + `"`},
		"Secret, data":        {"d.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: c}\ndata:\n  PAPERLESS_AUTO_CREATE: " + base("true") + "\n  PAPERLESS_SOCIALACCOUNT_PROVIDERS: " + base(kindJSON) + "\n---\n" + pod + "          envFrom:\n            - secretRef: {name: c}\n", `PAPERLESS_SOCIAL_AUTO_SIGNUP: ` + base("true"), `PAPERLESS_APPS: ` + base(kindApps)},
		"a key of a Secret":   {"d.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: c}\nstringData:\n  oidc: '" + kindJSON + "'\n---\n" + pod + "          env:\n            - name: PAPERLESS_AUTO_CREATE\n              value: \"true\"\n            - name: PAPERLESS_SOCIALACCOUNT_PROVIDERS\n              valueFrom: {secretKeyRef: {name: c, key: oidc}}\n", "- name: PAPERLESS_SOCIAL_AUTO_SIGNUP\n  value: \"true\"", "- name: PAPERLESS_APPS\n  value: \"" + kindApps + `"`},
		"Helm values":         {"values.yaml", "image: {repository: ghcr.io/paperless-ngx/paperless-ngx, tag: 2.20.15}\nenv:\n  PAPERLESS_AUTO_CREATE: true\n  PAPERLESS_SOCIALACCOUNT_PROVIDERS: '" + kindJSON + "'\n", `PAPERLESS_SOCIAL_AUTO_SIGNUP: "true"`, ""},
		"quadlet":             {"p.container", "[Container]\nImage=ghcr.io/paperless-ngx/paperless-ngx:2.20.15\nEnvironment=PAPERLESS_AUTO_CREATE=true\nEnvironment='PAPERLESS_SOCIALACCOUNT_PROVIDERS=" + kindJSON + "'\n", `Environment=PAPERLESS_SOCIAL_AUTO_SIGNUP=true`, `Environment=PAPERLESS_APPS=` + kindApps},
		"NixOS":               {"p.nix", "{\n  services.paperless.settings = {\n    PAPERLESS_AUTO_CREATE = true;\n    PAPERLESS_SOCIALACCOUNT_PROVIDERS = ''" + kindJSON + "'';\n  };\n}\n", `PAPERLESS_SOCIAL_AUTO_SIGNUP = true;`, ""},
		"NixOS, paths":        {"p.nix", "{ config, ... }:\n{\n  services.paperless.settings.PAPERLESS_AUTO_CREATE = true;\n  services.paperless.settings.PAPERLESS_SOCIALACCOUNT_PROVIDERS = ''" + kindJSON + "'';\n}\n", `services.paperless.settings.PAPERLESS_SOCIAL_AUTO_SIGNUP = true;`, ""},
		"docker run":          {"run.sh", "#!/bin/sh\ndocker run -d \\\n  -e PAPERLESS_AUTO_CREATE=true \\\n  -e PAPERLESS_SOCIALACCOUNT_PROVIDERS='" + kindJSON + "' \\\n  ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n", `-e PAPERLESS_SOCIAL_AUTO_SIGNUP=true \`, `-e PAPERLESS_APPS=` + kindApps + ` \`},
	}
	secret := tests["Secret, data"]
	at := inFolder(t, map[string]string{secret.name: secret.text})
	findings, err := troubleshooting.Lint(source.Sources{Files: []string{at(secret.name)}})
	require.NoError(t, err)
	for _, f := range findings {
		assert.NotContains(t, f.Source, base(kindJSON), "base64 hides nothing")
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inFolder(t, map[string]string{tt.name: tt.text})
			findings, err := troubleshooting.Lint(source.Sources{Files: []string{at(tt.name)}, Complete: true, PaperlessVersion: "2.20.15"})
			require.NoError(t, err)
			fixes := map[string]string{}
			for _, f := range findings {
				fixes[f.Code] = f.Fix
			}
			assert.Equal(t, tt.dead, fixes["SIGN-OFF"], "%v", findings)
			if tt.absent != "" {
				assert.True(t, strings.HasPrefix(fixes["CFG-APPS"], tt.absent), "%q, want %q", fixes["CFG-APPS"], tt.absent)
			}
		})
	}
}
