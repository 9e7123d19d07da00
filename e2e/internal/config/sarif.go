package config

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// SARIF 2.1.0 (OASIS), as far as findings need it.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri,omitempty"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifRule struct {
		ID      string    `json:"id"`
		Short   sarifText `json:"shortDescription"`
		Full    sarifText `json:"fullDescription"`
		Help    sarifText `json:"help"`
		HelpURI string    `json:"helpUri,omitempty"`
		Default struct {
			Level string `json:"level"`
		} `json:"defaultConfiguration"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex *int            `json:"ruleIndex,omitempty"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Fixes     []sarifFix      `json:"fixes,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int        `json:"startLine,omitempty"`
		StartColumn int        `json:"startColumn,omitempty"`
		EndLine     int        `json:"endLine,omitempty"`
		EndColumn   int        `json:"endColumn,omitempty"`
		Snippet     *sarifText `json:"snippet,omitempty"`
	}
	sarifLocation struct {
		Physical struct {
			Artifact sarifArtifact `json:"artifactLocation"`
			Region   *sarifRegion  `json:"region,omitempty"`
		} `json:"physicalLocation"`
	}
	sarifFix struct {
		Description sarifText     `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion `json:"deletedRegion"`
		Inserted *sarifText  `json:"insertedContent,omitempty"`
	}
)

func sarifLevel(level string) string {
	if level == Info {
		return "note"
	}
	return level
}

// sarifURI is a path as a relative URI reference, as code scanning wants it.
func sarifURI(path string) sarifArtifact {
	u := url.URL{Path: strings.TrimPrefix(filepath.ToSlash(path), "./")}
	return sarifArtifact{URI: u.String()}
}

// FormatSARIF writes findings as SARIF 2.1.0, for code scanning.
func FormatSARIF(w io.Writer, findings []Finding) error {
	log := sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    make([]sarifRun, 1),
	}
	run := &log.Runs[0]
	run.ColumnKind = "unicodeCodePoints"
	run.Results = []sarifResult{}
	run.Tool.Driver = sarifDriver{Name: "ssocheck", InformationURI: ProjectURL(), Rules: []sarifRule{}}
	index := map[string]int{}
	for _, r := range Rules() {
		rule := sarifRule{
			ID: r.Code, Short: sarifText{r.Problem()}, Full: sarifText{r.Doc},
			Help: sarifText{r.Help()}, HelpURI: DocURL("", "lint.md", r.Code),
		}
		rule.Default.Level = sarifLevel(r.Level)
		index[r.Code] = len(run.Tool.Driver.Rules)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
	}
	for _, f := range findings {
		text := f.Say()
		if f.Fix != "" {
			text += "\nFix: " + f.Fix
		}
		res := sarifResult{RuleID: f.Code, Level: sarifLevel(f.Level), Message: sarifText{text}}
		if i, ok := index[f.Code]; ok {
			res.RuleIndex = &i
		}
		if f.File != "" {
			var loc sarifLocation
			loc.Physical.Artifact = sarifURI(f.File)
			if f.Line > 0 {
				loc.Physical.Region = &sarifRegion{StartLine: f.Line, StartColumn: f.Column}
				if f.Column > 0 {
					loc.Physical.Region.EndColumn = f.Column + max(f.Width, 1)
				}
				if f.Source != "" {
					loc.Physical.Region.Snippet = &sarifText{f.Source}
				}
			}
			res.Locations = []sarifLocation{loc}
		}
		if e := f.Edit; e.Whole() {
			res.Fixes = []sarifFix{sarifEdit(e, f)}
		}
		run.Results = append(run.Results, res)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(log); err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

func sarifEdit(e *Edit, f Finding) sarifFix {
	r := sarifReplacement{Deleted: sarifRegion{StartLine: e.From, StartColumn: 1, EndLine: e.To + 1, EndColumn: 1}}
	if e.To < e.From {
		r.Deleted.EndLine = e.From
	}
	if e.Text != "" || e.To < e.From {
		r.Inserted = &sarifText{e.Text + "\n"}
	}
	return sarifFix{
		Description: sarifText{f.Fix},
		Changes:     []sarifChange{{Artifact: sarifURI(e.File), Replacements: slices.Clip([]sarifReplacement{r})}},
	}
}
