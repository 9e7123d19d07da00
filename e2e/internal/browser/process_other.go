//go:build !unix

package browser

import "os/exec"

// ownGroup leaves the command as it is: there are no process groups here.
func ownGroup(*exec.Cmd) {}

// killGroup does nothing: there are no process groups here.
func killGroup(int) {}

// alive cannot be told here: a profile is taken for one in use.
func alive(int) bool { return true }
