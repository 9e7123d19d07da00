package startup

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is also the program that TestEnvironment starts.
func TestMain(m *testing.M) {
	if os.Getenv("SSO_STARTUP") != "" {
		fmt.Print(os.Getenv(variable), "|")
		Done()
		fmt.Print(os.Getenv(variable))
		return
	}
	os.Exit(m.Run())
}

// TestEnvironment: before main one process is shown, then all is as it was; where the
// user has set the variable, it stays.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("it is about Linux")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for theirs, want := range map[string]string{
		"":                       fmt.Sprintf("/proc/%d/task|", os.Getpid()),
		variable + "=/host/proc": "/host/proc|/host/proc",
	} {
		c := exec.CommandContext(t.Context(), self)
		c.Env = []string{"SSO_STARTUP=1", theirs}
		out, err := c.Output()
		require.NoError(t, err)
		assert.Equal(t, want, string(out))
	}
}
