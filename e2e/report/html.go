package report

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html"
	"html/template"
	"image"
	"image/jpeg"
	_ "image/png" // screenshots are PNG
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/check"
	"github.com/ssocheck/ssocheck/e2e/config"
	"github.com/ssocheck/ssocheck/e2e/evidence"
	"github.com/ssocheck/ssocheck/e2e/render"
	"github.com/ssocheck/ssocheck/e2e/runner"
	"github.com/ssocheck/ssocheck/e2e/troubleshooting"
)

//go:embed assets
var assets embed.FS

// HTML writes one self-contained page: no network, light and dark, for the
// keyboard, for screen readers and for paper.
func HTML(w io.Writer, r *runner.Run) error { return New(r).HTML(w) }

// HTML writes one self-contained page: no network, light and dark, for the
// keyboard, for screen readers and for paper.
func (r *Report) HTML(w io.Writer) error {
	t, err := template.New("report.html.tmpl").Funcs(template.FuncMap{
		"duration": duration, "prints": prints, "plural": plural,
	}).ParseFS(assets, "assets/*.tmpl")
	if err != nil {
		return fmt.Errorf("parse the report's template: %w", err)
	}
	css, err := assets.ReadFile("assets/report.css")
	if err != nil {
		return fmt.Errorf("read the report's style: %w", err)
	}
	js, err := assets.ReadFile("assets/report.js")
	if err != nil {
		return fmt.Errorf("read the report's script: %w", err)
	}
	page := r.page()
	page.CSS, page.JS = template.CSS(css), template.JS(js)
	var buf bytes.Buffer // a template that stops half-way must not leave half a page
	if err := t.Execute(&buf, page); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	if _, err := buf.WriteTo(w); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// A page is what the template shows.
type page struct {
	*Report
	CSS                  template.CSS
	JS                   template.JS
	Verdict, Tally, Note string
	Icon, Date           string
	Bars                 []bar
	Cause                *findingView
	CauseAt, CauseName   string // the check that it was found at
	Checks               []checkView
	Problems             int
	Lint                 []lintView
	Config               *configView
	Slow                 []slowView
}

type bar struct {
	Status, Word string
	Count        int
	Width        template.CSS
}

type slowView struct {
	timing
	Anchor string
	Width  template.CSS
}

func (r *Report) page() *page {
	p := &page{
		Report: r, Verdict: r.verdict(), Tally: r.tally(), Note: r.notes(),
		Icon: map[string]string{runner.Pass: "✓", runner.Fail: "✗"}[r.Result],
	}
	p.Icon = cmp.Or(p.Icon, "⚠")
	if !r.Started.IsZero() {
		p.Date = r.Started.UTC().Format("2 January 2006, 15:04 UTC")
	}
	for _, s := range []check.Status{check.Failed, check.Errored, check.Warned, check.Passed, check.Skipped} {
		if n := r.count(s); n > 0 {
			p.Bars = append(p.Bars, bar{string(s), look(s).word, n, percent(float64(n), float64(len(r.Checks)))})
		}
	}
	longest := 0.0
	for i := range r.Checks {
		longest = max(longest, r.Checks[i].Seconds)
	}
	told := map[string]string{}
	for i := range r.Checks {
		v := r.checkView(&r.Checks[i], longest, told)
		if r.Checks[i].Status != check.Passed && r.Checks[i].Status != check.Skipped {
			p.Problems++
		}
		p.Checks = append(p.Checks, v)
	}
	if c, f := r.first(); f != nil {
		v := newFinding(f, 0)
		p.Cause, p.CauseAt, p.CauseName = &v, anchor(c), c.Key()
	}
	for i := range r.Lint {
		p.Lint = append(p.Lint, newLint(&r.Lint[i]))
	}
	if r.Bundle != nil {
		p.Config = newConfig(r.Bundle)
	}
	slow := r.slowest(8)
	for _, t := range slow {
		p.Slow = append(p.Slow, slowView{t, "check-" + fileName(t.Check), percent(t.Seconds, slow[0].Seconds)})
	}
	return p
}

func percent(part, whole float64) template.CSS {
	if whole <= 0 {
		return "0%"
	}
	return template.CSS(fmt.Sprintf("%.2f%%", 100*part/whole))
}

func anchor(c *Check) string { return "check-" + fileName(c.Key()) }

type checkView struct {
	*Check
	Anchor, Name, Mark, Word string
	Varied                   bool // runs on a variant
	Open, Ran                bool
	Time                     template.CSS
	Found                    []findingView
	SameAs                   string // anchor of the check that told the first cause already
	Diagram                  template.HTML
	Film                     []shotView
	Last                     *shotView
	Hops                     []requestView
	Requests                 []requestView
	Glossary                 []param
	Log, Console             []lineView
	Files                    []fileView
}

type fileView struct{ Name, Path string }

func (r *Report) checkView(c *Check, longest float64, told map[string]string) checkView {
	l := look(c.Status)
	v := checkView{
		Check: c, Anchor: anchor(c), Name: c.Key(), Mark: l.mark, Word: l.word, Varied: c.Variant != check.AsConfigured,
		Open: c.Status == check.Failed || c.Status == check.Errored, Ran: c.Status != check.Skipped,
		Time: percent(c.Seconds, longest),
	}
	for i := range c.Findings {
		v.Found = append(v.Found, newFinding(&c.Findings[i], i))
	}
	var first *troubleshooting.Finding
	if len(c.Findings) > 0 {
		first = &c.Findings[0]
		if at, ok := told[first.Code]; ok {
			v.SameAs = at
			v.Open = false // the same cause again: once is enough
		} else {
			told[first.Code] = v.Anchor
		}
	}
	e := c.Evidence
	if e == nil {
		return v
	}
	if c.Status == check.Warned {
		v.Diagram = sequence(e, nil, v.Anchor+"-seq")
	} else {
		v.Diagram = sequence(e, first, v.Anchor+"-seq")
	}
	v.film(c)
	glossary := map[string]string{}
	for i, h := range e.Hops {
		v.Hops = append(v.Hops, hopView(i, h, glossary))
	}
	for i := range e.Exchange {
		v.Requests = append(v.Requests, exchangeView(&e.Exchange[i], glossary))
	}
	for _, name := range slices.Sorted(maps.Keys(glossary)) {
		v.Glossary = append(v.Glossary, param{name, glossary[name]})
	}
	for _, text := range e.Boot.Log {
		v.Log = append(v.Log, lineView{Source: "paperless", Text: text})
	}
	v.Log = append(v.Log, lineViews(e.Log)...)
	v.Console = lineViews(e.Console)
	mark(v.Log, c.Findings)
	mark(v.Console, c.Findings)
	for _, f := range []fileView{
		{"Screenshot", c.Artifacts.Screenshot},
		{"Page (DOM with shadow roots)", c.Artifacts.DOM},
		{"Requests (HAR)", c.Artifacts.HAR},
		{"Log", c.Artifacts.Log},
		{"Console", c.Artifacts.Console},
		{"Evidence (JSON)", c.Artifacts.Evidence},
	} {
		if f.Path != "" {
			v.Files = append(v.Files, f)
		}
	}
	return v
}

type findingView struct {
	*troubleshooting.Finding
	N     int
	Item  string
	Facts []factView
	Prose string
	Edit  []editLine
	Copy  string // what the copy button copies
}

type factView struct {
	Label             string
	Before, In, After string
	Marked, Missing   bool
}

type editLine struct{ Kind, Text string } // Kind: add, del or plain

func newFinding(f *troubleshooting.Finding, n int) findingView {
	v := findingView{Finding: f, N: n, Item: guideItem(f), Facts: factViews(f.Because)}
	if f.Fix != "" {
		var edit []string
		v.Prose, edit = splitFix(f.Fix)
		v.Edit, v.Copy = edits(edit)
	}
	return v
}

func factViews(because []string) []factView {
	var out []factView
	for _, f := range facts(because) {
		v := factView{Label: f.Label, Before: f.Value}
		if f.Part != nil {
			v.Before, v.In, v.After = f.Part.cut(f.Value)
			v.Marked, v.Missing = true, v.In == ""
		}
		out = append(out, v)
	}
	return out
}

// edits parts the lines of an edit; to be copied is what shall be in the file.
func edits(lines []string) (out []editLine, text string) {
	var added, all []string
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "+"):
			out = append(out, editLine{"add", l})
			added = append(added, strings.TrimPrefix(l[1:], " "))
		case strings.HasPrefix(l, "-"):
			out = append(out, editLine{"del", l})
		default:
			out = append(out, editLine{"plain", l})
			all = append(all, l)
		}
	}
	if len(added) > 0 {
		return out, strings.Join(added, "\n")
	}
	return out, strings.Join(all, "\n")
}

