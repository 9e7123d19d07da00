package report

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
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
	parts := []string{plural(len(arrows), "arrow") + " between the browser, Paperless-ngx and authentik. The tables below hold the same in text."}
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
	assetPath = regexp.MustCompile(`^/(static|media|favicon|manifest|assets|ws)\b|\.(css|js|mjs|svg|png|ico|woff2?|json|webmanifest|txt)$`)
	assetType = regexp.MustCompile(`^(text/css|image/|font/|text/javascript|application/javascript)`)
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
		out = append(out, arrow{from: laneOf(x.To), to: laneBrowser, caption: say, path: path, status: x.Status, err: x.Error, answer: true, broken: open == broken, times: 1})
		open = -1
	}
	for i := range xs {
		x := &xs[i]
		if asset(x) && i != broken {
			continue
		}
		a := arrow{from: laneBrowser, to: laneOf(x.To), caption: captionOf(x), path: x.Method + " " + pathOf(x.URL), status: x.Status, err: x.Error, times: 1, broken: i == broken}
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
		out = append(out, arrow{from: lanePaperless, to: laneAuthentik, back: true, broken: true, lost: true, caption: "discovery, which never arrives", path: "GET …/.well-known/openid-configuration", times: 1})
	}
	closeOpen()
	if len(out) > maxArrows {
		cut := len(out) - maxArrows
		mid := maxArrows / 2
		gap := arrow{from: laneBrowser, to: laneBrowser, caption: plural(cut, "more request"), times: 1}
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

// The measures of the drawing, in CSS pixels.
const (
	svgWidth  = 980
	rowHeight = 44
	headRoom  = 52
	charWidth = 6.7 // of the 11 px monospaced face
)

var laneX = [3]int{120, 490, 860}

type drawing struct {
	sb strings.Builder
	y  int
}

func (d *drawing) text(x, y int, class, anchor, s string) {
	fmt.Fprintf(&d.sb, `<text x="%d" y="%d" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(s))
}

func (d *drawing) draw(arrows []arrow, f *troubleshooting.Finding) {
	d.y = headRoom
	for _, a := range arrows {
		switch a.from {
		case a.to:
			d.text(svgWidth/2, d.y+26, "muted", "middle", "⋯ "+a.caption+" ⋯")
		default:
			d.arrow(a)
		}
		d.y += rowHeight
		if a.broken && f != nil {
			d.y += 4 // the path under the arrow is not to touch the box
			d.callout(f)
		}
	}
	d.y += 12
}

func (d *drawing) arrow(a arrow) {
	x1, x2 := laneX[a.from], laneX[a.to]
	y := d.y + 24
	direction := 1
	if x2 < x1 {
		direction = -1
	}
	class := "front"
	if a.back {
		class = "back"
	}
	if a.answer {
		class += " answer"
	}
	if a.broken {
		class += " broken"
	}
	end := x2 - direction*2
	if a.lost {
		end = (x1 + x2) / 2
	}
	fmt.Fprintf(&d.sb, `<g class="arrow %s"><line x1="%d" y1="%d" x2="%d" y2="%d"/>`, class, x1, y, end, y)
	if a.lost {
		fmt.Fprintf(&d.sb, `<path d="M%d %dl14 14m0 -14l-14 14"/>`, end-1, y-7)
	} else {
		fmt.Fprintf(&d.sb, `<path class="head" d="M%d %dl%d -5v10z"/>`, end, y, -direction*9)
	}
	d.sb.WriteString(`</g>`)
	left, right := min(x1, x2), max(x1, x2)
	room := columns(right - left - 24)
	caption := a.caption
	if a.times > 1 {
		caption = strings.TrimSpace(fmt.Sprintf("%s ×%d", caption, a.times))
	}
	tx, anchor := left+12, "start"
	if a.answer {
		tx, anchor = right-12, "end"
	}
	if a.from == lanePaperless && a.to == laneAuthentik {
		tx = left + 16
	}
	if caption == "" {
		d.text(tx, y-6, "path", anchor, cut(a.path, room))
	} else {
		d.text(tx, y-6, "caption", anchor, cut(caption, room))
		d.text(tx, y+14, "path", anchor, cut(a.path, room))
	}
	d.status(a, y, x2, direction)
}

// status is the answer, as a pill at the arrow's head.
func (d *drawing) status(a arrow, y, x2, direction int) {
	label, class := "", "ok"
	switch {
	case a.lost:
		return
	case a.err != "":
		label, class = "no answer", "bad"
	case a.status == 0:
		return
	case a.status >= 400:
		label, class = strconv.Itoa(a.status), "bad"
	case a.status >= 300:
		label, class = strconv.Itoa(a.status), "redirect"
	default:
		label = strconv.Itoa(a.status)
	}
	w := int(float64(len(label))*charWidth) + 12
	x := x2 + 8
	if direction < 0 {
		x = x2 - 8 - w
	}
	fmt.Fprintf(&d.sb, `<g class="pill %s"><rect x="%d" y="%d" width="%d" height="18" rx="9"/><text x="%d" y="%d" text-anchor="middle">%s</text></g>`, class, x, y-9, w, x+w/2, y+4, label)
}

// callout stands under the arrow that broke: expected and seen.
func (d *drawing) callout(f *troubleshooting.Finding) {
	const left, pad, line = 60, 12, 17
	room := columns(svgWidth - 2*left - 2*pad)
	type row struct {
		label, value string
		part         *part
	}
	var rows []row
	fs := facts(f.Because)
	labels := labelWidth(fs)
	for _, x := range fs[:min(4, len(fs))] {
		space := room
		if labels > 0 {
			space -= labels + 2
		}
		for i, l := range breakHard(x.Value, space) {
			r := row{value: l}
			if i == 0 {
				r.label = x.Label
				if width(x.Value) <= space {
					r.part = x.Part
				}
			}
			rows = append(rows, r)
		}
	}
	height := 2*pad + line*(len(rows)+1)
	fmt.Fprintf(&d.sb, `<g class="callout"><rect x="%d" y="%d" width="%d" height="%d" rx="6"/>`, left, d.y, svgWidth-2*left, height)
	y := d.y + pad + 11
	d.text(left+pad, y, "say", "start", cut("It broke here: "+f.Code+", "+f.Title, room))
	value := left + pad
	if labels > 0 {
		value += int(float64(labels+2) * charWidth)
	}
	for _, r := range rows {
		y += line
		if r.label != "" {
			d.text(left+pad, y, "label", "start", r.label)
		}
		if r.part == nil {
			d.text(value, y, "value", "start", r.value)
			continue
		}
		before, in, after := r.part.cut(r.value)
		fmt.Fprintf(&d.sb, `<text x="%d" y="%d" class="value">%s<tspan class="mark">%s</tspan>%s</text>`,
			value, y, html.EscapeString(before), html.EscapeString(cmp.Or(in, missing)), html.EscapeString(after))
	}
	d.sb.WriteString(`</g>`)
	d.y += height + 10
}

// columns is how many characters fit into a width.
func columns(pixels int) int { return int(float64(pixels) / charWidth) }

// breakHard breaks a text to lines of at most n runes, at spaces where it can.
func breakHard(s string, n int) []string {
	var out []string
	for _, l := range wrap(s, n) {
		r := []rune(l)
		for len(r) > n {
			out = append(out, string(r[:n]))
			r = r[n:]
		}
		out = append(out, string(r))
	}
	return out
}

// lanes are drawn last, when the height is known, and placed first.
func (d *drawing) lanes() string {
	var sb strings.Builder
	for i, name := range []string{"Browser", "Paperless-ngx", "authentik"} {
		x := laneX[i]
		fmt.Fprintf(&sb, `<line class="lane" x1="%d" y1="34" x2="%d" y2="%d"/><g class="actor"><rect x="%d" y="6" width="136" height="28" rx="6"/><text x="%d" y="25" text-anchor="middle">%s</text></g>`, x, x, d.y-6, x-68, x, name)
	}
	return sb.String()
}
