package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
)

// BenchmarkCommand is ssocheck run on the lab from process start to exit, with
// the processor time and the most memory of it and its browser (make bench builds it
// first).
func BenchmarkCommand(b *testing.B) {
	var peak int
	var spent float64
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), "../bin/ssocheck", "run")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			b.Fatalf("make build comes first: %v", err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		tick := time.NewTicker(200 * time.Millisecond) // adding up takes a few milliseconds itself
		used := 0.0
		for running := true; running; {
			select {
			case err := <-done:
				running = false
				if err != nil {
					b.Fatalf("%v: %s", err, out.String())
				}
			case <-tick.C:
				held, took := tree(cmd.Process.Pid)
				peak, used = max(peak, held), max(used, took)
			}
		}
		tick.Stop()
		spent += used
	}
	if peak > 0 {
		b.ReportMetric(float64(peak)/1024, "peak-MB")
		b.ReportMetric(spent/float64(b.N), "cpu-s")
	}
}

// tree is what a process and all below it hold, in KB, and what they and their
// children that ended took of the processor, in seconds. What is held is the
// proportional set size, so that shared pages count once. 0 where there is no /proc.
func tree(root int) (held int, took float64) {
	const perSecond = 100 // of Linux's clock ticks
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	parent, ticks := map[int]int{}, map[int]int{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it ended meanwhile
		}
		pid, _ := strconv.Atoi(strings.Fields(string(text))[0])
		if fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])); len(fields) > 14 {
			parent[pid], _ = strconv.Atoi(fields[1])
			for _, f := range fields[11:15] { // its own and its children's, user and system
				n, _ := strconv.Atoi(f)
				ticks[pid] += n
			}
		}
	}
	for pid := range parent {
		of := pid
		for of != root && of > 1 {
			of = parent[of]
		}
		if of != root {
			continue
		}
		took += float64(ticks[pid]) / perSecond
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				kb, _ := strconv.Atoi(strings.Fields(rest)[0])
				held += kb
			}
		}
	}
	return held, took
}

// BenchmarkOverhead is what a check costs over the browser steps that it makes:
// login-page against a profile, a visit and a look at the page by hand.
func BenchmarkOverhead(b *testing.B) {
	const times = 10
	rig := newRig(b)
	bundle, _, err := e2e.Deploy(e2e.Options{})
	if err != nil {
		b.Fatal(err)
	}
	pair, err := rig.start(b.Context(), bundle, "bare")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = pair.Close() }()
	chrome, _, err := rig.open(b.Context(), pair)
	if err != nil {
		b.Fatal(err)
	}
	bare := func() {
		s, err := chrome.Session(b.Context(), browser.SessionOptions{Header: pair.Header, Redactor: pair.Redactor})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		if err := s.Visit(b.Context(), "open", bundle.Paperless.URL+"/accounts/login/", 20*time.Second); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Page(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	whole := func() {
		run, err := rig.run(b.Context(), bundle, nil, "login-page")
		if err != nil || run.Results[0].Status != check.Passed {
			b.Fatal(err, run.Error)
		}
	}
	bare() // the first profile of a browser takes longer
	for b.Loop() {
		var steps, checked time.Duration
		for range times { // by turns, so that what else the machine does hits both
			began := time.Now()
			bare()
			steps += time.Since(began)
			began = time.Now()
			whole()
			checked += time.Since(began)
		}
		b.ReportMetric(steps.Seconds()*1000/times, "bare-ms")
		b.ReportMetric(checked.Seconds()*1000/times, "check-ms")
	}
}

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
	items := plantable(b)
	for b.Loop() {
		began := time.Now()
		if err := rig.plantAll(b.Context(), items); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(items)), "items/op")
		b.ReportMetric(time.Since(began).Seconds()/float64(max(1, len(items))), "s/item")
	}
}
