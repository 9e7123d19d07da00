package troubleshooting_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// fix runs Mend and gives the diffs of its rounds.
func mend(t *testing.T, s source.Sources) (diffs []string) {
	t.Helper()
	_, _, err := troubleshooting.Mend(s, func(r troubleshooting.FixRound) bool {
		diffs = append(diffs, r.Diff)
		return true
	})
	require.NoError(t, err)
	return diffs
}

// Of every configuration, a fix changes the lines that the diff shows and no
// other byte; once more it changes nothing; and no diff prints a secret.
func TestMend(t *testing.T) {
	t.Parallel()
	for _, dir := range configDirs(t) {
		want := readExpect(t, dir)
		if want.Error != "" {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			work := t.TempDir()
			require.NoError(t, os.CopyFS(work, os.DirFS(dir)))
			src := want.sources(work)
			diffs := mend(t, src)
			removed := map[string]int{}
			for _, d := range diffs {
				assert.NotContains(t, d, "sekrit")
				for line := range strings.Lines(d) {
					if strings.HasPrefix(line, "-") && !strings.HasPrefix(line, "---") {
						removed[""]++
					}
				}
			}
			kept := 0
			require.NoError(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return err
				}
				rel, err := filepath.Rel(dir, path)
				require.NoError(t, err)
				old, err := os.ReadFile(path)
				require.NoError(t, err)
				now, err := os.ReadFile(filepath.Join(work, rel))
				require.NoError(t, err)
				kept += gone(strings.SplitAfter(string(old), "\n"), strings.SplitAfter(string(now), "\n"))
				return nil
			}))
			assert.LessOrEqual(t, kept, removed[""], "lines are gone that no diff shows")
			assert.Empty(t, mend(t, src), "a second time there is nothing to do")
		})
	}
}

// gone counts the lines of old that now lacks, line ends included.
func gone(old, now []string) int {
	n := 0
	for _, line := range old {
		if i := slices.Index(now, line); i >= 0 {
			now = slices.Delete(slices.Clone(now), i, i+1)
		} else {
			n++
		}
	}
	return n
}

// Several files are fixed in one go, with comments, order, line ends, modes and
// links as they were.
func TestMendSeveralFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	compose := write("compose.yaml", strings.ReplaceAll(`# my paperless
services:
  web:   # the page
    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15
    env_file: real.env
    environment:
      PAPERLESS_URL: "https://paperless.example.com/"   # ours
`, "\n", "\r\n"), 0o640)
	write("real.env", "# secrets\nPAPERLESS_APPS=allauth.socialaccount.providers.openidconnect\nPAPERLESS_SECRET_KEY='sekrit-key-0123456789'\nPAPERLESS_AUTO_CREATE=true", 0o600)
	require.NoError(t, os.Rename(filepath.Join(dir, "real.env"), filepath.Join(dir, "there.env")))
	require.NoError(t, os.Symlink("there.env", filepath.Join(dir, "real.env")))

	diffs := strings.Join(mend(t, source.Sources{Files: []string{compose}}), "\n")
	assert.Contains(t, diffs, "--- "+compose)
	assert.Contains(t, diffs, "--- "+filepath.Join(dir, "real.env"))
	text, err := os.ReadFile(compose)
	require.NoError(t, err)
	assert.Equal(t, strings.ReplaceAll(`# my paperless
services:
  web:   # the page
    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15
    env_file: real.env
    environment:
      PAPERLESS_URL: "https://paperless.example.com"   # ours
`, "\n", "\r\n"), string(text))
	text, err = os.ReadFile(filepath.Join(dir, "there.env"))
	require.NoError(t, err)
	assert.Equal(t, "# secrets\nPAPERLESS_APPS=allauth.socialaccount.providers.openid_connect\nPAPERLESS_SECRET_KEY='sekrit-key-0123456789'\nPAPERLESS_AUTO_CREATE=true", string(text),
		"without a provider JSON nobody knows that an account was meant")
	info, err := os.Lstat(filepath.Join(dir, "real.env"))
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink)
	info, err = os.Stat(compose)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}

// What cannot be read, or was changed since, is left as it is.
func TestMendRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "compose.yaml")
	text := "services:\n  a:\n    image: paperless-ngx/paperless-ngx:2.20.15\n    environment:\n      PAPERLESS_ENABLE_ALLAUTH: true\n      X: [\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	_, _, err := troubleshooting.Mend(source.Sources{Files: []string{path}}, func(troubleshooting.FixRound) bool { return true })
	require.ErrorIs(t, err, source.ErrUnreadable)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, text, string(got))

	right := strings.Replace(text, "      X: [\n", "", 1)
	require.NoError(t, os.WriteFile(path, []byte(right), 0o600))
	findings, err := troubleshooting.Lint(source.Sources{Files: []string{path}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("# new\n"+right), 0o600))
	_, err = source.Fix(findings)
	require.ErrorContains(t, err, "the file has changed since it was read")
}
