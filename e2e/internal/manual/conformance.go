package manual

import (
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
)

// ConformancePage lists the conformance tests.
const ConformancePage = "conformance.md"

const conformanceIntro = "What `ssocheck conformance` asks of Paperless-ngx as a relying party, while a provider of ours breaks the rules at authentik's name and\n" +
	"paths. A pass is a relying party that does what the clause asks, or a deviation that is known of this version (`fixtures/expected.yaml`); only a\n" +
	"new or a vanished deviation changes the exit code. The page tells what a deviation means, not how it is brought about. `ssocheck explain ID`\n" +
	"prints the same, and the name of a family or an id selects tests: `ssocheck conformance --only pkce,rp-state-missing`. Every run begins with\n" +
	"rp-callback-right: where nobody can sign in, a refusal proves nothing.\n\n" +
	"`--target stack` asks the real Paperless-ngx, with your configuration, its broker and a database. No authentik runs: the edge leads what is asked\n" +
	"at authentik's name to the provider in the tester, over connections that the tester opens. `--target lab` asks a model of it, in seconds; `external`\n" +
	"refuses, because no provider of ours can stand in for that of a pair which runs. `upgrade --suite conformance` and `matrix --suite conformance` do\n" +
	"the same on each version.\n\n" +
	"What Paperless-ngx does was recorded on 2.20.15 and 3.0.5 with SQLite (`fixtures/hostile.json`), and compared with both on the stack with PostgreSQL.\n" +
	"On the lab every other version from 2.20.0 on answers as the nearest of the two, so that a verdict on it is an assumption, and a list of known\n" +
	"deviations with `>=2.20.0` is one too. The tests run without a browser; where a script of the page matters (rp-link-without-click) they follow it\n" +
	"by hand, and a test of the lab does the same in Chromium.\n"

func conformancePage() (page, error) {
	out := page{name: ConformancePage, title: "Conformance of the relying party", intro: conformanceIntro}
	known, err := conformance.Known()
	if err != nil {
		return out, err
	}
	by := map[string][]conformance.Deviation{}
	for _, d := range known {
		by[d.Test] = append(by[d.Test], d)
	}
	for _, t := range conformance.All() {
		out.entries = append(out.entries, conformanceEntry(t, by[t.ID]))
	}
	return out, nil
}

func conformanceEntry(t *conformance.Test, known []conformance.Deviation) Entry {
	e := Entry{ID: t.ID, Title: t.Title, Page: ConformancePage}
	e.fact("family", "%s", t.Family)
	e.fact("clause", "%s", t.Clause)
	if t.Module != "" {
		e.fact("RP plan", "%s", t.Module)
	}
	if t.Should != "" {
		e.fact("conforming", "%s", t.Should)
	}
	deviation := fmt.Sprintf("%s: %s", t.Severity, t.Means)
	if t.Matters != nil {
		deviation += "; it matters " + t.Matters.Name
	}
	e.fact("a deviation", "%s", deviation)
	if t.Depends != nil {
		e.fact("shows only", "%s", t.Depends.Name)
	}
	if t.Since != "" {
		e.fact("since", "Paperless-ngx %s", t.Since)
	}
	if t.Remedy != "" {
		e.fact("remedy", "%s", link(t.Remedy, ItemsPage, t.Remedy, ConformancePage))
	}
	var versions []string
	for _, d := range known {
		say := fmt.Sprintf("%s on Paperless-ngx %s", d.Verdict, d.Version)
		if d.Database != "" {
			say += " with " + d.Database
		}
		if d.Why != "" {
			say += " (" + d.Why + ")"
		}
		versions = append(versions, say)
	}
	if len(versions) > 0 {
		e.fact("known", "%s", strings.Join(versions, "; "))
	}
	e.fact("recorded", "fixtures/hostile.json, row %s", t.Row)
	return e
}
