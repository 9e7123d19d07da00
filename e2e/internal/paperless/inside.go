package paperless

import (
	_ "embed" // inside.py
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed inside.py
var inside string

// AskVariable carries the question into the container: an argument would stand in
// the list of processes.
const AskVariable = "SSOCHECK_ASK"

// Marker begins the one line of the answer.
const Marker = "ssocheck-answer:"

// A Look is what is looked at from inside the container.
type Look struct {
	Discovery string   `json:"discovery"` // address of the discovery document; empty: none
	Page      string   `json:"page"`      // the sign-in page at the container's own loopback
	Host      string   `json:"host"`      // as users open it
	Scheme    string   `json:"scheme"`
	Files     []string `json:"files"` // of *_FILE settings
	Salt      string   `json:"salt"`  // of the digests of files
	Seconds   int      `json:"seconds"`
}

// Command is what is run: Python, which is in the image, with one script that only
// asks.
func Command() []string { return []string{"python3", "-c", inside} }

// IsCommand reports whether arguments after "python3" are those of Command.
func IsCommand(args []string) bool { return slices.Equal(args, Command()[1:]) }

// Env is the question as a variable.
func (l Look) Env() (string, error) {
	if l.Files == nil {
		l.Files = []string{}
	}
	text, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("ask Paperless's container: %w", err)
	}
	return AskVariable + "=" + string(text), nil
}

// A Seen is what was seen from inside.
type Seen struct {
	Version   string          `json:"version,omitempty"`
	Files     map[string]File `json:"files,omitempty"`
	Addresses []string        `json:"addresses,omitempty"` // of authentik's name
	Resolve   string          `json:"resolve,omitempty"`   // why the name leads nowhere
	Page      *Opened         `json:"page,omitempty"`
	Discovery *Discovery      `json:"discovery,omitempty"`
}

// A File is one that a *_FILE setting names.
type File struct {
	There    bool   `json:"there"`
	Print    string `json:"print,omitempty"`
	Stripped string `json:"stripped,omitempty"` // without the line break at its end
	Error    string `json:"error,omitempty"`
}

// An Opened page is the sign-in page, without the way to it.
type Opened struct {
	Status   int    `json:"status"`
	Location string `json:"location,omitempty"`
	Body     string `json:"body,omitempty"`
	Error    string `json:"error,omitempty"`
}

// A Discovery is what came of the request that Paperless makes at each sign-in.
type Discovery struct {
	Status   int            `json:"status"` // 0: there was no answer
	Type     string         `json:"type,omitempty"`
	URL      string         `json:"url,omitempty"` // after redirects
	JSON     bool           `json:"json,omitempty"`
	Document map[string]any `json:"document,omitempty"`
	Error    string         `json:"error,omitempty"` // Python's exception
}

// ErrNoAnswer says that Python in the container did not answer.
var ErrNoAnswer = errors.New("Python in Paperless's container gave no answer") //nolint:staticcheck // a name

// Parse finds the answer in the output.
func Parse(output string) (*Seen, error) {
	for line := range strings.Lines(output) {
		_, text, ok := strings.Cut(line, Marker)
		if !ok {
			continue
		}
		var s Seen
		if err := json.Unmarshal([]byte(strings.TrimSpace(text)), &s); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		return &s, nil
	}
	return nil, ErrNoAnswer
}
