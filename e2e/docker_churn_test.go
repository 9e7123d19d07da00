//go:build docker

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestDockerNetworksComeAndGo runs the whole checklist on the stand-ins while
// Docker networks are made and removed every second or two: no verdict but the
// right one. SSO_CHURN=10 does it ten times in a row.
func TestDockerNetworksComeAndGo(t *testing.T) {
	versions, pairs := products(t)
	times, _ := strconv.Atoi(os.Getenv("SSO_CHURN"))
	for i := range max(1, times) {
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			networks(t)
			began := time.Now()
			run, err := e2e.Check(t.Context(), e2e.Options{Target: target.Stack, Paperless: pairs[0][0], Authentik: pairs[0][1], Stack: on(versions)})
			require.NoError(t, err)
			nothingLeft(t)
			for _, res := range run.Results {
				assert.Empty(t, wrong(res))
				if notes := strings.Join(res.Record.Notes, "\n"); strings.Contains(notes, "network changed") {
					t.Log(res.Key(), notes)
				}
			}
			assert.Zero(t, run.ExitCode(), run.Error)
			t.Logf("%d checks in %v", len(run.Results), time.Since(began).Round(time.Second))
		})
	}
}

// networks makes and removes a Docker network every second or two until the test ends.
func networks(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan int)
	go func() {
		made := 0
		defer func() { done <- made }()
		for ; ctx.Err() == nil; made++ {
			name := fmt.Sprintf("churn-%d-%d", os.Getpid(), made)
			for _, args := range [][]string{{"network", "create", name}, {"network", "rm", name}} {
				if out, err := exec.Command("docker", args...).CombinedOutput(); err != nil {
					t.Errorf("docker %v: %s", args, out)
					return
				}
				<-time.After(700 * time.Millisecond)
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		t.Logf("%d networks came and went", <-done)
	})
}
