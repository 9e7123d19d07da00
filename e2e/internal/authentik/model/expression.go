package model

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// errExpression marks a mapping that only Python can evaluate.
var errExpression = errors.New("only a dictionary of plain values is understood")

// evaluate reads the mappings that users write for a sign-in: one return of a
// dictionary whose values are constants, fields of the user, attributes and
// group names. Anything else is an error, never a guess.
func (s *Server) evaluate(expression string, u *deployment.AuthentikUser) (map[string]any, error) {
	p := &pyReader{text: expression, user: u, server: s}
	p.space()
	if !p.word("return") {
		return nil, errExpression
	}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	p.space()
	m, ok := v.(map[string]any)
	if !ok || p.at < len(p.text) {
		return nil, errExpression
	}
	return m, nil
}

type pyReader struct {
	text   string
	at     int
	depth  int
	user   *deployment.AuthentikUser
	server *Server
}

// space skips blanks, line ends and comments.
func (p *pyReader) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		case '#':
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		default:
			return
		}
	}
}

func (p *pyReader) word(w string) bool {
	if !strings.HasPrefix(p.text[p.at:], w) {
		return false
	}
	p.at += len(w)
	return true
}

// take matches a pattern at the place and steps over it.
func (p *pyReader) take(re *lazyregexp.Regexp) []string {
	m := re.FindStringSubmatch(p.text[p.at:])
	if m != nil {
		p.at += len(m[0])
	}
	return m
}

var (
	pyNumber     = lazyregexp.New(`^-?\d+`)
	pyAttribute  = lazyregexp.New(`^(?:request\.)?user\.attributes\.get\(\s*`)
	pyGroups     = lazyregexp.New(`^\[\s*(\w+)\.name\s+for\s+(\w+)\s+in\s+(?:request\.)?user\.(ak_groups|groups|all_groups)(?:\.all)?(?:\(\))?\s*\]`)
	pyField      = lazyregexp.New(`^(?:request\.)?user\.(username|email|name|uid|uuid|pk)\b`)
	pyIdentifier = lazyregexp.New(`^\w+`)
)

func (p *pyReader) value() (any, error) {
	if p.depth++; p.depth > 20 {
		return nil, errExpression
	}
	defer func() { p.depth-- }()
	p.space()
	if p.at >= len(p.text) {
		return nil, errExpression
	}
	if m := p.take(pyGroups); m != nil && m[1] == m[2] {
		if m[3] == "groups" && !p.server.at("2026.2.0") {
			return []string{}, nil // Django's own groups, of which authentik makes none (docs/facts/authentik.md#4.6)
		}
		return append([]string{}, p.user.Groups...), nil
	}
	if p.take(pyAttribute) != nil {
		return p.attribute()
	}
	if m := p.take(pyField); m != nil {
		return p.field(m[1]), nil
	}
	switch c := p.text[p.at]; {
	case c == '{':
		return p.dict()
	case c == '[':
		return p.list()
	case c == '"' || c == '\'':
		return p.str()
	case c == '-' || (c >= '0' && c <= '9'):
		n, err := strconv.ParseInt(p.take(pyNumber)[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errExpression, err)
		}
		return n, nil
	}
	switch m := p.take(pyIdentifier); {
	case m == nil:
		return nil, errExpression
	case m[0] == "True":
		return true, nil
	case m[0] == "False":
		return false, nil
	case m[0] == "None":
		return nil, nil
	}
	return nil, errExpression
}

func (p *pyReader) field(name string) any {
	switch name {
	case "username":
		return p.user.Username
	case "email":
		return p.user.Email
	case "name":
		return p.user.Name
	case "uid":
		return p.server.uid(p.user)
	case "uuid":
		return p.server.uuid(p.user)
	}
	return p.server.db.users[p.user.Username]
}

// attribute is user.attributes.get("name", default). Of the attributes only
// email_verified is in the model.
func (p *pyReader) attribute() (any, error) {
	name, err := p.str()
	if err != nil {
		return nil, err
	}
	var fallback any
	p.space()
	if p.word(",") {
		if fallback, err = p.value(); err != nil {
			return nil, err
		}
		p.space()
	}
	if !p.word(")") {
		return nil, errExpression
	}
	if name == "email_verified" && p.user.EmailVerified != nil {
		return *p.user.EmailVerified, nil
	}
	return fallback, nil
}

func (p *pyReader) dict() (any, error) {
	p.at++
	out := map[string]any{}
	for {
		p.space()
		if p.word("}") {
			return out, nil
		}
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		p.space()
		if !p.word(":") {
			return nil, errExpression
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out[key] = v
		p.space()
		if !p.word(",") && !strings.HasPrefix(p.text[p.at:], "}") {
			return nil, errExpression
		}
	}
}

func (p *pyReader) list() (any, error) {
	p.at++
	out := []any{}
	for {
		p.space()
		if p.word("]") {
			return out, nil
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		p.space()
		if !p.word(",") && !strings.HasPrefix(p.text[p.at:], "]") {
			return nil, errExpression
		}
	}
}

// str is a string without escapes.
func (p *pyReader) str() (string, error) {
	p.space()
	if p.at >= len(p.text) || (p.text[p.at] != '"' && p.text[p.at] != '\'') {
		return "", errExpression
	}
	quote := p.text[p.at]
	end := strings.IndexByte(p.text[p.at+1:], quote)
	if end <= 0 && strings.HasPrefix(p.text[p.at:], strings.Repeat(string(quote), 3)) || end < 0 {
		return "", errExpression
	}
	s := p.text[p.at+1 : p.at+1+end]
	if strings.ContainsAny(s, "\\\n") {
		return "", errExpression
	}
	p.at += end + 2
	return s, nil
}
