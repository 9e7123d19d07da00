package lab_test

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

const (
	paperlessHost = "paperless.example.com"
	origin        = "https://" + paperlessHost
)

// A walker is a user without a browser: it does by hand what the scripts of
// the pages do, and keeps every answer in the recording's form.
type walker struct {
	t      testing.TB
	target *target.Target
	client *http.Client
	user   string // at authentik
	// password of the user there; walk makes that of the recordings, of the name.
	password string

	hops  []hop
	steps []string
	at    *url.URL
	code  int
	body  string
	title string         // where a script set it
	stage map[string]any // of a flow of authentik's
}

func walk(tb testing.TB, tg *target.Target, user string) *walker {
	tb.Helper()
	c, err := tg.Client()
	require.NoError(tb, err)
	return &walker{t: tb, target: tg, client: c, user: user, password: user + "-pw-12345"}
}

func query(u *url.URL) map[string]string {
	out := map[string]string{}
	for name, values := range u.Query() {
		out[name] = values[0]
	}
	return out
}

func addressOf(u *url.URL) address { return address{Host: u.Host, Path: u.Path, Query: query(u)} }

// send makes one request of the browser's address bar and keeps it as a hop.
func (w *walker) send(method string, to *url.URL, fields url.Values) string {
	w.t.Helper()
	var body io.Reader
	if fields != nil {
		body = strings.NewReader(fields.Encode())
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, to.String(), body)
	require.NoError(w.t, err)
	if fields != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", to.Scheme+"://"+to.Host)
	}
	res, err := w.client.Do(r)
	require.NoError(w.t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, res.Body.Close())
	h := hop{Method: method, Status: res.StatusCode, URL: addressOf(to)}
	location := res.Header.Get("Location")
	if location != "" {
		u, err := url.Parse(location)
		require.NoError(w.t, err)
		h.Location = new(addressOf(u))
	}
	w.hops = append(w.hops, h)
	w.at, w.code, w.body, w.title = to, res.StatusCode, string(text), ""
	w.stage = nil
	return location
}

// hopLimit is more than any sign-in needs.
const hopLimit = 20

// visit goes somewhere and on through redirects, until a page waits for somebody.
func (w *walker) visit(method, to string, fields url.Values) {
	w.t.Helper()
	at, err := url.Parse(origin)
	require.NoError(w.t, err)
	if w.at != nil {
		at = w.at
	}
	for range hopLimit {
		u, err := at.Parse(to)
		require.NoError(w.t, err)
		if to = w.send(method, u, fields); to == "" {
			w.script()
			return
		}
		at, method, fields = u, http.MethodGet, nil
	}
	w.t.Fatal("too many redirects")
}

var (
	formTag   = regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`)
	buttonTag = regexp.MustCompile(`(?is)<button\b([^>]*)>(.*?)</button>`)
	csrfInput = regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]*)"`)
	titleTag  = regexp.MustCompile(`(?is)<title>([^<]*)</title>`)
	unseen    = regexp.MustCompile(`(?is)<(script|style|title)\b.*?</(script|style|title)>`)
	anyTag    = regexp.MustCompile(`<[^>]*>`)
)

