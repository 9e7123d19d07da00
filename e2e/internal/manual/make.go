package manual

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// ShowAll is the content of fixtures/shown.json, from the recorded runs below a
// checkout.
func ShowAll(root string) ([]byte, error) {
	shown := map[string]Shown{}
	for _, i := range troubleshooting.All() {
		path := filepath.Join(root, "fixtures", "evidence", i.Code+".json")
		if _, err := os.Stat(path); err != nil {
			continue // one that cannot be planted says what it looks at by itself
		}
		r, err := report.Open(path)
		if err != nil {
			return nil, err
		}
		if shown[i.Code], err = Show(i, r); err != nil {
			return nil, err
		}
	}
	text, err := json.MarshalIndent(shown, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", ShownFile, err)
	}
	return append(text, '\n'), nil
}

// Write makes the pages anew below a checkout. What the recordings show is
// written first; the pages of this build still rest on what was shown before, so
// Write reports whether it has to be built and run again.
func Write(root string) (again bool, err error) {
	text, err := ShowAll(root)
	if err != nil {
		return false, err
	}
	path := filepath.Join(root, "fixtures", ShownFile)
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	if !slices.Equal(old, text) {
		return true, os.WriteFile(path, text, 0o644)
	}
	pages, err := Pages()
	if err != nil {
		return false, err
	}
	for _, name := range sortedKeys(pages) {
		if err := os.WriteFile(filepath.Join(root, "docs", name), pages[name], 0o644); err != nil {
			return false, err
		}
	}
	return false, nil
}
