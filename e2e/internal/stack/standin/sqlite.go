package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// sqliteMagic begins a SQLite file, and ours.
const sqliteMagic = "SQLite format 3\x00"

// A store keeps documents by key.
type store interface {
	// get reads a document; nil when there is none.
	get(ctx context.Context, key string) ([]byte, error)
	put(ctx context.Context, key string, v any) error
}

// sqlite is the path of a file that stands in for a SQLite database: what
// Paperless uses where no server is named.
type sqlite string

func (f sqlite) read() (map[string]json.RawMessage, error) {
	doc := map[string]json.RawMessage{}
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return doc, nil
	}
	if err != nil {
		return nil, err
	}
	text, ok := bytes.CutPrefix(text, []byte(sqliteMagic))
	if !ok {
		return nil, errors.New("file is not a database")
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("database disk image is malformed: %w", err)
	}
	return doc, nil
}

func (f sqlite) get(_ context.Context, key string) ([]byte, error) {
	doc, err := f.read()
	return doc[key], err
}

func (f sqlite) put(_ context.Context, key string, v any) error {
	doc, err := f.read()
	if err != nil {
		return err
	}
	if doc[key], err = json.Marshal(v); err != nil {
		return err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o755); err != nil {
		return err
	}
	// Beside, and moved into place whole: it may be copied at any moment.
	if err := os.WriteFile(string(f)+".new", append([]byte(sqliteMagic), text...), 0o600); err != nil {
		return err
	}
	return os.Rename(string(f)+".new", string(f))
}
