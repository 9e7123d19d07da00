package checklist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// Limits of the browser's steps. They are what a user would still wait for,
// not what a healthy pair needs: each page of the lab takes milliseconds, of a
// real pair on a busy machine seconds (docs/facts/authentik.md#5.4).
const (
	// visitLimit: Paperless's first page after start compiles its templates.
	visitLimit = 20 * time.Second
	// stepLimit: an element of a page that is already there.
	stepLimit = 10 * time.Second
	// pageLimit: the next page of the sign-in, counted from the last thing that
	// happened on the way there.
	pageLimit = 40 * time.Second
	// answerLimit: the answer to a request of the browser. Far above the 5 s that
	// Paperless gives each of discovery, token and userinfo, so that on the
	// busiest machine its own error page decides, not this limit.
	answerLimit = 90 * time.Second
	// pressLimit: a page that does not even ask for anything after a press did not
	// get the press.
	pressLimit = 10 * time.Second
	// drawLimit: scripts draw authentik's pages, within seconds on a busy machine
	// (docs/facts/authentik.md#5.5). A page that shows nothing after this long is judged as it
	// is, and the evidence says so.
	drawLimit = 15 * time.Second
	// lateLimit: what a page that is still being drawn gets after a check that did
	// not get as far as judging it. A real one takes less than a second.
	lateLimit = 3 * time.Second
	// restLimit: a sign-in page that redirects by JavaScript does so at once; one
	// that still stands after this long stays.
	restLimit = time.Second
	// stayLimit: how long a signed-out page is watched for a redirect. Paperless's
	// script redirects while the page is parsed, and the browser tells of a
	// navigation that is on its way, however long it takes.
	stayLimit = 400 * time.Millisecond
	// tick is how often the page is looked at.
	tick = 25 * time.Millisecond
	// callbackLimit: a sign-in has one callback. More are a loop.
	callbackLimit = 3
	// stageLimit: identification, password, consent, and one more of each.
	stageLimit = 6
	// networkChanged is Chromium's word for a machine whose interfaces changed, as
	// Docker's do.
	networkChanged = "net::ERR_NETWORK_CHANGED"
)

// A walk is one way through the sign-in in the browser.
type walk struct {
	p     *check.Pass
	sites sites
	app   deployment.App
	// mark is the number of hops before the walk began: a page from before it
	// must not be taken for its result.
	mark int
	// pressed is the press of the provider's button, until it is known where it led.
	pressed press
}

func newWalk(p *check.Pass) *walk {
	app, _ := p.Bundle.Paperless.App()
	return &walk{p: p, sites: sitesOf(p.Bundle), app: app, mark: p.Session.Mark()}
}

// begin forgets what was before the next step.
func (w *walk) begin() { w.mark = w.p.Session.Mark() }

func (w *walk) progress(step string) {
	if w.p.Progress != nil {
		w.p.Progress(step)
	}
}

// open visits one of Paperless's paths.
func (w *walk) open(ctx context.Context, name, path string) error {
	w.begin()
	return visited(w.p.Session.Visit(ctx, name, at(w.p, path), visitLimit))
}

// visited turns a page that the browser cannot load into a verdict.
func visited(err error) error {
	var load *browser.LoadError
	if errors.As(err, &load) {
		return check.Unmetf("the browser cannot open Paperless: %s", load.Code)
	}
	if errors.Is(err, browser.ErrLimit) {
		return check.Unmetf("Paperless does not answer: %s", err.Error())
	}
	return err
}

// current reports whether the page belongs to the last hop of this walk: between a
// response and its page the browser still shows the page before.
func (w *walk) current(page evidence.Page, pl place) bool {
	hops := w.p.Session.HopsSince(w.mark)
	if len(hops) == 0 {
		return false
	}
	last := hops[len(hops)-1]
	if pl == netError {
		return last.Error != ""
	}
	if last.Status == 0 || last.Status/100 == 3 || hostOf(last.URL) != hostOf(page.URL) {
		return false
	}
	// The app moves from / to /dashboard without a request.
	return pl == atApp || pathOf(last.URL) == pathOf(page.URL)
}

