package troubleshooting

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// signInPageItems are the causes that show on the sign-in page: no button, no
// page, or a button that leads nowhere.
func signInPageItems() []*Item {
	return []*Item{
		{
			Code: "REG-LOCKOUT", Guide: 5,
			Title:    "Nobody can sign in: the local form is off and there is no SSO button",
			Fix:      "Remove PAPERLESS_DISABLE_REGULAR_LOGIN until the button is there and works, restart Paperless, then correct the provider configuration.",
			Breaks:   checklist.LoginButton,
			Versions: Versions{PaperlessFrom: "2.6.0"}, // PAPERLESS_DISABLE_REGULAR_LOGIN
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if !noButton(rec) || rec.SignIn.LocalForm || !b.Paperless.On(deployment.DisableRegularLogin) {
					return nil, false
				}
				return []string{
					expected("a local form or an SSO button on %s", rec.SignIn.URL),
					seen("neither: %q", rec.SignIn.Text),
					setting(b, deployment.DisableRegularLogin),
				}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.DisableRegularLogin] = "true"
				delete(b.Paperless.Env, deployment.ProvidersKey)
			},
			Also:  []string{"CFG-NOAPP"}, // nobody is locked out while there is a button
			Basis: on(ObservedPair, pairFacts+"53-both-noprovider"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "There is a way in when the regular login is off",
				Problem: "Nobody can sign in",
				Doc:     "Without a button nobody can sign in.",
				Absent:  []string{"PAPERLESS_APPS", deployment.ProvidersKey},
				check:   checkLockout,
			}},
		},
		{
			Code: "STALE", Guide: 2,
			Title:  "The running Paperless does not have the configuration of the file",
			Fix:    "Recreate the container, a restart alone keeps the old environment: docker compose down && docker compose up -d (without Docker: sudo systemctl restart 'paperless-*').",
			Breaks: checklist.LoginButton,
			Match: func(rec evidence.Record, _ *deployment.Deployment) ([]string, bool) {
				if len(rec.Stale) == 0 {
					return nil, false
				}
				return []string{
					expected("the running container has the settings of the file"),
					seen("other values for %s", strings.Join(rec.Stale, ", ")),
				}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Running = map[string]string{}
				for k, v := range b.Paperless.Env {
					if k != deployment.ProvidersKey && k != "PAPERLESS_APPS" {
						b.Paperless.Running[k] = v
					}
				}
			},
			Basis: on(Modelled),
		},
		{
			Code: "CFG-APPS", Guide: 1,
			Title:  "PAPERLESS_APPS lacks the OpenID Connect provider: no button",
			Fix:    "Set PAPERLESS_APPS to " + deployment.OpenIDConnectApp + " and recreate the container.",
			Breaks: checklist.LoginButton,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if !noButton(rec) || appsHave(b) || len(rec.Stale) > 0 {
					return nil, false
				}
				return []string{expected("PAPERLESS_APPS=%s", deployment.OpenIDConnectApp), seen("%s", setting(b, "PAPERLESS_APPS")), fmt.Sprintf("the sign-in page shows %q", rec.SignIn.Text)}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				return []string{expected("PAPERLESS_APPS=%s", deployment.OpenIDConnectApp), seen("%s", setting(b, "PAPERLESS_APPS"))}, !appsHave(b) && !misnamedApp(b)
			},
			Plant: func(b *deployment.Deployment) { delete(b.Paperless.Env, "PAPERLESS_APPS") },
			Edit: func(evidence.Record, *deployment.Deployment) string {
				return envLine("PAPERLESS_APPS", deployment.OpenIDConnectApp)
			},
			Basis: on(ObservedPair, pairFacts+"10-no-apps"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "PAPERLESS_APPS names the OpenID Connect provider",
				Problem: "PAPERLESS_APPS does not name the OpenID Connect provider",
				Doc:     "Without it there is no button.",
				Absent:  []string{"PAPERLESS_APPS"},
				check:   checkApps,
			}},
		},
		{
			Code: "CFG-FILE", Guide: 2,
			Title:  "The secret file of the provider JSON cannot be read: SSO disappears silently",
			Fix:    "Mount the file that PAPERLESS_SOCIALACCOUNT_PROVIDERS_FILE names into the container, or put the JSON into PAPERLESS_SOCIALACCOUNT_PROVIDERS.",
			Breaks: checklist.LoginButton,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				path, missing := missingFile(b)
				if !missing || !noButton(rec) {
					return nil, false
				}
				return []string{expected("a file %s in the container", path), seen("no such file; %s is not set either", deployment.ProvidersKey)}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				path, missing := missingFile(b)
				return []string{expected("a file %s in the container", path), seen("none")}, missing
			},
			Plant: func(b *deployment.Deployment) {
				delete(b.Paperless.Env, deployment.ProvidersKey)
				b.Paperless.Env[deployment.ProvidersKey+"_FILE"] = "/run/secrets/oidc_providers"
			},
			Basis: on(ReadInSource, paperlessFacts+"10"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Secret files are where *_FILE says",
				Problem: "A secret file is not where *_FILE says",
				Doc:     "Paperless goes on without the setting: SSO disappears silently.",
				Lost:    true,
				check:   checkSecretFile,
			}},
		},
		{
			Code: "CFG-KEY", Guide: 2,
			Title:  "The provider JSON has its apps under another name than openid_connect",
			Fix:    `Rename the outermost key of PAPERLESS_SOCIALACCOUNT_PROVIDERS to "openid_connect".`,
			Breaks: checklist.LoginButton,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				keys, wrong := wrongKey(b)
				if !wrong || !noButton(rec) || !appsHave(b) || len(rec.Stale) > 0 {
					return nil, false
				}
				return []string{expected("the key 'openid_connect'"), seen("the keys %s", quoted(keys))}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				keys, wrong := wrongKey(b)
				return []string{expected("the key 'openid_connect'"), seen("the keys %s", quoted(keys))}, wrong
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.ProvidersKey] = strings.Replace(b.Paperless.Env[deployment.ProvidersKey], `"openid_connect"`, `"openidconnect"`, 1)
			},
			Basis: on(ObservedPair, pairFacts+"49-provider-name-app-typo"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The apps stand under openid_connect",
				Problem: "The apps do not stand under openid_connect",
				Doc:     "Under another name there is no button.",
				Absent:  []string{deployment.ProvidersKey},
				check:   checkKey,
			}},
		},
		{
			Code: "CFG-NOAPP", Guide: 2,
			Title:  "The provider JSON has no usable app: no button",
			Fix:    `Put one app with provider_id, name, client_id, secret and settings.server_url into "openid_connect": {"APPS": […]} of PAPERLESS_SOCIALACCOUNT_PROVIDERS.`,
			Breaks: checklist.LoginButton,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				for _, key := range []string{"APP", "server_url", "id"} { // an entry of the old SERVERS lacks it
					if line := rec.LogLine("KeyError: '" + key + "'"); line != "" && pageFailed(rec) {
						return []string{expected("an entry of SERVERS with APP, server_url and id"), seen("none"), "Paperless logged: " + clip(line, 200)}, true
					}
				}
				if !noButton(rec) || !appsHave(b) || len(rec.Stale) > 0 || !noApp(b) {
					return nil, false
				}
				return []string{expected("one app in openid_connect.APPS"), seen("none; the sign-in page shows %q", rec.SignIn.Text)}, true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				return []string{expected("one app in openid_connect.APPS"), seen("none")}, noApp(b)
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { oc["APPS"] = []any{} })
			},
			Basis: on(ObservedPair, pairFacts+"11-no-providers", pairFacts+"15-empty-apps-list"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The provider JSON has an app",
				Problem: "The provider JSON has no app",
				Doc:     "Without one in openid_connect.APPS there is no button.",
				Absent:  []string{"PAPERLESS_APPS", deployment.ProvidersKey},
				check:   checkNoApp,
			}},
		},
		{
			Code: "CFG-LIST", Guide: 2,
			Title:  "The provider JSON is a list: the sign-in page is a server error",
			Fix:    `PAPERLESS_SOCIALACCOUNT_PROVIDERS must be an object: {"openid_connect": {"APPS": […]}}. Remove the outer [ ].`,
			Breaks: checklist.LoginPage,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				v, _ := b.Paperless.Value(deployment.ProvidersKey)
				if !strings.HasPrefix(strings.TrimSpace(v), "[") || !json.Valid([]byte(v)) || !rec.Boot.Up {
					return nil, false
				}
				return append([]string{expected("a JSON object"), seen("a JSON list")}, errorLines(rec)...), pageFailed(rec)
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.ProvidersKey] = "[" + b.Paperless.Env[deployment.ProvidersKey] + "]"
			},
			Basis: on(ReadInSource, paperlessFacts+"2"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The provider JSON is an object",
				Problem: "The provider JSON is no object",
				Doc:     "With a list or a string the sign-in page is a server error.",
				OfForm:  true,
				check:   checkList,
			}},
		},
		{
			Code: "CFG-PROVID", Guide: 2,
			Title:  "The app has no usable provider_id: the sign-in page is a server error",
			Fix:    `Give the app a "provider_id" of one word, such as "authentik"; it is the part of the redirect URI before /login/callback/.`,
			Breaks: checklist.LoginPage,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				id, bad := badProviderID(b)
				if !bad || !rec.Boot.Up {
					return nil, false
				}
				return append([]string{expected("a provider_id without a slash"), seen("provider_id %q", id)}, errorLines(rec)...), pageFailed(rec)
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				id, bad := badProviderID(b)
				return []string{expected("a provider_id without a slash"), seen("provider_id %q", id)}, bad
			},
			Plant: func(b *deployment.Deployment) { b.EditApp(func(app map[string]any) { delete(app, "provider_id") }) },
			Basis: on(ReadInSource, paperlessFacts+"3.1"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The app has a provider_id of one path segment",
				Problem: "The app has no provider_id of one path segment",
				Doc:     "Without it, or with a slash in it, the sign-in page is a server error.",
				check:   checkProviderID,
			}},
		},
		{
			Code: "CFG-DUP", Guide: 2,
			Title:  "Two apps have the same provider_id: pressing the button is a server error",
			Fix:    "Keep one app for each provider_id in PAPERLESS_SOCIALACCOUNT_PROVIDERS.",
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				id, twice := doubled(b)
				if !twice || !startFailed(rec) {
					return nil, false
				}
				return append([]string{expected("one app with provider_id %q", id), seen("two of them; Paperless answered %d to the button", startHop(rec).Status)}, errorLines(rec)...), true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				id, twice := doubled(b)
				return []string{expected("one app with provider_id %q", id), seen("two of them")}, twice
			},
			Plant: func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) {
					apps, _ := oc["APPS"].([]any)
					oc["APPS"] = append(apps, apps...)
				})
			},
			Basis: on(ReadInSource, paperlessFacts+"3.1"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Every provider_id is unique",
				Problem: "Two providers have the same provider_id",
				Doc:     "With a duplicate, pressing the button is a server error.",
				check:   checkDuplicateID,
			}},
		},
		{
			Code: "CFG-SERVERURL", Guide: 3,
			Title:  "The app has no server_url: pressing the button is a server error",
			Fix:    `Put "server_url" into "settings" of the app; one level higher it is not read.`,
			Breaks: checklist.RoundTrip,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				if app, ok := b.Paperless.App(); !ok || app.ServerURL() != "" || !startFailed(rec) {
					return nil, false
				}
				return append([]string{expected("settings.server_url"), seen("none")}, errorLines(rec)...), true
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				app, ok := b.Paperless.App()
				return []string{expected("settings.server_url"), seen("none")}, ok && app.ServerURL() == ""
			},
			Plant: func(b *deployment.Deployment) {
				b.EditApp(func(app map[string]any) {
					s, _ := app["settings"].(map[string]any)
					app["server_url"] = s["server_url"]
					delete(s, "server_url")
				})
			},
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				slug := "<APPLICATION_SLUG>"
				if a := b.IdPApplication(); a != nil {
					slug = a.Slug
				}
				return fmt.Sprintf(`"settings": {"server_url": "%s%s"}`, b.Authentik.URL, authentik.DiscoveryPath(slug))
			},
			Basis: on(ReadInSource, paperlessFacts+"3.1"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The app has a server_url in its settings",
				Problem: "The app has no server_url",
				Doc:     "Without it pressing the button is a server error.",
				check:   checkServerURL,
			}},
		},
	}
}

