//go:build docker

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/stack/standins"
)

// tools are the command and its stand-in images, built once.
var tools = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ssocheck-test-")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", ".", "../standin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	for _, c := range []*exec.Cmd{build, exec.Command(dir+"/standin", "images", dir+"/versions.yaml", "2.20.15", "2025.8.1")} {
		if text, err := c.CombinedOutput(); err != nil {
			return dir, errors.Join(err, errors.New(string(text)))
		}
	}
	return dir, nil
})

// A story is one run of the command on an engine that can fail, with a folder of
// its own for temporary files.
type story struct {
	t       *testing.T
	engine  *standins.Engine
	dir     string // short: a socket is in there
	command *exec.Cmd
	out     bytes.Buffer
	errs    bytes.Buffer
	code    int
}

// newStory is one that lasts as long as the test.
func newStory(t *testing.T) *story {
	t.Helper()
	dir, err := os.MkdirTemp("", "sf")
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o700))
	e, err := standins.NewEngine(dir)
	require.NoError(t, err)
	s := &story{t: t, engine: e, dir: dir}
	t.Cleanup(func() {
		assert.NoError(t, e.Stop())
		s.sweep()
		assert.NoError(t, os.RemoveAll(dir))
	})
	return s
}

// sweep removes what a failed test left.
func (s *story) sweep() {
	for _, run := range s.engine.Runs() {
		for _, name := range left(s.t, run) {
			_ = exec.Command("docker", "rm", "-fv", name).Run()
			_ = exec.Command("docker", "network", "rm", name).Run()
		}
	}
}

func (s *story) make(args ...string) *exec.Cmd {
	s.t.Helper()
	bin, err := tools()
	require.NoError(s.t, err)
	c := exec.CommandContext(s.t.Context(), filepath.Join(bin, "ssocheck"), args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "SSO_CACHE="+filepath.Join(s.dir, "cache"), "SSO_VERSIONS_FILE="+filepath.Join(bin, "versions.yaml"),
		"DOCKER_HOST="+s.engine.Host, "TMPDIR="+filepath.Join(s.dir, "tmp"))
	return c
}

// run runs the command. The first line that holds a text calls then, once.
func (s *story) run(at string, then func(), args ...string) {
	s.t.Helper()
	s.command = s.make(append([]string{"run", "--target", "stack"}, args...)...)
	s.command.Stderr = &s.errs
	pipe, err := s.command.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, s.command.Start())
	did := at == ""
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		s.out.WriteString(lines.Text() + "\n")
		if !did && strings.Contains(lines.Text(), at) {
			did = true
			then()
		}
	}
	err = s.command.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		s.code = exit.ExitCode()
	} else {
		require.NoError(s.t, err)
	}
	require.True(s.t, did, "%q was never said: %s%s", at, s.out.String(), s.errs.String())
}

// left are the containers, networks and volumes of a run.
func left(t *testing.T, run string) []string {
	t.Helper()
	var out []string
	for _, args := range [][]string{
		{"ps", "-a", "--format", "{{.Names}}"}, {"network", "ls", "--format", "{{.Name}}"}, {"volume", "ls", "--format", "{{.Name}}"},
	} {
		text, err := exec.CommandContext(context.Background(), "docker", append(args, "--filter", "label=ssocheck.run="+run)...).CombinedOutput()
		require.NoError(t, err, string(text))
		out = append(out, strings.Fields(string(text))...)
	}
	return out
}

// clean holds that a run left no container, network, volume, process and
// temporary file.
func (s *story) clean() {
	s.t.Helper()
	for _, run := range s.engine.Runs() {
		assert.Empty(s.t, left(s.t, run))
	}
	s.tidy()
}

// tidy is clean for this machine alone.
func (s *story) tidy() {
	s.t.Helper()
	out, _ := exec.Command("pgrep", "-fa", "--", filepath.Join(s.dir, "tmp")).Output() // 1: none
	assert.Empty(s.t, string(out), "processes")
	entries, err := os.ReadDir(filepath.Join(s.dir, "tmp"))
	require.NoError(s.t, err)
	assert.Empty(s.t, entries, "temporary files")
}

