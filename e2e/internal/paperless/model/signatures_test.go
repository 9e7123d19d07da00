package model

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/fixtures"
)

// The last two tables of fixtures/paperless-settings.json.
type hazardData struct {
	Signatures []signature `json:"failure_signatures"`
	Hazards    []hazard    `json:"upgrade_hazards"`
}

type signature struct {
	ID      string `json:"id"`
	Trigger string `json:"trigger"`
	Status  any    `json:"http_status"` // a number, or words with numbers
	Where   string `json:"where"`
	Title   string `json:"title"`
	Text    string `json:"text"`
	Log     string `json:"log"`
	Version string `json:"versions"`
}

func hazards(t *testing.T) hazardData {
	t.Helper()
	raw, err := fixtures.FS.ReadFile("paperless-settings.json")
	require.NoError(t, err)
	var out hazardData
	require.NoError(t, json.Unmarshal(raw, &out))
	require.NotEmpty(t, out.Signatures)
	require.NotEmpty(t, out.Hazards)
	return out
}

// An outcome is what somebody saw who walked into a cause.
type outcome struct {
	statuses []int
	paths    []string
	title    string
	text     string
	log      string
}

// look follows an answer to its page.
func look(v *visitor, a answer) outcome {
	v.t.Helper()
	var o outcome
	for {
		o.statuses, o.paths = append(o.statuses, a.StatusCode), append(o.paths, a.path)
		to := a.Header.Get("Location")
		if to == "" || !strings.HasPrefix(to, "/") {
			break
		}
		a = v.get(to)
	}
	o.title, o.text, o.log = title(a.body), text(a.body), logText(v.s)
	if strings.Contains(a.body, "DJANGO_MESSAGES") { // the web application shows them
		o.text += " " + a.body
	}
	return o
}

const (
	startPath    = "/accounts/oidc/authentik/login/"
	callbackPath = startPath + "callback/"
)

// press opens the sign-in page and presses the button.
func (v *visitor) press() answer {
	v.t.Helper()
	v.get("/accounts/login/?loggedout=1")
	return v.post(startPath + "?process=")
}

// down is a start that ended.
func down(t *testing.T, version string, env map[string]string) outcome {
	t.Helper()
	_, b := boot(t, nil, version, env)
	require.False(t, b.Up)
	return outcome{paths: []string{"boot"}, log: strings.Join(b.Log, "\n")}
}

// inactiveAlice has signed in once and was deactivated since.
func inactiveAlice(t *testing.T, version string) *visitor {
	t.Helper()
	s := start(t, newIdP(t), version, auto)
	require.Equal(t, http.StatusFound, visit(t, s).sso("").StatusCode)
	s.tx(func(d *State) { d.byName("alice").Active = false })
	return visit(t, s)
}

// claims walks the whole way with these claims of userinfo.
func claims(t *testing.T, version string, env map[string]string, change func(map[string]any)) (*visitor, outcome) {
	t.Helper()
	f := newIdP(t)
	change(f.userinfo)
	v := visit(t, start(t, f, version, env))
	return v, look(v, v.sso(""))
}

// broken walks the whole way with a provider that is broken.
func broken(t *testing.T, version string, change func(*fakeIdP)) outcome {
	t.Helper()
	f := newIdP(t)
	change(f)
	v := visit(t, start(t, f, version, auto))
	return look(v, v.sso(""))
}

// onForm fills in the form of a user without an account.
func onForm(t *testing.T, version, name, email string) outcome {
	t.Helper()
	v, o := claims(t, version, with(nil, "PAPERLESS_SOCIAL_AUTO_SIGNUP", "false"), func(map[string]any) {})
	form := o.paths[len(o.paths)-1]
	sent := look(v, v.post(form, "username", name, "email", email))
	sent.statuses, sent.paths = append(o.statuses, sent.statuses...), append(o.paths, sent.paths...)
	return sent
}

// A mistake is a failure_signature as it is walked into, version by version.
type mistake struct {
	versions string
	walk     func(t *testing.T, version string) []outcome
	// prose are the fields of the signature that are words about it, not what
	// is seen; the walk asserts what they mean.
	prose string
}

func one(o outcome) []outcome { return []outcome{o} }

