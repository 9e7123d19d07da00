// Package config reads what users have (compose files with their .env and
// env_file, env files, paperless.conf, authentik blueprints) into a Bundle,
// with the line of every value, and lints it without a browser or Docker.
package source

import (
	"encoding/json"
	"strings"
)

// The levels of a Finding.
const (
	Error   = "error"   // users cannot sign in, or Paperless does not start
	Warning = "warning" // something does nothing, or is a risk
	Info    = "info"    // worth knowing
)

// A Diagnostic is one thing that lint has to say about a file.
type Diagnostic struct {
	Code    string `json:"code"`  // stable, such as CFG-UNKNOWN; the same codes as troubleshooting items where the cause is the same
	Level   string `json:"level"` // Error, Warning or Info
	File    string `json:"file"`
	Line    int    `json:"line"`              // 1-based; 0: the file as a whole
	Column  int    `json:"column"`            // 1-based; 0: the line as a whole
	Width   int    `json:"width,omitempty"`   // columns that the caret underlines; 0: one
	Setting string `json:"setting,omitempty"` // variable that it is about
	// From is the version (PAPERLESS or PAPERLESS,AUTHENTIK) that an upgrade asks
	// for, when the finding comes only with it; empty: it holds now.
	From string `json:"from,omitempty"`
	// Meant is the setting that was meant, where the written name is not read.
	Meant string `json:"meant,omitempty"`
	// Refuses names who does not take the files because of it, Compose or
	// authentik: nothing starts.
	Refuses string `json:"refuses,omitempty"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"` // what to do; the corrected line where we can write it
	// Source is the line of the file, secrets masked.
	Source string `json:"source,omitempty"`
	// Edit is the change that fixes it; nil where a user must decide.
	Edit *Edit `json:"edit,omitempty"`

	Caret int `json:"-"` // column in Source, which masking may have moved; 0: Column
}

// An Edit replaces whole lines of a file.
type Edit struct {
	File string `json:"file"`
	From int    `json:"from"` // first line, 1-based
	To   int    `json:"to"`   // last line, inclusive; From-1 inserts before From
	Text string `json:"text"` // new lines without the last newline; empty with To ≥ From deletes

	shown string // Text with its secrets hidden: what is printed
	was   string // lines From to To as they were read
	read  bool   // was is known
}

// Shown is the new text with its secrets hidden.
func (e *Edit) Shown() string {
	if e.shown == "" { // made by hand, not by lint
		return hideLine(e.Text)
	}
	return e.shown
}

// Whole reports whether the new text is known and can be shown as it is: one whose
// secrets had to be hidden cannot be given to a program that makes the edit.
func (e *Edit) Whole() bool {
	return e != nil && e.Shown() == e.Text && !strings.Contains(e.Text, hidden)
}

// MarshalJSON hides the secrets of the new lines: an edit is printed, and only
// Fix needs it as it is.
func (e *Edit) MarshalJSON() ([]byte, error) {
	type plain Edit
	shown := plain(*e)
	shown.Text = e.Shown()
	return json.Marshal(&shown)
}

// UnmarshalJSON reads what MarshalJSON wrote; the secrets stay hidden.
func (e *Edit) UnmarshalJSON(text []byte) error {
	type plain Edit
	if err := json.Unmarshal(text, (*plain)(e)); err != nil {
		return err
	}
	e.shown = e.Text
	return nil
}
