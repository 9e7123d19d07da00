// Command benchdiff puts the figures of make bench beside those of docs/bench.md:
//
//	go test -run '^$' -bench . ./e2e | benchdiff docs/bench.md
//
// It prints what it reads, then each figure as a ratio to the recorded one, and tells
// what got worse by more than a tenth. A figure is a time, a size or a count of
// seconds, so more is worse. It judges nothing: its exit code is 0.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// worse is the ratio from which a figure got worse.
const worse = 1.1

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "benchdiff:", err)
		os.Exit(2)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("want one page with recorded figures, such as docs/bench.md, not %d arguments", len(args))
	}
	page, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read the recorded figures: %w", err)
	}
	was := recorded(string(page))
	var now []figure
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fmt.Fprintln(out, lines.Text())
		now = append(now, measured(lines.Text())...)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the benchmarks: %w", err)
	}
	compare(out, was, now)
	return nil
}

// A figure is one value of one benchmark.
type figure struct {
	name  string // benchmark and unit, as in "BenchmarkCommand peak-MB"
	value float64
}

// row is a line of the page's table: | `BenchmarkCommand` | `peak-MB` | 487 |
var row = regexp.MustCompile("(?m)^\\| `(Benchmark[\\w/]+)` \\| `([\\w/-]+)` \\| ([\\d.]+) \\|")

func recorded(page string) map[string]float64 {
	out := map[string]float64{}
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		if v, err := strconv.ParseFloat(m[3], 64); err == nil {
			out[m[1]+" "+m[2]] = v
		}
	}
	return out
}

// cores is what go test appends to a benchmark's name.
var cores = regexp.MustCompile(`-\d+$`)

// measured are the figures of a line of go test -bench; of another line none.
func measured(line string) []figure {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return nil
	}
	var out []figure
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return nil
		}
		unit := fields[i+1]
		if unit == "ns/op" {
			v, unit = v/1e9, "s/op"
		}
		out = append(out, figure{cores.ReplaceAllString(fields[0], "") + " " + unit, v})
	}
	return out
}

func compare(out io.Writer, was map[string]float64, now []figure) {
	fmt.Fprintln(out, "\nagainst docs/bench.md (more than 1 is worse):")
	got := 0
	for _, f := range now {
		old, ok := was[f.name]
		if !ok || old == 0 {
			fmt.Fprintf(out, "  %-40s %8.2f          not recorded\n", f.name, f.value)
			continue
		}
		word := ""
		if f.value/old > worse {
			got++
			word = "  worse"
		}
		fmt.Fprintf(out, "  %-40s %8.2f of %8.2f: %.2f%s\n", f.name, f.value, old, f.value/old, word)
	}
	fmt.Fprintf(out, "%d got worse by more than a tenth\n", got)
}
