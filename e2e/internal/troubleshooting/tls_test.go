package troubleshooting_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestPlainAddressBehindTLS is about a PAPERLESS_URL with http: behind a proxy
// that serves the site by https Paperless refuses the button, and what the files
// say of the proxy tells which it is.
func TestPlainAddressBehindTLS(t *testing.T) {
	t.Parallel()
	compose := func(url, more, other string) string {
		return "services:\n  app:\n    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n    environment:\n      PAPERLESS_URL: " + url +
			"\n      PAPERLESS_APPS: " + kindApps + "\n      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '" + kindJSON + "'\n" + more + other
	}
	const (
		site   = "http://docs.example.org"
		labels = "    labels:\n      traefik.enable: \"true\"\n      traefik.http.routers.docs.rule: Host(`docs.example.org`)\n"
		proxy  = "  proxy:\n    image: docker.io/library/caddy:2\n    ports: [\"80:80\", \"443:443\"]\n"
	)
	tests := map[string]struct {
		text  string
		level string // of PROXY-CSRF; "": it is not said
	}{
		"entrypoint websecure":             {compose(site, labels+"      traefik.http.routers.docs.entrypoints: websecure\n", ""), source.Error},
		"a resolver of certificates":       {compose(site, labels+"      traefik.http.routers.docs.tls.certresolver: le\n", ""), source.Error},
		"tls is false":                     {compose(site, labels+"      traefik.http.routers.docs.tls: \"false\"\n", ""), ""},
		"entrypoint web":                   {compose(site, labels+"      traefik.http.routers.docs.entrypoints: web\n", ""), ""},
		"another host":                     {compose("http://docs.lan", labels+"      traefik.http.routers.docs.tls: \"true\"\n", ""), ""},
		"labels of a stack of Swarm":       {compose(site, "    deploy:\n      labels:\n        - traefik.http.routers.docs.rule=Host(`docs.example.org`)\n        - traefik.http.routers.docs.tls=true\n", ""), source.Error},
		"caddy-docker-proxy":               {compose(site, "    labels:\n      caddy: docs.example.org\n", ""), source.Error},
		"caddy-docker-proxy, no TLS":       {compose(site, "    labels:\n      caddy: http://docs.example.org\n", ""), ""},
		"nginx-proxy":                      {compose(site, "", "") + "      LETSENCRYPT_HOST: docs.example.org\n", source.Error},
		"port 443 of a proxy":              {compose(site, "", proxy), source.Error},
		"port 443, http on purpose":        {compose(site+"\n      PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL: http", "", proxy), source.Warning},
		"an address, at its own port":      {compose("http://192.168.1.5:8000", "    ports: [\"8000:8000\"]\n", proxy), ""},
		"port 443 of authentik":            {compose(site, "", "  authentik:\n    image: ghcr.io/goauthentik/server:2025.8.1\n    ports: [\"443:9443\"]\n"), ""},
		"https is a trusted origin":        {compose(site+"\n      PAPERLESS_CSRF_TRUSTED_ORIGINS: https://docs.example.org", labels+"      traefik.http.routers.docs.tls: \"true\"\n", ""), ""},
		"the proxy is told of":             {compose(site+"\n      PAPERLESS_PROXY_SSL_HEADER: '[\"HTTP_X_FORWARDED_PROTO\", \"https\"]'", labels+"      traefik.http.routers.docs.tls: \"true\"\n", ""), source.Warning},
		"https, as it should be":           {compose("https://docs.example.org", labels+"      traefik.http.routers.docs.tls: \"true\"\n", ""), ""},
		"no proxy at all, plain http":      {compose(site, "    ports: [\"80:8000\"]\n", ""), ""},
		"published past a proxy":           {compose(site, "    ports: [\"80:8000\"]\n", "  proxy:\n    image: caddy:2\n    ports: [\"443:443\"]\n"), ""},
		"a tunnel":                         {compose(site, "", "  tunnel:\n    image: cloudflare/cloudflared:latest\n"), source.Error},
		"a router of another service":      {compose(site, "    labels:\n      traefik.http.routers.docs.rule: Host(`docs.example.org`)\n      traefik.http.routers.other.rule: Host(`other.example.org`)\n      traefik.http.routers.other.tls: \"true\"\n", ""), ""},
		"one router by http, one by https": {compose(site, labels+"      traefik.http.routers.docs.entrypoints: web\n      traefik.http.routers.docs-s.rule: Host(`docs.example.org`)\n      traefik.http.routers.docs-s.tls: \"true\"\n", ""), source.Error},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inFolder(t, map[string]string{"compose.yaml": tt.text})
			findings, err := troubleshooting.Lint(source.Sources{Files: []string{at("compose.yaml")}})
			require.NoError(t, err)
			level := ""
			for _, f := range findings {
				if f.Code == "PROXY-CSRF" {
					level = f.Level
					assert.Equal(t, "PAPERLESS_URL", f.Setting)
				}
			}
			assert.Equal(t, tt.level, level, "%v", findings)
			if tt.level == source.Error { // the advice for a site that is http on purpose does not stand beside it
				assert.False(t, slices.ContainsFunc(findings, func(f source.Diagnostic) bool { return f.Code == "PROXY-PROTO" }), "%v", findings)
			}
		})
	}
}

func TestPlainAddressBehindIngress(t *testing.T) {
	t.Parallel()
	pod := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: docs}\nspec:\n  template:\n    spec:\n      containers:\n        - name: docs\n          image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15\n          env:\n" +
		"            - {name: PAPERLESS_URL, value: 'http://docs.example.org'}\n            - {name: PAPERLESS_APPS, value: " + kindApps + "}\n            - name: PAPERLESS_SOCIALACCOUNT_PROVIDERS\n              value: '" + kindJSON + "'\n---\n"
	for name, tt := range map[string]struct {
		text string
		said bool
	}{
		"Ingress":         {"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: docs}\nspec:\n  tls:\n    - {hosts: [docs.example.org], secretName: docs-tls}\n  rules:\n    - host: docs.example.org\n", true},
		"Ingress, no tls": {"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: docs}\nspec:\n  rules:\n    - host: docs.example.org\n", false},
		"IngressRoute":    {"apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: docs}\nspec:\n  entryPoints: [websecure]\n  routes:\n    - match: Host(`docs.example.org`)\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inFolder(t, map[string]string{"all.yaml": pod + tt.text})
			findings, err := troubleshooting.Lint(source.Sources{Files: []string{at("all.yaml")}})
			require.NoError(t, err)
			assert.Equal(t, tt.said, slices.Contains(codesAt(findings, source.Error), "PROXY-CSRF"), "%v", findings)
		})
	}
}
