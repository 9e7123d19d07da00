// Package manual is the catalogue as pages that users read: every check, item,
// lint rule, version and hazard. docs/*.md and `ssocheck explain` come from it,
// so they say the same.
package manual

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// The pages, by file name within docs.
const (
	ChecksPage   = "checks.md"
	ItemsPage    = "items.md"
	LintPage     = "lint.md"
	VersionsPage = "versions.md"
	SettingsPage = "settings.md"
)

// An Entry is one check, item, rule or hazard.
type Entry struct {
	ID    string // heading, and with it the anchor
	Title string
	Page  string // that it stands on
	Facts []Fact
	// Quote is what a recorded run showed; Run says which.
	Quote []string
	Run   string
}

// A Fact is one line of an entry. Its text is Markdown.
type Fact struct{ Label, Text string }

func (e *Entry) fact(label, format string, args ...any) {
	e.Facts = append(e.Facts, Fact{label, fmt.Sprintf(format, args...)})
}

// Find is every entry of a code or id, case-insensitively: an item and the lint
// rule of the same code are two.
func Find(id string) ([]Entry, error) {
	entries, err := Entries()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(entries, func(e Entry) bool { return !strings.EqualFold(e.ID, id) }), nil
}

// Entries are those of every page, for who wants more than one: making them takes
// most of the time of Find.
func Entries() ([]Entry, error) {
	pages, err := all()
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, page := range pages {
		out = append(out, page.entries...)
	}
	return out, nil
}

// page is one file of docs.
type page struct {
	name, title, intro string
	entries            []Entry
}

func all() ([]page, error) {
	shown, err := readShown()
	if err != nil {
		return nil, err
	}
	versions, err := deployment.KnownVersions()
	if err != nil {
		return nil, err
	}
	b, err := deployment.Default()
	if err != nil {
		return nil, err
	}
	checks := page{name: ChecksPage, title: "Checks", intro: checksIntro}
	for _, c := range checklist.All() {
		checks.entries = append(checks.entries, checkEntry(c, b))
	}
	before, after := checklist.Upgrade()
	for _, c := range slices.Concat(before, after) {
		checks.entries = append(checks.entries, checkEntry(c, b))
	}
	items := page{name: ItemsPage, title: "Troubleshooting items", intro: itemsIntro}
	for _, i := range troubleshooting.All() {
		items.entries = append(items.entries, itemEntry(i, shown[i.Code], versions.Hazards))
	}
	lint := page{name: LintPage, title: "Lint rules", intro: lintIntro}
	for _, r := range troubleshooting.Rules() {
		lint.entries = append(lint.entries, ruleEntry(r))
	}
	known := page{name: VersionsPage, title: "Versions and hazards", intro: versionsIntro + releases(versions) + "\n" + hazardsIntro}
	for _, h := range versions.Hazards {
		known.entries = append(known.entries, hazardEntry(h))
	}
	relying, err := conformancePage()
	if err != nil {
		return nil, err
	}
	return []page{checks, items, lint, known, relying}, nil
}

const (
	// guideLabel stands before a line of the guide.
	guideLabel = "guide"
	theGuide   = "The guide is [" + source.GuideTitle + "](" + source.GuideURL + ").\n"

	checksIntro = "Every line of the guide's testing checklist, and what we add to it, in the order in which they run. A check that needs another one is\n" +
		"skipped when that one does not pass. `ssocheck explain ID` prints the same. " + theGuide
	itemsIntro = "Every cause that a failed check can be traced to, in the order in which they break a sign-in; within a check that is also the\n" +
		"ranking of findings. What each one looks at was found by taking parts of a recorded run away\n" +
		"([fixtures/evidence](../fixtures/evidence)) as long as it was still found. `ssocheck explain CODE` prints the same. " + theGuide
	lintIntro = "What `ssocheck lint` looks for in files. A code that is also a [troubleshooting item](items.md) is the same cause, found without running\n" +
		"anything. `ssocheck explain CODE` prints the same.\n"
	versionsIntro = "What ssocheck knows of each product, version by version (`fixtures/versions.yaml`). \"Rests on\" says what the lab's answers for a version\n" +
		"rest on ([docs/lab.md](lab.md)). Known is how well: **observed**, the real one's answers were recorded; **read**, its source or API schema was\n" +
		"read; **reported**, there are only release notes, reports, and its neighbours.\n\n"
	hazardsIntro = "# Hazards\n\nChanges of a release that can lock users out. `ssocheck upgrade` names those that your configuration touches.\n"
)