// errorLine is what says why; a line that is longer than the terminal is wide is wrapped.
var errorLine = regexp.MustCompile(`(?m)^(ssocheck: .*|ERROR .*(\n +.*)+)$`)

// failed holds that the run ended as an error of the tester, in words.
func (s *story) failed(words ...string) {
	s.t.Helper()
	all := s.out.String() + s.errs.String()
	assert.Equal(s.t, 2, s.code, all)
	said := errorLine.FindAllString(all, -1)
	require.Len(s.t, said, 1, "one line says why: %s", all)
	for _, w := range words {
		assert.Contains(s.t, strings.Join(strings.Fields(said[0]), " "), w)
	}
	assert.NotContains(s.t, all, "FAIL  ", "no verdict")
	assert.NotContains(s.t, all, "fix: ", "no finding")
}

// down removes what is left, on the engine as it is.
func (s *story) down() {
	s.t.Helper()
	c := s.make("down")
	c.Env = append(c.Env, "DOCKER_HOST=")
	text, err := c.CombinedOutput()
	require.NoError(s.t, err, string(text))
	s.clean()
}

// containers are those of the run by their names.
func (s *story) containers(part string) []string {
	s.t.Helper()
	require.NotEmpty(s.t, s.engine.Runs())
	var out []string
	for _, name := range left(s.t, s.engine.Runs()[0]) {
		if strings.Contains(name, part) && strings.Count(name, "-") > 2 {
			out = append(out, name)
		}
	}
	return out
}

func docker(t *testing.T, args ...string) {
	t.Helper()
	text, err := exec.CommandContext(context.Background(), "docker", args...).CombinedOutput()
	require.NoError(t, err, string(text))
}

const (
	boots  = "until authentik says"
	checks = "✓ login-page"
)

