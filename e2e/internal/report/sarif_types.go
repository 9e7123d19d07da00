package report

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// SARIF 2.1.0 (OASIS), as far as findings and failed checks need it.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		ColumnKind  string            `json:"columnKind,omitempty"`
		Invocations []sarifInvocation `json:"invocations,omitempty"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri,omitempty"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string              `json:"id"`
		Short   sarifMessage        `json:"shortDescription"`
		Full    *sarifMessage       `json:"fullDescription,omitempty"`
		Default *sarifConfiguration `json:"defaultConfiguration,omitempty"`
		Help    *sarifMessage       `json:"help,omitempty"`
		URI     string              `json:"helpUri,omitempty"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex *int            `json:"ruleIndex,omitempty"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Prints    *sarifPrints    `json:"partialFingerprints,omitempty"`
		Fixes     []sarifFix      `json:"fixes,omitempty"`
	}
	sarifPrints struct {
		Place string `json:"ssocheck/v1"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int           `json:"startLine,omitempty"`
		StartColumn int           `json:"startColumn,omitempty"`
		EndLine     int           `json:"endLine,omitempty"`
		EndColumn   int           `json:"endColumn,omitempty"`
		Snippet     *sarifMessage `json:"snippet,omitempty"`
	}
	sarifFix struct {
		Description sarifMessage  `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion   `json:"deletedRegion"`
		Inserted *sarifMessage `json:"insertedContent,omitempty"`
	}
)

// newSARIF is an empty run of this version of the tool.
func newSARIF(version string) sarifRun {
	return sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "ssocheck", Version: version, InformationURI: source.ProjectURL(), Rules: []sarifRule{},
		}},
		Results: []sarifResult{},
	}
}

// write writes the log of one run.
func (r *sarifRun) write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{*r}}
	if err := enc.Encode(log); err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

// levelWord is the level of a diagnostic in a format that has a word of its own
// for what is worth knowing: note in SARIF, notice in a GitHub workflow.
func levelWord(level, info string) string {
	if level == source.Error || level == source.Warning {
		return level
	}
	return info
}

// sarifURI is a path as a relative URI reference, as code scanning wants it.
func sarifURI(path string) sarifArtifact {
	u := url.URL{Path: strings.TrimPrefix(filepath.ToSlash(path), "./")}
	return sarifArtifact{URI: u.String()}
}
