package report

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A folder with anything else in it is refused and stays as it is; so does a
// place that cannot be written.
func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ make, dir, want string }{
		"a project":               {"index.html", ".", "is not empty and holds no report of ssocheck"},
		"artifacts of their own":  {"artifacts/thesis.pdf", ".", "there is artifacts"},
		"a report without marker": {"report.json", ".", "is not empty"},
		"a file":                  {"out", "out", "name a folder that can be written"},
		"under a file":            {"out", "out/report", "name a folder that can be written"},
		"marker is a folder":      {Marker + "/x", ".", "is not empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			put(t, root, tt.make, "mine")
			dir := filepath.Join(root, filepath.FromSlash(tt.dir))
			require.ErrorContains(t, Prepare(dir), tt.want)
			require.Error(t, New(samples(t)["fail"]).Write(dir))
			require.NoError(t, Clear(dir), "not ours: nothing to clear")
			assert.Equal(t, []string{tt.make}, tree(t, root))
			assert.Equal(t, "mine", read(t, filepath.Join(root, tt.make)))
		})
	}
	require.Error(t, Prepare(""))
}

// The next report replaces an earlier one, with its runs on other versions, and
// nothing else; a link in it is not followed.
func TestNextReport(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "deep", "out")
	run := samples(t)["fail"]
	require.NoError(t, Prepare(dir))
	require.NoError(t, Write(dir, run))
	require.NoError(t, New(run).Write(filepath.Join(dir, Before)))
	require.NoError(t, New(run).Write(filepath.Join(dir, "2.20.15_2025.8.1")))
	put(t, dir, "notes.txt", "mine")
	put(t, dir, "own/index.html", "mine")
	put(t, dir, "another/"+Marker, "mine")
	put(t, dir, "artifacts/old.png", "old")
	put(t, filepath.Join(dir, Before), "notes.txt", "mine")
	put(t, root, "elsewhere.txt", "mine")
	require.NoError(t, os.Remove(filepath.Join(dir, Index)))
	require.NoError(t, os.Symlink(filepath.Join(root, "elsewhere.txt"), filepath.Join(dir, Index)))

	require.NoError(t, Write(dir, run))
	assert.Equal(t, "mine", read(t, filepath.Join(root, "elsewhere.txt")))
	for _, name := range []string{"notes.txt", "own/index.html", "another/" + Marker, Before + "/notes.txt"} {
		assert.Equal(t, "mine", read(t, filepath.Join(dir, name)), name)
	}
	for _, gone := range []string{"artifacts/old.png", Before + "/" + Index, Before + "/" + Marker, "2.20.15_2025.8.1"} {
		assert.NoFileExists(t, filepath.Join(dir, gone))
		assert.NoDirExists(t, filepath.Join(dir, gone))
	}
	for _, name := range append(ownFiles, Marker) {
		assert.FileExists(t, filepath.Join(dir, name))
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// tree are the files under a folder.
func tree(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	return names
}
