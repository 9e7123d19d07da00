package browser

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// Wait waits until an element can be seen.
func (s *Session) Wait(ctx context.Context, name string, sel Selector, limit time.Duration) error {
	return s.step(ctx, name, limit, sel.String(), func(ctx context.Context, d *doing) error {
		_, err := s.until(ctx, d, map[string]Condition{"": Visible(sel)}, false)
		return err
	})
}

// WaitAny waits until one of the conditions holds and tells which; of several
// the first by name. It judges the document that is current, across
// navigations, and never the old one while a new one is on its way. When the
// browser ends on an error page and no condition holds there, waiting on is
// useless: the error wraps a *LoadError.
func (s *Session) WaitAny(ctx context.Context, name string, limit time.Duration, cases map[string]Condition) (string, error) {
	var words []string
	for which, c := range cases {
		words = append(words, which+" ("+c.what+")")
	}
	slices.Sort(words)
	var which string
	err := s.step(ctx, name, limit, strings.Join(words, ", "), func(ctx context.Context, d *doing) (err error) {
		which, err = s.until(ctx, d, cases, false)
		return err
	})
	return which, err
}

// Settle waits until the document is loaded and nothing has moved for a moment:
// no navigation, no request of a script.
func (s *Session) Settle(ctx context.Context, limit time.Duration) error {
	const moment = 250 * time.Millisecond // authentik's page starts its requests well within it
	err := s.call(ctx, limit, func(ctx context.Context) error {
		return s.poll(ctx, func() (bool, error) {
			if s.rec.quiet() < moment {
				return false, nil
			}
			var p probe
			if err := s.probe(ctx, nil, &p); err != nil {
				return false, err
			}
			return p.Ready == "complete" && s.rec.quiet() >= moment, nil
		})
	})
	if err != nil {
		return s.stepError(&doing{Step: evidence.Step{Name: "wait until the page is at rest"}, problem: "it was not"}, limit, "", err)
	}
	return nil
}

// Exists reports whether an element can be seen on the current page.
func (s *Session) Exists(ctx context.Context, sel Selector) (bool, error) {
	return s.Holds(ctx, Visible(sel))
}

// Holds reports whether a condition holds on the current page.
func (s *Session) Holds(ctx context.Context, c Condition) (bool, error) {
	var p probe
	err := s.call(ctx, askLimit, func(ctx context.Context) error { return s.probe(ctx, []Condition{c}, &p) })
	if err != nil {
		return false, s.stepError(&doing{Step: evidence.Step{Name: "look for " + c.what}}, askLimit, "", err)
	}
	return c.holds(s.seen([]Condition{c}, p)), nil
}

// probe is the answer of probe.js.
type probe struct {
	URL   string   `json:"url"`
	Title string   `json:"title"`
	Ready string   `json:"ready"`
	Sels  []string `json:"sels"`
	Texts []bool   `json:"texts"`
}

func (s *Session) probe(ctx context.Context, conds []Condition, p *probe) error {
	sels, texts := []any{}, []string{}
	for _, c := range conds {
		for _, sel := range c.sels {
			sels = append(sels, sel.arg())
		}
		texts = append(texts, c.texts...)
	}
	return s.ask(ctx, probeJS, map[string]any{"sels": sels, "texts": texts}, p)
}

// seen puts the answers beside the questions.
func (s *Session) seen(conds []Condition, p probe) seen {
	now, broken := s.rec.current()
	out := seen{URL: p.URL, Title: p.Title, Status: now.status, sels: map[string]string{}, texts: map[string]bool{}}
	if broken {
		out.URL = now.url
	}
	var i, j int
	for _, c := range conds {
		for _, sel := range c.sels {
			out.sels[sel.key()] = p.Sels[i]
			i++
		}
		for _, text := range c.texts {
			out.texts[text] = p.Texts[j]
			j++
		}
	}
	return out
}

// until waits for one of the conditions. With parsed it also waits until the
// document is parsed.
func (s *Session) until(ctx context.Context, d *doing, cases map[string]Condition, parsed bool) (string, error) {
	names := make([]string, 0, len(cases))
	for name := range cases {
		names = append(names, name)
	}
	slices.Sort(names)
	conds := make([]Condition, 0, len(cases))
	for _, name := range names {
		conds = append(conds, cases[name])
	}
	var which string
	var whole time.Time // when all of a document was first seen to have come
	err := s.poll(ctx, func() (bool, error) {
		if _, yes := s.rec.replacing(); yes {
			return false, nil
		}
		before := s.Mark()
		var p probe
		if err := s.probe(ctx, conds, &p); err != nil {
			return false, err
		}
		if s.Mark() != before {
			return false, nil // it left while it answered
		}
		d.url, d.title = p.URL, p.Title
		if doc, _ := s.rec.current(); parsed && p.Ready == "loading" && !doc.cut { // one that was cut off stays so
			if doc.over && whole.IsZero() {
				whole = time.Now()
			}
			// A script that never comes holds the parser back for ever, and the user sees
			// the page all the same.
			if !doc.over || time.Since(whole) < s.patience {
				return false, nil
			}
		}
		now := s.seen(conds, p)
		for i, name := range names {
			if conds[i].holds(now) {
				which = name
				return true, nil
			}
		}
		d.problem = missing(conds, now)
		return false, s.load(ctx, d)
	})
	return which, err
}

// missing says what is wrong when no condition holds.
func missing(conds []Condition, now seen) string {
	if len(conds) != 1 {
		return "none of what was looked for appeared"
	}
	c := conds[0]
	if len(c.sels) == 1 && now.sels[c.sels[0].key()] == "hidden" {
		return c.sels[0].String() + " is there but cannot be seen"
	}
	return "no " + c.what
}

// load is the error of a page that could not be loaded; nil when the page is
// one. A page that the network's change took is asked for again.
func (s *Session) load(ctx context.Context, d *doing) error {
	if _, yes := s.rec.replacing(); yes {
		return nil
	}
	now, broken := s.rec.current()
	if !broken {
		return nil
	}
	if again, err := s.afresh(ctx, now); again || err != nil {
		return err
	}
	d.url = now.url
	return &LoadError{Code: now.err, URL: s.red.URL(now.url), Status: now.status}
}

// afresh asks again for a page that the network's change took. A page that was
// asked for with a code is not: a code counts once, and may have counted.
func (s *Session) afresh(ctx context.Context, lost doc) (bool, error) {
	if !s.rec.changed(lost.err) || lost.method != http.MethodGet || oneTime(lost.url) || !s.rec.again() {
		return false, nil
	}
	s.repeated(lost.url)
	_, err := s.navigate(ctx, lost.url)
	return true, err
}

// oneTime reports whether a URL is the answer of an authorization server.
func oneTime(raw string) bool {
	u, err := url.Parse(raw)
	return err != nil || u.Query().Has("state") && (u.Query().Has("code") || u.Query().Has("error"))
}