func mistakes() map[string]mistake {
	const all = "2.5.0 2.20.15 3.0.5"
	const errorPages = all + " 2.20.1 2.20.2 3.0.0"
	return map[string]mistake{
		"F01": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			return []outcome{down(t, version, with(nil, deployment.ProvidersKey, "{")), down(t, version, with(nil, deployment.ProvidersKey, ""))}
		}},
		"F02": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			return one(down(t, version, with(nil, "PAPERLESS_APPS", deployment.OpenIDConnectApp+"t")))
		}},
		"F03": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			return one(down(t, version, with(nil, "PAPERLESS_URL", "https://x/")))
		}},
		"F04": {versions: all, prose: "text", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_APPS", "-")))
			o := look(v, v.get(startPath))
			assert.NotContains(t, o.text, "SSO")
			return one(o)
		}},
		"F05": {versions: all + " 2.14.7 2.15.0", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, deployment.ProvidersKey, "-")))
			return one(look(v, v.press()))
		}},
		"F06": {versions: all + " 2.14.7 2.15.0", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, nil, version, nil))
			v.get("/accounts/login/")
			return []outcome{look(v, v.post("/accounts/oidc/x/login/")), look(v, v.get("/accounts/oidc/x/login/callback/?code=c&state=s"))}
		}},
		"F07": {versions: all, prose: "file", walk: discoveryFails},
		"F08": {versions: errorPages, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, newIdP(t), version, auto))
			return one(look(v, v.get(callbackPath+"?code=c&state=made-up")))
		}},
		"F09": {versions: errorPages, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			return one(broken(t, version, func(f *fakeIdP) { f.tokenCode, f.tokenBody = 401, `{"error": "invalid_client"}` }))
		}},
		"F10": {versions: errorPages, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			return []outcome{
				broken(t, version, func(f *fakeIdP) { f.infoCode = 401 }),
				broken(t, version, func(f *fakeIdP) { f.infoCode = 403 }),
				broken(t, version, func(f *fakeIdP) { f.infoCode = 502 }),
			}
		}},
		"F11": {versions: "2.20.0 2.20.2 2.20.15 3.0.0 3.0.5 -2.5.0 -2.19.6", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			var out []outcome
			for key, bad := range map[string]any{"aud": "other", "iss": "https://other.example.com/", "exp": time.Now().Add(-time.Minute).Unix()} {
				out = append(out, broken(t, version, func(f *fakeIdP) {
					f.idToken = func(c map[string]any) string { c[key] = bad; return jws(c) }
				}))
			}
			return append(out, broken(t, version, func(f *fakeIdP) { f.idToken = func(map[string]any) string { return "a.b.c.d.e" } }))
		}},
		"F12": {versions: "2.20.0 2.20.2 2.20.15 3.0.5 -2.5.0 -2.19.6", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			f := newIdP(t)
			f.idToken = func(c map[string]any) string { c["jti"] = "once"; return jws(c) }
			s := start(t, f, version, auto)
			require.Equal(t, "/dashboard", visit(t, s).sso("").Header.Get("Location"))
			v := visit(t, s)
			return one(look(v, v.sso("")))
		}},
		"F13": {versions: all + " 2.7.2 2.8.0 2.20.1 2.20.2", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, newIdP(t), version, auto))
			return one(look(v, v.get(callbackPath+"?error=access_denied&state="+v.begin("").Get("state"))))
		}},
		"F14": {versions: errorPages, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, newIdP(t), version, auto))
			o := look(v, v.get(callbackPath+"?error=temporarily_unavailable&state="+v.begin("").Get("state")))
			assert.NotContains(t, o.log, "temporarily_unavailable")
			return one(o)
		}},
		"F15": {versions: all + " 2.8.6 2.9.0", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			var out []outcome
			for _, automatic := range []string{"true", "false"} {
				_, o := claims(t, version, with(nil, "PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS", "false", "PAPERLESS_SOCIAL_AUTO_SIGNUP", automatic), func(map[string]any) {})
				want := callbackPath
				if automatic == "false" && !deployment.AtLeast(version, "2.9.0") {
					want = "signup/"
				}
				assert.Contains(t, o.paths[len(o.paths)-1], want)
				out = append(out, o)
			}
			return out
		}},
		"F16": {versions: all + " 2.13.0 2.13.1 2.14.7 2.15.0", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := inactiveAlice(t, version)
			return one(look(v, v.sso("")))
		}},
		"F17": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			_, o := claims(t, version, auto, func(c map[string]any) { c["email"] = "admin@example.com" })
			assert.Contains(t, o.paths[len(o.paths)-1], "signup/", "also with automatic sign-up")
			return one(onForm(t, version, "alice", "admin@example.com"))
		}},
		"F18": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			return one(onForm(t, version, "admin", "alice@example.com"))
		}},
		"F19": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_URL", "-")))
			return one(look(v, v.press()))
		}},
		"F20": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_URL", "-", "PAPERLESS_ALLOWED_HOSTS", "other.example.com")))
			return one(look(v, v.get("/accounts/login/")))
		}},
		"F21": {versions: "2.6.0 2.20.15 3.0.5 -2.5.0 -2.5.4", walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v := visit(t, start(t, nil, version, with(nil, "PAPERLESS_DISABLE_REGULAR_LOGIN", "true")))
			return one(look(v, v.signIn("admin", "admin-pw-0f8e")))
		}},
		"F22": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			s := start(t, newIdP(t), version, auto)
			require.Equal(t, "/dashboard", visit(t, s).sso("").Header.Get("Location"))
			v := visit(t, s)
			v.signIn("local1", "local1-pw-7u2i")
			v.get("/")
			return one(look(v, v.sso("?process=connect")))
		}},
		"F23": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			v, o := claims(t, version, auto, func(c map[string]any) { c["email_verified"] = "true" })
			assert.NotNil(t, v.s.State().byName("alice"), "the row is left behind")
			return one(o)
		}},
		"F24": {versions: all, walk: func(t *testing.T, version string) []outcome {
			t.Helper()
			_, o := claims(t, version, auto, func(c map[string]any) { delete(c, "sub") })
			return one(o)
		}},
	}
}

