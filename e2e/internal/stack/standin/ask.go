package standin

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/blueprint"
	idp "github.com/ssocheck/ssocheck/e2e/internal/authentik/model"
	"github.com/ssocheck/ssocheck/e2e/internal/authentik/shell"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	rp "github.com/ssocheck/ssocheck/e2e/internal/paperless/model"
)

// akLines stand before the answer of `ak shell`, on the same stream.
var akLines = []string{
	`{"event": "Loaded config", "level": "debug", "logger": "authentik.lib.config", "timestamp": 1700000000.1}`,
	`{"event": "Starting authentik bootstrap", "level": "info", "logger": "authentik.lib.config"}`,
	`{"error":"open /geoip/GeoLite2-City.mmdb: no such file or directory","event":"Failed to load GeoIP database","level":"warning"}`,
	`{"event": "Booting authentik", "level": "info", "logger": "authentik.root.settings"}`,
}

// PrintProvider answers shell.Command as the image does.
func PrintProvider(w World, m *deployment.Model, version string) error {
	var q shell.Query
	if err := json.Unmarshal([]byte(w.Env[shell.AskVariable]), &q); err != nil {
		return fmt.Errorf("KeyError: %s: %w", shell.AskVariable, err)
	}
	text, err := json.Marshal(idp.Answer(m, version, q))
	if err != nil {
		return err
	}
	for _, line := range akLines {
		fmt.Fprintln(w.Stdout, line)
	}
	fmt.Fprintf(w.Stdout, "\n%s%s\n", shell.Marker, text)
	return nil
}

// askProvider reads the blueprint that was applied.
func askProvider(ctx context.Context, w World) error {
	text, err := authentikDatabase(w.Env).get(ctx, "blueprint")
	if err != nil {
		return err
	}
	m := &deployment.Model{}
	if len(text) > 0 {
		var a applied
		if err := json.Unmarshal(text, &a); err != nil {
			return err
		}
		b, err := blueprint.Parse("blueprint.yaml", a.Text, a.Env)
		if err != nil {
			return err
		}
		m = &b.Model
	}
	return PrintProvider(w, m, w.Env[VersionVariable])
}

// PrintInside answers paperless.Command as the image does.
func PrintInside(ctx context.Context, w World, o rp.Options, resolve func(context.Context, string) ([]string, error), page func(*http.Request) (*http.Response, error)) error {
	var look paperless.Look
	if err := json.Unmarshal([]byte(w.Env[paperless.AskVariable]), &look); err != nil {
		return fmt.Errorf("KeyError: %s: %w", paperless.AskVariable, err)
	}
	text, err := json.Marshal(rp.Inside(ctx, o, look, resolve, page))
	if err != nil {
		return err
	}
	fmt.Fprintf(w.Stdout, "\n%s%s\n", paperless.Marker, text)
	return nil
}

// lookFromInside looks from this container.
func lookFromInside(ctx context.Context, w World) error {
	b := &deployment.Deployment{Paperless: deployment.Paperless{Version: w.Env[VersionVariable], Env: map[string]string{}, Files: map[string]string{}}}
	maps.Copy(b.Paperless.Env, w.Env)
	for name, path := range w.Env {
		if strings.HasPrefix(name, "PAPERLESS_") && strings.HasSuffix(name, "_FILE") {
			if text, err := os.ReadFile(path); err == nil {
				b.Paperless.Files[path] = string(text)
			}
		}
	}
	o := rp.Options{Bundle: b, Dial: silence}
	if text, err := os.ReadFile(caFile); err == nil {
		o.Roots = x509.NewCertPool()
		o.Roots.AppendCertsFromPEM(text)
	}
	client := &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return PrintInside(ctx, w, o, rp.LookUp, client.Do)
}