// arrive waits until the page stands at a place that counts: one of this walk,
// seen twice in a row, and accepted by done. The limit begins anew whenever the
// browser gets somewhere, and a request that has no answer yet has its own.
func (w *walk) arrive(ctx context.Context, name string, limit time.Duration, done func(place, evidence.Page) bool) (ending, error) {
	w.progress(name)
	t := time.NewTicker(tick)
	defer t.Stop()
	var last ending
	since := time.Now() // when the page that is there now was first seen, or the request was made
	for {
		page, waiting, err := w.p.Session.Arrived(ctx)
		within := limit
		switch {
		case errors.Is(err, browser.ErrCrashed):
			return last, err
		case waiting != "":
			if waiting != last.waiting {
				since = time.Now()
			}
			last.waiting, within = waiting, answerLimit
		case err == nil:
			pl := w.sites.classify(page)
			same := last.waiting == "" && pl == last.place && page.URL == last.page.URL && page.Title == last.page.Title && slices.Equal(page.Stages, last.page.Stages)
			if !same {
				since = time.Now()
			}
			still := page.Text == last.page.Text
			last.place, last.page, last.waiting = pl, page, ""
			if pl == netError && strings.Contains(page.Text, networkChanged) {
				// The browser has asked again where that is safe. It is no verdict on the pair.
				return last, fmt.Errorf("%s while %s%s was loading: an interface of this machine came or went; run it again", networkChanged, hostOf(page.URL), pathOf(page.URL))
			}
			if same && pl != nowhere && w.current(page, pl) && time.Since(since) >= w.rest(pl, page, still) && done(pl, page) {
				if pl.authentik() && !drawn(page) {
					last.undrawn = drawLimit
				}
				return last, nil
			}
		}
		if n := w.callbacks(); n > callbackLimit {
			return last, check.Unmetf("the sign-in loops: %d callbacks", n)
		}
		if time.Since(since) >= within {
			last.late = true
			if waiting != "" {
				last.place = nowhere // the page before is not where it ended
			} else if w.sites.ofAuthentik(last.page) && !drawn(last.page) {
				last.undrawn = within
			}
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, context.Cause(ctx)
		case <-t.C:
		}
	}
}

// rest is how long a place must stand before it counts; still reports whether its
// text was the same the last time.
func (w *walk) rest(pl place, page evidence.Page, still bool) time.Duration {
	switch {
	case pl.authentik() && !drawn(page):
		return drawLimit
	case pl.authentik() && !still:
		return restLimit // it is being drawn; a text that moves for ever counts too
	case page.Parsing || page.Text == "" && pl != nowhere && pl != atApp && page.Status < 400:
		return drawLimit // its document is there, and what it says is still on its way
	}
	if pl == atLogin && wants(w.p.Bundle, deployment.RedirectToSSO) && !strings.Contains(page.URL, "loggedout=1") {
		return restLimit
	}
	return 0
}

func (w *walk) callbacks() int {
	n := 0
	for _, h := range w.p.Session.HopsSince(w.mark) {
		if strings.HasSuffix(pathOf(h.URL), paperless.CallbackPath(w.app.ProviderID)) {
			n++
		}
	}
	return n
}

// signInPage opens the sign-in page so that it stays, records it, and returns
// it. ?loggedout=1 keeps it from going to authentik by itself.
func (w *walk) signInPage(ctx context.Context) (evidence.Page, error) {
	if err := w.open(ctx, "open the sign-in page", paperless.LoggedOutPath); err != nil {
		return evidence.Page{}, err
	}
	e, err := w.arrive(ctx, "wait for the sign-in page", pageLimit, func(place, evidence.Page) bool { return true })
	if err != nil {
		return e.page, err
	}
	w.ended(ctx, &e)
	w.p.Record.SignIn = &e.page
	if e.place != atLogin || e.page.Status != 200 {
		return e.page, check.Unmetf("the sign-in page does not show: %s", e)
	}
	return e.page, w.unknownSignIn(ctx, e.page)
}

// press presses the provider's button on the sign-in page.
func (w *walk) press(ctx context.Context) error {
	page, err := w.signInPage(ctx)
	if err != nil {
		return err
	}
	if len(providerForms(page, w.app.ProviderID)) == 0 {
		return check.Unmetf("the sign-in page has no button for the provider %q", w.app.ProviderID)
	}
	w.begin()
	w.pressed = press{name: "press the button " + short(w.app.Name), sel: ssoButton(w.app.ProviderID), asked: w.p.Session.Asked()}
	return w.p.Session.Click(ctx, w.pressed.name, w.pressed.sel, stepLimit)
}

