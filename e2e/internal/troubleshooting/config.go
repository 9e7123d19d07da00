package troubleshooting

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// configItems are the causes with which Paperless does not start.
func configItems() []*Item {
	return []*Item{
		{
			Code: "VER-OLD", Guide: 2,
			Title:  "This Paperless-ngx version has no OpenID Connect",
			Fix:    "Upgrade Paperless-ngx to 2.5.0 or later: change the image tag, then docker compose pull && docker compose up -d.",
			Breaks: checklist.LoginPage,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				v := rec.Paperless.Version
				if v == "" {
					v = b.Paperless.Version
				}
				return []string{expected("Paperless-ngx 2.5.0 or later"), seen("Paperless-ngx %s", v)}, !deployment.AtLeast(v, "2.5.0")
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Version = "2.4.3" },
			Basis: on(ReadInSource, paperlessFacts+"0"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The version has OpenID Connect",
				Problem: "The version has no OpenID Connect",
				Doc:     "It came with 2.5.0.",
				check:   checkVersion,
			}},
		},
		{
			Code: "CFG-QUOTES", Guide: 0,
			Title:  "The provider JSON reaches Paperless inside literal quotes",
			Fix:    "Remove one pair of quotes around the value of PAPERLESS_SOCIALACCOUNT_PROVIDERS. In the list form of Compose (- NAME='…') and with docker run --env-file quotes are part of the value.",
			Breaks: checklist.LoginPage,
			Match: jsonBoot(func(v, _ string) (string, bool) {
				if !quotedJSON(v) {
					return "", false
				}
				return "the value begins and ends with " + strings.TrimSpace(v)[:1], true
			}),
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.ProvidersKey] = "'" + b.Paperless.Env[deployment.ProvidersKey] + "'"
			},
			Basis: on(ObservedAlone, paperlessFacts+"8"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Values have no quotes of their own",
				Problem: "Quotes become part of the value",
				Doc:     "In - NAME=\"value\" the quotes are part of the value.",
				OfForm:  true,
				Lost:    true,
				check:   checkQuotes,
			}},
		},
		{
			Code: "CFG-YAMLMAP", Guide: 0,
			Title:  "The provider JSON lost its quotes: YAML read it as a mapping",
			Fix:    "Write the JSON as a YAML string: PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{\"openid_connect\": …}' (single quotes around it), or as a block scalar (>).",
			Breaks: checklist.LoginPage,
			Match:  jsonBoot(func(v, _ string) (string, bool) { return "the names in the value have no quotes", unquotedMapping(v) }),
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env[deployment.ProvidersKey] = strings.ReplaceAll(b.Paperless.Env[deployment.ProvidersKey], `"`, "")
			},
			Basis: on(ObservedAlone, paperlessFacts+"8", reports+"F5.37"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The provider JSON is a YAML string",
				Problem: "YAML makes a mapping of the provider JSON",
				Doc:     "Without quotes YAML makes a mapping of it, and Compose refuses the file.",
				OfForm:  true,
				Lost:    true,
				check:   checkYAMLMap,
			}},
		},
		{
			Code: "CFG-JSON", Guide: 1,
			Title:  "The provider JSON is not valid: Paperless does not start",
			Fix:    "Correct PAPERLESS_SOCIALACCOUNT_PROVIDERS: no comma before } or ], every brace closed, double quotes around names and strings, true and false without quotes. ssocheck lint shows the place.",
			Breaks: checklist.LoginPage,
			Match: jsonBoot(func(v, line string) (string, bool) {
				if quotedJSON(v) || unquotedMapping(v) {
					return "", false
				}
				return jsonPlace(v, line), true
			}),
			Plant: func(b *deployment.Deployment) {
				v := b.Paperless.Env[deployment.ProvidersKey]
				b.Paperless.Env[deployment.ProvidersKey] = strings.TrimSuffix(v, "}}") + ",}}"
			},
			Basis: on(ObservedPair, pairFacts+"12-json-trailing-comma", pairFacts+"13-json-unbalanced", pairFacts+"14-json-single-quotes"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "The provider setting is JSON",
				Problem: "The provider setting is no JSON",
				Doc:     "Paperless does not start.",
				OfForm:  true,
				check:   checkJSON,
			}},
		},
		{
			Code: "CFG-PROXYJSON", Guide: 0,
			Title:  "PAPERLESS_PROXY_SSL_HEADER is not JSON: Paperless does not start",
			Fix:    `Write it as a JSON list: PAPERLESS_PROXY_SSL_HEADER: '["HTTP_X_FORWARDED_PROTO", "https"]', or remove it.`,
			Breaks: checklist.LoginPage,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				line := bootLine(rec, "JSONDecodeError")
				v, set := b.Paperless.Value("PAPERLESS_PROXY_SSL_HEADER")
				if line == "" || !set || json.Valid([]byte(v)) {
					return nil, false
				}
				return []string{expected(`a JSON list such as ["HTTP_X_FORWARDED_PROTO", "https"]`), seen("%s", setting(b, "PAPERLESS_PROXY_SSL_HEADER")), "Paperless stopped: " + line}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_PROXY_SSL_HEADER"] = "HTTP_X_FORWARDED_PROTO,https"
			},
			Basis: on(ObservedAlone, paperlessFacts+"8"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "PAPERLESS_PROXY_SSL_HEADER is a JSON list of two",
				Problem: "PAPERLESS_PROXY_SSL_HEADER is no JSON list of two",
				Doc:     "Paperless does not start.",
				check:   checkSSLHeader,
			}},
		},
		{
			Code: "CFG-APPSPACE", Guide: 1,
			Title:    "A space in PAPERLESS_APPS is part of the module name",
			Fix:      "Remove the spaces after the commas in PAPERLESS_APPS; Paperless-ngx 2 does not strip them.",
			Breaks:   checklist.LoginPage,
			Versions: Versions{PaperlessFrom: "2.5.0", PaperlessBelow: "3.0.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				name, line := missingModule(rec)
				if name == "" || !strings.HasPrefix(name, " ") {
					return nil, false
				}
				return []string{expected("%s", setting(b, "PAPERLESS_APPS")+" without spaces"), seen("Paperless stopped: %s", line)}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_APPS"] = "django.contrib.humanize, " + deployment.OpenIDConnectApp
			},
			Basis: on(ObservedAlone, paperlessFacts+"2"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "PAPERLESS_APPS has no spaces",
				Problem: "PAPERLESS_APPS has spaces",
				Doc:     "v2 reads a space as part of the module's name and does not start.",
				check:   checkAppSpace,
			}},
		},
		{
			Code: "CFG-MODULE", Guide: 1,
			Title:    "PAPERLESS_APPS names a module that does not exist: Paperless does not start",
			Fix:      "Set PAPERLESS_APPS to " + deployment.OpenIDConnectApp + " exactly.",
			Breaks:   checklist.LoginPage,
			Versions: Versions{PaperlessFrom: "2.5.0"},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				name, line := missingModule(rec)
				if name == "" || strings.HasPrefix(name, " ") || !namedByApps(b, name) {
					return nil, false
				}
				return []string{expected("%s", deployment.OpenIDConnectApp), seen("%s", setting(b, "PAPERLESS_APPS")), "Paperless stopped: " + line}, true
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_APPS"] = "allauth.socialaccount.providers.openidconnect"
			},
			Edit: func(evidence.Record, *deployment.Deployment) string {
				return envLine("PAPERLESS_APPS", deployment.OpenIDConnectApp)
			},
			Basis: on(ObservedPair, pairFacts+"16-apps-typo"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Every app in PAPERLESS_APPS exists",
				Problem: "An app in PAPERLESS_APPS does not exist",
				Doc:     "Paperless does not start.",
				check:   checkModule,
			}},
		},
		{
			Code: "CFG-SECRETKEY", Guide: 0,
			Title:    "PAPERLESS_SECRET_KEY is missing: Paperless-ngx 3 does not start",
			Fix:      "Set PAPERLESS_SECRET_KEY to a long random text (for example: openssl rand -base64 48) and keep it. \"change-me\" is refused.",
			Breaks:   checklist.LoginPage,
			Versions: Versions{PaperlessFrom: "3.0.0"},
			Match: func(rec evidence.Record, _ *deployment.Deployment) ([]string, bool) {
				line := bootLine(rec, "PAPERLESS_SECRET_KEY")
				return []string{expected("PAPERLESS_SECRET_KEY is set to a value of your own"), seen("Paperless stopped: %s", line)}, line != ""
			},
			Plant: func(b *deployment.Deployment) { delete(b.Paperless.Env, "PAPERLESS_SECRET_KEY") },
			Basis: on(ReadInSource, settingFacts+"H04"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Paperless-ngx 3 has a secret key of its own",
				Problem: "Paperless-ngx 3 has no secret key of its own",
				Doc:     "It does not start without.",
				Absent:  []string{"PAPERLESS_SECRET_KEY"},
				check:   checkSecretKey,
			}},
		},
		{
			Code: "CFG-BOOL", Guide: 0,
			Title:      "A boolean setting has a value that this version does not accept",
			Fix:        "Write true or false for the PAPERLESS_ setting that is named. Paperless-ngx 2 silently reads every other value as false; Paperless-ngx 3 does not start.",
			Breaks:     checklist.FirstLogin,
			BreaksFrom: map[string]*check.Check{"3.0.0": checklist.LoginPage},
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				names := badWords(b)
				if len(names) == 0 {
					return nil, false
				}
				if line := bootLine(rec, "to a boolean"); line != "" {
					return []string{expected("true or false"), seen("%s", setting(b, names[0])), "Paperless stopped: " + line}, true
				}
				if !rec.Boot.Up || b.Paperless.AtLeast("3.0.0") {
					return nil, false
				}
				for _, n := range names {
					// It counts where what was meant did not happen.
					_, meant := b.Intends(n)
					if meant && ((n == deployment.AutoSignup && signUpForm(rec)) || (n == deployment.RedirectToSSO && rec.Check == "redirect-to-sso") || (n == deployment.DisableRegularLogin && rec.Check == "sso-only")) {
						return []string{expected("true or false"), seen("%s, which Paperless %s reads as false", setting(b, n), b.Paperless.Version)}, true
					}
				}
				return nil, false
			},
			Suspect: func(b *deployment.Deployment) ([]string, bool) {
				names := badWords(b)
				if len(names) == 0 {
					return nil, false
				}
				return []string{expected("true or false"), seen("%s", setting(b, names[0]))}, true
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env[deployment.AutoSignup] = "on" },
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				var lines []string
				for _, n := range badWords(b) {
					lines = append(lines, envLine(n, "true"))
				}
				return strings.Join(lines, "\n")
			},
			Basis: on(ObservedAlone, paperlessFacts+"2", settingFacts+"H05"),
			InFiles: []Rule{{
				Level: source.Warning,
				Title: "Boolean settings have values that this version accepts",
				Doc:   "v2 reads other values as false; v3 does not start.",
				check: checkBool,
			}},
		},
		{
			Code: "CFG-URLSLASH", Guide: 0,
			Title:  "PAPERLESS_URL ends in a slash or has a path: Paperless does not start",
			Fix:    "Set PAPERLESS_URL to scheme and host only.",
			Breaks: checklist.LoginPage,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				line := bootLine(rec, "corsheaders.E014")
				return []string{expected("https://host, nothing behind it"), seen("%s", setting(b, "PAPERLESS_URL")), "Paperless stopped: " + line}, line != ""
			},
			Plant: func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_URL"] += "/" },
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				return envLine("PAPERLESS_URL", strings.TrimRight(b.Paperless.Env["PAPERLESS_URL"], "/"))
			},
			Basis: on(ObservedAlone, paperlessFacts+"8"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "PAPERLESS_URL is an origin",
				Problem: "PAPERLESS_URL is more than an origin",
				Doc:     "With a path or a slash at the end Paperless does not start.",
				check:   checkURLSlash,
			}},
		},
		{
			Code: "CFG-URLSCHEME", Guide: 0,
			Title:  "PAPERLESS_URL has no scheme: Paperless does not start",
			Fix:    "Write https:// (or http://) in front of the host in PAPERLESS_URL.",
			Breaks: checklist.LoginPage,
			Match: func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
				line := bootLine(rec, "corsheaders.E013")
				if line == "" {
					line = bootLine(rec, "4_0.E001")
				}
				return []string{expected("https://%s", b.Paperless.Env["PAPERLESS_URL"]), seen("%s", setting(b, "PAPERLESS_URL")), "Paperless stopped: " + line}, line != ""
			},
			Plant: func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_URL"] = strings.TrimPrefix(b.Paperless.Env["PAPERLESS_URL"], "https://")
			},
			Edit: func(_ evidence.Record, b *deployment.Deployment) string {
				return envLine("PAPERLESS_URL", "https://"+b.Paperless.Env["PAPERLESS_URL"])
			},
			Basis: on(ObservedAlone, paperlessFacts+"8"),
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "PAPERLESS_URL has a scheme",
				Problem: "PAPERLESS_URL has no scheme",
				Doc:     "Without it Paperless does not start.",
				check:   checkURLScheme,
			}},
		},
	}
}

