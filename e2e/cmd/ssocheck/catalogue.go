package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/manual"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

type explainCmd struct {
	Code string `arg:"" help:"Code of an item or rule, such as RED-SLASH, id of a check, conformance test or hazard, or name of a setting."`
}

// Help shows its use.
func (explainCmd) Help() string {
	return `Examples:
  ssocheck explain RED-SLASH
  ssocheck explain PAPERLESS_SOCIAL_AUTO_SIGNUP`
}

// Run explains.
func (c *explainCmd) Run(e *env) error {
	known, err := source.Settings()
	if err != nil {
		return err
	}
	for _, s := range known {
		if strings.EqualFold(s.Name, c.Code) {
			printSetting(e.stdout, s)
			return nil
		}
	}
	entries, err := manual.Find(c.Code)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return fmt.Errorf("no item, lint rule, check, conformance test or login setting %s; ssocheck list items, rules, checks, conformance and settings show them", c.Code)
	}
	for n, entry := range entries {
		if n > 0 {
			fmt.Fprintln(e.stdout)
		}
		if err := entry.Text(e.stdout); err != nil {
			return err
		}
		if page := troubleshooting.DocURL(e2e.Version, entry.Page, entry.ID); page != "" {
			fmt.Fprintf(e.stdout, "\n%s\n", page)
		}
	}
	return nil
}

type listCmd struct {
	What   string `arg:"" enum:"checks,conformance,items,rules,versions,settings" help:"checks, conformance (its tests), items, rules, versions or settings."`
	Format string `enum:"text,json" default:"text" help:"text or json."`
}

// A listed is one line of a list.
type listed struct {
	// The fields of what it is; empty ones belong to another list.
	ID      string `json:"id,omitempty"`
	Code    string `json:"code,omitempty"`
	Product string `json:"product,omitempty"`
	Version string `json:"version,omitempty"`
	Guide   string `json:"guide,omitempty"`
	Level   string `json:"level,omitempty"`
	Check   string `json:"check,omitempty"` // the first one that it makes fail
	Title   string `json:"title,omitempty"`
	Known   string `json:"known,omitempty"` // observed, read or reported
	Source  string `json:"source,omitempty"`
	Basis   *basis `json:"basis,omitempty"` // how we know an item
	*setting

	line string // what the text form prints
}

// A basis is how we know that a cause shows as its item says.
type basis struct {
	Kind    string   `json:"kind"`
	Sources []string `json:"sources"` // paths from the root of the repository, with the place
}

// A setting is what a list tells of one.
type setting struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Default    string `json:"default"`
	Introduced string `json:"introduced"`
	Behaviour  string `json:"behaviour"`
}

// Run lists.
func (c *listCmd) Run(e *env) error {
	rows, err := c.rows()
	if err != nil {
		return err
	}
	if c.Format == "json" {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(rows)
	}
	for _, r := range rows {
		fmt.Fprintln(e.stdout, r.line)
	}
	return nil
}

func (c *listCmd) rows() ([]listed, error) {
	var rows []listed
	add := func(r listed, format string, args ...any) {
		r.line = fmt.Sprintf(format, args...)
		rows = append(rows, r)
	}
	switch c.What {
	case "checks":
		for _, ch := range checklist.All() {
			add(listed{ID: ch.ID, Guide: ch.Guide, Title: ch.Title}, "%-20s %-18s %s", ch.ID, ch.Guide, ch.Title)
		}
	case "conformance":
		for _, t := range conformance.All() {
			add(listed{ID: t.ID, Level: string(t.Severity), Title: t.Title}, "%-38s %-7s %-34s %s", t.ID, t.Severity, t.Clause, t.Title)
		}
	case "items":
		for _, i := range troubleshooting.ByGuide() {
			r := listed{Code: i.Code, Check: i.Breaks.ID, Title: i.Title, Basis: &basis{i.Basis.Kind.String(), append([]string{}, i.Basis.Sources...)}}
			short := ""
			if i.Guide > 0 {
				r.Guide, short = fmt.Sprintf("troubleshooting %d", i.Guide), fmt.Sprintf("guide %d", i.Guide)
			}
			add(r, "%-18s %-8s %-18s %s", i.Code, short, i.Breaks.ID, i.Title)
		}
	case "rules":
		for _, r := range troubleshooting.Rules() {
			add(listed{Code: r.Code, Level: r.Level, Title: r.Title}, "%-18s %-8s %s", r.Code, r.Level, r.Title)
		}
	case "versions":
		v, err := deployment.KnownVersions()
		if err != nil {
			return nil, err
		}
		for _, one := range []struct {
			product  string
			releases []deployment.Release
		}{{deployment.PaperlessProduct, v.Paperless}, {deployment.AuthentikProduct, v.Authentik}} {
			for _, r := range one.releases {
				add(listed{Product: one.product, Version: r.Version, Known: r.Known, Source: r.Source}, "%-10s %-10s %-9s %s", one.product, r.Version, r.Known, r.Source)
			}
		}
	case "settings":
		known, err := source.Settings()
		if err != nil {
			return nil, err
		}
		for _, s := range known {
			var line strings.Builder
			printSetting(&line, s)
			add(listed{setting: &setting{s.Name, s.Type, s.Default, s.Introduced, s.Behaviour}}, "%s", strings.TrimSuffix(line.String(), "\n"))
		}
	}
	return rows, nil
}

// printSetting tells about a setting that takes part in signing in.
func printSetting(w io.Writer, s source.Setting) {
	fmt.Fprintf(w, "%s  (%s, default %s, since %s)\n  %s\n", s.Name, s.Type, s.Default, s.Introduced, s.Behaviour)
}
