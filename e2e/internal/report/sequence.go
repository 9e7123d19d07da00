package report

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// missing stands where one of two values has nothing.
const missing = "▯"

// The lanes of the sequence diagram.
const (
	laneBrowser = iota
	lanePaperless
	laneAuthentik
)

// An arrow is one request of the diagram, or several equal ones in a row.
type arrow struct {
	from, to int
	caption  string // what it is for, in words
	path     string // method and path
	clause   string // of the standard that says how this request must be; "": none does
	status   int
	err      string
	times    int
	back     bool
	broken   bool
	lost     bool // it never arrived: nothing of ours saw it
	answer   bool // the answer to a request with requests of its own inside
}

// maxArrows bounds the diagram: a page of an application makes many requests,
// and those of interest stand at the start and at the end.
const maxArrows = 70

// sequence draws the round trip of a record as SVG. Empty when nothing was recorded.
func sequence(e *evidence.Record, f *troubleshooting.Finding, id string) template.HTML {
	arrows := arrowsOf(e, f)
	if len(arrows) == 0 {
		return ""
	}
	var d drawing
	d.draw(arrows, f)
	title := "The requests of this check, in order"
	parts := []string{Plural(len(arrows), "arrow") + " between the browser, Paperless-ngx and authentik. The tables below hold the same in text."}
	for _, a := range arrows {
		if a.broken {
			parts = append(parts, "It broke at "+a.path+".")
		}
	}
	desc := strings.Join(parts, " ")
	return template.HTML(fmt.Sprintf(`<svg class="sequence" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>%s%s</svg>`,
		svgWidth, d.y, svgWidth, d.y, id, id, id, html.EscapeString(title), id, html.EscapeString(desc), d.lanes(), d.sb.String()))
}

// exchangesOf are the recorded exchanges; on a target without an edge, those
// that the browser saw.
func exchangesOf(e *evidence.Record) []evidence.Exchange {
	if len(e.Exchange) > 0 {
		return target.Stamped(e.Exchange)
	}
	idp, _ := url.Parse(e.Authentik.URL)
	var xs []evidence.Exchange
	for i, h := range e.Hops {
		x := evidence.Exchange{Seq: i + 1, Channel: evidence.Front, To: "paperless", Method: h.Method, URL: h.URL, Status: h.Status, Location: h.Location, Error: h.Error}
		if u, err := url.Parse(h.URL); err == nil && idp != nil && u.Host == idp.Host {
			x.To = "authentik"
		}
		xs = append(xs, x)
	}
	return target.Stamped(xs)
}

var (
	assetPath = lazyregexp.New(`^/(static|media|favicon|manifest|assets|ws)\b|\.(css|js|mjs|svg|png|ico|woff2?|json|webmanifest|txt)$`)
	assetType = lazyregexp.New(`^(text/css|image/|font/|text/javascript|application/javascript)`)
)

// asset reports whether an exchange is part of a page, not of the sign-in.
func asset(x *evidence.Exchange) bool {
	u, err := url.Parse(x.URL)
	if err != nil || x.Channel == evidence.Back || x.Status >= 400 {
		return false
	}
	return assetType.MatchString(x.Type) || assetPath.MatchString(u.Path)
}

func arrowsOf(e *evidence.Record, f *troubleshooting.Finding) []arrow {
	xs := exchangesOf(e)
	broken, shows := -1, oidc.Endpoint("")
	if f != nil {
		if i := troubleshooting.Find(f.Code); i != nil {
			shows = i.Shows
		}
		broken = brokenAt(xs, shows)
	}
	var out []arrow
	open := -1 // front exchange whose answer is drawn after what it asked for
	closeOpen := func() {
		if open < 0 {
			return
		}
		x := &xs[open]
		say, path := answerOf(x)
		out = append(out, arrow{from: laneOf(x.To), to: laneBrowser, caption: say, clause: answerClause(x), path: path, status: x.Status, err: x.Error, answer: true, broken: open == broken, times: 1})
		open = -1
	}
	for i := range xs {
		x := &xs[i]
		if asset(x) && i != broken {
			continue
		}
		a := arrow{from: laneBrowser, to: laneOf(x.To), caption: captionOf(x), clause: clauses[x.Endpoint], path: x.Method + " " + pathOf(x.URL), status: x.Status, err: x.Error, times: 1, broken: i == broken}
		if x.Channel == evidence.Back {
			a.from, a.back = lanePaperless, true
			out = append(out, a)
			continue
		}
		closeOpen()
		if i+1 < len(xs) && xs[i+1].Channel == evidence.Back {
			open = i
			a.status, a.err, a.broken = 0, "", false
			out = append(out, a)
			continue
		}
		if n := len(out); n > 0 && out[n-1].takes(&a) {
			out[n-1].times++
			continue
		}
		out = append(out, a)
	}
	if shows == oidc.Discovery && (broken < 0 || xs[broken].Channel != evidence.Back) {
		// The request never came as far as our edge: all that is known is who sent it.
		for i := range out {
			out[i].broken = false
		}
		out = append(out, arrow{from: lanePaperless, to: laneAuthentik, back: true, broken: true, lost: true, caption: "discovery, which never arrives", clause: clauses[oidc.Discovery], path: "GET …/.well-known/openid-configuration", times: 1})
	}
	closeOpen()
	if len(out) > maxArrows {
		cut := len(out) - maxArrows
		mid := maxArrows / 2
		gap := arrow{from: laneBrowser, to: laneBrowser, caption: Plural(cut, "more request"), times: 1}
		out = append(append(append([]arrow{}, out[:mid]...), gap), out[mid+cut:]...)
	}
	return out
}

