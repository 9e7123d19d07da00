package browser

import (
	"context"
	"fmt"
	"reflect"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// A Look is a page at one moment: what it says, its document, and what it looks
// like. What could not be had is empty.
type Look struct {
	Page       evidence.Page
	DOM        string
	Screenshot []byte
}

// looks is how often a page that changes under the eyes is looked at.
const looks = 3

// Look takes the page, its document and its screenshot of the same moment: page
// and document are read at once, and when the page is another one after the
// screenshot, all is taken anew. A page that never rests is taken as it last was.
// The error says what could not be had.
func (s *Session) Look(ctx context.Context) (Look, error) {
	var l Look
	var noShot error
	for range looks {
		var err error
		if l, err = s.lookOnce(ctx); err != nil {
			return l, err
		}
		l.Screenshot, noShot = s.Screenshot(ctx)
		after, err := s.Page(ctx)
		if err != nil || reflect.DeepEqual(after, l.Page) {
			break
		}
	}
	return l, noShot
}

// lookOnce reads page and document in one call of the document's scripts.
func (s *Session) lookOnce(ctx context.Context) (Look, error) {
	var both struct {
		Page seenPage `json:"page"`
		DOM  string   `json:"dom"`
	}
	function := "(arg) => ({ page: (" + pageJS + ")(), dom: (" + serializeJS + ")(arg) })"
	err := s.call(ctx, askLimit, func(ctx context.Context) error { return s.insist(ctx, function, secretInputs(), &both) })
	if err != nil {
		return Look{}, fmt.Errorf("look at the page: %w", err)
	}
	return Look{Page: s.told(both.Page), DOM: s.document(both.DOM)}, nil
}