type shotView struct {
	Name, Error string
	N           int
	Seconds     float64
	Src         template.URL
	W, H        int
	Rect        template.CSS // style of the outline; empty: none
}

func (v *checkView) film(c *Check) {
	for i, s := range c.Steps {
		png := c.shots[s.Screenshot]
		if len(png) == 0 {
			continue
		}
		shot := newShot(png)
		shot.N, shot.Name, shot.Error, shot.Seconds = i+1, s.Name, s.Error, s.Seconds
		if len(s.Rect) == 4 && shot.W > 0 && shot.H > 0 {
			shot.Rect = template.CSS(fmt.Sprintf("left:%s;top:%s;width:%s;height:%s",
				percent(s.Rect[0], float64(shot.W)), percent(s.Rect[1], float64(shot.H)), percent(s.Rect[2], float64(shot.W)), percent(s.Rect[3], float64(shot.H))))
		}
		v.Film = append(v.Film, shot)
	}
	if len(c.screenshot) > 0 {
		shot := newShot(c.screenshot)
		shot.Name = "where it ended"
		v.Last = &shot
	}
}

// heavy is the size from which a picture goes into the page as JPEG: a sign-in
// page with a photograph behind it is a PNG of more than a megabyte.
const heavy = 120 << 10

func newShot(png []byte) shotView {
	cfg, _, err := image.DecodeConfig(bytes.NewReader(png))
	if err != nil {
		return shotView{Src: "data:image/png;base64,"}
	}
	kind, data := "png", png
	if len(png) > heavy {
		if img, _, err := image.Decode(bytes.NewReader(png)); err == nil {
			var buf bytes.Buffer
			if jpeg.Encode(&buf, img, &jpeg.Options{Quality: 72}) == nil && buf.Len() < len(png) {
				kind, data = "jpeg", buf.Bytes()
			}
		}
	}
	return shotView{W: cfg.Width, H: cfg.Height, Src: template.URL("data:image/" + kind + ";base64," + base64.StdEncoding.EncodeToString(data))}
}