func misnamedApp(b *deployment.Deployment) bool {
	v, _ := b.Paperless.Value("PAPERLESS_APPS")
	return strings.Contains(v, "allauth")
}

func missingFile(b *deployment.Deployment) (path string, missing bool) {
	path, set := b.Paperless.Env[deployment.ProvidersKey+"_FILE"]
	if !set {
		return "", false
	}
	_, there := b.Paperless.Files[path]
	_, plain := b.Paperless.Env[deployment.ProvidersKey]
	return path, !there && !plain
}

// wrongKey reports whether the JSON holds apps, but not under openid_connect.
func wrongKey(b *deployment.Deployment) (keys []string, wrong bool) {
	v, _ := b.Paperless.Value(deployment.ProvidersKey)
	var doc map[string]struct{ APPS []any }
	if json.Unmarshal([]byte(v), &doc) != nil {
		return nil, false
	}
	if _, ok := doc["openid_connect"]; ok {
		return nil, false
	}
	for k, p := range doc {
		keys = append(keys, k)
		wrong = wrong || len(p.APPS) > 0
	}
	slices.Sort(keys)
	return keys, wrong
}

// noApp reports whether the JSON is fine and holds no app at all.
func noApp(b *deployment.Deployment) bool {
	if _, missing := missingFile(b); missing {
		return false
	}
	v, set := b.Paperless.Value(deployment.ProvidersKey)
	if set && !strings.HasPrefix(strings.TrimSpace(v), "{") {
		return false
	}
	if _, wrong := wrongKey(b); wrong {
		return false
	}
	apps, err := b.Paperless.Apps()
	return err == nil && len(apps) == 0
}

