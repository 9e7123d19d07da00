package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/report"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// recorded are the kept reports, by the code that was planted.
func recorded(t *testing.T) map[string]*report.Report {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	require.NoError(t, err)
	out := map[string]*report.Report{}
	for _, f := range files {
		r, err := report.Open(f)
		require.NoError(t, err)
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = r
	}
	return out
}

// TestDiagnose explains every recorded run again: the planted cause comes
// first, and all else is as it was when it was recorded. It needs no browser.
func TestDiagnose(t *testing.T) {
	t.Parallel()
	reports := recorded(t)
	files, err := filepath.Glob(filepath.Join(recordings, "*.json"))
	require.NoError(t, err)
	right, err := deployment.Default()
	require.NoError(t, err)
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		search(t, filepath.Base(f), text, right.Secrets())
	}
	families := map[string]bool{}
	for code, r := range reports {
		families[family(code)] = true
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			item := troubleshooting.Find(code)
			require.NotNil(t, item, "a recording of an item that does not exist")
			d := diagnosisAt(r, item.BreaksAt(deployment.Pair{Paperless: r.Target.Paperless.Version, Authentik: r.Target.Authentik.Version}).ID)
			require.NotNil(t, d)
			require.False(t, d.Blind)
			require.NotEmpty(t, d.Findings)
			assert.Equal(t, code, d.Findings[0].Code)
			require.Len(t, d.Findings, len(d.Check.Findings))
			for i, was := range d.Check.Findings { // titles and fixes are prose, which may get better
				assert.Equal(t, was.Code, d.Findings[i].Code)
				assert.Equal(t, was.Because, d.Findings[i].Because, "%s: what shows it has changed; record it again: go test ./e2e -run 'TestTroubleshooting/^%s$' -update", was.Code, code)
			}
		})
	}
	for _, item := range troubleshooting.All() {
		if item.Plant != nil {
			assert.NotNil(t, reports[item.Code], "record it: go test ./e2e -run 'TestTroubleshooting/^%s$' -update", item.Code)
		}
		assert.True(t, families[family(item.Code)], "no recording of the family %s", family(item.Code))
	}
}

// diagnosisAt is what explains a check, the variant with findings first.
func diagnosisAt(r *report.Report, id string) *report.Diagnosis {
	var at *report.Diagnosis
	for _, d := range report.Diagnose(r) {
		if d.Check.ID == id && (at == nil || at.Check.Status != check.Failed || len(at.Findings) == 0) {
			at = &d
		}
	}
	return at
}

func family(code string) string {
	f, _, _ := strings.Cut(code, "-")
	return f
}

const confusion = "../docs/confusion.md"

// explainedObserved is the figure of TestExplainObserved, as its page has it.
func explainedObserved(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/observed.md")
	require.NoError(t, err)
	m := regexp.MustCompile(`(\d+ of \d+) outcomes named right`).FindSubmatch(page)
	require.NotNil(t, m, "docs/observed.md has no figure")
	return string(m[1])
}

// TestReadmeFigures holds README to the figures of the pages: what was planted is
// found by construction, what was recorded of the real pair stands beside it.
func TestReadmeFigures(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	page, err := os.ReadFile(confusion)
	require.NoError(t, err)
	planted := regexp.MustCompile(`found first: (\d+ of \d+)`).FindSubmatch(page)
	require.NotNil(t, planted)
	text := strings.Join(strings.Fields(string(readme)), " ")
	assert.Contains(t, text, string(planted[1])+" planted causes are found first. **The same hand planted, recorded and judged them, so that figure is right by construction.**")
	assert.Contains(t, text, "of the recorded real pair "+explainedObserved(t)+" outcomes get the right code")
}

