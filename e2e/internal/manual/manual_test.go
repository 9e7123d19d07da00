package manual_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/manual"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
	"github.com/ssocheck/ssocheck/fixtures"
)

const root = "../../.."

// TestPagesAreFresh fails when docs/ or fixtures/shown.json are not what make
// docs makes.
func TestPagesAreFresh(t *testing.T) {
	t.Parallel()
	shown, err := manual.ShowAll(root)
	require.NoError(t, err)
	had, err := fixtures.FS.ReadFile(manual.ShownFile)
	require.NoError(t, err)
	assert.Equal(t, string(had), string(shown), "fixtures/%s is stale: make docs", manual.ShownFile)
	pages, err := manual.Pages()
	require.NoError(t, err)
	require.Len(t, pages, 6)
	for name, text := range pages {
		had, err := os.ReadFile(filepath.Join(root, "docs", name))
		require.NoError(t, err, "make docs")
		assert.Equal(t, string(had), string(text), "docs/%s is stale: make docs", name)
	}
}

// TestEverythingHasItsEntry: nothing of the catalogue is left out, every item
// says what it looks at, and explain finds it.
func TestEverythingHasItsEntry(t *testing.T) {
	t.Parallel()
	entries, err := manual.Entries()
	require.NoError(t, err)
	has := func(id, page string, labels ...string) {
		for _, e := range entries {
			if e.ID != id || e.Page != page {
				continue
			}
			for _, label := range labels {
				found := ""
				for _, f := range e.Facts {
					if f.Label == label {
						found = f.Text
					}
				}
				assert.NotEmpty(t, strings.TrimSpace(found), "%s says nothing of %q", id, label)
			}
			var text bytes.Buffer
			require.NoError(t, e.Text(&text))
			assert.Contains(t, text.String(), e.Title)
			assert.NotContains(t, text.String(), "](", "no Markdown on a terminal")
			return
		}
		assert.Fail(t, "no entry", "%s on %s", id, page)
	}
	for _, c := range checklist.All() {
		has(c.ID, manual.ChecksPage, "a pass proves", "looks")
	}
	for _, i := range troubleshooting.All() {
		has(i.Code, manual.ItemsPage, "breaks", "happens on", "looks at", "fix", "basis")
	}
	for _, c := range conformance.All() {
		has(c.ID, manual.ConformancePage, "clause", "a deviation")
	}
	for _, r := range troubleshooting.Rules() {
		has(r.Code, manual.LintPage, "level", "otherwise")
	}
	v, err := deployment.KnownVersions()
	require.NoError(t, err)
	for _, h := range v.Hazards {
		has(h.ID, manual.VersionsPage, "since", "symptom", "before the upgrade")
	}
	for id, n := range map[string]int{"NO-SUCH": 0, "tok-secret": 2, "Login-Page": 1} {
		found, err := manual.Find(id)
		require.NoError(t, err)
		assert.Len(t, found, n, "%s, whatever the case of its letters; an item and a rule are two", id)
	}
}

// TestShowFindsWhatIsLookedAt: the parts that are named are those without which
// the item is not found, and no others.
func TestShowFindsWhatIsLookedAt(t *testing.T) {
	t.Parallel()
	looks := func(code string) string {
		entries, err := manual.Find(code)
		require.NoError(t, err)
		for _, f := range entries[0].Facts {
			if f.Label == "looks at" {
				return f.Text
			}
		}
		return ""
	}
	assert.Contains(t, looks("TOK-SECRET"), "Paperless's token request and its answer")
	assert.NotContains(t, looks("TOK-SECRET"), "discovery document")
	assert.Contains(t, looks("NET-TLS"), "Paperless's log")
	assert.Contains(t, looks("CFG-JSON"), "how Paperless started")
	assert.Contains(t, looks("SIGN-OFF"), "the page where the browser ended")
}

var (
	fence   = regexp.MustCompile("(?ms)^```.*?^```\\s*?$")
	heading = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*#*$`)
	links   = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	written = regexp.MustCompile(`<a id="([^"]+)"></a>`) // an anchor of its own
	inline  = regexp.MustCompile("`[^`\n]*`")
)

// TestLinks follows every relative link and anchor of the pages.
func TestLinks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	files = append(files, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "docs", "facts", "README.md"))
	require.Greater(t, len(files), 6)
	followed := 0
	known := map[string]map[string]bool{} // anchors, by page
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		prose := inline.ReplaceAllString(fence.ReplaceAllString(string(text), ""), "")
		for _, m := range links.FindAllStringSubmatch(prose, -1) {
			to := m[1]
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue // the outside is not asked
			}
			followed++
			path, anchor, _ := strings.Cut(to, "#")
			at := file
			if path != "" {
				at = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(at); !assert.NoError(t, err, "%s links to %s", file, to) {
				continue
			}
			if anchor != "" {
				if known[at] == nil {
					known[at] = anchors(t, at)
				}
				assert.Contains(t, known[at], anchor, "%s links to %s", file, to)
			}
		}
	}
	assert.Greater(t, followed, 200)
}

// anchors are those that GitHub gives the headings of a file, and those that it has of its own.
func anchors(t *testing.T, file string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	out := map[string]bool{}
	for _, m := range written.FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = true
	}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
		a := manual.Anchor(strings.ReplaceAll(links.ReplaceAllString(written.ReplaceAllString(m[1], ""), ""), "`", ""))
		assert.False(t, out[a], "%s has two headings %q: the second one has another anchor", file, m[1])
		out[a] = true
	}
	return out
}

// DocURL leads to headings that are there.
func TestDocURL(t *testing.T) {
	t.Parallel()
	assert.Empty(t, source.DocURL("1.2.3", manual.ItemsPage, "RED-SLASH"), "a build without an address has no links")
	assert.Equal(t, "https://github.com/ssocheck/ssocheck/blob/main/docs/items.md#red-slash", source.PageURL("https://github.com/ssocheck/ssocheck", "dev", manual.ItemsPage, "RED-SLASH"))
	assert.Equal(t, "https://github.com/ssocheck/ssocheck/blob/v1.2.3/docs/items.md#red-slash", source.PageURL("https://github.com/ssocheck/ssocheck", "1.2.3", manual.ItemsPage, "RED-SLASH"))
	assert.Equal(t, "https://github.com/ssocheck/ssocheck/blob/v1.2.3-rc1/docs/checks.md#round-trip", source.PageURL("https://github.com/ssocheck/ssocheck", "v1.2.3-rc1", manual.ChecksPage, "round-trip"))
	have := anchors(t, filepath.Join(root, "docs", manual.ItemsPage))
	for _, i := range troubleshooting.All() {
		_, anchor, _ := strings.Cut(source.PageURL("https://github.com/ssocheck/ssocheck", "dev", manual.ItemsPage, i.Code), "#")
		assert.True(t, have[anchor], i.Code)
	}
}
