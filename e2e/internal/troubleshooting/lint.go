package troubleshooting

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// A Rule is one thing that lint looks for: how a cause shows in files.
type Rule struct {
	// Code is that of its findings; stable, never reused. Empty in a literal: that
	// of the cause.
	Code    string
	Level   string // of its findings, unless the place makes it worse or better
	Title   string // the good state
	Problem string // what is wrong, the title of its findings; empty in a literal: the title of the cause
	Doc     string // what happens otherwise
	// Cause is the item that has it in InFiles; Rules sets it.
	Cause *Item
	// Lost is true when the setting does not arrive as it is written: what then
	// goes wrong with this setting has the same cause.
	Lost bool
	// Absent are the settings whose absence it may be about: a part of a
	// configuration may well lack them.
	Absent []string
	// OfForm is true of a rule about the form of a value: it says nothing new of one
	// whose form is wrong as a whole.
	OfForm bool
	// Unknown is true of a rule about values that are not known here.
	Unknown bool
	// check finds it; nil: the readers of package source do.
	check func(*source.Set) []source.Problem
}

// Rules are all rules, in the order of their causes.
func Rules() []Rule {
	var out []Rule
	for _, i := range Catalogue() {
		for _, r := range i.InFiles {
			r.Code, r.Cause = cmp.Or(r.Code, i.Code), i
			r.Problem = cmp.Or(r.Problem, i.Title, r.Title)
			out = append(out, r)
		}
	}
	return out
}

// Help is what a page of findings shows of the rule: what happens, the good state,
// and how to read more.
func (r Rule) Help() string {
	return r.Doc + "\nRight is: " + r.Title + ".\nMore: " + source.More(r.Code)
}

// FindRule is the rule of a code, case-insensitively; nil when there is none.
func FindRule(code string) *Rule {
	rules := Rules()
	for i := range rules {
		if strings.EqualFold(rules[i].Code, code) {
			return &rules[i]
		}
	}
	return nil
}

// lint runs the rules and gives the findings in the order of files and lines.
func lintSet(s *source.Set) []source.Diagnostic {
	problems := slices.Clone(s.Reader.Problems)
	rules := map[string]Rule{}
	for _, rule := range Rules() {
		rules[rule.Code] = rule
		if rule.check == nil { // found while reading
			continue
		}
		for _, p := range rule.check(s) {
			p.Code = cmp.Or(p.Code, rule.Code)
			p.Level = cmp.Or(p.Level, rule.Level)
			problems = append(problems, p)
		}
	}
	if c := s.Reader.Compose; c != nil && !slices.ContainsFunc(problems, func(p source.Problem) bool {
		return p.Refuses == source.ByCompose // says in better words why
	}) {
		problems = append(problems, *c)
	}
	return s.Diagnostics(sift(s, rules, problems))
}

// sift leaves out what is said of a variable that is not known here, and takes
// down to a note what is said of one that a part of a configuration lacks.
func sift(s *source.Set, rules map[string]Rule, problems []source.Problem) []source.Problem {
	var out []source.Problem
	for _, p := range problems {
		if e := s.Vars[p.Setting]; e != nil && !rules[p.Code].Unknown && p.File == e.File {
			if e.Unknown != "" {
				continue
			}
			if len(e.Gaps) > 0 && p.Setting != deployment.ProvidersKey && p.At >= e.ValueAt {
				continue
			}
			if e.Broken && rules[p.Code].OfForm && !p.Form {
				continue
			}
		}
		if e := s.Files[p.Setting]; e != nil && e.Unknown != "" && p.File == e.File {
			continue
		}
		drop := false
		for _, name := range rules[p.Code].Absent {
			if _, e := s.Value(name); e != nil && !s.UnknownHere(name) {
				continue
			}
			switch {
			case s.UnknownHere(name), s.Partial() && p.Code == "UPG-V3":
				drop = true
			case s.Partial() && p.Level != source.Info:
				p.Level, p.Edit, p.Refuses = source.Info, nil, ""
				p.Message += "; unless it is set elsewhere: these files may be a part of the configuration"
			}
		}
		if !drop {
			out = append(out, p)
		}
	}
	return out
}

// Load reads files as the products do, into a bundle that can be run. The
// findings are what lint has to say. An error means that nothing can be tested;
// it names the file, the line where there is one, and a remedy.
func Load(s source.Sources) (*deployment.Deployment, []source.Diagnostic, error) {
	set, err := source.Read(s)
	if err != nil {
		return nil, nil, err
	}
	return set.Deployment, lintSet(set), nil
}

// Lint is Load without the bundle, and with what an upgrade brings, if one was
// asked for.
func Lint(s source.Sources) ([]source.Diagnostic, error) {
	said, _, err := LintAll(s)
	return said, err
}

// findings are what lint has to say, and what an upgrade brings.
func findings(s *source.Set, src source.Sources) ([]source.Diagnostic, error) {
	if src.ToPaperless+src.ToAuthentik == "" {
		return lintSet(s), nil
	}
	return lintUpgrade(s, src)
}

// LintAll is Lint, and apart from it what comments in the files do not want said.
func LintAll(s source.Sources) (said, ignored []source.Diagnostic, err error) {
	now, err := source.Read(s)
	if err != nil {
		return nil, nil, err
	}
	said, err = findings(now, s)
	return said, now.Ignored, err
}