// discoveryFails breaks discovery in every way, at the press and at the callback.
func discoveryFails(t *testing.T, version string) []outcome {
	t.Helper()
	const good = idp + "/application/o/paperless/.well-known/openid-configuration"
	var out []outcome
	for _, tt := range []struct {
		idp    func(*fakeIdP)
		change func(*Options)
	}{
		{change: serverURL("https://authentik.invalid/application/o/paperless")},
		{change: serverURL(strings.Replace(good, ".com", ".com:9999", 1))},
		{change: func(o *Options) { o.Harness = nil }},
		{idp: func(f *fakeIdP) { f.status = 404 }},
		{idp: func(f *fakeIdP) { f.page = "<html>" }},
		{idp: func(f *fakeIdP) { delete(f.discovery, "token_endpoint") }},
	} {
		f := newIdP(t)
		if tt.idp != nil {
			tt.idp(f)
		}
		if tt.change == nil {
			tt.change = func(*Options) {}
		}
		v := visit(t, start(t, f, version, auto, tt.change))
		out = append(out, look(v, v.press()))
	}
	f := newIdP(t)
	v := visit(t, start(t, f, version, auto))
	state := v.begin("").Get("state")
	f.mu.Lock()
	f.status = 503
	f.mu.Unlock()
	return append(out, look(v, v.get(callbackPath+"?code=c&state="+state)))
}

var (
	threshold = regexp.MustCompile(`v(\d+\.\d+\.\d+)`)
	statusNo  = regexp.MustCompile(`\b[2-5]\d\d\b`)
	pathWord  = regexp.MustCompile(`/[a-z0-9_/]+/`)
	// logWords are the parts of a signature's log that must be found word for word.
	logWords = regexp.MustCompile(`\[[A-Z]+\] \[[\w.]+\]|\b[A-Za-z.]*(?:Error|DoesNotExist|NoReverseMatch)\b|(?:unknown|cancelled) \(\w[^():]*|\(corsheaders\.E\d+\)[^']*|Origin checking failed|Invalid HTTP_HOST header: |Not Found: `)
)

