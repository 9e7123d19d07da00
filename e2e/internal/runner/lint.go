package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// refusal is the first reason why nothing starts: Compose or authentik does not
// take the user's files. Nil when they do, and on a pair that runs already.
func (o Options) refusal() *source.Diagnostic {
	if !target.Can(o.Kind).FromFiles {
		return nil
	}
	for i := range o.Lint {
		if o.Lint[i].Refuses != "" && o.Lint[i].From == "" {
			return &o.Lint[i]
		}
	}
	return nil
}

// refused is the result of a check when nothing can be started because the
// files are refused. It is the configuration's fault, so the check fails; what
// the lab would make of the fixed files would be a verdict on other files.
func refused(j job, f *source.Diagnostic, b *deployment.Deployment) Result {
	message := fmt.Sprintf("nothing starts: %s refuses the files (%s:%d)", f.Refuses, f.File, max(f.Line, 1))
	if len(j.check.Needs) > 0 {
		return skipped(message)
	}
	return Result{Result: check.Result{
		Status: check.Failed, Message: message,
		Record: evidence.Record{Check: j.check.ID, Variant: j.variant.Name},
		Bundle: b,
	}}
}

// withLint makes one finding of a cause that the evidence shows and of what
// lint says about the same cause. Where no item explains a failed check, lint's
// own word for it does. What was seen on a variant is not what the files say, so
// lint has no word in it.
func (o Options) withLint(j job, st check.Status, findings []troubleshooting.Finding) []troubleshooting.Finding {
	rules := map[string]troubleshooting.Rule{}
	for _, r := range troubleshooting.Rules() {
		rules[r.Code] = r
	}
	refused := o.refusal() != nil
	if refused && st == check.Failed {
		// Nothing was started, so there is no evidence of anything else.
		findings = nil
	}
	if j.variant.Name != check.AsConfigured && !refused {
		return findings
	}
	out := slices.Clone(findings)
	for i := range out {
		same, deeper := causes(&out[i], o.Lint, rules)
		for _, l := range same {
			out[i].Lint = append(out[i].Lint, place(l))
		}
		// The value was lost on its way: that is what must be fixed, not the value.
		if deeper && strings.Contains(same[0].Fix, " ") {
			out[i].Fix = sentence(same[0].Fix)
		}
	}
	if st != check.Failed || len(out) > 0 {
		return out
	}
	for i := range o.Lint {
		f := &o.Lint[i]
		if f.From == "" && f.Level != source.Info && (f.Refuses != "" && refused || breaks(f, rules, o.Bundle) == j.check.ID) {
			out = append(out, troubleshooting.Finding{
				Code: f.Code, Title: sentence(f.Message), Because: []string{}, Fix: f.Fix, Lint: []troubleshooting.Place{place(f)},
			})
		}
	}
	return out
}

// Joined makes one finding of a cause that the evidence shows and of what lint says
// about the same cause, and adds the errors of lint that no finding tells of: a pair
// that was only looked at shows nothing that breaks by them yet.
func Joined(findings []troubleshooting.Finding, lint []source.Diagnostic) []troubleshooting.Finding {
	o := Options{Lint: lint, Kind: target.External}
	out := o.withLint(job{variant: check.Variant{Name: check.AsConfigured}}, check.Warned, findings)
	told := func(f *source.Diagnostic) bool {
		return slices.ContainsFunc(out, func(have troubleshooting.Finding) bool {
			return have.Code == f.Code || slices.Contains(have.Lint, place(f))
		})
	}
	for i := range lint {
		if f := &lint[i]; Decisive(*f) && !told(f) {
			out = append(out, troubleshooting.Finding{
				Code: f.Code, Title: sentence(f.Message), Because: []string{}, Fix: f.Fix, Lint: []troubleshooting.Place{place(f)},
			})
		}
	}
	return out
}

// WithLint adds what lint says of the configuration that ran to a run that was made
// without it, as if it had been known from the start.
func (r *Run) WithLint(lint []source.Diagnostic) {
	r.Lint = lint
	o := Options{Kind: r.Kind, Bundle: r.Bundle, Lint: lint}
	for i := range r.Results {
		res := &r.Results[i]
		if res.Status == check.Failed || res.Status == check.Warned {
			res.Findings = o.withLint(job{res.Check, check.Variant{Name: res.Variant}}, res.Status, res.Findings)
		}
	}
}

// breaks is the check that a lint finding's cause breaks first; "" when it breaks
// none.
func breaks(l *source.Diagnostic, rules map[string]troubleshooting.Rule, b *deployment.Deployment) string {
	switch i := rules[l.Code].Cause; {
	case i == nil || i.Breaks == nil:
		return ""
	case i.Match == nil:
		return i.Breaks.ID
	case !i.WarnsOn(b.Versions()) && l.Level == source.Error:
		return i.BreaksAt(b.Versions()).ID
	}
	return ""
}

// causes are the lint findings with the cause of a finding: those of its code or
// of a rule of its item; where there are none, those that say that a setting
// which the finding is about does not arrive as written, a deeper cause.
func causes(f *troubleshooting.Finding, lint []source.Diagnostic, rules map[string]troubleshooting.Rule) (all []*source.Diagnostic, deeper bool) {
	var same, lost []*source.Diagnostic
	about := settingsOf(f)
	for i := range lint {
		l := &lint[i]
		if l.From != "" {
			continue
		}
		rule := rules[l.Code]
		setting := l.Setting
		if l.Meant != "" {
			setting = l.Meant
		}
		switch {
		case l.Code == f.Code || rule.Cause != nil && rule.Cause.Code == f.Code:
			same = append(same, l)
		case rule.Lost && l.Level != source.Info && setting != "" && slices.Contains(about, setting):
			lost = append(lost, l)
		}
	}
	// Of several with the same code those count whose setting the finding names.
	if named := slices.DeleteFunc(slices.Clone(same), func(l *source.Diagnostic) bool {
		return l.Setting == "" || !slices.Contains(about, l.Setting)
	}); len(named) > 0 {
		same = named
	}
	if len(same) == 0 {
		return lost, len(lost) > 0
	}
	return same, false
}

func place(l *source.Diagnostic) troubleshooting.Place {
	return troubleshooting.Place{Code: l.Code, File: l.File, Line: l.Line, Column: l.Column}
}

var settingName = lazyregexp.New(`\bPAPERLESS_[A-Z0-9_]+`)

// settingsOf are the settings that a finding is about: those that its evidence
// and its edit name. A cause in the client or its addresses is about the
// provider JSON, where they stand.
func settingsOf(f *troubleshooting.Finding) []string {
	names := settingName.FindAllString(strings.Join(append([]string{f.Fix}, f.Because...), "\n"), -1)
	for _, family := range []string{"TOK-", "IDP-CLIENT", "IDP-SLUG", "NET-", "CFG-JSON", "CFG-NOAPP", "CFG-LIST"} {
		if strings.HasPrefix(f.Code, family) {
			names = append(names, deployment.ProvidersKey)
		}
	}
	return names
}

// sentence is a message as a title.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
