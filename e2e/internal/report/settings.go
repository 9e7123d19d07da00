package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A configView is the configuration that was tested.
type configView struct {
	From      string // what is said of values without an origin
	Env       []settingView
	Authentik []settingView
	Added     []string
}

type settingView struct {
	Name, Value, Origin, Running string
	Block                        bool
}

func newConfig(b *deployment.Deployment) *configView {
	v := &configView{Added: b.Added}
	if len(b.Origins) == 0 {
		v.From = "The default deployment: the guide with its dead settings fixed."
	}
	for _, name := range slices.Sorted(maps.Keys(b.Paperless.Env)) {
		s := settingView{Name: name, Value: b.Paperless.Env[name], Origin: b.Origins[name].String()}
		if name == deployment.ProvidersKey {
			s.Value, s.Block = prettyJSON(s.Value), true
		}
		if b.Paperless.Running != nil && b.Paperless.Running[name] != b.Paperless.Env[name] {
			s.Running = cmp.Or(b.Paperless.Running[name], "(not set)")
		}
		v.Env = append(v.Env, s)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Paperless.Running)) {
		if _, ok := b.Paperless.Env[name]; !ok {
			v.Env = append(v.Env, settingView{Name: name, Value: "(not in the configuration)", Running: b.Paperless.Running[name]})
		}
	}
	add := func(name, value string) {
		if value != "" {
			v.Authentik = append(v.Authentik, settingView{Name: name, Value: value})
		}
	}
	if p := b.IdPProvider(); p != nil {
		add("Provider", p.Name)
		add("Client type", cmp.Or(p.ClientType, "confidential"))
		add("Client ID", p.ClientID)
		add("Client secret", p.ClientSecret)
		for _, u := range p.RedirectURIs {
			add("Redirect URI ("+cmp.Or(u.MatchingMode, "strict")+")", u.URL)
		}
		add("Scopes", strings.Join(p.Scopes, ", "))
		add("Signing key", map[bool]string{true: "selected", false: "none: tokens are HS256"}[p.SigningKey])
		add("Encryption key", map[bool]string{true: "selected: the ID token is a JWE"}[p.EncryptionKey])
		add("Subject mode", p.SubMode)
		add("Issuer mode", p.IssuerMode)
	}
	if a := b.IdPApplication(); a != nil {
		add("Application", a.Name)
		add("Slug", a.Slug)
		add("Groups that may use it", strings.Join(a.Groups, ", "))
	}
	return v
}

func prettyJSON(text string) string {
	var buf bytes.Buffer
	if json.Indent(&buf, []byte(text), "", "  ") != nil {
		return text
	}
	return buf.String()
}
