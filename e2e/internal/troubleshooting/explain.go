package troubleshooting

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// All are the items that a run can show, in the order of Catalogue, which is also
// the ranking of findings within a check.
func All() []*Item {
	return slices.DeleteFunc(Catalogue(), func(i *Item) bool { return i.Match == nil })
}

// Catalogue are all causes in the order in which they break a sign-in: starting,
// sign-in page, start at Paperless, authentik, callback, account, afterwards;
// then those that only files show.
func Catalogue() []*Item {
	return slices.Concat(
		reachItems(),
		configItems(),
		signInPageItems(),
		proxyItems(),
		showing(oidc.Discovery, discoveryItems()),
		showing(oidc.Authorization, idpItems()),
		showing(oidc.Authorization, redirectURIItems()),
		showing(oidc.RedirectURI, stateItems()),
		showing(oidc.Token, tokenItems()),
		showing(oidc.Token, transportItems()),
		showing(oidc.SignUp, mailItems()),
		showing(oidc.Userinfo, claimItems()),
		showing(oidc.Userinfo, subjectItems()),
		showing(oidc.SignUp, accountItems()),
		showing(oidc.Userinfo, groupItems()),
		rightsItems(),
		oneClickItems(),
		showing(oidc.Start, foreignItems()),
		remoteUserItems(),
		settingsItems(),
		fileCauses(),
		settingCauses(),
		providerCauses(),
		appCauses(),
		serverCauses(),
		otherProviderCauses(),
		blueprintCauses(),
		loginCauses(),
		proxyCauses(),
		elsewhereCauses(),
	)
}

// showing says of a family where it shows, unless an item itself says so.
func showing(at oidc.Endpoint, items []*Item) []*Item {
	for _, i := range items {
		i.Shows = cmp.Or(i.Shows, at)
	}
	return items
}

// ByGuide is All for a user who reads: the guide's five items first, then what
// we add.
func ByGuide() []*Item {
	all := All()
	slices.SortStableFunc(all, func(a, b *Item) int { return (a.Guide+5)%6 - (b.Guide+5)%6 })
	return all
}

// Find is the item of a code, case-insensitively; nil when there is none.
func Find(code string) *Item {
	for _, i := range All() {
		if strings.EqualFold(i.Code, code) {
			return i
		}
	}
	return nil
}

// Explain names the causes that the evidence of one check shows, the one we
// stand for first: what evidence proves before what only the configuration
// suggests, each in the order of All. A passed or skipped check needs none.
func Explain(rec evidence.Record, b *deployment.Deployment, c *check.Check, st check.Status) []Finding {
	if st != check.Failed && st != check.Warned {
		return nil
	}
	rec.Exchange = target.Stamped(rec.Exchange)
	var proven, suspected []Finding
	var reached []bool // whether the suspected one can be why this check failed
	for _, i := range All() {
		if !i.Versions.has(b) {
			continue
		}
		if i.onlyAt(c, b) || b.Observed && i.ofFiles() {
			continue
		}
		if because, ok := i.Match(rec, b); ok {
			proven = append(proven, i.finding(rec, b, because))
			continue
		}
		if i.Suspect == nil || st != check.Failed {
			continue
		}
		if because, ok := i.Suspect(b); ok {
			reached = append(reached, i.explains(c, b.Versions()))
			suspected = append(suspected, i.finding(rec, b, append([]string{OnlyConfigured}, because...)))
		}
	}
	if len(proven) == 0 {
		// Nothing is known to rank before them, and what breaks a later check only is
		// not why this one failed.
		for n := len(suspected) - 1; n >= 0; n-- {
			if !reached[n] {
				suspected = slices.Delete(suspected, n, n+1)
			}
		}
	}
	if st == check.Warned && c != nil {
		ownFirst(proven, c, b.Versions())
	}
	return append(proven, suspected...)
}

// ownFirst puts the causes that show at this very check before the others: a warning
// tells of what the check looked at, and not of what stopped an earlier one.
func ownFirst(found []Finding, c *check.Check, on deployment.Pair) {
	rank := func(f Finding) int {
		if i := Find(f.Code); i != nil && i.BreaksAt(on) != nil && i.BreaksAt(on).ID == c.ID {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(rank(a), rank(b)) })
}

