package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// fetchSeconds is how long Paperless waits for authentik.
const fetchSeconds = 5

// inside is what is looked at from Paperless's container.
func (x *examiner) inside() paperless.Look {
	env := x.env.Env
	public, err := url.Parse(env["PAPERLESS_URL"])
	if err != nil || public.Host == "" {
		public = &url.URL{Scheme: "https", Host: "localhost"}
	}
	prefix := strings.TrimRight(env["PAPERLESS_FORCE_SCRIPT_NAME"], "/")
	l := paperless.Look{
		Page: "http://127.0.0.1:" + cmp.Or(env["PAPERLESS_PORT"], "8000") + prefix + paperless.LoginPath,
		Host: public.Host, Scheme: public.Scheme, Salt: x.salt, Seconds: fetchSeconds,
	}
	if app := x.app(); strings.Contains(app.ServerURL(), "://") {
		l.Discovery = app.DiscoveryURL(x.env.AtLeast("2.14.0"))
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, "PAPERLESS_") && strings.HasSuffix(name, "_FILE") && strings.HasPrefix(env[name], "/") {
			l.Files = append(l.Files, env[name])
		}
	}
	return l
}

// fromHere asks for the same document from this machine: the difference tells
// where a fault of the network lies.
func (x *examiner) fromHere(ctx context.Context) {
	app := x.app()
	if !strings.Contains(app.ServerURL(), "://") {
		return
	}
	address := app.DiscoveryURL(x.env.AtLeast("2.14.0"))
	p := evidence.Probe{Name: troubleshooting.ProbeHere, Method: http.MethodGet, URL: address}
	defer func() { x.tester = append(x.tester, p) }()
	client, err := x.client()
	if err != nil {
		p.Detail = err.Error()
		return
	}
	client.CheckRedirect = nil // Paperless follows them
	res, body, err := fetch(ctx, client, http.MethodGet, address, nil)
	if err != nil {
		p.Detail = plain(err)
		return
	}
	p.Status = res.StatusCode
	if res.StatusCode == http.StatusOK && !json.Valid(body) {
		p.Detail = "no JSON: " + res.Header.Get("Content-Type")
	}
}

// record is the evidence.
func (x *examiner) record(c *configuration, red *evidence.Redactor) evidence.Record {
	b, s := c.bundle, x.found.paperless.full.State
	rec := evidence.Record{
		Check: Check.ID, Stale: c.stale,
		Paperless: evidence.Product{Version: b.Paperless.Version, URL: b.Paperless.URL},
		Authentik: evidence.Product{Version: b.Authentik.Version, URL: b.Authentik.URL},
	}
	rec.Boot.Up = s.Running && !s.Restarting
	if x.seen != nil && x.seen.Page != nil {
		p := x.seen.Page
		// A container that keeps restarting looks as if it ran, most of the time.
		rec.Boot.Up = rec.Boot.Up && p.Status != 0
		if p.Status != 0 {
			rec.SignIn = signInPage(x.inside(), p, red)
		}
	} else if x.found.paperless.Restart > 0 {
		rec.Boot.Up = false
	}
	if !rec.Boot.Up {
		if !s.Running || s.Restarting {
			rec.Boot.Exit = &s.ExitCode
		}
		for _, line := range last(x.paperlog, bootLines) {
			rec.Boot.Log = append(rec.Boot.Log, red.Text(bare(line)))
		}
	}
	rec.Log = slices.Concat(slice("paperless", x.paperlog, tellsOfSignIn, red), slice("authentik", x.idplog, tellsOfClient, red), slice("authentik", x.worklog, tellsOfBlueprint, red))
	rec.Probes = append(x.probes(red), x.tester...)
	for i := range rec.Probes {
		p := &rec.Probes[i]
		p.URL, p.Detail = red.URL(p.URL), red.Text(p.Detail)
	}
	x.endpoints(&rec, red)
	return rec
}

// endpoints puts in what authentik's endpoints said.
func (x *examiner) endpoints(rec *evidence.Record, red *evidence.Redactor) {
	if x.asked == nil {
		return
	}
	if p := x.asked.authorize; p != nil {
		page := *p
		page.URL = red.URL(p.URL)
		rec.Final, rec.Hops = &page, []evidence.Hop{{Method: http.MethodGet, URL: page.URL, Status: p.Status}}
	}
	if x.asked.refused() {
		rec.Exchange = append(rec.Exchange, *x.asked.token)
	}
}

// bootLines are enough for a traceback and what s6 says after it.
const bootLines = 120

