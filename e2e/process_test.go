package e2e_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	testcontainers "github.com/testcontainers/testcontainers-go/log"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// process is what belongs to the whole process: to whoever imports us.
type process struct {
	environ        []string
	dir            string
	args           []string
	logrusOut      any
	logrusLevel    logrus.Level
	logrusHooks    int
	testcontainers testcontainers.Logger
	slog           *slog.Logger
	logOut         any
	logFlags       int
	logPrefix      string
	client         http.Client
	transport      http.RoundTripper
	stdout, stderr *os.File
}

func processNow(t *testing.T) process {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	l := logrus.StandardLogger()
	return process{
		environ: slices.Sorted(slices.Values(os.Environ())), dir: dir, args: slices.Clone(os.Args),
		logrusOut: l.Out, logrusLevel: l.GetLevel(), logrusHooks: len(l.Hooks), testcontainers: testcontainers.Default(),
		slog: slog.Default(), logOut: log.Default().Writer(), logFlags: log.Flags(), logPrefix: log.Prefix(),
		client: *http.DefaultClient, transport: http.DefaultTransport, stdout: os.Stdout, stderr: os.Stderr,
	}
}

// TestProcessStaysAsItIs: a library does not change its process: not the
// environment, not a global logger.
func TestProcessStaysAsItIs(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "no.sock"))
	_, had := os.LookupEnv("TESTCONTAINERS_RYUK_DISABLED")
	before := processNow(t)

	run, err := e2e.Check(t.Context(), e2e.Options{Config: []string{"../fixtures/configs/guide/compose.yaml"}, Only: []string{"login-page"}})
	require.NoError(t, err)
	require.Empty(t, run.Error)
	assert.Equal(t, before, processNow(t), "after a run on the lab")

	_, err = e2e.Check(t.Context(), e2e.Options{Target: target.Stack, Stack: e2e.StackOptions{Keep: true}})
	require.ErrorIs(t, err, stack.ErrEngine)
	assert.Equal(t, before, processNow(t), "after a run on a stack that has no engine")
	_, has := os.LookupEnv("TESTCONTAINERS_RYUK_DISABLED")
	assert.Equal(t, had, has)
}

var changes = map[string][]string{
	"os":                         {"Setenv", "Unsetenv", "Clearenv", "Chdir"},
	"syscall":                    {"Setenv", "Unsetenv", "Clearenv", "Chdir", "Umask", "Setrlimit"},
	"golang.org/x/sys/unix":      {"Setenv", "Unsetenv", "Clearenv", "Chdir", "Umask", "Setrlimit"},
	"log":                        {"SetOutput", "SetFlags", "SetPrefix"},
	"log/slog":                   {"SetDefault", "SetLogLoggerLevel"},
	"github.com/sirupsen/logrus": {"SetOutput", "SetLevel", "SetFormatter", "SetReportCaller", "AddHook", "StandardLogger"},
	"github.com/testcontainers/testcontainers-go/log": {"SetDefault"},
	"runtime":       {"GOMAXPROCS"},
	"runtime/debug": {"SetGCPercent", "SetMemoryLimit", "SetMaxThreads", "SetMaxStack", "SetPanicOnFault", "SetTraceback"},
	"os/signal":     {"Ignore", "Reset", "Notify"},
}

// globals are variables of a process that no package assigns to.
var globals = map[string][]string{
	"os":       {"Args", "Stdin", "Stdout", "Stderr"},
	"net/http": {"DefaultClient", "DefaultTransport", "DefaultServeMux"},
	"log/slog": {"Default"},
	"flag":     {"CommandLine"},
}

// TestSourcesLeaveTheProcess holds the same in the sources, for what no test runs
// through: only a command may change its process.
func TestSourcesLeaveTheProcess(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "cmd" || d.Name() != ".." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		seen++
		for _, found := range processChanges(t, file, nil) {
			assert.Fail(t, found, "%s changes the process of whoever imports us", file)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Greater(t, seen, 100)

	// It finds what it is for.
	source := `package x

import (
	"net/http"
	"os"

	l "github.com/sirupsen/logrus"
)

func f() {
	os.Setenv("A", "b")
	l.StandardLogger().SetOutput(nil)
	http.DefaultClient = nil
	http.DefaultClient.Timeout = 1
}
`
	assert.Equal(t, []string{"x.go:11 os.Setenv", "x.go:12 github.com/sirupsen/logrus.StandardLogger", "x.go:13 net/http.DefaultClient", "x.go:14 net/http.DefaultClient"},
		processChanges(t, "x.go", source))
}

// processChanges are the places where a file changes its process.
func processChanges(t *testing.T, name string, source any) []string {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	imports := map[string]string{} // name in the file to path
	for _, spec := range parsed.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		short := path[strings.LastIndexByte(path, '/')+1:]
		if spec.Name != nil {
			short = spec.Name.Name
		}
		imports[short] = path
	}
	var found []string
	look := func(e ast.Expr, in map[string][]string) {
		for {
			s, ok := e.(*ast.SelectorExpr)
			if !ok {
				return
			}
			if x, ok := s.X.(*ast.Ident); ok {
				if path := imports[x.Name]; slices.Contains(in[path], s.Sel.Name) {
					found = append(found, name+":"+strconv.Itoa(set.Position(s.Pos()).Line)+" "+path+"."+s.Sel.Name)
				}
			}
			e = s.X
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if _, whole := n.X.(*ast.Ident); whole {
				look(n, changes)
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				look(left, globals)
			}
		}
		return true
	})
	return found
}
