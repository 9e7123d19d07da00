package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// patience is how long the evidence of a page waits for a navigation that is
// under way: longer than a product that works needs, shorter than askLimit.
const patience = 5 * time.Second

// URL is where the browser stands, as it is: codes and states included, so it
// must not be recorded as it is. It waits for a navigation that is under way,
// but not for ever. After a load that failed it is what was asked for.
func (s *Session) URL(ctx context.Context) (string, error) {
	var url string
	err := s.call(ctx, askLimit, func(ctx context.Context) error {
		until := time.Now().Add(s.patience)
		return s.poll(ctx, func() (bool, error) {
			if _, yes := s.rec.replacing(); yes && time.Now().Before(until) {
				return false, nil
			}
			now, _ := s.rec.current()
			url = now.url
			return true, nil
		})
	})
	if err != nil {
		return "", fmt.Errorf("read the URL: %w", err)
	}
	return url, nil
}

// Page is the page as it looks now. A page that could not be loaded has no
// title, and the name of the error as its text. A navigation that is under way
// for long is stopped.
func (s *Session) Page(ctx context.Context) (evidence.Page, error) {
	return s.page(ctx, s.insist)
}

// Arrived is Page for somebody who waits for the next one: it never stops a
// navigation. While one is under way there is no page, and waiting says what
// the browser waits for.
func (s *Session) Arrived(ctx context.Context) (p evidence.Page, waiting string, err error) {
	if what, yes := s.rec.replacing(); yes {
		return p, what, nil
	}
	if now, broken := s.rec.current(); broken {
		var again bool
		err := s.call(ctx, askLimit, func(ctx context.Context) (err error) {
			again, err = s.afresh(ctx, now)
			return err
		})
		if again {
			return p, now.method + " " + s.red.URL(now.url), err
		}
	}
	p, err = s.page(ctx, s.ask)
	if what, yes := s.rec.replacing(); yes && errors.Is(err, ErrLimit) {
		return p, what, nil // it left while it was asked
	}
	return p, "", err
}

func (s *Session) page(ctx context.Context, ask func(ctx context.Context, function string, arg, into any) error) (evidence.Page, error) {
	var p seenPage
	err := s.call(ctx, askLimit, func(ctx context.Context) error { return ask(ctx, pageJS, nil, &p) })
	if err != nil {
		return evidence.Page{}, fmt.Errorf("read the page: %w", err)
	}
	return s.told(p), nil
}

// seenPage is the answer of page.js.
type seenPage struct {
	evidence.Page

	Parsing bool `json:"parsing"`
}

// told is what a page said, redacted, with what only the browser knows of it.
func (s *Session) told(seen seenPage) evidence.Page {
	p := seen.Page
	now, broken := s.rec.current()
	p.Parsing = seen.Parsing && !now.cut
	if broken {
		p = evidence.Page{URL: now.url}
		if now.status == 0 {
			p.Text = now.err
		}
	}
	p.URL = s.red.URL(p.URL)
	p.Status = now.status
	p.Title = s.red.Text(p.Title)
	p.Text = cut(s.red.Text(p.Text), maxText)
	for i := range p.Forms {
		f := &p.Forms[i]
		f.Action = s.red.URL(f.Action)
		for j := range f.Buttons {
			f.Buttons[j] = s.red.Text(f.Buttons[j])
		}
	}
	return p
}

// urlAttr finds attributes of serialised HTML that hold a URL with a query.
var urlAttr = regexp.MustCompile(`(\s(?:href|src|action|value|content)=")([^"]*\?[^"]*)(")`)

// DOM is the document as HTML, open shadow roots as templates with
// shadowrootmode, redacted. Values of password inputs are never in it.
func (s *Session) DOM(ctx context.Context) (string, error) {
	var text string
	err := s.call(ctx, askLimit, func(ctx context.Context) error { return s.insist(ctx, serializeJS, secretInputs(), &text) })
	if err != nil {
		return "", fmt.Errorf("read the document: %w", err)
	}
	return s.document(text), nil
}

// secretInputs tells serialize.js whose values to leave out.
func secretInputs() map[string]any {
	return map[string]any{"secret": []string{"csrfmiddlewaretoken", "password", "login_password", "code", "state", "token", "otp", "secret"}}
}

// document is serialised HTML, redacted.
func (s *Session) document(text string) string {
	text = urlAttr.ReplaceAllStringFunc(text, func(m string) string {
		g := urlAttr.FindStringSubmatch(m)
		return g[1] + html.EscapeString(s.red.URL(html.UnescapeString(g[2]))) + g[3]
	})
	return s.red.Text(text)
}

