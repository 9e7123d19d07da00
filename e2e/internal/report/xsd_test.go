package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// An xsd is the part of XML Schema that JUnit's schemas use: global elements
// with attributes and a content of sequences and choices. Anything else in a
// schema is an error, so that no rule is passed over.
type xsd struct {
	elements map[string]*xsdNode
	types    map[string]*xsdNode // simple types with a pattern
}

type xsdNode struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []*xsdNode `xml:",any"`
}

func (n *xsdNode) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (n *xsdNode) child(name string) *xsdNode {
	for _, c := range n.Children {
		if c.XMLName.Local == name {
			return c
		}
	}
	return nil
}

func readXSD(text []byte) (*xsd, error) {
	var root xsdNode
	if err := xml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	s := &xsd{elements: map[string]*xsdNode{}, types: map[string]*xsdNode{}}
	for _, n := range root.Children {
		switch n.XMLName.Local {
		case "element":
			s.elements[n.attr("name")] = n
		case "simpleType", "complexType":
			s.types[n.attr("name")] = n
		default:
			return nil, fmt.Errorf("the schema has a %s", n.XMLName.Local)
		}
	}
	return s, nil
}

// model is a content model as a regular expression over <name><name>….
func model(n *xsdNode) string {
	var inner []string
	for _, c := range n.Children {
		switch c.XMLName.Local {
		case "element":
			inner = append(inner, "(?:<"+regexp.QuoteMeta(c.attr("ref")+c.attr("name"))+">)"+occurs(c))
		case "sequence", "choice":
			inner = append(inner, model(c))
		}
	}
	by := ""
	if n.XMLName.Local == "choice" {
		by = "|"
	}
	return "(?:" + strings.Join(inner, by) + ")" + occurs(n)
}

func occurs(n *xsdNode) string {
	low, high := n.attr("minOccurs"), n.attr("maxOccurs")
	switch {
	case low == "0" && high == "unbounded":
		return "*"
	case low == "0":
		return "?"
	case high == "unbounded":
		return "+"
	}
	return ""
}

// validate is everything that is wrong with a document.
func (s *xsd) validate(doc io.Reader) []string {
	var root xsdNode
	if err := xml.NewDecoder(doc).Decode(&root); err != nil {
		return []string{err.Error()}
	}
	return s.check(&root)
}

func (s *xsd) check(n *xsdNode) []string {
	name := n.XMLName.Local
	rule := s.elements[name]
	if rule == nil {
		return []string{"there is no element " + name}
	}
	var wrong []string
	content := rule.child("complexType")
	if content == nil { // text only
		if len(n.Children) > 0 {
			wrong = append(wrong, name+" holds elements")
		}
		return wrong
	}
	want := ""
	var allowed []string
	for _, c := range content.Children {
		switch c.XMLName.Local {
		case "attribute":
			allowed = append(allowed, c.attr("name"))
			value := n.attr(c.attr("name"))
			if c.attr("use") == "required" && !slices.ContainsFunc(n.Attrs, func(a xml.Attr) bool { return a.Name.Local == c.attr("name") }) {
				wrong = append(wrong, name+" lacks "+c.attr("name"))
			}
			if t := s.types[c.attr("type")]; t != nil {
				pattern := t.child("restriction").child("pattern").attr("value")
				if !regexp.MustCompile("^(?:" + pattern + ")$").MatchString(value) {
					wrong = append(wrong, fmt.Sprintf("%s %s=%q is not %s", name, c.attr("name"), value, pattern))
				}
			}
		case "sequence", "choice":
			want += model(c)
		}
	}
	for _, a := range n.Attrs {
		if !slices.Contains(allowed, a.Name.Local) {
			wrong = append(wrong, name+" has "+a.Name.Local)
		}
	}
	var have strings.Builder
	for _, c := range n.Children {
		have.WriteString("<" + c.XMLName.Local + ">")
		wrong = append(wrong, s.check(c)...)
	}
	if !regexp.MustCompile("^" + want + "$").MatchString(have.String()) {
		wrong = append(wrong, fmt.Sprintf("%s holds %s", name, have.String()))
	}
	return wrong
}