// providerForms are the forms of the page that start this provider's sign-in.
func providerForms(page evidence.Page, id string) []evidence.Form {
	var forms []evidence.Form
	for _, f := range page.Forms {
		if id != "" && strings.Contains(f.Action, paperless.StartPath(id)) {
			forms = append(forms, f)
		}
	}
	return forms
}

// authenticate goes through authentik as a user, from wherever the browser
// stands, until it ends somewhere else. It records the final page.
func (w *walk) authenticate(ctx context.Context, who deployment.AuthentikUser) (ending, error) {
	e, err := w.stages(ctx, who)
	e.user = who.Username
	w.ended(ctx, &e)
	if err == nil && e.place == atMFA {
		return e, errors.New(e.String()) // the tester's limit, not the products' fault
	}
	return e, err
}

// A press is the last answer to a stage, or that of the provider's button.
type press struct {
	name  string
	sel   browser.Selector
	asked int  // Session.Asked before it
	again bool // it was repeated, or need not be
}

func (w *walk) stages(ctx context.Context, who deployment.AuthentikUser) (ending, error) {
	var acted place // the stage that was answered last: it stays until authentik replied
	s := w.p.Session
	last := w.pressed
	w.pressed = press{}
	for range stageLimit {
		limit := pageLimit
		if last.name != "" && !last.again {
			limit = pressLimit
		}
		e, err := w.arrive(ctx, "wait for the next page", limit, func(pl place, page evidence.Page) bool {
			return pl != acted || strings.Contains(page.Text, "Invalid")
		})
		if err == nil && e.late && e.waiting == "" && limit == pressLimit {
			last.again = true
			if s.Asked() == last.asked {
				// The press did not reach the page, and authentik was not asked, so this
				// decides nothing about it.
				s.Note("pressed again: the page asked for nothing after \"" + last.name + "\"")
				err = s.Click(ctx, last.name, last.sel, stepLimit)
			}
			if err == nil {
				continue
			}
		}
		if err != nil || e.late || e.place == acted {
			return e, err
		}
		last = press{asked: s.Asked()}
		var stage authentik.Stage
		switch e.place {
		case atIdentify:
			if who.Username == "" {
				return e, nil // nobody was given to go on
			}
			if err := w.fillStage(ctx, "fill in the user name", authentik.Identification, authentik.UserInput, who.Username); err != nil {
				return e, err
			}
			// Some flows ask for both on one page (docs/facts/authentik.md#5.1).
			secret := browser.Deep(authentik.Identification, authentik.PasswordInput)
			if both, err := s.Exists(ctx, secret); err != nil {
				return e, err
			} else if both {
				if err := s.Fill(ctx, "fill in the password", secret, who.Password, stepLimit); err != nil {
					return e, err
				}
			}
			last.name, stage = "send the user name", authentik.Identification
		case atPassword:
			if err := w.fillStage(ctx, "fill in the password", authentik.Password, authentik.PasswordInput, who.Password); err != nil {
				return e, err
			}
			last.name, stage = "send the password", authentik.Password
		case atConsent:
			last.name, stage = "consent", authentik.Consent
		default:
			return e, nil
		}
		last.sel = browser.Deep(stage, authentik.Continue)
		if err := w.pressStage(ctx, last.name, stage); err != nil {
			return e, err
		}
		acted = e.place
	}
	return ending{}, check.Unmetf("authentik asks again and again")
}

// viaButton signs a user in through the button.
func (w *walk) viaButton(ctx context.Context, who deployment.AuthentikUser) (ending, error) {
	if err := w.press(ctx); err != nil {
		return ending{}, err
	}
	return w.authenticate(ctx, who)
}

// finish submits Paperless's sign-up form as a user would, the prefilled
// values left as they are.
func (w *walk) finish(ctx context.Context, who deployment.AuthentikUser) (ending, error) {
	s := w.p.Session
	name, err := s.Eval(ctx, `document.querySelector("`+signupName+`")?.value ?? ""`)
	if err != nil {
		return ending{}, err
	}
	if string(name) == `""` {
		if err := s.Fill(ctx, "fill in the sign-up form's user name", browser.CSS(signupName), who.Username, stepLimit); err != nil {
			return ending{}, w.reread(ctx, browser.CSS(signupName), err, browser.CSS(anyForm))
		}
	}
	w.begin()
	if err := s.Click(ctx, "send the sign-up form", browser.CSS(signupSubmit), stepLimit); err != nil {
		return ending{}, w.reread(ctx, browser.CSS(signupSubmit), err, browser.CSS(anyForm))
	}
	e, err := w.arrive(ctx, "wait for the account", pageLimit, func(place, evidence.Page) bool { return true })
	e.user = who.Username
	w.ended(ctx, &e)
	return e, err
}

