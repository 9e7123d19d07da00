package browser

import (
	"fmt"
	"slices"
	"strings"
)

// A Selector says which element is meant. Where several match, the first
// visible one is. The zero value matches nothing; see CSS and Deep.
type Selector struct {
	path []string
	deep bool
	text string
}

// CSS selects in the document itself, not in shadow roots.
func CSS(css string) Selector { return Selector{path: []string{css}} }

// Deep selects by a path of CSS selectors. Each is looked up inside the ones
// before it, at any depth and through open shadow roots. Scope a path by the
// component that draws the element: authentik puts decoys for password managers
// into the light DOM, and only a scoped path passes them by.
func Deep(path ...string) Selector { return Selector{path: slices.Clone(path), deep: true} }

// WithText keeps the elements whose visible text contains this, whatever the
// case and white space.
func (s Selector) WithText(text string) Selector {
	s.text = strings.Join(strings.Fields(text), " ")
	return s
}

// String is the selector as error messages show it.
func (s Selector) String() string {
	out := strings.Join(s.path, " » ")
	if s.text != "" {
		out += fmt.Sprintf(" %q", s.text)
	}
	return out
}

func (s Selector) arg() map[string]any {
	path := s.path
	if len(path) == 0 {
		path = []string{":not(*)"} // nothing
	}
	return map[string]any{"path": path, "deep": s.deep, "text": s.text}
}

// A Condition is something that can be seen of the current page. All parts of a
// condition are judged at the same moment, on the same document.
type Condition struct {
	what  string
	sels  []Selector
	texts []string
	holds func(seen) bool
}

// seen is one probe of the current document.
type seen struct {
	URL    string
	Title  string
	Status int
	sels   map[string]string // Selector.String() + kind → missing, hidden, visible
	texts  map[string]bool
}

// String is the condition in words.
func (c Condition) String() string { return c.what }

// Visible holds when an element of this selector can be seen.
func Visible(sel Selector) Condition {
	return Condition{
		what: sel.String(), sels: []Selector{sel},
		holds: func(s seen) bool { return s.sels[sel.key()] == "visible" },
	}
}

// Present holds when an element of this selector is in the page, seen or not.
func Present(sel Selector) Condition {
	return Condition{
		what: sel.String() + " (may be hidden)", sels: []Selector{sel},
		holds: func(s seen) bool { return s.sels[sel.key()] == "visible" || s.sels[sel.key()] == "hidden" },
	}
}

// Shows holds when the visible text of the page contains this, whatever the
// case and white space.
func Shows(text string) Condition {
	text = strings.Join(strings.Fields(text), " ")
	return Condition{
		what: fmt.Sprintf("the text %q", text), texts: []string{text},
		holds: func(s seen) bool { return s.texts[text] },
	}
}

// URLIs holds when the predicate does for the URL of the page; what says in a
// few words which URL that is. The URL is the real one, secrets included.
func URLIs(what string, pred func(url string) bool) Condition {
	return Condition{what: what, holds: func(s seen) bool { return pred(s.URL) }}
}

// URLHas holds when the URL of the page contains this.
func URLHas(part string) Condition {
	return URLIs("a URL with "+part, func(url string) bool { return strings.Contains(url, part) })
}

// Status holds when the document of the page came with one of these statuses.
// A response without a body counts too.
func Status(codes ...int) Condition {
	return Condition{
		what:  strings.Trim(fmt.Sprintf("status %v", codes), "[]"),
		holds: func(s seen) bool { return slices.Contains(codes, s.Status) },
	}
}

// All holds when each of the conditions does.
func All(conds ...Condition) Condition { return join(" and ", conds, true) }

// AnyOf holds when one of the conditions does.
func AnyOf(conds ...Condition) Condition { return join(" or ", conds, false) }

// Not holds when the condition does not.
func Not(c Condition) Condition {
	holds := c.holds
	c.what = "not " + c.what
	c.holds = func(s seen) bool { return !holds(s) }
	return c
}

func join(word string, conds []Condition, all bool) Condition {
	var out Condition
	var words []string
	for _, c := range conds {
		words = append(words, c.what)
		out.sels = append(out.sels, c.sels...)
		out.texts = append(out.texts, c.texts...)
	}
	out.what = strings.Join(words, word)
	out.holds = func(s seen) bool {
		for _, c := range conds {
			if c.holds(s) != all {
				return !all
			}
		}
		return all
	}
	return out
}

// key tells selectors apart that print alike.
func (s Selector) key() string { return fmt.Sprint(s.deep, s.path, s.text) }
