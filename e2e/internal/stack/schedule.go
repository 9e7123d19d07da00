package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// paperlessMemory is about what a Paperless takes.
const paperlessMemory = 700 << 20

// sideBySide is how many Paperless boot at a time: each keeps a core busy. What
// waits for authentik does not count. The engine's machine may be another one
// than this.
func sideBySide(cores int, memory int64) int {
	n := max(2, min(cores, 8))
	if memory > 0 {
		n = min(n, int((memory-serverMemory)/paperlessMemory))
	}
	return max(1, n)
}

// slot waits until a Paperless may boot, and returns what ends that.
func (s *Stack) slot(ctx context.Context) (func(), error) {
	select {
	case s.slots <- struct{}{}:
		return sync.OnceFunc(func() { <-s.slots }), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// quotaPeriod is over how long a quota counts, in microseconds: the engine's usual.
const quotaPeriod = 100_000

// resources are what a container may have of the processors.
func resources(shares, percent int64) container.Resources {
	r := container.Resources{CPUShares: shares}
	if percent > 0 {
		r.CPUPeriod, r.CPUQuota = quotaPeriod, quotaPeriod*percent/100
	}
	return r
}

// The shares of the processors that containers have where several want one: what
// all checks wait for goes first.
const (
	usualShare   = 1024
	variantShare = 64
	// workerQuota is for the worker of an authentik that has everything already, in
	// percent of one processor. It looks through all blueprints once more, which takes
	// a processor half a minute and PostgreSQL eight seconds, and no sign-in needs it.
	// A small share would not do: shares count among containers, and what they leave
	// it takes from the browser.
	workerQuota = 5
)

// whole gives a Paperless that is up its whole share: checks work on it from now on.
func (p *pair) whole(ctx context.Context) {
	if p.app.Shares == 0 {
		return
	}
	_, err := p.engine.cli.ContainerUpdate(ctx, p.app.id, client.ContainerUpdateOptions{Resources: &container.Resources{CPUShares: usualShare}})
	if err != nil { // it is slower, and right
		p.log.DebugContext(ctx, "give the whole share", "container", p.app.Name, "error", err)
	}
}

// Plan says what the next starts will be, before they begin: the variants of a
// configuration, in order. Those that can be are started from the first, which must
// be started: the others wait for it. It returns the plan in words, and what it is
// expected to take.
func (s *Stack) Plan(ctx context.Context, b *deployment.Deployment, variants []string) []string {
	s.mu.Lock()
	s.family = nil
	if len(variants) > 1 {
		s.family = &family{first: variants[0], done: make(chan struct{})}
	}
	s.mu.Unlock()
	images, err := s.imagesOf(b)
	if err != nil {
		return nil // the start says so
	}
	first := fmt.Sprintf("%s-%d", paperlessName, s.number(variants))
	text := "plan: authentik (server and worker) and " + first + " boot side by side"
	if len(variants) > 1 {
		text += fmt.Sprintf("; when %s is up, its web server is started once more for each of %s", first, strings.Join(variants[1:], ", "))
	}
	return []string{text, "expected: " + s.estimate(ctx, b, images, len(variants) > 1)}
}

// number gives the pairs of a plan their numbers, in its order, and returns the
// first: a name means the same in each run.
func (s *Stack) number(variants []string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers = map[string]int{}
	first := s.pairs + 1
	for _, name := range slices.Compact(slices.Clone(variants)) {
		s.pairs++
		s.numbers[name] = s.pairs
	}
	return first
}

// The kinds of boots.

const (
	bootCold  = "cold"   // on an empty database
	bootWarm  = "warm"   // on a database that was there before
	bootSetUp = "set up" // on one that has our blueprint, too
	bootAgain = "again"  // a web server once more
)

const (
	productPaperless = "paperless"
	productAuthentik = "authentik"
)

// A took is how long something took here when it was started last.
type took struct {
	Seconds float64   `json:"seconds"`
	At      time.Time `json:"at"`
}

// tookFile is what the cache knows of earlier starts.
const tookFile = "seconds.json"

func tookKey(product, image, how string) string { return product + " " + image + " " + how }

func readTook(dir string) map[string]took {
	all := map[string]took{}
	text, err := os.ReadFile(filepath.Join(dir, tookFile))
	if err != nil || json.Unmarshal(text, &all) != nil {
		return map[string]took{} // an estimate less, and no more
	}
	return all
}

// took remembers how long a start took, for the next estimate.
func (s *Stack) took(ctx context.Context, product, image, how string, seconds float64) {
	dir := s.cacheDir()
	id, err := s.imageID(ctx, image)
	if dir == "" || err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := readTook(dir)
	all[tookKey(product, id, how)] = took{seconds, time.Now().UTC()}
	text, err := json.MarshalIndent(all, "", "  ")
	if err == nil && os.MkdirAll(dir, 0o700) == nil {
		tmp := filepath.Join(dir, "."+tookFile+"-"+s.id)
		if os.WriteFile(tmp, text, 0o600) == nil {
			_ = os.Rename(tmp, filepath.Join(dir, tookFile)) // an estimate less, and no more
		}
	}
}

// expected is how long a start will take, as the last one did; false: not known.
func (s *Stack) expected(ctx context.Context, product, image, how string) (took, bool) {
	dir := s.cacheDir()
	if dir == "" {
		return took{}, false
	}
	id, err := s.imageID(ctx, image)
	if err != nil {
		return took{}, false
	}
	t, ok := readTook(dir)[tookKey(product, id, how)]
	return t, ok
}

// kind is how a product will boot.
func kind(from *seed) string {
	switch {
	case from == nil:
		return bootCold
	case from.setUp:
		return bootSetUp
	}
	return bootWarm
}

// estimate says in words what the plan takes, and where that comes from.
func (s *Stack) estimate(ctx context.Context, b *deployment.Deployment, images deployment.Images, more bool) string {
	pKind, aKind := kind(s.paperlessSeed(ctx, b, images)), kind(s.authentikSeed(ctx, b, images))
	p, okP := s.expected(ctx, productPaperless, images.PaperlessImage, pKind)
	a, okA := s.expected(ctx, productAuthentik, images.AuthentikImage, aKind)
	again, okAgain := s.expected(ctx, productPaperless, images.PaperlessImage, bootAgain)
	if !okP || !okA {
		if pKind == bootCold || aKind == bootCold {
			return "some minutes: these images were not started here before, and run all their migrations"
		}
		return "not known: these images were not started so on this machine before"
	}
	total := max(p.Seconds, a.Seconds)
	text := fmt.Sprintf("authentik %.0f s (%s), Paperless %.0f s (%s)", a.Seconds, aKind, p.Seconds, pKind)
	if more && okAgain {
		text += fmt.Sprintf(", each web server more %.0f s", again.Seconds)
	}
	last := a.At
	if p.At.After(last) {
		last = p.At
	}
	return fmt.Sprintf("%s: about %.0f s until the first check, as these images took when they were started here last (%s)", text, total, last.Local().Format("2006-01-02 15:04"))
}