// checkEntry is a check; the bundle is that of which the variants are told.
func checkEntry(c *check.Check, b *deployment.Deployment) Entry {
	e := Entry{ID: c.ID, Title: c.Title, Page: ChecksPage}
	e.fact("a pass proves", "%s", c.Doc)
	if c.Guide != "" {
		e.fact(guideLabel, "%s", c.Guide)
	}
	if len(c.Needs) > 0 {
		var needs []string
		for _, n := range c.Needs {
			needs = append(needs, checkLink(n, ChecksPage))
		}
		e.fact("needs", "%s", strings.Join(needs, ", "))
	}
	e.fact("looks", "%s", map[bool]string{true: "by HTTP alone", false: "in the browser"}[c.Browserless])
	if c.Variants != nil {
		var names []string
		for _, v := range c.Variants(b) {
			names = append(names, v.Name)
		}
		e.fact("runs on", "%s (of the default deployment; a configuration that asks for the setting is run as configured)", strings.Join(names, ", "))
	}
	if c.Changes {
		e.fact("changes", "makes or links accounts: on [a pair that runs](external.md) only with `--allow-changes`")
	}
	var breaks []string
	for _, i := range troubleshooting.All() {
		if i.Breaks.ID == c.ID {
			breaks = append(breaks, link(i.Code, ItemsPage, i.Code, ChecksPage))
		}
	}
	if len(breaks) > 0 {
		e.fact("breaks by", "%s", strings.Join(breaks, ", "))
	}
	return e
}

func itemEntry(i *troubleshooting.Item, s Shown, hazards []deployment.Hazard) Entry {
	e := Entry{ID: i.Code, Title: i.Title, Page: ItemsPage}
	if i.Guide > 0 {
		e.fact(guideLabel, "troubleshooting %d", i.Guide)
	}
	verb := "makes %s fail"
	if i.Warns {
		verb = "makes %s warn"
	}
	breaks := []string{fmt.Sprintf(verb, checkLink(i.Breaks, ItemsPage))}
	for _, v := range sortedKeys(i.BreaksFrom) {
		breaks = append(breaks, fmt.Sprintf("from Paperless-ngx %s on %s", v, checkLink(i.BreaksFrom[v], ItemsPage)))
	}
	for _, v := range sortedKeys(i.BreaksWith) {
		breaks = append(breaks, fmt.Sprintf("from authentik %s on makes %s fail", v, checkLink(i.BreaksWith[v], ItemsPage)))
	}
	e.fact("breaks", "%s", strings.Join(breaks, "; "))
	e.fact("happens on", "%s", versionWords(i.Versions))
	looks := i.Looks
	if len(looks) == 0 {
		looks = s.Looks
	}
	if len(looks) > 0 {
		e.fact("looks at", "%s", strings.Join(looks, "; "))
	}
	e.fact("fix", "%s", i.Fix)
	e.fact("basis", "%s", cite(i.Basis.String()))
	if i.Plant == nil {
		e.fact("planted", "no: it arises in a running pair, not in a configuration")
	}
	var by []string
	for _, h := range hazards {
		if slices.Contains(h.Codes, i.Code) {
			by = append(by, link(h.ID, VersionsPage, h.ID, ItemsPage)+" "+h.Title)
		}
	}
	if len(by) > 0 {
		e.fact("comes with", "%s", strings.Join(by, "; "))
	}
	var rules []string
	for _, r := range i.InFiles {
		code := cmp.Or(r.Code, i.Code)
		rules = append(rules, link(code, LintPage, code, ItemsPage))
	}
	if len(rules) > 0 {
		e.fact("lint", "finds it in files, too: %s", strings.Join(rules, ", "))
	}
	e.Quote, e.Run = s.Because, s.Run
	return e
}

