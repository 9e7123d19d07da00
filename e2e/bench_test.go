package e2e_test

import (
	"errors"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/troubleshooting"
)

// BenchmarkChecklist is the whole checklist on the lab, browser start included.
func BenchmarkChecklist(b *testing.B) {
	for b.Loop() {
		run, err := e2e.Check(b.Context(), e2e.Options{})
		if err != nil || run.ExitCode() != 0 {
			b.Fatal(err, run.Error)
		}
	}
}

// BenchmarkPlanted is every item planted once on 2.20.15 and diagnosed, in one
// browser.
func BenchmarkPlanted(b *testing.B) {
	rig := newRig(b)
	for b.Loop() {
		var group errgroup.Group
		group.SetLimit(sideBySide)
		n := 0
		for _, item := range troubleshooting.All() {
			bundle, _, err := e2e.Bundle(e2e.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if item.Plant == nil || !item.Happens(bundle) {
				continue
			}
			n++
			group.Go(func() error {
				item.Plant(bundle)
				at := item.BreaksAt(bundle.Paperless.Version).ID
				run, err := rig.run(b.Context(), bundle, found(at), at)
				if err == nil && run.Error != "" {
					err = errors.New(run.Error)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n), "items/op")
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*max(1, n)), "s/item")
	}
}
