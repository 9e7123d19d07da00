package troubleshooting

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// A FixRound is what Mend changed in one go.
type FixRound struct {
	Diff  string   // of all files, secrets hidden
	Files []string // in the order of the diff
}

// maxRounds bounds Mend: fixing one thing may uncover another, such as the
// next error of a JSON text, but no file needs many rounds.
const maxRounds = 12

// Mend writes the fixes of the findings of these sources to the files, round by
// round until lint has no more edits, and gives what is left to say, and apart
// from it what comments do not want said. show is
// called with each round's diff before it is written; when it returns false
// nothing is written and Mend stops. Where a file cannot be written, none of
// the round is.
func Mend(s source.Sources, show func(FixRound) bool) (said, ignored []source.Diagnostic, err error) {
	for range maxRounds {
		set, err := source.Read(s)
		if err != nil {
			return nil, nil, err
		}
		findings, err := findings(set, s)
		if err != nil {
			return nil, nil, err
		}
		fixed, err := source.Fix(findings)
		if err != nil {
			return nil, nil, err
		}
		round := FixRound{}
		for _, path := range slices.Sorted(maps.Keys(fixed)) {
			old, err := os.ReadFile(path)
			if err != nil {
				return nil, nil, fmt.Errorf("fix: %w", err)
			}
			if d := set.Diff(old, fixed[path], path); d != "" {
				round.Diff += d
				round.Files = append(round.Files, path)
			}
		}
		if len(round.Files) == 0 || !show(round) {
			return findings, set.Ignored, nil
		}
		if err := writeAll(round.Files, fixed); err != nil {
			return nil, nil, err
		}
	}
	return LintAll(s)
}

// writeAll writes files in place, so that owner, mode and links stay; all are
// opened before the first is changed.
func writeAll(paths []string, texts map[string][]byte) (err error) {
	var open []*os.File
	defer func() {
		for _, f := range open {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, path := range paths {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("fix %s: %w; nothing was changed", path, err)
		}
		open = append(open, f)
	}
	for i, f := range open {
		text := texts[paths[i]]
		if _, err := f.WriteAt(text, 0); err != nil {
			return fmt.Errorf("fix %s: %w", paths[i], err)
		}
		if err := f.Truncate(int64(len(text))); err != nil {
			return fmt.Errorf("fix %s: %w", paths[i], err)
		}
	}
	return nil
}