type requestView struct {
	N                         int
	Channel, To, Method       string
	Origin, Path              string
	Params                    []param
	Status                    int
	Tone, Error, Location     string
	Auth, Cookies, SetCookies string
	Form, Headers             []param
	Body                      string
	Token                     []param
	Seconds                   float64
}

func hopView(i int, h evidence.Hop, glossary map[string]string) requestView {
	v := requestView{N: i + 1, Method: h.Method, Status: h.Status, Error: h.Error, Location: h.Location}
	v.url(h.URL, glossary)
	v.explain(params(h.Location), glossary)
	return v
}

func exchangeView(x *evidence.Exchange, glossary map[string]string) requestView {
	v := requestView{
		N: x.Seq, Channel: x.Channel, To: x.To, Method: x.Method, Status: x.Status, Error: x.Error, Location: x.Location,
		Auth: x.Auth, Cookies: strings.Join(x.Cookies, ", "), SetCookies: strings.Join(x.SetCookies, ", "), Seconds: x.Seconds,
	}
	v.url(x.URL, glossary)
	for _, p := range pairs(x.Form) {
		v.Form = append(v.Form, param(p))
	}
	v.explain(v.Form, glossary)
	for _, p := range pairs(x.Headers) {
		v.Headers = append(v.Headers, param(p))
	}
	if x.Body != nil {
		v.Body = strings.TrimSpace(string(indented(x.Body)))
	}
	if t := x.IDToken; t != nil {
		for _, p := range []param{
			{"form", strings.TrimSpace(t.Form + " " + t.Alg + " " + t.Enc)},
			{"iss", t.Issuer},
			{"aud", strings.Join(t.Audience, ", ")},
			{"sub", t.Subject},
			{"claims", strings.Join(t.Claims, ", ")},
		} {
			if p.Value != "" {
				v.Token = append(v.Token, p)
			}
		}
	}
	return v
}

func (v *requestView) url(raw string, glossary map[string]string) {
	v.Path = raw
	if i := strings.Index(raw, "://"); i >= 0 {
		if j := strings.IndexByte(raw[i+3:], '/'); j >= 0 {
			v.Origin, v.Path = raw[:i+3+j], raw[i+3+j:]
		}
	}
	v.Path, _, _ = strings.Cut(v.Path, "?")
	v.Params = params(raw)
	v.explain(v.Params, glossary)
	v.Tone = "ok"
	switch {
	case v.Status >= 400 || v.Error != "" || v.Status == 0:
		v.Tone = "bad"
	case v.Status >= 300:
		v.Tone = "redirect"
	}
}

func (v *requestView) explain(ps []param, glossary map[string]string) {
	for _, p := range ps {
		if say := meaning[p.Name]; say != "" {
			glossary[p.Name] = say
		}
	}
}

