package source

import (
	"cmp"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// neighbour is the variable beside which a new one belongs: one of the login
// settings that stand in a file, else any of Paperless's; nil when there is none.
func (s *Set) neighbour() *Entry {
	beside := func(e *Entry) bool { return e.From != "file" && e.From != "shell" && !e.referred }
	for _, name := range []string{deployment.ProvidersKey, "PAPERLESS_APPS", "PAPERLESS_URL", deployment.AutoSignup, deployment.RedirectToSSO, deployment.DisableRegularLogin, deployment.RemoteUser} {
		if e := s.Vars[name]; e != nil && beside(e) {
			return e
		}
	}
	for _, e := range s.Effective() {
		if LoginVariable(e.Name) && beside(e) {
			return e
		}
	}
	for _, e := range s.Effective() {
		if beside(e) {
			return e
		}
	}
	return nil
}

// Line is a definition as it would stand in the user's file.
func (s *Set) Line(name, value string) string {
	if e := cmp.Or(s.Vars[name], s.neighbour()); e != nil {
		return e.Written(name, value)
	}
	kind := envKind
	switch {
	case s.Project != nil:
		kind = composeKind
	case len(s.Reader.files) > 0:
		kind = s.Reader.files[0].kind
	}
	return formOf(kind, name, value)
}

// Absent is a problem about a setting that is not there. Its fix is the line that
// adds it, in the form of the file and beside its neighbour.
func (s *Set) Absent(name, value, message string) Problem {
	p := s.Anywhere(message, s.Line(name, value))
	if e := s.neighbour(); e != nil {
		p = e.AtName(message, e.Written(name, value))
		if s.Vars[name] == nil {
			p.Edit = e.InsertAfter(name, value)
		}
	}
	if e := s.Vars[name]; e != nil { // it is there, and not as it should be
		p = e.AtName(message, e.Written(name, value))
	}
	p.Setting = name
	return p
}