// enter signs a user in through the button and, where Paperless asks, its
// sign-up form. The error is a skip where nobody can get an account; else it
// says where the sign-in stopped.
func (w *walk) enter(ctx context.Context, who deployment.AuthentikUser) (*evidence.Session, error) {
	e, err := w.viaButton(ctx, who)
	if err != nil {
		return nil, err
	}
	return w.entered(ctx, e, who)
}

func (w *walk) entered(ctx context.Context, e ending, who deployment.AuthentikUser) (*evidence.Session, error) {
	switch e.place {
	case atClosed:
		return nil, check.Skipf("sign-up is closed and %s has no account", who.Username)
	case atSignup:
		if !w.p.Target.Changes {
			return nil, check.Skipf("%s has no account, and changes are not allowed on this target", who.Username)
		}
		var err error
		if e, err = w.finish(ctx, who); err != nil {
			return nil, err
		}
	}
	if e.place != atApp {
		return nil, check.Unmetf("%s", e)
	}
	return w.proven(ctx)
}

// proven asks Paperless whether the browser is signed in.
func (w *walk) proven(ctx context.Context) (*evidence.Session, error) {
	s, err := signedIn(ctx, w.p)
	if err != nil {
		return nil, err
	}
	if !s.SignedIn() {
		return s, check.Unmetf("the browser is back in Paperless, but /api/profile/ answers %d: nobody is signed in", s.Profile)
	}
	return s, nil
}

// local signs in with a user name and password of Paperless.
func (w *walk) local(ctx context.Context, u deployment.LocalUser) error {
	page, err := w.signInPage(ctx)
	if err != nil {
		return err
	}
	if !page.LocalForm {
		return check.Unmetf("the sign-in page has no form for a user name and password")
	}
	s := w.p.Session
	if err := s.Fill(ctx, "fill in the local user name", browser.CSS(localUsername), u.Username, stepLimit); err != nil {
		return err
	}
	if err := s.Fill(ctx, "fill in the local password", browser.CSS(localPassword), u.Password, stepLimit); err != nil {
		return err
	}
	w.begin()
	if err := s.Click(ctx, "sign in locally", browser.CSS(localSubmit), stepLimit); err != nil {
		return w.reread(ctx, browser.CSS(localSubmit), err, browser.CSS(anyForm))
	}
	e, err := w.arrive(ctx, "wait for Paperless", pageLimit, func(place, evidence.Page) bool { return true })
	if err != nil {
		return err
	}
	w.ended(ctx, &e)
	if e.place != atApp {
		return check.Unmetf("the local user %s cannot sign in: %s", u.Username, e)
	}
	return nil
}

// signOut signs out at Paperless and returns where the browser comes to rest.
func (w *walk) signOut(ctx context.Context) (ending, error) {
	if err := w.open(ctx, "sign out", paperless.LogoutPath); err != nil {
		return ending{}, err
	}
	e, err := w.arrive(ctx, "wait for the signed-out page", pageLimit, func(place, evidence.Page) bool { return true })
	w.ended(ctx, &e)
	return e, err
}

// sameEmail compares as mail systems do.
func sameEmail(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

// hasScope reports whether authentik gives this claim's scope to Paperless.
func hasScope(b *deployment.Deployment, scope string) bool {
	provider := b.IdPProvider()
	return provider == nil || slices.Contains(provider.Scopes, scope)
}

// watch looks at the page for a while and returns where it stands in the end.
func (w *walk) watch(ctx context.Context, name string, d time.Duration) (ending, error) {
	began := time.Now()
	e, err := w.arrive(ctx, name, d+pageLimit, func(place, evidence.Page) bool { return time.Since(began) >= d })
	if err != nil {
		return e, fmt.Errorf("%s: %w", name, err)
	}
	return e, nil
}
