package config

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A Rule is one thing that lint looks for.
type Rule struct {
	Code  string // stable; never reused
	Level string // of its findings, unless the place makes it worse or better
	Title string // the good state
	Doc   string // what happens otherwise
	// Item is the troubleshooting item with the same cause, where it has another
	// code; empty: the one of this code, if there is one.
	Item string
	// Breaks is the check that fails by it first, for mistakes that no item finds
	// in the evidence; empty: none.
	Breaks string
	// Lost is true when the setting does not arrive as it is written: what then
	// goes wrong with this setting has the same cause.
	Lost  bool
	check func(*subject) []problem
}

// Rules are all rules, in the order of their families.
func Rules() []Rule {
	return slices.Concat(fileRules(), settingRules(), providerRules(), appRules(), serverRules(), idpRules(), blueprintRules(), loginRules(), proxyRules(), remoteUserRules(), elsewhereRules())
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

// A subject is what the rules look at: the files, and the bundle made of them.
type subject struct {
	reader  *reader
	data    *settingsData
	bundle  *deployment.Deployment
	project *project // nil without a compose file

	all   []*entry          // every definition of the service, in order
	vars  map[string]*entry // the one that counts
	files map[string]*entry // what *_FILE variables point at

	missingFiles   []missingFile
	imageVersion   string // in the image's tag; "" when it has none
	guessedVersion bool
	versionNote    string // why the version is a guess, where the image says something
	fragment       bool   // the files may be a part of the configuration

	providers *entry // the provider JSON; nil when it is not set
	doc       *jnode // nil when it is no JSON
	jsonErr   *jsonError
	oc        *jnode // openid_connect
	apps      []*jnode
	app       appValues

	secure *secureSite // why people open the site by https, although PAPERLESS_URL says http; nil: nothing says so

	ignored []Finding // what comments in the files do not want said

	blueprint     *Blueprint // nil when none was given
	blueprintFile *file
}

// paperless is the Paperless side of the bundle.
func (s *subject) paperless() *deployment.Paperless { return &s.bundle.Paperless }

// atName is a problem at the name of a variable.
func (e *entry) atName(message, fix string) problem {
	return problem{file: e.file, at: e.nameAt, width: len(e.name), setting: e.name, message: message, fix: fix}
}

// atValue is a problem at the value of a variable.
func (e *entry) atValue(message, fix string) problem {
	width := 1
	if line, _ := e.file.at(e.valueAt); e.end > e.valueAt && e.lastLine() == line {
		width = utf8.RuneCount(e.file.text[e.valueAt:min(e.end, len(e.file.text))])
	}
	return problem{file: e.file, at: e.valueAt, width: width, setting: e.name, message: message, fix: fix}
}

// atNode is a problem at a piece of the provider JSON.
func (s *subject) atNode(at, end int, message, fix string) problem {
	e := s.providers
	from := e.offset(at)
	to := e.offset(max(end-1, at)) + 1
	width := 1
	if line, _ := e.file.at(from); to > from {
		if last, _ := e.file.at(to - 1); last == line {
			width = utf8.RuneCount(e.file.text[from:min(to, len(e.file.text))])
		}
	}
	return problem{file: e.file, at: from, width: width, setting: deployment.ProvidersKey, message: message, fix: fix}
}

func (s *subject) atJSON(n *jnode, message, fix string) problem {
	return s.atNode(n.at, n.end, message, fix)
}

func (s *subject) atKey(m *jmember, message, fix string) problem {
	return s.atNode(m.at, m.end, message, fix)
}

// atBlueprint is a problem at a part of the blueprint, by the key of its place;
// the first key that has a place counts.
func (s *subject) atBlueprint(message, fix string, keys ...string) problem {
	p := problem{file: s.blueprintFile, message: message, fix: fix}
	for _, key := range keys {
		if o, ok := s.blueprint.Origins[key]; ok {
			p.at = s.blueprintFile.offset(o.Line, o.Column)
			break
		}
	}
	return p
}

// anywhere is a problem of the configuration as a whole: at the service's
// environment, or at the first line of the first file.
func (s *subject) anywhere(message, fix string) problem {
	p := problem{message: message, fix: fix}
	switch {
	case s.vars["PAPERLESS_URL"] != nil:
		p.file, p.at = s.vars["PAPERLESS_URL"].file, s.vars["PAPERLESS_URL"].nameAt
	case s.vars["PAPERLESS_APPS"] != nil:
		p.file, p.at = s.vars["PAPERLESS_APPS"].file, s.vars["PAPERLESS_APPS"].nameAt
	}
	if p.file == nil && s.project != nil {
		for _, d := range s.project.docs {
			for _, svc := range d.services() {
				if svc.key == s.project.service {
					p.file, p.at, p.width = d.read, svc.at, len(svc.key)
				}
			}
		}
	}
	if p.file == nil && len(s.reader.files) > 0 {
		p.file = s.reader.files[0]
	}
	return p
}

// replace is the edit that puts a text in place of one on the same line.
func replace(f *file, at, n int, text string) *Edit {
	if !f.unmended() || at < 0 || at+n > len(f.text) || f.path == "" || strings.HasPrefix(f.path, "secret ") {
		return nil // a mended copy: its columns are not those of the file
	}
	line, _ := f.at(at)
	if last, _ := f.at(at + n); last != line {
		return nil
	}
	start := f.starts[line-1]
	old := f.line(line)
	if at-start+n > len(old) {
		return nil
	}
	return &Edit{File: f.path, From: line, To: line, Text: old[:at-start] + text + old[at-start+n:]}
}

// rename is the edit that puts another name in place of a variable's.
func (e *entry) rename(name string) *Edit { return replace(e.file, e.nameAt, len(e.name), name) }

// revalue is the edit that gives a variable written on one line another value.
func (e *entry) revalue(value string) *Edit {
	at, end := e.valueAt, e.end
	if e.style == literal || e.style == folded || e.style == mapping || e.style == absent || end < at {
		return nil
	}
	switch e.style {
	case plain, single, double:
		if e.from == "environment" && !strings.Contains(string(e.file.text[e.nameAt:at]), ":") { // a quoted list item
			return nil
		}
		value = `"` + value + `"`
	}
	if e.from == "env_file" || e.from == "conf" {
		value = strings.Trim(value, `"`)
	}
	return replace(e.file, at, end-at, value)
}

// remove is the edit that takes a variable out, when it is on one line.
func (e *entry) remove() *Edit {
	line := e.firstLine()
	if !e.file.unmended() || e.lastLine() != line || e.from == "file" {
		return nil
	}
	return &Edit{File: e.file.path, From: line, To: line}
}

// insertAfter is the edit that adds a variable below another, in its form.
func (e *entry) insertAfter(name, value string) *Edit {
	if !e.file.unmended() || e.from == "file" || e.flow() {
		return nil
	}
	line := e.lastLine()
	indent := e.file.indent(e.firstLine())
	return &Edit{File: e.file.path, From: line + 1, To: line, Text: indent + strings.ReplaceAll(e.written(name, value), "\n", "\n"+indent)}
}

// lint runs the rules and gives the findings in the order of files and lines.
func (s *subject) lint() []Finding {
	problems := slices.Clone(s.reader.problems)
	for _, rule := range Rules() {
		if rule.check == nil { // found while reading
			continue
		}
		for _, p := range rule.check(s) {
			p.code = cmp.Or(p.code, rule.Code)
			p.level = cmp.Or(p.level, rule.Level)
			problems = append(problems, p)
		}
	}
	if c := s.reader.compose; c != nil && !slices.ContainsFunc(problems, func(p problem) bool {
		return p.refuses == byCompose // says in better words why
	}) {
		problems = append(problems, *c)
	}
	problems = s.weigh(problems)
	s.encodedAgain(problems)
	m := s.masker()
	var out []Finding
	seen := map[Finding]bool{}
	for _, p := range problems {
		f := m.finding(p)
		if f.Edit != nil && !p.file.writable() {
			f.Edit = nil
		}
		if f.Edit != nil {
			f.Edit.was, f.Edit.read = s.linesOf(f.Edit)
		}
		key := Finding{Code: f.Code, File: f.File, Line: f.Line, Column: f.Column, Message: f.Message}
		if !seen[key] {
			seen[key] = true
			out = append(out, f)
		}
	}
	s.sort(out)
	return s.hush(out)
}

// linesOf are the lines that an edit replaces, as they were read.
func (s *subject) linesOf(e *Edit) (string, bool) {
	files := s.reader.files
	if s.blueprintFile != nil {
		files = append(slices.Clone(files), s.blueprintFile)
	}
	for _, f := range files {
		if f.path == e.File {
			var lines []string
			for n := e.From; n <= e.To; n++ {
				lines = append(lines, f.written().line(n))
			}
			return strings.Join(lines, "\n"), true
		}
	}
	return "", false
}

// sort puts errors first, then warnings, then notes; each in the order of files
// and lines, what is there now first.
func (s *subject) sort(list []Finding) {
	order := map[string]int{}
	for i, f := range s.reader.files {
		if _, ok := order[f.path]; !ok {
			order[f.path] = i
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Level), rank(b.Level)), cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.From, b.From),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
}

func rank(level string) int {
	switch level {
	case Error:
		return 0
	case Warning:
		return 1
	}
	return 2
}
