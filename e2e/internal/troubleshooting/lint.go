package troubleshooting

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
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
	// Breaks is the check that fails by it first, for causes that no item finds
	// in the evidence; empty: none.
	Breaks string
	// Lost is true when the setting does not arrive as it is written: what then
	// goes wrong with this setting has the same cause.
	Lost  bool
	check func(*source.Set) []source.Problem
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

// lint runs the rules and gives the findings in the order of files and lines.
func lintSet(s *source.Set) []source.Diagnostic {
	problems := slices.Clone(s.Reader.Problems)
	for _, rule := range Rules() {
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
	return s.Diagnostics(sift(s, problems))
}

// absences are the settings whose absence a rule may be about.
var absences = map[string][]string{
	"CFG-SECRETKEY": {"PAPERLESS_SECRET_KEY"},
	"UPG-V3":        {"PAPERLESS_SECRET_KEY"},
	"CFG-APPS":      {"PAPERLESS_APPS"},
	"CFG-NOAPP":     {"PAPERLESS_APPS", deployment.ProvidersKey},
	"CFG-KEY":       {deployment.ProvidersKey},
	"REG-LOCKOUT":   {"PAPERLESS_APPS", deployment.ProvidersKey},
	"REDIR-OFF":     {"PAPERLESS_APPS", deployment.ProvidersKey},
	"PROXY-CSRF":    {"PAPERLESS_URL"},
	"PROXY-ALLOWED": {"PAPERLESS_URL", "PAPERLESS_ALLOWED_HOSTS"},
	"PROXY-PROTO":   {"PAPERLESS_PROXY_SSL_HEADER", "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL"},
	"RU-OFF":        {deployment.RemoteUser},
}

// sift leaves out what is said of a variable that is not known here, and takes
// down to a note what is said of one that a part of a configuration lacks.
func sift(s *source.Set, problems []source.Problem) []source.Problem {
	var out []source.Problem
	for _, p := range problems {
		if e := s.Vars[p.Setting]; e != nil && p.Code != "CFG-ELSEWHERE" && p.Code != "CFG-UNSET" && p.File == e.File {
			if e.Unknown != "" {
				continue
			}
			if len(e.Gaps) > 0 && p.Setting != deployment.ProvidersKey && p.At >= e.ValueAt {
				continue
			}
			if e.Broken && followsForm[p.Code] && !p.Form {
				continue
			}
		}
		if e := s.Files[p.Setting]; e != nil && e.Unknown != "" && p.File == e.File {
			continue
		}
		drop := false
		for _, name := range absences[p.Code] {
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

// followsForm are the rules about the form of a value, which say nothing new of
// one whose form is wrong as a whole.
var followsForm = map[string]bool{"CFG-JSON": true, "CFG-QUOTES": true, "CFG-COMMENT": true, "CFG-DOLLAR": true, "CFG-NEWLINE": true, "CFG-SPACES": true, "CFG-YAMLMAP": true, "CFG-ENVLINE": true, "CFG-LIST": true}

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
