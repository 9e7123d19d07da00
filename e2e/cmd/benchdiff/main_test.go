package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRatios(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "bench.md")
	require.NoError(t, os.WriteFile(page, []byte("| `BenchmarkCommand` | `s/op` | 10 |\n| `BenchmarkCommand` | `peak-MB` | 400 |\n| `BenchmarkGrowth/matrix` | `s-for-one-more` | 2 |\n| other | s | 1 |\n"), 0o600))
	const bench = "goos: linux\nBenchmarkCommand-2 \t       1\t12000000000 ns/op\t 420.0 peak-MB\t 7.5 cpu-s\n" +
		"BenchmarkGrowth/matrix-2 \t 1\t 90000000000 ns/op\t 2.5 s-for-one-more\nPASS\n"
	var out strings.Builder
	require.NoError(t, run([]string{page}, strings.NewReader(bench), &out))
	_, ratios, found := strings.Cut(out.String(), "PASS\n")
	require.True(t, found, "what it reads, it prints")
	got := strings.Join(strings.Fields(ratios), " ")
	assert.Contains(t, got, "BenchmarkCommand s/op 12.00 of 10.00: 1.20 worse")
	assert.Contains(t, got, "BenchmarkCommand peak-MB 420.00 of 400.00: 1.05 BenchmarkCommand")
	assert.Contains(t, got, "BenchmarkCommand cpu-s 7.50 not recorded")
	assert.Contains(t, got, "BenchmarkGrowth/matrix s-for-one-more 2.50 of 2.00: 1.25 worse")
	assert.Contains(t, got, "2 got worse by more than a tenth")
	require.ErrorContains(t, run(nil, strings.NewReader(""), &out), "docs/bench.md")
}

// TestRecorded: the page of this repository has figures that the command finds.
func TestRecorded(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/bench.md")
	require.NoError(t, err)
	was := recorded(string(page))
	for _, name := range []string{"BenchmarkCommand s/op", "BenchmarkCommand cpu-s", "BenchmarkCommand peak-MB", "BenchmarkPlanted s/item", "BenchmarkGrowth/planted s-for-one-more", "BenchmarkGrowth/matrix s-for-one-more"} {
		assert.Positive(t, was[name], name)
	}
}