// TestDockerFaults: whatever breaks under it, the command says so in one line, ends
// with 2, and leaves nothing, or what the down command removes.
func TestDockerFaults(t *testing.T) {
	t.Cleanup(func() {
		dir, err := tools()
		assert.NoError(t, errors.Join(err, os.RemoveAll(dir)))
	})
	onlyRoundTrip := []string{"--only", "round-trip"}
	remain := map[string]func(*story){
		"the engine stops at boot": func(s *story) {
			s.run(boots, func() { assert.NoError(s.t, s.engine.Stop()) }, onlyRoundTrip...)
			s.failed("no engine answers at", "start it")
			s.tidy()
		},
		"the engine stops in a check": func(s *story) {
			s.run(checks, func() {
				require.NoError(s.t, s.engine.Stop())
				docker(s.t, append([]string{"kill"}, s.containers("")...)...)
			}, onlyRoundTrip...)
			s.failed("engine")
			s.tidy()
		},
		"kill -9 at boot":    func(s *story) { s.killed(boots) },
		"kill -9 in a check": func(s *story) { s.killed(checks) },
	}
	faults := map[string]func(*story){
		"the engine hangs from the start": func(s *story) {
			s.engine.Hang()
			s.run("", nil, onlyRoundTrip...)
			s.failed("has not answered for 30s")
			s.clean()
		},
		"the engine's disk is full": func(s *story) {
			s.engine.Refuse("POST /containers/create", "write /var/lib/docker/overlay2/x: no space left on device")
			s.run("", nil, onlyRoundTrip...)
			s.failed("no space left", "docker system prune")
			s.clean()
		},
		"no addresses for a network": func(s *story) {
			s.engine.Refuse("POST /networks/create", "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network")
			s.run("", nil, onlyRoundTrip...)
			s.failed("no addresses left", "docker network prune")
			s.clean()
		},
		"a port is taken": func(s *story) {
			const taken = "driver failed programming external connectivity on endpoint x: Bind for 0.0.0.0:49153 failed: port is already allocated"
			s.engine.Refuse("POST /start", taken, taken)
			s.run("", nil, "--only", "login-page")
			assert.Zero(s.t, s.code, s.out.String())
			s.clean()
		},
		"every port is taken": func(s *story) {
			const taken = "driver failed programming external connectivity on endpoint x: Bind for 0.0.0.0:49153 failed: port is already allocated"
			for range 50 {
				s.engine.Refuse("POST /start", taken)
			}
			s.run("", nil, onlyRoundTrip...)
			s.failed("port is already allocated")
			s.clean()
		},
		"an image is missing": func(s *story) {
			s.run("", nil, append(onlyRoundTrip, "--paperless-image", "localhost:1/no/such/paperless:0")...)
			s.failed("docker pull localhost:1/no/such/paperless:0")
			s.clean()
		},
		"authentik is killed for memory at boot": func(s *story) {
			s.run(boots, func() { s.starve("authentik-1-server") }, append(onlyRoundTrip, "--cold")...)
			s.failed("authentik-1-server stopped", "memory")
			s.clean()
		},
		"authentik is killed for memory in a check": func(s *story) {
			s.run(checks, func() { s.starve("authentik-1-server") }, onlyRoundTrip...)
			s.failed("authentik-1-server stopped", "memory")
			s.clean()
		},
		"Paperless is killed at boot": func(s *story) {
			s.run("until Paperless answers", func() { docker(s.t, append([]string{"kill"}, s.containers("paperless-1")...)...) }, onlyRoundTrip...)
			s.failed("paperless-1 stopped (exit code 137: killed")
			s.clean()
		},
		"the browser is killed": func(s *story) {
			s.run(checks, func() {
				pids := s.browsers()
				require.NotEmpty(s.t, pids)
				for _, pid := range pids {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}, onlyRoundTrip...)
			s.failed("the browser ended")
			s.clean()
		},
		"Ctrl-C, and again while it cleans": func(s *story) {
			interrupt := func() { assert.NoError(s.t, s.command.Process.Signal(syscall.SIGINT)) }
			again := sync.OnceFunc(interrupt)
			var stopped sync.Once
			asked := make(chan struct{})
			s.engine.Asked = func(what string) {
				if strings.HasPrefix(what, "DELETE /containers") {
					stopped.Do(func() { close(asked) })
				}
			}
			s.run(checks, func() {
				interrupt()
				go func() {
					<-asked
					again()
				}()
			})
			s.failed("interrupt")
			s.clean()
		},
	}
	tell := func(s *story, fault func(*story)) {
		began := time.Now()
		fault(s)
		s.t.Logf("%v", time.Since(began).Round(time.Second))
	}
	// Those after which something is left come first, one after another, for down takes
	// that of other runs, too. One of them only waits, and does so beside the rest.
	waits := newStory(t)
	t.Run("what down removes", func(t *testing.T) {
		for name, fault := range remain {
			t.Run(name, func(t *testing.T) {
				s := newStory(t)
				tell(s, fault)
				s.down()
			})
		}
	})
	t.Run("side by side", func(t *testing.T) {
		t.Run("the engine hangs at boot", func(t *testing.T) {
			t.Parallel()
			waits.t = t
			tell(waits, func(s *story) {
				s.run(boots, s.engine.Hang, onlyRoundTrip...)
				s.failed("has not answered for 1m0s", "restart it")
				s.tidy()
				s.engine.Go()
			})
		})
		for name, fault := range faults {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tell(newStory(t), fault)
			})
		}
	})
	waits.t = t
	waits.down()
}

// starve gives a container too little memory for what it wants.
func (s *story) starve(part string) {
	s.t.Helper()
	names := s.containers(part)
	require.Len(s.t, names, 1)
	docker(s.t, "update", "--memory", "128m", "--memory-swap", "128m", names[0])
	docker(s.t, "kill", "--signal", "USR1", names[0])
}

// killed ends the command where nothing can be cleaned up.
func (s *story) killed(at string) {
	s.t.Helper()
	s.run(at, func() { assert.NoError(s.t, s.command.Process.Kill()) })
	assert.Equal(s.t, -1, s.code)
	require.NotEmpty(s.t, s.containers(""))
	assert.Eventually(s.t, func() bool { return len(s.browsers()) == 0 }, 10*time.Second, 100*time.Millisecond, "no browser outlives it")
}

// browsers are the processes of the browsers of this story.
func (s *story) browsers() []int {
	var out []int
	text, _ := exec.Command("pgrep", "-f", "--", "user-data-dir="+filepath.Join(s.dir, "tmp")).Output() // 1: none
	for _, f := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(f); err == nil {
			out = append(out, pid)
		}
	}
	return out
}
