package model

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"sync"
)

var (
	//go:embed pages.html
	pagesText string
	//go:embed flow.js
	flowScript string
	//go:embed draw.js
	drawScript string
)

var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Parse(pagesText))
})

// pageData fills a server-rendered page.
type pageData struct {
	Title, Heading, Text string
	User, App            string
	Base                 string // the path that authentik lives under
	Draw                 string // milliseconds after which it is drawn, and what is drawn next
	Script               template.JS
	GoHome               bool // the refusal has a link home
	// Of the flow shell:
	Slug   string
	Shape  string // which of the shells of docs/facts/authentik.md#5.3 and docs/facts/releases-2026.md#2
	Drawer bool   // the executor is in a drawer, and its slug in another attribute
}

// page is one of authentik's pages. The server writes the text, and the page's
// script draws it.
func (v *visit) page(status int, name string, d pageData) {
	if d.Script == "" { // not the shell of a flow
		d.Draw, d.Script = v.draws(1), template.JS(drawScript) //nolint:gosec // our own embedded script
	}
	d.Base = v.base
	var buf bytes.Buffer
	if err := pages().ExecuteTemplate(&buf, name, d); err != nil {
		http.Error(v.w, "lab: "+err.Error(), http.StatusInternalServerError)
		return
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(buf.Bytes()) // the client went away: nothing to do
}

// flowPage is the shell in which a flow runs; everything visible is made by the
// script, in open shadow roots.
func (s *Server) flowPage(v *visit, rest string) {
	slug := strings.TrimSuffix(rest, "/")
	if !knownFlow(slug) || slug == rest {
		v.page(http.StatusNotFound, "notfound", pageData{Title: "authentik"})
		return
	}
	if v.r.URL.Query().Has("sfe") || strings.Contains(v.r.UserAgent(), "PKeyAuth") {
		s.missing(v, "the simplified flow page (sfe)")
		return
	}
	if _, err := v.r.Cookie(csrfCookie); err != nil && v.key != "" {
		s.csrf(v) // a session from before an upgrade
	}
	shape := "header" // the stage holds its heading itself
	switch {
	case s.at("2026.5.0"):
		shape = "heading" // read in 2026.5.0-rc1; what was seen of 2026.8 fits
	case s.at("2025.12.0"):
		shape = "drawer"
	case s.at("2025.10.0"):
		shape = "labels" // errors stand in the stage, labels beside the inputs
	case s.at("2025.8.0"):
		shape = "card"
	}
	v.page(http.StatusOK, "flow", pageData{
		Title: "authentik", Slug: slug, Shape: shape, Drawer: s.at("2025.12.0"),
		Draw: v.draws(stagesDrawn), Script: template.JS(flowScript), //nolint:gosec // our own embedded script
	})
}