func ruleEntry(r troubleshooting.Rule) Entry {
	e := Entry{ID: r.Code, Title: r.Title, Page: LintPage}
	e.fact("level", "%s", r.Level)
	e.fact("otherwise", "%s", r.Doc)
	switch i := r.Cause; {
	case i.Match != nil:
		e.fact("item", "%s %s", link(i.Code, ItemsPage, i.Code, LintPage), i.Title)
	case i.Breaks != nil:
		e.fact("breaks", "%s", link(i.Breaks.ID, ChecksPage, i.Breaks.ID, LintPage))
	}
	return e
}

func hazardEntry(h deployment.Hazard) Entry {
	e := Entry{ID: h.ID, Title: h.Title, Page: VersionsPage}
	since := productName(h.Product) + " " + h.At
	if h.Fixed != "" {
		since += ", until " + h.Fixed
	}
	e.fact("since", "%s", since)
	e.fact("severity", "%s", h.Severity)
	e.fact("symptom", "%s", h.Symptom)
	e.fact("before the upgrade", "%s", h.Check)
	var codes []string
	for _, c := range h.Codes {
		codes = append(codes, link(c, ItemsPage, c, VersionsPage))
	}
	if len(codes) > 0 {
		e.fact("can cause", "%s", strings.Join(codes, ", "))
	}
	e.fact("source", "%s", cite(h.Source))
	return e
}

func releases(v *deployment.Versions) string {
	var b strings.Builder
	table := func(title string, list []deployment.Release) {
		fmt.Fprintf(&b, "## %s\n\n| version | known | image | broker | needs | rests on |\n|---|---|---|---|---|---|\n", title)
		for _, r := range list {
			fmt.Fprintf(&b, "| %s | %s | `%s` | %s | %s | %s |\n", r.Version, r.Known, r.Image, codeOr(r.Broker), codeOr(strings.Join(r.Needs, ", ")), cell(cite(r.Source)))
		}
		b.WriteByte('\n')
	}
	table("Paperless-ngx", v.Paperless)
	table("authentik", v.Authentik)
	b.WriteString("## Ways between versions\n\n")
	for _, w := range v.Ways {
		way := "from " + w.From
		if len(w.Series) > 0 {
			way = "through " + strings.Join(w.Series, ", ")
		}
		fmt.Fprintf(&b, "- %s %s and later: %s. %s. Source: %s\n", productName(w.Product), w.At, way, w.Why, cite(w.Source))
	}
	return b.String()
}

func productName(p string) string {
	if p == deployment.PaperlessProduct {
		return "Paperless-ngx"
	}
	return p
}

func codeOr(s string) string {
	if s == "" {
		return "none"
	}
	return "`" + s + "`"
}

func versionWords(v troubleshooting.Versions) string {
	words := func(product, from, below string) string {
		switch {
		case from != "" && below != "":
			return fmt.Sprintf("%s from %s to below %s", product, from, below)
		case from != "":
			return product + " from " + from
		case below != "":
			return product + " below " + below
		}
		return ""
	}
	parts := slices.DeleteFunc([]string{
		words("Paperless-ngx", v.PaperlessFrom, v.PaperlessBelow), words("authentik", v.AuthentikFrom, v.AuthentikBelow),
	}, func(s string) bool { return s == "" })
	if len(parts) == 0 {
		return "every known version"
	}
	return strings.Join(parts, ", ")
}

func checkLink(c *check.Check, from string) string { return link(c.ID, ChecksPage, c.ID, from) }

// link leads to an entry's heading.
func link(text, page, id, from string) string {
	if page == from {
		page = ""
	}
	return fmt.Sprintf("[%s](%s#%s)", text, page, Anchor(id))
}

var notAnchor = lazyregexp.New(`[^\p{L}\p{N} _-]+`)

// Anchor is the anchor that GitHub gives a heading.
func Anchor(heading string) string {
	return strings.ReplaceAll(notAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(heading)), ""), " ", "-")
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