// jsonBoot matches a start that died of the provider JSON, when the value is of
// the given kind.
func jsonBoot(kind func(value, line string) (string, bool)) func(evidence.Record, *deployment.Deployment) ([]string, bool) {
	return func(rec evidence.Record, b *deployment.Deployment) ([]string, bool) {
		line := bootLine(rec, "JSONDecodeError")
		v, set := b.Paperless.Value(deployment.ProvidersKey)
		if line == "" || !set || json.Valid([]byte(v)) {
			return nil, false
		}
		why, ok := kind(v, line)
		if !ok {
			return nil, false
		}
		return []string{expected("%s holds JSON", where(b, deployment.ProvidersKey)), seen("%s", why), "Paperless stopped: " + line}, true
	}
}

var pythonPlace = lazyregexp.New(`JSONDecodeError: (.+): line (\d+) column (\d+)`)

// jsonPlace says where JSON breaks, without quoting the value: it holds a
// secret. Paperless's own word comes first: in a report the value is redacted,
// and its columns are others.
func jsonPlace(v, line string) string {
	if m := pythonPlace.FindStringSubmatch(line); m != nil && strings.TrimSpace(v) != "" {
		return fmt.Sprintf("it breaks at line %s, column %s of the value: %s", m[2], m[3], m[1])
	}
	if strings.TrimSpace(v) == "" {
		return "the value is empty"
	}
	var doc any
	err := json.Unmarshal([]byte(v), &doc)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		before := v[:min(int(syntax.Offset), len(v))]
		line := strings.Count(before, "\n") + 1
		column := len(before) - strings.LastIndex(before, "\n")
		return fmt.Sprintf("it breaks at line %d, column %d of the value: %s", line, max(1, column-1), syntax.Error())
	}
	return "it does not parse"
}

