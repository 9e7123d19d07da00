package checklist

import (
	"context"
	"errors"
	"fmt"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
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
	if look != nil || !stands(page.Stages, stage) {
		return err
	}
	return &outdated{stage: stage, element: element, version: w.p.Target.Authentik.Version, err: err}
}

func stands(stages []authentik.Stage, stage authentik.Stage) bool {
	for _, s := range stages {
		if s == stage {
			return true
		}
	}
	return false
}

// outdated says that the tester is out of date, not the pair.
type outdated struct {
	stage, element, version string
	err                     error
}

// Error names the element, and where it was seen.
func (o *outdated) Error() string {
	version := "this authentik"
	if o.version != "" {
		version = "authentik " + o.version
	}
	return fmt.Sprintf("%s is on the page of %s, but has no %s, which was %s: ssocheck may be out of date, nothing is said about the pair (%s)",
		o.stage, version, o.element, authentik.SelectorsSeen, o.err)
}

func (o *outdated) Unwrap() error { return o.err }