// sliceLines bounds what is kept of a log.
const sliceLines = 80

var (
	tellsOfSignIn    = lazyregexp.New(`^(?:\w+\.)+[A-Z]\w+: |paperless\.auth|Social authentication|allauth|socialaccount|Traceback|(?:Error|Exception): |Invalid HTTP_HOST|CSRF|Forbidden|\[(?:ERROR|CRITICAL)\]|^django\.`)
	tellsOfClient    = lazyregexp.New(`"logger": ?"authentik\.providers\.oauth2|"level": ?"error"|/application/o/(?:token|authorize|userinfo)|redirect_uri_no_match|Invalid client|authorize_application`)
	tellsOfBlueprint = lazyregexp.New(`(?i)blueprint.*(?:invalid|error)|entry invalid`)
)

// slice are the last lines of a log that tell of signing in.
func slice(source string, lines []string, tells *lazyregexp.Regexp, red *evidence.Redactor) []evidence.Line {
	var out []evidence.Line
	for _, line := range lines {
		if tells.MatchString(line) {
			out = append(out, evidence.Line{Source: source, Text: red.Text(clip(bare(line), 2000))})
		}
	}
	return last(out, sliceLines)
}

func last[T any](list []T, n int) []T { return list[max(0, len(list)-n):] }

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

var colours = lazyregexp.New("\x1b\\[[0-9;]*m")

// bare is a line without the colours of a terminal.
func bare(line string) string { return colours.ReplaceAllString(line, "") }

// signInPage is the page as Paperless gives it, without the way to it.
func signInPage(l paperless.Look, p *paperless.Opened, red *evidence.Redactor) *evidence.Page {
	u, _ := url.Parse(l.Page) // ours
	page := &evidence.Page{URL: l.Scheme + "://" + l.Host + u.Path, Status: p.Status}
	parsed := paperless.ParsePage(p.Body)
	page.Title, page.Text = red.Text(parsed.Title()), red.Text(clip(parsed.Text(), 1000))
	if b, ok := parsed.Button(); ok {
		page.Forms = append(page.Forms, evidence.Form{Method: "post", Action: b.Action, Buttons: []string{b.Name}})
	}
	page.LocalForm = parsed.HasInput("password")
	return page
}

// probes are what was seen from inside.
func (x *examiner) probes(red *evidence.Redactor) []evidence.Probe {
	if x.seen == nil || x.seen.Discovery == nil {
		return nil
	}
	d := x.seen.Discovery
	p := evidence.Probe{Name: troubleshooting.ProbeInside, Method: http.MethodGet, URL: red.URL(x.inside().Discovery), Status: d.Status}
	switch {
	case d.Status == 0:
		p.Detail = red.Text(d.Error)
	case d.Status == http.StatusOK && !d.JSON:
		p.Detail = "no JSON: " + d.Type
	case d.Status == http.StatusOK:
		if issuer, _ := d.Document["issuer"].(string); issuer != "" {
			p.Detail = "issuer " + red.URL(issuer)
		}
	}
	out := []evidence.Probe{p}
	if len(x.seen.Addresses) > 0 || x.seen.Resolve != "" {
		out = append(out, evidence.Probe{
			Name: troubleshooting.ProbeAddress, Method: "DNS", URL: hostOf(x.inside().Discovery),
			Detail: cmp.Or(strings.Join(x.seen.Addresses, " "), x.seen.Resolve),
		})
	}
	return out
}

var slugPath = lazyregexp.New(`/application/o/([^/]+)(?:/|$)`)

func slugOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if m := slugPath.FindStringSubmatch(u.Path); m != nil {
		return m[1]
	}
	return ""
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

var number = lazyregexp.New(`^v?(\d+\.\d+\.\d+)(?:[-+](?:beta|rc)?.*)?$`)

func plainVersion(s string) string {
	if m := number.FindStringSubmatch(strings.TrimSpace(s)); m != nil {
		return m[1]
	}
	return ""
}

// imageVersion is the version in the image's tag, else on its label; "" where
// neither says one.
func imageVersion(c *Container) string {
	image, _, _ := strings.Cut(c.Image, "@")
	if i := strings.LastIndexByte(image, ':'); i >= 0 {
		tag := image[i+1:]
		if _, v, ok := strings.Cut(tag, "-"); ok && plainVersion(v) != "" {
			tag = v
		}
		if v := plainVersion(tag); v != "" {
			return v
		}
	}
	return plainVersion(c.full.Config.Labels["org.opencontainers.image.version"])
}