// meaning explains the parameters of the round trip (RFC 6749, RFC 7636, OpenID
// Connect Core). It is never changed.
var meaning = map[string]string{
	"client_id":             "names Paperless to authentik; must be the provider's",
	"redirect_uri":          "where authentik sends the browser back to; must equal a registered one, character by character",
	"response_type":         "code: a one-time code comes back, not a token",
	"scope":                 "what Paperless wants to know about the person",
	"state":                 "random value that Paperless keeps in the session; the same one must come back, else the answer belongs to another browser",
	"nonce":                 "random value that comes back inside the id_token, against replay",
	"code":                  "one-time code that Paperless changes for tokens; good for a minute by default",
	"code_challenge":        "hash of the PKCE verifier: who stole the code cannot use it",
	"code_challenge_method": "how the challenge was made; S256 is SHA-256",
	"code_verifier":         "the PKCE secret itself, sent only when the code is used",
	"grant_type":            "authorization_code: a code is changed for tokens",
	"client_secret":         "proves that it is Paperless that asks",
	"next":                  "where to go after signing in; must stay on the same site",
	"process":               "empty or login: sign in; connect: link to the account that is signed in",
	"loggedout":             "1 after signing out: the page does not redirect to authentik then",
	"csrfmiddlewaretoken":   "proves that the form came from Paperless's own page",
	"error":                 "why authentik gave no code",
	"error_description":     "the same in words",
	"iss":                   "who signed; must equal the issuer of the discovery document",
}

type lineView struct {
	Source, Time, Text string
	Telling            bool
}

func lineViews(lines []evidence.Line) []lineView {
	var out []lineView
	for _, l := range lines {
		v := lineView{Source: l.Source, Text: l.Text}
		if !l.Time.IsZero() {
			v.Time = l.Time.UTC().Format("15:04:05.000")
		}
		out = append(out, v)
	}
	return out
}

// mark finds the lines that findings quote; where none is quoted, those that
// complain about what the findings name.
func mark(lines []lineView, findings []troubleshooting.Finding) {
	var because []string
	for _, f := range findings {
		because = append(because, f.Because...)
	}
	quotes := func(text string) bool {
		text = strings.TrimSpace(text)
		return len(text) > 12 && slices.ContainsFunc(because, func(b string) bool {
			fact := facts([]string{b})[0].Value
			return strings.Contains(b, text) || (len(fact) > 20 && strings.Contains(text, fact))
		})
	}
	found := false
	for i := range lines {
		lines[i].Telling = quotes(lines[i].Text)
		found = found || lines[i].Telling
	}
	if found || len(findings) == 0 {
		return
	}
	for i := range lines {
		lines[i].Telling = complaint.MatchString(lines[i].Text) && !noise.MatchString(lines[i].Text)
	}
}

var (
	complaint = regexp.MustCompile(`(?i)\[(WARNING|ERROR|CRITICAL)\]|"level": ?"(warning|error)"|^error: |Error\b|Traceback|fatal`)
	noise     = regexp.MustCompile(`Unauthorized: /api/(profile|ui_settings)/`)
)

type lintView struct {
	*config.Finding
	Place             string
	Before, In, After string
	Prose             string
	Edit              []editLine
	Copy              string
}

func newLint(f *config.Finding) lintView {
	v := lintView{Finding: f, Place: lintPlace(f), Before: f.Source}
	if f.Source != "" && f.Column > 0 {
		v.Before, v.In, v.After = (&part{f.Column - 1, max(1, f.Width)}).cut(f.Source)
	}
	if fix := lintFix(f); fix != "" {
		var edit []string
		v.Prose, edit = splitFix(fix)
		v.Edit, v.Copy = edits(edit)
	}
	return v
}

type configView struct {
	Env       []settingView
	Authentik []settingView
	Added     []string
}

type settingView struct {
	Name, Value, Origin, Running string
	Block                        bool
}

func newConfig(b *render.Bundle) *configView {
	v := &configView{Added: b.Added}
	for _, name := range slices.Sorted(maps.Keys(b.Paperless.Env)) {
		s := settingView{Name: name, Value: b.Paperless.Env[name], Origin: b.Origins[name].String()}
		if name == render.ProvidersKey {
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
		add("Encryption key", map[bool]string{true: "selected: the id_token is a JWE"}[p.EncryptionKey])
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

var printIn = regexp.MustCompile(`…[0-9a-f]{6}`)

// prints escapes a text and gives each fingerprint the colour of its value, so
// that the eye finds equal ones.
func prints(s string) template.HTML {
	var sb strings.Builder
	last := 0
	for _, m := range printIn.FindAllStringIndex(s, -1) {
		sb.WriteString(html.EscapeString(s[last:m[0]]))
		h := fnv.New32a()
		_, _ = h.Write([]byte(s[m[0]:m[1]]))
		fmt.Fprintf(&sb, `<span class="fp" style="--h:%d">%s</span>`, h.Sum32()%360, s[m[0]:m[1]])
		last = m[1]
	}
	sb.WriteString(html.EscapeString(s[last:]))
	return template.HTML(sb.String())
}
