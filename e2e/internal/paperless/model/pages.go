package model

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"sync"
)

//go:embed templates
var templateFS embed.FS

var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.ParseFS(templateFS, "templates/*.html")
})

var appScript = sync.OnceValues(func() (template.JS, error) {
	text, err := templateFS.ReadFile("templates/app.js")
	return template.JS(text), err
})

// A view is what every page gets.
type view struct {
	Title    string
	AppTitle string
	Base     string // ends in a slash
	Host     string
	CSRF     string
	Old      bool // the stand-alone pages of 2.5
	Messages []message
	Errors   []string
	Data     any
}

// page renders one of our pages with status 200.
func (c *call) page(name, title string, data any, errs ...string) *reply {
	v := view{
		Title: title, AppTitle: c.set.appTitle, Base: c.set.script + "/", Host: c.host(), Old: !c.set.at("2.6.0"),
		Errors: errs, Data: data, Messages: []message{},
	}
	switch name {
	case "login", "confirm", "social-signup", "signup", "admin-login", "api-login":
		v.CSRF = c.csrfToken()
	case "app":
		c.ensureCSRF()
	}
	if name == "login" || name == "app" {
		v.Messages = append(v.Messages, c.takeMessages()...)
	}
	return c.render(name, v)
}

func (c *call) render(name string, v view) *reply {
	t, err := templates()
	if err != nil {
		panic(fmt.Sprintf("paperless: templates: %v", err)) // they are compiled in; a test renders them all
	}
	var buf bytes.Buffer
	if err := t.ExecuteTemplate(&buf, name, v); err != nil {
		panic(fmt.Sprintf("paperless: template %s: %v", name, err))
	}
	return &reply{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: buf.Bytes()}
}

// plain is one of allauth's own pages, which Paperless does not restyle.
func (c *call) plain(title, text string) *reply {
	return c.page("plain", title, map[string]any{"Text": text})
}

// errorPage is Django's bare page of a status.
func (c *call) errorPage(status int) *reply {
	title, text := map[int]string{
		http.StatusBadRequest:          "Bad Request (400)",
		http.StatusForbidden:           "403 Forbidden",
		http.StatusNotFound:            "Not Found",
		http.StatusTooManyRequests:     "Too Many Requests",
		http.StatusInternalServerError: "Server Error (500)",
	}[status], ""
	switch status {
	case http.StatusNotFound:
		text = "The requested resource was not found on this server."
	case http.StatusTooManyRequests:
		text = "You are sending too many requests."
	}
	rep := c.page("error", title, map[string]any{"Text": text})
	rep.status = status
	return rep
}

// authError is the page of a sign-in that failed at the callback. It never says why.
func (c *call) authError() *reply {
	rep := c.page("auth-error", "Paperless-ngx social account sign in", nil)
	if c.set.at("3.0.0") {
		rep.status = http.StatusUnauthorized
	}
	return rep
}

// app is the web application.
func (c *call) app() *reply {
	script, err := appScript()
	if err != nil {
		panic(fmt.Sprintf("paperless: app.js: %v", err)) // compiled in
	}
	nav := []string{"Dashboard", "Documents", "MANAGE", "Correspondents", "Tags", "Document Types", "Storage Paths", "Custom Fields", "Saved Views", "Workflows", "Mail"}
	switch {
	case c.set.at("3.0.0"):
		nav = []string{"Dashboard", "Documents", "MANAGE", "Attributes", "Tags", "Correspondents", "Document types", "Storage paths", "Custom fields", "Saved views", "Workflows", "Mail"}
	case !c.set.at("2.6.0"):
		nav = []string{"Dashboard", "MANAGE", "ADMINISTRATION", "Documentation", "Paperless-ngx " + c.set.version}
	}
	hello := "Hello {name}, welcome to Paperless-ngx"
	return c.page("app", "", map[string]any{
		"CookiePrefix": c.set.prefix,
		"Script":       script,
		"App": map[string]any{
			"api": c.apiVersions()[1], "cookie_prefix": c.set.prefix, "nav": nav, "hello": hello,
			"footer": "Paperless-ngx v",
			"hangs":  !c.set.at("2.11.2"),
			"badge":  c.set.at("3.0.0"),
		},
	})
}
