package source

import (
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// readProviders reads the provider JSON with its places.
func (s *Set) readProviders() {
	text, e := s.Value(deployment.ProvidersKey)
	s.Providers = e
	if e == nil {
		// A value that YAML made a mapping of, or that Compose dropped.
		if v := s.Vars[deployment.ProvidersKey]; v != nil && v.ValueAt < v.End {
			s.App = byPattern(string(v.File.Text[v.ValueAt:min(v.End, len(v.File.Text))]))
		}
		return
	}
	s.Doc, s.JSONErr = ParseJSON(text)
	if s.JSONErr != nil {
		s.App = byPattern(text)
		return
	}
	s.OpenIDConnect = s.Doc.Get("openid_connect")
	s.Apps = appsOf(s.OpenIDConnect)
	if len(s.Apps) == 0 {
		s.App = byPattern(text)
		return
	}
	tested := s.Tested()
	s.App = AppValues{
		ProviderID: tested.Get("provider_id").Text(),
		name:       tested.Get("name").Text(),
		ClientID:   tested.Get("client_id").Text(),
		Secret:     tested.Get("secret").Text(),
		serverURL:  ServerURL(tested).Text(),
	}
}

// Tested is the app that authentik's side is compared with: the first that is
// not another product's, else the first; nil when there is none.
func (s *Set) Tested() *Node {
	for _, app := range s.Apps {
		if whose, _ := s.Whose(app); whose != deployment.OtherIdP {
			return app
		}
	}
	if len(s.Apps) > 0 {
		return s.Apps[0]
	}
	return nil
}

// appsOf are the apps that Paperless reads: allauth rewrites the old SERVERS and
// puts them in place of everything else; else APPS; else APP.
func appsOf(oc *Node) []*Node {
	var apps []*Node
	if servers := oc.Get("SERVERS"); servers != nil && !servers.Is('z') {
		for _, item := range servers.Items {
			if item.Get("APP").Is('o') {
				apps = append(apps, rewritten(item))
			}
		}
		return apps
	}
	if list := oc.Get("APPS"); list != nil && !list.Is('z') {
		for _, item := range list.Items {
			if item.Is('o') {
				apps = append(apps, item)
			}
		}
		return apps
	}
	if app := oc.Get("APP"); app.Is('o') {
		apps = append(apps, app)
	}
	return apps
}

// rewritten is an entry of SERVERS as the app that allauth makes of it; its parts
// keep their places.
func rewritten(server *Node) *Node {
	app := &Node{Kind: 'o', At: server.At, End: server.End}
	settings := &Node{Kind: 'o', At: server.At, End: server.End}
	move := func(to *Node, key, as string) {
		if m := server.Member(key); m != nil {
			to.Members = append(to.Members, Member{Key: as, At: m.At, End: m.End, Value: m.Value})
		}
	}
	app.Members = append(app.Members, server.Get("APP").Members...)
	move(app, "id", "provider_id")
	move(app, "name", "name")
	move(settings, "server_url", "server_url")
	move(settings, "token_auth_method", "token_auth_method")
	app.Members = append(app.Members, Member{Key: "settings", At: server.At, End: server.At + 1, Value: settings})
	return app
}

func pattern(key string) *lazyregexp.Regexp {
	return lazyregexp.New(`(?:^|[^A-Za-z_])["'“”]?` + key + `["'“”]?\s*[:=]\s*["'“”]?([^"'“”\s,}\]]+)`)
}

// byPattern finds the values in text that is no JSON, so that the failed start
// can be shown on this very configuration.
func byPattern(text string) AppValues {
	get := func(key string) string {
		if m := pattern(key).FindStringSubmatch(text); m != nil {
			return strings.TrimSpace(m[1])
		}
		return ""
	}
	return AppValues{ProviderID: get("provider_id"), name: get("name"), ClientID: get("client_id"), Secret: get("secret"), serverURL: get("server_url")}
}

// intended are the values that stand at authentik, from which the file was
// filled: those of the file before Compose took a $NAME out of them, without
// the blanks and line breaks that came in by copying.
func (s *Set) intended() AppValues {
	app := s.App
	if e := s.Providers; e != nil && len(e.Refs) > 0 {
		raw := e.Raw
		var b strings.Builder
		last := 0
		for _, ref := range e.Refs {
			if ref.At < last || ref.At+len(ref.Text) > len(raw) {
				continue
			}
			b.WriteString(raw[last:ref.At])
			if ref.Name != "" && ref.Plain && !ref.Known {
				b.WriteString(ref.Text)
			} else {
				b.WriteString(ref.Sub)
			}
			last = ref.At + len(ref.Text)
		}
		b.WriteString(raw[last:])
		if doc, err := ParseJSON(b.String()); err == nil {
			for _, again := range appsOf(doc.Get("openid_connect")) {
				if again.Get("provider_id").Text() == app.ProviderID {
					app.Secret, app.ClientID = again.Get("secret").Text(), again.Get("client_id").Text()
					break
				}
			}
		}
	}
	for _, v := range []*string{&app.Secret, &app.ClientID} {
		*v = strings.Trim(strings.TrimSpace(*v), `"'`)
	}
	return app
}

// Modules are the entries of PAPERLESS_APPS with their places in the value.
func (s *Set) Modules() (e *Entry, list []Module) {
	v, e := s.Value("PAPERLESS_APPS")
	if e == nil {
		return nil, nil
	}
	at := 0
	for part := range strings.SplitSeq(v, ",") {
		if part != "" {
			list = append(list, Module{Raw: part, Name: strings.TrimSpace(part), At: at})
		}
		at += len(part) + 1
	}
	return e, list
}

// A Module is one entry of PAPERLESS_APPS, and where it stands.
type Module struct {
	Raw, Name string
	At        int
}

// HasApp reports whether PAPERLESS_APPS names the app of OpenID Connect.
func (s *Set) HasApp() bool {
	_, list := s.Modules()
	for _, m := range list {
		if m.Name == deployment.OpenIDConnectApp {
			return true
		}
	}
	return false
}

var (
	// ApplicationPath is that of an application of authentik, which may live under
	// a path of its own (AUTHENTIK_WEB__PATH).
	ApplicationPath = lazyregexp.New(`^(/.*)?/application/o/([^/]+)/?(?:\.well-known/openid-configuration)?$`)
	// DoubleSlash is a path that a suffix was put to once too often.
	DoubleSlash = lazyregexp.New(`//`)
	// WellKnownPath is where a discovery document is, below the issuer.
	WellKnownPath = "/.well-known/openid-configuration"
)

// authentikPath is the path that authentik lives under: its service's own word,
// else the one in front of the application's in server_url.
func (s *Set) authentikPath() string {
	if path := s.WebPath(); path != "" {
		return path
	}
	u, err := url.Parse(s.App.serverURL)
	if err != nil {
		return ""
	}
	m := ApplicationPath.FindStringSubmatch(DoubleSlash.ReplaceAllString(u.Path, "/"))
	if m == nil {
		return ""
	}
	return m[1]
}

// WebPath is the path that authentik lives under (AUTHENTIK_WEB__PATH), where its
// service in the files says so, with a slash in front and none at the end; else "".
func (s *Set) WebPath() string {
	if path := strings.Trim(s.authentikSettings()["AUTHENTIK_WEB__PATH"], "/"); path != "" {
		return "/" + path
	}
	return ""
}