func attribute(tag, name string) string {
	m := regexp.MustCompile(`(?i)\b` + name + `="([^"]*)"`).FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

func visible(page string) string {
	page = anyTag.ReplaceAllString(unseen.ReplaceAllString(page, " "), " ")
	return strings.Join(strings.Fields(html.UnescapeString(page)), " ")
}

// forms are the forms that lead to a provider.
func (w *walker) forms() []form {
	out := []form{}
	for _, m := range formTag.FindAllStringSubmatch(w.body, -1) {
		action := attribute(m[1], "action")
		if !strings.Contains(action, "/accounts/oidc/") {
			continue
		}
		f := form{Tag: "form", Method: strings.ToLower(attribute(m[1], "method")), Action: action}
		for _, b := range buttonTag.FindAllStringSubmatch(m[2], -1) {
			f.Button = append(f.Button, attribute(b[1], "class")+"|"+visible(b[2]))
		}
		out = append(out, f)
	}
	return out
}

// submit sends a form of the page with its token.
func (w *walker) submit(action string, fields url.Values) {
	w.t.Helper()
	token := csrfInput.FindStringSubmatch(w.body)
	require.NotNil(w.t, token, w.body)
	if fields == nil {
		fields = url.Values{}
	}
	fields.Set("csrfmiddlewaretoken", token[1])
	w.visit(http.MethodPost, action, fields)
}

// script does what the page's own script does as soon as it is shown.
func (w *walker) script() {
	w.t.Helper()
	switch {
	case w.at.Host == paperlessHost && strings.Contains(w.body, "form.submit()"):
		w.submit(w.forms()[0].Action, nil)
	case w.at.Host == paperlessHost && strings.Contains(w.body, "<pngx-root>"):
		w.title = "Dashboard - Paperless-ngx"
		w.get("/api/ui_settings/")
		w.get("/api/saved_views/")
		if w.at.Path == "/" {
			w.at = w.at.JoinPath("dashboard")
		}
	case w.code == http.StatusOK && strings.HasPrefix(w.at.Path, "/if/flow/"):
		w.show(w.ask(nil))
	}
}

// show shows a stage: its title, or where the flow leads to when it is over.
func (w *walker) show(c map[string]any) {
	w.t.Helper()
	if c["component"] == "xak-flow-redirect" {
		w.stage = nil
		w.visit(http.MethodGet, c["to"].(string), nil)
		return
	}
	info, _ := c["flow_info"].(map[string]any)
	w.stage, w.title = c, str(info["title"])+" - authentik"
}

// press presses the first provider's button, unless the page did by itself.
func (w *walker) press() {
	w.t.Helper()
	if w.at.Host != paperlessHost {
		return
	}
	forms := w.forms()
	require.NotEmpty(w.t, forms, "no button")
	w.submit(forms[0].Action, nil)
}

// answer answers the stages of authentik's flows until none is left.
func (w *walker) answer() {
	w.t.Helper()
	for range hopLimit {
		var step string
		var fields map[string]any
		switch w.stage["component"] {
		case "ak-stage-identification":
			step, fields = "user name", map[string]any{"uid_field": w.user}
		case "ak-stage-password":
			step, fields = "password", map[string]any{"password": w.password}
		case "ak-stage-consent":
			step, fields = "consent", map[string]any{"token": w.stage["token"]}
		default:
			return
		}
		w.steps = append(w.steps, step)
		fields["component"] = w.stage["component"]
		w.show(w.ask(fields))
	}
	w.t.Fatal("the flow asks for ever")
}

// ask talks to the flow executor behind the page; a stage may redirect to itself.
func (w *walker) ask(fields map[string]any) map[string]any {
	w.t.Helper()
	api := "https://" + w.at.Host + "/api/v3/flows/executor/" + strings.TrimPrefix(w.at.Path, "/if/flow/") + "?query=" + url.QueryEscape(w.at.RawQuery)
	method, body := http.MethodGet, []byte(nil)
	if fields != nil {
		var err error
		method = http.MethodPost
		body, err = json.Marshal(fields)
		require.NoError(w.t, err)
	}
	for range 6 {
		r, err := http.NewRequestWithContext(w.t.Context(), method, api, bytes.NewReader(body))
		require.NoError(w.t, err)
		r.Header.Set("Content-Type", "application/json")
		for _, c := range w.client.Jar.Cookies(r.URL) {
			if c.Name == "authentik_csrf" {
				r.Header.Set("X-authentik-CSRF", c.Value)
			}
		}
		res, err := w.client.Do(r)
		require.NoError(w.t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(w.t, err)
		require.NoError(w.t, res.Body.Close())
		if res.StatusCode/100 == 3 {
			method, body = http.MethodGet, nil
			continue
		}
		var challenge map[string]any
		require.NoError(w.t, json.Unmarshal(text, &challenge), string(text))
		return challenge
	}
	w.t.Fatal("the stage redirects to itself for ever")
	return nil
}

// take is the hops since the last take.
func (w *walker) take() []hop {
	out := w.hops
	w.hops = nil
	return out
}

func (w *walker) ending() ending {
	title := w.title
	if m := titleTag.FindStringSubmatch(w.body); title == "" && m != nil {
		title = html.UnescapeString(m[1])
	}
	return ending{URL: addressOf(w.at), Title: title, Text: visible(w.body)}
}

func (w *walker) signInPage() *signIn {
	e := w.ending()
	return &signIn{
		Status: w.code, URL: e.URL, Title: e.Title, Local: strings.Contains(w.body, `id="inputPassword"`), Forms: w.forms(), Text: e.Text,
	}
}

// get asks Paperless's API with the session of the pages.
func (w *walker) get(path string) ([]byte, int) {
	w.t.Helper()
	r, err := target.NewRequest(w.t.Context(), http.MethodGet, origin, path, nil)
	require.NoError(w.t, err)
	return w.raw(w.client, r)
}

func (w *walker) raw(c *http.Client, r *http.Request) ([]byte, int) {
	w.t.Helper()
	res, err := c.Do(r)
	require.NoError(w.t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, res.Body.Close())
	return text, res.StatusCode
}

// who is who the API says is signed in.
func (w *walker) who() *who {
	w.t.Helper()
	text, status := w.get("/api/profile/")
	out := &who{Profile: status, Social: []string{}}
	if status == http.StatusOK {
		var p struct {
			Email  *string                 `json:"email"`
			First  *string                 `json:"first_name"`
			Last   *string                 `json:"last_name"`
			Usable *bool                   `json:"has_usable_password"`
			Social []struct{ Name string } `json:"social_accounts"`
		}
		require.NoError(w.t, json.Unmarshal(text, &p))
		out.Email, out.First, out.Last, out.UsablePW = p.Email, p.First, p.Last, p.Usable
		for _, a := range p.Social {
			out.Social = append(out.Social, a.Name)
		}
	}
	_, out.UISettings = w.get("/api/ui_settings/")
	return out
}

// passwords are what the local administrator's password opens without a page.
func (w *walker) localPasswords() *passwords {
	w.t.Helper()
	c, err := w.target.Client()
	require.NoError(w.t, err)
	token, err := target.NewRequest(w.t.Context(), http.MethodPost, origin, "/api/token/", url.Values{"username": {"admin"}, "password": {"admin-pw-1"}})
	require.NoError(w.t, err)
	basic, err := target.NewRequest(w.t.Context(), http.MethodGet, origin, "/api/profile/", nil)
	require.NoError(w.t, err)
	basic.SetBasicAuth("admin", "admin-pw-1")
	out := &passwords{}
	_, out.Token = w.raw(c, token)
	_, out.Basic = w.raw(c, basic)
	return out
}

// log are Paperless's lines so far.
func (w *walker) log() []string {
	w.t.Helper()
	lines, err := w.target.Logs(w.t.Context())
	require.NoError(w.t, err)
	out := []string{}
	for _, l := range lines {
		if l.Source == "paperless" {
			out = append(out, l.Text)
		}
	}
	return out
}

// events are authentik's, newest first as its list is.
func (w *walker) events() []string {
	w.t.Helper()
	list, err := w.target.Events(w.t.Context())
	require.NoError(w.t, err)
	out := append([]string{}, list...)
	slices.Reverse(out)
	return out
}

// see plays a row on the lab.
func see(t *testing.T, r row, tg *target.Target) seen {
	t.Helper()
	got := seen{Boot: boot{Up: tg.Boot.Up, Exit: tg.Boot.Exit, Log: append([]string{}, tg.Boot.Log...)}}
	if !got.Boot.Up {
		return got
	}
	w := walk(t, tg, r.User)
	w.visit(http.MethodGet, "/accounts/login/", nil)
	got.SignIn = w.signInPage()
	got.Hops, got.Steps = []hop{}, []string{}
	if len(got.SignIn.Forms) > 0 || w.at.Host != paperlessHost {
		w.press()
		w.answer()
		got.Hops, got.Steps, got.Final = w.take(), append(got.Steps, w.steps...), new(w.ending())
		if r.Signed != nil { // the recorder did not always ask
			got.Signed = w.who()
		}
	}
	got.Password = w.localPasswords()
	got.Log, got.Events = w.log(), w.events()
	return got
}

// run starts the pair of a row.
func (r row) run(t *testing.T, harness map[string]string, opts ...lab.Option) *target.Target {
	t.Helper()
	return start(t, bundle(t, r, harness), append(opts, lab.WithTimeout(backLimit))...)
}
