// Package compose holds the template of the compose file that users can run
// by hand; package render fills it.
package compose

import "embed"

// FS holds compose.yaml.tmpl.
//
//go:embed compose.yaml.tmpl
var FS embed.FS