func badProviderID(b *deployment.Deployment) (id string, bad bool) {
	app, ok := b.Paperless.App()
	return app.ProviderID, ok && (app.ProviderID == "" || strings.Contains(app.ProviderID, "/"))
}

func doubled(b *deployment.Deployment) (id string, twice bool) {
	apps, _ := b.Paperless.Apps()
	met := map[string]bool{}
	for _, a := range apps {
		if met[a.ProviderID] {
			return a.ProviderID, true
		}
		met[a.ProviderID] = true
	}
	return "", false
}

// pageFailed reports whether the sign-in page itself was a server error.
func pageFailed(rec evidence.Record) bool {
	if rec.SignIn != nil && rec.SignIn.Status == 500 {
		return true
	}
	h := rec.Hop(paperless.LoginPath)
	return h != nil && h.Status == 500
}

// errorLines are the log lines that tell of a server error: the last exception.
func errorLines(rec evidence.Record) []string {
	for i := len(rec.Log) - 1; i >= 0; i-- {
		t := rec.Log[i].Text
		if strings.Contains(t, "Error: ") || strings.Contains(t, "Exception: ") || strings.Contains(t, "ImproperlyConfigured") || strings.Contains(t, "MultipleObjectsReturned") {
			return []string{"Paperless logged: " + clip(t, 300)}
		}
	}
	return nil
}

func clip(s string, n int) string {
	s = strings.TrimSpace(s)
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
