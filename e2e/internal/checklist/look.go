package checklist

import (
	"context"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
)

// ended records where a walk ended. What cannot be an ending that is well, a
// page of authentik that asks for nothing, is looked at now: verdict, evidence,
// document and screenshot are then of one moment.
func (w *walk) ended(ctx context.Context, e *ending) {
	w.p.Record.Final = &e.page
	w.p.Seen = nil
	if w.endsBadly(*e) {
		w.look(ctx, e)
	}
	if e.undrawn > 0 {
		note(w.p, "authentik's page at %s was not drawn within %v: it shows no text and no stage", pathOf(e.page.URL), e.undrawn)
	}
}

func (w *walk) endsBadly(e ending) bool {
	switch e.place {
	case atDenied, atFlowError, atIdPErr, atStage:
		return true
	case nowhere:
		return e.late && e.waiting == "" && w.sites.ofAuthentik(e.page)
	}
	return false
}

func (w *walk) look(ctx context.Context, e *ending) {
	seen, err := w.p.Session.Look(ctx)
	if err != nil {
		return // the runner looks, and says what it could not see
	}
	if w.sites.classify(seen.Page) != e.place {
		note(w.p, "the page changed after it was judged: the screenshot is of a later moment")
		return
	}
	if e.page = seen.Page; drawn(e.page) {
		e.undrawn = 0
	}
	w.p.Seen = &seen
	w.p.Record.Final = &seen.Page
}

// Look is the page where a check ended, with document and screenshot of the same
// moment: what the check saw when it judged, else what is there now. A page of
// authentik that is still being drawn gets a little time.
func Look(ctx context.Context, p *check.Pass) (browser.Look, error) {
	if p.Seen != nil && p.Record.Final == &p.Seen.Page {
		return *p.Seen, nil
	}
	sites := sitesOf(p.Bundle)
	until := time.Now().Add(lateLimit)
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		page, err := p.Session.Page(ctx)
		if err != nil || !sites.ofAuthentik(page) || drawn(page) || !time.Now().Before(until) {
			return p.Session.Look(ctx)
		}
		select {
		case <-ctx.Done():
			return browser.Look{}, context.Cause(ctx)
		case <-t.C:
		}
	}
}
