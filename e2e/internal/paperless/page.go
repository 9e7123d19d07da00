// Package paperless is what is known of the relying party, Paperless-ngx. Its
// folder model is the lab's.
package paperless

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
)

// A Page is a page as somebody without a browser reads it. Those of Paperless-ngx
// before the sign-in are plain forms; of authentik's, only title and text count. The zero value is an empty page.
type Page struct{ root *html.Node }

// ParsePage reads a page; what no browser would mind is no error either.
func ParsePage(body string) Page {
	root, err := html.Parse(strings.NewReader(body)) // with scripting: what a noscript element holds counts for nothing
	if err != nil {
		return Page{} // only for a reader that fails, and this one does not
	}
	return Page{root: root}
}

// Title is the text of the title element; empty without one.
func (p Page) Title() string {
	if n := p.find(func(n *html.Node) bool { return n.DataAtom == atom.Title }); n != nil {
		return words(n)
	}
	return ""
}

// Text is what a user would read of the page without scripts.
func (p Page) Text() string { return words(p.root) }

// FormAction is the action of the first form whose action contains the part.
func (p Page) FormAction(part string) (string, bool) {
	form := p.find(func(n *html.Node) bool { return n.DataAtom == atom.Form && strings.Contains(attr(n, "action"), part) })
	return attr(form, "action"), form != nil
}

// SubmitsItself reports whether a script of the page submits a form by itself.
func (p Page) SubmitsItself() bool {
	return p.find(func(n *html.Node) bool {
		return n.DataAtom == atom.Script && n.FirstChild != nil && strings.Contains(n.FirstChild.Data, ".submit()")
	}) != nil
}

// CSRFToken is the token of the page's forms; empty without one.
func (p Page) CSRFToken() string { return p.Input("csrfmiddlewaretoken") }

// Input is the value of the first input element of this name; empty without one.
func (p Page) Input(name string) string { return attr(p.input(name), "value") }

// HasInput reports whether the page has an input element of this name.
func (p Page) HasInput(name string) bool { return p.input(name) != nil }

func (p Page) input(name string) *html.Node {
	return p.find(func(n *html.Node) bool { return n.DataAtom == atom.Input && attr(n, "name") == name })
}

// A Button starts the sign-in at a provider. The zero value is none.
type Button struct {
	ProviderID string
	Name       string // what stands on it
	Action     string // where its form is sent, as the page has it
}

var providerLogin = lazyregexp.New(`/accounts/oidc/([^/]+)/login/`)

// Button is the first button of an OpenID Connect provider.
func (p Page) Button() (Button, bool) {
	form := p.find(func(n *html.Node) bool {
		return n.DataAtom == atom.Form && providerLogin.MatchString(attr(n, "action"))
	})
	if form == nil {
		return Button{}, false
	}
	b := Button{Action: attr(form, "action"), Name: words(form)}
	b.ProviderID = providerLogin.FindStringSubmatch(b.Action)[1]
	return b, true
}

// find is the first element that matches, in the order of the page; nil: none.
func (p Page) find(match func(*html.Node) bool) *html.Node {
	if p.root == nil {
		return nil
	}
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, key string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// words is the text below a node, but for that of elements that nobody reads.
func words(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.TextNode:
			b.WriteString(n.Data)
		case html.ElementNode:
			switch n.DataAtom {
			case atom.Script, atom.Style, atom.Noscript, atom.Head, atom.Template:
				return
			}
			b.WriteByte(' ') // elements part words
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if n.Type == html.ElementNode {
			b.WriteByte(' ')
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}
