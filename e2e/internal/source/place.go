package source

import (
	"strings"
	"unicode/utf8"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A Problem is what a reader has to say about a place in a file.
type Problem struct {
	Code    string
	Level   string
	File    *file
	At      int // offset
	Width   int
	Setting string
	Message string
	Fix     string
	Edit    *Edit
	Meant   string // the setting that was meant
	Refuses string // who does not take the files because of it
	Form    bool   // the value's form as a whole is wrong: what else is said of its form follows from it
}

// The products that refuse files as a whole.
const (
	ByCompose   = "Compose"
	ByAuthentik = "authentik"
)

// AtName is a problem at the name of a variable.
func (e *Entry) AtName(message, fix string) Problem {
	return Problem{File: e.File, At: e.NameAt, Width: len(e.Name), Setting: e.Name, Message: message, Fix: fix}
}

// AtValue is a problem at the value of a variable.
func (e *Entry) AtValue(message, fix string) Problem {
	width := 1
	if line, _ := e.File.At(e.ValueAt); e.End > e.ValueAt && e.lastLine() == line {
		width = utf8.RuneCount(e.File.Text[e.ValueAt:min(e.End, len(e.File.Text))])
	}
	return Problem{File: e.File, At: e.ValueAt, Width: width, Setting: e.Name, Message: message, Fix: fix}
}

// AtNode is a problem at a piece of the provider JSON.
func (s *Set) AtNode(at, end int, message, fix string) Problem {
	e := s.Providers
	from := e.Offset(at)
	to := e.Offset(max(end-1, at)) + 1
	width := 1
	if line, _ := e.File.At(from); to > from {
		if last, _ := e.File.At(to - 1); last == line {
			width = utf8.RuneCount(e.File.Text[from:min(to, len(e.File.Text))])
		}
	}
	return Problem{File: e.File, At: from, Width: width, Setting: deployment.ProvidersKey, Message: message, Fix: e.members(fix)}
}

var jsonMember = lazyregexp.New(`"([A-Za-z_][A-Za-z0-9_]*)": (true|false|"[^"]*")`)

// members is a fix with the members of JSON in it as the file writes them: NixOS
// makes the JSON of attributes.
func (e *Entry) members(fix string) string {
	if e.From != "nix" || strings.ContainsRune("\"'", rune(e.File.Text[min(e.ValueAt, len(e.File.Text)-1)])) {
		return fix
	}
	return strings.ReplaceAll(jsonMember.ReplaceAllString(fix, "$1 = $2;"), `beside "APPS"`, "beside APPS")
}

// AtJSON is a problem at a value of the provider JSON.
func (s *Set) AtJSON(n *Node, message, fix string) Problem {
	return s.AtNode(n.At, n.End, message, fix)
}

// AtKey is a problem at a key of the provider JSON.
func (s *Set) AtKey(m *Member, message, fix string) Problem {
	return s.AtNode(m.At, m.End, message, fix)
}

// AtBlueprint is a problem at a part of the blueprint, by the key of its place;
// the first key that has a place counts.
func (s *Set) AtBlueprint(message, fix string, keys ...string) Problem {
	p := Problem{File: s.BlueprintFile, Message: message, Fix: fix}
	for _, key := range keys {
		if o, ok := s.Blueprint.Origins[key]; ok {
			p.At = s.BlueprintFile.Offset(o.Line, o.Column)
			break
		}
	}
	return p
}

// Anywhere is a problem of the configuration as a whole: at the service's
// environment, or at the first line of the first file.
func (s *Set) Anywhere(message, fix string) Problem {
	p := Problem{Message: message, Fix: fix}
	switch {
	case s.Vars["PAPERLESS_URL"] != nil:
		p.File, p.At = s.Vars["PAPERLESS_URL"].File, s.Vars["PAPERLESS_URL"].NameAt
	case s.Vars["PAPERLESS_APPS"] != nil:
		p.File, p.At = s.Vars["PAPERLESS_APPS"].File, s.Vars["PAPERLESS_APPS"].NameAt
	}
	if p.File == nil && s.Project != nil {
		for _, d := range s.Project.Docs {
			for _, svc := range d.Services() {
				if svc.Key == s.Project.Service {
					p.File, p.At, p.Width = d.Read, svc.at, len(svc.Key)
				}
			}
		}
	}
	if p.File == nil && len(s.Reader.files) > 0 {
		p.File = s.Reader.files[0]
	}
	return p
}

// AtImage moves a problem to the image of the service, where there is one.
func (s *Set) AtImage(p *Problem) {
	if s.Project == nil {
		return
	}
	for _, d := range s.Project.Docs {
		for _, svc := range d.Services() {
			if n := d.Get(svc.Value, "image"); svc.Key == s.Project.Service && n != nil {
				p.File, p.At, p.Width = d.Read, d.Place(n.GetToken()), len(d.Text(n))
			}
		}
	}
}
