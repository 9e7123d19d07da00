package config

import (
	"cmp"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// neighbour is the variable beside which a new one belongs: one of the login
// settings that stand in a file, else any of Paperless's; nil when there is none.
func (s *subject) neighbour() *entry {
	beside := func(e *entry) bool { return e.from != "file" && e.from != "shell" && !e.referred }
	for _, name := range []string{deployment.ProvidersKey, "PAPERLESS_APPS", "PAPERLESS_URL", deployment.AutoSignup, deployment.RedirectToSSO, deployment.DisableRegularLogin, remoteUser} {
		if e := s.vars[name]; e != nil && beside(e) {
			return e
		}
	}
	for _, e := range s.effective() {
		if loginVariable(e.name) && beside(e) {
			return e
		}
	}
	for _, e := range s.effective() {
		if beside(e) {
			return e
		}
	}
	return nil
}

// line is a definition as it would stand in the user's file.
func (s *subject) line(name, value string) string {
	if e := cmp.Or(s.vars[name], s.neighbour()); e != nil {
		return e.written(name, value)
	}
	kind := envKind
	switch {
	case s.project != nil:
		kind = composeKind
	case len(s.reader.files) > 0:
		kind = s.reader.files[0].kind
	}
	return formOf(kind, name, value)
}

// absent is a problem about a setting that is not there. Its fix is the line that
// adds it, in the form of the file and beside its neighbour.
func (s *subject) absent(name, value, message string) problem {
	p := s.anywhere(message, s.line(name, value))
	if e := s.neighbour(); e != nil {
		p = e.atName(message, e.written(name, value))
		if s.vars[name] == nil {
			p.edit = e.insertAfter(name, value)
		}
	}
	if e := s.vars[name]; e != nil { // it is there, and not as it should be
		p = e.atName(message, e.written(name, value))
	}
	p.setting = name
	return p
}