// TestConfusion writes the confusion matrix from the recordings and keeps it
// diagonal: what was planted is what is found first.
func TestConfusion(t *testing.T) {
	t.Parallel()
	reports := recorded(t)
	codes := slices.Sorted(maps.Keys(reports))
	matrix := map[[2]string]int{} // planted, found first
	var rows strings.Builder
	found, others := 0, 0
	for _, item := range troubleshooting.All() { // in the order of the ranking
		r := reports[item.Code]
		if r == nil {
			continue
		}
		at := item.BreaksAt(deployment.Pair{Paperless: r.Target.Paperless.Version, Authentik: r.Target.Authentik.Version}).ID
		var got []string
		if d := diagnosisAt(r, at); d != nil {
			for _, f := range d.Findings {
				got = append(got, f.Code)
			}
		}
		first := "nothing"
		if len(got) > 0 {
			first = got[0]
		}
		matrix[[2]string{item.Code, first}]++
		if assert.Equal(t, item.Code, first, "planted and found first") {
			found++
		}
		rest := "—"
		if len(got) > 1 {
			rest = strings.Join(got[1:], ", ")
		}
		for _, code := range got[min(1, len(got)):] {
			if !slices.Contains(item.Also, code) {
				others++
			}
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s | %s | %s |\n", item.Code, r.Target.Paperless.Version, r.Target.Authentik.Version, at, first, rest)
	}
	var doc strings.Builder
	fmt.Fprintf(&doc, `# Confusion matrix

Made by %s from the recorded runs in [fixtures/evidence](../fixtures/evidence); do not edit.

Each of the %d recordings is a run on the lab with one planted cause. It is explained from its evidence alone
(%s), and the finding that comes first is compared with what was planted. The recordings are made
again by %s, which plants every cause on every version where it can happen and demands the same.

**The same hand planted, recorded and judged them, so the matrix is diagonal by construction**, and with it %s and
%s. It shows that no item takes the place of
another; it does not show how often ssocheck is right on a deployment that nobody has seen. What was recorded of the real pair is evidence of
the products, not of our lab: of that, **%s outcomes** get the right code ([docs/observed.md](observed.md)).

- found first: %d of %d
- further findings that nobody planted: %d

## By family

A row is the family that was planted, a column the family that was found first. All that is right lies on the diagonal.

`, "`make docs`", len(codes), "`ssocheck diagnose`", "`go test ./e2e -run TestTroubleshooting -update`", "`TestTroubleshooting`", "`TestDiagnose`", explainedObserved(t), found, len(codes), others)
	var families []string
	for _, code := range codes {
		if f := family(code); !slices.Contains(families, f) {
			families = append(families, f)
		}
	}
	fmt.Fprintf(&doc, "| planted | %s |\n|---|%s\n", strings.Join(families, " | "), strings.Repeat("---:|", len(families)))
	for _, row := range families {
		cells := make([]string, 0, len(families))
		for _, column := range families {
			n := 0
			for pair, times := range matrix {
				if family(pair[0]) == row && family(pair[1]) == column {
					n += times
				}
			}
			cells = append(cells, map[bool]string{true: "·", false: strconv.Itoa(n)}[n == 0])
		}
		fmt.Fprintf(&doc, "| **%s** | %s |\n", row, strings.Join(cells, " | "))
	}
	doc.WriteString("\n## Taken for another\n\n")
	mistaken := 0
	for _, pair := range slices.SortedFunc(maps.Keys(matrix), func(a, b [2]string) int { return strings.Compare(a[0], b[0]) }) {
		if pair[0] != pair[1] {
			fmt.Fprintf(&doc, "- %s was taken for %s\n", pair[0], pair[1])
			mistaken++
		}
	}
	if mistaken == 0 {
		doc.WriteString("None.\n")
	}
	fmt.Fprintf(&doc, "\n## By code\n\n| planted | Paperless-ngx | authentik | check | found first | also found |\n|---|---|---|---|---|---|\n%s", rows.String())
	if *update {
		require.NoError(t, os.WriteFile(confusion, []byte(doc.String()), 0o644))
	}
	want, err := os.ReadFile(confusion)
	require.NoError(t, err)
	assert.Equal(t, string(want), doc.String(), "make docs writes it again")
}
