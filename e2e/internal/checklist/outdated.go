package checklist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// fillStage fills in a field of a stage of authentik.
func (w *walk) fillStage(ctx context.Context, name string, stage authentik.Stage, field, value string) error {
	sel := browser.Deep(stage, field)
	return w.secondReading(ctx, stage, field, func() error { return w.p.Session.Fill(ctx, name, sel, value, stepLimit) })
}

// pressStage presses what sends a stage of authentik.
func (w *walk) pressStage(ctx context.Context, name string, stage authentik.Stage) error {
	sel := browser.Deep(stage, authentik.Continue)
	return w.secondReading(ctx, stage, authentik.Continue, func() error { return w.p.Session.Click(ctx, name, sel, stepLimit) })
}

// secondReading does a step on a stage that the page shows. Where its element is
// not found, the page is read once more: an element that came late is used after
// all; a stage that stands there without it is one that the tester has never seen,
// which says nothing about the pair.
func (w *walk) secondReading(ctx context.Context, stage authentik.Stage, element string, do func() error) error {
	err := do()
	if err == nil || !errors.Is(err, browser.ErrLimit) || ctx.Err() != nil {
		return err
	}
	there, look := w.p.Session.Exists(ctx, browser.Deep(stage, element))
	if look != nil {
		return err
	}
	if there {
		return do()
	}
	page, look := w.p.Session.Page(ctx)
	if look != nil || !slices.Contains(page.Stages, stage) {
		return err
	}
	return &outdated{
		there: stage, product: "authentik", version: w.p.Target.Authentik.Version,
		element: element, seen: authentik.SelectorsSeen, err: err,
	}
}

// unknownSignIn reads Paperless's sign-in page once more where the local form or the
// provider's button is not found: one that stands there in a form that was never
// seen says nothing about the pair.
func (w *walk) unknownSignIn(ctx context.Context, page evidence.Page) error {
	if !page.LocalForm {
		if there := w.stands(ctx, browser.Deep(anyPassword)); there != "" {
			return w.outdatedPage(there, localUsername+" with "+localPassword, nil)
		}
	}
	starts := func(f evidence.Form) bool { return strings.Contains(f.Action, paperless.OIDCPath) }
	if w.app.ProviderID == "" || slices.ContainsFunc(page.Forms, starts) {
		return nil
	}
	if there := w.stands(ctx, startsAnotherWay(w.app.ProviderID, w.app.Name)...); there != "" {
		return w.outdatedPage(there, ssoForm(w.app.ProviderID), nil)
	}
	return nil
}

// reread reads a page of Paperless once more after a step whose element did not
// come within its limit: where one of around can be seen, which has the element on
// the versions that were seen, the tester is out of date. Else the error stays.
func (w *walk) reread(ctx context.Context, sel browser.Selector, err error, around ...browser.Selector) error {
	if !errors.Is(err, browser.ErrLimit) {
		return err
	}
	if there := w.stands(ctx, around...); there != "" {
		return w.outdatedPage(there, sel.String(), err)
	}
	return err
}

// notFound makes a verdict of such an element: what the pair lacks, unless the
// tester is out of date.
func (w *walk) notFound(ctx context.Context, what string, sel browser.Selector, err error, around ...browser.Selector) error {
	err = w.reread(ctx, sel, err, around...)
	var o *outdated
	if errors.As(err, &o) {
		return err
	}
	return lacking(what, err)
}

// stands is the first of these that can be seen now; "" when none can.
func (w *walk) stands(ctx context.Context, around ...browser.Selector) string {
	for _, sel := range around {
		if there, err := w.p.Session.Exists(ctx, sel); err == nil && there {
			return sel.String()
		}
	}
	return ""
}

func (w *walk) outdatedPage(there, element string, err error) error {
	return &outdated{
		there: there, product: "Paperless-ngx", version: w.p.Target.Paperless.Version,
		element: element, seen: paperlessSeen, err: err,
	}
}

// outdated says that the tester is out of date, not the pair.
type outdated struct {
	there            string // what the page shows
	product, version string
	element, seen    string // what it should have, and where that was seen
	err              error  // of the step; nil: the page was only read
}

// Error names the element, and where it was seen.
func (o *outdated) Error() string {
	product := "this " + o.product
	if o.version != "" {
		product = o.product + " " + o.version
	}
	text := fmt.Sprintf("%s is on the page of %s, but has no %s, which was %s: ssocheck may be out of date, nothing is said about the pair",
		o.there, product, o.element, o.seen)
	if o.err != nil {
		text += " (" + o.err.Error() + ")"
	}
	return text
}

func (o *outdated) Unwrap() error { return o.err }
