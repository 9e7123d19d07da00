package e2e_test

import (
	"testing"

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

// BenchmarkPlanted is every item planted once on 2.20.15 and diagnosed, one after
// another, in one browser.
func BenchmarkPlanted(b *testing.B) {
	rig := newRig(b)
	for b.Loop() {
		n := 0
		for _, item := range troubleshooting.All() {
			bundle, _, err := e2e.Bundle(e2e.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if item.Plant == nil || !item.Happens(bundle) {
				continue
			}
			item.Plant(bundle)
			if _, err := rig.run(b.Context(), bundle, item.BreaksAt("2.20.15").ID); err != nil {
				b.Fatal(item.Code, err)
			}
			n++
		}
		b.ReportMetric(float64(n), "items/op")
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N*max(1, n)), "s/item")
	}
}