// TestFailureSignatures walks into every failure of the table, on versions on
// both sides of each version that it names, and demands that everything the
// table says can be seen is seen: statuses, paths, titles, texts, log lines.
func TestFailureSignatures(t *testing.T) {
	t.Parallel()
	all := mistakes()
	for _, sig := range hazards(t).Signatures {
		m, ok := all[sig.ID]
		if !assert.True(t, ok, "%s is in no test: %s", sig.ID, sig.Trigger) {
			continue
		}
		delete(all, sig.ID)
		t.Run(sig.ID, func(t *testing.T) {
			t.Parallel()
			var seen []outcome
			var tried []string
			for word := range strings.FieldsSeq(m.versions) {
				version, not := strings.CutPrefix(word, "-")
				tried = append(tried, version)
				for _, o := range m.walk(t, version) {
					if not {
						assert.NotContains(t, o.text, sig.Text, "%s has no such failure", version)
						continue
					}
					sig.fits(t, version, o)
					seen = append(seen, o)
				}
			}
			sig.covered(t, seen, tried, m.prose)
		})
	}
	assert.Empty(t, all, "in the test, but not in the table")
}

// fits checks one walk against the table: nothing but what it says.
func (s signature) fits(t *testing.T, version string, o outcome) {
	t.Helper()
	if len(o.statuses) == 0 {
		return // it did not even start
	}
	status := o.statuses[len(o.statuses)-1]
	said := strings.Replace(fmt.Sprint(s.Status), "SPA", "200", 1) // the web application is a page as any other
	switch {
	case strings.Contains(s.Log, strconv.Itoa(status)+" "): // such as F16: "v2.13.1..v2.14.7: 500 NoReverseMatch"
		return
	case s.Status == 302.0:
	default:
		assert.Contains(t, said, strconv.Itoa(status), version)
	}
	titles := strings.Split(s.Title, " / ")
	if len(titles) > 1 {
		assert.Contains(t, titles, o.title, version)
	} else {
		assert.Equal(t, s.Title, o.title, version)
	}
}

// covered checks that everything the table says was seen somewhere.
func (s signature) covered(t *testing.T, seen []outcome, tried []string, prose string) {
	t.Helper()
	fields := fmt.Sprintln(s.Status, s.Where, s.Log, s.Version)
	for _, v := range threshold.FindAllStringSubmatch(fields, -1) {
		assert.True(t, slices.ContainsFunc(tried, func(x string) bool { return deployment.AtLeast(x, v[1]) }), "tried on no version from %s on", v[1])
		assert.True(t, slices.ContainsFunc(tried, func(x string) bool { return !deployment.AtLeast(x, v[1]) }), "tried on no version before %s", v[1])
	}
	some := func(what string, f func(outcome) bool) {
		t.Helper()
		assert.True(t, slices.ContainsFunc(seen, f), "%s was never seen", what)
	}
	status := fmt.Sprint(s.Status)
	if n, ok := s.Status.(float64); ok {
		status = strconv.Itoa(int(n))
	}
	for _, no := range statusNo.FindAllString(threshold.ReplaceAllString(status, ""), -1) {
		some("status "+no, func(o outcome) bool {
			return slices.ContainsFunc(o.statuses, func(n int) bool { return strconv.Itoa(n) == no })
		})
	}
	where := strings.NewReplacer("<id>", "authentik", "<x>", "x", "[", "", "]", "").Replace(threshold.ReplaceAllString(s.Where, ""))
	for _, p := range pathWord.FindAllString(where, -1) {
		some(p, func(o outcome) bool {
			return slices.ContainsFunc(o.paths, func(x string) bool { return strings.HasPrefix(x, p) }) // some end in "..."
		})
	}
	for word, path := range map[string]string{"boot": "boot", "callback": "/callback/", "sign-up": "/signup/"} {
		if strings.Contains(s.Where, word) {
			some(word, func(o outcome) bool {
				return slices.ContainsFunc(o.paths, func(p string) bool { return strings.HasSuffix(p, path) })
			})
		}
	}
	for title := range strings.SplitSeq(s.Title, " / ") {
		some("title "+title, func(o outcome) bool { return o.title == title })
	}
	if words := strings.TrimPrefix(strings.ReplaceAll(s.Text, "<name>", "SSO"), "(on submit) "); prose != "text" {
		some("text "+words, func(o outcome) bool { return strings.Contains(o.text, words) })
	}
	if s.Log == "none" {
		for _, o := range seen {
			assert.NotContains(t, o.log, "[paperless.auth]")
			assert.NotContains(t, o.log, "[django.security")
		}
		return
	}
	for _, words := range logWords.FindAllString(strings.NewReplacer("<id>", "authentik", "<x>", "x", "|", " ").Replace(s.Log), -1) {
		some("log "+words, func(o outcome) bool { return strings.Contains(o.log, words) })
	}
}