// OnlyConfigured begins the proof of a cause that only the configuration shows.
const OnlyConfigured = "seen in the configuration; this check stopped before it could show"

// explains reports whether the item can be why this check failed: the check that
// the item breaks first is this one or one that it needs. Of a check outside of the
// checklist that is not known.
func (i *Item) explains(c *check.Check, on deployment.Pair) bool {
	if c == nil || !slices.ContainsFunc(checklist.All(), func(k *check.Check) bool { return k.ID == c.ID }) {
		return true
	}
	return needs(c, i.BreaksAt(on).ID)
}

func needs(c *check.Check, id string) bool {
	return c.ID == id || slices.ContainsFunc(c.Needs, func(n *check.Check) bool { return needs(n, id) })
}

// onlyAt reports whether an item that only ever warns does not belong to this
// check: a warning elsewhere would repeat what its own check says.
func (i *Item) onlyAt(c *check.Check, b *deployment.Deployment) bool {
	return i.WarnsOn(b.Versions()) && c != nil && c.ID != i.Breaks.ID
}

// ofFiles reports whether an item is about what files say: without files, what is
// missing from a bundle is not missing from the pair.
func (i *Item) ofFiles() bool {
	return strings.HasPrefix(i.Code, "CFG-") || strings.HasPrefix(i.Code, "VER-") || i.Code == "STALE"
}

func (i *Item) finding(rec evidence.Record, b *deployment.Deployment, because []string) Finding {
	fix := i.Fix
	if i.FixSeen != nil {
		fix = i.FixSeen(rec, b)
	}
	if i.Edit != nil {
		if edit := i.Edit(rec, b); edit != "" {
			fix += "\n" + edit
		}
	}
	title := i.Title
	if on := checklist.If(rec.Variant); on != "" {
		title = strings.ToUpper(on[:1]) + on[1:] + ": " + lowerFirst(title)
	}
	return Finding{Code: i.Code, Guide: i.Guide, Title: title, Because: because, Fix: fix}
}

// lowerFirst is a title within a sentence; names such as PAPERLESS_URL stay.
func lowerFirst(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if s == "" || strings.ToLower(first[1:]) != first[1:] || slices.Contains([]string{"Paperless", "Paperless-ngx", "Redis"}, first) {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// BreaksAt is the check that the cause breaks first on these versions.
func (i *Item) BreaksAt(on deployment.Pair) *check.Check {
	if c := newest(i.BreaksWith, on.Authentik); c != nil {
		return c
	}
	if c := newest(i.BreaksFrom, on.Paperless); c != nil {
		return c
	}
	return i.Breaks
}

// WarnsOn reports whether the cause makes its check warn, not fail, on these versions.
func (i *Item) WarnsOn(on deployment.Pair) bool {
	return i.Warns && newest(i.BreaksWith, on.Authentik) == nil
}

// newest is the check of the newest version that this one has reached; nil: of none.
func newest(from map[string]*check.Check, version string) *check.Check {
	var at *check.Check
	last := "0.0.0"
	for v, c := range from {
		if deployment.AtLeast(version, v) && deployment.AtLeast(v, last) {
			at, last = c, v
		}
	}
	return at
}

// Happens reports whether the cause can happen on the bundle's versions.
func (i *Item) Happens(b *deployment.Deployment) bool { return i.Versions.has(b) }

func (v Versions) has(b *deployment.Deployment) bool {
	p, a := b.Paperless.Version, b.Authentik.Version
	return (v.PaperlessFrom == "" || deployment.AtLeast(p, v.PaperlessFrom)) &&
		(v.PaperlessBelow == "" || !deployment.AtLeast(p, v.PaperlessBelow)) &&
		(v.AuthentikFrom == "" || deployment.AtLeast(a, v.AuthentikFrom)) &&
		(v.AuthentikBelow == "" || !deployment.AtLeast(a, v.AuthentikBelow))
}