// Screenshot is what the page looks like now, as PNG.
func (s *Session) Screenshot(ctx context.Context) ([]byte, error) {
	var png []byte
	err := s.call(ctx, shotLimit, func(ctx context.Context) error {
		return s.poll(ctx, func() (bool, error) {
			res, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng, OptimizeForSpeed: new(true)})
			if passing(err) {
				return false, nil
			}
			png = res.Data
			return true, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("screenshot: %w", err)
	}
	return png, nil
}

// Eval evaluates an expression in the page and returns its value as JSON; a
// promise is waited for. The value is not redacted.
func (s *Session) Eval(ctx context.Context, js string) (json.RawMessage, error) {
	var raw json.RawMessage
	s.sight = sight{} // it may change the page
	err := s.call(ctx, askLimit, func(ctx context.Context) (err error) {
		raw, err = s.eval(ctx, js, true)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return raw, nil
}

// Cookies are the cookies of the profile without their values.
func (s *Session) Cookies(ctx context.Context) ([]evidence.Cookie, error) {
	var out []evidence.Cookie
	err := s.call(ctx, askLimit, func(ctx context.Context) error {
		res, err := chromedp.CallBrowser(ctx, storage.GetCookies, storage.GetCookiesParams{BrowserContextID: s.profile()})
		for _, c := range res.Cookies {
			out = append(out, evidence.Cookie{
				Name: c.Name, Domain: c.Domain, Path: c.Path, Secure: c.Secure, HTTPOnly: c.HTTPOnly,
				SameSite: string(c.SameSite), Print: s.red.Print(c.Value),
			})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read cookies: %w", err)
	}
	return out, nil
}

// CookiesFor are the cookies that a request to this URL carries, values
// included: for an HTTP client, never for a record.
func (s *Session) CookiesFor(ctx context.Context, url string) ([]*http.Cookie, error) {
	var out []*http.Cookie
	err := s.call(ctx, askLimit, func(ctx context.Context) error {
		res, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
		for _, c := range res.Cookies {
			out = append(out, &http.Cookie{
				Name: c.Name, Value: c.Value, Domain: c.Domain, Path: c.Path, Secure: c.Secure, HttpOnly: c.HTTPOnly,
				SameSite: map[network.CookieSameSite]http.SameSite{
					network.CookieSameSiteStrict: http.SameSiteStrictMode,
					network.CookieSameSiteLax:    http.SameSiteLaxMode,
					network.CookieSameSiteNone:   http.SameSiteNoneMode,
				}[c.SameSite],
			})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read cookies: %w", err)
	}
	return out, nil
}

// Cookie is one of CookiesFor; the error wraps http.ErrNoCookie when the
// profile has none of this name.
func (s *Session) Cookie(ctx context.Context, url, name string) (*http.Cookie, error) {
	all, err := s.CookiesFor(ctx, url)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("cookie %s: %w", name, http.ErrNoCookie)
}

// SetCookie puts a cookie into the profile for this URL.
func (s *Session) SetCookie(ctx context.Context, url string, c *http.Cookie) error {
	err := s.call(ctx, askLimit, func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{
			Name: c.Name, Value: c.Value, URL: url, Domain: c.Domain, Path: c.Path,
			Secure: &c.Secure, HTTPOnly: &c.HttpOnly,
			SameSite: map[http.SameSite]network.CookieSameSite{
				http.SameSiteStrictMode: network.CookieSameSiteStrict,
				http.SameSiteLaxMode:    network.CookieSameSiteLax,
				http.SameSiteNoneMode:   network.CookieSameSiteNone,
			}[c.SameSite],
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("set cookie %s: %w", c.Name, err)
	}
	return nil
}

// ClearCookies forgets every cookie of the profile.
func (s *Session) ClearCookies(ctx context.Context) error {
	err := s.call(ctx, askLimit, func(ctx context.Context) error {
		_, err := chromedp.CallBrowser(ctx, storage.ClearCookies, storage.ClearCookiesParams{BrowserContextID: s.profile()})
		return err
	})
	if err != nil {
		return fmt.Errorf("clear cookies: %w", err)
	}
	return nil
}

func (s *Session) profile() cdp.BrowserContextID {
	return chromedp.FromContext(s.ctx).BrowserContextID
}
