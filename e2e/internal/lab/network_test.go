package lab_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
)

// TestNetwork: what Paperless meets when it fetches discovery.
func TestNetwork(t *testing.T) {
	t.Parallel()
	server := func(u string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { s["server_url"] = u })
		}
	}
	extra := func(addr string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.Paperless.ExtraHosts = map[string]string{"Authentik.example.com": addr}
		}
	}
	const path = "/application/o/paperless/.well-known/openid-configuration"
	tests := map[string]struct {
		change   func(*deployment.Deployment)
		log      string // "": works
		stranger bool
	}{
		"guide":                 {},
		"by http":               {change: server("http://authentik.example.com" + path)},
		"no such name":          {change: server("https://authentik.invalid" + path), log: "NameResolutionError"},
		"other port":            {change: server("https://authentik.example.com:9999" + path), log: "Connection refused"},
		"container's loopback":  {change: server("https://localhost" + path), log: "NameResolutionError"},
		"loopback address":      {change: server("https://127.0.0.1" + path), log: "Connection refused"},
		"address unknown to us": {change: server("https://10.9.8.7" + path), log: "Connection refused", stranger: true},
		"extra_hosts: loopback": {change: extra("127.0.0.1"), log: "Connection refused"},
		"extra_hosts: nobody":   {change: extra("192.0.2.1"), log: "timed out"},
		"extra_hosts: gateway":  {change: extra("host-gateway")},
		"extra_hosts: proxy":    {change: extra("192.168.1.5")},
		"no trust": {change: func(b *deployment.Deployment) {
			b.Paperless.Env["REQUESTS_CA_BUNDLE"] = "/etc/ssl/certs/ca-certificates.crt"
		}, log: "CERTIFICATE_VERIFY_FAILED"},
		"not authentik": {change: server("https://paperless.example.com" + path), log: "JSONDecodeError"},
		"wrong slug":    {change: server("https://authentik.example.com/application/o/nope"), log: "404 Client Error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := guide(t, tt.change)
			limit := backLimit
			if tt.log == "timed out" {
				limit = 300 * time.Millisecond // nobody answers: the others must not hurry
			}
			tg := start(t, b, lab.WithTimeout(limit))
			require.True(t, tg.Boot.Up, tg.Boot.Log)
			res := newPerson(t, b, tg).press()
			assert.Equal(t, tt.stranger, len(tg.NotModelled()) > 0, tg.NotModelled())
			if tt.log == "" {
				assert.Equal(t, http.StatusFound, res.StatusCode)
				return
			}
			assert.Equal(t, http.StatusInternalServerError, res.StatusCode)
			lines, err := tg.Logs(t.Context())
			require.NoError(t, err)
			var all strings.Builder
			for _, l := range lines {
				all.WriteString(l.Text + "\n")
			}
			assert.Contains(t, all.String(), tt.log)
		})
	}
}

// TestCloseEndsSilence: nobody must wait for a timeout of a lab that is gone.
func TestCloseEndsSilence(t *testing.T) {
	t.Parallel()
	b := guide(t, func(b *deployment.Deployment) {
		b.Paperless.ExtraHosts = map[string]string{"authentik.example.com": "203.0.113.9"}
	})
	tg, err := lab.Start(t.Context(), b, lab.WithTimeout(time.Hour))
	require.NoError(t, err)
	c, err := tg.Client()
	require.NoError(t, err)
	done := make(chan error, 1)
	p := &person{t, b, c}
	form := p.get(b.Paperless.URL + "/accounts/login/")
	go func() {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, b.Paperless.URL+"/accounts/oidc/authentik/login/",
			strings.NewReader("csrfmiddlewaretoken="+csrfField.FindStringSubmatch(form.body)[1]))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", b.Paperless.URL)
			var res *http.Response
			if res, err = c.Do(r); err == nil {
				err = res.Body.Close()
			}
		}
		done <- err
	}()
	require.Eventually(t, func() bool { return len(tg.Exchanges()) >= 1 }, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, tg.Close())
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("still waiting")
	}
}
