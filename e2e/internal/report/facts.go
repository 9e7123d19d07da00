package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A fact is one line of what a finding rests on. "registered: https://…" has a
// label and a value; any other line is a value without a label.
type fact struct {
	Label, Value string
	// Differs is set on the second of two values that are nearly equal: the
	// part of each that the other does not have.
	Differs *difference
	// Part is set on both of two such values: what the other does not have.
	Part *part
}

// A part of a text, in runes. Empty: something is missing there.
type part struct{ At, Len int }

// cut is the text before, in and after the part.
func (p *part) cut(s string) (before, in, after string) {
	r := []rune(s)
	at := min(p.At, len(r))
	end := min(at+p.Len, len(r))
	return string(r[:at]), string(r[at:end]), string(r[end:])
}

// A difference is where two texts part: both begin with Same runes that are
// equal; Old and New are what stands between that and their equal ends.
type difference struct {
	Same     int
	Old, New string
	Before   string // the end of what is equal before it, to find the place
}

// longestLabel is how many runes a label has at most: longer ones are sentences.
const longestLabel = 31

var labelled = lazyregexp.New(`^([\p{L}][\p{L}\p{N} _./()'’-]*?):\s+(\S.*)$`)

// alike is how much of two values must be the same, in percent of the longer one,
// before marking their difference helps a reader more than it distracts.
const alike = 60

func facts(because []string) []fact {
	out := make([]fact, 0, len(because))
	for _, line := range because {
		f := fact{Value: line}
		if g := labelled.FindStringSubmatch(line); g != nil && !strings.Contains(line, "\n") && utf8.RuneCountInString(g[1]) <= longestLabel {
			f.Label, f.Value = g[1], g[2]
		}
		if n := len(out); n > 0 && f.Label != "" && out[n-1].Label != "" && out[n-1].Differs == nil {
			if d := differ(out[n-1].Value, f.Value); d != nil {
				f.Differs = d
				f.Part = &part{d.Same, utf8.RuneCountInString(d.New)}
				out[n-1].Part = &part{d.Same, utf8.RuneCountInString(d.Old)}
			}
		}
		out = append(out, f)
	}
	return out
}

// differ is nil when the texts are equal or have too little in common: two
// sentences that begin alike are no two values of which one is mistyped. Nor are
// texts that begin otherwise: a caret under the first letter points at nothing.
func differ(old, new string) *difference {
	a, b := []rune(old), []rune(new)
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	if same == 0 || (same == len(a) && same == len(b)) {
		return nil
	}
	end := 0
	for end < len(a)-same && end < len(b)-same && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	if 100*(same+end) < alike*max(len(a), len(b)) {
		return nil
	}
	return &difference{
		Same: same, Old: string(a[same : len(a)-end]), New: string(b[same : len(b)-end]),
		Before: string(a[max(0, same-12):same]),
	}
}

// labelWidth is the width of the widest label.
func labelWidth(fs []fact) int {
	w := 0
	for _, f := range fs {
		w = max(w, utf8.RuneCountInString(f.Label))
	}
	return w
}

// guideItem names the item of the guide that a finding belongs to; "" for none.
func guideItem(f *troubleshooting.Finding) string {
	if line := guideLine(f); line != "" {
		return "guide: " + line
	}
	return ""
}

// guideLine is guideItem without the word guide.
func guideLine(f *troubleshooting.Finding) string {
	if f.Guide == 0 {
		return ""
	}
	return fmt.Sprintf("troubleshooting %d", f.Guide)
}

// verdict is the last word: one line for users. Together with rest it counts
// every check once.
func (r *Report) verdict() string {
	failed, total := r.count(check.Failed), len(r.Checks)
	switch {
	case r.Result == runner.Pass:
		return r.met()
	case r.Result == runner.Fail && failed > 0:
		return fmt.Sprintf("%d of %s failed", failed, Plural(total, "check"))
	case r.Result == runner.Fail:
		return "No check failed, but the configuration has an error"
	case r.Why != "":
		return upper(r.Why)
	}
	return "The tester could not do its work"
}

// upper begins a sentence.
func upper(s string) string {
	if s == "" || strings.HasPrefix(s, "authentik") { // its name has no capital
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// met counts what passed, with a warning or without.
func (r *Report) met() string {
	warned, total := r.count(check.Warned), len(r.Checks)
	met := r.count(check.Passed) + warned
	text := fmt.Sprintf("%d of %s passed", met, Plural(total, "check"))
	switch {
	case met == total && total > 1:
		text = fmt.Sprintf("All %d checks passed", total)
	case met == total:
		text = "1 check passed"
	}
	switch warned {
	case 0:
		return text
	case met:
		return text + " with a warning"
	}
	return fmt.Sprintf("%s, %d of them with a warning", text, warned)
}

// rest counts what the verdict did not: "2 passed, 5 skipped".
func (r *Report) rest() string {
	switch r.Result {
	case runner.Pass:
		return r.tally(check.Passed, check.Warned)
	case runner.Fail:
		return r.tally(check.Failed)
	}
	return r.tally()
}

// sentence is the verdict with all counts and with what it does not cover.
func (r *Report) sentence() string {
	parts := []string{r.verdict()}
	if code := r.verdictCode(); code != "" {
		parts[0] += ": " + code
	}
	if rest := r.rest(); rest != "" {
		parts = append(parts, rest)
	}
	return strings.Join(append(parts, r.NotTested...), " · ")
}

// verdictCode is the code that a failure stands for; empty: none is known.
func (r *Report) verdictCode() string {
	if r.Result != runner.Fail {
		return ""
	}
	if _, f := r.first(); f != nil {
		return f.Code
	}
	if r.Why == "" {
		return ""
	}
	i := slices.IndexFunc(r.Lint, runner.Decisive)
	if i < 0 {
		return ""
	}
	return r.Lint[i].Code
}

// tally counts the statuses in words, each check once: "3 passed, 1 passed with
// a warning, 11 skipped".
func (r *Report) tally(except ...check.Status) string {
	var parts []string
	for _, s := range tallied {
		if n := r.count(s.status); n > 0 && !slices.Contains(except, s.status) {
			parts = append(parts, fmt.Sprintf("%d %s", n, s.word))
		}
	}
	return strings.Join(parts, ", ")
}

// tallied are the statuses in the order in which they are counted, in words that
// add up.
var tallied = []struct {
	status check.Status
	word   string
}{
	{check.Failed, "failed"},
	{check.Errored, "could not run"},
	{check.Passed, "passed"},
	{check.Warned, "passed with a warning"},
	{check.Skipped, "skipped"},
}

// Plural is a number of things: "1 check", "2 checks".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// product is "Paperless-ngx 2.20.15", or without the version when it is not known.
func product(name, version string) string { return strings.TrimSpace(name + " " + version) }

// duration is a time for users.
func duration(s float64) string {
	switch {
	case s >= 60:
		return fmt.Sprintf("%dm%02ds", int(s)/60, int(s)%60)
	case s >= 10:
		return fmt.Sprintf("%.0fs", s)
	}
	return fmt.Sprintf("%.1fs", s)
}

// slowest are the slowest steps of all checks, slowest first.
func (r *Report) slowest(n int) []timing {
	var all []timing
	for i := range r.Checks {
		for _, s := range r.Checks[i].Steps {
			all = append(all, timing{Check: r.Checks[i].Key(), Step: s.Name, Seconds: s.Seconds})
		}
	}
	slices.SortStableFunc(all, func(a, b timing) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return all[:min(n, len(all))]
}

type timing struct {
	Check, Step string
	Seconds     float64
}
