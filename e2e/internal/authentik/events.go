package authentik

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"
)

// An Event is one entry of authentik's event log.
type Event struct {
	Key     json.RawMessage `json:"pk"`
	Action  string          `json:"action"`
	Context struct {
		Message  string `json:"message"`
		URI      string `json:"redirect_uri"`
		Expected []any  `json:"expected"`
	} `json:"context"`
}

// String is the event as a line of a log.
func (e Event) String() string {
	text := "event " + e.Action
	if e.Context.Message != "" {
		text += ": " + e.Context.Message
	}
	if e.Context.URI != "" {
		text += " (" + e.Context.URI + ", expected " + strconv.Quote(fmt.Sprint(e.Context.Expected...)) + ")"
	}
	return text
}

// Events collects the events of an authentik. The API hands out the newest ones,
// and who counts must not see the list slide.
type Events struct {
	mu   sync.Mutex
	seen map[string]bool // by key
	kept []Event         // oldest first
}

// Skip takes what is there now as seen: it is not ours.
func (e *Events) Skip(ctx context.Context, c Client) error {
	if _, err := e.Look(ctx, c); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept = nil
	return nil
}

// Look asks for the newest events and returns all so far, oldest first, also with
// an error.
func (e *Events) Look(ctx context.Context, c Client) ([]Event, error) {
	newest, err := list[Event](ctx, c, "/events/events/", url.Values{"ordering": {"-created"}, "page_size": {"100"}})
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		e.seen = map[string]bool{}
	}
	for _, one := range slices.Backward(newest) {
		if key := string(one.Key); !e.seen[key] {
			e.seen[key] = true
			e.kept = append(e.kept, one)
		}
	}
	return slices.Clone(e.kept), err
}

// Actions are the actions of events.
func Actions(events []Event) []string {
	out := make([]string, 0, len(events))
	for _, e := range events {
		out = append(out, e.Action)
	}
	return out
}
