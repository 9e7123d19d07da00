// Package startup takes away what a dependency of the command does before main, and
// no command needs: Testcontainers names its session after the process that started
// this one, and for that opens every process of the machine (5 to 10 ms of the 25 that
// a start took, with 150 processes; a desktop has more). Here it is shown that one
// process alone, and finds no time at which it was started: then it takes a random name.
// That is what we want: two commands of one shell are two sessions, and what is left of
// one is not removed with the other.
//
// It is the command's alone. Where e2e is used as a library, the environment is its user's.
package startup

import (
	"os"
	"runtime"
	"strconv"
)

// variable is where gopsutil, which Testcontainers asks, looks for processes.
const variable = "HOST_PROC"

// shown is whether init set the variable.
var shown bool

// Go initialises packages in the order of their import paths, those that they import
// first (since 1.21): this one comes before github.com/testcontainers as long as it
// imports nothing that comes late.
func init() {
	if _, theirs := os.LookupEnv(variable); theirs || runtime.GOOS != "linux" {
		return
	}
	shown = os.Setenv(variable, "/proc/"+strconv.Itoa(os.Getppid())+"/task") == nil
}

// Done gives the environment back as it was; main calls it first.
func Done() {
	if shown {
		_ = os.Unsetenv(variable) // fails for no name of ours
	}
}
