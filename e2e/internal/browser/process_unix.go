//go:build unix && !linux

package browser

import (
	"os/exec"
	"syscall"
)

// ownGroup starts the browser in a process group of its own: Ctrl-C in a
// terminal then reaches us and not the browser, which would look like a crash.
// When the context ends the whole group is killed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// killGroup ends what a browser that died by itself left behind.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // ESRCH: nothing was left