// takes reports whether an arrow stands for another, too: the same request again,
// or a further request of authentik's flow, which answers a stage and asks for
// the next one.
func (a *arrow) takes(b *arrow) bool {
	switch {
	case a.broken || b.broken || a.answer || a.to != b.to:
		return false
	case a.caption == stages && b.caption == stages && b.status < 400 && b.err == "":
		a.status = b.status
		return true
	}
	return a.path == b.path && a.status == b.status
}

func laneOf(to string) int {
	if to == "authentik" {
		return laneAuthentik
	}
	return lanePaperless
}

// brokenAt is the exchange at which a cause shows: where its item says so, else the
// last answer that is an error. -1 when none does.
func brokenAt(xs []evidence.Exchange, shows oidc.Endpoint) int {
	last := func(fits func(*evidence.Exchange) bool) int {
		for i := len(xs) - 1; i >= 0; i-- {
			if fits(&xs[i]) {
				return i
			}
		}
		return -1
	}
	at := func(endpoint oidc.Endpoint) func(*evidence.Exchange) bool {
		return func(x *evidence.Exchange) bool { return endpoint != "" && x.Endpoint == endpoint }
	}
	bad := func(fits func(*evidence.Exchange) bool) func(*evidence.Exchange) bool {
		return func(x *evidence.Exchange) bool { return fits(x) && (x.Status >= 400 || x.Error != "") }
	}
	tries := []int{last(bad(at(shows))), last(at(shows))}
	if shows == oidc.SignUp { // where no form was met, what comes before it
		tries = append(tries, last(at(oidc.RedirectURI)))
	}
	tries = append(tries,
		last(bad(func(x *evidence.Exchange) bool { return x.Channel == evidence.Back })),
		last(bad(func(x *evidence.Exchange) bool { return !strings.Contains(x.URL, "/api/profile") })),
	)
	for _, i := range tries {
		if i >= 0 {
			return i
		}
	}
	return -1
}

func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	if u.Path == "" {
		return "/"
	}
	return u.Path
}

// stages is what is said of the requests in which the browser goes through a flow.
const stages = "goes through the stages"

// purposes are what the requests of a sign-in are for, by their endpoint.
var purposes = map[oidc.Endpoint]string{
	oidc.Discovery:     "reads the discovery document",
	oidc.Token:         "token request: exchanges the authorization code",
	oidc.Userinfo:      "asks who it is",
	oidc.JWKS:          "reads the signing keys",
	oidc.Authorization: "asks to sign in",
	oidc.EndSession:    "signs out at authentik",
	oidc.RedirectURI:   "comes back with the code",
	oidc.SignUp:        "sign-up form",
	oidc.Start:         "goes to the provider",
}

// clauses are where the standards say how the requests of a sign-in must be, by
// their endpoint.
var clauses = map[oidc.Endpoint]string{
	oidc.Discovery:     "OIDC Discovery 4.1",
	oidc.Authorization: "OIDC Core 3.1.2.1",
	oidc.RedirectURI:   "OIDC Core 3.1.2.5",
	oidc.Token:         "OIDC Core 3.1.3.1",
	oidc.Userinfo:      "OIDC Core 5.3.1",
	oidc.JWKS:          "OIDC Core 10.1.1",
	oidc.EndSession:    "OIDC RP-Initiated Logout 2",
}

// answerClause is where the standards say what an answer of Paperless must be: the
// one to the press of the button is the authorization request.
func answerClause(x *evidence.Exchange) string {
	if x.Endpoint == oidc.Start && x.Location != "" {
		return clauses[oidc.Authorization]
	}
	return ""
}

// captionOf says what a request is for.
func captionOf(x *evidence.Exchange) string {
	if x.Endpoint == oidc.Start && x.Method == http.MethodPost {
		return "presses the button"
	}
	if say, ok := purposes[x.Endpoint]; ok {
		return say
	}
	p := pathOf(x.URL)
	for _, c := range []struct{ part, say string }{
		{authentik.ExecutorPath, stages},
		{authentik.DefaultFlowPath, "goes to the sign-in flow"},
		{authentik.FlowPath, "opens the flow"},
		{paperless.SignUpPath, "sign-up form"},
		{"/login/cancelled/", "cancelled"},
		{"/login/error/", "sign-in error"},
		{paperless.LogoutPath, "signs out"},
		{paperless.LoginPath, "sign-in page"},
		{paperless.ProfilePath, "who is signed in?"},
		{paperless.UISettingsPath, "what may they do?"},
		{paperless.TokenPath, "password for a token"},
		{paperless.UsersPath, "ssocheck reads the accounts"},
		{paperless.DashboardPath, "the application"},
	} {
		if strings.Contains(p, c.part) {
			return c.say
		}
	}
	if p == "/" {
		return "the application"
	}
	return ""
}

// answerOf says what an answer does, and where it sends the browser.
func answerOf(x *evidence.Exchange) (caption, path string) {
	if x.Location == "" {
		return "answers", ""
	}
	u, err := url.Parse(x.Location)
	if err != nil {
		return "sends the browser on", ""
	}
	return "sends the browser on", "→ " + u.Host + cmp.Or(u.Path, "/")
}
