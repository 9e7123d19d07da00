package e2e_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/edge"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// churning is set in the child of TestInterfacesComeAndGo.
const churning = "SSO_CHURNING"

// TestInterfacesComeAndGo runs the whole checklist on the lab while interfaces
// are made and removed all the time. It starts itself again in a network
// namespace, so that no other test is disturbed.
func TestInterfacesComeAndGo(t *testing.T) {
	if os.Getenv(churning) == "" {
		if testing.Short() {
			t.Skip("needs a browser")
		}
		inNamespace(t)
		return
	}
	churn(t, time.Second)

	t.Run("a network of its own", func(t *testing.T) {
		run, err := e2e.Check(t.Context(), e2e.Options{})
		require.NoError(t, err)
		require.Empty(t, run.Error)
		for _, res := range run.Results {
			assert.Empty(t, wrong(res))
			assert.NotContains(t, strings.Join(res.Record.Notes, "\n"), "network changed")
		}
	})

	// Where that is not to be had: a right verdict or none, and the reason is said.
	t.Run("the machine's network", func(t *testing.T) {
		front, err := edge.Listen(edge.Options{})
		require.NoError(t, err)
		defer func() { assert.NoError(t, front.Close()) }()
		var shared *browser.Browser
		bundle, _, err := e2e.Deploy(e2e.Options{})
		require.NoError(t, err)
		run, err := runner.Do(t.Context(), runner.Options{
			Bundle: bundle, Kind: target.Lab, Start: e2e.Labs(front, nil),
			OpenBrowser: func(_ context.Context, tg *target.Target) (*browser.Browser, func(), error) {
				var err error
				if shared == nil {
					shared, err = browser.Open(context.Background(), browser.Options{Rules: tg.ResolverRules(), SPKI: tg.SPKI})
				}
				return shared, nil, err
			},
		})
		require.NoError(t, err)
		require.NoError(t, shared.Close())
		for _, res := range run.Results {
			notes := strings.Join(res.Record.Notes, "\n")
			if strings.Contains(notes, "network changed") {
				t.Log(res.Key(), res.Status, notes)
			}
			switch res.Status {
			case check.Errored:
				assert.Contains(t, res.Message, "no verdict: an interface of this machine came or went", res.Key())
			case check.Skipped:
				assert.Contains(t, res.Message, "which could not be done", res.Key())
			default:
				assert.Empty(t, wrong(res))
			}
		}
	})
}

// inNamespace runs the test again in a network namespace of its own.
func inNamespace(t *testing.T) {
	t.Helper()
	for _, program := range []string{"ip", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is needed to make interfaces")
		}
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), churning+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("only root may make a network namespace")
	}
	t.Log(string(out))
	require.NoError(t, err)
}

// churn makes an interface with an address and removes it again, in turns, until
// the test ends.
func churn(t *testing.T, every time.Duration) {
	t.Helper()
	ip := func(args string) error {
		out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
		if err != nil {
			return errors.New("ip " + args + ": " + string(out))
		}
		return nil
	}
	// The machine has one interface that stays.
	for _, args := range []string{"link set lo up", "link add stays type veth peer name other", "addr add 198.18.7.1/24 dev stays", "link set stays up", "link set other up"} {
		if err := ip(args); err != nil {
			t.Skip("no interface can be made: " + err.Error())
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(every / 2)
		defer tick.Stop()
		for there := false; ; there = !there {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			list := []string{"link add comes type veth peer name goes", "addr add 198.18.8.1/24 dev comes", "link set comes up", "link set goes up"}
			if there {
				list = []string{"link del comes"}
			}
			for _, args := range list {
				if err := ip(args); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	t.Cleanup(func() { stop(); group.Wait() })
}