func quotedJSON(v string) bool {
	v = strings.TrimSpace(v)
	if len(v) < 2 || (v[0] != '\'' && v[0] != '"') || v[len(v)-1] != v[0] {
		return false
	}
	return json.Valid([]byte(v[1:len(v)-1])) || json.Valid([]byte(strings.ReplaceAll(v[1:len(v)-1], `\"`, `"`)))
}

var unquotedName = lazyregexp.New(`[{,]\s*openid_connect\s*:`)

func unquotedMapping(v string) bool {
	if !unquotedName.MatchString(v) {
		return strings.HasPrefix(v, "map[")
	}
	var doc map[string]any
	return yaml.Unmarshal([]byte(strings.ReplaceAll(v, ":", ": ")), &doc) == nil || !strings.Contains(v, `"`)
}

var moduleLine = lazyregexp.New(`ModuleNotFoundError: No module named '([^']*)'`)

// missingModule is the module that a failed start missed, with the log line.
func missingModule(rec evidence.Record) (name, line string) {
	line = bootLine(rec, "ModuleNotFoundError")
	if m := moduleLine.FindStringSubmatch(line); m != nil {
		return m[1], line
	}
	return "", ""
}

// namedByApps reports whether a module that cannot be imported is one that
// PAPERLESS_APPS names, or a package above it, which is what Python then names.
// An image that lacks a module of its own is not PAPERLESS_APPS's fault.
func namedByApps(b *deployment.Deployment, module string) bool {
	apps, ok := b.Paperless.Value("PAPERLESS_APPS")
	if !ok {
		apps = b.Paperless.RunningEnv()["PAPERLESS_APPS"]
	}
	return slices.ContainsFunc(strings.Split(apps, ","), func(app string) bool {
		return app != deployment.OpenIDConnectApp && (app == module || strings.HasPrefix(app, module+"."))
	})
}

// badWords are the login switches with a word that this version does not take.
func badWords(b *deployment.Deployment) []string {
	var bad []string
	for _, n := range []string{
		deployment.AutoSignup, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "PAPERLESS_ACCOUNT_ALLOW_SIGNUPS", deployment.RedirectToSSO,
		deployment.DisableRegularLogin, deployment.RemoteUser, "PAPERLESS_ENABLE_HTTP_REMOTE_USER_API", "PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS",
		"PAPERLESS_USE_X_FORWARD_HOST", "PAPERLESS_USE_X_FORWARD_PORT", "PAPERLESS_ACCOUNT_SESSION_REMEMBER",
	} {
		if _, ok := b.Paperless.Bool(n); !ok {
			bad = append(bad, n)
		}
	}
	return bad
}

func appsHave(b *deployment.Deployment) bool {
	return slices.Contains(list(&b.Paperless, "PAPERLESS_APPS"), deployment.OpenIDConnectApp)
}
